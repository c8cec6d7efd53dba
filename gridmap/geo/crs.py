"""Coordinate systems: what geometry is kept in, and what is measured in.

Geometry is kept in CGCS2000 longitude and latitude (EPSG:4490; EPSG:4326 outside China), every vertex rounded
once to 1e-8 degrees (about 1 mm), so that shared borders stay shared. Lengths and areas are measured in metres.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import CrsError

STORAGE_CRS: Final = "EPSG:4490"
WGS84: Final = "EPSG:4326"
DECIMALS: Final = 8
GRID_DEG: Final = 1e-8
"""The grid on which stored vertices lie, in degrees; pass it as ``grid_size`` to overlays."""

_CHINA_LON: Final = (73.0, 136.0)
_CHINA_LAT: Final = (3.0, 54.0)


def in_china(lon: float, lat: float) -> bool:
    """Whether a point lies in the box that holds China (longitude and latitude in degrees).

    Examples
    --------
    >>> in_china(120.4, 31.5), in_china(9.5, 47.1)
    (True, False)
    """
    return _CHINA_LON[0] <= lon <= _CHINA_LON[1] and _CHINA_LAT[0] <= lat <= _CHINA_LAT[1]


def storage_crs(lon: float, lat: float) -> pyproj.CRS:
    """Return the CRS geometry near a point is kept in: EPSG:4490 in China, EPSG:4326 elsewhere."""
    return _crs(STORAGE_CRS if in_china(lon, lat) else WGS84)


@lru_cache(maxsize=64)
def _crs(name: str) -> pyproj.CRS:
    return pyproj.CRS.from_user_input(name)


@lru_cache(maxsize=64)
def transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    """Return what moves coordinates (x before y) between two systems; to make one takes up to a tenth of a second."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def metric_crs(lon: float, lat: float | None = None) -> pyproj.CRS:
    """Return the CRS in metres in which things near a longitude are measured.

    Parameters
    ----------
    lon, lat
        Degrees. Without ``lat`` a longitude in China's range is taken to be in China.

    Returns
    -------
    pyproj.CRS
        CGCS2000 3-degree Gauss-Krüger without zone prefix (EPSG:4534 to 4554) in China, WGS 84 UTM elsewhere.

    Raises
    ------
    CrsError
        When the longitude or the latitude is not one.

    Examples
    --------
    >>> metric_crs(120.4).to_epsg(), metric_crs(9.5, 47.1).to_epsg()
    (4549, 32632)
    """
    north = 35.0 if lat is None else lat
    if not (np.isfinite(lon) and -180 <= lon <= 180 and -90 <= north <= 90):
        raise CrsError(f"({lon}, {lat}) is not a longitude and latitude in degrees; allowed: -180..180, -90..90")
    if in_china(lon, north):
        zone = min(max(round(lon / 3), 25), 45)
        return _crs(f"EPSG:{4534 + zone - 25}")
    utm = min(int((lon + 180) // 6) + 1, 60)
    return _crs(f"EPSG:{(32600 if north >= 0 else 32700) + utm}")


def metric_crs_of(layer: gpd.GeoDataFrame | gpd.GeoSeries) -> pyproj.CRS:
    """Return :func:`metric_crs` for the middle of a layer of any CRS."""
    lon, lat = _middle(layer)
    return metric_crs(lon, lat)


def to_storage(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the layer as it is kept: longitude and latitude, each vertex rounded to 1e-8 degrees.

    Rounding is per vertex, never per polygon: two borders that share vertices still share them afterwards.
    """
    moved = layer.to_crs(storage_crs(*_middle(layer)))
    return moved.set_geometry(round_vertices(moved.geometry.values), crs=moved.crs)


def round_vertices(geometry: object) -> object:
    """Round every vertex of an array of geometries (degrees) to the storage grid."""
    return shapely.transform(geometry, lambda xy: np.round(xy, DECIMALS))


def point_xy(points: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of an array of points, NaN where one is missing, empty or no point.

    Examples
    --------
    >>> [axis.tolist() for axis in point_xy([shapely.Point(1, 2), None, shapely.Point()])]
    [[1.0, nan, nan], [2.0, nan, nan]]
    """
    array = np.asarray(points, dtype=object)
    known = (shapely.get_type_id(array) == 0) & ~shapely.is_empty(array)
    xy = np.full((len(array), 2), np.nan)
    xy[known] = shapely.get_coordinates(array[known])
    return xy[:, 0], xy[:, 1]


def _middle(layer: gpd.GeoDataFrame | gpd.GeoSeries) -> tuple[float, float]:
    if layer.crs is None:
        raise CrsError("the layer has no CRS; state it, for example layer.set_crs('EPSG:4490')")
    west, south, east, north = layer.total_bounds
    if not np.isfinite([west, south, east, north]).all():
        raise CrsError("the layer holds no coordinates: it is empty or its geometries are")
    to_degrees = transformer(layer.crs, _crs(WGS84))
    lon, lat = to_degrees.transform((west + east) / 2, (south + north) / 2)
    return float(lon), float(lat)
