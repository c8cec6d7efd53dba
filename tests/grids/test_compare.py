"""What became of grids between two plans: told by hand, counted another way, and the same with and without blocks."""

from __future__ import annotations

import dataclasses
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from compare_made import TOWN, made_plan, small_code, squares
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import gridmap
from gridmap.errors import InputError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids.compare import compare_plans
from gridmap.grids.compare_ground import AreaScale, overlay
from gridmap.grids.mosaic import to_metres
from gridmap.grids.plan import Plan

# Each case: blocks in a row before and after, by grid; what became of the small grids, by their last digits.
CASES = {
    "nothing happened": ([1, 1, 2], [1, 1, 2], [("kept", "1", "1"), ("kept", "2", "2")]),
    "a border moved": ([1, 1, 2, 2], [1, 2, 2, 2], [("reshaped", "1", "1"), ("reshaped", "2", "2")]),
    "split into new codes": ([1, 1, 2], [3, 4, 2], [("split", "1", "34"), ("kept", "2", "2")]),
    "a split of which one part keeps the code": ([1, 1, 1], [1, 2, 2], [("new", "1", "2"), ("reshaped", "1", "1")]),
    "merged into a new code": ([1, 2, 3], [4, 4, 3], [("merged", "12", "4"), ("kept", "3", "3")]),
    "merged into a grid that stays": ([1, 2, 3], [1, 1, 3],
        [("retired", "2", "1"), ("reshaped", "1", "1"), ("kept", "3", "3")]),
    "the same ground under another code": ([1, 1, 2], [3, 3, 2],
        [("new", "1", "3"), ("retired", "1", "3"), ("kept", "2", "2")]),
    "two drawn anew as two": ([1, 1, 1, 2, 2, 2], [3, 3, 4, 3, 4, 4], [("split", "1", "34"), ("split", "2", "34")]),
    "a merger that also takes from a neighbour": ([1, 1, 2, 2, 3, 3], [4, 4, 4, 4, 4, 3],
        [("merged", "12", "4"), ("reshaped", "3", "3")]),
    "a part below a tenth is no split": ([1] * 11 + [2], [3] * 10 + [4, 2],
        [("new", "1", "3"), ("new", "1", "4"), ("retired", "1", "34"), ("kept", "2", "2")]),
    "most of it went to neighbours": ([1, 1, 1, 2, 3], [2, 2, 3, 2, 3],
        [("retired", "1", "23"), ("reshaped", "2", "2"), ("reshaped", "3", "3")]),
}  # fmt: skip


def told(delta, level="small"):
    rows = delta.grids[delta.grids["level"] == level]
    return [
        (row.change, *("".join(code[-1] for code in side) for side in (row.old, row.new))) for row in rows.itertuples()
    ]


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES)
def test_a_grid_manager_reads_what_happened(before, after, expected):
    old, new = made_plan([before]), made_plan([after])
    assert told(compare_plans(old, new)) == expected
    assert told(compare_plans(without_blocks(old), without_blocks(new))) == expected


def without_blocks(plan: Plan) -> Plan:
    return dataclasses.replace(plan, blocks=None)


def test_households_decide_not_area_what_a_grid_became():
    # Of three blocks the one where everybody lives goes to one new grid, the two empty ones to another.
    old = made_plan([[1, 1, 1]], [300, 0, 0])
    row = compare_plans(old, made_plan([[3, 4, 4]], [300, 0, 0])).grids.set_index("change").loc[["retired"]].iloc[0]
    assert row["share"] == 1.0
    assert row["new"] == (small_code(3),)


