"""One point by one call: the kernel behind :meth:`gridmap.Locator.locate`.

Unpacking a dozen arrays costs numba two microseconds, more than the look-up itself. So this kernel is handed the
address of the index (:mod:`gridmap.geo.container`) and finds the arrays there; whoever calls it keeps the index
alive. What it does with them is what the kernels for many points do.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from gridmap.geo.container import FIRST
from gridmap.locate.discs import border_distance_m
from gridmap.locate.index import BORDER, FORM, GRIDS
from gridmap.locate.search import NARROW, Tables, find_answer

_SLOTS: Final = FORM.page // 8


@intrinsic
def _pointer(_context, address):
    """Return an address as the pointer that ``carray`` wants."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@njit(cache=True, nogil=True)
def place_point(address, lon, lat):
    """Return a point's answer, and how far it is from the border of its grid of the finest tiling level (NaN: none)."""
    slots = carray(_pointer(address), (_SLOTS,), np.int64)
    if slots[BORDER] == NARROW:
        return _place(lon, lat, slots, _tables(address, slots, _array(address, slots, 1, 2, np.uint16)))
    return _place(lon, lat, slots, _tables(address, slots, _array(address, slots, 1, 4, np.int32)))


@njit(cache=True, nogil=True, inline="always")
def _array(address, slots, number, size, kind):
    start, stop = slots[FIRST + 2 * number], slots[FIRST + 2 * number + 1]
    return carray(_pointer(address + start), ((stop - start) // size,), kind)


@njit(cache=True, nogil=True, inline="always")
def _tables(address, slots, table):
    """Return the arrays in the order of :class:`gridmap.locate.search.Tables`."""
    return Tables(
        _array(address, slots, 0, 8, np.float64),
        table,
        _array(address, slots, 2, 4, np.int32),
        _array(address, slots, 3, 4, np.int32),
        _array(address, slots, 4, 4, np.int32),
        _array(address, slots, 5, 8, np.float64),
        _array(address, slots, 6, 8, np.float64),
        _array(address, slots, 7, 4, np.int32),
        _array(address, slots, 8, 4, np.int32),
        _array(address, slots, 9, 4, np.int32),
        _array(address, slots, 10, 4, np.int32),
        _array(address, slots, 11, 4, np.int32),
    )


@njit(cache=True, nogil=True)
def _place(lon, lat, slots, tables):
    answer = find_answer(lon, lat, tables, slots[BORDER])
    if answer >= slots[GRIDS]:
        return answer, np.nan
    grid = answer
    while tables.above[grid] >= 0:
        grid = np.int64(tables.above[grid])
    return answer, border_distance_m(lon, lat, grid, tables.xy, tables.polygon_start, tables.polygon_edge)
