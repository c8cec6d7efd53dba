"""Catchments: which station is nearest on foot, as land and as households, also where room is limited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.catchment_assign import least_walked, shared_out
from gridmap.circles.catchment_land import label_polygons, nearest_land
from gridmap.circles.catchment_offers import offers_of, settle_left
from gridmap.circles.catchment_programme import Floats, Ints
from gridmap.circles.counts import Limits
from gridmap.circles.demand import Demand, Source, as_demand, numbers_of
from gridmap.circles.effort import PROVE_S, Effort, check_limit, silent
from gridmap.circles.gaps import REASONS, reasons
from gridmap.circles.isochrones import OFF_STREET_M, check_ranges
from gridmap.circles.ownership import check_raster
from gridmap.circles.stations import StationPlaces, place_stations, read_stations
from gridmap.errors import InputError
from gridmap.geo.crs import round_vertices
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import LONGEST_S, Pace, WalkTimes, walk_times
from gridmap.network.places import nearest_by_place
from gridmap.network.search import Nearest

FULL: Final = "full"
"""Why a home is not served although a station is near enough: none has room for all its households."""
_ROUNDING: Final = 1e-6
"""Share of all that makes no difference: walks are worked out no more exactly."""


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
    bound
        What is proven: no sharing that serves as many households has fewer household-minutes.
    most
        Households that no sharing serves more of.
    gap
        How far the sharing may be from the best possible, as a share of it: the larger of what ``household_minutes``
        may be above the best and the households served below it. 0: it is proven the best.
    """

    polygons: gpd.GeoDataFrame
    homes: pd.DataFrame
    by_station: pd.DataFrame
    unserved: pd.DataFrame
    household_minutes: float
    bound: float
    most: float
    gap: float


def catchments(
    network: WalkNetwork,
    stations: Source,
    demand: Demand | Source | None = None,
    *,
    capacity: str | None = None,
    minutes: float | None = None,
    speed_m_s: float = 1.1,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    cell_m: float = 20,
    station: str = "station",
    group: str | None = None,
    households: str = "households",
    off_street_m: float = OFF_STREET_M,
    time_limit_s: float = PROVE_S,
    progress: Callable[[float, str], None] | None = None,
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
    time_limit_s
        Seconds that sharing out by capacities may take; where they run out, the result depends on the machine, is the
        best sharing found and ``gap`` says how far it may be from the best possible.
    progress
        Called with the share done (0 to 1) and what is happening.

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
    check_raster(cell_m, off_street_m)
    if capacity is not None and demand is None:
        raise InputError(f"capacity={capacity!r}: without a demand there are no households to share out")
    check_limit(time_limit_s)
    tell = progress or silent
    limit_s = LONGEST_S if minutes is None else Limits(check_ranges(minutes, speed_m_s)).last_s
    walk = walk_times(network, speed_m_s, pace)
    posts = read_stations(stations)
    places = place_stations(network, posts, station=station, group=group)
    tell(0.05, "land")
    polygons = _polygons(network, places, walk, limit_s, cell_m, off_street_m)
    table = pd.DataFrame(columns=["households", "nearest", "minutes_to_nearest", "station", "minutes", "reason"])
    room, proven = np.full(len(places.name), np.inf), _Proven(0.0, 0.0, 0.0)
    if demand is not None:
        homes = as_demand(network, demand, households=households, off_street_m=off_street_m)
        if capacity is not None:
            room = _room(places, posts, capacity)
        tell(0.2, "walking")
        effort = Effort.of(time_limit_s, lambda share, what: tell(0.2 + 0.75 * share, what))
        table, proven = _homes(homes, places, walk, limit_s, room, effort)
    return Catchments(
        polygons=polygons,
        homes=table,
        by_station=_by_station(places, table, None if capacity is None else room),
        unserved=table[table["station"].isna() & (table["households"] > 0)],
        household_minutes=_walked(table),
        bound=proven.bound,
        most=proven.most,
        gap=proven.gap,
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


@dataclass(frozen=True)
class _Proven:
    """What no sharing goes below or above, and how far that is from the one found."""

    bound: float
    most: float
    gap: float

    @classmethod
    def of(cls, walked: float, served: float, bound: float, most: float) -> _Proven:
        """Compare a sharing with what is proven; what rounding explains is no gap."""
        gap = max((walked - bound) / walked if walked else 0.0, (most - served) / most if most else 0.0)
        if gap <= _ROUNDING:
            return cls(walked, served, 0.0)
        return cls(min(bound, walked), max(most, served), gap)


def _walked(homes: pd.DataFrame) -> float:
    return float((homes["minutes"] * homes["households"]).sum())


def _homes(
    homes: Demand, places: StationPlaces, walk: WalkTimes, limit_s: float, room: Floats, effort: Effort
) -> tuple[pd.DataFrame, _Proven]:
    """Return one row a home, the nearest station and the one that serves it; and what is proven of the sharing."""
    nearest = nearest_by_place(homes.network, places.on, homes.places, walk)
    owner = np.r_[places.group, np.int32(-1)][nearest.source].astype(np.int64)
    within = nearest.seconds <= limit_s
    station, seconds = np.where(within, owner, -1), np.where(within, nearest.seconds, np.inf).astype(np.float64)
    proven = None
    if np.isfinite(room).any():
        offer, pairs = offers_of(homes, places, walk, limit_s)
        shared = shared_out(homes.households, room, offer, effort, pairs)
        station, seconds = shared.station, shared.seconds
        settle_left(homes, places, walk, limit_s, room, station, seconds)
        unserved = float(homes.households[station < 0].sum())
        told = [least_walked(homes.households, room, offer, price, unserved) for price in shared.prices]
        least_s, fewest = (max(each) for each in zip(*told, strict=True))
        proven = least_s / 60, float(homes.households.sum()) - fewest
    table = _home_table(homes, places, nearest, limit_s, station, seconds)
    served = float(homes.households[station >= 0].sum())
    return table, _Proven.of(_walked(table), served, *(proven or (_walked(table), served)))


def _home_table(
    homes: Demand, places: StationPlaces, nearest: Nearest, limit_s: float, station: Ints, seconds: Floats
) -> pd.DataFrame:
    owner = np.r_[places.group, np.int32(-1)][nearest.source]
    names = list(places.name)
    columns: dict[str, object] = {"households": homes.households}
    if homes.residents is not None:
        columns["residents"] = homes.residents
    columns["nearest"] = pd.Categorical.from_codes(owner, categories=names)
    columns["minutes_to_nearest"] = np.where(owner >= 0, nearest.seconds.astype(np.float64) / 60, np.nan)
    columns["station"] = pd.Categorical.from_codes(station, categories=names)
    columns["minutes"] = np.where(station >= 0, seconds / 60, np.nan)
    why = reasons(homes, nearest.seconds, limit_s).codes.copy()
    why[(nearest.seconds <= limit_s) & (station < 0)] = len(REASONS)
    columns["reason"] = pd.Categorical.from_codes(why, categories=[*REASONS, FULL])
    return pd.DataFrame(columns, index=homes.layer.index)


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
