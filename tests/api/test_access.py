"""Access over HTTP: keys, log-ins, other sites' pages, other towns' people, and how much is answered."""

from __future__ import annotations

import itertools
import logging
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Annotated

import pytest
from api_made import PEOPLE
from fastapi import Depends, Request, Response
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapes import PROBLEM, assert_fits, assert_problem
from sqlalchemy import select

from gridmap.api.app import create_app
from gridmap.api.rates import Rates
from gridmap.api.security import Principal, require, unmasked
from gridmap.api.security_access import Access
from gridmap.errors import AccessError
from gridmap.service import access as service
from gridmap.service.access_passwords import Passwords
from gridmap.service.audit import audited
from gridmap.store.engine import Store
from gridmap.store.people_model import Person

CHEAP = Passwords(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC).timestamp()
AS_JSON = {"content-type": "application/json"}
MINE, OTHER = "320299001", "320299002"
_NUMBERS = itertools.count()


class Clock:
    """A time that passes when a test says so."""

    now = NOW

    def __call__(self):
        return self.now


def add_routes(app):
    """Add what routes do with who asks: see a town's people, see a name in full, change something."""

    @app.get("/people")
    def people(who: Annotated[Principal, Depends(require("batch"))]):
        with app.state.access.store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session:
            return {"people": sorted(session.scalars(select(Person.person_id)))}

    @app.get("/people/{code}")
    def person(request: Request, code: str, unmask: str | None = None):
        return {"name": "王小明" if unmasked(request, unmask, subject=code, town=code[:9]) else "王**"}

    @app.post("/load")
    def load(who: Annotated[Principal, Depends(require("load"))]):
        return {"by": who.name}

    @app.get("/kept")
    def kept():
        return Response(b"{}", headers={"Cache-Control": "public, max-age=31536000, immutable"})


@pytest.fixture(scope="module")
def store(cluster, _template):
    from postgis import database

    with database(cluster, "gridmap_access_api", _template) as url:
        opened = Store(url, size=4)
        with opened.transaction(actor="x") as session:
            for town in (MINE, OTHER):
                session.add_all(people_of(town))
        yield opened
        opened.close()


def people_of(town):
    from gridmap.store.people_model import Assignment

    yield Person(person_id=f"p-{town}", name="王小明", phone="", recorded_by="x")
    yield Assignment(
        person_id=f"p-{town}", grid=town, town=town, role="网格员", full_time=True, is_primary=True, recorded_by="x"
    )


@pytest.fixture(scope="module")
def app(source, store):
    made = create_app(source, Access(store, passwords=CHEAP, clock=Clock()))
    add_routes(made)
    return made


@pytest.fixture
def access(app):
    """Give the access of the app, as if it had just been started."""
    held = app.state.access
    held.rates, held.rate_per_minute, held.proxies, held._clock.now = Rates(), 1000, (), NOW
    renew(held)
    return held


@pytest.fixture
def clock(access):
    return access._clock


@pytest.fixture
def open_client(app, access):
    """Give a function that opens a client with cookies of its own."""

    def opened(base_url="https://testserver", client=("203.0.113.9", 40000)):
        return TestClient(app, base_url=base_url, client=client, raise_server_exceptions=False)

    return opened


@pytest.fixture
def client(open_client):
    return open_client()


@pytest.fixture
def name():
    return f"person{next(_NUMBERS)}"


def renew(access):
    with access.store.transaction(actor="x") as session:
        access.renew(service.read_ring(session))


def bearer(access, **options):
    with access.store.transaction(actor="office") as session:
        made = service.create_key(session, **{"name": "热线", "scopes": ["read"]} | options)
    renew(access)
    return made, {"Authorization": f"Bearer {made.key}"}


def add_user(access, name, role="commander", town="*"):
    with access.store.transaction(actor="office") as session:
        service.add_user(session, username=name, password=PASSWORD, role=role, town=town, passwords=CHEAP)


def log_in(client, name, password=PASSWORD, **options):
    return client.post("/login", json={"username": name, "password": password}, **options)


def csrf(response):
    return {"X-CSRF-Token": response.json()["csrf"]}


