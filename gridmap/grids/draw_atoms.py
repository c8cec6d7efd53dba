"""Atoms of upper levels: the blocks between main streets, railways and water, where their grids' borders then lie."""

from __future__ import annotations

from typing import Final

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, Borders, connected, graph_from_pairs, totals
from gridmap.grids.border_kinds import BORDER_KINDS

SHARE: Final = 0.20
"""What has more than this share of a grid's workload is no atom: a grid needs several to be balanced."""
INNER_KINDS: Final = ("nothing", "path", "service")
"""Borders inside a compound, which is not split where that can be helped (GB/T 30428.1)."""


def atoms(borders: Borders, weight: m.Floats, group: m.Ints, heaviest: m.Floats) -> m.Ints:
    """Return the atom of every block.

    Blocks that no main street, railway or water divides are one atom; where it would be too heavy, those that no
    street divides; where these are too heavy, each block.

    Parameters
    ----------
    borders
        Of the blocks.
    weight
        Workload of every block.
    group
        Its parent: atoms do not reach over.
    heaviest
        By parent, what an atom may weigh.
    """
    a, b = borders.a, borders.b
    together = borders.passable & ~borders.bridge & (group[a] == group[b])
    between = together & (2 * borders.main_m < borders.length_m)
    inner = between & np.isin(borders.kind, [BORDER_KINDS.index(name) for name in INNER_KINDS])
    count = len(weight)
    atom = np.arange(count)
    for joined in (inner, between):
        part = connected(count, a[joined], b[joined])
        light = totals(part, weight)[part] <= heaviest[group]
        # Numbers of the coarser parts stand behind all others.
        atom = np.where(light, part + (atom.max() + 1), atom)
    return m.compact(atom)


def contract(graph: BlockGraph, atom: m.Ints) -> BlockGraph:
    """Return the graph of atoms; two are joined by a bridge where nothing else joins them."""
    count = int(atom.max()) + 1
    tail = atom[np.repeat(np.arange(len(atom)), np.diff(graph.start))]
    head = atom[graph.neighbour]
    once = tail < head
    key, pair = np.unique(tail[once] * np.int64(count) + head[once], return_inverse=True)
    first = np.unique(atom, return_index=True)[1]
    return graph_from_pairs(
        key // count, key % count, totals(pair, graph.length_m[once], len(key)),
        totals(pair, graph.cost[once], len(key)), totals(pair, (~graph.bridge[once]).astype(float), len(key)) == 0,
        totals(atom, graph.weight, count), graph.xy[first],
    )  # fmt: skip
