"""What geometry is kept in and measured in: zones, rounding that keeps borders shared, areas that are true."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import Point, box

from gridmap.errors import CrsError
from gridmap.geo.crs import (
    DECIMALS,
    in_china,
    metric_crs,
    metric_crs_of,
    round_vertices,
    storage_crs,
    to_storage,
)


def central_meridian(crs: pyproj.CRS) -> float:
    return next(p.value for p in crs.coordinate_operation.params if "natural origin" in p.name and "Long" in p.name)


@settings(deadline=None)
@given(lon=st.floats(73.0, 136.0), lat=st.floats(3.0, 54.0))
def test_in_china_the_central_meridian_is_never_more_than_a_degree_and_a_half_away(lon, lat):
    crs = metric_crs(lon, lat)
    assert 4534 <= crs.to_epsg() <= 4554
    edge = lon < 73.5  # the first zone is number 25, around 75 degrees
    assert abs(central_meridian(crs) - lon) <= (2.0 if edge else 1.5) + 1e-9
    assert crs == metric_crs(lon)


@pytest.mark.parametrize("zone", range(25, 46))
def test_every_zone_of_china_is_the_three_degree_one_without_prefix(zone):
    crs = metric_crs(3.0 * zone)
    assert central_meridian(crs) == 3 * zone
    assert crs.name == f"CGCS2000 / 3-degree Gauss-Kruger CM {3 * zone}E"
    east, north = pyproj.Transformer.from_crs(4490, crs, always_xy=True).transform(3.0 * zone, 31.0)
    assert east == pytest.approx(500_000, abs=0.001)
    assert north == pytest.approx(pyproj.Geod(ellps="GRS80").inv(3 * zone, 0, 3 * zone, 31)[2], abs=0.01)


@settings(deadline=None)
@given(lon=st.floats(-180, 180), lat=st.floats(-80, 84))
def test_outside_china_it_is_the_utm_zone_around(lon, lat):
    assume(not in_china(lon, lat))
    crs = metric_crs(lon, lat)
    assert crs.name.startswith("WGS 84 / UTM zone")
    assert crs.name.endswith("N" if lat >= 0 else "S")
    assert abs(central_meridian(crs) - lon) <= 3 + 1e-9  # 42 less a rounding error counts as 42


@pytest.mark.parametrize(("lon", "lat"), [(float("nan"), 30), (181, 30), (120, 91), (float("inf"), None), (-181, None)])
def test_what_is_no_longitude_and_latitude_has_no_metres(lon, lat):
    with pytest.raises(CrsError, match="allowed"):
        metric_crs(lon, lat)


@pytest.mark.parametrize(("lon", "lat", "code"), [(120.3, 31.5, 4490), (9.5, 47.1, 4326), (-77.0, 38.9, 4326)])
def test_geometry_is_kept_in_cgcs2000_in_china_and_wgs84_elsewhere(lon, lat, code):
    assert storage_crs(lon, lat).to_epsg() == code
    flat = gpd.GeoDataFrame(geometry=[Point(lon, lat).buffer(0.001)], crs=4326).to_crs(metric_crs(lon, lat))
    assert to_storage(flat).crs.to_epsg() == code


@pytest.mark.parametrize(("lon", "lat"), [(120.3, 31.5), (121.49, 31.2), (87.6, 43.8), (73.6, 39.0), (9.5, 47.1)])
def test_the_area_in_metres_is_the_area_on_the_ellipsoid(lon, lat):
    """A grid of about a square kilometre, measured by geodesics."""
    grid = box(lon, lat, lon + 0.01, lat + 0.01)
    layer = gpd.GeoDataFrame(geometry=[grid], crs=4326)
    expected = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shapely.segmentize(grid, 0.001))[0])
    assert layer.to_crs(metric_crs_of(layer)).area[0] == pytest.approx(expected, rel=0.001)


@settings(deadline=None, max_examples=25)
@given(lon=st.floats(74, 135), lat=st.floats(3, 53))
def test_a_distance_in_metres_is_the_distance_on_the_ellipsoid(lon, lat):
    ends = gpd.GeoSeries([Point(lon, lat), Point(lon + 0.01, lat + 0.01)], crs=4490)
    flat = ends.to_crs(metric_crs_of(ends))
    expected = pyproj.Geod(ellps="GRS80").inv(lon, lat, lon + 0.01, lat + 0.01)[2]
    assert flat[0].distance(flat[1]) == pytest.approx(expected, rel=0.001)


def made_coverage(seed: int) -> gpd.GeoDataFrame:
    """Voronoi cells in metres: polygons that share every border, with vertices at any fraction of a millimetre."""
    rng = np.random.default_rng(seed)
    seeds = shapely.multipoints(rng.uniform((500_000, 3_480_000), (505_000, 3_485_000), (150, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds))
    return gpd.GeoDataFrame(geometry=cells, crs=4549)


@pytest.mark.parametrize("seed", range(5))
def test_rounding_keeps_shared_borders_shared(seed):
    layer = made_coverage(seed)
    assert shapely.coverage_is_valid(layer.geometry.to_numpy())
    kept = to_storage(layer)
    assert shapely.coverage_is_valid(kept.geometry.to_numpy())
    assert kept.geometry.is_valid.all()
    xy = shapely.get_coordinates(kept.geometry.to_numpy())
    assert np.array_equal(xy, np.round(xy, DECIMALS))
    moved = shapely.get_coordinates(kept.to_crs(4549).geometry.to_numpy())
    assert np.abs(moved - shapely.get_coordinates(layer.geometry.to_numpy())).max() < 0.002


def test_rounding_keeps_the_borders_of_real_districts_shared(shared):
    blocks = gpd.read_file(f"zip://{shared('dc/tabblock20.zip')}")
    assert shapely.coverage_is_valid(blocks.geometry.to_numpy())
    assert shapely.coverage_is_valid(to_storage(blocks).geometry.to_numpy())


def test_rounding_twice_is_rounding_once():
    once = to_storage(made_coverage(9))
    again = to_storage(once)
    assert shapely.equals_identical(once.geometry.to_numpy(), again.geometry.to_numpy()).all()
    assert round_vertices(Point(120.123456789, 31.0)) == Point(120.12345679, 31.0)


def test_a_layer_that_has_no_place_is_refused():
    with pytest.raises(CrsError, match="no CRS"):
        metric_crs_of(gpd.GeoDataFrame(geometry=[Point(0, 0)]))
    with pytest.raises(CrsError, match="no coordinates"):
        metric_crs_of(gpd.GeoDataFrame(geometry=[Point()], crs=4490))
