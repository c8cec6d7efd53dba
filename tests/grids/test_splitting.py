"""Blocks too heavy for one grid: equal pieces, wide enough, along lanes, and never through a building."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box
from shapely.geometry import Point

from gridmap.geo.crs import metric_crs
from gridmap.grids import mosaic as m
from gridmap.grids.blocks import Weights, make_blocks
from gridmap.grids.carve import CUT_TOLERANCE_M2
from gridmap.grids.splitting import split_heavy
from gridmap.grids.splitting_halving import Load, halving_lines, lattice
from gridmap.grids.splitting_lanes import lanes_inside
from gridmap.grids.splitting_merge import is_narrow, merge_narrow

from made_layers import LAT, LON, at, layer, line, rect  # isort: skip

METRIC = metric_crs(LON)
WIDE, HIGH = 600.0, 400.0


def town(lanes=(), buildings=None, weights=None):
    """Two blocks side by side, lanes inside the western one."""
    streets = [line((x, -10), (x, HIGH + 10)) for x in (0, WIDE, 2 * WIDE)]
    streets += [line((-10, y), (2 * WIDE + 10, y)) for y in (0, HIGH)]
    classes = ["primary"] * len(streets) + ["service"] * len(lanes)
    roads = layer([*streets, *lanes], highway=classes)
    return make_blocks(
        layer([rect(0, 0, 2 * WIDE, HIGH)]), roads, buildings=buildings,
        weights=None if weights is None else Weights(weights, "flats"),
    )  # fmt: skip


def even_town(lanes=()):
    cells = layer([rect(0, 0, 2 * WIDE, HIGH)], flats=[1000.0])
    return town(lanes, weights=cells)


def metres(geometries):
    return m.to_metres(np.asarray(geometries, dtype=object), METRIC)


def split(blocks, *pieces):
    return split_heavy(blocks, np.array(pieces), np.zeros(len(blocks), dtype=np.int64))


def cut_m2(polygons, footprints, metric):
    """Return for each part of a building how much of it lies outside of the polygon that holds most of it."""
    flat = m.to_metres(np.asarray(polygons, dtype=object), metric)
    homes = shapely.get_parts(m.to_metres(np.asarray(footprints, dtype=object), metric))
    home, polygon = shapely.STRtree(flat).query(homes, predicate="intersects")
    area = shapely.area(shapely.intersection(homes[home], flat[polygon]))
    most = np.zeros(len(homes))
    np.maximum.at(most, home, area)
    return np.bincount(home, weights=area, minlength=len(homes)) - most


@pytest.mark.parametrize("pieces", [2, 5, 12])
def test_pieces_are_equal_compact_and_fill_their_block(pieces):
    blocks = even_town()
    cut, source = split(blocks, pieces, 1)
    assert np.bincount(source).tolist() == [pieces, 1]
    assert shapely.coverage_is_valid(cut.geometry.values)
    own = cut[source == 0]
    assert own["households"].to_numpy() == pytest.approx(500 / pieces, rel=0.15)
    assert cut["households"].sum() == pytest.approx(1000)
    shapes = metres(own.geometry.values)
    assert shapely.area(shapes).sum() == pytest.approx(
        shapely.area(metres(blocks.geometry.values[:1]))[0], abs=1.0
    )  # 1 mm of snapping
    assert (4 * np.pi * shapely.area(shapes) / shapely.length(shapes) ** 2).min() > 0.5


def test_a_lane_across_the_block_is_the_border():
    lane = line((0, 170), (300, 185), (WIDE, 170))
    cut, source = split(even_town([lane]), 4, 1)
    halves = cut[source == 0]
    borders = shapely.union_all(shapely.boundary(metres(halves.geometry.values)))
    along = shapely.line_interpolate_point(metres([lane])[0], np.linspace(0.01, 0.99, 50), normalized=True)
    assert shapely.distance(along, borders).max() < 0.01
    north = halves.representative_point().y > LAT + 178 / 110900
    assert sorted(north.value_counts()) == [2, 2]


@pytest.mark.parametrize(("length", "led"), [(WIDE - 60, True), (WIDE - 150, True), (200, False)])
def test_a_lane_that_stops_short_is_led_on_to_the_border(length, led):
    blocks = even_town([line((0, 200), (length, 200))])
    lines = lanes_inside(blocks.geometry.values[:1], blocks.attrs["sources"].streets, np.empty(0, dtype=object), METRIC)
    xy = shapely.get_coordinates(lines)
    rim = metres(blocks.geometry.values[:1])[0].boundary
    assert (shapely.distance(shapely.Point(xy[np.argmax(xy[:, 0])]), rim) < 0.05) == led


def test_no_lane_is_led_on_through_a_building():
    lane = line((0, 200), (WIDE - 60, 200))
    blocks = even_town([lane])
    house = np.array([rect(WIDE - 40, 190, WIDE - 20, 210)], dtype=object)
    lines = lanes_inside(blocks.geometry.values[:1], blocks.attrs["sources"].streets, house, METRIC)
    assert not shapely.intersects(shapely.union_all(lines), metres(house)[0])


def test_a_lane_beside_the_street_cuts_off_no_strip():
    cut, source = split(even_town([line((0, 12), (WIDE, 12)), line((9, 0), (9, HIGH))]), 6, 1)
    assert np.bincount(source)[0] == 6
    assert not is_narrow(metres(cut.geometry.values)).any()


def test_where_households_are_thick_pieces_are_small():
    cells = layer([rect(0, 0, 200, HIGH), rect(200, 0, WIDE, HIGH)], flats=[900.0, 100.0])
    cut, source = split(town(weights=cells), 10, 1)
    own = cut[source == 0]
    assert own["households"].to_numpy() == pytest.approx(100.0, rel=0.35)
    area = shapely.area(metres(own.geometry.values))
    west = shapely.get_x(shapely.centroid(own.geometry.values)) < at(200, 0)[0]
    assert west.sum() == 9
    assert area[west].max() < area[~west].min()


def test_the_households_of_blocks_from_a_file_are_shared_out_by_area():
    blocks = even_town()
    blocks.attrs.clear()
    cut, source = split(blocks, 4, 1)
    assert np.bincount(source).tolist() == [4, 1]
    density = cut["households"].to_numpy() / shapely.area(metres(cut.geometry.values))
    assert density == pytest.approx(density.mean(), rel=1e-6)


houses = st.lists(
    st.tuples(st.floats(5, 540), st.floats(5, 340), st.floats(8, 60), st.floats(8, 60)), min_size=2, max_size=40
)


@given(houses, st.integers(2, 12))
@settings(max_examples=12, deadline=None)
def test_cuts_go_between_buildings_and_round_them(rows, pieces):
    shapes = [rect(x, y, x + w, y + h) for x, y, w, h in rows]
    buildings = layer(shapes, households=[10.0] * len(rows))
    blocks = town(buildings=buildings)
    cut, source = split(blocks, pieces, 1)
    assert shapely.coverage_is_valid(cut.geometry.values)
    assert cut["households"].sum() == pytest.approx(10.0 * len(rows))
    # overlapping footprints are one building, so each by itself may count for a little more
    assert cut_m2(cut.geometry.values, buildings.geometry.values, METRIC).max() <= CUT_TOLERANCE_M2 + 0.05
    flat = metres(cut.geometry.values[source == 0])
    assert len(flat) == 1 or shapely.is_empty(shapely.buffer(flat, -9.99)).sum() == 0


def test_rows_of_houses_are_cut_in_the_wide_gap():
    shapes = [rect(x, y, x + 30, y + 12) for y in (40, 80, 120, 240, 280, 320) for x in range(20, 560, 40)]
    blocks = town(buildings=layer(shapes, households=[5.0] * len(shapes)))
    source = split(blocks, 2, 1)[1]
    assert np.bincount(source)[0] == 2
    lines = halving_lines(metres(blocks.geometry.values[:1])[0], load_of(shapes), 2)
    assert len(lines) == 1
    assert shapely.distance(lines[0], shapely.union_all(metres(shapes))) > 3


def load_of(shapes):
    flat = metres(shapes)
    return Load(shapely.get_coordinates(shapely.centroid(flat)), np.ones(len(flat)), flat)


outlines = st.lists(st.tuples(st.floats(100, 900), st.floats(0, 2 * np.pi)), min_size=3, max_size=14)


@given(outlines, st.integers(2, 30))
@settings(max_examples=60, deadline=None)
def test_halving_any_polygon_gives_pieces_of_about_one_weight(corners, pieces):
    corners = sorted(corners, key=lambda corner: corner[1])
    shape = shapely.convex_hull(shapely.multipoints([(r * np.cos(a), r * np.sin(a)) for r, a in corners]))
    if shape.area < pieces * 100**2:
        return
    xy = lattice(shape, pieces)
    lines = halving_lines(shape, Load(xy, np.ones(len(xy)), np.empty(0, dtype=object)), pieces)
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all([shape.boundary, *lines])]))
    faces = faces[shapely.area(faces) > 1]
    assert shapely.area(faces).sum() == pytest.approx(shape.area, rel=1e-6)
    assert shapely.area(faces).max() <= 2.2 * shape.area / pieces
    assert len(faces) <= pieces


@given(st.lists(st.tuples(st.floats(2, 398), st.booleans()), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_nothing_narrow_is_left_that_could_be_joined(cuts):
    square = rect(0, 0, 400, 400)
    lines = [line((v, -9), (v, 409)) if upright else line((-9, v), (409, v)) for v, upright in cuts]
    pieces, source = m.cut(np.array([square], dtype=object), np.array(lines, dtype=object))
    joined, label = merge_narrow(pieces, source, np.zeros(len(pieces), dtype=bool), METRIC)
    assert shapely.coverage_is_valid(joined)
    assert len(label) == len(pieces)
    flat = metres(joined)
    assert len(joined) == 1 or (2 * shapely.area(flat) / shapely.length(flat)).min() >= 9
    circles = 2 * shapely.length(shapely.maximum_inscribed_circle(flat, tolerance=0.1))
    assert len(joined) == 1 or circles.min() >= 19.7


@pytest.mark.parametrize(("width", "narrow"), [(19.5, True), (20.5, False)])
def test_width_is_that_of_the_widest_circle(width, narrow):
    shapes = np.array([box(0, 0, width, 300), Point(0, 0).buffer(width / 2), box(0, 0, 300, width)], dtype=object)
    assert (is_narrow(shapes) == [narrow, narrow, narrow]).all()
    ring = Point(0, 0).buffer(100).difference(Point(0, 0).buffer(100 - width))
    assert is_narrow(np.array([ring], dtype=object))[0] == narrow


def test_liechtenstein_split_down_to_its_buildings(liechtenstein_blocks):
    blocks = liechtenstein_blocks
    homes = np.asarray(blocks.attrs["sources"].buildings.geometry.values, dtype=object)
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    own = np.bincount(m.owner_of(shapely.point_on_surface(homes), mosaic) + 1, minlength=len(blocks) + 1)[1:]
    dense = np.argsort(-own / shapely.area(mosaic), kind="stable")[:60]
    pieces = np.ones(len(blocks), dtype=np.int64)
    pieces[dense] = np.maximum(own[dense], 1)
    cut, source = split_heavy(blocks, pieces, np.zeros(len(blocks), dtype=np.int64))
    assert len(cut) > len(blocks) + 100
    assert shapely.coverage_is_valid(cut.geometry.values)
    assert cut["households"].sum() == pytest.approx(blocks["households"].sum())
    metric = metric_crs(9.5, 47.1)
    assert (cut_m2(cut.geometry.values, homes, metric) > 0.5).sum() == 0
    made = np.bincount(source)[source] > 1
    narrow = is_narrow(m.to_metres(np.asarray(cut.geometry.values, dtype=object)[made], metric), 19.9)
    assert narrow.sum() == 0


def test_a_superblock_of_xinwu(shared):
    cells = gpd.read_file(shared("xinwu/built_form_250m.gpkg"))
    around = box(120.355, 31.52, 120.385, 31.545)
    boundary = gpd.GeoDataFrame(geometry=[around], crs=4490)
    blocks = make_blocks(
        boundary, shared("xinwu/roads.gpkg"), water=shared("xinwu/water.gpkg"),
        weights=Weights(cells, "area_residential_m2", 100),
    )  # fmt: skip
    pieces = np.maximum(np.ceil(blocks["households"].to_numpy() / 25), 1).astype(np.int64)
    cut, source = split_heavy(blocks, pieces, np.zeros(len(blocks), dtype=np.int64))
    assert shapely.coverage_is_valid(cut.geometry.values)
    assert cut["households"].sum() == pytest.approx(blocks["households"].sum())
    made = np.bincount(source)[source] > 1
    assert made.sum() > 100
    households = cut["households"].to_numpy()[made]
    assert np.quantile(np.abs(households / 25 - 1), 0.9) < 0.4
    flat = metres(np.asarray(cut.geometry.values)[made])
    assert not is_narrow(flat, 19.9).any()
    assert (4 * np.pi * shapely.area(flat) / shapely.length(flat) ** 2).mean() > 0.6
