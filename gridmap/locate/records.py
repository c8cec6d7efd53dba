"""What a border cell needs to decide its points, packed so that a decision touches two short runs of memory.

``patches``: the cell cut into 8 × 8 patches, two bits a patch: which of three answers covers it, or that a border runs
through it too. ``records``: for points in those patches, the edges near the cell as 32-bit numbers measured from its
corner, and a bound of the error that these and the arithmetic with them can make.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.locate.cells import BorderCells, Frame, answer_of, on_edge, span
from gridmap.locate.edges import Edges
from gridmap.locate.orientation import orientation

Ints: TypeAlias = NDArray[np.int32]

PATCHES: Final = 8
WORDS: Final = 8
"""Of a row of ``patches``: four of bits, three answers, where the record begins."""
HEAD: Final = 4
"""Words of a record before its polygons: edges, polygons and who holds the anchor, its x, the bound."""
EDGE_WORDS: Final = 6
"""x, y of both ends as float32, a bit for each polygon near that owns the edge, the edge's number."""
LINE: Final = 16
"""Words of a cache line; as many stand behind the last record, so that reading one line ahead stays inside."""
_MIXED: Final = 3
_BITS: Final = 16
"""More polygons than this near one cell have no bit; its bound is infinite, so the exact way decides."""
_PATCH_MARGIN: Final = 1e-5
_BOUND: Final = 2.0**-18
"""Times the square of the extent bounds the error of a float32 determinant here.

Coordinates (rounded to 2^-24 of the extent E), their differences and the products of two differences, each at most
2 E, add up to less than 64 · 2^-24 · E².
"""


class Packed(NamedTuple):
    """Rows of ``patches``, shape (cells, 8), and all records after one another; both int32."""

    patches: Ints
    records: Ints


def pack_cells(cells: BorderCells, edges: Edges, frame: Frame, above: Ints) -> Packed:
    """Pack border cells."""
    records, starts = _records(*cells[:1], *cells[2:], edges.xy, edges.owner_start, edges.owner, *frame[:5])
    patches: Any = _patches(
        cells.cell, starts, records, cells.edge_start, cells.edge, cells.anchor, edges.xy, edges.owner_start,
        edges.owner, *frame[:5], above,
    )  # fmt: skip
    return Packed(patches, records)


@njit(cache=True, nogil=True)
def _records(
    cell, edge_start, edge, anchor, near_start, near, holds, xy, owner_start, owner, x0, y0, per_x, per_y, columns
):
    starts = np.zeros(len(cell) + 1, dtype=np.int64)
    for b in range(len(cell)):
        polygons, count = near_start[b + 1] - near_start[b], edge_start[b + 1] - edge_start[b]
        starts[b + 1] = starts[b] + HEAD + polygons + EDGE_WORDS * count
    words = np.zeros(starts[-1] + LINE, dtype=np.int32)
    floats = words.view(np.float32)
    for b in range(len(cell)):
        row = cell[b] // columns
        column = cell[b] - row * columns
        polygons = near_start[b + 1] - near_start[b]
        at = starts[b] + HEAD
        held = np.int64(0)
        for i in range(polygons):
            k = near_start[b] + i
            words[at + i] = 2 * near[k] + holds[k]
            if i < _BITS:
                held |= np.int64(holds[k]) << i
        at += polygons
        extent = 1.0
        for k in range(edge_start[b], edge_start[b + 1]):
            e = edge[k]
            side = orientation(xy[e, 0], xy[e, 1], xy[e, 2], xy[e, 3], anchor[b, 0], anchor[b, 1])
            # Turned so that the anchor lies left: a point right of the edge may be across it.
            first = 2 if side < 0 else 0
            for i in range(2):
                end = first if i == 0 else 2 - first
                u, v = (xy[e, end] - x0) * per_x - column, (xy[e, end + 1] - y0) * per_y - row
                floats[at + 2 * i], floats[at + 2 * i + 1] = u, v
                extent = max(extent, abs(u), abs(v))
            # Seen from an anchor on its line, an edge hides nothing.
            bits = 0 if side == 0 else _owners(near, near_start[b], min(polygons, _BITS), owner, owner_start, e)
            words[at + 4], words[at + 5] = bits, e
            at += EDGE_WORDS
        head = starts[b]
        words[head], words[head + 1] = edge_start[b + 1] - edge_start[b], polygons | held << _BITS
        floats[head + 2] = (anchor[b, 0] - x0) * per_x - column
        floats[head + 3] = np.inf if polygons > _BITS else _BOUND * (1.0 + extent) ** 2
    return words, starts


@njit(cache=True, nogil=True)
def _owners(near, start, polygons, owner, owner_start, e):
    bits = 0
    for w in range(owner_start[e], owner_start[e + 1]):
        for i in range(polygons):
            if near[start + i] == owner[w]:
                bits ^= 1 << i
    return bits