def audit_of(access, subject, action):
    with access.store.transaction(actor="x") as session:
        return [row for row in audited(session, subject) if row.action == action]


# Keys of programs


def test_a_key_is_known_until_it_expires_or_is_revoked(client, access, clock):
    made, key = bearer(access, town=MINE, scopes=["read", "load"], expires_at=datetime.now(UTC) + timedelta(days=400))
    said = client.get("/v1/me", headers=key)
    assert said.json() == {
        "outcome": "known", "name": f"key:{made.prefix}", "kind": "key", "role": "caller", "jurisdiction": MINE,
        "permissions": ["load", "read"], "expires_at": None, "csrf": None,
    }  # fmt: skip
    assert said.headers["cache-control"] == "no-store"
    clock.now += timedelta(days=3650).total_seconds()
    assert "expired" in assert_problem(client.get("/v1/me", headers=key), 401, "identity")["detail"]
    clock.now = NOW
    assert client.get("/v1/me", headers=key).status_code == 200
    with access.store.transaction(actor="office") as session:
        service.revoke_key(session, made.prefix)
    renew(access)
    refused = client.get("/v1/me", headers=key)
    assert_problem(refused, 401, "identity")
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_a_key_that_is_none_is_never_the_public(client, access, source):
    point = source.plan["small"].geometry.iloc[0].representative_point()
    where = f"/v1/locate?lon={point.x}&lat={point.y}"
    made, key = bearer(access)
    assert client.get(where).status_code == 200
    assert client.get(where, headers=key).status_code == 200
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer gm_x",
        "Basic Z206eA==",
        made.key,
        f"Bearer {made.key}x",
        f"Token {made.key}",
    ]
    for each in wrong:
        assert_problem(client.get(where, headers={"Authorization": each}), 401, "identity")
    twice = [("authorization", key["Authorization"]), ("authorization", "Bearer gm_x")]
    assert_problem(client.get(where, headers=twice), 401, "identity")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=80), st.binary(max_size=60).map(lambda rest: b"Bearer gm_" + rest), st.just(b"Bearer \xff")
    ),
    st.sampled_from([b"authorization", b"cookie", b"x-forwarded-for", b"host", b"origin"]),
    st.sampled_from(["GET", "POST", "HEAD"]),
)
def test_no_header_makes_the_server_fail(client, stated, header, method):
    for prefix in (b"", b"__Host-gridmap="):
        value = prefix + stated if header == b"cookie" else stated
        response = client.request(method, "/v1/me", headers=[(header, value)])
        assert response.status_code in (200, 400, 401, 403, 405), response.text
        if header == b"authorization":
            assert response.status_code == 401


def test_scopes_are_what_a_key_may_do(client, access):
    _, reads = bearer(access)
    _, loads = bearer(access, scopes=["load"])
    assert_problem(client.post("/load"), 401, "identity")  # nobody knows who asks
    said = assert_problem(client.post("/load", headers=reads), 403, "access")
    assert "'load'" in said["detail"]
    assert client.post("/load", headers=loads).json()["by"].startswith("key:gm_")


def test_the_other_town_is_not_seen(client, access):
    for town, people in ((MINE, [f"p-{MINE}"]), (OTHER, [f"p-{OTHER}"]), ("*", [f"p-{MINE}", f"p-{OTHER}"])):
        _, key = bearer(access, scopes=["batch"], town=town)
        assert client.get("/people", headers=key).json()["people"] == people


