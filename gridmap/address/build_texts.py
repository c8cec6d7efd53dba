"""The standard text of every row, and what its names say twice."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.build_hang import Listed
from gridmap.address.build_paths import NUMBER_WORDS, WORDED
from gridmap.address.index import ESTATE, STREET
from gridmap.address.script import HAN, clean
from gridmap.address.table_texts import text_tables

_HEAD: Final = re.compile(r"[^0-9０-９]*")
_COLUMNS: Final = ("street", "lane", "alley", "number", "estate", "building", "unit", "floor", "room")
_CHINESE: Final = re.compile(f"[{HAN}]")


def address_tables(listed: Listed) -> dict[str, NDArray[Any]]:
    """Return the addresses of rows, cut before the first digit: heads and tails are few."""
    texts = _addresses(listed)
    ends = [match.end() if (match := _HEAD.match(text)) else 0 for text in texts]
    found: dict[str, NDArray[Any]] = {}
    for name, parts in (
        ("head", [text[:end] for text, end in zip(texts, ends, strict=True)]),
        ("tail", [text[end:] for text, end in zip(texts, ends, strict=True)]),
    ):
        code, words = pd.factorize(np.array(parts, dtype=object), sort=True)
        found |= {f"row_{name}": code.astype(np.int32), **text_tables(f"{name}s", list(words))}
    return found


def _addresses(listed: Listed) -> list[str]:
    """Return what each row's address is: as listed, with its town before it; else made of the columns."""
    given, town = listed.rows["address"].tolist(), _titles(listed, "town")
    made = _made(listed)
    named: dict[tuple[str, str], bool] = {}
    found = []
    for i, (text, before) in enumerate(zip(given, town, strict=True)):
        if not text:
            found.append((before + made[i]).strip())
        elif not before or text.startswith(before):
            found.append(text)
        else:
            # The pattern matches every text, if only its empty beginning.
            key = (before, _HEAD.match(text)[0])  # type: ignore[index]
            if key not in named:
                named[key] = clean(before) in clean(key[1])
            found.append(text if named[key] else before + text)
    return found


def _titles(listed: Listed, kind: str) -> list[str]:
    titles = np.array([*listed.objects.title, ""], dtype=object)
    found: list[str] = titles[listed.objects.of_row[kind]].tolist()
    return found


def _made(listed: Listed) -> NDArray[Any]:
    """Return addresses made of the columns: the community where it tells hamlets apart or there is no street."""
    rows, of_row = listed.rows, listed.objects.of_row
    road = np.append(listed.objects.kind == STREET, False)[of_row["street"]]
    found = np.where(road, "", np.array(_titles(listed, "community"), dtype=object))
    street = np.array(_titles(listed, "street"), dtype=object)
    for name in _COLUMNS:
        word = NUMBER_WORDS.get(name, "")
        column = street if name == "street" else rows[name].to_numpy()
        code, texts = pd.factorize(column)
        worded = [text + word if word and text and not WORDED.search(clean(text)) else text for text in texts]
        found = found + np.array([*worded, ""], dtype=object)[code]
    latin = np.array([bool(text) and not _CHINESE.search(text) for text in street])
    number = rows["number"].to_numpy()
    found[latin] = [f" {name} {text}".rstrip() for name, text in zip(street[latin], number[latin], strict=True)]
    return found


def note_estates(listed: Listed) -> None:
    """Take down estates of one name in one town."""
    objects, seen = listed.objects, dict[tuple[int, str], int]()
    first: dict[int, int] = {}
    for row, thing in enumerate(objects.of_row["estate"].tolist()):
        first.setdefault(thing, row)
    for thing in np.flatnonzero(objects.kind == ESTATE).tolist():
        key = (int(objects.town[thing]), objects.name[thing])
        if key in seen and thing in first and seen[key] in first:
            other = listed.notes.where(first[seen[key]])
            message = f"the town has two estates called {objects.title[thing]!r}; the other is that of {other}"
            listed.notes.add(first[thing], "two_estates", message)
        seen.setdefault(key, thing)
