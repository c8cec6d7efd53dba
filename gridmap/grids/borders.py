"""Which lines of the map are borders of blocks, and what is water: the rules as tables."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m

BORDER_STREETS: Final = frozenset({
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
    "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "pedestrian", "road", "busway",
    "track",
})  # fmt: skip
"""Values of ``highway`` that bound blocks (ours, after the division principle "streets, rivers, railways, walls as
borders"). Field tracks are in: between villages they are the only lines on the ground. Service lanes are out: they lie
inside compounds, which are not split (GB/T 30428.1), and serve to split blocks that are too heavy. Footways, paths,
steps and cycleways are out: they cross squares, parks and courtyards."""

LANES: Final = frozenset({"service", "footway", "path", "steps", "cycleway", "bridleway"})
"""Values of ``highway`` along which blocks that are too heavy are split, beside the streets that end inside them."""

BORDER_RAILWAYS: Final = frozenset({"rail", "light_rail", "narrow_gauge", "tram", "monorail", "funicular", "maglev"})
"""Values of ``railway`` that bound blocks. Undergrounds (``subway``) and what is disused or planned are out."""

BORDER_WATERWAYS: Final = frozenset({"river", "canal", "stream"})
"""Values of ``waterway`` that bound blocks as lines, outside of water polygons. Ditches and drains are out."""

POND_M2: Final = 2000.0
"""Water below this is a pond inside its block, and an island in a lake below this is part of the lake (ours)."""

UNDERPASS_M: Final = 60.0
"""Lines in a tunnel longer than this bound nothing; a shorter one is an underpass or a culvert under a road: without
it the street or stream would end there, and so bound nothing on either side (ours)."""

_NO_TUNNEL: Final = frozenset({"", "no", "false", "0", "f", "building_passage"})


def street_lines(streets: gpd.GeoDataFrame) -> m.Geometries:
    """Return the lines of streets that bound blocks; a layer without ``highway`` is taken whole."""
    if "area" in streets:  # the outline of a square is not a street
        streets = streets[(streets["area"] != "yes").to_numpy()]
    return _lines(streets, "highway", BORDER_STREETS)


def lane_lines(streets: gpd.GeoDataFrame) -> m.Geometries:
    """Return the lines that blocks may be split along: lanes, and streets, of which dead ends bound no block."""
    if "area" in streets:
        streets = streets[(streets["area"] != "yes").to_numpy()]
    return np.asarray(shapely.get_parts(_lines(streets, "highway", LANES | BORDER_STREETS)), dtype=object)


def rail_lines(rail: gpd.GeoDataFrame) -> m.Geometries:
    """Return the lines of railways that bound blocks; a layer without ``railway`` is taken whole."""
    return _lines(rail, "railway", BORDER_RAILWAYS)


def river_lines(water: gpd.GeoDataFrame, bodies: m.Geometries) -> m.Geometries:
    """Return the water lines that bound blocks, without what runs inside the water bodies."""
    lines = _lines(water, "waterway", BORDER_WATERWAYS)
    if len(lines) == 0 or len(bodies) == 0:
        return lines
    touched = np.unique(shapely.STRtree(lines).query(bodies, predicate="intersects")[1])
    if len(touched):
        lines = lines.copy()
        lines[touched] = shapely.difference(lines[touched], shapely.union_all(bodies))
    return np.asarray(lines[~shapely.is_empty(lines)], dtype=object)


def _lines(layer: gpd.GeoDataFrame, column: str, allowed: frozenset[str]) -> m.Geometries:
    """Return the lines of a layer whose tag is allowed and which run above ground."""
    chosen = np.isin(shapely.get_type_id(layer.geometry.values), (1, 2, 5))
    if column in layer:
        chosen &= layer[column].isin(allowed).to_numpy()
    if "tunnel" in layer and len(layer):
        hidden = layer["tunnel"].map(_is_tunnel).to_numpy(dtype=bool)
        length_m = shapely.length(m.to_metres(np.asarray(layer.geometry.values), metric_crs_of(layer)))
        chosen &= ~(hidden & (length_m > UNDERPASS_M))
    lines = np.asarray(layer.geometry.values, dtype=object)[chosen]
    return np.asarray(lines[~shapely.is_empty(lines)], dtype=object)


def _is_tunnel(value: Any) -> bool:
    return not (value is None or value is False or pd.isna(value) or str(value).strip().lower() in _NO_TUNNEL)


def water_bodies(water: gpd.GeoDataFrame, square_metre: float) -> m.Geometries:
    """Return the water polygons joined, without ponds, with small islands filled.

    Parameters
    ----------
    water
        In degrees; lines and points in it are passed over, invalid rings are mended.
    square_metre
        How many square degrees one square metre is here.
    """
    polygons = polygons_of(np.asarray(water.geometry.values, dtype=object))
    if len(polygons) == 0:
        return polygons
    bodies = shapely.get_parts(shapely.union_all(polygons))
    least = POND_M2 * square_metre
    return np.array([_fill(body, least) for body in bodies if body.area >= least], dtype=object)


def _fill(body: shapely.Polygon, least: float) -> shapely.Polygon:
    holes = [ring for ring in body.interiors if shapely.Polygon(ring).area >= least]
    return shapely.Polygon(body.exterior, holes)


def polygons_of(geometries: m.Geometries) -> m.Geometries:
    """Return the polygons among geometries, mended where they are invalid, one a part."""
    areal = geometries[np.isin(shapely.get_type_id(geometries), (3, 6, 7))]
    bad = ~shapely.is_valid(areal)
    areal[bad] = shapely.make_valid(areal[bad])
    parts = shapely.get_parts(shapely.get_parts(areal))
    return np.asarray(parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)], dtype=object)
