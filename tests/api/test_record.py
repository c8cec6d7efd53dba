"""Served from the record: the newest version everywhere within two seconds, never half of it, and what happens when
the database goes away."""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest
from fastapi.testclient import TestClient
from plans_made import cells, county, merged, split

import gridmap
from gridmap.api.moments import read_moment
from gridmap.api.record import RecordServed, Watcher
from gridmap.api.record_shelf import Shelf
from gridmap.errors import UnavailableError
from gridmap.service import publishing
from gridmap.store.engine import Store

SMALL, LEFT, RIGHT = "320299001001001", "320299001001005", "320299001001006"
FIRST = county(name="first")
SECOND = county(split(SMALL, LEFT, RIGHT), name="second")
IN_LEFT = {"lon": 120.0012, "lat": 31.015}


def publish(store, plan, **more):
    with store.transaction(actor="planner") as session:
        publishing.propose(session, plan, commit=True)
        publishing.approve(session, plan.version, commit=True)
    with store.transaction(actor="county") as session:
        return publishing.publish(session, plan.version, commit=True, **more)


@pytest.fixture
def store(fresh_url):
    opened = Store(fresh_url)
    yield opened
    opened.close()


@pytest.fixture
def app(fresh_url, store, monkeypatch):
    from gridmap.api.record_app import create_record_app

    monkeypatch.setenv("GRIDMAP_RATE", "1000000")
    publish(store, FIRST)
    return create_record_app(fresh_url)


