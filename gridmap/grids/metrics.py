"""The figures of a draft, for people: how good the plan is, and each grid that an edit touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from gridmap.grids import mosaic as m
from gridmap.grids.state import State


@dataclass(frozen=True, eq=False)
class Metrics:
    """Figures of the finest tiling level.

    Parameters
    ----------
    codes
        The grids that were asked for.
    columns
        Of :attr:`grids`, a value for each of ``codes``: ``households``, ``deviation`` (from the mean of the siblings in
        the same given parent, as a share), ``pieces`` (connected parts on land), ``compactness`` (Polsby-Popper),
        ``on_streets`` (share of the border on main streets, water or rail), ``station_s`` (median walk to the nearest
        station), ``buildings_cut``.
    count
        Grids of the whole plan.
    in_band
        Share of them within ± the band.
    worst
        The largest deviation of any, as a share without sign.
    broken
        Grids in more than one piece on land.
    compactness, on_streets
        Means over the whole plan.
    buildings_cut
        Buildings that stand in several grids.
    """

    codes: m.Geometries
    columns: Mapping[str, np.ndarray]
    count: int
    in_band: float
    worst: float
    broken: int
    compactness: float
    on_streets: float
    buildings_cut: int

    @cached_property
    def grids(self) -> pd.DataFrame:
        """The grids that were asked for, indexed by code."""
        return pd.DataFrame(dict(self.columns), index=pd.Index(self.codes, name="code")).sort_index()


def deviations(state: State, given: int) -> m.Floats:
    """Return by slot how far a grid's households are from the mean of its siblings, as a share; NaN where dead.

    Siblings are the grids below the same grid of the lowest given level (position ``given``), all of the county where
    none is given. Dedicated grids (campus, market …) are no measure for others and have no deviation.
    """
    position = state.finest
    level = state.levels[position]
    counted = level.alive & ~level.dedicated
    group = np.zeros(len(level.codes), dtype=np.int64)
    if given >= 0:
        group = np.arange(len(level.codes))
        for above in range(position, given, -1):
            group = state.levels[above].parent[group]
    households = np.where(counted, state.measures.households[: len(counted)], 0.0)
    size = np.bincount(group[counted], minlength=group.max(initial=0) + 1)
    mean = np.bincount(group, weights=households, minlength=len(size)) / np.maximum(size, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = households / mean[group] - 1
    return np.where(counted & (mean[group] > 0), found, np.nan)


def metrics_of(state: State, given: int, band: float, slots: m.Ints | None = None) -> Metrics:
    """Return the figures of a state; ``slots`` are the grids to list, all by default."""
    level, measures = state.levels[state.finest], state.measures
    living = np.flatnonzero(level.alive)
    listed = living if slots is None else np.intersect1d(slots, living)
    deviation = deviations(state, given)
    cut = state.ground.straddling.cut(state.label)
    columns = {
        "households": measures.households[listed],
        "deviation": deviation[listed],
        "pieces": measures.pieces[listed],
        "compactness": measures.compactness[listed],
        "on_streets": measures.on_streets[listed],
        "station_s": measures.station_s[listed],
        "buildings_cut": _cut_by_grid(state, cut, len(level.codes))[listed],
    }
    known = deviation[~np.isnan(deviation)]
    return Metrics(
        codes=level.codes[listed],
        columns=columns,
        count=len(living),
        in_band=float((np.abs(known) <= band + 1e-9).mean()) if len(known) else np.nan,
        worst=float(np.abs(known).max(initial=0.0)),
        broken=int((measures.pieces[living] > 1).sum()),
        compactness=float(np.nanmean(measures.compactness[living])),
        on_streets=_mean(measures.on_streets[living]),
        buildings_cut=len(cut),
    )


def _mean(values: m.Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _cut_by_grid(state: State, cut: m.Ints, count: int) -> m.Ints:
    if len(cut) == 0:
        return np.zeros(count, dtype=np.int64)
    straddling = state.ground.straddling
    here = np.isin(straddling.building, cut)
    pairs = np.unique(np.c_[straddling.building[here], state.label[straddling.row[here]]], axis=0)
    return np.bincount(pairs[:, 1], minlength=count)
