"""Polygons that tile a territory, as one planar graph: polygonised, cut and joined, always sharing vertices.

Everything here works on arrays of polygons in degrees whose vertices lie on the storage grid
(:data:`gridmap.geo.crs.GRID_DEG`). A *mosaic* is such an array in which neighbours share every vertex of their
common border (``shapely.coverage_is_valid``). Cutting goes through the line work of all polygons at once, and joining
drops shared edges: neither can open a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.geo.crs import GRID_DEG

Geometries = NDArray[np.object_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_UNITS_PER_DEGREE = round(1 / GRID_DEG)


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Pairs of polygons of a mosaic that share a border of positive length.

    Parameters
    ----------
    a, b
        Positions, ``a < b``, each pair once, sorted.
    length_m
        Length of the common border.
    """

    a: Ints
    b: Ints
    length_m: Floats


def to_metres(geometries: Geometries, crs: pyproj.CRS) -> Geometries:
    """Return geometries in longitude and latitude as geometries of a metric CRS."""
    transformer = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return np.asarray(
        shapely.transform(geometries, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))
    )


def polygonize(lines: Geometries) -> Geometries:
    """Return the faces that lines enclose, as a mosaic; dangling ends vanish.

    Lines are noded where they cross and rounded to the storage grid in the same step (snap rounding).
    """
    noded = shapely.unary_union(lines, grid_size=GRID_DEG)
    return np.asarray(shapely.get_parts(shapely.polygonize([noded])), dtype=object)


def owner_of(points: Geometries, polygons: Geometries) -> Ints:
    """Return for each point the lowest position of a polygon that holds it, -1 where none does."""
    owner = np.full(len(points), -1, dtype=np.int64)
    point, polygon = shapely.STRtree(polygons).query(points, predicate="intersects")
    order = np.lexsort((-polygon, point))
    owner[point[order]] = polygon[order]  # of several, the last written is the lowest
    return owner


def cut(mosaic: Geometries, lines: Geometries) -> tuple[Geometries, Ints]:
    """Cut a mosaic along lines.

    Returns
    -------
    (pieces, source)
        The pieces as a mosaic, and the position of the polygon each was part of.
    """
    pieces = polygonize(np.concatenate([shapely.boundary(mosaic), lines]))
    source = owner_of(shapely.point_on_surface(pieces), mosaic)
    inside = source >= 0
    return pieces[inside], source[inside]


def join(mosaic: Geometries, labels: Ints) -> Geometries:
    """Join polygons of equal label, exactly; ``labels`` are 0, 1, 2 … and each occurs."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max(initial=-1) + 2))
    joined = np.empty(len(starts) - 1, dtype=object)
    for label, (start, stop) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        members = mosaic[order[start:stop]]
        joined[label] = members[0] if len(members) == 1 else _one(shapely.coverage_union_all(members))
    return joined


def _one(geometry: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(geometry)
    return parts[0] if len(parts) == 1 else geometry


def adjacency(mosaic: Geometries, crs: pyproj.CRS) -> Adjacency:
    """Return which polygons of a mosaic share a border, by matching their edges end to end.

    Parameters
    ----------
    mosaic
        Polygons or MultiPolygons in degrees.
    crs
        The metric CRS to measure borders in.
    """
    start, end, length_m, owner = _edges(mosaic, crs)
    nodes = np.int64(max(start.max(initial=0), end.max(initial=0)) + 1)
    key = np.minimum(start, end) * nodes + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    twin = np.flatnonzero(key[order][1:] == key[order][:-1])
    one, other = owner[order[twin]], owner[order[twin + 1]]
    proper = one != other
    a, b = np.minimum(one, other)[proper], np.maximum(one, other)[proper]
    pairs, where = np.unique(a * np.int64(len(mosaic)) + b, return_inverse=True)
    total = np.bincount(where, weights=length_m[order[twin]][proper], minlength=len(pairs))
    return Adjacency(pairs // max(len(mosaic), 1), pairs % max(len(mosaic), 1), total)


def _edges(mosaic: Geometries, crs: pyproj.CRS) -> tuple[Ints, Ints, Floats, Ints]:
    """Return start node, end node, length in metres and polygon of every edge of every ring."""
    parts, part_owner = shapely.get_parts(mosaic, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    units = np.rint(xy * _UNITS_PER_DEGREE)
    _, node = np.unique(units[:, 0] + 1j * units[:, 1], return_inverse=True)
    metres = np.column_stack(
        pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).transform(xy[:, 0], xy[:, 1])
    )
    step = np.flatnonzero(ring[1:] == ring[:-1])
    length_m = np.hypot(*(metres[step + 1] - metres[step]).T)
    owner = part_owner[ring_part[ring[step]]].astype(np.int64)
    return node[step].astype(np.int64), node[step + 1].astype(np.int64), length_m, owner


def components(size: int, neighbours: Adjacency, labels: Ints) -> Ints:
    """Number the connected parts of each label: 0, 1, 2 …, in order of their first polygon."""
    same = labels[neighbours.a] == labels[neighbours.b]
    ones = np.ones(int(same.sum()), dtype=np.int8)
    graph = coo_array((ones, (neighbours.a[same], neighbours.b[same])), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    return compact(part.astype(np.int64))


def compact(labels: Ints) -> Ints:
    """Renumber labels 0, 1, 2 … in order of first appearance."""
    _, first, where = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[where]
