"""Names in full, by the routes of a record: to those who may, of their town, each time written down first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from access_made import CHEAP, MINE, NUMBERS, OTHER, Clock, add_user, audit_of, bearer, log_in
from fastapi.testclient import TestClient
from loading_made import load, staff
from plans_made import county
from shapes import assert_problem
from sqlalchemy import select

from gridmap.api import routes_grids
from gridmap.api.app import create_app
from gridmap.api.security import Principal
from gridmap.errors import AccessError
from gridmap.maps import notice
from gridmap.service import access as service
from gridmap.service import publishing
from gridmap.store.access_model import Audit
from gridmap.store.engine import Store

PLAN = county(name="names")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {MINE: ("欧阳清风", "13911112222"), OTHER: ("司马长河", "13733334444")}
GRIDS = {town: [code for code in PLAN["small"].index if code.startswith(town)] for town in NAMES}
ROUTES = ("responsible", "notice")


@pytest.fixture(scope="module")
def app(cluster, _template):
    """Give the app on a record of two towns; whoever leads each answers for all of its grids."""
    from postgis import database

    from gridmap.api.record_app import create_record_app

    with database(cluster, "gridmap_access_names", _template) as url:
        store = Store(url)
        for step in (publishing.propose, publishing.approve, publishing.publish):
            what = PLAN if step is publishing.propose else PLAN.version
            when = {"effective": SINCE} if step is publishing.publish else {}
            with store.transaction(actor="county") as session:
                step(session, what, commit=True, **when)
        people = [{"person_id": town, "name": name, "phone": phone, "grid": grid}
                  for town, (name, phone) in NAMES.items() for grid in GRIDS[town]]  # fmt: skip
        load(store, staff(*people), effective=SINCE)
        store.close()
        made = create_record_app(url)
        held = made.state.access
        held._passwords, held._clock = CHEAP, Clock()
        yield made
        made.state.store.close()


@pytest.fixture
def grids():
    """Give a grid of each town that no other test has asked about."""
    number = next(NUMBERS)
    return {town: codes[number % len(codes)] for town, codes in GRIDS.items()}


@pytest.fixture
def witnessed(monkeypatch, access):
    """Give what the audit held already whenever names were put into an answer in full."""
    seen = []

    def witness(where, name, full):
        real = getattr(where, name)

        def called(*args, **more):
            if more.get(full):
                with access.store.transaction(actor="x") as session:
                    seen.append(set(session.execute(select(Audit.actor, Audit.subject, Audit.reason))))
            return real(*args, **more)

        monkeypatch.setattr(where, name, called)

    witness(notice, "grid_notice", "full_names")
    witness(routes_grids, "responsible", "unmask")
    return seen


def asked(client, route, code, **more):
    headers = more.pop("headers", {})
    return client.get(f"/v1/grids/{code}/{route}", params=more, headers=headers)


def shows(response, town):
    """Whether an answer holds a name and a phone in full; one without the other is neither."""
    found = {each in response.text for each in NAMES[town]}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("route", ROUTES)
def test_every_unmasking_is_written_down_before_it_is_answered(client, access, name, grids, witnessed, route):
    add_user(access, name, role="dispatcher")
    log_in(client, name)
    code = grids[MINE]
    before = len(audit_of(access, code, "unmasked"))
    masked = asked(client, route, code)
    assert masked.status_code == 200
    assert "欧***" in masked.text
    assert not shows(masked, MINE)
    assert (masked.headers["cache-control"], "etag" in masked.headers) == ("no-cache", True)
    assert not witnessed
    for number, reason in enumerate(["回访工单 7", "x" * 64], 1):
        shown = asked(client, route, code, unmask=reason, headers={"X-Request-Id": f"case-{number}"})
        assert shown.status_code == 200
        assert shows(shown, MINE)
        assert (shown.headers["cache-control"], "etag" in shown.headers) == ("no-store", False)
        assert (name, code, reason) in witnessed[-1]
        row = audit_of(access, code, "unmasked")[0]
        assert (row.actor, row.reason, row.request_id) == (name, reason, f"case-{number}")
        assert row.detail == {"role": "dispatcher", "town": MINE}
        assert len(audit_of(access, code, "unmasked")) == before + number
    for empty in ("", "  ", "\x00\n", "x" * 501):
        assert_problem(asked(client, route, code, unmask=empty), 422, "input")
    assert (len(witnessed), len(audit_of(access, code, "unmasked"))) == (2, before + 2)


@pytest.mark.parametrize("route", ROUTES)
def test_what_cannot_be_written_down_is_not_shown(client, access, name, grids, witnessed, monkeypatch, route):
    _, key = bearer(access, scopes=["read", "unmask"])
    monkeypatch.setattr(access, "store", Store("postgresql://nobody@/none?host=/nowhere"))
    refused = asked(client, route, grids[MINE], unmask="work", headers=key)
    assert_problem(refused, 503, "unavailable")
    assert not shows(refused, MINE)
    assert asked(client, route, grids[MINE], headers=key).status_code == 200
    assert not witnessed


@pytest.mark.parametrize(
    ("role", "town", "mine", "other"),
    [
        ("dispatcher", "*", 200, 200), ("commander", MINE, 200, 403), ("grid_staff", MINE, 200, 403),
        ("planner", "*", 403, 403), ("caller", MINE, 403, 403),
    ],
)  # fmt: skip
def test_who_sees_whose_names(client, access, name, grids, role, town, mine, other):
    add_user(access, name, role=role, town=town)
    log_in(client, name)
    for route in ROUTES:
        for where, status in ((MINE, mine), (OTHER, other)):
            response = asked(client, route, grids[where], unmask="work")
            assert response.status_code == status
            assert shows(response, where) == (status == 200)
            assert not shows(asked(client, route, grids[where]), where)
    for where, status in ((MINE, mine), (OTHER, other)):
        rows = [row for row in audit_of(access, grids[where], "unmasked") if row.actor == name]
        assert len(rows) == (len(ROUTES) if status == 200 else 0)
    planner = Principal("x", "planner", "*", service.ROLES["planner"], "user")
    with pytest.raises(AccessError, match="unmask"):  # whatever calls it
        access.unmask(planner, "work", subject=MINE, town=MINE, request="r")


@pytest.mark.parametrize("route", ROUTES)
def test_the_public_files_and_links_on_other_pages_see_no_names(client, source, access, name, grids, route):
    assert_problem(asked(client, route, grids[MINE], unmask="why"), 401, "identity")
    files = TestClient(create_app(source), raise_server_exceptions=False)
    assert_problem(asked(files, route, source.plan["small"].index[0], unmask="why"), 403, "access")
    add_user(access, name)
    log_in(client, name)
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert asked(client, route, grids[MINE], headers=linked).status_code == 200
    assert_problem(asked(client, route, grids[MINE], unmask="why", headers=linked), 403, "csrf")
    assert not [row for row in audit_of(access, grids[MINE], "unmasked") if row.actor == name]
