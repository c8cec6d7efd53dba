"""Incidents on a page: every datum, every missing column, and a count of what is not drawn."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from test_codec import decode_ints

from gridmap.geo.gcj02 import convert
from gridmap.maps.incident_data import QUANTUM, incident_data

LON, LAT = 120.4, 31.5


def points_of(data):
    return np.cumsum(np.reshape(decode_ints(data["points"]), (-1, 2)), axis=0) * QUANTUM


def test_every_datum_is_brought_to_one(plan):
    rows = []
    for crs in ("wgs84", "cgcs2000", "gcj02", "bd09", "GCJ-02"):
        lon, lat = convert(LON, LAT, "wgs84", crs)
        rows.append((float(lon), float(lat), crs))
    data = incident_data(pd.DataFrame(rows, columns=["lon", "lat", "crs"]), plan)
    assert np.abs(points_of(data) - (LON, LAT)).max() < 0.51 * QUANTUM + 1e-9
    assert data["left"] == 0


@pytest.mark.parametrize(
    ("lon", "lat", "crs", "outcome"),
    [
        (np.nan, LAT, "wgs84", "matched"),
        (LON, np.inf, "wgs84", "matched"),
        (LON, LAT, "mars", "matched"),
        (LON, LAT, None, "matched"),
        ("x", LAT, "wgs84", "matched"),
        (LON, 120.0, "wgs84", "matched"),
        (LON, LAT, "wgs84", "invalid"),
    ],
)
def test_what_has_no_place_is_counted_not_drawn(plan, lon, lat, crs, outcome):
    table = pd.DataFrame({"lon": [lon, LON], "lat": [lat, LAT], "crs": [crs, "wgs84"], "outcome": [outcome, "gap"]})
    data = incident_data(table, plan)
    assert data["left"] == 1
    assert len(points_of(data)) == 1
    assert sum(each["count"] for each in data["outcomes"]) == 2


def test_nothing_but_points(plan):
    table = gpd.GeoDataFrame(geometry=gpd.points_from_xy([LON, LON], [LAT, LAT + 0.01]), crs=4326)
    data = incident_data(table.to_crs(4549), plan)
    assert len(points_of(data)) == 2
    assert data["outcomes"][0]["count"] == 2
    assert decode_ints(data["minute"]) == [-1, -1]
    assert decode_ints(data["grid"]) == [-1, 0]  # steps: both are in no grid


def test_no_coordinates_at_all(plan):
    data = incident_data(pd.DataFrame({"outcome": ["invalid", "matched"]}), plan)
    assert (data["left"], data["points"]) == (2, "")


def test_no_rows(plan):
    assert incident_data(pd.DataFrame({"lon": []}), plan) is None
    assert incident_data(None, plan) is None


def test_the_finest_grid_and_the_categories(plan, incidents):
    table = incidents.copy()
    table["small"] = table["small"].astype("category").where(table.index % 3 > 0)
    data = incident_data(table, plan)
    drawn = table[table["outcome"] != "invalid"]
    codes = [code for layer in plan.layers.values() for code in layer.index]
    grids = [codes[number] for number in np.cumsum(decode_ints(data["grid"]))]
    assert sorted(grids) == sorted(drawn["small"].astype(object).fillna(drawn["medium"]))
    assert set(data["types"]) == set(drawn["type"])
    assert {each["name"]: each["count"] for each in data["outcomes"]} == table["outcome"].value_counts().to_dict()


def test_times_are_those_of_a_clock_in_shanghai(plan):
    said = ["2026-05-01 08:30", "2026-05-01T00:30:00Z", "2026-05-01T08:30:59+08:00", "yesterday", None]
    table = pd.DataFrame({"lon": LON, "lat": LAT, "reported_at": said})
    data = incident_data(table, plan)
    assert pd.Timestamp(data["start"] * 60, unit="s") == pd.Timestamp("2026-05-01 08:30")
    assert decode_ints(data["minute"]) == [0, 0, 0, -1, -1]


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_times_of_a_column_of_times(plan, zone):
    times = pd.Series(pd.to_datetime(["2026-05-01 08:30", "2026-05-01 08:31", None])).dt.tz_localize(zone)
    data = incident_data(pd.DataFrame({"lon": LON, "lat": LAT, "reported_at": times}), plan)
    assert decode_ints(data["minute"]) == [0, 1, -1]
    hour = 16 if zone == "UTC" else 8
    assert pd.Timestamp(data["start"] * 60, unit="s").hour == hour
