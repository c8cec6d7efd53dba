"""``gridmap repair`` as a user runs it."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

import gridmap

from made_layers import rect  # isort: skip


@pytest.fixture
def damaged(tmp_path):
    """Give a file of three parcels: a gap between the first two, an overlap between the last two."""
    shapes = [rect(0, 0, 100, 300), rect(100.4, 0, 200, 300), rect(199.8, 0, 300, 300)]
    path = tmp_path / "parcels.gpkg"
    gpd.GeoDataFrame({"CODE": ["p1", "p2", "p3"]}, geometry=shapes, crs=4490).to_file(path, layer="parcels")
    return path


def test_the_layer_and_its_changes_are_written_and_told(run_gridmap, damaged, tmp_path):
    out = tmp_path / "mended.gpkg"
    done = run_gridmap("repair", damaged, "--code", "CODE", "--layer", "parcels", "-o", out)
    told = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.stdout.splitlines() if "│" in line]
    places = {row[0]: row[2:] for row in told if len(row) == 4}
    assert places == {"gap": ["1", "120"], "overlap": ["1", "60"]}
    mended = gridmap.read_layer(out)
    assert mended["CODE"].tolist() == ["p1", "p2", "p3"]
    assert shapely.coverage_is_valid(mended.geometry.values)
    assert len(shapely.get_parts(shapely.union_all(mended.geometry.values))) == 1
    changes = gridmap.read_layer(out, layer="changes")
    assert {row[0] for row in told if len(row) == 8} == set(changes["code"])
    assert changes["gained_m2"].sum() == pytest.approx(120, rel=0.01)


def test_what_cannot_be_mended_ends_with_a_code_and_leaves_nothing(run_gridmap, damaged, tmp_path):
    out = tmp_path / "mended.gpkg"
    refused = run_gridmap("repair", damaged, "--snap", "0.1", "--code", "CODE", "-o", out, check=2)
    assert "p2, p3 overlap" in refused.stderr
    assert not out.exists()
    assert "writing would replace it" in run_gridmap("repair", damaged, "-o", damaged, check=2).stderr
    assert ".gpkg only" in run_gridmap("repair", damaged, "-o", tmp_path / "a.shp", check=2).stderr
