"""A server in a process of its own, asked without pause, while PostgreSQL is killed and started again under it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from plans_made import county
from postgis import is_installed, throw_away

from gridmap.service import publishing
from gridmap.service.access import create_key
from gridmap.store import migrate
from gridmap.store.engine import Store

PLAN = county(name="asked")
SMALL = "320299001001001"
POINT = "/v1/locate?lon=120.001&lat=31.015"
COMMAND = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve", "--quiet", "--port", "0"]
BACK_S = 60.0
"""Waited at most; five seconds are promised, and enough on a machine that does nothing else."""


@dataclass
class Asker:
    """One client that asks the same over and over on one connection, and writes down what it is told and when."""

    port: int
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    told: list[tuple[float, int, str | None, bytes]] = field(default_factory=list)

    def ask(self, done: threading.Event) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not done.is_set():
            connection.request("GET", self.path, headers=self.headers)
            answer = connection.getresponse()
            body = answer.read()
            self.told.append((time.monotonic(), answer.status, answer.headers["Retry-After"], body))
            time.sleep(0.02)
        connection.close()

    def statuses(self, since: float = 0.0) -> set[int]:
        return {status for at, status, _, _ in self.told if at > since}


def put_on_record(url: str) -> str:
    """Publish a plan; return a key that may list plans."""
    migrate.upgrade(url)
    store = Store(url)
    with store.transaction(actor="x") as session:
        publishing.propose(session, PLAN, commit=True)
        publishing.approve(session, PLAN.version, commit=True)
    with store.transaction(actor="x") as session:
        publishing.publish(session, PLAN.version, commit=True)
        key = create_key(session, name="x", scopes=["read", "propose"], rate_per_minute=1_000_000).key
    store.close()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("checkpoint")  # a cluster of tests may lose its last commits when it is stopped
    return key


@contextlib.contextmanager
def served(url: str) -> Iterator[int]:
    """Run ``gridmap serve`` on a record; give its port once it is ready."""
    env = os.environ | {"GRIDMAP_LANG": "en", "GRIDMAP_DATABASE_URL": url, "GRIDMAP_RATE": "1000000"}
    with subprocess.Popen(COMMAND, stderr=subprocess.PIPE, text=True, env=env) as process:
        try:
            port = next(int(at[1]) for line in process.stderr if (at := re.search(r"http://[\d.]+:(\d+)/", line)))
            threading.Thread(target=process.stderr.read, daemon=True).start()  # nobody may wait for a full pipe
            wait_until(lambda: is_ready(port), 60)
            yield port
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(ConnectionError), contextlib.closing(connection):
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    return False


def wait_until(what, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_database_is_killed_and_started_again_under_load():
    """Points are answered all the while; what needs the record is 503 and when to come back, and is back by itself."""
    if not is_installed():
        pytest.skip("PostgreSQL with PostGIS is not installed (make test installs it on Debian)")
    with throw_away() as own:
        key = put_on_record(own.url)
        with served(own.url) as port:
            points = [Asker(port, POINT) for _ in range(4)]
            plans = Asker(port, "/v1/plans", {"Authorization": f"Bearer {key}"})
            done = threading.Event()
            askers = [threading.Thread(target=each.ask, args=(done,)) for each in (*points, plans)]
            for each in askers:
                each.start()
            try:
                wait_until(lambda: len(plans.told) > 20, 30)
                stopped = time.monotonic()
                own.stop()
                wait_until(lambda: 503 in plans.statuses(stopped), BACK_S)
                own.start()
                started = time.monotonic()
                wait_until(lambda: 200 in plans.statuses(started), BACK_S)
                back = time.monotonic()
                wait_until(lambda: len(plans.statuses(back)) and time.monotonic() > back + 0.5, 10)
            finally:
                done.set()
                for each in askers:
                    each.join()
    assert plans.statuses() == {200, 503}
    for _, status, retry, body in plans.told:
        if status == 503:
            assert int(retry) >= 1
            assert json.loads(body)["type"] == "urn:gridmap:problem:unavailable"
        else:
            assert PLAN.version in body.decode()
    assert plans.statuses(back) == {200}
    for each in points:
        assert each.statuses() == {200}
        assert each.statuses(back)
        assert {json.loads(body)["chain"]["small"] for *_, body in each.told} == {SMALL}
