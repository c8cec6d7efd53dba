"""``gridmap load`` as an office runs it."""

from __future__ import annotations

import json

import pytest
from loading_made import IN_EAST, IN_WEST, PLAN, TOWN, WEST
from typer.testing import CliRunner

from gridmap.cli.app import app
from gridmap.errors import GridmapError, InputError
from gridmap.geo.io import write_layer
from gridmap.store.people import read_roster, read_stations


@pytest.fixture
def gridmap_load(town_record, monkeypatch):
    """Give a function that runs ``gridmap load`` on the record, and returns what is printed."""
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", town_record.url)
    monkeypatch.setenv("GRIDMAP_ACTOR", "clerk")
    monkeypatch.setenv("GRIDMAP_LANG", "en")

    def run(*arguments: str, fails: type[GridmapError] | None = None) -> str:
        done = CliRunner().invoke(app, ["load", *map(str, arguments)])
        assert type(done.exception) is (fails or type(None)), done.output
        return done.output

    return run


def counts(output: str) -> dict[str, int]:
    return json.loads(output)["counts"]


def people(store) -> set[str]:
    with store.transaction(actor="reader") as session:
        return set(read_roster(session).table["person_id"])


def test_the_towns_roster_is_told_then_loaded(gridmap_load, town_record):
    dry = gridmap_load("roster", TOWN / "roster.csv")
    assert "nothing was changed; --commit does it" in dry
    assert people(town_record) == set()
    said = gridmap_load("roster", TOWN / "roster.csv", "--effective", "2026-01-01", "--commit", "--json")
    assert counts(said)["new"] == 6
    assert json.loads(said)["effective"] == "2025-12-31T16:00:00+00:00"
    assert len(people(town_record)) == 6
    assert counts(gridmap_load("roster", TOWN / "roster.csv", "--commit", "--json"))["unchanged"] == 6


def test_rows_that_cannot_be_used_end_the_command_with_an_error(gridmap_load, town_record, tmp_path):
    path = tmp_path / "staff.csv"
    path.write_text(f"工号,姓名,网格编码\n1,王小明,{IN_WEST[0]}\n2,李雷,{IN_EAST[0]}9\n", encoding="gbk")
    told = gridmap_load("roster", path, "--commit", fails=InputError)
    assert "refused" in told
    assert "nothing was changed" not in told
    assert people(town_record) == set()
    gridmap_load("roster", path, "--commit", "--skip-refused")
    assert people(town_record) == {"1"}


def test_a_town_loads_what_is_its_own(gridmap_load, town_record, tmp_path):
    path = tmp_path / "staff.csv"
    path.write_text(f"person_id,name,grid\n1,王小明,{IN_WEST[0]}\n2,李雷,{IN_EAST[0]}\n")
    gridmap_load("roster", path, "--town", WEST, "--commit", "--skip-refused")
    assert people(town_record) == {"1"}


def test_organisations_stations_and_departments(gridmap_load, town_record, tmp_path):
    said = json.loads(gridmap_load("organisations", TOWN / "organisations.csv", "--skip-refused", "--json"))
    assert {each["rule"] for each in said["findings"]} == {"unit_without_community", "grid_without_branch",
                                                           "parent_unknown"}  # fmt: skip
    assert counts(gridmap_load("stations", TOWN / "stations.gpkg", "--commit", "--json"))["new"] == 5
    with town_record.transaction(actor="reader") as session:
        assert len(read_stations(session)) == 5
    write_layer(PLAN["medium"].reset_index()[["code", "geometry"]], tmp_path / "police.gpkg")
    police = f"公安={tmp_path / 'police.gpkg'}:code"
    assert counts(gridmap_load("departments", police, "--commit", "--json"))["new"] == 6
    gridmap_load("departments", police, police, fails=InputError)
