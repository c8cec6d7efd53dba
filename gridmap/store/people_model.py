"""People, organisations, stations, circles and departments in the record: every row holds for a while."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridmap.store.base import Base, Dated, once, shape


class Person(Dated, Base):
    """Name and phone of a person, as they were for a while."""

    __tablename__ = "person"
    __table_args__ = (once("person_id"),)

    person_id: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str]


class Assignment(Dated, Base):
    """A person's place in a grid. ``person_id`` names the person of :class:`Person`."""

    __tablename__ = "assignment"
    __table_args__ = (once("person_id", "grid", "role"), Index("ix_assignment_grid", "grid"))

    person_id: Mapped[str]
    grid: Mapped[str]
    town: Mapped[str | None]
    """Code of the coarsest grid above: who may see the row (row-level security)."""
    role: Mapped[str]
    full_time: Mapped[bool]
    is_primary: Mapped[bool]
    duties: Mapped[list[Duty]] = relationship(
        back_populates="assignment", cascade="all, delete-orphan", order_by="Duty.position", lazy="selectin"
    )


class Duty(Base):
    """A case type that an assignment answers for: ``P0203``, ``E0203``, ``S01``, ``*`` for all."""

    __tablename__ = "duty"

    assignment_id: Mapped[int] = mapped_column(ForeignKey(Assignment.id, ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    assignment: Mapped[Assignment] = relationship(back_populates="duties")


class Organisation(Dated, Base):
    """A committee, branch or group of the chain, or a unit that reports to a community (domain.md, "Organisations")."""

    __tablename__ = "organisation"
    __table_args__ = (once("org_id"), Index("ix_organisation_grid", "grid"))

    org_id: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[str | None]
    grid: Mapped[str | None]
    town: Mapped[str | None]
    reports_to: Mapped[str | None]
    """Of a unit: the organisation of the community that it reports to (双报到)."""
    offers: Mapped[str | None]
    households: Mapped[float | None]
    """Of an estate."""


class Station(Dated, Base):
    """A service centre (党群服务中心)."""

    __tablename__ = "station"
    __table_args__ = (once("station_id"), Index("ix_station_geometry", "geometry", postgresql_using="gist"))

    station_id: Mapped[str]
    name: Mapped[str | None]
    kind: Mapped[str | None]
    capacity: Mapped[float | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    geometry: Mapped[Any] = shape("POINT")


class Circle(Dated, Base):
    """A walking service circle, as it was computed."""

    __tablename__ = "circle"
    __table_args__ = (
        once("station_id", "minutes"),
        Index("ix_circle_geometry", "geometry", postgresql_using="gist"),
    )

    station_id: Mapped[str]
    minutes: Mapped[float]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    area_m2: Mapped[float | None]
    speed_m_s: Mapped[float]
    geometry: Mapped[Any] = shape("GEOMETRY", nullable=True)


class CoverageArea(Dated, Base):
    """How many households of an area reach a station on foot."""

    __tablename__ = "coverage_area"
    __table_args__ = (once("area", "minutes"), CheckConstraint("covered <= total * 1.000001", name="share"))

    area: Mapped[str]
    minutes: Mapped[float]
    total: Mapped[float]
    covered: Mapped[float]


class Department(Dated, Base):
    """A department whose own grids are mapped onto the integrated ones."""

    __tablename__ = "department"
    __table_args__ = (once("name"),)

    name: Mapped[str]


class DepartmentGrid(Dated, Base):
    """A department's own grid: a source that is only read."""

    __tablename__ = "department_grid"
    __table_args__ = (
        once("department", "code"),
        Index("ix_department_grid_geometry", "geometry", postgresql_using="gist"),
    )

    department: Mapped[str]
    code: Mapped[str]
    name: Mapped[str | None]
    geometry: Mapped[Any] = shape("GEOMETRY")


class DepartmentMapping(Base):
    """What a department's grid is to a grid of a version: the rows of :func:`gridmap.integrate`."""

    __tablename__ = "department_mapping"

    plan_id: Mapped[int] = mapped_column(ForeignKey("gridmap.plan_version.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[dict[str, Any]] = mapped_column(JSONB)
