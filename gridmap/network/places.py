"""Places beside the streets (homes, facilities) and the time at which a walk passes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.geo.threads import spread
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import LONGEST_S, WalkTimes
from gridmap.network.search import Nearest, Seeds, make_seeds, nearest_source, settle
from gridmap.network.snap import Snapped

Ints: TypeAlias = NDArray[np.int32]
Floats32: TypeAlias = NDArray[np.float32]

_WORTH: Final = 8
"""Fewer origins than this are not worth a second thread."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places by edge: ``item[start[e]:start[e + 1]]`` lie beside edge ``e``; made once, asked by every search.

    Parameters
    ----------
    start
        (edges + 1,)
    item
        Positions in the :class:`~gridmap.network.snap.Snapped` they came from; places that are nowhere are left out.
    share, offset_m
        Of each item, in the same order: how far along its edge (0 to 1), and the metres from the edge to it.
    count
        How many places there were in all.
    """

    start: NDArray[np.int64]
    item: Ints
    share: Floats32
    offset_m: Floats32
    count: int


@dataclass(frozen=True, eq=False)
class Passed:
    """What each origin passes in time: items ``item[start[o]:start[o + 1]]`` after ``seconds`` of walking."""

    start: NDArray[np.int64]
    item: Ints
    seconds: Floats32

    @property
    def origin(self) -> Ints:
        """Return the origin of each pair."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))


def by_edge(network: WalkNetwork, places: Snapped) -> Places:
    """Sort places by the edge they are beside."""
    there = np.flatnonzero(places.edge >= 0)
    item = there[np.argsort(places.edge[there], kind="stable")]
    edge = places.edge[item]
    counts = np.bincount(edge, minlength=len(network.edge_length_m))
    return Places(
        start=np.r_[0, np.cumsum(counts)].astype(np.int64),
        item=item.astype(np.int32),
        share=np.clip(places.along_m[item] / np.maximum(network.edge_length_m[edge], 1e-9), 0, 1).astype(np.float32),
        offset_m=places.offset_m[item].astype(np.float32),
        count=len(places),
    )


def passed(
    network: WalkNetwork,
    origins: Snapped,
    places: Places,
    limit_s: float,
    walk: WalkTimes,
    *,
    group: Ints | None = None,
) -> Passed:
    """Find which places each origin passes within a limit, and when, on all processors.

    The time to a place is the shortest over both ends of its edge and, where the origin lies beside the same edge,
    straight along it; the metres off the network count at both ends.

    Parameters
    ----------
    network
        The walking network.
    origins, group
        As for :func:`gridmap.network.search.reach`.
    places
        :func:`by_edge`.
    limit_s, walk
        Seconds; :func:`gridmap.network.pace.walk_times`.
    """
    graph, arcs = network.graph, walk.arcs
    seeds = make_seeds(network, origins, walk, group)
    off_s = places.offset_m / np.float32(walk.speed_m_s)

    def work(low: int, high: int) -> tuple[NDArray[np.int64], Ints, Floats32]:
        return _passed(  # type: ignore[no-any-return]
            graph.start, graph.target, graph.edge, arcs, network.edge_nodes, walk.seconds,
            seeds.first[low : high + 1], seeds.node, seeds.seconds, seeds.edge, seeds.share, seeds.off_s,
            places.start, places.item, places.share, off_s, np.float32(limit_s),
        )  # fmt: skip

    counts, items, seconds = zip(*spread(work, len(seeds), worth=_WORTH), strict=True)
    start = np.r_[0, np.cumsum(np.concatenate(counts))].astype(np.int64)
    return Passed(start, np.concatenate(items), np.concatenate(seconds))


def nearest_by_place(network: WalkNetwork, sources: Snapped, places: Places, walk: WalkTimes) -> Nearest:
    """Return, for every place, the walking time to the nearest source and which it is; see :class:`Nearest`."""
    nodes = nearest_source(network, sources, walk)
    seeds: Seeds = make_seeds(network, sources, walk)
    seconds = np.full(places.count, np.inf, dtype=np.float32)
    which = np.full(places.count, -1, dtype=np.int32)
    off_s = places.offset_m / np.float32(walk.speed_m_s)
    order = np.argsort(seeds.edge, kind="stable").astype(np.int32)
    _nearest(
        nodes.seconds, nodes.source, network.edge_nodes, walk.seconds, order, seeds.edge, seeds.share, seeds.off_s,
        places.start, places.item, places.share, off_s, seconds, which,
    )  # fmt: skip
    return Nearest(seconds, which)


