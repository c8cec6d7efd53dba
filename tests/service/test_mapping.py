"""Departments are mapped onto every version that is published; where that fails, it is in force all the same."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal
from plans_made import county, split
from sqlalchemy import select
from typer.testing import CliRunner

import gridmap
from gridmap.cli.app import app
from gridmap.errors import UnavailableError
from gridmap.service import loading, loading_departments, publishing
from gridmap.service.loading import DepartmentSource, LoadOptions
from gridmap.store.models import DepartmentMapping
from gridmap.store.plans import read_version, version_row

SMALL = "320299001001001"
FIRST = county(name="first")
SECOND = county(split(SMALL, "320299001001005", "320299001001006"), name="second")
POLICE, CITY = (FIRST[level].reset_index()[["code", "name", "geometry"]] for level in ("medium", "small"))


def put_on_record(store, plan, *, published):
    with store.transaction(actor="county") as session:
        publishing.propose(session, plan, commit=True)
        publishing.approve(session, plan.version, commit=True)
    if published:
        with store.transaction(actor="county") as session:
            publishing.publish(session, plan.version, commit=True)


@pytest.fixture
def record(store):
    """Give a record with two departments on the first version, the second approved."""
    put_on_record(store, FIRST, published=True)
    layers = {"公安": DepartmentSource(POLICE), "城管": DepartmentSource(CITY)}
    with store.transaction(actor="clerk") as session:
        loading.load_departments(session, layers, LoadOptions(commit=True))
    put_on_record(store, SECOND, published=False)
    return store


@pytest.fixture
def run(fresh_url, monkeypatch):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", fresh_url)
    monkeypatch.setenv("GRIDMAP_ACTOR", "county")
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    return lambda *words: CliRunner().invoke(app, ["plans", *words])


def mapping(store, version):
    with store.transaction(actor="reader") as session:
        number = version_row(session, version).id
        query = select(DepartmentMapping.row).where(DepartmentMapping.plan_id == number)
        return pd.DataFrame(list(session.scalars(query.order_by(DepartmentMapping.position))))


def assert_is_integrated(store, version):
    """What is on record of a version is what the departments' layers themselves give, whatever is asked in between."""
    with store.transaction(actor="reader") as session:
        plan = read_version(session, version, whole=True)
    found = gridmap.integrate(plan, {"公安": POLICE, "城管": CITY}, name="name", date=datetime.now(UTC).date())
    columns = ["department", "department_grid", "level", "code", "relation"]
    by = lambda table: table[columns].astype(str).sort_values(columns, ignore_index=True)  # noqa: E731
    assert len(found.mapping) > len(POLICE) + len(CITY)
    assert_frame_equal(by(mapping(store, version)), by(found.mapping), check_dtype=False)


def test_publishing_and_rolling_back_map_the_departments_onto_what_is_in_force(record, run):
    assert mapping(record, SECOND.version).empty
    assert run("publish", SECOND.version).exit_code == 0
    assert mapping(record, SECOND.version).empty  # a dry run
    assert run("publish", SECOND.version, "--commit").exit_code == 0
    for plan in (FIRST, SECOND):
        assert_is_integrated(record, plan.version)
    halves = mapping(record, SECOND.version).query("department == '城管' and department_grid == @SMALL")
    assert set(halves.loc[halves["level"] == "small", "code"]) == {"320299001001005", "320299001001006"}
    assert run("rollback", "--commit").exit_code == 0
    assert_is_integrated(record, FIRST.version)


def test_a_mapping_that_fails_is_told_apart_from_the_publication_and_done_later(record, run, monkeypatch):
    def away(*_):
        raise UnavailableError("the database cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(loading_departments, "map_departments", away)
        done = run("publish", SECOND.version, "--commit", "--json")
    assert isinstance(done.exception, UnavailableError)
    assert '"committed": true' in done.stdout
    assert "is published, but the departments are not mapped" in done.stderr
    with record.transaction(actor="x") as session:
        assert publishing.version_in_force(session, datetime.now(UTC)) == SECOND.version
    assert mapping(record, SECOND.version).empty
    assert run("map").exit_code == 0
    assert_is_integrated(record, SECOND.version)


def test_over_http_it_is_done_after_the_answer_and_what_fails_stands_in_the_log(record, fresh_url, monkeypatch, caplog):
    from fastapi.testclient import TestClient

    from gridmap.api.record_app import create_record_app
    from gridmap.service.access import create_key

    with record.transaction(actor="x") as session:
        key = create_key(session, name="planning", scopes=["read", "publish"]).key
    with TestClient(create_record_app(fresh_url), headers={"Authorization": f"Bearer {key}"}) as client:
        with monkeypatch.context() as patch:
            patch.setattr("gridmap.api.plans.map_departments", lambda *_: 1 / 0)
            said = client.post(f"/v1/plans/{SECOND.version}/publication?commit=true")
        assert (said.status_code, said.json()["committed"]) == (200, True), said.text
        assert mapping(record, SECOND.version).empty
        assert "gridmap plans map" in next(each.getMessage() for each in caplog.records if each.exc_info)
        assert client.post(f"/v1/plans/{FIRST.version}/rollback?commit=true").json()["committed"]
        assert client.post(f"/v1/plans/{SECOND.version}/rollback?commit=true").json()["committed"]
    assert_is_integrated(record, SECOND.version)


def test_two_who_map_at_once_go_one_after_the_other(record, fresh_url):
    """Rows are numbered from the last one on: two who number at once would take the same numbers."""
    when, failed = datetime.now(UTC), []

    def other():
        try:
            with record.transaction(actor="b") as session:
                loading.map_departments(session, when, ["城管"])
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=other)
    with record.transaction(actor="a") as session, psycopg.connect(fresh_url, autocommit=True) as watch:
        loading.map_departments(session, when, ["公安"])
        thread.start()
        until = time.monotonic() + 10
        while not watch.execute("select 1 from pg_locks where not granted").fetchone():
            assert time.monotonic() < until
            time.sleep(0.01)
    thread.join()
    assert not failed
    assert_is_integrated(record, FIRST.version)
