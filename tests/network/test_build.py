"""From street lines to junctions and edges: what joins what, what may be walked, what is left out."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import LineString, MultiLineString

from gridmap.errors import CrsError, LayerError
from gridmap.network.io import read_network
from gridmap.network.walkable import MOTORWAYS, WALKABLE, is_walkable, storey
from tests.network.made import CORNER, CRS, as_graph, network, random_network, streets, tags_of

CROSS = ((-100, 0), (0, 0), (100, 0)), ((0, -100), (0, 0), (0, 100))


def parts(made) -> int:
    return made.report.components


def test_streets_that_share_a_vertex_meet_there():
    made = network(*[(points, {}) for points in CROSS])
    assert (len(made.node_xy), len(made.edge_nodes), parts(made)) == (5, 4, 1)
    np.testing.assert_allclose(made.edge_length_m, 100, atol=1e-6)
    assert np.bincount(made.edge_nodes.ravel()).max() == 4


def test_streets_that_cross_without_a_vertex_do_not_meet():
    made = network((((-100, 0), (120, 0)), {}), (((0, -100), (0, 100)), {}))
    assert (len(made.edge_nodes), parts(made)) == (1, 2)
    assert made.edge_length_m.tolist() == pytest.approx([220])
    assert made.report.dropped_length_m == pytest.approx(200)
    assert made.report.dropped_edges == 1
    assert shapely.length(made.islands).tolist() == pytest.approx([200])


@pytest.mark.parametrize("over", [{"bridge": "yes"}, {"tunnel": "yes"}, {"bridge": "viaduct", "layer": "2"}])
def test_a_bridge_does_not_join_what_it_crosses_though_they_share_a_vertex(over):
    assert parts(network((CROSS[0], over), (CROSS[1], {}))) == 2


def test_bridges_of_different_layers_do_not_meet_and_of_the_same_do():
    one, two = {"bridge": "yes", "layer": "1"}, {"bridge": "yes", "layer": "2"}
    assert parts(network((CROSS[0], one), (CROSS[1], two))) == 2
    assert parts(network((CROSS[0], one), (CROSS[1], one))) == 1


@pytest.mark.parametrize("said", ["no", "", None, "building_passage"])
def test_what_only_names_the_tag_is_no_bridge(said):
    assert parts(network((CROSS[0], {"bridge": said, "tunnel": said}), (CROSS[1], {}))) == 1


def test_a_bridge_joins_the_street_at_its_end():
    made = network((((-100, 0), (0, 0)), {}), (((0, 0), (50, 0)), {"bridge": "yes"}), (((50, 0), (90, 0)), {}))
    assert (len(made.edge_nodes), parts(made)) == (3, 1)
    assert sorted(zip(made.edge_length_m.round().tolist(), made.edge_roadside.tolist(), strict=True)) == [
        (40, True), (50, False), (100, True)]  # fmt: skip


def test_layer_alone_counts_only_where_no_street_tells_of_bridges():
    layered = [(CROSS[0], {"layer": "1"}), (CROSS[1], {})]
    assert parts(network(*layered)) == 2
    assert parts(network(*layered, (((0, 100), (0, 150)), {"bridge": "no"}))) == 1
    assert storey(tags_of(streets(*layered))).tolist() == [1, 0]


@pytest.mark.parametrize("kind", WALKABLE)
def test_streets_steps_and_paths_are_walkable(kind):
    assert is_walkable(tags_of(streets((CROSS[0], {"highway": kind})))).tolist() == [True]


@pytest.mark.parametrize("kind", [*MOTORWAYS, "construction", "proposed", "raceway", "elevator", "", None, "space"])
def test_motorways_and_what_the_table_does_not_name_are_not(kind):
    assert is_walkable(tags_of(streets((CROSS[0], {"highway": kind})))).tolist() == [False]


@pytest.mark.parametrize(
    ("tags", "walkable"),
    [
        ({"foot": "no"}, False), ({"foot": "use_sidepath"}, False), ({"foot": "NO "}, False),
        ({"access": "private"}, False), ({"access": "no"}, False), ({"access": "customers"}, True),
        ({"access": "private", "foot": "yes"}, True), ({"access": "no", "foot": "designated"}, True),
        ({"access": "yes", "foot": "private"}, False), ({"area": "yes"}, False), ({"oneway": "yes"}, True),
        ({"highway": "cycleway", "foot": "no"}, False), ({"highway": "motorway", "foot": "yes"}, False),
    ],
)  # fmt: skip
def test_tags_over_the_class(tags, walkable):
    assert is_walkable(tags_of(streets((CROSS[0], tags)))).tolist() == [walkable]


def test_motorways_are_barriers_unless_on_a_bridge_or_in_a_tunnel():
    fast = {"highway": "motorway"}
    made = network((CROSS[0], {}), (CROSS[1], fast), (((0, 100), (0, 200)), {**fast, "bridge": "yes"}))
    assert made.barriers["kind"].tolist() == ["motorway"]
    assert made.barriers.length.tolist() == pytest.approx([200])
    assert len(made.edge_nodes) == 1, "a motorway joins nothing"


def test_the_part_with_the_most_metres_is_kept_not_the_one_with_the_most_streets():
    comb = [(((n * 10, 500), (n * 10 + 10, 500)), {}) for n in range(20)]
    made = network(*comb, (((0, 0), (300, 0)), {}))
    assert made.edge_length_m.tolist() == pytest.approx([300])
    assert (made.report.dropped_edges, made.report.dropped_length_m) == (20, pytest.approx(200))


def test_parallel_edges_and_loops_are_kept():
    made = network(
        (((0, 0), (100, 0)), {}), (((0, 0), (50, 40), (100, 0)), {}), (((100, 0), (150, 50), (150, 0), (100, 0)), {})
    )
    assert len(made.edge_nodes) == 3
    assert as_graph(made).number_of_edges(*made.edge_nodes[0]) == 2
    assert (made.edge_nodes[:, 0] == made.edge_nodes[:, 1]).sum() == 1


def test_vertices_drawn_twice_and_ways_without_length_do_no_harm():
    made = network((((0, 0), (0, 0), (100, 0), (100, 0)), {}), (((100, 0), (100, 0)), {}), (((100, 0), (100, 9)), {}))
    assert sorted(made.edge_length_m.tolist()) == pytest.approx([9, 100])


def test_multilines_are_taken_apart_and_points_left_out():
    shapes = [MultiLineString([[(0, 0), (9, 0)], [(9, 0), (9, 9)]]), shapely.Point(5, 5), None]
    shapes = gpd.GeoSeries(shapes, crs=CRS).translate(*CORNER)
    made = read_network(gpd.GeoDataFrame({"highway": "path"}, geometry=shapes.values, crs=CRS, index=range(3)))
    assert made.edge_length_m.tolist() == pytest.approx([9, 9])


def test_the_class_may_stand_in_another_column():
    layer = streets((CROSS[0], {"fclass": "steps", "highway": "motorway"}))
    assert read_network(layer, highway="fclass").class_names == ("steps",)
    with pytest.raises(LayerError, match=r"no column 'kind'.*(fclass, highway|highway, fclass)"):
        read_network(layer, highway="kind")


def test_a_layer_without_a_walkable_street_is_refused_and_its_classes_named():
    with pytest.raises(LayerError, match=r"no walkable street.*motorway, proposed"):
        network((CROSS[0], {"highway": "motorway"}), (CROSS[1], {"highway": "proposed"}))
    with pytest.raises(CrsError, match="no CRS"):
        read_network(gpd.GeoDataFrame({"highway": ["path"]}, geometry=[LineString([(0, 0), (1, 1)])]))


@pytest.mark.parametrize("seed", range(4))
def test_lengths_and_ends_are_those_of_the_lines(seed):
    made = random_network(seed)
    edges = made.edges()
    np.testing.assert_allclose(made.edge_length_m, edges.length, atol=1e-6)
    ends = shapely.get_point(edges.geometry.to_numpy(), 0), shapely.get_point(edges.geometry.to_numpy(), -1)
    for side in (0, 1):
        np.testing.assert_allclose(shapely.get_coordinates(ends[side]), made.node_xy[made.edge_nodes[:, side]])
    assert nx.is_connected(as_graph(made))
