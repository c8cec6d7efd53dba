"""Layers out of an extract: all that is in it, and a clear word where it is damaged."""

from __future__ import annotations

import osmium
import pytest

from gridmap.errors import LayerError
from gridmap.geo.io import read_layer
from gridmap.geo.osm_io import ROLES, read_osm

LIECHTENSTEIN = "liechtenstein/liechtenstein_2021.osm.pbf"


def text_extract(tmp_path, nodes, ways):
    """Write an .osm of nodes {id: (lon, lat)} and ways [(id, node ids, tags)]."""
    lines = [f'<node id="{n}" lon="{x}" lat="{y}" version="1"/>' for n, (x, y) in nodes.items()]
    for number, refs, tags in ways:
        inner = "".join(f'<nd ref="{n}"/>' for n in refs)
        inner += "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
        lines.append(f'<way id="{number}" version="1">{inner}</way>')
    path = tmp_path / "made.osm"
    path.write_text('<osm version="0.6">' + "".join(lines) + "</osm>")
    return path


def counted(path, key, ways_only=True):
    """Count features with a tag by another walk through the file."""
    found = osmium.FileProcessor(str(path)).with_filter(osmium.filter.KeyFilter(key))
    return sum(1 for thing in found if thing.is_way() or (not ways_only and thing.is_relation()))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("role", ["streets", "buildings"])
def test_a_truncated_extract_is_refused_and_named_truncated(shared, tmp_path, share, role):
    whole = shared(LIECHTENSTEIN).read_bytes()
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(LayerError, match=r"cut\.osm\.pbf is truncated"):
        read_layer(cut, role=role)


def test_an_extract_with_bytes_overwritten_is_refused(shared, tmp_path):
    content = bytearray(shared(LIECHTENSTEIN).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5000] = b"\0" * 5000
    (tmp_path / "bad.osm.pbf").write_bytes(content)
    with pytest.raises(LayerError, match="damaged"):
        read_layer(tmp_path / "bad.osm.pbf")


def test_streets_of_an_extract_are_all_its_ways_with_a_highway(shared):
    frame = read_layer(shared(LIECHTENSTEIN))
    lost = len(frame.attrs["skipped"])
    assert len(frame) + lost == counted(shared(LIECHTENSTEIN), "highway")
    assert lost < 0.01 * len(frame)
    assert set(frame.geom_type) == {"LineString"}
    assert {"highway", "foot", "access", "bridge", "layer"} <= set(frame.columns)


def test_buildings_of_an_extract_are_areas_and_nearly_all(shared):
    frame = read_layer(shared(LIECHTENSTEIN), role="buildings")
    assert set(frame.geom_type) == {"MultiPolygon"}
    assert frame.geometry.is_valid.mean() > 0.999
    assert len(frame) == pytest.approx(14_046, rel=0.01)  # what SOURCES.md counts
    assert frame["osm_id"].is_unique


def test_water_of_an_extract_is_rivers_as_lines_and_lakes_as_areas(shared):
    frame = read_layer(shared(LIECHTENSTEIN), role="water")
    assert {"LineString", "MultiPolygon"} <= set(frame.geom_type)
    rhine = frame[frame["name"].fillna("").str.contains("Rhein") & (frame["waterway"] == "river")]
    assert rhine.to_crs(32632).length.sum() > 20_000


def test_the_other_layers_of_an_extract(shared):
    rail = read_layer(shared(LIECHTENSTEIN), role="rail")
    assert (rail["railway"] == "rail").any()
    addresses = read_layer(shared(LIECHTENSTEIN), role="addresses")
    assert len(addresses) == pytest.approx(3_694, rel=0.05)
    assert addresses["number"].notna().all()
    assert len(read_layer(shared(LIECHTENSTEIN), role="boundary")["admin_level"].unique()) == 1


def test_a_role_that_an_extract_does_not_have_is_refused_and_those_there_named(shared):
    with pytest.raises(LayerError) as refused:
        read_layer(shared(LIECHTENSTEIN), role="trees")
    assert all(role in str(refused.value) for role in ROLES)


def test_an_extract_without_such_features_says_so(tmp_path):
    path = text_extract(tmp_path, {1: (9.5, 47.1), 2: (9.6, 47.1)}, [(1, [1, 2], {"highway": "path"})])
    assert read_osm(path, "streets")["highway"].tolist() == ["path"]
    with pytest.raises(LayerError, match="holds no buildings"):
        read_osm(path, "buildings")


def test_a_way_whose_nodes_are_missing_is_skipped_named_and_loses_nobody(tmp_path):
    path = text_extract(
        tmp_path,
        {1: (9.5, 47.1), 2: (9.6, 47.1)},
        [(7, [1, 2], {"highway": "path"}), (8, [1, 99], {"highway": "path"}), (9, [2, 1], {"highway": "steps"})],
    )
    frame = read_layer(path)
    assert frame["osm_id"].tolist() == ["way/7", "way/9"]
    assert len(frame.attrs["skipped"]) == 1
    assert "8" in frame.attrs["skipped"][0]


def test_a_roundabout_is_a_line_and_a_pond_an_area(tmp_path):
    nodes = {1: (9.5, 47.1), 2: (9.51, 47.1), 3: (9.51, 47.11)}
    ring = [1, 2, 3, 1]
    path = text_extract(tmp_path, nodes, [(1, ring, {"highway": "primary"}), (2, ring, {"natural": "water"})])
    assert read_osm(path, "streets").geom_type.tolist() == ["LineString"]
    assert read_osm(path, "water").geom_type.tolist() == ["MultiPolygon"]
