"""Where a station could stand: places that are given, or junctions of the network."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.circles.demand import Source, column_of
from gridmap.circles.stations import OK, StationPlaces, place_stations, read_stations
from gridmap.errors import InputError
from gridmap.network.model import WalkNetwork

SPACING_M: Final = 300.0
"""How far apart the junctions are that stand in for candidates."""


def read_candidates(
    network: WalkNetwork, candidates: Source | None, name: str | None, spacing_m: float
) -> gpd.GeoDataFrame:
    """Return a layer of candidates, their names in the column ``candidate``."""
    if candidates is None:
        return junctions(network, spacing_m)
    layer = read_stations(candidates, "candidates")
    if name is None:
        return layer.assign(candidate=layer.index)
    return layer.assign(candidate=column_of(layer, name, "the candidates"))


def junctions(network: WalkNetwork, spacing_m: float = SPACING_M) -> gpd.GeoDataFrame:
    """Return junctions of a network at which a station could stand, thinned to a spacing.

    Parameters
    ----------
    network
        The walking network.
    spacing_m
        Of the junctions in each square of this side, the one nearest its middle stands for all.

    Returns
    -------
    GeoDataFrame
        ``candidate`` (a number) and ``geometry``, in the network's CRS; only junctions of streets with roadside access.

    Raises
    ------
    InputError
        When the spacing is not above zero.
    """
    if not 0 < spacing_m < np.inf:
        raise InputError(f"spacing_m={spacing_m!r}: allowed are metres above zero, for example 300")
    usable = np.unique(network.edge_nodes[network.edge_roadside])
    xy = network.node_xy[usable]
    cell = np.floor(xy / spacing_m)
    middle_m = np.hypot(*(xy - (cell + 0.5) * spacing_m).T)
    order = np.lexsort((middle_m, cell[:, 0], cell[:, 1]))
    _, first = np.unique(cell[order][:, ::-1], axis=0, return_index=True)
    chosen = xy[order[first]]
    return gpd.GeoDataFrame({"candidate": np.arange(len(chosen))}, geometry=shapely.points(chosen), crs=network.crs)


def place_candidates(network: WalkNetwork, layer: gpd.GeoDataFrame) -> tuple[StationPlaces, pd.DataFrame]:
    """Put candidates on the network; return them, and those that get onto no street with the reason.

    Raises
    ------
    LayerError
        When a candidate has no name, or two have the same.
    """
    places = place_stations(network, layer, station="candidate")
    outcome, reason = places.verdicts()
    lost = outcome != OK
    table = pd.DataFrame({"candidate": places.name[lost], "outcome": outcome[lost], "reason": reason[lost]})
    return places, table
