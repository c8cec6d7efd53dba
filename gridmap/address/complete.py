"""Completing what somebody is typing into the command page: names, then numbers under them.

In front of a name its town and community may stand, with their suffix or without (华阳人民 completes to 华阳镇人民路).
A name may be typed as written, by pinyin or by its initials (:mod:`gridmap.address.complete_sounds`); behind a whole
name numbers follow. What is typed as written comes before what only sounds so, a whole name before a beginning, and of
equals what has more addresses. What would complete to nothing is read as a slip: 红桥路 as 虹桥路.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.address.complete_numbers import GAP, ends_of_names, first_number, numbers_under
from gridmap.address.complete_sounds import BEGINS, MOST_TYPED, STEM, WHOLE, SoundTables, match_sounds, spelled
from gridmap.address.complete_tables import PREFIX
from gridmap.address.index import COMMUNITY, ESTATE, OBJECT_KINDS, STREET, TOWN, AddressIndex
from gridmap.address.model import Step, Suggestion
from gridmap.address.names import NameBook
from gridmap.address.script import clean
from gridmap.address.steps import format_steps

MOST_CHARACTERS: Final = 100
"""What is longer is no address that somebody is typing, and nothing completes it."""
_MOST_NUMBERED: Final = 48
"""Of objects of one name, those with most addresses whose numbers are looked up where the town is not said."""
_MOST_LOOKED_AT: Final = 100
"""Of addresses that may have words between their numbers, those whose text is looked at."""
_MOST_READINGS: Final = 6
_LONGEST_NAME: Final = 24
"""Characters at the beginning of a text that are looked at for a slip."""
_MOST_HEARD, _MOST_SLIPS = 2, 6
"""Readings that are looked at for slips, those with most areas taken off first, and slips of each that are followed."""
_LAST: Final = "\U0010ffff"

# What comes before what.
_NAME, _NUMBER, _NAME_BEGUN, _SHORT_NUMBER, _SOUND, _SOUND_NUMBER, _SOUND_BEGUN, _INSIDE = range(8)

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text as areas in front, which may be several of one name (none: anywhere), and what is left of it."""

    towns: tuple[int, ...]
    communities: tuple[int, ...]
    rest: str


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    """A node that completes the text, in the order in which they are suggested."""

    rank: int
    below: int
    code: int
    minus_rows: int
    node: int


