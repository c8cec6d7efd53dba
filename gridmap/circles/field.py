"""The walking-time field of an origin over the owned land, and the outlines of what is reached within limits.

At a point that edge ``(u, v)`` owns the field is ``min(t_u + along, t_v + rest) + offset``. Where two owners meet it
jumps, and a line drawn between samples would miss the jump by up to half a cell: there the very point at which the
owner changes is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.circles.contour import Rings, chain, ends_of, follow, linear, shells
from gridmap.circles.ownership import SHARES, TILE, OwnedLand, segments
from gridmap.geo.threads import spread
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import WalkTimes
from gridmap.network.places import along, near_edges
from gridmap.network.search import Reach, Seeds
from gridmap.network.snap import crosses

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Parts: TypeAlias = tuple[Ints, Floats, Ints, Ints]

_FAR: Final = np.float32(1e9)
"""Metres to where nobody comes."""
_HALVINGS: Final = 5
"""A jump is found to 1/32 of a cell."""
_WORTH: Final = 4


class Streets(NamedTuple):
    """What a field has to know of the edges.

    Parameters
    ----------
    start, edge
        The graph's neighbours; see :class:`gridmap.network.graph.Graph`.
    nodes, node_xy, seconds
        Of every edge its junctions, where they are, and the seconds there and back.
    bounds
        (edges, 4) west, south, east, north.
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
    """What is known of the edges for the origin at hand: seconds at both ends, where ``stamp`` says so."""

    stamp: NDArray[np.int32]
    own: NDArray[np.int32]
    at: Floats32


def _streets(network: WalkNetwork, walk: WalkTimes) -> Streets:
    graph = network.graph
    return Streets(
        graph.start, graph.edge, network.edge_nodes, network.node_xy, walk.seconds, network.edge_bounds,
        network.vertex_start, network.vertex_xy, network.vertex_share, walk.speed_m_s,
    )  # fmt: skip


