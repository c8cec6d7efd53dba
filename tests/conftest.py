"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


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