@pytest.fixture
def asked(app):
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def wait_for(what, seconds=60.0):
    """Wait, and not for ever; how long it takes says little on a machine that does other things."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)


def test_a_version_goes_live_in_every_worker_and_old_codes_are_gone_with_successors(app, asked, store, fresh_url):
    from gridmap.api.record_app import create_record_app

    other_app = create_record_app(fresh_url)
    with TestClient(other_app, raise_server_exceptions=False) as other:
        assert asked.get("/v1/locate", params=IN_LEFT).json()["chain"]["small"] == SMALL
        found = publish(store, SECOND)
        for client in (asked, other):
            wait_for(lambda client=client: client.get("/health").json()["plan_version"] == SECOND.version)
            assert client.get("/v1/locate", params=IN_LEFT).json()["chain"]["small"] == LEFT
    gone = asked.get(f"/v1/grids/{SMALL}")
    assert gone.status_code == 410
    assert {each["code"] for each in gone.json()["successors"]} == {LEFT, RIGHT}
    assert set(gone.json()["current"]) == {LEFT, RIGHT}
    before = (found.effective - timedelta(milliseconds=1)).isoformat()
    assert asked.get("/v1/locate", params=IN_LEFT | {"at": before}).json()["chain"]["small"] == SMALL
    old = asked.get("/v1/locate", params=IN_LEFT | {"version": FIRST.version}).json()
    assert (old["plan_version"], old["chain"]["small"]) == (FIRST.version, SMALL)
    kinds = [each["kind"] for each in asked.get("/v1/versions").json()["versions"]]
    assert kinds == ["publish", "publish"]


@pytest.mark.slow
def test_no_request_sees_half_of_a_version(asked, app, store):
    """Twenty times a version is put in force while somebody asks; each answer is whole, by the version it names."""
    points = np.random.default_rng(1).uniform((120, 31), (120.08, 31.02), (60, 2))
    plans, boxes = {FIRST.version: FIRST}, cells()
    for k in range(5):
        code = sorted(cells())[3 * k]
        boxes = split(code, *(f"{code[:12]}{100 + 2 * k + half}" for half in range(2)), boxes)
        plan = county(boxes, name=str(k))
        plans[plan.version] = plan
    right = {
        version: gridmap.Locator(plan).locate_many(points[:, 0], points[:, 1])["small"].astype(object).to_numpy()
        for version, plan in plans.items()
    }
    wrong, seen, done = [], set(), threading.Event()

    def ask(seed):
        rng = np.random.default_rng(seed)
        while not done.is_set():
            time.sleep(0.005)  # the server is in this process too, and is to get on
            k = int(rng.integers(len(points)))
            answer = asked.get("/v1/locate", params={"lon": points[k, 0], "lat": points[k, 1]})
            said = answer.json()
            seen.add(said.get("plan_version"))
            if answer.status_code != 200 or said["chain"]["small"] != right[said["plan_version"]][k]:
                wrong.append((answer.status_code, said))

    asker = threading.Thread(target=ask, args=(0,))
    asker.start()
    for plan in list(plans.values())[1:]:
        publish(store, plan)
    order = [list(plans)[k % len(plans)] for k in range(15)]
    for version in order:
        with store.transaction(actor="county") as session:
            publishing.rollback(session, version, commit=True)
    wait_for(lambda: app.state.served.current().plan.version == order[-1])
    done.set()
    asker.join()
    assert not wrong
    assert seen == set(plans)


def test_what_begins_later_begins_then_whether_or_not_the_database_is_there(store, monkeypatch):
    publish(store, FIRST)
    served, told = RecordServed(store), []
    served.on_renewal(told.append)
    later = datetime.now(UTC) + timedelta(days=30)
    publish(store, SECOND, effective=later)
    assert served.refresh()
    assert not served.refresh()
    served.keep_up()
    assert served.current().plan.version == FIRST.version
    assert (len(told), len(served.lineage())) == (1, 0)
    monkeypatch.setattr("gridmap.api.record.time.time", lambda: later.timestamp())
    monkeypatch.setattr("gridmap.api.record.read_moment", lambda _: read_moment(later.isoformat()))
    served.keep_up()  # a version has begun: what keeps of it another form is told, and codes that ended are gone
    served.keep_up()
    assert len(told) == 2
    assert set(served.lineage()["new"]) == {LEFT, RIGHT}
    served.shelf.store = Store("postgresql://gridmap@/gone?host=/nonexistent")
    assert served.current().plan.version == SECOND.version
    assert served.at(read_moment("2090-01-01")).plan.version == SECOND.version


def test_questions_about_the_past_keep_nothing_waiting_that_is_to_answer_now(store, monkeypatch):
    """One version is being read for a question, for ever; the next one in force goes live all the same."""
    publish(store, FIRST)
    publish(store, SECOND)
    served = RecordServed(store)
    served.refresh()
    begun, end, real = threading.Event(), threading.Event(), Shelf._read

    def read(shelf, version):
        if version == FIRST.version:
            begun.set()
            end.wait(20)
        return real(shelf, version)

    monkeypatch.setattr(Shelf, "_read", read)
    monkeypatch.setattr("gridmap.api.record_shelf._PATIENCE_S", 0.05)
    asker = threading.Thread(target=lambda: served.version(FIRST.version))
    asker.start()
    begun.wait(5)
    with pytest.raises(UnavailableError, match="ask again"):  # the next question about the past is turned away
        served.version(FIRST.version)
    third = county(split(LEFT, "320299001001007", "320299001001008", split(SMALL, LEFT, RIGHT)))
    publish(store, third)
    assert served.refresh()
    assert served.current().plan.version == third.version
    end.set()
    asker.join()


def test_only_what_may_be_published_next_is_read_ahead(store):
    publish(store, FIRST)
    codes = sorted(cells())
    ready = [county(split(code, f"{code[:12]}050", f"{code[:12]}051"), name=code) for code in codes[:5]]
    for plan in ready:
        with store.transaction(actor="planner") as session:
            publishing.propose(session, plan, commit=True)
            publishing.approve(session, plan.version, commit=True)
    served = RecordServed(store)
    served.refresh()
    assert served._known().coming == tuple(plan.version for plan in reversed(ready[2:]))
    with store.transaction(actor="county") as session:
        publishing.publish(session, ready[0].version, commit=True)
    served.refresh()
    assert served._known().coming == ()  # the others follow what is in force no longer


def test_while_the_database_is_away_points_are_answered_and_only_what_needs_it_is_not(monkeypatch):
    """The record's database is stopped under the server, and comes back."""
    monkeypatch.setenv("GRIDMAP_RATE", "1000000")
    who = {"username": "wang", "password": "wrong horse battery"}
    page = {"Origin": "https://testserver"}
    from postgis import throw_away

    from gridmap.api.record_app import create_record_app
    from gridmap.store import migrate

    with throw_away() as own:
        migrate.upgrade(own.url)
        mine = Store(own.url)
        publish(mine, FIRST)
        mine.close()
        with psycopg.connect(own.url, autocommit=True) as owner:
            owner.execute("checkpoint")  # a cluster of tests may lose its last commits when it is stopped
        with TestClient(create_record_app(own.url), "https://testserver", raise_server_exceptions=False) as client:
            assert client.get("/ready").status_code == 200
            own.stop()
            for _ in range(3):
                assert client.get("/v1/locate", params=IN_LEFT).json()["chain"]["small"] == SMALL
                assert client.get(f"/v1/grids/{SMALL}").status_code == 200
                login = client.post("/login", json=who, headers=page)
                assert login.status_code == 503, login.text
                assert login.json()["type"] == "urn:gridmap:problem:unavailable"
                assert int(login.headers["Retry-After"]) >= 1
            own.start()
            wait_for(lambda: client.post("/login", json=who, headers=page).status_code != 503)
            other = Store(own.url)
            publish(other, SECOND)
            other.close()
            wait_for(lambda: client.get("/health").raise_for_status().json()["plan_version"] == SECOND.version)


