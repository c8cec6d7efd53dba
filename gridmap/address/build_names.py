"""The names of objects: official ones, those in brackets, of an alias column, of a file of old names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.build_objects import BETWEEN, Objects
from gridmap.address.findings import Finding
from gridmap.address.index import OBJECT_KINDS
from gridmap.address.script import clean
from gridmap.address.suffixes import stem_of, suffix_class
from gridmap.address.table import MOST_LETTERS

_KIND_WORDS: Final = {
    "town": "镇 乡 街道 镇街 town", "community": "社区 村 村居 community", "street": "路 街 道路 街路巷 street road",
    "hamlet": "自然村 hamlet", "estate": "小区 院落 estate", "landmark": "地标 兴趣点 单位 landmark poi place",
}  # fmt: skip
_KIND_OF: Final = {word: kind for kind, words in _KIND_WORDS.items() for word in words.split()}


@dataclass(frozen=True, eq=False)
class Names:
    """All names and whose they are; as of :class:`~gridmap.address.index.AddressIndex`."""

    names: list[str]
    name_start: NDArray[np.int32]
    name_object: NDArray[np.int32]


def gather_names(objects: Objects, further: Iterable[tuple[int, str]]) -> Names:
    """Return every name once, in order, with its objects.

    Parameters
    ----------
    objects
        With their official names.
    further
        ``(object, cleaned name)``.
    """
    pairs = {*enumerate(objects.name), *further}
    names = sorted({name for _, name in pairs})
    place = {name: at for at, name in enumerate(names)}
    found = np.array(sorted((place[name], thing) for thing, name in pairs), dtype=np.int64).reshape(-1, 2)
    start = np.searchsorted(found[:, 0], np.arange(len(names) + 1))
    return Names(names, start.astype(np.int32), found[:, 1].astype(np.int32))


def column_aliases(aliases: NDArray[np.object_], objects: Objects) -> set[tuple[int, str]]:
    """Return the names of the alias column: of the street where they end like one, else of the estate or the street."""
    code, texts = pd.factorize(aliases)
    street, estate, home = (objects.of_row[name] for name in ("street", "estate", "home"))
    found = set()
    for at in np.flatnonzero(aliases != "").tolist():
        for word in BETWEEN.split(texts[code[at]]):
            if name := clean(word):
                road = suffix_class(stem_of(name)[1]) == "road"
                for thing in (street[at], estate[at]) if road else (estate[at], street[at]):
                    if thing >= 0:
                        found.add((int(thing), name))
                        break
                else:
                    found.add((int(home[at]), name))
    return found


def listed_aliases(table: pd.DataFrame, objects: Objects, source: str) -> tuple[set[tuple[int, str]], list[Finding]]:
    """Return the names of a file of aliases, and the rows that name nothing the lists have.

    Parameters
    ----------
    table
        ``name, alias, kind, town, line``; of several aliases with a comma between them, each.
    objects
        That have the names.
    source
        Name of the file.
    """
    by_name: dict[str, list[int]] = {}
    for thing, name in enumerate(objects.name):
        by_name.setdefault(name, []).append(thing)
    found, findings = set(), []
    for row in table.itertuples(index=False):
        kind = _KIND_OF.get(str(row.kind).strip().lower(), "")
        town = clean(str(row.town))
        things = [
            thing
            for thing in by_name.get(clean(str(row.name)), [])
            if kind in ("", OBJECT_KINDS[objects.kind[thing]])
            and (not town or (objects.town[thing] >= 0 and objects.name[objects.town[thing]] == town))
        ]
        words = [name for word in BETWEEN.split(str(row.alias)[:MOST_LETTERS]) if (name := clean(word))]
        if not things or not words:
            where = f" in {row.town}" if town else ""
            nothing = f"no {kind or 'town, community, street, estate or place'} is called {row.name!r}{where}"
            said = f"{nothing}; {row.alias!r} is not used" if words else f"{row.name!r} is given no other name"
            findings.append(Finding(source, int(row.line), "alias_of_nothing", said))
        found |= {(thing, name) for thing in things for name in words}
    return found, findings
