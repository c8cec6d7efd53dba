"""Kernels: the nearest listed point, and whether the straight way to it crosses a street.

Points and pieces of streets lie in strips of latitude (:data:`STRIP_DEG` high), each strip from the west: the nearest
is found by walking east and west from a point until that alone is further than what was found. A strip that nothing
lies in costs four bytes, so one point far off does not coarsen the rest.

Distances are straight on the plane that has, everywhere, the lengths a degree has at the point asked for.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.locate.discs import metres_per_degree

STRIP_DEG: Final = 0.00045
"""Height of a strip: 50 m."""
PIECE_M: Final = 50.0
"""Streets are cut into pieces no longer than this."""
OWN_SIDE_M: Final = 100.0
OWN_SIDE_TIMES: Final = 3.0
"""An address on the own side is preferred to a nearer one across the street up to this far, and this many times as
far: who stands on the pavement between two wide plots means one of them, not the house opposite; where the own side
has nothing (a park, a canal) the house opposite it is."""
ON_LINE_M: Final = 1.0
"""Who stands nearer to a centre line than this stands on neither side of the street; an address likewise."""

UNKNOWN: Final = -1
"""Of sides: no street lies within :data:`OWN_SIDE_M`, and none is crossed."""
_HALF_PIECE_M: Final = PIECE_M / 2 + 0.5


class NearTables(NamedTuple):
    """What the kernels read.

    Parameters
    ----------
    lon, lat, row
        Of the places that rows lie at, each once (with its first row), by strip and then from the west.
    strip
        Where each strip begins; one more for the end.
    street
        Ends of the pieces of streets: west or first x, y, other x, y; by the strip of the middle, then from the west.
    street_strip
        Where each strip of pieces begins.
    south
        Where the strips of places begin, and those of pieces: degrees.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    row: NDArray[np.int32]
    strip: NDArray[np.int32]
    street: NDArray[np.float64]
    street_strip: NDArray[np.int32]
    south: NDArray[np.float64]


@njit(cache=True, nogil=True)
def nearest_place(lon, lat, radius_m, tables):
    """Return the nearest row (-1: none within the radius), metres to it and its side (1 own, 0 across, or UNKNOWN)."""
    east, north = metres_per_degree(lat)
    place, squared = _nearest(lon, lat, radius_m, east, north, tables)
    if place < 0:
        return -1, np.nan, UNKNOWN
    metres = math.sqrt(squared)
    if len(tables.street) == 0:
        return tables.row[place], metres, UNKNOWN
    x, y = (tables.lon[place] - lon) * east, (tables.lat[place] - lat) * north
    pieces = _pieces(lon, lat, x, y, east, north, tables)
    if not _crosses(pieces, x, y):
        return tables.row[place], metres, 1 if _is_near(pieces) else UNKNOWN
    bound = min(OWN_SIDE_TIMES * metres, OWN_SIDE_M, radius_m)
    own, own_metres = _nearest_own(lon, lat, bound, east, north, pieces, tables)
    if own >= 0:
        return tables.row[own], own_metres, 1
    return tables.row[place], metres, 0


@njit(cache=True, nogil=True)
def _first(values, start, stop, value):
    """Return the first position from ``start`` on whose value is not below ``value``."""
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] < value:
            start = middle + 1
        else:
            stop = middle
    return start


@njit(cache=True, nogil=True)
def _nearest(lon, lat, radius_m, east, north, tables):
    """Return the nearest place, of those equally near the one with the lowest row, and the square of its distance."""
    strips = len(tables.strip) - 1
    here = math.floor((lat - tables.south[0]) / STRIP_DEG)
    found, least = -1, radius_m * radius_m
    for way in (-1, 1):
        strip = min(here, strips - 1) if way < 0 else max(here + 1, 0)
        while 0 <= strip < strips:
            edge = tables.south[0] + (strip + (way < 0)) * STRIP_DEG
            gap = max((edge - lat) * way, 0.0) * north - 1e-6
            if gap > 0.0 and gap * gap > least:
                break
            found, least = _nearest_in(lon, lat, east, north, strip, found, least, tables)
            strip += way
    return found, least


@njit(cache=True, nogil=True)
def _nearest_in(lon, lat, east, north, strip, found, least, tables):
    """Improve what was found by the places of one strip."""
    start, stop = tables.strip[strip], tables.strip[strip + 1]
    middle = _first(tables.lon, start, stop, lon)
    for way in (-1, 1):
        place = middle - 1 if way < 0 else middle
        while start <= place < stop:
            x = (tables.lon[place] - lon) * east
            if x * x > least:
                break
            y = (tables.lat[place] - lat) * north
            squared = x * x + y * y
            if squared < least or (squared == least and (found < 0 or tables.row[place] < tables.row[found])):
                found, least = place, squared
            place += way
    return found, least


