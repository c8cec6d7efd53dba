"""Answers of kernels spread over threads and written out as one column a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.geo.threads import spread
from gridmap.locate.index import GridIndex
from gridmap.locate.placement import INVALID, OUTSIDE
from gridmap.locate.points import Points
from gridmap.locate.search import find_answers

Floats: TypeAlias = NDArray[np.float64]
Column: TypeAlias = NDArray[Any]

BLOCK: Final = 1 << 15
"""Points looked up before their columns are written: what was found is still in the cache."""
_WORTH: Final = 4 * BLOCK
"""Fewer points than this are not worth a second thread."""


def find_leaves(index: GridIndex, lon: Floats, lat: Floats, threads: int | None = None) -> Column:
    """Return the answer of every point as the kernel gives it: see :class:`gridmap.locate.build.Polygons`."""
    found = np.empty(len(lon), dtype=index.tables.table.dtype)

    def look_up(start: int, stop: int) -> None:
        part = slice(start, stop)
        find_answers(lon[part], lat[part], index.tables, index.border, found[part])

    spread(look_up, len(lon), worth=_WORTH, block=BLOCK, threads=threads)
    return found


def find_columns(
    index: GridIndex, points: Points, tables: Sequence[Column], threads: int | None = None
) -> tuple[list[Column], NDArray[np.int8], NDArray[np.int64]]:
    """Return what each table says of every point's answer, the outcomes, and the rows whose axes look swapped.

    Parameters
    ----------
    index
        Of the plan.
    points
        Longitudes and latitudes.
    tables
        Shape (answers,) each.
    threads
        How many; as many as there are processors where it is not said.
    """
    size = len(points)
    columns = [np.empty(size, dtype=table.dtype) for table in tables]
    outcome = np.empty(size, dtype=np.int8)
    swapped: list[NDArray[np.int64]] = []

    def look_up(start: int, stop: int) -> None:
        answers = np.empty(min(BLOCK, stop - start), dtype=index.tables.table.dtype)
        for first in range(start, stop, BLOCK):
            part = slice(first, min(first + BLOCK, stop))
            found = answers[: part.stop - first]
            find_answers(points.lon[part], points.lat[part], index.tables, index.border, found)
            for table, column in zip(tables, columns, strict=True):
                _write(found, table, column[part])
            if _write(found, index.outcome, outcome[part]) == OUTSIDE:
                odd = _refuse_unusable(
                    points.lon[part], points.lat[part], points.raw_lon[part], points.raw_lat[part],
                    index.bounds, outcome[part],
                )  # fmt: skip
                if len(odd):
                    swapped.append(odd + first)

    spread(look_up, size, worth=_WORTH, block=BLOCK, threads=threads)
    return columns, outcome, np.sort(np.concatenate([np.empty(0, dtype=np.int64), *swapped]))


@njit(cache=True, nogil=True)
def _write(found, table, column):
    """Write what a table says of each answer; return the greatest that was written."""
    most = table[found[0]]
    for i in range(len(found)):
        column[i] = table[found[i]]
        most = max(most, column[i])
    return most


@njit(cache=True, nogil=True)
def _refuse_unusable(lon, lat, raw_lon, raw_lat, bounds, outcome):
    """Turn ``outside`` into ``invalid`` for what is no degrees, or far off but about the county with its axes swapped.

    Returns the positions of the latter. ``bounds``: west, south, east, north of the county.
    """
    swapped = np.empty(len(outcome), dtype=np.int64)
    count = 0
    for i in range(len(outcome)):
        if outcome[i] != OUTSIDE:
            continue
        x, y = raw_lat[i], raw_lon[i]
        near = bounds[0] <= lon[i] <= bounds[2] and bounds[1] <= lat[i] <= bounds[3]
        if not near and bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3]:
            swapped[count] = i
            count += 1
            outcome[i] = INVALID
        elif not (abs(lon[i]) <= 180.0 and abs(lat[i]) <= 90.0):
            outcome[i] = INVALID
    return swapped[:count].copy()
