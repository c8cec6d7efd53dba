"""Every error is a problem, from one table; what breaks inside is not told."""

from __future__ import annotations

import logging

import pytest
from fastapi.testclient import TestClient
from shapes import assert_problem

from gridmap import errors
from gridmap.api import errors as api_errors
from gridmap.api import problems, routes
from gridmap.api.app import create_app
from gridmap.cli.app import EXIT_CODES

SECRET = "/srv/secret/roster.csv"


def every(kind):
    return {kind}.union(*(every(each) for each in kind.__subclasses__()))


def test_the_table_has_a_status_for_every_error_of_gridmap():
    table = dict(problems.PROBLEMS)
    assert {kind for kind, _ in EXIT_CODES} - set(table) <= {errors.PlanError, errors.DrawError, errors.OutputError}
    for kind in every(errors.GridmapError):
        assert any(issubclass(kind, each) for each in table)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InputError("x"), 422),
        (errors.CrsError("x"), 422),
        (errors.UnknownNameError("x"), 404),
        (errors.PlanError("x"), 500),
        (errors.OutputError("x"), 500),
        (api_errors.TooLargeError("x"), 413),
        (api_errors.MediaTypeError("x"), 415),
        (api_errors.RetiredError("x", (), ()), 410),
        (api_errors.RequestError("x", ()), 422),
        (RuntimeError("x"), 500),
    ],
)
def test_the_first_class_that_fits_decides(error, status):
    assert problems.kind_of(error).status == status


@pytest.mark.parametrize(
    "path",
    [
        "/x",
        "/v1",
        "/v1/",
        "/v1/locate/",
        "/v1/versions/",
        "/v1/grids/",
        "/redoc",
        "/docs/x.js",
        "/docs/oauth2-redirect",
    ],
)
def test_there_is_nothing_elsewhere(client, path):
    assert_problem(client.get(path), 404, "no-route")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/health", "/v1/locate", "/v1/grids/1", "/docs", "/openapi.json"])
def test_everything_is_read_only(client, method, path):
    response = client.request(method, path)
    assert_problem(response, 405, "method")
    assert "GET" in response.headers["allow"]


def test_a_batch_is_posted(client):
    response = client.get("/v1/locate:batch")
    assert "POST" in assert_problem(response, 405, "method")["detail"]
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "error", [RuntimeError(SECRET), errors.OutputError(SECRET), errors.PlanError(SECRET), KeyError(SECRET)]
)
@pytest.mark.parametrize("path", ["/v1/locate?lon=1&lat=2", "/health", "/v1/grids/1"])
def test_what_breaks_inside_is_not_told(source, error, path, caplog):
    app = create_app(source)

    def broken():
        raise error

    app.dependency_overrides[routes.served_of] = broken
    with TestClient(app, raise_server_exceptions=False) as client, caplog.at_level(logging.ERROR):
        response = client.get(path, headers={"X-Request-Id": "case-7"})
    said = assert_problem(response, 500, "internal")
    assert said["request_id"] == "case-7"
    assert "secret" not in response.text


def test_what_breaks_inside_a_batch_is_not_told(source, monkeypatch):
    def broken(*_):
        raise MemoryError(SECRET)

    monkeypatch.setattr(routes, "answer_batch", broken)
    with TestClient(create_app(source), raise_server_exceptions=False) as client:
        response = client.post("/v1/locate:batch", json={"points": []})
    assert "secret" not in response.text
    assert_problem(response, 500, "internal")


def test_the_log_has_a_line_a_request_and_no_places(client, caplog):
    with caplog.at_level(logging.INFO, logger="gridmap.access"):
        client.get("/v1/locate?lon=120.4&lat=31.5", headers={"X-Request-Id": "case-7"})
        client.get("/v1/grids/a%0Ab", headers={"X-Request-Id": "case-8"})
    first, second = (record.getMessage() for record in caplog.records if record.name == "gridmap.access")
    assert first.startswith("GET /v1/locate 200 ")
    assert first.endswith(" case-7")
    assert second.startswith("GET /v1/grids/a%0Ab 404 ")
    assert "120.4" not in first
