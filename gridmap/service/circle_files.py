"""What ``gridmap circles`` writes, read back: stations, circles around them, the homes that these reach."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd

from gridmap.circles.columns import CIRCLE_COLUMNS, COVERAGE_COLUMNS, STATION_COLUMNS, VALIDITY
from gridmap.errors import LayerError
from gridmap.people.times import read_times

_NUMBERS: Final = frozenset({"minutes", "area_m2", "speed_m_s", "capacity", "total", "covered"})


@dataclass(frozen=True, eq=False)
class CircleFile:
    """Stations, circles and coverage; ``None`` is not loaded.

    Rows hold for ``[valid_from, valid_to)``, a missing end is open. Only the columns named are ever sent: a layer of
    stations may also hold whom to call.

    Parameters
    ----------
    stations
        :data:`STATION_COLUMNS` and points in degrees.
    circles
        :data:`CIRCLE_COLUMNS` and polygons in degrees; empty where a station has no circle.
    coverage
        :data:`COVERAGE_COLUMNS`: households of an area, and those of them within so many minutes of a station.
    """

    stations: gpd.GeoDataFrame | None = None
    circles: gpd.GeoDataFrame | None = None
    coverage: pd.DataFrame | None = None


def dated(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose ``valid_from`` and ``valid_to`` are aware times, open where it says nothing of them."""
    nothing = pd.Series([None] * len(table), index=table.index, dtype="str")
    times = {name: read_times(table.get(name, nothing))[0].to_numpy() for name in VALIDITY}
    return table.assign(**{name: pd.DatetimeIndex(each, tz="UTC") for name, each in times.items()})


def read_circle_file(path: str | os.PathLike[str]) -> CircleFile:
    """Read what ``gridmap circles`` writes: the layers ``circles``, ``stations`` and, where it counted, ``areas``.

    Any other file holds circles alone. Areas go by their column ``code``, or their first one.

    Raises
    ------
    LayerError
        When the circles do not say whose they are and how many minutes wide.
    """
    import pyogrio

    from gridmap.geo.io import read_layer

    layers = set(pyogrio.list_layers(path)[:, 0]) if Path(path).suffix.lower() == ".gpkg" else set()
    circles = read_layer(path, layer="circles" if "circles" in layers else None)
    missing = [name for name in ("station", "minutes") if name not in circles.columns]
    if missing:
        raise LayerError(f"{path}: the circles have no column {missing[0]!r}; give a file that gridmap circles wrote")
    stations = read_layer(path, layer="stations") if "stations" in layers else None
    areas = read_layer(path, layer="areas") if "areas" in layers else None
    widest = float(circles["minutes"].max())
    return CircleFile(
        stations=None if stations is None else _brought(_named(stations, circles), STATION_COLUMNS),
        circles=_brought(circles, CIRCLE_COLUMNS),
        coverage=None if areas is None else _coverage(areas, widest),
    )


def _named(stations: gpd.GeoDataFrame, circles: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return stations with their column ``station``; under another name it is the first that the circles go by."""
    if "station" in stations.columns:
        return stations
    known = set(circles["station"].astype(str))
    others = [name for name in stations.columns if name != stations.geometry.name]
    name = next((name for name in others if known & set(stations[name].astype(str))), others[0])
    return stations.rename(columns={name: "station"})


def _brought(layer: gpd.GeoDataFrame, columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    """Bring a layer into the form of :class:`CircleFile`: degrees, the columns of it and no others."""
    from gridmap.geo.crs import to_storage

    moved = to_storage(layer) if not layer.geometry.is_empty.all() else layer.to_crs(4490)
    table = dated(pd.DataFrame(moved.drop(columns=moved.geometry.name)))
    found = {name: _column(table, name) for name in columns}
    return gpd.GeoDataFrame(found, geometry=moved.geometry.to_numpy(), crs=moved.crs)


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name in VALIDITY:
        return table[name]
    if name not in table:
        return pd.Series([None] * len(table), index=table.index, dtype=object)
    if name in _NUMBERS:
        return pd.to_numeric(table[name], errors="coerce").astype("float64")
    return table[name].astype("str")


def _coverage(areas: gpd.GeoDataFrame, widest: float) -> pd.DataFrame:
    """Read the counts of ``gridmap circles``: ``covered`` is of the widest circle, ``covered_5`` of that of 5 minutes.

    Where the areas had columns of these names before they were counted, the counts are called ``…_counted``.
    """
    area = areas["code" if "code" in areas.columns else areas.columns[0]].astype("str")
    tables = []
    for column in areas.columns.astype(str):
        stem = column.removesuffix("_counted")
        minutes = widest if stem == "covered" else _minutes(stem)
        if minutes is None or (column == stem and f"{stem}_counted" in areas.columns):
            continue
        total = areas["total_counted" if "total_counted" in areas.columns else "total"]
        # An area that nobody was counted in was not counted.
        tables.append(
            pd.DataFrame({"area": area, "minutes": minutes, "total": total, "covered": areas[column]}).dropna()
        )
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COVERAGE_COLUMNS[:4]))
    return dated(found.sort_values(["area", "minutes"], kind="stable", ignore_index=True))


def _minutes(column: str) -> float | None:
    stated = column.removeprefix("covered_")
    return float(stated) if stated != column and stated.replace(".", "", 1).isdigit() else None
