"""Stations on the network: who they are, where they get onto the streets, and why some do not."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.demand import column_of, moved_xy, points_within
from gridmap.errors import CrsError, LayerError
from gridmap.geo.crs import WGS84
from gridmap.geo.io import check_crs, read_layer
from gridmap.network.model import WalkNetwork
from gridmap.network.snap import Snapped, snap

OK: Final = "ok"
CLIPPED: Final = "clipped"
OFF_NETWORK: Final = "off_network"
ISLAND: Final = "island"
OUTCOMES: Final = (OK, CLIPPED, OFF_NETWORK, ISLAND)
_MULTIPOINT: Final = 4
_CALLED: Final = {"water": "water", "rail": "a railway", "motorway": "a motorway"}
_WORSE: Final = {OK: 0, ISLAND: 1, OFF_NETWORK: 2}

ACCESS_M: Final = 500.0
"""The furthest a station may be from a street."""
_ISLAND_M: Final = 100.0
"""A station nearer than this to the main network uses it, even if a street that leads nowhere is nearer still."""
_LOOK_M: Final = 5000.0
"""How far around a station without a street the nearest one is looked for, to say how far it is."""


@dataclass(frozen=True, eq=False)
class StationPlaces:
    """Stations on the network: one entry an entrance, in the order of their layer.

    Parameters
    ----------
    name
        What each row of a result is called: station ids, or groups; sorted.
    group, row
        (entrances,) position in ``name``, and in the layer, of the station that each entrance belongs to. Entrances
        of one group walk together.
    on
        Where each gets onto the network; edge -1 where it does not.
    outcome, reason
        ``ok``, ``off_network`` or ``island``, and why, one an entrance.
    """

    name: NDArray[np.object_]
    group: NDArray[np.int32]
    row: NDArray[np.int32]
    on: Snapped
    outcome: NDArray[np.object_]
    reason: NDArray[np.object_]

    def verdicts(self) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
        """Return outcome and reason by ``name``: one entrance on the network is enough, an island comes next."""
        rank = np.array([_WORSE[outcome] for outcome in self.outcome], dtype=np.int64)
        order = np.lexsort((rank, self.group))
        first = order[np.unique(self.group[order], return_index=True)[1]]
        return self.outcome[first], self.reason[first]


def place_stations(
    network: WalkNetwork,
    stations: gpd.GeoDataFrame | str | os.PathLike[str],
    *,
    station: str = "station",
    group: str | None = None,
    access_m: float = ACCESS_M,
) -> StationPlaces:
    """Put stations on the network; a bad one gets an outcome and a reason and stops nobody.

    Parameters
    ----------
    network
        The walking network.
    stations
        Points in any CRS; the points of a MultiPoint are the entrances of one station, the best of which counts, and
        a polygon, whose gates are not known, stands for a point inside it. Several stations may stand in one place.
    station
        Column that names a station; every name once.
    group
        Column by which stations act together; a station without a group is left on its own under its name.
    access_m
        Furthest straight distance from a station to a street.

    Raises
    ------
    LayerError
        When a column is missing, or a name is missing or occurs twice.
    """
    layer = read_stations(stations)
    names = _names(layer, station)
    if group is None:
        owner = names
    else:
        groups = column_of(layer, group, "the stations")
        owner = [name if pd.isna(shared) else shared for name, shared in zip(names, groups, strict=True)]
    unique = sorted(set(owner), key=_order)
    position = {name: at for at, name in enumerate(unique)}
    points, row = _entrances(layer, network)
    on = snap(network, points[:, 0], points[:, 1], access_m)
    outcome, reason = _judge(network, points, on, access_m)
    lost = outcome != OK
    return StationPlaces(
        name=np.array([*unique, None], dtype=object)[:-1],
        group=np.array([position[name] for name in owner], dtype=np.int32)[row],
        row=row,
        on=Snapped(np.where(lost, -1, on.edge).astype(np.int32), on.along_m, on.offset_m, on.x, on.y),
        outcome=outcome,
        reason=reason,
    )


def read_stations(stations: gpd.GeoDataFrame | str | os.PathLike[str], called: str = "stations") -> gpd.GeoDataFrame:
    """Return a layer of stations; it is not refused for a bad point: that station comes out with its reason.

    Raises
    ------
    LayerError
        When the layer cannot be read or holds no feature.
    CrsError
        When its CRS is missing, or none of the stations can be in it.
    """
    layer = stations if isinstance(stations, gpd.GeoDataFrame) else read_layer(stations, role="places", checked=False)
    if layer.crs is None or len(layer) == 0:
        check_crs(layer, called)
    whole = _whole(np.asarray(layer.geometry.values, dtype=object))
    known = layer if whole.all() else layer[whole]
    if len(known):
        try:
            check_crs(known, called)
        except CrsError:
            # All of them wrong is a wrong CRS or swapped axes; some are stations that were never surveyed.
            if not _in_area(known).any():
                raise
    return layer


def _whole(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which geometries are there, all their coordinates numbers."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    whole = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    whole[owner[~np.isfinite(xy).all(axis=1)]] = False
    return np.asarray(whole)


def _in_area(stations: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which stations lie where their CRS is meant for."""
    use = stations.crs.area_of_use
    if use is None:
        return np.zeros(len(stations), dtype=bool)
    degrees = gpd.GeoSeries(stations.geometry.values, crs=stations.crs).to_crs(WGS84)
    west, south, east, north = shapely.bounds(np.asarray(degrees.values, dtype=object)).T
    return np.asarray((west >= use.west) & (east <= use.east) & (south >= use.south) & (north <= use.north))


