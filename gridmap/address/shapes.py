"""Which characters look alike: 未 and 末, 浦 and 埔.

``data/look_alikes.txt`` lists pairs of GB 2312 characters with a similarity in hundredths; how it is made stands in
``data/make_look_alikes.py``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

ALIKE_COST: Final = 4.5
"""Of a character that looks much like the one that is meant."""
_ALIKE, _SLOPE = 0.6, 5.0
"""From this similarity on it costs no less; below it more, down to 0.4, where pairs are no longer listed."""
_CHARACTERS: Final = 1 << 16


@lru_cache(maxsize=1)
def look_alikes() -> dict[str, dict[str, float]]:
    """Read which characters look like which, and how much, in [0, 1].

    Examples
    --------
    >>> look_alikes()["未"]["末"] > 0.9, "末" in look_alikes()["人"]
    (True, False)
    """
    text = files("gridmap.address").joinpath("data", "look_alikes.txt").read_text(encoding="utf-8")
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in text.splitlines():
        for other, hundredths in re.findall(r"(\D)(\d\d)", line[1:]):
            found[line[0]][other] = found[other][line[0]] = int(hundredths) / 100
    return dict(found)


def shape_cost(similarity: float) -> float:
    """Return the cost of a character for one it is so similar to.

    Examples
    --------
    >>> shape_cost(0.95), shape_cost(0.5)
    (4.5, 5.0)
    """
    return ALIKE_COST + _SLOPE * max(0.0, _ALIKE - similarity)


def shape_tables(characters: Collection[str]) -> dict[str, NDArray[np.generic]]:
    """Make the table that leads from any character to those of a set that look like it, the most alike first.

    Examples
    --------
    >>> Shapes(shape_tables("末木")).alike("未")
    [('末', 4.5), ('木', 4.5)]
    """
    known = look_alikes()
    rows = sorted(
        (ord(other), -similarity, ord(character))
        for character in set(characters) & known.keys()
        for other, similarity in known[character].items()
    )
    sources = np.array([row[0] for row in rows], dtype=np.int64)
    return {
        "shape_first": np.searchsorted(sources, np.arange(_CHARACTERS + 1)).astype(np.int32),
        "shape_other": np.array([row[2] for row in rows], dtype=np.uint16),
        "shape_cost": np.array([shape_cost(-row[1]) for row in rows], dtype=np.float32),
    }


class Shapes:
    """What characters look like, from the tables of :func:`shape_tables`."""

    def __init__(self, tables: Mapping[str, NDArray[np.generic]]) -> None:
        self._first, self._other, self._cost = (
            tables[name].data for name in ("shape_first", "shape_other", "shape_cost")
        )

    def alike(self, said: str) -> list[tuple[str, float]]:
        """Return the characters that may be meant by one that looks alike, and the cost of each."""
        code = ord(said)
        if code >= _CHARACTERS:
            return []
        return [(chr(self._other[row]), self._cost[row]) for row in range(self._first[code], self._first[code + 1])]
