"""The polygons that settled faces make, with no more vertices than their borders need."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from gridmap.geo.coverage import Geometries
from gridmap.geo.crs import GRID_DEG
from gridmap.geo.repair_faces import Flags, Floats, join_faces, sides, unique_points
from gridmap.geo.repair_settle import Settled

_STRAIGHT_DEG: Final = 2 * GRID_DEG
"""A vertex this near the line between its neighbours came of rounding alone."""


def outlines(shapes: Geometries, faces: Geometries, settled: Settled) -> Geometries:
    """Return the polygon of each given one made of its faces; one that did not change is returned as it was given."""
    held = settled.label >= 0
    made = join_faces(faces[held], settled.label[held], len(shapes))
    lean = _without_idle(made, shapes)
    if shapely.is_valid(lean).all() and shapely.coverage_is_valid(lean):
        made = lean
    same = shapely.equals_identical(shapely.normalize(made), shapely.normalize(shapes))
    # A hole that touches its shell can be written in two ways.
    other = np.flatnonzero(~same)
    same[other] = [_sides_of(made[at]) == _sides_of(shapes[at]) for at in other]
    return np.where(same, shapes, made)


def _sides_of(polygon: shapely.Geometry) -> set[tuple[float, ...]]:
    xy, segments, _ = sides(np.array([polygon], dtype=object))
    return set(map(tuple, np.hstack(list(xy[segments].transpose(1, 0, 2))).tolist()))


def _without_idle(polygons: Geometries, given: Geometries) -> Geometries:
    """Drop vertices where nothing meets and no border turns, unless they are their polygon's own.

    They are what bridges leave behind, and borders that another polygon gave up. Of two neighbours one goes at a time:
    beside a vertex a millimetre off every turn looks straight, and without both the border would jump.
    """
    xy, segments, _ = sides(polygons)
    ends = np.unique(segments, axis=0)
    degree = np.bincount(ends.ravel(), minlength=len(xy))
    idle = (degree == 2) & ~_among(xy, _own_points(polygons, given)) & ~_among(xy, _first_points(polygons))
    both = np.concatenate([ends, ends[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.flatnonzero(idle))
    before, after = xy[both[start, 1]], xy[both[start + 1, 1]]
    idle[idle] = _off_line(xy[idle], before, after) <= _STRAIGHT_DEG
    if not idle.any():
        return polygons
    first = np.searchsorted(both[:, 0], np.arange(len(xy)))
    for vertex in np.flatnonzero(idle).tolist():
        idle[vertex] = not idle[both[first[vertex] : first[vertex] + 2, 1]].any()
    return _without_idle(_drop(polygons, xy[idle]), given)


def _own_points(polygons: Geometries, given: Geometries) -> Floats:
    """Return the vertices of polygons that the same polygon was given with."""
    xy, polygon = shapely.get_coordinates(np.concatenate([polygons, given]), return_index=True)
    _, position = unique_points(xy)
    pair = position * len(given) + polygon % len(given)
    new = polygon < len(polygons)
    return np.asarray(xy[new][np.isin(pair[new], pair[~new])])


def _first_points(polygons: Geometries) -> Floats:
    rings = shapely.get_rings(shapely.get_parts(polygons))
    return np.asarray(shapely.get_coordinates(shapely.get_point(rings, 0)))


def _among(xy: Floats, others: Floats) -> Flags:
    _, position = unique_points(np.concatenate([xy, others]))
    return np.isin(position[: len(xy)], position[len(xy) :])


def _off_line(point: Floats, start: Floats, stop: Floats) -> Floats:
    along, away = stop - start, point - start
    return np.asarray(np.abs(along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]) / np.hypot(*along.T))


def _drop(polygons: Geometries, idle: Floats) -> Geometries:
    at = np.unique(shapely.STRtree(polygons).query(shapely.points(idle), predicate="dwithin", distance=GRID_DEG)[1])
    dropped = polygons.copy()
    dropped[at] = [_without(polygon, idle) for polygon in polygons[at]]
    return dropped


def _without(polygon: shapely.Geometry, idle: Floats) -> shapely.Geometry:
    def ring(line: shapely.LinearRing) -> shapely.LinearRing:
        xy = shapely.get_coordinates(line)
        return shapely.linearrings(xy[~_among(xy, idle)])

    parts = [
        shapely.Polygon(ring(part.exterior), [ring(hole) for hole in part.interiors])
        for part in shapely.get_parts(polygon)
    ]
    return parts[0] if polygon.geom_type == "Polygon" else shapely.MultiPolygon(parts)
