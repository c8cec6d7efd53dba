"""Rosters from CSV and Excel, with English or Chinese headers, in UTF-8 or GB18030."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, Final

import pandas as pd

from gridmap.errors import RosterError
from gridmap.geo.files import text_encoding
from gridmap.people.roster import ROSTER_COLUMNS, Roster
from gridmap.people.times import ZONE, read_times

_HEADERS: Final = {
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
}
_NEEDED: Final = ("person_id", "name", "grid")
_YES: Final = ("1", "1.0", "true", "yes", "y", "是", "专职", "主责")
_NO: Final = ("0", "0.0", "false", "no", "n", "否", "兼职", "")
_EXCEL: Final = (".xlsx", ".xlsm")


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
    source = Path(path)
    if not source.exists():
        raise RosterError(f"{source} does not exist; give a CSV or Excel file of staff")
    try:
        if source.suffix.lower() in _EXCEL:
            raw = pd.read_excel(source, sheet_name=sheet, dtype=str)
        else:
            with warnings.catch_warnings():
                # Fields beyond the header would be dropped with a warning.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                raw = pd.read_csv(
                    source, dtype=str, encoding=encoding or text_encoding(source), skipinitialspace=True,
                    index_col=False, skip_blank_lines=False,
                )  # fmt: skip
    except (ValueError, LookupError, OSError, zipfile.BadZipFile, pd.errors.ParserWarning) as error:
        raise RosterError(f"{source.name} cannot be read as a roster: {error}") from error
    return as_roster(raw, source.name)


def as_roster(table: pd.DataFrame, name: str = "the roster") -> Roster:
    """Return a table as a roster, brought into one form; see :func:`read_roster`.

    Raises
    ------
    RosterError
        When nobody is in it, a column is missing, or a row cannot be used; rows are counted as in a spreadsheet,
        the header being row 1.
    """
    frame = _named(table, name)
    if frame.empty:
        raise RosterError(f"{name} holds nobody: there is no row below the header")
    columns: dict[str, Any] = {}
    for column in ("person_id", "name", "phone", "role", "grid"):
        columns[column] = _text(frame, column)
    for column in _NEEDED:
        empty = columns[column] == ""
        if empty.any():
            raise RosterError(f"{name}, row {_row(empty)}: {column} is empty; every row needs one")
    for column in ("full_time", "primary"):
        columns[column] = _flags(frame, column, name)
    columns["duties"] = _duties(frame)
    for column in ("valid_from", "valid_to"):
        columns[column] = _times(frame, column, name)
    ended = columns["valid_to"] <= columns["valid_from"]
    if ended.any():
        raise RosterError(
            f"{name}, row {_row(ended)}: valid_to is not after valid_from; a duty is held from one to the other"
        )
    return Roster(pd.DataFrame(columns)[list(ROSTER_COLUMNS)])


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    headers = {str(column).strip().lower(): column for column in table.columns}
    found = {}
    for wanted, spellings in _HEADERS.items():
        match = next((headers[word] for word in spellings if word in headers), None)
        if match is not None:
            found[match] = wanted
    missing = [column for column in _NEEDED if column not in found.values()]
    if missing:
        there = ", ".join(map(str, table.columns)) or "none"
        raise RosterError(
            f"{name} has no column {', '.join(f'{each} ({_HEADERS[each][1]})' for each in missing)}; it has {there}"
        )
    return table[list(found)].rename(columns=found).dropna(how="all")


def _row(bad: pd.Series) -> int:
    return int(bad.index[bad.to_numpy().argmax()]) + 2


def _text(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series([""] * len(frame), index=frame.index, dtype="str")
    values = frame[column]
    # Excel keeps codes as numbers: 320299001.0 is 320299001.
    return values.astype("str").where(values.notna(), "").str.strip().str.replace(r"^(\d+)\.0$", r"\1", regex=True)


def _flags(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    words = _text(frame, column).str.lower()
    unknown = ~words.isin((*_YES, *_NO))
    if unknown.any():
        raise RosterError(
            f"{name}, row {_row(unknown)}: {column} is {words[unknown].iloc[0]!r}; allowed: 1, 0, true, false, 是, 否"
        )
    return words.isin(_YES)


def _duties(frame: pd.DataFrame) -> pd.Series:
    if "duties" not in frame:
        return pd.Series([("*",)] * len(frame), index=frame.index, dtype=object)
    lists = [
        value if isinstance(value, tuple | list) else re.split(r"[;；,，、|\s]+", text)
        for value, text in zip(frame["duties"], _text(frame, "duties"), strict=True)
    ]
    held = [tuple(str(each).strip().upper() for each in one if str(each).strip()) for one in lists]
    return pd.Series(held, index=frame.index, dtype=object)


def _times(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    words = frame[column] if column in frame else pd.Series([None] * len(frame), dtype=object)
    times, unreadable = read_times(words)
    if unreadable.any():
        bad = words.iloc[int(unreadable.argmax())]
        row = _row(pd.Series(unreadable, index=frame.index))
        raise RosterError(f"{name}, row {row}: {column} is {bad!r}; write for example 2026-05-01")
    return times.dt.tz_convert(ZONE).set_axis(frame.index)
