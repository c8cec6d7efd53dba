"""Organisations, stations, circles and departments in the record: read back, continued, refused row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from loading_made import (
    EAST,
    IN_EAST,
    IN_WEST,
    PLAN,
    SINCE,
    TOWN,
    WEST,
    load,
    load_organisations,
    outcomes,
    staff,
    state,
)  # fmt: skip
from sqlalchemy import select

import gridmap
from gridmap.errors import AccessError, InputError, LayerError, UnknownNameError
from gridmap.geo.io import write_layer, write_layers
from gridmap.service import loading
from gridmap.service.loading import CircleTables, DepartmentSource, LoadOptions
from gridmap.service.loading_files import DepartmentFile, Files, load_files
from gridmap.store.models import DepartmentGrid, DepartmentMapping, Organisation, Station
from gridmap.store.people import read_circles, read_coverage, read_stations

SPRING = datetime(2026, 4, 1, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 1, tzinfo=UTC)
STATIONS = gridmap.read_layer(TOWN / "stations.gpkg")


def doing(store, function, *given, town="*", **options):
    with store.transaction(actor="clerk", jurisdiction=town) as session:
        return function(session, *given, LoadOptions(**{"commit": True} | options))


def reading(store, function):
    with store.transaction(actor="reader") as session:
        return function(session)


def at(table: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    ended = table["valid_to"].notna() & (table["valid_to"] <= moment)
    return table[(table["valid_from"] <= moment) & ~ended]


def organisations_at(store, moment: datetime) -> dict[str, str]:
    query = select(Organisation.org_id, Organisation.name).where(Organisation.period.contains(moment))
    return reading(store, lambda session: dict(session.execute(query).all()))


def committees(*more: dict) -> pd.DataFrame:
    rows = [
        {"org_id": "w", "name": "西镇党委", "kind": "镇党委", "grid": WEST},
        {"org_id": "e", "name": "东镇党委", "kind": "镇党委", "grid": EAST},
        {"org_id": "wc", "name": "西社区党委", "kind": "社区党委", "grid": IN_WEST[0], "parent": "w"},
        {"org_id": "ec", "name": "东社区党委", "kind": "社区党委", "grid": IN_EAST[0], "parent": "e"},
        *more,
    ]
    return pd.DataFrame(rows).fillna("")


def test_organisations_continue_and_the_towns_not_in_the_file_are_left_alone(town_record):
    load_organisations(town_record, committees(), effective=SPRING)
    west = committees().iloc[[0]].assign(name="西镇党工委")
    report = load_organisations(town_record, west, effective=AUTUMN)
    assert outcomes(report) == {2: "changed", "wc": "ended"}
    assert organisations_at(town_record, SPRING)["w"] == "西镇党委"
    assert organisations_at(town_record, AUTUMN) == {"w": "西镇党工委", "e": "东镇党委", "ec": "东社区党委"}


def test_what_is_missing_is_found_in_the_towns_that_are_loaded(town_record):
    unit = {"org_id": "u", "name": "某公司", "kind": "驻区单位", "reports_to": "wc"}
    load_organisations(town_record, committees(unit), effective=SPRING)
    table = committees(unit | {"reports_to": "w"}, {"org_id": "b", "name": "支部", "kind": "党支部", "parent": "wc",
                                                    "grid": IN_WEST[1]})  # fmt: skip
    report = load_organisations(town_record, table.iloc[[0, 2, 4, 5]], effective=AUTUMN)
    assert {(each.row, each.rule, each.key) for each in report.findings} == {
        (6, "unit_without_community", "u"),
        (None, "grid_without_branch", IN_WEST[0]), (None, "grid_without_branch", IN_WEST[2]),
    }  # fmt: skip


def test_organisations_that_cannot_be_used_are_told_by_their_row(town_record):
    bad = committees(
        {"org_id": "x", "name": "甲", "kind": "党支部", "grid": "32029"},
        {"org_id": "y", "name": "乙", "kind": "俱乐部"}, {"org_id": "y", "name": "丙", "kind": "党支部"},
    )  # fmt: skip
    report = load_organisations(town_record, bad)
    assert [row.row for row in report.refused] == [6, 7, 8]
    assert not report.committed


def test_a_town_loads_its_own_organisations(town_record):
    load_organisations(town_record, committees(), effective=SPRING)
    nowhere = {"org_id": "n", "name": "无处", "kind": "党支部"}
    foreign = {"org_id": "ec", "name": "冒名", "kind": "党支部", "grid": IN_WEST[1]}
    own = committees(nowhere, foreign).iloc[[0, 2, 4, 5]]
    report = load_organisations(town_record, own, town=WEST, skip_refused=True)
    assert outcomes(report) == {2: "unchanged", 4: "unchanged", 6: "refused", 7: "refused"}
    assert "ties it to a grid" in report.refused[0].reason
    assert "of another town" in report.refused[1].reason
    assert set(organisations_at(town_record, datetime.now(UTC))) == {"w", "e", "wc", "ec"}


def test_the_towns_stations_read_back_as_they_are_in_the_file(town_record):
    doing(town_record, loading.load_stations, STATIONS, effective=SPRING)
    back = reading(town_record, read_stations)
    assert back.crs.to_epsg() == 4490
    assert (
        back[["station", "name", "kind", "capacity"]].values.tolist()
        == STATIONS[["station", "name", "kind", "capacity"]].astype({"capacity": float}).values.tolist()
    )
    assert list(back.geometry.to_wkb()) == list(STATIONS.geometry.to_wkb())
    assert (back["valid_from"] == SPRING).all()
    assert doing(town_record, loading.load_stations, STATIONS).counts["unchanged"] == len(STATIONS)


def test_a_station_that_moved_was_where_it_was(town_record):
    doing(town_record, loading.load_stations, STATIONS, effective=SPRING)
    moved = STATIONS.iloc[:-1].copy()
    moved.loc[0, "geometry"] = shapely.Point(120.3041, 31.5250)
    report = doing(town_record, loading.load_stations, moved.to_crs(4527), effective=AUTUMN)
    assert report.counts == {"new": 0, "changed": 1, "ended": 1, "unchanged": len(STATIONS) - 2, "refused": 0}
    (change,) = report.rows[0].changes
    assert (change.column, change.new) == ("geometry", "120.30410, 31.52500")
    back = reading(town_record, read_stations)
    before, after = at(back, SPRING), at(back, AUTUMN)
    assert len(before) == len(STATIONS)
    assert len(after) == len(STATIONS) - 1
    assert before.set_index("station").geometry["S0001"].equals(STATIONS.geometry[0])
    assert after.set_index("station").geometry["S0001"].equals(moved.geometry[0])


def test_of_a_station_nobody_is_kept(town_record):
    """What names people or says whom to call outlives every purge where it is kept beside a place."""
    personal = {"联系电话": "13912345678", "leader": "王小明", "负责人": "王小明", "remark": "找王小明 13912345678"}
    layer = STATIONS.assign(opened="2020", **personal)
    report = doing(town_record, loading.load_stations, layer)
    assert report.committed
    assert {each.key for each in report.findings} == set(personal)
    kept = reading(town_record, lambda session: [tuple(row) for row in session.execute(select(*Station.__table__.c))])
    assert len(kept) == len(STATIONS)
    assert "2020" in str(kept)
    assert "王小明" not in str(kept)
    assert "13912345678" not in str(kept)
    assert reading(town_record, read_stations)["name"].tolist() == STATIONS["name"].tolist()
    both = doing(town_record, loading.load_circles, CircleTables(rings(), stations=layer))
    assert {each.key for each in both.findings} == set(personal)


def test_stations_that_cannot_be_used_are_told_by_their_row(town_record):
    shapes = [shapely.Point(121.5, 31.5), None, shapely.Point(np.nan, 31.5), shapely.Point(), *STATIONS.geometry[:3]]
    names = ["far", "none", "nan", "empty", None, "twice", "twice"]
    layer = gpd.GeoDataFrame({"station": names, "capacity": 1}, geometry=shapes, crs=4490)
    report = doing(town_record, loading.load_stations, layer)
    told = {row.row: row.reason for row in report.refused}
    assert list(told) == list(range(7))
    for row, says in enumerate(["outside the county", *["no place"] * 3, "station is empty", *["the same"] * 2]):
        assert says in told[row]


def test_layers_are_the_countys(town_record):
    before = state(town_record.url)
    for function, given in (
        (loading.load_stations, STATIONS), (loading.load_circles, CircleTables(STATIONS)),
        (loading.load_departments, {}),
    ):  # fmt: skip
        with pytest.raises(AccessError, match="the county"):
            doing(town_record, function, given, town=WEST)
    assert state(town_record.url) == before


def rings(**changes) -> gpd.GeoDataFrame:
    two = STATIONS.iloc[:2]
    round_them = two.to_crs(4527).buffer(300).to_crs(4490)
    made = {"station": two["station"], "minutes": 15.0, "outcome": ["ok", "island"], "reason": ["", "an island"],
            "area_m2": [282743.0, None], "speed_m_s": 1.1}  # fmt: skip
    shapes = [round_them.iloc[0], None]
    return gpd.GeoDataFrame(made | changes, geometry=shapes, crs=4490)


def test_what_gridmap_circles_writes_is_loaded_from_its_file(town_record, tmp_path):
    areas = gridmap.read_layer(TOWN / "communities.gpkg").assign(total=100.0, covered=40.0, covered_5=10.0)
    path = tmp_path / "circles.gpkg"
    write_layers({"circles": rings(), "stations": STATIONS, "areas": areas}, path)
    options = LoadOptions(commit=True, effective=SPRING)
    with town_record.transaction(actor="clerk") as session:
        report = load_files(session, Files("circles", path, stations=True), options)
    parts = pd.Series([row.part for row in report.rows]).value_counts()
    assert parts.to_dict() == {"coverage": 12, "station": 5, "circle": 2}
    back = reading(town_record, read_circles)
    assert back["outcome"].tolist() == ["ok", "island"]
    assert back.geometry[0].area == pytest.approx(rings().geometry[0].area)
    assert back.geometry[1] is None
    counts = reading(town_record, read_coverage)
    assert set(counts[["minutes", "total", "covered"]].itertuples(index=False, name=None)) == {
        (15.0, 100.0, 40.0), (5.0, 100.0, 10.0),
    }  # fmt: skip
    with town_record.transaction(actor="clerk") as session:
        again = load_files(session, Files("circles", path, stations=True), LoadOptions(commit=True))
    assert again.counts["unchanged"] == len(again.rows)


def test_circles_that_cannot_be_used_are_told_by_their_row(town_record):
    knot = shapely.Polygon([(120.30, 31.52), (120.31, 31.53), (120.31, 31.52), (120.30, 31.53)])
    shapes = [None, STATIONS.geometry[0], knot, shapely.box(121, 31, 121.1, 31.1), rings().geometry.iloc[0]]
    layer = gpd.GeoDataFrame(
        {"station": list("abcde"), "minutes": 5.0, "outcome": "ok", "reason": None, "area_m2": 1.0,
         "speed_m_s": [1.1, 1.1, 1.1, 1.1, None]}, geometry=shapes, crs=4490,
    )  # fmt: skip
    counts = pd.DataFrame({"area": ["a", "b"], "minutes": 5.0, "total": [10.0, 10.0], "covered": [11.0, None]})
    report = doing(town_record, loading.load_circles, CircleTables(layer, counts))
    told = {(row.part, row.row): row.reason for row in report.refused}
    wanted = ["no geometry", "Point; circles are", "Self-intersection", "outside the county", "speed_m_s is empty"]
    for row, says in enumerate(wanted):
        assert says in told["circle", row]
    assert "a part is not more than the whole" in told["coverage", 0]
    assert "is missing" in told["coverage", 1]


POLICE = PLAN["medium"].reset_index()[["code", "name", "geometry"]]


def mapping(store) -> pd.DataFrame:
    query = select(DepartmentMapping.row).order_by(DepartmentMapping.position)
    return pd.DataFrame(reading(store, lambda session: list(session.scalars(query))))


def test_departments_are_kept_as_they_came_and_mapped_onto_the_plan_in_force(town_record):
    layers = {"公安": DepartmentSource(POLICE), "城管": DepartmentSource(POLICE.iloc[:2])}
    report = doing(town_record, loading.load_departments, layers, effective=SPRING)
    assert report.counts["new"] == 8
    found = mapping(town_record)
    own = found[(found["level"] == "medium") & (found["department"] == "公安")]
    assert own["relation"].tolist() == ["equal"] * 6
    assert (own["department_grid"] == own["code"]).all()
    joined = POLICE.iloc[:2].dissolve().assign(code="P1", name="合并")
    report = doing(town_record, loading.load_departments, {"公安": DepartmentSource(joined)}, effective=AUTUMN)
    assert report.counts == {"new": 1, "changed": 0, "ended": 6, "unchanged": 0, "refused": 0}
    found = mapping(town_record)
    mapped = found[found["level"] == "medium"].groupby("department").size()
    assert mapped.to_dict() == {"公安": 2, "城管": 2}
    assert set(found.loc[(found["department"] == "公安") & (found["level"] == "medium"), "relation"]) == {"contains"}
    kept = select(DepartmentGrid.code).where(
        DepartmentGrid.period.contains(SPRING), DepartmentGrid.department == "公安"
    )
    assert set(reading(town_record, lambda session: set(session.scalars(kept)))) == set(POLICE["code"])


def test_department_grids_that_cannot_be_used_are_told_by_their_row(town_record, tmp_path):
    shapes = [None, shapely.LineString(POLICE.geometry[0].exterior.coords), shapely.box(121, 31, 121.1, 31.1),
              *POLICE.geometry[:4]]  # fmt: skip
    layer = gpd.GeoDataFrame({"ID": ["a", "b", "c", "", "t", "t", "g"]}, geometry=shapes, crs=4490)
    path = tmp_path / "police.gpkg"
    write_layer(layer, path)
    files = Files("departments", departments={"公安": DepartmentFile(path, "ID")})
    with town_record.transaction(actor="clerk") as session:
        report = load_files(session, files, LoadOptions(commit=True, skip_refused=True))
        told = {row.row: row.reason for row in report.refused}
        wanted = ["no geometry", "LineString", "outside the county", "no code", "rows 4, 5", "rows 4, 5"]
        assert list(told) == list(range(6))
        for row, says in enumerate(wanted):
            assert says in told[row]
        assert report.counts["new"] == 1
        wrong = Files("departments", departments={"公安": DepartmentFile(path, "CODE")})
        with pytest.raises(UnknownNameError, match="no column 'CODE'"):
            load_files(session, wrong, LoadOptions())
        with pytest.raises(InputError, match="no department"):
            load_files(session, Files("departments"), LoadOptions())
        with pytest.raises(LayerError, match="nowhere"):
            load_files(session, Files("stations", tmp_path / "nowhere.gpkg"), LoadOptions())


def test_a_dry_run_of_any_kind_changes_nothing(town_record):
    load(town_record, staff({}), effective=SPRING)
    before = state(town_record.url)
    doing(town_record, loading.load_stations, STATIONS, commit=False)
    doing(town_record, loading.load_circles, CircleTables(rings()), commit=False)
    doing(town_record, loading.load_departments, {"公安": DepartmentSource(POLICE)}, commit=False)
    load_organisations(town_record, committees(), commit=False)
    assert state(town_record.url) == before


def test_stations_are_loaded_before_any_plan_is_in_force(town_record):
    report = doing(town_record, loading.load_stations, STATIONS, effective=SINCE - timedelta(days=1))
    assert report.counts["new"] == len(STATIONS)
