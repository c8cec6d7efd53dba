"""Walking times by class, slope, crossing and direction, against networkx's directed graphs."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.network.pace import ELDERLY_M_S, STEPS, Pace, walk_times
from gridmap.network.places import by_edge, nearest_by_place, passed
from gridmap.network.search import nearest_source, reach
from gridmap.network.snap import Snapped
from tests.network.made import network, random_network

SPEED = 1.1


def uneven(seed: int):
    """Return streets some of which are one way, steep or crossings."""
    made = random_network(seed)
    rng, edges = np.random.default_rng(seed), len(made.edge_length_m)
    return dataclasses.replace(
        made,
        edge_oneway=rng.choice([-1, 0, 0, 0, 1], edges).astype(np.int8),
        edge_slope=rng.uniform(0.9, 3.0, (edges, 2)).astype(np.float32),
        edge_crossing=rng.random(edges) < 0.2,
    )


def seconds_of(made, pace: Pace) -> np.ndarray:
    """Return what every edge takes there and back, edge by edge as one would say it aloud; inf where one may not."""
    out = np.full((len(made.edge_length_m), 2), np.inf)
    for edge, metres in enumerate(made.edge_length_m):
        for way, forbidden in ((0, -1), (1, 1)):
            seconds = metres / SPEED
            if made.class_names[made.edge_class[edge]] == "steps":
                seconds *= pace.steps
            if pace.slope:
                seconds *= made.edge_slope[edge, way]
            if made.edge_crossing[edge]:
                seconds += pace.crossing_s
            if made.edge_oneway[edge] != forbidden:
                out[edge, way] = seconds
    return out[:, ::-1] if pace.towards else out


def random_places(made, count: int, seed: int) -> Snapped:
    rng = np.random.default_rng(seed)
    edge = rng.integers(0, len(made.edge_length_m), count).astype(np.int32)
    along = made.edge_length_m[edge] * rng.uniform(0.05, 0.95, count)
    return Snapped(edge, along, rng.uniform(0, 60, count), along, along)


def walked(made, pace: Pace, origins: Snapped, places: Snapped) -> np.ndarray:
    """Return (origins, places) seconds by networkx, every origin and place a node on its edge cut in two."""
    seconds, graph = seconds_of(made, pace), nx.DiGraph()
    stops: dict[int, list[tuple[float, str]]] = {}
    for kind, some in (("from", origins), ("to", places)):
        for n in range(len(some)):
            share = some.along_m[n] / made.edge_length_m[some.edge[n]]
            stops.setdefault(int(some.edge[n]), []).append((share, f"{kind}{n}"))
    for edge, (start, stop) in enumerate(made.edge_nodes.tolist()):
        chain = [(0.0, start), *sorted(stops.get(edge, [])), (1.0, stop)]
        for (low, a), (high, b) in pairwise(chain):
            for tail, head, way in ((a, b, 0), (b, a, 1)):
                part = (high - low) * seconds[edge, way]
                if np.isfinite(part) and part < graph.get_edge_data(tail, head, {"s": np.inf})["s"]:
                    graph.add_edge(tail, head, s=part)
    out = np.full((len(origins), len(places)), np.inf)
    for o in range(len(origins)):
        graph.add_node(f"from{o}")
        found = nx.single_source_dijkstra_path_length(graph, f"from{o}", weight="s")
        for p in range(len(places)):
            off = (origins.offset_m[o] + places.offset_m[p]) / SPEED
            out[o, p] = found.get(f"to{p}", np.inf) + off
    return out


PACES = [Pace(), Pace(towards=True), Pace(slope=False, crossing_s=20), Pace(steps=1, crossing_s=7.5, towards=True)]


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), pace=st.sampled_from(PACES))
def test_walks_at_any_pace_and_in_either_direction_are_what_networkx_says(seed, pace):
    made = uneven(seed)
    origins, places = random_places(made, 4, seed), random_places(made, 30, seed + 1)
    expected, walk, spots = walked(made, pace, origins, places), walk_times(made, SPEED, pace), by_edge(made, places)
    found = passed(made, origins, spots, 600.0, walk)
    mine = np.full(expected.shape, np.inf)
    mine[found.origin, found.item] = found.seconds
    differ = ~np.isclose(mine, np.where(expected <= 600, expected, np.inf), rtol=0, atol=0.01)
    assert np.allclose(expected[differ], 600, rtol=0, atol=0.01)
    nearest = nearest_by_place(made, origins, spots, walk)
    np.testing.assert_allclose(nearest.seconds, expected.min(axis=0), atol=0.01)
    there = np.isfinite(nearest.seconds)
    assert (nearest.source[~there] == -1).all()
    np.testing.assert_allclose(expected[nearest.source, np.arange(30)][there], nearest.seconds[there], atol=0.01)


def test_steps_take_twice_as_long_and_the_elderly_walk_slower():
    made = network((((0, 0), (110, 0)), {"highway": "steps"}), (((110, 0), (220, 0)), {}))
    steps = made.edge_class == made.class_names.index("steps")
    walk = walk_times(made)
    assert walk.seconds[steps].ravel().tolist() == pytest.approx([100 * STEPS] * 2)
    assert walk.seconds[~steps].ravel().tolist() == pytest.approx([100] * 2)
    slow = walk_times(made, ELDERLY_M_S)
    np.testing.assert_allclose(slow.seconds * ELDERLY_M_S, walk.seconds * SPEED, rtol=1e-6)


def test_an_escalator_carries_one_way_only_and_the_reverse_search_knows_it():
    up = dataclasses.replace(network((((0, 0), (100, 0)), {})), edge_oneway=np.array([1], dtype=np.int8))
    foot = int(np.argmin(up.node_xy[:, 0]))
    start_is_foot = up.edge_nodes[0, 0] == foot
    assert start_is_foot
    bottom = Snapped(np.array([0], dtype=np.int32), *(np.zeros(1) for _ in range(4)))
    top = Snapped(np.array([0], dtype=np.int32), np.full(1, 100.0), *(np.zeros(1) for _ in range(3)))
    assert len(reach(up, bottom, 900, walk_times(up)).node) == 2
    assert len(reach(up, top, 900, walk_times(up)).node) == 1
    assert len(reach(up, top, 900, walk_times(up, SPEED, Pace(towards=True))).node) == 2
    assert np.isinf(nearest_source(up, top, walk_times(up)).seconds).sum() == 1


@pytest.mark.parametrize(
    "bad", [{"steps": 0.5}, {"steps": float("nan")}, {"crossing_s": -1}, {"crossing_s": float("inf")}]
)
def test_a_pace_that_is_none_is_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        Pace(**bad)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), "slow", None])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(InputError, match="speed_m_s"):
        walk_times(random_network(0), speed)
