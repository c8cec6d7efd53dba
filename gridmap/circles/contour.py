"""Polygons from a raster of values: the line where they pass zero (marching squares), with holes and islands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rings:
    """Closed rings: ring ``r`` has the points ``xy[start[r]:start[r + 1]]``, its first point not repeated.

    Outer rings run counter-clockwise and have ``shell == -1``; a hole names the ring it lies in.
    """

    start: Ints
    xy: Floats
    shell: Ints


def zero_rings(values: NDArray[np.float32]) -> Rings:
    """Trace the border of the region where values are negative.

    Parameters
    ----------
    values
        (rows, columns) samples at the points ``x = column, y = row``; all on the rim must be positive.

    Returns
    -------
    Rings
        In units of cells. Rings never touch one another.

    Examples
    --------
    >>> rings = zero_rings(np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]], dtype=np.float32))
    >>> rings.xy.tolist()
    [[1.0, 0.5], [1.5, 1.0], [1.0, 1.5], [0.5, 1.0]]
    """
    start, xy = _trace(values)
    return Rings(start, xy, _shells(start, xy))


def polygons(rings: list[Rings], low_x: Floats, low_y: Floats, cell_m: float) -> NDArray[np.object_]:
    """Build one MultiPolygon from each set of rings; ``low_x, low_y`` say where its sample (0, 0) lies."""
    counts = np.array([len(one.shell) for one in rings])
    xy = np.concatenate([one.xy * cell_m + (x, y) for one, x, y in zip(rings, low_x, low_y, strict=True)])
    points = np.concatenate([np.diff(one.start) for one in rings])
    lines = shapely.linearrings(xy, indices=np.repeat(np.arange(len(points)), points)) if len(points) else []
    of = np.repeat(np.arange(len(rings)), counts)
    begin = np.repeat(np.cumsum(counts) - counts, counts)
    shell = np.concatenate([one.shell for one in rings])
    outer = np.where(shell < 0, np.arange(len(shell)), shell + begin)
    # The shell first, its holes behind it.
    order = np.lexsort((shell >= 0, outer))
    made = np.full(len(rings), shapely.MultiPolygon(), dtype=object)
    if len(order):
        shells, part = np.unique(outer[order], return_inverse=True)
        parts = shapely.polygons(np.asarray(lines, dtype=object)[order], indices=part)
        shapely.multipolygons(parts, indices=of[shells], out=made)
    return made


# For each of the 16 cases of a square (inside corners: 1 south-west, 2 south-east, 4 north-east, 8 north-west) the
# sides a line enters and leaves by, inside on its left; sides are 0 south, 1 east, 2 north, 3 west. Of two opposite
# inside corners (5, 10) each keeps its own line: regions that meet at a point only stay apart.
_SIDES: Final = np.array(
    [
        [-1, -1, -1, -1], [0, 3, -1, -1], [1, 0, -1, -1], [1, 3, -1, -1],
        [2, 1, -1, -1], [0, 3, 2, 1], [2, 0, -1, -1], [2, 3, -1, -1],
        [3, 2, -1, -1], [0, 2, -1, -1], [1, 0, 3, 2], [1, 2, -1, -1],
        [3, 1, -1, -1], [0, 1, -1, -1], [3, 0, -1, -1], [-1, -1, -1, -1],
    ]
)  # fmt: skip


@njit(cache=True)
def _side(row, column, side, columns):
    """Return the number of a side: twice the sample they start from, plus one where they run north."""
    if side == 0:
        return 2 * (row * columns + column)
    if side == 1:
        return 2 * (row * columns + column + 1) + 1
    if side == 2:
        return 2 * ((row + 1) * columns + column)
    return 2 * (row * columns + column) + 1


@njit(cache=True)
def _follow(values):
    """Return, for every side that the line passes, the side it passes next; -1 for the others."""
    rows, columns = values.shape
    after = np.full(2 * rows * columns, -1, np.int64)
    count = 0
    for row in range(rows - 1):
        for column in range(columns - 1):
            case = int(values[row, column] < 0) + 2 * int(values[row, column + 1] < 0)
            case += 4 * int(values[row + 1, column + 1] < 0) + 8 * int(values[row + 1, column] < 0)
            for k in range(0, 4, 2):
                if _SIDES[case, k] >= 0:
                    side = _side(row, column, _SIDES[case, k], columns)
                    after[side] = _side(row, column, _SIDES[case, k + 1], columns)
                    count += 1
    return after, count


@njit(cache=True)
def _trace(values):
    columns = values.shape[1]
    after, count = _follow(values)
    start, xy = np.zeros(count + 1, np.int64), np.empty((count, 2))
    rings, filled = 0, 0
    for first in range(len(after)):
        side = first
        while after[side] >= 0:
            row, column = (side // 2) // columns, (side // 2) % columns
            north = side % 2
            here, there = float(values[row, column]), float(values[row + north, column + 1 - north])
            # Kept off the samples, so that rings never touch.
            share = min(max(here / (here - there), 0.01), 0.99)
            xy[filled, 0] = column + (1 - north) * share
            xy[filled, 1] = row + north * share
            filled += 1
            following = after[side]
            after[side] = -1
            side = following
        if filled > start[rings]:
            rings += 1
            start[rings] = filled
    return start[: rings + 1].copy(), xy


@njit(cache=True)
def _signed_area(ring):
    """Return twice the area of a ring, negative where it runs clockwise."""
    total = 0.0
    previous = len(ring) - 1
    for k in range(len(ring)):
        total += ring[previous, 0] * ring[k, 1] - ring[k, 0] * ring[previous, 1]
        previous = k
    return total


@njit(cache=True)
def _holds(ring, x, y):
    """Whether a point lies inside a ring: how often the ring passes to its right."""
    inside = False
    previous = len(ring) - 1
    for k in range(len(ring)):
        if (ring[k, 1] > y) != (ring[previous, 1] > y):
            share = (y - ring[k, 1]) / (ring[previous, 1] - ring[k, 1])
            inside ^= x < ring[k, 0] + share * (ring[previous, 0] - ring[k, 0])
        previous = k
    return inside


@njit(cache=True)
def _shells(start, xy):
    """Name for each hole (a clockwise ring) the smallest outer ring around it."""
    rings = len(start) - 1
    area = np.zeros(rings)
    for r in range(rings):
        area[r] = _signed_area(xy[start[r] : start[r + 1]])
    shell = np.full(rings, -1, np.int64)
    for hole in range(rings):
        smallest = np.inf
        x, y = xy[start[hole]]
        for r in range(rings):
            if area[hole] < 0 < area[r] < smallest and _holds(xy[start[r] : start[r + 1]], x, y):
                smallest = area[r]
                shell[hole] = r
    return shell
