"""The index of the town's list, made once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gridmap.address.build import Built, build_index
from gridmap.address.io import read_given

TOWN = Path(__file__).resolve().parents[2] / "data" / "town"


@pytest.fixture(scope="session")
def town_built() -> Built:
    return build_index(read_given([TOWN / "addresses.csv"]))


@pytest.fixture(scope="session")
def town_list() -> pd.DataFrame:
    return pd.read_csv(TOWN / "addresses.csv", encoding="utf-8-sig", dtype={"estate": str}, keep_default_na=False)
