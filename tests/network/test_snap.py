"""Getting on the network: the nearest street by shapely's tree, and never across water, rail or a motorway."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box

from gridmap.network.io import read_network
from gridmap.network.snap import Snapped, snap
from tests.network.made import CORNER, layer, network, random_network

STREET = ((0, 0), (1000, 0)), {}


def beside(made, points, max_m=100.0, **options) -> Snapped:
    return snap(made, *(np.asarray(points, dtype=float) + CORNER).T, max_m, **options)


def check_consistent(made, x, y, on: Snapped):
    """What is said of a place must agree: it lies on its edge, so far along, so far off."""
    there = on.edge >= 0
    lines = made.edges().geometry.to_numpy()[on.edge[there]]
    spots = shapely.points(on.x[there], on.y[there])
    assert shapely.distance(lines, spots).max(initial=0) < 1e-6
    assert shapely.distance(shapely.line_interpolate_point(lines, on.along_m[there]), spots).max(initial=0) < 1e-6
    np.testing.assert_allclose(np.hypot(on.x - x, on.y - y)[there], on.offset_m[there], atol=1e-6)
    assert made.edge_roadside[on.edge[there]].all()
    for values in (on.along_m, on.offset_m, on.x, on.y):
        assert (np.isnan(values) == ~there).all()


def check_nearest(made, x, y, max_m):
    on = snap(made, x, y, max_m, barriers=False)
    check_consistent(made, x, y, on)
    lines = made.edges().geometry.to_numpy()[made.edge_roadside]
    tree = shapely.STRtree(lines)
    nearest = shapely.distance(lines[tree.nearest(shapely.points(x, y))], shapely.points(x, y))
    near = nearest <= max_m
    assert (on.edge >= 0).tolist() == near.tolist()
    np.testing.assert_allclose(on.offset_m[near], nearest[near], atol=1e-6)
    return near


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), max_m=st.sampled_from([1.0, 40.0, 250.0, 5000.0]))
def test_the_nearest_street_is_what_a_tree_says(seed, max_m):
    made = random_network(seed)
    rng = np.random.default_rng(seed)
    low, high = made.node_xy.min(axis=0) - 400, made.node_xy.max(axis=0) + 400
    check_nearest(made, *rng.uniform(low, high, (200, 2)).T, max_m)


@pytest.mark.parametrize("name", ["liechtenstein/liechtenstein_2021.osm.pbf", "porto/porto.osm.pbf"])
def test_the_nearest_street_of_a_real_place_is_what_a_tree_says(shared, name):
    made = read_network(shared(name))
    rng = np.random.default_rng(0)
    x, y = (made.vertex_xy[rng.integers(0, len(made.vertex_xy), 4000)] + rng.normal(0, 150, (4000, 2))).T
    near = check_nearest(made, x, y, 100.0)
    assert 500 < near.sum() < 3999


def crosses(way: LineString, barriers) -> bool:
    """Whether a way passes through the line of a barrier: it has part of itself on both sides, in earnest."""
    return any(way.crosses(barrier) for barrier in barriers)


@pytest.mark.parametrize("seed", range(6))
def test_nobody_crosses_a_barrier_and_everybody_else_gets_to_the_nearest(seed):
    """Random walls over random streets: the edge taken is the nearest of those whose nearest point is in the open."""
    made = random_network(seed)
    rng = np.random.default_rng(seed)
    low, high = made.node_xy.min(axis=0) - 50, made.node_xy.max(axis=0) + 50
    ends = rng.uniform(low, high, (25, 2))
    walls = [LineString([a, a + rng.uniform(-150, 150, 2), a + rng.uniform(-150, 150, 2)]) for a in ends]
    walled = read_walled(seed, walls)
    x, y = rng.uniform(low, high, (150, 2)).T
    on = snap(walled, x, y, 120.0)
    check_consistent(walled, x, y, on)
    segments = [
        LineString(pair)
        for a, b in zip(walled.vertex_start[:-1], walled.vertex_start[1:], strict=True)
        for pair in zip(walled.vertex_xy[a : b - 1], walled.vertex_xy[a + 1 : b], strict=True)
    ]
    blocked = 0
    for i in range(len(x)):
        ways = [shapely.shortest_line(Point(x[i], y[i]), segment) for segment in segments]
        ways = [way for way in ways if way.length <= 120]
        free = [way.length for way in ways if not crosses(way, walls)]
        blocked += bool(ways) and len(free) < len(ways)
        assert (on.edge[i] >= 0) == bool(free)
        if free:
            assert on.offset_m[i] == pytest.approx(min(free), abs=1e-6)
    assert blocked > 10


def read_walled(seed, walls):
    """Return the random network of a seed, its streets read again with walls of water across."""
    edges = random_network(seed).edges()
    return read_network(edges, water=layer(*shapely.transform(walls, lambda xy: xy - CORNER)))


@pytest.mark.parametrize("kind", ["water", "rail"])
def test_water_and_rail_are_not_crossed(kind):
    wall = LineString([(-100, 30), (1100, 30)])
    made = network(STREET, **{kind: layer(wall)})
    assert made.barriers["kind"].tolist() == [kind]
    assert beside(made, [(500, 20), (500, 40), (500, -40)]).edge.tolist() == [0, -1, 0]
    assert beside(made, [(500, 40)], barriers=False).edge.tolist() == [0]


def test_a_motorway_is_not_crossed_and_a_bridge_over_it_is_no_door():
    fast = ((-100, 30), (1100, 30)), {"highway": "motorway"}
    over = ((500, 0), (500, 30), (500, 60)), {"bridge": "yes"}
    made = network(STREET, fast, over)
    assert beside(made, [(300, 40), (490, 60)]).edge.tolist() == [-1, -1]
    # The end of the bridge belongs to the bridge, which has no roadside; a street from there on has.
    beyond = network(STREET, fast, over, (((500, 60), (900, 60)), {}))
    assert beyond.edge_roadside[beside(beyond, [(490, 60)]).edge].tolist() == [True]


def test_a_lake_is_walked_around_not_across_and_a_culvert_is_nothing():
    made = network(STREET, water=layer(box(400, 10, 600, 50)))
    assert beside(made, [(500, 60), (500, 5), (300, 60), (500, 30)]).edge.tolist() == [-1, 0, 0, -1]
    for tags in ({"tunnel": "culvert"}, {"waterway": "ditch"}):
        made = network(STREET, water=layer(LineString([(0, 20), (1000, 20)]), **tags))
        assert beside(made, [(500, 60)]).edge.tolist() == [0]


def test_a_street_on_the_shore_is_reached_from_the_land():
    shore = Polygon([(0, 0), (1000, 0), (1000, -300), (0, -300)])
    made = network(STREET, water=layer(shore))
    assert beside(made, [(500, 40), (0, 40), (-30, 0)]).edge.tolist() == [0, 0, 0]
    assert beside(made, [(500, 40)]).offset_m.tolist() == pytest.approx([40])


def test_the_limit_is_kept_to_the_metre_and_no_number_is_nowhere():
    made = network(STREET)
    assert beside(made, [(500, 99.999), (500, 100.001), (1099.9, 0), (1100.1, 0)]).edge.tolist() == [0, -1, 0, -1]
    assert snap(made, [np.nan, np.inf, -np.inf], [0.0, 0.0, np.nan], 1e6).edge.tolist() == [-1, -1, -1]
    assert len(snap(made, [], [], 10)) == 0


def test_of_streets_equally_near_the_first_is_taken():
    made = network((((0, 0), (100, 0)), {}), (((0, 20), (100, 20)), {}), (((100, 0), (100, 20)), {}))
    assert beside(made, [(50, 10), (50, 10.0)]).edge.tolist() == [0, 0]


def same(one: Snapped, other: Snapped) -> bool:
    names = ("edge", "along_m", "offset_m", "x", "y")
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in names)


def test_processors_and_the_order_of_the_points_change_nothing(shared, monkeypatch):
    path = shared("liechtenstein/liechtenstein_2021.osm.pbf")
    made = read_network(path, water=path, rail=path)
    rng = np.random.default_rng(1)
    x, y = (made.vertex_xy[rng.integers(0, len(made.vertex_xy), 30_000)] + rng.normal(0, 60, (30_000, 2))).T
    x[::1000], y[5::1000] = np.nan, np.inf
    answers = {}
    for count in (1, 2, 5):
        monkeypatch.setattr("gridmap.geo.threads.processors", lambda count=count: count)
        answers[count] = snap(made, x, y, 80.0)
    assert same(answers[1], answers[2])
    assert same(answers[1], answers[5])
    assert 0.5 < (answers[1].edge >= 0).mean() < 0.999
    order = rng.permutation(len(x))
    assert same(answers[1].take(order), snap(made, x[order], y[order], 80.0))
    few = rng.choice(len(x), 50)
    assert all(same(answers[1].take(slice(i, i + 1)), snap(made, x[i], y[i], 80.0)) for i in few)
