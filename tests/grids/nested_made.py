"""Made towns of blocks, as graphs only: perturbed lattices, rivers with bridges, islands, enclaves. For tests."""

from __future__ import annotations

import networkx as nx
import numpy as np

from gridmap.grids.adjacency import BlockGraph, graph_from_pairs


def made_town(
    rows: int, columns: int, weight: np.ndarray, seed: int = 0, *, river: int | None = None, bridges: tuple = ()
) -> BlockGraph:
    """Return a lattice of blocks, some pairs of them apart; a river left of a column is crossed at some rows only."""
    rng = np.random.default_rng(seed)
    number = np.arange(rows * columns).reshape(rows, columns)
    across = np.ones((rows, columns - 1), dtype=bool)
    over = np.zeros_like(across)
    if river is not None:
        across[:, river - 1] = False
        over[list(bridges), river - 1] = True
    kept = across | over
    a = np.r_[number[:, :-1][kept], number[:-1].ravel()]
    b = np.r_[number[:, 1:][kept], number[1:].ravel()]
    bridge = np.r_[over[kept], np.zeros((rows - 1) * columns, dtype=bool)]
    length = np.where(bridge, 0.0, rng.uniform(60, 140, len(a)))
    main = (a // columns % 7 == 0) & (b == a + columns)
    xy = 100.0 * np.c_[number.ravel() % columns, number.ravel() // columns]
    return graph_from_pairs(a, b, length, length * np.where(main, 0.25, 1.0), bridge, weight, xy)


def joined(*towns: BlockGraph) -> BlockGraph:
    """Put towns beside each other, with nothing between them."""
    size = np.cumsum([0, *(len(town.weight) for town in towns)])
    start = np.concatenate([[0], *(np.diff(town.start) for town in towns)]).cumsum()
    gap = np.cumsum([0.0, *(town.xy[:, 0].max() + 5000.0 for town in towns)])
    return BlockGraph(
        start.astype(np.int64),
        np.concatenate([town.neighbour + at for town, at in zip(towns, size, strict=False)]),
        *(np.concatenate([getattr(town, name) for town in towns]) for name in ("length_m", "cost", "bridge", "weight")),
        np.concatenate([town.xy + np.array([x, 0.0]) for town, x in zip(towns, gap, strict=False)]),
    )


def as_networkx(graph: BlockGraph, *, bridges: bool) -> nx.Graph:
    net = nx.Graph()
    net.add_nodes_from(range(len(graph.weight)))
    tail = np.repeat(np.arange(len(graph.weight)), np.diff(graph.start))
    kept = np.ones(len(tail), dtype=bool) if bridges else ~graph.bridge
    net.add_edges_from(zip(tail[kept].tolist(), graph.neighbour[kept].tolist(), strict=True))
    return net


def broken(graph: BlockGraph, label: np.ndarray, group: np.ndarray | None = None) -> list[int]:
    """Return grids that are in several pieces on one shore, or on land that bridges join; by networkx."""
    group = np.zeros(len(label), dtype=int) if group is None else group
    found = set()
    for bridges in (False, True):
        land = as_networkx(graph, bridges=bridges)
        land.remove_edges_from([(u, v) for u, v in land.edges if group[u] != group[v]])
        part = np.empty(len(label), dtype=int)
        for number, members in enumerate(nx.connected_components(land)):
            part[list(members)] = number
        same = land.edge_subgraph([(u, v) for u, v in land.edges if label[u] == label[v]]).copy()
        same.add_nodes_from(land.nodes)
        pieces = [(label[next(iter(piece))], part[next(iter(piece))]) for piece in nx.connected_components(same)]
        found |= {int(grid) for grid, at in pieces if pieces.count((grid, at)) > 1}
    return sorted(found)


def in_band(weight: np.ndarray, label: np.ndarray, parent: np.ndarray, band: float = 0.1) -> float:
    """Return the share of grids within the band of the mean of their siblings."""
    total = np.bincount(label, weights=weight)
    above = parent[np.unique(label, return_index=True)[1]]
    mean = np.bincount(above, weights=total) / np.maximum(np.bincount(above), 1)
    return float((np.abs(total / mean[above] - 1) <= band).mean())
