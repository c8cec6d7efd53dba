"""The organisations of a county: the chain from a town's committee to a household point, and the units that report.

The chain (domain.md, "Organisations") is town committee → community committee → branch of an estate or a small grid →
group of a building or a micro grid → household point. Units stationed in a community and units from the county report
to a community. An estate is no organisation, but a place that should have one: it is listed so that it can be missed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pandas as pd

from gridmap.errors import InputError
from gridmap.people.sheets import Faults, SheetKind, named, needed_texts, numbers, read_sheet, text_column

ORGANISATION_COLUMNS: Final = (
    "org_id", "name", "kind", "parent_id", "grid", "reports_to", "offers", "households",
)  # fmt: skip
TOWN, COMMUNITY, ESTATE, BRANCH = "town_committee", "community_committee", "estate", "branch"
GROUP, HOUSEHOLD, UNIT, COUNTY_UNIT = "group", "household_point", "unit", "county_unit"
PARENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        TOWN: (), COMMUNITY: (TOWN,), ESTATE: (COMMUNITY,), BRANCH: (COMMUNITY, ESTATE), GROUP: (BRANCH,),
        HOUSEHOLD: (BRANCH, GROUP), UNIT: (), COUNTY_UNIT: (),
    }
)  # fmt: skip
"""Kind → what stands above it in the chain."""
BIG_ESTATE: Final = 1_000
"""Households from which an estate must have a branch of its own."""
SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        TOWN: ("镇党委", "街道党工委", "乡镇党委", "街道党委", "镇街党委"),
        COMMUNITY: ("社区党委", "村党委", "社区大党委", "大党委", "村社区党委"),
        ESTATE: ("小区", "住宅小区"),
        BRANCH: ("党支部", "小区党支部", "网格党支部", "estate_branch", "grid_branch"),
        GROUP: ("党小组", "楼栋党小组", "微网格党小组", "building_group", "micro_group"),
        HOUSEHOLD: ("党员中心户", "中心户"),
        UNIT: ("驻区单位", "驻社区单位", "共建单位", "stationed_unit"),
        COUNTY_UNIT: ("县直单位", "区直单位", "机关单位", "双报到单位"),
    }
)
_KINDS: Final = {word: kind for kind, words in SPELLINGS.items() for word in (kind, *words)}
_SHEET: Final = SheetKind(
    "organisations",
    "holds no organisation",
    {
        "org_id": ("org_id", "组织编号", "组织编码", "编号", "organisation"),
        "name": ("name", "组织名称", "名称", "单位名称"),
        "kind": ("kind", "组织类型", "类型", "类别"),
        "parent_id": ("parent_id", "上级组织", "上级编号", "上级", "parent"),
        "grid": ("grid", "网格编码", "网格", "网格编号", "所在网格"),
        "reports_to": ("reports_to", "报到社区", "报到组织", "报到"),
        "offers": ("offers", "服务项目", "提供服务", "资源清单", "可提供服务"),
        "households": ("households", "户数", "小区户数"),
    },
    ("org_id", "name", "kind"),
    InputError,
)


class Finding(NamedTuple):
    """Something to be seen to; it stops nobody.

    Parameters
    ----------
    rule
        ``grid_without_branch``, ``unit_without_community``, ``estate_without_branch``, ``parent_kind``,
        ``parent_unknown``, ``cycle``.
    key
        The organisation, or the grid.
    message
        What is missing or wrong.
    """

    rule: str
    key: str
    message: str


@dataclass(frozen=True, eq=False)
class ParsedOrganisations:
    """Organisations read row by row.

    Parameters
    ----------
    table
        :data:`ORGANISATION_COLUMNS`; text is empty and households missing where nothing is said. The bad rows are in
        it with what could be read of them.
    faults
        Why rows cannot be used, by their index.
    """

    table: pd.DataFrame
    faults: Faults


def read_organisations(
    path: str | os.PathLike[str], *, sheet: str | int = 0, encoding: str | None = None
) -> ParsedOrganisations:
    """Read organisations from CSV (UTF-8 or GB18030, recognised) or Excel, with English or Chinese headers.

    Raises
    ------
    InputError
        When the file cannot be read, holds none or lacks a column.
    """
    return parse_organisations(read_sheet(path, _SHEET, sheet=sheet, encoding=encoding), Path(path).name)


def parse_organisations(table: pd.DataFrame, name: str = "the table") -> ParsedOrganisations:
    """Return a table as organisations with what is wrong in it.

    Raises
    ------
    InputError
        When none is in it, or a column is missing.

    Examples
    --------
    >>> rows = {"组织编号": ["1", "2"], "名称": ["花山镇党委", "某社"], "类型": ["镇党委", "club"]}
    >>> parsed = parse_organisations(pd.DataFrame(rows))
    >>> parsed.table["kind"].tolist(), list(parsed.faults.reasons)
    (['town_committee', 'club'], [1])
    """
    frame, faults = named(table, _SHEET, name), Faults()
    wanted = [column for column in ORGANISATION_COLUMNS if column != "households"]
    columns: dict[str, pd.Series] = needed_texts(frame, _SHEET, wanted, faults)
    kinds = text_column(frame, "kind")
    columns["kind"] = kinds.map(lambda word: _KINDS.get(word.lower(), word))
    allowed = ", ".join(f"{kind} ({words[0]})" for kind, words in SPELLINGS.items())
    faults.add(~columns["kind"].isin(list(PARENTS)), kinds.map(lambda word: f"kind is {word!r}; allowed: {allowed}"))
    columns["households"] = numbers(frame, "households", faults)
    return ParsedOrganisations(pd.DataFrame(columns)[list(ORGANISATION_COLUMNS)], faults)


def towns_of(table: pd.DataFrame, town_of: Mapping[str, str]) -> pd.Series:
    """Return the town of each organisation: its grid's, else that of what it reports to, else of what is above it.

    Parameters
    ----------
    table
        :data:`ORGANISATION_COLUMNS`.
    town_of
        Code of a grid → code of its town.

    Returns
    -------
    Series
        Missing (``None``) where nothing tells.

    Examples
    --------
    >>> rows = {"org_id": ["1", "2"], "grid": ["320299100001", ""], "parent_id": ["", ""], "reports_to": ["", "1"]}
    >>> towns_of(pd.DataFrame(rows), {"320299100001": "320299100"}).tolist()
    ['320299100', '320299100']
    """
    rows = {row.org_id: row for row in table.itertuples()}
    return pd.Series([_town(row, rows, town_of) for row in table.itertuples()], index=table.index, dtype=object)


def _town(row: Any, rows: Mapping[str, Any], town_of: Mapping[str, str]) -> str | None:
    seen: set[str] = set()
    here: Any = row
    while here is not None and here.org_id not in seen:
        if here.grid in town_of:
            return town_of[here.grid]
        seen.add(here.org_id)
        here = rows.get(here.reports_to) or rows.get(here.parent_id)
    return None


def findings(table: pd.DataFrame, small_grids: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return what is missing or wrong in the organisations of a county or a town.

    Parameters
    ----------
    table
        :data:`ORGANISATION_COLUMNS`, every ``org_id`` once.
    small_grids
        Codes of the grids that are to have a branch each.

    Examples
    --------
    >>> rows = {"org_id": ["0", "1", "2"], "name": ["桃溪村党委", "桃溪小区", "某公司"],
    ...         "kind": ["community_committee", "estate", "unit"], "parent_id": ["00", "0", ""], "grid": "",
    ...         "reports_to": ["", "", "1"], "offers": "", "households": [None, 1200.0, None]}
    >>> [(each.rule, each.key) for each in findings(pd.DataFrame(rows))]
    [('parent_unknown', '0'), ('estate_without_branch', '1'), ('unit_without_community', '2')]
    """
    kind_of = dict(zip(table["org_id"], table["kind"], strict=True))
    branches = table[table["kind"] == BRANCH]
    return (
        *_wrong_parents(table, kind_of),
        *_cycles(table),
        *_bare_estates(table, set(branches["parent_id"])),
        *_lost_units(table, kind_of),
        *_bare_grids(small_grids, set(branches["grid"])),
    )


