"""Which names a typed text begins, character by character: as written, by pinyin, by the initials of pinyin, mixed.

``人民l``, ``renminlu``, ``renm``, ``rml`` and ``rminlu`` all begin 人民路: of each character the character itself may
be typed, its whole syllable or its initial (of zh, ch, sh the first letter too); where the text ends inside a syllable,
any beginning of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.address.sounds import readings, syllables

SYLLABLE: Final = 6
"""Letters of the longest syllable (zhuang)."""
NO_SOUND: Final = 0xFFFF
MOST_TYPED: Final = 60
"""Characters of a text whose positions fit into one integer; no name is longer."""
BEGINS, STEM, WHOLE = 1, 2, 3
"""How much of a name was typed: a beginning, all but its suffix, all; 0 is nothing of it."""
_BLANK, _A, _H, _U, _V, _Z = b" ahuvz"
_DIGITS: Final = {
    "0": "ling", "1": "yi", "2": "er", "3": "san", "4": "si", "5": "wu", "6": "liu", "7": "qi", "8": "ba", "9": "jiu",
}  # fmt: skip


class SoundTables(NamedTuple):
    """Names as the kernel reads them, sorted.

    Parameters
    ----------
    character, start
        Code points of the names, one after the other, and where each name begins.
    sound
        Two for every character: places in ``syllable``, or NO_SOUND.
    syllable
        SYLLABLE letters each, 0 where it has ended.
    stem
        Length of each name without its suffix.
    """

    character: NDArray[np.int32]
    start: NDArray[np.int32]
    sound: NDArray[np.uint16]
    syllable: NDArray[np.uint8]
    stem: NDArray[np.uint8]


def sound_arrays(names: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    r"""Return the sounds of all characters of names, two each, and the syllables they are places in.

    The first is how the character is read in this name, the second how else it is read: who types does not always know
    that 重庆路 begins with chong. ü is kept as v; of a digit it is the sound of the numeral (人民3路 is rmsl).

    Examples
    --------
    >>> sounds, letters = sound_arrays(["重庆3路"])
    >>> sounds.tolist(), letters.tobytes().replace(b"\0", b" ")
    ([0, 1, 2, 65535, 3, 65535, 4, 65535], b'chong zhong qing  san   lu    ')
    """
    places: dict[str, int] = {}
    sounds: list[int] = []
    for name in names:
        for character, read in zip(name, syllables(name), strict=True):
            ids = [places.setdefault(each, len(places)) for each in _sounds_of(character, read)]
            sounds += [*ids, NO_SOUND, NO_SOUND][:2]
    letters = [each.encode().ljust(SYLLABLE, b"\0") for each in places]
    return np.array(sounds, dtype=np.uint16), np.frombuffer(b"".join(letters), dtype=np.uint8)


def _sounds_of(character: str, read: str) -> list[str]:
    """Return at most two sounds of a character that is read in some way in its name; none for latin letters."""
    if character in _DIGITS:
        return [_DIGITS[character]]
    alone = readings().get(character, ())
    return [each for each in dict.fromkeys((read, *alone)) if each != character and len(each) <= SYLLABLE][:2]


def spelled(name: int, size: int, tables: SoundTables) -> str:
    """Return how the first characters of a name are spelled by their sounds."""
    first, parts = int(tables.start[name]), []
    for at in range(first, first + size):
        sound = SYLLABLE * int(tables.sound[2 * at])
        is_read = tables.sound[2 * at] != NO_SOUND
        parts.append(
            tables.syllable[sound : sound + SYLLABLE].tobytes().rstrip(b"\0").decode()
            if is_read
            else chr(tables.character[at])
        )
    return "".join(parts)


@njit(cache=True, nogil=True)
def match_sounds(typed, which, tables):
    """Return for each of the names ``which`` how much of it a text is: code points, without blanks."""
    found = np.zeros(len(which), dtype=np.int8)
    size = len(typed)
    for k in range(len(which)):
        first, last = tables.start[which[k]], tables.start[which[k] + 1]
        reached = 1
        for at in range(first, last):
            if tables.character[at] == _BLANK:
                continue
            after, inside = _step(typed, reached, at, tables)
            if inside and found[k] < BEGINS:
                found[k] = BEGINS
            if after >> size & 1:
                much = WHOLE if at + 1 == last else STEM if at + 1 - first >= tables.stem[which[k]] else BEGINS
                found[k] = max(found[k], much)
            reached = after & ~(1 << size)
            if reached == 0:
                break
    return found


@njit(cache=True, nogil=True)
def _step(typed, reached, at, tables):
    """Type one character from each place reached: places reached then (bits), and whether the text ends inside it."""
    after, inside, size = 0, False, len(typed)
    for i in range(size):
        if not reached >> i & 1:
            continue
        if typed[i] == tables.character[at]:
            after |= 1 << (i + 1)
        if not _A <= typed[i] <= _Z:
            continue
        for way in range(2):
            sound = tables.sound[2 * at + way]
            if sound == NO_SOUND:
                break
            same = _same(typed, i, tables.syllable, SYLLABLE * sound)
            if same == 0:
                continue
            after |= 1 << (i + 1)
            if same >= 2 and tables.syllable[SYLLABLE * sound + 1] == _H:
                after |= 1 << (i + 2)
            if same == SYLLABLE or tables.syllable[SYLLABLE * sound + same] == 0:
                after |= 1 << (i + same)
            elif i + same == size:
                inside = True
    return after, inside


@njit(cache=True, nogil=True)
def _same(typed, i, syllable, first):
    """Return how many letters of a syllable are typed from a place on; u stands for ü too."""
    same = 0
    while same < SYLLABLE and i + same < len(typed):
        letter, said = syllable[first + same], typed[i + same]
        if letter == 0 or not (letter == said or (letter == _V and said == _U)):
            break
        same += 1
    return same
