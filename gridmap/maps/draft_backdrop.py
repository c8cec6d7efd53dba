"""Streets and buildings below a draft, as values for a page: lines and rings of whole numbers, sent once."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.maps.codec import encode_ints, encode_points
from gridmap.maps.draft_mosaic import QUANTUM

_MAIN: Final = ("motorway", "trunk", "primary", "secondary")
_MIDDLE: Final = ("tertiary", "residential", "unclassified", "living_street", "road")
_SIMPLER_DEG: Final = 3e-6


def street_data(streets: gpd.GeoDataFrame | None) -> dict[str, Any] | None:
    """Return lines with their class: 0 main streets, 1 streets, 2 lanes and paths.

    Parameters
    ----------
    streets
        Lines in longitude and latitude; class by the column ``highway`` where there is one.

    Examples
    --------
    >>> line = shapely.LineString([(0, 0), (0.001, 0)])
    >>> street_data(gpd.GeoDataFrame({"highway": ["footway"]}, geometry=[line]))["classes"]
    'E'
    """
    if streets is None:
        return None
    lines, owner = shapely.get_parts(_simple(streets), return_index=True)
    is_line = shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING
    kind = _classes(streets)[owner[is_line]]
    return {**_encoded(lines[is_line]), "classes": encode_ints(kind)}


def building_data(buildings: gpd.GeoDataFrame | None) -> dict[str, Any] | None:
    """Return the outer rings of buildings."""
    if buildings is None:
        return None
    parts = shapely.get_parts(_simple(buildings))
    rings = shapely.get_exterior_ring(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return _encoded(rings)


def _simple(layer: gpd.GeoDataFrame) -> NDArray[Any]:
    shapes = layer.geometry.to_numpy()
    return np.asarray(shapely.simplify(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))], _SIMPLER_DEG))


def _classes(streets: gpd.GeoDataFrame) -> NDArray[np.int64]:
    shapes = streets.geometry.to_numpy()
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if "highway" not in streets:
        return np.ones(int(there.sum()), dtype=np.int64)
    kind = streets["highway"].astype(str).str.removesuffix("_link")[there]
    return np.where(kind.isin(_MAIN), 0, np.where(kind.isin(_MIDDLE), 1, 2)).astype(np.int64)


def _encoded(lines: NDArray[Any]) -> dict[str, Any]:
    points = np.rint(shapely.get_coordinates(lines) / QUANTUM).astype(np.int64)
    return {"sizes": encode_ints(shapely.get_num_coordinates(lines)), "points": encode_points(points)}
