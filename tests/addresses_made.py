"""The town's addresses, indexed once a process, and what nobody can find in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

TOWN = Path(__file__).resolve().parents[1] / "data" / "town"
HOSTILE = {
    "empty": "",
    "blank": " \t　",
    "ten kilobytes": "人民路一百零三号" * 430,
    "punctuation": "，。！？……——；：“”",
    "emoji": "🏠🚒🔥👩‍👩‍👧‍👦",
    "SQL": "'; DROP TABLE grid; --",
    "NUL": "\x00\x00\x00",
    "another county": "浙江省杭州市西湖区文三路12号",
}
"""Texts that name no place of the town."""


@cache
def listed() -> pd.DataFrame:
    """Return the town's address list, positions as numbers."""
    table = pd.read_csv(TOWN / "addresses.csv", dtype="str")
    return table.assign(lon=pd.to_numeric(table["lon"]), lat=pd.to_numeric(table["lat"]))


@cache
def index():
    """Return the index of the list."""
    from gridmap.address.build import Given, build_index
    from gridmap.address.region import Region

    rows = pd.read_csv(TOWN / "addresses.csv", dtype="str")
    return build_index(Given(rows, region=Region("江苏省", "无锡市", "锡澄县"))).index


@cache
def geocoder():
    """Return what answers from it."""
    from gridmap.address.geocoder import Geocoder

    return Geocoder(index())
