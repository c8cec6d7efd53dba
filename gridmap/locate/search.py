"""From points to answers, by the tables of an index: kernels that run without the interpreter's lock."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.locate.records import LINE, PATCHES, decide_exactly, decide_quickly

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
def _within(place, last):
    """Return a place in cells, moved to the outermost ones where it is beyond them; a NaN ends at 0."""
    place = place if place > 0.0 else 0.0
    return place if place < last else last


@njit(cache=True, nogil=True, inline="always")
def _patch(u, v, b, patches):
    """Return what the patch of a point in border cell b says: 0 to 2 for an answer, 3 where a border runs through."""
    place = np.int32((v - np.int32(v)) * PATCHES) * PATCHES + np.int32((u - np.int32(u)) * PATCHES)
    return (patches[8 * b + (place >> 4)] >> np.int32(2 * (place & 15))) & 3


@njit(cache=True, nogil=True)
def _settle(lon, lat, b, record, tables):
    """Return the answer in a border cell exactly."""
    return decide_exactly(
        lon, lat, record, tables.records, tables.anchor[2 * b], tables.anchor[2 * b + 1],
        tables.xy.reshape(-1, 4), tables.owner_start, tables.owner, tables.above,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def find_answers(lon, lat, tables, border, answers):
    """Write the answer of every point: the number of a polygon, or the number of polygons where none holds it.

    A point that is no number is nowhere. In three rounds over each chunk, so that what is read at random is read ahead:
    the table of cells, the patches of those in border cells, the edges of those in mixed patches. What is returned
    means nothing: it keeps the compiler from leaving out the reading ahead.
    """
    # Taken out of the tables once: in a loop each would be counted as used again, and hide that it does not change.
    table, row_start, patches, records, above = (
        tables.table, tables.row_start, tables.patches, tables.records, tables.above,
    )  # fmt: skip
    floats = records.view(np.float32)
    x0, y0, per_x, per_y = tables.frame[0], tables.frame[1], tables.frame[2], tables.frame[3]
    columns, last_u, last_v = np.int32(tables.frame[4]), tables.frame[4] - 1.0, tables.frame[5] - 1.0
    cell = np.empty(_CHUNK, dtype=np.int32)
    open_points = np.empty(_CHUNK, dtype=np.int32)
    us, vs = np.empty(_CHUNK, dtype=np.float32), np.empty(_CHUNK, dtype=np.float32)
    border_cell, record = np.empty(_CHUNK, dtype=np.int32), np.empty(_CHUNK, dtype=np.int32)
    ahead = np.int32(0)
    for start in range(0, len(lon), _CHUNK):
        stop = min(len(lon), start + _CHUNK)
        for i in range(start, stop):
            u, v = _within((lon[i] - x0) * per_x, last_u), _within((lat[i] - y0) * per_y, last_v)
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
            u, v = (lon[i] - x0) * per_x, (lat[i] - y0) * per_y
            b = np.int64(row_start[np.int32(v)]) + np.int64(answers[i]) - border
            code = _patch(u, v, b, patches)
            answers[i] = patches[8 * b + 4 + code]
            open_points[mixed], border_cell[mixed], record[mixed] = i - start, b, patches[8 * b + 7]
            us[mixed], vs[mixed] = u - np.int32(u), v - np.int32(v)
            mixed += code == 3
        for j in range(mixed):
            # Reads that wait for nothing run side by side; the decisions below then find the records near.
            ahead ^= records[record[j]] ^ records[record[j] + LINE]
        for j in range(mixed):
            i = start + open_points[j]
            answer = decide_quickly(us[j], vs[j], record[j], records, floats, above)
            answers[i] = answer if answer >= 0 else _settle(lon[i], lat[i], border_cell[j], record[j], tables)
    return ahead


@njit(cache=True, nogil=True)
def find_answer(lon, lat, tables, border):
    """Return the answer of one point, by the steps of :func:`find_answers`."""
    frame = tables.frame
    u = _within((lon - frame[0]) * frame[2], frame[4] - 1.0)
    v = _within((lat - frame[1]) * frame[3], frame[5] - 1.0)
    value = np.int64(tables.table[np.int32(v) * np.int32(frame[4]) + np.int32(u)])
    if value < border:
        return value
    b = np.int64(tables.row_start[np.int32(v)]) + value - border
    code = _patch(u, v, b, tables.patches)
    if code < 3:
        return np.int64(tables.patches[8 * b + 4 + code])
    record = tables.patches[8 * b + 7]
    u32, v32 = np.float32(u - np.int32(u)), np.float32(v - np.int32(v))
    answer = np.int64(decide_quickly(u32, v32, record, tables.records, tables.records.view(np.float32), tables.above))
    return answer if answer >= 0 else np.int64(_settle(lon, lat, b, record, tables))
