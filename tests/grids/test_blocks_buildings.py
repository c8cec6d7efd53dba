"""No border of blocks runs through a building, judged by plain overlays."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Polygon, affinity

from gridmap.geo.crs import metric_crs, round_vertices
from gridmap.grids import mosaic as m
from gridmap.grids.carve import CUT_TOLERANCE_M2, go_round

from made_layers import EAST, LAT, LON, NORTH, rect  # isort: skip


METRIC = metric_crs(LON)


def checkerboard(n=4, size=200.0):
    lines = [LineString([(LON + i * size * EAST, LAT), (LON + i * size * EAST, LAT + n * size * NORTH)])
             for i in range(n + 1)]  # fmt: skip
    lines += [LineString([(LON, LAT + i * size * NORTH), (LON + n * size * EAST, LAT + i * size * NORTH)])
              for i in range(n + 1)]  # fmt: skip
    return m.polygonize(np.array(lines, dtype=object))


def cut_m2(mosaic, footprints):
    """Return for each footprint how much of it lies outside of the polygon that holds most of it."""
    metric, houses = m.to_metres(mosaic, METRIC), m.to_metres(footprints, METRIC)
    out = []
    for house in houses:
        held = shapely.area(shapely.intersection(metric, house))
        out.append(held.sum() - held.max())
    return np.array(out)


def carve(mosaic, footprints, unit=None):
    footprints = np.asarray(round_vertices(np.array(footprints, dtype=object)), dtype=object)
    units = np.zeros(len(mosaic), dtype=np.int64) if unit is None else unit
    return footprints, go_round(mosaic, np.zeros(len(mosaic), dtype=bool), units, footprints, METRIC)


houses = st.lists(
    st.tuples(st.floats(-20, 820), st.floats(-20, 820), st.floats(4, 60), st.floats(4, 60), st.floats(0, 90)),
    min_size=1,
    max_size=25,
)


@given(houses)
@settings(max_examples=20, deadline=None)
def test_no_building_is_cut_wherever_buildings_stand(rows):
    shapes = [affinity.rotate(rect(x, y, x + w, y + h), angle) for x, y, w, h, angle in rows]
    before = checkerboard()
    footprints, carved = carve(before, shapes)
    assert shapely.coverage_is_valid(carved.mosaic)
    assert shapely.area(carved.mosaic).sum() == pytest.approx(shapely.area(before).sum(), rel=1e-7)
    assert set(shapely.get_type_id(carved.mosaic)) == {3}
    assert cut_m2(carved.mosaic, footprints).max() <= CUT_TOLERANCE_M2 + 0.05


def test_a_building_goes_to_the_side_that_holds_most_of_it():
    board = checkerboard(2)
    house = rect(190, 50, 230, 70)  # 10 m west of the border, 30 m east
    _, carved = carve(board, [house])
    assert len(carved.mosaic) == len(board)
    west, east = (m.owner_of(np.array([shapely.Point(LON + x * EAST, LAT + 60 * NORTH)]), board)[0] for x in (9, 300))
    assert (carved.moved.tolist(), carved.moved_from.tolist(), carved.moved_to.tolist()) == ([0], [west], [east])
    grown = carved.mosaic[carved.source == east][0]
    metric = m.to_metres(np.array([grown, board[east]], dtype=object), METRIC)
    assert metric[0].area - metric[1].area == pytest.approx(10 * 20, rel=0.02)


def test_overlapping_footprints_are_one_building_and_touching_ones_are_not():
    board = checkerboard(2)
    over = [rect(190, 50, 215, 70), rect(214, 50, 240, 70)]
    assert set(carve(board, over)[1].moved) == {0}
    assert cut_m2(carve(board, over)[1].mosaic, np.array(over, dtype=object)).max() < 0.6
    _, carved = carve(board, [rect(180, 50, 205, 70), rect(205, 50, 240, 70)])
    assert len(carved.mosaic) == 4
    held = m.to_metres(carved.mosaic, METRIC)
    assert shapely.area(held).max() == pytest.approx(200 * 200 + 5 * 20, rel=0.01)


def test_a_courtyard_goes_with_its_building():
    board = checkerboard(2)
    ring = Polygon(rect(150, 50, 240, 140).exterior, [rect(160, 60, 230, 130).exterior])
    _, carved = carve(board, [ring])
    assert len(carved.mosaic) == 4
    assert all(len(p.interiors) == 0 for p in carved.mosaic)


def test_what_a_building_cuts_off_is_a_block_or_joins_a_neighbour():
    board = checkerboard(2)
    # most of it stands in the south-eastern block; its wing runs across the whole south-western one
    wall = rect(-5, 90, 205, 110).union(rect(200, 20, 390, 180))
    _, carved = carve(board, [wall])
    assert len(carved.mosaic) == 5
    assert shapely.coverage_is_valid(carved.mosaic)


def test_a_building_across_a_bank_goes_to_the_land():
    board = checkerboard(2)
    water = np.array([shapely.intersects(p, shapely.Point(LON + 300 * EAST, LAT + 60 * NORTH)) for p in board])
    pier = np.asarray(round_vertices(np.array([rect(195, 50, 290, 70)], dtype=object)), dtype=object)
    carved = go_round(board, water, np.zeros(4, dtype=np.int64), pier, METRIC)
    owner = m.owner_of(shapely.point_on_surface(pier), carved.mosaic)[0]
    assert not carved.water[owner]
    assert carved.water.sum() == 1


def test_units_are_kept_apart():
    board = checkerboard(2)
    unit = np.arange(4)
    shapes = [rect(190, 50, 230, 70), rect(50, 180, 70, 240), rect(195, 195, 240, 240)]
    _, carved = carve(board, shapes, unit)
    assert sorted(set(carved.unit)) == [0, 1, 2, 3]
    assert len(carved.moved) == 3


def test_liechtenstein_cuts_no_building(liechtenstein_blocks, shared):
    blocks = liechtenstein_blocks
    boundary = gpd.read_file(shared("liechtenstein/municipalities_11.geojson"))
    assert shapely.coverage_is_valid(blocks.geometry.values)
    sources = blocks.attrs["sources"]
    assert len(sources.buildings) > 13_900
    county = shapely.union_all(boundary.geometry.values)
    inside = shapely.intersects(county, shapely.point_on_surface(sources.buildings.geometry.values))
    assert blocks["households"].sum() == pytest.approx(sources.buildings["households"][inside].sum(), rel=1e-9)
    metric = blocks[["block", "geometry"]].to_crs(32632)
    footprints = sources.buildings[["geometry"]].to_crs(32632).reset_index(names="building")
    pieces = gpd.overlay(footprints, metric, keep_geom_type=True)
    held = pieces.assign(area=pieces.area).groupby("building")["area"]
    assert (held.sum() - held.max()).max() <= CUT_TOLERANCE_M2 + 0.1
