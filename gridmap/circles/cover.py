"""Coverage: how many households reach a station on foot in time. Counted at the homes, never by polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.demand import Demand, Source, as_demand, numbers_of, points_of
from gridmap.circles.isochrones import OFF_STREET_M, check_ranges
from gridmap.circles.stations import StationPlaces, place_stations
from gridmap.errors import InputError, LayerError
from gridmap.geo.io import as_layer
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import Pace, WalkTimes, walk_times
from gridmap.network.places import Passed, Places, by_edge, nearest_by_place, passed
from gridmap.network.snap import snap

ESTATE_HOUSEHOLDS: Final = 1000.0
"""Estates of so many households must have a station of their own (domain.md)."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Households within reach of stations.

    Parameters
    ----------
    total, covered, share
        Households in all, those that reach a station in time, and their share.
    by_station
        Indexed by station: ``outcome``, ``households`` that reach it in time (they may reach others too), ``nearest``
        (those for whom it is the nearest, so that these add up to ``covered``); ``facilities`` in time and ``load``
        (nearest per unit of capacity) where they were asked for.
    by_area
        ``total, covered, share`` by area; empty where no areas were given.
    gaps
        The places out of reach, most households first: their row, ``households``, ``minutes`` (NaN where no station can
        be reached at all), ``geometry``.
    minutes_to_nearest
        Walk to the nearest station in minutes, a number a row of the demand; NaN where there is none.
    estates_without_station
        The estates of 1000 households and more that no station stands in.
    """

    total: float
    covered: float
    share: float
    by_station: pd.DataFrame
    by_area: pd.DataFrame
    gaps: gpd.GeoDataFrame
    minutes_to_nearest: pd.Series
    estates_without_station: gpd.GeoDataFrame


def coverage(
    network: WalkNetwork,
    stations: Source,
    demand: Demand | Source,
    *,
    minutes: float = 15,
    speed_m_s: float = 1.1,
    pace: Pace = Pace(),  # noqa: B008
    households: str = "households",
    areas: Source | None = None,
    facilities: Source | None = None,
    estates: Source | None = None,
    capacity: str | None = None,
    station: str = "station",
    area: str = "code",
    off_street_m: float = OFF_STREET_M,
) -> Coverage:
    """Count the households that walk to a station within so many minutes.

    Every home is put on its street once (the walk to the street counts, up to ``off_street_m`` and never across water,
    a railway or a motorway), and times come from the search itself, so that no polygon's error enters.

    Parameters
    ----------
    network
        :func:`gridmap.read_network`.
    stations
        Points, or a path; one that is off the network or on an island reaches nobody.
    demand
        Homes: polygons or points with a column of ``households``; where it is empty, nobody lives. Placed once by
        :func:`place_demand` they serve any number of calls.
    minutes, speed_m_s
        The limit, and metres a second: 1.1 in general, 0.8 for the elderly.
    pace
        What slows walking down besides: steps, slopes, crossings; and its direction.
    areas
        Polygons with a column ``area`` to count by.
    facilities
        Points or polygons to count within reach of each station.
    estates
        Polygons with ``households``: which of the large ones have no station.
    capacity
        Column of the stations that says how many households each is made for.

    Raises
    ------
    InputError
        When the limit or the speed is not above zero.
    LayerError
        When a column is missing or its numbers are negative or none.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> near = coverage(network, "data/town/stations.gpkg", "data/town/buildings.gpkg", minutes=5)
    >>> far = coverage(network, "data/town/stations.gpkg", "data/town/buildings.gpkg", minutes=15)
    >>> 0 < near.share < far.share <= 1
    True
    """
    # A home exactly on the limit is within it, whatever the last bit of its time.
    limit_s = float(check_ranges([minutes], speed_m_s)[0]) * 60 * (1 + 1e-6)
    walk = walk_times(network, speed_m_s, pace)
    placed = as_demand(network, demand, households=households, off_street_m=off_street_m)
    homes, weight, spots = placed.layer, placed.households, placed.places
    posts = as_layer(stations, role="places") if not isinstance(stations, gpd.GeoDataFrame) else stations
    places = place_stations(network, posts, station=station)
    nearest = nearest_by_place(network, places.on, spots, walk)
    seconds = nearest.seconds.astype(np.float64)
    in_time = seconds <= limit_s
    table = _by_station(places, _pass(network, places, spots, limit_s, walk), weight)
    owner = np.where(in_time, nearest.source, -1)
    table["nearest"] = _sum_by(places.group[owner[in_time]], weight[in_time], len(table))
    if facilities is not None:
        spots_of = points_of(as_layer(facilities, role="places"), network.crs)
        counted = by_edge(network, snap(network, spots_of[:, 0], spots_of[:, 1], off_street_m))
        found = _pass(network, places, counted, limit_s, walk)
        table["facilities"] = np.diff(found.start)
    if capacity is not None:
        room = _sum_by(places.group, numbers_of(posts, capacity, "the stations"), len(table))
        table["load"] = np.divide(table["nearest"], room, out=np.full(len(table), np.nan), where=room > 0)
    minutes_to = pd.Series(np.where(np.isfinite(seconds), seconds / 60, np.nan), index=homes.index, name="minutes")
    total, covered = float(weight.sum()), float(weight[in_time].sum())
    return Coverage(
        total=total,
        covered=covered,
        share=covered / total if total > 0 else 0.0,
        by_station=table,
        by_area=_by_area(homes, weight, in_time, areas, area),
        gaps=_gaps(homes, weight, minutes_to, in_time),
        minutes_to_nearest=minutes_to,
        estates_without_station=_estates_without(estates, posts, households),
    )


def _pass(network: WalkNetwork, places: StationPlaces, spots: Places, limit_s: float, walk: WalkTimes) -> Passed:
    return passed(network, places.on, spots, limit_s, walk, group=places.group)


def _by_station(places: StationPlaces, found: Passed, weight: NDArray[np.float64]) -> pd.DataFrame:
    outcome = pd.Series(places.outcome).groupby(places.group).first()
    return pd.DataFrame(
        {
            "outcome": outcome.to_numpy(dtype=object),
            "households": _sum_by(found.origin, weight[found.item], len(places.name)),
        },
        index=pd.Index(places.name, name="station"),
    )


def _sum_by(group: NDArray[np.integer], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(group, weights=values, minlength=size), dtype=np.float64)


def _by_area(
    homes: gpd.GeoDataFrame, weight: NDArray[np.float64], in_time: NDArray[np.bool_], areas: Source | None, area: str
) -> pd.DataFrame:
    if areas is None:
        return pd.DataFrame(columns=["total", "covered", "share"])
    layer = as_layer(areas, role="boundary").to_crs(homes.crs)
    if area not in layer.columns:
        there = ", ".join(str(each) for each in layer.columns if each != layer.geometry.name)
        raise LayerError(f"the areas have no column {area!r}; they have {there}")
    points = shapely.point_on_surface(np.asarray(homes.geometry.values, dtype=object))
    home, where = shapely.STRtree(layer.geometry.values).query(points, predicate="intersects")
    # On a shared border the first area counts, and once.
    home, first = np.unique(home, return_index=True)
    number = where[first]
    total = _sum_by(number, weight[home], len(layer))
    covered = _sum_by(number, weight[home] * in_time[home], len(layer))
    share = np.divide(covered, total, out=np.full(len(layer), np.nan), where=total > 0)
    return pd.DataFrame({"total": total, "covered": covered, "share": share}, index=pd.Index(layer[area], name=area))


def _gaps(
    homes: gpd.GeoDataFrame, weight: NDArray[np.float64], minutes: pd.Series, in_time: NDArray[np.bool_]
) -> gpd.GeoDataFrame:
    out = np.flatnonzero(~in_time & (weight > 0))
    found = gpd.GeoDataFrame(
        {"row": homes.index[out], "households": weight[out], "minutes": minutes.to_numpy()[out]},
        geometry=homes.geometry.to_numpy()[out],
        crs=homes.crs,
    )
    return found.sort_values("households", ascending=False, kind="stable", ignore_index=True)


def _estates_without(estates: Source | None, stations: gpd.GeoDataFrame, households: str) -> gpd.GeoDataFrame:
    if estates is None:
        return gpd.GeoDataFrame({"households": pd.Series(dtype=float)}, geometry=[], crs=stations.crs)
    layer = as_layer(estates, role="places")
    if not np.isin(shapely.get_type_id(layer.geometry.values), (3, 6)).all():
        raise InputError("estates have to be polygons: whether a station stands in one is asked of its area")
    large = layer[numbers_of(layer, households, "the estates") >= ESTATE_HOUSEHOLDS]
    posts = stations.to_crs(layer.crs).geometry.to_numpy()
    held, _ = shapely.STRtree(posts).query(large.geometry.values, predicate="intersects")
    without: gpd.GeoDataFrame = large.drop(index=large.index[np.unique(held)])
    return without
