"""Bounded search on foot: from one place outwards, or from many places at once to whatever is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.geo.threads import spread
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import LONGEST_S, WalkTimes
from gridmap.network.snap import Snapped

Seconds: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int32]

_WORTH: Final = 8
"""Fewer origins than this are not worth a second thread."""


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


@dataclass(frozen=True, eq=False)
class Seeds:
    """Where the search of each origin or group begins: ``first[g]`` to ``first[g + 1]`` of the other arrays.

    Parameters
    ----------
    first
        (groups + 1,)
    node, seconds
        (origins, 2) the ends of each origin's edge and the time to them; node -1 where the origin is nowhere.
    edge, along_s
        (origins,) and (origins, 2): its edge, and the seconds along it from its start and from its end, so that a
        place on the same edge is reached without going by an end.
    share, off_s
        (origins,) how far along the edge it stands, 0 to 1, and the seconds from it to the edge.
    """

    first: NDArray[np.int64]
    node: Ints
    seconds: Seconds
    edge: Ints
    share: Seconds
    off_s: Seconds

    def __len__(self) -> int:
        return len(self.first) - 1


def make_seeds(network: WalkNetwork, origins: Snapped, walk: WalkTimes, group: Ints | None = None) -> Seeds:
    """Return where searches begin; origins of one ``group`` (a number from 0) begin together."""
    of = np.arange(len(origins)) if group is None else np.asarray(group)
    order = np.argsort(of, kind="stable")
    on = origins.take(order)
    there = on.edge >= 0
    at = np.where(there, on.edge, 0)
    share = np.clip(np.where(there, on.along_m, 0.0) / np.maximum(network.edge_length_m[at], 1e-9), 0.0, 1.0)
    off = on.offset_m / walk.speed_m_s
    # To the start one walks the first part of the edge back, to the end its rest onwards.
    seconds = np.c_[share * walk.seconds[at, 1], (1 - share) * walk.seconds[at, 0]] + off[:, None]
    return Seeds(
        first=np.r_[0, np.cumsum(np.bincount(of, minlength=int(of.max(initial=-1)) + 1))].astype(np.int64),
        node=np.where(there[:, None], network.edge_nodes[at], -1).astype(np.int32),
        seconds=seconds.astype(np.float32),
        edge=on.edge.astype(np.int32),
        share=share.astype(np.float32),
        off_s=off.astype(np.float32),
    )


def reach(
    network: WalkNetwork, origins: Snapped, limit_s: float, walk: WalkTimes, *, group: Ints | None = None
) -> Reach:
    """Walk from every origin as far as a limit allows (Dijkstra with a heap), on all processors.

    Parameters
    ----------
    network
        The walking network.
    origins
        Places on it; one that is nowhere (edge -1) reaches nothing. The metres to the network count in the time.
    limit_s
        Seconds.
    walk
        :func:`gridmap.network.pace.walk_times`.
    group
        One number an origin, from 0: origins of one number walk together, as the entrances of one station do, and
        the result has one row a group.

    Returns
    -------
    Reach
        Junctions reached by origin or group, with seconds (float32).
    """
    graph, arcs = network.graph, walk.arcs
    seeds = make_seeds(network, origins, walk, group)

    def search(low: int, high: int) -> tuple[NDArray[np.int64], Ints, Seconds]:
        first = seeds.first[low : high + 1]
        return _reach(graph.start, graph.target, arcs, first, seeds.node, seeds.seconds, np.float32(limit_s))  # type: ignore[no-any-return]

    counts, nodes, seconds = zip(*spread(search, len(seeds), worth=_WORTH), strict=True)
    start = np.r_[0, np.cumsum(np.concatenate(counts))].astype(np.int64)
    return Reach(start, np.concatenate(nodes), np.concatenate(seconds))


def nearest_source(network: WalkNetwork, sources: Snapped, walk: WalkTimes, limit_s: float = np.inf) -> Nearest:
    """Walk from all sources at once; every junction learns which is nearest, and how far; see :func:`reach`.

    Of sources equally near the search keeps the one it met first; the same input gives the same answer.
    """
    graph = network.graph
    seeds = make_seeds(network, sources, walk)
    owner = np.repeat(np.arange(len(sources), dtype=np.int32), 2)
    limit = np.float32(min(limit_s, LONGEST_S))
    return Nearest(
        *_nearest(graph.start, graph.target, walk.arcs, seeds.node.ravel(), seeds.seconds.ravel(), owner, limit)
    )


@njit(cache=True, nogil=True)
def push(heap, size, seconds, node):
    """Put a junction on the heap; an entry is the bits of its seconds (which sort as numbers do) above its number."""
    entry = (np.uint64(np.float32(seconds).view(np.uint32)) << np.uint64(32)) | np.uint64(node)
    i = size
    while i > 0:
        above = (i - 1) >> 2
        if heap[above] <= entry:
            break
        heap[i] = heap[above]
        i = above
    heap[i] = entry


@njit(cache=True, nogil=True)
def drop(heap, size):
    """Remove the top of a heap of four children a node that has ``size`` entries left behind it."""
    entry = heap[size]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least = child
        for k in range(child + 1, min(child + 4, size)):
            if heap[k] < heap[least]:
                least = k
        if heap[least] >= entry:
            break
        heap[i] = heap[least]
        i = least
    heap[i] = entry


@njit(cache=True, nogil=True)
def settle(start, target, arcs, seed_node, seed_seconds, limit, stamp, epoch, best, heap, out):
    """Walk from the seeds until the limit; write the junctions in order of time and return how many there are.

    ``best[n]`` holds the seconds to ``n`` where ``epoch[n] == stamp``: nothing is cleared between searches. The heap
    has room for an entry an arc and a seed.
    """
    size = 0
    for i in range(len(seed_node)):
        for side in range(2):
            n, t = seed_node[i, side], seed_seconds[i, side]
            if n >= 0 and t <= limit and (epoch[n] != stamp or t < best[n]):
                epoch[n] = stamp
                best[n] = t
                push(heap, size, t, n)
                size += 1
    count = 0
    while size > 0:
        top = heap[0]
        n = np.int64(top & np.uint64(0xFFFFFFFF))
        t = np.uint32(top >> np.uint64(32)).view(np.float32)
        size -= 1
        drop(heap, size)
        if t > best[n]:
            continue
        out[count] = n
        count += 1
        for k in range(start[n], start[n + 1]):
            later = t + arcs[k]
            if later <= limit:
                m = target[k]
                if epoch[m] != stamp or later < best[m]:
                    epoch[m] = stamp
                    best[m] = later
                    push(heap, size, later, m)
                    size += 1
    return count


@njit(cache=True, nogil=True)
def _reach(start, target, arcs, first, seed_node, seed_seconds, limit):
    nodes = len(start) - 1
    epoch, best = np.zeros(nodes, np.int32), np.empty(nodes, np.float32)
    heap = np.empty(len(arcs) + 2 * len(seed_node) + 1, np.uint64)
    found = np.empty(nodes, np.int32)
    counts = np.zeros(len(first) - 1, np.int64)
    out_node, out_seconds = np.empty(4096, np.int32), np.empty(4096, np.float32)
    filled = 0
    for o in range(len(first) - 1):
        seeds = slice(first[o], first[o + 1])
        count = settle(
            start, target, arcs, seed_node[seeds], seed_seconds[seeds], limit, o + 1, epoch, best, heap, found
        )
        while filled + count > len(out_node):
            out_node = np.concatenate((out_node, np.empty_like(out_node)))
            out_seconds = np.concatenate((out_seconds, np.empty_like(out_seconds)))
        for k in range(count):
            out_node[filled + k] = found[k]
            out_seconds[filled + k] = best[found[k]]
        filled += count
        counts[o] = count
    return counts, out_node[:filled].copy(), out_seconds[:filled].copy()


@njit(cache=True, nogil=True)
def _nearest(start, target, arcs, seed_node, seed_seconds, owner, limit):
    nodes = len(start) - 1
    best = np.full(nodes, np.inf, np.float32)
    source = np.full(nodes, -1, np.int32)
    heap = np.empty(len(arcs) + len(seed_node) + 1, np.uint64)
    size = 0
    for i in range(len(seed_node)):
        n, t = seed_node[i], seed_seconds[i]
        if n >= 0 and t <= limit and t < best[n]:
            best[n], source[n] = t, owner[i]
            push(heap, size, t, n)
            size += 1
    while size > 0:
        top = heap[0]
        n = np.int64(top & np.uint64(0xFFFFFFFF))
        t = np.uint32(top >> np.uint64(32)).view(np.float32)
        size -= 1
        drop(heap, size)
        if t > best[n]:
            continue
        for k in range(start[n], start[n + 1]):
            m, later = target[k], t + arcs[k]
            if later <= limit and later < best[m]:
                best[m], source[m] = later, source[n]
                push(heap, size, later, m)
                size += 1
    return best, source
