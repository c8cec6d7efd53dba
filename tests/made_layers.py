"""Small made layers, written in metres east and north of one corner and kept in degrees."""

from __future__ import annotations

import geopandas as gpd
from shapely import LineString, Polygon, box

LON, LAT = 120.30, 31.50
EAST, NORTH = 1 / 95000, 1 / 110900  # degrees a metre there, nearly


def at(x: float, y: float) -> tuple[float, float]:
    return LON + x * EAST, LAT + y * NORTH


def line(*points: tuple[float, float]) -> LineString:
    return LineString([at(*point) for point in points])


def rect(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return box(*at(x0, y0), *at(x1, y1))


def layer(geometry, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=4490)
