"""One grid over HTTP: what is recorded, where it stands, and what became of one that is no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from fastapi.testclient import TestClient
from shapes import assert_answer, assert_problem

import gridmap
from gridmap.api.app import create_app
from gridmap.api.page import Page
from gridmap.api.source import Source
from gridmap.grids.plan import GRID_COLUMNS, Plan


def read(client, code, accept="application/json", **params):
    kind = accept.split(";")[0]
    return assert_answer(client.get(f"/v1/grids/{code}", params=params, headers={"accept": accept}), kind)


def serve(plan):
    return TestClient(create_app(Source(plan, gridmap.Locator(plan), None, Page(b""))), raise_server_exceptions=False)


def test_a_grid_is_what_the_plan_records(client, plan):
    for level in plan.layers:
        for code in plan[level].index[:3]:
            said = read(client, code)
            row = plan[level].loc[code]
            for name in GRID_COLUMNS:
                assert said[name] == (None if pd.isna(row[name]) else row[name]), name
            assert (said["code"], said["level"], said["levels"]) == (code, level, [level])
            assert said["chain"] == dict(plan.chain(code, level))
            assert said["children"] == list(plan.children(code, level))
            assert said["plan_version"] == plan.version
            assert said["geometry"] is None


def test_times_of_a_record_are_written_with_their_zone(plan):
    layer = plan["large"].assign(valid_from=pd.Timestamp("2026-01-01"))
    with serve(replace(plan, layers={**plan.layers, "large": layer})) as client:
        assert read(client, layer.index[0])["valid_from"] == "2026-01-01T00:00:00+08:00"


def test_who_leads_and_who_answers(client, plan):
    small = plan["small"].index[0]
    before, after = read(client, small, at="2026-02-01"), read(client, small, at="2026-05-01")
    assert before["leader"] == {"outcome": "named", "name": "诸***", "role": "网格员", "phone": "186****6666"}
    assert after["leader"]["name"] == "上***"
    assert read(client, small, at="2026-05-01", duty="P0101")["responsible"]["level"] == "medium"
    alone = plan["large"].index[2]
    assert read(client, alone)["leader"] == {"outcome": "nobody", "name": None, "role": None, "phone": None}
    assert read(client, alone)["responsible"]["outcome"] == "nobody"


def test_without_a_roster_a_grid_says_so(bare, plan):
    said = read(bare, plan["small"].index[0])
    assert said["leader"]["outcome"] == said["responsible"]["outcome"] == "no_roster"


@pytest.mark.parametrize("accept", ["application/geo+json", "application/geo+json;q=0.9, application/json;q=0.1"])
def test_a_grid_is_a_feature_where_that_is_asked_for(client, plan, accept):
    code = plan["small"].index[1]
    said = read(client, code, accept)
    assert (said["type"], said["id"]) == ("Feature", code)
    shape = shapely.geometry.shape(said["geometry"])
    assert shape.normalize().equals_exact(plan["small"].geometry.loc[code].normalize(), 0)
    assert shape.exterior.is_ccw
    assert tuple(said["bbox"]) == shape.bounds
    assert said["properties"]["name"] == plan["small"]["name"].loc[code]
    assert said["properties"]["geometry"] is None
    assert read(client, code, geometry="true")["geometry"] == said["geometry"]


def test_a_grid_known_already_is_not_sent_again(client, plan):
    code = plan["small"].index[0]
    url, at = f"/v1/grids/{code}", {"at": "2026-05-01"}
    first = client.get(url, params=at)
    tag = first.headers["etag"]
    assert plan.version in tag
    assert first.headers["vary"] == "Accept"
    for known in (tag, f'"x", {tag}', "*"):
        again = client.get(url, params=at, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    others = [
        client.get(url, params={"at": "2026-02-01"}), client.get(url, params=at | {"geometry": "true"}),
        client.get(url, params=at, headers={"accept": "application/geo+json"}),
    ]  # fmt: skip
    assert len({tag, *(each.headers["etag"] for each in others)}) == 4
    # Asking a second later is asking for the same.
    assert client.get(url).headers["etag"] == client.get(url, headers={"x-request-id": "b"}).headers["etag"]


def test_an_unknown_code_says_what_there_is(client, plan):
    assert client.get("/v1/grids/x").json()["plan_version"] == plan.version
    said = assert_problem(client.get("/v1/grids/999"), 404, "unknown-name")
    assert plan["small"].index[0] in said["detail"]


def test_a_retired_code_is_gone_with_its_successors(client, plan):
    """Split in two, of which one was split again: what is there now are three grids."""
    said = assert_problem(client.get("/v1/grids/320299001001901"), 410, "retired")
    first, second, third = plan["small"].index[:3]
    assert said["current"] == [first, second, third]
    assert [each["code"] for each in said["successors"]] == [first, "320299001001902"]
    assert said["successors"][0] == {
        "level": "small", "code": first, "date": "2026-01-01T00:00:00+08:00", "share_area": 0.6,
        "share_households": 0.7, "document": "政发〔2026〕1号",
    }  # fmt: skip
    assert first in said["detail"]
    assert_problem(client.get("/v1/grids/320299001001901?level=small"), 410, "retired")
    assert_problem(client.get("/v1/grids/320299001001901?level=large"), 404, "unknown-name")


def test_a_code_that_was_given_up_has_no_successors(client):
    said = assert_problem(client.get("/v1/grids/320299001001903"), 410, "retired")
    assert said["current"] == []
    assert said["successors"] == [{"level": "small", "date": "2026-03-01T00:00:00+08:00"}]


def test_a_lineage_that_goes_in_circles_ends(plan):
    rows = [("small", "A", "B"), ("small", "B", "A")]
    with serve(replace(plan, lineage=pd.DataFrame(rows, columns=["level", "old", "new"]))) as client:
        assert assert_problem(client.get("/v1/grids/A"), 410, "retired")["current"] == []


def imported(plan, levels=("large", "medium")):
    """A plan whose codes repeat between its levels, and once within one."""
    layers = {name: plan[name].reset_index()[["name", "geometry"]] for name in levels}
    for layer in layers.values():
        layer["code"] = np.arange(len(layer)).astype(str)
    layers["medium"].loc[1, "code"] = "0"
    return Plan.from_layers(layers, code="code", name="name")


def test_codes_that_repeat_are_told_apart_by_level(plan):
    with serve(imported(plan)) as client:
        coarse, fine = read(client, "0"), read(client, "0", level="medium")
        assert (coarse["level"], coarse["levels"], coarse["reason"]) == ("large", ["large", "medium"], "")
        assert fine["level"] == "medium"
        assert "2 " in fine["reason"]
        said = assert_problem(client.get("/v1/grids/7?level=large"), 404, "unknown-name")
        assert "medium" in said["detail"]


@pytest.mark.parametrize("query", ["level=tiny", "level=", "geometry=perhaps", "at=now", "x=1"])
def test_parameters_that_cannot_be_used_are_refused(client, plan, query):
    code = plan["small"].index[0]
    assert_problem(client.get(f"/v1/grids/{code}?{query}"), 422, "input")


@pytest.mark.parametrize("code", ["%00", "a%0Ab", "..%2F..", "网格", "' OR 1=1", "%ED%A0%80"])
def test_strange_codes_are_unknown(client, code):
    response = client.get(f"/v1/grids/{code}")
    assert_problem(response, 404, "no-route" if "%2F" in code else "unknown-name")


def test_codes_are_bounded(client):
    assert_problem(client.get("/v1/grids/" + "1" * 65), 422, "input")


def test_a_grid_without_land_has_no_geometry(plan):
    layer = plan["micro"].copy()
    layer.geometry = [shapely.Polygon(), *layer.geometry.iloc[1:]]
    with serve(replace(plan, layers={**plan.layers, "micro": layer})) as client:
        said = read(client, layer.index[0], "application/geo+json")
        assert (said["geometry"], said["bbox"]) == (None, None)
