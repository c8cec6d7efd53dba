"""Loading stations, the walking circles around them, and how many homes these reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.orm import Session

from gridmap.circles.demand import points_within
from gridmap.geo.crs import STORAGE_CRS, round_vertices
from gridmap.grids.codes import code_text
from gridmap.people.masking import masks_of
from gridmap.people.sheets import text_fault
from gridmap.service.loading_history import Faulty, Stated, Steps, Terms, continued
from gridmap.service.loading_report import LoadFinding, LoadReport, report_of
from gridmap.service.loading_run import Clock, LoadOptions, county_ground, county_only, held, run, spot, write
from gridmap.store.models import Circle, CoverageArea, Station

_DRAWN: Final = ("ok", "clipped")
"""Outcomes of circles that have a shape; the others say why there is none."""
_SLACK: Final = 1.000001
"""Sums of shares are not exact."""


@dataclass(frozen=True)
class _Part:
    """A table of the record that a layer is loaded into."""

    name: str
    model: Any
    keys: tuple[str, ...]
    values: tuple[str, ...]


_STATION: Final = _Part("station", Station, ("station_id",), ("name", "kind", "capacity", "attributes", "geometry"))
_CIRCLE: Final = _Part(
    "circle", Circle, ("station_id", "minutes"), ("outcome", "reason", "area_m2", "speed_m_s", "geometry")
)
_COVERAGE: Final = _Part("coverage", CoverageArea, ("area", "minutes"), ("total", "covered"))


@dataclass(frozen=True, eq=False)
class CircleTables:
    """What ``gridmap circles`` writes, as far as it is loaded.

    Parameters
    ----------
    circles
        ``station, minutes, outcome, reason, area_m2, speed_m_s`` and polygons, missing where there is no circle.
    coverage
        ``area, minutes, total, covered``; ``None`` where nothing was counted: what is on record stays.
    stations, station
        As :func:`load_stations` takes them; ``None`` leaves those on record.
    """

    circles: gpd.GeoDataFrame
    coverage: pd.DataFrame | None = None
    stations: gpd.GeoDataFrame | None = None
    station: str = "station"


def load_stations(
    session: Session, layer: gpd.GeoDataFrame, options: LoadOptions | None = None, *, station: str = "station"
) -> LoadReport:
    """Load stations: from a date on the record says what the layer says.

    Parameters
    ----------
    session
        An open transaction of the county.
    layer
        Points in any CRS; of several entrances or an outline a point stands for it. Beside ``name, kind, capacity``
        all columns are kept as attributes, but for those that name people or say whom to call: anybody may see where
        a station is, and nobody purges it. A finding names each that was left out.
    options
        How. Stations that the layer no longer has end.
    station
        Column that names a station.

    Raises
    ------
    AccessError
        When it is not the county that does.
    """
    county_only(session, "stations")
    asked = options or LoadOptions()

    def work(clock: Clock) -> LoadReport:
        steps = _load_stations(session, layer, asked, station, clock)
        return report_of("stations", clock.effective, steps.told, _left_out(layer, station))

    return run(session, asked, work)


def load_circles(session: Session, tables: CircleTables, options: LoadOptions | None = None) -> LoadReport:
    """Load service circles, and what was counted in them: from a date on the record says what the file says.

    Parameters
    ----------
    session
        An open transaction of the county.
    tables
        What ``gridmap circles`` wrote.
    options
        How. Circles and counts that the file no longer has end.

    Raises
    ------
    AccessError
        When it is not the county that does.
    """
    county_only(session, "circles")
    asked = options or LoadOptions()

    def work(clock: Clock) -> LoadReport:
        told, found = [], []
        if tables.stations is not None:
            found = _left_out(tables.stations, tables.station)
            told += _load_stations(session, tables.stations, asked, tables.station, clock).told
        told += _load_part(session, _CIRCLE, *_circles(session, tables.circles, clock), asked, clock).told
        if tables.coverage is not None:
            told += _load_part(session, _COVERAGE, *_coverage(tables.coverage), asked, clock).told
        return report_of("circles", clock.effective, told, found)

    return run(session, asked, work)


def _load_part(
    session: Session, part: _Part, stated: Sequence[Stated], faults: Mapping[int, str], options: LoadOptions,
    clock: Clock,
) -> Steps:  # fmt: skip
    terms = Terms(
        part.name, part.values, clock.effective, clock.now, ends=lambda _one: not options.keep,
        shown={"geometry": spot},
    )  # fmt: skip
    good = [line for line in stated if line.row not in faults]
    faulty = [Faulty(line.row, line.key, faults[line.row]) for line in stated if line.row in faults]
    on_record = held(session, part.model, part.keys, part.values, clock.effective)
    steps = continued(on_record, good, faulty, terms)
    write(session, part.model, (*part.keys, *part.values), steps, clock)
    return steps


def _personal(layer: gpd.GeoDataFrame, station: str) -> list[str]:
    """Return the columns that name people or say whom to call; ``name`` is the station's own."""
    return list(masks_of(column for column in layer.columns if column not in (station, "name")))


def _left_out(layer: gpd.GeoDataFrame, station: str) -> list[LoadFinding]:
    said = "is not kept: it may name people or say whom to call, and anybody may see stations"
    return [
        LoadFinding(None, "personal_column", column, f"column {column!r} {said}")
        for column in _personal(layer, station)
    ]  # fmt: skip


