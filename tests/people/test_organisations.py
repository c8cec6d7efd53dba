"""The chain of organisations: a sound one finds nothing, and every way to break it is found."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.people.organisations import (
    ORGANISATION_COLUMNS,
    SPELLINGS,
    findings,
    parse_organisations,
    read_organisations,
    towns_of,
)

TOWN = Path(__file__).parents[2] / "data" / "town"
GRIDS = ("320299001001001", "320299001001002")
TOWN_OF = dict.fromkeys((*GRIDS, "320299001", "320299001001"), "320299001")


def chain(**changes: dict) -> pd.DataFrame:
    """Return a sound chain with everything in it, changed row by row."""
    rows = {
        "t": {"kind": "town_committee", "grid": "320299001"},
        "c": {"kind": "community_committee", "parent_id": "t", "grid": "320299001001"},
        "e": {"kind": "estate", "parent_id": "c", "grid": "320299001001", "households": 1000.0},
        "eb": {"kind": "branch", "parent_id": "e", "grid": GRIDS[0]},
        "gb": {"kind": "branch", "parent_id": "c", "grid": GRIDS[1]},
        "g": {"kind": "group", "parent_id": "eb", "grid": GRIDS[0]},
        "h": {"kind": "household_point", "parent_id": "g"},
        "u": {"kind": "unit", "grid": "320299001001", "reports_to": "c", "offers": "场地"},
        "cu": {"kind": "county_unit", "reports_to": "c"},
    }
    base = dict.fromkeys(ORGANISATION_COLUMNS, "") | {"households": None}
    made = [base | {"org_id": key, "name": key} | row | changes.get(key, {}) for key, row in rows.items()]
    return pd.DataFrame(made).astype({"households": "float64"})


def rules(table: pd.DataFrame) -> set[tuple[str, str]]:
    return {(each.rule, each.key) for each in findings(table, GRIDS)}


def test_a_sound_chain_finds_nothing():
    assert rules(chain()) == set()


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ({"eb": {"kind": "group"}}, {("parent_kind", "eb"), ("parent_kind", "g"), ("estate_without_branch", "e"),
                                     ("grid_without_branch", GRIDS[0])}),
        ({"c": {"parent_id": "x"}}, {("parent_unknown", "c")}),
        ({"c": {"parent_id": ""}}, {("parent_unknown", "c")}),
        ({"gb": {"parent_id": "t"}}, {("parent_kind", "gb")}),
        ({"gb": {"grid": ""}}, {("grid_without_branch", GRIDS[1])}),
        ({"eb": {"parent_id": "c"}}, {("estate_without_branch", "e")}),
        ({"eb": {"parent_id": "c"}, "e": {"households": 999.0}}, set()),
        ({"u": {"reports_to": ""}}, {("unit_without_community", "u")}),
        ({"cu": {"reports_to": "t"}}, {("unit_without_community", "cu")}),
        ({"t": {"parent_id": "h"}}, {("parent_kind", "t"), ("cycle", "c")}),
    ],
)  # fmt: skip
def test_what_is_broken_is_found(broken, found):
    assert rules(chain(**broken)) == found


@settings(max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_circles_of_parents_are_those_of_another_library(parents):
    """networkx finds them another way; what has no parent in the table names the number 9."""
    keys = [str(key) for key in range(len(parents))]
    table = pd.DataFrame(dict.fromkeys(ORGANISATION_COLUMNS, ""), index=range(len(keys)))
    table = table.assign(org_id=keys, parent_id=[str(each) for each in parents], kind="group", households=None)
    told = {each.key for each in findings(table) if each.rule == "cycle"}
    graph = nx.DiGraph([(key, above) for key, above in zip(keys, table["parent_id"], strict=True) if above in keys])
    assert told == {min(ring) for ring in nx.simple_cycles(graph)}


def test_a_town_is_that_of_the_grid_else_of_whom_one_reports_to_else_of_who_is_above():
    towns = dict(zip(["t", "c", "e", "eb", "gb", "g", "h", "u", "cu"], towns_of(chain(), TOWN_OF), strict=True))
    assert set(towns.values()) == {"320299001"}
    lonely = chain(cu={"reports_to": "cu"}, h={"parent_id": "h"})
    assert towns_of(lonely, TOWN_OF).isna().tolist() == [*[False] * 6, True, False, True]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_offices_write_chinese_headers_and_kinds(tmp_path, encoding):
    path = tmp_path / "organisations.csv"
    rows = [f"{number},{words[0]}甲,{words[0]},,,,," for number, words in enumerate(SPELLINGS.values())]
    header = "组织编号,组织名称,组织类型,上级组织,网格编码,报到社区,服务项目,户数"
    path.write_text("\n".join([header, *rows]), encoding=encoding)
    parsed = read_organisations(path)
    assert not parsed.faults.reasons
    assert parsed.table["kind"].tolist() == list(SPELLINGS)


def test_bad_rows_are_told_by_themselves():
    table = pd.DataFrame({"org_id": ["1", "", "3", "4"], "name": "甲", "kind": ["branch", "branch", "club", "estate"],
                          "households": ["", "", "", "many"]})  # fmt: skip
    reasons = parse_organisations(table).faults.reasons
    assert list(reasons) == [1, 2, 3]
    assert "org_id is empty" in reasons[1]
    assert "branch (党支部)" in reasons[2]
    assert "households is 'many'" in reasons[3]
    with pytest.raises(InputError, match="no column kind"):
        parse_organisations(table.drop(columns="kind"))
    with pytest.raises(InputError, match="no organisation"):
        parse_organisations(table.iloc[:0])


def test_the_sample_is_sound_but_for_what_it_leaves_out_on_purpose():
    table = read_organisations(TOWN / "organisations.csv").table
    found = findings(table)
    lost = table[(table["kind"] == "unit") & (table["reports_to"] == "")]
    assert {each.key for each in found} == set(lost["org_id"])
    assert len(lost) > 0
