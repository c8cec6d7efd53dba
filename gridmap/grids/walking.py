"""Walking times between blocks."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from gridmap.geo.threads import spread
from gridmap.grids import mosaic as m
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import WALKING_M_S, walk_times
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
