"""Workload of blocks: what grids are balanced by and shared out by (design.md, decision 7)."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.nested_shares import apportion
from gridmap.grids.norms import typical_households
from gridmap.network.model import WalkNetwork

_STEP_M: Final = 10.0
_BESIDE_M: Final = 0.5
"""A street runs along a block when it is no further from it than this: it is then walked for both sides."""


def workload(land: gpd.GeoDataFrame, network: WalkNetwork, street_households_per_km: float) -> m.Floats:
    """Return households plus what the streets to be patrolled count for.

    Parameters
    ----------
    land
        Blocks in storage CRS, with ``households``.
    network
        Whose streets are walked.
    street_households_per_km
        How many households a kilometre of street counts for (β); 0 leaves households alone.
    """
    households = np.asarray(land["households"], dtype=np.float64)
    if street_households_per_km == 0:
        return households
    streets = street_households_per_km / 1000 * street_metres(land, network)
    return np.asarray(households + streets, dtype=np.float64)


def street_metres(land: gpd.GeoDataFrame, network: WalkNetwork) -> m.Floats:
    """Return the metres of street in and along each block; a street between two blocks counts half for each.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> blocks = gridmap.make_blocks("data/town/boundary.gpkg", "data/town/streets.gpkg")
    >>> float(round(street_metres(blocks, network).sum() / network.edge_length_m.sum(), 2))
    1.0
    """
    lines = network.edges().geometry.to_numpy()
    length = shapely.length(lines)
    pieces = np.maximum(np.ceil(length / _STEP_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(lines)), pieces)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    step = (length / pieces)[edge]
    points = shapely.line_interpolate_point(lines[edge], (number + 0.5) * step)
    flat = m.to_metres(np.asarray(land.geometry.values, dtype=object), network.crs)
    point, block = shapely.STRtree(flat).query(points, predicate="dwithin", distance=_BESIDE_M)
    sides = np.bincount(point, minlength=len(points))
    metres = np.bincount(block, weights=step[point] / sides[point], minlength=len(land))
    return np.asarray(metres, dtype=np.float64)


def share_out(weight: m.Floats, total: int, *, blocks: gpd.GeoDataFrame, level: str | None, **limits: Any) -> m.Ints:
    """Share out grids among parents by workload, and among given communities by kind too.

    A household of a village counts as much more as usual grids of villages are smaller than urban ones
    (:mod:`gridmap.grids.norms`); where all are of one kind, or nothing is said of kinds, workload alone counts.

    Parameters
    ----------
    weight
        Workload of each parent; of given ones in the order of their codes.
    total, limits
        As in :func:`gridmap.grids.partition.apportion`.
    blocks, level
        The blocks, and the given level that the parents are of; ``None`` where they were drawn.
    """
    if level is not None:
        kinds = blocks.attrs["given"].kinds[level]
        codes = np.unique(blocks[level].to_numpy(dtype=str))
        weight = weight / np.array([typical_households(kinds.get(code)) for code in codes])
    return apportion(weight, total, **limits)
