"""Whose names are kept, and whose are not: by a second reading of every history, and on the words people use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from typer.testing import CliRunner

from gridmap.cli.app import app
from gridmap.errors import AccessError, InputError
from gridmap.service.retention import purge
from gridmap.store.models import Assignment, Audit, Person

TODAY = datetime.now(UTC)
DATES = [TODAY - timedelta(days=days) for days in (900, 700, 500, 300, 100)]
FUTURE = TODAY + timedelta(days=100)
BEFORE = DATES[2]
EMPTY: Range[datetime] = Range(empty=True)


def person(number: str, period: Range[datetime], recorded_at: datetime = DATES[0]) -> Person:
    return Person(
        person_id=number,
        name=f"人{number}",
        phone="13800000000",
        period=period,
        recorded_by="x",
        recorded_at=recorded_at,
    )


def assignment(number: str, period: Range[datetime], grid: str = "320299001") -> Assignment:
    return Assignment(
        person_id=number, grid=grid, town="320299001", role="网格长", full_time=True, is_primary=True, period=period,
        recorded_by="x",
    )  # fmt: skip


def names(store) -> dict[tuple[str, str], tuple[str, str]]:
    with store.transaction(actor="x") as session:
        return {(row.person_id, str(row.period)): (row.name, row.phone) for row in session.scalars(select(Person))}


def add(store, *rows: object) -> None:
    with store.transaction(actor="x") as session:
        session.add_all(rows)


def test_histories_of_all_kinds_are_read_as_a_clerk_reads_them(store):
    """Random histories; a clerk, going through them one by one, says whose name nobody has needed since the date."""
    rng = np.random.default_rng(5)
    edges = [*DATES, FUTURE, None]
    rows, kept = [], {}
    for number in map(str, range(60)):
        cuts = sorted(rng.choice(5, rng.integers(1, 4), replace=False))
        periods = [Range(DATES[a], edges[b]) for a, b in zip(cuts, [*cuts[1:], rng.integers(5, 7)], strict=True)]
        posts = []
        for place in range(rng.integers(0, 4)):
            begin = int(rng.integers(0, 5))
            end = edges[int(rng.integers(begin + 1, 7))]
            post = EMPTY if rng.random() < 0.2 else Range(DATES[begin], end)
            posts.append(post)
            rows.append(assignment(number, post, grid=f"32029900{place}"))
        served = [post for post in posts if not post.isempty]
        gone = bool(served) and all(post.upper is not None and post.upper <= BEFORE for post in served)
        for period in periods:
            rows.append(person(number, period))
            over = period.upper is not None and period.upper <= BEFORE
            kept[number, period.lower] = not (gone or over)
    add(store, *rows)
    before = names(store)
    with store.transaction(actor="档案员") as session:
        done = purge(session, BEFORE, commit=True)
    with store.transaction(actor="x") as session:
        found = {(each.person_id, each.period.lower): each for each in session.scalars(select(Person))}
        assert {key: bool(row.name) for key, row in found.items()} == kept
        assert all(bool(row.phone) == bool(row.name) for row in found.values())
        assert len(session.scalars(select(Assignment)).all()) == sum(isinstance(row, Assignment) for row in rows)
    assert 5 < done.rows == sum(not each for each in kept.values()) < len(kept) - 5
    assert set(done.people) == {number for (number, _), stays in kept.items() if not stays}
    assert len(names(store)) == len(before)
    with store.transaction(actor="x") as session:
        assert purge(session, BEFORE, commit=True).rows == 0  # nobody is forgotten twice


def test_the_day_itself_belongs_to_what_comes_after(store):
    """[from, to): who ended at midnight of the day had ended by then; who ended a moment later had not."""
    add(
        store,
        person("1", Range(DATES[0], None)), assignment("1", Range(DATES[0], BEFORE)),
        person("2", Range(DATES[0], None)), assignment("2", Range(DATES[0], BEFORE + timedelta(microseconds=1))),
    )  # fmt: skip
    with store.transaction(actor="x") as session:
        assert purge(session, BEFORE).people == ("1",)


def test_a_name_that_never_came_to_hold_goes_with_its_time(store):
    add(store, person("1", EMPTY), person("2", EMPTY, recorded_at=DATES[4]))
    with store.transaction(actor="x") as session:
        assert purge(session, BEFORE).people == ("1",)


def test_a_dry_run_changes_nothing_and_says_what_it_would(store):
    add(store, person("1", Range(DATES[0], None)), assignment("1", Range(DATES[0], DATES[1])))
    before = names(store)
    with store.transaction(actor="x") as session:
        generation = session.execute(text("select generation from gridmap.state")).scalar()
        done = purge(session, BEFORE)
    assert (done.people, done.rows, done.committed) == (("1",), 1, False)
    assert names(store) == before
    with store.transaction(actor="x") as session:
        assert session.execute(text("select generation from gridmap.state")).scalar() == generation
        assert session.scalars(select(Audit)).all() == []


def test_the_audit_tells_who_did_it_and_to_whom_by_number_alone(store):
    add(store, person("17", Range(DATES[0], None)), assignment("17", Range(DATES[0], DATES[1])))
    with store.transaction(actor="档案员") as session:
        generation = session.execute(text("select generation from gridmap.state")).scalar()
        purge(session, BEFORE, commit=True)
    with store.transaction(actor="x") as session:
        [row] = session.scalars(select(Audit)).all()
        assert (row.actor, row.action, row.detail) == ("档案员", "people.purge", {"people": ["17"], "rows": 1})
        assert "人17" not in f"{row.subject}{row.reason}{row.detail}"
        # who answers from memory learns of it
        assert session.execute(text("select generation from gridmap.state")).scalar() == generation + 1


def test_of_the_audit_failed_log_ins_are_forgotten_and_nothing_else(store):
    def row(action, at):
        return Audit(actor="public", action=action, subject="abc", reason="", at=at)

    lately = TODAY - timedelta(days=1)
    old, kept = row("log-in-failed", DATES[0]), [row("log-in-failed", BEFORE), row("log-in-failed", lately)]
    add(store, old, *kept, row("unmasked", DATES[0]), row("logged-in", DATES[0]))

    def left():
        with store.transaction(actor="x") as session:
            return sorted((each.action, each.at) for each in session.scalars(select(Audit)) if each.actor == "public")

    before = left()
    with store.transaction(actor="x") as session:
        assert purge(session, BEFORE).log_ins == 1
    assert left() == before
    with store.transaction(actor="x") as session:
        assert purge(session, BEFORE, commit=True).log_ins == 1
    assert left() == [each for each in before if each != ("log-in-failed", DATES[0])]
    with store.transaction(actor="x") as session:  # whoever guesses now stays locked out, whatever is asked
        assert purge(session, TODAY - timedelta(seconds=1), commit=True).log_ins == 1
        notes = session.scalars(select(Audit.detail).where(Audit.action == "log-ins.purge")).all()
    assert [action for action, _ in left()] == ["log-in-failed", "logged-in", "unmasked"]
    assert notes == [{"rows": 1}, {"rows": 1}]
    forget = text("select gridmap.forget_failed_log_ins(now())")
    with pytest.raises(AccessError), store.transaction(actor="x", jurisdiction="320299001") as session:
        session.execute(forget)
    with psycopg.connect(store.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("set role gridmap_reader; select gridmap.forget_failed_log_ins(now())")


def test_only_the_county_purges_and_nobody_forgets_who_serves(store):
    with store.transaction(actor="x", jurisdiction="320299001") as session, pytest.raises(AccessError, match="county"):
        purge(session, BEFORE)
    with store.transaction(actor="x") as session:
        with pytest.raises(InputError, match="in the future"):
            purge(session, FUTURE)
        with pytest.raises(InputError, match="time zone"):
            purge(session, datetime(2025, 1, 1))


def test_the_command(store, fresh_url, monkeypatch):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", fresh_url)
    monkeypatch.setenv("GRIDMAP_LANG", "en")
    add(store, person("1", Range(DATES[0], None)), assignment("1", Range(DATES[0], DATES[1])))
    words = ["db", "purge", "--before", BEFORE.date().isoformat()]
    assert "would forget 1 people in 1 rows, and 0" in CliRunner().invoke(app, words, catch_exceptions=False).output
    assert "人1" in {name for name, _ in names(store).values()}
    assert "forgot 1 people" in CliRunner().invoke(app, [*words, "--commit"], catch_exceptions=False).output
    assert set(names(store).values()) == {("", "")}
    with pytest.raises(InputError):
        CliRunner().invoke(app, ["db", "purge", "--before", "someday"], catch_exceptions=False)
