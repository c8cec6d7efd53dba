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
def postgis():
    """Give a connection to a throw-away PostGIS; skips where Debian's packages are not installed."""
    from postgis import binaries, cluster

    if binaries() is None:
        pytest.skip("PostgreSQL is not installed (make test installs it on Debian)")
    with cluster() as connection:
        yield connection
