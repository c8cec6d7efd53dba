"""Bounded search on foot: from one place outwards, or from many places at once to whatever is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.network.model import WalkNetwork
from gridmap.network.snap import Snapped

Seconds: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Graph:
    """Both directions of every edge by junction: ``target[start[n]:start[n + 1]]`` are the neighbours of ``n``."""

    start: NDArray[np.int64]
    target: Ints
    edge: Ints


@dataclass(frozen=True, eq=False)
class Reach:
    """What each origin reaches: nodes ``node[start[o]:start[o + 1]]`` after ``seconds`` of walking."""

    start: NDArray[np.int64]
    node: Ints
    seconds: Seconds


@dataclass(frozen=True, eq=False)
class Nearest:
    """For every node the walking time to the nearest source (inf where none) and which one it is (-1)."""

    seconds: Seconds
    source: Ints


def graph_of(network: WalkNetwork) -> Graph:
    """Return the network as neighbours by junction; parallel edges stay apart, the search takes the shorter."""
    tail = np.r_[network.edge_nodes[:, 0], network.edge_nodes[:, 1]]
    head = np.r_[network.edge_nodes[:, 1], network.edge_nodes[:, 0]]
    edge = np.tile(np.arange(len(network.edge_nodes), dtype=np.int32), 2)
    order = np.argsort(tail, kind="stable")
    start = np.r_[0, np.cumsum(np.bincount(tail, minlength=len(network.node_xy)))]
    return Graph(start.astype(np.int64), head[order].astype(np.int32), edge[order])


def edge_seconds(network: WalkNetwork, speed_m_s: float) -> Seconds:
    """Return the seconds it takes to walk every edge at a speed in m/s."""
    return np.asarray(network.edge_length_m / speed_m_s, dtype=np.float32)


def reach(
    network: WalkNetwork, origins: Snapped, limit_s: float, speed_m_s: float, graph: Graph | None = None
) -> Reach:
    """Walk from every origin as far as a limit allows (Dijkstra with a binary heap).

    Parameters
    ----------
    network
        The walking network.
    origins
        Places on it; one that is nowhere (edge -1) reaches nothing. The metres to the network count in the time.
    limit_s
        Seconds.
    speed_m_s
        Walking speed in metres a second.
    graph
        :func:`graph_of` the network, where it is at hand already.

    Returns
    -------
    Reach
        Nodes reached by origin, with seconds (float32).
    """
    known = graph_of(network) if graph is None else graph
    cost = edge_seconds(network, speed_m_s)
    seeds = _seeds(network, origins, speed_m_s)
    start, node, seconds = _reach(known.start, known.target, known.edge, cost, seeds[0], seeds[1], np.float32(limit_s))
    return Reach(start, node, seconds)


def nearest_source(
    network: WalkNetwork, sources: Snapped, speed_m_s: float, limit_s: float = np.inf, graph: Graph | None = None
) -> Nearest:
    """Walk from all sources at once; every node learns which is nearest, and how far; see :func:`reach`."""
    known = graph_of(network) if graph is None else graph
    cost = edge_seconds(network, speed_m_s)
    nodes, seconds = _seeds(network, sources, speed_m_s)
    owner = np.repeat(np.arange(len(nodes), dtype=np.int32), 2)
    found = _nearest(known.start, known.target, known.edge, cost, nodes.ravel(), seconds.ravel(), owner,
                     np.float32(limit_s))  # fmt: skip
    return Nearest(*found)


def _seeds(network: WalkNetwork, places: Snapped, speed_m_s: float) -> tuple[Ints, Seconds]:
    """Return the two ends of each place's edge and the seconds to them; -1 where the place is nowhere."""
    there = places.edge >= 0
    at = np.where(there, places.edge, 0)
    nodes = np.where(there[:, None], network.edge_nodes[at], -1).astype(np.int32)
    metres = np.c_[places.along_m, network.edge_length_m[at] - places.along_m] + places.offset_m[:, None]
    return nodes, np.asarray(metres / speed_m_s, dtype=np.float32)


@njit(cache=True)
def _push(keys, items, size, key, item):  # type: ignore[no-untyped-def]
    if size == len(keys):
        keys = np.concatenate((keys, np.empty_like(keys)))
        items = np.concatenate((items, np.empty_like(items)))
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if keys[above] <= key:
            break
        keys[i] = keys[above]
        items[i] = items[above]
        i = above
    keys[i] = key
    items[i] = item
    return keys, items


@njit(cache=True)
def _drop(keys, items, size):  # type: ignore[no-untyped-def]
    """Remove the top of a heap that has ``size`` entries left behind it."""
    key, item = keys[size], items[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[i] = keys[child]
        items[i] = items[child]
        i = child
    keys[i] = key
    items[i] = item


@njit(cache=True)
def _reach(start, target, edge, cost, seed_node, seed_seconds, limit):  # type: ignore[no-untyped-def]
    nodes = len(start) - 1
    epoch = np.zeros(nodes, np.int32)
    best = np.empty(nodes, np.float32)
    done = np.zeros(nodes, np.int32)
    keys, items = np.empty(1024, np.float32), np.empty(1024, np.int32)
    out_start = np.zeros(len(seed_node) + 1, np.int64)
    out_node, out_seconds = np.empty(4096, np.int32), np.empty(4096, np.float32)
    filled = 0
    for o in range(len(seed_node)):
        stamp, size = o + 1, 0
        for k in range(2):
            n, t = seed_node[o, k], seed_seconds[o, k]
            if n >= 0 and t <= limit and (epoch[n] != stamp or t < best[n]):
                epoch[n], best[n] = stamp, t
                keys, items = _push(keys, items, size, t, n)
                size += 1
        while size > 0:
            t, n = keys[0], items[0]
            size -= 1
            _drop(keys, items, size)
            if done[n] == stamp or t > best[n]:
                continue
            done[n] = stamp
            if filled == len(out_node):
                out_node = np.concatenate((out_node, np.empty_like(out_node)))
                out_seconds = np.concatenate((out_seconds, np.empty_like(out_seconds)))
            out_node[filled], out_seconds[filled] = n, t
            filled += 1
            for k in range(start[n], start[n + 1]):
                m, later = target[k], t + cost[edge[k]]
                if later <= limit and (epoch[m] != stamp or later < best[m]):
                    epoch[m], best[m] = stamp, later
                    keys, items = _push(keys, items, size, later, m)
                    size += 1
        out_start[o + 1] = filled
    return out_start, out_node[:filled].copy(), out_seconds[:filled].copy()


@njit(cache=True)
def _nearest(start, target, edge, cost, seed_node, seed_seconds, owner, limit):  # type: ignore[no-untyped-def]
    nodes = len(start) - 1
    best = np.full(nodes, np.inf, np.float32)
    source = np.full(nodes, -1, np.int32)
    done = np.zeros(nodes, np.bool_)
    keys, items = np.empty(1024, np.float32), np.empty(1024, np.int32)
    size = 0
    for i in range(len(seed_node)):
        n, t = seed_node[i], seed_seconds[i]
        if n >= 0 and t <= limit and t < best[n]:
            best[n], source[n] = t, owner[i]
            keys, items = _push(keys, items, size, t, n)
            size += 1
    while size > 0:
        t, n = keys[0], items[0]
        size -= 1
        _drop(keys, items, size)
        if done[n] or t > best[n]:
            continue
        done[n] = True
        for k in range(start[n], start[n + 1]):
            m, later = target[k], t + cost[edge[k]]
            if later <= limit and later < best[m]:
                best[m], source[m] = later, source[n]
                keys, items = _push(keys, items, size, later, m)
                size += 1
    return best, source
