"""What a planner watches while editing: balance, wholeness, compactness, walks, borders on streets, buildings cut."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.ground import Ground
from gridmap.grids.pieces import number_parts, outline


@dataclass(frozen=True, eq=False)
class Measures:
    """What every grid of the finest tiling level measures, by slot.

    Parameters
    ----------
    households
        Sum of the blocks.
    pieces
        Connected parts on land.
    compactness
        Polsby and Popper (1991): 4π · area ÷ outline², of all blocks of the grid, water included.
    on_streets
        Share of the border with other grids that lies on main streets, water or rail; NaN where there is none.
    station_s
        Median walk of the households to their nearest station; NaN where no station is known.
    """

    households: m.Floats
    pieces: m.Ints
    compactness: m.Floats
    on_streets: m.Floats
    station_s: m.Floats

    @classmethod
    def empty(cls, count: int) -> Measures:
        """Return measures of so many grids, nothing measured yet."""
        nothing = np.full(count, np.nan)
        return cls(nothing, np.zeros(count, dtype=np.int64), nothing, nothing, nothing)

    @classmethod
    def none(cls) -> Measures:
        """Return measures of no grid."""
        return cls.empty(0)


def measure_grids(ground: Ground, label: m.Ints, slots: m.Ints, before: Measures) -> Measures:
    """Return the measures with those of some slots taken anew; ``before`` may know fewer slots."""
    count = max(int(label.max(initial=-1)) + 1, len(before.households), int(slots.max(initial=-1)) + 1)
    grown = {each.name: _grow(getattr(before, each.name), count) for each in fields(Measures)}
    order, limits = _members(label, slots)
    part = np.full(len(ground), -2, dtype=np.int64)
    for place, slot in enumerate(slots.tolist()):
        rows = order[limits[place] : limits[place + 1]]
        land = rows[~ground.water[rows]]
        part[land] = -1
        grown["pieces"][slot] = number_parts(land, ground.start, ground.neighbour, ground.walkable, part)
        part[land] = -2
        around, shared, main = outline(
            rows, ground.start, ground.neighbour, ground.length_m, ground.main_m, ground.rim_m, label
        )
        grown["households"][slot] = ground.households[rows].sum()
        grown["compactness"][slot] = 4 * np.pi * ground.area_m2[rows].sum() / around**2 if around > 0 else np.nan
        grown["on_streets"][slot] = main / shared if shared > 0 else np.nan
        grown["station_s"][slot] = _weighted_median(ground.station_s[rows], ground.households[rows])
    return Measures(**grown)


def _weighted_median(values: m.Floats, weights: m.Floats) -> float:
    """Return the value that half of the weight lies at or below; NaN where nothing is known or weighs."""
    known = ~np.isnan(values) & (weights > 0)
    if not known.any():
        return np.nan
    order = np.argsort(values[known], kind="stable")
    share = np.cumsum(weights[known][order])
    return float(values[known][order][np.searchsorted(share, share[-1] / 2)])


def _grow(values: np.ndarray, count: int) -> np.ndarray:
    grown = np.full(count, np.nan) if values.dtype.kind == "f" else np.zeros(count, dtype=values.dtype)
    grown[: len(values)] = values
    return grown


def _members(label: m.Ints, slots: m.Ints) -> tuple[m.Ints, m.Ints]:
    """Return the rows of some labels, label by label, and where each begins."""
    wanted = np.flatnonzero(np.isin(label, slots))
    place = np.full(int(max(label.max(initial=-1), slots.max(initial=-1))) + 2, -1, dtype=np.int64)
    place[slots] = np.arange(len(slots))
    order = wanted[np.argsort(place[label[wanted]], kind="stable")]
    return order, np.searchsorted(place[label[order]], np.arange(len(slots) + 1))
