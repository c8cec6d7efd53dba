"""Demand on the network: homes with their households and residents, put on their streets once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, LayerError
from gridmap.geo.crs import point_xy, transformer
from gridmap.geo.io import as_layer
from gridmap.network.model import WalkNetwork
from gridmap.network.places import Places, by_edge
from gridmap.network.snap import Snapped, snap

Source: TypeAlias = gpd.GeoDataFrame | str | os.PathLike[str]
Floats: TypeAlias = NDArray[np.float64]

HOME_OFF_STREET_M: Final = 100.0
"""The furthest one walks between a home and its street, inside a block."""


@dataclass(frozen=True, eq=False)
class Demand:
    """Homes on a network; made once by :func:`place_demand`, asked by coverage, siting and catchments.

    Parameters
    ----------
    network
        The network that the homes are on.
    layer
        The homes as they were given, in their own CRS and order.
    households
        (homes,) households of each, 0 where none are stated.
    residents
        (homes,) people, or None where the layer counts none.
    points
        (homes,) where each stands, in the CRS of the layer; None where a home has no geometry.
    xy
        (homes, 2) the same in the network's CRS, NaN where there is none.
    on
        Where each gets onto the network; edge -1 where there is no street near enough.
    places
        The same by edge, as searches ask for them.
    off_street_m
        The furthest that a home may be from its street.
    """

    network: WalkNetwork
    layer: gpd.GeoDataFrame
    households: Floats
    residents: Floats | None
    points: NDArray[np.object_]
    xy: Floats
    on: Snapped
    places: Places
    off_street_m: float

    def __len__(self) -> int:
        return len(self.layer)


def place_demand(
    network: WalkNetwork,
    layer: Source,
    *,
    households: str = "households",
    residents: str = "residents",
    off_street_m: float = HOME_OFF_STREET_M,
) -> Demand:
    """Put homes on their streets once, for any number of questions.

    Every home gets onto the nearest street with roadside access, straight over at most ``off_street_m`` and never
    across water, a railway or a motorway; those metres count in its walks.

    Parameters
    ----------
    network
        :func:`gridmap.read_network`.
    layer
        Homes: points, or polygons that stand for a point inside them; in any CRS, or a path. Every row counts by
        itself, also where two stand in one place.
    households
        Column of households; where it is empty, nobody lives.
    residents
        Column of people; a layer without it counts none.
    off_street_m
        The furthest straight walk to a street, in metres.

    Raises
    ------
    InputError
        When ``off_street_m`` is not a number from 0.
    LayerError
        When the layer is empty, lacks the households, or states a number that is none or negative.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> demand = place_demand(network, "data/town/buildings.gpkg")
    >>> len(demand) == len(demand.on), bool((demand.on.edge >= 0).any())
    (True, True)
    """
    if not 0 <= off_street_m < np.inf:
        raise InputError(f"off_street_m={off_street_m!r}: allowed are 0 and more metres")
    homes = as_layer(layer, role="buildings")
    weight = numbers_of(homes, households, "the demand")
    people = numbers_of(homes, residents, "the demand") if residents in homes.columns else None
    points = points_within(homes.geometry.values)
    xy = moved_xy(points, homes.crs, network.crs)
    on = snap(network, xy[:, 0], xy[:, 1], off_street_m)
    return Demand(network, homes, weight, people, points, xy, on, by_edge(network, on), float(off_street_m))


def as_demand(
    network: WalkNetwork,
    demand: Demand | Source,
    *,
    households: str = "households",
    off_street_m: float = HOME_OFF_STREET_M,
) -> Demand:
    """Return homes placed on a network, placing those that are not yet; the options are for these.

    Raises
    ------
    InputError
        When the demand was placed on another network.
    """
    if not isinstance(demand, Demand):
        return place_demand(network, demand, households=households, off_street_m=off_street_m)
    if not _same(network, demand.network):
        raise InputError(
            "the demand was placed on another network (its streets or barriers differ); place it on this one: "
            "gridmap.place_demand(network, layer)"
        )
    return demand


def points_of(layer: gpd.GeoDataFrame, crs: pyproj.CRS) -> Floats:
    """Return (n, 2) a point inside every feature in a CRS, NaN where a feature has no geometry."""
    return moved_xy(points_within(layer.geometry.values), layer.crs, crs)


def points_within(shapes: Any) -> NDArray[np.object_]:
    """Return a point inside every shape, None where there is none."""
    points = np.array(shapes, dtype=object)
    broad = shapely.get_type_id(points) > 0
    points[broad] = shapely.point_on_surface(points[broad])
    points[shapely.is_empty(points)] = None
    return points


def moved_xy(points: NDArray[np.object_], crs: pyproj.CRS, to_crs: pyproj.CRS) -> Floats:
    """Return (n, 2) points in another CRS, NaN where there is none.

    The points alone are moved, not what they stand for: outlines have ten times as many vertices.
    """
    x, y = point_xy(points)
    if crs != to_crs:
        x, y = transformer(crs, to_crs).transform(x, y)
    return np.stack([x, y], axis=1)


def numbers_of(layer: gpd.GeoDataFrame, column: str, what: str) -> Floats:
    """Return a column of numbers, 0 where it is empty; ``what`` is what messages call the layer.

    Raises
    ------
    LayerError
        When the column is missing, or holds a word, a negative or an infinite number.
    """
    stated = column_of(layer, column, what)
    values = np.asarray(pd.to_numeric(stated, errors="coerce"), dtype=np.float64)
    unknown = stated.isna().to_numpy()
    bad = np.flatnonzero(~unknown & ~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise LayerError(f"{what}, row {layer.index[bad[0]]}: {column} is {stated.iloc[bad[0]]}; allowed: 0 and more")
    return np.where(unknown, 0.0, values)


def column_of(layer: gpd.GeoDataFrame, column: str, what: str) -> pd.Series:
    """Return a column of a layer.

    Raises
    ------
    LayerError
        When there is no such column; says which there are.
    """
    if column not in layer.columns:
        there = ", ".join(str(each) for each in layer.columns if each != layer.geometry.name)
        raise LayerError(f"{what} {'have' if what.endswith('s') else 'has'} no column {column!r}; there is {there}")
    return layer[column]


def _same(one: WalkNetwork, other: WalkNetwork) -> bool:
    """Whether two networks put a home on the same spot; reading a file again gives an equal network."""
    return one is other or (
        one.crs == other.crs
        and np.array_equal(one.vertex_xy, other.vertex_xy)
        and np.array_equal(one.edge_nodes, other.edge_nodes)
        and np.array_equal(one.edge_roadside, other.edge_roadside)
        and np.array_equal(one.barrier_index.ends, other.barrier_index.ends)
    )
