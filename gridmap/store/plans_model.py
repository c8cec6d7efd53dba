"""Plans in the record: what each version holds, and which was in force when.

A version is immutable and named by its content. A grid that two versions have in common is one row: publishing carries
it forward. What changes is ``grid.active`` (when it was in force) and the timeline, ``publication``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZMULTIRANGE, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from gridmap.store.base import Base, shape

STATUSES: Final = ("proposed", "approved", "published", "withdrawn")
KINDS: Final = ("publish", "rollback")


class PlanVersion(Base):
    """One version of the plan: proposed by a town, approved by the county, published, or withdrawn."""

    __tablename__ = "plan_version"
    __table_args__ = (CheckConstraint(f"status in {STATUSES}", name="status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    note: Mapped[str]
    status: Mapped[str]
    layout: Mapped[str]
    srid: Mapped[int]
    plan_metadata: Mapped[dict[str, Any]] = mapped_column(JSONB)
    extent: Mapped[Any] = shape("GEOMETRY")
    """All its land, holes filled: beyond it, a point is outside."""
    base_version: Mapped[str | None]
    """What was in force when it was proposed: its differences are to this one."""
    town: Mapped[str | None]
    """Code of the coarsest grid it is limited to; a proposal of the county has none."""
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]


class Level(Base):
    """A level of a version, the coarsest first."""

    __tablename__ = "level"

    plan_id: Mapped[int] = mapped_column(ForeignKey(PlanVersion.id, ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    tiles: Mapped[bool]
    digits: Mapped[int]


class Grid(Base):
    """A grid as versions hold it: same content, same row."""

    __tablename__ = "grid"
    __table_args__ = (
        UniqueConstraint("level", "code", "digest"),
        ExcludeConstraint(("level", "="), ("code", "="), ("active", "&&"), name="one_code_at_a_time", using="gist"),
        Index("ix_grid_geometry", "geometry", postgresql_using="gist"),
        Index("ix_grid_parent", "level", "parent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    level: Mapped[str]
    code: Mapped[str]
    digest: Mapped[bytes]
    name: Mapped[str | None]
    parent: Mapped[str | None]
    kind: Mapped[str | None]
    area_m2: Mapped[float | None]
    households: Mapped[float | None]
    residents: Mapped[float | None]
    land_use: Mapped[str | None]
    grade: Mapped[str | None]
    responsible_body: Mapped[str | None]
    line_department: Mapped[str | None]
    valid_from: Mapped[datetime | None]
    valid_to: Mapped[datetime | None]
    geometry: Mapped[Any] = shape("GEOMETRY")
    active: Mapped[Any] = mapped_column(TSTZMULTIRANGE, server_default=text("'{}'"))
    """When it was in force: empty while no version that holds it has been."""


class PlanGrid(Base):
    """Which grids a version holds."""

    __tablename__ = "plan_grid"

    plan_id: Mapped[int] = mapped_column(ForeignKey(PlanVersion.id, ondelete="CASCADE"), primary_key=True)
    grid_id: Mapped[int] = mapped_column(ForeignKey(Grid.id), primary_key=True, index=True)


class Lineage(Base):
    """What became of retired codes, as a version records it, in its order."""

    __tablename__ = "lineage"

    plan_id: Mapped[int] = mapped_column(ForeignKey(PlanVersion.id, ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    level: Mapped[str | None]
    old: Mapped[str | None] = mapped_column(index=True)
    new: Mapped[str | None]
    date: Mapped[datetime | None]
    share_area: Mapped[float | None]
    share_households: Mapped[float | None]
    document: Mapped[str | None]
    derived: Mapped[bool] = mapped_column(server_default=text("false"))
    """Not the plan's own record: found when it was published, by comparing it with what it replaced."""


class Journal(Base):
    """How planners came to a version: which block went from which grid to which, when, by whom, why."""

    __tablename__ = "journal"

    plan_id: Mapped[int] = mapped_column(ForeignKey(PlanVersion.id, ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    edit: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime | None]
    who: Mapped[str | None]
    why: Mapped[str | None]
    action: Mapped[str | None]
    block: Mapped[int | None] = mapped_column(BigInteger)
    level: Mapped[str | None]
    old: Mapped[str | None]
    new: Mapped[str | None]


class PlanArtefact(Base):
    """What else belongs to a version and is only ever read whole: its blocks, former blocks and grids, as Parquet."""

    __tablename__ = "plan_artefact"

    plan_id: Mapped[int] = mapped_column(ForeignKey(PlanVersion.id, ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[bytes]


class Publication(Base):
    """The timeline: which version was in force when. Rolling back is publishing an earlier version again."""

    __tablename__ = "publication"
    __table_args__ = (
        ExcludeConstraint(("effective", "&&"), name="one_in_force", using="gist"),
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint("not isempty(effective)", name="some_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey(PlanVersion.id))
    effective: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    kind: Mapped[str]
    published_by: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
