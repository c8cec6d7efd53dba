"""Real streets: the same network by another way, and the same network from another file or from the cache."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import osmium
import pytest
import shapely
from pandas.testing import assert_frame_equal
from scipy.spatial import cKDTree

from gridmap.errors import LayerError
from gridmap.geo.io import read_layer, write_layer
from gridmap.network import cache_io
from gridmap.network import io as network_io
from gridmap.network.io import read_network
from gridmap.network.walkable import is_walkable, storey
from tests.network.made import streets, tags_of

ARRAYS = ("node_xy", "edge_nodes", "edge_length_m", "edge_class", "edge_roadside", "vertex_start", "vertex_xy")
LIECHTENSTEIN = "liechtenstein/liechtenstein_2021.osm.pbf"


def assert_equal_networks(one, other):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.crs, one.class_names, one.report, one.date) == (other.crs, other.class_names, other.report, other.date)
    assert_frame_equal(one.barriers.to_wkb(), other.barriers.to_wkb())
    assert shapely.equals_identical(one.islands, other.islands).all()


def by_vertex_pairs(layer: gpd.GeoDataFrame, crs) -> nx.MultiGraph:
    """Return the walking network with a node at every vertex: nothing is split, so nothing can be split wrongly."""
    walk = layer[is_walkable(tags_of(layer))].to_crs(crs)
    ends = {xy for shape in walk.geometry for xy in (shape.coords[0], shape.coords[-1])}
    graph = nx.MultiGraph()
    for shape, level in zip(walk.geometry, storey(tags_of(walk)), strict=True):
        points = [xy if xy in ends else (*xy, level) for xy in shape.coords]
        for a, b in pairwise(points):
            if a != b:
                graph.add_edge(a, b, metres=np.hypot(a[0] - b[0], a[1] - b[1]))
    return graph


def metres(graph, nodes) -> float:
    return graph.subgraph(nodes).size(weight="metres")


@pytest.mark.parametrize("name", [LIECHTENSTEIN, "xinwu/roads.gpkg"])
def test_the_main_part_and_its_length_are_those_of_a_graph_of_all_vertices(shared, name):
    made = read_network(shared(name))
    graph = by_vertex_pairs(read_layer(shared(name)), made.crs)
    components = list(nx.connected_components(graph))
    lengths = sorted(metres(graph, nodes) for nodes in components)
    assert made.edge_length_m.sum() == pytest.approx(lengths[-1], abs=0.01)
    assert made.report.components == len(components)
    assert made.report.dropped_length_m == pytest.approx(sum(lengths[:-1]), abs=0.01)
    assert shapely.length(made.islands).sum() == pytest.approx(made.report.dropped_length_m)
    main = max(components, key=lambda nodes: metres(graph, nodes))
    # Every dead end and every crossing of the graph is a junction of the network.
    junctions = np.array([node[:2] for node in main if graph.degree(node) != 2])
    assert cKDTree(made.node_xy).query(junctions)[0].max() < 0.001
    assert len(made.node_xy) < len(main) / 2, "and few of the vertices in between are"


def test_walks_between_junctions_are_as_long_as_in_a_graph_of_all_vertices(shared):
    made = read_network(shared(LIECHTENSTEIN))
    graph = by_vertex_pairs(read_layer(shared(LIECHTENSTEIN)), made.crs)
    node = {xy: n for n in graph for xy in [(round(n[0], 3), round(n[1], 3))] if graph.degree(n) != 2}
    small = nx.Graph()
    for (a, b), length in zip(made.edge_nodes.tolist(), made.edge_length_m.tolist(), strict=True):
        if length < small.get_edge_data(a, b, {"metres": np.inf})["metres"]:
            small.add_edge(a, b, metres=length)
    rng = np.random.default_rng(0)
    known = [n for n in range(len(made.node_xy)) if tuple(made.node_xy[n].round(3)) in node]
    for start in rng.choice(known, 2):
        short = nx.single_source_dijkstra_path_length(small, int(start), weight="metres", cutoff=5000)
        long = nx.single_source_dijkstra_path_length(
            graph, node[tuple(made.node_xy[start].round(3))], weight="metres", cutoff=6000
        )
        both = [n for n in short if tuple(made.node_xy[n].round(3)) in node]
        assert len(both) > 300
        assert [short[n] for n in both] == pytest.approx([long[node[tuple(made.node_xy[n].round(3))]] for n in both])


def test_a_second_reading_comes_from_the_cache_and_is_equal(tmp_path, shared, monkeypatch):
    monkeypatch.setenv("GRIDMAP_CACHE_DIR", str(tmp_path))
    path = shared(LIECHTENSTEIN)
    first = read_network(path, water=path, rail=path)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(network_io, "_build", lambda *_: pytest.fail("it was read again"))
    assert_equal_networks(first, read_network(path, water=path, rail=path))
    assert set(first.barriers["kind"]) == {"water", "rail"}


def test_a_changed_file_is_read_anew(tmp_path):
    path = tmp_path / "streets.gpkg"
    write_layer(streets((((0, 0), (100, 0)), {})), path)
    assert read_network(path).edge_length_m.tolist() == pytest.approx([100])
    write_layer(streets((((0, 0), (250, 0)), {})), path)
    assert read_network(path).edge_length_m.tolist() == pytest.approx([250])
    path.unlink()
    with pytest.raises(LayerError, match="does not exist"):
        read_network(path)


def test_another_column_or_water_is_another_network(tmp_path):
    write_layer(streets((((0, 0), (100, 0)), {"kind": "steps"})), tmp_path / "a.gpkg")
    assert read_network(tmp_path / "a.gpkg").class_names == ("residential",)
    assert read_network(tmp_path / "a.gpkg", highway="kind").class_names == ("steps",)
    write_layer(streets((((0, 9), (100, 9)), {})), tmp_path / "water.gpkg")
    assert len(read_network(tmp_path / "a.gpkg", water=tmp_path / "water.gpkg").barriers) == 1
    assert len(read_network(tmp_path / "a.gpkg").barriers) == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", None], ids=["empty", "garbage", "half"])
def test_a_damaged_entry_of_the_cache_is_made_anew(tmp_path, monkeypatch, content):
    monkeypatch.setenv("GRIDMAP_CACHE_DIR", str(tmp_path / "cache"))
    write_layer(streets((((0, 0), (100, 0)), {})), tmp_path / "a.gpkg")
    first = read_network(tmp_path / "a.gpkg")
    entry = cache_io.place([tmp_path / "a.gpkg", None, None], "highway")
    entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2] if content is None else content)
    assert_equal_networks(first, read_network(tmp_path / "a.gpkg"))


def test_a_cache_that_cannot_be_written_costs_time_not_the_result(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("GRIDMAP_CACHE_DIR", str(tmp_path / "cache"))
    write_layer(streets((((0, 0), (100, 0)), {})), tmp_path / "a.gpkg")
    assert read_network(tmp_path / "a.gpkg").edge_length_m.tolist() == pytest.approx([100])


def test_the_date_of_an_extract_is_the_one_it_states(tmp_path, shared):
    dated = osmium.io.Header()
    dated.set("osmosis_replication_timestamp", "2021-06-01T20:21:02Z")
    copy = tmp_path / "dated.osm.pbf"
    with osmium.SimpleWriter(str(copy), header=dated) as writer:
        for thing in osmium.FileProcessor(str(shared(LIECHTENSTEIN))):
            writer.add(thing)
    assert read_network(copy).date == datetime(2021, 6, 1, 20, 21, 2, tzinfo=UTC)
    assert read_network(copy).date == datetime(2021, 6, 1, 20, 21, 2, tzinfo=UTC), "also from the cache"


@pytest.mark.parametrize("suffix", ["gpkg", "parquet"])
def test_street_lines_give_the_network_that_their_extract_gives(tmp_path, shared, suffix):
    whole = read_network(shared(LIECHTENSTEIN))
    write_layer(read_layer(shared(LIECHTENSTEIN)), tmp_path / f"streets.{suffix}")
    lines = read_network(tmp_path / f"streets.{suffix}")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(lines, name), getattr(whole, name), err_msg=name)
    assert lines.report.components == whole.report.components