def test_a_server_that_starts_before_its_database_is_not_ready_and_waits():
    from gridmap.api.record_app import create_record_app

    with TestClient(
        create_record_app("postgresql://gridmap@/gone?host=/nonexistent"), raise_server_exceptions=False
    ) as c:
        assert c.get("/live").status_code == 200
        ready = c.get("/ready")
        assert (ready.status_code, ready.json()["type"]) == (503, "urn:gridmap:problem:unavailable")
        assert c.get("/v1/locate", params=IN_LEFT).status_code == 503
        assert c.get("/v1/locate", params=IN_LEFT, headers={"Authorization": "Bearer gm_x"}).status_code in (401, 503)


def test_a_record_without_a_plan_says_so(fresh_url):
    from gridmap.api.record_app import create_record_app

    with TestClient(create_record_app(fresh_url), raise_server_exceptions=False) as client:
        assert client.get("/ready").status_code == 503
        said = client.get("/v1/locate", params=IN_LEFT)
        assert said.status_code == 503
        assert "no plan is in force yet" in said.json()["detail"]


def test_the_watcher_survives_what_it_cannot_read(store, monkeypatch, caplog):
    publish(store, FIRST)
    served = RecordServed(store)
    calls = []

    def refresh():
        calls.append(1)
        raise UnavailableError("away") if len(calls) < 3 else RuntimeError("odd")

    monkeypatch.setattr(served, "refresh", refresh)
    watcher = Watcher(served, every_s=0.01)
    watcher.start()
    wait_for(lambda: len(calls) > 5)
    watcher.stop()
    assert sum("away" in each.getMessage() for each in caplog.records) == 1


def test_merging_and_rolling_back_over_http(asked, store):
    """A planner's whole way through the API, with keys of a program that may."""
    from gridmap.service.access import create_key

    with store.transaction(actor="x") as session:
        key = create_key(session, name="planning", scopes=["read", "propose", "approve", "publish"]).key
    headers = {"Authorization": f"Bearer {key}"}
    wait_for(lambda: asked.get("/v1/plans", headers=headers).status_code == 200)
    new = county(merged(SMALL, "320299001001002", "320299001001009"), name="merged")
    body = as_geopackage(new)
    kind = {"Content-Type": "application/geopackage+sqlite3"}
    dry = asked.post("/v1/plans", content=body, headers=headers | kind)
    assert (dry.status_code, dry.json()["committed"]) == (200, False), dry.text
    told = asked.post("/v1/plans?commit=true&note=x", content=body, headers=headers | kind).json()
    assert told["changes"]["summary"]
    at = f"/v1/plans/{new.version}"
    assert asked.post(f"{at}/publication?commit=true", headers=headers).status_code == 409
    assert asked.post(f"{at}/approval?commit=true", headers=headers).json()["committed"]
    assert asked.get(f"{at}/review", headers=headers).json()["refusals"] == []
    assert asked.post(f"{at}/publication?commit=true", headers=headers).json()["committed"]
    wait_for(lambda: asked.get("/health").json()["plan_version"] == new.version)
    assert asked.post(f"/v1/plans/{FIRST.version}/rollback?commit=true", headers=headers).json()["committed"]
    wait_for(lambda: asked.get("/health").json()["plan_version"] == FIRST.version)
    assert asked.post(f"{at}/publication", headers=headers).status_code == 409
    bad = asked.post("/v1/plans", content=b"no plan", headers=headers | kind)
    assert (bad.status_code, bad.json()["type"]) == (422, "urn:gridmap:problem:input")
    assert asked.post("/v1/plans", content=body, headers=kind).status_code == 401


def as_geopackage(plan):
    with tempfile.TemporaryDirectory() as folder:
        plan.save(Path(folder) / "plan.gpkg")
        return (Path(folder) / "plan.gpkg").read_bytes()
