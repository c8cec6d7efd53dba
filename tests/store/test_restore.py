"""Backup and restore, drilled: what an empty machine answers after a restore is what the old one answered before."""

from __future__ import annotations

import io
import stat
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest
import shapely
from fastapi.testclient import TestClient
from postgis import open_folder, small_disk, throw_away
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from typer.testing import CliRunner

from gridmap.api.record_app import create_record_app
from gridmap.cli.app import app
from gridmap.errors import ConflictError, InputError, OutputError, UnavailableError
from gridmap.grids.plan import Plan
from gridmap.service.publishing import approve, propose, publish
from gridmap.store import migrate
from gridmap.store.dump import _conninfo, backup, holds_record, restore
from gridmap.store.dump_swap import _LOCK
from gridmap.store.engine import Store
from gridmap.store.models import Assignment, Audit, Duty, Person
from gridmap.store.plans import read_version

sys.path[:0] = [str(Path(__file__).parents[1] / "maps")]

from map_made import made_plan  # noqa: E402 - found through the line above

QUESTIONS = 1_000


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, Plan]:
    """Two versions of a county: the later has given its micro grids up."""
    first = replace(made_plan(smalls=40, mediums=6, larges=3, micros=4), layout="as-is")
    later = {name: layer for name, layer in first.layers.items() if name != "micro"}
    return first, replace(first, layers=later, levels=tuple(each for each in first.levels if each.name != "micro"))


@pytest.fixture(scope="module")
def record(cluster, _template, plans):
    """Give the address of a record with two versions, one after the other, and people in each town."""
    from postgis import database

    with database(cluster, "gridmap_drill", _template) as url:
        store = Store(url)
        for place, plan in enumerate(plans):
            with store.transaction(actor="规划科") as session:
                propose(session, plan, commit=True)
                approve(session, plan.version, commit=True)
                effective = datetime.now(UTC) - timedelta(days=30) if place == 0 else None
                publish(session, plan.version, effective=effective, commit=True)
        with store.transaction(actor="规划科") as session:
            always = Range(datetime(2026, 1, 1, tzinfo=UTC), None)
            for number, town in enumerate(plans[1]["large"].index):
                who = f"P{number}"
                of = {"person_id": who, "period": always, "recorded_by": "规划科"}
                session.add(Person(name="张三", phone="13800000000", **of))
                session.add(
                    Assignment(
                        grid=town, town=town, role="网格长", full_time=True, is_primary=True,
                        duties=[Duty(code="*", position=0)], **of,
                    )
                )  # fmt: skip
        store.close()
        yield url


@pytest.fixture(scope="module")
def file(record, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "档案 2026.dump"
    backup(record, path)
    return path


@pytest.fixture(scope="module")
def empty_machine():
    """Give a cluster that nobody has put anything into: no tables, and none of the record's roles."""
    with throw_away() as machine:
        yield machine


def places(plan: Plan) -> np.ndarray:
    """A thousand points: inside, around, and on vertices of grids."""
    rng = np.random.default_rng(3)
    west, south, east, north = plan["small"].total_bounds
    wide, high = east - west, north - south
    around = rng.uniform((west - wide / 10, south - high / 10), (east + wide / 10, north + high / 10), (700, 2))
    corners = shapely.get_coordinates(plan["small"].geometry.values)
    return np.vstack([around, corners[rng.integers(len(corners), size=QUESTIONS - 700)]])


def answers(url: str, plans: tuple[Plan, Plan]) -> list[tuple[object, ...]]:
    """Ask in SQL, as the service's role, at two moments: one in each version."""
    lon, lat = places(plans[0]).T.tolist()
    moments = (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))
    store = Store(url)
    try:
        with store.transaction(actor="drill") as session:
            asked = text(
                "select p.lon, p.lat, l.outcome, l.chain::text, l.plan_version"
                " from unnest(cast(:lon as float[]), cast(:lat as float[])) with ordinality p (lon, lat, n),"
                " gridmap.locate(p.lon, p.lat, :at) l order by p.n"
            )
            return [
                tuple(row) for at in moments for row in session.execute(asked, {"lon": lon, "lat": lat, "at": at}).all()
            ]
    finally:
        store.close()


def served_answers(url: str, plans: tuple[Plan, Plan], moments: tuple[datetime, ...]) -> list[bytes]:
    """Ask the app that is served from a record who answers at the same places, at each moment."""
    lines = "".join(f"{lon!r},{lat!r},E0203\n" for lon, lat in places(plans[0]).tolist())
    with TestClient(create_record_app(url)) as client:
        said = [
            client.post(
                "/v1/locate:batch", params={"at": at.isoformat(), "duty_column": "duty"},
                content=f"lon,lat,duty\n{lines}", headers={"Content-Type": "text/csv"},
            )
            for at in moments
        ]  # fmt: skip
    assert [each.status_code for each in said] == [200] * len(moments), said[0].text[:500]
    return [each.content for each in said]


