"""Colours of a plan: children share their parent's hue, neighbours never look the same.

Grids of the level above get a hue each so that neighbours differ, the grids inside one of them a shade of its hue,
again so that neighbours differ. Greedy colouring, the least connected vertex last: on a map at most six colours.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Shape = tuple[tuple[int, ...], ...]
Ints = NDArray[np.int64]

HUES: Final = ("#a9c4d8", "#bacba0", "#e3d09c", "#dfb3a6", "#c3b5d6", "#9fcabf", "#e8bf94", "#c9c3b6")
_WHITER: Final = (0.30, 0.62, 0.0, 0.46, 0.16, 0.75)
RAMP: Final = ("#f7f0de", "#f0dcb3", "#e6be85", "#d69f6d", "#bf7f58")
UNKNOWN: Final = "#e9e6df"
MICRO: Final = "#94386b"
PAPER: Final = "#f6f4ee"
INK: Final = "#2b3a4a"
LINES: Final = ("#22303f", "#3f5468", "#f9f8f4")
"""Borders from the coarsest level down; the last one for every level below."""
MINUTES: Final = ("#1f6f78", "#58a4a0", "#a9d3c6", "#d4e8dc", "#e7f1ea")
OUTCOMES: Final = {
    "matched": "#3b5b8c",
    "ambiguous": "#d98e04",
    "gap": "#c43d3d",
    "outside": "#8a4fa3",
    "invalid": "#77716a",
}
STATIONS: Final = {"ok": "#0d4a52", "clipped": "#d98e04", "island": "#8a4fa3", "off_network": "#c43d3d"}
STREETS: Final = "#b9b3a6"
BARRIERS: Final = {"water": "#9cc3de", "rail": "#4a4f57", "motorway": "#e08a4a"}
GAP: Final = "#d9483b"


@dataclass(frozen=True)
class Tints:
    """Number of the hue and of the shade of each grid of a level; see :func:`palette`."""

    hue: Ints
    shade: Ints


def palette() -> list[list[str]]:
    """Return the colours by hue and shade.

    Examples
    --------
    >>> palette()[0][2]
    '#a9c4d8'
    """
    return [[_whiter(hue, share) for share in _WHITER] for hue in HUES]


def _whiter(colour: str, share: float) -> str:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)


def tint_level(shapes: Sequence[Shape], parents: Ints, parent_hues: Ints | None) -> Tints:
    """Choose hue and shade of the grids of a level.

    Parameters
    ----------
    shapes
        The level's shapes in a :class:`gridmap.maps.topology.Topology`.
    parents
        Position of each grid's parent in the level above, -1 where it has none.
    parent_hues
        Hues of the level above; ``None`` for the coarsest, whose grids get a hue each.

    Examples
    --------
    >>> tints = tint_level([((0, 1),), ((~0, 2),)], np.array([-1, -1]), None)
    >>> tints.hue.tolist(), tints.shade.tolist()
    ([1, 0], [0, 0])
    """
    pairs = neighbours(shapes)
    if parent_hues is None:
        return Tints(colour_graph(len(shapes), pairs) % len(HUES), np.zeros(len(shapes), dtype=np.int64))
    hue = np.where(parents >= 0, parent_hues[parents] if len(parent_hues) else 0, len(HUES) - 1)
    alike = hue[pairs[:, 0]] == hue[pairs[:, 1]]
    return Tints(hue, colour_graph(len(shapes), pairs[alike]) % len(_WHITER))


def tint_plan(levels: Sequence[Sequence[Shape]], parents: Sequence[Ints]) -> list[Tints]:
    """Choose hues and shades of all levels, from the coarsest; ``parents`` as in :func:`tint_level`."""
    found: list[Tints] = []
    hues: Ints | None = None
    for shapes, above in zip(levels, parents, strict=True):
        found.append(tint_level(shapes, above, hues))
        hues = hues_of(shapes)
    return found


def hues_of(shapes: Sequence[Shape]) -> Ints:
    """Return a hue for each grid of a level so that neighbours differ."""
    return colour_graph(len(shapes), neighbours(shapes)) % len(HUES)


def neighbours(shapes: Sequence[Shape]) -> Ints:
    """Return the pairs of shapes that share an arc, shape (n, 2), sorted.

    Examples
    --------
    >>> neighbours([((0, 1),), ((~0, 2),), ((3,),)]).tolist()
    [[0, 1]]
    """
    owner: dict[int, int] = {}
    pairs: set[tuple[int, int]] = set()
    for number, shape in enumerate(shapes):
        for arc in (ref if ref >= 0 else ~ref for ring in shape for ref in ring):
            other = owner.setdefault(arc, number)
            if other != number:
                pairs.add((other, number))
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def colour_graph(n: int, pairs: Ints) -> Ints:
    """Return a small number for each vertex of a graph, another one than any neighbour's.

    Examples
    --------
    >>> colour_graph(4, np.array([[0, 1], [1, 2], [0, 2]])).tolist()
    [2, 1, 0, 0]
    """
    near: list[set[int]] = [set() for _ in range(n)]
    for a, b in pairs.tolist():
        near[a].add(b)
        near[b].add(a)
    colours = np.full(n, -1, dtype=np.int64)
    for vertex in reversed(_least_connected_first(near)):
        taken = {int(colours[other]) for other in near[vertex]}
        colours[vertex] = next(colour for colour in range(n) if colour not in taken)
    return colours


def _least_connected_first(near: list[set[int]]) -> list[int]:
    degree = [len(each) for each in near]
    heap = [(degree[vertex], vertex) for vertex in range(len(near))]
    heapq.heapify(heap)
    order: list[int] = []
    gone = [False] * len(near)
    while heap:
        count, vertex = heapq.heappop(heap)
        if gone[vertex] or count != degree[vertex]:
            continue
        gone[vertex] = True
        order.append(vertex)
        for other in near[vertex]:
            if not gone[other]:
                degree[other] -= 1
                heapq.heappush(heap, (degree[other], other))
    return order
