"""Which grids a disc touches, and how far borders are, in metres.

Edges are straight in longitude and latitude, so distances are measured there too, with the lengths that a degree has at
the point on the WGS 84 ellipsoid. Over a kilometre that is right to a few centimetres, and it never says that a border
is reached which the point is looked up on the other side of.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from gridmap.locate.cells import MARGIN
from gridmap.locate.records import EDGE_WORDS, HEAD

_AXIS_M: Final = 6378137.0
_ECCENTRICITY: Final = 0.0066943799901413165
"""Of the ellipsoid, squared."""


@njit(cache=True, nogil=True)
def metres_per_degree(lat):
    """Return how many metres a degree of longitude and one of latitude have at a latitude in degrees.

    Examples
    --------
    >>> [round(each) for each in metres_per_degree(31.5)]
    [95002, 110878]
    """
    sine, cosine = math.sin(math.radians(lat)), math.cos(math.radians(lat))
    width = 1.0 - _ECCENTRICITY * sine * sine
    across = _AXIS_M / math.sqrt(width)
    along = across * (1.0 - _ECCENTRICITY) / width
    return math.radians(across * cosine), math.radians(along)


@njit(cache=True, nogil=True, inline="always")
def _nearer(lon, lat, east, north, xy, e, least):
    """Return the square of the distance from a point to an edge, or ``least`` where that is smaller."""
    ax, ay = (xy[4 * e] - lon) * east, (xy[4 * e + 1] - lat) * north
    bx, by = (xy[4 * e + 2] - lon) * east, (xy[4 * e + 3] - lat) * north
    dx, dy = bx - ax, by - ay
    if ax * dx + ay * dy >= 0.0:
        return min(least, ax * ax + ay * ay)
    if bx * dx + by * dy <= 0.0:
        return min(least, bx * bx + by * by)
    across, length = ax * dy - ay * dx, dx * dx + dy * dy
    # Divided only where it counts: most edges are further than one before.
    return across * across / length if across * across < least * length else least


@njit(cache=True, nogil=True)
def border_distance_m(lon, lat, polygon, xy, polygon_start, polygon_edge):
    """Return how far a point is from the border of a polygon."""
    east, north = metres_per_degree(lat)
    least = np.inf
    for k in range(polygon_start[polygon], polygon_start[polygon + 1]):
        least = _nearer(lon, lat, east, north, xy, polygon_edge[k], least)
    return math.sqrt(least)


@njit(cache=True, nogil=True)
def borders_within(lon, lat, radius_m, grids, tables, border):
    """Return whose borders discs touch: positions of points, numbers of polygons below ``grids``, metres.

    Each pair once, in the order of the points.
    """
    frame, xy = tables.frame, tables.xy
    size = 4 * len(lon) + 16
    point, polygon, metres = np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size)
    used = 0
    seen, least = np.full(grids, -1, dtype=np.int64), np.empty(grids)
    listed = np.empty(grids, dtype=np.int32)
    for i in range(len(lon)):
        east, north = metres_per_degree(lat[i])
        reach = radius_m[i] * radius_m[i]
        wide, high = radius_m[i] / max(east, 1e-9), radius_m[i] / north
        first_column, first_row = _corner(lon[i] - wide, lat[i] - high, frame, -MARGIN)
        last_column, last_row = _corner(lon[i] + wide, lat[i] + high, frame, MARGIN)
        count = 0
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                value = np.int64(tables.table[row * np.int64(frame[4]) + column])
                if value < border:
                    continue
                record = tables.patches[8 * (tables.row_start[row] + value - border) + 7]
                at = record + HEAD + (tables.records[record + 1] & 0xFFFF) + EDGE_WORDS - 1
                for _ in range(tables.records[record]):
                    e = tables.records[at]
                    at += EDGE_WORDS
                    distance = _nearer(lon[i], lat[i], east, north, xy, e, np.inf)
                    if distance > reach:
                        continue
                    for w in range(tables.owner_start[e], tables.owner_start[e + 1]):
                        p = tables.owner[w]
                        if p >= grids:
                            continue
                        if seen[p] != i:
                            seen[p] = i
                            least[p] = distance
                            listed[count] = p
                            count += 1
                        elif distance < least[p]:
                            least[p] = distance
        if used + count > size:
            more = size + count
            point = np.concatenate((point, np.empty(more, np.int64)))
            polygon = np.concatenate((polygon, np.empty(more, np.int32)))
            metres = np.concatenate((metres, np.empty(more)))
            size += more
        for p in np.sort(listed[:count]):
            point[used], polygon[used], metres[used] = i, p, math.sqrt(least[p])
            used += 1
    return point[:used].copy(), polygon[:used].copy(), metres[:used].copy()


@njit(cache=True, nogil=True)
def _corner(lon, lat, frame, margin):
    """Return the cell (column, row) of a point, moved to the table's edge where it is beyond."""
    u, v = (lon - frame[0]) * frame[2] + margin, (lat - frame[1]) * frame[3] + margin
    u = min(max(u, 0.0), frame[4] - 1.0)
    v = min(max(v, 0.0), frame[5] - 1.0)
    return int(u), int(v)
