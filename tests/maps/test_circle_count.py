"""Counting by drawn circles, against geopandas joining the same homes to the same polygons."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gridmap
from gridmap.circles.drawn import count_by_drawing


def by_geopandas(circles, homes, minutes):
    points = gpd.GeoDataFrame({"households": homes.households}, geometry=homes.points, crs=homes.layer.crs)
    drawn = circles[circles["minutes"] == minutes].to_crs(points.crs)
    inside = points.sjoin(drawn[["geometry"]], predicate="intersects").index.unique()
    return points.loc[inside, "households"].sum()


def test_households_inside_the_polygons(walked):
    table = count_by_drawing(walked.circles, walked.cover, walked.homes)
    for minutes, row in table.iterrows():
        assert row["drawn"] == pytest.approx(by_geopandas(walked.circles, walked.homes, minutes))
        assert row["exact"] == walked.cover.by_minutes.loc[minutes, "covered"]
        assert row["drawn"] - row["exact"] == row["taken_in"] - row["left_out"]


def test_homes_that_differ_are_near_the_line_or_the_limit(walked):
    table = count_by_drawing(walked.circles, walked.cover, walked.homes)
    assert (table["taken_in"] + table["left_out"] > 0).any()
    assert table["furthest_m"].max() < 20
    assert (table["usual_m"].dropna() <= table["furthest_m"].dropna()).all()


def test_circles_of_another_speed_are_far_from_the_count(walked):
    """What the figure is for: it tells when circles and coverage do not belong together."""
    slow = gridmap.service_circles(walked.network, walked.stations, speed_m_s=0.5)
    table = count_by_drawing(slow, walked.cover, walked.homes)
    assert table.loc[15, "left_out"] > 1000
    assert table.loc[15, "furthest_m"] > 60


def test_without_any_land_all_are_left_out(walked):
    empty = walked.circles.assign(geometry=[shapely.MultiPolygon()] * len(walked.circles))
    table = count_by_drawing(empty, walked.cover, walked.homes)
    assert (table["drawn"] == 0).all()
    assert (table["left_out"] == table["exact"]).all()
    assert np.isfinite(table["usual_m"]).all()
