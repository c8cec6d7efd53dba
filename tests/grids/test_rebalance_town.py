"""The benchmark town after growth in three quarters, with nothing given."""

from __future__ import annotations

import time

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from gridmap.grids.adjacency import graph_from_pairs
from gridmap.grids.nested import divide_nested
from gridmap.grids.rebalance import rebalance
from tests.conftest import shared_path

BAND = 0.1


@pytest.fixture(scope="module")
def town():
    """Graphs of the households before and after, and a plan drawn for those before."""
    blocks = pd.read_parquet(shared_path("town/blocks.parquet"), columns=["households", "households_after"])
    pairs = pd.read_parquet(shared_path("town/adjacency.parquet"))
    a, b, length = pairs["a"].to_numpy(), pairs["b"].to_numpy(), pairs["shared_m"].to_numpy()
    cost = np.where(pairs["arterial"], 0.25, 1.0) * length
    xy = np.zeros((len(blocks), 2))
    before, after = (
        graph_from_pairs(a, b, length, cost, np.zeros(len(a), bool), blocks[name].to_numpy(float), xy)
        for name in ("households", "households_after")
    )
    large, medium, small = divide_nested(before, (12, 198, 2021), band=BAND, seed=0)
    _, first = np.unique(small, return_index=True)
    return after, small, medium[first], large[first]


@pytest.fixture(scope="module")
def found(town):
    graph, label, medium, large = town
    target = np.full(2021, graph.weight.sum() / 2021)
    return rebalance(graph, label, target=target, band=BAND, parents=(medium, large))


def test_few_households_move_and_few_grids_stay_out(town, found):
    graph, label, _, _ = town
    assert found.moved_households == graph.weight[found.label != label].sum()
    assert found.moved_households <= 1.5 * found.lower_bound
    held, mean = np.bincount(found.label, weights=graph.weight), graph.weight.sum() / 2021
    out = np.flatnonzero(np.abs(held / mean - 1) > BAND + 1e-9)
    assert [each.grid for each in found.left_out] == out.tolist()
    assert len(out) <= 0.01 * 2021
    assert all(each.reason for each in found.left_out)


def test_every_grid_of_every_level_is_still_there_and_whole(town, found):
    graph, _, medium, large = town
    tail = np.repeat(np.arange(len(graph.weight)), np.diff(graph.start))
    for above, count in ((np.arange(2021), 2021), (medium, 198), (large, 12)):
        label = above[found.label]
        same = label[tail] == label[graph.neighbour]
        net = nx.Graph(zip(tail[same].tolist(), graph.neighbour[same].tolist(), strict=True))
        net.add_nodes_from(range(len(label)))
        assert len(np.unique(label)) == count == nx.number_connected_components(net)


def test_given_communities_stay_as_they_are(town):
    graph, label, medium, large = town
    target = np.bincount(medium[label], weights=graph.weight)[medium] / np.bincount(medium)[medium]
    start = time.process_time()
    found = rebalance(graph, label, target=target, band=BAND, parents=(medium, large), fixed_parents=2)
    assert time.process_time() - start < 60
    assert (medium[found.label] == medium[label]).all()
    before = np.bincount(label, weights=graph.weight)
    assert len(found.left_out) < 0.5 * (np.abs(before / target - 1) > BAND).sum()
