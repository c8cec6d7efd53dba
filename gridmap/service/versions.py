"""The versions on record: proposed, approved, in force, past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gridmap.service.timeline import InForce, timeline
from gridmap.store.models import Grid, Level, PlanGrid, PlanVersion, State
from gridmap.store.plans import version_row


@dataclass(frozen=True)
class VersionRecord:
    """What is recorded of a version; ``stays`` is when it was, is or will be in force."""

    version: str
    name: str
    note: str
    status: str
    town: str | None
    base_version: str | None
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    counts: Mapping[str, int]
    stays: tuple[InForce, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        times = {name: _iso(getattr(self, name)) for name in ("proposed_at", "approved_at")}
        stays = [{"kind": each.kind, "since": _iso(each.since), "until": _iso(each.until)} for each in self.stays]
        return vars(self) | times | {"counts": dict(self.counts), "stays": stays}


def versions(session: Session) -> tuple[VersionRecord, ...]:
    """Return every version on record, the newest first."""
    counted: dict[int, dict[str, int]] = {}
    counts = (
        select(Level.plan_id, Level.name, func.count(Grid.id))
        .outerjoin(PlanGrid, PlanGrid.plan_id == Level.plan_id)
        .outerjoin(Grid, (Grid.id == PlanGrid.grid_id) & (Grid.level == Level.name))
        .group_by(Level.plan_id, Level.position, Level.name)
        .order_by(Level.plan_id, Level.position)
    )
    for plan_id, level, number in session.execute(counts):
        counted.setdefault(plan_id, {})[level] = number
    stays = timeline(session)
    return tuple(
        VersionRecord(
            row.version, row.name, row.note, row.status, row.town, row.base_version, row.proposed_by, row.proposed_at,
            row.approved_by, row.approved_at, counted.get(row.id, {}),
            tuple(each for each in stays if each.version == row.version),
        )
        for row in session.scalars(select(PlanVersion).order_by(PlanVersion.id.desc()))
    )  # fmt: skip


def settled_status(session: Session, version: str) -> str:
    """Return the status of a version: whoever would change it waits until the transaction ends.

    Raises
    ------
    UnknownNameError
        When there is no such version.
    """
    session.get(State, 1, with_for_update=True)
    return version_row(session, version).status


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
