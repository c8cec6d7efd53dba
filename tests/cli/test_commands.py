"""From streets to the responsible person by commands alone, on the small town in data/."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import gridmap

TOWN = Path(__file__).resolve().parents[2] / "data" / "town"


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory):
    """The town's plan, drawn by the library with its communities given."""
    layers = {name: TOWN / f"{name}.gpkg" for name in ("water", "rail")}
    network = gridmap.read_network(TOWN / "streets.gpkg", **layers)
    blocks = gridmap.make_blocks(
        TOWN / "boundary.gpkg", TOWN / "streets.gpkg", **layers, buildings=TOWN / "buildings.gpkg"
    )
    communities = gridmap.read_layer(TOWN / "communities.gpkg")
    plan = gridmap.draw_plan(
        blocks,
        network,
        levels={"medium": len(communities), "small": 30, "micro": 6},
        county_code="320299",
        within={"medium": communities},
    )
    path = tmp_path_factory.mktemp("plan") / "town.gpkg"
    plan.save(path)
    return path


def test_draw_makes_the_plan_that_the_library_makes(run_gridmap, plan_file, tmp_path):
    communities = gpd.read_file(TOWN / "communities.gpkg")
    run_gridmap(
        "draw", "--streets", TOWN / "streets.gpkg", "--boundary", TOWN / "boundary.gpkg",
        "--water", TOWN / "water.gpkg", "--rail", TOWN / "rail.gpkg", "--buildings", TOWN / "buildings.gpkg",
        "--within", f"medium={TOWN / 'communities.gpkg'}:code:name",
        "--levels", f"medium={len(communities)},small=30,micro=6", "--county-code", "320299", "-o", tmp_path / "p.gpkg",
    )  # fmt: skip
    assert gridmap.read_plan(tmp_path / "p.gpkg").version == gridmap.read_plan(plan_file).version


def test_check_ends_with_zero_without_errors_and_says_so_in_json(run_gridmap, plan_file):
    done = run_gridmap("check", plan_file, "--buildings", TOWN / "buildings.gpkg", "--json")
    assert all(row["severity"] == "warning" for row in json.loads(done.stdout))


def test_check_ends_with_one_on_errors(run_gridmap, plan_file, tmp_path):
    """A plan of which one small grid was thrown away has a gap at that level."""
    plan = gridmap.read_plan(plan_file)
    holed = {level: layer for level, layer in plan.layers.items() if level != "micro"}
    holed["small"] = holed["small"].iloc[1:]
    broken = gridmap.Plan.from_layers({level: layer.reset_index() for level, layer in holed.items()}, code="code")
    broken.save(tmp_path / "broken.gpkg")
    done = run_gridmap("check", tmp_path / "broken.gpkg", check=1)
    assert "gap" in done.stdout


def test_check_ends_with_two_when_the_file_is_no_plan(run_gridmap):
    done = run_gridmap("check", TOWN / "streets.gpkg", check=2)
    assert "streets.gpkg" in done.stderr
    assert "Traceback" not in done.stderr


def test_import_keeps_codes_and_names_what_it_made(run_gridmap, plan_file, tmp_path):
    done = run_gridmap(
        "import", f"medium={plan_file}:medium", f"small={plan_file}:small", "--code", "code", "-o", tmp_path / "i.gpkg"
    )
    assert "medium" in done.stdout
    imported, drawn = gridmap.read_plan(tmp_path / "i.gpkg"), gridmap.read_plan(plan_file)
    assert list(imported["small"].index) == list(drawn["small"].index)
    assert list(imported["small"]["parent"]) == list(drawn["small"]["parent"])


def test_circles_writes_one_row_a_station_and_range(run_gridmap, tmp_path):
    done = run_gridmap(
        "circles", "--network", TOWN / "streets.gpkg", "--water", TOWN / "water.gpkg", "--rail", TOWN / "rail.gpkg",
        "--stations", TOWN / "stations.gpkg", "--minutes", "5,15", "--demand", f"{TOWN / 'buildings.gpkg'}:households",
        "-o", tmp_path / "c.gpkg",
    )  # fmt: skip
    stations = gpd.read_file(TOWN / "stations.gpkg")
    rings = gpd.read_file(tmp_path / "c.gpkg")
    assert len(rings) == 2 * len(stations)
    assert "households" in done.stdout


def test_locate_says_the_chain_in_json(run_gridmap, plan_file):
    plan = gridmap.read_plan(plan_file)
    code, point = plan["small"].index[0], plan["small"].geometry.iloc[0].representative_point()
    done = run_gridmap("locate", "--plan", plan_file, "--at", f"{point.x},{point.y}", "--json")
    answer = json.loads(done.stdout)
    assert answer["outcome"] == "matched"
    assert answer["chain"]["small"] == code
    assert answer["plan_version"] == plan.version


