"""What a locator says of many points: positions of grids and outcomes, turned into words only where they are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.locate import placement as p
from gridmap.locate.placement import NOWHERE, OUTCOMES
from gridmap.locate.points import BAD_ACCURACY, MISSING, NOT_DEGREES, SWAPPED, Points

Texts: TypeAlias = NDArray[np.object_]
Rows: TypeAlias = NDArray[np.int64]

REASONS: Final = {
    p.AMBIGUOUS: "精度范围触及多个网格 · the accuracy disc touches several grids",
    p.GAP: "位于县域内但不在任何网格中 · inside the county, but in no grid",
    p.OUTSIDE: "位于县域之外 · outside the county",
}


OUTCOME_KIND: Final = pd.CategoricalDtype(list(OUTCOMES))


@dataclass(frozen=True, eq=False)
class Touched:
    """The grids of one level that accuracy discs touch, as pairs in the order of the points, then of the codes.

    Parameters
    ----------
    point, grid
        Positions.
    distance_m
        From the point to the grid, 0 where it is inside.
    """

    point: Rows
    grid: Rows
    distance_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a locator says of n points.

    Parameters
    ----------
    grid
        Level → position of each point's grid among the level's codes, -1 where there is none.
    codes
        Level → its codes.
    kinds
        Level → its codes as the categories of a column.
    outcome
        Position in :data:`~gridmap.locate.placement.OUTCOMES`.
    points
        The points themselves.
    swapped
        Rows whose axes look swapped.
    bad_accuracy
        Rows whose accuracy is no number of metres.
    candidates
        Level → the grids that accuracy discs touch.
    outcome_kind
        Outcomes as the categories of a column; rows that came with an address have one more.
    """

    grid: Mapping[str, NDArray[Any]]
    codes: Mapping[str, Texts]
    kinds: Mapping[str, pd.CategoricalDtype]
    outcome: NDArray[np.int8]
    points: Points
    swapped: Rows
    bad_accuracy: Rows
    candidates: Mapping[str, Touched]
    outcome_kind: pd.CategoricalDtype = OUTCOME_KIND

    def __len__(self) -> int:
        return len(self.outcome)

    @cached_property
    def reason(self) -> Texts:
        """Why each point is not matched; empty where it is."""
        return self.reasons(np.arange(len(self)))

    def reasons(self, rows: Rows) -> Texts:
        """Return why the points in some rows are not matched; empty where they are."""
        outcome = self.outcome[rows]
        found = np.full(len(rows), "", dtype=object)
        for kind, why in REASONS.items():
            found[outcome == kind] = why
        for at in np.flatnonzero(outcome == p.INVALID):
            found[at] = self._why_invalid(int(rows[at]))
        return found

    def _why_invalid(self, row: int) -> str:
        if row in self._bad_accuracy:
            return BAD_ACCURACY
        if row in self._swapped:
            return SWAPPED
        if row in self.points.crs_reason:
            return self.points.crs_reason[row]
        finite = np.isfinite(self.points.raw_lon[row]) and np.isfinite(self.points.raw_lat[row])
        return NOT_DEGREES if finite else MISSING

    @cached_property
    def _bad_accuracy(self) -> frozenset[int]:
        return frozenset(self.bad_accuracy.tolist())

    @cached_property
    def _swapped(self) -> frozenset[int]:
        return frozenset(self.swapped.tolist())

    def as_frame(self) -> pd.DataFrame:
        """Return a column of codes (Categorical, NA where there is none) a level, and the outcome."""
        columns = {level: _categorical(self.grid[level], self.codes[level], kind) for level, kind in self.kinds.items()}
        columns["outcome"] = pd.Categorical.from_codes(self.outcome, dtype=self.outcome_kind, validate=False)
        return pd.DataFrame(columns, copy=False)


def kind_of(codes: Texts) -> pd.CategoricalDtype:
    """Return the codes of a level as the categories of a column; of a code that stands there twice, one."""
    return pd.CategoricalDtype(pd.Index(codes, dtype="str").unique())


def _categorical(grid: NDArray[Any], codes: Texts, kind: pd.CategoricalDtype) -> pd.Categorical:
    if len(kind.categories) < len(codes):
        number = pd.factorize(codes)[0].astype(grid.dtype)
        grid = np.append(number, grid.dtype.type(NOWHERE))[grid]
    # The positions come from the index: looking through them again would cost more than finding them.
    return pd.Categorical.from_codes(grid, dtype=kind, validate=False)
