"""Locator against geopandas, shapely and the rules of decision 9, on made and on real grids."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
import gridmap.geo.coverage
from gridmap.errors import CrsError, InputError
from gridmap.geo.gcj02 import convert

WEST, SOUTH, STEP = 120.30, 31.50, 0.01


def made_plan() -> gridmap.Plan:
    """Two large grids of two columns each, 4 × 4 small ones less the one at (2, 2), a micro grid in the first small."""
    large = [shapely.box(WEST + 2 * k * STEP, SOUTH, WEST + (2 * k + 2) * STEP, SOUTH + 4 * STEP) for k in range(2)]
    cells = [(i, j) for i in range(4) for j in range(4) if (i, j) != (2, 2)]
    small = [
        shapely.box(WEST + i * STEP, SOUTH + j * STEP, WEST + (i + 1) * STEP, SOUTH + (j + 1) * STEP) for i, j in cells
    ]
    micro = [shapely.box(WEST + 0.001, SOUTH + 0.001, WEST + 0.004, SOUTH + 0.004)]
    return gridmap.Plan.from_layers(
        {
            "large": gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=large, crs=4490),
            "small": gpd.GeoDataFrame({"code": [f"{1 + i // 2}{i}{j}" for i, j in cells]}, geometry=small, crs=4490),
            "micro": gpd.GeoDataFrame({"code": ["1009"]}, geometry=micro, crs=4490),
        },
        tiles={"micro": False},
    )


@pytest.fixture(scope="module")
def locator():
    return gridmap.Locator(made_plan())


def test_a_point_inside_names_the_whole_chain(locator):
    place = locator.locate(WEST + 0.002, SOUTH + 0.002)
    assert (place.outcome, place.reason) == ("matched", "")
    assert dict(place.chain) == {"large": "1", "small": "100", "micro": "1009"}
    assert place.plan_version == made_plan().version


def test_a_partial_level_is_empty_outside_its_grids(locator):
    assert dict(locator.locate(WEST + 0.006, SOUTH + 0.006).chain) == {"large": "1", "small": "100"}


def test_a_shared_border_belongs_to_the_lowest_code(locator):
    """Corner of four small grids, two of each large one."""
    assert dict(locator.locate(WEST + 2 * STEP, SOUTH + STEP).chain) == {"large": "1", "small": "110"}


def test_a_hole_is_a_gap_that_keeps_the_level_above(locator):
    place = locator.locate(WEST + 2.5 * STEP, SOUTH + 2.5 * STEP)
    assert place.outcome == "gap"
    assert dict(place.chain) == {"large": "2"}
    assert place.reason


def test_outside_is_outside_and_swapped_is_invalid(locator):
    assert locator.locate(125.0, 30.0).outcome == "outside"
    swapped = locator.locate(SOUTH + 0.005, WEST + 0.005)
    assert swapped.outcome == "invalid"
    assert "颠倒" in swapped.reason


@pytest.mark.parametrize(("lon", "lat"), [(math.nan, 31.5), (120.3, math.inf), (720.0, 31.5)])
def test_what_is_no_coordinate_is_invalid_with_a_reason(locator, lon, lat):
    place = locator.locate(lon, lat)
    assert place.outcome == "invalid"
    assert place.reason
    assert not place.chain


def test_an_unknown_system_of_one_point_is_an_answer_and_of_all_points_an_error(locator):
    assert "mars" in locator.locate(120.305, 31.505, crs="mars").reason
    with pytest.raises(CrsError, match="gcj02"):
        locator.locate_many([120.305], [31.505], crs="mars")
    with pytest.raises(InputError, match="2 longitudes but 1"):
        locator.locate_many([1, 2], [3])


def test_a_disc_over_a_border_is_ambiguous_with_candidates_nearest_first(locator):
    place = locator.locate(WEST + 0.0095, SOUTH + 0.0065, accuracy_m=100)
    assert place.outcome == "ambiguous"
    assert dict(place.chain) == {"large": "1"}
    assert [each.code for each in place.candidates] == ["100", "110"]
    assert place.candidates[0].distance_m == 0
    # Half a thousandth of a degree of longitude at this latitude.
    metres = 0.0005 * 111_320 * math.cos(math.radians(31.5))
    assert place.candidates[1].distance_m == pytest.approx(metres, rel=0.01)
    assert place.border_distance_m == pytest.approx(metres, rel=0.01)


def test_a_disc_within_its_grid_is_matched(locator):
    place = locator.locate(WEST + 0.007, SOUTH + 0.007, accuracy_m=50)
    assert place.outcome == "matched"
    assert [each.code for each in place.candidates] == ["100"]


def test_a_disc_that_leaves_its_micro_grid_settles_the_small_one_only(locator):
    place = locator.locate(WEST + 0.0039, SOUTH + 0.002, accuracy_m=50)
    assert place.outcome == "ambiguous"
    assert dict(place.chain) == {"large": "1", "small": "100"}


def test_every_system_comes_out_at_the_same_grid(locator):
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(WEST, WEST + 4 * STEP, 200), rng.uniform(SOUTH, SOUTH + 4 * STEP, 200)
    plain = locator.locate_many(lon, lat)
    for crs in ("gcj02", "bd09", 4549):
        pd.testing.assert_frame_equal(locator.locate_many(*convert(lon, lat, "wgs84", crs), crs=crs), plain)
    mixed = np.array(["wgs84", "gcj02"], dtype=object)[np.arange(200) % 2]
    shifted = convert(lon, lat, "wgs84", "gcj02")
    odd = np.arange(200) % 2 == 1
    found = locator.locate_many(np.where(odd, shifted[0], lon), np.where(odd, shifted[1], lat), crs=mixed)
    pd.testing.assert_frame_equal(found, plain)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(WEST - STEP, WEST + 5 * STEP),
    st.floats(SOUTH - STEP, SOUTH + 5 * STEP),
    st.one_of(st.none(), st.floats(0.5, 3000)),
)
def test_one_and_many_say_the_same_and_outcomes_follow_the_disc(lon, lat, accuracy_m):
    found = LOCATOR.locate(lon, lat, accuracy_m=accuracy_m)
    row = LOCATOR.locate_many([lon], [lat], accuracy_m=accuracy_m).iloc[0]
    assert row["outcome"] == found.outcome
    assert {level: row[level] for level in LOCATOR.levels if pd.notna(row[level])} == dict(found.chain)
    if accuracy_m is not None:
        touched = {each.code for each in found.candidates if each.level == "small"}
        assert (found.outcome == "ambiguous") >= (len(touched) > 1)
        assert all(each.distance_m <= accuracy_m for each in found.candidates)


LOCATOR = gridmap.Locator(made_plan())


def lowest_code(layer: gpd.GeoDataFrame, points: np.ndarray) -> pd.Series:
    """Return by geopandas the lowest code that covers each point."""
    places = gpd.GeoDataFrame(geometry=shapely.points(points), crs=layer.crs)
    joined = places.sjoin(layer[["geometry"]].rename_axis("found").reset_index(), predicate="intersects", how="left")
    return joined.groupby(level=0)["found"].min()


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_points_on_real_blocks_agree_with_sjoin(shared, seed):
    blocks = gpd.read_file(shared("dc/tabblock20.zip"))[["GEOID20", "geometry"]]
    locator = gridmap.Locator.from_layer(blocks, code="GEOID20")
    layer = gridmap.Plan.from_layers({"small": blocks}, code="GEOID20")["small"]
    rng = np.random.default_rng(seed)
    west, south, east, north = layer.total_bounds
    points = rng.uniform((west, south), (east, north), (10_000, 2))
    vertices = shapely.get_coordinates(layer.geometry.values)
    points = np.vstack([points, vertices[rng.integers(len(vertices), size=3000)]])
    found = locator.locate_many(points[:, 0], points[:, 1])
    wanted = lowest_code(layer, points)
    assert found["code"].astype(object).fillna("").tolist() == wanted.fillna("").tolist()
    assert (found["outcome"] == "matched").sum() > 5000


def test_a_layer_that_overlaps_itself_answers_by_the_lowest_code(shared):
    layer = gridmap.read_layer(shared("hsinchu/base.parquet"))
    locator = gridmap.Locator.from_layer(layer, code="CODEBASE")
    known = gridmap.Plan.from_layers({"small": layer}, code="CODEBASE")["small"]
    faults = gridmap.geo.coverage.coverage_faults(known)
    overlaps = faults[(faults["kind"] == "overlap") & (faults["area_m2"] > 0.5)]
    spots = overlaps.representative_point()
    found = locator.locate_many(spots.x, spots.y)
    assert len(overlaps) > 20
    assert found["code"].astype(str).tolist() == [min(codes) for codes in overlaps["codes"]]
    holes = faults[(faults["kind"] == "gap") & (faults["area_m2"] > 0.5)].representative_point()
    outcomes = locator.locate_many(holes.x, holes.y)["outcome"].value_counts()
    # A strip between two grids that is open to the outside is outside.
    assert outcomes["gap"] + outcomes["outside"] == len(holes)
    assert outcomes["gap"] > 0.95 * len(holes)
