"""Bridges: short lines across ground that nobody claims, from a vertex of one polygon to the next polygon.

They cut a narrow strip where its neighbours change, so that each piece lies between the same polygons all along and
no polygon grows a finger between two others; and they close strips that are open to the outside.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyproj
import shapely

from gridmap.geo.coverage import Geometries
from gridmap.geo.crs import DECIMALS, GRID_DEG
from gridmap.geo.repair_faces import Faces, Floats, Ints, metres

_END_M: Final = 0.01
"""A bridge ends at a vertex that lies this near, rather than making a new one beside it."""
_INSIDE_DEG: Final = 2 * GRID_DEG
"""The length of a bridge that may lie on claimed ground: rounding of its ends."""


def bridges(faces: Faces, width_m: float, metric: pyproj.CRS) -> Geometries:
    """Return the lines of at most ``width_m`` from vertices on the rim of claimed ground to other polygons' rims."""
    rim, claimant = _rim(faces)
    if len(rim) == 0:
        return np.empty(0, dtype=object)
    flat = metres(faces.xy, metric)
    lines = np.asarray(shapely.linestrings(flat[rim]), dtype=object)
    vertices = np.unique(rim)
    at, segment = shapely.STRtree(lines).query(shapely.points(flat[vertices]), predicate="dwithin", distance=width_m)
    vertex = vertices[at]
    foreign = ~_touching(rim, claimant, vertex, claimant[segment], len(faces.xy))
    vertex, segment = vertex[foreign], segment[foreign]
    distance, share = _foot(flat[vertex], flat[rim[segment]])
    nearest = _nearest(vertex, claimant[segment], distance)
    vertex, segment, share = vertex[nearest], segment[nearest], share[nearest]
    ends = _ends(faces.xy, flat, rim[segment], share)
    apart = (ends != faces.xy[vertex]).any(axis=1)
    found = np.stack([faces.xy[vertex][apart], ends[apart]], axis=1)
    found = np.unique(np.where(_turned(found)[:, None, None], found[:, ::-1], found), axis=0)
    return _outside(np.asarray(shapely.linestrings(found), dtype=object), faces)


def _rim(faces: Faces) -> tuple[Ints, Ints]:
    """Return the sides of claimed faces beyond which nothing is claimed, and the lowest claimant of each."""
    claimed = faces.claimed()[faces.owner] > 0
    key = faces.segments[:, 0] * len(faces.xy) + faces.segments[:, 1]
    _, position = np.unique(key, return_inverse=True)
    on_both = np.bincount(position, weights=claimed)[position] == 2
    rim = np.flatnonzero(claimed & ~on_both)
    lowest = np.array([claim[0] if claim else -1 for claim in faces.claims], dtype=np.int64)
    return faces.segments[rim], lowest[faces.owner[rim]]


def _touching(rim: Ints, claimant: Ints, vertex: Ints, other: Ints, points: int) -> np.ndarray:
    """Tell where a vertex lies on the rim of the other polygon itself."""
    own = np.unique((claimant[:, None] * points + rim).ravel())
    return np.isin(other * points + vertex, own)


def _foot(point: Floats, segment: Floats) -> tuple[Floats, Floats]:
    """Return how far points are from segments, and where along each segment its nearest point lies, 0 to 1."""
    start, along = segment[:, 0], segment[:, 1] - segment[:, 0]
    share = np.clip(((point - start) * along).sum(axis=1) / (along**2).sum(axis=1), 0.0, 1.0)
    return np.hypot(*(start + share[:, None] * along - point).T), share


def _nearest(vertex: Ints, other: Ints, distance: Floats) -> Ints:
    """Return the shortest bridge of each vertex to each other polygon."""
    order = np.lexsort((distance, other, vertex))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(vertex[order]) != 0) | (np.diff(other[order]) != 0)
    return order[first]


def _ends(xy: Floats, flat: Floats, segment: Ints, share: Floats) -> Floats:
    length = np.hypot(*(flat[segment[:, 1]] - flat[segment[:, 0]]).T)
    share = np.where(share * length < _END_M, 0.0, np.where((1 - share) * length < _END_M, 1.0, share))[:, None]
    start, stop = xy[segment[:, 0]], xy[segment[:, 1]]
    between = np.round(start + share * (stop - start), DECIMALS)
    return np.where(share == 0, start, np.where(share == 1, stop, between))


def _turned(lines: Floats) -> np.ndarray:
    (x0, y0), (x1, y1) = lines[:, 0].T, lines[:, 1].T
    return np.asarray((x0 > x1) | ((x0 == x1) & (y0 > y1)))


def _outside(lines: Geometries, faces: Faces) -> Geometries:
    """Return the lines that cross no claimed ground."""
    ground = faces.shapes[faces.claimed() > 0]
    line, face = shapely.STRtree(ground).query(lines, predicate="intersects")
    inside = shapely.length(shapely.intersection(lines[line], ground[face]))
    within = np.bincount(line, weights=inside, minlength=len(lines))
    return np.asarray(lines[within <= _INSIDE_DEG], dtype=np.object_)
