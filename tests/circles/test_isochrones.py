"""Service circles: what a row says, what may not be crossed, and whether the land drawn is the land reached."""

from __future__ import annotations

import json
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, MultiPoint, Point, Polygon, box

from gridmap.circles import isochrones
from gridmap.circles.isochrones import service_circles
from gridmap.circles.stations import OUTCOMES
from gridmap.errors import InputError, LayerError
from gridmap.geo.crs import GRID_DEG
from gridmap.network.pace import Pace
from tests.network.made import CORNER, CRS, layer, network, random_network

GRID = [(((0, n * 200), *((m * 200, n * 200) for m in range(1, 11))), {}) for n in range(11)] + [
    (((n * 200, 0), *((n * 200, m * 200) for m in range(1, 11))), {}) for n in range(11)
]
"""A chessboard of two kilometres, a street every 200 m."""


@pytest.fixture(scope="module")
def town():
    return network(*GRID)


def stations(*points, **columns) -> gpd.GeoDataFrame:
    columns = {"station": [f"s{n}" for n in range(len(points))], **columns}
    return layer(*map(Point, points), **columns)


def flat(circles: gpd.GeoDataFrame) -> gpd.GeoSeries:
    return circles.geometry.to_crs(CRS).translate(*-CORNER)


def test_one_row_a_station_and_range_sorted_whatever_the_order_asked(town):
    asked = stations((900, 900), (300, 500), (5000, 5000), (100, 20), station=["b", "a", "far", "c"])
    circles = service_circles(town, asked, minutes=(10, 5, 10))
    assert list(circles.columns) == ["station", "minutes", "outcome", "reason", "area_m2", "speed_m_s", "geometry"]
    rows = list(zip(circles["station"], circles["minutes"], strict=True))
    assert rows == [(name, minutes) for name in ("a", "b", "c", "far") for minutes in (5.0, 10.0)]
    assert circles["outcome"].isin(OUTCOMES).all()
    assert ((circles["reason"] != "") == (circles["outcome"] != "ok")).all()
    assert (circles.crs.to_epsg(), set(circles.geom_type)) == (4490, {"MultiPolygon"})
    assert (circles["speed_m_s"] == 1.1).all()


def test_names_that_are_numbers_stay_numbers_in_order(town):
    circles = service_circles(town, stations((900, 900), (300, 500), (0, 0), station=[10, 9, 2]), minutes=[5])
    assert circles["station"].tolist() == [2, 9, 10]
    assert circles["station"].dtype == np.int64


@pytest.mark.parametrize("seed", range(3))
def test_circles_are_valid_nested_and_as_large_as_they_say(seed):
    made = random_network(seed, corners=9)
    rng = np.random.default_rng(seed)
    places = stations(*rng.uniform(0, 800, (12, 2)))
    circles = service_circles(made, places, minutes=(1, 2, 3.5, 6), cell_m=15)
    assert circles.geometry.is_valid.all()
    # The vertices are rounded to a millimetre after the area was measured.
    np.testing.assert_allclose(circles["area_m2"], circles.geometry.to_crs(CRS).area, rtol=1e-5, atol=0.2)
    for _, rows in circles.groupby("station"):
        for small, large in pairwise(rows.geometry):
            # Where borders cross, the vertex is rounded to the storage grid.
            assert large.buffer(2 * GRID_DEG).covers(small)
        assert rows["area_m2"].is_monotonic_increasing
        assert (rows["area_m2"] > 0).any()


def test_on_a_single_street_the_area_is_the_strip_one_can_write_down():
    """Ten minutes at 1 m/s along an endless street: 600 m either way, and off it with what is left, up to 100 m."""
    made = network((((-3000, 0), (3000, 0)), {}))
    circle = service_circles(made, stations((0, 0)), minutes=[10], speed_m_s=1.0, cell_m=5)
    expected = 2 * 100 * (2 * 500) + 2 * 100 * 100  # where more than 100 m are left, and the two ends running out
    assert circle["outcome"].tolist() == ["ok"]
    assert circle["area_m2"].tolist() == pytest.approx([expected], rel=0.01)
    shape = Polygon([(-600, 0), (-500, 100), (500, 100), (600, 0), (500, -100), (-500, -100)])
    assert shapely.hausdorff_distance(flat(circle)[0], shape) < 5


def test_slower_walkers_reach_less_land_and_the_walk_to_the_street_counts(town):
    def areas(point, **options):
        return service_circles(town, stations(point), minutes=[8], **options)["area_m2"][0]

    fast, slow = areas((1000, 1000)), areas((1000, 1000), speed_m_s=0.8)
    assert slow < 0.8 * fast
    assert areas((1000, 1090)) < areas((1000, 1000))
    # Half as fast for twice as long is the same walk.
    twice = service_circles(town, stations((1000, 1000)), minutes=[16], speed_m_s=0.55)["area_m2"][0]
    assert twice == pytest.approx(fast, rel=1e-4)


def test_a_group_is_what_its_stations_reach_together(town):
    places = stations((300, 300), (1700, 1500), (1000, 1000), post=["x", "x", None])
    each = service_circles(town, places, minutes=(4, 8))
    together = service_circles(town, places, minutes=(4, 8), group="post")
    assert list(zip(together["station"], together["minutes"], strict=True)) == [
        ("s2", 4), ("s2", 8), ("x", 4), ("x", 8)]  # fmt: skip
    for minutes, rows in each[each["station"] != "s2"].groupby("minutes"):
        union = shapely.union_all(rows.geometry.to_crs(CRS).to_numpy())
        found = together[(together["station"] == "x") & (together["minutes"] == minutes)].geometry.to_crs(CRS).iloc[0]
        assert shapely.symmetric_difference(union, found).area < 0.01 * union.area


