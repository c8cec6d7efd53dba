"""Cutting one block into a few pieces, without touching the rest of the county."""

from __future__ import annotations

import numpy as np
import pyproj
import shapely

from gridmap.errors import EditRefused
from gridmap.geo.crs import round_vertices
from gridmap.grids import mosaic as m
from gridmap.grids.cut_line import LocalCut, cut_locally
from gridmap.grids.splitting_halving import Load, halving_lines, lattice


def cut_block(
    mosaic: m.Geometries,
    row: int,
    pieces: int,
    *,
    crs: pyproj.CRS,
    footprints: shapely.STRtree | None = None,
    households: m.Floats | None = None,
) -> LocalCut:
    """Cut a block into about so many pieces of equal households, between its buildings and round them.

    Fewer pieces come out where it is too narrow or its buildings leave no way through.

    Parameters
    ----------
    mosaic
        All blocks, in degrees, sharing the vertices of their borders.
    row
        Position of the block.
    pieces
        How many are wanted.
    crs
        The metric CRS to measure in.
    footprints
        A tree of the buildings, in degrees.
    households
        Of each building; without them the pieces are made equal in area.

    Examples
    --------
    >>> from gridmap.geo.crs import metric_crs
    >>> blocks = np.array([shapely.box(9.50, 47.1, 9.51, 47.11), shapely.box(9.51, 47.1, 9.52, 47.11)])
    >>> cut = cut_block(blocks, 0, 4, crs=metric_crs(9.5, 47.1))
    >>> cut.rows.tolist(), cut.source.tolist()
    ([0, 1], [0, 0, 0, 0, 1])
    """
    flat = m.to_metres(mosaic[[row]], crs)[0]
    lines = halving_lines(flat, _load(mosaic[row], flat, pieces, footprints, households, crs), pieces)
    near = np.array([row])
    drawn = shapely.MultiLineString(lines)
    line = round_vertices(m.to_degrees(np.array([drawn], dtype=object), crs))[0]  # type: ignore[index]
    try:
        return cut_locally(mosaic, line, near, crs=crs, footprints=footprints)
    except EditRefused as refused:
        led = refused.allowed[0] if refused.allowed else shapely.MultiLineString()
        return cut_locally(mosaic, led, near, crs=crs, footprints=footprints)


def _load(
    block: shapely.Geometry,
    flat: shapely.Geometry,
    pieces: int,
    footprints: shapely.STRtree | None,
    households: m.Floats | None,
    crs: pyproj.CRS,
) -> Load:
    homes, weight = np.empty(0, dtype=object), np.empty(0)
    if footprints is not None:
        rows = np.sort(footprints.query(block, predicate="intersects"))
        shapes = np.asarray(footprints.geometries[rows], dtype=object)
        own = shapely.intersects(block, shapely.point_on_surface(shapes))
        homes = m.to_metres(shapes[own], crs)
        weight = np.empty(0) if households is None else np.asarray(households[rows[own]], dtype=np.float64)
    if weight.sum() > 0:
        return Load(shapely.get_coordinates(shapely.centroid(homes)), weight, homes)
    xy = lattice(flat, pieces)
    return Load(xy, np.ones(len(xy)), homes)
