"""Metrics: counted by route, added up over workers, and shown to this machine or a key that may."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from gridmap.api import metrics
from gridmap.api.app import create_app
from gridmap.api.security import FileGate, seat
from gridmap.service.access_rules import Principal


def samples(text: str) -> dict[tuple[str, frozenset], float]:
    return {(each.name, frozenset(each.labels.items())): each.value
            for family in text_string_to_metric_families(text) for each in family.samples}  # fmt: skip


def counted(text: str, route: str, method: str = "GET", status: int = 200) -> float:
    labels = frozenset({("route", route), ("method", method), ("status", str(status))})
    return samples(text).get(("gridmap_request_seconds_count", labels), 0.0)


@pytest.fixture
def measured(source):
    """Give a function to a client of a server that counts, asked from an address."""

    def client_at(address: str, headers=None, scopes=()):
        app = create_app(source)
        app.state.meter = metrics.Meter(app.state.served)
        app.include_router(metrics.router)
        return TestClient(
            app, "http://localhost", client=(address, 40000), headers=headers or {}, raise_server_exceptions=False
        )

    return client_at


def test_every_request_is_counted_once_under_its_route(measured, plan):
    client = measured("127.0.0.1")
    for code in [*plan["small"].index[:3], "nobody"]:
        client.get(f"/v1/grids/{code}")
    client.head(f"/v1/grids/{plan['small'].index[0]}")
    client.request("PURGE", "/v1/locate")
    for path in ("/a", "/b?c=d"):
        client.get(path)
    text = client.get("/metrics").text
    assert counted(text, "/v1/grids/{code}") == 3
    assert counted(text, "/v1/grids/{code}", status=404) == 1
    assert counted(text, "/v1/grids/{code}", method="HEAD") == 1
    assert counted(text, "unknown", status=404) == 2
    assert "PURGE" not in text
    assert "nobody" not in text
    total = sum(value for (name, _), value in samples(text).items() if name == "gridmap_request_seconds_count")
    assert total == 8
    said = {name: dict(labels) for name, labels in samples(text)}
    assert said["gridmap_info"]["plan_version"] == plan.version


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("203.0.113.9", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 401),  # a proxy here asks for somebody elsewhere
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 401),
        ("127.0.0.1", {"Host": "grid.example"}, 401),  # a proxy that does not say so, or a page that names this machine
        ("testclient", {}, 401),
    ],
)
def test_metrics_are_not_for_the_public(measured, address, headers, status):
    assert measured(address, headers).get("/metrics").status_code == status


@pytest.mark.parametrize(("scopes", "status"), [({"metrics"}, 200), ({"read", "batch"}, 403)])
def test_a_key_may_read_them_if_that_is_its_scope(measured, monkeypatch, scopes, status):
    class OfKey(FileGate):
        def __call__(self, scope):
            seat(scope, Principal("key:gm_Ab12Cd34", "caller", "*", frozenset(scopes), "key"))

    monkeypatch.setattr("gridmap.api.app._gate", lambda _access: OfKey())
    assert measured("203.0.113.9").get("/metrics").status_code == status


WORKER = """
from types import SimpleNamespace
from gridmap.api.metrics import Meter
meter = Meter(None)
meter.generation.set(7)
meter.connections.inc(2)
for _ in range(5):
    meter.observe({"method": "GET", "route": SimpleNamespace(path="/v1/locate")}, 200, 0.001)
print(meter.report().decode())
"""


def test_workers_are_added_up_and_what_a_dead_one_held_is_forgotten(tmp_path):
    environment = {**os.environ, metrics.FOLDER: str(tmp_path)}
    for done in (1, 2):
        text = subprocess.run(
            [sys.executable, "-c", WORKER], env=environment, check=True, capture_output=True, text=True
        ).stdout
        assert counted(text, "/v1/locate") == 5 * done
        found = samples(text)
        assert found["gridmap_pool_connections_in_use", frozenset()] == 2  # the other worker is gone
        assert [value for (name, _), value in found.items() if name == "gridmap_generation"] == [7]


def test_a_bucket_holds_what_took_no_longer():
    meter = metrics.Meter(None)
    scope = {"method": "GET", "route": SimpleNamespace(path="/x")}
    for seconds in (0.0004, 0.002, 0.04, 60.0):
        meter.observe(scope, 200, seconds)
    found = samples(meter.report().decode())
    buckets = {dict(labels)["le"]: value for (name, labels), value in found.items() if name.endswith("_bucket")}
    for bound, value in buckets.items():
        assert value == sum(seconds <= float(bound) for seconds in (0.0004, 0.002, 0.04, 60.0))
