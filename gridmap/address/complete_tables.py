"""What completion reads: the names sorted, how they sound, what is short for them, and what they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.address.complete_sounds import SYLLABLE, sound_arrays
from gridmap.address.suffixes import shorts_of, stem_of

PREFIX: Final = "complete_"


def complete_tables(
    names: Sequence[str], name_start: NDArray[Any], name_object: NDArray[Any], object_rows: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Return what :class:`gridmap.address.complete.Completer` reads.

    Parameters
    ----------
    names
        Cleaned, by their ids.
    name_start, name_object
        ``name_object[name_start[i] : name_start[i + 1]]`` are the objects that have the name ``i``.
    object_rows
        How many rows lie under each object: the more, the earlier it is suggested.

    Returns
    -------
    dict
        Flat arrays whose names begin with ``complete_``.

    Examples
    --------
    >>> tables = complete_tables(["虹桥路", "人民路"], np.array([0, 1, 2]), np.array([0, 1]), np.array([12, 40]))
    >>> tables["complete_order"].tolist()
    [1, 0]
    """
    order = sorted(range(len(names)), key=names.__getitem__)
    texts = [names[name] for name in order]
    sound, syllable = sound_arrays(texts)
    shorts = sorted(
        (short.text, rank)
        for rank, text in enumerate(texts)
        for short in shorts_of(text)
        if text.startswith(short.text)
    )
    letter_start, letter = _letters(texts, sound, syllable)
    found: dict[str, NDArray[Any]] = {
        "order": np.array(order, dtype=np.int32),
        "character": np.array([ord(character) for text in texts for character in text], dtype=np.int32),
        "start": _starts([len(text) for text in texts]),
        "sound": sound,
        "syllable": syllable,
        "stem": np.array([min(len(stem_of(text)[0]), 255) for text in texts], dtype=np.uint8),
        "short_rank": np.array([rank for _, rank in shorts], dtype=np.int32),
        "short_size": np.array([len(text) for text, _ in shorts], dtype=np.uint8),
        "letter_start": letter_start,
        "letter": letter,
        **_things(order, name_start, name_object, object_rows),
    }
    return {PREFIX + name: array for name, array in found.items()}


def _starts(sizes: Sequence[int] | NDArray[Any]) -> NDArray[np.int32]:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)


def _things(
    order: Sequence[int], name_start: NDArray[Any], name_object: NDArray[Any], object_rows: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    """Return the objects of the sorted names, of each name those with most rows first."""
    first, last = name_start[:-1][order], name_start[1:][order]
    start = _starts(last - first)
    rank = np.repeat(np.arange(len(order)), last - first)
    things = name_object[first[rank] + np.arange(len(rank)) - start[:-1][rank]]
    things = things[np.lexsort((things, -object_rows[things], rank))]
    return {"thing_start": start, "thing": things.astype(np.int32)}


def _letters(
    texts: Sequence[str], sound: NDArray[np.uint16], syllable: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return for each latin letter the names that may begin with it, by sound or as written."""
    names: list[list[int]] = [[] for _ in range(26)]
    at = 0
    for rank, text in enumerate(texts):
        heads = {ord(text[0])} | {int(syllable[SYLLABLE * each]) for each in sound[at : at + 2] if each != 0xFFFF}
        for head in heads:
            if 97 <= head <= 122:
                names[head - 97].append(rank)
        at += 2 * len(text)
    return _starts([len(each) for each in names]), np.array([rank for each in names for rank in each], dtype=np.int32)
