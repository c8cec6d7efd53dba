"""The layers blocks are made from, brought into one coordinate system and refused where they cannot be used."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.errors import LayerError
from gridmap.geo.crs import GRID_DEG, round_vertices, to_storage
from gridmap.geo.io import as_layer
from gridmap.grids import mosaic as m
from gridmap.grids.borders import polygons_of
from gridmap.grids.slivers import SLIVER_AREA_M2, SLIVER_WIDTH_M

Layer: TypeAlias = gpd.GeoDataFrame | str | Path


_ROLES: Final = ("boundary", "streets", "water", "rail", "buildings")


def load(layer: Layer, name: str, crs: pyproj.CRS | None = None) -> gpd.GeoDataFrame:
    """Read a layer in storage CRS (or ``crs``), vertices rounded; empty geometries are left out with a warning.

    ``name`` is what messages call the layer, and what is taken from it where it is an OpenStreetMap extract.

    Raises
    ------
    LayerError
        When nothing is left.
    CrsError
        When the layer has no CRS or its coordinates do not fit it.
    """
    read = as_layer(layer, role=name if name in _ROLES else None)
    full = ~(read.geometry.isna() | read.geometry.is_empty)
    read = read[full.to_numpy()]
    if len(read) == 0:
        raise LayerError(f"the {name} layer holds no geometry; give a layer with at least one feature, or leave it out")
    lost = np.flatnonzero(~full.to_numpy())
    if len(lost):
        rows = ", ".join(str(each) for each in full.index[lost[:5]]) + (" …" if len(lost) > 5 else "")
        warnings.warn(
            f"the {name} layer: {len(lost)} features have no geometry and are left out, whatever they hold: row {rows}",
            stacklevel=3,
        )
    if crs is None:
        return to_storage(read)
    moved = read.to_crs(crs)
    return moved.set_geometry(round_vertices(moved.geometry.values), crs=crs)


def load_county(boundary: Layer, crs: pyproj.CRS | None = None) -> tuple[shapely.Geometry, pyproj.CRS]:
    """Return the territory as one polygon or multipolygon in degrees, with its storage CRS.

    Rows are joined; holes that are slivers (domain.md) are filled. Closed lines are taken for the rings they are.

    Raises
    ------
    LayerError
        When a polygon crosses itself or a line is not closed; the row and the place are named.
    """
    layer = load(boundary, "boundary", crs)
    kinds = shapely.get_type_id(layer.geometry.values)
    strange = ~np.isin(kinds, (1, 2, 3, 5, 6, 7))
    if strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise LayerError(
            f"boundary, row {layer.index[row]}: a {layer.geometry.iloc[row].geom_type}, which encloses nothing; give "
            "polygons, or lines that come back to where they start"
        )
    lines = np.isin(kinds, (1, 2, 5))
    _refuse_invalid(layer[~lines])
    polygons = polygons_of(np.asarray(layer.geometry.values, dtype=object)[~lines])
    if lines.any():
        polygons = np.concatenate([polygons, _close(layer[lines])])
    if len(polygons) == 0:
        raise LayerError("the boundary has no area; give polygons, or lines that come back to where they start")
    union = shapely.union_all(polygons, grid_size=GRID_DEG) if len(polygons) > 1 else polygons[0]
    parts = [_fill_slivers(part, layer.crs) for part in shapely.get_parts(union)]
    return (parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)), layer.crs


def _close(layer: gpd.GeoDataFrame) -> m.Geometries:
    shapes = np.asarray(layer.geometry.values, dtype=object)
    polygons = m.polygonize(shapes)
    noded = shapely.unary_union(shapes, grid_size=GRID_DEG)
    left = shapely.difference(noded, shapely.union_all(shapely.boundary(polygons)), grid_size=GRID_DEG)
    if shapely.is_empty(left):
        return polygons
    merged = shapely.line_merge(left) if left.geom_type.startswith("Multi") else left
    line = shapely.get_parts(merged)[0]
    first, last = line.coords[0], line.coords[-1]
    raise LayerError(
        f"the boundary is not closed: its line starts at ({first[0]:.6f}, {first[1]:.6f}) and ends at "
        f"({last[0]:.6f}, {last[1]:.6f}); give polygons, or lines that come back to where they start"
    )


def _refuse_invalid(layer: gpd.GeoDataFrame) -> None:
    bad = ~shapely.is_valid(layer.geometry.values)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        why = shapely.is_valid_reason(layer.geometry.values[row])
        raise LayerError(
            f"boundary, row {layer.index[row]}: not a valid polygon ({why}); mend it, for example with "
            "layer.geometry.make_valid(), and look at the result"
        )


def _fill_slivers(polygon: shapely.Polygon, crs: pyproj.CRS) -> shapely.Polygon:
    if not polygon.interiors:
        return polygon
    rings = np.array([shapely.Polygon(ring) for ring in polygon.interiors], dtype=object)
    metric = gpd.GeoSeries(rings, crs=crs).to_crs(gpd.GeoSeries([polygon], crs=crs).estimate_utm_crs())
    area, perimeter = metric.area.to_numpy(), metric.length.to_numpy()
    real = (area >= SLIVER_AREA_M2) & (2 * area >= SLIVER_WIDTH_M * perimeter)
    return shapely.Polygon(polygon.exterior, [ring.exterior for ring in rings[real]])


def load_buildings(buildings: Layer, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return the buildings that have an area, mended where invalid, in storage CRS.

    Raises
    ------
    LayerError
        When none has one.
    """
    layer = load(buildings, "buildings", crs)
    geometry = np.asarray(layer.geometry.values, dtype=object).copy()
    if not np.isin(shapely.get_type_id(geometry), (3, 6, 7)).any():
        raise LayerError(
            f"the buildings are {layer.geom_type.iloc[0]}s, not footprints; give polygons, or leave the layer out and "
            "give weights"
        )
    bad = ~shapely.is_valid(geometry)
    for i in np.flatnonzero(bad):
        geometry[i] = shapely.multipolygons(list(polygons_of(geometry[i : i + 1])))
    layer = layer.set_geometry(geometry, crs=crs)
    return layer[shapely.area(geometry) > 0]
