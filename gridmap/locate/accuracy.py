"""Points known to some metres: which grids their discs touch, and what can still be said of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError
from gridmap.locate import placement as p
from gridmap.locate.answers import Touched
from gridmap.locate.discs import borders_within
from gridmap.locate.index import GridIndex
from gridmap.locate.placement import NOWHERE
from gridmap.locate.points import Points

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Grids: TypeAlias = dict[str, NDArray[Any]]

_TOGETHER: Final = 4096
"""Discs looked at together: each may touch every grid there is."""


def read_accuracy(accuracy_m: ArrayLike, size: int) -> Floats:
    """Return a radius a point in metres: NaN where it is not known, -1 where something else stands there.

    Raises
    ------
    InputError
        When there are neither one nor ``size``.

    Examples
    --------
    >>> read_accuracy([15, None, "near", -3], 4).tolist()
    [15.0, nan, -1.0, -1.0]
    """
    if isinstance(accuracy_m, np.ma.MaskedArray):
        accuracy_m = np.ma.filled(accuracy_m.astype(np.float64), np.nan)
    stated = np.ravel(np.asarray(accuracy_m))
    if len(stated) not in (1, size):
        raise InputError(f"{size} points but {len(stated)} accuracies; give one for all or one a point")
    numeric = stated.dtype.kind in "fiu"
    values = stated.astype(np.float64) if numeric else _parsed(pd.Series(stated.astype(object)))
    return np.broadcast_to(np.where(values < 0, -1.0, values), (size,))


def _parsed(stated: pd.Series) -> Floats:
    flags = stated.map(lambda each: isinstance(each, bool | np.bool_))
    words = flags | stated.map(lambda each: isinstance(each, str) and bool(each.strip()))
    values = pd.to_numeric(stated.where(~flags), errors="coerce").to_numpy(dtype=np.float64)
    # A word that is no number is not "unknown": whoever wrote it meant something.
    return np.where(np.isnan(values) & words.to_numpy(dtype=bool), -1.0, values)


def settle_discs(
    index: GridIndex, points: Points, accuracy_m: Floats, outcome: NDArray[np.int8], grid: Grids, *, keep: bool
) -> dict[str, Touched]:
    """Find the grids that accuracy discs touch.

    A point whose disc touches several grids of the finest tiling level becomes ``ambiguous`` and keeps only the levels
    that all of them share; one whose disc leaves its micro grid keeps the levels above that.

    Parameters
    ----------
    index
        Of the plan.
    points, accuracy_m
        Longitude and latitude, and radius in metres (NaN: not known).
    outcome, grid
        As found for the points themselves; changed.
    keep
        Whether the grids are wanted, not only what follows from them: wide discs touch thousands each.

    Returns
    -------
    dict
        Level → :class:`~gridmap.locate.answers.Touched`, for the finest tiling level and those below it.
    """
    rows = np.flatnonzero((accuracy_m > 0) & (outcome != p.INVALID))
    found: dict[str, list[Touched]] = {}
    for start in range(0, len(rows), _TOGETHER):
        some = _settle(index, points, accuracy_m, rows[start : start + _TOGETHER], outcome, grid)
        for level, touched in some.items() if keep else ():
            found.setdefault(level, []).append(touched)
    return {level: _joined(parts) for level, parts in found.items()}


def _joined(parts: list[Touched]) -> Touched:
    return Touched(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Touched)))


def _settle(
    index: GridIndex, points: Points, accuracy_m: Floats, rows: Rows, outcome: NDArray[np.int8], grid: Grids
) -> dict[str, Touched]:
    at, polygon, metres = borders_within(
        points.lon[rows], points.lat[rows], accuracy_m[rows], index.grids, index.tables, index.border
    )
    levels = index.levels[index.finest :]
    starts = np.cumsum([0, *(len(codes) for codes in index.codes[index.finest :])])
    found: dict[str, Touched] = {}
    for i, level in enumerate(levels):
        of_level = (polygon >= starts[i]) & (polygon < starts[i + 1])
        near = Touched(at[of_level], polygon[of_level].astype(np.int64) - starts[i], metres[of_level])
        if i == 0:
            near = _with_own(near, grid[level][rows])
            several = np.bincount(near.point, minlength=len(rows)) > 1
            _keep_shared(index, rows, several, near, grid)
        else:
            settled = outcome[rows] == p.MATCHED
            parent = index.chains[index.finest + i - 1, starts[i] + near.grid]
            inside = settled[near.point] & (parent == grid[levels[i - 1]][rows[near.point]]) & (parent != NOWHERE)
            near = Touched(near.point[inside], near.grid[inside], near.distance_m[inside])
            several = np.bincount(near.point, minlength=len(rows)) > 0
            near = _with_own(near, np.where(settled, grid[level][rows], NOWHERE))
            for below in levels[i:]:
                grid[below][rows[several]] = NOWHERE
        outcome[rows[several]] = p.AMBIGUOUS
        found[level] = Touched(rows[near.point], near.grid, near.distance_m)
    return found


def _with_own(near: Touched, own: NDArray[Any]) -> Touched:
    """Return pairs with the grid that holds each point among them, at no distance."""
    inside = np.flatnonzero(own != NOWHERE)
    other = near.grid != own[near.point]
    point, grid = np.append(near.point[other], inside), np.append(near.grid[other], own[inside].astype(np.int64))
    metres = np.append(near.distance_m[other], np.zeros(len(inside)))
    order = np.lexsort((grid, point))
    return Touched(point[order], grid[order], metres[order])


def _keep_shared(index: GridIndex, rows: Rows, several: NDArray[np.bool_], near: Touched, grid: Grids) -> None:
    """Blank the levels in which the candidates of a point differ, and all finer ones."""
    for level in range(len(index.levels)):
        column = grid[index.levels[level]]
        if level >= index.finest:
            column[rows[several]] = NOWHERE
            continue
        value = index.chains[level, near.grid]
        low = np.full(len(rows), np.iinfo(np.int32).max, dtype=np.int32)
        high = np.full(len(rows), NOWHERE - 1, dtype=np.int32)
        np.minimum.at(low, near.point, value)
        np.maximum.at(high, near.point, value)
        column[rows[several]] = np.where(low == high, low, NOWHERE)[several]
