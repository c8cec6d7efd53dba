"""Coverage: how many households reach a station on foot in time. Counted at the homes, never by polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmap.circles.counts import (
    Limits,
    add_load,
    area_of,
    count_by_area,
    count_by_minutes,
    count_by_station,
    out_of_reach,
    table_of_homes,
)
from gridmap.circles.demand import HOME_OFF_STREET_M, Demand, Source, as_demand
from gridmap.circles.estates import estates_without_station
from gridmap.circles.facilities import count_kinds, place_facilities
from gridmap.circles.gaps import GAP_M, gap_numbers, gap_table
from gridmap.circles.isochrones import check_ranges
from gridmap.circles.stations import place_stations, read_stations
from gridmap.errors import InputError
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import Pace, walk_times
from gridmap.network.places import nearest_by_place, passed


@dataclass(frozen=True, eq=False)
class Coverage:
    """Households, and residents where the demand counts them, within reach of stations.

    The limit is the largest of the minutes asked for; smaller ones appear as columns with the minutes behind them
    (``households_5``).

    Parameters
    ----------
    total, covered, share
        Households in all, those that reach a station within the limit, and their share.
    by_station
        Indexed by station (or group): ``outcome`` (``ok``, ``off_network``, ``island``) and ``reason``; ``households``
        that reach it in time (they may reach others too), ``nearest`` (those for whom it is the nearest, so that these
        add up to ``covered``); ``residents`` and ``nearest_residents``; ``facilities`` in time; ``capacity``, ``load``
        (nearest per unit of it, NaN where it is not stated) and ``overloaded``.
    by_area
        By area: ``total, covered, share, gap`` (households out of reach), ``residents, residents_covered``; empty
        where no areas were given.
    gaps
        Where those out of reach live, in clusters, most households first, numbered from 0: ``households``,
        ``residents``, ``homes``, ``area`` (the one most of them live in), ``minutes`` to the nearest station (mean by
        household; NaN where none can be reached), ``reason`` (of most of them), and ``geometry``, the places of the
        homes. ``homes["gap"]`` tells which homes.
    minutes_to_nearest
        Walk to the nearest station in minutes, a number a row of the demand; NaN where there is none.
    estates_without_station
        The estates of 1000 households and more that no station stands in or at the gate of.
    by_minutes
        By minutes: ``covered, share, residents, residents_share``.
    homes
        One row a row of the demand: ``households``, ``residents``, ``area``, ``minutes``, ``station`` (the nearest,
        in time or not), ``covered``, ``reason`` (:data:`gridmap.circles.gaps.REASONS`), ``gap`` (-1 for none).
    facilities
        By station: how many of each kind within the limit; without columns where none were given.
    """

    total: float
    covered: float
    share: float
    by_station: pd.DataFrame
    by_area: pd.DataFrame
    gaps: gpd.GeoDataFrame
    minutes_to_nearest: pd.Series
    estates_without_station: gpd.GeoDataFrame
    by_minutes: pd.DataFrame
    homes: pd.DataFrame
    facilities: pd.DataFrame


def coverage(
    network: WalkNetwork,
    stations: Source,
    demand: Demand | Source,
    *,
    minutes: float | Sequence[float] = 15,
    speed_m_s: float = 1.1,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    households: str = "households",
    areas: Source | None = None,
    facilities: Source | None = None,
    estates: Source | None = None,
    capacity: str | None = None,
    load_by: str = "households",
    station: str = "station",
    group: str | None = None,
    area: str = "code",
    kind: str = "kind",
    gap_m: float = GAP_M,
    off_street_m: float = HOME_OFF_STREET_M,
) -> Coverage:
    """Count the households that walk to a station within so many minutes.

    Every home is put on its street once (the walk to the street counts, up to ``off_street_m`` and never across water,
    a railway or a motorway), and times come from the search itself, so that no polygon's error enters.

    Parameters
    ----------
    network
        :func:`gridmap.read_network`.
    stations
        Points, MultiPoints of entrances, or a path; one that is off the network or on an island reaches nobody and
        says why.
    demand
        Homes: polygons or points with a column of ``households``, and ``residents`` if people are counted; where it
        is empty, nobody lives. Placed once by :func:`place_demand` they serve any number of calls.
    minutes, speed_m_s
        The limit, or several, the largest of which is the limit; and metres a second: 1.1 in general, 0.8 for the
        elderly.
    pace
        What slows walking down besides: steps, slopes, crossings; and its direction.
    households, off_street_m
        For a demand that is not placed yet, see :func:`place_demand`; ``households`` is also the column of estates.
    areas
        Polygons with a column ``area`` to count by; several of one code are one area. A home on a shared border, or
        where areas overlap, counts in the first of them only, so that areas add up.
    facilities
        Points or polygons to count within reach of each station, by the column ``kind``; those of an extract by
        their tags (:data:`gridmap.circles.facilities.FACILITY_TAGS`).
    estates
        Polygons with ``households``: which of the large ones have no station
        (:func:`gridmap.circles.estates.estates_without_station`).
    capacity
        Column of the stations that says how many each is made for; empty where that is not known.
    load_by
        What capacity is stated in: ``households`` or ``residents``.
    station, group
        Column that names a station; column by which stations act together.
    gap_m
        Homes out of reach that stand no further apart, in metres, are one gap.

    Raises
    ------
    InputError
        When the limit or the speed is not above zero, or the demand was placed on another network.
    LayerError
        When a layer is empty, a column is missing, or its numbers are negative or none.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> cover = coverage(network, "data/town/stations.gpkg", "data/town/buildings.gpkg", minutes=(5, 10, 15))
    >>> 0 < cover.by_minutes.loc[5, "share"] < cover.share <= 1
    True
    >>> bool(cover.gaps["households"].sum() == cover.total - cover.covered)
    True
    """
    limits = Limits(check_ranges(minutes, speed_m_s))
    homes = as_demand(network, demand, households=households, off_street_m=off_street_m)
    _check_options(homes, gap_m, load_by)
    walk = walk_times(network, speed_m_s, pace)
    posts = read_stations(stations)
    places = place_stations(network, posts, station=station, group=group)
    nearest = nearest_by_place(network, places.on, homes.places, walk)
    found = passed(network, places.on, homes.places, limits.last_s, walk, group=places.group)
    table = table_of_homes(homes, places, nearest, limits, None if areas is None else area_of(homes, areas, area))
    table["gap"] = gap_numbers(homes, out_of_reach(table), gap_m)
    by_station = count_by_station(homes, places, found, table, limits)
    kinds = pd.DataFrame(index=by_station.index)
    if facilities is not None:
        spots, named = place_facilities(network, facilities, kind)
        near = passed(network, places.on, spots, limits.last_s, walk, group=places.group)
        kinds = count_kinds(near.origin, near.item, named, places.name)
        by_station["facilities"] = kinds.sum(axis=1)
    if capacity is not None:
        add_load(by_station, places, posts, capacity, "nearest" if load_by == "households" else "nearest_residents")
    by_minutes = count_by_minutes(homes, nearest.seconds, limits)
    return Coverage(
        total=float(homes.households.sum()),
        covered=float(by_minutes["covered"].iloc[-1]),
        share=float(by_minutes["share"].iloc[-1]),
        by_station=by_station,
        by_area=count_by_area(homes, table, nearest.seconds, limits, area),
        gaps=gap_table(homes, table),
        minutes_to_nearest=table["minutes"],
        estates_without_station=_without(estates, posts, households),
        by_minutes=by_minutes,
        homes=table,
        facilities=kinds,
    )


def _check_options(homes: Demand, gap_m: float, load_by: str) -> None:
    if not 0 <= gap_m < np.inf:
        raise InputError(f"gap_m={gap_m!r}: allowed are 0 and more metres")
    if load_by not in ("households", "residents"):
        raise InputError(f"load_by={load_by!r}: allowed are households and residents")
    if load_by == "residents" and homes.residents is None:
        raise InputError("load_by='residents': the demand counts no residents; it needs a column of them")


def _without(estates: Source | None, stations: gpd.GeoDataFrame, households: str) -> gpd.GeoDataFrame:
    if estates is None:
        return gpd.GeoDataFrame({"households": pd.Series(dtype=float)}, geometry=[], crs=stations.crs)
    return estates_without_station(estates, stations, households=households)