@njit(cache=True, nogil=True)
def _nearest_own(lon, lat, bound_m, east, north, pieces, tables):
    """Return the nearest place within a bound that no piece lies before, and its distance."""
    found, least, reach = -1, bound_m * bound_m, bound_m / north
    first = max(math.floor((lat - reach - tables.south[0]) / STRIP_DEG), 0)
    last = min(math.floor((lat + reach - tables.south[0]) / STRIP_DEG), len(tables.strip) - 2)
    for strip in range(first, last + 1):
        stop = tables.strip[strip + 1]
        place = _first(tables.lon, tables.strip[strip], stop, lon - bound_m / east)
        while place < stop and (tables.lon[place] - lon) * east <= bound_m:
            x, y = (tables.lon[place] - lon) * east, (tables.lat[place] - lat) * north
            squared = x * x + y * y
            first_of_equals = squared == least and (found < 0 or tables.row[place] < tables.row[found])
            if (squared < least or first_of_equals) and not _crosses(pieces, x, y):
                found, least = place, squared
            place += 1
    return found, math.sqrt(least)


@njit(cache=True, nogil=True)
def _pieces(lon, lat, x, y, east, north, tables):
    """Return the pieces of streets around a point and its way to (x, y): ends in metres from the point."""
    left, right = min(x, -OWN_SIDE_M) - _HALF_PIECE_M, max(x, OWN_SIDE_M) + _HALF_PIECE_M
    bottom, top = min(y, -OWN_SIDE_M) - _HALF_PIECE_M, max(y, OWN_SIDE_M) + _HALF_PIECE_M
    street, starts, south = tables.street, tables.street_strip, tables.south[1]
    first = max(math.floor((lat + bottom / north - south) / STRIP_DEG), 0)
    last = min(math.floor((lat + top / north - south) / STRIP_DEG), len(starts) - 2)
    found = np.empty((0, 4))
    for filling in (False, True):
        size = 0
        for strip in range(first, last + 1):
            begin = _first_piece(street, starts[strip], starts[strip + 1], lon + left / east)
            end = _first_piece(street, begin, starts[strip + 1], lon + right / east)
            if filling:
                for piece in range(begin, end):
                    at = size + piece - begin
                    for axis in range(0, 4, 2):
                        found[at, axis] = (street[4 * piece + axis] - lon) * east
                        found[at, axis + 1] = (street[4 * piece + axis + 1] - lat) * north
            size += end - begin
        if not filling:
            found = np.empty((size, 4))
    return found


@njit(cache=True, nogil=True)
def _first_piece(street, start, stop, lon):
    """Return the first piece from ``start`` on whose middle is not west of a longitude."""
    while start < stop:
        middle = (start + stop) // 2
        if (street[4 * middle] + street[4 * middle + 2]) / 2 < lon:
            start = middle + 1
        else:
            stop = middle
    return start


@njit(cache=True, nogil=True)
def _crosses(pieces, x, y):
    """Whether the way from (0, 0) to (x, y) leads from one side of a piece to the other."""
    for k in range(len(pieces)):
        ax, ay, bx, by = pieces[k, 0], pieces[k, 1], pieces[k, 2], pieces[k, 3]
        # Of a piece's two ends, one on the way counts as right of it: a way through a joint crosses one piece there.
        if (x * ay - y * ax > 0.0) != (x * by - y * bx > 0.0):
            dx, dy = bx - ax, by - ay
            length = math.hypot(dx, dy)
            here, there = dy * ax - dx * ay, dx * (y - ay) - dy * (x - ax)
            if here * there < 0.0 and abs(here) > ON_LINE_M * length and abs(there) > ON_LINE_M * length:
                return True
    return False


@njit(cache=True, nogil=True)
def _is_near(pieces):
    """Whether one of the pieces lies within reach of the point."""
    for k in range(len(pieces)):
        ax, ay = pieces[k, 0], pieces[k, 1]
        dx, dy = pieces[k, 2] - ax, pieces[k, 3] - ay
        length = dx * dx + dy * dy
        part = min(max(-(ax * dx + ay * dy) / length, 0.0), 1.0) if length > 0.0 else 0.0
        if math.hypot(ax + part * dx, ay + part * dy) <= OWN_SIDE_M:
            return True
    return False
