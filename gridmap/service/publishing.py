"""Publishing plans: a town proposes, the county approves and publishes, and what was in force stays on record.

Committing is one transaction: what the version leaves out is closed, what it has is opened or carried forward, the
lineage of codes that end is written, people learn their towns, and the timeline gets its entry. Two who publish at
once go one after the other, and the second is told that what was compared is no longer in force.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gridmap.errors import AccessError, ConflictError, InputError, PlanError, UnknownNameError
from gridmap.grids.plan import Plan
from gridmap.people.times import told
from gridmap.service import audit, switching
from gridmap.service.attempts import attempt
from gridmap.service.review import Review, at_last, review_plan
from gridmap.service.territory import beyond_town
from gridmap.service.timeline import GridsInForce, InForce, grids_in_force, timeline, version_in_force
from gridmap.store.engine import COUNTY, bump
from gridmap.store.models import PlanVersion, Publication
from gridmap.store.plans import add_plan, read_version, version_row

__all__ = [
    "GridsInForce",
    "InForce",
    "Review",
    "approve",
    "grids_in_force",
    "propose",
    "publish",
    "review",
    "rollback",
    "timeline",
    "version_in_force",
    "withdraw",
]

_PATIENCE: Final = timedelta(minutes=5)
"""How far in the past a beginning may lie and still mean now: clocks differ."""


def propose(session: Session, plan: Plan, *, note: str = "", commit: bool = False) -> Review:
    """Put a plan on record as a proposal, compared with what is in force.

    Parameters
    ----------
    session
        An open transaction. A town's may change grids of that town alone.
    plan
        The plan; the same plan proposed again after it was withdrawn is proposed anew.
    note
        Why.
    commit
        Keep it; without, only say what it would be.

    Raises
    ------
    AccessError
        When a town changes what is not its own.
    ConflictError
        When the version is on record already.
    PlanError
        When the plan breaks a rule.
    """
    now = _now(session)
    town = None if session.info["jurisdiction"] == COUNTY else session.info["jurisdiction"]
    with attempt(session, commit=commit):
        base = _in_force(session, now)
        known = session.scalar(select(PlanVersion).where(PlanVersion.version == plan.version))
        if known is not None and known.status != "withdrawn":
            raise ConflictError(f"version {plan.version} is on record already: {known.status}; approve or publish it")
        if known is None:
            known = add_plan(session, plan, note=note, base_version=base.version if base else None, town=town)
        known.status, known.note, known.base_version, known.town = "proposed", note, _version(base), town
        known.proposed_by, known.proposed_at = session.info["actor"], now
        found = review_plan(session, plan, base, now)
        _refuse(found)
        if town is not None:
            _refuse_other_towns(found, plan, base, town)
        audit.note(session, "plans.propose", plan.version, note, detail={"base": _version(base)})
        bump(session)
    return replace(found, committed=commit)


def approve(session: Session, version: str, *, commit: bool = False) -> PlanVersion:
    """Let a proposal be published.

    Raises
    ------
    AccessError
        When it is not the county that does.
    ConflictError
        When it is no proposal.
    UnknownNameError
        When there is no such version.
    """
    _county_only(session, "approve")
    with attempt(session, commit=commit):
        bump(session)  # first, as everybody does: two who wait for each other would wait for ever
        row = _locked(session, version)
        if row.status != "proposed":
            raise ConflictError(f"version {version} is {row.status}; only what is proposed is approved")
        row.status, row.approved_by, row.approved_at = "approved", session.info["actor"], _now(session)
        audit.note(session, "plans.approve", version, row.note)
    return row


def withdraw(session: Session, version: str, *, commit: bool = False) -> PlanVersion:
    """Take back a proposal, or a publication that has not begun.

    Raises
    ------
    AccessError
        When a town takes back what is not its own proposal.
    ConflictError
        When it is, or was, in force.
    """
    with attempt(session, commit=commit):
        bump(session)
        row = _locked(session, version)
        if session.info["jurisdiction"] != COUNTY and (row.town != session.info["jurisdiction"] or row.approved_at):
            raise AccessError(f"version {version} is not a proposal of {session.info['jurisdiction']}")
        if row.status != "published" or not switching.unpublish(session, row, _now(session)):
            row.status, row.approved_by, row.approved_at = "withdrawn", None, None
        audit.note(session, "plans.withdraw", version, "")
    return row


def review(session: Session, version: str, *, effective: datetime | None = None) -> Review:
    """Say what publishing a version would do, without its being approved; nothing is changed."""
    begins = _beginning(session, effective)
    return review_plan(session, read_version(session, version, whole=True), _in_force(session, begins), begins)


def publish(session: Session, version: str, *, effective: datetime | None = None, commit: bool = False) -> Review:
    """Put an approved version in force.

    Parameters
    ----------
    session
        An open transaction of the county.
    version
        The version.
    effective
        When it begins; now by default. Not in the past, unless nothing is on record yet.
    commit
        Do it; without, only say what it would do.

    Raises
    ------
    AccessError
        When it is not the county that does.
    ConflictError
        When the version is not approved, or something else came into force since it was proposed.
    InputError
        When it would begin in the past.
    PlanError
        When it breaks a rule.
    """
    _county_only(session, "publish")
    row = version_row(session, version)
    if row.status == "published":
        raise ConflictError(f"version {version} has been published; to put it in force again: rollback")
    if row.status != "approved":
        raise ConflictError(f"version {version} is {row.status}; the county approves it first")
    return _put_in_force(session, row, "publish", effective, commit)


def rollback(
    session: Session, version: str | None = None, *, effective: datetime | None = None, commit: bool = False
) -> Review:
    """Put a version in force again that was before.

    Parameters
    ----------
    session, effective, commit
        As of :func:`publish`.
    version
        The version; by default the one before what is in force.

    Raises
    ------
    ConflictError
        When it is in force already, or never was.
    UnknownNameError
        When there is nothing to go back to.
    """
    _county_only(session, "roll back")
    past = [each for each in timeline(session) if each.since is None or each.since <= _now(session)]
    if version is None:
        if len(past) < 2:
            raise UnknownNameError("there is nothing to roll back to: no version was in force before this one")
        version = past[-2].version
    if version not in {each.version for each in past}:
        raise ConflictError(f"version {version} was never in force; publish it")
    return _put_in_force(session, version_row(session, version), "rollback", effective, commit)


def _put_in_force(session: Session, row: PlanVersion, kind: str, effective: datetime | None, commit: bool) -> Review:
    begins = _beginning(session, effective)
    base = _in_force(session, begins)
    # Checking and comparing take seconds; nobody waits for them, and what they saw is made sure of under the lock.
    found = review_plan(session, read_version(session, row.version, whole=True), base, begins)
    with attempt(session, commit=commit):
        bump(session)
        session.refresh(row, with_for_update=True)
        now = _now(session)
        if base is not None and begins < now:  # until here the old one has answered
            begins = now
        _refuse_stale(session, row, kind, _version(base), begins)
        _refuse(found)
        found = at_last(session, found, begins)
        switching.switch(session, row, _version(base), begins, kind)
        switching.write_lineage(session, row, found.lineage)
        if begins <= now:
            switching.settle_towns(session, row.version, now)
        row.status = "published"
        audit.note(
            session, f"plans.{kind}", row.version, row.note,
            detail={"base": _version(base), "effective": begins.isoformat()},
        )  # fmt: skip
    return replace(found, committed=commit)


def _refuse_stale(session: Session, row: PlanVersion, kind: str, base: str | None, begins: datetime) -> None:
    """Refuse to put in force what was compared with something else than what it would replace."""
    wanted = "approved" if kind == "publish" else "published"
    if row.status != wanted:
        raise ConflictError(f"version {row.version} is {row.status} by now, no longer {wanted}; look at it again")
    now = version_in_force(session, begins)
    if now != base:
        raise ConflictError(
            f"{now} came into force while {row.version} was compared with {base}: somebody published first; "
            "look at the changes again"
        )
    if row.version == now:
        raise ConflictError(f"version {row.version} is in force already")
    if kind == "publish" and row.base_version != now:
        raise ConflictError(
            f"{row.version} was proposed to follow {row.base_version}, but {now} is in force then: somebody published "
            f"first; make the changes on {now} and propose again"
        )
    later = [
        (each.version, each.since) for each in timeline(session) if each.since is not None and each.since >= begins
    ]
    if later:
        raise ConflictError(
            f"{later[0][0]} begins {told(later[0][1])}, not before this; withdraw it first, or begin later"
        )


def _refuse(found: Review) -> None:
    if found.refusals:
        raise PlanError(
            f"version {found.version} breaks rules: {' | '.join(found.refusals)}; mend it (`gridmap check` lists all)"
        )


def _refuse_other_towns(found: Review, plan: Plan, base: Plan | None, town: str) -> None:
    """Refuse a town's proposal that changes anything of another."""
    if base is None or found.delta is None:
        raise AccessError(f"the first plan is the county's; {town} can propose changes to one that is in force")
    other = beyond_town(found.delta, base, plan, town)
    if other:
        raise AccessError(f"{other}, and {town} proposes; ask the county")


def _county_only(session: Session, what: str) -> None:
    if session.info["jurisdiction"] != COUNTY:
        raise AccessError(f"only the county may {what} a plan; {session.info['jurisdiction']} may propose one")


def _locked(session: Session, version: str) -> PlanVersion:
    row = version_row(session, version)
    session.refresh(row, with_for_update=True)
    return row


def _in_force(session: Session, at: datetime) -> Plan | None:
    version = version_in_force(session, at)
    return None if version is None else read_version(session, version, whole=True)


def _version(plan: Plan | None) -> str | None:
    return None if plan is None else plan.version


def _beginning(session: Session, effective: datetime | None) -> datetime:
    """Return when a version begins."""
    now = _now(session)
    if effective is None:
        return now
    if effective.tzinfo is None:
        raise InputError("effective has no time zone")
    if effective < now and session.scalar(select(func.count()).select_from(Publication)):
        if effective < now - _PATIENCE:
            raise InputError(
                f"effective {told(effective)} is past, and what was in force then was answered from; begin now or later"
            )
        return now
    return effective.astimezone(UTC)


def _now(session: Session) -> datetime:
    """Return the database's time of this moment: one clock for all who publish."""
    now: datetime = session.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
    return now
