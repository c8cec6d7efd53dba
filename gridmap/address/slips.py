"""Forms that a piece of text may be written for wrongly, by hashed keys of what is left of a form after a slip.

A slip is one character that sounds or looks like the one that is meant (two, if both sound alike), or one that is
another, missing, too many, or changed places with its neighbour. Digits never slip: 3 is not meant by 4. What is
changed is the stem (another suffix is no slip, see :mod:`gridmap.address.suffixes`), of three characters or more with
its suffix, or of five latin letters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap.address.shapes import Shapes
from gridmap.address.sounds import UNHEARD, Sounds
from gridmap.address.suffixes import is_strong, stem_of

OTHER_COST: Final = 7.0
"""Of another character in place of the one that is meant."""
MISSING_COST: Final = 6.0
EXTRA_COST: Final = 6.0
TURNED_COST: Final = 6.0
"""Of two neighbours that changed places."""
MOST_SOUND_SLIPS: Final = 2
MOST_ALIKE: Final = 16
"""A piece that may be written for more forms than this, with some character another, says nothing of any."""

FIRST_CJK: Final = "\u2e80"
LONGEST_TEXT: Final = 64
"""Of the pieces of text that slips are looked for in."""
_LONGEST: Final = 32
_MASK: Final = (1 << 64) - 1
_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 1 << 64)
_POWERS: Final = [pow(_BASE, place, 1 << 64) for place in range(LONGEST_TEXT + 2)]
_INVERSES: Final = [pow(_INVERSE, place, 1 << 64) for place in range(LONGEST_TEXT + 2)]
Tables = dict[str, NDArray[np.generic]]


class Slip(NamedTuple):
    """A form that a piece of the text, from ``start`` to ``end``, may be written for."""

    start: int
    end: int
    form: int
    how: Literal["sound", "shape", "edit"]
    cost: float


def editable(form: str) -> int:
    """Return how many characters of a form may be another, missing or turned: its stem, if it is long enough.

    Examples
    --------
    >>> editable("人民路"), editable("人民"), editable("唐家湾"), editable("landstrasse"), editable("weg")
    (2, 0, 3, 11, 0)
    """
    if len(form) < (3 if form[0] >= FIRST_CJK else 5) or len(form) > _LONGEST:
        return 0
    stem, suffix = stem_of(form)
    return len(stem) if is_strong(suffix) else len(form)


def slip_tables(forms: Sequence[str], sounds: Sounds) -> Tables:
    """Make the tables of all forms: keys of how they sound, and of what is left without one character.

    The keys are sorted; beside each stands its form, with the place of the character that is left out.
    """
    sound: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
    edit: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
    codes = {one: sounds.codes(one) for one in sorted(set("".join(forms)))}
    lengths = np.array([len(form) for form in forms])
    regions = np.array([editable(form) for form in forms])
    for length in range(2, _LONGEST + 1):
        chosen = np.flatnonzero(lengths == length)
        if not len(chosen):
            continue
        readings = np.array([[codes[one] for one in forms[form]] for form in chosen.tolist()], dtype=np.uint64)
        sound.extend((keys, chosen[rows]) for keys, rows in _sound_keys(readings[..., 0], readings[..., 1]))
        letters = np.array([[ord(one) for one in forms[form]] for form in chosen.tolist()], dtype=np.uint64)
        for place, keys in enumerate(_keys_without(letters)):
            rows = (regions[chosen] > place) & ~_is_digit(letters[:, place])
            edit.append((keys[rows], chosen[rows] * _LONGEST + place))
    return {
        **dict(zip(("sound_key", "sound_form"), _sorted_keys(sound), strict=True)),
        **dict(zip(("edit_key", "edit_form"), _sorted_keys(edit), strict=True)),
        "sound_head": _sound_heads(forms, codes, sounds.count),
        "sound_length": np.unique(lengths[(lengths > 1) & (lengths <= _LONGEST)]).astype(np.uint8),
        "edit_length": np.unique(lengths[regions > 0]).astype(np.uint8),
        "form_region": regions.astype(np.uint8),
    }


def _sound_heads(forms: Sequence[str], codes: Mapping[str, tuple[int, int]], count: int) -> NDArray[np.uint32]:
    """Note how long the forms are that begin with two sounds: a bit for each length from 1 on."""
    lengths: dict[str, int] = {}
    for form in forms:
        if 2 <= len(form) <= _LONGEST:
            lengths[form[:2]] = lengths.get(form[:2], 0) | 1 << (len(form) - 1)
    table = np.zeros((count, count), dtype=np.uint32)
    for head, bits in lengths.items():
        for first in set(codes[head[0]]):
            for second in set(codes[head[1]]):
                if first < UNHEARD and second < UNHEARD:
                    table[first, second] |= bits
    return table.reshape(-1)


def _sorted_keys(
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]],
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    keys = np.concatenate([np.empty(0, dtype=np.uint64), *(part[0] for part in parts)])
    values = np.concatenate([np.empty(0, dtype=np.int64), *(part[1] for part in parts)])
    order = np.lexsort((values, keys))
    return keys[order], values[order].astype(np.int32)


def _is_digit(letters: NDArray[np.uint64]) -> NDArray[np.bool_]:
    return (letters >= ord("0")) & (letters <= ord("9"))


def _terms(letters: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (letters + np.uint64(1)) * np.array(_POWERS[: letters.shape[1]], dtype=np.uint64)


def _keys_without(letters: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Yield the keys of what is left of words of one length without their first, second … character."""
    sums = np.cumsum(_terms(letters), axis=1, dtype=np.uint64)
    for place in range(letters.shape[1]):
        before = sums[:, place - 1] if place else np.uint64(0)
        yield before + (sums[:, -1] - sums[:, place]) * np.uint64(_INVERSE)


