"""A first division of every parent by METIS (Karypis and Kumar 1998), mended where it lies in pieces."""

from __future__ import annotations

from typing import Final

import numpy as np
import pymetis
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, totals
from gridmap.grids.nested_mend import make_whole
from gridmap.grids.nested_shares import apportion, share_land

UNEVEN: Final = 0.9
"""Targets follow the number of grids to come as long as they differ by less than this share of the band."""
_UNITS_A_BLOCK: Final = 100
_MOST_UNITS: Final = 1_000_000_000
_IMBALANCE: Final = 10


def within(graph: BlockGraph, group: m.Ints) -> BlockGraph:
    """Return the graph without the pairs that lie in two groups.

    Examples
    --------
    >>> from gridmap.grids.adjacency import graph_from_pairs
    >>> pairs, even = (np.array([0, 1]), np.array([1, 2])), np.ones(2)
    >>> path = graph_from_pairs(*pairs, even, even, even < 1, np.ones(3), np.zeros((3, 2)))
    >>> within(path, np.array([0, 0, 1])).neighbour.tolist()
    [1, 0]
    """
    tail = np.repeat(np.arange(len(group)), np.diff(graph.start))
    kept = group[tail] == group[graph.neighbour]
    if kept.all():
        return graph
    start = np.r_[0, np.cumsum(np.bincount(tail[kept], minlength=len(group)))]
    return BlockGraph(
        start, graph.neighbour[kept], graph.length_m[kept], graph.cost[kept], graph.bridge[kept], graph.weight, graph.xy
    )


def first_division(
    graph: BlockGraph, parent: m.Ints, counts: m.Ints, below: m.Ints | None, band: float, seed: int
) -> tuple[m.Ints, m.Floats]:
    """Divide every parent into its number of grids, whole on each part of the land.

    Parameters
    ----------
    graph
        Without pairs between parents.
    parent
        (n,) parent of each block.
    counts, below
        Number of grids of each parent at this level and at the next, None at the last.
    band, seed
        Deviation accepted, and what is random.

    Returns
    -------
    label, wanted
        The grid of each block, numbered over all parents in their order, and what each grid is to have: so many shares
        of its parent.
    """
    region = graph.components(bridges=True)
    first = np.unique(region, return_index=True)[1]
    # Grids are numbered parent by parent: so are the parts of the land.
    order = np.argsort(parent[first], kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    region, of_region = place[region], parent[first[order]]
    weight, size = totals(region, graph.weight), np.bincount(region)
    given = _over_land(of_region, weight, size, counts, share_islets=True)
    if below is None:
        shares = [np.ones(count) for count in given.tolist()]
    else:
        coming = _over_land(of_region, weight, size, below, share_islets=False)
        shares = [_even(total, count, band) for total, count in zip(coming.tolist(), given.tolist(), strict=True)]
    label = _by_metis(graph, region, given, shares, seed)
    wanted = np.concatenate(shares)
    if (given == 0).any():
        _join_islets(graph, region, parent, label)
    return make_whole(graph, label, len(wanted), np.repeat(of_region, given)), wanted


def _over_land(of_region: m.Ints, weight: m.Floats, size: m.Ints, counts: m.Ints, *, share_islets: bool) -> m.Ints:
    """Return how many of each parent's grids every part of its land gets."""
    given = counts[of_region]
    for number in np.flatnonzero(np.bincount(of_region, minlength=len(counts)) > 1).tolist():
        rows = np.flatnonzero(of_region == number)
        total = int(counts[number])
        if share_islets:
            given[rows] = share_land(weight[rows], size[rows], total)
        else:
            given[rows] = apportion(weight[rows], total, at_least=0, most=size[rows])
    return given


def _even(total: int, count: int, band: float) -> m.Floats:
    """Return how many grids of the next level are to come of each grid: whole numbers where that is even enough."""
    if count == 0:
        return np.zeros(0)
    equal = np.full(count, max(total, count) / count)
    whole = np.diff(np.arange(count + 1) * total // count).astype(np.float64)
    return whole if (np.abs(whole / equal - 1) <= UNEVEN * band).all() else equal


def _by_metis(graph: BlockGraph, region: m.Ints, given: m.Ints, shares: list[m.Floats], seed: int) -> m.Ints:
    """Divide every part of the land by itself; blocks of parts without a grid get -1."""
    order = np.argsort(region, kind="stable")
    inner = graph.subgraph(order)
    edge = np.r_[0, np.cumsum(np.bincount(region))].tolist()
    number = np.r_[0, np.cumsum(given)].tolist()
    costs = np.maximum(np.rint(inner.cost), 1).astype(np.int64)
    label = np.full(len(region), -1, dtype=np.int64)
    for i, share in enumerate(shares):
        if len(share) == 0:
            continue
        a, b = edge[i], edge[i + 1]
        if len(share) == 1:
            label[order[a:b]] = number[i]
            continue
        p, q = int(inner.start[a]), int(inner.start[b])
        part = pymetis.part_graph(
            len(share),
            pymetis.CSRAdjacency(adj_starts=inner.start[a : b + 1] - p, adjacent=inner.neighbour[p:q] - a),
            vweights=_metis_weights(inner.weight[a:b]),
            eweights=costs[p:q],
            tpwgts=_fractions(share),
            recursive=True,
            options=pymetis.Options(seed=seed % 2**31, ufactor=_IMBALANCE),
        )[1]
        label[order[a:b]] = number[i] + np.asarray(part, dtype=np.int64)
    return label


def _metis_weights(weight: m.Floats) -> m.Ints:
    """Return whole weights, one unit more for each block: METIS divides land without households too."""
    total = float(weight.sum())
    if total <= 0:
        return np.ones(len(weight), dtype=np.int64)
    units = min(_UNITS_A_BLOCK * len(weight), _MOST_UNITS)
    return np.asarray(np.rint(weight * (units / total)), dtype=np.int64) + 1


def _fractions(share: m.Floats) -> list[float]:
    fraction: list[float] = (share / share.sum()).tolist()
    return fraction


def _join_islets(graph: BlockGraph, region: m.Ints, parent: m.Ints, label: m.Ints) -> None:
    """Give every part of the land without a grid, whole, to the grid of its parent's nearest block that has one."""
    for owner in np.unique(parent[label < 0]).tolist():
        settled = np.flatnonzero((parent == owner) & (label >= 0))
        tree = shapely.STRtree(shapely.points(graph.xy[settled]))
        for number in np.unique(region[(label < 0) & (parent == owner)]).tolist():
            members = np.flatnonzero(region == number)
            near = int(tree.query_nearest(shapely.multipoints(graph.xy[members]), all_matches=False)[0])
            label[members] = label[settled[near]]
