"""Rules on households: balance between siblings, and the ranges of the norms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from gridmap.grids import mosaic as m
from gridmap.grids.findings import WARNING, Finding, LevelView, Survey
from gridmap.grids.norms import MICRO_RANGE, URBAN_RANGE, VILLAGE_KINDS, VILLAGE_RANGE

DEDICATED: Final = "dedicated"
"""Dedicated grids (campus, park, market, hospital) hold few households by nature: nothing is asked of them."""


def households(survey: Survey) -> Iterator[Finding]:
    """Find grids whose households differ from their siblings' mean by more than the band, or are out of range.

    The band is asked of drawn levels only; the ranges of the finest tiling level and the partial ones below it.
    """
    names = survey.plan.labelled_levels
    for view in survey.views:
        homes = view.layer["households"].to_numpy(dtype=np.float64)
        if not (homes > 0).any():
            continue
        judged = np.isfinite(homes) & (view.layer["kind"].to_numpy(dtype=object) != DEDICATED)
        mean = _siblings_mean(view, homes, judged)
        low, high = _ranges(view, names)
        off_band = judged & _off_band(homes, mean, survey.plan.metadata.band)
        if view.given or not view.spec.tiles:
            off_band[:] = False
        off_range = judged & ((homes < low - 1e-9) | (homes > high + 1e-9))
        for i in np.flatnonzero(off_band | off_range):
            said = []
            if off_band[i]:
                said.append(f"偏离同级均值 {mean[i]:,.0f} 户 {100 * (homes[i] / mean[i] - 1):+.0f}%")
            if off_range[i]:
                said.append(f"不在 {low[i]:.0f}–{high[i]:.0f} 户范围内")
            yield Finding(
                "households", WARNING, view.spec.name, (view.codes[i],), float(homes[i]), "户",
                f"{view.title} {view.codes[i]} 有 {homes[i]:,.0f} 户，{'，'.join(said)}", view.degrees[i],
            )  # fmt: skip


def _siblings_mean(view: LevelView, homes: m.Floats, judged: m.Flags) -> m.Floats:
    parents = pd.Series(view.parents).fillna("")
    asked = pd.Series(np.where(judged, homes, np.nan))
    return np.asarray(asked.groupby(parents).transform("mean"), dtype=np.float64)


def _off_band(homes: m.Floats, mean: m.Floats, band: float) -> m.Flags:
    return np.asarray((mean > 0) & (np.abs(homes - mean) > band * mean + 1e-9))


def _ranges(view: LevelView, labelled: tuple[str, ...]) -> tuple[m.Floats, m.Floats]:
    """Return the least and the most households of each grid; nothing is asked of upper levels."""
    if view.spec.name not in labelled:
        return np.full(len(view.codes), -np.inf), np.full(len(view.codes), np.inf)
    if not view.spec.tiles:
        return np.full(len(view.codes), MICRO_RANGE[0]), np.full(len(view.codes), MICRO_RANGE[1])
    rural = view.layer["kind"].isin(VILLAGE_KINDS).to_numpy()
    if view.above is not None:
        kinds = dict(zip(view.above.codes, view.above.layer["kind"], strict=True))
        rural = rural | np.array([kinds.get(parent) in VILLAGE_KINDS for parent in view.parents], dtype=bool)
    return np.where(rural, VILLAGE_RANGE[0], URBAN_RANGE[0]), np.where(rural, VILLAGE_RANGE[1], URBAN_RANGE[1])


RULES: Final = (households,)
