"""Names of a list that are one slip apart: where one is read, the other may be meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gridmap.address.shapes import look_alikes
from gridmap.address.sounds import Sounds

Pairs = list[NDArray[np.int64]]


def confusable_tables(names: Sequence[str], sounds: Sounds) -> dict[str, NDArray[np.generic]]:
    """Make the lists of names that differ in one character which sounds or looks alike, one list for each name.

    Names are grouped by what is left of them without one character; a pair of a group is alike if the two characters
    that were left out are.
    """
    groups: dict[tuple[int, str], list[int]] = {}
    for name, text in enumerate(names):
        for place in range(len(text)):
            groups.setdefault((place, text[:place] + text[place + 1 :]), []).append(name)
    known = look_alikes()
    pairs: list[tuple[int, int]] = []
    for (place, _), members in groups.items():
        if len(members) > 1:
            pairs.extend(_alike(members, [names[name][place] for name in members], sounds, known))
    found = np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), axis=0)
    first = np.searchsorted(found[:, 0], np.arange(len(names) + 1))
    return {"confusable_first": first.astype(np.int32), "confusable_name": found[:, 1].astype(np.int32)}


def _alike(
    members: list[int], characters: list[str], sounds: Sounds, known: dict[str, dict[str, float]]
) -> list[tuple[int, int]]:
    """Pair the members of a group, both ways."""
    by_character = dict(zip(characters, members, strict=True))
    by_sound: dict[int, list[int]] = {}
    for member, character in zip(members, characters, strict=True):
        for code in set(sounds.codes(character)):
            by_sound.setdefault(code, []).append(member)
    pairs = [(one, other) for heard in by_sound.values() for one in heard for other in heard if one != other]
    for character, member in by_character.items():
        pairs.extend((member, by_character[other]) for other in known.get(character, ()) if other in by_character)
    return pairs
