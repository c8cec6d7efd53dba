"""Xinwu district: no buildings, weights in 250 m cells, superblocks, a lake: a test of splitting."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gridmap

from plans import assert_nested, assert_seamless, broken_grids, compactness, counts, within_band  # isort: skip


@pytest.fixture(scope="module")
def district(shared):
    """Network, blocks and total weight of the district."""
    folder = shared("xinwu")
    cells = gpd.read_file(folder / "built_form_250m.gpkg")
    network = gridmap.read_network(folder / "roads.gpkg", water=folder / "water.gpkg")
    blocks = gridmap.make_blocks(
        folder / "boundary.gpkg",
        folder / "roads.gpkg",
        water=folder / "water.gpkg",
        weights=gridmap.Weights(cells, "area_residential_m2", 100),
    )
    return network, blocks, cells["area_residential_m2"].sum() / 100


@pytest.fixture(scope="module")
def drawn(district):
    network, blocks, _ = district
    levels = {"large": 12, "medium": 198, "small": 2021, "micro": 253}
    return gridmap.draw_plan(blocks, network, levels=levels, county_code="320214")


@pytest.mark.slow
def test_all_levels_are_drawn_from_nothing_with_exact_counts(drawn, district):
    assert counts(drawn) == {"large": 12, "medium": 198, "small": 2021, "micro": 253}
    assert_seamless(drawn)
    assert_nested(drawn)
    assert np.isclose(drawn["small"]["households"].sum(), district[2], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["large", "medium", "small"])
def test_every_grid_is_whole_on_land(drawn, level):
    assert broken_grids(drawn, level) == []


@pytest.mark.slow
def test_grids_are_balanced_and_compact(drawn):
    assert within_band(drawn, "small") >= 0.95
    assert compactness(drawn, "small") >= 0.45


@pytest.mark.slow
def test_no_small_grid_is_narrower_than_20_m(drawn):
    """Each has room for a circle 20 m wide."""
    shapes = drawn["small"].to_crs(4549).geometry.values
    assert not shapely.is_empty(shapely.buffer(shapes, -10)).any()


@pytest.mark.slow
def test_the_check_finds_no_error(drawn, shared):
    found = gridmap.check_plan(drawn, boundary=gridmap.read_layer(shared("xinwu/boundary.gpkg")))
    assert found[found["severity"] == "error"].empty


@pytest.mark.slow
def test_other_counts_are_exact_too(district):
    network, blocks, _ = district
    levels = {"large": 10, "medium": 126, "small": 900, "micro": 60}
    plan = gridmap.draw_plan(blocks, network, levels=levels, county_code="320214")
    assert counts(plan) == levels
    found = gridmap.check_plan(plan)
    assert found[found["severity"] == "error"].empty


@pytest.mark.slow
def test_large_grids_meet_on_main_streets_and_water(drawn, shared):
    """By buffers: what of the borders between large grids lies within 5 m of a main street, or in water."""
    roads = gpd.read_file(shared("xinwu/roads.gpkg"))
    main = "tertiary|secondary|primary|trunk|motorway"
    roads = roads[roads["highway"].fillna("").str.fullmatch(f"({main})(_link)?")].to_crs(4549)
    water = gpd.read_file(shared("xinwu/water.gpkg")).to_crs(4549)
    large = drawn["large"].to_crs(4549).geometry
    rims = shapely.boundary(np.asarray(large.values))
    # A border between two grids is on both rims, the outline of the district on one.
    outline = shapely.boundary(shapely.union_all(large.values)).buffer(1)
    inner = shapely.difference(rims, outline)
    known = shapely.union_all([*roads.buffer(5, quad_segs=2), *water.make_valid()])
    assert shapely.length(shapely.intersection(inner, known)).sum() >= 0.9 * shapely.length(inner).sum()
