"""Walks inside grids and to stations, against scipy and networkx."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay

from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import inner_points
from gridmap.grids.walking import FURTHEST_S, on_network, walk_to_median, walk_to_station
from gridmap.network.pace import WALKING_M_S

from town import CRS, ORIGIN, make_town  # isort: skip


def plane(count: int, seed: int):
    """Points joined as their triangles are, walks in proportion to the distance, some of them long ways round."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 1000, (count, 2))
    corners = Delaunay(xy).simplices
    pairs = np.unique(
        np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1), axis=0
    )
    walk = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T) * rng.uniform(1, 2, len(pairs))
    walk[rng.random(len(pairs)) < 0.05] = np.inf
    tail, head = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
    order = np.lexsort((head, tail))
    start = np.r_[0, np.cumsum(np.bincount(tail, minlength=count))]
    return start, head[order], np.r_[walk, walk][order], rng.integers(0, 90, count).astype(float), xy


def brute(start, neighbour, walk_s, weight, members) -> float:
    """The best mean over every block as the median, by all shortest ways."""
    ways = csr_array((np.minimum(walk_s, FURTHEST_S), neighbour, start))[members][:, members]
    far = dijkstra(ways)
    far[np.isinf(far)] = FURTHEST_S
    counted = weight[members] if weight[members].sum() > 0 else np.ones(len(members))
    return float((far @ counted).min() / counted.sum())


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 250), st.integers(1, 30), st.integers(0, 10**6))
def test_the_mean_walk_to_the_median_is_that_of_all_shortest_ways(count, parts, seed):
    start, neighbour, walk_s, weight, xy = plane(count, seed)
    label = np.minimum((xy[:, 0] * parts / 1000).astype(np.int64), parts - 1)
    label[::17] = -1
    found = walk_to_median(start, neighbour, walk_s, weight, label, parts)
    for part in range(parts):
        members = np.flatnonzero(label == part)
        wanted = brute(start, neighbour, walk_s, weight, members) if len(members) else 0.0
        assert found[part] >= wanted * (1 - 1e-5) - 1e-3
        assert found[part] <= wanted * (1.05 if len(members) > 32 else 1 + 1e-5) + 1e-3


def test_large_grids_come_near_to_the_best_median():
    start, neighbour, walk_s, weight, xy = plane(4000, 3)
    label = (xy[:, 0] // 251).astype(np.int64) * 4 + (xy[:, 1] // 251).astype(np.int64)
    found = walk_to_median(start, neighbour, walk_s, weight, label, 16)
    wanted = np.array([brute(start, neighbour, walk_s, weight, np.flatnonzero(label == part)) for part in range(16)])
    assert (found / wanted).max() < 1.03
    assert (found / wanted).mean() < 1.005


def test_the_walk_to_the_station_is_that_of_networkx(tmp_path):
    town = make_town()
    network, blocks = town.network(tmp_path), town.blocks()
    at = np.array([[300.0, 420.0], [1300.0, 1100.0]]) + ORIGIN
    stations = gpd.GeoDataFrame(geometry=shapely.points(at), crs=CRS)
    found = walk_to_station(blocks, network, stations)
    xy = np.concatenate([inner_points(m.to_metres(np.asarray(blocks.geometry.values), network.crs)), at])
    on = on_network(xy, network)
    graph = nx.MultiGraph()
    for (u, v), length in zip(network.edge_nodes.tolist(), network.edge_length_m.tolist(), strict=True):
        graph.add_edge(u, v, weight=length)
    for i in range(len(xy)):
        u, v = network.edge_nodes[on.edge[i]].tolist()
        graph.add_edge(("at", i), u, weight=on.along_m[i] + on.offset_m[i])
        graph.add_edge(("at", i), v, weight=network.edge_length_m[on.edge[i]] - on.along_m[i] + on.offset_m[i])
    posts = [len(blocks), len(blocks) + 1]
    far = nx.multi_source_dijkstra_path_length(graph, {("at", post) for post in posts}, weight="weight")
    for i, water in enumerate(blocks["water"].tolist()):
        if water:
            assert np.isinf(found[i])
            continue
        beside = [
            abs(on.along_m[i] - on.along_m[post]) + on.offset_m[i] + on.offset_m[post]
            for post in posts
            if on.edge[i] == on.edge[post]
        ]
        assert found[i] == pytest.approx(min([far["at", i], *beside]) / WALKING_M_S, abs=0.05)