RIVER = box(-200, 950, 2200, 1050)


@pytest.mark.parametrize("bridged", [False, True])
def test_a_circle_crosses_water_only_by_a_bridge(bridged):
    half = 800  # metres of streets on either bank
    rows = [
        (tuple((x, low + y) for x in range(0, 2001, 200)), {}) for low in (0, 1100) for y in range(0, half + 1, 200)
    ]
    lanes = [
        (tuple((x, low + y) for y in range(0, half + 1, 200)), {}) for low in (0, 1100) for x in range(0, 2001, 200)
    ]
    # The northern bank is joined to the southern by one way around, far off, and perhaps by the bridge.
    around = (((0, 0), (-9000, 0), (-9000, 1100), (0, 1100)), {})
    bridge = (((1000, 800), (1000, 1100)), {"bridge": "yes"})
    made = network(*rows, *lanes, around, *([bridge] if bridged else []), water=layer(RIVER))
    circle = service_circles(made, stations((1000, 700)), minutes=[15], cell_m=10)
    land = flat(circle)[0]
    north = land.intersection(box(-500, 1060, 2500, 3000)).area
    assert (north > 100_000) == bridged
    assert land.intersection(box(-500, 0, 2500, 940)).area > 500_000
    # A cell is owned dry or not at all; the line may wander half a cell into the river.
    assert land.intersection(RIVER.buffer(-10)).area == 0


@pytest.mark.parametrize("minutes", [0, -5, float("nan"), float("inf"), (5, 0), (5, float("nan")), ()])
def test_a_range_that_is_none_is_refused(town, minutes):
    with pytest.raises(InputError, match="above zero"):
        service_circles(town, stations((0, 0)), minutes=minutes)


@pytest.mark.parametrize("option", [{"speed_m_s": 0}, {"speed_m_s": float("nan")}, {"speed_m_s": -1}, {"cell_m": 0}])
def test_a_walk_that_is_none_is_refused(town, option):
    with pytest.raises(InputError, match=next(iter(option))):
        service_circles(town, stations((0, 0)), **option)


def test_stations_that_cannot_be_told_apart_are_refused(town):
    with pytest.raises(LayerError, match="a more than once"):
        service_circles(town, stations((0, 0), (9, 9), station=["a", "a"]))
    with pytest.raises(LayerError, match=r"row 1: no 'station'"):
        service_circles(town, stations((0, 0), (9, 9), station=["a", None]))
    with pytest.raises(LayerError, match=r"no column 'post'; there is station"):
        service_circles(town, stations((0, 0)), group="post")


def test_the_same_call_gives_the_same_bytes(town):
    places = stations((333, 777), (1234, 567))
    one, two = service_circles(town, places), service_circles(town, places)
    assert one.to_wkb().equals(two.to_wkb())


def test_multipoints_and_polygons_are_stations_too(town):
    shapes = [box(900, 900, 1100, 1100), MultiPoint([(300, 300), (310, 300)]), LineString([(0, 0), (10, 0)])]
    circles = service_circles(town, layer(*shapes, station=["a", "b", "c"]), minutes=[5])
    assert (circles["area_m2"] > 10_000).all()


def test_how_a_circle_was_walked_travels_with_it(town):
    circles = service_circles(town, stations((900, 900)), speed_m_s=0.8, pace=Pace(crossing_s=20), cell_m=10)
    assert circles.attrs == {
        "network_date": None,
        "barriers": {},
        "speed_m_s": 0.8,
        "pace": {"steps": 2.0, "slope": True, "crossing_s": 20, "towards": False},
        "cell_m": 10.0,
        "off_street_m": 100.0,
    }
    assert json.loads(json.dumps(circles.attrs)) == circles.attrs


def test_many_stations_are_drawn_some_at_a_time_and_the_bar_moves(town, monkeypatch):
    places = stations(*np.random.default_rng(0).uniform(0, 2000, (25, 2)), post=[n % 9 for n in range(25)])
    whole, moves = service_circles(town, places, minutes=(3, 5), group="post"), []
    monkeypatch.setattr(isochrones, "_BATCH", 4)
    parts = service_circles(town, places, minutes=(3, 5), group="post", progress=lambda *move: moves.append(move))
    assert parts.to_wkb().equals(whole.to_wkb())
    assert [what for _, what in moves] == ["4 / 9", "8 / 9", "9 / 9"]
    assert moves[-1][0] == 1


def test_a_circle_smaller_than_a_cell_is_no_fault_of_the_streets(town):
    circles = service_circles(town, stations((1010, 1000), (1060, 1060)), minutes=(0.1, 8), station="station")
    assert circles["outcome"].tolist() == ["ok", "ok", "off_network", "ok"]
    assert circles["reason"].tolist() == ["smaller than a cell of 20 m", "", "no street within 0.1 minutes on foot", ""]


@pytest.mark.parametrize("off_street_m", [-1, 501, float("inf"), float("nan"), "far", None])
def test_a_walk_off_the_street_that_the_raster_cannot_hold_is_refused(town, off_street_m):
    with pytest.raises(InputError, match="0 to 500 metres"):
        service_circles(town, stations((0, 0)), off_street_m=off_street_m)


@pytest.mark.parametrize("off_street_m", [0, 30, 250, 500])
def test_the_walk_off_the_street_is_as_long_as_asked(off_street_m):
    made = network((((-3000, 0), (3000, 0)), {}))
    circle = flat(service_circles(made, stations((0, 0)), minutes=[15], cell_m=10, off_street_m=off_street_m))[0]
    width = circle.intersection(LineString([(0, -2000), (0, 2000)])).length
    assert width == pytest.approx(2 * off_street_m, abs=1)
