"""Blocks, the atoms of grids: faces of boundary, streets, water and railways that carry households."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.errors import LayerError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.borders import rail_lines, river_lines, street_lines, water_bodies
from gridmap.grids.carve import built_on, go_round
from gridmap.grids.layers import Layer, load, load_buildings, load_county
from gridmap.grids.slivers import absorb, measure
from gridmap.grids.weights import BlockSources, Weights, carry, weigh_buildings, weigh_polygons

__all__ = ["BLOCK_COLUMNS", "BlockSources", "Weights", "blocks_frame", "make_blocks", "north_to_south"]

BLOCK_COLUMNS: Final = ("block", "households", "residents", "water", "geometry")


def make_blocks(
    boundary: Layer,
    streets: Layer,
    *,
    water: Layer | None = None,
    rail: Layer | None = None,
    buildings: Layer | None = None,
    weights: Weights | None = None,
) -> gpd.GeoDataFrame:
    """Make the faces that streets, water and railways cut out of a territory, with the households on each.

    The blocks tile the boundary, share the vertices of their borders, are connected, and no border runs through a
    building. Which lines are borders is the table of :mod:`gridmap.grids.borders`; slivers, medians and traffic
    islands are joined to a neighbour (:mod:`gridmap.grids.slivers`).

    Parameters
    ----------
    boundary
        Polygons (or closed lines) of the territory; several rows or parts are joined.
    streets
        Centre lines, with ``highway`` where the layer says so.
    water
        Polygons become water faces, lines with ``waterway`` become borders.
    rail
        Lines with ``railway``.
    buildings
        Footprints; see :func:`gridmap.grids.weights.weigh_buildings` for how households come from them.
    weights
        Polygons with a number to share out by area; households come from it where it is given.

    Each layer is a GeoDataFrame or a path of anything :func:`gridmap.geo.io.read_layer` reads, in any CRS.

    Returns
    -------
    GeoDataFrame
        ``block`` (0, 1, 2 … from north to south), ``households``, ``residents`` (float), ``water`` (bool),
        ``geometry`` (EPSG:4490, or EPSG:4326 outside China). ``attrs["sources"]`` is the :class:`BlockSources`.
        Without buildings and weights, households are 0.

    Raises
    ------
    LayerError
        When the boundary is invalid or not closed, a layer is empty, or no street lies within the boundary.
    CrsError
        When a layer has no CRS, or coordinates that do not fit it.

    Examples
    --------
    >>> from shapely import LineString, box
    >>> boundary = gpd.GeoDataFrame(geometry=[box(120.30, 31.50, 120.31, 31.51)], crs=4490)
    >>> street = gpd.GeoDataFrame({"highway": ["primary"]}, crs=4490,
    ...     geometry=[LineString([(120.299, 31.504), (120.311, 31.504)])])
    >>> make_blocks(boundary, street)[["block", "households", "water"]]
       block  households  water
    0      0         0.0  False
    1      1         0.0  False
    """
    county, crs = load_county(boundary)
    metric = metric_crs_of(gpd.GeoSeries([county], crs=crs))
    roads = load(streets, "streets", crs)
    _refuse_elsewhere(roads, county)
    houses = None if buildings is None else _near(weigh_buildings(load_buildings(buildings, crs)), county)
    cells = None if weights is None else _near(_load_weights(weights, crs), county)
    lines, bodies = _line_work(
        county,
        roads,
        None if water is None else load(water, "water", crs),
        None if rail is None else load(rail, "rail", crs),
        metric,
    )
    footprints = np.empty(0, dtype=object) if houses is None else np.asarray(houses.geometry.values, dtype=object)
    mosaic, wet = _tile(county, lines, bodies, footprints, metric)
    order = north_to_south(mosaic)
    return blocks_frame(mosaic[order], wet[order], BlockSources(houses, cells, roads), crs)


def blocks_frame(
    mosaic: m.Geometries,
    water: m.Flags,
    sources: BlockSources,
    crs: pyproj.CRS,
    unit: m.Ints | None = None,
) -> gpd.GeoDataFrame:
    """Return a mosaic as blocks, numbered in the order given, with the households that its sources put on each.

    ``unit`` numbers the given unit of each polygon: what stands on water counts on land of its own unit.
    """
    units = np.zeros(len(mosaic), dtype=np.int64) if unit is None else unit
    metric = metric_crs_of(gpd.GeoSeries(mosaic, crs=crs))
    households, residents = carry(mosaic, water, units, sources, metric)
    columns = {"block": np.arange(len(mosaic)), "households": households, "residents": residents, "water": water}
    blocks = gpd.GeoDataFrame(columns, geometry=mosaic, crs=crs)
    blocks.attrs["sources"] = sources
    return blocks


def _load_weights(weights: Weights, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    return weigh_polygons(load(weights.layer, "weights", crs), weights.column, weights.divisor)


def _near(layer: gpd.GeoDataFrame, county: shapely.Geometry) -> gpd.GeoDataFrame:
    """Return the features that touch the territory."""
    shapely.prepare(county)
    return layer[shapely.intersects(county, np.asarray(layer.geometry.values))]


def _refuse_elsewhere(roads: gpd.GeoDataFrame, county: shapely.Geometry) -> None:
    shapely.prepare(county)
    if shapely.intersects(county, np.asarray(roads.geometry.values)).any():
        return
    there, here = (", ".join(f"{value:.4f}" for value in box) for box in (roads.total_bounds, county.bounds))
    raise LayerError(
        f"none of the {len(roads)} streets lies in the boundary: streets reach over ({there}), the boundary over "
        f"({here}) in degrees; check that both are of the same place and that each has the right CRS"
    )


def _line_work(
    county: shapely.Geometry,
    roads: gpd.GeoDataFrame,
    waters: gpd.GeoDataFrame | None,
    rails: gpd.GeoDataFrame | None,
    metric: pyproj.CRS,
) -> tuple[m.Geometries, m.Geometries]:
    """Return all lines that bound blocks, the boundary among them, and the water bodies."""
    lines = [np.array([shapely.boundary(county)], dtype=object), street_lines(roads)]
    bodies = np.empty(0, dtype=object)
    if waters is not None:
        square_metre = county.area / m.to_metres(np.array([county]), metric)[0].area
        bodies = water_bodies(_near(waters, county), square_metre)
        lines += [shapely.boundary(bodies), river_lines(_near(waters, county), bodies)]
    if rails is not None:
        lines.append(rail_lines(rails))
    every = np.concatenate(lines)
    return every[shapely.intersects(county, every)], bodies


def _tile(
    county: shapely.Geometry, lines: m.Geometries, bodies: m.Geometries, footprints: m.Geometries, metric: pyproj.CRS
) -> tuple[m.Geometries, m.Flags]:
    """Return the faces of the line work, trifles joined to neighbours, borders led round buildings."""
    faces = m.polygonize(lines)
    points = shapely.point_on_surface(faces)
    inside = shapely.intersects(county, points)
    faces, points = faces[inside], points[inside]
    wet = m.owner_of(points, bodies) >= 0
    none = np.zeros(len(faces), dtype=np.int64)
    known = measure(faces, metric, wet, built_on(faces, footprints), none)
    labels, wet = absorb(known, m.adjacency(faces, metric))
    mosaic = m.join(faces, labels)
    if len(footprints):
        carved = go_round(mosaic, wet, np.zeros(len(mosaic), dtype=np.int64), footprints, metric)
        mosaic, wet = carved.mosaic, carved.water
    return mosaic, wet


def north_to_south(mosaic: m.Geometries) -> m.Ints:
    """Return the order of blocks by representative point: the northernmost first, then the westernmost."""
    points = shapely.get_coordinates(shapely.point_on_surface(mosaic))
    return np.lexsort((points[:, 0], -points[:, 1]))
