"""What the OpenAPI promises is what comes back."""

from __future__ import annotations

import jsonschema
import pytest
from shapes import PROBLEM, assert_fits

from gridmap.api.limits import MOST_POINTS
from gridmap.api.problems import PROBLEMS

METHODS = ("get", "post", "put", "delete", "patch")


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method]


def contents(operation):
    """Yield every content of an operation: what it takes, and what it answers."""
    if "requestBody" in operation:
        yield "request", operation["requestBody"]["content"]
    for status, response in operation["responses"].items():
        yield status, response.get("content", {})


def test_the_operations_are_those_of_the_design(document):
    assert [name for name, _ in operations(document)] == [
        "get /v1/locate", "post /v1/locate:batch", "get /health", "get /live", "get /ready", "get /v1/grids",
        "get /v1/grids/{code}", "get /v1/grids/{code}/children", "get /v1/grids/{code}/neighbours",
        "get /v1/grids/{code}/responsible", "get /v1/grids/{code}/stations", "get /v1/versions",
        "get /v1/versions/{a}..{b}", "get /v1/versions/{version}", "get /v1/stations", "get /v1/circles",
        "get /v1/coverage", "get /v1/grids/{code}/notice",
    ]  # fmt: skip


def test_every_operation_has_examples_that_fit_its_schemas(document):
    for name, operation in operations(document):
        assert operation["summary"]
        assert operation["description"]
        for status, content in contents(operation):
            for kind, said in content.items():
                examples = [said["example"]] if "example" in said else [e["value"] for e in said["examples"].values()]
                assert examples, (name, status, kind)
                for example in examples:
                    assert_fits(example, said["schema"], document)


def test_every_operation_lists_its_problems(document):
    fails, asked = {"500", "503"}, {"404", "422", "500", "503"}
    wanted = {
        "post /v1/locate:batch": asked | {"413", "415"},
        "get /health": fails,
        "get /live": fails,
        "get /ready": fails,
        "get /v1/versions": fails | {"422"},
        "get /v1/grids/{code}/responsible": asked | {"403", "410"},
        "get /v1/grids/{code}/notice": asked | {"403", "410"},
    }
    statuses = {str(kind.status) for _, kind in PROBLEMS}
    for name, operation in operations(document):
        errors = {status for status in operation["responses"] if status >= "400"}
        retired = {"410"} if "{code}" in name else set()
        assert errors == wanted.get(name, asked | retired), name
        assert errors <= statuses
        for status in errors:
            content = operation["responses"][status]["content"]
            assert set(content) == {PROBLEM}
            assert content[PROBLEM]["examples"]["example"]["value"]["status"] == int(status)


def test_every_parameter_has_words_and_its_example_fits(document):
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
            for example in parameter["schema"].get("examples", []):
                assert_fits(example, parameter["schema"], document)


def test_limits_are_told(document):
    assert document["components"]["schemas"]["BatchBody"]["properties"]["points"]["maxItems"] == MOST_POINTS
    lon = next(p for p in document["paths"]["/v1/locate"]["get"]["parameters"] if p["name"] == "lon")
    assert {"minimum", "maximum"} <= set(lon["schema"])


def test_every_schema_is_one(document):
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_what_is_read_fits_what_is_promised(timed, timeline, document):
    code = timeline.sources[0].plan["small"].index[0]
    a, b = (source.plan.version for source in timeline.sources[:2])
    asked = {
        "/v1/grids": ["", "?level=large&limit=1", "?bbox=0,0,1,1", "?level=x"],
        "/v1/grids/{code}/children": ["?level=small", "?version=x"], "/v1/grids/{code}/neighbours": [""],
        "/v1/grids/{code}/responsible": ["", "?duty=E0203&at=2025-02-01"], "/v1/grids/{code}/stations": [""],
        "/v1/versions": ["", "?x=1"], "/v1/versions/{version}": ["", "?x=1"], "/v1/versions/{a}..{b}": [""],
        "/v1/stations": ["", "?at=2025-02-01&limit=1"], "/v1/circles": ["", "?minutes=5"],
        "/v1/coverage": ["", "?area=a"], "/live": [""], "/ready": [""],
    }  # fmt: skip
    for path, queries in asked.items():
        where = path.format(code=code, version=a, a=a, b=b)
        for query in queries:
            response = timed.get(where + query)
            promised = document["paths"][path]["get"]["responses"][str(response.status_code)]["content"]
            assert_fits(response.json(), promised[response.headers["content-type"]]["schema"], document)


def test_every_question_of_a_plan_takes_the_same_two_words_of_time(document):
    for name, operation in operations(document):
        taken = {each["name"] for each in operation.get("parameters", [])}
        timeless = {"get /health", "get /live", "get /ready"}
        assert ({"version", "at"} <= taken) == (name not in timeless and "/v1/versions" not in name), name


def test_answers_fit_what_is_promised(client, plan, document):
    point = plan["small"].geometry.iloc[0].representative_point()
    code = plan["small"].index[0]
    geo = {"headers": {"accept": "application/geo+json"}}
    batch = {"json": {"points": [{"lon": point.x, "lat": point.y, "accuracy_m": 900, "id": 1}, {"lon": point.x}, 7]}}
    asked = [
        ("/v1/locate", "get", f"/v1/locate?lon={point.x}&lat={point.y}&accuracy_m=900", {}),
        ("/v1/locate", "get", "/v1/locate?lon=nan&lat=1", {}),
        ("/v1/locate:batch", "post", "/v1/locate:batch", batch),
        ("/v1/locate:batch", "post", "/v1/locate:batch", {"content": b"x", "headers": {"content-type": "text/plain"}}),
        ("/v1/grids/{code}", "get", f"/v1/grids/{code}?geometry=true", {}),
        ("/v1/grids/{code}", "get", f"/v1/grids/{code}", geo),
        ("/v1/grids/{code}", "get", "/v1/grids/320299001001901", {}),
        ("/v1/grids/{code}", "get", "/v1/grids/9", {}),
        ("/health", "get", "/health", {}),
    ]
    for path, method, url, kwargs in asked:
        response = client.request(method, url, **kwargs)
        promised = document["paths"][path][method]["responses"][str(response.status_code)]["content"]
        assert_fits(response.json(), promised[response.headers["content-type"]]["schema"], document)


def test_health_says_with_what_it_answers(client, plan):
    said = client.get("/health").json()
    assert said["levels"] == {level: len(layer) for level, layer in plan.layers.items()}
    assert (said["people"], said["plan_version"]) == (4, plan.version)
