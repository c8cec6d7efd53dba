"""From points to answers, by the tables of an index: kernels that run without the interpreter's lock."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.locate.records import EDGE_WORDS, HEAD, PATCHES, decide_exactly

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]

NARROW: Final = 0x8000
"""Border cells in a table of 16 bits are numbered from here, answers below it."""
WIDE: Final = 0x40000000
"""The same in a table of 32 bits."""
_CHUNK: Final = 2048
"""Points looked up together: their coordinates and what is noted of them stay in the nearest cache."""


class Tables(NamedTuple):
    """What the kernels read; see :mod:`gridmap.locate.cells` and :mod:`gridmap.locate.records`.

    Parameters
    ----------
    frame
        x0, y0, per_x, per_y, columns, rows.
    table
        Shape (rows · columns,): answers, or from the border number on the place of a border cell in its row.
    row_start
        Number of the first border cell of each row.
    patches, records
        Of border cells.
    anchor
        Shape (2 · cells,): x, y.
    xy
        Shape (4 · edges,).
    owner_start, owner, polygon_start, polygon_edge
        As in :class:`gridmap.locate.edges.Edges`.
    above
        As in :func:`gridmap.locate.cells.fill_cells`.
    """

    frame: Floats
    table: NDArray[Any]
    row_start: Ints
    patches: Ints
    records: Ints
    anchor: Floats
    xy: Floats
    owner_start: Ints
    owner: Ints
    above: Ints
    polygon_start: Ints
    polygon_edge: Ints


@njit(cache=True, nogil=True, inline="always")
def _cell(lon, lat, frame):
    """Return a point's place in cells, moved to the outermost ones where it is beyond them or no number."""
    u, v = (lon - frame[0]) * frame[2], (lat - frame[1]) * frame[3]
    # Written so that a NaN ends at 0.
    u = u if u > 0.0 else 0.0
    v = v if v > 0.0 else 0.0
    last_u, last_v = frame[4] - 1.0, frame[5] - 1.0
    return (u if u < last_u else last_u), (v if v < last_v else last_v)


@njit(cache=True, nogil=True, inline="always")
def _patch(u, v, b, patches):
    """Return what the patch of a point in border cell b says: 0 to 2 for an answer, 3 where a border runs through."""
    place = np.int32((v - np.int32(v)) * PATCHES) * PATCHES + np.int32((u - np.int32(u)) * PATCHES)
    return (patches[8 * b + (place >> 4)] >> np.int32(2 * (place & 15))) & 3


@njit(cache=True, nogil=True)
def _decide(u, v, record, records, floats, above):
    """Return the answer at (u, v), measured in float32 from the corner of the cell; -1 where rounding might matter.

    The way of :func:`gridmap.locate.records.decide_exactly`, with every edge turned so that the anchor is on its left.
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
def _settle(lon, lat, u, v, b, record, tables, floats):
    """Return the answer in a mixed patch: in float32 where that is certain, else exactly."""
    answer = _decide(u, v, record, tables.records, floats, tables.above)
    if answer < 0:
        answer = decide_exactly(
            lon, lat, record, tables.records, tables.anchor[2 * b], tables.anchor[2 * b + 1],
            tables.xy.reshape(-1, 4), tables.owner_start, tables.owner, tables.above,
        )  # fmt: skip
    return answer


@njit(cache=True, nogil=True)
def find_answers(lon, lat, tables, border, answers):
    """Write the answer of every point: the number of a polygon, or the number of polygons where none holds it.

    A point that is no number is nowhere. In three rounds over each chunk, so that what is read at random is read ahead:
    the table of cells, the patches of those in border cells, the edges of those in mixed patches.
    """
    frame, table, patches = tables.frame, tables.table, tables.patches
    floats = tables.records.view(np.float32)
    columns = np.int32(frame[4])
    cell = np.empty(_CHUNK, dtype=np.int32)
    open_points = np.empty(_CHUNK, dtype=np.int32)
    us, vs = np.empty(_CHUNK, dtype=np.float32), np.empty(_CHUNK, dtype=np.float32)
    border_cell, record = np.empty(_CHUNK, dtype=np.int32), np.empty(_CHUNK, dtype=np.int32)
    for start in range(0, len(lon), _CHUNK):
        stop = min(len(lon), start + _CHUNK)
        for i in range(start, stop):
            u, v = _cell(lon[i], lat[i], frame)
            cell[i - start] = np.int32(v) * columns + np.int32(u)
        count = 0
        for i in range(start, stop):
            value = table[cell[i - start]]
            answers[i] = value
            open_points[count] = i - start
            count += value >= border
        mixed = 0
        for j in range(count):
            i = start + open_points[j]
            u, v = _cell(lon[i], lat[i], frame)
            b = np.int64(tables.row_start[np.int32(v)]) + np.int64(answers[i]) - border
            code = _patch(u, v, b, patches)
            answers[i] = patches[8 * b + 4 + code]
            open_points[mixed], border_cell[mixed], record[mixed] = i - start, b, patches[8 * b + 7]
            us[mixed], vs[mixed] = u - np.int32(u), v - np.int32(v)
            mixed += code == 3
        for j in range(mixed):
            i = start + open_points[j]
            answers[i] = _settle(lon[i], lat[i], us[j], vs[j], border_cell[j], record[j], tables, floats)


@njit(cache=True, nogil=True)
def find_answer(lon, lat, tables, border):
    """Return the answer of one point, by the steps of :func:`find_answers`."""
    u, v = _cell(lon, lat, tables.frame)
    value = np.int64(tables.table[np.int32(v) * np.int32(tables.frame[4]) + np.int32(u)])
    if value < border:
        return value
    b = np.int64(tables.row_start[np.int32(v)]) + value - border
    code = _patch(u, v, b, tables.patches)
    if code < 3:
        return np.int64(tables.patches[8 * b + 4 + code])
    record = tables.patches[8 * b + 7]
    u32, v32 = np.float32(u - np.int32(u)), np.float32(v - np.int32(v))
    return np.int64(_settle(lon, lat, u32, v32, b, record, tables, tables.records.view(np.float32)))
