"""What a database does not do: a full disk, every connection in use, one killed in the middle; nothing is lost."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from gridmap.errors import InputError, UnavailableError
from gridmap.service import publishing, switching
from gridmap.store import migrate
from gridmap.store.cluster import Cluster
from gridmap.store.engine import Store
from gridmap.store.models import PlanVersion
from gridmap.store.plans import read_version

sys.path[:0] = [str(Path(__file__).parents[1] / "service")]
from plans_made import county, split  # noqa: E402 - found through the line above

FIRST = county(name="first")
SECOND = county(split("320299001001001", "320299001001005", "320299001001006"), name="second")


def publish(store, plan):
    with store.transaction(actor="x") as session:
        publishing.propose(session, plan, commit=True)
        publishing.approve(session, plan.version, commit=True)
    with store.transaction(actor="x") as session:
        publishing.publish(session, plan.version, commit=True)


def versions(store):
    with store.transaction(actor="x") as session:
        return {row.version: row.status for row in session.query(PlanVersion)}


def test_on_a_full_disk_nothing_is_lost_and_what_to_do_is_said():
    from postgis import small_disk

    with small_disk("160m") as disk:
        cluster = Cluster(disk / "db", durable=False)
        cluster.start()
        migrate.upgrade(cluster.url)
        store = Store(cluster.url)
        publish(store, FIRST)
        filler = disk / "filler"
        with filler.open("wb") as file:
            file.truncate(0)
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - (64 << 10))
        with (
            pytest.raises(UnavailableError, match=r"no room|cannot be reached"),
            store.transaction(actor="x") as session,
        ):
            session.execute(
                text("create temporary table large as select repeat('x', 1000) from generate_series(1, 300000)")
            )
        with store.transaction(actor="x") as session:  # what is there can be read all the while
            assert read_version(session, FIRST.version).version == FIRST.version
        filler.unlink()
        publish(store, SECOND)
        assert versions(store) == {FIRST.version: "published", SECOND.version: "published"}
        store.close()
        cluster.stop()


def test_a_connection_killed_in_the_middle_of_publishing_leaves_what_was(fresh_url, monkeypatch):
    store = Store(fresh_url, size=2)
    publish(store, FIRST)
    with store.transaction(actor="x") as session:
        publishing.propose(session, SECOND, commit=True)
        publishing.approve(session, SECOND.version, commit=True)
    real = switching.write_lineage

    def killed(session, row, lineage):
        real(session, row, lineage)  # grids are closed and opened by now, the timeline has its entry
        with psycopg.connect(fresh_url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                          "and pid <> pg_backend_pid()")  # fmt: skip

    monkeypatch.setattr(switching, "write_lineage", killed)
    with pytest.raises(UnavailableError, match="cannot be reached"), store.transaction(actor="x") as session:
        publishing.publish(session, SECOND.version, commit=True)
    monkeypatch.setattr(switching, "write_lineage", real)
    with store.transaction(actor="x") as session:  # the next connection is a fresh one
        assert [each.version for each in publishing.timeline(session)] == [FIRST.version]
    assert versions(store)[SECOND.version] == "approved"
    with store.transaction(actor="x") as session:
        publishing.publish(session, SECOND.version, commit=True)
    store.close()


def test_what_it_cannot_hold_is_the_askers_to_mend_and_what_takes_too_long_is_said_so(store_url):
    store = Store(store_url, size=1)
    for statement, values in (
        ("select :x::text", {"x": "a\0b"}), ("select :x::text", {"x": "a\ud800b"}), ("select 1 / 0", {}),
        ("select 'x'::integer", {}), ("select '2026-13-01'::date", {}),
    ):  # fmt: skip
        with pytest.raises(InputError, match="cannot hold"), store.transaction(actor="x") as session:
            session.execute(text(statement.replace("::", r"\:\:")), values)
    with pytest.raises(UnavailableError, match="took too long"), store.transaction(actor="x") as session:
        session.execute(text("set local statement_timeout = 20; select pg_sleep(5)"))
    with store.transaction(actor="x") as session:
        assert session.scalar(text("select 1")) == 1
    store.close()


def test_over_http_a_full_pool_is_503_and_points_are_answered(fresh_url, monkeypatch):
    from fastapi.testclient import TestClient

    from gridmap.api.record_app import create_record_app
    from gridmap.service.access import create_key

    monkeypatch.setattr("gridmap.store.engine._WAIT_S", 0.05)
    store = Store(fresh_url, size=2)
    publish(store, FIRST)
    with store.transaction(actor="x") as session:
        key = create_key(session, name="planning", scopes=["read", "propose"]).key
    store.close()
    app = create_record_app(fresh_url)
    with TestClient(app, raise_server_exceptions=False) as client:
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/plans", headers=headers).status_code == 200
        held = [app.state.store.transaction(actor="x") for _ in range(8)]
        for each in held:
            each.__enter__()
        full = client.get("/v1/plans", headers=headers)
        assert (full.status_code, full.json()["type"]) == (503, "urn:gridmap:problem:unavailable")
        assert int(full.headers["Retry-After"]) >= 1
        assert client.get("/v1/locate?lon=120.001&lat=31.001", headers=headers).status_code == 200
        for each in held:
            each.__exit__(None, None, None)
        assert client.get("/v1/plans", headers=headers).status_code == 200
