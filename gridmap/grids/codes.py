"""Codes of grids: how a child's code is made from its parent's, and what is wrong with codes that are there.

Two layouts (domain.md, "Codes"):

``default``
    A child's code is its parent's code plus the level's ``digits``, numbered from 001 inside the parent. With a
    county of 6 digits (GB/T 2260) and 3 digits a level: large 9, medium 12, small 15 (the unit grid of GB/T 30428.1),
    micro 18.
``as-is``
    Codes of imported grids, kept as they are; they need not carry their parent's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import PlanError
from gridmap.geo.crs import DECIMALS
from gridmap.grids.plan import LevelSpec

COUNTY_DIGITS: Final = 6


@dataclass(frozen=True)
class CodeProblem:
    """One code that does not fit its layout.

    Parameters
    ----------
    row
        Position of the grid in the sequence that was looked at.
    code
        The code as it stands.
    kind
        ``missing``, ``prefix`` (does not begin with the parent's code), ``length`` or ``digits`` (the part after
        the parent's code is not the number of digits the level has) or ``zero`` (numbering starts at 1).
    """

    row: int
    code: str
    kind: str


def code_length(levels: Sequence[LevelSpec], level: str) -> int:
    """Return how long the codes of a level are in the default layout.

    Examples
    --------
    >>> from gridmap.grids.plan import DEFAULT_LEVELS
    >>> [code_length(DEFAULT_LEVELS, spec.name) for spec in DEFAULT_LEVELS]
    [9, 12, 15, 18]
    """
    names = [spec.name for spec in levels]
    return COUNTY_DIGITS + sum(spec.digits for spec in levels[: names.index(level) + 1])


def code_text(value: Any) -> str:
    """Return a code read from any column as text: whole numbers without ``.0``, a missing one as ``""``.

    Examples
    --------
    >>> code_text(320214001.0), code_text(" 007 "), code_text(None), code_text(float("nan"))
    ('320214001', '007', '', '')
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def reading_order(lon: NDArray[Any], lat: NDArray[Any]) -> NDArray[np.int64]:
    """Return the order in which the grids of one parent are numbered: rows from north to south, each west to east.

    No norm says what "west to east, north to south" (GB/T 30428.1) means for irregular polygons. Here *(ours)*: the
    box around the representative points, ``w`` wide and ``h`` high in metres, is cut into rows of equal height, about
    as high as the mean grid: ``sqrt(w · h / n)``, so ``round(sqrt(n · h / w))`` rows. Inside a row the western point
    comes first, of equal ones the northern; points equal to 1e-8 degrees keep the order in which they came.

    Parameters
    ----------
    lon, lat
        (n,) representative points in degrees.

    Returns
    -------
    (n,) positions, the first to be numbered first.

    Examples
    --------
    >>> reading_order(np.array([0.0, 1, 0, 1]), np.array([0.0, 0, 1, 0.9])).tolist()
    [2, 3, 0, 1]
    """
    x, y = np.round(np.asarray(lon, float), DECIMALS), np.round(np.asarray(lat, float), DECIMALS)
    if len(x) == 0:
        return np.empty(0, dtype=np.int64)
    height = float(y.max() - y.min())
    width = float(x.max() - x.min()) * float(np.cos(np.radians((y.max() + y.min()) / 2)))
    rows = len(x) if width == 0 else int(np.clip(round(np.sqrt(len(x) * height / width)), 1, len(x)))
    band = np.zeros(len(x)) if height == 0 else np.minimum(np.floor((y.max() - y) / height * rows), rows - 1)
    return np.lexsort((-y, x, band)).astype(np.int64)


def assign_codes(
    parent_codes: Sequence[str],
    lon: NDArray[Any],
    lat: NDArray[Any],
    digits: int,
    *,
    taken: Iterable[str] = (),
) -> NDArray[np.object_]:
    """Give each grid its parent's code plus a number, in the order of :func:`reading_order` inside each parent.

    Parameters
    ----------
    parent_codes
        The parent of each grid; at the top level the county's code.
    lon, lat
        (n,) representative points in degrees.
    digits
        How many digits the level appends.
    taken
        Codes ever used, retired ones included. A code is never used twice: numbers go on after the highest.

    Returns
    -------
    (n,) codes, text.

    Raises
    ------
    PlanError
        When a parent has more children than its digits can number.

    Examples
    --------
    >>> assign_codes(["320214"] * 3, np.array([1.0, 0, 2]), np.zeros(3), 3, taken=["320214004"]).tolist()
    ['320214006', '320214005', '320214007']
    """
    x, y = np.asarray(lon, float), np.asarray(lat, float)
    last = _last_numbers(taken, digits)
    codes = np.empty(len(x), dtype=object)
    group, parents = pd.factorize(np.asarray(parent_codes, dtype=object))
    order = np.argsort(group, kind="stable")
    for parent, members in zip(parents, np.split(order, np.cumsum(np.bincount(group))[:-1]), strict=True):
        first = last.get(parent, 0) + 1
        final = first + len(members) - 1
        if final >= 10**digits:
            raise PlanError(
                f"{parent}: {len(members)} grids to be numbered from {first}, but {digits} digits end at "
                f"{10**digits - 1}; give the level more digits (LevelSpec.digits) or the parent fewer grids"
            )
        ranked = members[reading_order(x[members], y[members])]
        codes[ranked] = [f"{parent}{number:0{digits}d}" for number in range(first, final + 1)]
    return codes


def _last_numbers(taken: Iterable[str], digits: int) -> dict[str, int]:
    """Return the highest number used under each parent."""
    last: dict[str, int] = {}
    for code in taken:
        parent, number = code[:-digits], code[-digits:]
        if len(number) == digits and number.isdecimal():
            last[parent] = max(last.get(parent, 0), int(number))
    return last


def code_problems(
    codes: Iterable[str], parents: Iterable[str | None], digits: int | None, *, layout: str = "default"
) -> tuple[CodeProblem, ...]:
    """Return the codes that do not fit their layout.

    Parameters
    ----------
    codes, parents
        The code of each grid and of its parent (at the top level the county's; ``None`` where there is none: the
        whole code counts as appended then).
    digits
        How many digits are appended; ``None`` where any number will do (official codes of given levels).
    layout
        ``default`` or ``as-is``; as they are, codes only have to be there.

    Examples
    --------
    >>> code_problems(["320214001", "32021402", "", "320299001"], ["320214"] * 4, 3)
    ... # doctest: +NORMALIZE_WHITESPACE
    (CodeProblem(row=1, code='32021402', kind='length'), CodeProblem(row=2, code='', kind='missing'),
     CodeProblem(row=3, code='320299001', kind='prefix'))
    """
    found = []
    for row, (code, parent) in enumerate(zip(codes, parents, strict=True)):
        kind = _problem(code, parent, digits, layout)
        if kind:
            found.append(CodeProblem(row, code, kind))
    return tuple(found)


def _problem(code: str, parent: str | None, digits: int | None, layout: str) -> str:
    if not code:
        return "missing"
    if layout == "as-is":
        return ""
    if parent and not code.startswith(parent):
        return "prefix"
    number = code[len(parent) :] if parent else code
    if not (number.isascii() and number.isdecimal()):
        return "digits"
    if digits is not None and len(number) != digits:
        return "length"
    return "zero" if int(number) == 0 else ""
