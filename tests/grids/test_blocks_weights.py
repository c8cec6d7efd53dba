"""Households on blocks: what a building holds, how a weight layer is shared out, and that nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box

from gridmap.grids.blocks import Weights, make_blocks
from gridmap.grids.weights import PERSONS_PER_HOUSEHOLD

from made_layers import EAST, LAT, LON, NORTH, layer, rect  # isort: skip


COUNTY = layer([rect(0, 0, 1000, 1000)])
CROSS = layer(
    [LineString([(LON - 0.01, LAT + 500 * NORTH), (LON + 0.02, LAT + 500 * NORTH)]),
     LineString([(LON + 400 * EAST, LAT - 0.01), (LON + 400 * EAST, LAT + 0.02)])],
    highway=["primary", "primary"],
)  # fmt: skip


def households(geometry, **columns):
    return make_blocks(COUNTY, CROSS, buildings=layer(geometry, **columns))["households"].sum()


HOUSE = rect(100, 100, 110, 120)  # 200 m²


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, 2.0),
        ({"building": ["yes"]}, 2.0),
        ({"building": ["apartments"], "floors": [6]}, 12.0),
        ({"building": ["apartments"], "building:levels": ["6"]}, 12.0),
        ({"building": ["apartments"], "floors": [None], "building:levels": ["6"]}, 12.0),
        ({"building": ["apartments"], "building:levels": ["6;7"]}, 2.0),
        ({"building": ["garage"], "floors": [6]}, 0.0),
        ({"building": ["industrial"]}, 0.0),
        ({"building": ["church"]}, 0.0),
        ({"building": ["garage"], "households": [7]}, 7.0),
        ({"building": ["yes"], "households": [0]}, 0.0),
        ({"building": ["yes"], "households": [None]}, 2.0),
    ],
)
def test_what_a_building_holds(columns, expected):
    assert households([HOUSE], **columns) == pytest.approx(expected, rel=0.02)


def test_residents_follow_households_unless_they_are_known():
    known = make_blocks(COUNTY, CROSS, buildings=layer([HOUSE], households=[10], residents=[31]))
    assert known["residents"].sum() == 31
    guessed = make_blocks(COUNTY, CROSS, buildings=layer([HOUSE], households=[10]))
    assert guessed["residents"].sum() == pytest.approx(10 * PERSONS_PER_HOUSEHOLD)


def test_buildings_outside_do_not_count_and_buildings_on_water_count_on_the_nearest_land():
    water = layer([rect(600, 600, 900, 900)])
    houses = layer([rect(-300, 0, -200, 20), rect(700, 850, 720, 870), rect(10, 10, 20, 20)], households=[5, 3, 1])
    blocks = make_blocks(COUNTY, CROSS, water=water, buildings=houses)
    assert blocks["households"].sum() == 4
    assert (blocks.loc[blocks["water"], "households"] == 0).all()
    north_east = blocks[~blocks["water"]].to_crs(4549).area.nsmallest(2)
    assert set(blocks.loc[blocks["households"] == 3].index) <= set(north_east.index) | {0, 1, 2}


cells = st.lists(
    st.tuples(st.integers(-4, 9), st.integers(-4, 9), st.integers(1, 6), st.integers(1, 6), st.floats(0, 1e4)),
    min_size=1,
    max_size=12,
)


@given(cells, st.booleans())
@settings(max_examples=12, deadline=None)
def test_the_total_of_a_weight_layer_is_kept(rows, with_lake):
    shapes = [rect(100 * x, 100 * y, 100 * (x + w), 100 * (y + h)) for x, y, w, h, _ in rows]
    value = np.array([row[-1] for row in rows])
    inside = np.array([box(*s.bounds).intersection(COUNTY.geometry[0]).area > 1e-12 for s in shapes])
    water = layer([rect(350, 450, 950, 850)]) if with_lake else None
    blocks = make_blocks(COUNTY, CROSS, water=water, weights=Weights(layer(shapes, n=value), "n", 4))
    assert blocks["households"].sum() == pytest.approx(value[inside].sum() / 4, rel=1e-9, abs=1e-9)
    assert (blocks["households"] >= 0).all()
    assert (blocks.loc[blocks["water"], "households"] == 0).all()


def test_a_weight_is_shared_out_by_area_of_land():
    weights = Weights(layer([rect(300, 600, 500, 700)], n=[80.0]), "n")
    blocks = make_blocks(COUNTY, CROSS, weights=weights)
    assert sorted(blocks["households"].round(2)) == [0, 0, 40, 40]
    lake = layer([rect(450, 550, 700, 900)])
    shore = make_blocks(COUNTY, CROSS, water=lake, weights=weights)
    assert sorted(shore["households"].round(1))[-2:] == pytest.approx([80 / 3, 160 / 3], rel=0.01)


def test_a_weight_polygon_that_reaches_in_by_a_sliver_belongs_to_the_neighbour():
    weights = Weights(layer([rect(-500, 0, 0.005, 1000), rect(0, 0, 1000, 1000)], n=[500.0, 7.0]), "n")
    assert make_blocks(COUNTY, CROSS, weights=weights)["households"].sum() == pytest.approx(7)


def test_weights_win_over_buildings():
    blocks = make_blocks(
        COUNTY, CROSS, buildings=layer([HOUSE]), weights=Weights(layer([rect(600, 600, 700, 700)], n=[50.0]), "n")
    )
    assert blocks["households"].sum() == pytest.approx(50)
    assert blocks.attrs["sources"].buildings is not None


def test_an_empty_value_is_zero():
    weights = Weights(layer([rect(0, 0, 100, 100), rect(100, 0, 200, 100)], n=[np.nan, 3]), "n")
    assert make_blocks(COUNTY, CROSS, weights=weights)["households"].sum() == pytest.approx(3)