def test_keys_work_while_the_database_does_not(source, access):
    _, key = bearer(access, scopes=["read", "unmask"])
    gone = Access(Store("postgresql://nobody@/none?host=/nowhere"), passwords=CHEAP)
    app = create_app(source, gone)
    add_routes(app)
    client = TestClient(app, base_url="https://testserver", raise_server_exceptions=False)
    unread = client.get("/v1/me", headers=key)
    assert_problem(unread, 503, "unavailable")  # no keys have been read: it is not known whether this is one
    gone._ring = access._ring
    code = source.plan["small"].index[0]
    for headers in ({}, key):
        assert client.get(f"/v1/grids/{code}", headers=headers).status_code == 200
    for response in (
        client.get("/v1/me", headers={"Cookie": "__Host-gridmap=x"}),
        log_in(client, "somebody"),
        client.get(f"/people/{code}?unmask=x", headers=key),
    ):
        assert_problem(response, 503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1


def test_a_server_that_is_not_public_answers_those_it_knows(source, access):
    closed = Access(access.store, public=False, passwords=CHEAP)
    closed._ring = access._ring
    app = create_app(source, closed)
    add_routes(app)
    client = TestClient(app, base_url="https://testserver", raise_server_exceptions=False)
    for path in ("/v1/locate?lon=1&lat=1", "/", "/v1/me", "/people/1", "/nothing", "/kept"):
        assert_problem(client.get(path), 401, "identity")
    for path in ("/docs", "/openapi.json", "/docs/start.js"):
        assert client.get(path).status_code == 200
    assert_problem(log_in(client, "nobody-known"), 401, "identity")
    _, key = bearer(closed)
    kept = client.get("/kept", headers=key)
    # What only some may ask, no cache of everybody's may keep.
    assert kept.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_a_server_on_files_knows_no_keys(source):
    client = TestClient(create_app(source), raise_server_exceptions=False)
    assert client.get("/v1/grids/" + source.plan["small"].index[0]).status_code == 200
    assert_problem(client.get("/", headers={"Authorization": "Bearer gm_x"}), 401, "identity")
    assert client.post("/login", json={}).status_code == 404


# People who log in


@pytest.mark.parametrize(
    ("base_url", "address", "cookie"),
    [
        ("https://testserver", "203.0.113.9", "__Host-gridmap"),
        ("http://127.0.0.1:8321", "127.0.0.1", "gridmap"),
        ("http://localhost", "::1", "gridmap"),
    ],
)
def test_cookies_are_as_tight_as_the_connection_allows(open_client, access, name, base_url, address, cookie):
    add_user(access, name)
    client = open_client(base_url, (address, 1))
    response = log_in(client, name)
    assert response.status_code == 200, response.text
    found = {each.split("=")[0]: each.split("; ")[1:] for each in response.headers.get_list("set-cookie")}
    assert set(found) == {cookie, f"{cookie}-csrf"}
    for each, attributes in found.items():
        assert {"Path=/", "SameSite=lax"} <= set(attributes)
        assert ("Secure" in attributes) == base_url.startswith("https")
        assert ("HttpOnly" in attributes) == (each == cookie)
        assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert response.headers["cache-control"] == "no-store"
    assert client.get("/v1/me").json()["name"] == name


def test_no_password_goes_through_a_network_unencrypted(open_client, access, name):
    add_user(access, name)
    for base_url, address, headers in (
        ("http://testserver", "203.0.113.9", {}),
        ("http://127.0.0.1", "203.0.113.9", {}),
        ("http://testserver", "127.0.0.1", {}),
        ("http://127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
        ("http://testserver", "203.0.113.9", {"X-Forwarded-Proto": "https"}),  # anybody may say so
    ):
        assert_problem(log_in(open_client(base_url, (address, 1)), name, headers=headers), 403, "access")
    assert not audit_of(access, name, "logged-in")  # it was not even tried
    access.proxies = (ip_network("10.0.0.7"),)
    behind = open_client("http://testserver", ("10.0.0.7", 1))
    assert_problem(log_in(behind, name, headers={"X-Forwarded-Proto": "http"}), 403, "access")
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "grid.example", "Origin": "https://grid.example"}
    assert_problem(log_in(behind, name, headers=told | {"Origin": "https://testserver"}), 403, "csrf")
    response = log_in(behind, name, headers=told)
    assert response.headers["set-cookie"].startswith("__Host-gridmap=")


def test_a_form_logs_in_as_json_does(open_client, access, name):
    add_user(access, name)
    client = open_client()
    response = client.post("/login", data={"username": name.upper(), "password": PASSWORD})
    assert response.json()["name"] == name
    assert client.get("/v1/me").json()["expires_at"] == response.json()["expires_at"]


def test_a_forged_or_dead_cookie_is_never_the_public_and_is_forgotten(client, open_client, access, clock, name):
    add_user(access, name)
    token = log_in(client, name).cookies["__Host-gridmap"]
    for forged in (token[:-1], token + "x", "x", "gm_x", "'; drop table app_user; --", name, "é"):
        response = open_client().get("/v1/me", headers={"Cookie": f"__Host-gridmap={forged}".encode()})
        assert_problem(response, 401, "identity")
        gone = [each.split("=")[0] for each in response.headers.get_list("set-cookie") if "Max-Age=0" in each]
        assert "__Host-gridmap" in gone
    clock.now += 30 * 60
    assert_problem(client.get("/v1/me"), 401, "identity")
    assert client.get("/v1/me").json()["outcome"] == "public"  # the browser has forgotten it


def test_the_plain_cookie_is_read_on_this_machine_alone(open_client, access, name):
    """Another host of the domain can set a cookie without the prefix."""
    add_user(access, name)
    token = log_in(open_client(), name).cookies["__Host-gridmap"]
    here = open_client("http://127.0.0.1", ("127.0.0.1", 1))
    there = open_client("https://testserver")
    assert here.get("/v1/me", headers={"Cookie": f"gridmap={token}"}).json()["name"] == name
    assert there.get("/v1/me", headers={"Cookie": f"gridmap={token}"}).json()["outcome"] == "public"


def test_a_change_needs_the_token_of_this_log_in(client, access, name):
    add_user(access, name, role="planner")
    first = log_in(client, name)
    assert client.post("/load", headers=csrf(first)).json() == {"by": name}
    assert "missing" in assert_problem(client.post("/load"), 403, "csrf")["detail"]
    for wrong in ("", "x", first.cookies["__Host-gridmap"], "é".encode()):
        assert_problem(client.post("/load", headers={"X-CSRF-Token": wrong}), 403, "csrf")
    second = log_in(client, name)
    assert first.json()["csrf"] != second.json()["csrf"]
    assert "this log-in" in assert_problem(client.post("/load", headers=csrf(first)), 403, "csrf")["detail"]  # replayed
    assert client.post("/load", headers=csrf(second)).status_code == 200
    assert client.cookies["__Host-gridmap-csrf"] == second.json()["csrf"]
    _, key = bearer(access, scopes=["load"])  # no browser sends a key by itself
    client.cookies.clear()
    assert client.post("/load", headers=key).status_code == 200


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://testserver.evil.example"},
        {"Origin": "https://testserver:8443"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://testserver"},
    ],
)
def test_pages_of_other_sites_change_nothing(client, access, name, foreign):
    add_user(access, name, role="planner")
    assert_problem(log_in(client, name, headers=foreign), 403, "csrf")
    login = log_in(client, name, headers={"Origin": "https://testserver", "Sec-Fetch-Site": "same-origin"})
    assert_problem(client.post("/load", headers=csrf(login) | foreign), 403, "csrf")
    assert_problem(client.post("/logout", headers=csrf(login) | foreign), 403, "csrf")
    assert client.post("/load", headers=csrf(login) | {"Origin": "https://testserver"}).status_code == 200
    assert client.get("/v1/me", headers=foreign).json()["name"] == name  # reading is harmless: the answer stays here


