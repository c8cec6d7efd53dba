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

from gridmap.errors import LayerError
from gridmap.geo.crs import point_xy
from gridmap.geo.io import as_layer, check_crs
from gridmap.network.model import WalkNetwork
from gridmap.network.snap import Snapped, snap

OK: Final = "ok"
CLIPPED: Final = "clipped"
OFF_NETWORK: Final = "off_network"
ISLAND: Final = "island"
OUTCOMES: Final = (OK, CLIPPED, OFF_NETWORK, ISLAND)

ACCESS_M: Final = 500.0
"""The furthest a station may be from a street."""
_ISLAND_M: Final = 100.0
"""A station nearer than this to the main network uses it, even if a street that leads nowhere is nearer still."""


@dataclass(frozen=True, eq=False)
class StationPlaces:
    """Stations on the network, in the order of their layer.

    Parameters
    ----------
    name
        What each row of a result is called: station ids, or groups; sorted.
    group
        (stations,) position of each station in ``name``.
    on
        Where each gets onto the network.
    outcome, reason
        ``ok``, ``off_network`` or ``island``, and why, one a station.
    """

    name: NDArray[np.object_]
    group: NDArray[np.int32]
    on: Snapped
    outcome: NDArray[np.object_]
    reason: NDArray[np.object_]


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
        Points (of polygons a point inside) in any CRS.
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
    # A layer at hand is not refused for one bad point: that station comes out with its reason.
    known = isinstance(stations, gpd.GeoDataFrame) and stations.crs is not None and len(stations) > 0
    if known:
        _refuse_swapped(stations)
    layer = stations if known else as_layer(stations, role="stations")
    names = _names(layer, station)
    if group is None:
        owner = names
    else:
        groups = _column(layer, group)
        owner = [name if pd.isna(shared) else shared for name, shared in zip(names, groups, strict=True)]
    unique = sorted(set(owner), key=_order)
    position = {name: at for at, name in enumerate(unique)}
    points = _points(layer, network)
    on = snap(network, *point_xy(points), access_m)
    outcome, reason = _judge(network, points, on, access_m)
    lost = outcome != OK
    return StationPlaces(
        name=np.array([*unique, None], dtype=object)[:-1],
        group=np.array([position[name] for name in owner], dtype=np.int32),
        on=Snapped(np.where(lost, -1, on.edge).astype(np.int32), on.along_m, on.offset_m, on.x, on.y),
        outcome=outcome,
        reason=reason,
    )


def _refuse_swapped(stations: gpd.GeoDataFrame) -> None:
    """Refuse stations whose coordinates cannot be in the system they state; those without any are judged one by one."""
    finite = np.isfinite(shapely.bounds(np.asarray(stations.geometry.values, dtype=object))).all(axis=1)
    if finite.any():
        check_crs(stations[finite], "the stations")


def _order(name: Any) -> tuple[bool, Any]:
    return (isinstance(name, str), name)


def _column(layer: gpd.GeoDataFrame, name: str) -> list[Any]:
    if name not in layer.columns:
        there = ", ".join(str(column) for column in layer.columns if column != layer.geometry.name)
        raise LayerError(f"the stations have no column {name!r}; they have {there}")
    return list(layer[name])


def _names(layer: gpd.GeoDataFrame, station: str) -> list[Any]:
    names = _column(layer, station)
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


def _points(layer: gpd.GeoDataFrame, network: WalkNetwork) -> NDArray[np.object_]:
    """Return a point in the network's CRS for every station; an empty one where it has no usable geometry."""
    shapes = np.asarray(layer.geometry.to_crs(network.crs).values, dtype=object)
    bounds = shapely.bounds(shapes)
    usable = np.isfinite(bounds).all(axis=1)
    shapes = np.where(usable, shapes, shapely.Point())
    return np.where(shapely.get_type_id(shapes) == 0, shapes, shapely.point_on_surface(shapes))


def _judge(
    network: WalkNetwork, points: NDArray[np.object_], on: Snapped, access_m: float
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    outcome = np.full(len(points), OK, dtype=object)
    reason = np.full(len(points), "", dtype=object)
    free = snap(network, *point_xy(points), access_m, barriers=False)
    astray = np.flatnonzero((on.edge < 0) | (on.offset_m > _ISLAND_M))
    island = _island_m(network, points[astray])
    for i, island_m in zip(astray, island, strict=True):
        if island_m <= access_m and not (on.edge[i] >= 0 and on.offset_m[i] <= island_m):
            outcome[i] = ISLAND
            reason[i] = f"the nearest street ({island_m:.0f} m) is not joined to the main network"
        elif on.edge[i] < 0:
            outcome[i] = OFF_NETWORK
            reason[i] = (
                "it has no geometry"
                if shapely.is_empty(points[i])
                else f"water, a railway or a motorway lies before every street within {access_m:.0f} m"
                if free.edge[i] >= 0
                else f"no walkable street within {access_m:.0f} m"
            )
    return outcome, reason


def _island_m(network: WalkNetwork, points: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the distance to the nearest street that is not joined to the main network; inf where there is none."""
    distance = np.full(len(points), np.inf)
    if len(network.islands) and len(points):
        (at, _), metres = shapely.STRtree(network.islands).query_nearest(
            points, return_distance=True, all_matches=False
        )
        distance[at] = metres
    return distance
