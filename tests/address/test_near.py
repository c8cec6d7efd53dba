"""The nearest address is the nearest, measured another way, and on the side of the street one stands on."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

from gridmap.address.near import NearestAddress, near_tables
from gridmap.geo.crs import metric_crs, transformer

WEST, SOUTH = 120.3, 31.5
METRES = metric_crs(WEST, SOUTH)
GEOD = Geod(ellps="GRS80")
ORIGIN = transformer(METRES.geodetic_crs, METRES).transform(WEST, SOUTH)


def degrees(x, y):
    """Return longitude and latitude of points in metres east and north of the corner of the test's plane."""
    return transformer(METRES, METRES.geodetic_crs).transform(np.add(x, ORIGIN[0]), np.add(y, ORIGIN[1]))


def streets_of(*lines, crs=METRES, **columns):
    moved = [shapely.transform(shapely.LineString(line), lambda xy: xy + ORIGIN) for line in lines]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=METRES).to_crs(crs)


def near_of(points, *lines, **columns):
    x, y = np.transpose(points)
    return NearestAddress(near_tables(*degrees(x, y), streets_of(*lines, **columns) if lines else None))


def ask(near, x, y):
    return near.nearest(*map(float, degrees(x, y)), radius_m=200.0)


def many(near, lon, lat, radius_m=200.0):
    """Return rows, metres and sides of many points."""
    answers = [near.nearest(*point, radius_m=radius_m) for point in zip(lon, lat, strict=True)]
    row, metres, side = zip(*answers, strict=True)
    return np.array(row), np.array(metres), side


@pytest.mark.parametrize("radius_m", [40.0, 500.0, np.inf])
def test_nearest_is_nearest_on_the_ellipsoid(radius_m):
    rng = np.random.default_rng(3)
    middle = rng.uniform(0, 3000, (12, 2))
    points = middle[rng.integers(0, 12, 400)] + rng.normal(0, 120, (400, 2))
    points[100:150] = points[:50]
    points[0] = 2e5, 1e5
    lon, lat = degrees(*points.T)
    lon[:7:3] = np.nan
    near = NearestAddress(near_tables(lon, lat))
    asked = np.column_stack(degrees(*rng.uniform(-300, 3300, (150, 2)).T))
    rows, metres, side = many(near, *asked.T, radius_m=radius_m)
    for at, (x, y) in enumerate(asked):
        known = np.flatnonzero(np.isfinite(lon))
        true = GEOD.inv(np.full(len(known), x), np.full(len(known), y), lon[known], lat[known])[2]
        if true.min() > radius_m * 1.001:
            assert rows[at] == -1
            assert np.isnan(metres[at])
        elif true.min() < radius_m * 0.999:
            assert true[known == rows[at]][0] <= true.min() * 1.0005 + 1e-3
            assert metres[at] == pytest.approx(true.min(), rel=1e-3, abs=0.06)
            assert rows[at] == known[(lon[known] == lon[rows[at]]) & (lat[known] == lat[rows[at]])][0]
    assert set(side) == {None}


def test_own_side_wins_as_shapely_sees_it():
    """Ways and streets are crossed in a plane, with shapely, over all addresses."""
    rng = np.random.default_rng(5)
    lines = [np.cumsum(np.vstack((rng.uniform(0, 900, 2), rng.normal(0, 130, (4, 2)))), axis=0) for _ in range(20)]
    points = rng.uniform(0, 900, (110, 2))
    near = near_of(points, *lines)
    network = shapely.union_all([shapely.LineString(line) for line in lines])
    shapely.prepare(network)
    asked = rng.uniform(0, 900, (500, 2))
    points_clear = shapely.distance(shapely.points(points), network) > 1.2
    answers = many(near, *degrees(*asked.T))
    told = {0: 0, 1: 0}
    for (x, y), row, metres, side in zip(asked, *answers, strict=True):
        away = np.hypot(*(points - (x, y)).T)
        order = np.argsort(away)[: np.searchsorted(np.sort(away), 100.0)]
        clear_of_lines = shapely.distance(shapely.Point(x, y), network) > 1.2 and points_clear[order].all()
        if not (len(order) and clear_of_lines):
            continue
        crosses = shapely.intersects(shapely.linestrings([[(x, y), points[each]] for each in order]), network)
        clear = order[~crosses]
        best = order[0]
        if crosses[0] and len(clear) and away[clear[0]] < min(3 * away[best], 100.0):
            best = clear[0]
        assert row == best
        assert metres == pytest.approx(away[best], rel=1e-3, abs=0.06)
        if shapely.distance(shapely.Point(x, y), network) < 99:
            assert side == (best in clear)
            told[int(side)] += 1
    assert min(told.values()) > 20


STREET = [(-200, 0), (200, 0)]


def test_on_the_pavement_ones_own_side_wins_up_to_three_times_as_far():
    houses = [(30, -20), (0, 20)]
    near = near_of(houses, STREET)
    assert ask(near, 0, -4) == (0, pytest.approx(34, abs=0.1), True)
    assert ask(near, 0, 4) == (1, pytest.approx(16, abs=0.1), True)
    # Nothing but a canal on this side: the house opposite it is, and it is said to be opposite.
    assert ask(near, -80, -4)[::2] == (1, False)
    assert ask(near_of([(90, -20), (0, 20)], STREET), 0, -4)[::2] == (1, False)


