"""What all tables have in common: their schema, their names for constraints, and columns with a history."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import shapely
from geoalchemy2 import Geometry
from sqlalchemy import DateTime, MetaData, Text, func, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.functions import Function

SCHEMA: Final = "gridmap"
PUBLISHED: Final = "published"
"""Schema of the public, read-only views."""
APP_ROLE: Final = "gridmap_app"
"""What the service runs as: subject to row-level security."""
READER_ROLE: Final = "gridmap_reader"
"""What QGIS and the OGC API run as: sees the published views, and nothing else."""
SRID: Final = 4326
"""Geometry is EPSG:4490 in China; the two are taken as equal (design.md, decision 1), and PostGIS always has 4326."""

_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """A table of the record."""

    metadata = MetaData(schema=SCHEMA, naming_convention=_NAMES)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text}  # noqa: RUF012 - SQLAlchemy's own way to say it


class Dated:
    """A row that holds for a while, ``[from, to)``: a change ends it and opens another, so the past stays."""

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE, server_default=text("tstzrange(now(), null)"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[str]


class Shape(Geometry):
    """Geometry as shapely has it, on both sides of the database; coordinates pass bit by bit."""

    as_binary = "ST_AsEWKB"
    cache_ok = True

    def bind_expression(self, bindvalue: Any) -> Any:
        """Return the function that makes bytes a geometry."""
        return Function("ST_GeomFromEWKB", bindvalue, type_=self)

    def bind_processor(self, dialect: Any) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what brings a shape into the database."""
        srid = self.srid

        def bind(shape: shapely.Geometry | None) -> bytes | None:
            if shape is None:
                return None
            flat = shapely.force_2d(shapely.set_srid(shape, srid))
            return bytes(shapely.to_wkb(flat, include_srid=True, byte_order=1))

        return bind

    def result_processor(self, dialect: Any, coltype: Any) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what brings it out again; what comes out bears no SRID, as shapes in tables do."""

        def result(value: bytes | None) -> shapely.Geometry | None:
            return None if value is None else shapely.set_srid(shapely.from_wkb(bytes(value)), 0)

        return result


def once(*columns: str) -> ExcludeConstraint:
    """Return the constraint that no two rows of the same key hold at one time."""
    name = f"one_{'_'.join(columns)}_at_a_time"
    return ExcludeConstraint(*((column, "=") for column in columns), ("period", "&&"), name=name, using="gist")


def shape(kind: str, *, nullable: bool = False) -> Any:
    """Return a column of geometry; its index is written in the migration, or alembic would make it twice."""
    return mapped_column(Shape(kind, srid=SRID, spatial_index=False), nullable=nullable)
