"""One server on a record, as every test finds it just started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

sys.path[:0] = [str(Path(__file__).parent)]

from access_made import CHEAP, MINE, NOW, NUMBERS, OTHER, Clock, add_routes, people_of, renew  # noqa: E402 - through the line above


@pytest.fixture(scope="session")
def store(cluster, _template):
    from postgis import database

    from gridmap.store.engine import Store

    with database(cluster, "gridmap_access_api", _template) as url:
        opened = Store(url, size=4)
        with opened.transaction(actor="x") as session:
            for town in (MINE, OTHER):
                session.add_all(people_of(town))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def app(source, store):
    from gridmap.api.app import create_app
    from gridmap.api.security_access import Access

    made = create_app(source, Access(store, passwords=CHEAP, clock=Clock()))
    add_routes(made)
    return made


@pytest.fixture
def access(app):
    """Give the access of the app, as if it had just been started."""
    from gridmap.api.rates import Rates

    held = app.state.access
    held.rates, held.rate_per_minute, held.proxies, held._clock.now = Rates(), 1000, (), NOW
    renew(held)
    return held


@pytest.fixture
def clock(access):
    return access._clock


@pytest.fixture
def open_client(app, access):
    """Give a function that opens a client with cookies of its own."""

    def opened(base_url="https://testserver", client=("203.0.113.9", 40000)):
        return TestClient(app, base_url=base_url, client=client, raise_server_exceptions=False)

    return opened


@pytest.fixture
def client(open_client):
    return open_client()


@pytest.fixture
def name():
    return f"person{next(NUMBERS)}"
