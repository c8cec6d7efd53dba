"""Gaps: clusters against networkx over all pairs, and the reason of every home."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

import gridmap
from gridmap.circles.linkage import link_near
from gridmap.geo.io import write_layer
from gridmap.network.index import index_shapes
from tests.network.made import layer, network

NOTHING = index_shapes(np.empty(0, dtype=object))


def groups(number) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(number == n).tolist()) for n in np.unique(number)}


def by_networkx(xy, near_m, walls) -> set[frozenset[int]]:
    """Return the components of the graph of all pairs near enough whose straight way meets no wall."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(xy)))
    for i in range(len(xy)):
        for j in range(i):
            way = LineString([xy[i], xy[j]])
            if np.hypot(*(xy[i] - xy[j])) <= near_m and not any(way.intersects(wall) for wall in walls):
                graph.add_edge(i, j)
    return {frozenset(nodes) for nodes in nx.connected_components(graph)}


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), near_m=st.sampled_from([5.0, 40.0, 90.0, 400.0]), walled=st.booleans())
def test_clusters_are_the_components_of_all_pairs(seed, near_m, walled):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-300, 300, (60, 2))
    xy[:5] = xy[10]
    walls = [LineString(rng.uniform(-300, 300, (4, 2))) for _ in range(3)] if walled else []
    index = index_shapes(np.array(walls, dtype=object)) if walls else NOTHING
    number = link_near(xy, near_m, index)
    assert groups(number) == by_networkx(xy, near_m, walls)
    order = rng.permutation(60)
    assert groups(number[order]) == groups(link_near(xy[order], near_m, index))


def test_homes_in_one_place_are_one_and_with_no_distance_only_they():
    xy = np.array([[0, 0], [0, 0], [3, 0], [0, 0]], dtype=float)
    assert link_near(xy, 0, NOTHING).tolist() == [0, 0, 1, 0]
    assert link_near(xy[:0], 10, NOTHING).tolist() == []


@pytest.fixture(scope="module")
def town():
    """A long street, a short one that is joined to nothing, and a river along the long one."""
    return network(
        (((0, 0), (1000, 0), (2000, 0), (3000, 0)), {}),
        (((0, 1000), (400, 1000)), {}),
        water=layer(LineString([(-500, -50), (3500, -50)])),
    )


HOMES = {
    "near": (100, 20, 5),
    "nobody": (2700, 10, 0),
    "far1": (2800, 10, 7),
    "far2": (2900, -10, 11),
    "far3": (2990, 15, 2),
    "field": (1500, 600, 40),
    "bank1": (2850, -70, 3),
    "bank2": (2990, -60, 4),
    "yard": (200, 1030, 9),
    "nowhere": (None, None, 1),
}


@pytest.fixture(scope="module")
def homes():
    shapes = [None if x is None else Point(x, y) for x, y, _ in HOMES.values()]
    frame = layer(*shapes, households=[n for *_, n in HOMES.values()], residents=[3 * n for *_, n in HOMES.values()])
    return frame.set_index(np.array(list(HOMES), dtype=object))


@pytest.fixture(scope="module")
def station():
    return layer(Point(0, 0), station=["s"])


def test_every_home_out_of_reach_says_why(town, station, homes):
    cover = gridmap.coverage(town, station, homes, minutes=15)
    assert cover.homes["reason"].astype(str).to_dict() == {
        "near": "",
        "nobody": "beyond_limit",
        "far1": "beyond_limit",
        "far2": "beyond_limit",
        "far3": "beyond_limit",
        "field": "off_street",
        "bank1": "behind_barrier",
        "bank2": "behind_barrier",
        "yard": "island",
        "nowhere": "no_geometry",
    }
    assert cover.homes["station"].notna().tolist() == [True] * 5 + [False] * 5
    assert cover.homes["covered"].tolist() == [True] + [False] * 9


def test_gaps_are_ranked_clusters_with_where_they_live(town, station, homes):
    areas = layer(box(-500, -500, 2895, 2000), box(2895, -500, 3500, 500), code=["west", "east"])
    cover = gridmap.coverage(town, station, homes, minutes=15, areas=areas)
    gaps = cover.gaps
    members = [set(cover.homes.index[cover.homes["gap"] == n]) for n in gaps.index]
    # The river keeps the banks apart from the street, though they are near; nobody lives in "nobody".
    assert members == [{"field"}, {"far1", "far2", "far3"}, {"yard"}, {"bank1", "bank2"}, {"nowhere"}]
    assert gaps["households"].tolist() == [40, 20, 9, 7, 1]
    assert gaps["residents"].tolist() == [120, 60, 27, 21, 3]
    assert gaps["homes"].tolist() == [1, 3, 1, 2, 1]
    assert gaps["area"].astype(object).where(gaps["area"].notna(), None).tolist() == [
        "west",
        "east",
        "west",
        "east",
        None,
    ]
    assert gaps["reason"].tolist() == ["off_street", "beyond_limit", "island", "behind_barrier", "no_geometry"]
    minutes = np.average([2810, 2910, 3005], weights=[7, 11, 2]) / 1.1 / 60
    np.testing.assert_allclose(gaps["minutes"], [np.nan, minutes, np.nan, np.nan, np.nan], rtol=1e-5)
    assert gaps.crs == homes.crs
    assert shapely.get_num_geometries(gaps.geometry.values).tolist() == [1, 3, 1, 2, 0]
    assert gaps.geometry[1].equals(shapely.MultiPoint(homes.geometry[["far1", "far2", "far3"]].tolist()))
    assert cover.homes["gap"].to_dict()["near"] == cover.homes["gap"].to_dict()["nobody"] == -1


def test_how_near_is_said_and_nothing_out_of_reach_is_no_gap(town, station, homes):
    apart = gridmap.coverage(town, station, homes, minutes=15, gap_m=95)
    assert [set(apart.homes.index[apart.homes["gap"] == n]) for n in (1, 2)] == [{"far2", "far3"}, {"yard"}]
    none = gridmap.coverage(town, station, homes[:1], minutes=15)
    assert (len(none.gaps), none.gaps.crs, none.share) == (0, homes.crs, 1.0)
    assert {"households", "homes", "minutes", "reason"} <= set(none.gaps.columns)


def test_with_no_station_on_the_network_all_homes_are_gaps(town, homes, tmp_path):
    lost = layer(Point(90_000, 0), None, station=["s", "t"])
    cover = gridmap.coverage(town, lost, homes, minutes=15)
    assert (cover.covered, cover.share) == (0, 0)
    assert cover.by_station["outcome"].tolist() == ["off_network"] * 2
    assert cover.gaps["households"].sum() == cover.total == homes["households"].sum()
    assert set(cover.homes["reason"]) == {"no_station", "off_street", "behind_barrier", "island", "no_geometry"}
    assert cover.minutes_to_nearest.isna().all()
    write_layer(cover.gaps, tmp_path / "gaps.gpkg")
    assert gpd.read_file(tmp_path / "gaps.gpkg")["households"].tolist() == cover.gaps["households"].tolist()
