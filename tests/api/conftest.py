"""A made county and the small town, served in this process."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

import gridmap
from gridmap.api.app import create_app
from gridmap.api.page import Page
from gridmap.api.source import Source, read_source
from gridmap.people.io import as_roster

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "maps"), str(HERE.parent / "service")]

from api_made import PEOPLE, TOWN  # noqa: E402 - found through the line above


@pytest.fixture(scope="session")
def plan():
    """Give a made county of four levels with a lineage: codes split, split again, and given up."""
    from map_made import made_plan

    plan = made_plan(smalls=60, mediums=8, larges=3, micros=6)
    first, second, third = plan["small"].index[:3]
    rows = [
        ("small", "320299001001901", first, "2026-01-01", 0.6, 0.7, "政发〔2026〕1号"),
        ("small", "320299001001901", "320299001001902", "2026-01-01", 0.4, 0.3, "政发〔2026〕1号"),
        ("small", "320299001001902", second, "2026-03-01", 0.5, 0.5, "政发〔2026〕9号"),
        ("small", "320299001001902", third, "2026-03-01", 0.5, 0.5, "政发〔2026〕9号"),
        ("small", "320299001001903", None, "2026-03-01", None, None, None),
    ]
    columns = ("level", "old", "new", "date", "share_area", "share_households", "document")
    return replace(plan, lineage=pd.DataFrame(rows, columns=columns))


@pytest.fixture(scope="session")
def roster(plan):
    """Give leaders of a large, a medium and a small grid, one of them only until March, and one of one duty."""
    large, small = plan["large"].index[0], plan["small"].index[0]
    rows = [
        ("1", "欧阳清风", large, "*", "True", None, None),
        ("2", "司马长河", plan.chain(small, "small")["medium"], "*", "True", None, None),
        ("3", "诸葛大江", small, "*", "True", "2025-01-01", "2026-03-01"),
        ("4", "上官小溪", small, "E0203", "False", "2026-03-01", None),
    ]
    table = pd.DataFrame(rows, columns=["person_id", "name", "grid", "duties", "primary", "valid_from", "valid_to"])
    return as_roster(table.assign(phone=table["name"].map(PEOPLE), role="网格员"))


@pytest.fixture(scope="session")
def source(plan, roster):
    return Source(plan, gridmap.Locator(plan), roster, Page.of_plan(plan, None, None, roster))


@pytest.fixture(scope="session")
def client(source):
    """Give a client whose server, as a real one, answers with 500 where it fails."""
    with TestClient(create_app(source), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def bare(plan):
    """Give a client of a server without a roster."""
    source = Source(plan, gridmap.Locator(plan), None, Page(b"<html></html>"))
    with TestClient(create_app(source), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def town_files(tmp_path_factory):
    """Give the town's communities as a plan on disk, the town's roster beside it."""
    path = tmp_path_factory.mktemp("town") / "town.gpkg"
    gridmap.Plan.from_layers({"medium": TOWN / "communities.gpkg"}, code="code", name="name").save(path)
    return path, TOWN / "roster.csv"


@pytest.fixture(scope="session")
def town(town_files):
    return read_source(town_files[0], roster=town_files[1])


@pytest.fixture(scope="session")
def town_client(town):
    with TestClient(create_app(town), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def timeline(plan, roster):
    from timeline_made import made_timeline

    return made_timeline(plan, roster)


@pytest.fixture(scope="session")
def timed(timeline):
    """Give a client of a server of three versions."""
    with TestClient(create_app(timeline), raise_server_exceptions=False) as client:
        yield client
