"""From walkable lines to junction-to-junction edges: split at shared vertices, keep the main component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_CURVE_LEVEL: Final = 14
"""Steps along a side of the curve: 2 to this power, a few metres in a county."""


@dataclass(frozen=True)
class Edges:
    """Edges between numbered nodes; ``line`` and ``vertex`` say which input line and vertices each came from."""

    node_xy: Floats
    nodes: Ints
    line: Ints
    vertex_start: Ints
    vertex_xy: Floats
    vertex: Ints


@dataclass(frozen=True)
class Kept:
    """The main component, and how much was left out."""

    edges: Edges
    components: int
    islands: Edges


def split_at_shared(xy: Floats, line: Ints, storey: Ints) -> Edges:
    """Split lines wherever they share a vertex.

    Lines on different storeys (bridge, tunnel, ground) share a mid-line vertex only by accident of drawing; they join
    where one of them ends, as ramps do.

    Parameters
    ----------
    xy
        (k, 2) metres: the vertices of all lines one after the other.
    line
        (k,) the line each vertex belongs to, ascending.
    storey
        (lines,) the storey of each line.
    """
    if len(line) == 0:
        return Edges(xy, np.zeros((0, 2), dtype=np.int64), line, np.zeros(1, dtype=np.int64), xy, line)
    first = np.r_[True, line[1:] != line[:-1]]
    last = np.r_[line[1:] != line[:-1], True]
    # A millimetre is far below any real distance and far above rounding.
    millimetres = np.round((xy - xy.min(axis=0)) * 1000).astype(np.int64)
    _, place = np.unique((millimetres[:, 0] << 32) + millimetres[:, 1], return_inverse=True)
    node = _places_by_storey(place, first | last, storey[line])
    used = np.bincount(node)
    cut = first | last | (used[node] > 1)
    # Vertices that repeat inside one line (a loop) also count twice, which is a junction indeed.
    return _edges(xy, line, node, cut, first)


def _places_by_storey(place: Ints, end: NDArray[np.bool_], storey: Ints) -> Ints:
    """Renumber the places so that crossing lines of different storeys do not meet unless one ends there."""
    has_end = np.zeros(place.max() + 1, dtype=bool)
    has_end[place[end]] = True
    level = np.where(has_end[place], 0, storey)
    span = int(level.max() - level.min()) + 1
    _, node = np.unique(place * span + (level - level.min()), return_inverse=True)
    return node.ravel()


def _edges(xy: Floats, line: Ints, node: Ints, cut: NDArray[np.bool_], first: NDArray[np.bool_]) -> Edges:
    at = np.flatnonzero(cut)
    start, stop = at[:-1], at[1:]
    same = ~first[stop]
    start, stop = start[same], stop[same]
    count = stop - start + 1
    begin = np.r_[0, np.cumsum(count)]
    index = np.arange(begin[-1]) - np.repeat(begin[:-1], count) + np.repeat(start, count)
    junction, nodes = np.unique(np.c_[node[start], node[stop]], return_inverse=True)
    where = np.zeros(node.max() + 1, dtype=np.int64)
    where[node] = np.arange(len(node))
    return Edges(xy[where[junction]], nodes.reshape(-1, 2), line[start], begin, xy[index], index)


def as_lines(edges: Edges) -> NDArray[np.object_]:
    """Return the edges as lines."""
    owner = np.repeat(np.arange(len(edges.nodes)), np.diff(edges.vertex_start))
    return np.asarray(shapely.linestrings(edges.vertex_xy, indices=owner), dtype=object)


def lengths_m(edges: Edges) -> Floats:
    """Return the length of every edge along its polyline, in metres."""
    return sum_by_edge(edges, np.r_[np.hypot(*np.diff(edges.vertex_xy, axis=0).T), 0.0])


def sum_by_edge(edges: Edges, steps: Floats) -> Floats:
    """Return the sum over every edge of what each vertex says of the step to the next."""
    if len(edges.nodes) == 0:
        return np.zeros(0)
    inner = steps.copy()
    inner[edges.vertex_start[1:] - 1] = 0.0
    return np.asarray(np.add.reduceat(inner, edges.vertex_start[:-1]))


def keep_main(edges: Edges, length_m: Floats) -> Kept:
    """Keep the component with the greatest length of streets."""
    count = len(edges.node_xy)
    graph = coo_matrix((np.ones(len(edges.nodes)), edges.nodes.T), shape=(count, count))
    components, label = connected_components(graph, directed=False)
    of_edge = label[edges.nodes[:, 0]]
    main = int(np.argmax(np.bincount(of_edge, weights=length_m, minlength=components)))
    kept = of_edge == main
    return Kept(along_curve(select(edges, kept)), int(components), select(edges, ~kept))


def along_curve(edges: Edges) -> Edges:
    """Return the edges, junctions numbered along a Hilbert curve: what lies near is kept near, and found faster."""
    curve = gpd.GeoSeries(shapely.points(edges.node_xy)).hilbert_distance(level=_CURVE_LEVEL).to_numpy()
    order = np.argsort(curve, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    nodes = rank[edges.nodes]
    by_junction = np.lexsort((nodes.max(axis=1), nodes.min(axis=1)))
    count = np.diff(edges.vertex_start)[by_junction]
    begin = np.r_[0, np.cumsum(count)]
    inner = np.arange(begin[-1]) + np.repeat(edges.vertex_start[:-1][by_junction] - begin[:-1], count)
    return Edges(
        edges.node_xy[order], nodes[by_junction], edges.line[by_junction], begin, edges.vertex_xy[inner],
        edges.vertex[inner],
    )  # fmt: skip


def select(edges: Edges, kept: NDArray[np.bool_]) -> Edges:
    """Return some of the edges, their nodes numbered anew."""
    count = np.diff(edges.vertex_start)
    inner = np.repeat(kept, count)
    junction, nodes = np.unique(edges.nodes[kept], return_inverse=True)
    return Edges(
        edges.node_xy[junction],
        nodes.reshape(-1, 2),
        edges.line[kept],
        np.r_[0, np.cumsum(count[kept])],
        edges.vertex_xy[inner],
        edges.vertex[inner],
    )
