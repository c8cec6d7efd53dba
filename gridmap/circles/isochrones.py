"""Service circles: the land one reaches on foot from a station within so many minutes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.circles.contour import Rings, polygons, zero_rings
from gridmap.circles.outline import cut_ends
from gridmap.circles.ownership import OwnedCells, own_cells
from gridmap.circles.stations import ACCESS_M, CLIPPED, ISLAND, OFF_NETWORK, OK, StationPlaces, place_stations
from gridmap.errors import InputError
from gridmap.geo.crs import GRID_DEG, WGS84, round_vertices, storage_crs
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import walk_times
from gridmap.network.places import Passed, passed
from gridmap.network.search import Reach, reach

OFF_STREET_M: Final = 100.0
"""The furthest one walks off the street network, inside a block."""
_BATCH: Final = 64
_SIMPLIFY: Final = 1 / 8


def service_circles(
    network: WalkNetwork,
    stations: gpd.GeoDataFrame | str | os.PathLike[str],
    *,
    minutes: Sequence[float] = (5, 10, 15),
    speed_m_s: float = 1.1,
    cell_m: float = 20,
    station: str = "station",
    group: str | None = None,
    off_street_m: float = OFF_STREET_M,
    access_m: float = ACCESS_M,
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

    Returns
    -------
    GeoDataFrame
        Exactly one row a station (or group) and range, sorted: ``station, minutes, outcome, reason, area_m2,
        speed_m_s, geometry`` (MultiPolygon, EPSG:4490 in China, else EPSG:4326). Outcomes: ``ok``; ``clipped`` (it
        touches the edge of the network and may be larger in truth); ``off_network`` and ``island`` (no circle,
        ``reason`` says why). A smaller range lies within the larger one. ``attrs`` tell the network's date and the
        barriers minded.

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
    if not off_street_m >= 0 or not access_m >= 0:
        raise InputError(f"off_street_m={off_street_m!r}, access_m={access_m!r}: allowed are 0 and more metres")
    if not 1 <= cell_m <= 100:
        raise InputError(f"cell_m={cell_m!r}: allowed are 1 to 100 metres; 20 is usual")
    places = place_stations(network, stations, station=station, group=group, access_m=access_m)
    walk = _Walk(network, ranges * 60 * speed_m_s, speed_m_s, cell_m, off_street_m)
    raw, cut = _draw(walk, places)
    degrees = _degrees(network)
    circles = gpd.GeoDataFrame(
        {
            "station": pd.Series(np.repeat(places.name, len(ranges)), dtype=object).infer_objects(),
            "minutes": np.tile(ranges, len(places.name)),
        },
        geometry=_finish(raw, pyproj.Transformer.from_crs(network.crs, degrees, always_xy=True), cell_m).ravel(),
        crs=degrees,
    )
    outcome, reason = _outcomes(places, circles, cut.ravel())
    circles.insert(2, "outcome", outcome)
    circles.insert(3, "reason", reason)
    circles.insert(4, "area_m2", circles.geometry.to_crs(network.crs).area)
    circles.insert(5, "speed_m_s", float(speed_m_s))
    circles.attrs["network_date"] = network.date.isoformat() if network.date else None
    circles.attrs["barriers"] = {str(kind): int(n) for kind, n in network.barriers["kind"].value_counts().items()}
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
    limits_m: NDArray[np.float64]
    speed_m_s: float
    cell_m: float
    off_street_m: float

    @property
    def furthest_s(self) -> float:
        """Return how long to walk: a cell and a half further than asked, so that the contour has both its sides."""
        return float((self.limits_m[-1] + 1.5 * self.cell_m) / self.speed_m_s)


def _draw(walk: _Walk, places: StationPlaces) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return (groups, ranges) raw polygons, and which of them touch the edge of the network."""
    # One cell further than one walks, so that the contour can pass between an owned cell and the next.
    cells = own_cells(walk.network, walk.cell_m, walk.off_street_m + walk.cell_m)
    ends = cut_ends(walk.network)
    shapes, cut = [], []
    for first in range(0, len(places.name), _BATCH):
        mine = (places.group >= first) & (places.group < first + _BATCH)
        on, group = places.on.take(mine), places.group[mine] - first
        times = walk_times(walk.network, walk.speed_m_s)
        found = reach(walk.network, on, walk.furthest_s, times, group=group)
        seen = passed(walk.network, on, cells.places, walk.furthest_s, times, group=group)
        shapes.append(_contours(walk, cells, seen))
        cut.append(_cut(walk, found, ends))
    if not shapes:
        return np.empty((0, len(walk.limits_m)), dtype=object), np.empty((0, len(walk.limits_m)), dtype=bool)
    return np.concatenate(shapes), np.concatenate(cut)


