"""Getting on the network: the nearest point on an edge that can be entered from beside the road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from gridmap.geo.threads import spread
from gridmap.network.index import SegmentIndex
from gridmap.network.model import WalkNetwork

Floats: TypeAlias = NDArray[np.float64]

_WORTH: Final = 2_000
"""Fewer points than this are not worth a second thread."""
_TILE_CELLS: Final = 16
_MOST_TILES: Final = 32_000
_BESIDE: Final = 1.0 + 1e-9
"""Slack for a cell whose border the nearest segment lies on."""


@dataclass(frozen=True, eq=False)
class Snapped:
    """Points on the network, one for every point asked for.

    Parameters
    ----------
    edge
        The edge, -1 where none is near enough.
    along_m
        Distance from the edge's start, along it; NaN where there is none, as in the others.
    offset_m
        Straight distance from the point asked for to the edge.
    x, y
        The point on the edge, in the network's CRS.
    """

    edge: NDArray[np.int32]
    along_m: Floats
    offset_m: Floats
    x: Floats
    y: Floats

    def __len__(self) -> int:
        return len(self.edge)

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Snapped:
        """Return some of the points."""
        return Snapped(self.edge[which], self.along_m[which], self.offset_m[which], self.x[which], self.y[which])


def snap(network: WalkNetwork, x: ArrayLike, y: ArrayLike, max_m: float, *, barriers: bool = True) -> Snapped:
    """Find the nearest point on an edge with roadside access.

    Parameters
    ----------
    network
        The walking network.
    x, y
        Points in the network's CRS (metres); one that is not a number is nowhere near an edge.
    max_m
        Furthest straight distance to the edge, in metres.
    barriers
        Whether the straight way to the edge must not cross water, a railway or a motorway.

    Returns
    -------
    Snapped
        One entry a point. Of edges equally near, the one that comes first.

    Examples
    --------
    >>> from gridmap.network.io import read_network
    >>> network = read_network("data/town/streets.gpkg")
    >>> on = snap(network, *network.node_xy[:1].T, 10.0)
    >>> int(on.edge[0]) >= 0, float(on.offset_m[0])
    (True, 0.0)
    """
    px, py = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    streets, walls = network.street_index, network.barrier_index
    found = Snapped(np.full(len(px), -1, np.int32), *(np.full(len(px), np.nan) for _ in range(4)))
    if len(streets.line) == 0:
        return found
    order = _by_tile(px, py, streets)

    def run(start: int, stop: int) -> None:
        _nearest(
            px, py, order[start:stop], float(max_m), _table(streets), streets.start, streets.members, streets.ends,
            streets.line, streets.before_m, barriers and len(walls.line) > 0, _table(walls), walls.start, walls.members,
            walls.ends, found.edge, found.along_m, found.offset_m, found.x, found.y,
        )  # fmt: skip

    spread(run, len(px), worth=_WORTH)
    return found


def _by_tile(x: Floats, y: Floats, index: SegmentIndex) -> NDArray[np.intp]:
    """Return the points tile by tile: near each other they look at the same streets, still in the processor's cache."""
    tile_m = max(_TILE_CELLS * index.cell_m, np.sqrt(index.columns * index.rows / _MOST_TILES) * index.cell_m)
    columns = int(index.columns * index.cell_m / tile_m) + 1
    rows = int(index.rows * index.cell_m / tile_m) + 1
    column = np.clip(np.nan_to_num((x - index.low_x) / tile_m), 0, columns - 1).astype(np.int64)
    row = np.clip(np.nan_to_num((y - index.low_y) / tile_m), 0, rows - 1).astype(np.int64)
    # Numbers of two bytes are sorted by counting.
    return np.argsort((row * columns + column).astype(np.uint16), kind="stable")


def _table(index: SegmentIndex) -> tuple[float, float, float, int, int]:
    return index.low_x, index.low_y, index.cell_m, index.columns, index.rows


