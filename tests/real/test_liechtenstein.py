"""Liechtenstein from its extract alone, its municipalities given: buildings that no border may cut."""

from __future__ import annotations

import pytest

import gridmap

from plans import assert_nested, assert_seamless, broken_grids, counts, cut_buildings  # isort: skip

LEVELS = {"large": 11, "medium": 60, "small": 400, "micro": 50}


@pytest.fixture(scope="module")
def country(shared):
    return shared("liechtenstein/liechtenstein_2021.osm.pbf"), shared("liechtenstein/municipalities_11.geojson")


@pytest.fixture(scope="module")
def drawn(country):
    extract, municipalities = country
    towns = gridmap.read_layer(municipalities)
    towns = towns.assign(code=towns["osm_id"].astype(str))[["code", "name", "geometry"]]
    network = gridmap.read_network(extract, water=extract, rail=extract)
    blocks = gridmap.make_blocks(extract, extract, water=extract, rail=extract, buildings=extract)
    return gridmap.draw_plan(blocks, network, levels=LEVELS, county_code="438000", within={"large": towns})


@pytest.mark.slow
def test_counts_are_exact_and_given_codes_are_kept(drawn, country):
    assert counts(drawn) == LEVELS
    assert sorted(drawn["large"].index) == sorted(gridmap.read_layer(country[1])["osm_id"].astype(str))
    assert_seamless(drawn)
    assert_nested(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["small", "micro"])
def test_no_building_is_cut(drawn, country, level):
    assert cut_buildings(drawn, level, gridmap.read_layer(country[0], role="buildings")).empty


@pytest.mark.slow
@pytest.mark.parametrize("level", ["medium", "small"])
def test_every_drawn_grid_is_whole_on_land(drawn, level):
    assert broken_grids(drawn, level) == []


@pytest.mark.slow
def test_the_check_finds_no_error(drawn, country):
    found = gridmap.check_plan(drawn, buildings=gridmap.read_layer(country[0], role="buildings"))
    assert found[found["severity"] == "error"].empty
