"""What became of retired codes, counted another way; codes that were ever used are never free."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from compare_made import TOWN, made_plan, small_code
from hypothesis import given
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.grids.compare import compare_plans
from gridmap.grids.frames import LINEAGE_COLUMNS
from gridmap.grids.lineage import ever_used, label_flows, lineage_of

CODE = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "e"]))
BLOCK = st.tuples(CODE, CODE, st.floats(1, 1000), st.integers(0, 500))


@given(st.lists(BLOCK, min_size=1, max_size=40))
def test_every_retired_code_and_no_other_has_its_heirs(blocks):
    old, new, area, homes = zip(*blocks, strict=True)
    found = lineage_of(label_flows("small", old, new, area, homes), "2026-11-01", "doc", trifle=0.0)
    assert tuple(found.columns) == LINEAGE_COLUMNS
    retired = {code for code in old if code} - {code for code in new if code}
    assert set(found["old"]) == retired
    for code in retired:
        mine = [(to, m2, count) for (was, to, m2, count) in blocks if was == code]
        total_m2, total = sum(each[1] for each in mine), sum(each[2] for each in mine)
        heirs = {to for to, *_ in mine if to}
        rows = found[found["old"] == code].set_index("new")
        assert set(rows.index.dropna()) == heirs
        for heir in heirs:
            assert rows.loc[heir, "share_area"] == pytest.approx(sum(m2 for to, m2, _ in mine if to == heir) / total_m2)
            share = sum(count for to, _, count in mine if to == heir) / total if total else np.nan
            assert rows.loc[heir, "share_households"] == pytest.approx(share, nan_ok=True)


def test_ground_that_is_in_no_grid_now_leaves_a_row_without_heir():
    found = lineage_of(label_flows("small", ["1", "2"], [None, "2"], [5.0, 5.0], [1, 1]), None)
    assert found[["old", "new", "share_area"]].astype(object).where(found.notna(), None).values.tolist() == [
        ["1", None, 1.0]
    ]


def test_trifles_are_no_descent_but_someone_always_is():
    flows = label_flows("small", ["1"] * 3, ["2", "3", "4"], [900.0, 95.0, 5.0], [500, 0, 0])
    assert lineage_of(flows, None)["new"].tolist() == ["2", "3"]
    assert lineage_of(flows, None, trifle=0.95)["new"].tolist() == ["2"]
    assert lineage_of(flows, None, trifle=2.0)["new"].tolist() == ["2"]


def test_few_homes_on_much_ground_and_much_ground_without_homes_are_both_descent():
    flows = label_flows("small", ["1", "1"], ["2", "3"], [999.0, 1.0], [0, 40])
    assert lineage_of(flows, None)["new"].tolist() == ["2", "3"]


def test_a_delta_gives_the_lineage_of_every_level():
    delta = compare_plans(made_plan([[1, 1, 2, 501]]), made_plan([[3, 4, 2, 2]]))
    found = lineage_of(delta, "2026-11-01")
    assert found[["level", "old", "new"]].values.tolist() == [
        ["large", "320214002", TOWN],
        ["small", small_code(1), small_code(3)],
        ["small", small_code(1), small_code(4)],
        ["small", small_code(501, "320214002"), small_code(2)],
    ]
    assert str(found["date"].iloc[0]) == "2026-11-01 00:00:00+08:00"


def test_the_blocks_flows_are_those_of_the_plans():
    old, new = made_plan([[1, 1, 2, 2]]), made_plan([[3, 1, 2, 3]])
    flows = compare_plans(old, new).flows.query("level == 'small'").reset_index(drop=True)
    blocks = old.blocks
    given_labels = label_flows(
        "small", blocks["small"], new.blocks["small"], flows["area_m2"][:1].repeat(4), blocks["households"]
    )
    pd.testing.assert_frame_equal(
        flows.drop(columns="area_m2"), given_labels.drop(columns="area_m2"), check_dtype=False
    )


def test_flows_without_a_column_are_refused():
    with pytest.raises(InputError, match="households"):
        lineage_of(pd.DataFrame({"level": [], "old": [], "new": [], "area_m2": []}), None)


def test_codes_ever_used_stand_in_layers_lineage_and_journal():
    plan = made_plan([[1, 2]])
    lineage = lineage_of(label_flows("small", ["old1"], ["heir"], [1.0]), None)
    journal = pd.DataFrame({"edit": [1, 1], "block": [0, 1], "old": ["was", None], "new": ["is", "is"]})
    later = dataclasses.replace(plan, lineage=lineage, journal=journal)
    assert ever_used(plan) == {TOWN, small_code(1), small_code(2)}
    assert ever_used(later) - ever_used(plan) == {"old1", "heir", "was", "is"}
