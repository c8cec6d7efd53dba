"""Nodes of the index: what the paths of all rows below all objects make together, and where each node is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.address.index import degree_m

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Entries:
    """Rows below objects, one for each way a row can be come to.

    Parameters
    ----------
    thing, row
        Object and row.
    codes
        Shape (entries, longest path): steps below the object, 0 behind the last.
    depth
        How many steps there are.
    own
        Whether the path is the row's address; else it is only below there (all rows of a town).
    home
        Whether this is the row's place in the index; each row has one.
    """

    thing: Ints
    row: Ints
    codes: NDArray[np.uint32]
    depth: NDArray[np.int8]
    own: NDArray[np.bool_]
    home: NDArray[np.bool_]

    def take(self, at: NDArray[Any]) -> Entries:
        """Return some of the entries."""
        return Entries(self.thing[at], self.row[at], self.codes[at], self.depth[at], self.own[at], self.home[at])


@dataclass(frozen=True, eq=False)
class Trie:
    """Nodes without places; names as of :class:`~gridmap.address.index.AddressIndex`."""

    node_key: NDArray[np.uint64]
    node_child: Ints
    node_row: Ints
    node_first: Ints
    node_last: Ints
    entry_row: Ints
    row_node: Ints

    def parents(self, objects: int) -> NDArray[np.int64]:
        """Return the parent of every node, -1 for objects."""
        above = (self.node_key >> np.uint64(32)).astype(np.int64)
        return np.concatenate([np.full(objects, -1), above])


def ordered(entries: Entries) -> Entries:
    """Return entries depth first: by object, then step by step, what ends first first, then by row."""
    keys: list[NDArray[Any]] = [entries.row, ~entries.own]
    keys += [entries.codes[:, level] for level in reversed(range(entries.codes.shape[1]))]
    return entries.take(np.lexsort([*keys, entries.thing]))


def build_trie(entries: Entries, objects: int, rows: int) -> Trie:
    """Return the nodes of entries that are :func:`ordered`."""
    node = entries.thing.astype(np.int64)
    first, last = _runs(node, objects)
    keys, firsts, lasts = [], [first], [last]
    base = objects
    for level in range(entries.codes.shape[1]):
        at = np.flatnonzero(entries.depth > level)
        key = node[at].astype(np.uint64) << np.uint64(32) | entries.codes[at, level]
        new = np.ones(len(at), dtype=bool)
        new[1:] = key[1:] != key[:-1]
        starts = at[new]
        node[at] = base + np.cumsum(new) - 1
        counts = np.diff(np.append(np.flatnonzero(new), len(at)))
        keys.append(key[new])
        firsts.append(starts)
        lasts.append(starts + counts)
        base += len(starts)
    node_key = np.concatenate([*keys, np.empty(0, dtype=np.uint64)])
    node_row, row_node = np.full(base, -1, dtype=np.int32), np.full(rows, -1, dtype=np.int32)
    # Of several rows at one node of an estate (two doors with a building 3) none is the node's own.
    ends, count = node[entries.own], np.bincount(node[entries.own], minlength=base)
    single = count[ends] == 1
    node_row[ends[single]] = entries.row[entries.own][single]
    node_row[node[entries.home]] = entries.row[entries.home]
    row_node[entries.row[entries.home]] = node[entries.home]
    above = (node_key >> np.uint64(32)).astype(np.int64)
    child = objects + np.searchsorted(above, np.arange(base + 1))
    return Trie(
        node_key, child.astype(np.int32), node_row, np.concatenate(firsts).astype(np.int32),
        np.concatenate(lasts).astype(np.int32), entries.row.astype(np.int32), row_node,
    )  # fmt: skip


def _runs(sorted_ids: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the run of each id begins and ends."""
    return np.searchsorted(sorted_ids, np.arange(count)), np.searchsorted(sorted_ids, np.arange(count), side="right")


@dataclass(frozen=True, eq=False)
class NodePlaces:
    """Where nodes are; NaN where no row below has a position."""

    lon: Floats
    lat: Floats


def node_places(trie: Trie, lon: Floats, lat: Floats) -> NodePlaces:
    """Return the point of every node: its own row's, else the middle one of the rows below.

    The middle one has the least sum of squared distances to the others: it is the one nearest to their mean.

    Parameters
    ----------
    trie
        The nodes.
    lon, lat
        Of the rows; NaN where unknown.
    """
    entry_lon, entry_lat = lon[trie.entry_row], lat[trie.entry_row]
    known = np.flatnonzero(~np.isnan(entry_lon))
    east, north = _metres(entry_lon[known], entry_lat[known])
    first, last = np.searchsorted(known, trie.node_first), np.searchsorted(known, trie.node_last)
    count = last - first
    sums = [np.concatenate([[0.0], np.cumsum(axis)]) for axis in (east, north)]
    with np.errstate(invalid="ignore"):
        mean = [(total[last] - total[first]) / count for total in sums]
    row_at = np.full(len(lon), -1, dtype=np.int64)
    row_at[trie.entry_row[known]] = np.arange(len(known))
    chosen = np.full(len(first), -1, dtype=np.int64)
    owned = trie.node_row >= 0
    chosen[owned] = row_at[trie.node_row[owned]]
    for start, stop in _levels(trie):
        nodes = start + np.flatnonzero((count[start:stop] > 0) & (chosen[start:stop] < 0))
        if not len(nodes):
            continue
        owner = np.repeat(nodes, count[nodes])
        at = _ranges(first[nodes], count[nodes])
        away = np.hypot(east[at] - mean[0][owner], north[at] - mean[1][owner])
        begins = np.concatenate([[0], np.cumsum(count[nodes])[:-1]]).astype(np.int64)
        chosen[nodes] = at[_first_least(away, begins, count[nodes])]
    found = chosen >= 0
    places = np.where(found, known[chosen] if len(known) else 0, 0)
    nowhere = np.full(len(found), np.nan)
    return NodePlaces(np.where(found, entry_lon[places], nowhere), np.where(found, entry_lat[places], nowhere))


def _levels(trie: Trie) -> list[tuple[int, int]]:
    """Return pieces of the nodes whose ranges do not overlap, so that each row is looked at once a piece."""
    starts = np.flatnonzero(np.diff(trie.node_first) < 0) + 1
    edges = [0, *starts.tolist(), len(trie.node_first)]
    return list(pairwise(edges))


def _ranges(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return first, first + 1, … of every range, one after the other."""
    offset = np.concatenate([[0], np.cumsum(count)[:-1]]) if len(count) else np.empty(0, dtype=np.int64)
    found: NDArray[np.int64] = np.arange(int(count.sum())) + np.repeat(first - offset, count)
    return found


def _first_least(values: Floats, begins: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the least value of each run is, the first of several."""
    least = np.minimum.reduceat(values, begins)
    at = np.flatnonzero(values == np.repeat(least, count))
    _, where = np.unique(np.repeat(np.arange(len(begins)), count)[at], return_index=True)
    found: NDArray[np.int64] = at[where]
    return found


def _metres(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return metres east and north of the first position; enough within a county."""
    if not len(lon):
        return lon, lat
    east, north = degree_m(float(np.median(lat)))
    return (lon - lon[0]) * east, (lat - lat[0]) * north
