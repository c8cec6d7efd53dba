"""Faults of a coverage: planted ones are found with their area, and what is seamless has none."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.geo.coverage import coverage_faults

from made_layers import EAST, LAT, LON, NORTH, rect  # isort: skip


def layer(*shapes):
    names = [chr(ord("a") + i) for i in range(len(shapes))]
    return gpd.GeoDataFrame(index=names, geometry=list(shapes), crs=4490)


def kinds(frame):
    return frame[["kind", "codes"]].values.tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=4, max_size=25, unique=True))
def test_cells_around_any_points_have_no_faults(points):
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points)))
    flat = [shapely.transform(cell, lambda xy: np.round(xy * (EAST, NORTH) + (LON, LAT), 8)) for cell in cells]
    sound = [cell for cell in flat if cell.is_valid and not cell.is_empty]
    if len(sound) == len(cells) and shapely.coverage_is_valid(sound):
        assert coverage_faults(layer(*sound)).empty


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 400), st.floats(0.05, 400))
def test_an_overlap_has_the_area_that_was_planted(width, height):
    found = coverage_faults(layer(rect(0, 0, 500, 500), rect(500 - width, 0, 900, height)))
    overlaps = found[found["kind"] == "overlap"]
    assert overlaps["codes"].tolist() == [("a", "b")]
    assert overlaps["area_m2"].iloc[0] == pytest.approx(width * height, rel=0.01)


def test_a_hole_between_four_is_a_gap_beside_all_of_them():
    ring = [rect(0, 0, 300, 100), rect(0, 200, 300, 300), rect(0, 100, 100, 200), rect(200, 100, 300, 200)]
    found = coverage_faults(layer(*ring))
    assert kinds(found) == [["gap", ("a", "b", "c", "d")]]
    assert found["area_m2"].iloc[0] == pytest.approx(10_000, rel=0.01)


@pytest.mark.parametrize(("width", "gaps"), [(0.3, 1), (0.9, 1), (3.0, 0)])
def test_a_strip_open_to_the_outside_is_a_gap_when_it_is_narrow(width, gaps):
    found = coverage_faults(layer(rect(0, 0, 100, 300), rect(100 + width, 0, 200, 300)))
    assert kinds(found) == [["gap", ("a", "b")]] * gaps
    if gaps:
        assert found["area_m2"].iloc[0] == pytest.approx(300 * width, rel=0.02)
        assert found["width_m"].iloc[0] == pytest.approx(width, rel=0.02)


def test_a_narrow_inlet_of_one_polygon_is_its_own_shape():
    inlet = rect(0, 0, 100, 300).difference(rect(50, 20, 50.5, 300))
    assert coverage_faults(layer(inlet, rect(100, 0, 200, 300))).empty


def test_what_the_boundary_holds_beyond_the_layer_is_a_gap():
    found = coverage_faults(layer(rect(0, 0, 100, 300)), boundary=rect(0, 0, 110, 300))
    assert kinds(found) == [["gap", ("a",)]]
    assert found["area_m2"].iloc[0] == pytest.approx(3000, rel=0.01)


def test_empty_missing_and_invalid_polygons_are_named():
    bow = shapely.Polygon(shapely.get_coordinates(rect(0, 0, 100, 100))[[0, 2, 1, 3, 0]])
    found = coverage_faults(layer(bow, shapely.Polygon(), None, rect(200, 0, 300, 100)))
    assert kinds(found) == [["empty", ("b",)], ["empty", ("c",)], ["invalid", ("a",)]]
    assert coverage_faults(layer(shapely.Polygon(), None))["kind"].tolist() == ["empty", "empty"]