def _cut(walk: _Walk, found: Reach, ends: NDArray[np.bool_]) -> NDArray[np.bool_]:
    groups = len(found.start) - 1
    owner = np.repeat(np.arange(groups), np.diff(found.start))
    metres = np.where(ends[found.node], found.seconds * walk.speed_m_s, np.inf)
    nearest = np.full(groups, np.inf)
    np.minimum.at(nearest, owner, metres)
    return np.asarray(nearest[:, None] < walk.limits_m)


def _contours(walk: _Walk, cells: OwnedCells, seen: Passed) -> NDArray[np.object_]:
    rings: list[Rings] = []
    low_x, low_y = [], []
    for start, stop in zip(seen.start[:-1], seen.start[1:], strict=True):
        item = seen.item[start:stop]
        row, column = cells.row[item], cells.column[item]
        south, west = int(row.min(initial=2**30)) - 1, int(column.min(initial=2**30)) - 1
        shape = (max(int(row.max(initial=-1)) - south + 2, 1), max(int(column.max(initial=-1)) - west + 2, 1))
        metres = np.full(shape, np.inf, dtype=np.float32)
        beyond = np.full(shape, np.inf, dtype=np.float32)
        metres[row - south, column - west] = seen.seconds[start:stop] * walk.speed_m_s
        beyond[row - south, column - west] = cells.offset_m[item] - walk.off_street_m
        for limit in walk.limits_m:
            # Metres beyond the border: too long a walk, or too far from a street.
            value = np.maximum(metres - np.float32(limit), beyond)
            rings.append(zero_rings(np.clip(value, -walk.cell_m, walk.cell_m)))
            low_x.append(cells.low_x + west * walk.cell_m)
            low_y.append(cells.low_y + south * walk.cell_m)
    drawn = polygons(rings, np.array(low_x), np.array(low_y), walk.cell_m)
    return drawn.reshape(-1, len(walk.limits_m))


def _finish(raw: NDArray[np.object_], to_degrees: pyproj.Transformer, cell_m: float) -> NDArray[np.object_]:
    """Simplify, move to longitude and latitude, and put every range inside the next larger."""
    smooth = shapely.simplify(raw, cell_m * _SIMPLIFY, preserve_topology=False)
    moved = shapely.transform(smooth, lambda xy: np.c_[to_degrees.transform(*xy.T)])
    shapes = _whole(round_vertices(moved))
    for k in range(raw.shape[1] - 2, -1, -1):
        shapes[:, k] = _whole(shapely.intersection(shapes[:, k], shapes[:, k + 1], grid_size=GRID_DEG))
    return shapes


def _degrees(network: WalkNetwork) -> pyproj.CRS:
    to_wgs = pyproj.Transformer.from_crs(network.crs, WGS84, always_xy=True)
    return storage_crs(*to_wgs.transform(*network.node_xy.mean(axis=0)))


def _whole(shapes: object) -> NDArray[np.object_]:
    """Return valid MultiPolygons; rounding and overlays may leave a ring that touches itself, or a stray line."""
    made = np.asarray(shapes, dtype=object)
    bad = ~shapely.is_valid(made)
    made[bad] = shapely.make_valid(made[bad])
    many = np.full(made.size, shapely.MultiPolygon(), dtype=object)
    parts, of = shapely.get_parts(made.ravel(), return_index=True)
    area = (shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)
    if area.any():
        shapely.multipolygons(parts[area], indices=of[area], out=many)
    return many.reshape(made.shape)


def _outcomes(
    places: StationPlaces, circles: gpd.GeoDataFrame, cut: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    verdicts = [_verdict(places, at) for at in range(len(places.name))]
    count = len(circles) // max(len(verdicts), 1)
    outcome = np.repeat(np.array([outcome for outcome, _ in verdicts], dtype=object), count)
    reason = np.repeat(np.array([reason for _, reason in verdicts], dtype=object), count)
    clipped = (outcome == OK) & cut
    outcome[clipped], reason[clipped] = CLIPPED, "it reaches the edge of the network and may be larger in truth"
    short = (outcome == OK) & np.asarray(circles.geometry.is_empty)
    outcome[short] = OFF_NETWORK
    reason[short] = [f"no street within {limit:g} minutes on foot" for limit in circles["minutes"][short]]
    return outcome, reason


def _verdict(places: StationPlaces, at: int) -> tuple[str, str]:
    """Return outcome and reason of a group: one station on the network is enough."""
    mine = places.group == at
    outcomes = places.outcome[mine]
    if (outcomes == OK).any():
        return OK, ""
    worst = ISLAND if (outcomes == ISLAND).any() else OFF_NETWORK
    return worst, str(places.reason[mine][outcomes == worst][0])
