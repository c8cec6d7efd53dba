"""Asked for many at once, the roster says what it says one by one."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.cases.added import Coded
from gridmap.cases.responsible import Answerers
from gridmap.people.io import as_roster
from gridmap.people.times import at_microseconds

CODES = {
    "large": np.array(["A", "B"], dtype=object),
    "small": np.array([f"s{i}" for i in range(4)], dtype=object),
    "micro": np.array(["m"], dtype=object),
}
GRIDS = [code for codes in CODES.values() for code in codes]
DUTIES = ["S01", "P0203", "e0203"]
DAYS = [None, *(f"2026-0{month}-01" for month in range(1, 7))]
AT = [at_microseconds(day) + shift for day in DAYS[1:] for shift in (-1, 0, 1)]

PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(GRIDS),
        st.sampled_from(["*", "", "S01", "P0203;S01", "E0203"]),
        st.booleans(),
        st.sampled_from(DAYS),
        st.sampled_from(DAYS),
    ),
    min_size=1,
    max_size=8,
)
ROWS = st.lists(
    st.tuples(
        *(st.integers(-1, len(codes) - 1) for codes in CODES.values()),
        st.sampled_from([*AT, np.nan]),
        st.sampled_from([None, *DUTIES, "s01", "on nobody's list", "nor this"]),
    ),
    max_size=12,
)


def roster_of(people):
    rows = [
        {"person_id": str(i), "name": f"人{i}", "grid": grid, "duties": duties, "primary": primary,
         "valid_from": start, "valid_to": end if start is None or end is None or start < end else None}
        for i, (grid, duties, primary, start, end) in enumerate(people)
    ]  # fmt: skip
    return as_roster(pd.DataFrame(rows))


def one_by_one(roster, row):
    *grid, at, duty = row
    chain = [(level, codes[i]) for (level, codes), i in zip(CODES.items(), grid, strict=True) if i >= 0][::-1]
    who = roster.find(chain, duty, at) if chain and np.isfinite(at) else None
    return (None, None, None) if who is None else (who.person_id, who.name, who.level)


def all_at_once(answerers, rows):
    grid = {level: np.array([row[i] for row in rows], dtype=np.int32) for i, level in enumerate(CODES)}
    times = np.array([row[-2] for row in rows], dtype=float)
    found = answerers.answer(grid, times, Coded.of(np.array([row[-1] for row in rows], dtype=object)))
    columns = [column.as_text().astype(object) for column in found.values()]
    return [tuple(None if pd.isna(value) else value for value in row) for row in zip(*columns, strict=True)]


@given(PEOPLE, ROWS, ROWS)
def test_many_at_once_are_answered_as_one_by_one(people, first, then):
    roster = roster_of(people)
    answerers = Answerers(roster, CODES)
    for rows in (first, then):  # what was asked before changes nothing
        assert all_at_once(answerers, rows) == [one_by_one(roster, row) for row in rows]


def test_a_province_has_more_chains_than_numbers(monkeypatch):
    roster = roster_of([("A", "*", False, None, None), ("s1", "S01", False, "2026-02-01", None)])
    rows = [(0, 1, 0, AT[6], "S01"), (0, 1, -1, AT[0], "S01"), (1, 2, -1, AT[0], None)]
    monkeypatch.setattr("gridmap.cases.responsible._MOST", 4)
    assert all_at_once(Answerers(roster, CODES), rows) == [one_by_one(roster, row) for row in rows]


def test_what_is_sent_to_another_process_answers_the_same():
    roster = roster_of([("A", "*", True, None, None)])
    rows = [(0, -1, -1, AT[0], None)]
    again = pickle.loads(pickle.dumps(Answerers(roster, CODES, unmask=True)))
    assert all_at_once(again, rows) == [("0", "人0", "large")]


@pytest.mark.parametrize("texts", [[], ["b", None, "a", "b"], [None], ["", "a"]])
def test_coded_columns_keep_their_texts(texts):
    column = Coded.of(np.array(texts, dtype=object))
    for shown in (column, column.compact()):
        assert shown.as_text().astype(object).where(lambda each: each.notna(), None).tolist() == texts
