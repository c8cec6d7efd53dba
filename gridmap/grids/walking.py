"""Walking times between blocks, inside grids, and to the nearest station."""

from __future__ import annotations

import os
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numba import njit

from gridmap.circles.stations import place_stations, read_stations
from gridmap.geo.threads import spread
from gridmap.grids import mosaic as m
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import WALKING_M_S, walk_times
from gridmap.network.places import by_edge, nearest_by_place
from gridmap.network.search import drop, make_seeds, push
from gridmap.network.snap import Snapped, snap

FURTHEST_S: Final = 20 * 60.0
"""Neighbours that are further apart on foot than this count as not joined."""
OFF_STREET_M: Final = 100.0
"""How far from the streets one walks straight over a block's own land (design.md, decision 8)."""
FURTHEST_OFF_M: Final = 1000.0
"""The inner point of a large block may lie further from the streets; the way to them counts."""

_WORTH: Final = 500


def on_network(xy: m.Floats, network: WalkNetwork) -> Snapped:
    """Return where one gets on the network from points inside blocks, in the network's CRS."""
    return snap(network, xy[:, 0], xy[:, 1], FURTHEST_OFF_M)


def walk_between(xy: m.Floats, a: m.Ints, b: m.Ints, network: WalkNetwork, limit_s: float = FURTHEST_S) -> m.Floats:
    """Return the walking time of pairs of points over the network, straight ways at both ends included.

    Parameters
    ----------
    xy
        (n, 2) points in the network's CRS.
    a, b
        Pairs of them, sorted by ``a``.
    network
        Walked at the general speed.
    limit_s
        Pairs further apart are not searched for.

    Returns
    -------
    array of float
        Seconds, inf where the walk takes longer or a point is on no street.
    """
    walk, graph = walk_times(network), network.graph
    origins = on_network(xy, network)
    seeds = make_seeds(network, origins, walk)
    first = np.searchsorted(a, np.arange(len(xy) + 1)).astype(np.int64)

    def search(low: int, high: int) -> m.Floats:
        found = np.full(first[high] - first[low], np.inf)
        _walk(
            graph.start, graph.target, walk.arcs, network.edge_nodes, walk.seconds, seeds.node, seeds.seconds,
            seeds.edge, seeds.share, seeds.off_s, first, b, low, high, np.float32(limit_s), found,
        )  # fmt: skip
        return found

    return np.concatenate(spread(search, len(xy), worth=_WORTH))


def straight_s(xy: m.Floats, a: m.Ints, b: m.Ints) -> m.Floats:
    """Return the time of the straight way between pairs of points in metres."""
    return np.asarray(np.hypot(*(xy[a] - xy[b]).T) / WALKING_M_S, dtype=np.float64)


def walk_to_station(
    blocks: gpd.GeoDataFrame, network: WalkNetwork, stations: gpd.GeoDataFrame | str | os.PathLike[str]
) -> m.Floats:
    """Return the walking time from the inner point of each block to the nearest station.

    Parameters
    ----------
    blocks
        In longitude and latitude; ``water`` says which are no land.
    network
        The walking network.
    stations
        Points, MultiPoints of entrances or a path, as for :func:`gridmap.service_circles`; they need no names here.

    Returns
    -------
    array of float
        Seconds, inf for water and where no station can be walked to.

    Examples
    --------
    >>> import gridmap
    >>> blocks = gridmap.make_blocks("data/town/boundary.gpkg", "data/town/streets.gpkg")
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> seconds = walk_to_station(blocks, network, "data/town/stations.gpkg")
    >>> len(seconds) == len(blocks), bool(np.median(seconds) < 20 * 60)
    (True, True)
    """
    layer = read_stations(stations)
    posts = place_stations(network, layer.assign(station=np.arange(len(layer))))
    shapes = m.to_metres(np.asarray(blocks.geometry.values, dtype=object), network.crs)
    homes = by_edge(network, on_network(shapely.get_coordinates(shapely.point_on_surface(shapes)), network))
    seconds = nearest_by_place(network, posts.on, homes, walk_times(network)).seconds.astype(np.float64)
    water = blocks["water"].to_numpy(bool) if "water" in blocks else np.zeros(len(blocks), dtype=bool)
    return np.where(water, np.inf, seconds)


