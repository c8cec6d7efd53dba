"""Names in full: to those who may, of their town, each time written down."""

from __future__ import annotations

import pytest
from access_made import (
    MINE,
    NUMBERS,
    OTHER,
    add_routes,
    add_user,
    audit_of,
    log_in,
)
from api_made import PEOPLE
from fastapi.testclient import TestClient
from shapes import assert_problem

from gridmap.api.app import create_app
from gridmap.api.security import Principal
from gridmap.errors import AccessError
from gridmap.service import access as service


def test_every_unmasking_is_written_down_before_it_is_answered(client, access, name):
    add_user(access, name, role="dispatcher")
    log_in(client, name)
    code = f"{MINE}001{next(NUMBERS)}"
    masked = client.get(f"/people/{code}")
    assert masked.json() == {"name": "王**"}
    assert masked.headers["cache-control"] == "no-cache"
    assert not audit_of(access, code, "unmasked")
    for number, reason in enumerate(["回访工单 7", "x" * 500]):
        shown = client.get(f"/people/{code}", params={"unmask": reason}, headers={"X-Request-Id": f"case-{number}"})
        assert shown.json() == {"name": "王小明"}
        assert shown.headers["cache-control"] == "no-store"
        row = audit_of(access, code, "unmasked")[0]
        assert (row.actor, row.reason, row.request_id) == (name, reason, f"case-{number}")
        assert row.detail == {"role": "dispatcher", "town": MINE}
    assert len(audit_of(access, code, "unmasked")) == 2
    for empty in ("", "  ", "\x00\n", "x" * 501):
        assert_problem(client.get(f"/people/{code}", params={"unmask": empty}), 422, "input")
    assert len(audit_of(access, code, "unmasked")) == 2


@pytest.mark.parametrize(
    ("role", "town", "mine", "other"),
    [
        ("dispatcher", "*", 200, 200), ("commander", MINE, 200, 403), ("grid_staff", MINE, 200, 403),
        ("planner", "*", 403, 403), ("caller", MINE, 403, 403),
    ],
)  # fmt: skip
def test_who_sees_whose_names(client, access, name, role, town, mine, other):
    add_user(access, name, role=role, town=town)
    log_in(client, name)
    for where, status in ((MINE, mine), (OTHER, other)):
        code = f"{where}9{next(NUMBERS)}"
        response = client.get(f"/people/{code}?unmask=work")
        assert response.status_code == status
        assert len(audit_of(access, code, "unmasked")) == (status == 200)
        assert ("王小明" in response.text) == (status == 200)
    planner = Principal("x", "planner", "*", service.ROLES["planner"], "user")
    with pytest.raises(AccessError, match="unmask"):  # whatever calls it
        access.unmask(planner, "work", subject=MINE, town=MINE, request="r")


def test_the_public_and_files_see_no_names(client, source, access):
    assert_problem(client.get("/people/1?unmask=why"), 401, "identity")
    app = create_app(source)
    add_routes(app)
    files = TestClient(app, raise_server_exceptions=False)
    assert_problem(files.get("/people/1?unmask=why"), 403, "access")
    assert files.get("/people/1").json() == {"name": "王**"}


def test_who_answers_for_a_grid_is_shown_in_full_to_those_who_may(open_client, access, plan, name):
    code = plan["small"].index[0]
    town = plan.chain(code, "small")["large"]
    add_user(access, name, role="grid_staff", town=town)
    add_user(access, f"other-{name}", role="grid_staff", town=plan["large"].index[-1])
    mine, other, path = open_client(), open_client(), f"/v1/grids/{code}/responsible"
    log_in(mine, name)
    log_in(other, f"other-{name}")
    question = {"duty": "E0203", "at": "2026-05-01"}
    asked = question | {"unmask": "回访工单 7"}
    full, masked = mine.get(path, params=asked), mine.get(path, params=question)
    assert (full.json()["responsible"]["name"], full.json()["responsible"]["phone"]) == ("上官小溪", PEOPLE["上官小溪"])
    assert full.headers["cache-control"] == "no-store"
    assert ("etag" in masked.headers, "etag" in full.headers) == (True, False)
    assert masked.json()["responsible"]["name"] == "上***"
    refused = other.get(path, params=asked)
    assert_problem(refused, 403, "access")
    assert_problem(open_client().get(path, params=asked), 401, "identity")
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert mine.get(path, params=question, headers=linked).status_code == 200
    assert_problem(mine.get(path, params=asked, headers=linked), 403, "csrf")
    assert_problem(mine.get(path, params=asked | {"unmask": " "}), 422, "input")
    rows = [row for row in audit_of(access, code, "unmasked") if row.actor == name]
    assert [(row.reason, row.request_id) for row in rows] == [("回访工单 7", full.headers["x-request-id"])]
    assert not [row for row in audit_of(access, code, "unmasked") if row.actor == f"other-{name}"]
