"""What must be true of a roster that was loaded again and again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_made import EAST, GRIDS, IN_EAST, IN_WEST, SINCE, TOWN, WEST, empty, load, outcomes, staff, state
from sqlalchemy import func, select, text, update

from gridmap.errors import GridmapError, InputError, UnknownNameError
from gridmap.people.io import ROSTER, as_roster, parse_roster
from gridmap.people.sheets import read_sheet
from gridmap.service import loading
from gridmap.service.loading import LoadOptions
from gridmap.store.models import Assignment, Audit, Person, State
from gridmap.store.people import read_roster

DAY = timedelta(days=1)
FIRST = datetime(2040, 1, 1, tzinfo=UTC)
"""In the future: what is planned there may still be taken back."""


def day(number: int | None) -> datetime | None:
    return None if number is None else FIRST + number * DAY


def read(store, town: str = "*") -> pd.DataFrame:
    with store.transaction(actor="reader", jurisdiction=town) as session:
        return read_roster(session).table


def rows_of(table: pd.DataFrame) -> list[tuple]:
    """Return rows as a clerk reads them: from, to, and who does what where."""
    columns = ["valid_from", "valid_to", "person_id", "name", "grid", "role", "duties", "full_time", "primary"]
    times = {name: table[name].astype(object).where(table[name].notna(), None) for name in columns[:2]}
    return list(table.assign(**times)[columns].itertuples(index=False, name=None))


def in_force(rows: list[tuple], at: datetime) -> set[tuple]:
    return {
        row[2:] for row in rows if (row[0] is None or row[0] <= at) and (row[1] is None or at < row[1])
    }  # fmt: skip


places = st.tuples(st.sampled_from("abc"), st.sampled_from([IN_WEST[0], IN_WEST[1], IN_EAST[0]]), st.sampled_from("xy"))
details = st.fixed_dictionaries(
    {
        "duties": st.sampled_from(["*", "S01", "P0203;S01", ""]),
        "primary": st.booleans(),
        "times": st.one_of(
            st.just((None, None)),
            st.tuples(st.integers(-3, 8), st.integers(1, 6)).map(lambda each: (each[0], sum(each))),
            st.tuples(st.just(None), st.integers(0, 9)),
        ),
    }
)
tables = st.tuples(
    st.dictionaries(places, details, min_size=1, max_size=6),
    st.fixed_dictionaries({person: st.sampled_from(["王", "李"]) for person in "abc"}),
    st.integers(1, 3),
)


def table_of(rows: dict, names: dict) -> pd.DataFrame:
    return staff(*(
        {
            "person_id": person, "name": names[person], "grid": grid, "role": role, "duties": each["duties"],
            "primary": str(each["primary"]), "valid_from": day(each["times"][0]), "valid_to": day(each["times"][1]),
        }
        for (person, grid, role), each in rows.items()
    ))  # fmt: skip


def said_at(history: list[tuple[datetime, list[tuple]]], at: datetime) -> set[tuple]:
    """Return who was in force by a literal reading: of each town the last table that covers it, by then."""
    names, of_town = {}, {}
    for effective, rows in history:
        if effective <= at:
            names |= {row[2]: row[3] for row in rows if row[1] is None or row[1] > effective}
            for town in {GRIDS[row[4]] for row in rows}:
                of_town[town] = in_force([row for row in rows if GRIDS[row[4]] == town], at)
    return {(row[0], names[row[0]], *row[2:]) for rows in of_town.values() for row in rows}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(tables, min_size=1, max_size=3))
def test_asked_at_any_time_the_record_says_what_the_table_in_force_then_says(town_record, loads):
    empty(town_record.url)
    history, effective = [], FIRST
    for rows, names, later in loads:
        table = table_of(rows, names)
        report = load(town_record, table, effective=effective)
        assert report.committed, report.refused
        history.append((effective, rows_of(as_roster(table).table)))
        effective += later * DAY
    back = rows_of(read(town_record))
    for half in range(-2, 26):
        at = FIRST + half * DAY / 2
        assert in_force(back, at) == said_at(history, at), at


def test_loading_the_same_again_changes_nothing_but_the_audit(town_record):
    table = pd.read_csv(TOWN / "roster.csv", dtype=str)
    assert load(town_record, table, effective=SINCE + DAY).counts["new"] == len(table)
    before = state(town_record.url)[:3]
    report = load(town_record, table)
    assert report.counts == {"new": 0, "changed": 0, "ended": 0, "unchanged": len(table), "refused": 0}
    assert state(town_record.url)[:3] == before


def test_a_dry_run_says_what_a_real_one_says_and_changes_nothing(town_record):
    load(town_record, staff({}, {"person_id": "2", "grid": IN_EAST[0]}), effective=SINCE)
    change = staff({"phone": "13700000000"}, {"person_id": "3"})
    before = state(town_record.url)
    dry = load(town_record, change, commit=False, effective=FIRST)
    assert state(town_record.url) == before
    real = load(town_record, change, effective=FIRST)
    assert (dry.rows, dry.counts) == (real.rows, real.counts)
    assert (dry.committed, real.committed) == (False, True)


def test_a_change_says_what_changed_and_shows_no_name(town_record):
    load(town_record, staff({}), effective=SINCE)
    changed = staff({"name": "王大力", "phone": "13700002222", "duties": "P0203", "valid_to": "2041-01-01"})
    (row,) = load(town_record, changed, effective=FIRST).rows
    assert (row.row, row.outcome) == (2, "changed")
    assert row.changes == (
        ("name", "王**", "王**"),
        ("phone", "139****1111", "137****2222"),
        ("duties", "*", "P0203"),
        ("valid_to", "", "2041-01-01T00:00+08:00"),
    )


def test_a_failure_in_the_middle_leaves_nothing(town_record):
    before = state(town_record.url)
    with psycopg.connect(town_record.url, autocommit=True) as connection:
        connection.execute(
            "create function gridmap.fail() returns trigger language plpgsql as "
            "$$ begin raise exception 'the disk is gone' using errcode = '53100'; end $$"
        )
        connection.execute("create trigger fail before insert on gridmap.person execute function gridmap.fail()")
        try:
            with pytest.raises(GridmapError, match="the disk is gone"):
                load(town_record, staff({}))
        finally:
            connection.execute("drop function gridmap.fail cascade")
    assert state(town_record.url) == before


def test_who_loads_at_the_same_time_waits_and_nothing_is_doubled(town_record):
    table, done = staff({}, {"person_id": "2"}), []

    def second():
        done.append(load(town_record, table))

    other = threading.Thread(target=second)
    with town_record.transaction(actor="first") as session:
        loading.load_roster(session, parse_roster(table), LoadOptions(commit=True))
        other.start()
        other.join(0.3)
        assert not done
    other.join(10)
    assert done[0].counts["unchanged"] == 2
    with town_record.transaction(actor="reader") as session:
        counts = [session.scalar(select(func.count()).select_from(model)) for model in (Assignment, Person)]
    assert counts == [2, 2]


def test_every_commit_is_audited_without_names_and_tells_the_workers(town_record):
    def generation():
        with town_record.transaction(actor="reader") as session:
            return session.get(State, 1).generation

    before = generation()
    load(town_record, staff({}), note="换届")
    assert generation() == before + 1
    with town_record.transaction(actor="reader") as session:
        row = session.scalars(select(Audit)).one()
    assert (row.actor, row.action, row.subject, row.reason) == ("clerk", "load", "roster", "换届")
    assert row.detail["counts"]["new"] == 1
    assert "王" not in str(row.detail)


BAD = {
    2: ({"name": ""}, "name is empty"),
    3: ({"grid": "320299100999"}, "grid '320299100999' is not in version"),
    4: ({"duties": "P0203;打扫"}, "duty '打扫' is no code"),
    5: ({"primary": "maybe"}, "primary is 'MAYBE'|primary is 'maybe'"),
    6: ({"valid_from": "05/06/2026"}, "valid_from is '05/06/2026'"),
    7: ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "valid_to is not after"),
    8: ({"person_id": "twice"}, "rows 8 and 9 say the same"),
    9: ({"person_id": "twice"}, "rows 8 and 9 say the same"),
    10: ({"person_id": "two", "name": "甲"}, "rows 10 and 11 call two by two names"),
    11: ({"person_id": "two", "name": "乙", "grid": IN_WEST[1]}, "rows 10 and 11 call two by two names"),
}


def test_every_bad_row_is_told_by_its_number_and_the_others_can_be_loaded(town_record):
    rows = [{"person_id": f"p{number}"} | bad for number, (bad, _) in BAD.items()]
    table = staff(*rows, {"person_id": "good"})
    for skip in (False, True):
        report = load(town_record, table, skip_refused=skip)
        told = {row.row: row.reason for row in report.refused}
        assert list(told) == list(BAD)
        for number, (_, reason) in BAD.items():
            assert pd.Series(told[number]).str.contains(reason).all(), told[number]
        assert report.committed is skip
        assert set(read(town_record)["person_id"]) == ({"good"} if skip else set())


def test_what_a_database_could_not_give_back_is_refused_by_its_row(town_record):
    table = staff(
        {"person_id": "a", "name": "王\0"}, {"person_id": "b" * 600}, {"person_id": "c", "valid_from": "9999-12-31"},
        {"person_id": "d", "valid_to": "9999-12-31T23:59-11:00"},
    )  # fmt: skip
    report = load(town_record, table, skip_refused=True, note="整理\0档案")
    assert outcomes(report) == {2: "refused", 3: "refused", 4: "refused", 5: "new"}
    back = read(town_record)
    assert back["person_id"].tolist() == ["d"]
    assert back["valid_to"].isna().all()


def test_nobody_is_ended_for_want_of_a_row_that_cannot_be_read(town_record):
    load(town_record, staff({}, {"person_id": "2"}), effective=SINCE)
    slip = staff({"grid": "320299l00001"}, {"person_id": "3"})
    report = load(town_record, slip, effective=FIRST, skip_refused=True)
    assert outcomes(report) == {2: "refused", 3: "new", f"2 / {IN_WEST[0]} / 网格员": "ended"}
    assert {row[0] for row in in_force(rows_of(read(town_record)), FIRST)} == {"1", "3"}


def test_what_has_begun_since_is_not_rewritten(town_record):
    load(town_record, staff({}, {"person_id": "2"}), effective=datetime(2026, 5, 1, tzinfo=UTC))
    before = state(town_record.url)
    for table in (staff({"duties": "S01"}), staff({"name": "李雷"}), staff({"person_id": "3"})):
        report = load(town_record, table, effective=datetime(2026, 4, 1, tzinfo=UTC))
        assert not report.committed
        assert all("the past is not rewritten" in row.reason for row in report.refused)
    assert state(town_record.url) == before


def test_what_the_file_does_not_have_stays_where_it_is_to_be_kept(town_record):
    load(town_record, staff({}, {"person_id": "2"}), effective=SINCE)
    report = load(town_record, staff({"person_id": "3"}), effective=FIRST, keep=True)
    assert outcomes(report) == {2: "new"}
    assert {row[0] for row in in_force(rows_of(read(town_record)), FIRST)} == {"1", "2", "3"}


def test_a_town_loads_its_own_people_and_ends_nobody_elses(town_record):
    east = {"person_id": "2", "grid": IN_EAST[0]}
    load(town_record, staff({}, east), effective=SINCE)
    report = load(town_record, staff({"person_id": "3"}), town=WEST, effective=FIRST)
    assert outcomes(report) == {2: "new", f"1 / {IN_WEST[0]} / 网格员": "ended"}
    foreign = load(town_record, staff({"person_id": "4"}, east | {"phone": "13700000000"}), town=WEST)
    assert [(row.row, row.outcome) for row in foreign.refused] == [(3, "refused")]
    assert f"{IN_EAST[0]} is of {EAST}" in foreign.refused[0].reason
    taken = load(town_record, staff({"person_id": "2"}), town=WEST)
    assert "somebody of another town" in taken.refused[0].reason
    assert {row[:3] for row in in_force(rows_of(read(town_record)), FIRST)} == {
        ("3", "王小明", IN_WEST[0]), ("2", "王小明", IN_EAST[0]),
    }  # fmt: skip
    assert set(read(town_record, WEST)["person_id"]) == {"1", "3"}


def test_who_works_in_two_towns_is_changed_by_the_county_alone(town_record):
    load(town_record, staff({}, {"grid": IN_EAST[0]}), effective=SINCE)
    renamed = load(town_record, staff({"name": "王大力"}), town=WEST, effective=FIRST)
    assert "who works in both are the county's to change" in renamed.refused[0].reason
    # As the county calls them, a town's own list goes on being the town's.
    assert load(town_record, staff({}), town=WEST, effective=FIRST).counts["unchanged"] == 1
    assert load(town_record, staff({"duties": "S01"}), town=WEST, effective=FIRST).counts["changed"] == 1
    both = staff({"name": "王大力", "duties": "S01"}, {"name": "王大力", "grid": IN_EAST[0]})
    assert load(town_record, both, effective=FIRST).committed
    assert {row[1:3] for row in in_force(rows_of(read(town_record)), FIRST)} == {
        ("王大力", IN_WEST[0]), ("王大力", IN_EAST[0]),
    }  # fmt: skip
    assert {row[1] for row in in_force(rows_of(read(town_record)), FIRST - DAY)} == {"王小明"}


def test_who_left_for_another_town_is_that_towns(town_record):
    """The town that was left sees them as they were, and changes nothing; the next one may take over from there."""
    load(town_record, staff({}), effective=SINCE)
    load(town_record, staff({"person_id": "2"}), town=WEST, effective=FIRST)  # 1 has left
    came = load(town_record, staff({"grid": IN_EAST[0], "phone": "13700000000"}), town=EAST, effective=FIRST)
    assert came.committed
    back = load(town_record, staff({"name": "王大力"}, {"person_id": "2"}), town=WEST, effective=FIRST + DAY)
    assert [(row.row, "another town" in row.reason) for row in back.refused] == [(2, True)]
    with town_record.transaction(actor="x", jurisdiction=WEST) as session:
        seen = session.execute(select(Person.phone).where(Person.person_id == "1")).all()
        written = session.execute(update(Person).values(phone="")).rowcount
    assert (seen, written) == ([("13900001111",)], 0)
    assert set(read(town_record, EAST)["phone"]) == {"13700000000"}


def test_a_town_takes_back_a_name_that_had_not_begun(town_record):
    load(town_record, staff({}), town=WEST, effective=SINCE)
    load(town_record, staff({"name": "王大力"}), town=WEST, effective=FIRST + DAY)
    assert load(town_record, staff({"name": "王力"}), town=WEST, effective=FIRST).committed
    names = read(town_record, WEST).sort_values("valid_from")["name"]
    assert list(names) == ["王小明", "王力"]


def test_a_csv_in_gbk_with_chinese_headers_is_loaded(town_record, tmp_path):
    path = tmp_path / "花名册.csv"
    path.write_text(
        f"工号,姓名,联系电话,网格编码,职责\n007,李雷,13900001111,{IN_EAST[1]},P0203；S01；p0203\n", encoding="gbk"
    )
    assert load(town_record, read_sheet(path, ROSTER)).counts["new"] == 1
    row = read(town_record).iloc[0]
    assert (row["person_id"], row["name"], row["duties"]) == ("007", "李雷", ("P0203", "S01"))


def test_dates_that_cannot_be_meant_are_refused(town_record):
    with pytest.raises(InputError, match="no time zone"):
        load(town_record, staff({}), effective=datetime(2026, 1, 1))
    with pytest.raises(InputError, match="between the years"):
        load(town_record, staff({}), effective=datetime(9000, 1, 1, tzinfo=UTC))
    with pytest.raises(UnknownNameError, match="no plan is in force at 2019"):
        load(town_record, staff({}), effective=datetime(2019, 1, 1, tzinfo=UTC))


def test_a_session_without_a_jurisdiction_reads_nobody(town_record):
    load(town_record, staff({}))
    with town_record.transaction(actor="reader") as session:
        session.execute(text("select set_config('gridmap.jurisdiction', '', true)"))
        assert len(read_roster(session)) == 0


def test_who_follows_somebody_in_the_same_file_is_told_as_the_change(town_record):
    load(town_record, staff({"duties": "S01"}), effective=SINCE)
    over, now = {"duties": "S02", "valid_to": "2030-01-01"}, {"valid_from": "2030-01-01"}
    assert outcomes(load(town_record, staff(over, now), effective=FIRST)) == {2: "unchanged", 3: "changed"}
    assert outcomes(load(town_record, staff(over), effective=FIRST + DAY)) == {2: "ended"}