def walk_to_median(
    start: m.Ints, neighbour: m.Ints, walk_s: m.Floats, weight: m.Floats, label: m.Ints, parts: int
) -> m.Floats:
    """Return, for every grid, the mean walk of its households to its median block, through the grid alone.

    The median is the block to which they walk least. It is exact in grids of up to 32 blocks and close to it in
    larger ones. Blocks further apart than 20 minutes count as 20 minutes apart.

    Parameters
    ----------
    start, neighbour, walk_s
        Neighbours of each block, ``neighbour[start[i]:start[i + 1]]``, and the walks to them in seconds.
    weight
        Households of each block; a grid without any counts its blocks instead.
    label
        Grid of each block, -1 for none.
    parts
        How many grids.

    Examples
    --------
    >>> ways = np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1])
    >>> homes = np.array([10.0, 0.0, 30.0])
    >>> walk_to_median(*ways, np.array([60.0, 60.0, 100.0, 100.0]), homes, np.zeros(3, dtype=np.int64), 1).tolist()
    [40.0]
    """
    order = np.argsort(label, kind="stable")
    first = np.searchsorted(label[order], np.arange(parts + 1))
    near = np.minimum(walk_s, FURTHEST_S).astype(np.float32)
    inside = label >= 0
    lived_in = np.bincount(label[inside], weights=weight[inside], minlength=parts) > 0
    counted = np.where(inside & lived_in[np.where(inside, label, 0)], weight, 1.0)
    return _medians(start, neighbour, near, counted, label, order, first, FURTHEST_S)  # type: ignore[no-any-return]


_EXACT: Final = 32
"""Grids of so few blocks try each of them as the median."""


@njit(cache=True, nogil=True)
def _medians(start, neighbour, walk_s, weight, label, order, first, furthest):
    count = len(label)
    epoch, best, above = np.zeros(count, np.int64), np.empty(count, np.float32), np.empty(count, np.int64)
    heap, found, below = np.empty(len(neighbour) + 1, np.uint64), np.empty(count, np.int64), np.empty(count)
    result = np.zeros(len(first) - 1)
    stamp = 0
    for g in range(len(first) - 1):
        members = order[first[g] : first[g + 1]]
        total = weight[members].sum()
        if len(members) == 0 or total <= 0:
            continue
        least = np.inf
        if len(members) <= _EXACT:
            for c in members:
                stamp += 1
                least = min(least, _spent(
                    start, neighbour, walk_s, weight, label, c, total, furthest, epoch, stamp, best, above, heap, found
                )[0])  # fmt: skip
        else:
            least, stamp = _descend(
                start, neighbour, walk_s, weight, label, members, total, furthest, epoch, stamp, best, above, heap,
                found, below,
            )  # fmt: skip
        result[g] = least / total
    return result


@njit(cache=True, nogil=True)
def _descend(
    start, neighbour, walk_s, weight, label, members, total, furthest, epoch, stamp, best, above, heap, found, below
):  # fmt: skip
    """Go from the middle of a grid to where its households walk less, in ever smaller steps; return what they spend."""
    center = members[np.argmax(weight[members])]
    for _ in range(2):
        stamp += 1
        reached = _spent(
            start, neighbour, walk_s, weight, label, center, total, furthest, epoch, stamp, best, above, heap, found
        )[1]
        center = found[reached - 1]
    # Half way between two ends of the grid.
    half, end = best[center] / 2, center
    while best[center] > half and above[center] != end:
        center = above[center]
    least, step, candidate = np.inf, 16, center
    branches, tried = np.empty(64, np.int64), 0
    while True:
        stamp += 1
        spent, reached = _spent(
            start, neighbour, walk_s, weight, label, candidate, total, furthest, epoch, stamp, best, above, heap, found
        )
        if spent < least:
            # The households behind each block, on the shortest ways from here.
            least, center, tried = spent, candidate, 0
            for i in range(reached):
                below[found[i]] = weight[found[i]]
            for i in range(reached - 1, 0, -1):
                below[above[found[i]]] += below[found[i]]
            path = np.empty(step, np.int64)
            at = 0
            while at < step:
                here = center if at == 0 else path[at - 1]
                ahead = -1
                for k in range(start[here], start[here + 1]):
                    j = neighbour[k]
                    if epoch[j] == stamp and j != center and above[j] == here and (
                        ahead < 0 or below[j] > below[ahead]
                    ):  # fmt: skip
                        ahead = j
                if ahead < 0:
                    break
                path[at] = ahead
                at += 1
            behind = 0
            for k in range(start[center], start[center + 1]):
                j = neighbour[k]
                if label[j] == label[center] and behind < len(branches):
                    branches[behind] = j
                    behind += 1
        else:
            step //= 2
        if step > 1 and at > 0:
            candidate = path[min(step, at) - 1]
        elif tried < behind:
            candidate = branches[tried]
            tried += 1
        else:
            return least, stamp


