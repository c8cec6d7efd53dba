"""What may be asked of tipg, which writes functions and numbers that are none into SQL as they are."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cql2 import Expr

from gridmap.errors import InputError

ALLOWED: Final = frozenset({
    "and", "or", "not", "=", "<>", "<", "<=", ">", ">=", "between", "in", "like", "isNull", "+", "-", "*", "/",
    "casei", "accenti", "s_intersects", "s_within", "s_contains", "s_disjoint", "s_equals", "s_touches", "s_crosses",
    "s_overlaps", "t_before", "t_after", "t_equals", "t_intersects", "t_during",
})  # fmt: skip
MOST_LETTERS: Final = 2_000
MOST_NESTED: Final = 20
"""Brackets in brackets of a filter: its parser goes down on the stack of the process, and a few thousand end that."""
MOST_DIGITS: Final = 18
DEEPEST: Final = 24
"""Zoom of the finest tiles."""
_MINUSES: Final = re.compile(r"-\s*-")
_WHOLE: Final = ("ids", "itemId", "z", "x", "y", "tileMatrix", "tileRow", "tileCol", "limit", "offset")
_NUMBERS: Final = {"bbox": "bbox=west,south,east,north in degrees", "simplify": "simplify=0.0001, in degrees"}


def check_query(asked: Mapping[str, str], accept: str = "") -> None:
    """Refuse what tipg would fail on, or do though it should not.

    Parameters
    ----------
    asked
        Parameters of the path and of the query.
    accept
        The header: tables of CSV are not offered, for tipg breaks off in the midst of one that is empty.

    Raises
    ------
    InputError
        Naming the parameter.

    Examples
    --------
    >>> check_query({"bbox": "120,31,121,nan"})
    Traceback (most recent call last):
    gridmap.errors.InputError: bbox: 'nan' is not a number; write bbox=west,south,east,north in degrees
    """
    for name, value in asked.items():
        if "\0" in value or "\0" in name:
            raise InputError(f"{name[:80]!r} holds a letter that is none")
        if name in _NUMBERS:
            for each in value.split(","):
                _check_number(name, each)
    if asked.get("f") == "csv" or accept.lower().startswith("text/csv"):
        raise InputError("f: csv is not offered; allowed: geojson, json, geojsonseq, ndjson, html")
    for name in _WHOLE:
        if any(not _is_whole(each) for each in asked.get(name, "0").split(",")):
            raise InputError(f"{name} is {asked[name][:80]!r}; write whole numbers of at most {MOST_DIGITS} digits")
    zoom = asked.get("z", asked.get("tileMatrix", "0"))
    if int(zoom) > DEEPEST:
        raise InputError(f"z is {zoom[:80]}; tiles go down to {DEEPEST}")
    if "filter" in asked:
        check_filter(asked["filter"])


def _check_number(name: str, written: str) -> None:
    try:
        good = math.isfinite(float(written)) and (name != "simplify" or float(written) >= 0)
    except ValueError:
        good = False
    if not good:
        raise InputError(f"{name}: {written[:80]!r} is not a number; write {_NUMBERS[name]}")


def _is_whole(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= MOST_DIGITS


def check_filter(written: str) -> None:
    """Refuse a filter that is none, or that calls a function.

    PostgreSQL would run it: ``set_config('role', …)`` ends the role that sees nothing but what is published, and
    ``pg_sleep`` takes a connection away.

    Raises
    ------
    InputError
        Naming what is not allowed, and what is.

    Examples
    --------
    >>> check_filter("households > 300 and name like '%苑%'")
    >>> check_filter("pg_sleep(9) = 1")
    Traceback (most recent call last):
    gridmap.errors.InputError: filter: pg_sleep is not allowed; allowed: *, +, -, /, <, ...
    """
    if len(written) > MOST_LETTERS:
        raise InputError(f"filter is longer than {MOST_LETTERS:,} letters")
    if _depth(written) > MOST_NESTED or _MINUSES.search(written):
        raise InputError(f"filter is nested more than {MOST_NESTED} brackets deep, or has a minus before a minus")
    try:
        said = Expr(written).to_json()
        strange = [name for name in _operations(said) if name not in ALLOWED]
        finite = all(map(math.isfinite, _numbers(said)))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"filter is no CQL2: {str(error).strip()}; for example households > 300") from None
    if not finite:
        raise InputError("filter: a number in it is too large to be one")
    if strange:
        raise InputError(f"filter: {strange[0]} is not allowed; allowed: {', '.join(sorted(ALLOWED))}")


def _depth(written: str) -> int:
    """Return how many brackets are open at most.

    Examples
    --------
    >>> _depth("((a = 1) and (b = 2))")
    2
    """
    steps = [1 if letter in "([{" else -1 if letter in ")]}" else 0 for letter in written]
    return max(itertools.accumulate(steps, initial=0))


def _numbers(said: Any) -> Iterator[float]:
    """Give every number that is not whole, however deep."""
    if isinstance(said, float):
        yield said
    elif isinstance(said, dict | list):
        for each in said.values() if isinstance(said, dict) else said:
            yield from _numbers(each)


def _operations(said: Any) -> Iterator[str]:
    """Give the name of everything that is done, however deep."""
    if isinstance(said, dict):
        if "op" in said:
            yield str(said["op"])
        for each in said.values():
            yield from _operations(each)
    elif isinstance(said, list):
        for each in said:
            yield from _operations(each)