def test_what_left_and_what_came_is_counted_apart():
    delta = compare_plans(made_plan([[1, 1, 2, 2]], [10, 20, 40, 80]), made_plan([[1, 2, 2, 1]], [10, 20, 40, 80]))
    rows = delta.grids[delta.grids["level"] == "small"].set_index("old")
    first, second = rows.loc[[(small_code(1),)]].iloc[0], rows.loc[[(small_code(2),)]].iloc[0]
    assert (first["households_lost"], first["households_gained"], first["households"]) == (20, 80, 100)
    assert (second["households_lost"], second["households_gained"]) == (80, 20)
    assert first["share"] == pytest.approx(10 / 30)
    assert delta.moved().set_index("level").loc["small", "households"] == 100
    assert delta.moved().set_index("level").loc["large", "households"] == 0


def test_growth_alone_moves_nobody():
    old, new = made_plan([[1, 1, 2]], [100, 100, 100]), made_plan([[1, 1, 2]], [900, 100, 0])
    delta = compare_plans(old, new)
    assert set(delta.grids["change"]) == {"kept"}
    assert delta.moved()["households"].sum() == 0
    assert delta.flows.query("level == 'small'")["households"].tolist() == [1000, 0]


def test_ground_that_only_one_plan_has_comes_from_or_goes_to_nowhere():
    shapes = squares(1, 4)
    old = made_plan([1, 1, 2], shapes=shapes[[0, 1, 2]], numbers=[0, 1, 2])
    new = made_plan([1, 1, 3], shapes=shapes[[0, 1, 3]], numbers=[0, 1, 3])
    for delta in (compare_plans(old, new), compare_plans(without_blocks(old), without_blocks(new))):
        small = delta.flows[delta.flows["level"] == "small"]
        assert list(zip(small["old"], small["new"], strict=True)) == [
            (None, small_code(3)), (small_code(1), small_code(1)), (small_code(2), None),
        ]  # fmt: skip
        assert told(delta) == [("new", "", "3"), ("retired", "2", ""), ("kept", "1", "1")]
        assert told(delta, "large") == [("reshaped", "1", "1")]


def test_a_border_within_the_tolerance_is_touched_up():
    def pair(shift_deg):
        a = shapely.box(120, 31, 120.01, 31.01)
        b = shapely.box(120, 31, 120.01 + shift_deg, 31.01)
        east = shapely.box(120.01 + shift_deg, 31, 120.02, 31.01)
        layers = ([a, shapely.box(120.01, 31, 120.02, 31.01)], [b, east])
        return [Plan.from_layers({"small": gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=each, crs=4490)})
                for each in layers]  # fmt: skip

    # 1109 m of border moved by 5 mm, then by 2 cm: 5 m² and 21 m²
    touched, moved = compare_plans(*pair(5e-8)), compare_plans(*pair(2e-7))
    assert set(touched.grids["change"]) == {"kept"}
    assert touched.grids["area_m2"].between(4, 7).all()
    assert set(moved.grids["change"]) == {"reshaped"}
    assert set(compare_plans(*pair(2e-7), tolerance_m2=50).grids["change"]) == {"kept"}


def test_micro_grids_and_a_level_of_one_plan_only():
    old = made_plan([[1, 1, 1, 2]], micro=[1, 1, 0, 0])
    new = made_plan([[1, 1, 1, 2]], micro=[1, 2, 2, 0])
    found = compare_plans(old, new)
    assert told(found, "micro") == [("new", "1", "2"), ("reshaped", "1", "1")]
    assert found.flows.query("level == 'micro'")["old"].isna().sum() == 1  # what was in no micro grid
    fewer = Plan(levels=new.levels[:2], layers={name: new.layers[name] for name in ("large", "small")})
    assert told(compare_plans(old, fewer), "micro") == [("retired", "1", "")]
    assert told(compare_plans(fewer, new), "micro") == [("new", "", "1"), ("new", "", "2")]


def test_a_code_that_two_rows_have_is_one_grid():
    shapes = squares(1, 3)
    layer = gpd.GeoDataFrame({"code": ["1", "1", "2"]}, geometry=shapes, crs=4490)
    old, new = Plan.from_layers({"small": layer}), Plan.from_layers({"small": layer.iloc[::-1]})
    assert told(compare_plans(old, new)) == [("kept", "1", "1"), ("kept", "2", "2")]


