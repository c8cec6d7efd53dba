"""Names of the list in a text: as they stand, without or with another suffix, and written wrongly.

Costs are −ln of the probability that somebody who means the name writes the text, up to a constant: 0 exactly,
1.5 the suffix left out, 2 another suffix, 3.5 a character of the same sound, 4.5 one that looks alike, 6 a character
left out, 7 another character. What else stands in the text is not weighed here: mentions overlap, and whoever
matches chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap.address.confusable import confusable_tables
from gridmap.address.forms import Tables, form_tables, forms_of, read_forms, read_heads
from gridmap.address.shapes import shape_tables
from gridmap.address.slips import LONGEST_TEXT, SlipBook, slip_tables, within_word
from gridmap.address.sounds import Sounds, sound_tables
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
_MOST_RECALLED: Final = 60
_MOST_KNOWN: Final = 1 << 15


def name_tables(names: Sequence[str]) -> Tables:
    """Make the arrays a :class:`NameBook` needs, of distinct cleaned names.

    Examples
    --------
    >>> tables = name_tables(["人民路", "云浦社区"])
    >>> [mention.name for mention in NameBook(["人民路", "云浦社区"], tables).find("云浦居委会人民15号")]
    [1, 0]
    """
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise GridmapError(f"the name {twice!r} occurs twice; the names of a book must be distinct")
    forms = forms_of(names)
    characters = sorted(set("".join(names)))
    sounds = sound_tables()
    return {
        **form_tables(forms),
        **sounds,
        **shape_tables(characters),
        **slip_tables(forms.texts, Sounds(sounds)),
        **confusable_tables(names, Sounds(sounds)),
    }


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
        self._slips = SlipBook(forms, self._forms, self._heads, tables)
        self._confusable_first = tables["confusable_first"].data
        self._confusable_name = tables["confusable_name"].view(np.int32)
        self._plain = tables["form_plain"].data
        self._exact: dict[int, tuple[int, ...]] = {}
        self._known: dict[tuple[int, Following, bool], tuple[_Meaning, ...]] = {}
        self._entry_first = tables["form_entry_first"].data
        self._entry_name = tables["entry_name"].data
        self._entry_cut = tables["entry_cut"].data
        self._entry_cost = tables["entry_cost"].data

    def find_exact(self, text: str) -> list[Mention]:
        """Find all names that stand in a text as they are listed; overlapping ones too, by their start."""
        found: list[Mention] = []
        heads, forms, plain, size = self._heads, self._forms, self._plain, len(text)
        for start in range(size - 1):
            for length in heads.get(text[start : start + 2], ()):
                end = start + length
                form = forms.get(text[start:end]) if end <= size else None
                if form is None or within_word(text, start) or within_word(text, end):
                    continue
                names = (form,) if plain[form] else self._named(form)
                found += [Mention(start, end, name, "exact", 0.0) for name in names]
        return found

    def _named(self, form: int) -> tuple[int, ...]:
        """Every name that is written as a form is."""
        names = self._exact.get(form)
        if names is None:
            entries = range(self._entry_first[form], self._entry_first[form + 1])
            names = tuple(self._entry_name[each] for each in entries if not self._entry_cost[each])
            self._exact[form] = names
        return names

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
                if form is None or within_word(text, start) or within_word(text, end):
                    continue
                if plain[form]:
                    found.append(Mention(start, end, form, "exact", 0.0))
                    continue
                for said, name, how, cost in self._meanings(form, text, end, size):
                    found.append(Mention(start, end + said, name, how, cost))
        return found

    def recall(self, text: str, start: int, end: int) -> list[Mention]:
        """Find names that a piece of a text may be written for wrongly, the likeliest first, at most sixty.

        Two characters that sound alike, or one other slip; also without the suffix or with another. Only the first
        64 characters of the piece are searched.

        Examples
        --------
        >>> book = NameBook(["柏河路"], name_tables(["柏河路"]))
        >>> book.recall("泊和路15号", 0, 3)[0]
        Mention(start=0, end=3, name=0, how='sound', cost=7.0)
        """
        end = min(end, len(text), start + LONGEST_TEXT)
        best: dict[tuple[int, int, int], Mention] = {}
        for slip in self._slips.slips(text[start:end]):
            at, stop = start + slip.start, start + slip.end
            for said, name, _, cost in self._meanings(slip.form, text, stop, end):
                mention = Mention(at, stop + said, name, slip.how, cost + slip.cost)
                known = best.get(mention[:3])
                if known is None or (mention.cost, mention.how) < (known.cost, known.how):
                    best[mention[:3]] = mention
        return sorted(best.values(), key=lambda mention: (mention.cost, mention[:3]))[:_MOST_RECALLED]

    def confusable(self, name: int) -> NDArray[np.int32]:
        """Return the names that are one like-sounding or look-alike character away from a name, in order.

        Examples
        --------
        >>> names = ["柏河路", "柏和路", "拍河路", "柏山路"]
        >>> NameBook(names, name_tables(names)).confusable(0)
        array([1, 2], dtype=int32)
        """
        return self._confusable_name[self._confusable_first[name] : self._confusable_first[name + 1]]

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
