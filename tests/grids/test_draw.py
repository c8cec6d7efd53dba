"""Drawing a made town: what must be true of any plan, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
import gridmap.geo.io
from gridmap.errors import CrsError, DrawError, PlanError
from gridmap.grids.nested_shares import apportion

from town import CRS, ORIGIN, STEP  # isort: skip
from plans import assert_nested, assert_seamless, broken_grids, counts, cut_buildings, within_band  # isort: skip

LEVELS = {"large": 3, "medium": 9, "small": 40, "micro": 10}


@pytest.fixture(scope="module")
def plan(blocks, network):
    return gridmap.draw_plan(blocks, network, levels=LEVELS, county_code="320299")


def test_counts_are_exact_levels_seamless_and_nested(plan, blocks):
    assert counts(plan) == LEVELS
    assert_seamless(plan)
    assert_nested(plan)
    for level in ("large", "medium", "small"):
        assert plan[level]["households"].sum() == pytest.approx(blocks["households"].sum(), rel=1e-9)


@pytest.mark.parametrize("level", ["large", "medium", "small"])
def test_every_grid_is_whole_on_land(plan, level):
    assert broken_grids(plan, level) == []


@pytest.mark.parametrize("level", ["small", "micro"])
def test_no_building_is_cut(plan, town, level):
    assert cut_buildings(plan, level, town.buildings).empty


def test_grids_are_balanced(plan):
    assert within_band(plan, "small") >= 0.8


def test_codes_follow_the_layout(plan):
    assert all(code.startswith("320299") and len(code) == 9 for code in plan["large"].index)
    for level, digits in (("medium", 12), ("small", 15), ("micro", 18)):
        layer = plan[level]
        assert {len(code) for code in layer.index} == {digits}
        assert all(code.startswith(parent) for code, parent in zip(layer.index, layer["parent"], strict=True))


def test_micro_grids_lie_in_the_densest_small_grids(plan):
    small = plan["small"]
    density = (small["households"] / small["area_m2"]).rank(ascending=False)
    chosen = density[plan["micro"]["parent"].unique()]
    assert chosen.max() <= len(chosen) + 5


def test_the_check_finds_no_error(plan, town):
    found = gridmap.check_plan(plan, boundary=town.boundary, buildings=town.buildings)
    assert found[found["severity"] == "error"].empty, found.to_string()


def test_the_file_gives_back_an_equal_plan_with_its_blocks(plan, tmp_path):
    for name in ("plan.gpkg", "plan_folder"):
        plan.save(tmp_path / name)
        back = gridmap.read_plan(tmp_path / name)
        assert back.equals(plan)
        assert len(back.blocks) == len(plan.blocks)


SCRIPT = """
import sys, hashlib, pathlib, tempfile
sys.path.insert(0, {folder!r})
from town import make_town
import gridmap
town = make_town()
network = town.network(pathlib.Path(tempfile.mkdtemp()))
plan = gridmap.draw_plan(town.blocks(), network, levels={levels!r}, county_code="320299", seed=5)
print(plan.version, hashlib.sha256(plan.blocks.drop(columns="geometry").to_csv().encode()).hexdigest())
"""


def test_the_same_seed_draws_the_same_plan_whatever_the_hash_seed_and_the_threads():
    script = SCRIPT.format(folder=str(Path(__file__).parent), levels=LEVELS)
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    ]
    assert said[0] == said[1]
    assert said[0].strip()


def test_another_seed_draws_another_plan(plan, blocks, network):
    other = gridmap.draw_plan(blocks, network, levels=LEVELS, county_code="320299", seed=5)
    assert counts(other) == LEVELS
    assert other.version != plan.version


def halves() -> gpd.GeoDataFrame:
    """Two given communities, divided by a straight line that follows no street."""
    west, south, east, north = *(ORIGIN - 60), *(ORIGIN + 11 * STEP + 60)
    at = ORIGIN[0] + 3.3 * STEP
    shapes = [shapely.box(west, south, at, north), shapely.box(at, south, east, north)]
    return gpd.GeoDataFrame(
        {"code": ["320299001001", "320299001007"], "name": ["甲社区", "乙社区"]}, geometry=shapes, crs=CRS
    )


def test_given_levels_keep_their_codes_names_and_borders(blocks, network, town):
    given_layer = halves()
    plan = gridmap.draw_plan(
        blocks,
        network,
        levels={"medium": 2, "small": 20, "micro": 5},
        county_code="320299",
        within={"medium": given_layer},
    )
    assert plan["medium"]["name"].to_dict() == dict(zip(given_layer["code"], given_layer["name"], strict=True))
    drawn = plan["medium"].to_crs(CRS).geometry.loc[given_layer["code"]].values
    # Borders bend round buildings only.
    assert (
        shapely.area(shapely.symmetric_difference(drawn, given_layer.geometry.values)).max()
        < 0.01 * town.boundary.area[0]
    )
    assert cut_buildings(plan, "medium", town.buildings).empty
    found = gridmap.check_plan(plan, boundary=town.boundary, buildings=town.buildings)
    assert found[found["severity"] == "error"].empty
    # By workload: the larger community gets more grids.
    share = plan["small"].groupby("parent").size() / 20
    wanted = plan["medium"]["households"] / plan["medium"]["households"].sum()
    assert (share - wanted).abs().max() <= 1 / 20


def test_a_village_is_cut_finer_than_a_town_of_as_many_households(blocks, network):
    """By kind the shares follow the middle of the ranges: 400 households a grid in town, 90 in a village."""
    kinds = ["urban", "village"]
    plan = gridmap.draw_plan(
        blocks,
        network,
        levels={"medium": 2, "small": 26},
        county_code="320299",
        within={"medium": halves().assign(kind=kinds)},
    )
    assert plan["medium"]["kind"].tolist() == kinds
    households = plan["medium"]["households"].to_numpy()
    wanted = households / np.array([400, 90])
    grids = plan["small"].groupby("parent").size().loc[plan["medium"].index].to_numpy()
    assert np.abs(grids - 26 * wanted / wanted.sum()).max() <= 1
    assert within_band(plan, "small") >= 0.8


def test_streets_count_for_workload_where_it_is_asked_for(blocks, network):
    """A kilometre counts for 300 households here, so workload is balanced, and households no longer are."""
    plan = gridmap.draw_plan(
        blocks, network, levels={"large": 1, "small": 20}, county_code="320299", street_households_per_km=300
    )
    small = plan["small"].to_crs(CRS)
    edges = network.edges().geometry.to_crs(CRS) if network.edges().crs else network.edges().geometry
    # By geometry: a street on the border of two grids is walked half for each.
    metres = np.zeros(len(small))
    for line in edges.values:
        touched = np.flatnonzero(small.intersects(line.buffer(0.5)))
        inside = shapely.length(shapely.intersection(line, shapely.buffer(small.geometry.values[touched], 0.5)))
        metres[touched] += line.length * inside / inside.sum()
    workload = small["households"].to_numpy() + 0.3 * metres
    spread = [np.std(values) / np.mean(values) for values in (workload, small["households"].to_numpy())]
    assert spread[0] < 0.12
    assert spread[0] < 0.7 * spread[1]
    with pytest.raises(DrawError, match="street_households_per_km"):
        gridmap.draw_plan(blocks, network, levels={"small": 9}, county_code="320299", street_households_per_km=-1)


def test_zero_households_are_refused_with_what_to_do(town, network):
    blocks = gridmap.make_blocks(town.boundary, town.streets, water=town.water)
    assert blocks["households"].sum() == 0
    with pytest.raises(DrawError, match=r"no households.*buildings= or weights="):
        gridmap.draw_plan(blocks, network, levels={"large": 2, "small": 9}, county_code="320299")


def test_blocks_can_be_written_to_any_file(blocks, tmp_path):
    for name in ("blocks.parquet", "blocks.gpkg"):
        gridmap.geo.io.write_layer(blocks, tmp_path / name)
        assert len(gridmap.read_layer(tmp_path / name)) == len(blocks)


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"large": 2, "small": 100_000}, "blocks"),
        ({"large": 9, "small": 3}, "cannot fill"),
        ({"large": 2, "small": 10, "micro": 5000}, "micro"),
        ({"large": 0, "small": 10}, "1 or more"),
        ({"large": 2.5, "small": 10}, "whole number"),
        ({}, "level"),
    ],
)
def test_more_than_blocks_can_give_is_refused_with_numbers(blocks, network, levels, says):
    with pytest.raises(DrawError, match=says):
        gridmap.draw_plan(blocks, network, levels=levels, county_code="320299")


def test_blocks_that_cannot_be_drawn_on_are_refused(blocks, network):
    ask = {"levels": {"large": 2, "small": 9}, "county_code": "320299"}
    with pytest.raises(CrsError, match="EPSG:3857"):
        gridmap.draw_plan(blocks.to_crs(3857), network, **ask)
    holed = blocks.copy()
    holed.loc[3, "households"] = np.nan
    with pytest.raises(DrawError, match="block 3 has nan households"):
        gridmap.draw_plan(holed, network, **ask)
    with pytest.raises(DrawError, match="no column water"):
        gridmap.draw_plan(blocks.drop(columns="water"), network, **ask)
    with pytest.raises(PlanError, match="'water'"):
        gridmap.draw_plan(blocks, network, levels={"large": 2, "water": 9}, county_code="320299")


@pytest.mark.parametrize("code", ["32021", "32021a", "", "３２０２９９"])
def test_a_county_code_is_six_digits(blocks, network, code):
    with pytest.raises(DrawError, match="six digits"):
        gridmap.draw_plan(blocks, network, levels={"large": 2}, county_code=code)


def test_a_given_layer_of_another_count_is_refused(blocks, network):
    with pytest.raises(DrawError, match="3 medium grids are asked for, but the given layer has 2"):
        gridmap.draw_plan(
            blocks, network, levels={"medium": 3, "small": 20}, county_code="320299", within={"medium": halves()}
        )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.integers(0, 300))
def test_apportioning_gives_everybody_the_quota_or_a_neighbour_of_it(weights, more):
    total = len(weights) + more
    shares = apportion(np.array(weights), total)
    assert shares.sum() == total
    assert shares.min() >= 1
    whole = sum(weights)
    quota = np.array(weights) / whole * total if whole > 0 else np.full(len(weights), total / len(weights))
    # Nobody gets more than the quota rounded up, but the one that everybody has.
    assert (shares <= np.maximum(np.ceil(quota + 1e-9), 1)).all()


def test_a_dedicated_area_is_one_small_grid_of_its_own(blocks, network, town):
    """A campus of four blocks' size that follows no street."""
    corner = ORIGIN + np.array([7.2, 5.2]) * STEP
    campus = gpd.GeoDataFrame({"name": ["职业学院"]}, geometry=[shapely.box(*corner, *(corner + 1.7 * STEP))], crs=CRS)
    plan = gridmap.draw_plan(blocks, network, levels=LEVELS, county_code="320299", dedicated=campus)
    assert counts(plan) == LEVELS
    own = plan["small"][plan["small"]["kind"] == "dedicated"]
    assert own["name"].tolist() == ["职业学院"]
    drawn = own.to_crs(CRS).geometry.iloc[0]
    # Strips between the campus and the next street are too narrow to stay by themselves.
    assert shapely.area(drawn.intersection(campus.geometry[0])) > 0.97 * campus.area[0]
    assert drawn.difference(campus.geometry[0]).area < 0.2 * campus.area[0]
    assert not plan["micro"]["parent"].isin(own.index).any()
    assert cut_buildings(plan, "small", town.buildings).empty
    found = gridmap.check_plan(plan, boundary=town.boundary, buildings=town.buildings)
    assert found[found["severity"] == "error"].empty


def test_progress_goes_from_start_to_end(blocks, network):
    shares = []
    gridmap.draw_plan(
        blocks,
        network,
        levels={"large": 2, "small": 8},
        county_code="320299",
        progress=lambda share, _: shares.append(share),
    )
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
