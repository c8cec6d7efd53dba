"""A planner's line cuts the blocks it crosses and nothing else, and never a building."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString

from gridmap.errors import EditRefused
from gridmap.geo.crs import metric_crs, round_vertices
from gridmap.grids import mosaic as m
from gridmap.grids.cut_line import cut_locally, sides_of

from made_layers import LAT, LON, NORTH, at, rect  # isort: skip

METRIC = metric_crs(LON)
SIZE = 200.0


def board(n=4):
    lines = [LineString([at(i * SIZE, 0), at(i * SIZE, n * SIZE)]) for i in range(n + 1)]
    lines += [LineString([at(0, i * SIZE), at(n * SIZE, i * SIZE)]) for i in range(n + 1)]
    return m.polygonize(np.array(lines, dtype=object))


def metres(geometries):
    return m.to_metres(np.asarray(geometries, dtype=object), METRIC)


def spill_m2(polygons, footprints):
    """Return how much of each footprint lies outside of the polygon that holds most of it, by plain overlay."""
    flat = metres(polygons)
    held = [shapely.area(shapely.intersection(flat, house)) for house in metres(footprints)]
    return np.array([area.sum() - area.max() for area in held])


def put_back(mosaic, cut):
    return np.concatenate([np.delete(mosaic, cut.rows), cut.pieces])


spots = st.tuples(st.floats(-50, 850), st.floats(-50, 850))
lines = st.lists(spots, min_size=2, max_size=5, unique=True)


@given(lines, st.sets(st.integers(0, 15), min_size=1))
@settings(max_examples=60, deadline=None)
def test_the_county_stays_seamless_and_only_the_given_blocks_are_cut(points, near):
    mosaic = board()
    line = LineString([at(*point) for point in points])
    cut = cut_locally(mosaic, line, np.array(sorted(near)), crs=METRIC)
    after = put_back(mosaic, cut)
    assert shapely.coverage_is_valid(after)
    assert set(cut.cut) <= near
    assert set(cut.source) == set(cut.rows)
    xy = shapely.get_coordinates(cut.pieces)
    assert np.array_equal(xy, np.round(xy, 8))
    for row in cut.rows:
        own = shapely.area(metres(cut.pieces[cut.source == row]))
        assert own.sum() == pytest.approx(shapely.area(metres(mosaic[[row]]))[0], abs=1.0)
        assert own.min() >= 500


def test_a_line_along_a_street_cuts_nothing_and_one_that_stops_short_is_led_on():
    mosaic = board()
    everything = np.arange(len(mosaic))
    roughly = LineString([at(-5, 203), at(400, 197), at(805, 204)])
    assert len(cut_locally(mosaic, roughly, everything, crs=METRIC).rows) == 0
    short = LineString([at(15, 100), at(185, 100)])
    home = m.owner_of(shapely.points([at(100, 100)]), mosaic)
    assert cut_locally(mosaic, short, everything, crs=METRIC).cut.tolist() == home.tolist()
    shorter = LineString([at(60, 100), at(140, 100)])
    assert len(cut_locally(mosaic, shorter, everything, crs=METRIC).rows) == 0


houses = st.lists(
    st.tuples(st.floats(0, 780), st.floats(0, 780), st.floats(5, 60), st.floats(5, 60)), min_size=1, max_size=20
)


@given(houses, st.floats(10, 790), st.floats(10, 790))
@settings(max_examples=60, deadline=None)
def test_a_line_through_a_building_is_refused_and_the_one_led_round_is_allowed(rows, west, east):
    mosaic = board()
    everything = np.arange(len(mosaic))
    footprints = round_vertices(np.array([rect(x, y, x + w, y + h) for x, y, w, h in rows], dtype=object))
    line = LineString([at(-10, west), at(810, east)])
    before = spill_m2(mosaic, footprints)
    refused, ways = None, (line,)
    try:
        cut_locally(mosaic, line, everything, crs=METRIC, footprints=footprints)
    except EditRefused as error:
        refused, ways = error, error.allowed
    for way in ways:
        # buildings across a street were cut before
        cut = cut_locally(mosaic, way, everything, crs=METRIC, footprints=footprints)
        assert (spill_m2(put_back(mosaic, cut), footprints) <= before + 0.5).all()
    if refused is not None:
        assert refused.rule == "building_cut"
        assert shapely.distance(refused.geometry, shapely.union_all(footprints)) < 1e-7


def test_the_refusal_names_the_building_and_gives_the_way_round():
    house = round_vertices(np.array([rect(80, 90, 120, 115)], dtype=object))
    line = LineString([at(-10, 100), at(210, 100)])
    with pytest.raises(EditRefused, match=r"would cut the building at \(.*led round") as refused:
        cut_locally(board(1), line, np.array([0]), crs=METRIC, footprints=house)
    assert metres([refused.value.geometry])[0].length == pytest.approx(40, rel=0.02)
    (led,) = refused.value.allowed
    # the smaller part of the house lies south of the line: the border goes along its southern wall, 10 m each way
    assert metres([led])[0].length == pytest.approx(200 + 2 * 10, rel=0.01)
    cut = cut_locally(board(1), led, np.array([0]), crs=METRIC, footprints=house)
    assert spill_m2(cut.pieces, house).max() < 0.01
    assert metres([cut.border])[0].length == pytest.approx(220, rel=0.01)


def test_sides_of_a_line():
    mosaic = board()
    line = LineString([at(-10, 310), at(810, 290)])
    cut = cut_locally(mosaic, line, np.arange(16), crs=METRIC)
    after = put_back(mosaic, cut)
    y = shapely.get_y(shapely.centroid(after))
    side = sides_of(after, line)
    assert sorted(set(side)) == [0, 1]
    assert len({(s, v > LAT + 300 * NORTH) for s, v in zip(side, y, strict=True)}) == 2


def test_lines_across_a_real_county(liechtenstein_blocks):
    mosaic = np.asarray(liechtenstein_blocks.geometry.values, dtype=object)
    footprints = np.asarray(liechtenstein_blocks.attrs["sources"].buildings.geometry.values, dtype=object)
    tree = shapely.STRtree(footprints)
    metric = metric_crs(9.5, 47.1)
    rng = np.random.default_rng(1)
    land = np.flatnonzero(~liechtenstein_blocks["water"].to_numpy())
    refused = done = 0
    for row in rng.choice(land, 25).tolist():
        shape = mosaic[row]
        reach = max(np.ptp(shape.bounds[::2]), np.ptp(shape.bounds[1::2]))
        way = reach * np.exp(1j * rng.uniform(0, np.pi))
        middle = complex(shape.centroid.x, shape.centroid.y)
        line = LineString([((middle - way).real, (middle - way).imag), ((middle + way).real, (middle + way).imag)])
        try:
            cut = cut_locally(mosaic, line, np.array([row]), crs=metric, footprints=tree)
        except EditRefused as refusal:
            refused += 1
            if not refusal.allowed:
                continue
            cut = cut_locally(mosaic, refusal.allowed[0], np.array([row]), crs=metric, footprints=tree)
        if len(cut.rows) == 0:
            continue
        done += 1
        assert shapely.coverage_is_valid(put_back(mosaic, cut))
        near = footprints[np.unique(tree.query(cut.pieces, predicate="intersects")[1])]
        flat, homes = m.to_metres(cut.pieces, metric), m.to_metres(near, metric)
        house, piece = shapely.STRtree(flat).query(shapely.get_parts(homes), predicate="intersects")
        own = cut.source[piece] == row
        area = shapely.area(shapely.intersection(shapely.get_parts(homes)[house[own]], flat[piece[own]]))
        total = np.bincount(house[own], weights=area)
        most = np.zeros(len(total))
        np.maximum.at(most, house[own], area)
        assert (total - most).max(initial=0.0) <= 0.5
    assert refused > 3
    assert done > 10
