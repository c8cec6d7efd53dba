"""Catchments: which station is nearest on foot, as land and as households, also where room is limited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.catchment_assign import Floats, Ints, OfferCall, shared_out
from gridmap.circles.catchment_land import label_polygons, nearest_land
from gridmap.circles.counts import Limits
from gridmap.circles.demand import Demand, Source, as_demand, numbers_of
from gridmap.circles.gaps import REASONS, reasons
from gridmap.circles.isochrones import OFF_STREET_M, check_ranges
from gridmap.circles.stations import StationPlaces, place_stations, read_stations
from gridmap.errors import InputError
from gridmap.geo.crs import round_vertices
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import LONGEST_S, Pace, WalkTimes, walk_times
from gridmap.network.places import Places, by_edge, nearest_by_place, passed
from gridmap.network.snap import Snapped

FULL: Final = "full"
"""Why a home is not served although a station is near enough: none has room for all its households."""


@dataclass(frozen=True, eq=False)
class Catchments:
    """The land and the homes of every station.

    Parameters
    ----------
    polygons
        One row a station (or group), sorted: ``station, outcome, reason, area_m2, geometry`` (MultiPolygon, empty
        where it has no land; EPSG:4490 in China, else EPSG:4326). They do not overlap, and neighbours share their
        borders vertex by vertex. They show who is nearest; room plays no part in them.
    homes
        One row a row of the demand: ``households``, ``residents``; ``nearest``, the nearest station, and
        ``minutes_to_nearest``; ``station`` and ``minutes``, the one that serves it: the nearest, or where capacities
        are given one that has room; ``reason`` why none does
        (:data:`gridmap.circles.gaps.REASONS` and ``full``). Without rows where no demand was given.
    by_station
        By station: ``outcome, reason``, ``homes``, ``households``, ``residents`` that it serves, ``minutes`` (their
        mean walk, by household), ``nearest`` (households it is the nearest of, served or not); ``capacity`` and
        ``load`` (households per unit of it) where capacities are given.
    unserved
        The rows of ``homes`` that have households and no station.
    household_minutes
        Minutes walked by all households served, once each.
    """

    polygons: gpd.GeoDataFrame
    homes: pd.DataFrame
    by_station: pd.DataFrame
    unserved: pd.DataFrame
    household_minutes: float


def catchments(
    network: WalkNetwork,
    stations: Source,
    demand: Demand | Source | None = None,
    *,
    capacity: str | None = None,
    minutes: float | None = None,
    speed_m_s: float = 1.1,
    pace: Pace = Pace(),  # noqa: B008
    cell_m: float = 20,
    station: str = "station",
    group: str | None = None,
    households: str = "households",
    off_street_m: float = OFF_STREET_M,
) -> Catchments:
    """Divide the land and the households among stations by who is nearest on foot.

    Parameters
    ----------
    network
        :func:`gridmap.read_network`.
    stations
        Points, MultiPoints of entrances, or a path; one that gets onto no street has no catchment and says why.
    demand
        Homes with a column ``households``, or placed by :func:`gridmap.place_demand`; None: land only.
    capacity
        Column of the stations that says for how many households each has room; empty where that is not limited.
        Households are then shared out so that as many as possible are served and all of them together walk least; a
        home is never divided, and one that fits nowhere is left unserved.
    minutes
        The furthest walk; None: as far as streets lead.
    speed_m_s, pace
        How fast one walks.
    cell_m
        Side of the raster's cells in metres, from which polygons are made.
    station, group
        Column that names a station; column by which stations act together.
    households
        Column of a demand that is not placed yet.
    off_street_m
        The furthest straight walk from a street to land or, for a demand that is not placed yet, to a home.

    Raises
    ------
    InputError
        When a limit, speed or cell is out of range, or capacities are given without a demand.
    LayerError
        When a layer is empty, or a column is missing or wrong.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> found = catchments(network, "data/town/stations.gpkg", "data/town/buildings.gpkg", minutes=15)
    >>> bool(shapely.coverage_is_valid(found.polygons.geometry.values)), len(found.polygons)
    (True, 5)
    >>> served = found.by_station["households"].sum()
    >>> bool(served + found.unserved["households"].sum() == found.homes["households"].sum())
    True
    """
    if not 1 <= cell_m <= 100 or not off_street_m >= 0:
        raise InputError(
            f"cell_m={cell_m!r}, off_street_m={off_street_m!r}: allowed are cells of 1 to 100 metres, and 0 and more"
        )
    if capacity is not None and demand is None:
        raise InputError(f"capacity={capacity!r}: without a demand there are no households to share out")
    limit_s = LONGEST_S if minutes is None else Limits(check_ranges(minutes, speed_m_s)).last_s
    walk = walk_times(network, speed_m_s, pace)
    posts = read_stations(stations)
    places = place_stations(network, posts, station=station, group=group)
    polygons = _polygons(network, places, walk, limit_s, cell_m, off_street_m)
    table = pd.DataFrame(columns=["households", "nearest", "minutes_to_nearest", "station", "minutes", "reason"])
    room = np.full(len(places.name), np.inf)
    if demand is not None:
        homes = as_demand(network, demand, households=households, off_street_m=off_street_m)
        if capacity is not None:
            room = _room(places, posts, capacity)
        table = _homes(homes, places, walk, limit_s, room)
    walked = table["minutes"] * table["households"]
    return Catchments(
        polygons=polygons,
        homes=table,
        by_station=_by_station(places, table, None if capacity is None else room),
        unserved=table[table["station"].isna() & (table["households"] > 0)],
        household_minutes=float(walked.sum()),
    )


def _polygons(
    network: WalkNetwork, places: StationPlaces, walk: WalkTimes, limit_s: float, cell_m: float, off_street_m: float
) -> gpd.GeoDataFrame:
    land = nearest_land(network, places.on, walk, cell_m=cell_m, off_street_m=off_street_m)
    label = np.r_[places.group, np.int32(-1)][land.source]
    label[land.seconds > limit_s] = -1
    shapes = label_polygons(label, len(places.name), land.low_x, land.low_y, land.cell_m)
    moved = shapely.transform(shapes, lambda xy: np.c_[network.to_degrees.transform(*xy.T)])
    outcome, reason = places.verdicts()
    return gpd.GeoDataFrame(
        {"station": places.name, "outcome": outcome, "reason": reason, "area_m2": shapely.area(shapes)},
        geometry=np.asarray(round_vertices(moved), dtype=object),
        crs=network.degrees,
    )


def _room(places: StationPlaces, posts: gpd.GeoDataFrame, column: str) -> Floats:
    """Return the room of every station or group; not limited where none of its stations states one."""
    stated = numbers_of(posts, column, "the stations")
    stated[posts[column].isna().to_numpy()] = np.nan
    row, first = np.unique(places.row, return_index=True)
    summed = pd.Series(stated[row]).groupby(places.group[first]).sum(min_count=1)
    return np.asarray(summed.fillna(np.inf), dtype=np.float64)


def _homes(homes: Demand, places: StationPlaces, walk: WalkTimes, limit_s: float, room: Floats) -> pd.DataFrame:
    """Return one row a home: the nearest station, and the one that serves it."""
    nearest = nearest_by_place(homes.network, places.on, homes.places, walk)
    owner = np.r_[places.group, np.int32(-1)][nearest.source].astype(np.int64)
    within = nearest.seconds <= limit_s
    station, seconds = np.where(within, owner, -1), np.where(within, nearest.seconds, np.inf).astype(np.float64)
    if np.isfinite(room).any():
        offer = _offers(homes, places, walk, limit_s)
        station, seconds = shared_out(homes.households, room, offer)
        _settle_left(homes, places, walk, limit_s, room, station, seconds)
    names = list(places.name)
    columns: dict[str, object] = {"households": homes.households}
    if homes.residents is not None:
        columns["residents"] = homes.residents
    columns["nearest"] = pd.Categorical.from_codes(owner, categories=names)
    columns["minutes_to_nearest"] = np.where(owner >= 0, nearest.seconds.astype(np.float64) / 60, np.nan)
    columns["station"] = pd.Categorical.from_codes(station, categories=names)
    columns["minutes"] = np.where(station >= 0, seconds / 60, np.nan)
    why = reasons(homes, nearest.seconds, limit_s).codes.copy()
    why[within & (station < 0)] = len(REASONS)
    columns["reason"] = pd.Categorical.from_codes(why, categories=[*REASONS, FULL])
    return pd.DataFrame(columns, index=homes.layer.index)


def _offers(homes: Demand, places: StationPlaces, walk: WalkTimes, limit_s: float) -> OfferCall:
    """Return what tells the best station of each home when stations make themselves dearer by so many seconds."""
    network, on = homes.network, places.on
    if limit_s < LONGEST_S:
        found = passed(network, on, homes.places, limit_s, walk, group=places.group)
        order = np.argsort(found.item, kind="stable")
        home, origin = found.item[order], found.origin[order]
        walked, first = found.seconds[order].astype(np.float64), np.flatnonzero(np.diff(home, prepend=-1))

        def among_pairs(delay_s: Floats) -> tuple[Ints, Floats]:
            station, seconds = np.full(len(homes), -1, dtype=np.int64), np.full(len(homes), np.inf)
            if len(home):
                dearer = walked + delay_s[origin]
                least = np.repeat(np.minimum.reduceat(dearer, first), np.diff(np.r_[first, len(home)]))
                best = np.flatnonzero(dearer <= least)[::-1]
                station[home[best]], seconds[home[best]] = origin[best], walked[best]
            return station, seconds

        return among_pairs

    def by_search(delay_s: Floats) -> tuple[Ints, Floats]:
        # Seconds more are metres more between a station and its street.
        later = on.offset_m + delay_s[places.group] * walk.speed_m_s
        nearest = nearest_by_place(network, Snapped(on.edge, on.along_m, later, on.x, on.y), homes.places, walk)
        station = np.r_[places.group, np.int32(-1)][nearest.source].astype(np.int64)
        seconds = nearest.seconds.astype(np.float64) - np.r_[delay_s, 0.0][station]
        return station, seconds

    return by_search


def _settle_left(
    homes: Demand, places: StationPlaces, walk: WalkTimes, limit_s: float, room: Floats, station: Ints, seconds: Floats
) -> None:
    """Give homes without a station to the nearest with room for all of each, the largest first."""
    served = station >= 0
    left = room - np.bincount(station[served], weights=homes.households[served], minlength=len(room))
    waiting = np.flatnonzero(~served & (homes.households > 0))
    largest = waiting[np.argsort(-homes.households[waiting], kind="stable")]
    spots: Places = by_edge(homes.network, homes.on.take(largest))
    on = places.on
    able = left[places.group] >= homes.households[waiting].min(initial=np.inf)
    search = Snapped(np.where(able, on.edge, -1).astype(np.int32), on.along_m, on.offset_m, on.x, on.y)
    found = passed(homes.network, search, spots, limit_s, walk, group=places.group)
    order = np.lexsort((found.seconds, found.item))
    order = order[homes.households[largest[found.item[order]]] <= left[found.origin[order]]]
    for item, origin, walked in zip(found.item[order], found.origin[order], found.seconds[order], strict=True):
        home = largest[item]
        if station[home] < 0 and homes.households[home] <= left[origin]:
            station[home], seconds[home] = origin, float(walked)
            left[origin] -= homes.households[home]


def _by_station(places: StationPlaces, homes: pd.DataFrame, room: NDArray[np.float64] | None) -> pd.DataFrame:
    outcome, reason = places.verdicts()
    table = pd.DataFrame({"outcome": outcome, "reason": reason}, index=pd.Index(places.name, name="station"))
    if len(homes) == 0:
        return table
    served, weight = homes["station"].cat.codes.to_numpy(), homes["households"].to_numpy()
    there, size = served >= 0, len(table)
    table["homes"] = np.bincount(served[there & (weight > 0)], minlength=size)
    table["households"] = np.bincount(served[there], weights=weight[there], minlength=size)
    if "residents" in homes:
        table["residents"] = np.bincount(served[there], weights=homes["residents"][there], minlength=size)
    walked = np.bincount(served[there], weights=(homes["minutes"] * weight)[there], minlength=size)
    table["minutes"] = (walked / table["households"]).where(table["households"] > 0)
    near = homes["nearest"].cat.codes.to_numpy()
    table["nearest"] = np.bincount(near[near >= 0], weights=weight[near >= 0], minlength=size)
    if room is not None:
        table["capacity"] = np.where(np.isfinite(room), room, np.nan)
        table["load"] = table["households"] / table["capacity"].where(table["capacity"] > 0)
    return table
