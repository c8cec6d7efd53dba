"""Names of the list in a text: as they stand, without or with another suffix, and written wrongly.

Costs are −ln of the probability that somebody who means the name writes the text, up to a constant: 0 exactly,
1.5 the suffix left out, 2 another suffix, 3.5 a character of the same sound, 4.5 one that looks alike, 6 a character
left out, 7 another character. What else stands in the text is not weighed here: mentions overlap, and whoever
matches chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap.address.forms import Tables, form_tables, forms_of, read_forms, read_heads
from gridmap.address.suffixes import (
    Following,
    following,
    is_strong,
    missing_cost,
    suffix_at,
    suffix_class,
    swapped_cost,
)
from gridmap.errors import GridmapError

How = Literal["exact", "suffix", "sound", "shape", "edit"]


class Mention(NamedTuple):
    """A place of a text where a name may be meant; a tuple, for thousands are made a second.

    Parameters
    ----------
    start, end
        Where it stands in the cleaned text, a suffix said in place of the name's included.
    name
        Its id.
    how
        ``exact``; ``suffix`` left out, added or another; ``sound`` or ``shape`` alike; ``edit`` a character other,
        missing, too many, or two swapped.
    cost
        −ln of its probability.
    """

    start: int
    end: int
    name: int
    how: How
    cost: float


_Meaning = tuple[int, int, How, float]
"""Characters of a suffix said behind a form, the name meant, how, cost."""
_FIRST_CJK: Final = "\u2e80"
_MOST_KNOWN: Final = 1 << 15


def name_tables(names: Sequence[str]) -> Tables:
    """Make the arrays a :class:`NameBook` needs, of distinct cleaned names.

    Examples
    --------
    >>> tables = name_tables(["人民路", "云浦社区"])
    >>> [mention.name for mention in NameBook(["人民路", "云浦社区"], tables).find("云浦居委会人民15号")]
    [1, 0]
    """
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise GridmapError(f"the name {twice!r} occurs twice; the names of a book must be distinct")
    return form_tables(forms_of(names))


class NameBook:
    """The names of an index, ready to be found in texts.

    Parameters
    ----------
    names
        Cleaned and distinct.
    tables
        Of :func:`name_tables`; may be mapped from a file.
    """

    def __init__(self, names: Sequence[str], tables: Mapping[str, NDArray[np.generic]]) -> None:
        self.names = names
        forms = read_forms(names, tables)
        self._forms = {text: form for form, text in enumerate(forms)}
        self._heads = read_heads(forms, tables)
        self._plain = memoryview(tables["form_plain"])
        self._known: dict[tuple[int, Following, bool], tuple[_Meaning, ...]] = {}
        self._entry_first = memoryview(tables["form_entry_first"])
        self._entry_name = memoryview(tables["entry_name"])
        self._entry_cut = memoryview(tables["entry_cut"])
        self._entry_cost = memoryview(tables["entry_cost"])

    def find(self, text: str) -> list[Mention]:
        """Find all names of a text, also without their suffix or with another; overlapping ones too, by their start.

        Examples
        --------
        >>> book = NameBook(["人民路"], name_tables(["人民路"]))
        >>> book.find("人民路15号"), book.find("人民街15号"), book.find("人民15号")
        ([Mention(start=0, end=3, name=0, how='exact', cost=0.0)],
         [Mention(start=0, end=3, name=0, how='suffix', cost=2.0)],
         [Mention(start=0, end=2, name=0, how='suffix', cost=1.5)])
        """
        found: list[Mention] = []
        heads, forms, plain, size = self._heads, self._forms, self._plain, len(text)
        for start in range(size - 1):
            lengths = heads.get(text[start : start + 2])
            if lengths is None:
                continue
            for length in lengths:
                end = start + length
                if end > size:
                    break
                form = forms.get(text[start:end])
                if form is None or _within_word(text, start) or _within_word(text, end):
                    continue
                if plain[form]:
                    found.append(Mention(start, end, form, "exact", 0.0))
                    continue
                for said, name, how, cost in self._meanings(form, text, end, size):
                    found.append(Mention(start, end + said, name, how, cost))
        return found

    def _meanings(self, form: int, text: str, end: int, limit: int) -> tuple[_Meaning, ...]:
        """Every name that a form may stand for, given what follows it in the text."""
        follows = following(text, end, limit)
        key = (form, follows, bool(follows.suffix) and text[end : end + 2] in self._heads)
        meanings = self._known.get(key)
        if meanings is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            meanings = self._known[key] = tuple(self._read_meanings(*key))
        return meanings

    def _read_meanings(self, form: int, follows: Following, name_follows: bool) -> Iterator[_Meaning]:
        said = follows.suffix
        for entry in range(self._entry_first[form], self._entry_first[form + 1]):
            name, cut, cost = self._entry_name[entry], self._entry_cut[entry], self._entry_cost[entry]
            meant = suffix_at(self.names[name], cut, len(self.names[name])) if cut else ""
            if not cost:
                yield (0, name, "exact", 0.0)
                if cut and is_strong(said):
                    yield (len(said), name, "suffix", swapped_cost("", said))
            elif not cut:
                if not follows.section:  # 和平西路2段 does not mean 和平西路1段
                    yield (0, name, "suffix", cost)
            elif said and said != meant:
                yield (len(said), name, "suffix", cost - missing_cost(meant) + swapped_cost(meant, said))
                if name_follows or not is_strong(said):
                    yield (0, name, "suffix", cost)
            elif said or self.names[name][cut - 1].isdigit() or (follows.other_road and suffix_class(meant) == "road"):
                continue  # the whole name stands here; 人民3 in front of 号 is no name; 人民东路 is another road
            else:
                yield (0, name, "suffix", cost)


def _within_word(text: str, at: int) -> bool:
    """Whether a place lies between two letters of a latin word, or two digits of a number."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if before >= _FIRST_CJK or after >= _FIRST_CJK:
        return False
    return (before.isdigit() and after.isdigit()) or (before.isalpha() and after.isalpha())
