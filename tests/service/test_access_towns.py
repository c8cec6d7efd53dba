"""A town's people see their town: by the database itself, and by the same rule again in the service."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import func, select, text

from gridmap.errors import AccessError
from gridmap.service.access import Principal, may_see
from gridmap.store.engine import Store
from gridmap.store.people_model import Assignment, Duty, Organisation, Person

TOWNS = ("320299001", "320299002", None)
TABLES = ("assignment", "duty", "person", "organisation")


@pytest.fixture(scope="module")
def url(cluster, _template):
    """Give a record with one person, assignment, duty and organisation of each town, and of none."""
    from postgis import database

    with database(cluster, "gridmap_towns", _template) as url:
        store = Store(url)
        with store.transaction(actor="x") as session:
            for number, town in enumerate(TOWNS):
                session.add(Person(person_id=str(number), name="某人", phone="", recorded_by="x"))
                session.add(assignment(str(number), town))
                session.add(
                    Organisation(org_id=str(number), name="支部", kind="branch", town=town, recorded_by="x")
                )  # fmt: skip
            session.add(Person(person_id="9", name="无岗", phone="", recorded_by="x"))
        store.close()
        yield url


@pytest.fixture
def connection(url):
    """Give a connection as the service has it, without any of the service."""
    with psycopg.connect(url) as connection:
        connection.execute("set role gridmap_app")
        connection.commit()
        yield connection


def assignment(person, town):
    return Assignment(
        person_id=person, grid=town or "320299", town=town, role="网格员", full_time=True, is_primary=True,
        recorded_by="x", duties=[Duty(code="*", position=0)],
    )  # fmt: skip


def seen(connection, table):
    return connection.execute(f"select count(*) from gridmap.{table}").fetchone()[0]


def set_town(connection, town):
    connection.execute("select set_config('gridmap.jurisdiction', %s, true)", (town,))


@pytest.mark.parametrize("table", TABLES)
def test_a_transaction_sees_its_town_and_nothing_without_one(connection, table):
    everything = 4 if table == "person" else 3
    assert seen(connection, table) == 0  # never set: NULL
    set_town(connection, "320299001")
    assert seen(connection, table) == 1
    connection.commit()
    assert connection.execute("select current_setting('gridmap.jurisdiction')").fetchone()[0] == ""
    assert seen(connection, table) == 0  # after a commit: ''
    for town, count in (("*", everything), ("320299002", 1), ("320299", 0), ("", 0), ("%", 0), ("320299001'", 0)):
        set_town(connection, town)
        assert seen(connection, table) == count, town
    connection.rollback()
    assert seen(connection, table) == 0


def test_a_town_cannot_write_into_another(connection, url):
    set_town(connection, "320299001")
    for statement in (
        "insert into gridmap.organisation (org_id, name, kind, town, recorded_by) values ('n','n','n','320299002','x')",
        "insert into gridmap.organisation (org_id, name, kind, town, recorded_by) values ('n','n','n',null,'x')",
        "update gridmap.assignment set town = '320299002'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(statement)
    for statement in ("update gridmap.organisation set name = ''", "delete from gridmap.duty"):
        assert connection.execute(statement).rowcount == 1  # its own
    connection.rollback()
    store = Store(url)
    with pytest.raises(AccessError), store.transaction(actor="x", jurisdiction="320299001") as session:
        session.add(assignment("7", "320299002"))
    store.close()


def test_the_rule_of_the_service_is_the_rule_of_the_database(url):
    store = Store(url)
    for jurisdiction in ("*", "320299001", "320299002", "320299009"):
        who = Principal("x", "dispatcher", jurisdiction, frozenset({"read"}), "user")
        with store.transaction(actor="x", jurisdiction=jurisdiction) as session:
            for town in TOWNS:
                same = Assignment.town == town if town else Assignment.town.is_(None)
                found = session.scalar(select(func.count()).select_from(Assignment).where(same))
                assert bool(found) == may_see(who, town), (jurisdiction, town)
    store.close()


def test_what_one_transaction_may_see_the_next_on_its_connection_may_not(url):
    store = Store(url, size=1)
    with store.transaction(actor="x") as session:
        backend = session.scalar(text("select pg_backend_pid()"))
        assert session.scalar(select(func.count()).select_from(Assignment)) == 3
    with store._engine.connect() as raw:
        assert raw.scalar(text("select pg_backend_pid()")) == backend
        assert raw.scalar(select(func.count()).select_from(Assignment)) == 0
    store.close()


def test_the_readers_role_sees_no_people_and_no_secrets(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set role gridmap_reader")
        for table in ("person", "assignment", "api_key", "app_user", "user_session", "audit"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from gridmap.{table}")
