"""The edges of many polygons, each once, with the polygons it belongs to."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]


class Edges(NamedTuple):
    """Edges between two vertices, and whose they are.

    Parameters
    ----------
    xy
        Shape (e, 4): x, y of the lower end (by x, then y), x, y of the other.
    owner_start, owner
        The polygons of edge i are ``owner[owner_start[i] : owner_start[i + 1]]``. A polygon that has an edge twice is
        named twice.
    polygon_start, polygon_edge
        The edges of polygon p are ``polygon_edge[polygon_start[p] : polygon_start[p + 1]]``.
    """

    xy: Floats
    owner_start: Ints
    owner: Ints
    polygon_start: Ints
    polygon_edge: Ints


def edges_of(polygons: NDArray[np.object_]) -> Edges:
    """Return the edges of valid polygons and multipolygons; an empty one has none.

    Examples
    --------
    >>> edges = edges_of(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], dtype=object))
    >>> len(edges.xy), int((np.diff(edges.owner_start) == 2).sum())
    (7, 1)
    """
    parts, polygon = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64)
    found: Any = _unique(xy, starts, polygon[part].astype(np.int32), len(polygons))
    return Edges(*found)


@njit(cache=True, nogil=True)
def _slot(ax, ay, bx, by, size):
    """Return where in a table of ``size`` (a power of two) an edge is looked for first."""
    code = np.uint64(14695981039346656037)
    for value in (ax, ay, bx, by):
        # Stored vertices lie on a grid of 1e-8 degrees; others may share a slot, which costs time only.
        code = (code ^ np.uint64(np.int64(value * 1e8))) * np.uint64(1099511628211)
        code ^= code >> np.uint64(29)
    return np.int64(code & np.uint64(size - 1))


@njit(cache=True, nogil=True)
def _unique(xy, ring_start, ring_polygon, polygons):
    size = 16
    while size < 2 * len(xy):
        size *= 2
    table = np.full(size, -1, dtype=np.int32)
    ends = np.empty((len(xy), 4))
    edge = np.empty(len(xy), dtype=np.int32)
    polygon = np.empty(len(xy), dtype=np.int32)
    count = 0
    used = 0
    for ring in range(len(ring_start) - 1):
        for i in range(ring_start[ring], ring_start[ring + 1] - 1):
            # Adding zero makes -0.0 the 0.0 it equals.
            ax, ay, bx, by = xy[i, 0] + 0.0, xy[i, 1] + 0.0, xy[i + 1, 0] + 0.0, xy[i + 1, 1] + 0.0
            if ax == bx and ay == by:
                continue
            if bx < ax or (bx == ax and by < ay):
                ax, ay, bx, by = bx, by, ax, ay
            slot = _slot(ax, ay, bx, by, size)
            while table[slot] >= 0:
                at = table[slot]
                if ends[at, 0] == ax and ends[at, 1] == ay and ends[at, 2] == bx and ends[at, 3] == by:
                    break
                slot = (slot + 1) & (size - 1)
            if table[slot] < 0:
                table[slot] = count
                ends[count, 0], ends[count, 1], ends[count, 2], ends[count, 3] = ax, ay, bx, by
                count += 1
            edge[used] = table[slot]
            polygon[used] = ring_polygon[ring]
            used += 1
    owner_start, owner = _grouped(edge[:used], polygon[:used], count)
    polygon_start, polygon_edge = _grouped(polygon[:used], edge[:used], polygons)
    return ends[:count].copy(), owner_start, owner, polygon_start, polygon_edge


@njit(cache=True, nogil=True)
def _grouped(key, value, keys):
    """Return values in groups of equal keys, and where each group starts."""
    start = np.zeros(keys + 1, dtype=np.int32)
    for k in key:
        start[k + 1] += 1
    for k in range(keys):
        start[k + 1] += start[k]
    at = start[:-1].copy()
    grouped = np.empty(len(value), dtype=np.int32)
    for i in range(len(key)):
        grouped[at[key[i]]] = value[i]
        at[key[i]] += 1
    return start, grouped
