"""Whole numbers as short text: what the page's ``codec.js`` reads back.

A number is written in groups of five bits, lowest first, each as one of 64 letters that stand in JSON and HTML as
they are; a letter from the second half of the alphabet says that more groups follow. Signed numbers are folded
first: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4. Small differences therefore take one or two letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.maps.topology import Topology

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LETTERS: Final = np.frombuffer(ALPHABET.encode("ascii"), dtype=np.uint8)


def encode_ints(numbers: Iterable[int] | NDArray[Any]) -> str:
    """Return whole numbers (each within ±2**52, what a page can count to) as text.

    Examples
    --------
    >>> encode_ints([0, -1, 1, 15, 16])
    'ABCegB'
    """
    values = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers), dtype=np.int64)
    folded = np.where(values < 0, -2 * values - 1, 2 * values)
    width = np.ones(len(folded), dtype=np.int64)
    rest = folded >> 5
    while rest.any():
        width += rest > 0
        rest >>= 5
    start = np.cumsum(width) - width
    place = np.arange(int(width.sum())) - np.repeat(start, width)
    groups = (np.repeat(folded, width) >> (5 * place)) & 31
    groups += 32 * (place + 1 < np.repeat(width, width))
    return bytes(_LETTERS[groups]).decode("ascii")


def encode_points(points: NDArray[np.int64]) -> str:
    """Return points (shape (n, 2), whole numbers) as text, each as its difference to the one before.

    Examples
    --------
    >>> import numpy as np
    >>> encode_points(np.array([[5, 5], [6, 4]]))
    'KKCB'
    """
    return encode_ints(np.diff(points, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).reshape(-1))


def encode_arcs(topology: Topology) -> str:
    """Return the arcs as text: for each, its number of vertices, then vertices as differences.

    The first vertex of an arc is written as the difference to the last vertex of the arc before.
    """
    if not topology.arcs:
        return ""
    steps = np.diff(np.concatenate(topology.arcs), axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).reshape(-1)
    sizes = np.array([len(arc) for arc in topology.arcs])
    at = np.concatenate(([0], 2 * np.cumsum(sizes)[:-1]))
    return encode_ints(np.insert(steps, at, sizes))


def encode_shapes(shapes: tuple[tuple[tuple[int, ...], ...], ...]) -> str:
    """Return the shapes of a layer as text: number of rings, then for each ring its number of arcs and the arcs."""
    flat: list[int] = []
    for shape in shapes:
        flat.append(len(shape))
        for ring in shape:
            flat.append(len(ring))
            flat.extend(ring)
    return encode_ints(flat)
