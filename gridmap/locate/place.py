"""One point by one call: the kernel behind :meth:`gridmap.Locator.locate`.

Numba takes a microsecond to unpack a dozen arrays and a third of one to unpack a single one, so this kernel is handed
the bytes of the index and finds the arrays in them itself. What it does with them is what the kernels for many do.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmap.locate.container import BORDER, FIRST, GRIDS, PAGE
from gridmap.locate.discs import border_distance_m
from gridmap.locate.search import NARROW, Tables, find_answer


@njit(cache=True, nogil=True)
def place_point(found, lon, lat):
    """Return the answer at a point and how far it is from the border of its grid of the finest tiling level (NaN: none)."""
    slots = found[:PAGE].view(np.int64)
    border = slots[BORDER]
    if border == NARROW:
        narrow = _tables(found, slots, _part(found, slots, 1).view(np.uint16))
        answer = find_answer(lon, lat, narrow, border)
        return answer, _border_m(lon, lat, answer, slots[GRIDS], narrow)
    wide = _tables(found, slots, _part(found, slots, 1).view(np.int32))
    answer = find_answer(lon, lat, wide, border)
    return answer, _border_m(lon, lat, answer, slots[GRIDS], wide)


@njit(cache=True, nogil=True, inline="always")
def _part(found, slots, array):
    return found[slots[FIRST + 2 * array] : slots[FIRST + 2 * array + 1]]


@njit(cache=True, nogil=True, inline="always")
def _tables(found, slots, table):
    """Return the tables in the order of :class:`gridmap.locate.search.Tables`."""
    return Tables(
        _part(found, slots, 0).view(np.float64),
        table,
        _part(found, slots, 2).view(np.int32),
        _part(found, slots, 3).view(np.int32),
        _part(found, slots, 4).view(np.int32),
        _part(found, slots, 5).view(np.float64),
        _part(found, slots, 6).view(np.float64),
        _part(found, slots, 7).view(np.int32),
        _part(found, slots, 8).view(np.int32),
        _part(found, slots, 9).view(np.int32),
        _part(found, slots, 10).view(np.int32),
        _part(found, slots, 11).view(np.int32),
    )


@njit(cache=True, nogil=True)
def _border_m(lon, lat, answer, grids, tables):
    if answer >= grids:
        return np.nan
    while tables.above[answer] >= 0:
        answer = np.int64(tables.above[answer])
    return border_distance_m(lon, lat, answer, tables.xy, tables.polygon_start, tables.polygon_edge)
