"""The tables of a siting: who gains, by home, by site and by area."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.circles.demand import Demand, Floats
from gridmap.circles.stations import StationPlaces
from gridmap.network.pace import WalkTimes
from gridmap.network.places import Passed, by_edge, nearest_by_place, passed
from gridmap.network.search import Nearest
from gridmap.network.snap import Snapped

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Asked:
    """What a siting is about.

    Parameters
    ----------
    demand
        The homes.
    built
        Entrances of the stations there are.
    layer, places
        The candidates, named in the column ``candidate``, and where they get onto the network.
    walk, limit_s
        How fast one walks, and how long.
    """

    demand: Demand
    built: Snapped
    layer: gpd.GeoDataFrame
    places: StationPlaces
    walk: WalkTimes
    limit_s: float

    def entrances(self, rows: Ints) -> Ints:
        """Return the entrances of candidates (rows of the layer)."""
        return np.flatnonzero(np.isin(self.places.row, rows))

    def nearest(self, rows: Ints) -> Nearest:
        """Return the nearest station by home once these candidates are built; sources count those there are first."""
        new = self.places.on.take(self.entrances(rows))
        pairs = ((getattr(self.built, name), getattr(new, name)) for name in ("edge", "along_m", "offset_m", "x", "y"))
        both = Snapped(*(np.concatenate(pair) for pair in pairs))
        return nearest_by_place(self.demand.network, both, self.demand.places, self.walk)

    def passed(self, rows: Ints, homes: Ints) -> Passed:
        """Return which of some homes each candidate reaches in time; origins are numbered as ``rows``."""
        network, on = self.demand.network, self.demand.on
        edge = np.full(len(on), -1, dtype=np.int32)
        edge[homes] = on.edge[homes]
        places = by_edge(network, Snapped(edge, on.along_m, on.offset_m, on.x, on.y))
        entrances = self.entrances(rows)
        at = np.empty(len(self.layer), dtype=np.int32)
        at[rows] = np.arange(len(rows))
        return passed(
            network, self.places.on.take(entrances), places, self.limit_s, self.walk,
            group=at[self.places.row[entrances]],
        )  # fmt: skip


def home_table(asked: Asked, before: Nearest, rows: Ints, area: pd.Categorical | None) -> pd.DataFrame:
    """Return one row a home: its walk before and after, and the site that brings it within reach."""
    demand, after = asked.demand, asked.nearest(rows)
    columns: dict[str, object] = {"households": demand.households}
    if demand.residents is not None:
        columns["residents"] = demand.residents
    if area is not None:
        columns["area"] = area
    at = np.full(len(asked.layer), -1, dtype=np.int64)
    at[rows] = np.arange(len(rows))
    # By source: -1 for the stations there are, then the site of each entrance, then -1 for no source.
    owner = np.r_[np.full(len(asked.built), -1), at[asked.places.row[asked.entrances(rows)]], -1]
    names = list(asked.layer["candidate"].to_numpy()[rows])
    was, now = before.seconds <= asked.limit_s, after.seconds <= asked.limit_s
    columns["minutes_before"], columns["minutes_after"] = _minutes(before), _minutes(after)
    columns["site"] = pd.Categorical.from_codes(owner[after.source], categories=names)
    columns["covered"], columns["gained"] = now, now & ~was
    first = np.full(len(demand), len(rows), dtype=np.int64)
    found = asked.passed(rows, np.flatnonzero(now & ~was))
    np.minimum.at(first, found.item, found.origin)
    columns["by"] = pd.Categorical.from_codes(np.where(first < len(rows), first, -1), categories=names)
    return pd.DataFrame(columns, index=demand.layer.index)


def site_table(asked: Asked, homes: pd.DataFrame, rows: Ints) -> gpd.GeoDataFrame:
    """Return one row a site, in the order of ``rows``: who comes within reach by it; see ``Siting.sites``."""
    count, by, near = len(rows), homes["by"].cat.codes.to_numpy(), homes["site"].cat.codes.to_numpy()
    weight = homes["households"].to_numpy()
    total = weight.sum()
    already = float(weight[homes["covered"] & ~homes["gained"]].sum())
    table = pd.DataFrame({"candidate": asked.layer["candidate"].to_numpy()[rows]})
    table["households"] = _summed(by, weight, count)
    if "residents" in homes:
        table["residents"] = _summed(by, homes["residents"].to_numpy(), count)
    table["covered"] = already + table["households"].cumsum()
    table["share"] = table["covered"] / total if total else 0.0
    table["nearest"] = _summed(near, np.where(homes["covered"], weight, 0.0), count)
    for column in ("minutes_before", "minutes_after"):
        minutes = homes[column].to_numpy()
        known = np.isfinite(minutes)
        walked = _summed(by, np.where(known, minutes * weight, 0.0), count)
        people = _summed(by, np.where(known, weight, 0.0), count)
        table[column] = np.divide(walked, people, out=np.full(count, np.nan), where=people > 0)
    return gpd.GeoDataFrame(table, geometry=asked.layer.geometry.to_numpy()[rows], crs=asked.layer.crs)


def area_table(homes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return who gains in each area; empty where no areas were given."""
    columns = ["total", "covered_before", "gained", "covered", "share_before", "share"]
    if "area" not in homes:
        return pd.DataFrame(columns=columns)
    codes, size = homes["area"].cat.codes.to_numpy(), len(homes["area"].cat.categories)
    weight, now, new = homes["households"].to_numpy(), homes["covered"].to_numpy(), homes["gained"].to_numpy()
    table = pd.DataFrame(index=pd.Index(homes["area"].cat.categories, name=name))
    table["total"] = _summed(codes, weight, size)
    table["covered_before"] = _summed(codes, np.where(now & ~new, weight, 0.0), size)
    table["gained"] = _summed(codes, np.where(new, weight, 0.0), size)
    table["covered"] = table["covered_before"] + table["gained"]
    table["share_before"] = table["covered_before"] / table["total"]
    table["share"] = table["covered"] / table["total"]
    return table[columns]


def _minutes(nearest: Nearest) -> Floats:
    return np.where(np.isfinite(nearest.seconds), nearest.seconds.astype(np.float64) / 60, np.nan)


def _summed(codes: NDArray[np.integer], weight: Floats, size: int) -> Floats:
    """Return sums by code; who has none (-1) does not count."""
    there = codes >= 0
    return np.bincount(codes[there], weights=weight[there], minlength=size).astype(np.float64)
