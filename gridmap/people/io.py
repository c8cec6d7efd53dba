"""Rosters from CSV and Excel, with English or Chinese headers, in UTF-8 or GB18030."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from gridmap.errors import RosterError
from gridmap.people.roster import ROSTER_COLUMNS, Roster
from gridmap.people.sheets import Faults, SheetKind, flags, listed, named, needed_texts, read_sheet, text_column, times

ROSTER: Final = SheetKind(
    "a roster",
    "holds nobody",
    {
        "person_id": ("person_id", "人员编号", "工号", "编号"),
        "name": ("name", "姓名"),
        "phone": ("phone", "电话", "联系电话", "手机", "手机号"),
        "role": ("role", "角色", "岗位", "职务"),
        "full_time": ("full_time", "专职", "是否专职"),
        "grid": ("grid", "网格", "网格编码", "网格编号"),
        "duties": ("duties", "职责", "责任清单", "事项清单"),
        "primary": ("primary", "主责", "是否主责"),
        "valid_from": ("valid_from", "生效日期", "开始日期", "起始日期"),
        "valid_to": ("valid_to", "失效日期", "结束日期", "截止日期"),
    },
    ("person_id", "name", "grid"),
    RosterError,
)


@dataclass(frozen=True, eq=False)
class ParsedRoster:
    """A roster read row by row: one bad row costs nobody else theirs.

    Parameters
    ----------
    table
        :data:`~gridmap.people.roster.ROSTER_COLUMNS` of every row, the bad ones with what could be read of them.
    faults
        Why rows cannot be used, by their index.
    """

    table: pd.DataFrame
    faults: Faults


def read_roster(path: str | os.PathLike[str], *, sheet: str | int = 0, encoding: str | None = None) -> Roster:
    r"""Read a roster.

    Parameters
    ----------
    path
        ``.csv`` (UTF-8 or GB18030, recognised) or ``.xlsx``. Columns ``person_id, name, grid`` are needed,
        ``phone, role, full_time, duties, primary, valid_from, valid_to`` read where they are there; Chinese headers
        (人员编号, 姓名, 网格编码, 电话, 角色, 专职, 职责, 主责, 生效日期, 失效日期) will do.
        Duties are separated by ``;`` (a comma or a space will do); without the column everybody holds every duty.
    sheet
        Of an Excel file.
    encoding
        Of a CSV, where it is not to be guessed.

    Raises
    ------
    RosterError
        When the file cannot be read, holds nobody, lacks a column, or a row cannot be used; the message names the row.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "staff.csv"
    >>> _ = path.write_text("人员编号,姓名,网格编码,职责\n007,王小明,320299001,P0203;S01\n", encoding="gbk")
    >>> read_roster(path).table[["person_id", "grid", "duties"]].values.tolist()
    [['007', '320299001', ('P0203', 'S01')]]
    """
    return as_roster(read_sheet(path, ROSTER, sheet=sheet, encoding=encoding), Path(path).name)


def as_roster(table: pd.DataFrame, name: str = "the roster") -> Roster:
    """Return a table as a roster, brought into one form; see :func:`read_roster`.

    Raises
    ------
    RosterError
        When nobody is in it, a column is missing, or a row cannot be used; rows are counted as in a spreadsheet,
        the header being row 1.
    """
    parsed = parse_roster(table, name)
    parsed.faults.refuse(name, RosterError)
    return Roster(parsed.table)


def parse_roster(table: pd.DataFrame, name: str = "the roster") -> ParsedRoster:
    """Return a table as a roster with what is wrong in it, for those who refuse rows and not files.

    Raises
    ------
    RosterError
        When nobody is in it or a column is missing.

    Examples
    --------
    >>> rows = {"person_id": ["7", "8"], "name": ["王小明", "李雷"], "grid": ["01", ""]}
    >>> parse_roster(pd.DataFrame(rows)).faults.reasons
    {1: 'grid is empty; every row needs one'}
    """
    frame, faults = named(table, ROSTER, name), Faults()
    columns: dict[str, Any] = needed_texts(frame, ROSTER, ("person_id", "name", "phone", "role", "grid"), faults)
    for column in ("full_time", "primary"):
        columns[column] = flags(frame, column, faults)
    columns["duties"] = _duties(frame)
    for column in ("valid_from", "valid_to"):
        columns[column] = times(frame, column, faults)
    ended = columns["valid_to"] <= columns["valid_from"]
    faults.add(ended, "valid_to is not after valid_from; a duty is held from one to the other")
    return ParsedRoster(pd.DataFrame(columns)[list(ROSTER_COLUMNS)], faults)


def _duties(frame: pd.DataFrame) -> pd.Series:
    if "duties" not in frame:
        return pd.Series([("*",)] * len(frame), index=frame.index, dtype=object)
    lists = [
        value if isinstance(value, tuple | list) else listed(text)
        for value, text in zip(frame["duties"], text_column(frame, "duties"), strict=True)
    ]
    held = [tuple(str(each).strip().upper() for each in one if str(each).strip()) for one in lists]
    return pd.Series(held, index=frame.index, dtype=object)
