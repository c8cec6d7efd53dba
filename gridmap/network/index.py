"""Line segments in square cells, so that what is near a point is found without a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int32]

CELL_M: Final = 50.0
_MOST_CELLS: Final = 4_000_000
"""Larger places get larger cells, so that the table of cells stays below 32 MB."""


@dataclass(frozen=True, eq=False)
class SegmentIndex:
    """Segments by cell: ``members[start[c]:start[c + 1]]`` are those whose bounding box touches cell ``c``.

    Parameters
    ----------
    low_x, low_y, cell_m
        South-west corner of the cells and their side, in metres.
    columns, rows
        Cell ``c`` is row ``c // columns`` from the south, column ``c % columns`` from the west.
    ends
        (n, 4) segments: x, y, x, y.
    line, before_m
        (n,) the line each segment belongs to, and how far along it the segment begins.
    """

    low_x: float
    low_y: float
    cell_m: float
    columns: int
    rows: int
    start: NDArray[np.int64]
    members: Ints
    ends: Floats
    line: Ints
    before_m: Floats


def index_lines(vertex_start: NDArray[np.int64], xy: Floats, wanted: NDArray[np.bool_] | None = None) -> SegmentIndex:
    """Index the segments of polylines; line ``i`` has the vertices ``xy[vertex_start[i]:vertex_start[i + 1]]``.

    ``wanted`` (one bool a line) leaves lines out; the others keep their numbers.
    """
    line = np.repeat(np.arange(len(vertex_start) - 1), np.diff(vertex_start))
    inner = line[:-1] == line[1:]
    first = np.flatnonzero(inner if wanted is None else inner & wanted[line[:-1]])
    if len(first) == 0:
        nothing = np.empty(0, dtype=np.int32)
        return SegmentIndex(0.0, 0.0, CELL_M, 1, 1, np.zeros(2, np.int64), nothing, np.empty((0, 4)), nothing,
                            np.empty(0))  # fmt: skip
    walked = np.r_[0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    before = walked[first] - walked[vertex_start[:-1]][line[first]]
    ends = np.c_[xy[first], xy[first + 1]]
    # A margin keeps the far border inside the last cell.
    low = np.minimum(ends[:, :2], ends[:, 2:]).min(axis=0) - 1.0
    size = np.maximum(ends[:, :2], ends[:, 2:]).max(axis=0) + 1.0 - low
    cell_m = max(CELL_M, float(np.sqrt(size[0] * size[1] / _MOST_CELLS)))
    columns, rows = (int(n) for n in np.ceil(size / cell_m))
    start, members = _bucket(ends, low[0], low[1], cell_m, columns, rows)
    return SegmentIndex(
        float(low[0]), float(low[1]), cell_m, columns, rows, start, members, ends, line[first].astype(np.int32), before
    )


def index_shapes(shapes: NDArray[np.object_]) -> SegmentIndex:
    """Index the lines and the outlines of polygons among ``shapes``; ``line`` is the position of the shape."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    area = shapely.get_dimensions(parts) == 2
    rings, of_part = shapely.get_rings(parts[area], return_index=True)
    lines = np.r_[parts[shapely.get_dimensions(parts) == 1], rings]
    shape = np.r_[owner[shapely.get_dimensions(parts) == 1], owner[area][of_part]]
    xy, at = shapely.get_coordinates(lines, return_index=True)
    start = np.r_[0, np.cumsum(np.bincount(at, minlength=len(lines)))].astype(np.int64)
    index = index_lines(start, xy)
    return SegmentIndex(**{**vars(index), "line": shape[index.line].astype(np.int32)})


@njit(cache=True)
def _bucket(ends, low_x, low_y, cell_m, columns, rows):
    """Count, then fill: every segment goes into each cell that its bounding box touches."""
    start = np.zeros(columns * rows + 1, np.int64)
    members = np.empty(0, np.int32)
    for turn in range(2):
        for s in range(len(ends)):
            x0 = int((min(ends[s, 0], ends[s, 2]) - low_x) / cell_m)
            x1 = int((max(ends[s, 0], ends[s, 2]) - low_x) / cell_m)
            y0 = int((min(ends[s, 1], ends[s, 3]) - low_y) / cell_m)
            y1 = int((max(ends[s, 1], ends[s, 3]) - low_y) / cell_m)
            for row in range(y0, y1 + 1):
                for column in range(x0, x1 + 1):
                    cell = row * columns + column
                    if turn == 0:
                        start[cell + 1] += 1
                    else:
                        members[start[cell]] = s
                        start[cell] += 1
        if turn == 0:
            start = np.cumsum(start)
            members = np.empty(start[-1], np.int32)
    # Filling moved every start to its end; move them back.
    start[1:] = start[:-1].copy()
    start[0] = 0
    return start, members
