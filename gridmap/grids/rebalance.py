"""Rebalancing with little change: households grew or fell, and every grid comes back into its band.

A linear programme over the borders of grids says how many households have to move at least, and what a household in
each grid is worth (:mod:`gridmap.grids.rebalance_flow`). Blocks are then moved by annealing at these prices: moves that
go with the flow cost nothing, detours cost what they are longer (:mod:`gridmap.grids.rebalance_search`). Around grids
still out of the band, then around all that moved, the search is repeated and kept where it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, totals
from gridmap.grids.rebalance_flow import Flow, Gates, find_gates, least_flow
from gridmap.grids.rebalance_reasons import LeftOut, Outcome, left_out, out_of_band
from gridmap.grids.rebalance_search import anneal_moves, leavers, take_back

__all__ = ["LeftOut", "Rebalanced", "rebalance"]

STEPS_PER_BLOCK: Final = 240
"""Chains that the first search tries per block of the grids concerned (this and what follows: measured on the town)."""
LOCAL_STEPS: Final = 150
LEAST_STEPS: Final = 20_000
"""A search tries so many at least: few blocks leave few ways."""
ROUNDS: Final = 7
"""So often every grid out of the band is tried again."""
RINGS: Final = 2
MOST_RINGS: Final = 8
ROOM: Final = 2.0
"""Around a grid out of its band the search takes this times the room it needs, within so many rings."""
GRIDS_PER_TURN: Final = 8
"""The search for moving less is repeated once for so many of the grids concerned."""
LEAST_TURNS: Final = 16
FEW_BLOCKS: Final = 1000
MOST_STARTS: Final = 8
"""With half as many blocks there are two first searches, and so on up to the most."""
COLD: Final = 0.0025
"""The last temperature, in mean grids."""
FARE: Final = 0.005
"""Moving a block costs this part of a mean grid besides its households, so that empty blocks do not stray."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Rebalanced:
    """Blocks moved between grids, and what that took.

    Parameters
    ----------
    label
        The grid of every block.
    moved_households
        Households on blocks whose grid is another than before.
    lower_bound
        Households that have to cross borders between grids at least, were blocks divisible and grids of any shape,
        until as many households as possible are in the bands.
    share
        ``moved_households`` of all households.
    left_out
        Grids still out of the band, and why. With grids left out, fewer households than the bound may have moved.
    """

    label: m.Ints
    moved_households: float
    lower_bound: float
    share: float
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Way:
    """How to search: the first temperature, and what a grid out of its band costs, once and by the square, in grids."""

    heat: float
    once: float
    square: float


LOOSE: Final = _Way(0.04, 0.1, 80.0)
"""Many grids may be a little out of the band, so that households travel through grids that are full."""
TIGHT: Final = _Way(0.04, 12.0, 30.0)
"""Being out of the band is what costs."""
HOT: Final = _Way(0.4, 0.3, 10.0)
"""Heavy blocks may be exchanged against each other."""


@dataclass(frozen=True, eq=False)
class _Task:
    graph: BlockGraph
    label: m.Ints
    parents: m.Ints
    stuck: m.Flags
    lower: m.Floats
    upper: m.Floats
    gates: Gates
    flow: Flow
    unit: float

    @property
    def land(self) -> tuple[m.Ints, m.Ints, m.Flags]:
        """Return the graph as kernels take it."""
        return self.graph.start, self.graph.neighbour, self.graph.bridge

    @property
    def origin(self) -> m.Ints:
        """Return the first grid of every block, -1 where it may not move."""
        return np.where(self.stuck, -1, self.label)

    @property
    def fare(self) -> m.Floats:
        """Return what moving each block costs."""
        return np.asarray(self.graph.weight + FARE * self.unit)

    def rates(self, way: _Way) -> tuple[float, float, float, float]:
        """Return the penalty of a household out of the band, of being out, how far out is fully out, and of squares."""
        return 1.0, way.once * self.unit, FARE * self.unit, way.square / self.unit

    def held(self, label: m.Ints) -> m.Floats:
        return totals(label, self.graph.weight, len(self.lower))