@njit(cache=True, nogil=True)
def _spent(
    start, neighbour, walk_s, weight, label, center, total, furthest, epoch, stamp, best, above, heap, found
):  # fmt: skip
    """Walk from a block through its grid; return what all households spend on it, and how many blocks were reached."""
    epoch[center], best[center], above[center] = stamp, 0.0, center
    push(heap, 0, np.float32(0), center)
    size, reached, spent, there = 1, 0, 0.0, 0.0
    while size > 0:
        top = heap[0]
        n = np.int64(top & np.uint64(0xFFFFFFFF))
        t = np.uint32(top >> np.uint64(32)).view(np.float32)
        size -= 1
        drop(heap, size)
        if t > best[n]:
            continue
        found[reached] = n
        reached += 1
        spent += weight[n] * t
        there += weight[n]
        for k in range(start[n], start[n + 1]):
            j, later = neighbour[k], t + walk_s[k]
            if label[j] == label[center] and (epoch[j] != stamp or later < best[j]):
                epoch[j], best[j], above[j] = stamp, later, n
                push(heap, size, later, j)
                size += 1
    return spent + max(total - there, 0.0) * furthest, reached


@njit(cache=True, nogil=True)
def _walk(
    start, target, arcs, edge_nodes, edge_s, seed_node, seed_s, seed_edge, share, off, first, goal, low, high, limit,
    found,
):  # fmt: skip
    """Walk from each origin until no goal of it can be reached sooner; ``found`` has an entry a pair."""
    nodes = len(start) - 1
    epoch, best = np.zeros(nodes, np.int32), np.empty(nodes, np.float32)
    heap = np.empty(len(arcs) + 3, np.uint64)
    base = first[low]
    for o in range(low, high):
        if first[o] == first[o + 1] or seed_edge[o] < 0:
            continue
        stamp = o - low + 1
        size = 0
        worst = np.float32(0)
        for k in range(first[o], first[o + 1]):
            g = goal[k]
            if seed_edge[g] < 0:
                continue
            worst = limit
            if seed_edge[g] == seed_edge[o]:
                # Both beside one edge: straight along it.
                e = seed_edge[o]
                ahead = share[g] - share[o]
                found[k - base] = off[o] + off[g] + (ahead * edge_s[e, 0] if ahead >= 0 else -ahead * edge_s[e, 1])
        for side in range(2):
            n, t = seed_node[o, side], seed_s[o, side]
            if t <= worst and (epoch[n] != stamp or t < best[n]):
                epoch[n], best[n] = stamp, t
                push(heap, size, t, n)
                size += 1
        while size > 0:
            top = heap[0]
            n = np.int64(top & np.uint64(0xFFFFFFFF))
            t = np.uint32(top >> np.uint64(32)).view(np.float32)
            size -= 1
            drop(heap, size)
            if t > worst:
                break
            if t > best[n]:
                continue
            worst_now = np.float64(0)
            for k in range(first[o], first[o + 1]):
                g = goal[k]
                e = seed_edge[g]
                if e < 0:
                    continue
                if edge_nodes[e, 0] == n:
                    found[k - base] = min(found[k - base], t + share[g] * edge_s[e, 0] + off[g])
                if edge_nodes[e, 1] == n:
                    found[k - base] = min(found[k - base], t + (np.float32(1) - share[g]) * edge_s[e, 1] + off[g])
                worst_now = max(worst_now, found[k - base])
            worst = np.float32(min(worst_now, np.float64(limit)))
            for k in range(start[n], start[n + 1]):
                later = t + arcs[k]
                if later <= worst:
                    j = target[k]
                    if epoch[j] != stamp or later < best[j]:
                        epoch[j], best[j] = stamp, later
                        push(heap, size, later, j)
                        size += 1
        for k in range(first[o], first[o + 1]):
            if found[k - base] > limit:
                found[k - base] = np.inf