def test_whoever_logs_out_is_out(client, open_client, access, name):
    add_user(access, name)
    login = log_in(client, name)
    token = login.cookies["__Host-gridmap"]
    assert_problem(client.post("/logout"), 403, "csrf")
    response = client.post("/logout", headers=csrf(login))
    assert (response.status_code, response.content) == (204, b"")
    assert not client.cookies
    stolen = open_client().get("/v1/me", headers={"Cookie": f"__Host-gridmap={token}"})
    assert_problem(stolen, 401, "identity")
    assert [row.actor for row in audit_of(access, name, "logged-out")] == [name]


def test_five_wrong_passwords_lock_a_name_for_a_while(client, access, clock, name):
    add_user(access, name)
    answers = {}
    for who in (name, f"no-{name}"):
        said = []
        for _ in range(6):
            response = log_in(client, who, "wrong horse battery")
            said.append((response.status_code, response.json()["detail"], response.headers.get("retry-after")))
        answers[who] = said
        assert [status for status, _, _ in said] == [401] * 4 + [429] * 2
        assert said[-1][2] == "900"
    assert answers[name] == answers[f"no-{name}"]  # which names there are does not show
    assert_problem(log_in(client, name), 429, "rate")
    clock.now += 15 * 60 - 1
    assert log_in(client, name).headers["retry-after"] == "1"
    clock.now += 1
    assert log_in(client, name).status_code == 200


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"json": {}}, 422, "input"),
        ({"json": {"username": "a", "password": ["secret-secret"]}}, 422, "input"),
        ({"json": {"username": "a" * 65, "password": "secret-secret"}}, 422, "input"),
        ({"json": {"username": "a", "password": "secret-secret", "role": "planner"}}, 422, "input"),
        ({"json": {"username": "a", "password": "secret-secret" * 60}}, 422, "input"),
        ({"content": b'{"username": "\\ud800", "password": "secret-secret"}', "headers": AS_JSON}, 422, "input"),
        ({"content": b"\xff\x00", "headers": AS_JSON}, 422, "input"),
        ({"json": {"username": "a\x00", "password": "secret-secret\x00"}}, 401, "identity"),
        ({"json": {"username": "' or 1=1 --", "password": "<b>secret-secret"}}, 401, "identity"),
        ({"data": {"username": "a"}}, 422, "input"),
        ({"content": b"a=1&" * 20, "headers": {"content-type": "application/x-www-form-urlencoded"}}, 422, "input"),
        ({"content": b"x" * 5000, "headers": AS_JSON}, 413, "too-large"),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "media-type"),
    ],
)  # fmt: skip
def test_what_is_no_log_in_is_told_without_repeating_it(client, options, status, code):
    response = client.post("/login", **options)
    assert_problem(response, status, code)
    assert "secret-secret" not in response.text


