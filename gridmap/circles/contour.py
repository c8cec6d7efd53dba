"""Polygons from a raster of values: the line where they pass zero (marching squares), with holes and islands.

A *side* joins two neighbouring samples; its number is twice that of the sample it starts from (row by row), plus one
where it runs north. Outlines pass from side to side, the inside on their left.
"""

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
    """Closed rings of several outlines: ring ``r`` has the points ``xy[start[r]:start[r + 1]]``, none repeated.

    Outer rings run counter-clockwise and have ``shell == -1``; a hole names the ring it lies in. ``of`` says which
    outline each belongs to, ascending; ``count`` how many outlines there are.
    """

    start: Ints
    xy: Floats
    shell: Ints
    of: Ints
    count: int


def zero_rings(values: NDArray[np.float32]) -> Rings:
    """Trace the border of the region where values are negative.

    Parameters
    ----------
    values
        (rows, columns) samples at the points ``x = column, y = row``; all on the rim must be positive.

    Returns
    -------
    Rings
        One outline in units of cells. Rings never touch one another.

    Examples
    --------
    >>> rings = zero_rings(np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]], dtype=np.float32))
    >>> rings.xy.tolist()
    [[0.5, 1.0], [1.0, 0.5], [1.5, 1.0], [1.0, 1.5]]
    """
    start, xy = _trace(np.ascontiguousarray(values))
    return Rings(start, xy, shells(start, xy), np.zeros(len(start) - 1, np.int64), 1)


def polygons(rings: Rings) -> NDArray[np.object_]:
    """Build one MultiPolygon of each outline."""
    made = np.full(rings.count, shapely.MultiPolygon(), dtype=object)
    if len(rings.shell) == 0:
        return made
    number = np.arange(len(rings.shell))
    lines = np.asarray(shapely.linearrings(rings.xy, indices=np.repeat(number, np.diff(rings.start))), dtype=object)
    outer = np.where(rings.shell < 0, number, rings.shell)
    # The shell first, its holes behind it.
    order = np.lexsort((rings.shell >= 0, outer))
    shell, part = np.unique(outer[order], return_inverse=True)
    shapely.multipolygons(shapely.polygons(lines[order], indices=part), indices=rings.of[shell], out=made)
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
NEAREST: Final = 0.01
"""An outline is kept so far from the samples (in cells) that rings never touch."""


@njit(cache=True, nogil=True)
def _side(row, column, side, columns):
    if side == 0:
        return 2 * (row * columns + column)
    if side == 1:
        return 2 * (row * columns + column + 1) + 1
    if side == 2:
        return 2 * ((row + 1) * columns + column)
    return 2 * (row * columns + column) + 1


@njit(cache=True, nogil=True)
def follow(values, rows, columns, after, sides):
    """Find the sides that outlines pass: list them, note in ``after`` which comes next, return how many there are.

    ``values`` are the samples row by row; ``after`` has an entry a side, all -1.
    """
    count = 0
    for row in range(rows - 1):
        low, high = row * columns, (row + 1) * columns
        west = int(values[low] < 0) + 8 * int(values[high] < 0)
        for column in range(columns - 1):
            south, north = values[low + column + 1] < 0, values[high + column + 1] < 0
            case = west + 2 * int(south) + 4 * int(north)
            west = int(south) + 8 * int(north)
            if case == 0 or case == 15:
                continue
            for k in range(0, 4, 2):
                if _SIDES[case, k] >= 0:
                    side = _side(row, column, _SIDES[case, k], columns)
                    after[side] = _side(row, column, _SIDES[case, k + 1], columns)
                    sides[count] = side
                    count += 1
    return count


@njit(cache=True, nogil=True)
def ends_of(side, columns):
    """Return the samples that a side joins."""
    first = side >> 1
    return first, first + (columns if side & 1 else 1)


@njit(cache=True, nogil=True)
def linear(values, side, columns):
    """Return where along a side the values pass zero if they run straight, from 0 to 1."""
    first, second = ends_of(side, columns)
    here, there = float(values[first]), float(values[second])
    return here / (here - there)


