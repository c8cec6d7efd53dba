"""Which column of a table says what, and what kind of table that makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pandas as pd

from gridmap.address.script import clean
from gridmap.address.table import HEADERS
from gridmap.errors import InputError

KINDS: Final = ("list", "buildings", "places", "streets", "aliases")
"""Kinds of files: addresses, a layer of buildings with addresses, points with a name, centre lines, further names."""
PLACE_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "名称", "地名", "单位名称", "标准名称"),
    "kind": ("kind", "类型", "类别", "种类", "type"),
    "lon": HEADERS["lon"],
    "lat": HEADERS["lat"],
}
ALIAS_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "名称", "标准名称", "现名", "标准名"),
    "alias": ("alias", "别名", "曾用名", "原名", "又名", "旧名", "俗称", "老名字", "旧称"),
    "kind": ("kind", "类型", "类别", "种类", "type"),
    "town": HEADERS["town"],
}
_OF_BUILDINGS: Final = ("address", "town", "community", "street", "number")
"""What a layer of buildings is asked for: its column ``building`` is what it is used for, ``estate`` often a code."""
_SAYS_WHERE: Final = ("address", "town", "community", "street", "estate")


def parse_columns(value: str) -> dict[str, str]:
    """Parse ``town=行政區,street=路名``.

    Raises
    ------
    InputError
        When it is not written so, or names no standard column.

    Examples
    --------
    >>> parse_columns("town=行政區,number=號")
    {'town': '行政區', 'number': '號'}
    """
    found = {}
    for part in value.split(","):
        name, equals, header = (each.strip() for each in part.partition("="))
        if not equals or not header or name not in HEADERS:
            example = "for example town=行政區,street=路名"
            raise InputError(f"--columns {part!r} is not NAME=HEADER; {example}; names are {', '.join(HEADERS)}")
        found[name] = header
    return found


def recognise(headers: Iterable[object], known: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return standard column → header, whatever script and letters the header is written in.

    Examples
    --------
    >>> recognise(["行政區", "路名", "號", "備註"], HEADERS)
    {'town': '行政區', 'street': '路名', 'number': '號'}
    """
    there: dict[str, str] = {}
    for header in headers:
        there.setdefault(clean(str(header)), str(header))
    found: dict[str, str] = {}
    for name, spellings in known.items():
        for spelling in spellings:
            header = there.get(clean(spelling))
            if header is not None and header not in found.values():
                found[name] = header
                break
    if "town" not in found and found.get("street") == "街道":
        # 街道 is a subdistrict, unless the towns have a column of their own.
        found["town"] = found.pop("street")
    return found


def kind_of_table(headers: Iterable[object]) -> str:
    """Return what kind of file a table without lines or areas is; a list of addresses where it is nothing else."""
    there = [str(header) for header in headers]
    rows = recognise(there, HEADERS)
    if any(name in rows for name in ("address", "street", "number", "estate")):
        return "list"
    if {"name", "alias"} <= recognise(there, ALIAS_HEADERS).keys():
        return "aliases"
    return "places" if "name" in recognise(there, PLACE_HEADERS) else "list"


def as_list(table: pd.DataFrame, kind: str, columns: Mapping[str, str], name: str) -> pd.DataFrame:
    """Return the known columns of a list or a layer of buildings under their standard names.

    Parameters
    ----------
    table
        With ``line`` beside the file's own columns, and ``lon``, ``lat``, ``extent_m`` where it was a layer.
    kind
        ``list`` or ``buildings``.
    columns
        Standard column → header, where that is said.
    name
        Of the file.

    Raises
    ------
    InputError
        When a header that was said does not exist, or nothing says where the rows are.
    """
    given = [str(column) for column in table.columns if column not in ("line", "extent_m")]
    if missing := [header for header in columns.values() if header not in given]:
        raise InputError(f"{name} has no column {missing[0]!r}; it has {', '.join(given)}")
    known = HEADERS if kind == "list" else {each: HEADERS[each] for each in (*_OF_BUILDINGS, "lon", "lat")}
    others = [header for header in given if header not in columns.values()]
    found = {**recognise(others, {each: known[each] for each in known if each not in columns}), **columns}
    if not any(each in found for each in _SAYS_WHERE):
        raise InputError(
            f"{name} has no column of addresses; it has {', '.join(given) or 'none'}; say which is which, for example "
            "--columns address=地址, or town=行政區,street=路名,number=號"
        )
    kept = table[[*found.values(), *(each for each in ("line", "extent_m") if each in table)]]
    return kept.rename(columns={header: each for each, header in found.items()})


def as_named(
    table: pd.DataFrame, known: Mapping[str, tuple[str, ...]], needed: Iterable[str], name: str
) -> pd.DataFrame:
    """Return places or aliases under standard names, empty where a column is not there.

    Raises
    ------
    InputError
        When one that is needed is missing.
    """
    found = recognise((column for column in table.columns if column != "line"), known)
    if missing := [each for each in needed if each not in found]:
        there = ", ".join(str(column) for column in table.columns if column != "line")
        raise InputError(f"{name} has no column {missing[0]} ({known[missing[0]][1]}); it has {there}")
    frame = table[list(found.values())].rename(columns={header: each for each, header in found.items()})
    for each in known:
        if each not in frame:
            frame[each] = ""
    return frame[list(known)].fillna("").assign(line=table["line"])
