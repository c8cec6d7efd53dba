"""Extracts that are cut, broken or empty: what is there is read, what is not is named."""

from __future__ import annotations

import numpy as np
import osmium
import pytest
import shapely

from gridmap.errors import LayerError
from gridmap.geo.io import read_layer
from gridmap.network.io import read_network
from tests.network.made import write_extract

NODES = {n: (9.5 + n * 1e-3, 47.1 + (n % 2) * 1e-3) for n in range(1, 10)}
STREET = [1, 2, 3, 4, 5, 6]
LIECHTENSTEIN = "liechtenstein/liechtenstein_2021.osm.pbf"


def made(tmp_path, *ways, nodes=NODES, name="made.osm.pbf", relations=()):
    return write_extract(tmp_path / name, nodes, list(ways), relations)


def test_a_cut_street_keeps_what_is_there_and_is_named(tmp_path):
    whole = read_network(made(tmp_path, (7, STREET, {"highway": "path"}), (8, [2, 8], {"highway": "path"})))
    cut = made(
        tmp_path, (7, [91, 92, *STREET, 93], {"highway": "path"}), (8, [2, 8], {"highway": "path"}), name="cut.osm.pbf"
    )
    found = read_network(cut)
    np.testing.assert_array_equal(found.vertex_xy, whole.vertex_xy)
    assert len(found.report.skipped_features) == 1
    assert "way/7" in found.report.skipped_features[0]
    assert not whole.report.skipped_features


def test_a_street_cut_in_the_middle_is_two_stretches(tmp_path):
    found = read_layer(made(tmp_path, (7, [1, 2, 99, 3, 4, 99, 5], {"highway": "path", "name": "A"})))
    assert found["osm_id"].tolist() == ["way/7", "way/7"]
    assert [len(shape.coords) for shape in found.geometry] == [2, 2]
    assert len(found.attrs["skipped"]) == 1


def test_streets_of_no_length_are_named_and_lose_nobody(tmp_path):
    path = made(tmp_path, (7, [1], {"highway": "path"}), (8, [2, 3], {"highway": "path"}))
    found = read_network(path)
    assert len(found.edge_nodes) == 1
    assert [said.split(":")[0] for said in found.report.skipped_features] == ["way/7"]


def test_a_lake_without_its_whole_shore_is_named(tmp_path):
    shore = (3, [5, 6, 7], {}), (4, [7, 8, 98, 5], {})
    lake = (11, [("w", 3, "outer"), ("w", 4, "outer")], {"type": "multipolygon", "natural": "water"})
    path = made(tmp_path, (1, [1, 2], {"highway": "path"}), *shore, relations=[lake])
    found = read_network(path, water=path)
    assert len(found.barriers) == 0
    assert [said.split(":")[0] for said in found.report.skipped_features] == ["relation/11"]


def test_a_pond_that_crosses_itself_is_named_and_a_good_one_is_not(tmp_path):
    nodes = NODES | {21: (9.52, 47.1), 22: (9.53, 47.11), 23: (9.53, 47.1), 24: (9.52, 47.11)}
    water = {"natural": "water"}
    bad, good = (5, [21, 22, 23, 24, 21], water), (6, [21, 23, 22, 24, 21], water)
    path = made(tmp_path, (1, [1, 2], {"highway": "path"}), bad, good, nodes=nodes)
    found = read_network(path, water=path)
    assert found.barriers["kind"].tolist() == ["water"]
    assert [said.split(":")[0] for said in found.report.skipped_features] == ["way/5"]


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        ([], "holds no streets"),
        ([(1, [1, 2], {"building": "yes"})], "holds no streets"),
        (
            [(1, [1, 2], {"highway": "motorway"}), (2, [2, 3], {"highway": "proposed"})],
            "no walkable.*motorway, proposed",
        ),
        ([(1, [98, 99], {"highway": "path"})], "holds no streets"),
        ([(1, [1, 2], {"highway": "path", "foot": "no"})], "holds no walkable street"),
    ],
)
def test_an_extract_without_a_street_to_walk_on_says_so(tmp_path, ways, told):
    with pytest.raises(LayerError, match=rf"made\.osm\.pbf.*{told}"):
        read_network(made(tmp_path, *ways))


def test_an_empty_a_missing_and_a_truncated_file_are_refused(tmp_path, shared):
    (tmp_path / "empty.osm.pbf").write_bytes(b"")
    with pytest.raises(LayerError, match=r"empty\.osm\.pbf"):
        read_network(tmp_path / "empty.osm.pbf")
    with pytest.raises(LayerError, match="does not exist"):
        read_network(tmp_path / "none.osm.pbf")
    streets = read_layer(made(tmp_path, (7, STREET, {"highway": "path"})))
    with pytest.raises(LayerError, match="does not exist"):
        read_network(streets, water=tmp_path / "none.osm.pbf")
    whole = shared(LIECHTENSTEIN).read_bytes()
    (tmp_path / "cut.osm.pbf").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(LayerError, match=r"cut\.osm\.pbf is truncated"):
        read_network(tmp_path / "cut.osm.pbf")


def test_one_pass_takes_what_three_files_give(tmp_path, shared):
    """Water and rail from copies of the extract, each read by itself, are the barriers of the extract."""
    path = shared(LIECHTENSTEIN)
    copies = []
    for name in ("water", "rail"):
        copies.append(tmp_path / f"{name}.osm.pbf")
        copies[-1].write_bytes(path.read_bytes())
    one, three = read_network(path, water=path, rail=path), read_network(path, water=copies[0], rail=copies[1])
    assert one.barriers["kind"].tolist() == three.barriers["kind"].tolist()
    assert shapely.equals_identical(one.barriers.geometry.values, three.barriers.geometry.values).all()
    frames = {role: read_layer(path, role=role) for role in ("water", "rail")}
    lines = read_network(path, **frames)
    assert shapely.equals_identical(one.barriers.geometry.values, lines.barriers.geometry.values).all()
    assert (one.barriers["kind"] == "rail").sum() > 10


def test_ways_are_counted_as_another_walk_through_the_file_does(shared):
    path = shared("porto/porto.osm.pbf")
    ways = osmium.FileProcessor(str(path), osmium.osm.WAY).with_filter(osmium.filter.KeyFilter("highway"))
    found = read_network(path)
    assert found.report.ways_read + len(found.report.skipped_features) == sum(1 for _ in ways)