def test_on_the_centre_line_the_nearest_counts():
    near = near_of([(20, -20), (0, 20)], STREET)
    assert ask(near, 0, -0.5)[::2] == (1, True)
    assert ask(near, 0, 0.5)[::2] == (1, True)
    assert ask(near, 0, -2)[::2] == (0, True)
    assert ask(near, 8, 2)[::2] == (1, True)


def test_at_a_corner_no_street_is_crossed():
    """Of four corner houses one's own, though those across either street are nearer; so where the way bends."""
    houses = [(25, 25), (-12, 12), (12, -12), (-12, -12)]
    near = near_of(houses, STREET, [(0, -200), (0, 200)])
    assert ask(near, 5, 5)[::2] == (0, True)
    assert ask(near, -5, 5)[::2] == (1, True)
    bend = near_of([(30, 30), (-9, 6)], [(0, 200), (0, 0), (200, 0)])
    assert ask(bend, 4, 4)[::2] == (0, True)


def test_a_way_through_a_joint_of_two_pieces_crosses():
    for shift in (0.0, 50.0, -150.0):
        near = near_of([(shift, 10.0)], STREET)
        assert ask(near, shift, -10)[::2] == (0, False)
    assert ask(near_of([(0.0, 10.0)], [(-50, -10), (0, 0), (50, -10)]), 0, -10)[::2] == (0, False)


def test_a_street_that_ends_before_the_way_is_not_crossed():
    near = near_of([(0, 20)], [(-200, 0), (-3, 0)])
    assert ask(near, 0, -20)[::2] == (0, True)
    assert ask(near, -8, -20)[::2] == (0, False)


def test_side_is_unknown_without_streets_near():
    houses = [(0, 20), (0, 1000)]
    assert ask(near_of(houses, STREET), 0, 990)[::2] == (1, None)
    assert ask(near_of(houses), 0, -4)[::2] == (0, None)


def test_what_has_no_sides_is_no_street():
    """A pavement drawn as a line, and a tunnel under the houses, part nobody from a house."""
    for kind in ({"highway": ["footway"]}, {"highway": ["primary"], "tunnel": ["yes"]}):
        assert ask(near_of([(0, 20)], STREET, **kind), 0, -4)[::2] == (0, None)
    assert ask(near_of([(0, 20)], STREET, highway=["primary"], tunnel=[None]), 0, -4)[::2] == (0, False)


def test_streets_may_come_in_any_system():
    lon, lat = degrees([0.0], [20.0])
    first, second = (near_tables(lon, lat, streets_of(STREET, crs=crs)) for crs in (METRES, "EPSG:4490"))
    np.testing.assert_allclose(first["near_street"], second["near_street"], atol=2e-8)


def test_what_is_no_point_is_near_nothing():
    near = near_of([(0, 20)], STREET)
    for value in (np.nan, np.inf, -np.inf, 1e300, 91.0):
        for lon, lat in ((value, SOUTH), (WEST, value)):
            row, metres, side = near.nearest(lon, lat, radius_m=200.0)
            assert (row, np.isnan(metres), side) == (-1, True, None)


def test_an_index_without_positions_knows_nothing_near():
    nowhere = gpd.GeoDataFrame({"highway": []}, geometry=[], crs="EPSG:4490")
    for streets in (None, nowhere):
        near = NearestAddress(near_tables([np.nan], [np.nan], streets))
        assert near.nearest(WEST, SOUTH, radius_m=np.inf)[0] == -1


def test_before_each_house_of_the_town_its_own_address():
    """Five metres from a building towards its street."""
    rows = pd.read_csv("data/town/addresses.csv")
    streets = gpd.read_file("data/town/streets.gpkg")
    near = NearestAddress(near_tables(rows.lon, rows.lat, streets))
    network = streets[~streets.tunnel.eq("yes")].to_crs(METRES).geometry
    places = gpd.GeoSeries.from_xy(rows.lon, rows.lat, crs="EPSG:4490").to_crs(METRES)
    line = network.iloc[network.sindex.nearest(places, return_all=False)[1]].values
    way = shapely.shortest_line(places.values, line)
    moved = shapely.line_interpolate_point(way, np.minimum(5.0, shapely.length(way) / 2))
    before = gpd.GeoSeries(moved, crs=METRES).to_crs("EPSG:4490")
    found, _, side = many(near, before.x, before.y)
    assert np.mean(rows.address[found].values == rows.address) > 0.95
    # Never across the street: who stands before his own house is told one on his side.
    answered = shapely.linestrings(
        np.stack((shapely.get_coordinates(moved), shapely.get_coordinates(places.values[found])), axis=1)
    )
    own = shapely.linestrings(
        np.stack((shapely.get_coordinates(moved), shapely.get_coordinates(places.values)), axis=1)
    )
    cross = [
        np.isin(np.arange(len(rows)), network.sindex.query(ways, predicate="intersects")[0]) for ways in (answered, own)
    ]
    assert not (cross[0] & ~cross[1]).any()
    assert np.mean([each is True for each in side]) > 0.95