def test_join_places_every_row_and_counts_them(run_gridmap, plan_file, tmp_path):
    """The five bad rows of the issue, behind a header in GBK."""
    plan = gridmap.read_plan(plan_file)
    point = plan["small"].geometry.iloc[0].representative_point()
    rows = [
        ("好", point.x, point.y, "wgs84"),
        ("缺经度", float("nan"), point.y, "wgs84"),
        ("颠倒", point.y, point.x, "wgs84"),
        ("海上", 125.0, 30.0, "wgs84"),
        ("坐标系不明", point.x, point.y, "mars"),
    ]
    source = tmp_path / "in.csv"
    pd.DataFrame(rows, columns=["描述", "经度", "纬度", "坐标系"]).to_csv(source, index=False, encoding="gbk")
    done = run_gridmap(
        "join",
        source,
        "--plan",
        plan_file,
        "--lon",
        "经度",
        "--lat",
        "纬度",
        "--crs",
        "坐标系",
        "-o",
        tmp_path / "o.csv",
    )
    joined = pd.read_csv(tmp_path / "o.csv", dtype=str)
    assert list(joined["描述"]) == [row[0] for row in rows]
    assert list(joined["outcome"]) == ["matched", "invalid", "invalid", "outside", "invalid"]
    assert joined.loc[joined["outcome"] != "matched", "reason"].notna().all()
    assert "5" in done.stdout


def test_map_is_one_page_without_addresses_outside(run_gridmap, plan_file, tmp_path):
    run_gridmap("map", plan_file, "-o", tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text()
    # An address in the text of a link is followed by people, not fetched by the page.
    assert not re.search(r"""<(?:script|img|link)[^>]*(?:src|href)=["']?(?:https?:)?//""", page)
    assert "default-src 'none'" in page


def test_a_missing_file_is_one_line_and_exit_two(run_gridmap, tmp_path):
    done = run_gridmap("locate", "--plan", tmp_path / "none.gpkg", "--at", "120,31", check=2)
    assert "none.gpkg" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_says_so_and_leaves_nothing(shared, tmp_path, number):
    xinwu = shared("xinwu")
    command = [
        sys.executable, "-c", "from gridmap.cli import main; main()", "draw", "--streets", xinwu / "roads.gpkg",
        "--boundary", xinwu / "boundary.gpkg", "--weights", f"{xinwu / 'built_form_250m.gpkg'}:area_residential_m2/100",
        "--levels", "12,198,2021", "--county-code", "320214", "-o", tmp_path / "plan.gpkg",
    ]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    time.sleep(6)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "写了一半" in said or "half-written" in said
    assert not list(tmp_path.iterdir())


def test_warnings_name_what_was_left_out(run_gridmap, tmp_path):
    houses = gpd.read_file(TOWN / "buildings.gpkg")
    houses.loc[[3, 4], "geometry"] = None
    houses.to_file(tmp_path / "b.gpkg")
    done = run_gridmap(
        "draw", "--streets", TOWN / "streets.gpkg", "--boundary", TOWN / "boundary.gpkg", "--buildings",
        tmp_path / "b.gpkg", "--levels", "large=2,small=20", "--county-code", "320299", "-o", tmp_path / "p.gpkg",
    )  # fmt: skip
    assert "2 features have no geometry" in done.stderr
    assert "row 3, 4" in done.stderr


def test_demand_is_looked_at_before_anything_is_written(run_gridmap, tmp_path):
    done = run_gridmap(
        "circles", "--network", TOWN / "streets.gpkg", "--stations", TOWN / "stations.gpkg",
        "--demand", f"{TOWN / 'buildings.gpkg'}:address", "-o", tmp_path / "c.gpkg", check=2,
    )  # fmt: skip
    assert "address is" in done.stderr
    assert not (tmp_path / "c.gpkg").exists()


@pytest.mark.parametrize("command", ["", "demo", "draw", "import", "check", "circles", "join", "locate", "map"])
def test_every_command_explains_itself(run_gridmap, command):
    assert "Options" in run_gridmap(*command.split(), "--help").stdout


def test_locate_ends_with_two_when_the_point_cannot_be_used(run_gridmap, plan_file):
    done = run_gridmap("locate", "--plan", plan_file, "--at", "120.31,31.52", "--crs", "mars", check=2)
    assert "mars" in done.stdout


WITHOUT = """
import sys
for name in ("sqlalchemy", "alembic"):
    sys.modules[name] = None
from gridmap.cli import main
main()
"""


@pytest.mark.parametrize("command", [["plans", "list"], ["db", "start"], ["load", "roster", "staff.csv"]])
def test_without_the_records_libraries_a_command_says_what_to_install(tmp_path, monkeypatch, command):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", "postgresql:///none")
    monkeypatch.setenv("GRIDMAP_DB_DIR", str(tmp_path / "db"))
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    done = subprocess.run([sys.executable, "-c", WITHOUT, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, "install gridmap[postgis]" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "db").exists()  # nothing was begun
