"""Keys of programs: known until they end, never taken for the public, and answered at their rate."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from access_made import (
    CHEAP,
    MINE,
    NOW,
    OTHER,
    PASSWORD,
    add_routes,
    add_user,
    bearer,
    csrf,
    log_in,
    renew,
)
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapes import assert_problem

from gridmap.api.app import create_app
from gridmap.api.rates import Rates
from gridmap.api.security_access import Access
from gridmap.service import access as service
from gridmap.store.engine import Store


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
        client.get(f"/v1/grids/{code}/responsible?unmask=x", headers=key),
    ):
        assert_problem(response, 503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1


def test_a_server_that_is_not_public_answers_those_it_knows(source, access):
    closed = Access(access.store, public=False, passwords=CHEAP)
    closed._ring = access._ring
    app = create_app(source, closed)
    add_routes(app)
    client = TestClient(app, base_url="https://testserver", raise_server_exceptions=False)
    for path in ("/v1/locate?lon=1&lat=1", "/", "/v1/me", "/v1/grids/1/responsible", "/nothing", "/kept"):
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
