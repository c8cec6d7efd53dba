"""Which large estates have no station of their own."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.circles.demand import Source, numbers_of
from gridmap.errors import LayerError
from gridmap.geo.crs import metric_crs_of
from gridmap.geo.io import as_layer

ESTATE_HOUSEHOLDS: Final = 1000.0
"""Estates of so many households must have a station of their own (domain.md)."""
GATE_M: Final = 20.0
"""A station so near to an estate stands at its gate: gatehouses lie on the wall, and are surveyed from the street."""


def estates_without_station(
    estates: Source,
    stations: gpd.GeoDataFrame,
    *,
    households: str = "households",
    at_least: float = ESTATE_HOUSEHOLDS,
    gate_m: float = GATE_M,
) -> gpd.GeoDataFrame:
    """Return the large estates that no station belongs to, most households first.

    A station belongs to every estate whose polygon it touches; one that touches none belongs to the nearest estate
    within ``gate_m``, be that large or not. So one station at the road between two estates serves one of them.

    Parameters
    ----------
    estates
        Polygons with ``households``, or a path.
    stations
        Points or polygons.
    at_least
        Households from which on an estate needs its own station.
    gate_m
        How far outside a station may stand, in metres.

    Raises
    ------
    LayerError
        When an estate is not a polygon, or the households are missing or no numbers from 0.
    """
    layer = as_layer(estates, role="places")
    odd = np.flatnonzero(~np.isin(shapely.get_type_id(layer.geometry.values), (3, 6)))
    if len(odd):
        raise LayerError(
            f"the estates, row {layer.index[odd[0]]}: estates have to be polygons, for a station stands in one or not"
        )
    large = numbers_of(layer, households, "the estates") >= at_least
    crs = metric_crs_of(layer)
    areas = np.asarray(layer.geometry.to_crs(crs).values, dtype=object)
    posts = np.asarray(stations.geometry.to_crs(crs).values, dtype=object)
    posts = posts[np.isfinite(shapely.bounds(posts)).all(axis=1)]
    tree = shapely.STRtree(areas)
    inside, own = tree.query(posts, predicate="intersects")
    outside = np.setdiff1d(np.arange(len(posts)), inside)
    _, near = tree.query_nearest(posts[outside], max_distance=gate_m, all_matches=False) if gate_m > 0 else ((), ())
    held = np.isin(np.arange(len(areas)), np.r_[own, np.asarray(near, dtype=np.int64)])
    without: gpd.GeoDataFrame = layer[large & ~held].sort_values(households, ascending=False, kind="stable")
    return without
