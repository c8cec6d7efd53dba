"""The planar graph under blocks: nothing is lost or doubled, and the quick adjacency agrees with a slow one."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from gridmap.geo.crs import metric_crs
from gridmap.grids import mosaic as m
from gridmap.grids.slivers import absorb, measure

METRIC = metric_crs(120.3)
SQUARE = box(120.30, 31.50, 120.31, 31.51)

coordinate = st.floats(-0.002, 0.012)
segments = st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), min_size=1, max_size=25)


def lines_of(rows):
    return np.array([LineString([(120.3 + a, 31.5 + b), (120.3 + c, 31.5 + d)]) for a, b, c, d in rows], dtype=object)


def faces_of(rows):
    faces = m.polygonize(np.append(lines_of(rows), SQUARE.boundary))
    return faces[shapely.intersects(SQUARE, shapely.point_on_surface(faces))]


@given(segments)
@settings(max_examples=30, deadline=None)
def test_faces_tile_the_square_exactly(rows):
    faces = faces_of(rows)
    assert shapely.coverage_is_valid(faces)
    assert shapely.area(faces).sum() == pytest.approx(SQUARE.area, rel=1e-5)
    whole = shapely.coverage_union_all(faces)
    assert shapely.hausdorff_distance(whole.boundary, SQUARE.boundary) < 2e-8
    assert np.array_equal(shapely.get_coordinates(faces), np.round(shapely.get_coordinates(faces), 8))


@given(segments)
@settings(max_examples=20, deadline=None)
def test_adjacency_agrees_with_pairwise_intersection(rows):
    faces = faces_of(rows)
    near = m.adjacency(faces, METRIC)
    slow = {}
    for a in range(len(faces)):
        for b in range(a + 1, len(faces)):
            common = shapely.intersection(faces[a].boundary, faces[b].boundary)
            length = m.to_metres(np.array([common]), METRIC)[0].length
            if length > 0:
                slow[a, b] = length
    assert list(zip(near.a, near.b, strict=True)) == sorted(slow)
    assert near.length_m == pytest.approx([slow[pair] for pair in sorted(slow)], abs=1e-6)


@given(segments, segments)
@settings(max_examples=30, deadline=None)
def test_cutting_and_joining_back_gives_the_same_polygons(rows, more):
    faces = faces_of(rows)
    pieces, source = m.cut(faces, lines_of(more))
    assert shapely.coverage_is_valid(pieces)
    if set(source) == set(range(len(faces))):  # a face thinner than the storage grid may go
        back = m.join(pieces, source)
        assert shapely.area(back).sum() == pytest.approx(shapely.area(faces).sum(), rel=1e-5)
        assert shapely.area(shapely.symmetric_difference(back, faces)).max() < 1e-5 * SQUARE.area


@given(segments)
@settings(max_examples=30, deadline=None)
def test_what_is_absorbed_is_small_and_what_stays_is_not(rows):
    faces = faces_of(rows)
    none, false = np.zeros(len(faces), dtype=np.int64), np.zeros(len(faces), dtype=bool)
    known = measure(faces, METRIC, false, false, none)
    label, _ = absorb(known, m.adjacency(faces, METRIC))
    joined = m.join(faces, label)
    assert shapely.coverage_is_valid(joined)
    assert set(shapely.get_type_id(joined)) == {3}
    area = shapely.area(m.to_metres(joined, METRIC))
    assert len(joined) == 1 or area.min() >= 500 - 1e-3
    big = np.flatnonzero((known.area_m2 >= 2000) & (2 * known.area_m2 >= 20 * known.perimeter_m))
    assert len(set(label[big])) == len(big) or len(joined) < len(faces)


def test_a_point_on_a_common_border_belongs_to_the_lower_polygon():
    faces = np.array([box(1, 0, 2, 1), box(0, 0, 1, 1)], dtype=object)
    assert m.owner_of(np.array([Point(1, 0.5), Point(0.5, 0.5), Point(9, 9)]), faces).tolist() == [0, 1, -1]


def test_components_are_numbered_by_first_polygon_and_ignore_touching_at_a_point():
    faces = np.array([box(0, 0, 1, 1), box(1, 1, 2, 2), box(1, 0, 2, 1)], dtype=object)
    near = m.adjacency(faces, METRIC)
    assert m.components(3, near, np.array([7, 7, 5])).tolist() == [0, 1, 2]
    assert m.components(3, near, np.array([7, 7, 7])).tolist() == [0, 0, 0]
