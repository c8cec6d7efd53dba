"""Whatever is asked of any route of the OpenAPI, nothing breaks inside, and every refusal is a problem."""

from __future__ import annotations

import json
import re

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from plans_made import county

from gridmap.service import publishing
from gridmap.service.access import create_key
from gridmap.store.engine import Store

HOSTILE = (
    "'; drop table gridmap.grid; --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "\x00", "１２３",
    "a" * 5000, "NaN", "inf", "-inf", "1e400", "{}", "[]", "null", "王'\"\\", "\ud7ff", "${jndi:ldap://x}",
)  # fmt: skip
PLAN = county(name="contract")


@schemathesis.serializer("application/geopackage+sqlite3")
def as_bytes(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def record(cluster, _template):
    """Give the app on a record of this module's own, and the headers of a key that may do everything."""
    from postgis import database

    from gridmap.api.record_app import create_record_app

    with pytest.MonkeyPatch.context() as patch, database(cluster, "gridmap_contract", _template) as url:
        patch.setenv("GRIDMAP_RATE", "1000000")
        store = Store(url)
        with store.transaction(actor="x") as session:
            publishing.propose(session, PLAN, commit=True)
            publishing.approve(session, PLAN.version, commit=True)
        with store.transaction(actor="x") as session:
            publishing.publish(session, PLAN.version, commit=True)
            scopes = ["read", "batch", "unmask", "load", "propose", "approve", "publish"]
            key = create_key(session, name="contract", scopes=scopes, rate_per_minute=1_000_000).key
        store.close()
        app = create_record_app(url)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield app, client, {"Authorization": f"Bearer {key}"}


def operations(app):
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def test_schemathesis_finds_no_route_that_fails(record):
    app, client, headers = record
    tried = []
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        operation = found.ok()

        @settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy())
        def ask(case):
            answer = case.call(session=client, headers=headers)
            assert answer.status_code < 500, (case.method, case.path, answer.text)
            if answer.status_code >= 400:
                assert_is_problem(answer.headers, answer.json(), answer.status_code)
            tried.append(answer.status_code)

        ask()
    assert 200 in tried
    assert len(tried) > 100


def assert_is_problem(headers, said, status):
    kind = headers["content-type"]
    assert (kind[0] if isinstance(kind, list) else kind).startswith("application/problem+json")
    assert said["status"] == status
    assert re.fullmatch(r"urn:gridmap:problem:[a-z-]+", said["type"])
    assert said["detail"]


def test_hostile_text_in_every_parameter_of_every_route(record):
    app, client, headers = record
    tried = 0
    for method, path, operation in operations(app):
        named = [each for each in operation.get("parameters", []) if each["in"] in ("query", "path")]
        usual = {"lon": "120.001", "lat": "31.001", "version": PLAN.version, "code": "320299001"}
        for parameter in named:
            for text in HOSTILE:
                query = {"lon": "120.001", "lat": "31.001"} if path == "/v1/locate" else {}
                at = path
                for each in (each["name"] for each in named if each["in"] == "path"):
                    value = text.replace("/", "%2F") if each == parameter["name"] else usual.get(each, "320299001")
                    at = at.replace(f"{{{each}}}", value)
                if parameter["in"] == "query":
                    query[parameter["name"]] = text
                if any(ord(letter) < 32 for letter in at):
                    continue
                answer = client.request(method.upper(), at, params=query, headers=headers)
                tried += 1
                assert answer.status_code < 500, (method, at, parameter["name"], text[:40], answer.text)
                if answer.status_code >= 400:
                    assert_is_problem(answer.headers, answer.json(), answer.status_code)
                if "text/html" in answer.headers.get("content-type", ""):
                    assert path.endswith("/notice"), (at, query)
                    assert "<script>alert" not in answer.text
    assert tried > 300
    with_grids = client.get("/v1/grids?level=small&limit=100", headers=headers).json()
    assert with_grids["numberMatched"] == 16  # the table was not dropped


@pytest.mark.parametrize("number", ["NaN", "inf", "-inf", "1e400", "-1e400", "", "120,5", "0x10"])
@pytest.mark.parametrize("name", ["lon", "lat", "accuracy_m"])
def test_what_is_no_number_is_refused_by_name(record, name, number):
    _, client, headers = record
    answer = client.get("/v1/locate", params={"lon": 120.001, "lat": 31.001} | {name: number}, headers=headers)
    assert answer.status_code == 422
    assert [each["name"] for each in answer.json()["errors"]] == [name]


def test_swapped_axes_are_an_answer_that_says_so(record):
    _, client, _ = record
    said = client.get("/v1/locate", params={"lon": 31.001, "lat": 120.001}).json()
    assert (said["outcome"], "swapped" in said["reason"]) == ("invalid", True)


def test_bodies_beyond_the_limit_are_refused_whatever_they_are(record):
    app, client, headers = record
    body = b"x" * (10 << 20)
    for method, path, operation in operations(app):
        if "requestBody" not in operation:
            continue
        at = path.replace("{version}", PLAN.version).replace("{kind}", "roster").replace("{code}", "320299001")
        for kind in ("application/json", "text/csv", "application/geopackage+sqlite3"):
            answer = client.request(method.upper(), at, content=body, headers=headers | {"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (at, kind, answer.status_code, answer.text[:200])
            assert_is_problem(answer.headers, answer.json(), answer.status_code)


def test_deeply_nested_json_is_refused(record):
    _, client, headers = record
    body = b"[" * 100_000 + b"]" * 100_000
    for path in ("/v1/locate:batch", "/login"):
        answer = client.post(path, content=body, headers=headers | {"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500
        assert_is_problem(answer.headers, json.loads(answer.content), answer.status_code)
