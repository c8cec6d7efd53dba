"""Incidents as values for a page: tens of thousands of points in a few hundred kilobytes of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import CrsError
from gridmap.geo.gcj02 import to_wgs84
from gridmap.maps.codec import encode_ints, encode_points
from gridmap.maps.colours import OUTCOMES
from gridmap.maps.words import outcome_title
from gridmap.people.masking import mask_name
from gridmap.people.times import read_times

if TYPE_CHECKING:
    from gridmap.grids.plan import Plan

QUANTUM: Final = 1e-5
"""Size of a step of a point, in degrees: about a metre."""
_ZONE: Final = "Asia/Shanghai"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def incident_data(incidents: pd.DataFrame | None, plan: Plan, *, unmask: bool = False) -> dict[str, Any] | None:
    """Return incidents as values for a page; what has no usable coordinates is counted, not drawn.

    Parameters
    ----------
    incidents
        ``lon, lat, crs, outcome, person, reported_at, type, type_name`` and a column of codes a level, any of which
        may be missing; or a GeoDataFrame of points. Without ``crs`` the coordinates are WGS 84.
    plan
        Whose grids the codes are of.
    unmask
        Show names of people in full, where the table holds them in full.
    """
    if incidents is None or len(incidents) == 0:
        return None
    lon, lat = _coordinates(incidents)
    outcome = _column(incidents, "outcome").fillna("")
    drawn = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) < 85)
    drawn &= (outcome != "invalid").to_numpy()
    grid = _grids(incidents, plan)
    order = np.flatnonzero(drawn)
    order = order[np.lexsort((lat[order], lon[order], grid[order]))]
    points = np.rint(np.column_stack((lon, lat))[order] / QUANTUM).astype(np.int64)
    person = _column(incidents, "person")
    if not unmask:
        person = person.map(mask_name, na_action="ignore")
    names, numbers = _outcomes(outcome)
    return {
        "quantum": QUANTUM,
        "points": encode_points(points),
        "grid": _as_steps(grid[order]),
        "outcome": encode_ints(numbers[order]),
        "outcomes": [
            {"name": name, "title": outcome_title(name), "colour": OUTCOMES.get(name, "#77716a"), "count": int(count)}
            for name, count in zip(names, np.bincount(numbers, minlength=len(names)), strict=True)
        ],
        "left": int((~drawn).sum()),
        **_categories("type", _types(incidents), order),
        **_categories("person", person, order),
        **_times(incidents, order),
    }


def _coordinates(incidents: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes in WGS 84, NaN where they or their system are not known."""
    if "lon" not in incidents.columns or "lat" not in incidents.columns:
        return _from_geometry(incidents)
    x = np.asarray(pd.to_numeric(incidents["lon"], errors="coerce"), dtype=np.float64)
    y = np.asarray(pd.to_numeric(incidents["lat"], errors="coerce"), dtype=np.float64)
    if "crs" not in incidents.columns:
        return x, y
    systems = np.asarray(_column(incidents, "crs").fillna(""), dtype=object)
    lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for system in sorted(set(systems)):
        rows = systems == system
        try:
            lon[rows], lat[rows] = to_wgs84(x[rows], y[rows], system)
        except CrsError:
            continue
    return lon, lat


def _from_geometry(incidents: pd.DataFrame) -> tuple[Floats, Floats]:
    nothing = np.full(len(incidents), np.nan)
    shapes = getattr(incidents, "_geometry_column_name", None)
    if shapes is None or shapes not in incidents.columns:
        return nothing, nothing.copy()
    points = incidents.geometry
    if points.crs is not None and points.crs.to_epsg() not in (4326, 4490):
        points = points.to_crs(4326)
    usable = (points.geom_type == "Point") & ~points.is_empty
    points = points.where(usable)
    return np.asarray(points.x, dtype=np.float64), np.asarray(points.y, dtype=np.float64)


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as text, ``None`` where it has nothing; all ``None`` where there is no such column."""
    if name not in table.columns:
        return pd.Series([None] * len(table), dtype=object)
    values = pd.Series(np.asarray(table[name].astype(object), dtype=object), dtype=object)
    return values.map(str, na_action="ignore").where(values.notna(), None)


def _grids(incidents: pd.DataFrame, plan: Plan) -> Ints:
    """Return the finest grid of each incident, counted through all levels from the coarsest; -1 for none."""
    found = np.full(len(incidents), -1, dtype=np.int64)
    start = 0
    for name, layer in plan.layers.items():
        known = {code: start + at for at, code in enumerate(layer.index)}
        here = _column(incidents, name).map(known).fillna(-1).to_numpy(dtype=np.int64)
        found = np.where(here >= 0, here, found)
        start += len(layer)
    return found


def _outcomes(outcome: pd.Series) -> tuple[list[str], Ints]:
    """Return the outcomes there are, the known ones first and in their order, and the number of each row's."""
    there = set(outcome)
    names = [name for name in OUTCOMES if name in there] + sorted(there - set(OUTCOMES))
    return names, outcome.map({name: at for at, name in enumerate(names)}).to_numpy(dtype=np.int64)


def _types(incidents: pd.DataFrame) -> pd.Series:
    """Return what each incident is about: its type in words where the table has them, else the code."""
    code, words = _column(incidents, "type"), _column(incidents, "type_name")
    return words.where(words.notna() & (words.astype("str") != ""), code)


def _categories(name: str, values: pd.Series, order: Ints) -> dict[str, Any]:
    numbers, kinds = pd.factorize(values.iloc[order], sort=True)
    return {name: encode_ints(numbers), f"{name}s": [str(kind) for kind in kinds]}


def _times(incidents: pd.DataFrame, order: Ints) -> dict[str, Any]:
    """Return minutes since the first report, -1 where there is no time, on the clock of Shanghai."""
    if "reported_at" not in incidents.columns:
        return {"minute": encode_ints(np.full(len(order), -1)), "start": 0}
    minutes = _minutes(incidents["reported_at"].iloc[order])
    known = minutes[minutes >= 0]
    start = int(known.min()) if len(known) else 0
    return {"minute": encode_ints(np.where(minutes >= 0, minutes - start, -1)), "start": start}


def _minutes(times: pd.Series) -> Ints:
    """Return minutes since 1970 as a clock in Shanghai shows them, -1 for none; a naive time is one of that clock."""
    if times.dtype.kind != "M" and not isinstance(times.dtype, pd.DatetimeTZDtype):
        times, _ = read_times(times)
    clock = times.dt.tz_convert(_ZONE).dt.tz_localize(None) if times.dt.tz is not None else times
    seconds = clock.dt.as_unit("s").astype("int64")
    return np.asarray(np.where(times.notna(), seconds // 60, -1), dtype=np.int64)


def _as_steps(numbers: Ints) -> str:
    """Return sorted numbers as text, each as its difference to the one before."""
    return encode_ints(np.diff(numbers, prepend=0))
