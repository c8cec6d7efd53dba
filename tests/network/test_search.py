"""Bounded search on foot, against networkx on made streets and scipy on real ones."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gridmap.network.io import read_network
from gridmap.network.pace import Pace, walk_times
from gridmap.network.places import by_edge, nearest_by_place, passed
from gridmap.network.search import nearest_source, reach
from gridmap.network.snap import Snapped, snap
from tests.network.made import as_graph, random_network

SPEED = 1.1


def random_places(made, count: int, seed: int) -> Snapped:
    """Return places anywhere along any edge, some metres off it, and one that is nowhere."""
    rng = np.random.default_rng(seed)
    edge = rng.integers(0, len(made.edge_length_m), count).astype(np.int32)
    along = made.edge_length_m[edge] * rng.choice([0.0, 1.0, 0.5, 0.123], count)
    offset = rng.uniform(0, 60, count)
    edge[-1], along[-1], offset[-1] = -1, np.nan, np.nan
    return Snapped(edge, along, offset, along, along)


def walked(made, origin: int, on: Snapped, limit_s: float = np.inf) -> dict[int, float]:
    """Return what networkx says: seconds to every junction from a node put where the origin stands."""
    graph = as_graph(made, SPEED)
    edge = int(on.edge[origin])
    if edge >= 0:
        start, stop = made.edge_nodes[edge].tolist()
        graph.add_edge("door", start, seconds=(on.offset_m[origin] + on.along_m[origin]) / SPEED)
        rest = made.edge_length_m[edge] - on.along_m[origin]
        graph.add_edge("door", stop, seconds=(on.offset_m[origin] + rest) / SPEED)
    graph.add_node("door")
    found = nx.single_source_dijkstra_path_length(graph, "door", cutoff=limit_s, weight="seconds")
    return {node: seconds for node, seconds in found.items() if node != "door"}


def seconds_to_places(made, origin: int, on: Snapped, places: Snapped) -> np.ndarray:
    """Return the walk from an origin to every place, brute force: by either end or straight along a shared edge."""
    nodes = walked(made, origin, on)
    out = np.full(len(places), np.inf)
    for place, edge in enumerate(places.edge.tolist()):
        if edge < 0 or on.edge[origin] < 0:
            continue
        along, off = places.along_m[place], places.offset_m[place]
        start, stop = made.edge_nodes[edge].tolist()
        ways = [nodes[start] + along / SPEED, nodes[stop] + (made.edge_length_m[edge] - along) / SPEED]
        if edge == on.edge[origin]:
            ways.append((abs(along - on.along_m[origin]) + on.offset_m[origin]) / SPEED)
        out[place] = min(ways) + off / SPEED
    return out


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), limit=st.floats(1, 900))
def test_reach_is_what_networkx_says(seed, limit):
    made = random_network(seed)
    on = random_places(made, 4, seed)
    found = reach(made, on, limit, walk_times(made, SPEED))
    assert found.start[-1] == len(found.node)
    for origin in range(len(on)):
        part = slice(found.start[origin], found.start[origin + 1])
        mine = dict(zip(found.node[part].tolist(), found.seconds[part].tolist(), strict=True))
        expected = walked(made, origin, on, limit)
        assert len(mine) == part.stop - part.start, "every junction once"
        # One that stands within rounding of the limit may fall on either side.
        sure = {node for node, seconds in expected.items() if seconds < limit - 0.001}
        assert sure <= set(mine)
        assert set(mine) <= set(walked(made, origin, on, limit + 0.001))
        assert [mine[node] for node in sure] == pytest.approx([expected[node] for node in sure], abs=0.001)
        assert (np.diff(found.seconds[part]) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_origins_of_a_group_walk_together(seed):
    made = random_network(seed)
    on = random_places(made, 6, seed)
    group = np.array([2, 0, 2, 0, 2, 1], dtype=np.int32)  # the last origin is nowhere and alone
    found = reach(made, on, 300, walk_times(made, SPEED), group=group)
    assert np.diff(found.start)[1] == 0
    for number in (0, 2):
        alone = [walked(made, origin, on, 300) for origin in np.flatnonzero(group == number)]
        expected = {node: min(one.get(node, np.inf) for one in alone) for node in set().union(*alone)}
        part = slice(found.start[number], found.start[number + 1])
        mine = dict(zip(found.node[part].tolist(), found.seconds[part].tolist(), strict=True))
        assert mine == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("name", ["liechtenstein/liechtenstein_2021.osm.pbf", "porto/porto.osm.pbf"])
def test_reach_on_real_streets_is_what_scipy_says(shared, name):
    made = read_network(shared(name))
    nodes, n = made.edge_nodes, len(made.node_xy)
    short = np.full(len(nodes), True)
    order = np.lexsort((made.edge_length_m, nodes.max(axis=1), nodes.min(axis=1)))
    pairs = np.sort(nodes[order], axis=1)
    short[1:] = (np.diff(pairs, axis=0) != 0).any(axis=1)  # of parallel edges the shortest
    graph = csr_matrix((made.edge_length_m[order][short], pairs[short].T), shape=(n, n))
    start = np.random.default_rng(1).choice(n, 5, replace=False)
    own = np.array([np.flatnonzero((nodes == s).any(axis=1))[0] for s in start], dtype=np.int32)
    along = np.where(nodes[own, 0] == start, 0.0, made.edge_length_m[own])
    found = reach(made, Snapped(own, along, np.zeros(5), along, along), 1200, walk_times(made, SPEED, Pace(steps=1)))
    expected = dijkstra(graph, directed=False, indices=start, limit=1200 * SPEED) / SPEED
    for origin in range(5):
        part = slice(found.start[origin], found.start[origin + 1])
        mine = np.full(n, np.inf)
        mine[found.node[part]] = found.seconds[part]
        assert len(found.node[part]) > 20
        differ = ~np.isclose(mine, expected[origin], rtol=0, atol=0.05)
        assert (np.minimum(mine, expected[origin])[differ] > 1200 - 0.05).all()


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_the_nearest_source_is_what_asking_each_of_them_says(seed):
    made = random_network(seed)
    sources, places = random_places(made, 5, seed), random_places(made, 40, seed + 1)
    each = np.array([[walked(made, s, sources).get(n, np.inf) for n in range(len(made.node_xy))] for s in range(5)])
    found = nearest_source(made, sources, walk_times(made, SPEED))
    np.testing.assert_allclose(found.seconds, each.min(axis=0), atol=0.001)
    np.testing.assert_allclose(each[found.source, np.arange(len(made.node_xy))], each.min(axis=0), atol=0.001)
    far = nearest_source(made, sources, walk_times(made, SPEED), 120.0)
    np.testing.assert_array_equal(far.seconds, np.where(found.seconds <= 120, found.seconds, np.inf))
    assert ((far.source == -1) == np.isinf(far.seconds)).all()
    each = np.array([seconds_to_places(made, s, sources, places) for s in range(5)])
    found = nearest_by_place(made, sources, by_edge(made, places), walk_times(made, SPEED))
    np.testing.assert_allclose(found.seconds, each.min(axis=0), atol=0.001)
    there = found.source >= 0
    assert there.tolist() == (places.edge >= 0).tolist()
    np.testing.assert_allclose(each[found.source, np.arange(40)][there], each.min(axis=0)[there], atol=0.001)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000), limit=st.floats(1, 600), together=st.booleans())
def test_what_is_passed_in_time_is_what_brute_force_says(seed, limit, together):
    made = random_network(seed)
    origins, places = random_places(made, 4, seed), random_places(made, 60, seed + 1)
    group = np.array([0, 1, 1, 0], dtype=np.int32) if together else np.arange(4, dtype=np.int32)
    seen = passed(made, origins, by_edge(made, places), limit, walk_times(made, SPEED), group=group)
    assert len(seen.start) - 1 == group.max() + 1
    each = np.array([seconds_to_places(made, o, origins, places) for o in range(4)])
    for number in range(len(seen.start) - 1):
        part = slice(seen.start[number], seen.start[number + 1])
        mine = np.full(60, np.inf)
        mine[seen.item[part]] = seen.seconds[part]
        assert len(np.unique(seen.item[part])) == len(seen.item[part])
        expected = each[group == number].min(axis=0)
        differ = ~np.isclose(mine, np.where(expected <= limit, expected, np.inf), rtol=0, atol=0.001)
        assert np.allclose(expected[differ], limit, rtol=0, atol=0.001)


def test_nobody_walks_from_nowhere():
    made = random_network(0)
    nowhere = snap(made, [0.0, np.nan], [0.0, 1.0], 50)
    assert nowhere.edge.tolist() == [-1, -1]
    assert len(reach(made, nowhere, 900, walk_times(made, SPEED)).node) == 0
    assert (nearest_source(made, nowhere, walk_times(made, SPEED)).source == -1).all()
