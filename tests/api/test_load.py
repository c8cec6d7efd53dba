"""Loading over HTTP: by whoever may, once, all or nothing, and told row by row."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from plans_made import TOWNS, county
from shapes import assert_fits, assert_problem

from gridmap.service import publishing
from gridmap.service.access import create_key
from gridmap.store.engine import Store
from gridmap.store.people import read_roster

PLAN = county(name="load")
SMALL = [code for code in PLAN["small"].index if code.startswith(TOWNS[0])]
OTHER = next(code for code in PLAN["small"].index if code.startswith(TOWNS[1]))
ROSTER = f"person_id,name,phone,grid\n1,王小明,13900001111,{SMALL[0]}\n2,李雷,13900002222,{SMALL[1]}\n"
CSV = {"content-type": "text/csv"}
GPKG = {"content-type": "application/geopackage+sqlite3"}


@pytest.fixture(scope="module")
def record(cluster, _template):
    """Give the app, its store, and keys: of the county, of a town, and one that may only read."""
    from postgis import database

    from gridmap.api.record_app import create_record_app

    with pytest.MonkeyPatch.context() as patch, database(cluster, "gridmap_load_api", _template) as url:
        patch.setenv("GRIDMAP_RATE", "1000000")
        store = Store(url, size=4)
        with store.transaction(actor="x") as session:
            publishing.propose(session, PLAN, commit=True)
            publishing.approve(session, PLAN.version, commit=True)
            publishing.publish(session, PLAN.version, commit=True)
            county_key = create_key(session, name="county", scopes=["load"])
            town_key = create_key(session, name="town", scopes=["load"], town=TOWNS[0])
            reader = create_key(session, name="reader", scopes=["read"])
        made = (county_key, town_key, reader)
        keys = dict(
            zip(("county", "town", "reader"), ({"Authorization": f"Bearer {k.key}"} for k in made), strict=True)
        )
        with TestClient(create_record_app(url), raise_server_exceptions=False) as client:
            yield client, store, keys
        store.close()


def people(store):
    with store.transaction(actor="x") as session:
        table = read_roster(session).table
    return set(table.loc[table["valid_to"].isna(), "person_id"])


def post(record, kind, body, who="county", **query):
    client, _, keys = record
    more = {"Idempotency-Key": query.pop("key")} if "key" in query else {}
    kinds = GPKG if kind in ("stations", "circles", "departments") else CSV
    return client.post(f"/v1/load/{kind}", params=query, content=body, headers=keys[who] | kinds | more)


def test_a_dry_run_tells_and_a_commit_does(record):
    client, store, _ = record
    dry = post(record, "roster", ROSTER)
    assert dry.status_code == 200, dry.text
    assert (dry.json()["outcome"], dry.json()["counts"]["new"]) == ("checked", 2)
    assert people(store) == set()
    done = post(record, "roster", ROSTER, commit=True)
    assert (done.json()["outcome"], done.json()["committed"]) == ("loaded", True)
    assert [row["key"] for row in done.json()["rows"]] == [row["key"] for row in dry.json()["rows"]]
    assert people(store) == {"1", "2"}
    for answer in (dry, done):
        document = client.get("/openapi.json").json()
        promised = document["paths"]["/v1/load/{kind}"]["post"]["responses"]["200"]["content"]["application/json"]
        assert_fits(answer.json(), promised["schema"], document)
        assert "王小明" not in answer.text
    renamed = post(record, "roster", ROSTER.replace("王小明", "赵大力"))
    assert renamed.json()["rows"][0]["changes"] == [{"column": "name", "old": "王**", "new": "赵**"}]


def test_asked_twice_under_one_key_it_is_done_once(record):
    _, store, _ = record
    body = ROSTER + f"9,韩梅,13900009999,{SMALL[2]}\n"
    first = post(record, "roster", body, commit=True, key="k7")
    again = post(record, "roster", body, commit=True, key="k7")
    assert first.json() == again.json()
    assert again.json()["counts"]["new"] >= 1
    assert "9" in people(store)
    assert_problem(post(record, "roster", ROSTER, commit=True, key="k7"), 409, "conflict")
    assert_problem(post(record, "roster", body, commit=True, key="k7", keep=True), 409, "conflict")
    assert post(record, "roster", ROSTER.split("\n2")[0], "town", commit=True, key="k7").status_code == 200


def test_one_bad_row_refuses_all_and_is_named(record):
    _, store, _ = record
    body = f"person_id,name,grid\n5,甲,{SMALL[0]}\n6,乙,99\n"
    before = people(store)
    said = assert_problem(post(record, "roster", body, commit=True, key="bad"), 422, "input")
    (error,) = said["errors"]
    assert (error["where"], error["name"]) == ("body", "row 3")
    assert "grid '99' is not in version" in error["reason"]
    assert people(store) == before
    done = post(record, "roster", body, commit=True, skip_refused=True, keep=True, key="bad")
    assert done.json()["counts"] == {"new": 1, "changed": 0, "ended": 0, "unchanged": 0, "refused": 1}
    assert people(store) == before | {"5"}


def test_who_may_not_is_told_so(record):
    client, _, _ = record
    assert_problem(client.post("/v1/load/roster", content=ROSTER, headers=CSV), 401, "identity")
    assert_problem(post(record, "roster", ROSTER, "reader"), 403, "access")
    assert_problem(post(record, "stations", b"SQLite format 3\0", "town"), 422, "layer")
    foreign = post(record, "roster", f"person_id,name,grid\n7,丙,{OTHER}\n", "town")
    assert [row["outcome"] for row in foreign.json()["rows"] if row["row"]] == ["refused"]


def test_layers_are_geopackages_and_the_countys(record, tmp_path):
    import geopandas as gpd

    from gridmap.geo.io import write_layer

    centre = PLAN["small"].geometry.iloc[0].centroid
    write_layer(gpd.GeoDataFrame({"ID": ["S1"], "name": ["站"]}, geometry=[centre], crs=4490), tmp_path / "s.gpkg")
    body = (tmp_path / "s.gpkg").read_bytes()
    assert post(record, "stations", body, station="ID").json()["counts"]["new"] == 1
    assert_problem(post(record, "stations", body), 422, "layer")
    assert_problem(post(record, "stations", body, "town", station="ID"), 403, "access")
    write_layer(PLAN["small"].reset_index()[["code", "geometry"]].iloc[:2], tmp_path / "d.gpkg")
    grids = (tmp_path / "d.gpkg").read_bytes()
    assert post(record, "departments", grids, department="公安", commit=True).json()["counts"]["new"] == 2
    assert_problem(post(record, "departments", grids), 422, "input")


@pytest.mark.parametrize(
    ("kind", "body", "headers", "query", "status", "code"),
    [
        ("roster", b"\x00\xff\xfe", CSV, {}, 422, "roster"),
        ("roster", b"", CSV, {}, 422, "roster"),
        ("roster", ROSTER, {"content-type": "text/plain"}, {}, 415, "media-type"),
        ("roster", ROSTER, GPKG, {}, 415, "media-type"),
        ("roster", ROSTER, CSV, {"effective": "someday"}, 422, "input"),
        ("roster", ROSTER, CSV, {"effective": "2001-01-01"}, 404, "unknown-name"),
        ("roster", ROSTER, CSV, {"commit": "perhaps"}, 422, "input"),
        ("organisations", ROSTER, CSV, {}, 422, "input"),
        ("stations", b"<OGRVRTDataSource/>", GPKG, {}, 422, "input"),
        ("circles", b"SQLite format 3\0junk", GPKG, {}, 422, "layer"),
        ("people", ROSTER, CSV, {}, 422, "input"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(record, kind, body, headers, query, status, code):
    client, _, keys = record
    answer = client.post(f"/v1/load/{kind}", params=query, content=body, headers=keys["county"] | headers)
    assert_problem(answer, status, code)


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(record, monkeypatch):
    from gridmap.api import load

    monkeypatch.setattr(load, "MOST_LOAD_BYTES", 100)
    assert_problem(post(record, "roster", ROSTER * 3), 413, "too-large")
