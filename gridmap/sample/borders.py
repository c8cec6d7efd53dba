"""Borders drawn exactly along the streets that run on them."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.sample.terrain import Geometries

_NEAR_M: Final = 0.03
_SAME_M: Final = 0.006


def follow_streets(polygons: Geometries, streets: Geometries) -> Geometries:
    """Give the borders of polygons the vertices of the streets on them.

    Noding moves a street by up to a centimetre; without this a border and its street would cross each other all along.
    Polygons that shared a border still do: what is put into an edge depends on that edge alone.

    Parameters
    ----------
    polygons
        Polygons without holes, in metres.
    streets
        Lines in metres.
    """
    xy, ring = shapely.get_coordinates(shapely.get_exterior_ring(polygons), return_index=True)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    low = np.where((xy[start] < xy[start + 1]).any(axis=1) & (xy[start, 0] <= xy[start + 1, 0]), start, start + 1)
    edges = shapely.linestrings(np.stack([xy[low], xy[2 * start + 1 - low]], axis=1))
    vertices = shapely.points(np.unique(shapely.get_coordinates(streets), axis=0))
    at, near = shapely.STRtree(edges).query(vertices, predicate="dwithin", distance=_NEAR_M)
    along = shapely.line_locate_point(edges[near], vertices[at])
    inner = (along > _SAME_M) & (along < shapely.length(edges[near]) - _SAME_M)
    at, near, along = at[inner], near[inner], along[inner]
    share = along / shapely.length(edges[near])
    position = start[near] + np.where(low[near] == start[near], share, 1 - share)
    every = np.concatenate([xy, shapely.get_coordinates(vertices[at])])
    order = np.argsort(np.concatenate([np.arange(len(xy), dtype=np.float64), position]), kind="stable")
    owner: NDArray[np.int64] = np.concatenate([ring, ring[start[near]]])[order]
    rings = shapely.linearrings(every[order], indices=owner)
    return np.asarray(shapely.polygons(rings), dtype=object)