def rebalance(
    graph: BlockGraph,
    label: m.Ints,
    *,
    target: m.Floats,
    band: float,
    parents: Sequence[m.Ints] = (),
    fixed_parents: int = 0,
    locked: m.Flags | None = None,
    frozen: m.Flags | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Rebalanced:
    """Bring every grid into its band, moving as few households as can be found.

    The number of grids stays, and a grid, its parent and all above remain as connected on land as they were. A block
    goes only to a grid that bordered its own at the start.

    Parameters
    ----------
    graph
        Blocks with the households of now.
    label
        The grid of every block, 0 … grids - 1; each occurs.
    target
        Households that each grid should hold.
    band
        Allowed deviation from the target, as a share of it.
    parents
        The grid above each grid, nearest level first; numbers of a level are its own.
    fixed_parents
        So many of the uppermost levels are given: no block crosses their borders.
    locked
        Grids that neither give nor take blocks.
    frozen
        Blocks that do not move.
    seed
        Of all that is random.
    progress
        Called with the share done and what is happening.

    Raises
    ------
    DrawError
        When labels, targets or parents do not fit each other.

    Examples
    --------
    Four blocks in a row, two to a grid; the first grid grew.

    >>> from gridmap.grids.adjacency import graph_from_pairs
    >>> a, length = np.arange(3), np.full(3, 100.0)
    >>> row = graph_from_pairs(a, a + 1, length, length, np.zeros(3, bool), np.array([60.0, 40, 20, 20]), np.eye(4, 2))
    >>> found = rebalance(row, np.array([0, 0, 1, 1]), target=np.full(2, 70.0), band=0.25)
    >>> found.label.tolist(), found.moved_households, found.left_out
    ([0, 1, 1, 1], 40.0, ())
    """
    tell = progress or (lambda _share, _what: None)
    grids = len(target)
    target, label = np.asarray(target, dtype=np.float64), np.asarray(label, dtype=np.int64)
    closed = np.zeros(grids, dtype=bool) if locked is None else np.asarray(locked, dtype=bool)
    above = np.array(parents, dtype=np.int64).reshape(len(parents), -1) if parents else np.empty((0, grids), np.int64)
    _check(graph, label, target, band, above, fixed_parents, closed)
    fixed = _given(above, fixed_parents, grids)
    lower, upper = target * (1 - band), target * (1 + band)
    gates = find_gates(graph, label, closed, fixed)
    held = totals(label, graph.weight, grids)
    tell(0.0, "least flow")
    flow = least_flow(gates, held, lower, upper)
    stuck = closed[label] if frozen is None else closed[label] | np.asarray(frozen, dtype=bool)
    unit = float(target[~closed].mean()) if (~closed).any() else 0.0
    task = _Task(graph, label, above, stuck, lower, upper, gates, flow, unit)
    levels = np.vstack([label[None], above[:, label]])
    if unit > 0 and out_of_band(held, lower, upper)[~closed].any():
        levels = _search(task, levels, seed, tell)
    tell(1.0, "done")
    return _report(task, levels, target, closed, fixed)


def _check(
    graph: BlockGraph, label: m.Ints, target: m.Floats, band: float, above: m.Ints, fixed: int, locked: m.Flags
) -> None:
    grids = len(target)
    if label.shape != graph.weight.shape:
        raise DrawError(f"{len(label)} labels for {len(graph.weight)} blocks: give one for each")
    if len(label) and (label.min() < 0 or label.max() >= grids):
        wrong = int(np.flatnonzero((label < 0) | (label >= grids))[0])
        raise DrawError(f"block {wrong} has the label {label[wrong]}: there are targets for the grids 0 to {grids - 1}")
    empty = np.flatnonzero(np.bincount(label, minlength=grids) == 0)
    if len(empty):
        raise DrawError(f"grid {empty[0]} has no block: leave it out of labels and targets")
    if above.shape[1] != grids or len(locked) != grids:
        raise DrawError(f"{grids} grids have targets: parents and locks need one number for each")
    bad = np.flatnonzero(~(np.isfinite(target) & (target >= 0)))
    if len(bad):
        raise DrawError(f"the target of grid {bad[0]} is {target[bad[0]]}: a number of 0 or more is needed")
    if not 0 <= fixed <= len(above):
        raise DrawError(f"{fixed} given levels: there are {len(above)} levels above")
    if not 0 < band < 1:
        raise DrawError(f"the band is {band}: it lies between 0 and 1, such as 0.1 for ten per cent")


def _given(above: m.Ints, fixed: int, grids: int) -> m.Ints:
    """Return a number of the given parent of each grid: of the lowest level that is given."""
    return above[len(above) - fixed] if fixed else np.zeros(grids, dtype=np.int64)


def _search(task: _Task, levels: m.Ints, seed: int, tell: Progress) -> m.Ints:
    """Return the levels of all blocks after searching everywhere, around what is left out, and around what moved."""
    first = _concerned(task)
    tell(0.05, "moving along the flow")
    movable = np.flatnonzero(first[task.label] & ~task.stuck)
    if len(movable) == 0:
        return levels
    rng = np.random.default_rng(seed)
    levels = _begin(task, levels, movable, seed)
    for turn in range(ROUNDS):
        tell(0.3 + 0.3 * turn / ROUNDS, "grids out of the band")
        for grid in np.flatnonzero(out_of_band(task.held(levels[0]), task.lower, task.upper)).tolist():
            levels = _cure(task, levels, grid, int(rng.integers(2**31)))
    centres = max(int(first.sum()) // GRIDS_PER_TURN, LEAST_TURNS)
    for turn in range(centres):
        if turn % 16 == 0:
            tell(0.6 + 0.4 * turn / centres, "moving less")
        pull = _change_of_grids(task, levels[0])
        if not pull.any():
            break
        grid = int(rng.choice(len(pull), p=pull / pull.sum()))
        near = _around(task, grid, task.held(levels[0]), 0.0)
        levels = _improve(task, levels, near, (HOT, TIGHT) if turn % 2 else (TIGHT,), int(rng.integers(2**31)))
    return _take_back(task, levels)


def _begin(task: _Task, levels: m.Ints, movable: m.Ints, seed: int) -> m.Ints:
    """Return the levels after a first search along the flow: the best of several where there are few blocks."""
    starts = min(max(FEW_BLOCKS // len(movable), 1), MOST_STARTS)
    tried = [
        _try(task, levels, movable, STEPS_PER_BLOCK, LOOSE if i % 2 == 0 else HOT, seed + i) for i in range(starts)
    ]
    if starts == 1:
        return tried[0]
    return min(
        (_try(task, each, movable, LOCAL_STEPS, TIGHT, seed) for each in tried), key=lambda each: _energy(task, each[0])
    )


def _cure(task: _Task, levels: m.Ints, grid: int, seed: int) -> m.Ints:
    """Return the levels after trying to bring one grid into its band, in the first way that gains anything."""
    held = task.held(levels[0])
    if not out_of_band(held, task.lower, task.upper)[grid]:
        return levels
    near, far = _around(task, grid, held, 0.0), _around(task, grid, held, ROOM)
    # Full neighbours: spread what is too much over many first. A few heavy blocks: exchange them against each other.
    for where, ways in ((near, (TIGHT,)), (far, (LOOSE, TIGHT)), (near, (HOT, TIGHT))):
        tried = _improve(task, levels, where, ways, seed)
        if tried is not levels:
            return tried
    return levels


def _take_back(task: _Task, levels: m.Ints) -> m.Ints:
    """Return the levels after every block that need not have moved, the heaviest first, is back in its first grid."""
    levels = levels.copy()
    moved = np.flatnonzero(levels[0] != task.label)
    moved = moved[np.argsort(-task.graph.weight[moved], kind="stable")]
    bands = np.stack([task.lower, task.upper, np.zeros(len(task.lower))])
    loads = np.stack([task.graph.weight, task.fare])
    take_back(*task.land, loads, task.label, task.parents, levels, bands, task.rates(TIGHT), moved)
    return levels


def _concerned(task: _Task) -> m.Flags:
    """Return the grids out of the band, those the flow goes through, and their neighbours."""
    held, gates = task.held(task.label), task.gates
    used = task.flow.households > 1e-6 * task.unit
    found = out_of_band(held, task.lower, task.upper)
    found[gates.giver[used]] = True
    found[gates.taker[used]] = True
    near = found.copy()
    near[gates.taker[found[gates.giver]]] = True
    return near


def _try(task: _Task, levels: m.Ints, movable: m.Ints, steps_per_block: int, way: _Way, seed: int) -> m.Ints:
    """Return the levels after annealing from some blocks."""
    levels = levels.copy()
    loads = np.stack([task.graph.weight, task.fare])
    bands = np.stack([task.lower, task.upper, task.flow.price])
    heat = (way.heat * task.unit, COLD * task.unit)
    anneal_moves(
        *task.land, loads, task.origin, task.gates.start, task.gates.taker, task.parents, levels, bands,
        task.rates(way), movable, max(steps_per_block * len(movable), LEAST_STEPS), heat, seed,
    )  # fmt: skip
    return levels


def _energy(task: _Task, label: m.Ints) -> float:
    """Return what a state costs: households moved, and what is out of the band."""
    held = task.held(label)
    slope, once, width, square = task.rates(TIGHT)
    over = np.maximum(held - task.upper, task.lower - held)
    over[~out_of_band(held, task.lower, task.upper)] = 0.0
    penalty = slope * over + once * np.minimum(1.0, over / width) + square * over**2
    return float(task.fare[label != task.label].sum() + penalty.sum())


def _improve(task: _Task, levels: m.Ints, near: m.Flags, ways: tuple[_Way, ...], seed: int) -> m.Ints:
    """Return the levels after searching in some grids in each way in turn, or as they were if that gains nothing."""
    movable = np.flatnonzero(near[levels[0]] & ~task.stuck)
    if len(movable) == 0:
        return levels
    tried = levels
    for way in ways:
        tried = _try(task, tried, movable, LOCAL_STEPS, way, seed)
    return tried if _energy(task, tried[0]) < _energy(task, levels[0]) else levels


def _around(task: _Task, centre: int, held: m.Floats, wanted: float) -> m.Flags:
    """Return the grids around one: so many rings that their room is ``wanted`` times its excess or lack."""
    near = np.zeros(len(held), dtype=bool)
    near[centre] = True
    off = max(held[centre] - task.upper[centre], task.lower[centre] - held[centre])
    room = (task.upper - held if held[centre] > task.upper[centre] else held - task.lower).clip(0.0)
    for ring in range(MOST_RINGS):
        if ring >= RINGS and room[near].sum() >= wanted * off:
            break
        near[task.gates.taker[near[task.gates.giver]]] = True
    return near


def _change_of_grids(task: _Task, label: m.Ints) -> m.Floats:
    """Return how much each grid gave and took, and more for those out of the band: where searching may gain."""
    moved = label != task.label
    weight, grids = task.graph.weight[moved], len(task.lower)
    pull = totals(label[moved], weight, grids) + totals(task.label[moved], weight, grids)
    return pull + task.unit * out_of_band(task.held(label), task.lower, task.upper)


def _report(task: _Task, levels: m.Ints, target: m.Floats, locked: m.Flags, fixed: m.Ints) -> Rebalanced:
    graph, label = task.graph, levels[0]
    gates = task.gates
    leaver, goal = leavers(*task.land, task.parents, levels, gates.start, gates.taker, task.origin)
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    parted = np.zeros(len(target), dtype=bool)
    parted[label[tail[fixed[label[tail]] != fixed[label[graph.neighbour]]]]] = True
    outcome = Outcome(
        label, graph.weight, target, task.lower, task.upper, locked, task.gates, task.flow, leaver, goal, parted
    )
    moved, whole = float(graph.weight[label != task.label].sum()), float(graph.weight.sum())
    bound = float(task.flow.households.sum())
    return Rebalanced(label, moved, bound, moved / whole if whole else 0.0, left_out(outcome))
