"""What is published, for QGIS and GDAL: the same ground as the plan's, nothing else, and no way around the role."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
import pyogrio
import pytest
import shapely
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.dialects.postgresql import Range

from gridmap.api import problems
from gridmap.api.ogc import mount_ogc, refresh_catalogue
from gridmap.store.base import PUBLISHED, READER_ROLE
from gridmap.store.engine import Store
from gridmap.store.models import Person, Publication
from gridmap.store.plans import add_plan

HERE = Path(__file__).parent
PROBLEM = "application/problem+json"
SECRET = "王小明"


def put_in_force(session, plan):
    """Write a plan and its publication as they stand in the record; its codes need not follow every rule."""
    row = add_plan(session, plan, note="", base_version=None, town=None)
    begins = Range(datetime(2026, 1, 1, tzinfo=UTC), None)
    session.add(Publication(plan_id=row.id, effective=begins, kind="publish", published_by="县"))


@pytest.fixture(scope="module")
def record_url(cluster, _template, plan):
    """Give a record in which the made county is in force and a person is known."""
    from postgis import database

    with database(cluster, "gridmap_ogc", _template) as url:
        store = Store(url, size=2)
        with store.transaction(actor="县") as session:
            put_in_force(session, plan)
            session.add(Person(person_id="1", name=SECRET, phone="13811112222", recorded_by="县"))
        store.close()
        yield url


def app_of(url):
    app = FastAPI(docs_url=None, openapi_url=None)
    problems.install(app)
    mount_ogc(app, url)
    return app


@pytest.fixture(scope="module")
def ogc(record_url):
    with TestClient(app_of(record_url), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def address(record_url):
    """Give the address of a server."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app_of(record_url), log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/ogc"
        server.should_exit = True
        thread.join()


def same_ground(found, layer):
    found = found.set_index("code").sort_index()
    a, b = (shapely.normalize(np.asarray(each.geometry.values, dtype=object)) for each in (found, layer))
    return found.index.tolist() == layer.index.tolist() and bool(np.all(shapely.equals_exact(a, b, tolerance=0)))


def test_gdal_reads_every_level_bit_by_bit(address, plan, tmp_path):
    box = plan["small"].geometry.iloc[0].bounds
    command = [sys.executable, str(HERE / "ogc_client.py"), address, str(tmp_path / "found"), json.dumps(box)]
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "NO_PROXY": "*"})
    found = pickle.loads((tmp_path / "found").read_bytes())
    assert found["names"] == {f"published.{name}" for name in
                     ("grids", "large", "medium", "small", "micro", "stations", "circles", "versions")}  # fmt: skip
    for level in ("large", "small"):
        assert same_ground(found[level], plan[level])
        assert set(found[level]["plan_version"]) == {plan.version}
    meets = plan["small"].geometry.intersects(shapely.box(*box))
    assert sorted(found["near"]["code"]) == plan["small"].index[meets].tolist()


def test_a_tile_shows_the_grids_that_are_there(ogc, plan, tmp_path):
    middle = plan["small"].geometry.iloc[0].representative_point()
    zoom = 14
    x = int((middle.x + 180) / 360 * 2**zoom)
    y = int((1 - np.arcsinh(np.tan(np.radians(middle.y))) / np.pi) / 2 * 2**zoom)
    answer = ogc.get(f"/ogc/collections/published.small/tiles/WebMercatorQuad/{zoom}/{x}/{y}")
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert answer.status_code == 200
    path = tmp_path / f"{y}.mvt"
    path.write_bytes(answer.content)
    assert plan["small"].index[0] in set(pyogrio.read_dataframe(path)["code"])


