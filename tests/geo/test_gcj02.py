"""Datums of the field, against the package everybody compares with and against what an inverse has to be."""

from __future__ import annotations

import eviltransform
import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import CrsError, InputError
from gridmap.geo.gcj02 import NAMES, convert, out_of_china, to_wgs84

SHIFTED = ("gcj02", "bd09")
GEOD = pyproj.Geod(ellps="GRS80")

china_lon = st.floats(73.5, 135.0)
china_lat = st.floats(3.5, 53.5)


def random_places(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.uniform(73.0, 136.0, count), rng.uniform(3.0, 54.0, count)


def metres(lon, lat, other_lon, other_lat):
    return GEOD.inv(lon, lat, other_lon, other_lat)[2]


def test_gcj02_is_what_eviltransform_says():
    lon, lat = random_places(2000)
    mine = np.c_[convert(lon, lat, "wgs84", "gcj02")]
    theirs = np.array([eviltransform.wgs2gcj(y, x)[::-1] for x, y in zip(lon, lat, strict=True)])
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9)
    assert (metres(lon, lat, *mine.T) > 10).all(), "nowhere in China is GCJ-02 the same as WGS 84"


def test_bd09_is_what_eviltransform_says():
    lon, lat = random_places(2000)
    mine = np.c_[convert(lon, lat, "gcj02", "bd09")]
    theirs = np.array([eviltransform.gcj2bd(y, x)[::-1] for x, y in zip(lon, lat, strict=True)])
    # A point given in GCJ-02 passes through WGS 84, whose inverse is good to 1e-9 degrees.
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=3e-9)


def test_bd09_from_wgs84_is_both_steps_of_eviltransform():
    lon, lat = random_places(500)
    mine = np.c_[convert(lon, lat, "wgs84", "bd09")]
    steps = [eviltransform.gcj2bd(*eviltransform.wgs2gcj(y, x))[::-1] for x, y in zip(lon, lat, strict=True)]
    np.testing.assert_allclose(mine, np.array(steps), rtol=0, atol=1e-9)


@pytest.mark.parametrize("crs", SHIFTED)
@settings(deadline=None)
@given(lon=china_lon, lat=china_lat)
def test_there_and_back_again_is_within_a_centimetre(crs, lon, lat):
    back = convert(*convert(lon, lat, "wgs84", crs), crs, "wgs84")
    assert metres(lon, lat, *map(float, back)) < 0.01


@pytest.mark.parametrize("crs", SHIFTED)
@settings(deadline=None)
@given(lon=china_lon, lat=china_lat)
def test_the_inverse_is_the_place_whose_image_is_the_one_given(crs, lon, lat):
    image = convert(*to_wgs84(lon, lat, crs), "wgs84", crs)
    assert metres(lon, lat, *map(float, image)) < 0.01


@pytest.mark.parametrize("crs", SHIFTED)
@settings(deadline=None)
@given(lon=st.floats(-180, 180), lat=st.floats(-89, 89))
def test_outside_china_nothing_moves(crs, lon, lat):
    if out_of_china(lon, lat):
        assert [float(v) for v in convert(lon, lat, "wgs84", crs)] == [lon, lat]
        assert [float(v) for v in convert(lon, lat, crs, "wgs84")] == [lon, lat]


@pytest.mark.parametrize(("lon", "lat"), [(9.5, 47.1), (-77.0, 38.9), (151.2, -33.9), (140.0, 35.0)])
@pytest.mark.parametrize("crs", SHIFTED)
def test_known_places_abroad_stay(crs, lon, lat):
    assert bool(out_of_china(lon, lat))
    assert [float(v) for v in to_wgs84(lon, lat, crs)] == [lon, lat]


@pytest.mark.parametrize("crs", ["mars", "gcj-03", "", "utm", "12", "epsg:4490x"])
def test_an_unknown_system_is_refused_and_the_known_are_named(crs):
    with pytest.raises(CrsError) as refused:
        convert(120.0, 31.0, crs, "wgs84")
    assert all(name in str(refused.value) for name in NAMES)
    with pytest.raises(InputError):
        convert(120.0, 31.0, "wgs84", crs)


def test_a_number_that_is_no_epsg_code_is_refused():
    with pytest.raises(CrsError, match="999999"):
        convert(120.0, 31.0, "EPSG:999999", "wgs84")


@pytest.mark.parametrize("crs", [4549, "4549", "EPSG:4549", "epsg:4549"])
def test_a_projected_code_is_what_pyproj_says(crs):
    lon, lat = np.array([119.2, 120.0, 121.1]), np.array([31.0, 31.5, 32.2])
    east, north = convert(lon, lat, "wgs84", crs)
    expected = pyproj.Proj("+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +ellps=GRS80")(lon, lat)
    np.testing.assert_allclose(np.c_[east, north], np.c_[expected], rtol=0, atol=0.001)
    np.testing.assert_allclose(np.c_[to_wgs84(east, north, crs)], np.c_[lon, lat], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["GCJ-02", "gcj_02", " GCJ02 ", "gcj02"])
def test_a_system_may_be_spelt_as_people_do(name):
    assert convert(120.0, 31.0, "wgs84", name) == convert(120.0, 31.0, "wgs84", "gcj02")


def test_cgcs2000_is_taken_as_wgs84():
    assert [float(v) for v in convert(120.1, 31.2, "cgcs2000", "wgs84")] == [120.1, 31.2]
    assert [float(v) for v in convert(120.1, 31.2, 4490, 4326)] == [120.1, 31.2]


@pytest.mark.parametrize("crs", [*NAMES, 4549])
def test_not_a_number_stays_so_and_spoils_no_neighbour(crs):
    lon, lat = np.array([120.0, np.nan, 120.5, 121.0]), np.array([31.0, 31.0, np.nan, 31.5])
    out = np.c_[convert(lon, lat, "wgs84", crs)]
    back = np.c_[convert(*out.T, crs, "wgs84")]
    assert np.isnan(out[1]).any()
    assert np.isnan(out[2]).any()
    np.testing.assert_allclose(back[[0, 3]], np.c_[lon, lat][[0, 3]], rtol=0, atol=1e-7)


def test_what_cannot_be_projected_becomes_not_a_number():
    east, north = convert(120.0, np.inf, "wgs84", 4549)
    assert np.isnan(east)
    assert np.isnan(north)


def test_the_shape_of_the_input_is_kept():
    lon, lat = convert(np.full((2, 3), 120.0), 31.0, "wgs84", "gcj02")
    assert lon.shape == lat.shape == (2, 3)
