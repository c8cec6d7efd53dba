"""A line a request: what finds it again, and nothing about anybody."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
from api_made import PEOPLE
from fastapi.testclient import TestClient

from gridmap.api.app import create_app
from gridmap.api.logs import JsonLine
from gridmap.api.security import FileGate, seat
from gridmap.service.access_rules import Principal


@pytest.fixture
def written():
    """Give a function that returns what was logged as JSON, line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    logger = logging.getLogger("gridmap.access")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_line_says_the_route_and_nothing_that_was_asked_or_answered(client, plan, written):
    code = plan["small"].index[0]
    client.get("/v1/locate?lon=120.41234&lat=31.51234", headers={"X-Request-Id": "case-7"})
    client.get(f"/v1/grids/{code}/responsible?at=2026-02-01")
    client.head(f"/v1/grids/{code}")
    client.get("/v1/grids/诸葛大江?duty=18655556666")
    client.get("/诸葛大江/18655556666")
    client.post("/v1/locate:batch", json={"points": [{"lon": 120.41234, "lat": 31.51234}]})
    lines = written()
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/locate", 200),
        ("GET", "/v1/grids/{code}/responsible", 200),
        ("HEAD", "/v1/grids/{code}", 200),
        ("GET", "/v1/grids/{code}", 404),
        ("GET", "unknown", 404),
        ("POST", "/v1/locate:batch", 200),
    ]
    assert lines[0]["request_id"] == "case-7"
    for line in lines:
        assert set(line) == {
            "time", "level", "logger", "request_id", "method", "route", "status", "ms", "principal",
        }  # fmt: skip
        assert line["principal"] == "public"
        assert line["ms"] > 0
        text = json.dumps(line, ensure_ascii=False)
        assert not any(secret in text for pair in PEOPLE.items() for secret in pair)
        assert not re.search(r"120\.41|31\.51|%E8", text)


class OfKey(FileGate):
    def __call__(self, scope):
        seat(scope, Principal("key:gm_Ab12Cd34", "caller", "*", frozenset({"read"}), "key"))


class OfUser(FileGate):
    def __call__(self, scope):
        seat(scope, Principal("zhang.san", "planner", "*", frozenset({"read"}), "user"))


@pytest.mark.parametrize(
    ("gate", "said"), [(OfKey, {"principal": "key", "key": "gm_Ab12Cd34"}), (OfUser, {"principal": "user"})]
)
def test_of_a_key_its_prefix_is_said_and_of_a_person_only_that_it_is_one(source, written, monkeypatch, gate, said):
    monkeypatch.setattr("gridmap.api.app._gate", lambda _access: gate())
    with TestClient(create_app(source)) as client:
        client.get("/health")
    (line,) = written()
    assert {name: line[name] for name in line if name in ("principal", "key")} == said
    assert "zhang" not in json.dumps(line)