def people_seen(url: str, town: str) -> list[tuple[object, ...]]:
    store = Store(url)
    try:
        with store.transaction(actor="drill", jurisdiction=town) as session:
            query = select(Person.person_id, Person.name, Person.phone, Assignment.grid, Duty.code)
            query = query.join(Assignment, Assignment.person_id == Person.person_id).join(Assignment.duties)
            return [tuple(row) for row in session.execute(query.order_by(Person.person_id))]
    finally:
        store.close()


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("select datname from pg_database").fetchall()}


def test_an_empty_machine_answers_a_thousand_questions_as_the_old_one_did(record, file, empty_machine, plans):
    before = answers(record, plans)
    assert {row[4] for row in before} == {plan.version for plan in plans}
    assert {row[2] for row in before} >= {"matched", "outside"}
    assert len(before) == 2 * QUESTIONS
    moments = (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))
    served = served_answers(record, plans, moments)
    for plan, table, rows in zip(plans, served, (before[:QUESTIONS], before[QUESTIONS:]), strict=True):
        said = pd.read_csv(io.BytesIO(table), dtype=str)
        assert set(said["plan_version"]) == {plan.version}
        assert said["outcome"].tolist() == [row[2] for row in rows]  # as SQL says it
        assert (said["person"] == "张*").sum() > QUESTIONS / 10

    done = restore(empty_machine.url, file)
    assert (done.revision, done.replaced) == (migrate.head(), False)

    assert answers(empty_machine.url, plans) == before
    assert served_answers(empty_machine.url, plans, moments) == served
    store = Store(empty_machine.url)
    with store.transaction(actor="drill") as session:
        for plan in plans:
            again = read_version(session, plan.version, whole=True)
            assert again.version == plan.version
            assert shapely.equals_identical(
                again["small"].geometry.to_numpy(), plan["small"].loc[again["small"].index].geometry.to_numpy()
            ).all()
        assert len(session.scalars(select(Audit).where(Audit.action == "plans.publish")).all()) == 2
    store.close()


def test_who_sees_what_is_restored_with_it(record, file, empty_machine, plans):
    """Row-level security and the reader's rights are in the database, its roles are not: both are there again."""
    if not holds_record(empty_machine.url):
        restore(empty_machine.url, file)
    town = plans[1]["large"].index[0]
    assert len(people_seen(record, "*")) == 3
    assert len(people_seen(record, town)) == 1
    for sight in ("*", town, ""):
        assert people_seen(empty_machine.url, sight) == people_seen(record, sight)
    with psycopg.connect(empty_machine.url) as connection:
        connection.execute("set role gridmap_reader")
        row = connection.execute("select count(*) from published.small").fetchone()
        assert row == (len(plans[1]["small"]),)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from gridmap.person")


def test_a_backup_is_for_its_owner_alone_and_says_what_it_is_of(record, tmp_path):
    done = backup(record, tmp_path / "a.dump")
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert done.size_bytes == done.path.stat().st_size > 10_000
    assert done.revision == migrate.head()
    assert [path.name for path in tmp_path.iterdir()] == ["a.dump"]


def test_a_record_is_only_replaced_when_that_is_said(fresh_url, file, record, tmp_path):
    """And a backup of older tables comes up to date on its way."""
    old = tmp_path / "old.dump"
    migrate.downgrade(fresh_url, "0002_people")
    backup(fresh_url, old)
    migrate.upgrade(fresh_url)
    assert not holds_record(fresh_url)
    restore(fresh_url, file)
    assert holds_record(fresh_url)
    with pytest.raises(InputError, match=r"holds a record.*--replace"):
        restore(fresh_url, old)
    assert people_seen(fresh_url, "*") == people_seen(record, "*")
    done = restore(fresh_url, old, replace=True)
    assert (done.revision, done.replaced) == (migrate.head(), True)
    assert migrate.current(fresh_url) == migrate.head()
    assert not holds_record(fresh_url)


