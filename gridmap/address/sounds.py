"""Which characters sound alike: homophones, and syllables that many people do not tell apart.

``pypinyin`` is asked when an index is built only; what is looked up later are tables over the characters.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAME_COST: Final = 3.5
"""Of a character of the same syllable, whatever its tone."""
MERGED_COST: Final = 4.5
"""Of one of a syllable that is often not told apart: n/ng, z/zh, c/ch, s/sh."""
LOOSE_COST: Final = 5.5
"""Of one that some dialects merge: n/l, hu/f."""

UNHEARD: Final = 1 << 16
"""Codes from here on are of characters without a sound."""
_CHARACTERS: Final = 1 << 16
_LEAST_SHARE, _LEAST_COUNT = 0.05, 2
"""A second reading counts if one in twenty words with the character has it."""


def syllables(text: str) -> list[str]:
    """Read a text: one syllable without its tone for each character, other characters as they stand.

    Examples
    --------
    >>> syllables("长江路3a"), syllables("吕家村")
    (['chang', 'jiang', 'lu', '3', 'a'], ['lv', 'jia', 'cun'])
    """
    from pypinyin import Style, lazy_pinyin

    # Its annotations know errors as a name or as a text; a list a character each is what it documents too.
    return lazy_pinyin(text, style=Style.NORMAL, errors=lambda run: list(run))  # type: ignore[arg-type,return-value]


def merge_syllable(syllable: str) -> str:
    """Return the syllable that stands for all that are often not told apart from it.

    Examples
    --------
    >>> [merge_syllable(one) for one in ("zhang", "shi", "jing", "zhong", "lin")]
    ['zan', 'si', 'jin', 'zong', 'lin']
    """
    if syllable[:2] in {"zh", "ch", "sh"}:
        syllable = syllable[0] + syllable[2:]
    if len(syllable) > 2 and syllable.endswith("ng") and not syllable.endswith("ong"):
        syllable = syllable[:-1]
    return syllable


def loosen_syllable(syllable: str) -> str:
    """Return the syllable that stands for all that some dialects merge with it as well.

    Examples
    --------
    >>> [loosen_syllable(one) for one in ("nan", "lang", "huang", "fan", "hui", "hu", "he")]
    ['lan', 'lan', 'fan', 'fan', 'fei', 'fu', 'he']
    """
    merged = merge_syllable(syllable)
    if merged.startswith("n") and len(merged) > 1:
        return "l" + merged[1:]
    if merged.startswith("hu"):
        return {"hu": "fu", "hui": "fei", "hun": "fen"}.get(merged, "f" + merged[2:])
    return merged


@lru_cache(maxsize=1)
def readings() -> dict[str, tuple[str, ...]]:
    """Read every character: its first syllable, and a second one that is not rare.

    Examples
    --------
    >>> readings()["柏"], readings()["河"], "a" in readings()
    (('bai', 'bo'), ('he',), False)
    """
    from pypinyin.phrases_dict import phrases_dict
    from pypinyin.pinyin_dict import pinyin_dict

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for phrase, sounds in phrases_dict.items():
        if len(phrase) == len(sounds):
            for character, sound in zip(phrase, sounds, strict=True):
                counts[character][_without_tone(sound[0])] += 1
    found: dict[str, tuple[str, ...]] = {}
    for code, listing in pinyin_dict.items():
        if code < _CHARACTERS:
            listed = list(dict.fromkeys(_without_tone(sound) for sound in listing.split(",")))
            found[chr(code)] = _two_readings(listed, counts.get(chr(code), Counter()))
    return found


def _two_readings(listed: list[str], counts: Counter[str]) -> tuple[str, ...]:
    if not counts:
        return tuple(listed[:2])
    least = max(_LEAST_COUNT, _LEAST_SHARE * counts.total())
    others = [one for one in listed[1:] if counts[one] >= least]
    return (listed[0], *sorted(others, key=lambda one: -counts[one])[:1])


@lru_cache(maxsize=1 << 12)
def _without_tone(sound: str) -> str:
    letters = unicodedata.normalize("NFD", sound).replace("u\u0308", "v")
    return "".join(letter for letter in letters if "a" <= letter <= "z")


@lru_cache(maxsize=1)
def sound_tables() -> dict[str, NDArray[np.uint16]]:
    """Make the tables of all characters: two readings each, 0 for none; what each is merged with, more and more.

    Examples
    --------
    >>> Sounds(sound_tables()).cost("河", "和"), Sounds(sound_tables()).cost("京", "金")
    (3.5, 4.5)
    """
    known = readings()
    names = ["", *sorted({sound for sounds in known.values() for sound in sounds})]
    ids = {name: number for number, name in enumerate(names)}
    table = np.zeros((2, _CHARACTERS), dtype=np.uint16)
    for character, sounds in known.items():
        table[0, ord(character)] = ids[sounds[0]]
        table[1, ord(character)] = ids[sounds[-1]]
    return {
        "sound_first": table[0].copy(),
        "sound_second": table[1].copy(),
        "sound_merged": _classes([merge_syllable(name) for name in names]),
        "sound_loose": _classes([loosen_syllable(name) for name in names]),
    }


def _classes(names: list[str]) -> NDArray[np.uint16]:
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.uint16)


class Sounds:
    """What characters sound like, from the tables of :func:`sound_tables`; ``count`` codes tell sounds apart."""

    def __init__(self, tables: Mapping[str, NDArray[np.generic]]) -> None:
        self._first, self._second = tables["sound_first"].data, tables["sound_second"].data
        self._merged, self._loose = tables["sound_merged"].data, tables["sound_loose"].data
        self.count = int(tables["sound_loose"].max()) + 1

    def codes(self, character: str) -> tuple[int, int]:
        """Return what two characters share if they sound alike at all, for both readings; itself where it has none."""
        code = ord(character)
        if code >= _CHARACTERS or not self._first[code]:
            return code + UNHEARD, code + UNHEARD
        return self._loose[self._first[code]], self._loose[self._second[code]]

    def cost(self, meant: str, said: str) -> float:
        """Return the cost of one character for another of a like sound; infinite where they do not sound alike."""
        a, b = ord(meant), ord(said)
        if a >= _CHARACTERS or b >= _CHARACTERS or not (self._first[a] and self._first[b]):
            return math.inf
        pairs = {(x, y) for x in (self._first[a], self._second[a]) for y in (self._first[b], self._second[b])}
        if any(x == y for x, y in pairs):
            return SAME_COST
        if any(self._merged[x] == self._merged[y] for x, y in pairs):
            return MERGED_COST
        return LOOSE_COST if any(self._loose[x] == self._loose[y] for x, y in pairs) else math.inf
