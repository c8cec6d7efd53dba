"""gridmap integrate: departments mapped onto a plan, as a user runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import gridmap

sys.path.append(str(Path(__file__).resolve().parents[1] / "grids"))
from lattice import lattice, layer, square


@pytest.fixture
def folder(tmp_path):
    row, column = np.indices((6, 6))
    lattice(row // 2 + 3 * (column // 3), column // 3).save(tmp_path / "plan.gpkg")
    police = layer({"P1": square(0, 0, 300, 200), "P2": square(0, 200, 350, 600)})
    police.rename(columns={"code": "DM"}).assign(MC=["东所", "西所"]).to_file(tmp_path / "police.gpkg")
    layer({"U1": square(0, 0, 600, 600)}).to_file(tmp_path / "urban.gpkg")
    return tmp_path


def test_the_mapping_is_printed_and_written(run_gridmap, folder):
    out = folder / "integrated.gpkg"
    arguments = (folder / "plan.gpkg", f"公安={folder}/police.gpkg:DM:MC", f"城管={folder}/urban.gpkg")
    done = run_gridmap(
        "integrate", *arguments, "--date", "2026-11-01", "-o", out, "--reports", folder / "reports.gpkg",
        "--propose", "--json",
    )  # fmt: skip
    told = json.loads(done.stdout)
    police, urban = told["summary"]
    assert (police["department"], police["grids"], police["source"]) == ("公安", 2, "police.gpkg")
    assert (police["equal"], police["crosses"], urban["contains"]) == (1, 2, 6)
    assert told["mapping"][0]["department_name"] == "东所"
    assert sum(row["households"] for row in told["uncovered"]) == pytest.approx(36 * 50 - 6 * 50 - 14 * 50, abs=0.1)
    assert told["proposal"]["summary"][0]["cut_before"] == 1
    kept = gridmap.read_plan(out)
    assert set(kept.department_map["source_date"]) == {"2026-11-01"}
    assert len(gridmap.read_layer(out, layer="department_grids")) == 3
    assert gridmap.read_layer(folder / "reports.gpkg", layer="uncovered")["department"].tolist() == ["公安"]


def test_people_read_a_table(run_gridmap, folder):
    done = run_gridmap("integrate", folder / "plan.gpkg", f"公安={folder}/police.gpkg:DM", "-o", folder / "out.gpkg")
    assert "公安" in done.stdout
    assert "crosses" in done.stdout


def test_what_is_wrong_is_said_and_nothing_is_written(run_gridmap, folder):
    out = folder / "out.gpkg"
    wrong = run_gridmap("integrate", folder / "plan.gpkg", f"公安={folder}/police.gpkg:ID", "-o", out, check=4)
    assert "公安" in wrong.stderr
    assert "DM" in wrong.stderr
    twice = (f"公安={folder}/urban.gpkg", f"公安={folder}/urban.gpkg")
    assert "twice" in run_gridmap("integrate", folder / "plan.gpkg", *twice, "-o", out, check=2).stderr
    assert not out.exists()