def test_workers_that_are_connected_go_on_with_the_restored_record_and_notice(fresh_url, file):
    """A worker polls the generation: what it reads goes up, though the restored record is older than what was there.

    A restore that was killed has left what it had made: this one clears it away.
    """
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        connection.execute("create database gridmap_fresh_restoring")
        connection.execute("update gridmap.state set generation = 5000")
    store, stop, seen, troubles = Store(fresh_url, size=2), threading.Event(), [], []

    def poll() -> None:
        while not stop.is_set():
            try:
                with store.transaction(actor="worker") as session:
                    seen.append(session.execute(text("select generation from gridmap.state")).scalar())
            except UnavailableError as error:  # the moment of the change
                troubles.append(error)
            stop.wait(0.002)

    workers = [threading.Thread(target=poll) for _ in range(2)]
    for each in workers:
        each.start()
    try:
        restore(fresh_url, file)
        after, until = len(seen), time.monotonic() + 60
        while len(seen) < after + 6 and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        stop.set()
        for each in workers:
            each.join()
        store.close()
    assert "gridmap_fresh_restoring" not in databases(fresh_url)
    assert (seen[0], seen[-1]) == (5000, 5001)
    assert seen == sorted(seen)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_short_is_refused_before_anything_is_touched(record, file, tmp_path, share):
    """A list of contents stands at the start of the file: a cut near its end is only seen by who reads all of it."""
    cut = tmp_path / "cut.dump"
    body = file.read_bytes()
    cut.write_bytes(body[: int(len(body) * share)])
    before = databases(record)
    with pytest.raises(InputError, match=r"cut\.dump is no backup, is damaged"):
        restore(record, cut, replace=True)
    assert databases(record) == before


def test_what_is_no_backup_of_a_record_is_refused(fresh_url, tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        restore(fresh_url, tmp_path)
    other = tmp_path / "other.sql"
    other.write_text("select 1;")
    with pytest.raises(InputError, match="is no backup"):
        restore(fresh_url, other)


def test_a_backup_of_a_newer_gridmap_is_refused_and_the_record_stays(record, fresh_url, tmp_path):
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        connection.execute("update gridmap.alembic_version set version_num = '9999_future'")
    backup(fresh_url, tmp_path / "newer.dump")
    before, names = people_seen(record, "*"), databases(record)
    with pytest.raises(InputError, match="'9999_future', which this gridmap does not know"):
        restore(record, tmp_path / "newer.dump", replace=True)
    assert (people_seen(record, "*"), databases(record)) == (before, names)


def test_two_restores_do_not_meet(fresh_url, file):
    maintenance = fresh_url.replace("gridmap_fresh", "postgres")
    with psycopg.connect(maintenance, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", (_LOCK,))
        with pytest.raises(ConflictError, match="under way"):
            restore(fresh_url, file)


def test_a_backup_that_fails_leaves_the_one_before(cluster, tmp_path):
    path = tmp_path / "a.dump"
    path.write_bytes(b"the one before")
    with pytest.raises(InputError, match="no record to back up"):
        backup(cluster.url, path)
    with open_folder() as nowhere, pytest.raises(UnavailableError, match="cannot be reached"):
        backup(f"postgresql://gridmap@/gridmap?host={nowhere}", path)
    assert path.read_bytes() == b"the one before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.dump"]


def test_a_backup_onto_a_full_disk_leaves_the_one_before(record):
    with small_disk("48k") as disk:
        path = disk / "a.dump"
        path.write_bytes(b"the one before")
        with pytest.raises(OutputError, match="disk is full"):
            backup(record, path)
        assert path.read_bytes() == b"the one before"
        assert [each.name for each in disk.iterdir()] == ["a.dump"]


def test_no_password_is_in_the_list_of_processes():
    assert "s3cret" not in _conninfo("postgresql://gridmap:s3cret@db:5433/gridmap?sslmode=require")


def test_the_commands_say_what_they_did(monkeypatch, fresh_url, tmp_path):
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", fresh_url)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["db", *words], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    assert f"revision: {migrate.head()}" in run("status")
    assert "would go down" in run("upgrade", "--to", "0002_people")
    assert migrate.current(fresh_url) == migrate.head()
    assert "→ 0002_people" in run("upgrade", "--to", "0002_people", "--commit")
    assert "gridmap db upgrade" in run("status")
    assert "0002_people" in run("backup", "-o", str(tmp_path / "old.dump"))
    assert f"→ {migrate.head()}" in run("upgrade")
    with pytest.raises(InputError, match=r"0002_people.*or head"):
        run("upgrade", "--to", "0009")


def test_without_a_record_the_commands_say_where_one_comes_from(monkeypatch, tmp_path):
    monkeypatch.delenv("GRIDMAP_DATABASE_URL", raising=False)
    monkeypatch.setenv("GRIDMAP_DB_DIR", str(tmp_path))
    with pytest.raises(InputError, match="gridmap db start"):
        CliRunner().invoke(app, ["db", "status"], catch_exceptions=False)
