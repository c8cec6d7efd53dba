"""The numbers of every row: read once for all rows that have the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.model import KINDS, Step
from gridmap.address.script import HAN
from gridmap.address.steps import read_steps, step_code
from gridmap.address.table import Column

Path = tuple[int, ...]
"""Codes of the steps below a street."""
WORDED: Final = re.compile("[号巷弄栋幢座楼元门梯层室房户组队铺#f]")
NUMBER_WORDS: Final = {
    "lane": "巷", "alley": "弄", "number": "号", "building": "栋", "unit": "单元", "floor": "层", "room": "室",
}  # fmt: skip
"""What a column means by a number that stands alone in it."""
_FINE: Final = KINDS.index("building")
_PLATE: Final = KINDS.index("plate")
_MOST_STEPS: Final = 12
_NAMED: Final = re.compile(f"[{HAN}]{{2}}")
_MARKS: Final = re.compile(r"[\s\-0-9号]+")


@dataclass(frozen=True, eq=False)
class Paths:
    """The numbers of every row.

    Parameters
    ----------
    path
        Of each row: place in ``steps``.
    steps
        The different paths.
    unread
        Rows with a number that cannot be read as one.
    differs
        Rows whose address has another number than their column.
    community_written
        Rows whose address names the community before the street.
    name
        What a row without any number is called beyond the names of its columns: 人民医院; empty for the others.
    """

    path: NDArray[np.int64]
    steps: list[Path]
    unread: NDArray[np.bool_]
    differs: NDArray[np.bool_]
    community_written: NDArray[np.bool_]
    name: NDArray[Any]

    @cached_property
    def inner(self) -> list[Path]:
        """Of each path what is inside an estate: from the building on, or all of it where there is none."""
        return [path[at:] if (at := gate_depth(path)) < len(path) else path for path in self.steps]


def gate_depth(path: Path) -> int:
    """Return how many steps lead to the door: those before the building."""
    return next((at for at, code in enumerate(path) if code & 15 >= _FINE), len(path))


def matrix(paths: Sequence[Path]) -> tuple[NDArray[np.uint32], NDArray[np.int8]]:
    """Return paths as rows of codes, 0 behind the last, and how long each is."""
    depth = np.array([len(path) for path in paths], dtype=np.int8)
    codes = np.zeros((len(paths), int(depth.max(initial=0))), dtype=np.uint32)
    for at, path in enumerate(paths):
        codes[at, : len(path)] = path
    return codes, depth


def read_paths(rows: pd.DataFrame, columns: dict[str, Column]) -> Paths:
    """Return the numbers of standard rows: of the columns that have any, else of the address."""
    tail, written = _tails(columns)
    numbers = _number_texts(rows, columns)
    tail_code, tails = pd.factorize(tail)
    number_code, texts = pd.factorize(numbers)
    pair, which = np.unique(tail_code * (len(texts) + 1) + number_code, return_inverse=True)
    of_tail = [_path(text) for text in tails]
    of_number = [_path(text) for text in texts]
    place: dict[Path, int] = {}
    path_of_pair = np.empty(len(pair), dtype=np.int64)
    unread, differs = np.zeros(len(pair), dtype=bool), np.zeros(len(pair), dtype=bool)
    for i, value in enumerate(pair.tolist()):
        a, b = divmod(value, len(texts) + 1)
        path, differs[i] = _together(of_tail[a], of_number[b])
        unread[i] = (bool(texts[b]) and not path) or len(path) > _MOST_STEPS
        path = path[:_MOST_STEPS]
        path_of_pair[i] = place.setdefault(path, len(place))
    steps = list(place)
    of_row = path_of_pair[which]
    bare = np.array([not each for each in steps], dtype=bool)[of_row]
    name = np.full(len(rows), "", dtype=object)
    name[bare] = np.array([_name(text) for text in tails], dtype=object)[tail_code[bare]]
    return Paths(of_row, steps, unread[which], differs[which], written, name)


def _tails(columns: dict[str, Column]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return what follows the names of each row in its address, and whether the community stands before the street."""
    found = np.empty(len(columns["address"].code), dtype=object)
    written = np.zeros(len(found), dtype=bool)
    fields = [columns[name].texts for name in ("address", "town", "community", "street", "estate")]
    for i, (text, town, community, street, estate) in enumerate(zip(*fields, strict=True)):
        end = 0
        for name in (town, community, street):
            if name and (at := text.find(name, end)) >= 0:
                end = at + len(name)
                written[i] |= name is community
        rest = text[end:]
        found[i] = rest.replace(estate, " ", 1) if estate else rest
    return found, written


def _number_texts(rows: pd.DataFrame, columns: dict[str, Column]) -> NDArray[Any]:
    """Return the columns of numbers as one text a row: 15 and 24 are 15号24栋."""
    found = np.full(len(rows), "", dtype=object)
    for name, word in NUMBER_WORDS.items():
        column = columns[name]
        texts = [text if not text or WORDED.search(text) else text + word for text in column.cleaned]
        found = found + np.array([*texts, ""], dtype=object)[column.code]
    return found


def _path(text: str) -> Path:
    """Return the codes of the steps of a text; a first number without a word is a door plate."""
    steps: list[Step] = read_steps(text)
    if steps and not steps[0].kind:
        steps[0] = replace(steps[0], kind="plate")
    return tuple(step_code(step) for step in steps)


def _together(written: Path, columns: Path) -> tuple[Path, bool]:
    """Return one path of what the address says and what the columns say, and whether they differ.

    The address is often finer (24栋 stands in it alone); where the two differ the columns count.
    """
    if not columns or columns == written:
        return written or columns, False
    if not written:
        return columns, False
    left = iter(written)
    if all(code in left for code in columns):
        return written, False
    kinds = {code & 15 for code in columns}
    finer = tuple(code for code in written if code & 15 not in kinds and code & 15 >= _PLATE)
    differs = any(code & 15 in kinds and code not in columns for code in written)
    return columns + finer, differs


def _name(tail: str) -> str:
    """Return the name in what follows the names known: 人民医院 of an address without a number."""
    text = _MARKS.sub("", tail)
    return text if _NAMED.search(text) else ""
