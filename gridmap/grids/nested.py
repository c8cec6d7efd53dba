"""Dividing blocks into grids of several levels at once: exact counts, every grid of every level whole, all balanced.

METIS (Karypis and Kumar 1998) divides from coarse to fine with targets proportional to the number of grids to come;
what it leaves in pieces is mended; then border blocks of the finest level move by simulated annealing, across the
borders of drawn parents too, as long as grid, parent and grandparent stay whole; what is still out of the band is
divided anew in pairs by random spanning trees (as in ReCom: DeFord, Duchin and Solomon 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pymetis

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, totals
from gridmap.grids.nested_moves import anneal_nested, resplit
from gridmap.grids.partition import apportion, join_islets, make_whole, share_land

STEPS_PER_BLOCK: Final = 120
"""Tries of annealing a block; more gains little (measured on the benchmark town)."""
HEAT: Final = 0.25
UPPER: Final = 0.35
"""What a metre of border costs more for each level above whose border it is too."""
TREES: Final = 10
ROUNDS: Final = 5
_WEIGHT_UNITS: Final = 1_000


def divide_nested(
    graph: BlockGraph,
    counts: Sequence[m.Ints | int],
    *,
    group: m.Ints | None = None,
    band: float,
    seed: int,
) -> tuple[m.Ints, ...]:
    """Divide blocks into grids of several levels.

    Parameters
    ----------
    graph
        The land.
    counts
        For each level, the coarsest first, how many grids there are, in all or for each given parent.
    group
        (n,) number of the given parent of each block, 0, 1, 2 …; no block leaves it. One parent by default.
    band
        Deviation from the mean of the siblings in the given parent that balancing accepts.
    seed
        Of all that is random.

    Returns
    -------
    tuple of arrays of int
        A label a block for each level, numbered over all parents; each occurs, and each lies in one grid of the level
        above.

    Raises
    ------
    DrawError
        When there are fewer blocks than grids, or more grids above than below.

    Examples
    --------
    >>> from gridmap.grids.adjacency import graph_from_pairs
    >>> side = np.arange(16).reshape(4, 4)
    >>> a = np.r_[side[:, :-1].ravel(), side[:-1].ravel()]
    >>> b = np.r_[side[:, 1:].ravel(), side[1:].ravel()]
    >>> xy = np.c_[np.tile(np.arange(4.0), 4), np.repeat(np.arange(4.0), 4)]
    >>> even = np.ones(len(a))
    >>> graph = graph_from_pairs(a, b, even, even, np.zeros(len(a), bool), np.ones(16), xy)
    >>> large, small = divide_nested(graph, (2, 4), band=0.1, seed=0)
    >>> np.bincount(large).tolist(), np.bincount(small).tolist()
    ([8, 8], [4, 4, 4, 4])
    """
    parent = np.zeros(len(graph.weight), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    groups = int(parent.max(initial=-1)) + 1
    shared = [_per_group(graph, parent, groups, count) for count in counts]
    labels = _start(graph, parent, shared, seed)
    small = labels[-1].astype(np.int64).copy()
    finest = int(small.max()) + 1
    first = np.empty(finest, dtype=np.int64)
    first[small[::-1]] = np.arange(len(small))[::-1]
    up = np.array([above[first] for above in [*labels[-2::-1], parent]], dtype=np.int64).reshape(-1, finest)
    target = (totals(parent, graph.weight, groups) / shared[-1])[up[-1]]
    _refine(graph, small, up, 1, target, band, seed)
    return (*(up[level][small] for level in range(len(labels) - 2, -1, -1)), small)


def _per_group(graph: BlockGraph, parent: m.Ints, groups: int, count: m.Ints | int) -> m.Ints:
    if np.ndim(count):
        return np.asarray(count, dtype=np.int64)
    size = np.bincount(parent, minlength=groups)
    return apportion(totals(parent, graph.weight, groups), int(count), most=size)


def _refine(
    graph: BlockGraph, label: m.Ints, up: m.Ints, fixed: int, target: m.Floats, band: float, seed: int
) -> None:
    """Improve labels in place: annealing, then pairs that are out of the band, in turns."""
    scale = max(float(graph.length_m.sum()) / 2 / np.sqrt(len(graph.weight) * len(target)), 1.0)
    held = np.zeros(len(target), dtype=bool)
    base = (graph.start, graph.neighbour, graph.cost, graph.bridge, graph.weight)
    steps = STEPS_PER_BLOCK * len(graph.weight)
    anneal_nested(*base, label, up, fixed, target, held, band, scale, UPPER, steps, HEAT, seed)
    for turn in range(ROUNDS):
        if not resplit(*base, label, up, target, held, band, TREES, seed + turn):
            break
        more = seed + turn + 1
        anneal_nested(*base, label, up, fixed, target, held, band, scale, UPPER, steps // 8, HEAT / 5, more)


@dataclass(frozen=True, eq=False)
class _Node:
    """Blocks that become one grid of a level, and how many grids of each level below are to come of them."""

    members: m.Ints
    below: tuple[int, ...]


def _start(graph: BlockGraph, parent: m.Ints, counts: Sequence[m.Ints], seed: int) -> list[m.Ints]:
    """Divide from coarse to fine; every grid whole on each part of the land."""
    order = np.argsort(parent, kind="stable")
    limits = np.searchsorted(parent[order], np.arange(len(counts[0]) + 1))
    nodes = [
        _Node(order[limits[g] : limits[g + 1]], tuple(int(count[g]) for count in counts)) for g in range(len(counts[0]))
    ]
    labels = []
    for _ in counts:
        nodes = [child for node in nodes for child in _children(graph, node, seed)]
        label = np.empty(len(parent), dtype=np.int64)
        for number, node in enumerate(nodes):
            label[node.members] = number
        labels.append(label)
    return labels


def _children(graph: BlockGraph, node: _Node, seed: int) -> list[_Node]:
    parts, below = node.below[0], node.below[1:]
    if any(low < high for high, low in zip(node.below, node.below[1:], strict=False)):
        raise DrawError(f"{node.below[-1]} grids cannot fill {parts} grids above them: ask for as many")
    if parts > len(node.members):
        raise DrawError(f"{parts} grids are more than {len(node.members)} blocks can give")
    shares = [_even(count, parts) for count in below]
    if parts == 1:
        return [_Node(node.members, below)]
    inner = graph.subgraph(node.members)
    wanted = shares[-1] if shares else np.ones(parts, dtype=np.int64)
    label = _divide_land(inner, wanted, seed)
    return [
        _Node(node.members[label == part], tuple(int(share[part]) for share in shares)) for part in range(parts)
    ]


def _even(total: int, parts: int) -> m.Ints:
    """Return ``total`` shared out evenly, the larger shares spread over the parts."""
    edges = np.arange(parts + 1) * total // parts
    return np.diff(edges).astype(np.int64)


def _divide_land(graph: BlockGraph, wanted: m.Ints, seed: int) -> m.Ints:
    """Divide blocks in parts whose weights are as ``wanted``; parts of the land that bridges do not join apart."""
    region = graph.components(bridges=True)
    if region.max() == 0:
        return _divide_whole(graph, wanted, seed)
    sizes, weight = np.bincount(region), totals(region, graph.weight)
    given = share_land(weight, sizes, len(wanted))
    label = np.full(len(region), -1, dtype=np.int64)
    first = 0
    for number in np.flatnonzero(given > 0).tolist():
        members = np.flatnonzero(region == number)
        part = slice(first, first + int(given[number]))
        label[members] = first + _divide_whole(graph.subgraph(members), wanted[part], seed)
        first += int(given[number])
    join_islets(graph, region, label)
    return label


def _divide_whole(graph: BlockGraph, wanted: m.Ints, seed: int) -> m.Ints:
    parts = len(wanted)
    if parts == 1:
        return np.zeros(len(graph.weight), dtype=np.int64)
    mean = graph.weight.sum() / wanted.sum()
    unit = mean / _WEIGHT_UNITS if mean > 0 else 1.0
    # One unit more for each block: METIS divides land without households too.
    weights = np.rint(graph.weight / unit).astype(np.int64) + 1
    costs = np.maximum(np.rint(graph.cost), 1).astype(np.int64)
    _, label = pymetis.part_graph(
        parts,
        pymetis.CSRAdjacency(adj_starts=graph.start, adjacent=graph.neighbour),
        vweights=weights,
        eweights=costs,
        tpwgts=(wanted / wanted.sum()).tolist(),
        recursive=True,
        options=pymetis.Options(seed=seed % 2**31, ufactor=10),
    )
    return make_whole(graph, np.asarray(label, dtype=np.int64), parts)