def _sound_keys(
    first: NDArray[np.uint64], second: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Yield the keys of words of one length with at most two characters in their second reading, and their rows."""
    terms = _terms(first)
    whole, changes = terms.sum(axis=1, dtype=np.uint64), _terms(second) - terms
    yield whole, np.arange(len(whole))
    for one in range(first.shape[1]):
        rows = np.flatnonzero(changes[:, one])
        yield whole[rows] + changes[rows, one], rows
        for other in range(one):
            both = rows[changes[rows, other] != 0]
            yield whole[both] + changes[both, one] + changes[both, other], both


class SlipBook:
    """Forms, ready to be found for pieces of text written wrongly.

    Parameters
    ----------
    forms
        As text, and as a dictionary.
    heads
        The lengths of the forms by their first two characters.
    tables
        Of :func:`slip_tables`, :func:`~gridmap.address.sounds.sound_tables` and
        :func:`~gridmap.address.shapes.shape_tables`.
    """

    def __init__(
        self,
        forms: Sequence[str],
        ids: Mapping[str, int],
        heads: Mapping[str, tuple[int, ...]],
        tables: Mapping[str, NDArray[np.generic]],
    ) -> None:
        self._forms, self._ids, self._heads = forms, ids, heads
        self._sounds, self._shapes = Sounds(tables), Shapes(tables)
        self._sound_key, self._sound_form = tables["sound_key"], tables["sound_form"].data
        self._sound_head = tables["sound_head"].data
        self._sound_count = math.isqrt(len(self._sound_head))
        self._sound_lengths = frozenset(tables["sound_length"].tolist())
        self._edit_key, self._edit_form = tables["edit_key"], tables["edit_form"].data
        self._edit_lengths = frozenset(tables["edit_length"].tolist())
        self._region = tables["form_region"].data

    def slips(self, text: str) -> list[Slip]:
        """Find every form that a piece of a short text may be written for; some of them more than once."""
        apart = [not within_word(text, place) for place in range(len(text) + 1)]
        starts = [place for place in range(len(text) - 1) if apart[place]]
        alike = [self._shapes.alike(said) for said in text]
        found: list[Slip] = []
        for start in starts:
            self._append_seen(found, text, start, alike)
            self._append_turned(found, text, start)
        self._append_heard(found, text, starts)
        self._append_edited(found, text, starts)
        return [slip for slip in found if apart[slip.end]]

    def _append_seen(self, found: list[Slip], text: str, start: int, alike: list[list[tuple[str, float]]]) -> None:
        """Append the forms that begin at a place with one character that looks alike."""
        first, second, size = text[start], text[start + 1], len(text)
        heads = [(meant + second, cost) for meant, cost in alike[start]]
        heads += [(first + meant, cost) for meant, cost in alike[start + 1]]
        for head, cost in heads:
            for length in self._heads.get(head, ()):
                end = start + length
                form = self._ids.get(head + text[start + 2 : end])
                if form is not None and end <= size:
                    found.append(Slip(start, end, form, "shape", cost))
        for length in self._heads.get(first + second, ()):
            end = start + length
            for place in range(start + 2, end if end <= size else 0):
                for meant, cost in alike[place]:
                    form = self._ids.get(text[start:place] + meant + text[place + 1 : end])
                    if form is not None:
                        found.append(Slip(start, end, form, "shape", cost))

    def _append_turned(self, found: list[Slip], text: str, start: int) -> None:
        """Append the forms of which two neighbours are turned, or into which a character was put."""
        for meant, size, region, cost in self._straightened(text, start):
            form = self._ids.get(meant)
            if form is not None and self._region[form] >= region and start + size <= len(text):
                found.append(Slip(start, start + size, form, "edit", cost))

    def _straightened(self, text: str, start: int) -> Iterator[tuple[str, int, int, float]]:
        """Yield what may be meant, how many characters stand for it, how many of the form's may be changed, the cost.

        Only where a form begins with the two characters that are left at its head.
        """
        a, b, c = text[start], text[start + 1], text[start + 2 : start + 3]
        if a != b and not (a + b).isdigit():
            for size in self._heads.get(b + a, ()):
                yield b + a + text[start + 2 : start + size], size, 2, TURNED_COST
        for size in self._heads.get(a + c, ()) if c and not b.isdigit() else ():
            yield a + c + text[start + 3 : start + size + 1], size + 1, 1, EXTRA_COST
            if size > 2 and b != c and not c.isdigit():
                yield a + c + b + text[start + 3 : start + size], size, 3, TURNED_COST
        for size in self._heads.get(a + b, ()):
            for place in range(start + 2, min(start + size, len(text) - 1)):
                one, other = text[place], text[place + 1]
                if one.isdigit():
                    continue
                yield text[start:place] + text[place + 1 : start + size + 1], size + 1, place - start, EXTRA_COST
                if one != other and not other.isdigit() and place + 1 < start + size:
                    turned = text[start:place] + other + one + text[place + 2 : start + size]
                    yield turned, size, place - start + 2, TURNED_COST

    def _append_heard(self, found: list[Slip], text: str, starts: list[int]) -> None:
        """Append the forms that sound alike."""
        codes = [self._sounds.codes(one) for one in text]
        keys: list[int] = []
        asked: list[tuple[int, int]] = []
        for start in starts:
            for size in self._heard_lengths(codes[start], codes[start + 1], len(text) - start):
                more = _reading_keys(codes[start : start + size])
                keys += more
                asked += [(start, start + size)] * len(more)
        for at, first, last in _hits(self._sound_key, keys):
            start, end = asked[at]
            for row in range(first, last):
                form = self._sound_form[row]
                cost = self._sound_cost(self._forms[form], text[start:end])
                if cost:
                    found.append(Slip(start, end, form, "sound", cost))

    def _heard_lengths(self, first: tuple[int, int], second: tuple[int, int], most: int) -> list[int]:
        """Return how long the forms are that begin with two sounds."""
        if first[0] >= UNHEARD or second[0] >= UNHEARD:
            return [length for length in self._sound_lengths if length <= most]
        lengths = 0
        for a in set(first):
            for b in set(second):
                lengths |= self._sound_head[a * self._sound_count + b]
        return [length for length in range(2, min(most, _LONGEST) + 1) if lengths >> (length - 1) & 1]

    def _sound_cost(self, meant: str, said: str) -> float:
        """Return what the characters that differ cost, 0 where it is nothing or none of our slips."""
        if len(meant) != len(said):
            return 0.0
        costs = [self._sounds.cost(a, b) for a, b in zip(meant, said, strict=True) if a != b]
        total = sum(costs)
        return total if len(costs) <= MOST_SOUND_SLIPS and total < math.inf else 0.0

    def _append_edited(self, found: list[Slip], text: str, starts: list[int]) -> None:
        """Append the forms of which one character is missing, or another."""
        keys: list[int] = []
        asked: list[tuple[int, int, int]] = []
        sums = _running_sums(text)
        for start in starts:
            for end, place in self._edits(text, start):
                before = (sums[end if place < 0 else place] - sums[start]) * _INVERSES[start]
                behind = (sums[end] - sums[place + 1]) * _INVERSES[start + 1] if place >= 0 else 0
                keys.append((before + behind) & _MASK)
                asked.append((start, end, place))
        for at, first, last in _hits(self._edit_key, keys):
            if last - first <= MOST_ALIKE:
                start, end, place = asked[at]
                rows = self._edit_form[first:last]
                found.extend(self._verified(rows, text[start:end], place - start if place >= 0 else -1, start))

    def _edits(self, text: str, start: int) -> Iterator[tuple[int, int]]:
        """Yield where a piece ends and which of its characters may be another, -1 where one may be missing.

        Behind its first two characters only if a form of its length begins with these.
        """
        known = self._heads.get(text[start : start + 2], ())
        for end in range(start + 2, min(len(text), start + _LONGEST) + 1):
            if end - start + 1 in self._edit_lengths:
                yield end, -1
            if end - start in self._edit_lengths:
                for place in range(start, end if end - start in known else start + 2):
                    if not text[place].isdigit():
                        yield end, place

    def _verified(self, rows: Iterable[int], piece: str, place: int, start: int) -> Iterator[Slip]:
        """Yield the forms that are the piece but for one character: equal keys do not prove it."""
        for row in rows:
            form, left_out = divmod(row, _LONGEST)
            meant = self._forms[form]
            rest = meant[:left_out] + meant[left_out + 1 :]
            if place < 0:
                if rest == piece:
                    yield Slip(start, start + len(piece), form, "edit", MISSING_COST)
            elif place == left_out and meant[place] != piece[place] and rest == piece[:place] + piece[place + 1 :]:
                yield Slip(start, start + len(piece), form, "edit", OTHER_COST)


def within_word(text: str, at: int) -> bool:
    """Whether a place lies between two letters of a latin word, or two digits of a number.

    Examples
    --------
    >>> within_word("landstrasse 12", 4), within_word("landstrasse 12", 11), within_word("人民12号", 3)
    (True, False, True)
    """
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if before >= FIRST_CJK or after >= FIRST_CJK:
        return False
    return (before.isdigit() and after.isdigit()) or (before.isalpha() and after.isalpha())


def _hits(table: NDArray[np.generic], keys: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield, for every key that the table has, its position and its run in the table."""
    asked = np.array(keys, dtype=np.uint64)
    first = table.searchsorted(asked)
    last = table.searchsorted(asked, side="right")
    hit = (last > first).nonzero()[0]
    yield from zip(hit.tolist(), first[hit].tolist(), last[hit].tolist(), strict=True)


def _running_sums(text: str) -> list[int]:
    sums, total = [0], 0
    for letter, power in zip(text, _POWERS, strict=False):
        total += (ord(letter) + 1) * power
        sums.append(total)
    return sums


def _reading_keys(codes: list[tuple[int, int]]) -> list[int]:
    """Return the keys of a piece with at most two characters in their second reading."""
    whole = 0
    changes: list[int] = []
    for (first, second), power in zip(codes, _POWERS, strict=False):
        whole += (first + 1) * power
        if first != second:
            changes.append((second - first) * power)
    keys = [whole]
    for one, change in enumerate(changes):
        keys.append(whole + change)
        keys += [whole + change + changes[other] for other in range(one)]
    return [key & _MASK for key in keys]
