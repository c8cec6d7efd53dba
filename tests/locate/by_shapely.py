"""Which grid a point is in, and whether the county holds it, asked of shapely alone; and the points worth asking."""

from __future__ import annotations

import numpy as np
import shapely

import gridmap


def judged(plan: gridmap.Plan, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By shapely: position (finest tiling level, -1 for none), whether inside the filled county, whether on its rim.

    A union of polygons that overlap moves vertices by a rounding, so what lies on the rim to a millionth of a
    millimetre may be told either way.
    """
    shapes = shapely.make_valid(np.asarray(plan.layers[plan.finest_tiling].geometry.values, dtype=object))
    spots = shapely.points(points)
    point, grid = shapely.STRtree(shapes).query(spots, predicate="intersects")
    first = np.full(len(points), len(shapes))
    np.minimum.at(first, point, grid)
    tiling = [spec.name for spec in plan.levels if spec.tiles]
    land = shapely.union_all([shapely.union_all(plan.layers[name].geometry.make_valid().values) for name in tiling])
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(land)])
    shapely.prepare(filled)
    lost = np.flatnonzero(first == len(shapes))
    inside, rim = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    inside[lost] = shapely.intersects(filled, spots[lost])
    parts = shapely.get_parts(shapely.boundary(filled))
    rim[lost[shapely.STRtree(parts).query(spots[lost], predicate="dwithin", distance=1e-13)[0]]] = True
    return np.where(first == len(shapes), -1, first), inside, rim


def telling_points(plan: gridmap.Plan, seed: int, size: int) -> np.ndarray:
    """Every vertex and the middle of every edge of every level, and points anywhere."""
    rng = np.random.default_rng(seed)
    layers = [np.asarray(layer.geometry.values, dtype=object) for layer in plan.layers.values()]
    drawn = shapely.get_rings(shapely.get_parts(np.concatenate(layers)))
    xy, ring = shapely.get_coordinates(drawn, return_index=True)
    same = ring[:-1] == ring[1:]
    middles = (xy[:-1][same] + xy[1:][same]) / 2
    low, high = np.reshape(plan.layers[plan.finest_tiling].total_bounds, (2, 2))
    margin = 0.02 * (high - low)
    free = rng.uniform(low - margin, high + margin, (size, 2))
    return np.vstack([xy, middles, free])
