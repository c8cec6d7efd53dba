"""Repair: whatever small damage a coverage took, it comes back whole, and every square metre is accounted for."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.errors import InputError, LayerError, UnknownNameError
from gridmap.geo.coverage import coverage_faults
from gridmap.geo.crs import to_storage

from made_layers import EAST, LAT, LON, NORTH, at, rect  # isort: skip

M2 = EAST * NORTH  # square degrees a square metre


def layer(*shapes, **columns):
    names = [chr(ord("a") + i) for i in range(len(shapes))]
    kept = [shape and shapely.transform(shape, lambda xy: np.round(xy, 8)) for shape in shapes]
    return gpd.GeoDataFrame({"code": names} | columns, geometry=kept, crs=4490)


def poly(*points):
    return shapely.Polygon([at(*point) for point in points])


def check(found, before, gap_width_m=1.0):
    """Judge a repaired layer by shapely alone: a coverage, of the ground there was and the gaps, all of it told."""
    made = np.asarray(found.layer.geometry.values)
    old = shapely.make_valid(np.asarray(before.geometry.values), method="structure")
    assert shapely.is_valid(made).all()
    assert not shapely.is_empty(made).any()
    assert shapely.coverage_is_valid(made)
    assert shapely.coverage_is_valid(made, gap_width=0.9 * gap_width_m * NORTH)
    filled = shapely.union_all(found.pieces.geometry[found.pieces["kind"] == "gap"].values)
    ground = shapely.union_all([*old, filled])
    # Where borders crossed there is a vertex now, rounded like all others.
    rounding = 1e-8 * shapely.length(made).sum()
    assert shapely.area(made).sum() == pytest.approx(ground.area, abs=rounding)
    assert shapely.symmetric_difference(shapely.union_all(made), ground).area < rounding
    np.testing.assert_array_equal(made, shapely.transform(made, lambda xy: np.round(xy, 8)))
    told = found.changes
    names = set(told["code"])
    for code, a, b in zip(before["code"], old, made, strict=True):
        assert code in names or shapely.symmetric_difference(a, b).area == 0
    balance = told["area_before_m2"] + told["gained_m2"] - told["lost_m2"] - told["area_after_m2"]
    assert balance.abs().max() < 0.01 if len(told) else True
    assert found.layer.index.equals(before.index)
    assert list(found.layer.columns) == list(before.columns)


def voronoi(points):
    frame = shapely.box(-1000, -1000, 1000, 1000)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=frame))
    cells = [shapely.intersection(cell, frame) for cell in cells]
    # The cut at the frame makes no vertices beyond shared ones: neighbours meet the frame at one point.
    return [shapely.transform(cell, lambda xy: np.round(xy * (EAST, NORTH) + (LON, LAT), 8)) for cell in cells]


SPREAD = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=12, unique=True)


@pytest.mark.parametrize("seed", range(8))
def test_vertices_shifted_apart_come_together(seed):
    random = np.random.default_rng(seed)
    points = 100 * np.unique(random.integers(-9, 9, (random.integers(3, 12), 2)), axis=0)
    shift = (0.02, 0.1, 0.2)[seed % 3]
    moved = []
    for cell in voronoi([tuple(point) for point in points + random.uniform(-20, 20, points.shape)]):
        xy = shapely.get_coordinates(cell)
        xy[:-1] += random.uniform(-shift, shift, (len(xy) - 1, 2)) * (EAST, NORTH)
        xy[-1] = xy[0]
        moved.append(shapely.Polygon(xy))
    damaged = layer(*moved)
    found = gridmap.repair(damaged, code="code")
    check(found, damaged)
    assert len(found.changes) > 0
    assert found.left.empty


@settings(max_examples=8, deadline=None)
@given(st.floats(0.02, 0.95), st.floats(0, 290), st.floats(5, 300))
def test_a_strip_cut_out_of_a_border_is_filled(width, start, length):
    stop = min(start + length, 299.0)
    cut = rect(100 - width, start, 100, stop)
    damaged = layer(rect(0, 0, 100, 300).difference(cut), rect(100, 0, 200, 300))
    if start > 0 and stop - start > 11 * width:
        found = gridmap.repair(damaged, code="code")
        check(found, damaged)
        assert found.filled_m2 == pytest.approx(width * (stop - start), rel=0.02)


def test_the_longest_common_border_gets_a_gap():
    ring = rect(0, 0, 300, 300).difference(rect(100, 100, 200, 100.6))
    gap = layer(ring.difference(rect(0, 0, 300, 100)), rect(0, 0, 150, 100), rect(150, 0, 300, 100))
    found = gridmap.repair(gap, code="code")
    check(found, gap)
    assert found.pieces["to"].unique().tolist() == ["a"]
    # The corners of the gap were vertices of the upper polygon only.
    assert found.changes[["code", "done"]].values.tolist() == [
        ["a", ("gap",)],
        ["b", ("vertices",)],
        ["c", ("vertices",)],
    ]


def test_no_polygon_grows_a_finger_between_two_others():
    quarters = layer(rect(0, 0, 100, 100), rect(0, 100.4, 100, 200), rect(100, 0, 200, 100), rect(100, 100.4, 200, 200))
    found = gridmap.repair(quarters, code="code")
    check(found, quarters)
    made = found.layer.geometry
    for left, right in ((0, 1), (2, 3)):  # who lay one above the other still does, all along
        assert made[left].intersection(made[right]).length == pytest.approx(100 * EAST, rel=0.01)
    assert made[0].union(made[1]).intersection(made[2].union(made[3])).length == pytest.approx(200 * NORTH, rel=0.01)


def test_a_hole_wider_than_a_gap_is_left_and_told():
    pond = rect(99, 100, 101.5, 120)
    real = layer(rect(0, 0, 100, 300).difference(pond), rect(100, 0, 200, 300).difference(pond))
    found = gridmap.repair(real)
    assert found.changes.empty
    assert found.left["codes"].tolist() == [("0", "1")]
    assert found.left["area_m2"].iloc[0] == pytest.approx(50, rel=0.02)
    assert found.layer.geom_equals_exact(real, 0).all()
    assert gridmap.repair(real, gap_width_m=3).left.empty


def test_wrong_rings_are_mended_and_nothing_of_them_is_lost():
    bow = poly((0, 0), (100, 100), (100, 0), (0, 100))
    spike = poly((200, 0), (300, 0), (300, 50), (400, 50), (300, 50), (300, 100), (200, 100))
    loop = poly((0, 300), (10, 300), (10, 310), (5, 310), (5, 295), (7, 295), (7, 312), (0, 312))
    twice = poly((500, 0), (600, 0), (600, 0), (600, 100))
    clockwise = shapely.reverse(rect(700, 0, 800, 100))
    damaged = layer(bow, spike, loop, twice, clockwise)
    found = gridmap.repair(damaged, code="code")
    done = dict(zip(found.changes["code"], found.changes["done"], strict=True))
    assert done == {"a": ("rings",), "b": ("rings",), "c": ("rings",), "d": ("repeated_points",)}
    area = shapely.area(found.layer.geometry.values) / M2
    assert area == pytest.approx([5000, 10_000, 124, 5000, 10_000], rel=1e-3)


def test_a_row_that_repeats_another_is_dropped_and_named():
    damaged = layer(rect(0, 0, 9, 9), rect(9, 0, 18, 9), rect(0, 0, 9, 9)).assign(code=["a", "b", "a"])
    found = gridmap.repair(damaged, code="code")
    assert found.layer.index.tolist() == [0, 1]
    assert found.changes[["code", "done", "severity"]].values.tolist() == [["a", ("dropped",), "warning"]]


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([rect(0, 0, 9, 9), rect(0, 0, 9, 9)], "a and b are the same polygon"),
        ([rect(0, 0, 100, 100), rect(98, 0, 200, 100)], "a, b overlap over 199.9 m², 2.00 m wide.*allow 2.04 m"),
        ([rect(0, 0, 100, 100), rect(40, 40, 60, 60)], "a, b overlap"),
        ([rect(0, 0, 100, 100), None], "b: no geometry"),
        ([rect(0, 0, 100, 100), shapely.Polygon()], "b: no geometry"),
        ([rect(0, 0, 100, 100), shapely.Point(at(1, 1))], "b: no polygon"),
        ([rect(0, 0, 100, 100), poly((0, 0), (9, 0), (5, 0))], "b: a polygon without area"),
        ([rect(0, 0, 100, 100), shapely.Polygon([at(0, 0), at(9, 0), (np.nan, LAT), at(0, 0)])], "row 1.*not a number"),
    ],
)
def test_what_cannot_be_mended_is_refused_by_name(shapes, said):
    with pytest.raises(LayerError, match=said):
        gridmap.repair(layer(*shapes), code="code")


def test_wrong_questions():
    good = layer(rect(0, 0, 100, 100))
    for wrong in ({"snap_m": 0}, {"gap_width_m": -1}, {"snap_m": float("nan")}):
        with pytest.raises(InputError, match="above 0"):
            gridmap.repair(good, **wrong)
    with pytest.raises(UnknownNameError, match="CODE"):
        gridmap.repair(good, code="CODE")


@settings(max_examples=8, deadline=None)
@given(SPREAD)
def test_a_sound_coverage_comes_back_as_it_was(points):
    cells = voronoi([(100 * x + 7 * y, 100 * y - 3 * x) for x, y in points])
    sound = layer(*cells)
    if shapely.is_valid(cells).all() and shapely.coverage_is_valid(cells) and coverage_faults(sound).empty:
        found = gridmap.repair(sound)
        assert found.changes.empty
        assert found.pieces.empty
        assert all(a.equals_exact(b, 0) for a, b in zip(found.layer.geometry, cells, strict=True))


def test_repaired_again_nothing_changes_and_any_crs_will_do():
    damaged = layer(rect(0, 0, 100, 300), rect(100.3, 0, 200, 300), rect(199.8, 0, 300, 300)).set_index("code")
    once = gridmap.repair(damaged.to_crs(4549))
    assert once.layer.crs.to_epsg() == 4490
    assert gridmap.repair(once.layer).changes.empty
    assert once.changes["gained_m2"].sum() == pytest.approx(0.3 * 300, rel=0.01)
    assert once.changes["lost_m2"].sum() == pytest.approx(0.2 * 300, rel=0.01)


@pytest.mark.parametrize("name", ["hsinchu/base.parquet", "liechtenstein/municipalities_11.geojson"])
def test_real_layers(shared, name):
    path = shared(name)
    given_layer = gridmap.read_layer(path)
    found = gridmap.repair(path)
    made = np.asarray(found.layer.geometry.values)
    union = shapely.union_all(given_layer.geometry.values)
    assert shapely.coverage_is_valid(made)
    assert coverage_faults(found.layer).empty
    assert sum(len(part.interiors) for part in shapely.get_parts(shapely.union_all(made))) == 0
    assert shapely.area(made).sum() == pytest.approx(union.area, rel=1e-4)
    told = set(found.changes["code"])
    differ = ~shapely.equals(to_storage(given_layer).geometry.values, made)
    assert set(found.layer.index[differ].astype(str)) <= told
    if name.startswith("hsinchu"):
        assert found.pieces["width_m"].max() < 0.5
        assert found.pieces["area_m2"][found.pieces["kind"] == "overlap"].sum() == pytest.approx(1181, abs=2)
    else:
        assert found.changes.empty
