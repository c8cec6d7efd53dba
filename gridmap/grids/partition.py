"""Dividing blocks into a given number of grids: balanced, whole on land, borders where streets are."""

from __future__ import annotations

from typing import Final

import numpy as np
import pymetis
import shapely

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, connected, totals
from gridmap.grids.refine import anneal, split_pair

STEPS_PER_BLOCK: Final = 150
"""Moves that annealing tries per block; more gains little (measured on the benchmark town)."""
HEAT: Final = 0.35
TREES: Final = 12
ROUNDS: Final = 6
_WEIGHT_UNITS: Final = 10_000


def apportion(weight: m.Floats, total: int, at_least: int = 1, most: m.Ints | None = None) -> m.Ints:
    """Share out a number of grids by weight: largest remainder, each at least so many.

    Parameters
    ----------
    weight
        One number a parent, 0 or more; where all are 0 they count the same.
    total
        How many grids to share out.
    at_least
        What each gets before shares are counted.
    most
        How many each can hold; no limit by default.

    Raises
    ------
    DrawError
        When ``total`` is less than the parents need, or more than they can hold.

    Examples
    --------
    >>> apportion(np.array([5.0, 3.0, 2.0]), 7).tolist()
    [4, 2, 1]
    """
    count = len(weight)
    room = np.full(count, total) if most is None else np.asarray(most)
    if total < at_least * count:
        raise DrawError(f"{total} grids cannot be shared out over {count} parents: each needs at least {at_least}")
    if total > room.sum():
        raise DrawError(f"{total} grids are more than the blocks of {count} parents can give ({room.sum()})")
    share = np.asarray(weight, dtype=np.float64)
    share = share / share.sum() if share.sum() > 0 else np.full(count, 1 / count)
    given = np.minimum(np.maximum(np.floor(share * total).astype(np.int64), at_least), room)
    while given.sum() != total:
        if given.sum() < total:
            # Who is furthest below the quota; ties go to the first.
            lack = np.where(given < room, share * total - given, -np.inf)
            given[int(np.argmax(lack))] += 1
        else:
            surplus = np.where(given > at_least, given - share * total, -np.inf)
            given[int(np.argmax(surplus))] -= 1
    return np.asarray(given, dtype=np.int64)


def divide(graph: BlockGraph, parts: int, *, band: float, seed: int) -> m.Ints:
    """Divide blocks into so many grids.

    Every part of the land gets grids by its weight; a part too small for one joins the grid that is nearest. Banks
    that a bridge joins are one part. Within each part of the land every grid is connected.

    Parameters
    ----------
    graph
        The blocks of one parent.
    parts
        How many grids.
    band
        Deviation from the mean that balancing accepts.
    seed
        Of all that is random.

    Returns
    -------
    array of int
        0 … parts - 1 a block; each occurs.

    Raises
    ------
    DrawError
        When there are fewer blocks than grids.
    """
    count = len(graph.weight)
    if parts > count:
        raise DrawError(f"{parts} grids are more than {count} blocks can give")
    label = np.zeros(count, dtype=np.int64)
    if parts == 1:
        return label
    region = graph.components(bridges=True)
    sizes = np.bincount(region)
    weight = totals(region, graph.weight)
    given = share_land(weight, sizes, parts)
    label[:] = -1
    first = 0
    for number in np.flatnonzero(given > 0).tolist():
        members = np.flatnonzero(region == number)
        label[members] = first + _divide_whole(graph.subgraph(members), int(given[number]), band, seed)
        first += int(given[number])
    join_islets(graph, region, label)
    return label


def share_land(weight: m.Floats, sizes: m.Ints, parts: int) -> m.Ints:
    """Share out grids over parts of the land; those too small for one of their own get none.

    Parameters
    ----------
    weight, sizes
        Workload and number of blocks of each part of the land.
    parts
        How many grids.
    """
    if len(sizes) <= parts and (weight >= weight.sum() / parts / 2).all():
        return apportion(weight, parts, most=sizes)
    order = np.lexsort((np.arange(len(weight)), -sizes, -weight))
    mean = weight.sum() / parts
    worthy = order[(weight[order] >= mean / 2)][:parts] if mean > 0 else order[:1]
    if len(worthy) == 0:
        worthy = order[:1]
    # Where those that deserve grids cannot hold them all, the next ones help.
    while sizes[worthy].sum() < parts:
        worthy = order[: len(worthy) + 1]
    given = np.zeros(len(weight), dtype=np.int64)
    given[worthy] = apportion(weight[worthy], parts, most=sizes[worthy])
    return given


