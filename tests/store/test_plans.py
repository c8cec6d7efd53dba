"""Plans in the record: equal to what was written, damage seen, the service's role never above the rules."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

import gridmap
from gridmap.errors import InputError, PlanError, UnavailableError
from gridmap.store.engine import Store
from gridmap.store.models import State
from gridmap.store.plans import add_plan, read_version

TOWN = Path(__file__).parents[2] / "data" / "town"


@pytest.fixture(scope="module")
def drawn():
    """Give a drawn plan with blocks, an edit in its journal and a lineage."""
    layers = {name: f"{TOWN}/{name}.gpkg" for name in ("water", "rail")}
    blocks = gridmap.make_blocks(
        TOWN / "boundary.gpkg", TOWN / "streets.gpkg", buildings=TOWN / "buildings.gpkg", **layers
    )
    network = gridmap.read_network(TOWN / "streets.gpkg", **layers)
    plan = gridmap.draw_plan(blocks, network, levels={"large": 1, "medium": 4, "small": 24}, county_code="320299")
    draft = gridmap.Draft(plan, network=network)
    draft.split(draft["small"].index[3])
    return draft.propose("改")


def test_a_drawn_and_edited_plan_comes_back_equal_and_editable(fresh_url, drawn):
    store = Store(fresh_url)
    with store.transaction(actor="x") as session:
        add_plan(session, drawn, note="", base_version=None, town=None)
    with store.transaction(actor="x") as session:
        back = read_version(session, drawn.version, whole=True)
        light = read_version(session, drawn.version)
    assert back.equals(drawn)
    assert light.version == drawn.version
    assert light.blocks is None
    draft = gridmap.Draft(back)
    assert draft.undo() is not None  # the journal came with it
    store.close()


def test_what_was_tampered_with_is_not_served(fresh_url, drawn):
    store = Store(fresh_url)
    with store.transaction(actor="x") as session:
        add_plan(session, drawn, note="", base_version=None, town=None)
    with psycopg.connect(fresh_url, autocommit=True) as owner:
        owner.execute("update gridmap.grid set geometry = ST_Translate(geometry, 1e-8, 0) where level = 'large'")
    with pytest.raises(PlanError, match="damaged in the record"), store.transaction(actor="x") as session:
        read_version(session, drawn.version)
    store.close()


def test_the_service_runs_as_a_role_that_rules_hold_for(fresh_url):
    store = Store(fresh_url)
    with store.transaction(actor="x") as session:
        role, above = session.connection().exec_driver_sql(
            "select current_user, rolsuper or rolbypassrls from pg_roles where rolname = current_user"
        ).one()  # fmt: skip
    assert (role, above) == ("gridmap_app", False)
    store.close()


def test_a_database_without_a_record_says_what_to_do(cluster):
    from postgis import database

    with database(cluster, "gridmap_bare") as url:
        store = Store(url)
        with pytest.raises(InputError, match="gridmap db upgrade"), store.transaction(actor="x") as session:
            session.get(State, 1)
        store.close()


def test_when_every_connection_is_in_use_one_is_told(fresh_url, monkeypatch):
    monkeypatch.setattr("gridmap.store.engine._WAIT_S", 0.05)
    store = Store(fresh_url, size=1)
    with store.transaction(actor="x"), pytest.raises(UnavailableError, match="in use"), store.transaction(actor="y"):
        pass
    store.close()
