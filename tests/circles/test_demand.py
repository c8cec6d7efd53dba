"""Homes are put on their streets once, and only a network they are on is asked about them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from shapely import MultiPolygon, Point, box

import gridmap
from gridmap.circles.demand import place_demand
from gridmap.errors import CrsError, InputError, LayerError
from gridmap.geo.io import write_layer
from gridmap.network.snap import snap
from tests.network.made import CORNER, CRS, layer, network

CROSS = [(((0, 0), (500, 0), (1000, 0)), {}), (((500, -500), (500, 0), (500, 500)), {})]


@pytest.fixture(scope="module")
def town():
    return network(*CROSS)


@pytest.fixture(scope="module")
def stations():
    return layer(Point(0, 0), Point(500, 400), station=["a", "b"])


def homes(**columns):
    shapes = [Point(100, 50), box(300, 10, 340, 50), MultiPolygon([box(480, 90, 490, 99)]), Point(700, 300), None]
    return layer(*shapes, households=[1, 20, 300, 4000, 50000], **columns)


def test_homes_get_on_at_a_point_inside_them(town):
    demand = place_demand(town, homes())
    assert (demand.on.edge >= 0).tolist() == [True, True, True, False, False]
    xy = demand.xy - CORNER
    assert box(300, 10, 340, 50).contains(Point(xy[1]))
    assert np.isnan(xy[4]).all()
    assert demand.points[4] is None
    on = snap(town, *demand.xy.T, 100)
    np.testing.assert_array_equal(demand.on.along_m, on.along_m)
    assert len(demand) == 5
    assert demand.places.item.tolist() == sorted(demand.places.item, key=lambda row: on.edge[row])


@pytest.mark.parametrize("crs", [CRS, 4490, 32651])
def test_a_placed_demand_a_layer_and_a_file_give_the_same_coverage(town, stations, tmp_path, crs):
    given = homes(residents=[2, 50, 700, 9000, 110000]).to_crs(crs)
    write_layer(given, tmp_path / "homes.gpkg")
    whole = gridmap.coverage(town, stations, given, minutes=8)
    for demand in (place_demand(town, given), tmp_path / "homes.gpkg"):
        again = gridmap.coverage(town, stations, demand, minutes=8)
        assert_frame_equal(again.by_station, whole.by_station)
        assert_frame_equal(again.homes, whole.homes)
    assert whole.total == 54321
    assert 0 < whole.covered <= 321
    assert whole.gaps.crs == given.crs


def test_a_demand_on_another_network_is_refused_but_an_equal_one_will_do(town, stations):
    demand = place_demand(town, homes())
    assert gridmap.coverage(network(*CROSS), stations, demand).covered > 0
    other = [network(*CROSS[:1]), network(*CROSS, water=layer(box(0, 20, 50, 40)))]
    for made in other:
        with pytest.raises(InputError, match=r"another network.*place_demand"):
            gridmap.coverage(made, stations, demand)


def test_its_own_columns_and_the_furthest_walk_to_the_street(town):
    made = place_demand(town, homes().rename(columns={"households": "flats"}), households="flats", off_street_m=300)
    assert made.households.tolist() == [1, 20, 300, 4000, 50000]
    assert made.residents is None
    assert (made.on.edge >= 0).tolist() == [True] * 4 + [False]
    assert place_demand(town, homes(people=[1, None, 3, 4, 5]), residents="people").residents.tolist() == [
        1,
        0,
        3,
        4,
        5,
    ]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"households": ["1", "2", "many", "4", "5"]}, LayerError, "row 2: households is many; allowed: 0 and more"),
        ({"households": [1, 2, 3, -4, 5]}, LayerError, "row 3: households is -4"),
        ({"households": [1, np.inf, 3, 4, 5]}, LayerError, "row 1: households is inf"),
        ({"residents": [1, 2, 3, 4, -5]}, LayerError, "row 4: residents is -5"),
    ],
)
def test_numbers_that_count_nobody_are_refused(town, change, error, message):
    with pytest.raises(error, match=message):
        place_demand(town, homes().assign(**change))


def test_layers_that_cannot_be_placed_are_refused(town):
    with pytest.raises(LayerError, match="no feature"):
        place_demand(town, homes()[:0])
    with pytest.raises(LayerError, match="no column 'people'; there is households"):
        place_demand(town, homes(), households="people")
    with pytest.raises(CrsError, match="no CRS"):
        place_demand(town, homes().set_crs(None, allow_override=True))
    with pytest.raises(LayerError, match="row 1: a coordinate is not a number"):
        place_demand(town, layer(Point(0, 0), Point(np.nan, 0), households=[1, 1]))
    with pytest.raises(InputError, match="off_street_m=-1"):
        place_demand(town, homes(), off_street_m=-1)


def test_empty_numbers_are_nobody_and_numbers_written_as_text_count(town):
    given = gpd.GeoDataFrame(homes().assign(households=["1", None, "2.5", "", "3"]))
    given["households"] = given["households"].replace({"": None})
    assert place_demand(town, given).households.tolist() == [1, 0, 2.5, 0, 3]
