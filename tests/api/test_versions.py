"""Versions of the plan: when each was in force, and what changed between two."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient
from shapes import assert_answer, assert_problem
from timeline_made import SECOND, Timeline

from gridmap.api import versions as module
from gridmap.api.app import create_app
from gridmap.api.moments import read_moment
from gridmap.api.served import Publication
from gridmap.grids.compare import compare_plans


def test_the_timeline_has_no_gap_and_ends_now(timed, timeline):
    said = assert_answer(timed.get("/v1/versions"))
    found = said["versions"]
    assert [each["version"] for each in found] == [source.plan.version for source in timeline.sources]
    assert [each["until"] for each in found] == [*(each["since"] for each in found[1:]), None]
    assert [each["in_force"] for each in found] == [False, False, True]
    for each, source in zip(found, timeline.sources, strict=True):
        assert each["counts"] == {level: len(layer) for level, layer in source.plan.layers.items()}
    assert "秘密" not in timed.get("/v1/versions").text  # a note is not for everybody


def test_a_file_is_in_force_whenever_one_asks(client, plan):
    said = assert_answer(client.get("/v1/versions"))["versions"]
    assert [(each["version"], each["since"], each["until"], each["kind"]) for each in said] == [
        (plan.version, None, None, "file")
    ]


def test_a_version_that_came_back_has_two_periods(timeline):
    first, second = timeline.sources[:2]
    times = [read_moment(each).time for each in ("2025-01-01", SECOND, "2025-04-01")]
    back = Timeline((first, second), (
        Publication(first.plan.version, "", times[0], times[1], "publish", ""),
        Publication(second.plan.version, "", times[1], times[2], "publish", ""),
        Publication(first.plan.version, "", times[2], None, "rollback", ""),
    ))  # fmt: skip
    with TestClient(create_app(back), raise_server_exceptions=False) as client:
        said = assert_answer(client.get(f"/v1/versions/{first.plan.version}"))
        assert [(each["kind"], each["in_force"]) for each in said["periods"]] == [
            ("publish", False),
            ("rollback", True),
        ]
        for at, source in (("2025-02-01", first), ("2025-03-15", second), ("2025-07-01", first)):
            assert client.get("/v1/grids?limit=1", params={"at": at}).json()["plan_version"] == source.plan.version
        new = next(code for code in second.plan["small"].index if code not in first.plan["small"].index)
        assert_problem(client.get(f"/v1/grids/{new}"), 404, "unknown-name")


def test_a_version_says_what_it_holds(timed, timeline):
    for source in timeline.sources:
        plan = source.plan
        said = assert_answer(timed.get(f"/v1/versions/{plan.version}"))
        assert [each["level"] for each in said["levels"]] == list(plan.layers)
        for each in said["levels"]:
            assert each["grids"] == len(plan[each["level"]])
            assert each["households"] == pytest.approx(plan[each["level"]]["households"].sum())
        assert said["retired"] == plan.lineage["old"].nunique()
        assert said["bbox"] == plan["small"].total_bounds.tolist()
    assert_problem(timed.get("/v1/versions/none"), 404, "unknown-name")


def test_what_changed_is_what_comparing_the_plans_says(timed, timeline):
    for old, new in ((0, 2), (2, 1), (1, 1)):
        before, after = timeline.sources[old].plan, timeline.sources[new].plan
        response = timed.get(f"/v1/versions/{before.version}..{after.version}")
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        said = response.json()
        assert (said["old"], said["new"]) == (before.version, after.version)
        changed = compare_plans(before, after).changed
        wanted = {(row.level, row.change, row.old, row.new): row.households for row in changed.itertuples()}
        found = {
            (row["level"], row["change"], tuple(row["old"]), tuple(row["new"])): row["households"]
            for row in said["changed"]
        }
        assert found == pytest.approx(wanted, abs=0.001)
        gone = set(before["small"].index) - set(after["small"].index)
        assert {code for row in said["changed"] if row["level"] == "small" for code in row["old"]} >= gone
        kept = {row["level"]: row["grids"] for row in said["summary"] if row["change"] == "kept"}
        assert kept["large"] == len(after["large"])
    for pair in (f"{before.version}..v9", f"v9..{before.version}"):
        assert_problem(timed.get(f"/v1/versions/{pair}"), 404, "unknown-name")


def test_a_comparison_is_computed_once_however_many_ask(timeline, monkeypatch):
    asked = []
    compare = module.compare
    monkeypatch.setattr(module, "compare", lambda *pair: asked.append(pair) or compare(*pair))
    comparisons, answers = module.Comparisons(), []
    one, other = timeline.sources[:2]
    threads = [threading.Thread(target=lambda: answers.append(comparisons.between(one, other))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert len(set(answers)) == 1
    comparisons.between(other, one)
    assert len(asked) == 2


def test_versions_take_no_questions_beside_the_address(timed, timeline):
    a, b = (source.plan.version for source in timeline.sources[:2])
    for path in ("/v1/versions", f"/v1/versions/{a}", f"/v1/versions/{a}..{b}"):
        assert_problem(timed.get(path, params={"at": "2025-02-01"}), 422, "input")
