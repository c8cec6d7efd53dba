"""What every test may ask for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every machine; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
sys.path[:0] = [str(ROOT / "tests"), *(str(ROOT / "tests" / name) for name in ("grids", "locate", "real"))]


def shared_path(name: str) -> Path:
    """Return a path of the real inputs kept outside the product, or skip the test where they are missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"real input {name} is not on this machine (it is kept outside the product)")
    return path


@pytest.fixture(scope="session")
def shared():
    """Give a function from a name below shared/data to its path; skips where it is missing."""
    return shared_path


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep networks read by tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDMAP_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def cluster():
    """Give a running, throw-away cluster of the whole session; skips where Debian's packages are not installed."""
    from postgis import is_installed, throw_away

    if not is_installed():
        pytest.skip("PostgreSQL with PostGIS is not installed (make test installs it on Debian)")
    with throw_away() as running:
        yield running


@pytest.fixture(scope="session")
def postgis(cluster):
    """Give a connection to a PostGIS that holds nothing."""
    import psycopg

    with psycopg.connect(cluster.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def _template(cluster):
    """Make the record's tables once; what is connected to cannot be copied, so nothing ever connects to it again."""
    from postgis import database

    from gridmap.store import migrate

    with database(cluster, "gridmap_template") as url:
        migrate.upgrade(url)
        yield "gridmap_template"


@pytest.fixture(scope="session")
def store_url(cluster, _template):
    """Give the address of a migrated database that the tests of the session share."""
    from postgis import database

    with database(cluster, "gridmap_test", _template) as url:
        yield url


@pytest.fixture
def fresh_url(cluster, _template):
    """Give the address of a migrated database of one test's own, without a record in it."""
    from postgis import database

    with database(cluster, "gridmap_fresh", _template) as url:
        yield url
