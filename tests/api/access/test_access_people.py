"""People who log in: cookies, other sites' pages, wrong passwords, and what is promised of it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from access_made import (
    AS_JSON,
    PASSWORD,
    add_user,
    audit_of,
    bearer,
    csrf,
    log_in,
)
from shapes import PROBLEM, assert_fits, assert_problem

from gridmap.errors import UnavailableError
from gridmap.store.engine import Store


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


def test_while_the_database_is_away_whoever_was_here_reads_on_for_a_minute(client, open_client, access, clock, name,
                                                                            source, monkeypatch):  # fmt: skip
    """As the public does; to change, to see a name in full or after log-out the record has to be asked."""
    add_user(access, name)
    add_user(access, f"{name}-2")
    login, other = log_in(client, name), open_client()
    second = log_in(other, f"{name}-2")
    stolen = {"Cookie": f"__Host-gridmap={second.cookies['__Host-gridmap']}"}
    path = f"/v1/grids/{source.plan['small'].index[0]}"
    for each in (client, other):
        assert each.get(path).status_code == 200
    assert other.post("/logout", headers=csrf(second)).status_code == 204
    there = access.store
    monkeypatch.setattr(access, "store", Store("postgresql://nobody@/none?host=/nowhere"))
    for method in ("GET", "HEAD"):
        assert client.request(method, path).status_code == 200
    assert client.get("/v1/me").json()["name"] == name
    for refused in (
        client.post("/load", headers=csrf(login)), client.post("/logout", headers=csrf(login)),
        client.get(f"{path}/responsible?unmask=x"), open_client().get(path, headers=stolen),
        open_client().get(path, headers={"Cookie": "__Host-gridmap=x"}),
    ):  # fmt: skip
        assert_problem(refused, 503, "unavailable")

    def away(_token):
        raise UnavailableError("away")

    monkeypatch.setattr(access, "store", there)  # back, before what is asked is answered
    monkeypatch.setattr(access, "visit", away)
    assert_problem(client.get(f"{path}/responsible?unmask=x"), 503, "unavailable")
    assert audit_of(access, name, "unmasked") == []
    clock.now += 61
    assert_problem(client.get(path), 503, "unavailable")


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
