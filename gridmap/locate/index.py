"""One level of grids, ready to be asked which of them holds a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.grids.nesting import valid_polygons

Ints: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class LevelIndex:
    """The grids of one level in ascending order of code, so that of two the lower position is the lower code.

    Parameters
    ----------
    name, tiles
        As in the plan.
    codes
        Code of each grid.
    parent
        Position of each grid's parent in the level above, -1 where there is none.
    tree, flat_tree
        The polygons in degrees, and in metres.
    """

    name: str
    tiles: bool
    codes: NDArray[np.object_]
    parent: Ints
    tree: shapely.STRtree
    flat_tree: shapely.STRtree

    @classmethod
    def of(
        cls, layer: gpd.GeoDataFrame, name: str, tiles: bool, metric: pyproj.CRS, above: LevelIndex | None
    ) -> LevelIndex:
        """Index a layer of a plan."""
        shapes = valid_polygons(np.asarray(layer.geometry.values, dtype=object))
        flat = gpd.GeoSeries(shapes, crs=layer.crs).to_crs(metric).to_numpy()
        parent = np.full(len(layer), NOWHERE, dtype=np.int64)
        if above is not None:
            first = pd.Series(np.arange(len(above.codes)), index=above.codes)
            first = first[~first.index.duplicated()]
            parent = first.reindex(layer["parent"]).fillna(NOWHERE).to_numpy(dtype=np.int64)
        shapely.prepare(shapes)
        return cls(
            name, tiles, layer.index.to_numpy(dtype=object), parent, shapely.STRtree(shapes), shapely.STRtree(flat)
        )

    def holding(self, points: Geometries, parent: Ints | None = None) -> Ints:
        """Return for each point (degrees) the first grid that covers it (its border included), -1 where none does.

        With ``parent``, only grids whose parent is at that position count.
        """
        point, grid = self.tree.query(points, predicate="intersects")
        if parent is not None:
            kept = self.parent[grid] == parent[point]
            point, grid = point[kept], grid[kept]
        found = np.full(len(points), len(self.codes), dtype=np.int64)
        np.minimum.at(found, point, grid)
        return np.where(found == len(self.codes), NOWHERE, found)

    def touched(self, flat_points: Geometries, accuracy_m: NDArray[np.float64]) -> tuple[Ints, Ints]:
        """Return the pairs (point, grid) where a grid is within the accuracy of a point (metres)."""
        point, grid = self.flat_tree.query(flat_points, predicate="dwithin", distance=accuracy_m)
        order = np.lexsort((grid, point))
        return point[order], grid[order]

    def distance_m(self, flat_point: shapely.Geometry, grids: Ints) -> NDArray[np.float64]:
        """Return how far a point is from grids, 0 where it is in one."""
        return np.asarray(shapely.distance(self.flat_tree.geometries[grids], flat_point))

    def border_distance_m(self, flat_points: Geometries, grids: Ints) -> NDArray[np.float64]:
        """Return how far each point is from the border of the grid at the same place."""
        return np.asarray(shapely.distance(shapely.boundary(self.flat_tree.geometries[grids]), flat_points))
