"""Rows of which only the address is given: what their names are is read from it."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from gridmap.address.parse import parse_address
from gridmap.address.script import clean

_NAMES: Final = ("town", "community", "street", "estate")
_NUMBER: Final = re.compile("[0-9０-９]+")
_COLUMN_OF: Final = {
    "province": "province", "city": "city", "county": "county", "town": "town", "community": "community",
    "street": "street", "hamlet": "street", "estate": "estate",
}  # fmt: skip


def fill_from_addresses(rows: pd.DataFrame) -> pd.DataFrame:
    """Return standard rows in which no names are missing that the address has.

    A row without any name takes those of a row with the same address (a layer of buildings beside its list); where
    there is none its address is taken apart.

    Examples
    --------
    >>> from gridmap.address.table import standard_rows
    >>> rows = standard_rows(pd.DataFrame({"address": ["花山镇虹桥路13号春城小区2栋"]}))
    >>> fill_from_addresses(rows)[["town", "street", "estate"]].values.tolist()
    [['花山镇', '虹桥路', '春城小区']]
    """
    named = (rows[list(_NAMES)] != "").any(axis=1).to_numpy()
    address = rows["address"].to_numpy()
    at = np.flatnonzero(~named & (address != ""))
    if not len(at):
        return rows
    known = {clean(address[i]): i for i in reversed(np.flatnonzero(named & (address != "")).tolist())}
    columns = {name: rows[name].to_numpy(dtype=object, copy=True) for name in sorted(set(_COLUMN_OF.values()))}
    reader = _Reader()
    for i in at.tolist():
        like = known.get(clean(address[i])) if known else None
        found = reader.names(address[i]) if like is None else {name: columns[name][like] for name in columns}
        for name, text in found.items():
            columns[name][i] = columns[name][i] or text
    return rows.assign(**columns)


class _Reader:
    """Reads the names of addresses; those that differ in numbers alone have the same."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {}

    def names(self, address: str) -> dict[str, str]:
        """Return the names an address has, by column."""
        alike = _NUMBER.sub("1", address)
        found = self._known.get(alike)
        if found is None:
            found = _names(address)
            if not any(_NUMBER.search(name) for name in found.values()):
                self._known[alike] = found
        return found


def _names(address: str) -> dict[str, str]:
    """Return the names an address has, by column."""
    found: dict[str, str] = {}
    for element in parse_address(address).elements:
        if column := _COLUMN_OF.get(element.kind):
            found.setdefault(column, element.text)
    return found
