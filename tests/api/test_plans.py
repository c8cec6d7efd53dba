"""Plans over HTTP: who may see and undo what, and what cannot be written down."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from plans_made import county
from shapes import assert_problem
from sqlalchemy import select, update

from gridmap.service import publishing
from gridmap.service.access import create_key
from gridmap.store.engine import Store
from gridmap.store.models import PlanVersion

PLAN = county(name="proposed")
AT = f"/v1/plans/{PLAN.version}"
GPKG = {"content-type": "application/geopackage+sqlite3"}


@pytest.fixture(scope="module")
def record(cluster, _template):
    """Give a client, the store with a proposal in it, and keys that may do one thing each."""
    from postgis import database

    from gridmap.api.record_app import create_record_app

    with database(cluster, "gridmap_plans_api", _template) as url:
        store = Store(url, size=4)
        with store.transaction(actor="x") as session:
            publishing.propose(session, PLAN, commit=True)
            made = {
                scope: create_key(session, name=scope, scopes=[scope])
                for scope in ("read", "load", "propose", "approve", "publish")
            }
        keys = {scope: {"Authorization": f"Bearer {each.key}"} for scope, each in made.items()}
        with TestClient(create_record_app(url), raise_server_exceptions=False) as client:
            yield client, store, keys
        store.close()


def settle(store, status):
    with store.transaction(actor="x") as session:
        session.execute(update(PlanVersion).values(status=status))


def test_whoever_decides_about_plans_sees_them(record):
    client, _, keys = record
    for path in ("/v1/plans", f"{AT}/review"):
        for scope in ("propose", "approve", "publish"):
            assert client.get(path, headers=keys[scope]).status_code == 200, (path, scope)
        for scope in ("read", "load"):
            assert_problem(client.get(path, headers=keys[scope]), 403, "access")
        assert_problem(client.get(path), 401, "identity")


@pytest.mark.parametrize(
    ("status", "who"), [("proposed", "propose"), ("approved", "approve"), ("published", "publish")]
)
def test_what_was_approved_or_published_is_undone_by_whoever_does_that(record, status, who):
    client, store, keys = record
    settle(store, status)
    for scope in ("read", "propose", "approve", "publish"):
        answer = client.post(f"{AT}/withdrawal", headers=keys[scope])
        if scope == who:
            # The timeline has never seen it, so that a publication cannot be taken back; asking is allowed.
            assert answer.status_code == (409 if status == "published" else 200), answer.text
        else:
            assert_problem(answer, 403, "access")
    with store.transaction(actor="x") as session:
        assert session.scalar(select(PlanVersion.status)) == status


def test_what_no_database_holds_is_left_out_or_the_senders_to_mend(record, tmp_path):
    client, store, keys = record
    settle(store, "withdrawn")  # so that it may be proposed again
    PLAN.save(tmp_path / "plan.gpkg")
    body = (tmp_path / "plan.gpkg").read_bytes()
    told = client.post("/v1/plans?note=a%00b&commit=true", content=body, headers=keys["propose"] | GPKG)
    assert told.status_code == 200, told.text
    assert client.get("/v1/plans", headers=keys["propose"]).json()["plans"][0]["note"] == "a b"
    department = client.post("/v1/load/departments?department=a%00b", content=b"SQLite format 3\0",
                             headers=keys["load"] | GPKG)  # fmt: skip
    assert "cannot be seen" in assert_problem(department, 422, "input")["detail"]
