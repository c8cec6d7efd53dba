"""Sheets as offices keep them: CSV or Excel, Chinese or English headers, UTF-8 or GB18030, judged row by row."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from gridmap.errors import InputError
from gridmap.geo.files import text_encoding
from gridmap.people.times import ZONE, read_times

YES: Final = ("1", "1.0", "true", "yes", "y", "是", "专职", "主责")
NO: Final = ("0", "0.0", "false", "no", "n", "否", "兼职", "")
HEADER_ROWS: Final = 2
"""What a table's row is counted on by: spreadsheets begin at 1, and the header is the first."""
MOST_LETTERS: Final = 500
"""Of a cell."""
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_EXCEL: Final = (".xlsx", ".xlsm")


@dataclass(frozen=True)
class SheetKind:
    """What a sheet is to hold.

    Parameters
    ----------
    called, empty
        How messages name it, and what they say of one without rows.
    headers
        Column → its spellings, in small letters.
    needed
        Columns without which it cannot be used; no row may leave them empty.
    error
        What is raised.
    """

    called: str
    empty: str
    headers: Mapping[str, Sequence[str]]
    needed: Sequence[str]
    error: type[InputError]


@dataclass(frozen=True)
class Faults:
    """Why rows cannot be used: table index → the first reason found."""

    reasons: dict[int, str] = field(default_factory=dict)

    def add(self, bad: pd.Series, reasons: str | pd.Series) -> None:
        """Take down the rows where ``bad`` is set, with one reason or one each."""
        for at in bad.index[bad.to_numpy(dtype=bool)]:
            self.reasons.setdefault(int(at), reasons if isinstance(reasons, str) else str(reasons[at]))

    def refuse(self, name: str, error: type[InputError]) -> None:
        """Raise the first that was found, named by its row in a spreadsheet."""
        for at, reason in self.reasons.items():
            raise error(f"{name}, row {at + HEADER_ROWS}: {reason}")


def read_sheet(
    path: str | os.PathLike[str], kind: SheetKind, *, sheet: str | int = 0, encoding: str | None = None
) -> pd.DataFrame:
    """Read a sheet, every cell the text that it is.

    Raises
    ------
    InputError
        Of the kind's own class, when there is no such file or it is no sheet.
    """
    source = Path(path)
    if not source.exists():
        raise kind.error(f"{source} does not exist; give a CSV or Excel file of {kind.called}")
    try:
        if source.suffix.lower() in _EXCEL:
            return pd.read_excel(source, sheet_name=sheet, dtype=str)
        with warnings.catch_warnings():
            # Fields beyond the header would be dropped with a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                source, dtype=str, encoding=encoding or text_encoding(source), skipinitialspace=True,
                index_col=False, skip_blank_lines=False,
            )  # fmt: skip
    except (ValueError, LookupError, OSError, zipfile.BadZipFile, pd.errors.ParserWarning) as error:
        raise kind.error(f"{source.name} cannot be read as {kind.called}: {error}") from error


def named(table: pd.DataFrame, kind: SheetKind, name: str) -> pd.DataFrame:
    """Return the columns of a table that are known, under their own names, without empty rows.

    Raises
    ------
    InputError
        Of the kind's own class, when one that is needed is missing, or there is no row.
    """
    headers = {str(column).strip().lower(): column for column in table.columns}
    found = {}
    for wanted, spellings in kind.headers.items():
        match = next((headers[word] for word in spellings if word in headers), None)
        if match is not None:
            found[match] = wanted
    missing = [column for column in kind.needed if column not in found.values()]
    if missing:
        there = ", ".join(map(str, table.columns)) or "none"
        wanted_words = ", ".join(f"{each} ({kind.headers[each][1]})" for each in missing)
        raise kind.error(f"{name} has no column {wanted_words}; it has {there}")
    frame = table[list(found)].rename(columns=found).dropna(how="all")
    if frame.empty:
        raise kind.error(f"{name} {kind.empty}: there is no row below the header")
    return frame


def needed_texts(frame: pd.DataFrame, kind: SheetKind, columns: Sequence[str], faults: Faults) -> dict[str, pd.Series]:
    """Return columns of text; a row that leaves empty what is needed is taken down."""
    texts = {column: text_column(frame, column) for column in columns}
    for column in kind.needed:
        faults.add(texts[column] == "", f"{column} is empty; every row needs one")
    for column, values in texts.items():
        faults.add(*_unwritable(column, values))
    return texts


def _unwritable(column: str, values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return which texts nobody could mean, and why: no name is that long, or has a letter that cannot be seen."""
    reasons = values.map(lambda text: text_fault(column, text))
    return reasons != "", reasons


def text_fault(column: str, text: str) -> str:
    r"""Return why a text cannot be kept; empty where it can.

    Examples
    --------
    >>> text_fault("name", "王　明"), text_fault("name", "王\0")
    ('', 'name holds a letter that cannot be seen')
    """
    if len(text) > MOST_LETTERS:
        return f"{column} has {len(text):,} letters; at most {MOST_LETTERS}"
    return f"{column} holds a letter that cannot be seen" if _UNSEEN.search(text) else ""


def text_column(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as text, empty where it says nothing."""
    if column not in frame:
        return pd.Series([""] * len(frame), index=frame.index, dtype="str")
    values = frame[column]
    # Excel keeps codes as numbers: 320299001.0 is 320299001.
    return values.astype("str").where(values.notna(), "").str.strip().str.replace(r"^(\d+)\.0$", r"\1", regex=True)


def flags(frame: pd.DataFrame, column: str, faults: Faults) -> pd.Series:
    """Return a column of yes and no."""
    words = text_column(frame, column).str.lower()
    allowed = "allowed: 1, 0, true, false, 是, 否"
    faults.add(~words.isin((*YES, *NO)), words.map(lambda word: f"{column} is {word!r}; {allowed}"))
    return words.isin(YES)


def times(frame: pd.DataFrame, column: str, faults: Faults) -> pd.Series:
    """Return a column of times in Asia/Shanghai, missing where it says nothing."""
    words = frame[column] if column in frame else pd.Series([None] * len(frame), index=frame.index, dtype=object)
    found, unreadable = read_times(words)
    said = words.map(lambda word: f"{column} is {word!r}; write for example 2026-05-01")
    faults.add(pd.Series(unreadable, index=frame.index), said)
    return found.dt.tz_convert(ZONE).set_axis(frame.index)


def numbers(frame: pd.DataFrame, column: str, faults: Faults) -> pd.Series:
    """Return a column of numbers that are 0 or more, missing where it says nothing."""
    words = text_column(frame, column)
    found = pd.to_numeric(words.str.replace(",", ""), errors="coerce").astype("float64")
    bad = (words != "") & ~(np.isfinite(found) & (found >= 0))
    faults.add(bad, words.map(lambda word: f"{column} is {word!r}; write a number, for example 1200"))
    return found.where(~bad)


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a list written with any separator.

    Examples
    --------
    >>> listed("p0203，S01、E0101")
    ('p0203', 'S01', 'E0101')
    """
    return tuple(part for part in re.split(r"[;；,，、|\s]+", text) if part)
