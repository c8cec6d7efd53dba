"""Atoms of upper levels: what they hold together, and the graph among them, against networkx and sums by hand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from gridmap.grids.adjacency import block_borders, graph_of, inner_points
from gridmap.grids.draw_atoms import atoms, contract
from gridmap.grids.mosaic import to_metres

from town import make_town  # isort: skip


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Land of the made town whose every third street is a main one, its borders and two parents."""
    town = make_town()
    middle = town.streets.geometry.centroid
    column = np.rint((middle.x - middle.x.min()) / 75).to_numpy()
    row = np.rint((middle.y - middle.y.min()) / 75).to_numpy()
    town.streets["highway"] = np.where((column % 6 == 0) | (row % 6 == 0), "secondary", "residential")
    network = town.network(tmp_path_factory.mktemp("town"))
    blocks = town.blocks()
    land = blocks[~blocks["water"]].reset_index(drop=True)
    borders = block_borders(land, network)
    xy = inner_points(to_metres(np.asarray(land.geometry.values), network.crs))
    weight = land["households"].to_numpy(float)
    graph = graph_of(borders, weight, xy, np.arange(len(land)))
    return borders, graph, (xy[:, 1] > np.median(xy[:, 1])).astype(np.int64)


@pytest.mark.parametrize("heaviest", [0.0, 300.0, 1200.0, 1e9])
def test_atoms_are_whole_light_and_bounded_by_main_streets(ground, heaviest):
    borders, graph, group = ground
    atom = atoms(borders, graph.weight, group, np.array([heaviest, heaviest]))
    assert np.array_equal(np.unique(atom), np.arange(atom.max() + 1))
    size = np.bincount(atom)
    weight = np.bincount(atom, weights=graph.weight)
    assert (weight[size > 1] <= heaviest).all()
    assert (np.bincount(atom, weights=group) % size == 0).all()
    joined = nx.Graph()
    joined.add_nodes_from(range(len(atom)))
    minor = borders.passable & ~borders.bridge & (borders.main_m * 2 < borders.length_m)
    joined.add_edges_from(np.c_[borders.a, borders.b][minor].tolist())
    for number in np.flatnonzero(size > 1).tolist():
        assert nx.is_connected(joined.subgraph(np.flatnonzero(atom == number).tolist()))
    if heaviest == 1e9:
        # Nothing but main streets, water and the parents' border is left between atoms.
        over = minor & (atom[borders.a] != atom[borders.b])
        assert (group[borders.a[over]] != group[borders.b[over]]).all()
        assert 4 <= len(size) < len(atom) / 3


def test_the_graph_of_atoms_keeps_weights_lengths_and_bridges(ground):
    borders, graph, group = ground
    atom = atoms(borders, graph.weight, group, np.array([900.0, 900.0]))
    inner = contract(graph, atom)
    assert np.allclose(inner.weight, np.bincount(atom, weights=graph.weight))
    between = {}
    for a, b, length, bridge in zip(borders.a, borders.b, borders.length_m, borders.bridge, strict=True):
        if atom[a] != atom[b]:
            key = tuple(sorted((int(atom[a]), int(atom[b]))))
            known, only = between.get(key, (0.0, True))
            between[key] = (known + length, only and bool(bridge))
    tail = np.repeat(np.arange(len(inner.weight)), np.diff(inner.start))
    found = {}
    for a, b, length, bridge in zip(tail, inner.neighbour, inner.length_m, inner.bridge, strict=True):
        found[tuple(sorted((int(a), int(b))))] = (length, bool(bridge))
    assert found.keys() == between.keys()
    for key, (length, bridge) in between.items():
        assert found[key] == (pytest.approx(length), bridge)
    assert any(bridge for _, bridge in found.values())
