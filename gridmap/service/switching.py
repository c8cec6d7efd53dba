"""Putting one version of the plan in the place of another: what a publication changes in the tables, step by step."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import pandas as pd
from sqlalchemy import Delete, Update, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Session

from gridmap.errors import ConflictError
from gridmap.grids.lineage import unsaid
from gridmap.service.timeline import grids_of
from gridmap.store.models import Assignment, Grid, Lineage, Organisation, PlanGrid, PlanVersion, Publication
from gridmap.store.plans import version_row

_GRAIN: Final = timedelta(milliseconds=1)
"""What a lineage can hold of a time."""


def switch(session: Session, row: PlanVersion, base: str | None, begins: datetime, kind: str) -> None:
    """Close what ends, then open what begins: the constraints look at every step."""
    ours = select(PlanGrid.grid_id).where(PlanGrid.plan_id == row.id)
    ahead = func.tstzmultirange(func.tstzrange(begins, None))
    if base is not None:
        theirs = select(PlanGrid.grid_id).where(PlanGrid.plan_id == version_row(session, base).id)
        ending = update(Grid).where(Grid.id.in_(theirs), Grid.id.not_in(ours))
        _run(session, ending.values(active=Grid.active - ahead))
        open_ended = update(Publication).where(Publication.effective.contains(begins))
        until = func.tstzrange(func.lower(Publication.effective), begins, type_=TSTZRANGE)
        _run(session, open_ended.values(effective=until))
    beginning = update(Grid).where(Grid.id.in_(ours), ~Grid.active.contains(literal(begins)))
    _run(session, beginning.values(active=Grid.active + ahead))
    effective: Range[datetime] = Range(begins, None)
    session.add(Publication(plan_id=row.id, effective=effective, kind=kind, published_by=session.info["actor"]))
    session.flush()


def unpublish(session: Session, row: PlanVersion, now: datetime) -> bool:
    """Take off the timeline what has not begun; return whether the version was in force before.

    Raises
    ------
    ConflictError
        When there is nothing that has not begun.
    """
    mine = session.scalars(select(Publication).where(Publication.plan_id == row.id)).all()
    ahead = {each.id: each.effective.lower for each in mine if each.effective.lower and each.effective.lower > now}
    if not ahead:
        raise ConflictError(f"version {row.version} is or was in force; go back with rollback")
    for number, begins in ahead.items():
        later = func.tstzmultirange(func.tstzrange(begins, None))
        ours = select(PlanGrid.grid_id).where(PlanGrid.plan_id == row.id)
        _run(session, update(Grid).where(Grid.id.in_(ours)).values(active=Grid.active - later))
        of_then = Lineage.date.between(begins - _GRAIN, begins)
        _run(session, delete(Lineage).where(Lineage.plan_id == row.id, Lineage.derived, of_then))
        _run(session, delete(Publication).where(Publication.id == number))
        before = session.scalar(select(Publication).where(func.upper(Publication.effective) == begins))
        if before is not None:
            before.effective = Range(before.effective.lower, None)
            session.flush()
            theirs = select(PlanGrid.grid_id).where(PlanGrid.plan_id == before.plan_id)
            _run(session, update(Grid).where(Grid.id.in_(theirs)).values(active=Grid.active + later))
    return len(ahead) < len(mine)


def write_lineage(session: Session, row: PlanVersion, lineage: pd.DataFrame) -> None:
    """Write what became of codes that end, where the plan itself does not say it."""
    said = session.execute(select(Lineage.level, Lineage.old).where(Lineage.plan_id == row.id)).all()
    new = unsaid(lineage, [(level, old) for level, old in said])
    last = session.scalar(select(func.max(Lineage.position)).where(Lineage.plan_id == row.id))
    first = 0 if last is None else last + 1
    rows = [
        {"plan_id": row.id, "position": first + place, "derived": True}
        | {str(name): None if pd.isna(value) else value for name, value in each.items()}
        for place, each in enumerate(new.to_dict("records"))
    ]
    if rows:
        session.execute(insert(Lineage), rows)


def settle_towns(session: Session, version: str, now: datetime) -> None:
    """Let people and organisations be seen by the town that has their grid in a version; done twice it does nothing.

    What is to begin is settled when it has begun: publishing does it for what begins at once, whoever serves or loads
    for what was scheduled.
    """
    towns = grids_of(session, version).town_of
    for table in (Assignment, Organisation):
        lasting = or_(func.upper_inf(table.period), func.upper(table.period) > now)
        held = session.execute(select(table.grid, table.town).where(lasting, table.grid.is_not(None)).distinct())
        for grid, town in held.all():
            over = towns.get(str(grid))
            if over is not None and over != town:
                _run(session, update(table).where(table.grid == grid, lasting).values(town=over))


def _run(session: Session, statement: Update | Delete) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