def test_households_that_no_plan_tells_are_unknown_not_none():
    layer = gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=squares(1, 2), crs=4490)
    delta = compare_plans(Plan.from_layers({"small": layer}), Plan.from_layers({"small": layer.iloc[:1]}))
    assert delta.grids["households"].isna().all()
    assert json.loads(delta.to_json())["grids"][0]["households"] is None


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_that_is_none_is_refused(tolerance):
    plan = made_plan([[1, 2]])
    with pytest.raises(InputError, match="square metres"):
        compare_plans(plan, plan, tolerance_m2=tolerance)


GRIDS = st.integers(1, 6).map(lambda label: label if label < 5 else label + 500)
LABELS = arrays(np.int64, (4, 5), elements=GRIDS)


@settings(max_examples=10)
@given(LABELS, LABELS, arrays(np.int64, (4, 5), elements=st.integers(0, 900)))
def test_what_moved_is_what_a_count_over_blocks_gives(before, after, households):
    old, new = made_plan(before, households), made_plan(after, households)
    delta = compare_plans(old, new)
    blocks = old.blocks.assign(
        new=new.blocks["small"], area_m2=shapely.area(to_metres(squares(4, 5), metric_crs_of(old.blocks)))
    )
    for level, digits in (("large", 9), ("small", 12)):
        keys = [blocks["small"].str[:digits].rename("old"), blocks["new"].str[:digits]]
        counted = blocks.groupby(keys)[["area_m2", "households"]].sum().assign(blocks=blocks.groupby(keys).size())
        found = delta.flows[delta.flows["level"] == level].set_index(["old", "new"]).drop(columns="level")
        pd.testing.assert_frame_equal(found, counted, rtol=1e-6, check_dtype=False, check_index_type=False)
        rows = delta.grids[delta.grids["level"] == level]
        said = {code for codes in rows["old"] for code in codes}, {code for codes in rows["new"] for code in codes}
        assert said == (set(old.layers[level].index), set(new.layers[level].index))
        # A code that both plans have is told once; so is a retired one.
        own = rows[~rows["change"].isin(["new"])]["old"].explode()
        assert own.is_unique
        other = counted[[a != b for a, b in counted.index]]
        assert delta.moved().set_index("level").loc[level, "households"] == other["households"].sum()
        same = rows[rows["change"].isin(["kept", "reshaped"])]
        assert (same["area_m2"] > 10).eq(same["change"] == "reshaped").all()
    assert set(delta.summary().query("grids > 0")["level"]) == {"large", "small"}


@settings(max_examples=8)
@given(LABELS, LABELS)
def test_with_and_without_blocks_it_comes_to_the_same(before, after):
    old, new = made_plan(before), made_plan(after)
    expected = compare_plans(old, new)
    for pair in ((old, without_blocks(new)), (without_blocks(old), new), (without_blocks(old), without_blocks(new))):
        found = compare_plans(*pair)
        assert told(found) == told(expected)
        pairs = [each.flows.set_index(["level", "old", "new"])[["area_m2", "households"]] for each in (found, expected)]
        pd.testing.assert_frame_equal(*pairs, rtol=1e-3, check_index_type=False)


