"""Real blocks that several tests look at."""

from __future__ import annotations

import geopandas as gpd
import pytest

from gridmap.grids.blocks import make_blocks
from tests.conftest import shared_path

from town import make_town  # isort: skip


@pytest.fixture(scope="session")
def liechtenstein_blocks():
    """Blocks of a whole small country, all layers from its extract."""
    extract = shared_path("liechtenstein/liechtenstein_2021.osm.pbf")
    boundary = gpd.read_file(shared_path("liechtenstein/municipalities_11.geojson"))
    return make_blocks(boundary, extract, water=extract, rail=extract, buildings=extract)


@pytest.fixture(scope="session")
def town():
    """A made town on a river."""
    return make_town()


@pytest.fixture(scope="session")
def network(town, tmp_path_factory):
    """Its streets."""
    return town.network(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="session")
def blocks(town):
    """Its blocks; whoever changes them takes a copy."""
    return town.blocks()
