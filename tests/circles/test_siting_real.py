"""Siting and catchments of real places, and of as many households as a county has."""

from __future__ import annotations

import itertools
import time

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gridmap

EXTRACT = "liechtenstein/liechtenstein_2021.osm.pbf"


@pytest.fixture(scope="module")
def liechtenstein(shared):
    return gridmap.read_network(shared(EXTRACT), water=shared(EXTRACT), rail=shared(EXTRACT))


@pytest.fixture(scope="module")
def demand(shared, liechtenstein):
    """Every building, with the households that its floor area would hold."""
    layer = gridmap.read_layer(shared(EXTRACT), role="buildings")
    area = layer.geometry.to_crs(32632).area
    return gridmap.place_demand(liechtenstein, layer.assign(households=np.where(area > 40, (area / 150).round(1), 0.0)))


@pytest.fixture(scope="module")
def spots(demand):
    points = demand.points[:: len(demand) // 40]
    return gpd.GeoDataFrame({"station": [f"s{n:02d}" for n in range(len(points))]}, geometry=points, crs=4326)


def test_xinwu_gets_the_stations_that_cover_most(shared):
    network = gridmap.read_network(shared("xinwu/roads.gpkg"), water=shared("xinwu/water.gpkg"))
    cells = gridmap.read_layer(shared("xinwu/built_form_250m.gpkg"))
    cells = cells.assign(households=cells["area_residential_m2"] / 100)
    middles = cells.nlargest(60, "households").geometry.centroid
    places = gpd.GeoDataFrame({"station": range(60)}, geometry=middles.values, crs=cells.crs)
    demand = gridmap.place_demand(network, cells, off_street_m=300)
    siting = gridmap.propose_stations(network, demand, places[:20], places[20:], k=6, candidate="station")
    assert (siting.gap, siting.method) == (0, "exact")
    built = places[places["station"].isin([*range(20), *siting.sites["candidate"]])]
    assert gridmap.coverage(network, built, demand).share == pytest.approx(siting.share, abs=1e-12)
    # Exchanging any one of the six for any other does not cover more.
    chosen = siting.sites["candidate"].tolist()
    for out, new in itertools.product(chosen, [n for n in range(20, 60, 3) if n not in chosen]):
        other = [*range(20), *(n for n in chosen if n != out), new]
        assert gridmap.coverage(network, places[places["station"].isin(other)], demand).covered <= siting.covered + 1e-6


def test_liechtenstein_reaches_a_target_with_the_fewest(liechtenstein, demand, spots):
    siting = gridmap.propose_stations(liechtenstein, demand, spots[::4], None, target=0.8)
    assert siting.share >= 0.8
    assert (siting.bound, siting.gap) == (siting.k, 0)
    fewer = gridmap.propose_stations(liechtenstein, demand, spots[::4], None, k=siting.k - 1)
    assert fewer.gap == 0
    assert fewer.share < 0.8
    same = gridmap.propose_stations(liechtenstein, demand, spots[::4], None, k=siting.k)
    assert same.covered == pytest.approx(siting.covered, abs=1e-6)


def test_catchments_of_liechtenstein(liechtenstein, demand, spots):
    found = gridmap.catchments(liechtenstein, spots, demand)
    cover = gridmap.coverage(liechtenstein, spots, demand)
    np.testing.assert_array_equal(found.homes["minutes_to_nearest"], cover.minutes_to_nearest)
    assert (found.homes["nearest"].cat.codes == cover.homes["station"].cat.codes).all()
    shapes = found.polygons.geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes)
    metres = found.polygons.to_crs(liechtenstein.crs).geometry.to_numpy()
    station = found.homes["station"].cat.codes.to_numpy()
    served = np.flatnonzero(station >= 0)
    away = shapely.distance(metres[station[served]], shapely.points(demand.xy[served]))
    assert (away < 30).mean() > 0.999


@pytest.mark.slow
def test_a_county_of_200_000_homes_is_sited_with_a_proof(shared):
    network = gridmap.read_network(shared("porto/porto.osm.pbf"))
    rng = np.random.default_rng(0)
    middle = np.median(network.node_xy, axis=0)
    xy = network.vertex_xy[np.hypot(*(network.vertex_xy - middle).T) < 12_000]
    xy = xy[rng.integers(len(xy), size=200_000)] + rng.normal(0, 25, (200_000, 2))
    homes = gpd.GeoDataFrame({"households": rng.integers(1, 40, len(xy))}, geometry=shapely.points(xy), crs=network.crs)
    places = gpd.GeoDataFrame(geometry=homes.geometry[:: len(homes) // 1000], crs=network.crs)
    demand = gridmap.place_demand(network, homes)
    began = time.perf_counter()
    siting = gridmap.propose_stations(network, demand, None, places, k=30)
    taken_s = time.perf_counter() - began
    quick = gridmap.propose_stations(network, demand, None, places, k=30, time_limit_s=0)
    assert siting.method == "exact"
    assert siting.gap <= 1e-6
    assert quick.covered <= siting.covered <= siting.bound <= quick.bound + 1e-6
    assert quick.gap < 0.02
    assert taken_s < 120