# Names in full


def test_every_unmasking_is_written_down_before_it_is_answered(client, access, name):
    add_user(access, name, role="dispatcher")
    log_in(client, name)
    code = f"{MINE}001{next(_NUMBERS)}"
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
        code = f"{where}9{next(_NUMBERS)}"
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


# How much is answered


def test_the_public_asks_small_batches(client, access, source):
    west, south, _, _ = source.plan["small"].total_bounds
    csv = "lon,lat,remark\n" + f"{west},{south},{'x' * 280}\n" * 1_100
    kind = {"Content-Type": "text/csv"}
    _, key = bearer(access, scopes=["read", "batch"])
    assert_problem(client.post("/v1/locate:batch", content=csv, headers=kind), 413, "too-large")
    assert client.post("/v1/locate:batch", content=csv[: 200 * 310], headers=kind).status_code == 200
    assert client.post("/v1/locate:batch", content=csv, headers=kind | key).status_code == 200


def test_a_key_is_answered_at_its_rate_and_told_when_to_come_back(client, access):
    seconds = [0.0]
    access.rates = Rates(clock=lambda: seconds[0])
    _, slow = bearer(access, rate_per_minute=3)
    _, usual = bearer(access)
    assert [client.get("/v1/me", headers=slow).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/v1/me", headers=slow)
    assert_problem(refused, 429, "rate")
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert refused.headers["ratelimit"] == '"minute";r=0;t=20'
    assert client.get("/v1/me", headers=usual).status_code == 200
    assert client.get("/v1/me").status_code == 200
    seconds[0] = 20.0
    assert [client.get("/v1/me", headers=slow).status_code for _ in range(2)] == [200, 429]


def test_the_public_is_counted_by_address_as_far_as_it_is_known(open_client, access):
    access.rate_per_minute, access.proxies = 2, (ip_network("10.0.0.0/8"),)
    direct, proxied = open_client(), open_client(client=("10.1.1.1", 1))

    def ask(client, forwarded):
        return client.get("/v1/me", headers={"X-Forwarded-For": forwarded}).status_code

    # Nobody escapes by saying to be somebody else.
    assert [ask(direct, f"198.51.100.{each}") for each in range(3)] == [200, 200, 429]
    assert [ask(proxied, f"198.51.100.{each}, 192.0.2.1") for each in range(3)] == [200, 200, 429]
    assert ask(proxied, "192.0.2.2") == 200
    assert ask(proxied, "192.0.2.2, 10.2.2.2") == 200
    assert ask(proxied, "192.0.2.2") == 429


def test_whoever_guesses_is_counted(open_client, access, monkeypatch):
    access.rate_per_minute = 3
    for number, guess in enumerate(({"Authorization": "Bearer gm_x"}, {"Cookie": "__Host-gridmap=x"})):
        guesser = open_client(client=(f"192.0.2.{number}", 1))
        assert [guesser.get("/v1/me", headers=guess).status_code for _ in range(4)] == [401] * 3 + [429]
    asked = []
    monkeypatch.setattr(access, "visit", asked.append)
    client, forged = open_client(), {"Cookie": "__Host-gridmap=x"}
    statuses = [client.get("/v1/me", headers=forged).status_code for _ in range(20)]
    assert statuses == [401] * 3 + [429] * 17
    assert len(asked) == 3  # the database is left alone


def test_an_address_tries_thirty_passwords_a_minute(client, open_client):
    statuses = [log_in(client, f"nobody-{each}", "wrong horse battery").status_code for each in range(31)]
    assert statuses == [401] * 30 + [429]
    assert log_in(open_client(client=("192.0.2.7", 1)), "nobody-x").status_code == 401


def test_no_secret_is_in_the_log(client, access, name, caplog):
    caplog.set_level(logging.DEBUG)
    add_user(access, name, role="planner")
    made, key = bearer(access, scopes=["load"])
    client.get("/v1/me", headers=key)
    client.get(f"/v1/me?key={made.key}")
    log_in(client, name, "wrong horse battery")
    login = log_in(client, name)
    client.post("/load", headers=csrf(login))
    client.get("/v1/me", headers={"Cookie": "__Host-gridmap=forged-cookie"})
    # What the test's own client logs is not the server's.
    said = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("httpx"))
    assert "/login 200" in said
    for secret in (
        made.key,
        PASSWORD,
        "wrong horse battery",
        login.json()["csrf"],
        login.cookies["__Host-gridmap"],
        "forged-cookie",
    ):
        assert secret not in said


