"""Plans, circles and incidents for the tests of maps, and a browser where there is one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def plan():
    """Give a small made county."""
    from map_made import made_plan

    return made_plan()


@pytest.fixture(scope="session")
def circles(plan):
    """Give circles of six stations in three ranges, and one station off the network."""
    from map_made import made_circles

    return made_circles(plan)


@pytest.fixture(scope="session")
def incidents(plan):
    """Give 300 joined incidents."""
    from map_made import made_incidents

    return made_incidents(plan)


@pytest.fixture(scope="session")
def walked():
    """Give the town walked through: network, stations, circles, coverage, proposed stations, catchments."""
    from map_made import made_walk

    return made_walk()


@pytest.fixture(scope="session")
def browse():
    """Give the function that opens a page in Chromium; skips where it is not installed."""
    from map_browser import CHROMIUM, probe

    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return probe
