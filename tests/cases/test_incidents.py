"""Incidents keep every row, and say what Locator and Roster say of each."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import CrsError, InputError, RosterError
from gridmap.geo.gcj02 import convert
from gridmap.people.io import as_roster


@pytest.fixture(scope="module")
def plan():
    cells = [shapely.box(120 + i / 10, 31, 120.1 + i / 10, 31.1) for i in range(5)]
    whole = gpd.GeoDataFrame({"code": ["L"]}, geometry=[shapely.box(120, 31, 120.5, 31.1)], crs=4490)
    small = gpd.GeoDataFrame({"code": [f"L{i}" for i in range(5)]}, geometry=cells, crs=4490)
    return gridmap.Plan.from_layers({"large": whole, "small": small})


@pytest.fixture(scope="module")
def roster():
    return as_roster(
        pd.DataFrame(
            {
                "person_id": ["1", "2", "3"],
                "name": ["王小明", "李雷", "韩梅梅"],
                "grid": ["L", "L0", "L1"],
                "duties": ["*", "S01", "P0203"],
                "valid_from": [None, "2026-03-01", None],
            }
        )
    )


def incidents(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    systems = np.array(["wgs84", "gcj02", "bd09", "cgcs2000"], dtype=object)[rng.integers(4, size=n)]
    lon, lat = rng.uniform(119.95, 120.55, n), rng.uniform(30.98, 31.12, n)
    rows = pd.DataFrame({"lon": lon, "lat": lat, "crs": systems}, index=pd.Index(rng.permutation(n) + 1000, name="id"))
    for name in ("gcj02", "bd09"):
        there = (systems == name).nonzero()[0]
        x, y = convert(lon[there], lat[there], "wgs84", name)
        rows.iloc[there, 0], rows.iloc[there, 1] = x, y
    rows["type"] = rng.choice(["S01", "P0203", None], n)
    rows["reported_at"] = pd.Timestamp("2026-02-01") + pd.to_timedelta(rng.integers(0, 60 * 24, n), unit="h")
    rows["accuracy_m"] = rng.choice([np.nan, 5.0, 2000.0], n)
    return rows


def test_every_row_says_what_locator_and_roster_say(plan, roster):
    rows = incidents()
    locator = gridmap.Locator(plan)
    joined = gridmap.join_incidents(rows, locator, roster)
    pd.testing.assert_frame_equal(joined[list(rows.columns)], rows)
    assert joined["outcome"].nunique() >= 3
    for row in joined.itertuples():
        accuracy = None if np.isnan(row.accuracy_m) else row.accuracy_m
        place = locator.locate(row.lon, row.lat, crs=row.crs, accuracy_m=accuracy)
        assert (row.outcome, row.reason) == (place.outcome, place.reason)
        assert {level: getattr(row, level) for level in ("large", "small") if pd.notna(getattr(row, level))} == dict(
            place.chain
        )
        duty = None if pd.isna(row.type) else row.type
        who = roster.responsible(place, duty=duty, at=row.reported_at.to_pydatetime())
        if who is None:
            assert pd.isna(row.person_id)
        else:
            assert (row.person_id, row.person, row.answered_level) == (who.person_id, who.name, who.level)


def test_a_grid_without_anybody_for_the_duty_goes_to_its_parent(plan, roster):
    rows = pd.DataFrame({"lon": [120.05] * 3, "lat": 31.05, "type": ["S01", "S01", "P0203"],
                         "reported_at": ["2026-03-01", "2026-02-28T23:59", "2026-03-02T08:00+08:00"]})  # fmt: skip
    joined = gridmap.join_incidents(rows, gridmap.Locator(plan), roster)
    assert joined["person_id"].tolist() == ["2", "1", "1"]
    assert joined["answered_level"].tolist() == ["small", "large", "large"]
    assert joined["person"].tolist() == ["李*", "王**", "王**"]
    open_names = gridmap.join_incidents(rows, gridmap.Locator(plan), roster, unmask=True)["person"]
    assert open_names.tolist() == ["李雷", "王小明", "王小明"]


def test_a_row_without_a_time_is_placed_but_names_nobody(plan, roster):
    rows = pd.DataFrame({"lon": [120.05, 120.05], "lat": 31.05, "reported_at": [None, "when I woke up"]})
    joined = gridmap.join_incidents(rows, gridmap.Locator(plan), roster)
    assert joined["outcome"].tolist() == ["matched"] * 2
    assert joined["person_id"].isna().all()
    assert joined["reason"].str.contains("report time").all()


def test_a_time_that_cannot_be_read_is_quoted_and_the_others_are_joined(plan, roster):
    times = ["05/06/2026", "9999-12-31", "2026-05-01T08:00:00+08", "2026年5月1日 8:00"]
    rows = pd.DataFrame({"lon": [120.05] * 4, "lat": 31.05, "reported_at": times})
    joined = gridmap.join_incidents(rows, gridmap.Locator(plan), roster)
    assert joined["person_id"].isna().tolist() == [True, False, False, False]
    assert "05/06/2026" in joined["reason"][0]


def test_a_roster_of_another_plan_is_refused(plan):
    lost = as_roster(pd.DataFrame({"person_id": ["1"], "name": ["甲"], "grid": ["X"]}))
    rows = pd.DataFrame({"lon": [120.05], "lat": [31.05], "reported_at": ["2026-05-01"]})
    with pytest.raises(RosterError, match=r"row 2 \(X\)"):
        gridmap.join_incidents(rows, gridmap.Locator(plan), lost)
    joined = gridmap.join_incidents(rows, gridmap.Locator(plan), lost, allow_unknown_grids=True)
    assert joined["person_id"].isna().all()


def test_an_accuracy_that_is_no_number_is_not_taken_for_unknown(plan):
    rows = pd.DataFrame({"lon": [120.05] * 4, "lat": 31.05, "accuracy_m": ["30m", "20", None, -1]})
    joined = gridmap.join_incidents(rows, gridmap.Locator(plan))
    assert joined["outcome"].tolist() == ["invalid", "matched", "matched", "invalid"]


def test_a_layer_and_a_column_that_name_different_systems_are_not_reconciled(plan):
    points = gpd.GeoDataFrame(
        {"crs": ["EPSG:3857", None, "gcj02"]}, geometry=gpd.points_from_xy([120.25] * 3, [31.05] * 3), crs=4326
    )
    joined = gridmap.join_incidents(points.to_crs(3857), gridmap.Locator(plan))
    assert joined["outcome"].tolist() == ["matched", "matched", "invalid"]
    assert "EPSG:3857" in joined["reason"][2]


def test_a_column_that_is_there_twice_is_refused(plan):
    rows = pd.DataFrame([[120.05, 31.05, 120.05]], columns=["lon", "lat", "lon"])
    with pytest.raises(InputError, match="'lon' more than once"):
        gridmap.join_incidents(rows, gridmap.Locator(plan))


def test_one_system_for_all_rows_may_be_stated(plan):
    rows = incidents(50).assign(crs="wgs84")
    shifted = rows.copy().drop(columns="crs")
    shifted["lon"], shifted["lat"] = convert(rows["lon"], rows["lat"], "wgs84", "bd09")
    locator = gridmap.Locator(plan)
    plain, bd09 = gridmap.join_incidents(rows, locator), gridmap.join_incidents(shifted, locator, crs="bd09")
    pd.testing.assert_series_equal(plain["small"], bd09["small"])


def test_a_layer_of_points_needs_no_coordinates(plan):
    points = gpd.GeoDataFrame({"n": [1]}, geometry=gpd.points_from_xy([120.25], [31.05]), crs=4326)
    for crs in (4326, 4549):
        assert gridmap.join_incidents(points.to_crs(crs), gridmap.Locator(plan))["small"].tolist() == ["L2"]


def test_what_is_missing_or_taken_is_said(plan, roster):
    locator = gridmap.Locator(plan)
    rows = pd.DataFrame({"x": [120.05], "lat": [31.05]})
    with pytest.raises(InputError, match="no column lon; they have x, lat"):
        gridmap.join_incidents(rows, locator)
    rows = rows.rename(columns={"x": "lon"})
    with pytest.raises(InputError, match="reported_at"):
        gridmap.join_incidents(rows, locator, roster)
    with pytest.raises(InputError, match="already have outcome"):
        gridmap.join_incidents(rows.assign(outcome="x"), locator)
    with pytest.raises(CrsError, match="neither a column"):
        gridmap.join_incidents(rows, locator, crs="projection")


def test_no_rows_stay_no_rows(plan, roster):
    joined = gridmap.join_incidents(incidents().iloc[:0], gridmap.Locator(plan), roster)
    assert len(joined) == 0
    assert "answered_level" in joined.columns
