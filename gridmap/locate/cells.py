"""A table of cells over a layer: cells inside one grid know it, cells that borders run through know who holds a spot.

The spot (*anchor*) of a border cell lies on no edge. Who holds it follows from a ray along the middle of a row of
cells, from outside everything: at each edge that crosses the ray, the polygons that own the edge are entered or left.
Every decision is an exact orientation, so the table is as exact as the polygons.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.locate.edges import Edges
from gridmap.locate.orientation import orientation

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]

MARGIN: Final = 1e-6
"""By which part of a cell an edge may miss it and still be listed: far more than a point's cell can be wrong by."""
_STEP: Final = 0.6180339887498949
"""Of the search for an anchor: multiples of the golden ratio come near no place twice."""
_TRIES: Final = 64


class Frame(NamedTuple):
    """Where the cells lie: cell (row, column) holds the points with floor((y - y0) · per_y) = row, likewise x.

    The outermost cells touch no polygon, so that points beyond them may be counted in them.
    """

    x0: float
    y0: float
    per_x: float
    per_y: float
    columns: int
    rows: int


class BorderCells(NamedTuple):
    """The cells that edges run through, row by row, each row from the west.

    Parameters
    ----------
    cell
        row · columns + column.
    row_start
        Where each row of the table begins.
    edge_start, edge
        The edges near cell i are ``edge[edge_start[i] : edge_start[i + 1]]``.
    anchor
        Shape (cells, 2): x, y.
    near_start, near
        The polygons near cell i, ascending: ``near[near_start[i] : near_start[i + 1]]``.
    holds
        For each of ``near``, whether the polygon holds the anchor.
    """

    cell: NDArray[np.int64]
    row_start: Ints
    edge_start: Ints
    edge: Ints
    anchor: Floats
    near_start: Ints
    near: Ints
    holds: NDArray[np.uint8]


class AnchorError(RuntimeError):
    """A row's ray runs along an edge; another frame has to be taken."""


def fill_cells(edges: Edges, frame: Frame, above: Ints, table: NDArray[Any], border: int) -> BorderCells:
    """Fill the table of cells and return those that edges run through.

    Parameters
    ----------
    edges
        Of the polygons of all levels.
    frame
        Where the cells lie.
    above
        For each polygon -1 where it stands for itself, else the polygon it counts only inside of (-2: none).
    table
        Shape (rows · columns,), written: the answer of each cell (:func:`answer_of`), or ``border`` plus the number
        of the border cell in its row.
    border
        A number above every answer.

    Raises
    ------
    AnchorError
        When an edge lies along the middle of a row.
    """
    listed = _edges_in_cells(edges.xy, *frame)
    found: Any = _walk_rows(*listed, edges.xy, edges.owner_start, edges.owner, *frame, above, table, border)
    good, anchor, near_start, near, holds = found
    if not good:
        raise AnchorError
    cell, row_start, edge_start, edge = listed
    return BorderCells(cell, row_start, edge_start, edge, anchor, near_start, near, holds)


@njit(cache=True, nogil=True)
def answer_of(near, inside, above):
    """Return who answers where the polygons ``near`` (ascending) with ``inside`` set hold a spot.

    The first that stands for itself, and inside it the first of those that count inside of it, and so on; where there
    is none, the number of polygons.
    """
    answer = len(above)
    found = False
    for i in range(len(near)):
        if inside[i]:
            up = above[near[i]]
            if not found:
                if up == -1:
                    answer = near[i]
                    found = True
            elif up == answer:
                answer = near[i]
    return answer


@njit(cache=True, nogil=True)
def span(u1, v1, u2, v2, row, margin):
    """Return between which columns an edge (in cells) runs in a row; the second below the first where it does not."""
    if v1 > v2:
        u1, v1, u2, v2 = u2, v2, u1, v1
    if v2 < row - margin or v1 > row + 1 + margin:
        return 0, -1
    low, high = min(u1, u2), max(u1, u2)
    if v2 - v1 > 1e-9:
        start = u1 + (u2 - u1) * min(max((row - margin - v1) / (v2 - v1), 0.0), 1.0)
        stop = u1 + (u2 - u1) * min(max((row + 1 + margin - v1) / (v2 - v1), 0.0), 1.0)
        low, high = min(start, stop), max(start, stop)
    return int(np.floor(low - margin)), int(np.floor(high + margin))


