"""A record of each test's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]


@pytest.fixture
def store(fresh_url):
    from gridmap.store.engine import Store

    opened = Store(fresh_url, size=4)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _town_record(cluster, _template):
    from loading_made import publish
    from postgis import database

    from gridmap.store.engine import Store

    with database(cluster, "gridmap_loading", _template) as url:
        opened = Store(url, size=4)
        publish(opened)
        yield opened
        opened.close()


@pytest.fixture
def town_record(_town_record):
    """Give a record in which the small town is published as two, and nothing else is loaded."""
    from loading_made import empty

    empty(_town_record.url)
    return _town_record
