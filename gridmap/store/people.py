"""People, stations, circles and coverage read back from the record, each with the time it holds.

These are read whenever the record changes, by every worker: a statement a table, and no row becomes an object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import geopandas as gpd
import pandas as pd
from sqlalchemy import DateTime, Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from gridmap.circles.columns import CIRCLE_COLUMNS, COVERAGE_COLUMNS, STATION_COLUMNS
from gridmap.geo.crs import STORAGE_CRS
from gridmap.people.roster import ROSTER_COLUMNS, Roster
from gridmap.people.times import ZONE
from gridmap.store.models import Assignment, Circle, CoverageArea, Duty, Person, Station

_TIME: Final = DateTime(timezone=True)
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)


def read_roster(session: Session) -> Roster:
    """Return the roster with all its history: who held which duty where, and what they were called at the time.

    Parameters
    ----------
    session
        An open transaction; a town's sees its own people.
    """
    codes = func.array_agg(aggregate_order_by(Duty.code, Duty.position)).label("codes")
    duties = select(Duty.assignment_id, codes).group_by(Duty.assignment_id).subquery()
    columns = (
        Assignment.person_id, Assignment.role, Assignment.full_time, Assignment.grid, duties.c.codes,
        Assignment.is_primary,
    )  # fmt: skip
    held = _dated(Assignment, columns).outerjoin(duties, duties.c.assignment_id == Assignment.id)
    called = _called(session)
    # Two tables of thousands of rows meet here sooner than in the database, which looks each person up in an index.
    rows = [
        (
            person,
            name,
            phone,
            role,
            full_time,
            grid,
            tuple(codes_held or ()),
            primary,
            max(since, begin),
            _sooner(until, end),
        )
        for person, role, full_time, grid, codes_held, primary, begin, end in session.execute(held)
        for name, phone, since, until in called.get(person, ())
        if (until is None or begin < until) and (end is None or since < end)
    ]
    table = _table(rows, ROSTER_COLUMNS)
    texts = dict.fromkeys(("person_id", "name", "phone", "role", "grid"), "str")
    return Roster(table.astype(texts | {"full_time": "bool", "primary": "bool"}))


def _called(session: Session) -> dict[str, list[tuple[str, str, datetime, datetime | None]]]:
    """Return what people were called, and from when to when."""
    found: dict[str, list[tuple[str, str, datetime, datetime | None]]] = defaultdict(list)
    for person, name, phone, since, until in session.execute(
        _dated(Person, (Person.person_id, Person.name, Person.phone))
    ):
        found[person].append((name, phone, since, until))
    return found


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return one if other is None else other if one is None else min(one, other)


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
    return _typed(_table(session.execute(_dated(CoverageArea, columns)), COVERAGE_COLUMNS))


def _layer(session: Session, model: Any, columns: Sequence[Any], names: Sequence[str]) -> gpd.GeoDataFrame:
    table = _table(session.execute(_dated(model, columns, model.geometry)), (*names, "geometry"))
    shapes = table.pop("geometry")
    return gpd.GeoDataFrame(_typed(table), geometry=gpd.GeoSeries(shapes, crs=STORAGE_CRS))


def _dated(model: Any, columns: Sequence[Any], *more: Any) -> Select[Any]:
    """Return the rows of a table that ever held, with the time they do."""
    begin = func.coalesce(func.lower(model.period, type_=_TIME), _EVER)
    end = func.upper(model.period, type_=_TIME)
    return select(*columns, begin, end, *more).where(~func.isempty(model.period)).order_by(model.id)


def _table(rows: Iterable[Sequence[Any]], names: Sequence[str]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
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