class Completer:
    """Completes texts to objects and addresses of an index; shares its memory and never changes.

    Parameters
    ----------
    index
        Of addresses, made with :func:`gridmap.address.complete_tables.complete_tables`.
    book
        Of its names.

    Examples
    --------
    >>> import pandas as pd
    >>> from gridmap.address.build import build_index
    >>> from gridmap.address.names import NameBook
    >>> rows = pd.DataFrame({"town": ["花山镇"] * 3, "street": ["虹桥路"] * 3, "number": ["13", "2", "1"],
    ...                      "lon": [120.3034, 120.3040, 120.3041], "lat": [31.5217, 31.5218, 31.5218]})
    >>> index = build_index(rows).index
    >>> completer = Completer(index, NameBook(index.names, index.tables))
    >>> [each.text for text in ("虹", "花山虹桥1", "hql1") for each in completer.complete(text)]
    ['花山镇虹桥路', '花山镇虹桥路1号', '花山镇虹桥路13号', '花山镇虹桥路1号', '花山镇虹桥路13号']
    """

    def __init__(self, index: AddressIndex, book: NameBook) -> None:
        self._index, self._book = index, book
        tables: dict[str, Any] = {
            name.removeprefix(PREFIX): table for name, table in index.tables.items() if name.startswith(PREFIX)
        }
        self._order = memoryview(tables["order"])
        self._short_rank, self._short_size = memoryview(tables["short_rank"]), memoryview(tables["short_size"])
        self._thing_start, self._thing = tables["thing_start"], tables["thing"]
        self._letter_start, self._letter = tables["letter_start"], tables["letter"]
        self._sounds = SoundTables(*(tables[name] for name in SoundTables._fields))
        self._rows = (index.node_last - index.node_first)[: len(index.object_kind)]
        region = index.region
        self._fronts = [clean(name) for name in (region.province, region.city, region.county) if name]

    def complete(self, text: str, limit: int = 10) -> list[Suggestion]:
        """Return what a text begins, the likeliest first, at most ``limit``; nothing where it begins nothing."""
        if limit < 1 or len(text) > MOST_CHARACTERS:
            return []
        cleaned = self._without_front(clean(text).strip(GAP))
        if not any(map(str.isalnum, cleaned)):
            return []
        found: list[_Found] = []
        readings = self._readings(cleaned)
        for reading in readings:
            found += self._found(reading, limit)
        for reading in [] if found else readings:
            found += self._interrupted(reading, limit)
        for reading in sorted(readings, key=lambda each: len(each.rest))[:_MOST_HEARD]:
            if not found:
                found += self._misheard(reading, limit)
        suggestions: dict[str, Suggestion] = {}
        for each in sorted(found):
            suggestion = self._suggestion(each.node)
            suggestions.setdefault(suggestion.text, suggestion)
            if len(suggestions) == limit:
                break
        return list(suggestions.values())

    @cached_property
    def _areas(self) -> dict[str, list[int]]:
        """Towns and communities by their names: whole, short, and by their sound."""
        places = np.flatnonzero(np.isin(self._index.object_kind[self._thing], (TOWN, COMMUNITY)))
        ranks = np.searchsorted(self._thing_start, places, side="right") - 1
        of_rank: dict[int, list[int]] = {}
        for rank, thing in zip(ranks.tolist(), self._thing[places].tolist(), strict=True):
            of_rank.setdefault(rank, []).append(thing)
        shorts = [
            (rank, size) for rank, size in zip(self._short_rank, self._short_size, strict=True) if rank in of_rank
        ]
        found: dict[str, list[int]] = {}
        for rank, size in [*((rank, len(self._name(rank))) for rank in of_rank), *shorts]:
            for form in {self._name(rank)[:size], spelled(rank, size, self._sounds)}:
                found.setdefault(form, []).extend(of_rank[rank])
        return found

    def _without_front(self, text: str) -> str:
        for name in self._fronts:
            text = text.removeprefix(name).lstrip(GAP)
        return text

    def _readings(self, text: str) -> list[_Reading]:
        """Take towns and communities off the front in every way; the text as a whole first."""
        readings = [_Reading((), (), text)]
        for reading in readings:
            if len(readings) >= _MOST_READINGS or reading.communities:
                continue
            for size in range(len(reading.rest), 0, -1):
                things = self._areas.get(reading.rest[:size])
                if things:
                    readings += self._inside_areas(reading, things, reading.rest[size:].lstrip(GAP))
        return readings[:_MOST_READINGS]

    def _inside_areas(self, reading: _Reading, things: Sequence[int], rest: str) -> Iterator[_Reading]:
        """Read the rest of a text as what lies in towns of one name, and in communities of one in the towns before."""
        kinds, town_of = self._index.object_kind, self._index.object_town
        towns = tuple(thing for thing in things if kinds[thing] == TOWN)
        communities = [thing for thing in things if kinds[thing] == COMMUNITY]
        if towns and not reading.towns:
            yield _Reading(towns, (), rest)
        inside = tuple(each for each in communities if not reading.towns or town_of[each] in reading.towns)
        if inside:
            yield _Reading(tuple({int(town_of[each]) for each in inside}), inside, rest)

    def _found(self, reading: _Reading, limit: int) -> Iterator[_Found]:
        text = reading.rest
        if not text:
            inside = np.flatnonzero(self._is_in(slice(None), reading))
            yield from self._objects(_INSIDE, self._most_rows(inside, limit))
            return
        first, last = self._begun_by(text)
        whole = first < last and self._name(first) == text
        if whole:
            named = self._top(np.arange(first, first + 1), reading, limit)
            yield from self._objects(_NAME, named)
            if len(named) == 1:
                yield from self._children(named[0], limit)
        yield from self._objects(_NAME_BEGUN, self._top(np.arange(first + whole, last), reading, limit))
        ranks, much = self._heard(text)
        yield from self._objects(_SOUND, self._top(ranks[much == WHOLE], reading, limit))
        yield from self._objects(_SOUND_BEGUN, self._top(ranks[(much == BEGINS) | (much == STEM)], reading, limit))
        for end, steps in ends_of_names(text):
            name = text[:end].rstrip(GAP)
            yield from self._numbers(_NUMBER, self._exactly(name), steps, reading, limit)
            yield from self._numbers(_SHORT_NUMBER, self._shortly(name), steps, reading, limit)
            ranks, much = self._heard(name)
            yield from self._numbers(_SOUND_NUMBER, ranks[much >= STEM], steps, reading, limit)

    def _interrupted(self, reading: _Reading, limit: int) -> Iterator[_Found]:
        """Find addresses with words between their numbers: 人民路15号北坊华庭2栋, where the list has them or not."""
        start, steps = first_number(reading.rest)
        ranks = self._exactly(reading.rest[:start].rstrip(GAP))
        if not len(ranks) or not steps:
            return
        gates = self._gates(reading, steps)
        for found in islice(self._numbers(_NUMBER, ranks, steps, reading, limit), _MOST_LOOKED_AT):
            is_behind = any(self._index.is_under(found.node, gate) for gate in gates)
            is_listed = self._index.row_of(found.node) >= 0
            if (is_behind and is_listed) or reading.rest in clean(self._index.describe(found.node)):
                yield found

    def _gates(self, reading: _Reading, steps: Sequence[Step]) -> set[int]:
        """Return the doors of the estates that the words between numbers, or behind the last, begin."""
        ends = [*(step.start for step in steps[1:]), len(reading.rest)]
        between = [reading.rest[step.end : end].strip(GAP) for step, end in zip(steps, ends, strict=True)]
        words = [each for each in between if each]
        if len(words) != 1:
            return set()
        things = self._things(np.arange(*self._begun_by(words[0])), reading)
        estates = things[self._index.object_kind[things] == ESTATE].tolist()
        return {gate for each in estates if (gate := self._index.gate_of(each)) >= 0}

    def _misheard(self, reading: _Reading, limit: int) -> Iterator[_Found]:
        """Find what a text begins whose name is another of the same sound or look: 红桥路13."""
        text = reading.rest
        slips = self._book.recall(text, 0, min(len(text), _LONGEST_NAME)) if len(text) > 1 else []
        whole = [each for each in slips if each.start == 0 and each.how in ("sound", "shape")]
        for slip in sorted(whole, key=lambda each: (each.cost, each.name))[:_MOST_SLIPS]:
            meant = replace(reading, rest=self._index.names[slip.name] + text[slip.end :])
            yield from self._found(meant, limit)

    def _heard(self, text: str) -> tuple[Ints, NDArray[np.int8]]:
        """Return names that a text with latin letters may begin, and how much of each it is."""
        typed = [ord(character) for character in text.replace(" ", "").replace("ü", "v")]
        latin = [97 <= each <= 122 for each in typed]
        if not any(latin) or len(typed) > MOST_TYPED:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int8)
        if latin[0]:
            head = typed[0] - 97
            ranks = self._letter[self._letter_start[head] : self._letter_start[head + 1]].copy()
        else:
            ranks = np.arange(*self._begun_by(text[: latin.index(True)]), dtype=np.int32)
        return ranks, match_sounds(np.array(typed, dtype=np.int32), ranks, self._sounds)

    def _objects(self, rank: int, things: Ints) -> Iterator[_Found]:
        for thing in things.tolist():
            yield _Found(rank, 0, 0, -int(self._rows[thing]), thing)

    def _children(self, thing: int, limit: int) -> Iterator[_Found]:
        for child in self._index.children(int(thing))[:limit]:
            yield _Found(_INSIDE, 1, self._index.code(child), 0, child)

    def _numbers(
        self, rank: int, ranks: Ints, steps: Sequence[Step], reading: _Reading, limit: int
    ) -> Iterator[_Found]:
        index = self._index
        things = self._top(ranks, reading, _MOST_NUMBERED).tolist()
        for below, code, node in numbers_under(index, things, steps, limit) if things else ():
            yield _Found(rank, below, code, -int(self._rows[index.object_of(node)]), node)

    def _top(self, ranks: NDArray[np.integer], reading: _Reading, limit: int) -> Ints:
        """Return the objects with most rows that the names have in an area."""
        return self._most_rows(self._things(ranks, reading), limit)

    def _most_rows(self, things: NDArray[Any], limit: int) -> Ints:
        rows = self._rows[things]
        if len(things) > limit:
            # Of equals the first: everything with as many rows as the last one taken has to be sorted.
            enough = np.partition(rows, len(rows) - limit)[len(rows) - limit]
            things, rows = things[rows >= enough], rows[rows >= enough]
        most: Ints = things[np.lexsort((things, -rows))][:limit]
        return most

    def _things(self, ranks: NDArray[np.integer], reading: _Reading) -> Ints:
        """Return the objects that the names have in an area, each once."""
        if len(ranks) == 0:
            return np.empty(0, dtype=np.int32)
        first, last = self._thing_start[ranks], self._thing_start[np.asarray(ranks) + 1]
        size = last - first
        before = np.cumsum(size) - size
        things: Ints = self._thing[np.repeat(first - before, size) + np.arange(size.sum())]
        if len(ranks) > 1:
            things = np.unique(things)
        if not reading.towns:
            return things
        inside: Ints = things[self._is_in(things, reading)]
        return inside

    def _is_in(self, things: NDArray[np.integer] | slice, reading: _Reading) -> NDArray[np.bool_]:
        """Whether objects lie in the towns or communities; roads in several communities may be in these too."""
        index = self._index
        inside = _among(index.object_town[things], reading.towns)
        if reading.communities:
            community = index.object_community[things]
            through = (community < 0) & (index.object_kind[things] == STREET)
            inside &= _among(community, reading.communities) | through
        return inside

    def _exactly(self, text: str) -> Ints:
        """Return the name that is a text."""
        rank = bisect_left(range(len(self._order)), text, key=self._name)
        is_one = rank < len(self._order) and self._name(rank) == text
        return np.arange(rank, rank + is_one, dtype=np.int32)

    def _shortly(self, text: str) -> Ints:
        """Return the names that are short for a text when they leave out their suffix."""
        places = range(len(self._short_rank))
        first = bisect_left(places, text, key=self._short)
        last = bisect_left(places, text + "\0", key=self._short)
        return np.array(self._short_rank[first:last], dtype=np.int32)

    def _begun_by(self, text: str) -> tuple[int, int]:
        """Return from which to before which name all begin with a text."""
        places = range(len(self._order))
        return bisect_left(places, text, key=self._name), bisect_left(places, text + _LAST, key=self._name)

    def _name(self, rank: int) -> str:
        return self._index.names[self._order[rank]]

    def _short(self, place: int) -> str:
        return self._name(self._short_rank[place])[: self._short_size[place]]

    def _suggestion(self, node: int) -> Suggestion:
        index = self._index
        thing = index.object_of(node)
        kind = OBJECT_KINDS[index.object_kind[thing]] if node == thing else "address"
        rows = index.rows_under(node)
        areas = index.named_areas(node) if node == thing else index.areas_of(int(rows[0]))
        own = index.title(node) if node == thing else ""
        return Suggestion(
            text=self._text(node, thing),
            kind=kind,
            context=" ".join(area for area in areas if area and area != own),
            lon=float(index.node_lon[node]),
            lat=float(index.node_lat[node]),
            count=len(rows),
            node=node,
        )

    def _text(self, node: int, thing: int) -> str:
        """Return the standard text; below an estate by its name, for that is how it was asked."""
        index = self._index
        if index.object_kind[thing] != ESTATE:
            return index.describe(node)
        return index.describe(thing) + format_steps(index.steps_to(node)[1])


def _among(values: NDArray[Any], few: Sequence[int]) -> NDArray[np.bool_]:
    return np.any([values == each for each in few], axis=0) if len(few) < 4 else np.isin(values, few)
