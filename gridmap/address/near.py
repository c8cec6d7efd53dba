"""Which listed address is nearest to a point, on the point's side of the street.

A *place* is where one or several rows lie; of several the first row is answered. A place is *on the own side* where
the straight way to it crosses no centre line. The nearest place is the answer, unless it is across a street and one on
the own side is not much further (:data:`~gridmap.address.near_sides.OWN_SIDE_TIMES`,
:data:`~gridmap.address.near_sides.OWN_SIDE_M`). Who stands on a centre line stands on neither side: for him the nearest
counts. At a corner every street counts that the way would cross.

Distances are right to one part in a thousand up to ten kilometres, and to one in ten thousand within one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gridmap.address.index import degree_m
from gridmap.address.near_sides import PIECE_M, STRIP_DEG, UNKNOWN, NearTables, nearest_place
from gridmap.geo.crs import to_storage

_PREFIX: Final = "near_"
_NOT_STREETS: Final = (
    "footway", "path", "steps", "cycleway", "bridleway", "corridor", "platform", "crossing", "elevator", "proposed",
    "construction", "raceway",
)  # fmt: skip
"""Values of ``highway`` that have no sides with houses: a pavement drawn as a line of its own runs between the house
and who stands before it."""


def near_tables(lon: ArrayLike, lat: ArrayLike, streets: gpd.GeoDataFrame | None = None) -> dict[str, NDArray[Any]]:
    """Return what :class:`NearestAddress` reads.

    Parameters
    ----------
    lon, lat
        Of every row, degrees (EPSG:4490); NaN where a row has no position: it is never the nearest.
    streets
        Centre lines in any CRS. Where they have the columns ``highway`` and ``tunnel``, ways for walkers alone and
        tunnels are left out: nobody stands beside them.

    Returns
    -------
    dict
        Flat arrays whose names begin with ``near_``.

    Examples
    --------
    >>> tables = near_tables([120.3, 120.301], [31.5, 31.5])
    >>> NearestAddress(tables).nearest(120.3009, 31.5001, radius_m=200)
    (1, 14.6, None)
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(x) & (np.abs(y) <= 90))
    rows = rows[np.unique(np.column_stack((x[rows], y[rows])), axis=0, return_index=True)[1]]
    order, strip, south = _strips(x[rows], y[rows])
    rows = rows[order]
    pieces = np.empty((0, 4)) if streets is None else _pieces(streets)
    along, street_strip, street_south = _strips((pieces[:, 0] + pieces[:, 2]) / 2, (pieces[:, 1] + pieces[:, 3]) / 2)
    tables = NearTables(
        x[rows], y[rows], rows.astype(np.int32), strip,
        pieces[along].reshape(-1), street_strip, np.array([south, street_south]),
    )  # fmt: skip
    return {_PREFIX + name: array for name, array in tables._asdict().items()}


class NearestAddress:
    """Answers which row is nearest to a point.

    Parameters
    ----------
    tables
        What :func:`near_tables` returned, possibly among others, possibly mapped from a file.

    Examples
    --------
    Two houses opposite each other: who stands before the southern one is at it, though the northern one's point is
    nearer.

    >>> line = gpd.GeoDataFrame(geometry=[shapely.LineString([(120.299, 31.5), (120.302, 31.5)])], crs="EPSG:4490")
    >>> near = NearestAddress(near_tables([120.3, 120.3], [31.4998, 31.50006], line))
    >>> near.nearest(120.3, 31.49995, radius_m=200)
    (0, 16.6, True)
    """

    def __init__(self, tables: Mapping[str, NDArray[Any]]) -> None:
        self._tables = NearTables(*(_read_only(tables[_PREFIX + name]) for name in NearTables._fields))

    def nearest(self, lon: float, lat: float, *, radius_m: float) -> tuple[int, float, bool | None]:
        """Return the row of the nearest address, metres to it, and whether it is on the point's side of the street.

        Parameters
        ----------
        lon, lat
            Degrees, EPSG:4490.
        radius_m
            Further ones are not looked for.

        Returns
        -------
        tuple
            ``(-1, nan, None)`` where nothing is near, or the point is none. The side is ``None`` where no street is
            known within a hundred metres.
        """
        if not (np.isfinite(lon) and abs(lat) <= 90):
            return -1, float("nan"), None
        row, metres, side = nearest_place(float(lon), float(lat), float(radius_m), self._tables)
        return int(row), round(float(metres), 1), None if side == UNKNOWN else bool(side)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as one mapped from a file is, so that kernels are compiled once."""
    view = array.view()
    view.flags.writeable = False
    return view


def _strips(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.int32], float]:
    """Return the order of points by strip and from the west, where each strip begins, and where the first lies."""
    south = float(y.min()) if len(y) else 0.0
    strip = np.floor((y - south) / STRIP_DEG).astype(np.int64)
    counts = np.bincount(strip, minlength=1)
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return np.lexsort((x, strip)), starts, south


def _pieces(streets: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return streets cut into short pieces: x, y, x, y in degrees."""
    kept = streets[streets.geometry.notna() & ~streets.geometry.is_empty]
    if "highway" in kept:
        kept = kept[~kept["highway"].isin(_NOT_STREETS)]
    if "tunnel" in kept:
        kept = kept[~kept["tunnel"].isin(("yes", "1", "T", True))]
    if kept.empty:
        return np.empty((0, 4))
    lines = shapely.get_parts(to_storage(kept).geometry.values)
    xy, line = shapely.get_coordinates(lines[shapely.get_dimensions(lines) == 1], return_index=True)
    joined = line[1:] == line[:-1]
    first, last = xy[:-1][joined], xy[1:][joined]
    east, north = degree_m(float(np.median(xy[:, 1]))) if len(xy) else (1.0, 1.0)
    count = np.ceil(np.hypot(*((last - first) * (east, north)).T) / PIECE_M).astype(np.int64)
    which = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    start, stop = (step / count[which])[:, None], ((step + 1) / count[which])[:, None]
    way = (last - first)[which]
    return np.hstack((first[which] + start * way, np.where(stop < 1, first[which] + stop * way, last[which])))
