"""The towns, communities, streets, hamlets, estates and named places of a list: which there are, and what is which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.build_paths import Path, Paths, gate_depth
from gridmap.address.index import OBJECT_KINDS as KINDS
from gridmap.address.script import HAN, clean
from gridmap.address.table import Column

Codes = NDArray[np.int64]
_ROAD: Final = re.compile(r"(?:路|大街|大道|公路|国道|省道|县道|乡道|街|道|[路街道]\d*段|[东南西北中]段)$")
_PERHAPS: Final = re.compile(r"(?:巷|弄|里|坊|胡同|线|段|条)$")
_CHINESE: Final = re.compile(f"[{HAN}]")
_BRACKET: Final = re.compile(
    r"^(.+?)\s*[(（\[【〔]\s*(原名?|又名|曾用名|别名|俗称|旧称|旧名|亦称)?\s*[:：]?\s*(.+?)[)）\]】〕]\s*$"
)
BETWEEN: Final = re.compile(r"[、,，;；/|]")
"""What parts one further name from the next."""
_SEVERAL_SHARED: Final = 2
_SHARED_PERCENT: Final = 10
"""From how many doors, and what part of them, that two communities both have under one street name there are two
streets: fewer are mistakes of the list."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects by id, and those of each row.

    Parameters
    ----------
    kind, title, town, community
        As of :class:`~gridmap.address.index.AddressIndex`.
    name
        Cleaned title.
    aliases
        ``(object, cleaned further name)``.
    of_row
        Kind of object → the one of each row, -1 where it has none; ``home`` is the one its numbers hang below.
    """

    kind: NDArray[np.uint8]
    title: list[str]
    town: Codes
    community: Codes
    name: list[str]
    aliases: list[tuple[int, str]]
    of_row: dict[str, Codes]


@dataclass(frozen=True, eq=False)
class _Named:
    """A column as names: code of each row (-1: empty) into names in order, and their titles.

    ``aliases`` holds the further names in the texts of the column, of which ``text`` is the one of each row.
    """

    code: Codes
    name: list[str]
    title: list[str]
    text: Codes
    aliases: dict[int, list[str]]

    @classmethod
    def of(cls, column: Column) -> _Named:
        split = [split_name(raw) for raw in column.raw]
        code, names = pd.factorize(np.array([clean(title) for title, _ in split], dtype=object), sort=True)
        titles = [""] * len(names)
        for at, (title, _) in zip(code.tolist(), split, strict=True):
            titles[at] = titles[at] or title
        shift = int(bool(len(names)) and names[0] == "")
        aliases = {at: others for at, (_, others) in enumerate(split) if others}
        return cls((code - shift)[column.code], list(names)[shift:], titles[shift:], column.code, aliases)

    def further(self, thing: Codes) -> list[tuple[int, str]]:
        """Return ``(object, cleaned name)`` of the texts with further names; ``thing`` is the object of each row."""
        rows = np.flatnonzero((thing >= 0) & np.isin(self.text, list(self.aliases)))
        pairs = set(zip(thing[rows].tolist(), self.text[rows].tolist(), strict=True))
        found = {(each, clean(name)) for each, text in pairs for name in self.aliases[text]}
        return sorted(pair for pair in found if pair[1])


def split_name(raw: str) -> tuple[str, list[str]]:
    """Return a name and the further names that stand in brackets behind it.

    Examples
    --------
    >>> split_name("人民路（原名解放路、东大街）"), split_name("虹桥路(东段)")
    (('人民路', ['解放路', '东大街']), ('虹桥路(东段)', ['虹桥路']))
    """
    found = _BRACKET.match(raw)
    if not found:
        return raw, []
    title, word, others = found.groups()
    return (title, [each for each in BETWEEN.split(others) if each]) if word else (raw, [title])


def find_objects(columns: dict[str, Column], paths: Paths) -> Objects:
    """Return the objects of rows."""
    town, community, street, estate = (_Named.of(columns[name]) for name in ("town", "community", "street", "estate"))
    place = _Named.of(Column.of(paths.name))
    made = _Maker()
    of_row = {"town": made.add("town", [town.code], town)}
    made.enter(of_row)
    of_row["community"] = made.add("community", [town.code, community.code], community)
    hamlet = _hamlets(town, community, street, paths)
    split = _split_streets(town, community, street, paths, hamlet)
    own = np.where(split, community.code, -1)
    of_row["street"] = made.add("street", [town.code, own, street.code], street, hamlet)
    own = np.where(_split_estates(town, community, street, estate, paths), community.code, -1)
    of_row["estate"] = made.add("estate", [town.code, own, estate.code], estate)
    of_row["landmark"] = made.add("landmark", [town.code, community.code, place.code], place)
    home = np.full(len(town.code), -1)
    for name in ("landmark", "street", "estate", "community", "town"):
        home = np.where(home < 0, of_row[name], home)
    of_row["home"] = home
    return made.objects(of_row)


class _Maker:
    """Makes objects kind by kind."""

    def __init__(self) -> None:
        self.kind: list[int] = []
        self.title: list[str] = []
        self.name: list[str] = []
        self.above: list[tuple[int, int]] = []
        self.aliases: list[tuple[int, str]] = []
        self._of_row: dict[str, Codes] = {}

    def enter(self, of_row: dict[str, Codes]) -> None:
        """Know the towns and communities of rows, as they are found."""
        self._of_row = of_row

    def add(self, kind: str, key: Sequence[Codes], named: _Named, hamlet: NDArray[np.bool_] | None = None) -> Codes:
        """Add one object for each different key whose last part says a name; return that of each row."""
        has = np.flatnonzero(key[-1] >= 0)
        together = np.zeros(len(has), dtype=np.int64)
        for part in key:
            together = together * (int(part.max(initial=-1)) + 2) + part[has] + 1
        _, first, which = np.unique(together, return_index=True, return_inverse=True)
        found = np.full(len(key[-1]), -1, dtype=np.int64)
        found[has] = len(self.kind) + which
        above = [self._only(name, has, which, len(first)) for name in ("town", "community")]
        for i, row in enumerate(has[first].tolist()):
            code = int(named.code[row])
            word = "hamlet" if hamlet is not None and hamlet[row] else kind
            self.kind.append(KINDS.index(word))
            self.title.append(named.title[code])
            self.name.append(named.name[code])
            self.above.append((int(above[0][i]), int(above[1][i])))
        self.aliases += named.further(found)
        return found

    def _only(self, name: str, has: Codes, which: Codes, count: int) -> Codes:
        """Return the town or community that all rows of each object are in, -1 where it is not one."""
        if name not in self._of_row:
            return np.full(count, -1)
        found = self._of_row[name][has]
        low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
        np.minimum.at(low, which, found)
        np.maximum.at(high, which, found)
        return np.where(low == high, high, -1)

    def objects(self, of_row: dict[str, Codes]) -> Objects:
        """Return what was made."""
        above = np.array(self.above, dtype=np.int64).reshape(-1, 2)
        kind = np.array(self.kind, dtype=np.uint8)
        return Objects(kind, self.title, above[:, 0], above[:, 1], self.name, self.aliases, of_row)


def _hamlets(town: _Named, community: _Named, street: _Named, paths: Paths) -> NDArray[np.bool_]:
    """Return which rows' streets are hamlets, and not roads.

    They have no name of a road, or a doubtful one (董家巷) that addresses write after that of the village.
    """
    chinese = np.array([bool(_CHINESE.search(name)) for name in street.name] + [False])
    road = np.array([bool(_ROAD.search(name)) for name in street.name] + [False])
    perhaps = np.array([bool(_PERHAPS.search(name)) for name in street.name] + [False])
    village = np.array([name.endswith("村") for name in community.name] + [False])
    written = paths.community_written & village[community.code]
    key = (town.code + 1) * (len(street.name) + 1) + street.code + 1
    _, which = np.unique(key, return_inverse=True)
    share = np.bincount(which, weights=written) / np.bincount(which)
    doubtful = perhaps[street.code] & (share[which] <= 0.5)
    found: NDArray[np.bool_] = (street.code >= 0) & chinese[street.code] & ~road[street.code] & ~doubtful
    return found


def _split_streets(
    town: _Named, community: _Named, street: _Named, paths: Paths, hamlet: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which rows' streets are of their community alone, because another has the same numbers under the name."""
    frame = pd.DataFrame({"town": town.code, "street": street.code, "path": paths.path, "community": community.code})
    known = frame[(street.code >= 0) & (community.code >= 0)].drop_duplicates()
    doors = known.groupby(["town", "street", "path"]).size()
    shared = (doors > 1).groupby(level=["town", "street"]).agg(["sum", "size"])
    split = (shared["sum"] >= _SEVERAL_SHARED) & (100 * shared["sum"] >= _SHARED_PERCENT * shared["size"])
    any_shared = shared["sum"] > 0
    keys = pd.MultiIndex.from_arrays([town.code, street.code])
    of_road = split.reindex(keys, fill_value=False).to_numpy()
    of_hamlet = any_shared.reindex(keys, fill_value=False).to_numpy()
    found: NDArray[np.bool_] = np.where(hamlet, of_hamlet, of_road)
    return found


def _split_estates(
    town: _Named, community: _Named, street: _Named, estate: _Named, paths: Paths
) -> NDArray[np.bool_]:  # fmt: skip
    """Return which rows' estates are of their community alone: others of the name in the town have another door."""
    place: dict[Path, int] = {}
    doors_of_paths = [place.setdefault(path[: gate_depth(path)], len(place)) for path in paths.steps]
    gate = np.array(doors_of_paths, dtype=np.int64)[paths.path]
    frame = pd.DataFrame(
        {"town": town.code, "estate": estate.code, "community": community.code, "street": street.code, "gate": gate}
    )
    known = frame[(estate.code >= 0) & (community.code >= 0)].drop_duplicates()
    counts = known.groupby(["town", "estate"])
    several = counts["community"].max() > counts["community"].min()
    doors = known.drop_duplicates(["town", "estate", "street", "gate"]).groupby(["town", "estate"]).size()
    split = several & (doors > 1)
    keys = pd.MultiIndex.from_arrays([town.code, estate.code])
    found: NDArray[np.bool_] = split.reindex(keys, fill_value=False).to_numpy()
    return found
