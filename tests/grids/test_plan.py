"""The plan as a value and as a file; plans of existing layers."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

import gridmap
from gridmap.errors import OutputError, PlanError, UnknownNameError
from gridmap.grids.plan import GRID_COLUMNS, Plan

WEST, SOUTH, STEP = 120.30, 31.50, 0.004


def layers() -> dict[str, gpd.GeoDataFrame]:
    cells = [(i, j) for i in range(4) for j in range(4)]
    shapes = [
        shapely.box(WEST + i * STEP, SOUTH + j * STEP, WEST + (i + 1) * STEP, SOUTH + (j + 1) * STEP) for i, j in cells
    ]
    towns = [shapely.box(WEST + i * STEP, SOUTH, WEST + (i + 2) * STEP, SOUTH + 4 * STEP) for i in (0, 2)]
    return {
        "large": gpd.GeoDataFrame({"TOWN": [1.0, 2.0], "label": ["甲", "乙"]}, geometry=towns, crs=4490),
        "small": gpd.GeoDataFrame(
            {"ID": [f"s{n}" for n in range(16)], "households": np.arange(16)}, geometry=shapes, crs=4490
        ),
    }


@pytest.fixture
def plan():
    return Plan.from_layers(layers(), code={"large": "TOWN", "small": "ID"}, name={"large": "label"})


def test_parents_codes_names_and_sums(plan):
    assert plan["large"]["name"].to_dict() == {"1": "甲", "2": "乙"}
    assert plan["small"].loc[["s0", "s7", "s8", "s15"], "parent"].tolist() == ["1", "1", "2", "2"]
    assert plan["large"]["households"].tolist() == [sum(range(8)), sum(range(8, 16))]
    assert list(plan["small"].columns) == [*[name for name in GRID_COLUMNS if name != "code"], "geometry"]
    assert dict(plan.chain("s9")) == {"large": "2", "small": "s9"}
    assert plan.children("1") == tuple(sorted(f"s{n}" for n in range(8)))


def test_any_crs_any_order_gives_the_same_plan(plan):
    moved = {name: layer.to_crs(4549) for name, layer in reversed(layers().items())}
    other = Plan.from_layers(moved, code={"large": "TOWN", "small": "ID"}, name={"large": "label"})
    assert list(other["small"].index) == list(plan["small"].index)
    assert other["small"]["parent"].equals(plan["small"]["parent"])
    shift = shapely.hausdorff_distance(other["small"].geometry.values, plan["small"].geometry.values)
    assert shift.max() <= 2e-8


def test_a_plan_cannot_be_changed_by_its_copies(plan):
    version = plan.version
    copy = plan["small"]
    copy.loc["s0", "households"] = 999
    assert plan.version == version
    with pytest.raises(TypeError):
        plan.layers["small"] = copy
    assert pickle.loads(pickle.dumps(plan)).equals(plan)


def test_the_version_is_of_the_content(plan):
    again = Plan.from_layers(layers(), code={"large": "TOWN", "small": "ID"}, name={"large": "label"})
    assert again.version == plan.version
    changed = layers()
    changed["small"].loc[3, "households"] = 77
    other = Plan.from_layers(changed, code={"large": "TOWN", "small": "ID"}, name={"large": "label"})
    assert other.version != plan.version


@pytest.mark.parametrize("name", ["plan.gpkg", "plan", "plan.parquet"])
def test_files_give_back_an_equal_plan(plan, tmp_path, name):
    for _ in range(2):  # and over itself
        plan.save(tmp_path / name)
    back = gridmap.read_plan(tmp_path / name)
    assert back.equals(plan)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_geopackage_has_a_layer_a_level_with_the_columns_of_the_design(plan, tmp_path):
    plan.save(tmp_path / "plan.gpkg")
    names = set(pyogrio.list_layers(tmp_path / "plan.gpkg")[:, 0])
    assert {"large", "small", "plan", "lineage", "journal"} <= names
    fields = set(pyogrio.read_info(tmp_path / "plan.gpkg", layer="small")["fields"])
    assert {
        "code", "name", "parent", "kind", "area_m2", "households", "residents", "land_use", "grade",
        "responsible_body", "line_department", "valid_from", "valid_to",
    } <= fields  # fmt: skip


def test_names_that_do_not_exist_list_those_that_do(plan):
    with pytest.raises(UnknownNameError, match="it has large, small"):
        plan["medium"]
    with pytest.raises(UnknownNameError, match="no grid 'zz'"):
        plan.chain("zz")
    with pytest.raises(UnknownNameError, match="no column 'NUMBER'"):
        Plan.from_layers(layers(), code="NUMBER")


def test_lines_are_no_grids_and_nothing_is_no_plan():
    line = gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.LineString([(120, 31), (121, 32)])], crs=4490)
    with pytest.raises(PlanError, match="polygon"):
        Plan.from_layers({"small": line})
    with pytest.raises(PlanError, match="no layer given"):
        Plan.from_layers({})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.gpkg", None, "does not exist"),
        ("a.gpkg", b"", "is not a plan"),
        ("a.gpkg", b"no database", "is not a plan"),
    ],
)
def test_what_is_no_plan_says_so(tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PlanError, match=says):
        gridmap.read_plan(tmp_path / name)


def test_another_geopackage_is_no_plan(tmp_path):
    layers()["small"].to_file(tmp_path / "other.gpkg", layer="small")
    with pytest.raises(PlanError, match="no table 'plan'"):
        gridmap.read_plan(tmp_path / "other.gpkg")


SAVE = """
import resource, sys, gridmap
plan = gridmap.read_plan(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    plan.save(sys.argv[2])
except gridmap.errors.OutputError as error:
    print("OutputError", error)
"""


@pytest.mark.parametrize("suffix", [".gpkg", ""])
def test_a_disk_that_fills_leaves_the_old_plan(tmp_path, suffix):
    """A limit on the size of files stands in for the full disk."""
    assert resource.RLIMIT_FSIZE is not None
    rng = np.random.default_rng(2)
    big = layers()
    big["small"] = gpd.GeoDataFrame(
        pd.concat([big["small"].assign(ID=[f"{n}-{rng.random()}" for n in range(16)]) for _ in range(150)]), crs=4490
    )
    Plan.from_layers(big, code={"large": "TOWN", "small": "ID"}).save(tmp_path / "source.gpkg")
    target = tmp_path / f"target{suffix}"
    old = Plan.from_layers(layers(), code={"large": "TOWN", "small": "ID"})
    old.save(target)
    script = f"import gridmap.errors\n{SAVE}"
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "source.gpkg", target], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("OutputError"), done.stdout + done.stderr
    assert gridmap.read_plan(target).equals(old)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.gpkg", target.name]


def test_a_folder_of_other_things_is_not_replaced(plan, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="other things"):
        plan.save(tmp_path / "mine")
    with pytest.raises(PlanError, match=r"allowed: \.gpkg"):
        plan.save(tmp_path / "plan.shp")
    with pytest.raises(OutputError, match="nothing was written"):
        plan.save(tmp_path / "no" / "such" / "plan.gpkg")
