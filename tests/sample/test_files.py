"""The sample as files: read back by gridmap as any county's own files are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import LayerError
from gridmap.sample.incidents import TYPES, make_incidents
from gridmap.sample.io import LAYERS, write_county, write_incidents, write_roster
from gridmap.sample.roster import make_roster


@pytest.fixture(scope="module")
def folder(town, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "town"
    write_county(town, path)
    return path


@pytest.fixture(scope="module")
def plan(town):
    network = gridmap.read_network(town.streets, water=town.water, rail=town.rail)
    blocks = gridmap.make_blocks(
        town.boundary, town.streets, water=town.water, rail=town.rail, buildings=town.buildings
    )
    return gridmap.draw_plan(
        blocks,
        network,
        levels={"medium": 6, "small": 30, "micro": 6},
        county_code="320299",
        within={"medium": town.communities},
    )


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_reads_back_as_it_was(town, folder, name):
    read, made = gridmap.read_layer(folder / f"{name}.gpkg"), getattr(town, name)
    assert list(read.columns) == list(made.columns)
    assert read.crs.to_epsg() == 4490
    assert list(read.geometry.to_wkb()) == list(made.geometry.to_wkb())


def test_tables_and_departments_are_there(town, folder):
    addresses = pd.read_csv(folder / "addresses.csv")
    assert len(addresses) == len(town.addresses)
    assert np.allclose(addresses["lon"], town.addresses["lon"])
    assert len(list((folder / "departments").glob("*.gpkg"))) == 20
    assert len(pd.read_csv(folder / "organisations.csv")) == len(town.organisations)


def test_the_extract_gives_the_network_of_the_streets(folder):
    """OpenStreetMap keeps seven decimals: about a centimetre."""
    layers = {name: folder / f"{name}.gpkg" for name in ("water", "rail")}
    streets = gridmap.read_network(folder / "streets.gpkg", **layers)
    extract = gridmap.read_network(folder / "county.osm.pbf", water=folder / "county.osm.pbf")
    assert extract.report.components == streets.report.components == 1
    assert len(extract.edge_length_m) == len(streets.edge_length_m)
    assert extract.edge_length_m.sum() == pytest.approx(streets.edge_length_m.sum(), rel=1e-5)


@pytest.mark.parametrize("role", ["boundary", "streets", "water", "rail", "buildings"])
def test_the_extract_holds_every_layer(town, folder, role):
    read, made = gridmap.read_layer(folder / "county.osm.pbf", role=role), getattr(town, role)
    assert len(read) == len(made)
    assert read.attrs["skipped"] == ()
    area = shapely.area(np.asarray(made.geometry.values)).sum()
    assert shapely.area(np.asarray(read.geometry.values)).sum() == pytest.approx(area, rel=1e-3)


def test_the_town_is_drawn_without_an_error(town, plan):
    found = gridmap.check_plan(plan, boundary=town.boundary, buildings=town.buildings)
    assert list(found.loc[found["severity"] == "error", "message"]) == []
    assert [len(plan[spec.name]) for spec in plan.levels] == [6, 30, 6]


def test_the_roster_is_read_and_answers_at_every_level(town, plan, tmp_path):
    write_roster(make_roster(plan, town), tmp_path / "roster.csv")
    roster = gridmap.read_roster(tmp_path / "roster.csv")
    assert set(roster.table["role"]) == {"网格长", "专职网格员", "兼职网格员", "楼栋长"}
    known = {code for spec in plan.levels for code in plan[spec.name].index}
    assert set(roster.table["grid"]) <= known
    assert set(plan["medium"].index) <= set(roster.table["grid"])
    vacant = set(plan["small"].index) - set(roster.table["grid"])
    assert vacant, "some small grids have nobody, so that their parent answers"


def test_incidents_show_every_outcome_that_reports_have(town, plan):
    incidents = make_incidents(town, n=2000)
    joined = gridmap.join_incidents(incidents, gridmap.Locator(plan))
    outcomes = joined["outcome"].value_counts()
    assert outcomes["matched"] > 0.6 * len(incidents)
    assert outcomes["invalid"] >= 6
    assert outcomes["outside"] >= 2
    assert set(incidents["type"]) == set(TYPES)
    assert {"wgs84", "gcj02", "bd09", "cgcs2000"} < set(incidents["crs"])


def test_reports_come_by_day_more_than_by_night(town):
    times = pd.to_datetime(make_incidents(town, n=3000)["reported_at"])
    assert times.dt.tz is not None
    assert times.is_monotonic_increasing
    assert times.dt.hour.between(8, 18).mean() > 0.6
    assert set(times.dt.year) == {2026}


def test_incidents_are_written_by_suffix(town, tmp_path):
    incidents = make_incidents(town, n=50)
    write_incidents(incidents, tmp_path / "i.parquet")
    write_incidents(incidents, tmp_path / "i.csv")
    for read in (pd.read_parquet(tmp_path / "i.parquet"), pd.read_csv(tmp_path / "i.csv")):
        assert list(read["incident_id"]) == list(incidents["incident_id"])
        assert np.allclose(read["lon"], incidents["lon"], equal_nan=True)
    with pytest.raises(LayerError, match=r"\.csv, \.parquet"):
        write_incidents(incidents, tmp_path / "i.xlsx")