# What is promised


def test_what_is_promised_of_access_is_what_comes_back(client, access, name):
    add_user(access, name)
    document = client.get("/openapi.json").json()
    assert document["security"] == [{}, {"key": []}, {"session": []}]
    assert set(document["components"]["securitySchemes"]) == {"key", "session"}
    for path, item in document["paths"].items():
        for operation in item.values():
            assert {"401", "403", "429"} <= set(operation["responses"]), path
    asked = document["paths"]["/login"]["post"]["requestBody"]["content"]
    for content in asked.values():
        assert_fits(content["example"], content["schema"], document)
    login, unknown = log_in(client, name), {"Authorization": "Bearer gm_x"}
    answers = [
        ("/login", "post", login), ("/login", "post", log_in(client, name, "wrong horse battery")),
        ("/login", "post", client.post("/login", content=b"x")), ("/v1/me", "get", client.get("/v1/me")),
        ("/logout", "post", client.post("/logout")), ("/logout", "post", client.post("/logout", headers=csrf(login))),
        ("/v1/me", "get", client.get("/v1/me")), ("/v1/me", "get", client.get("/v1/me", headers=unknown)),
    ]  # fmt: skip
    assert [response.status_code for _, _, response in answers] == [200, 401, 415, 200, 403, 204, 200, 401]
    for path, method, response in answers:
        promised = document["paths"][path][method]["responses"][str(response.status_code)]
        for kind, content in promised.get("content", {}).items():
            assert response.headers["content-type"] == kind
            assert_fits(response.json(), content["schema"], document)
            for example in content["examples"].values():
                assert_fits(example["value"], content["schema"], document)
            assert (kind == PROBLEM) == (response.status_code >= 400)
