"""Forms that a piece of text may be written for wrongly, by hashed keys of what is left of a form after a slip.

A slip is one character that sounds or looks like the one that is meant (two, if both sound alike), or one that is
another, missing, too many, or changed places with its neighbour. Digits never slip: 3 is not meant by 4. What is
changed is the stem (another suffix is no slip, see :mod:`gridmap.address.suffixes`), of three characters or more with
its suffix, or of five latin letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap.address.shapes import Shapes
from gridmap.address.sounds import Sounds
from gridmap.address.suffixes import is_strong, stem_of

OTHER_COST: Final = 7.0
"""Of another character in place of the one that is meant."""
MISSING_COST: Final = 6.0
EXTRA_COST: Final = 6.0
TURNED_COST: Final = 6.0
"""Of two neighbours that changed places."""
MOST_SOUND_SLIPS: Final = 2
MOST_ALIKE: Final = 32
"""A piece that may be written for more forms than this, with some character another, says nothing of any."""

FIRST_CJK: Final = "\u2e80"
_LONGEST: Final = 32
_MASK: Final = (1 << 64) - 1
_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 1 << 64)
_POWERS: Final = [pow(_BASE, place, 1 << 64) for place in range(2 * _LONGEST + 2)]
_INVERSES: Final = [pow(_INVERSE, place, 1 << 64) for place in range(2 * _LONGEST + 2)]
Tables = dict[str, NDArray[np.generic]]


class Slip(NamedTuple):
    """A form that a piece of the text may be written for."""

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
        "form_region": regions.astype(np.uint8),
    }


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
    tables
        Of :func:`slip_tables`, :func:`~gridmap.address.sounds.sound_tables` and
        :func:`~gridmap.address.shapes.shape_tables`.
    """

    def __init__(self, forms: Sequence[str], ids: Mapping[str, int], tables: Mapping[str, NDArray[np.generic]]) -> None:
        self._forms, self._ids = forms, ids
        self._sounds, self._shapes = Sounds(tables), Shapes(tables)
        self._sound_key, self._sound_form = tables["sound_key"], tables["sound_form"].data
        self._edit_key, self._edit_form = tables["edit_key"], tables["edit_form"].data
        self._region = tables["form_region"].data

    def slips(self, pieces: Sequence[str]) -> Iterator[tuple[int, Slip]]:
        """Yield every form that one of the pieces may be written for, with the piece's position; some of them twice."""
        for number, piece in enumerate(pieces):
            for slip in self._seen_alike(piece):
                yield number, slip
            for slip in self._turned_or_extra(piece):
                yield number, slip
        yield from self._heard_alike(pieces)
        yield from self._other_or_missing(pieces)

    def _seen_alike(self, piece: str) -> Iterator[Slip]:
        for place, said in enumerate(piece):
            before, after = piece[:place], piece[place + 1 :]
            for meant, cost in self._shapes.alike(said):
                form = self._ids.get(before + meant + after)
                if form is not None:
                    yield Slip(form, "shape", cost)

    def _turned_or_extra(self, piece: str) -> Iterator[Slip]:
        for place in range(len(piece) - 1):
            a, b = piece[place], piece[place + 1]
            if a.isdigit() or b.isdigit():
                continue
            form = self._ids.get(piece[:place] + b + a + piece[place + 2 :])
            if form is not None and a != b and place + 1 < self._region[form]:
                yield Slip(form, "edit", TURNED_COST)
            form = self._ids.get(piece[:place] + piece[place + 1 :]) if place else None
            if form is not None and place <= self._region[form]:
                yield Slip(form, "edit", EXTRA_COST)

    def _heard_alike(self, pieces: Sequence[str]) -> Iterator[tuple[int, Slip]]:
        keys, numbers = [], []
        for number, piece in enumerate(pieces):
            found = _piece_sound_keys([self._sounds.codes(one) for one in piece])
            keys += found
            numbers += [number] * len(found)
        for at, first, last in _hits(self._sound_key, keys):
            number = numbers[at]
            for row in range(first, last):
                form = self._sound_form[row]
                cost = self._sound_cost(self._forms[form], pieces[number])
                if cost:
                    yield number, Slip(form, "sound", cost)

    def _sound_cost(self, meant: str, said: str) -> float:
        """Return what the characters that differ cost, 0 where it is nothing or none of our slips."""
        if len(meant) != len(said):
            return 0.0
        costs = [self._sounds.cost(a, b) for a, b in zip(meant, said, strict=True) if a != b]
        total = sum(costs)
        return total if len(costs) <= MOST_SOUND_SLIPS and total < np.inf else 0.0

    def _other_or_missing(self, pieces: Sequence[str]) -> Iterator[tuple[int, Slip]]:
        keys, asked = [], []
        for number, piece in enumerate(pieces):
            whole, without = _piece_keys(piece)
            places = [place for place, letter in enumerate(piece) if not letter.isdigit()]
            keys += [whole, *(without[place] for place in places)]
            asked += [(number, place) for place in (-1, *places)]
        for at, first, last in _hits(self._edit_key, keys):
            if last - first > MOST_ALIKE:
                continue
            number, place = asked[at]
            piece = pieces[number]
            for row in range(first, last):
                form, left_out = divmod(self._edit_form[row], _LONGEST)
                meant = self._forms[form]
                rest = meant[:left_out] + meant[left_out + 1 :]
                if place < 0:
                    if rest == piece:
                        yield number, Slip(form, "edit", MISSING_COST)
                elif place == left_out and meant[place] != piece[place] and rest == piece[:place] + piece[place + 1 :]:
                    yield number, Slip(form, "edit", OTHER_COST)


def _hits(table: NDArray[np.generic], keys: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield, for every key that the table has, its position and its run in the table."""
    asked = np.array(keys, dtype=np.uint64)
    first = np.searchsorted(table, asked)
    last = np.searchsorted(table, asked, side="right")
    hit = np.flatnonzero(last > first)
    yield from zip(hit.tolist(), first[hit].tolist(), last[hit].tolist(), strict=True)


def _piece_keys(piece: str) -> tuple[int, list[int]]:
    """Return the key of a piece, and those of what is left without each of its characters."""
    sums, total = [0], 0
    for place, letter in enumerate(piece):
        total += (ord(letter) + 1) * _POWERS[place]
        sums.append(total)
    return total & _MASK, [(sums[place] + (total - sums[place + 1]) * _INVERSE) & _MASK for place in range(len(piece))]


def _piece_sound_keys(readings: list[tuple[int, int]]) -> list[int]:
    """Return the keys of a piece with at most two characters in their second reading."""
    whole = sum((first + 1) * power for (first, _), power in zip(readings, _POWERS, strict=False))
    keys = [whole]
    changes = [
        (second - first) * power for (first, second), power in zip(readings, _POWERS, strict=False) if first != second
    ]
    for one, change in enumerate(changes):
        keys.append(whole + change)
        keys += [whole + change + changes[other] for other in range(one)]
    return [key & _MASK for key in keys]
