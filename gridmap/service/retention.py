"""How long personal data is kept: names and phones of people who serve no longer, and log-ins that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from gridmap.errors import AccessError, InputError
from gridmap.people.times import told
from gridmap.service.attempts import attempt
from gridmap.service.audit import note
from gridmap.store.engine import COUNTY, bump
from gridmap.store.models import Assignment, Person

BLANK = ""


@dataclass(frozen=True)
class Purged:
    """What was blanked, or would be.

    Parameters
    ----------
    before
        Up to when who has ended is forgotten.
    people
        ``person_id`` of those whose name or phone was blanked in some row, in order.
    rows
        How many rows that were.
    log_ins
        How many failed log-ins were removed from the audit.
    committed
        Whether it was done.
    """

    before: datetime
    people: tuple[str, ...]
    rows: int
    log_ins: int
    committed: bool


def purge(session: Session, before: datetime, *, commit: bool = False) -> Purged:
    """Blank names and phones that nobody has needed since a date, and forget log-ins that failed before it.

    These are of people all of whose assignments had ended by then; of rows that had ended by then, which somebody who
    still serves has outlived (a number of before); and of rows from before then that never came to hold. The rows,
    their ``person_id`` and the assignments stay: who answered for a grid is still known, by number.

    Nothing else ever leaves the audit than log-ins that failed before the date: whoever guesses passwords can write any
    number of them. Those of the last two days stay, for they lock the name.

    Parameters
    ----------
    session
        An open transaction of the county.
    before
        The date; not in the future.
    commit
        Do it; without, only say what it would do.

    Raises
    ------
    AccessError
        When it is not the county that does.
    InputError
        When the date is in the future or has no time zone.
    """
    if session.info["jurisdiction"] != COUNTY:
        raise AccessError(f"only the county may purge people; {session.info['jurisdiction']} sees only its own")
    if before.tzinfo is None:
        raise InputError("before has no time zone")
    if before > session.scalars(select(func.now())).one():
        raise InputError(f"before {told(before)} is in the future: who serves now would be forgotten")
    with attempt(session, commit=commit):
        blanked = (
            update(Person)
            .where(or_(Person.name != BLANK, Person.phone != BLANK), or_(_outlived(before), _gone(before)))
            .values(name=BLANK, phone=BLANK)
            .returning(Person.person_id)
            .execution_options(synchronize_session=False)
        )
        rows = session.scalars(blanked).all()
        people = tuple(sorted(set(rows)))
        if people:
            # Numbers alone: the audit is kept for ever.
            detail = {"people": list(people), "rows": len(rows)}
            note(session, "people.purge", f"before {before.isoformat()}", detail=detail)
            bump(session)
        log_ins = session.scalars(select(func.gridmap.forget_failed_log_ins(before))).one()
        if log_ins:
            note(session, "log-ins.purge", f"before {before.isoformat()}", detail={"rows": log_ins})
    return Purged(before, people, len(rows), log_ins, commit)


def _outlived(before: datetime) -> ColumnElement[bool]:
    """Whether a row had ended, or was withdrawn before it began (its period is empty)."""
    withdrawn = and_(func.isempty(Person.period), Person.recorded_at < before)
    return or_(func.upper(Person.period) <= before, withdrawn)


def _gone(before: datetime) -> ColumnElement[bool]:
    """Whether a person served, and all assignments had ended; one that never came to hold is none."""
    theirs = and_(Assignment.person_id == Person.person_id, ~func.isempty(Assignment.period))
    lasting = or_(func.upper_inf(Assignment.period), func.upper(Assignment.period) > before)
    return and_(exists().where(theirs), ~exists().where(theirs, lasting))