def _order(name: Any) -> tuple[bool, Any]:
    return (isinstance(name, str), name)


def _names(layer: gpd.GeoDataFrame, station: str) -> list[Any]:
    names = list(column_of(layer, station, "the stations"))
    for row, name in zip(layer.index, names, strict=True):
        if pd.isna(name):
            raise LayerError(f"stations, row {row}: no {station!r}; every station needs its own")
    twice = sorted({str(name) for name, count in Counter(names).items() if count > 1})
    if twice:
        raise LayerError(
            f"the stations name {', '.join(twice[:10])} more than once in {station!r}; every station needs its own "
            "(entrances of one station, or stations that act together, share a group=)"
        )
    return names


def _entrances(layer: gpd.GeoDataFrame, network: WalkNetwork) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return where every entrance is, in the network's CRS, and the row of its station; NaN for one that is nowhere."""
    shapes = np.asarray(layer.geometry.values, dtype=object)
    many = shapely.get_type_id(shapes) == _MULTIPOINT
    parts, of = shapely.get_parts(shapes[many], return_index=True)
    row = np.r_[np.flatnonzero(~many), np.flatnonzero(many)[of]]
    entrances = np.r_[shapes[~many], parts]
    usable = _whole(entrances)
    nowhere = np.setdiff1d(np.arange(len(layer)), row[usable])
    row = np.r_[row[usable], nowhere]
    order = np.argsort(row, kind="stable")
    given = points_within(np.r_[entrances[usable], np.full(len(nowhere), None, dtype=object)][order])
    return moved_xy(given, layer.crs, network.crs), row[order].astype(np.int32)


def _judge(
    network: WalkNetwork, points: NDArray[np.float64], on: Snapped, access_m: float
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    outcome = np.full(len(points), OK, dtype=object)
    reason = np.full(len(points), "", dtype=object)
    astray = np.flatnonzero((on.edge < 0) | (on.offset_m > _ISLAND_M))
    island_m = _island_m(network, points[astray])
    beaten = (island_m <= access_m) & ~((on.edge[astray] >= 0) & (on.offset_m[astray] <= island_m))
    outcome[astray[beaten]] = ISLAND
    reason[astray[beaten]] = [
        f"the nearest street ({metres:.0f} m) is not joined to the main network" for metres in island_m[beaten]
    ]
    off = astray[~beaten & (on.edge[astray] < 0)]
    outcome[off] = OFF_NETWORK
    reason[off] = _why_off(network, points[off], access_m)
    return outcome, reason


def _why_off(network: WalkNetwork, points: NDArray[np.float64], access_m: float) -> list[str]:
    """Say why points get onto no street: they are nowhere, far away, behind something, or far from any street."""
    if len(points) == 0:
        return []
    free = snap(network, points[:, 0], points[:, 1], max(access_m, _LOOK_M), barriers=False)
    streets = np.concatenate((network.vertex_xy, shapely.get_coordinates(network.islands)))
    low, high = streets.min(axis=0), streets.max(axis=0)
    beyond = np.hypot(*np.maximum(np.maximum(low - points, points - high), 0).T)
    kinds = network.barriers["kind"].to_numpy()
    tree = shapely.STRtree(network.barriers.geometry.values)
    reasons = []
    for at, outside, metres, street in zip(points, beyond, free.offset_m, np.c_[free.x, free.y], strict=True):
        if not np.isfinite(at).all():
            reasons.append("it has no geometry" if np.isnan(at).all() else "it lies outside the network's extent")
            continue
        if outside > access_m:
            reasons.append(f"it lies outside the network's extent, by {_length(outside)}")
            continue
        if metres <= access_m:
            way = tree.query(shapely.LineString([at, street]), predicate="intersects")
            between = " and ".join(sorted({_CALLED[kind] for kind in kinds[way]}))
            what = f"every walkable street within {access_m:.0f} m is on the other side of {between}"
        else:
            far = f"the nearest is {_length(metres)} away" if np.isfinite(metres) else f"none within {_length(_LOOK_M)}"
            what = f"no walkable street within {access_m:.0f} m: {far}"
        wet = (kinds[tree.query(shapely.Point(at), predicate="within")] == "water").any()
        reasons.append(f"it stands in water; {what}" if wet else what)
    return reasons


def _length(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def _island_m(network: WalkNetwork, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance to the nearest street that is not joined to the main network; inf where there is none."""
    distance = np.full(len(points), np.inf)
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(network.islands) and len(known):
        (at, _), metres = shapely.STRtree(network.islands).query_nearest(
            shapely.points(points[known]), return_distance=True, all_matches=False
        )
        distance[known[at]] = metres
    return distance
