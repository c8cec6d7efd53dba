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