@settings(max_examples=8)
@given(
    arrays(np.int64, (3, 4), elements=st.integers(1, 3)), st.integers(0, 11), st.floats(0.1, 0.9), st.integers(0, 11)
)
def test_a_block_that_was_cut_or_joined_is_overlaid(labels, cut, share, other):
    """One block is cut in two of which one goes to another grid: as much moves as was cut off."""
    flat = labels.ravel()
    corners = shapely.bounds(squares(3, 4))
    west, south, east, north = corners.T
    line = np.round(west + share * (east - west), 8)
    # every block has the vertices at which one is cut, so that blocks share vertices before and after
    shapes = shapely.polygons(np.stack([
        np.c_[west, south], np.c_[line, south], np.c_[east, south],
        np.c_[east, north], np.c_[line, north], np.c_[west, north],
    ], axis=1))  # fmt: skip
    pieces = shapely.box([west[cut], line[cut]], south[cut], [line[cut], east[cut]], north[cut])
    rest = np.flatnonzero(np.arange(12) != cut)
    homes = np.append(np.full(11, 100.0), [30.0, 70.0])
    to = int(flat[other])
    old = made_plan(flat, shapes=shapes)
    new = made_plan([*flat[rest], flat[cut], to], homes, shapes=[*shapes[rest], *pieces], numbers=[*rest, 12, 13])
    scale = AreaScale.about(shapely.total_bounds(shapes))
    area = 0.0 if to == flat[cut] else scale.areas_m2(pieces[1:])[0]
    for pair, moved in (((old, new), 70.0), ((new, old), 70.0)):
        found = compare_plans(*pair).moved().set_index("level").loc["small"]
        assert found["area_m2"] == pytest.approx(area, rel=1e-6)
        assert found["households"] == pytest.approx(moved if area else 0.0)


def test_pieces_of_an_overlay_are_those_shapely_gives_one_by_one():
    rng = np.random.default_rng(4)
    a, b = (voronoi(rng, shapely.box(x, 0, x + 1, 1)) for x in (0.0, 0.3))
    found = overlay(a, b)
    both = (found.a >= 0) & (found.b >= 0)
    common = {(i, j): a[i].intersection(b[j]) for i in range(len(a)) for j in range(len(b))}
    expected = {pair for pair, piece in common.items() if piece.area > 1e-9}
    assert set(zip(found.a[both], found.b[both], strict=True)) == expected
    for i, j, piece in zip(found.a[both], found.b[both], found.geometry[both], strict=True):
        assert piece.symmetric_difference(common[i, j]).area < 1e-12
    for rest, of, other in ((found.b < 0, a, b), (found.a < 0, b, a)):
        left = shapely.union_all(found.geometry[rest])
        assert left.symmetric_difference(shapely.union_all(of).difference(shapely.union_all(other))).area < 1e-9


def voronoi(rng, box):
    points = shapely.multipoints(rng.uniform(*np.reshape(box.bounds, (2, 2)), (14, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=box))
    return shapely.intersection(cells, box)


def test_the_scale_of_areas_is_that_of_the_metric_crs(shared):
    layer = gpd.read_parquet(shared("hsinchu/base.parquet"))
    shapes = np.asarray(layer.to_crs(4326).geometry.values, dtype=object)
    # long edges are straight in degrees: between their ends, too, they are projected
    measured = shapely.area(to_metres(shapely.segmentize(shapes, 1e-4), metric_crs_of(layer)))
    found = AreaScale.about(shapely.total_bounds(shapes)).areas_m2(shapes)
    np.testing.assert_allclose(found, measured, rtol=5e-6, atol=0.01)


def test_a_real_layer_with_slivers_against_itself_and_against_a_shifted_one(shared):
    layer = gpd.read_parquet(shared("hsinchu/base.parquet")).iloc[:400]
    layer = layer.assign(code=[f"{number:04d}" for number in range(len(layer))])
    plan = Plan.from_layers({"small": layer})
    same = compare_plans(plan, plan)
    assert same.grids["change"].eq("kept").sum() >= len(layer) - 2
    assert same.grids["area_m2"].max() < 200  # what the layer itself covers twice
    metric = layer.to_crs(3826)
    moved = compare_plans(plan, Plan.from_layers({"small": metric.set_geometry(metric.translate(3.0, 0.0))}))
    crossed = metric.sindex.query(metric.translate(3.0, 0.0), predicate="intersects")
    assert moved.grids["change"].eq("reshaped").all()
    assert moved.flows["new"].notna().sum() <= crossed.shape[1] + len(layer)


def test_the_names_of_the_house():
    assert gridmap.compare_plans is compare_plans
    assert TOWN in made_plan([[1]]).layers["large"].index
