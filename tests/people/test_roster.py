"""Who is responsible, against a literal reading of decision 10; rosters as offices keep them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.errors import InputError, RosterError
from gridmap.locate.placement import Placement
from gridmap.people.check import require_known_grids, unknown_grids
from gridmap.people.io import as_roster

EAST8 = timezone(timedelta(hours=8))
NOON = datetime(2026, 5, 1, 12, tzinfo=EAST8)
CHAIN = {"large": "L", "medium": "LM", "small": "LMS", "micro": "LMSX"}


def place(*levels: str) -> Placement:
    chain = {level: CHAIN[level] for level in levels or CHAIN}
    return Placement("matched", "", MappingProxyType(chain), (), None, "v")


def staff(*rows: dict) -> gridmap.Roster:
    return as_roster(
        pd.DataFrame([{"person_id": "1", "name": "王小明", "grid": "LMS", "duties": "*"} | row for row in rows])
    )


def test_the_finest_grid_with_somebody_answers():
    roster = staff({"person_id": "9", "grid": "L"}, {"person_id": "5", "grid": "LMS", "duties": "P0203"})
    who = roster.responsible(place(), duty="P0203", at=NOON)
    assert (who.person_id, who.level, who.grid) == ("5", "small", "LMS")
    who = roster.responsible(place(), duty="S01", at=NOON)
    assert (who.person_id, who.level) == ("9", "large")
    assert "small" in who.reason


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [({"primary": "是"}, {"full_time": "是"}), ({"full_time": "1"}, {"full_time": "0"}), ({"person_id": "2"}, {})],
    ids=["primary before full-time", "full-time before part-time", "then the lowest id"],
)
def test_ties(ours, theirs):
    roster = staff({"person_id": "3"} | theirs, {"person_id": "2" if "person_id" in ours else "7"} | ours)
    assert roster.responsible(place(), duty="S01", at=NOON).person_id == (ours.get("person_id") or "7")


def test_validity_begins_with_its_first_moment_and_ends_before_its_last():
    roster = staff({"valid_from": "2026-05-01", "valid_to": "2026-06-01"})
    # A naive day means Asia/Shanghai.
    first, end = datetime(2026, 5, 1, tzinfo=EAST8), datetime(2026, 6, 1, tzinfo=EAST8)
    tick = timedelta(microseconds=1)
    held = [roster.responsible(place(), duty="S01", at=at) is not None for at in (first - tick, first, end - tick, end)]
    assert held == [False, True, True, False]
    assert roster.responsible(place(), duty="S01", at=datetime(2026, 5, 1)) is not None


def test_nobody_is_none_and_an_ambiguous_place_asks_what_is_shared():
    roster = staff({"grid": "LM"}, {"person_id": "2", "grid": "LMS"})
    assert roster.responsible(place("large", "medium"), duty="S01", at=NOON).grid == "LM"
    assert roster.responsible(place("large"), duty="S01", at=NOON) is None


def test_names_and_phones_are_masked_unless_asked_for():
    roster = staff({"phone": "13912345678"})
    assert roster.responsible(place(), duty="S01", at=NOON).name == "王**"
    assert roster.responsible(place(), duty="S01", at=NOON, unmask=True).name == "王小明"
    assert roster.grid_leaders(NOON).loc["LMS"].tolist() == ["王**", "", "139****5678"]
    assert "王小明" not in repr(roster)


people = st.fixed_dictionaries(
    {
        "person_id": st.sampled_from("abcdef"),
        "grid": st.sampled_from([*CHAIN.values(), "other"]),
        "duties": st.sampled_from(["*", "S01", "P0203;S01", "P0203", ""]),
        "primary": st.booleans(),
        "full_time": st.booleans(),
        "start": st.integers(0, 4),
        "days": st.integers(1, 3),
    }
)


@settings(max_examples=200, deadline=None)
@given(st.lists(people, min_size=1, max_size=8), st.sampled_from(["S01", "P0203"]), st.integers(0, 6))
def test_the_rule_read_literally(rows, duty, day):
    start = pd.Timestamp("2026-01-01", tz="Asia/Shanghai")
    table = pd.DataFrame(rows).assign(name="某某")
    table["valid_from"] = start + pd.to_timedelta(table.pop("start"), unit="D")
    table["valid_to"] = table["valid_from"] + pd.to_timedelta(table.pop("days"), unit="D")
    at = start + pd.Timedelta(days=day)
    active = table[(table["valid_from"] <= at) & (at < table["valid_to"])]
    held = [bool({duty, "*"} & set(each.split(";"))) for each in active["duties"]]
    holding = active[np.array(held, dtype=bool)]
    expected = None
    for level in reversed(CHAIN):
        here = holding[holding["grid"] == CHAIN[level]]
        if len(here):
            best = here.sort_values(["primary", "full_time", "person_id"], ascending=[False, False, True]).iloc[0]
            expected = (best["person_id"], level)
            break
    who = as_roster(table).responsible(place(), duty=duty, at=at.to_pydatetime())
    assert (who and (who.person_id, who.level)) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_csv_with_chinese_headers_in_any_encoding(tmp_path, encoding):
    path = tmp_path / "staff.csv"
    path.write_text(
        "工号,姓名,联系电话,网格编码,是否专职,职责,生效日期\n007,李雷,13900001111,LMS,是,P0203；S01,2026-01-01\n",
        encoding=encoding,
    )
    table = gridmap.read_roster(path).table
    assert table.loc[0, ["person_id", "name", "grid", "duties"]].tolist() == ["007", "李雷", "LMS", ("P0203", "S01")]
    assert bool(table.loc[0, "full_time"]) is True


def test_excel_reads_the_same_as_csv(tmp_path):
    rows = pd.DataFrame(
        {
            "person_id": ["01", "02"],
            "name": ["甲", "乙"],
            "grid": ["320299001", "320299002"],
            "valid_to": ["2027-01-01", None],
        }
    )
    rows.to_excel(tmp_path / "a.xlsx", index=False)
    rows.to_csv(tmp_path / "a.csv", index=False)
    excel, csv = gridmap.read_roster(tmp_path / "a.xlsx").table, gridmap.read_roster(tmp_path / "a.csv").table
    pd.testing.assert_frame_equal(excel, csv)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("person_id,name,grid\n", "holds nobody"),
        ("person_id,name\n1,a\n", "grid"),
        ("person_id,name,grid\n1,a,L\n2,b,\n", "row 3: grid is empty"),
        ("person_id,name,grid\n\n1,a,L\n2,b,\n", "row 4: grid is empty"),
        ("person_id,name,grid\n1,a,L,x\n", "cannot be read"),
        ("person_id,name,grid,valid_from\n1,a,L,05/06/2026\n", "row 2: valid_from is '05/06/2026'"),
        ("person_id,name,grid,primary\n1,a,L,maybe\n", "row 2: primary is 'maybe'"),
        ("person_id,name,grid,valid_from\n1,a,L,someday\n", "row 2: valid_from is 'someday'"),
        ("person_id,name,grid,valid_from,valid_to\n1,a,L,2026-02-01,2026-01-01\n", "row 2: valid_to is not after"),
    ],
)
def test_a_bad_roster_names_the_row(tmp_path, text, says):
    path = tmp_path / "staff.csv"
    path.write_text(text)
    with pytest.raises(RosterError, match=says):
        gridmap.read_roster(path)


def test_duties_may_be_separated_by_any_comma_and_written_small(tmp_path):
    path = tmp_path / "staff.csv"
    path.write_text('person_id,name,grid,duties\n1,a,LMS,"p0203，S01、E0101"\n')
    roster = gridmap.read_roster(path)
    assert roster.table["duties"].tolist() == [("P0203", "S01", "E0101")]
    assert roster.responsible(place(), duty="e0101", at=NOON).person_id == "1"


def test_times_of_any_zone_may_stand_in_one_roster():
    roster = staff(
        {"valid_from": "2026-05-01T04:00Z"}, {"valid_from": "2026-05-01T12:00+08:00"}, {"valid_from": "2026-05-01"}
    )
    assert roster.table["valid_from"].nunique() == 2


def test_a_missing_roster_and_a_time_that_is_none(tmp_path):
    with pytest.raises(RosterError, match=r"none\.csv does not exist"):
        gridmap.read_roster(tmp_path / "none.csv")
    with pytest.raises(InputError, match="not a time"):
        staff({}).responsible(place(), duty="S01", at=pd.NaT)


def test_a_grid_that_does_not_exist_is_named_with_its_row():
    roster = staff({"grid": "L"}, {"grid": "XX"}, {"grid": "XX"}, {"grid": "YY"})
    assert unknown_grids(roster, set(CHAIN.values())).values.tolist() == [[3, "XX"], [4, "XX"], [5, "YY"]]
    with pytest.raises(RosterError, match=r"2 grids .* row 3 \(XX\), row 5 \(YY\)"):
        require_known_grids(roster, set(CHAIN.values()))
    require_known_grids(roster, {*CHAIN.values(), "XX", "YY"})