def test_nothing_but_what_is_published_is_there(ogc):
    listed = ogc.get("/ogc/collections").json()["collections"]
    assert {each["id"].split(".")[0] for each in listed} == {PUBLISHED}
    for name in ("gridmap.person", "gridmap.grid", "pg_catalog.pg_authid", "published.nothing",
                 "public.spatial_ref_sys", "pg_temp.tipg_catalog"):  # fmt: skip
        for path in ("", "/items", "/queryables", "/tiles/WebMercatorQuad/1/1/1"):
            answer = ogc.get(f"/ogc/collections/{name}{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), (name, path)


@pytest.mark.parametrize(
    "asked",
    [
        "filter=set_config('role','none',false)='none'",
        "filter=name='x' or casei(set_config('role','none',false))='none'",
        "filter=query_to_xml('select * from gridmap.person',true,true,'')='x'",
        "filter=pg_sleep(5)=1",
        'filter-lang=cql2-json&filter={"op":"=","args":[{"op":"pg_sleep","args":[5]},1]}',
        "filter=((",
        "bbox=nan,nan,nan,nan", "bbox=1e400,0,1,1", "bbox=a", "bbox=1,2", "bbox=120,31,121,91", "simplify=nan",
        "datetime=yesterday", "datetime=../..", "limit=-1", "limit=99999999", "limit=nan",
        "offset=99999999999999999999", "ids=%00", "name=%00", "f=csv", "f=exe",
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_answered_is_a_problem_at_once(ogc, asked):
    begun = time.monotonic()
    answer = ogc.get(f"/ogc/collections/published.small/items?{asked}")
    assert time.monotonic() - begun < 2
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["detail"]


def test_whatever_is_asked_the_role_stays_and_nothing_is_written(ogc, record_url):
    """The same questions that the filter refuses, put to the connections themselves: the second lock."""
    import asyncio

    from gridmap.api.ogc_database import Published

    async def ask(*statements):
        published = Published(record_url)
        await published.ready()
        said = []
        for statement in statements:
            try:
                async with published.pool.acquire() as connection:
                    said.append(await connection.fetchval(statement))
            except Exception as error:
                said.append(type(error).__name__)
        await published.close()
        return said

    said = asyncio.run(
        ask(
            "select current_user", "select current_setting('transaction_read_only')",
            "select count(*) > 0 from published.small", "select count(*) from gridmap.person",
            "create table published.x (a int)", "delete from published.stations",
        )
    )  # fmt: skip
    assert said[:3] == [READER_ROLE, "on", True]
    assert set(said[3:]) <= {"InsufficientPrivilegeError", "ReadOnlySQLTransactionError"}


def test_filters_that_compare_work(ogc, plan):
    small = plan["small"]
    most = float(small["households"].median())
    answer = ogc.get(
        "/ogc/collections/published.small/items",
        params={"filter": f"households > {most} and name like '%格%'", "limit": 1000},
    )
    named = small["name"].str.contains("格")
    assert answer.json()["numberMatched"] == int((named & (small["households"] > most)).sum())
    assert SECRET not in answer.text
    for inside in ("x' or '1'='1", "x'; drop schema gridmap cascade; --", "<script>"):
        matched = ogc.get("/ogc/collections/published.small/items", params={"name": inside})
        assert matched.json()["numberMatched"] == 0


def test_pages_and_links_stay_on_this_server(ogc):
    for path in ("/ogc/", "/ogc/collections", "/ogc/conformance", "/ogc/collections/published.small"):
        page = ogc.get(path, headers={"Accept": "text/html"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert not re.search(r"<(script|link|img|iframe)\b", page.text)
        for link in ogc.get(path).json().get("links", []):
            assert link["href"].startswith("http://testserver/ogc"), link
    hrefs = [link["href"] for link in ogc.get("/ogc/").json()["links"] if "{" not in link["href"]]
    assert {ogc.get(href).status_code for href in hrefs} == {200}


def test_qgis_finds_the_views_as_a_role_that_sees_nothing_else(record_url, plan):
    """QGIS asks geometry_columns what there is, and reads by the id; so does this."""
    with psycopg.connect(record_url, autocommit=True) as connection:
        connection.execute(f"set role {READER_ROLE}")
        query = "select f_table_name, srid from geometry_columns where f_table_schema = 'published'"
        found = dict(connection.execute(query).fetchall())
        assert {"grids", "small", "stations", "circles", "versions"} <= set(found)
        assert set(found.values()) == {4326}
        rows = connection.execute(
            "select id, code, ST_AsBinary(geometry) from published.small order by code"
        ).fetchall()
        assert len({number for number, _, _ in rows}) == len(rows)
        assert [code for _, code, _ in rows] == plan["small"].index.tolist()
        read = shapely.normalize(shapely.from_wkb([bytes(shape) for _, _, shape in rows]))
        assert shapely.equals_exact(read, shapely.normalize(plan["small"].geometry.values), tolerance=0).all()
        for table in ("gridmap.person", "gridmap.api_key", "gridmap.audit", "gridmap.grid"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {table}")


def test_gdal_opens_the_database_as_that_role(record_url, plan, tmp_path):
    if shutil.which("ogr2ogr") is None:
        pytest.skip("ogr2ogr is not installed (Debian's gdal-bin); the wheel has no PostgreSQL driver")
    said = f"PG:{psycopg.conninfo.make_conninfo(record_url, options=f'-c role={READER_ROLE}')} schemas=published"
    subprocess.run(["ogr2ogr", tmp_path / "small.gpkg", said, "small"], check=True, timeout=60)
    assert same_ground(pyogrio.read_dataframe(tmp_path / "small.gpkg"), plan["small"])


def test_a_database_that_is_away_is_503_and_comes_back(record_url, cluster, tmp_path):
    """The socket's folder is a link: away, then there."""
    folder = tmp_path / "socket"
    name = re.search(r"host=([^&]+)", record_url)
    assert name is not None
    app = app_of(record_url.replace(name[1], str(folder)))
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/ogc/collections")
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert int(answer.headers["retry-after"]) > 0
        from urllib.parse import unquote

        folder.symlink_to(unquote(name[1]))
        assert client.get("/ogc/collections/published.small/items?limit=1").status_code == 200
        with psycopg.connect(record_url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gridmap-ogc' "
                "and datname = current_database()"
            )
        folder.unlink()
        statuses = [client.get("/ogc/collections/published.small/items?limit=1").status_code for _ in range(2)]
        assert set(statuses) == {503}
        folder.symlink_to(unquote(name[1]))
        assert client.get("/ogc/collections/published.small/items?limit=1").status_code == 200


def test_the_catalogue_is_read_again_when_something_is_published(fresh_url, plan):
    app = app_of(fresh_url)
    with TestClient(app, raise_server_exceptions=False) as client:
        before = client.get("/ogc/collections/published.grids").json()
        store = Store(fresh_url, size=1)
        with store.transaction(actor="县") as session:
            put_in_force(session, plan)
        store.close()
        assert client.get("/ogc/collections/published.grids").json() == before
        refresh_catalogue(app)
        west, south, east, north = client.get("/ogc/collections/published.grids").json()["extent"]["spatial"]["bbox"][0]
        assert (west, south, east, north) == pytest.approx(tuple(plan["large"].total_bounds), abs=1e-6)