def _load_stations(
    session: Session, layer: gpd.GeoDataFrame, options: LoadOptions, station: str, clock: Clock
) -> Steps:
    names = [code_text(value) for value in layer[station]]
    shapes, nowhere = _degrees(layer)
    county = county_ground(session, clock.effective)
    points = points_within(shapes)
    away = np.zeros(len(points), dtype=bool) if county is None else ~shapely.covers(county, points)
    faults: dict[int, str] = {}
    stated = []
    table = pd.DataFrame(layer.drop(columns=[layer.geometry.name, *_personal(layer, station)]))
    for row, (name, point, values) in enumerate(zip(names, points, table.to_dict("records"), strict=True)):
        if not name:
            faults[row] = f"{station} is empty; every station needs its own"
        elif text_fault(station, name):
            faults[row] = text_fault(station, name)
        elif nowhere[row] or point is None:
            faults[row] = "it has no place: its geometry is missing, empty or no number"
        elif away[row]:
            faults[row] = f"it lies outside the county, at {spot(point)}"
        elif not _is_number(values.get("capacity")):
            faults[row] = f"capacity is {values['capacity']!r}; write a number"
        stated.append(Stated(row, (name,), (*_station_values(values, station), point)))
    return _load_part(session, _STATION, stated, faults, options, clock)


def _station_values(values: dict[Any, Any], station: str) -> tuple[Any, ...]:
    plain = {str(name): _plain(value) for name, value in values.items() if name != station}
    name, kind, capacity = (plain.pop(each, None) for each in ("name", "kind", "capacity"))
    texts = [None if value is None else str(value) for value in (name, kind)]
    number = None if capacity is None or not _is_number(capacity) else float(capacity)
    return (*texts, number, {name: value for name, value in plain.items() if value is not None})


def _circles(session: Session, layer: gpd.GeoDataFrame, clock: Clock) -> tuple[list[Stated], dict[int, str]]:
    shapes, broken = _degrees(layer)
    county = county_ground(session, clock.effective)
    faults: dict[int, str] = {}
    stated = []
    for row, (values, shape) in enumerate(zip(layer.to_dict("records"), shapes, strict=True)):
        said = {name: _plain(values.get(name)) for name in ("station", *_CIRCLE.keys[1:], *_CIRCLE.values[:-1])}
        drawn = said["outcome"] in _DRAWN
        kept = shape if drawn else None
        reason = _circle_fault(said, shape, drawn, bool(broken[row]), county)
        if reason:
            faults[row] = reason
        numbers = (_number(said["area_m2"]), _number(said["speed_m_s"]))
        key = (code_text(said["station"]), _number(said["minutes"]))
        stated.append(Stated(row, key, (said["outcome"], said["reason"] or None, *numbers, kept)))
    return stated, faults


def _circle_fault(said: dict[str, Any], shape: Any, drawn: bool, broken: bool, county: Any) -> str:
    for name in ("station", "minutes", "outcome", "speed_m_s"):
        if said[name] is None:
            return f"{name} is empty; every circle needs one"
    if text_fault("station", str(said["station"])):
        return text_fault("station", str(said["station"]))
    if not drawn:
        return ""
    if broken or shape is None:
        return f"it came out {said['outcome']} and has no geometry"
    if shapely.get_type_id(shape) not in (3, 6):
        return f"it is a {shape.geom_type}; circles are polygons"
    if not shapely.is_valid(shape):
        return f"it is not a valid polygon ({shapely.is_valid_reason(shape)})"
    if county is not None and not shapely.intersects(county, shape):
        return "it lies outside the county"
    return ""


def _coverage(table: pd.DataFrame) -> tuple[list[Stated], dict[int, str]]:
    faults: dict[int, str] = {}
    stated = []
    for row, values in enumerate(table.to_dict("records")):
        minutes, total, covered = (_number(values[name]) for name in ("minutes", "total", "covered"))
        area = code_text(values["area"])
        if not area or minutes is None or total is None or covered is None:
            faults[row] = "area, minutes, total or covered is missing"
        elif text_fault("area", area):
            faults[row] = text_fault("area", area)
        elif not 0 <= covered <= total * _SLACK:
            faults[row] = f"{covered:g} of {total:g} households are covered: a part is not more than the whole"
        stated.append(Stated(row, (area, minutes), (total, covered)))
    return stated, faults


def _degrees(layer: gpd.GeoDataFrame) -> tuple[Any, Any]:
    """Return shapes as they are kept, and which of them have no place."""
    shapes = np.asarray(layer.geometry.values, dtype=object)
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    nowhere = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    nowhere[owner[~np.isfinite(xy).all(axis=1)]] = True
    whole = shapes.copy()
    whole[nowhere] = None
    moved = gpd.GeoSeries(whole, crs=layer.crs).to_crs(STORAGE_CRS)
    return round_vertices(np.asarray(moved.values, dtype=object)), nowhere


def _plain(value: Any) -> Any:
    """Return a cell as the record keeps it."""
    if value is None or (not isinstance(value, list | dict) and pd.isna(value)):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool) else str(value)


def _number(value: Any) -> float | None:
    found = pd.to_numeric(value, errors="coerce")
    return None if found is None or not math.isfinite(found) else float(found)


def _is_number(value: Any) -> bool:
    return _plain(value) is None or _number(value) is not None
