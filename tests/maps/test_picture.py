"""A picture of a plan."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest
import shapely

from gridmap.errors import InputError, OutputError
from gridmap.grids.plan import Plan
from gridmap.maps.picture import plan_picture


def size_of(path):
    head = path.read_bytes()[:24]
    assert head[1:4] == b"PNG"
    return struct.unpack(">II", head[16:24])


def test_a_picture_is_as_wide_as_asked_and_always_the_same(plan, tmp_path):
    for name in ("a.png", "b.png"):
        plan_picture(plan, tmp_path / name, width_px=800)
    assert size_of(tmp_path / "a.png")[0] == 800
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_circles_are_seen(plan, circles, tmp_path):
    plan_picture(plan, tmp_path / "a.png", width_px=600)
    plan_picture(plan, tmp_path / "b.png", circles=circles, width_px=600)
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_grids_in_parts_are_filled(plan, tmp_path):
    from matplotlib.image import imread

    layer = plan["large"].iloc[:1].reset_index()[["code", "geometry"]]
    two = shapely.MultiPolygon([shapely.box(120, 31, 121, 32), shapely.box(122, 31, 123, 32)])
    plan_picture(Plan.from_layers({"large": layer.assign(geometry=[two])}), tmp_path / "a.png", width_px=300)
    image = imread(tmp_path / "a.png")[:, :, :3]
    row = image[int(image.shape[0] * 0.6)]
    paper = np.abs(row - row[0]).max(axis=1) < 0.05
    assert not paper[75]  # in the left part
    assert paper[150]  # between them
    assert not paper[225]


def test_a_plan_without_grids_is_refused(plan, tmp_path):
    empty = Plan(plan.levels, {level: layer.iloc[:0] for level, layer in plan.layers.items()})
    with pytest.raises(InputError, match="no grids"):
        plan_picture(empty, tmp_path / "a.png")


def test_without_matplotlib_the_extra_is_named(plan, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="notebook"):
        plan_picture(plan, tmp_path / "a.png")


def test_a_folder_that_is_not_there(plan, tmp_path):
    with pytest.raises(OutputError):
        plan_picture(plan, tmp_path / "no" / "a.png", width_px=200)
