"""A draft brought into the band with little change: its state laid out for the engine, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.edits import local_graph
from gridmap.grids.metrics import deviations
from gridmap.grids.rebalance import rebalance
from gridmap.grids.state import State
from gridmap.grids.work import Work, begin


@dataclass(frozen=True)
class OutOfBand:
    """A grid that could not be brought into the band, and why."""

    code: str
    households: float
    deviation: float
    reason: str


@dataclass(frozen=True)
class Rebalance:
    """How much was moved, beside the least that any way of moving has to.

    Parameters
    ----------
    moved_households
        Households on the blocks that changed their grid.
    lower_bound
        Households that have to cross borders between grids however blocks are cut (linear programme).
    left_out
        Grids still out of the band.
    """

    moved_households: float
    lower_bound: float
    left_out: tuple[OutOfBand, ...]

    def summary(self) -> str:
        """Return it as a sentence."""
        text = f"{self.moved_households:.0f} households moved, the lower bound is {self.lower_bound:.0f}"
        if self.left_out:
            first = self.left_out[0]
            text += f"; {len(self.left_out)} grids stay out of the band, the first is {first.code}: {first.reason}"
        return text


def rebalance_state(
    state: State,
    given: int,
    band: float,
    locked: Collection[str],
    seed: int,
    progress: Callable[[float, str], None] | None,
) -> tuple[Work | None, Rebalance]:
    """Return the work of bringing all grids into the band (``None`` where nothing is moved), and what came of it.

    Dedicated grids and locked ones, with all that is in them, neither give nor take; blocks of micro grids stay.
    """
    position = state.finest
    level = state.levels[position]
    slots = np.flatnonzero(level.alive)
    place = np.full(len(level.codes), -1, dtype=np.int64)
    place[slots] = np.arange(len(slots))
    rows = np.flatnonzero(~state.ground.water)
    graph = local_graph(state.ground, rows, np.arange(len(rows)))
    label = place[state.label[rows]]
    deviation = deviations(state, given)[slots]
    households = state.measures.households[slots]
    mean = np.where(np.isnan(deviation), households, households / np.maximum(1 + deviation, 1e-12))
    # the mean of the siblings cannot be read off a grid without households
    empty = ~np.isnan(deviation) & (households <= 0)
    mean[empty] = _sibling_mean(state, given, slots)[empty]
    fixed = np.isnan(deviation) | _locked(state, slots, locked)
    found = rebalance(
        graph, label, target=mean, band=band, parents=_parents(state, slots), fixed_parents=max(given + 1, 0),
        locked=fixed, frozen=_in_partial(state, rows), seed=seed, progress=progress,
    )  # fmt: skip
    left = tuple(
        OutOfBand(str(level.codes[slots[each.grid]]), each.households, each.deviation, each.reason)
        for each in found.left_out
    )
    result = Rebalance(found.moved_households, found.lower_bound, left)
    if (found.label == label).all():
        return None, result
    work = begin(state)
    work.label[rows] = slots[found.label]
    return work, result


def _sibling_mean(state: State, given: int, slots: m.Ints) -> m.Floats:
    group = slots.copy()
    for above in range(state.finest, given, -1):
        group = state.levels[above].parent[group]
    if given < 0:
        group = np.zeros(len(slots), dtype=np.int64)
    households = state.measures.households[slots]
    total = np.bincount(group, weights=households)
    return np.asarray((total / np.maximum(np.bincount(group), 1))[group])


def _parents(state: State, slots: m.Ints) -> list[m.Ints]:
    """Return for each grid its grid at every level above, the nearest first, numbered from 0."""
    found = []
    above = slots
    for position in range(state.finest, 0, -1):
        above = state.levels[position].parent[above]
        found.append(np.asarray(np.unique(above, return_inverse=True)[1], dtype=np.int64))
    return found


def _locked(state: State, slots: m.Ints, locked: Collection[str]) -> m.Flags:
    found = np.zeros(len(slots), dtype=bool)
    above = slots
    for position in range(state.finest, -1, -1):
        level = state.levels[position]
        found |= np.isin(level.codes[above], list(locked))
        above = level.parent[above] if position else above
    for level in state.levels[state.finest + 1 :]:
        inside = level.alive & np.isin(level.codes, list(locked))
        found |= np.isin(slots, level.parent[inside])
    return found


def _in_partial(state: State, rows: m.Ints) -> m.Flags:
    """Return which blocks belong to a grid of a partial level: they do not leave it one by one."""
    found = np.zeros(len(rows), dtype=bool)
    for level in state.levels[state.finest + 1 :]:
        found |= state.labels[level.spec.name][rows] >= 0
    return found
