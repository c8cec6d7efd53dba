"""A network as neighbours by junction, the form that a search walks over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Graph:
    """Both directions of every edge: ``target[start[n]:start[n + 1]]`` are the neighbours of junction ``n``.

    ``edge`` names the edge to each of them and ``back`` is 1 where it is walked from its end to its start; parallel
    edges stay apart, a search takes the shorter.
    """

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    edge: NDArray[np.int32]
    back: NDArray[np.int8]


def make_graph(edge_nodes: NDArray[np.int32], nodes: int) -> Graph:
    """Return the neighbours of ``nodes`` junctions.

    Examples
    --------
    >>> graph = make_graph(np.array([[0, 1], [1, 2]], dtype=np.int32), 3)
    >>> here = slice(graph.start[1], graph.start[2])
    >>> graph.target[here].tolist(), graph.edge[here].tolist(), graph.back[here].tolist()
    ([2, 0], [1, 0], [0, 1])
    """
    edges = len(edge_nodes)
    tail = edge_nodes.T.ravel()
    order = np.argsort(tail, kind="stable")
    start = np.r_[0, np.cumsum(np.bincount(tail, minlength=nodes))].astype(np.int64)
    target = edge_nodes[:, ::-1].T.ravel()[order].astype(np.int32)
    return Graph(start, target, (order % max(edges, 1)).astype(np.int32), (order >= edges).astype(np.int8))
