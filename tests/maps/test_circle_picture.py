"""A picture of walking circles: streets, barriers, rings, stations and gaps are seen in it."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import shapely
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from gridmap.errors import InputError
from gridmap.maps import colours
from gridmap.maps.circle_picture import _TINT, circle_picture
from gridmap.maps.page_data import range_colours


def share_of(path, colour):
    """Return the share of a picture's points of about this colour."""
    image = imread(path)[:, :, :3]
    return float((np.abs(image - np.array(to_rgb(colour))).max(axis=2) < 0.06).mean())


def test_water_railway_rings_stations_and_gaps_are_seen(walked, tmp_path):
    path = tmp_path / "a.png"
    circle_picture(walked.network, walked.circles, path, stations=walked.stations, gaps=walked.cover.gaps, width_px=900)
    assert imread(path).shape[1] == 900
    for colour in (colours.BARRIERS["water"], colours.BARRIERS["rail"], colours.GAP, colours.STATIONS["ok"]):
        assert share_of(path, colour) > 2e-4
    bare = tmp_path / "b.png"
    circle_picture(walked.network, walked.circles, bare, width_px=900)
    assert share_of(bare, colours.GAP) < 1e-5
    # Darker by the rings: where they lie nothing is left of the paper.
    assert 0.15 < share_of(path, "#fbfaf6") < 0.75


def test_a_place_that_several_stations_reach_has_the_tint_of_its_shortest_walk(walked, tmp_path):
    """Stations side by side do not darken one another: what the legend shows is what is on the map."""
    twice = pd.concat([walked.circles, walked.circles.assign(station=walked.circles["station"] + "b")])
    circle_picture(walked.network, walked.circles, tmp_path / "once.png", width_px=900)
    circle_picture(walked.network, twice, tmp_path / "twice.png", width_px=900)
    for colour in range_colours(3):
        seen = _TINT * np.array(to_rgb(colour)) + (1 - _TINT) * np.array(to_rgb("#fbfaf6"))
        once, both = (share_of(tmp_path / name, seen) for name in ("once.png", "twice.png"))
        assert once > 0.01
        assert both == pytest.approx(once, rel=0.2)  # the lines around them are drawn twice


def test_each_station_has_a_panel_of_its_own(walked, tmp_path):
    circle_picture(walked.network, walked.circles, tmp_path / "all.png", width_px=800)
    circle_picture(walked.network, walked.circles, tmp_path / "each.png", each=True, width_px=800)
    image = imread(tmp_path / "each.png")[:, :, :3]
    # Five panels side by side on paper: between them, top to bottom of the panels, lies the paper's colour.
    middle = image.shape[0] // 2
    band = image[middle - 25 : middle + 25]
    paper = (np.abs(band - np.array(to_rgb(colours.PAPER))).max(axis=2) < 0.01).all(axis=0)
    gaps = np.flatnonzero(np.diff(paper.astype(int)) == 1)
    assert len(gaps) == len(walked.stations)
    assert imread(tmp_path / "all.png").shape != image.shape


def test_the_same_circles_give_the_same_picture(walked, tmp_path):
    for name in ("a.png", "b.png"):
        circle_picture(walked.network, walked.circles, tmp_path / name, stations=walked.stations, width_px=500)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_circles_without_land_and_no_matplotlib_are_told(walked, tmp_path, monkeypatch):
    empty = walked.circles.assign(geometry=[shapely.MultiPolygon()] * len(walked.circles))
    with pytest.raises(InputError, match="outcome and reason"):
        circle_picture(walked.network, empty, tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="notebook"):
        circle_picture(walked.network, walked.circles, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
