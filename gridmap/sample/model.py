"""The sample county as a value, and the step from metres round its centre to stored degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridmap.geo.crs import STORAGE_CRS, metric_crs, round_vertices
from gridmap.sample.terrain import Geometries

LAYERS: Final = (
    "boundary", "towns", "communities", "streets", "water", "rail", "buildings", "estates", "addresses", "stations",
    "facilities",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class County:
    """A synthetic county (or one town of it), complete. All layers are in EPSG:4490, vertices rounded to 1e-8 degrees.

    Parameters
    ----------
    name, code
        What it is called, and its six digits (no real county has them).
    boundary
        ``name``; one polygon.
    towns, communities
        ``code, name, kind`` (``street``, ``town``; ``urban``, ``village``), communities with ``parent``; both tile
        the boundary.
    streets
        ``osm_id, highway, name, bridge, tunnel, layer, width_m``.
    water
        ``name, natural, waterway``; rivers and ponds are polygons.
    rail
        ``railway, name, bridge, tunnel, layer``.
    buildings
        ``osm_id, building`` (OpenStreetMap's value), ``floors, households, residents, estate, address``.
    estates
        ``estate, name, community, households``.
    addresses
        ``address, town, community, street, number, estate, lon, lat``; one a building.
    stations
        ``station, name, kind`` (``county``, ``town``, ``community``, ``estate``), ``capacity, community``.
    facilities
        ``name, kind``.
    departments
        Twenty layers by department: ``department, code, name``. Their polygons agree with nobody else's.
    organisations
        ``organisation, name, kind, grid``.
    """

    name: str
    code: str
    boundary: gpd.GeoDataFrame
    towns: gpd.GeoDataFrame
    communities: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    rail: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    estates: gpd.GeoDataFrame
    addresses: gpd.GeoDataFrame
    stations: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    departments: dict[str, gpd.GeoDataFrame]
    organisations: pd.DataFrame


class Frame:
    """Brings geometry in metres round a centre into stored degrees.

    Parameters
    ----------
    lon, lat
        The centre.
    """

    def __init__(self, lon: float, lat: float) -> None:
        metric = metric_crs(lon, lat)
        self._down = pyproj.Transformer.from_crs(metric, STORAGE_CRS, always_xy=True)
        up = pyproj.Transformer.from_crs(STORAGE_CRS, metric, always_xy=True)
        self._origin = np.array(up.transform(lon, lat))

    def degrees(self, shapes: Geometries) -> Any:
        """Return shapes in degrees, each vertex rounded once, so that what was shared stays shared."""

        def move(xy: Any) -> Any:
            return np.column_stack(self._down.transform(*(xy + self._origin).T))

        return round_vertices(shapely.transform(shapes, move))

    def layer(self, columns: dict[str, Any], shapes: Geometries) -> gpd.GeoDataFrame:
        """Return a layer of shapes in metres with columns."""
        return gpd.GeoDataFrame(columns, geometry=self.degrees(np.asarray(shapes, dtype=object)), crs=STORAGE_CRS)
