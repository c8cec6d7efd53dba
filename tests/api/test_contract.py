"""Whatever is asked of any route of the OpenAPI, nothing breaks inside, and every refusal is a problem."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
import schemathesis
from addresses_made import geocoder
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from plans_made import county, split
from sqlalchemy import select

from gridmap.geo.io import write_layer
from gridmap.service import publishing
from gridmap.service.access import create_key
from gridmap.store.engine import Store
from gridmap.store.models import Department, Person

TEXTS = (
    "'; drop table gridmap.grid; --", "<script>alert(1)</script>", "../../etc/passwd", "\x00", "１２３", "a" * 5000,
    "王'\"\\", "\ud7ff", "${jndi:ldap://x}",
)  # fmt: skip
FEW = ("'; drop table gridmap.grid; --", "\x00", "王'\"\\")
"""Where a text costs much, or the same model has read all of them at another route."""
NUMBERS = ("NaN", "-inf", "1e400", "１２３", "", "{}")
SMALL = "320299001001001"
PLAN = county(name="contract")
NEXT = county(split(SMALL, "320299001001005", "320299001001006"), name="next")
KNOWN = {"code": SMALL, "version": PLAN.version, "a": PLAN.version, "b": PLAN.version, "kind": "roster"}
"""What stands in a path where it is right."""
ROSTER = f"person_id,name,phone,grid\n1,王小明,13900001111,{SMALL}\n"
PLACES = {
    "/v1/locate": {"lon": "120.001", "lat": "31.001"}, "/v1/geocode": {"address": "虹桥路13号"},
    "/v1/reverse": {"lon": "120.001", "lat": "31.001"}, "/v1/autocomplete": {"q": "hql"},
}  # fmt: skip
CSV, JSON, GEOPACKAGE = "text/csv", "application/json", "application/geopackage+sqlite3"


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
        app = create_record_app(url, geocoder())
        with TestClient(app, raise_server_exceptions=False) as client:
            yield app, client, {"Authorization": f"Bearer {key}"}


def operations(app):
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def statuses(operation, client, headers):
    """Ask a route as its schema allows, and then at a path that is there: what is made up never is."""
    found = []

    @settings(
        max_examples=3 if "{" in operation.path else 5,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy())
    def ask(case):
        for right in (False, True)[: 1 + bool(case.path_parameters)]:
            if right:
                case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
            if case.path == "/v1/locate" and case.query:  # by coordinates or by an address, which no schema can say
                by_point = {name: case.query[name] for name in ("lon", "lat") if name in case.query}
                case.query = by_point if len(by_point) == 2 else {"address": str(case.query.get("address"))}
            answer = case.call(session=client, headers=headers)
            assert answer.status_code < 500, (case.method, case.path, answer.text)
            if answer.status_code >= 400:
                assert_is_problem(answer.headers, answer.json(), answer.status_code)
            found.append(answer.status_code)

    ask()
    return found


def test_schemathesis_finds_no_route_that_fails(record):
    app, client, headers = record
    found = {}
    for each in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        operation = each.ok()
        found[operation.method.upper(), operation.path] = statuses(operation, client, headers)
    readable = {route: told for route, told in found.items() if route[0] == "GET"}
    assert len(readable) > 15
    assert not [route for route, told in readable.items() if 200 not in told]


def assert_is_problem(headers, said, status):
    kind = headers["content-type"]
    assert (kind[0] if isinstance(kind, list) else kind).startswith("application/problem+json")
    assert said["status"] == status
    assert re.fullmatch(r"urn:gridmap:problem:[a-z-]+", said["type"])
    assert said["detail"]


@pytest.fixture(scope="module")
def files():
    """Give what may be sent as it is: a plan that can be proposed, and grids that are a department's or stations."""
    layer = PLAN["small"].reset_index()[["code", "name", "geometry"]]
    with tempfile.TemporaryDirectory() as folder:
        NEXT.save(Path(folder) / "plan.gpkg")
        write_layer(layer.iloc[:1], Path(folder) / "grids.gpkg")
        write_layer(layer.iloc[:1].assign(station="1"), Path(folder) / "stations.gpkg")
        return {path.stem: path.read_bytes() for path in Path(folder).iterdir()}


