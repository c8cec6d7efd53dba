"""People, stations, circles and coverage read back from the record, each with the time it holds.

These are read whenever the record changes, by every worker: one statement each, and no row becomes an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import geopandas as gpd
import pandas as pd
from sqlalchemy import DateTime, Select, func, select
from sqlalchemy.dialects.postgresql import TSTZRANGE, aggregate_order_by
from sqlalchemy.orm import Session

from gridmap.people.roster import ROSTER_COLUMNS, Roster
from gridmap.people.times import ZONE
from gridmap.store.models import Assignment, Circle, CoverageArea, Duty, Person, Station

CRS: Final = "EPSG:4490"
STATION_COLUMNS: Final = ("station", "name", "kind", "capacity", "outcome", "reason", "valid_from", "valid_to")
CIRCLE_COLUMNS: Final = (
    "station", "minutes", "outcome", "reason", "area_m2", "speed_m_s", "valid_from", "valid_to",
)  # fmt: skip
COVERAGE_COLUMNS: Final = ("area", "minutes", "total", "covered", "valid_from", "valid_to")
_TIME: Final = DateTime(timezone=True)


def read_roster(session: Session) -> Roster:
    """Return the roster with all its history: who held which duty where, and what they were called at the time.

    Parameters
    ----------
    session
        An open transaction; a town's sees its own people.
    """
    both = Assignment.period.op("*", return_type=TSTZRANGE())(Person.period)
    codes = func.array_agg(aggregate_order_by(Duty.code, Duty.position)).label("codes")
    duties = select(Duty.assignment_id, codes).group_by(Duty.assignment_id).subquery()
    query = (
        select(
            Assignment.person_id, Person.name, Person.phone, Assignment.role, Assignment.full_time, Assignment.grid,
            duties.c.codes, Assignment.is_primary, func.lower(both, type_=_TIME), func.upper(both, type_=_TIME),
        )
        .join(Person, (Person.person_id == Assignment.person_id) & Person.period.overlaps(Assignment.period))
        .outerjoin(duties, duties.c.assignment_id == Assignment.id)
        .order_by(Assignment.id, func.lower(both))
    )  # fmt: skip
    table = _table(session, query, ROSTER_COLUMNS)
    table["duties"] = pd.Series([tuple(each or ()) for each in table["duties"]], dtype=object)
    texts = {name: "str" for name in ("person_id", "name", "phone", "role", "grid")}
    return Roster(table.astype(texts | {"full_time": "bool", "primary": "bool"}))


def read_stations(session: Session) -> gpd.GeoDataFrame:
    """Return the stations with all their history."""
    said = (Station.attributes["outcome"].astext, Station.attributes["reason"].astext)
    columns = (Station.station_id, Station.name, Station.kind, Station.capacity, *said)
    return _layer(session, Station, columns, STATION_COLUMNS)


def read_circles(session: Session) -> gpd.GeoDataFrame:
    """Return the service circles with all their history; without a shape where a station has no circle."""
    columns = (
        Circle.station_id, Circle.minutes, Circle.outcome, Circle.reason, Circle.area_m2, Circle.speed_m_s,
    )  # fmt: skip
    return _layer(session, Circle, columns, CIRCLE_COLUMNS)


def read_coverage(session: Session) -> pd.DataFrame:
    """Return how many households of each area were within reach, with all the history."""
    columns = (CoverageArea.area, CoverageArea.minutes, CoverageArea.total, CoverageArea.covered)
    return _typed(_table(session, _dated(CoverageArea, columns), COVERAGE_COLUMNS))


def _layer(session: Session, model: Any, columns: Sequence[Any], names: Sequence[str]) -> gpd.GeoDataFrame:
    table = _table(session, _dated(model, columns, model.geometry), (*names, "geometry"))
    shapes = table.pop("geometry")
    return gpd.GeoDataFrame(_typed(table), geometry=gpd.GeoSeries(shapes, crs=CRS))


def _dated(model: Any, columns: Sequence[Any], *more: Any) -> Select[Any]:
    """Return the rows of a table that ever held, with the time they do."""
    begin, end = (side(model.period, type_=_TIME) for side in (func.lower, func.upper))
    return select(*columns, begin, end, *more).where(~func.isempty(model.period)).order_by(model.id)


def _table(session: Session, query: Select[Any], names: Sequence[str]) -> pd.DataFrame:
    rows = session.execute(query).all()
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    table = pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in zip(names, columns, strict=True)})
    for name in ("valid_from", "valid_to"):
        times = pd.to_datetime(table[name], utc=True).astype("datetime64[us, UTC]")
        table[name] = times.dt.tz_convert(ZONE)
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns are text and numbers, missing where the record says nothing."""
    numbers = {"minutes", "area_m2", "speed_m_s", "capacity", "total", "covered"}
    kinds = {name: "float64" if name in numbers else "str" for name in table.columns[:-2]}
    return table.astype(kinds)