def trace_fields(
    network: WalkNetwork,
    land: OwnedLand,
    walk: WalkTimes,
    found: Reach,
    seeds: Seeds,
    limits_m: Sequence[float],
    off_street_m: float,
) -> Rings:
    """Trace what every origin reaches within every limit.

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

    Returns
    -------
    Rings
        In the network's CRS; outline ``o * len(limits_m) + k`` is what origin ``o`` reaches within limit ``k``.
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

    def work(low: int, high: int) -> Parts:
        return _rings(low, high, tiles, streets, walls, origins, boxes, limits, np.float32(off_street_m))  # type: ignore[no-any-return]

    rings, made = [], 0
    for start, xy, shell, of in spread(work, len(found.start) - 1, worth=_WORTH):
        rings.append((start[1:] + (rings[-1][0][-1] if rings else 0), xy, np.where(shell < 0, -1, shell + made), of))
        made += len(shell)
    start, xy, shell, of = (np.concatenate(parts) for parts in zip(*rings, strict=True))
    metres = xy * tiles.cell_m + (tiles.low_x, tiles.low_y)
    return Rings(np.r_[0, start], metres, shell, of, (len(found.start) - 1) * len(limits))


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


@njit(cache=True, nogil=True)
def _rings(low, high, tiles, streets, walls, origins, boxes, limits, off_street_m):
    edges = len(streets.nodes)
    known = _Known(np.zeros(edges, np.int32), np.zeros(edges, np.int32), np.empty((edges, 2), np.float32))
    near = np.empty(edges, np.int32)
    seconds = np.full(len(streets.start) - 1, np.inf, np.float32)
    most = 1
    for o in range(low, high):
        most = max(most, (boxes[o, 2] - boxes[o, 0] + 3) * (boxes[o, 3] - boxes[o, 1] + 3))
    metres, beyond, values = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
    owner = np.empty(most, np.int32)
    after, share, sides = np.full(2 * most, -1, np.int32), np.empty(2 * most, np.float32), np.empty(2 * most, np.int32)
    out_start, out_shell, out_of = np.zeros(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    out_xy = np.empty((1024, 2))
    rings, filled = 0, 0
    for o in range(low, high):
        west, south = boxes[o, 0] - 1, boxes[o, 1] - 1
        columns, rows = boxes[o, 2] - west + 2, boxes[o, 3] - south + 2
        size = rows * columns
        if boxes[o, 2] < boxes[o, 0]:
            continue
        nodes = origins.node[origins.start[o] : origins.start[o + 1]]
        seconds[nodes] = origins.seconds[origins.start[o] : origins.start[o + 1]]
        _learn(o, streets, origins, known, near, nodes, seconds)
        seconds[nodes] = np.inf
        metres[:size] = _FAR
        beyond[:size] = _FAR
        owner[:size] = -1
        walled = _fill(
            o, tiles, streets, origins, known, boxes[o], west, south, columns, metres, beyond, owner, off_street_m
        )
        for number in range(len(limits)):
            for k in range(size):
                value = max(metres[k] - limits[number], beyond[k])
                values[k] = min(max(value, -tiles.cell_m), tiles.cell_m)
            count = follow(values, rows, columns, after, sides)
            for k in range(count):
                share[sides[k]] = linear(values, sides[k], columns)
            if walled:
                _halve(
                    o, sides[:count], share, values, owner, west, south, columns, limits[number], off_street_m, tiles,
                    streets, walls, origins, known,
                )  # fmt: skip
            else:
                _change(
                    o, sides[:count], share, values, metres, beyond, owner, west, south, columns, limits[number],
                    off_street_m, tiles, streets, origins, known,
                )  # fmt: skip
            start, xy = np.empty(count + 1, np.int64), np.empty((count + 1, 2))
            made = chain(after, sides, count, share, columns, start, xy)
            while rings + made >= len(out_shell):
                out_start = np.concatenate((out_start, np.empty_like(out_start)))
                out_shell = np.concatenate((out_shell, np.empty_like(out_shell)))
                out_of = np.concatenate((out_of, np.empty_like(out_of)))
            while filled + count > len(out_xy):
                out_xy = np.concatenate((out_xy, np.empty_like(out_xy)))
            inside = shells(start[: made + 1], xy)
            for k in range(made):
                out_shell[rings + k] = inside[k] + rings if inside[k] >= 0 else -1
                out_of[rings + k] = o * len(limits) + number
                out_start[rings + k + 1] = filled + start[k + 1]
            for k in range(start[made]):
                out_xy[filled + k, 0] = xy[k, 0] + west
                out_xy[filled + k, 1] = xy[k, 1] + south
            rings += made
            filled += start[made]
    return out_start[: rings + 1].copy(), out_xy[:filled].copy(), out_shell[:rings].copy(), out_of[:rings].copy()


@njit(cache=True, nogil=True)
def _learn(o, streets, origins, known, near, nodes, seconds):
    """Note for every edge near by when its ends are reached, and whether an origin stands beside it."""
    own = origins.edge[origins.first[o] : origins.first[o + 1]]
    for e in near[: near_edges(o + 1, known.stamp, near, nodes, len(nodes), streets.start, streets.edge, own)]:
        known.at[e, 0] = seconds[streets.nodes[e, 0]]
        known.at[e, 1] = seconds[streets.nodes[e, 1]]
    for e in own:
        if e >= 0:
            known.own[e] = o + 1


@njit(cache=True, nogil=True)
def _walked_s(e, share, stamp, known_stamp, known_at, known_own, seconds, first, final, edge, own_share, off_s):
    """Return the seconds to a place on an edge; bare arrays, for handing tuples of them on costs more than the sum."""
    if known_stamp[e] != stamp:
        return _FAR
    there, back = seconds[e, 0], seconds[e, 1]
    time = min(known_at[e, 0] + share * there, known_at[e, 1] + (np.float32(1) - share) * back)
    if known_own[e] == stamp:
        for k in range(first, final):
            if edge[k] == e:
                time = min(time, off_s[k] + along(share, own_share[k], there, back))
    return min(time, _FAR)


@njit(cache=True, nogil=True)
def _fill(o, tiles, streets, origins, known, box, west, south, columns, metres, beyond, owner, off_street_m):
    """Fill the rasters of an origin; return whether a barrier is near any of it."""
    # Arrays by their own names and the last edge's times at hand: both save most of the time of this loop.
    edges, shares, offsets = tiles.edge, tiles.share, tiles.offset_cm
    stamp, own, at_end, seconds, speed = (
        known.stamp,
        known.own,
        known.at,
        streets.seconds,
        np.float32(streets.speed_m_s),
    )
    walled = False
    last, at_u, at_v, there, back = np.int32(-1), _FAR, _FAR, np.float32(0), np.float32(0)
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
                    if e >= 0:
                        if e != last:
                            last, known_now = e, stamp[e] == o + 1
                            at_u, at_v = (at_end[e, 0], at_end[e, 1]) if known_now else (_FAR, _FAR)
                            there, back = seconds[e, 0], seconds[e, 1]
                        share = np.float32(shares[at, cell]) * np.float32(1 / SHARES)
                        offset = np.float32(offsets[at, cell]) * np.float32(0.01)
                        walked = min(at_u + share * there, at_v + (np.float32(1) - share) * back) * speed
                        if own[e] == o + 1:
                            walked = speed * _walked_s(
                                e, share, o + 1, stamp, at_end, own, seconds, origins.first[o], origins.first[o + 1],
                                origins.edge, origins.share, origins.off_s,
                            )  # fmt: skip
                        owner[k] = e
                        metres[k] = walked + offset
                        beyond[k] = offset - off_street_m
                    cell += 1
                    k += 1
    return walled


@njit(cache=True, nogil=True)
def _foot(x, y, first, last, vertex_xy, vertex_share):
    """Return the squared distance to a polyline, the point nearest on it, and how far along it that is."""
    nearest, qx, qy, share = np.inf, 0.0, 0.0, 0.0
    for k in range(first, last - 1):
        ax, ay = vertex_xy[k, 0], vertex_xy[k, 1]
        dx, dy = vertex_xy[k + 1, 0] - ax, vertex_xy[k + 1, 1] - ay
        t = min(max(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
        far = (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2
        if far < nearest:
            nearest, qx, qy = far, ax + t * dx, ay + t * dy
            share = vertex_share[k] + t * (vertex_share[k + 1] - vertex_share[k])
    return nearest, qx, qy, share


@njit(cache=True, nogil=True)
def _jumps(values, a, b, owner, cell_m):
    """Whether the field jumps between two samples: without a jump it cannot fall so far from above zero to below."""
    return owner[a] != owner[b] and abs(values[a]) + abs(values[b]) > cell_m


@njit(cache=True, nogil=True)
def _change(
    o, sides, shares, values, metres, beyond, owner, west, south, columns, limit_m, off_street_m, tiles, streets,
    origins, known,
):  # fmt: skip
    """Move the outline to where the land within the limit ends on sides whose samples have different owners.

    Distances and times are taken to run straight along the side: each field from its own sample to what it would be
    at the other, and the owner changes where the two are equally near.
    """
    first, vertex_xy, vertex_share = streets.vertex_start, streets.vertex_xy, streets.vertex_share
    seconds, speed, begin, final = streets.seconds, streets.speed_m_s, origins.first[o], origins.first[o + 1]
    stamp, at, own = known.stamp, known.at, known.own
    edge, own_share, off_s = origins.edge, origins.share, origins.off_s
    low_x, low_y, cell_m = tiles.low_x + west * tiles.cell_m, tiles.low_y + south * tiles.cell_m, tiles.cell_m
    for side in sides:
        a, b = ends_of(side, columns)
        one, other = owner[a], owner[b]
        if min(one, other) < 0 or not _jumps(values, a, b, owner, cell_m):
            continue
        ax, ay = low_x + a % columns * cell_m, low_y + a // columns * cell_m
        bx, by = low_x + b % columns * cell_m, low_y + b // columns * cell_m
        far_b, _, _, share_b = _foot(bx, by, first[one], first[one + 1], vertex_xy, vertex_share)
        far_a, _, _, share_a = _foot(ax, ay, first[other], first[other + 1], vertex_xy, vertex_share)
        far_b, far_a = np.sqrt(far_b), np.sqrt(far_a)
        here, there = far_a - beyond[a] - off_street_m, far_b - beyond[b] - off_street_m
        change = here / (here + there) if here + there > 0 else 0.5
        value_a, value_b = max(metres[a] - limit_m, beyond[a]), max(metres[b] - limit_m, beyond[b])
        one_at_b = far_b - limit_m + speed * _walked_s(
            one, np.float32(share_b), o + 1, stamp, at, own, seconds, begin, final, edge, own_share, off_s
        )  # fmt: skip
        other_at_a = far_a - limit_m + speed * _walked_s(
            other, np.float32(share_a), o + 1, stamp, at, own, seconds, begin, final, edge, own_share, off_s
        )  # fmt: skip
        if (value_a < 0) != (value_a + change * (one_at_b - value_a) < 0):
            change = value_a / (value_a - one_at_b)
        elif (value_b < 0) != (value_b + (1 - change) * (other_at_a - value_b) < 0):
            change = other_at_a / (other_at_a - value_b)
        shares[side] = change


@njit(cache=True, nogil=True)
def _halve(
    o, sides, shares, values, owner, west, south, columns, limit_m, off_street_m, tiles, streets, walls, origins,
    known,
):  # fmt: skip
    """Do the same where barriers are near, by halving: a point belongs to the nearer owner it can be reached from."""
    vertex_start, vertex_xy, vertex_share = streets.vertex_start, streets.vertex_xy, streets.vertex_share
    table, start, members, ends = walls.table, walls.start, walls.members, walls.ends
    seconds, speed, begin, final = streets.seconds, streets.speed_m_s, origins.first[o], origins.first[o + 1]
    stamp, at, own = known.stamp, known.at, known.own
    edge, own_share, off_s = origins.edge, origins.share, origins.off_s
    low_x, low_y, cell_m = tiles.low_x + west * tiles.cell_m, tiles.low_y + south * tiles.cell_m, tiles.cell_m
    for side in sides:
        a, b = ends_of(side, columns)
        if not _jumps(values, a, b, owner, cell_m):
            continue
        dx, dy = (0.0, cell_m) if side & 1 else (cell_m, 0.0)
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            x = low_x + a % columns * cell_m + middle * dx
            y = low_y + a // columns * cell_m + middle * dy
            far, best, share = np.inf, np.int32(-1), 0.0
            for e in (owner[a], owner[b]):
                if e < 0:
                    continue
                far_e, qx, qy, share_e = _foot(x, y, vertex_start[e], vertex_start[e + 1], vertex_xy, vertex_share)
                if far_e < far and not crosses(x, y, qx, qy, table, start, members, ends):
                    far, best, share = far_e, e, share_e
            within = False
            if best >= 0 and far <= off_street_m * off_street_m:
                walked_s = _walked_s(
                    best, np.float32(share), o + 1, stamp, at, own, seconds, begin, final, edge, own_share, off_s
                )
                within = walked_s * speed + np.sqrt(far) < limit_m
            if within == (values[a] < 0):
                low = middle
            else:
                high = middle
        shares[side] = 0.5 * (low + high)
