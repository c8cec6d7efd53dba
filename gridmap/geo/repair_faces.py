"""The faces that the borders of a layer make together: who claims each, and who lies beside whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.geo.coverage import Geometries
from gridmap.geo.crs import GRID_DEG, transformer

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Claim: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of noded borders.

    Parameters
    ----------
    shapes
        The faces in degrees; where two touch, both have the same vertices.
    claims
        Per face the positions of the polygons that hold it, in ascending order; none in a gap.
    segments, owner
        Every side of every face: its two ends as positions in ``xy``, the lower first, and the face.
    xy
        The vertices, in degrees.
    pairs, shared_m
        Faces that touch along a line, the lower first, and the length of that line in metres.
    open
        Whether a face has a side with no face beyond it.
    """

    shapes: Geometries
    claims: tuple[Claim, ...]
    xy: Floats
    segments: Ints
    owner: Ints
    pairs: Ints
    shared_m: Floats
    open: Flags

    def claimed(self) -> Ints:
        """Return by how many polygons each face is held."""
        return np.array([len(claim) for claim in self.claims], dtype=np.int64)


def make_faces(shapes: Geometries, extra: Geometries, metric: pyproj.CRS) -> Faces:
    """Node the borders of polygons, and extra lines, on the storage grid and return the faces between them."""
    lines = np.concatenate([shapely.boundary(shapes), extra])
    noded = shapely.unary_union(lines, grid_size=GRID_DEG)
    faces = np.asarray(shapely.get_parts(shapely.polygonize([noded])), dtype=object)
    xy, segments, owner = sides(faces)
    pairs, shared_m, unpaired = _beside(xy, segments, owner, metric)
    is_open = np.zeros(len(faces), dtype=bool)
    is_open[owner[unpaired]] = True
    return Faces(faces, _claims(faces, shapes), xy, segments, owner, pairs, shared_m, is_open)


def _claims(faces: Geometries, shapes: Geometries) -> tuple[Claim, ...]:
    face, polygon = shapely.STRtree(shapes).query(shapely.point_on_surface(faces), predicate="intersects")
    order = np.lexsort((polygon, face))
    ends = np.searchsorted(face[order], np.arange(len(faces) + 1))
    held = polygon[order].tolist()
    return tuple(tuple(held[ends[i] : ends[i + 1]]) for i in range(len(faces)))


def sides(polygons: Geometries) -> tuple[Floats, Ints, Ints]:
    """Return the vertices of polygons, their sides as pairs of vertices (the lower first), and whose each side is."""
    parts, part_of = shapely.get_parts(polygons, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    vertices, position = unique_points(xy)
    same = ring[1:] == ring[:-1]
    ends = np.sort(np.stack([position[:-1][same], position[1:][same]], axis=1), axis=1)
    return vertices, ends, part_of[ring_of[ring[:-1][same]]].astype(np.int64)


def unique_points(xy: Floats) -> tuple[Floats, Ints]:
    """Return the different points of the storage grid among points in degrees, and which of them each point is."""
    whole = np.rint(xy / GRID_DEG).astype(np.int64)
    _, x = np.unique(whole[:, 0], return_inverse=True)
    rows, y = np.unique(whole[:, 1], return_inverse=True)
    _, first, position = np.unique(x * len(rows) + y, return_index=True, return_inverse=True)
    return xy[first], position.astype(np.int64)


def _beside(xy: Floats, segments: Ints, owner: Ints, metric: pyproj.CRS) -> tuple[Ints, Floats, Ints]:
    """Return the pairs of faces with a common side, its length, and the sides that have one face only."""
    length = segment_m(xy, segments, metric)
    key = segments[:, 0] * len(xy) + segments[:, 1]
    order = np.lexsort((owner, key))
    twin = key[order][1:] == key[order][:-1]
    one, two = order[:-1][twin], order[1:][twin]
    alone = np.ones(len(key), dtype=bool)
    alone[one] = alone[two] = False
    low, high = np.minimum(owner[one], owner[two]), np.maximum(owner[one], owner[two])
    faces = int(owner.max(initial=-1)) + 1
    differ = low != high
    pair, position = np.unique(low[differ] * faces + high[differ], return_inverse=True)
    shared = np.bincount(position, weights=length[one][differ], minlength=len(pair))
    sides = np.stack([pair // max(faces, 1), pair % max(faces, 1)], axis=1)
    return np.asarray(sides, dtype=np.int64), shared.astype(np.float64), np.flatnonzero(alone).astype(np.int64)


def segment_m(xy: Floats, segments: Ints, metric: pyproj.CRS) -> Floats:
    """Return the length of segments in metres."""
    flat = metres(xy, metric)
    return np.asarray(np.hypot(*(flat[segments[:, 1]] - flat[segments[:, 0]]).T), dtype=np.float64)


def metres(xy: Floats, metric: pyproj.CRS) -> Floats:
    """Return points in degrees as points of a metric CRS."""
    move = transformer(metric.geodetic_crs, metric)
    return np.column_stack(move.transform(xy[:, 0], xy[:, 1]))


def flat_shapes(shapes: Any, metric: pyproj.CRS) -> Geometries:
    """Return geometries in degrees as geometries of a metric CRS."""
    return np.asarray(shapely.transform(shapes, lambda xy: metres(xy, metric)), dtype=object)


def width_m(shapes: Geometries, metric: pyproj.CRS, tolerance_m: float) -> Floats:
    """Return how wide polygons in degrees are at their widest: the diameter of the largest circle inside."""
    if len(shapes) == 0:
        return np.empty(0)
    flat = flat_shapes(shapes, metric)
    return np.asarray(2 * shapely.length(shapely.maximum_inscribed_circle(flat, tolerance=tolerance_m)))


def wider_than(shapes: Geometries, width_m: float, metric: pyproj.CRS) -> Flags:
    """Tell which polygons in degrees have room for a circle wider than ``width_m``."""
    room = shapely.buffer(flat_shapes(shapes, metric), -width_m / 2, quad_segs=2)
    return np.asarray(~shapely.is_empty(room), dtype=bool)


def groups_of(count: int, pairs: Ints) -> Ints:
    """Return the component of each of ``count`` things that pairs connect; components are numbered as they occur."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def join_faces(shapes: Geometries, label: Ints, count: int) -> Geometries:
    """Join the faces of each label 0 … ``count`` - 1, exactly; a label without faces is an empty polygon."""
    order = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[order], np.arange(count + 1))
    joined = np.empty(count, dtype=object)
    for each in range(count):
        own = shapes[order[ends[each] : ends[each + 1]]]
        if len(own) == 0:
            joined[each] = shapely.Polygon()
        else:
            joined[each] = own[0] if len(own) == 1 else shapely.coverage_union_all(own)
    return joined
