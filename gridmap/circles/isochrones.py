"""Service circles: the land one reaches on foot from a station within so many minutes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.contour import Rings, polygons
from gridmap.circles.field import trace_fields
from gridmap.circles.outline import cut_ends
from gridmap.circles.ownership import check_raster, owned_land
from gridmap.circles.stations import ACCESS_M, CLIPPED, OFF_NETWORK, OK, StationPlaces, place_stations
from gridmap.errors import InputError
from gridmap.geo.crs import round_vertices
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import Pace, WalkTimes, walk_times
from gridmap.network.search import Reach, make_seeds, reach
from gridmap.network.snap import Snapped

OFF_STREET_M: Final = 100.0
"""The furthest one walks off the street network, inside a block."""
Progress: TypeAlias = Callable[[float, str], None]

_BATCH: Final = 500
"""So many stations at once: memory stays flat, and a bar moves."""
_MULTIPOLYGON: Final = 6


def service_circles(
    network: WalkNetwork,
    stations: gpd.GeoDataFrame | str | os.PathLike[str],
    *,
    minutes: Sequence[float] = (5, 10, 15),
    speed_m_s: float = 1.1,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    cell_m: float = 20,
    station: str = "station",
    group: str | None = None,
    off_street_m: float = OFF_STREET_M,
    access_m: float = ACCESS_M,
    progress: Progress | None = None,
) -> gpd.GeoDataFrame:
    """Draw the land within so many minutes on foot of every station.

    Walking follows the streets and, at their ends, up to ``off_street_m`` straight over land, never across water, a
    railway or a motorway (the network's ``barriers``). The walk from a station to its street counts.

    Parameters
    ----------
    network
        :func:`gridmap.read_network`; its barriers come from the water and rail it was read with.
    stations
        Points in any CRS, or a path.
    minutes
        Ranges, each above zero.
    speed_m_s
        Walking speed: 1.1 m/s in general, 0.8 for the elderly.
    pace
        What slows walking down besides: steps, slopes, crossings; and its direction.
    cell_m
        Side of the raster's cells in metres: 20, or 10 for a finer line.
    station
        Column that names a station; every name once.
    group
        Column by which stations act together: one row a group, the union of what they reach.
    off_street_m
        Furthest straight walk from a street to the land beside it, in metres.
    access_m
        Furthest a station may be from a street, in metres.
    progress
        Called with the share done and what is being done, every five hundred circles.

    Returns
    -------
    GeoDataFrame
        Exactly one row a station (or group) and range, sorted: ``station, minutes, outcome, reason, area_m2,
        speed_m_s, geometry`` (MultiPolygon, EPSG:4490 in China, else EPSG:4326). Outcomes: ``ok`` (without land where
        it is smaller than a cell, as ``reason`` says); ``clipped`` (it touches the edge of the network and may be
        larger in truth); ``off_network`` and ``island`` (no circle, ``reason`` says why). A smaller range lies within
        the larger one, but for the rounding of vertices to 1e-8 degrees. ``attrs`` tell the network's date, how many
        barriers of each kind were minded, the speed, pace, cell and furthest walk off the street.

    Raises
    ------
    InputError
        When a range or the speed is not above zero.
    LayerError
        When a column is missing, or a station is named twice or not at all.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> circles = service_circles(network, "data/town/stations.gpkg", minutes=(5, 10))
    >>> bool((circles["outcome"] != "").all()), circles["minutes"].unique().tolist()
    (True, [5.0, 10.0])
    """
    ranges = check_ranges(minutes, speed_m_s)
    check_raster(cell_m, off_street_m)
    if not (isinstance(access_m, Real) and access_m >= 0):
        raise InputError(f"access_m={access_m!r}: allowed are 0 and more metres")
    places = place_stations(network, stations, station=station, group=group, access_m=access_m)
    walk = _Walk(network, walk_times(network, speed_m_s, pace), ranges * 60 * float(speed_m_s), cell_m, off_street_m)
    drawn = _draw(walk, places, progress)
    outcome, reason = _outcomes(walk, places, ranges, drawn)
    circles = gpd.GeoDataFrame(
        {
            "station": pd.Series(np.repeat(places.name, len(ranges)), dtype=object).infer_objects(),
            "minutes": np.tile(ranges, len(places.name)),
            "outcome": outcome.ravel(),
            "reason": reason.ravel(),
            "area_m2": drawn.area_m2.ravel(),
            "speed_m_s": float(speed_m_s),
        },
        geometry=drawn.shapes.ravel(),
        crs=network.degrees,
    )
    circles.attrs = {
        "network_date": network.date.isoformat() if network.date else None,
        "barriers": {str(kind): int(count) for kind, count in network.barriers["kind"].value_counts().items()},
        "speed_m_s": float(speed_m_s),
        "pace": asdict(pace),
        "cell_m": float(cell_m),
        "off_street_m": float(off_street_m),
    }
    return circles


def check_ranges(minutes: Sequence[float] | float, speed_m_s: float) -> NDArray[np.float64]:
    """Return the ranges in minutes, ascending and each once.

    Raises
    ------
    InputError
        When there is none, or one (or the speed) is not a number above zero.
    """
    try:
        ranges, speed_m_s = np.unique(np.asarray(minutes, dtype=np.float64)), float(speed_m_s)
    except (TypeError, ValueError):
        said = f"minutes={minutes!r}, speed_m_s={speed_m_s!r}"
        raise InputError(f"{said}: give numbers, for example (5, 10, 15) and 1.1") from None
    bad = ranges[~(np.isfinite(ranges) & (ranges > 0))]
    if len(bad) or len(ranges) == 0:
        raise InputError(f"minutes={minutes!r}: every range must be above zero, for example (5, 10, 15)")
    if not (np.isfinite(speed_m_s) and speed_m_s > 0):
        raise InputError(f"speed_m_s={speed_m_s!r}: a walking speed is above zero, for example 1.1")
    return ranges


@dataclass(frozen=True, eq=False)
class _Walk:
    """What all circles of one call share; ``limits_m`` are the ranges as metres at the speed."""

    network: WalkNetwork
    times: WalkTimes
    limits_m: NDArray[np.float64]
    cell_m: float
    off_street_m: float

    @property
    def furthest_s(self) -> float:
        """Return how long to walk: a cell and a half further than asked, so that the contour has both its sides."""
        return float((self.limits_m[-1] + 1.5 * self.cell_m) / self.times.speed_m_s)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """(groups, ranges) shapes in longitude and latitude, their areas, and which touch the edge of the network."""

    shapes: NDArray[np.object_]
    area_m2: NDArray[np.float64]
    cut: NDArray[np.bool_]


def _draw(walk: _Walk, places: StationPlaces, progress: Progress | None) -> _Drawn:
    groups = len(places.name)
    parts = []
    for first in range(0, groups, _BATCH):
        mine = (places.group >= first) & (places.group < first + _BATCH)
        parts.append(_draw_some(walk, places.on.take(mine), places.group[mine] - np.int32(first)))
        if progress is not None:
            progress(min(first + _BATCH, groups) / groups, f"{min(first + _BATCH, groups)} / {groups}")
    return _Drawn(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("shapes", "area_m2", "cut")))


def _draw_some(walk: _Walk, on: Snapped, group: NDArray[np.int32]) -> _Drawn:
    network = walk.network
    # One cell further than one walks, so that the contour can pass between an owned cell and the next.
    land = owned_land(network, walk.cell_m, walk.off_street_m + walk.cell_m)
    seeds = make_seeds(network, on, walk.times, group)
    found = reach(network, on, walk.furthest_s, walk.times, group=group)

    def finish(rings: Rings) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        shapes = _nested(polygons(rings).reshape(-1, len(walk.limits_m)))
        moved = shapely.transform(shapes, lambda xy: np.c_[network.to_degrees.transform(*xy.T)])
        return _whole(round_vertices(moved)), shapely.area(shapes)

    parts = trace_fields(network, land, walk.times, found, seeds, walk.limits_m, walk.off_street_m, finish)
    shapes, area_m2 = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _Drawn(shapes, area_m2, _cut(walk, found))


def _cut(walk: _Walk, found: Reach) -> NDArray[np.bool_]:
    """Return (groups, ranges) whether a street cut off by the edge of the network is reached."""
    at = np.flatnonzero(cut_ends(walk.network)[found.node])
    # Junctions come in order of time: the first of a group is the nearest.
    group, first = np.unique(np.searchsorted(found.start, at, side="right") - 1, return_index=True)
    nearest_m = np.full(len(found.start) - 1, np.inf)
    nearest_m[group] = found.seconds[at[first]] * walk.times.speed_m_s
    return np.asarray(nearest_m[:, None] < walk.limits_m)


def _nested(raw: NDArray[np.object_]) -> NDArray[np.object_]:
    """Put every range inside the next larger: simplified one by one they no longer are."""
    shapes = _whole(raw) if raw.shape[1] > 1 else raw
    for k in range(raw.shape[1] - 2, -1, -1):
        shapes[:, k] = _whole(shapely.intersection(shapes[:, k], shapes[:, k + 1]))
    return shapes


def _whole(shapes: object) -> NDArray[np.object_]:
    """Return valid MultiPolygons; rounding and overlays may leave a ring that touches itself, or a stray line."""
    made = np.array(shapes, dtype=object)
    bad = ~shapely.is_valid(made)
    made[bad] = shapely.make_valid(made[bad])
    odd = shapely.get_type_id(made) != _MULTIPOLYGON
    if odd.any():
        parts, of = shapely.get_parts(made[odd], return_index=True)
        area = (shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)
        many = np.full(int(odd.sum()), shapely.MultiPolygon(), dtype=object)
        if area.any():
            shapely.multipolygons(parts[area], indices=of[area], out=many)
        made[odd] = many
    return made


def _outcomes(
    walk: _Walk, places: StationPlaces, ranges: NDArray[np.float64], drawn: _Drawn
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return (groups, ranges) outcome and reason."""
    outcome, reason = (np.repeat(each[:, None], len(ranges), axis=1) for each in places.verdicts())
    clipped = (outcome == OK) & drawn.cut
    outcome[clipped], reason[clipped] = CLIPPED, "it reaches the edge of the network and may be larger in truth"
    empty = (outcome == OK) & shapely.is_empty(drawn.shapes)
    reason[empty] = f"smaller than a cell of {walk.cell_m:g} m"
    off_m = np.full(len(places.name), np.inf)
    np.minimum.at(off_m, places.group[places.on.edge >= 0], places.on.offset_m[places.on.edge >= 0])
    short = empty & (off_m[:, None] > walk.limits_m)
    outcome[short] = OFF_NETWORK
    reason[short] = [f"no street within {limit:g} minutes on foot" for limit in ranges[np.nonzero(short)[1]]]
    return outcome, reason
