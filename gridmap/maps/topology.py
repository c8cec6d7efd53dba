"""Polygons as arcs that neighbours and levels share: each stretch of border is kept once.

All rings of all levels are put on a grid of whole numbers. Where exactly two stretches meet in a vertex, the border
runs on; every other vertex is a node. Cut at the nodes, the rings fall into arcs, and two polygons that share a
border share whole arcs, whatever their levels. Arcs, not polygons, are simplified for display, so that what was
shared stays shared. Polygons that do not meet exactly (imported layers) simply share less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

METRES_PER_DEGREE: Final = 111_320.0

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Topology:
    """Arcs and the shapes made of them.

    Parameters
    ----------
    arcs
        Vertices of each arc, shape (n, 2), whole numbers of ``quantum`` degrees: longitude, latitude.
    layers
        For each layer, for each of its shapes, its rings; a ring is the tuple of its arcs in order, ``~i`` (that is
        ``-i - 1``) for arc ``i`` walked backwards. Rings are filled by the even-odd rule, so that shells and holes
        need no telling apart.
    quantum
        Size of a whole number, in degrees.
    """

    arcs: tuple[Ints, ...]
    layers: tuple[tuple[tuple[tuple[int, ...], ...], ...], ...]
    quantum: float


def build_topology(layers: Sequence[Any], *, quantum: float = 5e-6, tolerance_m: float = 2.5) -> Topology:
    """Cut polygons into arcs that are shared between neighbours and between layers, and simplify the arcs.

    Parameters
    ----------
    layers
        Arrays of polygons and multipolygons, longitude and latitude in degrees. ``None`` and empty ones have no rings.
    quantum
        The grid vertices are put on, in degrees; 5e-6 is about half a metre.
    tolerance_m
        How far, in metres, a simplified border may lie from the true one; 0 keeps every vertex.

    Returns
    -------
    Topology
        Every vertex kept lies within ``quantum / 2`` of its place in longitude and in latitude; every vertex left
        out, within ``tolerance_m`` of the line that is drawn instead.

    Examples
    --------
    >>> a, b = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    >>> found = build_topology([[a, b], [shapely.union(a, b)]], quantum=0.5)
    >>> len(found.arcs), [len(ring) for shape in found.layers[0] for ring in shape]
    (3, [2, 2])
    """
    rings, owners, counts = rings_of(layers, quantum)
    vertices, ids = vertex_ids(rings)
    cuts = nodes_of(ids, len(vertices))
    known: dict[bytes, int] = {}
    kept: list[Ints] = []
    refs = [number_arcs(cut_ring(ring, cuts), known, kept) for ring in ids]
    arcs = _simplified([vertices[arc] for arc in kept], quantum, tolerance_m)
    shapes: list[list[tuple[int, ...]]] = [[] for _ in range(sum(counts))]
    for owner, ring in zip(owners, refs, strict=True):
        shapes[owner].append(ring)
    starts = np.cumsum([0, *counts])
    layered = tuple(tuple(tuple(shape) for shape in shapes[start:stop]) for start, stop in pairwise(starts))
    return Topology(tuple(arcs), layered, quantum)


def rings_of(layers: Sequence[Any], quantum: float) -> tuple[list[Ints], list[int], list[int]]:
    """Return the rings of all shapes on the whole-number grid, whose each is, and the number of shapes a layer."""
    arrays = [np.asarray(layer, dtype=object) for layer in layers]
    shapes = np.concatenate(arrays) if arrays else np.empty(0, dtype=object)
    parts, part_owner = shapely.get_parts(shapes, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    whole = np.rint(shapely.get_coordinates(rings) / quantum).astype(np.int64)
    stops = np.cumsum(shapely.get_num_coordinates(rings))
    found: list[Ints] = []
    owners: list[int] = []
    for part, start, stop in zip(ring_part, np.r_[0, stops][:-1], stops, strict=True):
        ring = whole[start : stop - 1]
        moved = np.empty(len(ring), dtype=bool)
        moved[1:] = (ring[1:] != ring[:-1]).any(axis=1)
        moved[:1] = (ring[:1] != ring[-1:]).any(axis=1)
        ring = ring[moved]
        if len(ring) >= 3:
            found.append(ring)
            owners.append(int(part_owner[part]))
    return found, owners, [len(array) for array in arrays]


def vertex_ids(rings: list[Ints]) -> tuple[Ints, list[Ints]]:
    """Return the distinct vertices and each ring as numbers of vertices."""
    if not rings:
        return np.empty((0, 2), dtype=np.int64), []
    every = np.concatenate(rings)
    vertices, inverse = np.unique(every, axis=0, return_inverse=True)
    ids = np.split(inverse.reshape(-1), np.cumsum([len(ring) for ring in rings])[:-1])
    return vertices, ids


def nodes_of(ids: list[Ints], n_vertices: int) -> NDArray[np.bool_]:
    """Return which vertices are nodes: those where not exactly two distinct stretches meet."""
    if not ids:
        return np.empty(0, dtype=np.bool_)
    here = np.concatenate(ids)
    there = np.concatenate([part for ring in ids for part in (ring[1:], ring[:1])])
    stretches = np.unique(np.minimum(here, there) * n_vertices + np.maximum(here, there))
    ends = np.concatenate((stretches // n_vertices, stretches % n_vertices))
    return np.asarray(np.bincount(ends, minlength=n_vertices) != 2)


def cut_ring(ring: Ints, cuts: NDArray[np.bool_]) -> list[Ints]:
    """Cut an open ring of vertex numbers at its nodes; a ring without nodes is cut at its lowest vertex."""
    at = np.flatnonzero(cuts[ring])
    if len(at) == 0:
        at = np.array([int(np.argmin(ring))])
    closed = np.concatenate((ring[at[0] :], ring[: at[0] + 1]))
    marks = [*(at - at[0]), len(ring)]
    return [closed[start : stop + 1] for start, stop in pairwise(marks)]


def number_arcs(pieces: list[Ints], known: dict[bytes, int], kept: list[Ints]) -> tuple[int, ...]:
    """Return the ring as numbers of arcs, adding the arcs not met before to ``known`` and ``kept``."""
    ring = []
    for piece in pieces:
        ends, inner = (piece[0], piece[-1]), (piece[1], piece[-2])
        backwards = ends[0] > ends[1] or (ends[0] == ends[1] and inner[0] > inner[1])
        arc = piece[::-1] if backwards else piece
        number = known.setdefault(arc.tobytes(), len(kept))
        if number == len(kept):
            kept.append(arc)
        ring.append(~number if backwards else number)
    return tuple(ring)


def _simplified(arcs: list[Ints], quantum: float, tolerance_m: float) -> list[Ints]:
    """Simplify all arcs at once, so that they do not come to cross; ends stay where they are."""
    if tolerance_m <= 0 or not arcs:
        return arcs
    middle = float(np.mean([arc[0, 1] for arc in arcs])) * quantum
    squeeze = np.array([np.cos(np.radians(middle)), 1.0])
    lines = shapely.multilinestrings([shapely.linestrings(arc * squeeze) for arc in arcs])
    thin = shapely.get_parts(shapely.simplify(lines, tolerance_m / (METRES_PER_DEGREE * quantum)))
    return [_chosen(line, arc, squeeze) for line, arc in zip(thin, arcs, strict=True)]


def _chosen(line: Any, arc: Ints, squeeze: NDArray[np.float64]) -> Ints:
    found = np.rint(shapely.get_coordinates(line) / squeeze).astype(np.int64)
    closed = bool((arc[0] == arc[-1]).all())
    # A ring may not shrink to a line; what is that small costs nothing to keep.
    return arc if len(found) < (4 if closed else 2) else found
