"""What lies on borders between blocks: the kinds, what a metre of grid border on each costs, and how it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.grids import mosaic as m
from gridmap.network.index import SegmentIndex, index_lines
from gridmap.network.model import WalkNetwork

Kinds = NDArray[np.int8]

BORDER_COST: Final[dict[str, float]] = {
    "nothing": 1.0, "path": 0.9, "service": 0.8, "residential": 0.6, "tertiary": 0.4, "secondary": 0.25,
    "primary": 0.2, "trunk": 0.2, "motorway": 0.1, "rail": 0.1, "water": 0.1, "wall": 0.3,
}  # fmt: skip
"""What a metre of grid border costs by what lies on it (ours, after "streets, rivers, railways, walls as borders"):
big streets, water and rail draw borders towards them."""

BORDER_KINDS: Final = tuple(BORDER_COST)
"""What can lie on a border; of several things at one place the cheapest counts."""

MAIN_KINDS: Final = ("tertiary", "secondary", "primary", "trunk", "motorway", "rail", "water")
"""Borders that everybody knows: main streets, railways, water."""

ON_STREET_M: Final = 3.0
"""A border this near to a street lies on it: both come from the same line, rounded to 1 mm."""

_PIECE_M: Final = 20.0
"""Longer edges are looked at piece by piece."""

_KIND_OF_CLASS: Final = {
    **{name: name for name in BORDER_KINDS},
    **dict.fromkeys(("unclassified", "living_street", "pedestrian", "road", "busway"), "residential"),
    **dict.fromkeys(("track", "footway", "cycleway", "steps", "bridleway", "corridor", "platform"), "path"),
}


def kind_number(names: NDArray[np.object_] | tuple[str, ...]) -> Kinds:
    """Return the kind of border that each value of ``highway``, or kind of barrier, makes.

    Examples
    --------
    >>> [BORDER_KINDS[kind] for kind in kind_number(("primary_link", "footway", "rail", "elevator"))]
    ['primary', 'path', 'rail', 'nothing']
    """
    kinds = (_KIND_OF_CLASS.get(str(name).removesuffix("_link"), "nothing") for name in names)
    return np.array([BORDER_KINDS.index(kind) for kind in kinds], dtype=np.int8)


@dataclass(frozen=True, eq=False)
class BorderPieces:
    """Edges between blocks, long ones in pieces.

    Parameters
    ----------
    edge
        The edge that each piece is part of.
    length_m
        Of each piece.
    kind
        What lies at its middle, an index into :data:`BORDER_KINDS`.
    barrier
        Whether it lies on what cannot be crossed.
    """

    edge: m.Ints
    length_m: m.Floats
    kind: Kinds
    barrier: m.Flags


_STREETS: WeakKeyDictionary[WalkNetwork, SegmentIndex] = WeakKeyDictionary()


def _streets(network: WalkNetwork) -> SegmentIndex:
    """Return all edges by cell; the network's own index leaves out bridges."""
    if network not in _STREETS:
        _STREETS[network] = index_lines(network.vertex_start, network.vertex_xy)
    return _STREETS[network]


def border_pieces(edges: m.SharedEdges, network: WalkNetwork | None) -> BorderPieces:
    """Cut edges between blocks into pieces and say what lies on each.

    Parameters
    ----------
    edges
        In the network's CRS.
    network
        Whose streets and barriers may lie there; without it nothing does.
    """
    length = edges.length_m
    count = np.maximum(np.ceil(length / _PIECE_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(length)), count)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    share = (number + 0.5) / count[edge]
    kind = np.zeros(len(edge), dtype=np.int8)
    barrier = np.zeros(len(edge), dtype=bool)
    if network is not None:
        middle = edges.start[edge] + share[:, None] * (edges.end - edges.start)[edge]
        x, y = np.ascontiguousarray(middle[:, 0]), np.ascontiguousarray(middle[:, 1])
        street = kind_number(network.class_names)[network.edge_class]
        wall = kind_number(network.barriers["kind"].to_numpy(object))
        cost = np.array(list(BORDER_COST.values()))
        _lay(x, y, _streets(network), street, cost, kind)
        barrier = _lay(x, y, network.barrier_index, wall, cost, kind)
    return BorderPieces(edge, (length / count)[edge], kind, barrier)


def _lay(x: m.Floats, y: m.Floats, index: SegmentIndex, kinds: Kinds, cost: m.Floats, kind: Kinds) -> m.Flags:
    """Lay lines over points: write the cheapest kind of those that touch each; return where any does."""
    touched = np.zeros(len(x), dtype=np.bool_)
    if len(index.line):
        _cheapest(
            x, y, ON_STREET_M, index.low_x, index.low_y, index.cell_m, index.columns, index.rows, index.start,
            index.members, index.ends, index.line, kinds, cost, kind, touched,
        )  # fmt: skip
    return touched


@njit(cache=True, nogil=True)
def _cheapest(
    x, y, reach, low_x, low_y, cell_m, columns, rows, start, members, ends, line, kinds, cost, kind, touched
):  # fmt: skip
    for i in range(len(x)):
        px, py = x[i], y[i]
        first = max(int(np.floor((px - reach - low_x) / cell_m)), 0)
        last = min(int(np.floor((px + reach - low_x) / cell_m)), columns - 1)
        low = max(int(np.floor((py - reach - low_y) / cell_m)), 0)
        high = min(int(np.floor((py + reach - low_y) / cell_m)), rows - 1)
        for row in range(low, high + 1):
            for column in range(first, last + 1):
                cell = row * columns + column
                for k in range(start[cell], start[cell + 1]):
                    s = members[k]
                    its = kinds[line[s]]
                    if touched[i] and cost[its] >= cost[kind[i]]:
                        continue
                    ax, ay = ends[s, 0], ends[s, 1]
                    dx, dy = ends[s, 2] - ax, ends[s, 3] - ay
                    t = min(max(((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
                    if (px - ax - t * dx) ** 2 + (py - ay - t * dy) ** 2 <= reach * reach:
                        touched[i] = True
                        if cost[its] < cost[kind[i]]:
                            kind[i] = its