@njit(cache=True, nogil=True)
def decide_exactly(px, py, record, records, anchor_x, anchor_y, xy, owner_start, owner, above):
    """Return the answer at a point of a border cell: who holds the anchor, changed at each edge between the two.

    An edge lies between where the two are strictly on different sides of it and its ends on different sides of the
    line through both; of ends on that line the one way counts as above. A point on an edge is in all its polygons.
    """
    count, polygons = records[record], records[record + 1] & 0xFFFF
    near = np.empty(polygons, dtype=np.int32)
    inside = np.empty(polygons, dtype=np.uint8)
    on = np.zeros(polygons, dtype=np.uint8)
    for i in range(polygons):
        near[i] = records[record + HEAD + i] >> 1
        inside[i] = records[record + HEAD + i] & 1
    for k in range(count):
        e = records[record + HEAD + polygons + EDGE_WORDS * k + 5]
        ax, ay, bx, by = xy[e, 0], xy[e, 1], xy[e, 2], xy[e, 3]
        side = orientation(ax, ay, bx, by, px, py)
        touching = side == 0 and on_edge(xy, e, px, py)
        between = (
            side * orientation(ax, ay, bx, by, anchor_x, anchor_y) < 0
            and (orientation(anchor_x, anchor_y, px, py, ax, ay) >= 0)
            != (orientation(anchor_x, anchor_y, px, py, bx, by) >= 0)
        )  # fmt: skip
        if touching or between:
            for w in range(owner_start[e], owner_start[e + 1]):
                i = np.searchsorted(near, owner[w])
                if touching:
                    on[i] = 1
                else:
                    inside[i] ^= 1
    return answer_of(near, inside | on, above)


@njit(cache=True, nogil=True)
def decide_quickly(u, v, record, records, floats, above):
    """Return the answer at (u, v), measured in float32 from the corner of the cell; -1 where rounding might matter.

    The way of :func:`decide_exactly`, with every edge turned so that the anchor is on its left.
    """
    count, polygons = records[record], records[record + 1] & 0xFFFF
    inside = (records[record + 1] >> 16) & 0xFFFF
    anchor, bound = floats[record + 2], floats[record + 3]
    half = np.float32(0.5)
    du, dv = u - anchor, v - half
    near = record + HEAD
    at = near + polygons
    unsure = False
    for _ in range(count):
        u1, v1, u2, v2 = floats[at], floats[at + 1], floats[at + 2], floats[at + 3]
        side = (u2 - u1) * (v - v1) - (v2 - v1) * (u - u1)
        first = du * (v1 - half) - dv * (u1 - anchor)
        second = du * (v2 - half) - dv * (u2 - anchor)
        # Bits, not branches: which edge is crossed cannot be foretold.
        unsure |= (abs(side) <= bound) | (abs(first) <= bound) | (abs(second) <= bound)
        inside ^= records[at + 4] * np.int32((side < 0) & ((first >= 0) != (second >= 0)))
        at += EDGE_WORDS
    if unsure:
        return -1
    answer = len(above)
    found = False
    while inside != 0:
        if inside & 1:
            polygon = records[near] >> 1
            up = above[polygon]
            if not found:
                if up == -1:
                    answer = polygon
                    found = True
            elif up == answer:
                answer = polygon
        inside >>= 1
        near += 1
    return answer


@njit(cache=True, nogil=True)
def _patches(
    cell, starts, records, edge_start, edge, anchor, xy, owner_start, owner, x0, y0, per_x, per_y, columns, above
):
    patches = np.zeros((len(cell), WORDS), dtype=np.int32)
    mixed = np.empty((PATCHES, PATCHES), dtype=np.uint8)
    floats = records.view(np.float32)
    for b in range(len(cell)):
        row = cell[b] // columns
        column = cell[b] - row * columns
        mixed[:] = 0
        for k in range(edge_start[b], edge_start[b + 1]):
            e = edge[k]
            u1, v1 = ((xy[e, 0] - x0) * per_x - column) * PATCHES, ((xy[e, 1] - y0) * per_y - row) * PATCHES
            u2, v2 = ((xy[e, 2] - x0) * per_x - column) * PATCHES, ((xy[e, 3] - y0) * per_y - row) * PATCHES
            low, high = min(v1, v2) - _PATCH_MARGIN, max(v1, v2) + _PATCH_MARGIN
            for j in range(max(int(np.floor(low)), 0), min(int(np.floor(high)), PATCHES - 1) + 1):
                first, last = span(u1, v1, u2, v2, j, _PATCH_MARGIN)
                mixed[j, max(first, 0) : min(last, PATCHES - 1) + 1] = 1
        patches[b, 7] = starts[b]
        known = 0
        for j in range(PATCHES):
            code = _MIXED
            run = False
            for i in range(PATCHES):
                if mixed[j, i]:
                    run = False
                    code = _MIXED
                elif not run:
                    run = True
                    u, v = (i + 0.5) / PATCHES, (j + 0.5) / PATCHES
                    answer = decide_quickly(np.float32(u), np.float32(v), starts[b], records, floats, above)
                    if answer < 0:
                        x, y = x0 + (column + u) / per_x, y0 + (row + v) / per_y
                        answer = decide_exactly(
                            x, y, starts[b], records, anchor[b, 0], anchor[b, 1], xy, owner_start, owner, above
                        )
                    code = 0
                    while code < known and patches[b, 4 + code] != answer:
                        code += 1
                    if code == known and known < _MIXED:
                        patches[b, 4 + code] = answer
                        known += 1
                place = j * PATCHES + i
                patches[b, place >> 4] |= np.int32(code << (2 * (place & 15)))
    return patches
