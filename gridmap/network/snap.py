"""Getting on the network: the nearest point on an edge that can be entered from beside the road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from gridmap.network.model import WalkNetwork

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int32]

CELL_M: Final = 100.0
"""Side of a cell of the index: a few segments fall into one, and most searches end in the first ring."""


@dataclass(frozen=True, eq=False)
class Snapped:
    """Points on the network, one for every point asked for.

    Parameters
    ----------
    edge
        The edge, -1 where none is near enough.
    along_m
        Distance from the edge's start, along it.
    offset_m
        Straight distance from the point asked for to the edge; NaN where there is none.
    x, y
        The point on the edge, in the network's CRS.
    """

    edge: Ints
    along_m: Floats
    offset_m: Floats
    x: Floats
    y: Floats


@dataclass(frozen=True, eq=False)
class SegmentIndex:
    """Segments of edges in square cells; ``members[start[c]:start[c + 1]]`` are those that touch cell ``c``."""

    origin_x: float
    origin_y: float
    columns: int
    rows: int
    start: NDArray[np.int64]
    members: Ints
    ends: Floats
    edge: Ints
    before_m: Floats


def index_segments(network: WalkNetwork) -> SegmentIndex:
    """Put the segments of all edges with roadside access into cells of :data:`CELL_M`."""
    count = np.diff(network.vertex_start)
    edge = np.repeat(np.arange(len(count)), count)
    inner = edge[:-1] == edge[1:]
    first = np.flatnonzero(inner & network.edge_roadside[edge[:-1]])
    xy = network.vertex_xy
    step = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T)]
    walked = np.cumsum(step)
    before = walked - walked[network.vertex_start[:-1]][edge]
    ends = np.c_[xy[first], xy[first + 1]]
    if len(first) == 0:
        return SegmentIndex(0.0, 0.0, 1, 1, np.zeros(2, np.int64), np.empty(0, np.int32), ends,
                            np.empty(0, np.int32), np.empty(0))  # fmt: skip
    low = np.minimum(ends[:, :2], ends[:, 2:]).min(axis=0) - 1.0
    high = np.maximum(ends[:, :2], ends[:, 2:]).max(axis=0) + 1.0
    columns, rows = (int(n) for n in np.ceil((high - low) / CELL_M))
    start, members = _bucket(ends, low[0], low[1], columns, rows)
    return SegmentIndex(
        low[0], low[1], columns, rows, start, members, ends, edge[first].astype(np.int32), before[first]
    )


def snap(network: WalkNetwork, x: ArrayLike, y: ArrayLike, max_m: float, index: SegmentIndex | None = None) -> Snapped:
    """Find the nearest point on an edge with roadside access.

    Parameters
    ----------
    network
        The walking network.
    x, y
        Points in the network's CRS (metres); one that is not a number is nowhere near an edge.
    max_m
        Furthest straight distance to the edge.
    index
        :func:`index_segments` of the network, where it is at hand already.

    Returns
    -------
    Snapped
        One entry a point. Of edges equally near, the one that comes first.
    """
    known = index_segments(network) if index is None else index
    px, py = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    segment, share, offset = _nearest(
        px, py, float(max_m), known.origin_x, known.origin_y, known.columns, known.rows, known.start, known.members,
        known.ends,
    )  # fmt: skip
    found = segment >= 0
    if not len(known.edge):
        nothing = np.full(len(px), np.nan)
        return Snapped(np.full(len(px), -1, np.int32), nothing, nothing, nothing, nothing)
    at = np.where(found, segment, 0)
    ends = known.ends[at]
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    return Snapped(
        edge=np.where(found, known.edge[at], -1).astype(np.int32),
        along_m=np.where(found, known.before_m[at] + share * length, np.nan),
        offset_m=np.where(found, offset, np.nan),
        x=np.where(found, ends[:, 0] + share * (ends[:, 2] - ends[:, 0]), np.nan),
        y=np.where(found, ends[:, 1] + share * (ends[:, 3] - ends[:, 1]), np.nan),
    )


@njit(cache=True)
def _bucket(ends, low_x, low_y, columns, rows):  # type: ignore[no-untyped-def]
    """Count, then fill: every segment goes into each cell that its bounding box touches."""
    start = np.zeros(columns * rows + 1, np.int64)
    members = np.empty(0, np.int32)
    for turn in range(2):
        for s in range(len(ends)):
            x0 = int((min(ends[s, 0], ends[s, 2]) - low_x) / CELL_M)
            x1 = int((max(ends[s, 0], ends[s, 2]) - low_x) / CELL_M)
            y0 = int((min(ends[s, 1], ends[s, 3]) - low_y) / CELL_M)
            y1 = int((max(ends[s, 1], ends[s, 3]) - low_y) / CELL_M)
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


@njit(cache=True)
def _nearest(px, py, max_m, low_x, low_y, columns, rows, start, members, ends):  # type: ignore[no-untyped-def]
    """Search rings of cells outwards until no nearer segment can come."""
    n = len(px)
    segment = np.full(n, -1, np.int64)
    share = np.zeros(n)
    offset = np.full(n, np.nan)
    for i in range(n):
        x, y = px[i], py[i]
        if not (np.isfinite(x) and np.isfinite(y)):
            continue
        column, row = int(np.floor((x - low_x) / CELL_M)), int(np.floor((y - low_y) / CELL_M))
        best = max_m * max_m
        ring = 0
        while (ring - 1) * CELL_M <= max_m and not (
            ring >= 1 and segment[i] >= 0 and ((ring - 1) * CELL_M) ** 2 > best
        ):
            for r in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
                edge_row = abs(r - row) == ring
                for c in range(max(column - ring, 0), min(column + ring, columns - 1) + 1):
                    if not edge_row and abs(c - column) != ring:
                        continue
                    cell = r * columns + c
                    for k in range(start[cell], start[cell + 1]):
                        s = members[k]
                        dx, dy = ends[s, 2] - ends[s, 0], ends[s, 3] - ends[s, 1]
                        long2 = dx * dx + dy * dy
                        t = 0.0
                        if long2 > 0:
                            t = min(max(((x - ends[s, 0]) * dx + (y - ends[s, 1]) * dy) / long2, 0.0), 1.0)
                        far = (x - ends[s, 0] - t * dx) ** 2 + (y - ends[s, 1] - t * dy) ** 2
                        if far < best or (far == best and (segment[i] < 0 or s < segment[i])):
                            best = far
                            segment[i] = s
                            share[i] = t
            ring += 1
        if segment[i] >= 0:
            offset[i] = np.sqrt(best)
    return segment, share, offset
