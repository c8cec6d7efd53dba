"""What a drawing is asked for, and what is refused before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import geopandas as gpd
import numpy as np

from gridmap.errors import CrsError, DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.given import GivenReport
from gridmap.grids.layers import Layer
from gridmap.grids.plan import DEFAULT_LEVELS, LevelSpec, check_level_names

Wanted: TypeAlias = int | tuple[float, float]
"""How many grids of a level, or from how many to how many households each is to have."""

STEADY: float = 0.02
"""Balancing is never asked to come nearer to the mean than this."""


@dataclass(frozen=True)
class HouseholdRange:
    """From how many to how many households a grid is to have; how many grids there are follows."""

    low: float
    high: float

    def grids(self, households: m.Floats, room: m.Ints) -> m.Ints:
        """Return how many grids each parent gets: as near to the middle of the range as both of its ends allow.

        Parameters
        ----------
        households
            Of each parent.
        room
            How many grids each can hold.

        Examples
        --------
        >>> HouseholdRange(300, 500).grids(np.array([2000.0, 610.0, 590.0, 100.0, 0.0]), np.full(5, 99)).tolist()
        [5, 2, 1, 1, 1]
        """
        wanted = np.rint(households * 2 / (self.low + self.high))
        fewest, most = np.ceil(households / self.high), np.floor(households / self.low)
        # Where no count fits, as between one full grid and two thin ones, the middle of the range decides.
        count = np.where(fewest <= most, np.clip(wanted, fewest, most), wanted)
        return np.clip(count, 1, np.maximum(room, 1)).astype(np.int64)

    def band(self, mean: float, band: float) -> float:
        """Return how far grids may be from a mean: a band, or less where the range ends nearer."""
        if mean <= 0:
            return band
        return float(max(min(band, (self.high - mean) / mean, (mean - self.low) / mean), STEADY))


@dataclass(frozen=True)
class Request:
    """What is asked for, after it was found possible.

    Parameters
    ----------
    specs
        The levels, the coarsest first.
    counts, ranges
        How many grids of a level, or the households each is to have: every level is in one of them.
    county_code
        Six digits.
    given
        Levels that are not drawn.
    band, seed, street_households_per_km
        As in :func:`gridmap.grids.draw.draw_plan`.
    """

    specs: tuple[LevelSpec, ...]
    counts: Mapping[str, int]
    ranges: Mapping[str, HouseholdRange]
    county_code: str
    given: tuple[str, ...]
    band: float
    seed: int
    street_households_per_km: float

    @property
    def tiling(self) -> list[str]:
        """Names of the levels that tile, the coarsest first."""
        return [spec.name for spec in self.specs if spec.tiles]

    @property
    def partial(self) -> list[str]:
        """Names of the levels that do not."""
        return [spec.name for spec in self.specs if not spec.tiles]

    @property
    def drawn(self) -> list[str]:
        """Names of the levels that tile and are not given."""
        return [name for name in self.tiling if name not in self.given]


def make_request(
    levels: Mapping[str, Wanted],
    county_code: str,
    within: Mapping[str, Layer] | None,
    band: float,
    seed: int,
    beta: float,
) -> Request:
    """Return what is asked for.

    Raises
    ------
    DrawError
        When it cannot be: the message says what is allowed.
    """
    ranges = {name: _range(name, wanted) for name, wanted in levels.items() if isinstance(wanted, tuple | list)}
    counts = {name: wanted for name, wanted in levels.items() if not isinstance(wanted, tuple | list)}
    if any(not isinstance(count, int | np.integer) or count < 1 for count in counts.values()):
        raise DrawError(
            "every level needs a whole number of 1 or more, or a range of households such as (300, 500): "
            + ", ".join(f"{name} {n}" for name, n in levels.items())
        )
    check_level_names(list(levels))
    partial = {spec.name for spec in DEFAULT_LEVELS if not spec.tiles}
    specs = tuple(LevelSpec(name, tiles=name not in partial) for name in levels)
    given = tuple(name for name in levels if name in (within or {}))
    county_code = str(county_code)
    request = Request(specs, counts, ranges, county_code, given, band, seed, float(beta))
    _refuse_levels(request, sorted(set(within or {})))
    if not 0 < band < 1:
        raise DrawError(f"band is {band}; allowed: between 0 and 1, for example 0.10")
    if not (len(county_code) == 6 and county_code.isascii() and county_code.isdecimal()):
        raise DrawError(f"county code {county_code!r}; allowed: six digits (GB/T 2260), for example 320214")
    if not 0 <= beta < float("inf"):
        raise DrawError(f"street_households_per_km is {beta}; allowed: 0 and more, for example 40")
    return request


def _range(name: str, wanted: tuple[float, float]) -> HouseholdRange:
    try:
        low, high = (float(end) for end in wanted)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not 0 < low < high < float("inf"):
        raise DrawError(f"{name} {wanted!r}: a range is two numbers of households, the lower first, such as (300, 500)")
    return HouseholdRange(low, high)


def _refuse_levels(request: Request, within: list[str]) -> None:
    names, tiling = [spec.name for spec in request.specs], request.tiling
    tiles = [spec.tiles for spec in request.specs]
    if not tiling or tiles != sorted(tiles, reverse=True):
        raise DrawError(f"levels {', '.join(names)}: the ones that tile come first, and there must be one")
    counted = [name for name in tiling if name in request.counts]
    for above, below in pairwise(counted):
        if request.counts[below] < request.counts[above]:
            raise DrawError(
                f"{request.counts[below]} {below} grids cannot fill {request.counts[above]} {above} grids: ask for "
                "as many"
            )
    if set(within) - set(names) or list(request.given) != tiling[: len(request.given)]:
        raise DrawError(
            f"within= gives {', '.join(within)}, but the levels are {', '.join(names)}; given levels must be "
            "the coarsest ones, without a break"
        )
    free = [name for name in request.ranges if name not in request.drawn]
    if free:
        raise DrawError(f"{free[0]} is given, or does not tile: it needs a number of grids, not a range of households")


def refuse_unusable(blocks: gpd.GeoDataFrame) -> None:
    """Refuse blocks that grids cannot be drawn on."""
    missing = [name for name in ("block", "households", "residents", "water") if name not in blocks.columns]
    if missing:
        raise DrawError(f"the blocks have no column {', '.join(missing)}; make them with make_blocks")
    if blocks.crs is None or not blocks.crs.is_geographic:
        raise CrsError(
            f"the blocks are in {blocks.crs.to_string() if blocks.crs else 'no CRS'}; drawing wants them as "
            "make_blocks gives them, in longitude and latitude"
        )
    households = blocks["households"].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(households) & (households >= 0)))
    if len(bad):
        raise DrawError(
            f"block {blocks['block'].iloc[bad[0]]} has {households[bad[0]]} households; every block needs 0 or more"
        )
    if len(blocks) == 0 or blocks["water"].all():
        raise DrawError("there is no land block to draw grids on")
    if not blocks["households"].sum() > 0:
        raise DrawError(
            "the blocks carry no households, so grids cannot be balanced; give make_blocks buildings= or weights="
        )


def refuse_miscount(blocks: gpd.GeoDataFrame, request: Request) -> None:
    """Refuse given layers that have another number of units than is asked for."""
    report: GivenReport = blocks.attrs["given"]
    for name in request.given:
        units = len(report.names[name])
        if units != request.counts[name]:
            raise DrawError(f"{request.counts[name]} {name} grids are asked for, but the given layer has {units} units")