@njit(cache=True, nogil=True)
def _edges_in_cells(xy, x0, y0, per_x, per_y, columns, rows):
    """List for each cell the edges that run through it or pass it within the margin."""
    count = np.zeros(rows * columns, dtype=np.int32)
    edge = np.empty(0, dtype=np.int32)
    edge_start = np.zeros(1, dtype=np.int32)
    cell = np.empty(0, dtype=np.int64)
    row_start = np.zeros(rows + 1, dtype=np.int32)
    for filling in range(2):
        for e in range(len(xy)):
            u1, v1 = (xy[e, 0] - x0) * per_x, (xy[e, 1] - y0) * per_y
            u2, v2 = (xy[e, 2] - x0) * per_x, (xy[e, 3] - y0) * per_y
            for row in range(int(np.floor(min(v1, v2) - MARGIN)), int(np.floor(max(v1, v2) + MARGIN)) + 1):
                first, last = span(u1, v1, u2, v2, row, MARGIN)
                for column in range(first, last + 1):
                    at = row * columns + column
                    if filling:
                        edge[count[at]] = e
                    count[at] += 1
        if not filling:
            cell = np.flatnonzero(count)
            edge_start = np.zeros(len(cell) + 1, dtype=np.int32)
            for i in range(len(cell)):
                row_start[cell[i] // columns + 1] += 1
                edge_start[i + 1] = edge_start[i] + count[cell[i]]
                # From here on: where the next edge of the cell goes.
                count[cell[i]] = edge_start[i]
            for row in range(rows):
                row_start[row + 1] += row_start[row]
            edge = np.empty(edge_start[-1], dtype=np.int32)
    return cell, row_start, edge_start, edge


@njit(cache=True, nogil=True)
def _crosses(xy, e, y):
    """Whether an edge crosses the ray at height y: of its two ends one counts as above."""
    return (xy[e, 1] <= y) != (xy[e, 3] <= y)


@njit(cache=True, nogil=True)
def _is_left(xy, e, x, y):
    """Whether an edge that crosses the ray does so left of x."""
    side = orientation(xy[e, 0], xy[e, 1], xy[e, 2], xy[e, 3], x, y)
    return side < 0 if xy[e, 3] > xy[e, 1] else side > 0


@njit(cache=True, nogil=True)
def on_edge(xy, e, x, y):
    """Whether a point lies on an edge, its ends included."""
    if x < xy[e, 0] or x > xy[e, 2] or y < min(xy[e, 1], xy[e, 3]) or y > max(xy[e, 1], xy[e, 3]):
        return False
    return orientation(xy[e, 0], xy[e, 1], xy[e, 2], xy[e, 3], x, y) == 0


@njit(cache=True, nogil=True)
def _anchor(xy, listed, column, y, x0, per_x):
    """Return an x in a column such that (x, y) lies on none of the listed edges; NaN where there is none."""
    part = 0.5
    for _ in range(_TRIES):
        x = x0 + (column + part) / per_x
        free = True
        for e in listed:
            if on_edge(xy, e, x, y):
                free = False
                break
        if free:
            return x
        part = (part + _STEP) % 1.0
    return np.nan


@njit(cache=True, nogil=True)
def _has(values, size, value):
    for i in range(size):
        if values[i] == value:
            return True
    return False


@njit(cache=True, nogil=True)
def _toggle(held, size, owner_start, owner, e):
    """Enter or leave the polygons that own an edge; return how many hold the ray now."""
    for w in range(owner_start[e], owner_start[e + 1]):
        at = 0
        while at < size and held[at] != owner[w]:
            at += 1
        if at < size:
            size -= 1
            held[at] = held[size]
        else:
            held[size] = owner[w]
            size += 1
    return size


@njit(cache=True, nogil=True)
def _answer_on_ray(held, size, above):
    return answer_of(np.sort(held[:size]), np.ones(size, dtype=np.uint8), above)


@njit(cache=True, nogil=True)
def _walk_rows(
    cell, row_start, edge_start, edge, xy, owner_start, owner, x0, y0, per_x, per_y, columns, rows, above, table, border
):
    """Walk the middle of each row from the west: fill the table, set anchors, note who holds them."""
    outside = len(above)
    anchor = np.empty((len(cell), 2))
    near_start = np.zeros(len(cell) + 1, dtype=np.int32)
    near = np.empty(4 * len(cell) + 16, dtype=np.int32)
    holds = np.empty(len(near), dtype=np.uint8)
    held = np.empty(len(above) + 1, dtype=np.int32)
    beside = np.empty(len(above) + 1, dtype=np.int32)
    used = 0
    none = edge[:0]
    for row in range(rows):
        y = y0 + (row + 0.5) / per_y
        size = 0
        next_column = 0
        before = none
        for b in range(row_start[row], row_start[row + 1]):
            column = cell[b] - row * columns
            listed = edge[edge_start[b] : edge_start[b + 1]]
            x = _anchor(xy, listed, column, y, x0, per_x)
            if np.isnan(x):
                return False, anchor, near_start, near, holds
            anchor[b, 0], anchor[b, 1] = x, y
            for e in before:
                if _crosses(xy, e, y) and not _is_left(xy, e, anchor[b - 1, 0], y) and _is_left(xy, e, x, y):
                    size = _toggle(held, size, owner_start, owner, e)
            if column > next_column:
                table[row * columns + next_column : row * columns + column] = (
                    _answer_on_ray(held, size, above) if size else outside
                )
            for e in listed:
                if _crosses(xy, e, y) and _is_left(xy, e, x, y) and not _has(before, len(before), e):
                    size = _toggle(held, size, owner_start, owner, e)
            count = size
            beside[:size] = held[:size]
            for e in listed:
                for w in range(owner_start[e], owner_start[e + 1]):
                    if not _has(beside, count, owner[w]):
                        beside[count] = owner[w]
                        count += 1
            if used + count > len(near):
                near = np.concatenate((near, np.empty(len(near) + count, dtype=np.int32)))
                holds = np.concatenate((holds, np.empty(len(holds) + count, dtype=np.uint8)))
            for polygon in np.sort(beside[:count]):
                near[used] = polygon
                holds[used] = _has(held, size, polygon)
                used += 1
            near_start[b + 1] = used
            table[row * columns + column] = border + (b - row_start[row])
            next_column = column + 1
            before = listed
        table[row * columns + next_column : (row + 1) * columns] = outside
    return True, anchor, near_start, near[:used].copy(), holds[:used].copy()