def right_question(path, parameter, files):
    """Return query, path parameters, body and its kind with which a route is asked so that one parameter decides."""
    if path == "/v1/plans":
        return {}, {}, files["plan"], GEOPACKAGE
    if path == "/v1/locate:batch":
        return {}, {}, "lon,lat\n120.001,31.001\n", CSV
    if path == "/v1/geocode" and parameter == "address_column":
        return {}, {}, "address\n虹桥路13号\n", CSV
    if path in PLACES:
        return PLACES[path], {}, None, None
    if path == "/v1/load/{kind}" and parameter in ("department", "code", "name"):
        return {"department": "公安"}, {"kind": "departments"}, files["grids"], GEOPACKAGE
    if path == "/v1/load/{kind}" and parameter == "station":
        return {}, {"kind": "stations"}, files["stations"], GEOPACKAGE
    if path == "/v1/load/{kind}":
        return {}, {}, ROSTER, CSV
    return {}, {}, None, None


def is_text(schema):
    return "string" in {each.get("type") for each in (schema, *schema.get("anyOf", ()))}


def test_hostile_text_in_every_parameter_of_every_route(record, files):
    app, client, headers = record
    taken, read = set(), set()
    for method, path, operation in operations(app):
        for parameter in operation.get("parameters", []):
            name, where = parameter["name"], parameter["in"]
            query, parts, body, kind = right_question(path, name, files)
            texts = FEW if name in read or kind == GEOPACKAGE else TEXTS
            read.add(name)
            for text in texts if is_text(parameter["schema"]) else NUMBERS:
                at = KNOWN | parts | ({name: text.replace("/", "%2F")} if where == "path" else {})
                to = re.sub(r"\{(\w+)\}", lambda each, at=at: at[each[1]], path)
                if any(ord(letter) < 32 for letter in to):
                    continue
                more = {"Content-Type": kind} if kind else {}
                if where == "header":
                    more[name] = text.encode()
                asked = query | ({name: text} if where == "query" else {})
                answer = client.request(method, to, params=asked, headers=headers | more, content=body)
                assert answer.status_code < 500, (method, to, name, text[:40], answer.text)
                assert answer.status_code != 415
                if answer.status_code >= 400:
                    assert_is_problem(answer.headers, answer.json(), answer.status_code)
                elif where == "query":
                    taken.add((path, name))
                if "text/html" in answer.headers.get("content-type", ""):
                    assert path.endswith("/notice"), (to, asked)
                    assert "<script>alert" not in answer.text
    # What takes any text has taken it, as far as the database.
    assert taken >= {("/v1/plans", "note"), ("/v1/load/{kind}", "note"), ("/v1/load/{kind}", "department"),
                     ("/v1/grids/{code}/responsible", "unmask"), ("/v1/grids/{code}/responsible", "duty"),
                     ("/v1/grids/{code}/notice", "unmask"), ("/v1/geocode", "address"),
                     ("/v1/autocomplete", "q")}  # fmt: skip
    assert_is_whole(client, headers)


def test_hostile_text_that_is_kept_is_kept_as_it_is(record, files):
    """Notes, names of people and of departments that are committed, and what is answered of them then."""
    app, client, headers = record
    kept = [text for text in TEXTS if len(text) < 500 and text.isprintable()]
    assert len(kept) > 4
    gpkg = headers | {"Content-Type": GEOPACKAGE}
    for number, text in enumerate(kept):
        sheet = f'person_id,name,phone,grid\n{number},"{text.replace(chr(34), 2 * chr(34))}",,{SMALL}\n'
        asked = {"commit": "true", "keep": "true", "note": text}
        told = client.post("/v1/load/roster", params=asked, content=sheet, headers=headers | {"Content-Type": CSV})
        assert (told.status_code, told.json().get("committed")) == (200, True), told.text
    for text in kept[:2]:
        asked = {"commit": "true", "department": text}
        told = client.post("/v1/load/departments", params=asked, content=files["grids"], headers=gpkg)
        assert (told.status_code, told.json().get("committed")) == (200, True), told.text
    told = client.post("/v1/plans", params={"commit": "true", "note": kept[0]}, content=files["plan"], headers=gpkg)
    assert told.json()["committed"], told.text
    noted = {each["version"]: each["note"] for each in client.get("/v1/plans", headers=headers).json()["plans"]}
    assert noted[NEXT.version] == kept[0]
    with app.state.store.transaction(actor="x") as session:
        assert set(session.scalars(select(Person.name))) >= set(kept)
        assert set(session.scalars(select(Department.name))) >= set(kept[:2])
    page = client.get(f"/v1/grids/{SMALL}/notice?unmask=x", headers=headers)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert_is_whole(client, headers)


def assert_is_whole(client, headers):
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
