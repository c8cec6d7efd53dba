"""Bounded search on foot: from one place outwards, or from many places at once to whatever is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.network.model import WalkNetwork
from gridmap.network.snap import Snapped

Seconds: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Reach:
    """What each origin reaches: junctions ``node[start[o]:start[o + 1]]`` after ``seconds``, in order of time."""

    start: NDArray[np.int64]
    node: Ints
    seconds: Seconds


class Nearest(NamedTuple):
    """For every junction or place: the time to the nearest source (inf where none) and which it is (-1)."""

    seconds: Seconds
    source: Ints


def edge_seconds(network: WalkNetwork, speed_m_s: float) -> Seconds:
    """Return the seconds it takes to walk every edge at a speed in m/s."""
    return np.asarray(network.edge_length_m / speed_m_s, dtype=np.float32)


def reach(
    network: WalkNetwork, origins: Snapped, limit_s: float, speed_m_s: float, *, group: Ints | None = None
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
    group
        One number an origin, from 0: origins of one number walk together, as the entrances of one station do, and
        the result has one row a group.

    Returns
    -------
    Reach
        Junctions reached by origin or group, with seconds (float32).
    """
    graph = network.graph
    seeds, seconds, first = _grouped(network, origins, speed_m_s, group)
    cost = edge_seconds(network, speed_m_s)
    return Reach(*_reach(graph.start, graph.target, graph.edge, cost, seeds, seconds, first, np.float32(limit_s)))


def nearest_source(network: WalkNetwork, sources: Snapped, speed_m_s: float, limit_s: float = np.inf) -> Nearest:
    """Walk from all sources at once; every junction learns which is nearest, and how far; see :func:`reach`.

    Of sources equally near the search keeps the one it met first; the same input gives the same answer.
    """
    graph = network.graph
    nodes, seconds = _seeds(network, sources, speed_m_s)
    owner = np.repeat(np.arange(len(nodes), dtype=np.int32), 2)
    return Nearest(
        *_nearest(graph.start, graph.target, graph.edge, edge_seconds(network, speed_m_s), nodes.ravel(),
                  seconds.ravel(), owner, np.float32(limit_s))
    )  # fmt: skip


def _grouped(
    network: WalkNetwork, origins: Snapped, speed_m_s: float, group: Ints | None
) -> tuple[Ints, Seconds, NDArray[np.int64]]:
    """Return the seeds of each group one after the other, and where each group begins."""
    nodes, seconds = _seeds(network, origins, speed_m_s)
    of = np.arange(len(origins)) if group is None else np.asarray(group)
    order = np.argsort(of, kind="stable")
    first = np.r_[0, np.cumsum(np.bincount(of, minlength=int(of.max(initial=-1)) + 1))].astype(np.int64)
    return nodes[order], seconds[order], first


def _seeds(network: WalkNetwork, places: Snapped, speed_m_s: float) -> tuple[Ints, Seconds]:
    """Return the two ends of each place's edge and the seconds to them; -1 where the place is nowhere."""
    there = places.edge >= 0
    at = np.where(there, places.edge, 0)
    nodes = np.where(there[:, None], network.edge_nodes[at], -1).astype(np.int32)
    metres = np.c_[places.along_m, network.edge_length_m[at] - places.along_m] + places.offset_m[:, None]
    return nodes, np.asarray(metres / speed_m_s, dtype=np.float32)


@njit(cache=True)
def _push(keys, items, size, key, item):
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
def _drop(keys, items, size):
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
def _reach(start, target, edge, cost, seed_node, seed_seconds, first, limit):
    nodes = len(start) - 1
    epoch = np.zeros(nodes, np.int32)
    best = np.empty(nodes, np.float32)
    done = np.zeros(nodes, np.int32)
    keys, items = np.empty(1024, np.float32), np.empty(1024, np.int32)
    out_start = np.zeros(len(first), np.int64)
    out_node, out_seconds = np.empty(4096, np.int32), np.empty(4096, np.float32)
    filled = 0
    for o in range(len(first) - 1):
        stamp, size = o + 1, 0
        for k in range(2 * first[o], 2 * first[o + 1]):
            n, t = seed_node[k // 2, k % 2], seed_seconds[k // 2, k % 2]
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
def _nearest(start, target, edge, cost, seed_node, seed_seconds, owner, limit):
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
