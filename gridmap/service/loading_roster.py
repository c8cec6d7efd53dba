"""Loading the roster: people, and their places in grids with the duties they hold."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from gridmap.people.io import ParsedRoster
from gridmap.people.masking import mask_name, mask_phone
from gridmap.people.sheets import HEADER_ROWS
from gridmap.service.loading_history import Faulty, Held, Stated, Steps, Terms, continued
from gridmap.service.loading_report import CHANGED, REFUSED, UNCHANGED, LoadReport, LoadRow, report_of
from gridmap.service.loading_run import (
    Clock,
    LoadOptions,
    close,
    county_wide,
    grid_fault,
    held,
    held_row,
    holds_since,
    open_rows,
    own_town,
    row_of,
    run,
    times_of,
    write,
)
from gridmap.service.timeline import GridsInForce, grids_in_force
from gridmap.store.models import Assignment, Duty, Person

_KEYS: Final = ("person_id", "grid", "role")
_VALUES: Final = ("full_time", "is_primary", "duties")
_PERSON: Final = ("name", "phone")
_DUTY: Final = re.compile(r"\*|[A-Z][0-9]{2,6}")
_NEVER: Final = 9999
"""The year in which lists end what has no end."""

Faults = dict[int, str]
"""Row → why it cannot be used."""


class _Line(NamedTuple):
    """A row of the file: an assignment, and whose."""

    stated: Stated
    name: str
    phone: str

    @property
    def person_id(self) -> str:
        return str(self.stated.key[0])

    @property
    def grid(self) -> str:
        return str(self.stated.key[1])


@dataclass(frozen=True)
class _Record:
    """What is on record: assignments, the town of each, people, and who of them serves another town than one's own."""

    assignments: list[Held]
    town_of: Mapping[int, str | None]
    people: list[Held]
    elsewhere: Collection[str]


def load_roster(session: Session, parsed: ParsedRoster, options: LoadOptions | None = None) -> LoadReport:
    """Load a roster: from a date on the record says what the file says.

    Parameters
    ----------
    session
        An open transaction; a town's may load people of that town alone.
    parsed
        From :func:`gridmap.people.io.parse_roster`. Where rows state when they begin and end, they do, but for what
        lies before the date: the past is not rewritten.
    options
        How. Assignments that the file no longer has end, in the towns that it covers.

    Raises
    ------
    UnknownNameError
        When no plan is in force at the date: there is nothing to check the grids against.
    """
    asked = options or LoadOptions()
    return run(session, asked, lambda clock: _load(session, parsed, asked, clock))


def _load(session: Session, parsed: ParsedRoster, options: LoadOptions, clock: Clock) -> LoadReport:
    grids = grids_in_force(session, clock.effective)
    lines = [_line(row) for row in parsed.table.itertuples()]
    record = _on_record(session, clock.effective)
    faults = _faults(lines, parsed, grids, own_town(session))
    _add_people_faults(lines, record, faults, clock)
    steps = _continue(lines, faults, record, options, grids, clock)
    about = continued(record.people, _people(lines, steps, clock), [], _person_terms(clock))
    close(session, Assignment, steps, clock)
    _open(session, steps, grids)
    with county_wide(session):  # no town writes people by itself; these are nobody else's, or as they were
        write(session, Person, ("person_id", *_PERSON), about, clock)
    return report_of("roster", clock.effective, _told(lines, steps, about))


def _line(row: Any) -> _Line:
    duties = tuple(dict.fromkeys(row.duties))
    begin, end = (
        None if pd.isna(at) or at.year >= _NEVER else at.to_pydatetime() for at in (row.valid_from, row.valid_to)
    )
    key = (row.person_id, row.grid, row.role)
    stated = Stated(row.Index + HEADER_ROWS, key, (bool(row.full_time), bool(row.primary), duties), begin, end)
    return _Line(stated, row.name, row.phone)


def _on_record(session: Session, since: datetime) -> _Record:
    codes = func.array_agg(aggregate_order_by(Duty.code, Duty.position))
    duties = select(codes).where(Duty.assignment_id == Assignment.id).scalar_subquery()
    columns = (Assignment.person_id, Assignment.grid, Assignment.role, Assignment.full_time, Assignment.is_primary)
    query = select(Assignment.id, *times_of(Assignment), *columns, duties, Assignment.town)
    assignments, town_of = [], {}
    for *row, codes_held, town in session.execute(query.where(*holds_since(Assignment, since))):
        assignments.append(held_row([*row, tuple(codes_held or ())], len(_KEYS)))
        town_of[row[0]] = town
    with county_wide(session):  # somebody who comes from another town has been called something there
        people = held(session, Person, ("person_id",), _PERSON, since)
        elsewhere = _elsewhere(session, since)
    return _Record(assignments, town_of, people, elsewhere)


def _elsewhere(session: Session, since: datetime) -> set[str]:
    """Return who serves another town than one's own at a date or after it; to the county no town is another."""
    own = own_town(session)
    if own is None:
        return set()
    theirs = select(Assignment.person_id).where(Assignment.town.is_distinct_from(own))
    return set(session.scalars(theirs.where(*holds_since(Assignment, since)).distinct()))


def _faults(lines: Sequence[_Line], parsed: ParsedRoster, grids: GridsInForce, own: str | None) -> Faults:
    """Return why rows cannot be used, from what they say by themselves."""
    faults = {at + HEADER_ROWS: reason for at, reason in parsed.faults.reasons.items()}
    for line in lines:
        reason = grid_fault(line.grid, grids, own) or _duty_fault(line.stated.values[-1])
        if reason:
            faults.setdefault(line.stated.row, reason)
    for at, begin in parsed.table["valid_from"].items():
        if begin.year >= _NEVER:
            faults.setdefault(int(at) + HEADER_ROWS, f"valid_from is in the year {begin.year}, which is never")
    return faults


