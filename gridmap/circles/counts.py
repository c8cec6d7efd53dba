"""The tables of a coverage: who is within reach, by home, by station, by area and by minutes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.demand import Demand, Floats, Source, column_of, numbers_of
from gridmap.circles.gaps import reasons
from gridmap.circles.stations import StationPlaces
from gridmap.errors import LayerError
from gridmap.geo.crs import point_xy
from gridmap.geo.io import as_layer
from gridmap.network.places import Passed
from gridmap.network.search import Nearest


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits in minutes, ascending; the last is the one that coverage means."""

    minutes: Floats

    @cached_property
    def seconds(self) -> Floats:
        """Return the limits in seconds: a home exactly on one is within it, whatever the last bit of its time."""
        return self.minutes * 60 * (1 + 1e-6)

    @property
    def last_s(self) -> float:
        """Return the largest in seconds."""
        return float(self.seconds[-1])

    def band(self, seconds: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the first limit that each time is within, their number where it is within none."""
        return sum((seconds > limit for limit in self.seconds.tolist()), start=np.zeros(len(seconds), dtype=np.int64))

    def names(self, column: str) -> list[str]:
        """Return what a column is called by limit: the last has the plain name.

        Examples
        --------
        >>> Limits(np.array([5.0, 7.5, 15.0])).names("households")
        ['households_5', 'households_7.5', 'households']
        """
        return [*(f"{column}_{minutes:g}" for minutes in self.minutes[:-1]), column]


def table_of_homes(
    demand: Demand, places: StationPlaces, nearest: Nearest, limits: Limits, area: pd.Categorical | None
) -> pd.DataFrame:
    """Return one row a home: who lives there, which station is nearest, and why it is not covered."""
    columns: dict[str, object] = {"households": demand.households}
    if demand.residents is not None:
        columns["residents"] = demand.residents
    if area is not None:
        columns["area"] = area
    station = np.where(nearest.source >= 0, places.group[nearest.source], -1)
    columns["minutes"] = np.where(np.isfinite(nearest.seconds), nearest.seconds.astype(np.float64) / 60, np.nan)
    columns["station"] = pd.Categorical.from_codes(station, categories=list(places.name))
    columns["covered"] = nearest.seconds <= limits.last_s
    columns["reason"] = reasons(demand, nearest.seconds, limits.last_s)
    return pd.DataFrame(columns, index=demand.layer.index)


def out_of_reach(homes: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which homes are not covered though somebody lives there."""
    lived = homes["households"].to_numpy() > 0
    if "residents" in homes:
        lived |= homes["residents"].to_numpy() > 0
    return np.asarray(lived & ~homes["covered"].to_numpy())


def count_by_minutes(demand: Demand, seconds: NDArray[np.float32], limits: Limits) -> pd.DataFrame:
    """Count who reaches any station, by minutes."""
    table = pd.DataFrame(index=pd.Index(limits.minutes, name="minutes"))
    band = limits.band(seconds)
    table["covered"] = _cumulated(np.zeros(len(band), np.int64), band, demand.households, 1, limits)[0]
    table["share"] = (table["covered"] / demand.households.sum()).fillna(0.0)
    if demand.residents is not None:
        table["residents"] = _cumulated(np.zeros(len(band), np.int64), band, demand.residents, 1, limits)[0]
        table["residents_share"] = (table["residents"] / demand.residents.sum()).fillna(0.0)
    return table


def count_by_station(
    demand: Demand, places: StationPlaces, found: Passed, homes: pd.DataFrame, limits: Limits
) -> pd.DataFrame:
    """Count who reaches each station, and for whom it is the nearest; see :class:`gridmap.circles.cover.Coverage`."""
    outcome, reason = places.verdicts()
    table = pd.DataFrame({"outcome": outcome, "reason": reason}, index=pd.Index(places.name, name="station"))
    origin, band, size = found.origin, limits.band(found.seconds), len(table)
    counted = {"households": demand.households, "residents": demand.residents}
    for column, weight in counted.items():
        if weight is not None:
            table[limits.names(column)] = _cumulated(origin, band, weight[found.item], size, limits)
    covered = homes["covered"].to_numpy()
    owner = homes["station"].cat.codes.to_numpy()[covered]
    table["nearest"] = np.bincount(owner, weights=demand.households[covered], minlength=size)
    if demand.residents is not None:
        table["nearest_residents"] = np.bincount(owner, weights=demand.residents[covered], minlength=size)
    return table


def count_by_area(
    demand: Demand, homes: pd.DataFrame, seconds: NDArray[np.float32], limits: Limits, name: str
) -> pd.DataFrame:
    """Count who is covered in each area of the homes."""
    if "area" not in homes:
        return pd.DataFrame(columns=["total", "covered", "share", "gap"])
    codes, size = homes["area"].cat.codes.to_numpy(), len(homes["area"].cat.categories)
    there = np.flatnonzero(codes >= 0)
    where, band = codes[there].astype(np.int64), limits.band(seconds[there])
    table = pd.DataFrame(index=pd.Index(homes["area"].cat.categories, name=name))
    table["total"] = np.bincount(where, weights=demand.households[there], minlength=size)
    table[limits.names("covered")] = _cumulated(where, band, demand.households[there], size, limits)
    for covered, share in zip(limits.names("covered"), limits.names("share"), strict=True):
        table[share] = table[covered] / table["total"]
    table["gap"] = table["total"] - table["covered"]
    if demand.residents is not None:
        table["residents"] = np.bincount(where, weights=demand.residents[there], minlength=size)
        table[limits.names("residents_covered")] = _cumulated(where, band, demand.residents[there], size, limits)
    return table


def add_load(table: pd.DataFrame, places: StationPlaces, stations: gpd.GeoDataFrame, column: str, people: str) -> None:
    """Set ``capacity, load, overloaded`` of each station; one that states no capacity has no load."""
    room = numbers_of(stations, column, "the stations")
    room[stations[column].isna().to_numpy()] = np.nan
    row, first = np.unique(places.row, return_index=True)
    # A group has the capacity of those of its stations that state one.
    table["capacity"] = pd.Series(room[row]).groupby(places.group[first]).sum(min_count=1).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        load = table[people].to_numpy() / table["capacity"].to_numpy()
    # Nobody in no room is no load; somebody is an endless one.
    table["load"] = np.where((table[people] == 0) & (table["capacity"] == 0), 0.0, load)
    table["overloaded"] = table["load"] > 1


def area_of(demand: Demand, areas: Source, column: str) -> pd.Categorical:
    """Return the area that each home lies in: the first one that touches it, none (NA) outside of all.

    Raises
    ------
    LayerError
        When the column is missing, or an area has no code.
    """
    layer = as_layer(areas, role="boundary")
    codes, names = pd.factorize(column_of(layer, column, "the areas"))
    if (codes < 0).any():
        raise LayerError(
            f"the areas, row {layer.index[int(np.argmin(codes))]}: no {column!r}; every area needs its own"
        )
    shapes = np.asarray(layer.geometry.to_crs(demand.layer.crs).values, dtype=object)
    home, area = shapely.STRtree(shapes).query(demand.points)
    # Boxes first, then areas prepared once each: a tree's own predicate would walk round an area for every home.
    shapely.prepare(shapes)
    x, y = point_xy(demand.points)
    inside = np.flatnonzero(shapely.intersects_xy(shapes[area], x[home], y[home]))
    last_first = inside[np.argsort(-area[inside], kind="stable")]
    found = np.full(len(demand), -1, dtype=np.int64)
    found[home[last_first]] = codes[area[last_first]]
    return pd.Categorical.from_codes(found, categories=names)


def _cumulated(
    group: NDArray[np.integer], band: NDArray[np.int64], weight: Floats, size: int, limits: Limits
) -> Floats:
    """Return (groups, limits) the weight within each limit; what is within none does not count."""
    count = len(limits.minutes) + 1
    held = np.bincount(group.astype(np.int64) * count + band, weights=weight, minlength=size * count)
    return np.asarray(held.reshape(size, count)[:, :-1].cumsum(axis=1))
