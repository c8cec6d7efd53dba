"""Revisions: from nothing, from every earlier one with data in, down again, and equal to what the models say."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from gridmap.errors import InputError, UnavailableError
from gridmap.store import migrate
from gridmap.store.base import SCHEMA
from gridmap.store.models import Base
from gridmap.store.url import driver_url

PLAN = """
insert into gridmap.plan_version
    (version, name, note, status, layout, srid, plan_metadata, extent, proposed_by)
values ('v', '方案', '', 'published', 'as-is', 4490, '{}', ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326), 'x');
insert into gridmap.level values (1, 0, 'small', true, 3);
insert into gridmap.grid (level, code, digest, geometry, active)
values ('small', 'a', 'd', ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326), '{[2026-01-01,)}');
insert into gridmap.plan_grid values (1, 1);
insert into gridmap.publication (plan_id, effective, kind, published_by) values (1, '[2026-01-01,)', 'publish', 'x');
"""
PEOPLE = """
insert into gridmap.person (person_id, name, phone, recorded_by) values ('7', '王小明', '13812345678', 'x');
insert into gridmap.assignment (person_id, grid, town, role, full_time, is_primary, recorded_by)
values ('7', 'a', 'a', '网格员', true, true, 'x');
insert into gridmap.duty (assignment_id, code, position) values (1, '*', 0);
"""
AUDIT = "insert into gridmap.audit (actor, action, subject, reason) values ('x', 'load', 'roster', '')"
ROWS = {"0001_plans": PLAN, "0002_people": PEOPLE, "0003_access": AUDIT, "0004_rules": ""}


def everything(connection):
    """Return every row of every table of the record, as text."""
    tables = connection.execute(
        "select tablename from pg_tables where schemaname = 'gridmap' and tablename <> 'alembic_version' order by 1"
    ).fetchall()
    return {
        name: connection.execute(f"select t::text from gridmap.{name} t order by 1").fetchall() for (name,) in tables
    }


@pytest.fixture
def empty(cluster):
    from postgis import database

    with database(cluster, "gridmap_migrated") as url:
        yield url


def test_up_from_every_revision_and_down_again_with_data_in(empty):
    assert migrate.current(empty) is None
    assert tuple(ROWS) == migrate.revisions()
    kept = {}
    for revision, rows in ROWS.items():
        migrate.upgrade(empty, revision)
        assert migrate.current(empty) == revision
        with psycopg.connect(empty, autocommit=True) as connection:
            connection.execute(rows)
            kept[revision] = everything(connection)
            for earlier, values in kept.items():  # what was there before is there still
                assert values.items() <= everything(connection).items(), earlier
    for revision in reversed(list(ROWS)[:-1]):
        migrate.downgrade(empty, revision)
        with psycopg.connect(empty) as connection:
            assert everything(connection) == kept[revision]
    migrate.upgrade(empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("select outcome, chain from gridmap.locate(0.9, 0.5)").fetchone() == (
            "matched", {"small": "a"},
        )  # fmt: skip
        assert connection.execute("select code from published.small").fetchall() == [("a",)]
    migrate.downgrade(empty, "base")
    assert migrate.current(empty) is None
    with psycopg.connect(empty) as connection:
        assert everything(connection) == {}


def test_tables_are_what_the_models_say(store_url):
    engine = create_engine(driver_url(store_url), connect_args={"options": "-csearch_path=public"})
    with engine.connect() as connection:
        options = {
            "include_schemas": True, "version_table_schema": SCHEMA, "compare_type": True,
            "include_object": lambda thing, name, kind, *_: kind != "table" or thing.schema == SCHEMA,
        }  # fmt: skip
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_unknown_revisions_and_newer_databases_are_named(empty):
    with pytest.raises(InputError, match="revisions are 0001_plans"):
        migrate.upgrade(empty, "0099_nothing")
    assert migrate.current(empty) is None
    migrate.upgrade(empty)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("update gridmap.alembic_version set version_num = '0099_future'")
    with pytest.raises(InputError, match="install the newer one"):
        migrate.upgrade(empty)


MIGRATE = "import sys; from gridmap.store import migrate; migrate.upgrade(sys.argv[1])"
WAITING = "select pid from pg_locks where not granted and relation = 'gridmap.plan_version'::regclass"
MADE = "select count(*) from pg_locks where pid = %s and granted and mode = 'AccessExclusiveLock'"


def wait_for(watch, query, *values, found):
    until = time.monotonic() + 30
    while bool(row := watch.execute(query, values).fetchone()) != found:
        assert time.monotonic() < until
        time.sleep(0.02)
    return row


@pytest.mark.parametrize("killed", ["process", "server"])
def test_a_migration_that_is_killed_half_way_has_not_happened(empty, killed):
    """It stops at a reference to a table that somebody else is writing, when it has made other tables already."""
    migrate.upgrade(empty, "0001_plans")
    with psycopg.connect(empty) as writer, psycopg.connect(empty, autocommit=True) as watch:
        writer.execute("lock table gridmap.plan_version in row exclusive mode")
        migrating = subprocess.Popen([sys.executable, "-c", MIGRATE, empty], stderr=subprocess.PIPE, text=True)
        (pid,) = wait_for(watch, WAITING, found=True)
        assert watch.execute(MADE, [pid]).fetchone()[0] > 5
        if killed == "process":
            migrating.kill()
        else:
            watch.execute("select pg_terminate_backend(%s)", [pid])
        said = migrating.communicate()[1]
        assert migrating.returncode == -signal.SIGKILL if killed == "process" else "UnavailableError" in said
        writer.rollback()
        wait_for(watch, "select 1 from pg_stat_activity where pid = %s", pid, found=False)
        assert migrate.current(empty) == "0001_plans"
        assert "person" not in everything(watch)
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()


def test_what_cannot_be_reached_is_said_so():
    with pytest.raises(UnavailableError, match="cannot be reached"):
        migrate.current("postgresql://nobody@/nothing?host=/nonexistent")
    with pytest.raises(InputError, match="PostgreSQL"):
        migrate.upgrade("sqlite:///record.db")
