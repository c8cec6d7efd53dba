"""Which grids of a layer are neighbours: those that have a line in common, not a corner alone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.nesting import valid_polygons


def layer_neighbours(layer: gpd.GeoDataFrame) -> m.Adjacency:
    """Return which grids of a layer share a border, and how much of it in metres.

    Where borders share their vertices, as those of a plan do, this is exact. In a layer where they do not, only what
    lies on the same line bit by bit is common; :func:`gridmap.repair` makes borders shared.

    Parameters
    ----------
    layer
        Polygons in degrees.

    Returns
    -------
    Adjacency
        Rows ``a < b`` of the layer, each pair once, sorted, and ``length_m``.

    Examples
    --------
    >>> boxes = [shapely.box(x, y, x + 0.01, y + 0.01) for x, y in ((120, 31), (120.01, 31), (120.01, 31.01))]
    >>> found = layer_neighbours(gpd.GeoDataFrame(geometry=boxes, crs=4490))
    >>> found.a.tolist(), found.b.tolist(), found.length_m.round().tolist()
    ([0, 1], [1, 2], [1109.0, 955.0])
    """
    shapes = valid_polygons(np.asarray(layer.geometry.values, dtype=object))
    if shapely.is_empty(shapes).all():
        nobody = np.empty(0, dtype=np.int64)
        return m.Adjacency(nobody, nobody, np.empty(0))
    crs = metric_crs_of(layer)
    if shapely.coverage_is_valid(shapes):
        return m.adjacency(shapes, crs)
    outlines = shapely.boundary(shapes)
    pairs = np.unique(np.sort(shapely.STRtree(shapes).query(shapes, predicate="intersects").T, axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    a, b = pairs.T.astype(np.int64)
    length = shapely.length(m.to_metres(shapely.intersection(outlines[a], outlines[b]), crs))
    kept = length > 0
    return m.Adjacency(a[kept], b[kept], length[kept])