def _duty_fault(duties: Sequence[str]) -> str:
    strange = [code for code in duties if not _DUTY.fullmatch(code)]
    return f"duty {strange[0]!r} is no code; write for example P0203, E0203, S01, or * for all" if strange else ""


def _add_people_faults(lines: Sequence[_Line], record: _Record, faults: Faults, clock: Clock) -> None:
    """Refuse rows whose person is called two things, is the county's to load, or was written down since the date."""
    of_person: dict[str, list[_Line]] = defaultdict(list)
    for line in lines:
        if line.stated.row not in faults:
            of_person[line.person_id].append(line)
    for person_id, own in of_person.items():
        other = next((line for line in own if (line.name, line.phone) != (own[0].name, own[0].phone)), None)
        if other is not None:
            rows = f"rows {own[0].stated.row} and {other.stated.row}"
            _refuse(own, f"{rows} call {person_id} by two names or phones; a person has one of each", faults)
        elif person_id in record.elsewhere:
            _refuse(own, _shared_fault(own[0], record), faults)
    good = [_person(own[0]) for own in of_person.values() if own[0].stated.row not in faults]
    for row in continued(record.people, good, [], _person_terms(clock)).told:
        if row.outcome == REFUSED:
            _refuse(of_person[row.key], row.reason, faults)


def _shared_fault(line: _Line, record: _Record) -> str:
    """Return why a town cannot load somebody who serves another; empty for one of both who is called as on record."""
    person_id = line.person_id
    if all(one.key[0] != person_id for one in record.assignments):
        return f"{person_id} is somebody of another town; who is to work in both is the county's to load"
    said = {one.values for one in record.people if one.key[0] == person_id}
    if said != {(line.name, line.phone)}:
        return f"{person_id} works in another town too; name and phone of who works in both are the county's to change"
    return ""


def _refuse(lines: Iterable[_Line], reason: str, faults: Faults) -> None:
    for line in lines if reason else ():
        faults.setdefault(line.stated.row, reason)


def _person(line: _Line) -> Stated:
    return Stated(line.stated.row, (line.person_id,), (line.name, line.phone))


def _person_terms(clock: Clock) -> Terms:
    """Return the terms of people: nobody is forgotten because a file does not have them."""
    shown = {"name": mask_name, "phone": mask_phone}
    return Terms("person", _PERSON, clock.effective, clock.now, ends=lambda _one: False, shown=shown)


def _continue(
    lines: Sequence[_Line], faults: Faults, record: _Record, options: LoadOptions, grids: GridsInForce, clock: Clock
) -> Steps:
    covered = {grids.town_of[line.grid] for line in lines if line.grid in grids.town_of}
    # A row that cannot be used may be of any of the person's places: none of them ends for want of it.
    unsure = {line.person_id for line in lines if line.stated.row in faults}

    def ends(one: Held) -> bool:
        return not options.keep and record.town_of[one.id] in covered and one.key[0] not in unsure

    good = [line.stated for line in lines if line.stated.row not in faults]
    faulty = [
        Faulty(line.stated.row, line.stated.key, faults[line.stated.row]) for line in lines if line.stated.row in faults
    ]
    terms = Terms("assignment", _VALUES, clock.effective, clock.now, ends=ends)
    return continued(record.assignments, good, faulty, terms)


def _people(lines: Sequence[_Line], steps: Steps, clock: Clock) -> list[Stated]:
    """Return the people of rows that are used and not over; a person without a place is not written down."""
    refused = {row.row for row in steps.told if row.outcome == REFUSED}
    people: dict[str, Stated] = {}
    for line in lines:
        over = line.stated.end is not None and line.stated.end <= clock.effective
        if not over and line.stated.row not in refused:
            people.setdefault(line.person_id, _person(line))
    return list(people.values())


def _open(session: Session, steps: Steps, grids: GridsInForce) -> None:
    """Write the assignments that begin, with their duties and towns."""
    rows = []
    for line in steps.open:
        row = row_of(session, line, (*_KEYS, *_VALUES))
        del row["duties"]
        rows.append(row | {"town": grids.town_of[row["grid"]]})
    if not rows:
        return
    made = insert(Assignment).returning(Assignment.id, sort_by_parameter_order=True)
    numbers = session.scalars(made, rows).all()
    duties = [
        {"assignment_id": number, "code": code, "position": place}
        for number, line in zip(numbers, steps.open, strict=True)
        for place, code in enumerate(line.values[-1])
    ]
    open_rows(session, Duty, duties)


def _told(lines: Sequence[_Line], steps: Steps, about: Steps) -> list[LoadRow]:
    """Return what becomes of each row: of the assignment, and of its person."""
    person_of = {line.stated.row: line.person_id for line in lines}
    renamed = {row.key: row.changes for row in about.told if row.outcome == CHANGED}
    told = []
    for row in steps.told:
        changes = renamed.get(person_of.get(row.row or 0, ""), ())
        if changes and row.outcome != REFUSED and not row.reason:
            outcome = CHANGED if row.outcome == UNCHANGED else row.outcome
            told.append(row._replace(outcome=outcome, changes=(*changes, *row.changes)))
        else:
            told.append(row)
    return told