def _wrong_parents(table: pd.DataFrame, kind_of: Mapping[str, str]) -> Iterator[Finding]:
    for row in table.itertuples():
        allowed = PARENTS[row.kind]
        said = " or ".join(allowed) or "nothing"
        if row.parent_id and row.parent_id not in kind_of:
            yield Finding("parent_unknown", row.org_id, f"its parent {row.parent_id} is not on record")
        elif row.parent_id and kind_of[row.parent_id] not in allowed:
            above = kind_of[row.parent_id]
            yield Finding("parent_kind", row.org_id, f"a {row.kind} stands below {said}, not below a {above}")
        elif allowed and not row.parent_id:
            yield Finding("parent_unknown", row.org_id, f"a {row.kind} stands below {said}; it names no parent")


def _cycles(table: pd.DataFrame) -> Iterator[Finding]:
    above = dict(zip(table["org_id"], table["parent_id"], strict=True))
    settled: set[str] = set()
    for start in above:
        path: list[str] = []
        here = start
        while here in above and here not in settled and here not in path:
            path.append(here)
            here = above[here]
        if here in path:
            ring = path[path.index(here) :]
            yield Finding("cycle", min(ring), f"the parents run in a circle: {' → '.join([*ring, here])}")
        settled.update(path)


def _bare_estates(table: pd.DataFrame, with_branch: Collection[str]) -> Iterator[Finding]:
    big = table[(table["kind"] == ESTATE) & (table["households"] >= BIG_ESTATE)]
    for row in big[~big["org_id"].isin(list(with_branch))].itertuples():
        yield Finding(
            "estate_without_branch",
            row.org_id,
            f"{row.households:,.0f} households live in {row.name}, without a branch",
        )


def _lost_units(table: pd.DataFrame, kind_of: Mapping[str, str]) -> Iterator[Finding]:
    for row in table[table["kind"].isin([UNIT, COUNTY_UNIT])].itertuples():
        if kind_of.get(row.reports_to) != COMMUNITY:
            where = f"reports to {row.reports_to}, which is no community committee" if row.reports_to else "names none"
            yield Finding("unit_without_community", row.org_id, f"a unit reports to a community; {row.name} {where}")


def _bare_grids(small_grids: Collection[str], with_branch: Collection[str]) -> Iterator[Finding]:
    for code in sorted(set(small_grids) - set(with_branch)):
        yield Finding("grid_without_branch", code, f"grid {code} has no branch")
