"""The walking-time field of an origin over the owned land, and the outlines of what is reached within limits.

At a point that edge ``(u, v)`` owns the field is ``min(t_u + along, t_v + rest) + offset``. Where two owners meet it
jumps, and the very point at which the owner changes is looked for (:mod:`gridmap.circles.jumps`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.circles.contour import Rings, chain, follow, linear, shells, simplify
from gridmap.circles.jumps import FAR, place_jumps, walked_s
from gridmap.circles.ownership import SHARES, TILE, OwnedLand, segments
from gridmap.geo.threads import spread
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import WalkTimes
from gridmap.network.places import near_edges
from gridmap.network.search import Reach, Seeds

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Finished = TypeVar("Finished")

_WORTH: Final = 4
_SIMPLIFY: Final = 1 / 8
"""Tolerance in cells of the lines drawn."""


class Streets(NamedTuple):
    """What a field has to know of the edges.

    Parameters
    ----------
    start, edge
        The graph's neighbours; see :class:`gridmap.network.graph.Graph`.
    nodes, node_xy, seconds
        Of every edge its junctions, where they are, and the seconds there and back.
    bounds, length_m
        (edges, 4) west, south, east, north; and their lengths.
    vertex_start, vertex_xy, vertex_share
        Polylines, and how far along its edge each vertex lies (0 to 1).
    speed_m_s
        Off the network.
    """

    start: Ints
    edge: NDArray[np.int32]
    nodes: NDArray[np.int32]
    node_xy: Floats
    seconds: Floats32
    bounds: Floats
    length_m: Floats
    vertex_start: Ints
    vertex_xy: Floats
    vertex_share: Floats
    speed_m_s: float


class _Origins(NamedTuple):
    """What each origin or group reaches, and where it begins; see :class:`Reach` and :class:`Seeds`."""

    start: Ints
    node: NDArray[np.int32]
    seconds: Floats32
    first: Ints
    edge: NDArray[np.int32]
    share: Floats32
    off_s: Floats32


class _Known(NamedTuple):
    """What is known of the edges for the origin at hand.

    Parameters
    ----------
    stamp
        (edges,) the origin's number and one, negative where it stands beside the edge; else nothing is known.
    times
        (edges, 4) seconds to the edge's start and end, and along it there and back.
    """

    stamp: NDArray[np.int32]
    times: Floats32


def _streets(network: WalkNetwork, walk: WalkTimes) -> Streets:
    graph = network.graph
    return Streets(
        graph.start, graph.edge, network.edge_nodes, network.node_xy, walk.seconds, network.edge_bounds,
        network.edge_length_m, network.vertex_start, network.vertex_xy, network.vertex_share, walk.speed_m_s,
    )  # fmt: skip


def trace_fields(
    network: WalkNetwork,
    land: OwnedLand,
    walk: WalkTimes,
    found: Reach,
    seeds: Seeds,
    limits_m: Floats,
    off_street_m: float,
    finish: Callable[[Rings], Finished],
) -> list[Finished]:
    """Trace what every origin reaches within every limit, on all processors.

    Parameters
    ----------
    network, land, walk
        The network, its :func:`gridmap.circles.ownership.owned_land` and :func:`gridmap.network.pace.walk_times`.
    found, seeds
        :func:`gridmap.network.search.reach` for the largest limit and a cell and a half more, and its seeds.
    limits_m
        The ranges as metres at the speed, ascending.
    off_street_m
        Furthest straight walk from a street.
    finish
        Makes of the rings of some origins, in the network's CRS, what is wanted; called in several threads. Of the
        outlines ``len(limits_m)`` in a row belong to an origin.

    Returns
    -------
    list
        What ``finish`` made, in the order of the origins.
    """
    limits = np.asarray(limits_m, dtype=np.float32)
    tiles, streets = land.tiles(np.empty(0, np.int64)), _streets(network, walk)
    furthest_m = float(limits[-1] + 1.5 * tiles.cell_m)
    origins = _Origins(
        found.start, found.node, found.seconds, seeds.first, seeds.edge, seeds.share, seeds.off_s
    )  # fmt: skip
    boxes = _boxes(tiles, streets, origins, furthest_m, off_street_m + tiles.cell_m)
    tiles = land.tiles(_tiles_in(boxes, tiles.columns))
    walls = segments(network.barrier_index)

    def work(low: int, high: int) -> Finished:
        start, xy, shell, of = _rings(
            low, high, tiles, streets, walls, origins, boxes, limits, np.float32(off_street_m)
        )  # fmt: skip
        metres = xy * tiles.cell_m + (tiles.low_x, tiles.low_y)
        return finish(Rings(start, metres, shell, of - low * len(limits), (high - low) * len(limits)))

    return spread(work, len(found.start) - 1, worth=_WORTH)


def _tiles_in(boxes: Ints, columns: int) -> Ints:
    """Return the tiles that any of the boxes (west, south, east, north in cells) touches."""
    some = boxes[boxes[:, 0] <= boxes[:, 2]] // TILE
    wanted = [np.empty(0, np.int64)]
    for west, south, east, north in np.unique(some, axis=0):
        wanted.append((np.arange(south, north + 1)[:, None] * columns + np.arange(west, east + 1)).ravel())
    return np.unique(np.concatenate(wanted))


@njit(cache=True, nogil=True)
def _boxes(tiles, streets, origins, furthest_m, reach_m):
    """Return (origins, 4) the cells that each may reach: west, south, east, north; west above east where none."""
    groups = len(origins.first) - 1
    seconds, stamps = np.empty(len(streets.start) - 1, np.float32), np.zeros(len(streets.start) - 1, np.int32)
    seen, edges = np.zeros(len(streets.nodes), np.int32), np.empty(len(streets.nodes), np.int32)
    boxes = np.empty((groups, 4), np.int64)
    for o in range(groups):
        nodes = origins.node[origins.start[o] : origins.start[o + 1]]
        seconds[nodes] = origins.seconds[origins.start[o] : origins.start[o + 1]]
        stamps[nodes] = o + 1
        own = origins.edge[origins.first[o] : origins.first[o + 1]]
        west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
        for e in edges[: near_edges(o + 1, seen, edges, nodes, len(nodes), streets.start, streets.edge, own)]:
            box = streets.bounds[e]
            low_x, low_y, high_x, high_y = box[0], box[1], box[2], box[3]
            u, v = streets.nodes[e]
            if (stamps[u] == o + 1) != (stamps[v] == o + 1) and not np.any(own == e):
                # Entered from one end: no further than the metres that are left.
                n = u if stamps[u] == o + 1 else v
                rest, (x, y) = max(furthest_m - seconds[n] * streets.speed_m_s, 0.0), streets.node_xy[n]
                low_x, low_y = max(low_x, x - rest), max(low_y, y - rest)
                high_x, high_y = min(high_x, x + rest), min(high_y, y + rest)
            west, south = min(west, low_x), min(south, low_y)
            east, north = max(east, high_x), max(north, high_y)
        boxes[o, :] = 0, 0, -1, -1
        if west <= east:
            boxes[o, 0] = max((west - reach_m - tiles.low_x) // tiles.cell_m, 0)
            boxes[o, 1] = max((south - reach_m - tiles.low_y) // tiles.cell_m, 0)
            boxes[o, 2] = min((east + reach_m - tiles.low_x) // tiles.cell_m + 1, tiles.columns * TILE - 1)
            boxes[o, 3] = min((north + reach_m - tiles.low_y) // tiles.cell_m + 1, tiles.rows * TILE - 1)
    return boxes


class _Rasters(NamedTuple):
    """Room for the rasters of one origin after the other, row by row, and for the sides of its outlines.

    Parameters
    ----------
    metres, beyond, owner, along
        Metres walked, metres further from a street than one walks, the edge that owns the land, and how far along it
        (0 to 1) the walk to the land leaves it.
    values
        Metres beyond the limit at hand, a cell at most.
    after, share, sides
        See :mod:`gridmap.circles.contour`.
    """

    metres: Floats32
    beyond: Floats32
    owner: NDArray[np.int32]
    along: Floats32
    values: Floats32
    after: NDArray[np.int32]
    share: Floats32
    sides: NDArray[np.int32]


@njit(cache=True, nogil=True)
def _room(boxes):
    """Return rasters that hold the largest of the boxes and a cell more on every side."""
    most = 1
    for west, south, east, north in boxes:
        most = max(most, (east - west + 3) * (north - south + 3))
    return _Rasters(
        np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.int32), np.empty(most, np.float32),
        np.empty(most, np.float32),
        np.full(2 * most, -1, np.int32), np.empty(2 * most, np.float32), np.empty(2 * most, np.int32),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _rings(low, high, tiles, streets, walls, origins, boxes, limits, off_street_m):
    edges = len(streets.nodes)
    known = _Known(np.zeros(edges, np.int32), np.empty((edges, 4), np.float32))
    near = np.empty(edges, np.int32)
    seconds = np.full(len(streets.start) - 1, np.inf, np.float32)
    rasters = _room(boxes[low:high])
    out_start, out_shell, out_of = np.zeros(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    out_xy = np.empty((1024, 2))
    rings, filled = 0, 0
    for o in range(low, high):
        if boxes[o, 2] < boxes[o, 0]:
            continue
        nodes = origins.node[origins.start[o] : origins.start[o + 1]]
        seconds[nodes] = origins.seconds[origins.start[o] : origins.start[o + 1]]
        _learn(o, streets, origins, known, near, nodes, seconds)
        seconds[nodes] = np.inf
        walled = _fill(o, tiles, streets, origins, known, boxes[o], rasters, off_street_m)
        for number in range(len(limits)):
            start, xy = _outline(
                o, tiles, streets, walls, origins, known, boxes[o], rasters, limits[number], off_street_m, walled
            )
            shell = shells(start, xy)
            simplify(start, xy, _SIMPLIFY)
            made, points = len(start) - 1, start[-1]
            out_start, out_shell = _grown(out_start, rings + made + 1), _grown(out_shell, rings + made)
            out_of, out_xy = _grown(out_of, rings + made), _grown(out_xy, filled + points)
            for k in range(made):
                out_shell[rings + k] = shell[k] + rings if shell[k] >= 0 else -1
                out_of[rings + k] = o * len(limits) + number
                out_start[rings + k + 1] = filled + start[k + 1]
            out_xy[filled : filled + points] = xy[:points]
            rings += made
            filled += points
    return out_start[: rings + 1].copy(), out_xy[:filled].copy(), out_shell[:rings].copy(), out_of[:rings].copy()


@njit(cache=True, nogil=True)
def _grown(array, size):
    """Return an array that holds at least so many rows, the old ones first."""
    while len(array) < size:
        array = np.concatenate((array, np.empty_like(array)))
    return array


@njit(cache=True, nogil=True)
def _outline(o, tiles, streets, walls, origins, known, box, rasters, limit_m, off_street_m, walled):
    """Return the rings around what an origin reaches within a limit, in cells of the whole raster."""
    west, south, columns = box[0] - 1, box[1] - 1, box[2] - box[0] + 3
    rows, cell_m = box[3] - box[1] + 3, np.float32(tiles.cell_m)
    metres, beyond, values, share, sides = rasters.metres, rasters.beyond, rasters.values, rasters.share, rasters.sides
    for k in range(rows * columns):
        # Spelled out, for min and max would look for NaN and forbid doing several at once.
        value = metres[k] - limit_m
        value = beyond[k] if value < beyond[k] else value
        value = -cell_m if value < -cell_m else value
        values[k] = cell_m if value > cell_m else value
    count = follow(values, rows, columns, rasters.after, sides)
    for side in sides[:count]:
        share[side] = linear(values, side, columns)
    place_jumps(
        o, sides[:count], box, rasters, limit_m, off_street_m, tiles, streets, walled, walls, origins, known
    )  # fmt: skip
    start, xy = np.empty(count + 1, np.int64), np.empty((count + 1, 2))
    made = chain(rasters.after, sides, count, share, columns, start, xy)
    xy = xy[: start[made]]
    xy[:, 0] += west
    xy[:, 1] += south
    return start[: made + 1], xy


@njit(cache=True, nogil=True)
def _learn(o, streets, origins, known, near, nodes, seconds):
    """Note for every edge near by when its ends are reached, and whether an origin stands beside it."""
    own = origins.edge[origins.first[o] : origins.first[o + 1]]
    for e in near[: near_edges(o + 1, known.stamp, near, nodes, len(nodes), streets.start, streets.edge, own)]:
        known.times[e, 0], known.times[e, 1] = seconds[streets.nodes[e, 0]], seconds[streets.nodes[e, 1]]
        known.times[e, 2], known.times[e, 3] = streets.seconds[e, 0], streets.seconds[e, 1]
    for e in own:
        if e >= 0:
            known.stamp[e] = -o - 1


@njit(cache=True, nogil=True)
def _rim(metres, beyond, owner, columns, rows):
    """Let nobody come to the outermost cells, where outlines close."""
    for k in range(columns):
        for cell in (k, (rows - 1) * columns + k):
            metres[cell], beyond[cell], owner[cell] = FAR, FAR, -1
    for row in range(rows):
        for cell in (row * columns, (row + 1) * columns - 1):
            metres[cell], beyond[cell], owner[cell] = FAR, FAR, -1


@njit(cache=True, nogil=True)
def _fill(o, tiles, streets, origins, known, box, rasters, off_street_m):
    """Fill the rasters of an origin; return whether a barrier is near any of it."""
    # Arrays by their own names and the last edge's times at hand: both save most of the time of this loop.
    edges, shares, offsets = tiles.edge, tiles.share, tiles.offset_cm
    metres, beyond, owner, along_edge = rasters.metres, rasters.beyond, rasters.owner, rasters.along
    west, south, columns = box[0] - 1, box[1] - 1, box[2] - box[0] + 3
    _rim(metres, beyond, owner, columns, box[3] - box[1] + 3)
    stamp, times, speed = known.stamp, known.times, np.float32(streets.speed_m_s)
    walled = False
    last, at_u, at_v, there, back, beside = np.int32(-1), FAR, FAR, np.float32(0), np.float32(0), False
    for tile_row in range(box[1] // TILE, box[3] // TILE + 1):
        for tile_column in range(box[0] // TILE, box[2] // TILE + 1):
            at = tiles.place[tile_row * tiles.columns + tile_column]
            walled = walled or tiles.walled[at]
            first, final = max(tile_column * TILE, box[0]), min(tile_column * TILE + TILE - 1, box[2])
            for row in range(max(tile_row * TILE, box[1]), min(tile_row * TILE + TILE - 1, box[3]) + 1):
                cell = (row - tile_row * TILE) * TILE + first - tile_column * TILE
                k = (row - south) * columns + first - west
                for _ in range(first, final + 1):
                    e = edges[at, cell]
                    owner[k] = e
                    if e < 0:
                        metres[k], beyond[k] = FAR, FAR
                    else:
                        if e != last:
                            last, at_u, at_v, beside = e, FAR, FAR, stamp[e] == -o - 1
                            if beside or stamp[e] == o + 1:
                                at_u, at_v, there, back = times[e, 0], times[e, 1], times[e, 2], times[e, 3]
                        share = np.float32(shares[at, cell]) * np.float32(1 / SHARES)
                        offset = np.float32(offsets[at, cell]) * np.float32(0.01)
                        walked, other = at_u + share * there, at_v + (np.float32(1) - share) * back
                        walked = other if other < walked else walked
                        if beside:
                            walked = walked_s(
                                e, share, o + 1, stamp, times, origins.first[o], origins.first[o + 1], origins.edge,
                                origins.share, origins.off_s,
                            )  # fmt: skip
                        along_edge[k] = share
                        metres[k] = walked * speed + offset
                        beyond[k] = offset - off_street_m
                    cell += 1
                    k += 1
    return walled
