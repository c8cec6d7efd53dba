"""The county and the town, made once for all tests here."""

from __future__ import annotations

import pytest

from gridmap.sample.county import make_county
from gridmap.sample.town import make_town


@pytest.fixture(scope="session")
def town():
    return make_town()


@pytest.fixture(scope="session")
def county():
    return make_county()


@pytest.fixture(scope="session", params=["town", "county"])
def place(request):
    """Give what must be true at both scales."""
    return request.getfixturevalue(request.param)
