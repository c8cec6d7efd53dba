"""Polygons that tile a territory, as one planar graph: polygonised, cut and joined, always sharing vertices.

Everything here works on arrays of polygons in degrees whose vertices lie on the storage grid
(:data:`gridmap.geo.crs.GRID_DEG`). A *mosaic* is such an array in which neighbours share every vertex of their
common border (``shapely.coverage_is_valid``). Cutting goes through the line work of all polygons at once, and joining
drops shared edges: neither can open a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

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
_REACH_DEG = 10 * GRID_DEG


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


@lru_cache(maxsize=32)
def _transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    # making one costs more than moving a county's borders with it
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def to_metres(geometries: Geometries, crs: pyproj.CRS) -> Geometries:
    """Return geometries in longitude and latitude as geometries of a metric CRS."""
    return _move(geometries, _transformer(crs.geodetic_crs, crs))


def to_degrees(geometries: Geometries, crs: pyproj.CRS) -> Geometries:
    """Return geometries of a metric CRS in longitude and latitude, not yet rounded."""
    return _move(geometries, _transformer(crs, crs.geodetic_crs))


def _move(geometries: Geometries, transformer: pyproj.Transformer) -> Geometries:
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

    Only polygons near the lines are noded anew, and those that would not fit them afterwards: rounding again may lead
    a border through a vertex that it passed by at less than a grid step before.

    Returns
    -------
    (pieces, source)
        The pieces as a mosaic, and the position of the polygon each was part of, in ascending order.
    """
    tree = shapely.STRtree(mosaic)
    near = np.unique(tree.query(lines, predicate="dwithin", distance=_REACH_DEG)[1])
    if 4 * len(near) > len(mosaic):
        near = np.arange(len(mosaic))  # with so many, one more is moved somewhere, and all would be noded twice
    while True:
        pieces = polygonize(np.concatenate([shapely.boundary(mosaic[near]), lines]))
        owner = owner_of(shapely.point_on_surface(pieces), mosaic[near])
        moved = _other_segments(mosaic[near], pieces[owner >= 0])
        more = np.setdiff1d(tree.query(moved, predicate="dwithin", distance=GRID_DEG)[1], near)
        if len(more) == 0:
            break
        near = np.union1d(near, more)
    far = np.setdiff1d(np.arange(len(mosaic)), near)
    every = np.concatenate([mosaic[far], pieces[owner >= 0]])
    source = np.concatenate([far, near[owner[owner >= 0]]]).astype(np.int64)
    order = np.argsort(source, kind="stable")
    return every[order], source[order]


def _other_segments(before: Geometries, after: Geometries) -> Geometries:
    """Return the segments that the outline of only one of two mosaics has."""
    both = [_outline_segments(before), _outline_segments(after)]
    segments, times = np.unique(np.concatenate(both), axis=0, return_counts=True)
    return np.asarray(shapely.linestrings(segments[times == 1].reshape(-1, 2, 2)), dtype=object)


def _outline_segments(mosaic: Geometries) -> Floats:
    """Return the segments on the rim of a mosaic, shape (n, 4), the lower end first."""
    lines = shapely.get_parts(shapely.boundary(shapely.coverage_union_all(mosaic)))
    xy, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    a, b = xy[:-1][same], xy[1:][same]
    turned = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    return np.where(turned[:, None], np.hstack([b, a]), np.hstack([a, b]))


def join(mosaic: Geometries, labels: Ints) -> Geometries:
    """Join polygons of equal label, exactly; ``labels`` are 0, 1, 2 … and each occurs."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max(initial=-1) + 2))
    joined = np.empty(len(starts) - 1, dtype=object)
    for label, (start, stop) in enumerate(pairwise(starts.tolist())):
        members = mosaic[order[start:stop]]
        joined[label] = members[0] if len(members) == 1 else _one(shapely.coverage_union_all(members))
    return joined


def _one(geometry: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(geometry)
    return parts[0] if len(parts) == 1 else geometry


@dataclass(frozen=True, eq=False)
class SharedEdges:
    """Straight edges that two polygons of a mosaic have in common.

    Parameters
    ----------
    a, b
        Positions of the two polygons, ``a < b``.
    start, end
        (n, 2) end points in metres.
    """

    a: Ints
    b: Ints
    start: Floats
    end: Floats

    @property
    def length_m(self) -> Floats:
        """Length of each edge."""
        return np.asarray(np.hypot(*(self.end - self.start).T), dtype=np.float64)


def shared_edges(mosaic: Geometries, crs: pyproj.CRS) -> SharedEdges:
    """Return the edges between polygons of a mosaic, by matching edges end to end.

    Parameters
    ----------
    mosaic
        Polygons or MultiPolygons in degrees.
    crs
        The metric CRS of the end points returned.
    """
    parts, part_owner = shapely.get_parts(mosaic, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    units = np.rint(xy * _UNITS_PER_DEGREE)
    _, node = np.unique(units[:, 0] + 1j * units[:, 1], return_inverse=True)
    node = node.astype(np.int64)
    step = np.flatnonzero(ring[1:] == ring[:-1])
    key = np.minimum(node[step], node[step + 1]) * np.int64(len(xy)) + np.maximum(node[step], node[step + 1])
    order = np.argsort(key, kind="stable")
    twin = np.flatnonzero(key[order][1:] == key[order][:-1])
    owner = part_owner[ring_part[ring[step]]].astype(np.int64)
    one, other = owner[order[twin]], owner[order[twin + 1]]
    proper = one != other
    at = step[order[twin[proper]]]
    a, b = np.minimum(one, other)[proper], np.maximum(one, other)[proper]
    transformer = _transformer(crs.geodetic_crs, crs)
    start, end = (np.column_stack(transformer.transform(*xy[i].T)).reshape(-1, 2) for i in (at, at + 1))
    return SharedEdges(a, b, start, end)


def adjacency(mosaic: Geometries, crs: pyproj.CRS) -> Adjacency:
    """Return which polygons of a mosaic share a border, and how much of it, measured in a metric CRS."""
    edges = shared_edges(mosaic, crs)
    size = max(len(mosaic), 1)
    pairs, where = np.unique(edges.a * np.int64(size) + edges.b, return_inverse=True)
    total = np.bincount(where, weights=edges.length_m, minlength=len(pairs)).astype(np.float64)
    return Adjacency(pairs // size, pairs % size, total)


def components(size: int, neighbours: Adjacency, labels: Ints) -> Ints:
    """Return the connected parts of each label, numbered 0, 1, 2 … in order of their first polygon."""
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
