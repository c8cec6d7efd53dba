"""Dividing blocks into grids of several levels at once: exact counts, every grid of every level whole, all balanced.

METIS divides from coarse to fine with targets proportional to the number of grids to come; what it leaves in pieces is
mended; then border blocks move by simulated annealing, across the borders of drawn parents too, as long as grid,
parent and grandparent stay whole; what is still out of the band is divided anew in pairs by random spanning trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, totals
from gridmap.grids.nested_moves import anneal_nested
from gridmap.grids.nested_shares import apportion
from gridmap.grids.nested_start import first_division, within
from gridmap.grids.nested_trees import resplit

STEPS: Final = 150
"""Moves that annealing tries per border block; more gains little (measured on the benchmark town)."""
STEPS_ABOVE: Final = 150
"""As many at the levels above, whose borders go on moving with those of their grids."""
HEAT: Final = 0.3
"""Temperature at first: so many sides of a block longer may the border become."""
BORDER: Final = 2.5
"""What a border as long as a grid is wide costs, against the workload out of the band."""
UPPER: Final = 0.6
"""What a metre of border costs more for each level above whose border it is too, as a share."""
UPPER_BAND: Final = 0.4
"""Parents are kept to this share of the band: then grids in the band of their siblings are in that of the county."""
LEAST_BAND: Final = 0.3
FINISH: Final = 0.5
"""The share of the border's price that is left when the last grids are brought into the band."""
TREES: Final = 20
ROUNDS: Final = 4


