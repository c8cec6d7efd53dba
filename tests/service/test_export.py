"""What others read is what the plan holds: each format read back by GDAL itself, and compared grid by grid."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from plans_made import cells, county, split

import gridmap
from gridmap.errors import InputError, OutputError, UnknownNameError
from gridmap.grids.frames import GRID_COLUMNS
from gridmap.grids.plan import PlanMetadata
from gridmap.service.export import FIELDS, MOST_BYTES, export_plan

TWELVE = "江溪街道春潮花园第三网格"
BODY = "锡" * 126  # 252 bytes of GBK, 378 of UTF-8
NUMBERS = ("area_m2", "households", "residents")
TIMES = ("valid_from", "valid_to")


@pytest.fixture(scope="module")
def plan():
    """Give a county with Chinese names, a hole, a grid in two parts, missing values, times, blocks and a journal."""
    made = county(name="样例县")
    small = made["small"]
    small["name"] = [TWELVE, *small["name"][1:]]
    small["responsible_body"] = [BODY, None, *["社区党组织"] * (len(small) - 2)]
    small["households"] = [np.nan, 1 / 3, *range(len(small) - 2)]
    small["valid_from"] = pd.Timestamp("2026-05-01T08:00", tz="Asia/Shanghai")
    shapes = list(small.geometry)
    island = shapely.box(120.002, 31.012, 120.00333333, 31.014)
    shapes[1] = shapely.union(shapes[1], shapely.reverse(island))
    shapes[0] = shapely.difference(shapes[0], island)
    layers = {**made.layers, "small": small.set_geometry(gpd.GeoSeries(shapes, index=small.index, crs=small.crs))}
    made = replace(
        made, layers=layers, metadata=PlanMetadata("样例县", "320299", counts={"small": 16}, notes=("一句",))
    )
    blocks = county()["small"].reset_index(drop=True)[["geometry"]].assign(households=7.0, block=range(16))
    return gridmap.blocks_from_plan(
        replace(made, layers={**made.layers, "small": county()["small"]}), blocks=blocks
    ), made


def read_back(path, layer=None, **options):
    return pyogrio.read_dataframe(path, layer=layer, **options).set_index("code").sort_index()


def ground(layer):
    """Return the parts of each grid, coordinates bit by bit, wherever a ring begins and whichever way it runs."""
    return {code: sorted(shapely.to_wkb(shapely.normalize(shapely.get_parts(shape))).tolist())
            for code, shape in layer.geometry.items()}  # fmt: skip


def same_ground(found, layer):
    return ground(found) == ground(layer)


@pytest.mark.parametrize("name", ["plan.gpkg", "plan.parquet", "plan"])
def test_a_whole_plan_read_back_equals_it_and_can_be_edited(plan, tmp_path, name):
    editable, _ = plan
    export_plan(editable, tmp_path / name, form="parquet" if name == "plan" else None)
    found = gridmap.read_plan(tmp_path / name)
    assert found.equals(editable)
    assert found.blocks is not None
    code = found["small"].index[0]
    other = found.chain(code)["medium"]
    neighbour = next(each for each in found.children(other) if each != code)
    assert gridmap.Draft(found).merge([code, neighbour]).changed


@pytest.mark.parametrize("name", ["small.gpkg", "small.parquet"])
def test_a_level_alone_keeps_every_value(plan, tmp_path, name):
    _, made = plan
    export_plan(made, tmp_path / name, level="small")
    found = (
        gpd.read_parquet(tmp_path / name).set_index("code") if name.endswith("parquet") else read_back(tmp_path / name)
    )
    layer = made["small"]
    assert same_ground(found, layer)
    for column in GRID_COLUMNS:
        assert found[column].isna().tolist() == layer[column].isna().tolist(), column
        known = layer[column].notna()
        assert found[column][known].tolist() == layer[column][known].tolist(), column


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize("target", ["out.zip", "out", "small.shp"])
def test_a_shapefile_says_its_encoding_and_loses_nothing_but_what_it_cannot_hold(plan, tmp_path, encoding, target):
    _, made = plan
    level = "small" if target.endswith("shp") else None
    notes = export_plan(made, tmp_path / target, form="shp", level=level, encoding=encoding)
    inside = {"out.zip": f"zip://{tmp_path}/out.zip!small.shp", "out": tmp_path / "out/small.shp"}
    found, layer = (
        read_back(inside.get(target, tmp_path / target)),
        made["small"],
    )  # nobody says the encoding: the .cpg does
    assert same_ground(found, layer)
    assert found["name"].iloc[0] == TWELVE
    assert max(len(name.encode()) for name in found.columns.drop("geometry")) <= 10
    for column in GRID_COLUMNS:
        short = found[FIELDS[column][0]]
        if column in NUMBERS:
            np.testing.assert_allclose(short, layer[column], rtol=1e-12)
        elif column in TIMES:
            assert pd.to_datetime(short, utc=True).tolist() == layer[column].dt.tz_convert("UTC").tolist()
        elif column != "responsible_body":
            assert short.fillna("").tolist() == layer[column].fillna("").tolist(), column
    body = found["resp_body"].iloc[0]
    assert BODY.startswith(body)
    assert MOST_BYTES - 3 < len(body.encode(encoding)) <= MOST_BYTES
    assert (body == BODY) == (encoding == "gbk")
    assert [layer.index[0] in note for note in notes] == ([] if encoding == "gbk" else [True])


def test_a_shapefile_comes_with_a_table_of_its_shortened_names(plan, tmp_path):
    _, made = plan
    export_plan(made, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        table = pd.read_csv(archive.open("fields.csv"), encoding="utf-8-sig")
        assert archive.read("small.cpg").decode() == "UTF-8"
    assert {f"{level}.{kind}" for level in made.layers for kind in ("shp", "shx", "dbf", "prj", "cpg")} < set(names)
    fields = pyogrio.read_info(f"zip://{tmp_path}/out.zip!small.shp")["fields"]
    assert table["field"].tolist() == fields.tolist()
    assert table["column"].tolist() == ["code", *GRID_COLUMNS]
    assert gridmap.geo.io.read_layer(tmp_path / "out.zip").crs.to_epsg() == 4490


def test_a_letter_that_gbk_does_not_have_is_refused_by_grid_and_letter(plan, tmp_path):
    _, made = plan
    small = made["small"]
    small.loc[small.index[3], "name"] = "𠮷祥社区"
    rare = replace(made, layers={**made.layers, "small": small})
    with pytest.raises(InputError, match=f"{small.index[3]}, name: '𠮷'.*utf-8"):
        export_plan(rare, tmp_path / "out.zip", encoding="gbk")
    assert list(tmp_path.iterdir()) == []
    export_plan(rare, tmp_path / "out.zip")
    assert read_back(f"zip://{tmp_path}/out.zip!small.shp")["name"].iloc[3] == "𠮷祥社区"


def test_geojson_is_as_rfc_7946_wants_it_and_keeps_eight_decimals(plan, tmp_path):
    _, made = plan
    export_plan(made, tmp_path / "all.geojson")
    document = json.loads((tmp_path / "all.geojson").read_text(encoding="utf-8"))
    assert "crs" not in document
    for feature in document["features"]:
        shape = feature["geometry"]
        parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        for outer, *holes in parts:
            assert shapely.is_ccw(shapely.LinearRing(outer))
            assert not any(shapely.is_ccw(shapely.LinearRing(hole)) for hole in holes)
    found = read_back(tmp_path / "all.geojson")
    assert found.crs.to_epsg() == 4326
    for level, layer in made.layers.items():
        mine = found[found["level"] == level]
        assert same_ground(mine, layer)
        assert mine["parent"].fillna("").tolist() == layer["parent"].fillna("").tolist()
    stated = found[found["level"] == "small"]["valid_from"]
    assert pd.to_datetime(stated, utc=True).tolist() == made["small"]["valid_from"].dt.tz_convert("UTC").tolist()


def test_what_cannot_be_written_is_refused_and_leaves_what_stood_there(plan, tmp_path):
    _, made = plan
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine.txt").write_text("mine")
    for name, error, options in [
        ("x.gml", InputError, {}),
        ("x.geojson", UnknownNameError, {"level": "block"}),
        ("x.shp", InputError, {}),  # one Shapefile for three levels
        ("x.gpkg", InputError, {"encoding": "gbk"}),
        ("x.zip", InputError, {"encoding": "big5"}),
        ("kept", OutputError, {"form": "shp"}),
        ("kept", OutputError, {"form": "parquet"}),
        ("nowhere/x.zip", OutputError, {}),
    ]:
        with pytest.raises(error):
            export_plan(made, tmp_path / name, **options)
    assert [each.name for each in tmp_path.rglob("*")] == ["kept", "mine.txt"]


def test_the_record_gives_the_version_of_the_day_and_tells_the_city_what_changed(store, tmp_path):
    from datetime import UTC, datetime, timedelta

    from gridmap.service import publishing
    from gridmap.service.export_record import read_informed, version_of, write_informed
    from gridmap.store.plans import read_version

    code = next(iter(cells()))
    first, second = county(name="样例县"), county(split(code, "320299001001101", "320299001001102"), name="样例县")
    later = datetime.now(UTC) + timedelta(days=30)
    with store.transaction(actor="县") as session:
        for plan, begins in ((first, None), (second, later)):
            publishing.propose(session, plan, commit=True)
            publishing.approve(session, plan.version, commit=True)
            publishing.publish(session, plan.version, effective=begins, commit=True)
    with store.transaction(actor="县") as session:
        assert version_of(session, None, datetime.now(UTC)) == first.version
        new = version_of(session, None, later)
        assert version_of(session, new, datetime.now(UTC)) == new
        with pytest.raises(UnknownNameError, match="the first begins"):
            version_of(session, None, datetime(2020, 1, 1, tzinfo=UTC))
        export_plan(read_version(session, first.version, whole=True), tmp_path / "first.gpkg")
        informed = read_informed(session, new)
    assert gridmap.read_plan(tmp_path / "first.gpkg").version == first.version
    write_informed(informed, tmp_path / "city.zip")
    with zipfile.ZipFile(tmp_path / "city.zip") as archive:
        archive.extractall(tmp_path / "city")
    summary = json.loads((tmp_path / "city/summary.json").read_text(encoding="utf-8"))
    assert (summary["version"], summary["before"]) == (new, first.version)
    assert datetime.fromisoformat(summary["in_force_since"]) == later
    assert gridmap.read_plan(tmp_path / "city/plan.gpkg").version == new
    changes = pd.read_csv(tmp_path / "city/changes.csv", dtype=str, encoding="utf-8-sig")
    assert (code, "320299001001101 320299001001102") in set(zip(changes["old"], changes["new"], strict=True))
    lineage = pd.read_csv(tmp_path / "city/lineage.csv", dtype=str, encoding="utf-8-sig")
    assert set(lineage.loc[lineage["old"] == code, "new"]) == {"320299001001101", "320299001001102"}
    assert new in (tmp_path / "city/README.txt").read_text(encoding="utf-8-sig")


@pytest.fixture
def command(monkeypatch):
    """Give a function that runs ``gridmap ARGS`` in this process and returns what it printed; errors are raised."""
    from typer.testing import CliRunner

    from gridmap.cli.app import app

    monkeypatch.setenv("GRIDMAP_ACTOR", "县")

    def run(*args):
        done = CliRunner().invoke(app, [str(each) for each in args], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_the_command_exports_from_a_file_and_informs_of_what_changed_since_another(command, tmp_path):
    code = next(iter(cells()))
    county().save(tmp_path / "old.gpkg")
    county(split(code, "320299001001101", "320299001001102")).save(tmp_path / "new.gpkg")
    command("export", tmp_path / "new.gpkg", "-o", tmp_path / "small", "--level", "small", "--format", "shp", "--zip")
    found = read_back(f"zip://{tmp_path}/small.zip!small.shp")
    assert same_ground(found, gridmap.read_plan(tmp_path / "new.gpkg")["small"])
    said = command(
        "export", tmp_path / "new.gpkg", "--inform", "--since", tmp_path / "old.gpkg", "-o", tmp_path / "city"
    )
    assert "320299001001101 320299001001102" in said
    assert gridmap.read_plan(tmp_path / "city/plan.gpkg").version == gridmap.read_plan(tmp_path / "new.gpkg").version
    for refused in (["--format", "dwg"], ["--at", "2026-05-01"], ["--since", tmp_path / "old.gpkg"]):
        with pytest.raises(InputError):
            command("export", tmp_path / "new.gpkg", "-o", tmp_path / "x.gpkg", *refused)
    assert not (tmp_path / "x.gpkg").exists()


def test_full_names_on_a_notice_are_kept_in_the_audit_before_anything_is_written(
    command, store, fresh_url, tmp_path, monkeypatch
):
    from sqlalchemy import select

    from gridmap.store.models import Audit

    monkeypatch.setenv("GRIDMAP_DATABASE_URL", fresh_url)
    code = next(iter(cells()))
    county().save(tmp_path / "plan.gpkg")
    staff = f"person_id,name,phone,grid,duties\n1,欧阳清风,13911112222,{code},*\n"
    (tmp_path / "staff.csv").write_text(staff, encoding="utf-8")
    given = ("notice", code, "--plan", tmp_path / "plan.gpkg", "--roster", tmp_path / "staff.csv", "-o")
    command(*given, tmp_path / "masked.html")
    assert "欧阳" not in (tmp_path / "masked.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="reason"):
        command(*given, tmp_path / "full.html", "--names", "full")
    assert not (tmp_path / "full.html").exists()
    command(*given, tmp_path / "full.html", "--names", "full", "--reason", "张贴公示")
    assert "欧阳清风" in (tmp_path / "full.html").read_text(encoding="utf-8")
    with store.transaction(actor="县") as session:
        rows = session.execute(select(Audit.actor, Audit.action, Audit.subject, Audit.reason)).all()
    assert [tuple(row) for row in rows] == [("县", "unmasked", code, "张贴公示")]
