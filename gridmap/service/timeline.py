"""Which version was in force when, and which grids it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gridmap.errors import UnknownNameError
from gridmap.people.times import told
from gridmap.store.models import Grid, Level, PlanGrid, PlanVersion, Publication


@dataclass(frozen=True)
class InForce:
    """A version and the time it is, was or will be in force, ``[since, until)``; ``None`` is open."""

    version: str
    name: str
    note: str
    kind: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class GridsInForce:
    """The grids of the version in force at a time.

    Parameters
    ----------
    version
        The version.
    town_of
        Code of every grid of any level → code of the coarsest grid above it, itself for one of those.
    level_of
        Code → level; of several levels with the same code (imported plans) the coarsest.
    """

    version: str
    town_of: Mapping[str, str]
    level_of: Mapping[str, str]


def timeline(session: Session) -> tuple[InForce, ...]:
    """Return what was published, in the order of time."""
    rows = session.execute(
        select(
            PlanVersion.version, PlanVersion.name, PlanVersion.note, Publication.kind,
            func.lower(Publication.effective), func.upper(Publication.effective),
        ).join(PlanVersion, PlanVersion.id == Publication.plan_id).order_by(func.lower(Publication.effective))
    )  # fmt: skip
    return tuple(InForce(*row) for row in rows)


def version_in_force(session: Session, at: datetime) -> str | None:
    """Return the version in force at a time, ``None`` where there was none."""
    found = select(PlanVersion.version).join(Publication, Publication.plan_id == PlanVersion.id)
    version: str | None = session.scalar(found.where(Publication.effective.contains(at)))
    return version


def grids_in_force(session: Session, at: datetime) -> GridsInForce:
    """Return the grids of the version in force at a time.

    Raises
    ------
    UnknownNameError
        When none was.
    """
    version = version_in_force(session, at)
    if version is None:
        raise UnknownNameError(f"no plan is in force at {told(at)}; publish one first: `gridmap plans publish`")
    return grids_of(session, version)


def grids_of(session: Session, version: str) -> GridsInForce:
    """Return the grids of a version."""
    rows = session.execute(
        select(Level.position, Grid.level, Grid.code, Grid.parent)
        .join(PlanGrid, PlanGrid.grid_id == Grid.id)
        .join(PlanVersion, PlanVersion.id == PlanGrid.plan_id)
        .join(Level, (Level.plan_id == PlanVersion.id) & (Level.name == Grid.level))
        .where(PlanVersion.version == version)
        .order_by(Level.position, Grid.code)
    ).all()
    towns: dict[tuple[int, str], str] = {}
    town_of: dict[str, str] = {}
    level_of: dict[str, str] = {}
    for place, level, code, parent in rows:
        town = towns.get((place - 1, parent), code) if parent is not None else code
        towns[place, code] = town
        town_of.setdefault(code, town)
        level_of.setdefault(code, level)
    return GridsInForce(version, MappingProxyType(town_of), MappingProxyType(level_of))