@njit(cache=True, nogil=True)
def chain(after, sides, count, share, columns, start, xy):
    """Join sides to rings; ``share`` says of each side where it is passed. Leaves ``after`` all -1; returns how many.

    ``start`` and ``xy`` need room for ``count`` and one more.
    """
    rings, filled = 0, 0
    start[0] = 0
    for k in range(count):
        side = sides[k]
        while after[side] >= 0:
            first = side >> 1
            along = min(max(share[side], NEAREST), 1.0 - NEAREST)
            xy[filled, 0] = first % columns + (0.0 if side & 1 else along)
            xy[filled, 1] = first // columns + (along if side & 1 else 0.0)
            filled += 1
            following = after[side]
            after[side] = -1
            side = following
        if filled > start[rings]:
            rings += 1
            start[rings] = filled
    return rings


@njit(cache=True, nogil=True)
def _trace(values):
    rows, columns = values.shape
    flat = values.ravel()
    after, share = np.full(2 * flat.size, -1, np.int32), np.empty(2 * flat.size, np.float32)
    sides = np.empty(2 * flat.size, np.int32)
    count = follow(flat, rows, columns, after, sides)
    for k in range(count):
        share[sides[k]] = linear(flat, sides[k], columns)
    start, xy = np.zeros(count + 1, np.int64), np.empty((count + 1, 2))
    rings = chain(after, sides, count, share, columns, start, xy)
    return start[: rings + 1].copy(), xy[: start[rings]].copy()


@njit(cache=True, nogil=True)
def _signed_area(ring):
    """Return twice the area of a ring, negative where it runs clockwise."""
    total = 0.0
    previous = len(ring) - 1
    for k in range(len(ring)):
        total += ring[previous, 0] * ring[k, 1] - ring[k, 0] * ring[previous, 1]
        previous = k
    return total


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def shells(start, xy):
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


@njit(cache=True, nogil=True)
def simplify(start, xy, tolerance):
    """Leave out points of rings that lie within a tolerance of the line without them (Douglas and Peucker, 1973).

    Moves the points together in place and adjusts ``start``. A ring keeps three points at least, whatever it is.
    """
    most = 1
    for r in range(len(start) - 1):
        most = max(most, start[r + 1] - start[r])
    keep, stack = np.empty(most + 1, np.bool_), np.empty((most + 1, 2), np.int64)
    filled, first = 0, 0
    for r in range(len(start) - 1):
        ring = xy[first : start[r + 1]]
        first = start[r + 1]
        count = len(ring)
        keep[: count + 1] = False
        keep[0] = True
        # The ring as a line from its first point back to it.
        stack[0, 0], stack[0, 1], size, kept = 0, count, 1, 1
        while size > 0:
            size -= 1
            low, high = stack[size]
            furthest, at = _furthest(ring, low, high)
            if at > low and (furthest > tolerance * tolerance or (low == 0 and high == count)):
                keep[at] = True
                kept += 1
                stack[size, 0], stack[size, 1] = low, at
                stack[size + 1, 0], stack[size + 1, 1] = at, high
                size += 2
        for k in range(count):
            if keep[k] or kept < 3:
                xy[filled] = ring[k]
                filled += 1
        start[r + 1] = filled


@njit(cache=True, nogil=True)
def _furthest(ring, low, high):
    """Return the squared distance of the point between two that is furthest from the line through them, and its place.

    ``high`` may be the number of points: the ring's first point again.
    """
    ax, ay = ring[low]
    bx, by = ring[high % len(ring)]
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    inverse = 1.0 / length if length > 0 else 0.0
    furthest, at = -1.0, low
    for k in range(low + 1, high):
        x, y = ring[k, 0] - ax, ring[k, 1] - ay
        t = min(max((x * dx + y * dy) * inverse, 0.0), 1.0)
        far = (x - t * dx) ** 2 + (y - t * dy) ** 2
        if far > furthest:
            furthest, at = far, k
    return furthest, at