def divide_nested(
    graph: BlockGraph,
    counts: Sequence[m.Ints | int],
    *,
    group: m.Ints | None = None,
    band: float,
    seed: int,
) -> tuple[m.Ints, ...]:
    """Divide blocks into grids of several levels.

    Every part of the land gets grids by its weight; a part too small for one joins the grid of its parent that is
    nearest. Banks that a bridge joins are one part. Within each part of the land every grid of every level is
    connected.

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
    given = np.zeros(len(graph.weight), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    graph = _lived_in(graph if group is None else within(graph, given), given)
    shared = _counts_of_groups(graph, given, counts)
    tiers: list[_Tier] = []
    label, up = given, np.arange(len(shared[0]))[None, :]
    for level, count in enumerate(shared):
        coming = shared[level + 1] if level + 1 < len(shared) else None
        label, up, tier = _next_level(graph, label, up, count, coming, band, seed)
        tiers.insert(0, tier)
        _settle(graph, label, up, tiers, seed, last=coming is None)
    return tuple(up[level][label] for level in range(len(shared) - 1, -1, -1))


@dataclass(frozen=True, eq=False)
class _Tier:
    """What grids of one level are to be: their targets and the deviation accepted."""

    target: m.Floats
    band: m.Floats


def _lived_in(graph: BlockGraph, group: m.Ints) -> BlockGraph:
    """Return the graph with a weight of one a block where a given parent has no workload at all."""
    empty = totals(group, graph.weight) <= 0
    return replace(graph, weight=np.where(empty[group], 1.0, graph.weight)) if empty.any() else graph


def _counts_of_groups(graph: BlockGraph, group: m.Ints, counts: Sequence[m.Ints | int]) -> list[m.Ints]:
    size = np.bincount(group)
    weight = totals(group, graph.weight)
    shared: list[m.Ints] = []
    for count in counts:
        above = shared[-1] if shared else np.ones(len(size), dtype=np.int64)
        asked = np.asarray(count, dtype=np.int64)
        here = apportion(weight, int(asked), at_least=above, most=size) if asked.ndim == 0 else asked
        for number in np.flatnonzero((here > size) | (here < above))[:1].tolist():
            if here[number] > size[number]:
                raise DrawError(f"{here[number]} grids are more than {size[number]} blocks can give")
            raise DrawError(f"{here[number]} grids cannot fill {above[number]} grids above them: ask for as many")
        shared.append(here)
    return shared


def _next_level(
    graph: BlockGraph, label: m.Ints, up: m.Ints, count: m.Ints, below: m.Ints | None, band: float, seed: int
) -> tuple[m.Ints, m.Ints, _Tier]:
    """Divide the grids of one level into those of the next; return labels, ancestors (itself first) and targets."""
    inner, group = within(graph, label), up[-1]
    here = _over_parents(graph, label, group, count)
    coming = None if below is None else _over_parents(graph, label, group, below, here)
    fine, wanted = first_division(inner, label, here, coming, band, seed)
    parent = np.repeat(np.arange(len(here)), here)
    mean = (totals(up[-1][label], graph.weight) / totals(group[parent], wanted))[group[parent]]
    target = mean * wanted
    tier = _Tier(target, _bands(target, group[parent], band, last=below is None))
    return fine, np.vstack([np.arange(len(wanted)), up[:, parent]]), tier


def _bands(target: m.Floats, group: m.Ints, band: float, *, last: bool) -> m.Floats:
    """Return the deviation that each grid may have from its target; parents stay in the band of their level too."""
    if last:
        return np.full(len(target), band)
    mean = (totals(group, target) / np.maximum(np.bincount(group), 1))[group]
    return np.asarray(np.clip(band - np.abs(target / mean - 1), LEAST_BAND * band, UPPER_BAND * band), dtype=np.float64)


def _over_parents(graph: BlockGraph, label: m.Ints, group: m.Ints, count: m.Ints, at_least: m.Ints | int = 1) -> m.Ints:
    """Share out the grids of every given parent over the grids drawn in it."""
    weight, size = totals(label, graph.weight), np.bincount(label)
    shared = np.empty(len(weight), dtype=np.int64)
    least = np.broadcast_to(at_least, len(weight))
    for number in range(len(count)):
        rows = np.flatnonzero(group == number)
        shared[rows] = apportion(weight[rows], int(count[number]), at_least=least[rows], most=size[rows])
    return shared


def _settle(graph: BlockGraph, label: m.Ints, up: m.Ints, tiers: Sequence[_Tier], seed: int, *, last: bool) -> None:
    """Improve labels in place: annealing, then pairs that are out of the band, in turns."""
    levels, grids = len(tiers), up.shape[1]
    target, per = np.zeros((levels, grids)), np.zeros((levels, grids))
    for level, tier in enumerate(tiers):
        target[level, : len(tier.target)] = tier.target
        per[level, : len(tier.target)] = 1.0 / (tier.target * tier.band)
    # A grid of the mean area, square, is so wide: it makes costs comparable in all sizes.
    width = max(float(graph.length_m.sum()) / 2 / np.sqrt(len(label) * grids), 1.0)
    tax = np.r_[1.0, np.full(levels - 1, UPPER)] * BORDER / width
    heat = HEAT * BORDER * np.sqrt(grids / len(label))
    base = (graph.start, graph.neighbour, graph.cost, graph.bridge, graph.weight)
    held = np.zeros(len(label), dtype=bool)
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    steps = (STEPS if last else STEPS_ABOVE) * len(np.unique(tail[label[tail] != label[graph.neighbour]]))
    free = (held, label, 0.0)
    anneal_nested(*base, label, up[:levels], target, per, tax, *free, steps, heat, seed)
    if not last:
        return
    # Now the parents stay as they are, and grids are to be in the band of their siblings too.
    inner = within(graph, up[1][label])
    base = (inner.start, inner.neighbour, inner.cost, inner.bridge, inner.weight)
    goal, tight = _in_both(graph.weight, label, up[1], target[0], float(tiers[0].band[0]))
    tax = tax[:1] * FINISH
    for turn in range(ROUNDS):
        resplit(*base, label, up[1], goal, tight, tax[0], held, TREES, seed + turn)
        anneal_nested(*base, label, up[:1], goal[None], tight[None], tax, *free, steps // 6, heat / 4, seed + turn + 1)


def _in_both(
    weight: m.Floats, label: m.Ints, parent: m.Ints, target: m.Floats, band: float
) -> tuple[m.Floats, m.Floats]:
    """Return targets and one over the deviations accepted: what is in the band of the target and of the siblings."""
    above = totals(parent, totals(label, weight, len(parent))) / np.maximum(np.bincount(parent), 1)
    siblings = above[parent]
    low = (1 - band) * np.maximum(target, siblings)
    high = (1 + band) * np.minimum(target, siblings)
    # Where no workload is in both, the siblings count.
    apart = high - low < 0.5 * band * siblings
    low, high = np.where(apart, (1 - band) * siblings, low), np.where(apart, (1 + band) * siblings, high)
    half = (high - low) / 2
    return (low + high) / 2, np.divide(1.0, half, out=np.zeros(len(half)), where=half > 0)
