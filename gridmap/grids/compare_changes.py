"""What became of each grid of one level, from how much ground went from which grid to which.

The definitions stand in :mod:`gridmap.grids.compare`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.grids.lineage import TRIFLE, Labels, LevelFlows, object_frame

CHANGES: Final = ("split", "merged", "new", "retired", "reshaped", "kept")
"""What may have become of a grid, in the order in which tables have it."""

MOSTLY: Final = 0.5
PART: Final = 0.1
"""Less than this share of a grid is no part of a split."""

_NUMBERS: Final = ("area_lost_m2", "area_gained_m2", "households_lost", "households_gained", "share")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Side:
    """The grids of one plan: totals, what has another code now, and who has the same code in the other plan."""

    at: Ints
    area: Floats
    homes: Floats
    moved_area: Floats
    moved_homes: Floats
    share: Floats
    twin: Ints

    @classmethod
    def of(cls, flows: LevelFlows, labels: Labels, twin: Ints, stays: Flags) -> _Side:
        at = labels.grid
        some = at >= 0

        def total(values: Floats, rows: Flags) -> Floats:
            sums = np.bincount(at[rows], weights=values[rows], minlength=len(labels.codes))
            return np.asarray(sums, dtype=np.float64)

        area, homes = total(flows.area_m2, some), total(flows.households, some)
        # What counts is households; where nobody lives, area.
        lived_in = np.append(homes > 0, False)[at]
        own = np.where(lived_in, np.append(homes, 1.0)[at], np.append(np.maximum(area, 1e-9), 1.0)[at])
        share = np.where(some, np.where(lived_in, flows.households, flows.area_m2) / own, 0.0)
        moved = some & ~stays
        return cls(at, area, homes, total(flows.area_m2, moved), total(flows.households, moved), share, twin)


@dataclass(frozen=True, eq=False)
class Rows:
    """Grids of one level that the same became of: their codes in either plan, and :data:`_NUMBERS` a column each."""

    level: str
    change: str
    old: list[tuple[str, ...]]
    new: list[tuple[str, ...]]
    numbers: Floats


def change_table(rows: Sequence[Rows]) -> pd.DataFrame:
    """Return the rows of all levels as ``Delta.grids``."""
    sizes = [len(each.old) for each in rows]
    numbers = dict(zip(_NUMBERS, np.concatenate([each.numbers for each in rows], axis=1), strict=True))
    return object_frame(
        {
            "level": np.repeat(np.array([each.level for each in rows], dtype=object), sizes),
            "change": np.repeat(np.array([each.change for each in rows], dtype=object), sizes),
            "old": _tuples([codes for each in rows for codes in each.old]),
            "new": _tuples([codes for each in rows for codes in each.new]),
            "area_m2": numbers["area_lost_m2"] + numbers["area_gained_m2"],
            "households": numbers["households_lost"] + numbers["households_gained"],
            **numbers,
        }
    )


def _tuples(codes: list[tuple[str, ...]]) -> NDArray[np.object_]:
    found = np.empty(len(codes), dtype=object)
    found[:] = codes
    return found


def changes_of(flows: LevelFlows, tolerance_m2: float) -> list[Rows]:
    """Return what became of the grids of a level, in the order of :data:`CHANGES`, by code within each."""
    twins = _twins(flows.old.codes, flows.new.codes)
    stays = (flows.new.grid >= 0) & (np.append(twins[0], -2)[flows.old.grid] == flows.new.grid)
    old = _Side.of(flows, flows.old, twins[0], stays)
    new = _Side.of(flows, flows.new, twins[1], stays)
    told = _Told(flows, old, new, stays)
    return [told.split(), told.merged(), told.new(), told.retired(), *told.same(tolerance_m2)]


def _twins(old_codes: NDArray[np.object_], new_codes: NDArray[np.object_]) -> tuple[Ints, Ints]:
    """Return for each code of either plan where the other has it, -1 for nowhere."""
    old, new = pd.Index(old_codes, dtype=object), pd.Index(new_codes, dtype=object)
    return new.get_indexer(old).astype(np.int64), old.get_indexer(new).astype(np.int64)


class _Told:
    """What became of the grids of one level, rows a change."""

    def __init__(self, flows: LevelFlows, old: _Side, new: _Side, stays: Flags) -> None:
        self.flows, self.of_old, self.of_new, self.stays = flows, old, new, stays
        gone, fresh = old.twin < 0, new.twin < 0
        renamed = np.append(gone, False)[flows.old.grid] & np.append(fresh, False)[flows.new.grid]
        taken = renamed & (old.share > MOSTLY)
        self.merged_new = np.bincount(flows.new.grid[taken], minlength=len(fresh)) >= 2
        self.taken = taken & np.append(self.merged_new, False)[flows.new.grid]
        absorbed = np.zeros(len(gone), dtype=bool)
        absorbed[flows.old.grid[self.taken]] = True
        part = renamed & ~np.append(absorbed, False)[flows.old.grid] & (old.share >= PART)
        parts = np.bincount(flows.old.grid[part], minlength=len(gone))
        share = np.bincount(flows.old.grid[part], weights=old.share[part], minlength=len(gone))
        self.split_old = (parts >= 2) & (share > MOSTLY)
        self.part = part & np.append(self.split_old, False)[flows.old.grid]
        child = np.zeros(len(fresh), dtype=bool)
        child[flows.new.grid[self.part]] = True
        self.retired_old = gone & ~absorbed & ~self.split_old
        self.new_new = fresh & ~self.merged_new & ~child

    def split(self) -> Rows:
        rows = np.flatnonzero(self.split_old)
        return self._leaving("split", rows, self.part)

    def retired(self) -> Rows:
        rows = np.flatnonzero(self.retired_old)
        return self._leaving("retired", rows, (self.flows.new.grid >= 0) & (self.of_old.share >= TRIFLE))

    def merged(self) -> Rows:
        return self._coming("merged", np.flatnonzero(self.merged_new), self.taken)

    def new(self) -> Rows:
        held = (self.flows.old.grid >= 0) & (self.of_new.share >= TRIFLE)
        return self._coming("new", np.flatnonzero(self.new_new), held)

    def same(self, tolerance_m2: float) -> list[Rows]:
        """Return the rows of codes that both plans have: reshaped ones, then kept ones."""
        rows = np.flatnonzero(self.of_old.twin >= 0)
        at = self.of_old.twin[rows]
        kept = np.zeros(len(self.of_old.twin))
        kept[self.flows.old.grid[self.stays]] = self.of_old.share[self.stays]
        old, new = self.of_old, self.of_new
        numbers = (old.moved_area[rows], new.moved_area[at], old.moved_homes[rows], new.moved_homes[at], kept[rows])
        codes = [(code,) for code in self.flows.old.codes[rows]]
        touched = (old.moved_area[rows] > tolerance_m2) | (new.moved_area[at] > tolerance_m2)
        found = []
        for change, these in (("reshaped", touched), ("kept", ~touched)):
            chosen = [code for code, wanted in zip(codes, these.tolist(), strict=True) if wanted]
            found.append(self._rows(change, chosen, chosen, [each[these] for each in numbers]))
        return found

    def _leaving(self, change: str, rows: Ints, to: Flags) -> Rows:
        """Return rows of old grids whose codes are gone; ``to`` marks the flows to the grids they are told with."""
        side = self.of_old
        others, share = _partners(rows, self.flows.old.grid, self.flows.new.grid, to, side.share)
        nothing = np.zeros(len(rows))
        numbers = [side.moved_area[rows], nothing, side.moved_homes[rows], nothing, share]
        codes = [(code,) for code in self.flows.old.codes[rows]]
        return self._rows(change, codes, _codes(self.flows.new.codes, others), numbers)

    def _coming(self, change: str, rows: Ints, of: Flags) -> Rows:
        """Return rows of new codes; ``of`` marks the flows from the grids they are told with."""
        side = self.of_new
        others, share = _partners(rows, self.flows.new.grid, self.flows.old.grid, of, side.share)
        nothing = np.zeros(len(rows))
        numbers = [nothing, side.moved_area[rows], nothing, side.moved_homes[rows], share]
        codes = [(code,) for code in self.flows.new.codes[rows]]
        return self._rows(change, _codes(self.flows.old.codes, others), codes, numbers)

    def _rows(self, change: str, old: list[Any], new: list[Any], numbers: Sequence[Floats]) -> Rows:
        return Rows(self.flows.level, change, old, new, np.array(numbers, dtype=np.float64).reshape(len(_NUMBERS), -1))


def _partners(rows: Ints, own: Ints, other: Ints, marked: Flags, share: Floats) -> tuple[list[list[int]], Floats]:
    """Return for each grid the grids that marked flows tie it to, in the order of codes, and their share of it."""
    place = {row: i for i, row in enumerate(rows.tolist())}
    found: list[list[int]] = [[] for _ in place]
    total = np.zeros(len(rows))
    for at in np.flatnonzero(marked).tolist() if place else ():
        i = place.get(int(own[at]))
        if i is not None:
            found[i].append(int(other[at]))
            total[i] += share[at]
    return [sorted(each) for each in found], np.minimum(total, 1.0)


def _codes(codes: NDArray[np.object_], at: list[list[int]]) -> list[tuple[str, ...]]:
    return [tuple(codes[each]) for each in at]