def join_islets(graph: BlockGraph, region: m.Ints, label: m.Ints) -> None:
    """Give every part of the land without a grid, as a whole, to the grid of the nearest block that has one."""
    settled = np.flatnonzero(label >= 0)
    tree = shapely.STRtree(shapely.points(graph.xy[settled]))
    for number in np.unique(region[label < 0]).tolist():
        members = np.flatnonzero(region == number)
        near = int(tree.query_nearest(shapely.multipoints(graph.xy[members]), all_matches=False)[0])
        label[members] = label[settled[near]]


def _divide_whole(graph: BlockGraph, parts: int, band: float, seed: int) -> m.Ints:
    """Divide blocks that hang together."""
    if parts == 1:
        return np.zeros(len(graph.weight), dtype=np.int64)
    mean = graph.weight.sum() / parts
    label = _by_metis(graph, parts, mean, seed)
    label = make_whole(graph, label, parts)
    target = np.full(parts, mean)
    # A grid of the mean area, round, has a border of about this length: it makes costs comparable in all sizes.
    scale = max(float(graph.length_m.sum()) / 2 / np.sqrt(len(graph.weight) * parts), 1.0)
    args = (graph.start, graph.neighbour, graph.cost, graph.bridge, graph.weight)
    steps = STEPS_PER_BLOCK * len(graph.weight)
    anneal(*args, label, target, band, scale, steps, HEAT, seed)
    for turn in range(ROUNDS):
        if not _resplit(graph, label, target, band, seed + turn):
            break
        anneal(*args, label, target, band, scale, steps // 4, HEAT / 4, seed + turn + 1)
    return label


def _by_metis(graph: BlockGraph, parts: int, mean: float, seed: int) -> m.Ints:
    unit = mean / _WEIGHT_UNITS if mean > 0 else 1.0
    # One unit more for each block: METIS divides land without households too.
    weights = np.maximum(np.rint(graph.weight / unit), 0).astype(np.int64) + 1
    costs = np.maximum(np.rint(graph.cost), 1).astype(np.int64)
    _, label = pymetis.part_graph(
        parts,
        pymetis.CSRAdjacency(adj_starts=graph.start, adjacent=graph.neighbour),
        vweights=weights,
        eweights=costs,
        recursive=True,
        options=pymetis.Options(seed=seed % 2**31, ufactor=30),
    )
    return np.asarray(label, dtype=np.int64)


def make_whole(graph: BlockGraph, label: m.Ints, parts: int) -> m.Ints:
    """Return labels in which every grid exists and is connected on each part of the land.

    Of the pieces of a grid the heaviest stays on each part of the land, and of those the ones that bridges join to
    the heaviest; the others go to the neighbour with the longest common border.
    """
    label = label.copy()
    for _ in range(parts + 2):
        drop_strays(graph, label)
        _fill_strays(graph, label)
        empty = np.flatnonzero(np.bincount(label, minlength=parts) == 0)
        if len(empty) == 0:
            return label
        for part in empty.tolist():
            _found(graph, label, part)
    raise DrawError(f"{parts} grids could not be kept connected; ask for fewer or give smaller blocks")


def _pieces(graph: BlockGraph, label: m.Ints, *, bridges: bool) -> m.Ints:
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    same = (label[tail] == label[graph.neighbour]) & (label[tail] >= 0)
    if not bridges:
        same &= ~graph.bridge
    return connected(len(label), tail[same], graph.neighbour[same])


def drop_strays(graph: BlockGraph, label: m.Ints) -> None:
    """Set what does not hang together with the main piece of its grid to -1."""
    shore = graph.components(bridges=False)
    piece = _pieces(graph, label, bridges=False)
    weight = graph.weight + graph.weight.sum() * 1e-9 + 1e-12
    heavy = totals(piece, weight)
    _, first = np.unique(piece, return_index=True)
    _keep_heaviest(label, piece, heavy, label[first] * (shore.max() + 1) + shore[first], first)
    joined = _pieces(graph, label, bridges=True)
    heavy = totals(joined, weight)
    _, first = np.unique(joined, return_index=True)
    _keep_heaviest(label, joined, heavy, label[first], first)


def _keep_heaviest(label: m.Ints, piece: m.Ints, heavy: m.Floats, group: m.Ints, first: m.Ints) -> None:
    order = np.lexsort((first, -heavy, group))
    later = np.r_[False, group[order][1:] == group[order][:-1]]
    label[np.isin(piece, order[later])] = -1


def _fill_strays(graph: BlockGraph, label: m.Ints) -> None:
    """Give stray blocks, a ring at a time, to the neighbour they share the longest border with."""
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    # Over a bridge only where there is no neighbour on land: then the shore has no grid yet.
    for bridges in (False, True):
        while (label < 0).any():
            open_ = (label[tail] < 0) & (label[graph.neighbour] >= 0) & (graph.bridge == bridges)
            if not open_.any():
                break
            if bridges:
                at = int(np.flatnonzero(open_)[0])
                label[tail[at]] = label[graph.neighbour[at]]
                _fill_strays_on_land(graph, label, tail)
                continue
            _claim(graph, label, tail, open_)


def _fill_strays_on_land(graph: BlockGraph, label: m.Ints, tail: m.Ints) -> None:
    while True:
        open_ = (label[tail] < 0) & (label[graph.neighbour] >= 0) & ~graph.bridge
        if not open_.any():
            return
        _claim(graph, label, tail, open_)


def _claim(graph: BlockGraph, label: m.Ints, tail: m.Ints, open_: m.Flags) -> None:
    wanted, goal, length = tail[open_], label[graph.neighbour[open_]], graph.length_m[open_]
    key = wanted * (label.max() + 1) + goal
    pair, where = np.unique(key, return_inverse=True)
    total = totals(where, length)
    block, offer = pair // (label.max() + 1), pair % (label.max() + 1)
    order = np.lexsort((offer, -total, block))
    first = np.r_[True, block[order][1:] != block[order][:-1]]
    label[block[order][first]] = offer[order][first]


def _found(graph: BlockGraph, label: m.Ints, part: int) -> None:
    """Make a grid that lost all its blocks anew: from the heaviest grid that has several, its outermost block."""
    total = totals(label, graph.weight, part + 1)
    many = np.bincount(label, minlength=part + 1) > 1
    giver = int(np.argmax(np.where(many, total, -1.0)))
    members = np.flatnonzero(label == giver)
    inner = graph.subgraph(members)
    depth = _distance_from(inner, 0)
    label[members[int(np.argmax(depth))]] = part


def _distance_from(graph: BlockGraph, root: int) -> m.Ints:
    """Return steps from a block; the furthest one can leave without breaking the rest."""
    depth = np.full(len(graph.weight), -1, dtype=np.int64)
    depth[root], ring, step = 0, [root], 0
    while ring:
        step += 1
        following = []
        for i in ring:
            for j in graph.neighbour[graph.start[i] : graph.start[i + 1]].tolist():
                if depth[j] < 0:
                    depth[j] = step
                    following.append(j)
        ring = following
    return depth


def _resplit(graph: BlockGraph, label: m.Ints, target: m.Floats, band: float, seed: int) -> bool:
    """Divide grids out of the band anew, each together with its most different neighbour; say whether any changed."""
    total = totals(label, graph.weight, len(target))
    off = np.abs(total / np.maximum(target, 1e-12) - 1)
    changed = False
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    for part in np.argsort(-off, kind="stable")[: int((off > band).sum())].tolist():
        near = np.unique(label[graph.neighbour[(label[tail] == part) & ~graph.bridge]])
        near = near[near != part]
        total = totals(label, graph.weight, len(target))
        # An overweight grid wants a light neighbour, a light one a heavy neighbour.
        order = near[np.argsort((total[near] - target[near]) * np.sign(total[part] - target[part]), kind="stable")]
        for other in order[:3].tolist():
            if _split_pair(graph, label, part, other, target, seed):
                changed = True
                break
    return changed


def _split_pair(graph: BlockGraph, label: m.Ints, one: int, other: int, target: m.Floats, seed: int) -> bool:
    members = np.flatnonzero((label == one) | (label == other))
    inner = graph.subgraph(members)
    local = np.where(label[members] == one, 0, 1)
    half = inner.weight.sum() * target[one] / (target[one] + target[other])
    done = split_pair(
        inner.start, inner.neighbour, inner.cost, inner.bridge, inner.weight, local, 0, 1, half,
        inner.weight.sum() - half, TREES, seed,
    )  # fmt: skip
    if done:
        label[members] = np.where(local == 0, one, other)
    return bool(done)
