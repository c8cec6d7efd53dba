"""Options of drawing: ranges of households, dedicated areas, stations, given parents in several parts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.cli.options import parse_levels
from gridmap.errors import DrawError, InputError
from gridmap.grids.draw_request import HouseholdRange
from gridmap.network.pace import walk_times
from gridmap.network.places import by_edge, nearest_by_place
from gridmap.network.snap import snap

from town import CRS, ORIGIN, STEP  # isort: skip
from plans import assert_nested, assert_seamless, broken_grids, counts, cut_buildings  # isort: skip

CODE = "320299"


def assert_sound(plan, town):
    assert_seamless(plan)
    assert_nested(plan)
    for level in ("large", "medium", "small"):
        if level in counts(plan):
            assert broken_grids(plan, level) == []
    assert cut_buildings(plan, "small", town.buildings).empty


@settings(max_examples=300, deadline=None)
@given(st.floats(0, 1e6), st.floats(1, 500), st.floats(1.01, 3), st.integers(1, 5000))
def test_a_range_gives_a_count_that_fits_whenever_one_does(households, low, width, room):
    wanted = HouseholdRange(low, low * width)
    count = int(wanted.grids(np.array([households]), np.array([room]))[0])
    assert 1 <= count <= room
    fitting = [k for k in range(1, min(room, 3000) + 1) if low <= households / k <= low * width]
    if fitting and households / low < 3000:
        assert low * (1 - 1e-9) <= households / count <= low * width * (1 + 1e-9)


def test_a_range_of_households_is_kept_and_the_number_of_grids_follows(blocks, network, town):
    total = blocks["households"].sum()
    low, high = total / 45, total / 27
    plan = gridmap.draw_plan(
        blocks, network, levels={"large": 2, "medium": 6, "small": (low, high), "micro": 8}, county_code=CODE
    )
    assert_sound(plan, town)
    assert counts(plan)["large"] == 2
    assert counts(plan)["medium"] == 6
    assert counts(plan)["micro"] == 8
    small = plan["small"]["households"]
    assert total / high <= len(small) <= total / low
    outside = small[(small < low) | (small > high)]
    assert len(outside) <= 0.05 * len(small)
    note = next(note for note in plan.metadata.notes if note.startswith("small: "))
    assert f"{len(small)} grids" in note
    assert all(code in note for code in outside.index)
    assert not any(code in note for code in small.index.difference(outside.index))
    assert "small" not in plan.metadata.counts


def test_what_cannot_be_kept_in_the_range_is_named(blocks, network):
    """Wider than the whole county: one grid a parent, each with too few households, all of them named."""
    plan = gridmap.draw_plan(
        blocks, network, levels={"large": 3, "small": (blocks["households"].sum(), 1e9)}, county_code=CODE
    )
    assert counts(plan) == {"large": 3, "small": 3}
    note = plan.metadata.notes[-1]
    assert all(f"{code} ({row.households:.0f})" in note for code, row in plan["small"].iterrows())


@pytest.mark.parametrize("wanted", [(500, 300), (0, 10), (300,), (300, "many"), (1, 2, 3), (300, np.inf)])
def test_a_range_that_is_none_is_refused(blocks, network, wanted):
    with pytest.raises(DrawError, match="the lower first"):
        gridmap.draw_plan(blocks, network, levels={"large": 2, "small": wanted}, county_code=CODE)


def test_what_does_not_tile_needs_a_number(blocks, network):
    with pytest.raises(DrawError, match="micro is given, or does not tile"):
        gridmap.draw_plan(blocks, network, levels={"small": 9, "micro": (50, 80)}, county_code=CODE)


@pytest.mark.parametrize("text", ["12,300-", "12,-5", "300-400-500", "12,x", "", "1,2,3,4,5", "a=1,a=2", "12,0-5"])
def test_levels_on_the_command_line_that_are_none_are_refused(text):
    with pytest.raises(InputError, match="300-500"):
        parse_levels(text)


def test_dedicated_areas_are_whole_named_and_not_counted_among_siblings(blocks, network, town):
    """Two areas; each would straddle the borders of coarser grids if they were drawn without regard to it."""
    boxes = [
        shapely.box(*(ORIGIN + np.array(low) * STEP), *(ORIGIN + np.array(high) * STEP))
        for low, high in (((6.2, 2.2), (10.8, 4.6)), ((1.2, 4.2), (3.7, 8.7)))
    ]
    areas = gpd.GeoDataFrame(
        {"name": ["职业学院", "批发市场"], "line_department": ["教育局", None]}, geometry=boxes, crs=CRS
    )
    plan = gridmap.draw_plan(
        blocks, network, levels={"large": 3, "medium": 9, "small": 45}, county_code=CODE, dedicated=areas
    )
    assert counts(plan) == {"large": 3, "medium": 9, "small": 45}
    assert_seamless(plan)
    assert_nested(plan)
    small = plan["small"]
    own = small[small["kind"] == "dedicated"].set_index("name")
    assert sorted(own.index) == sorted(areas["name"])
    assert own.loc["职业学院", "line_department"] == "教育局"
    assert pd.isna(own.loc["批发市场", "line_department"])
    drawn = own.to_crs(CRS).geometry
    for name, box in zip(areas["name"], boxes, strict=True):
        assert drawn[name].intersection(box).area > 0.97 * box.area
        # Strips too narrow for blocks of their own, and what only the area borders, are joined to it.
        assert drawn[name].difference(box).area < 0.2 * box.area
    base = small[small["kind"] == "base"]
    mean = base.groupby("parent")["households"].transform("mean")
    assert ((base["households"] / mean - 1).abs() <= 0.11).mean() >= 0.75


@pytest.fixture(scope="module")
def stations():
    """Twelve stations, unevenly spread, none of them in the river."""
    rng = np.random.default_rng(4)
    spots = rng.uniform(0.3, 10.7, (60, 2))
    spots = spots[(np.abs(spots[:, 0] - 5.5) > 0.7) & (np.abs(spots % 1 - 0.5).max(axis=1) < 0.35)]
    # One in a block at most.
    spots = spots[np.sort(np.unique(np.floor(spots), axis=0, return_index=True)[1])][:12]
    return gpd.GeoDataFrame(
        {"name": [f"站{i}" for i in range(12)]}, geometry=shapely.points(ORIGIN + spots * STEP), crs=CRS
    )


def homes_and_nearest(town, network, stations):
    """For every building the nearest station on foot: as circles find it, knowing nothing of blocks."""
    middle = shapely.get_coordinates(town.buildings.centroid.values)
    homes = by_edge(network, snap(network, *middle.T, 500.0))
    posts = snap(network, *shapely.get_coordinates(stations.geometry.values).T, 500.0)
    return middle, nearest_by_place(network, posts, homes, walk_times(network)).source


@pytest.mark.parametrize("band", [0.99, 0.1])
def test_grids_follow_the_catchments_of_their_stations(blocks, network, town, stations, band):
    plan = gridmap.draw_plan(
        blocks, network, levels={"medium": 12, "small": 40}, county_code=CODE, stations={"medium": stations}, band=band
    )
    assert_sound(plan, town)
    assert counts(plan) == {"medium": 12, "small": 40}
    medium = plan["medium"].to_crs(CRS)
    of_station = [medium.index[medium.contains(point)][0] for point in stations.geometry]
    assert sorted(of_station) == sorted(medium.index)
    # Grids are evened out on each bank: blocks are not handed over a bridge.
    households = medium["households"]
    bank = medium.representative_point().x > ORIGIN[0] + 5.5 * STEP
    within = ((households / households.groupby(bank).transform("mean") - 1).abs() <= 0.1).mean()
    middle, nearest = homes_and_nearest(town, network, stations)
    home = gpd.GeoSeries(shapely.points(middle), crs=CRS)
    found = np.array(["?"] * len(home), dtype=object)
    point, grid = medium.sindex.query(home, predicate="intersects")
    found[point] = medium.index[grid]
    served = (found == np.array(of_station)[nearest]).mean()
    if band > 0.5:
        assert served > 0.75
        assert within < 0.5
    else:
        assert within >= 0.9
        assert served > 0.4


def test_stations_that_no_grids_can_follow_are_refused(blocks, network, stations):
    ask = {"county_code": CODE}
    with pytest.raises(DrawError, match="11 medium grids are asked for, but there are 12 stations"):
        gridmap.draw_plan(blocks, network, levels={"medium": 11, "small": 30}, stations={"medium": stations}, **ask)
    with pytest.raises(DrawError, match="only the coarsest level that is drawn"):
        gridmap.draw_plan(blocks, network, levels={"medium": 5, "small": 12}, stations={"small": stations}, **ask)
    twice = pd.concat([stations, stations.iloc[[0]]], ignore_index=True)
    with pytest.raises(DrawError, match="stations 0 and 12 stand in one block"):
        gridmap.draw_plan(blocks, network, levels={"medium": 13}, stations={"medium": twice}, **ask)
    away = stations.copy()
    away.loc[3, "geometry"] = shapely.Point(*(ORIGIN - 5000))
    with pytest.raises(DrawError, match="station 3 is more than 500 m from any land block"):
        gridmap.draw_plan(blocks, network, levels={"medium": 12}, stations={"medium": away}, **ask)


def test_a_given_parent_without_a_station_is_named(blocks, network, stations):
    x = ORIGIN[0] + 5.5 * STEP
    west = gpd.GeoDataFrame(
        {"code": ["320299001", "320299002"], "name": ["西", "东"]},
        geometry=[
            shapely.box(ORIGIN[0] - 60, ORIGIN[1] - 60, x, ORIGIN[1] + 11 * STEP + 60),
            shapely.box(x, ORIGIN[1] - 60, ORIGIN[0] + 11 * STEP + 60, ORIGIN[1] + 11 * STEP + 60),
        ],
        crs=CRS,
    )
    only_east = stations[stations.geometry.x > x]
    with pytest.raises(DrawError, match="large 320299001 has no station"):
        gridmap.draw_plan(
            blocks, network, levels={"large": 2, "medium": len(only_east)}, county_code=CODE, within={"large": west},
            stations={"medium": only_east},
        )  # fmt: skip


def test_a_given_parent_in_two_parts_is_drawn_part_by_part(blocks, network, town):
    """The west with an enclave in the east, as real municipalities have them."""
    x, low, high = ORIGIN[0] + 5.5 * STEP, ORIGIN - 60, ORIGIN + 11 * STEP + 60
    enclave = shapely.box(*(ORIGIN + np.array([8, 4]) * STEP), *(ORIGIN + np.array([10, 7]) * STEP))
    west = shapely.MultiPolygon([shapely.box(*low, x, high[1]), enclave])
    east = shapely.difference(shapely.box(x, low[1], *high), enclave)
    layer = gpd.GeoDataFrame({"code": ["320299001", "320299002"], "name": ["西", "东"]}, geometry=[west, east], crs=CRS)
    plan = gridmap.draw_plan(
        blocks, network, levels={"large": 2, "medium": 8, "small": 40}, county_code=CODE, within={"large": layer}
    )
    assert_sound(plan, town)
    parts = shapely.get_parts(plan["large"].geometry["320299001"])
    assert len(parts) == 2
    # The enclave holds enough for grids of its own at the fine level: none of them reaches over.
    inside = plan["small"].to_crs(CRS).intersection(enclave.buffer(-10)).area > 100
    assert inside.sum() >= 2
    assert (plan["small"].to_crs(CRS)[inside].difference(enclave.buffer(30)).area < 500).all()
