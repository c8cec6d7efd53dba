"""Places beside the streets (homes, raster cells) and the time at which a search passes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.network.model import WalkNetwork
from gridmap.network.search import Nearest, Reach, edge_seconds, nearest_source
from gridmap.network.snap import Snapped

Ints: TypeAlias = NDArray[np.int32]
Floats32: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Places:
    """Places by edge: ``item[start[e]:start[e + 1]]`` lie beside edge ``e``; made once, asked by every search.

    Parameters
    ----------
    start
        (edges + 1,)
    item
        Positions in the :class:`~gridmap.network.snap.Snapped` they came from; places that are nowhere are left out.
    along_m, offset_m
        Of each item, in the same order.
    count
        How many places there were in all.
    """

    start: NDArray[np.int64]
    item: Ints
    along_m: Floats32
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
    counts = np.bincount(places.edge[item], minlength=len(network.edge_length_m))
    return Places(
        start=np.r_[0, np.cumsum(counts)].astype(np.int64),
        item=item.astype(np.int32),
        along_m=places.along_m[item].astype(np.float32),
        offset_m=places.offset_m[item].astype(np.float32),
        count=len(places),
    )


def passed(
    network: WalkNetwork,
    origins: Snapped,
    reached: Reach,
    places: Places,
    limit_s: float,
    speed_m_s: float,
    *,
    group: Ints | None = None,
) -> Passed:
    """Find which places each origin passes within a limit, and when.

    The time to a place is the shortest over both ends of its edge and, where the origin lies beside the same edge,
    straight along it; the metres off the network count at both ends.

    Parameters
    ----------
    network
        The walking network.
    origins, reached, group
        What :func:`gridmap.network.search.reach` was given, and what it answered for the same limit.
    places
        :func:`by_edge`.
    limit_s, speed_m_s
        Seconds; metres a second.
    """
    of = np.arange(len(origins)) if group is None else np.asarray(group)
    order = np.argsort(of, kind="stable")
    first = np.r_[0, np.cumsum(np.bincount(of, minlength=len(reached.start) - 1))].astype(np.int64)
    graph = network.graph
    return Passed(
        *_passed(
            graph.start, graph.edge, network.edge_nodes, edge_seconds(network, speed_m_s), reached.start, reached.node,
            reached.seconds, first, origins.edge[order], origins.along_m[order], origins.offset_m[order],
            places.start, places.item, places.along_m, places.offset_m, np.float32(speed_m_s), np.float32(limit_s),
        )
    )  # fmt: skip


def nearest_by_place(network: WalkNetwork, sources: Snapped, places: Places, speed_m_s: float) -> Nearest:
    """Return, for every place, the walking time to the nearest source and which it is; see :class:`Nearest`."""
    nodes = nearest_source(network, sources, speed_m_s)
    edge = np.repeat(np.arange(len(places.start) - 1), np.diff(places.start))
    ends = network.edge_nodes[edge]
    rest = (network.edge_length_m[edge] - places.along_m).astype(np.float32)
    at_start = nodes.seconds[ends[:, 0]] + places.along_m / np.float32(speed_m_s)
    at_end = nodes.seconds[ends[:, 1]] + rest / np.float32(speed_m_s)
    best = np.minimum(at_start, at_end)
    owner = np.where(at_start <= at_end, nodes.source[ends[:, 0]], nodes.source[ends[:, 1]])
    for source in np.flatnonzero(sources.edge >= 0):
        here = slice(places.start[sources.edge[source]], places.start[sources.edge[source] + 1])
        metres = np.abs(places.along_m[here] - sources.along_m[source]) + sources.offset_m[source]
        straight = (metres / speed_m_s).astype(np.float32)
        nearer = straight < best[here]
        best[here] = np.where(nearer, straight, best[here])
        owner[here] = np.where(nearer, source, owner[here])
    seconds = np.full(places.count, np.inf, dtype=np.float32)
    which = np.full(places.count, -1, dtype=np.int32)
    seconds[places.item] = best + places.offset_m / np.float32(speed_m_s)
    which[places.item] = owner
    return Nearest(seconds, which)


@njit(cache=True)
def _near(seen, edges, o, nodes, graph_start, graph_edge, own_edges):
    """List every edge that has a reached end or an origin of ``o`` beside it, once; return how many."""
    count = 0
    for n in nodes:
        for e in graph_edge[graph_start[n] : graph_start[n + 1]]:
            if seen[e] != o:
                seen[e] = o
                edges[count] = e
                count += 1
    for e in own_edges:
        if e >= 0 and seen[e] != o:
            seen[e] = o
            edges[count] = e
            count += 1
    return count


@njit(cache=True)
def _along_own(time, along, e, own_edges, own_along, own_offset, speed):
    """Lower the times on an edge that origins lie beside: they need not go by its ends."""
    for k in range(len(own_edges)):
        if own_edges[k] == e:
            for p in range(len(time)):
                time[p] = min(time[p], np.float32((abs(along[p] - own_along[k]) + own_offset[k]) / speed))


@njit(cache=True)
def _passed(
    graph_start, graph_edge, edge_nodes, cost, reach_start, reach_node, reach_seconds, first, origin_edge,
    origin_along, origin_offset, place_start, place_item, place_along, place_offset, speed, limit,
):  # fmt: skip
    seconds = np.full(len(graph_start) - 1, np.inf, np.float32)
    seen = np.full(len(edge_nodes), -1, np.int32)
    edges = np.empty(len(edge_nodes), np.int32)
    out_start = np.zeros(len(first), np.int64)
    out_item, out_seconds = np.empty(4096, np.int32), np.empty(4096, np.float32)
    filled = 0
    for o in range(len(first) - 1):
        nodes = reach_node[reach_start[o] : reach_start[o + 1]]
        seconds[nodes] = reach_seconds[reach_start[o] : reach_start[o + 1]]
        own = slice(first[o], first[o + 1])
        for e in edges[: _near(seen, edges, o, nodes, graph_start, graph_edge, origin_edge[own])]:
            low, high = place_start[e], place_start[e + 1]
            if low == high:
                continue
            walk = place_along[low:high] / speed
            time = np.minimum(seconds[edge_nodes[e, 0]] + walk, seconds[edge_nodes[e, 1]] + (cost[e] - walk))
            _along_own(time, place_along[low:high], e, origin_edge[own], origin_along[own], origin_offset[own], speed)
            while filled + high - low > len(out_item):
                out_item = np.concatenate((out_item, np.empty_like(out_item)))
                out_seconds = np.concatenate((out_seconds, np.empty_like(out_seconds)))
            for p in range(high - low):
                total = time[p] + place_offset[low + p] / speed
                if total <= limit:
                    out_item[filled], out_seconds[filled] = place_item[low + p], total
                    filled += 1
        seconds[nodes] = np.inf
        out_start[o + 1] = filled
    return out_start, out_item[:filled].copy(), out_seconds[:filled].copy()
