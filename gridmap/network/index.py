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
    kept = np.ones(len(vertex_start) - 1, dtype=np.bool_) if wanted is None else wanted
    ends, line, before = _segments(vertex_start, np.ascontiguousarray(xy), kept)
    if len(line) == 0:
        return SegmentIndex(0.0, 0.0, CELL_M, 1, 1, np.zeros(2, np.int64), line, ends, line, before)
    # A margin keeps the far border inside the last cell.
    x, y = ends[:, 0::2], ends[:, 1::2]
    low = np.array([x.min(), y.min()]) - 1.0
    size = np.array([x.max(), y.max()]) + 1.0 - low
    cell_m = max(CELL_M, float(np.sqrt(size[0] * size[1] / _MOST_CELLS)))
    columns, rows = (int(n) for n in np.ceil(size / cell_m))
    start, members = _bucket(ends, low[0], low[1], cell_m, columns, rows)
    return SegmentIndex(float(low[0]), float(low[1]), cell_m, columns, rows, start, members, ends, line, before)


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
def _segments(vertex_start, xy, wanted):
    """Cut polylines into segments: their ends, the line of each, and how far along it each begins."""
    count = 0
    for i in range(len(wanted)):
        if wanted[i]:
            count += max(vertex_start[i + 1] - vertex_start[i] - 1, 0)
    ends, line, before = np.empty((count, 4)), np.empty(count, np.int32), np.empty(count)
    at = 0
    for i in range(len(wanted)):
        walked = 0.0
        for k in range(vertex_start[i], vertex_start[i + 1] - 1 if wanted[i] else vertex_start[i]):
            ends[at, 0], ends[at, 1], ends[at, 2], ends[at, 3] = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            line[at], before[at] = i, walked
            walked += np.hypot(xy[k + 1, 0] - xy[k, 0], xy[k + 1, 1] - xy[k, 1])
            at += 1
    return ends, line, before


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
