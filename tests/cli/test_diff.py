"""``gridmap diff`` as a user runs it: the table, the JSON and the page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import gridmap
from gridmap.cli.diff import SLIVER_M2
from gridmap.grids.compare import TOLERANCE_M2

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grids"))


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """Give two saved plans: a split, a merger into a new code, a border moved."""
    from compare_made import made_plan

    folder = tmp_path_factory.mktemp("plans")
    labels = ([[1, 1, 2, 3, 4, 4, 5, 5]], [[6, 7, 8, 8, 4, 4, 4, 5]])
    for name, each in zip(("old", "new"), labels, strict=True):
        made_plan(each).save(folder / f"{name}.gpkg")
    return folder / "old.gpkg", folder / "new.gpkg"


def test_the_table_says_what_changed_and_who_moved(run_gridmap, plans):
    done = run_gridmap("diff", *plans)
    lines = [line for line in done.stdout.splitlines() if "│" in line]
    said = {tuple(cell.strip() for cell in line.strip("│").split("│"))[:3] for line in lines}
    assert {
        ("small", "split", "1"),
        ("small", "merged", "1"),
        ("small", "reshaped", "2"),
        ("large", "kept", "1"),
    } <= said
    assert "small: 500 households (62.50%)" in done.stdout
    assert any("320214001002 320214001003" in line and "320214001008" in line for line in lines)


def test_the_json_holds_everything_and_no_table(run_gridmap, plans):
    found = json.loads(run_gridmap("diff", *plans, "--json").stdout)
    old, new = (gridmap.read_plan(path) for path in plans)
    delta = gridmap.compare_plans(old, new)
    assert (found["old"], found["new"]) == (old.version, new.version)
    assert len(found["grids"]) == len(delta.grids)
    assert sum(row["households"] for row in found["flows"] if row["level"] == "small") == 800
    split = next(row for row in found["grids"] if row["change"] == "split")
    assert split["new"] == ["320214001006", "320214001007"]


def test_the_map_is_written_and_long_lists_are_cut_and_say_so(run_gridmap, plans, tmp_path):
    done = run_gridmap("diff", *plans, "--most", "1", "-o", tmp_path / "diff.html")
    assert "and 3 more" in done.stdout
    assert "gridmap.openDiff" in (tmp_path / "diff.html").read_text(encoding="utf-8")


def test_a_file_that_is_no_plan_ends_with_two(run_gridmap, plans, tmp_path):
    done = run_gridmap("diff", plans[0], tmp_path / "none.gpkg", check=2)
    assert "none.gpkg" in done.stderr
    assert "Traceback" not in done.stderr
    assert "square metres" in run_gridmap("diff", *plans, "--tolerance", "-1", check=2).stderr


def test_the_default_tolerance_is_that_of_the_library():
    assert SLIVER_M2 == TOLERANCE_M2