@njit(cache=True, nogil=True)
def near_edges(stamp, seen, edges, nodes, count, graph_start, graph_edge, own_edges):
    """List every edge that has a reached end or an origin beside it, once; return how many."""
    found = 0
    for i in range(count):
        for k in range(graph_start[nodes[i]], graph_start[nodes[i] + 1]):
            e = graph_edge[k]
            if seen[e] != stamp:
                seen[e] = stamp
                edges[found] = e
                found += 1
    for e in own_edges:
        if e >= 0 and seen[e] != stamp:
            seen[e] = stamp
            edges[found] = e
            found += 1
    return found


@njit(cache=True, nogil=True)
def along(share, own_share, forward_s, back_s):
    """Return the seconds straight along an edge between two places on it."""
    if share >= own_share:
        return (share - own_share) * forward_s
    return (own_share - share) * back_s


@njit(cache=True, nogil=True)
def _passed(
    start, target, graph_edge, arcs, edge_nodes, seconds, first, seed_node, seed_seconds, seed_edge, seed_share,
    seed_off, place_start, place_item, place_share, place_off, limit,
):  # fmt: skip
    nodes = len(start) - 1
    epoch, best = np.zeros(nodes, np.int32), np.empty(nodes, np.float32)
    heap = np.empty(len(arcs) + 2 * len(seed_node) + 1, np.uint64)
    found = np.empty(nodes, np.int32)
    seen, edges = np.zeros(len(edge_nodes), np.int32), np.empty(len(edge_nodes), np.int32)
    counts = np.zeros(len(first) - 1, np.int64)
    out_item, out_seconds = np.empty(4096, np.int32), np.empty(4096, np.float32)
    filled = 0
    for o in range(len(first) - 1):
        stamp, began = o + 1, filled
        own = slice(first[o], first[o + 1])
        count = settle(start, target, arcs, seed_node[own], seed_seconds[own], limit, stamp, epoch, best, heap, found)
        for e in edges[: near_edges(stamp, seen, edges, found, count, start, graph_edge, seed_edge[own])]:
            low, high = place_start[e], place_start[e + 1]
            if low == high:
                continue
            u, v = edge_nodes[e]
            at_u = best[u] if epoch[u] == stamp else np.float32(np.inf)
            at_v = best[v] if epoch[v] == stamp else np.float32(np.inf)
            while filled + high - low > len(out_item):
                out_item = np.concatenate((out_item, np.empty_like(out_item)))
                out_seconds = np.concatenate((out_seconds, np.empty_like(out_seconds)))
            for p in range(low, high):
                share = place_share[p]
                time = min(at_u + share * seconds[e, 0], at_v + (np.float32(1) - share) * seconds[e, 1])
                for k in range(first[o], first[o + 1]):
                    if seed_edge[k] == e:
                        time = min(time, seed_off[k] + along(share, seed_share[k], seconds[e, 0], seconds[e, 1]))
                time += place_off[p]
                if time <= limit:
                    out_item[filled], out_seconds[filled] = place_item[p], time
                    filled += 1
        counts[o] = filled - began
    return counts, out_item[:filled].copy(), out_seconds[:filled].copy()


@njit(cache=True, nogil=True)
def _nearest(
    node_s, node_source, edge_nodes, seconds, order, seed_edge, seed_share, seed_off, place_start, place_item,
    place_share, place_off, out_seconds, out_source,
):  # fmt: skip
    at = 0
    while at < len(order) and seed_edge[order[at]] < 0:
        at += 1
    for e in range(len(place_start) - 1):
        begin = at
        while at < len(order) and seed_edge[order[at]] == e:
            at += 1
        u, v = edge_nodes[e]
        for p in range(place_start[e], place_start[e + 1]):
            share = place_share[p]
            time, source = node_s[u] + share * seconds[e, 0], node_source[u]
            other = node_s[v] + (np.float32(1) - share) * seconds[e, 1]
            if other < time:
                time, source = other, node_source[v]
            for k in order[begin:at]:
                straight = seed_off[k] + along(share, seed_share[k], seconds[e, 0], seconds[e, 1])
                if straight < time:
                    time, source = straight, k
            if time < LONGEST_S:
                out_seconds[place_item[p]] = time + place_off[p]
                out_source[place_item[p]] = source