@njit(cache=True, nogil=True)
def crosses(x, y, qx, qy, table, start, members, ends):
    """Whether the straight way to q crosses a segment; to end on one (a street along a shore) is not to cross it."""
    low_x, low_y, cell_m, columns, rows = table
    c0 = max(int(np.floor((min(x, qx) - low_x) / cell_m)), 0)
    c1 = min(int(np.floor((max(x, qx) - low_x) / cell_m)), columns - 1)
    r0 = max(int(np.floor((min(y, qy) - low_y) / cell_m)), 0)
    r1 = min(int(np.floor((max(y, qy) - low_y) / cell_m)), rows - 1)
    dx, dy = qx - x, qy - y
    for row in range(r0, r1 + 1):
        for column in range(c0, c1 + 1):
            cell = row * columns + column
            for k in range(start[cell], start[cell + 1]):
                s = members[k]
                ax, ay, bx, by = ends[s, 0], ends[s, 1], ends[s, 2], ends[s, 3]
                # Half-open at the segment's ends: a way through a corner of a shore crosses one of its two sides.
                if (dx * (ay - y) - dy * (ax - x) > 0) == (dx * (by - y) - dy * (bx - x) > 0):
                    continue
                sx, sy = bx - ax, by - ay
                here, there = sx * (y - ay) - sy * (x - ax), sx * (qy - ay) - sy * (qx - ax)
                # A micrometre of slack (times the segment's length): a street vertex that lies on the shore.
                slack = 1e-6 * (abs(sx) + abs(sy))
                if (here > slack and there < -slack) or (here < -slack and there > slack):
                    return True
    return False


@njit(cache=True, nogil=True)
def _nearest(
    px, py, order, max_m, table, start, members, ends, line, before_m, walled, wall_table, wall_start, wall_members,
    wall_ends, edge, along_m, offset_m, on_x, on_y,
):  # fmt: skip
    """Search rings of cells outwards until no nearer segment can come; write where each point of ``order`` gets on."""
    low_x, low_y, cell_m, columns, rows = table
    for i in order:
        x, y = px[i], py[i]
        inland = x > low_x - max_m and x < low_x + columns * cell_m + max_m
        if not (inland and y > low_y - max_m and y < low_y + rows * cell_m + max_m):
            continue
        column, row = int(np.floor((x - low_x) / cell_m)), int(np.floor((y - low_y) / cell_m))
        # What lies outside ring r is at least this plus r cells away.
        inside = min(x - low_x - column * cell_m, (column + 1) * cell_m - x + low_x)
        inside = max(min(inside, y - low_y - row * cell_m, (row + 1) * cell_m - y + low_y), 0.0)
        best = max_m * max_m
        segment, share = -1, 0.0
        ring, rings = 0, max(column, columns - 1 - column, row, rows - 1 - row)
        while ring <= rings and (ring == 0 or ((ring - 1) * cell_m + inside) ** 2 <= best):
            for r in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
                off_y = max(low_y + r * cell_m - y, y - low_y - (r + 1) * cell_m, 0.0)
                # A full row of cells above and below the square, the two cells at its sides in between.
                if abs(r - row) == ring:
                    first, last, stride = max(column - ring, 0), min(column + ring, columns - 1), 1
                else:
                    first = column - ring if column >= ring else column + ring
                    last, stride = min(column + ring, columns - 1), 2 * ring
                for c in range(first, last + 1, stride):
                    cell = r * columns + c
                    if start[cell] == start[cell + 1]:
                        continue
                    off_x = max(low_x + c * cell_m - x, x - low_x - (c + 1) * cell_m, 0.0)
                    if off_x * off_x + off_y * off_y > best * _BESIDE:
                        continue
                    for k in range(start[cell], start[cell + 1]):
                        s = members[k]
                        ax, ay = ends[s, 0], ends[s, 1]
                        dx, dy = ends[s, 2] - ax, ends[s, 3] - ay
                        t = ((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
                        t = min(max(t, 0.0), 1.0)
                        qx, qy = ax + t * dx, ay + t * dy
                        far = (x - qx) ** 2 + (y - qy) ** 2
                        if far > best or (far == best and segment >= 0 and s >= segment):
                            continue
                        if walled and crosses(x, y, qx, qy, wall_table, wall_start, wall_members, wall_ends):
                            continue
                        best, segment, share = far, s, t
            ring += 1
        if segment >= 0:
            dx, dy = ends[segment, 2] - ends[segment, 0], ends[segment, 3] - ends[segment, 1]
            edge[i] = line[segment]
            along_m[i] = before_m[segment] + share * np.sqrt(dx * dx + dy * dy)
            offset_m[i] = np.sqrt(best)
            on_x[i], on_y[i] = ends[segment, 0] + share * dx, ends[segment, 1] + share * dy
