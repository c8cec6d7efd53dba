"""Mending grids that lie in pieces or lost all their blocks."""

from __future__ import annotations

import numpy as np

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, connected, totals


def make_whole(graph: BlockGraph, label: m.Ints, parts: int, parent: m.Ints | None = None) -> m.Ints:
    """Return labels in which every grid exists and is connected on each part of the land.

    Of the pieces of a grid the heaviest stays on each part of the land, and of those the ones that bridges join to
    the heaviest; the others go to the neighbour with the longest common border.
    """
    label = label.copy()
    for _ in range(parts + 2):
        drop_strays(graph, label)
        _fill_strays(graph, label)
        empty = np.flatnonzero(np.bincount(label, minlength=parts) == 0)
        if len(empty) == 0:
            return label
        for part in empty.tolist():
            _found(graph, label, part, None if parent is None else parent == parent[part])
    raise DrawError(f"{parts} grids could not be kept connected; ask for fewer or give smaller blocks")


def _pieces(graph: BlockGraph, label: m.Ints, *, bridges: bool) -> m.Ints:
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    same = (label[tail] == label[graph.neighbour]) & (label[tail] >= 0)
    if not bridges:
        same &= ~graph.bridge
    return connected(len(label), tail[same], graph.neighbour[same])


def drop_strays(graph: BlockGraph, label: m.Ints) -> None:
    """Set what does not hang together with the main piece of its grid to -1."""
    shore = graph.components(bridges=False)
    piece = _pieces(graph, label, bridges=False)
    weight = graph.weight + graph.weight.sum() * 1e-9 + 1e-12
    heavy = totals(piece, weight)
    _, first = np.unique(piece, return_index=True)
    _keep_heaviest(label, piece, heavy, label[first] * (shore.max() + 1) + shore[first], first)
    land = graph.components(bridges=True)
    joined = _pieces(graph, label, bridges=True)
    heavy = totals(joined, weight)
    _, first = np.unique(joined, return_index=True)
    _keep_heaviest(label, joined, heavy, label[first] * (land.max() + 1) + land[first], first)


def _keep_heaviest(label: m.Ints, piece: m.Ints, heavy: m.Floats, group: m.Ints, first: m.Ints) -> None:
    order = np.lexsort((first, -heavy, group))
    later = np.r_[False, group[order][1:] == group[order][:-1]]
    label[np.isin(piece, order[later])] = -1


def _fill_strays(graph: BlockGraph, label: m.Ints) -> None:
    """Give stray blocks, a ring at a time, to the neighbour they share the longest border with."""
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    # Over a bridge only where there is no neighbour on land: then the shore has no grid yet.
    for bridges in (False, True):
        while (label < 0).any():
            open_ = (label[tail] < 0) & (label[graph.neighbour] >= 0) & (graph.bridge == bridges)
            if not open_.any():
                break
            if bridges:
                at = int(np.flatnonzero(open_)[0])
                label[tail[at]] = label[graph.neighbour[at]]
                _fill_strays_on_land(graph, label, tail)
                continue
            _claim(graph, label, tail, open_)


def _fill_strays_on_land(graph: BlockGraph, label: m.Ints, tail: m.Ints) -> None:
    while True:
        open_ = (label[tail] < 0) & (label[graph.neighbour] >= 0) & ~graph.bridge
        if not open_.any():
            return
        _claim(graph, label, tail, open_)


def _claim(graph: BlockGraph, label: m.Ints, tail: m.Ints, open_: m.Flags) -> None:
    wanted, goal, length = tail[open_], label[graph.neighbour[open_]], graph.length_m[open_]
    key = wanted * (label.max() + 1) + goal
    pair, where = np.unique(key, return_inverse=True)
    total = totals(where, length)
    block, offer = pair // (label.max() + 1), pair % (label.max() + 1)
    order = np.lexsort((offer, -total, block))
    first = np.r_[True, block[order][1:] != block[order][:-1]]
    label[block[order][first]] = offer[order][first]


def _found(graph: BlockGraph, label: m.Ints, part: int, siblings: m.Flags | None) -> None:
    """Make a grid that lost all its blocks anew: from the heaviest grid that has several, its outermost block."""
    parts = part + 1 if siblings is None else len(siblings)
    total = totals(label, graph.weight, parts)
    many = np.bincount(label, minlength=parts) > 1
    if siblings is not None:
        many &= siblings
    giver = int(np.argmax(np.where(many, total, -1.0)))
    members = np.flatnonzero(label == giver)
    inner = graph.subgraph(members)
    depth = _distance_from(inner, 0)
    label[members[int(np.argmax(depth))]] = part


def _distance_from(graph: BlockGraph, root: int) -> m.Ints:
    """Return steps from a block; the furthest one can leave without breaking the rest."""
    depth = np.full(len(graph.weight), -1, dtype=np.int64)
    depth[root], ring, step = 0, [root], 0
    while ring:
        step += 1
        following = []
        for i in ring:
            for j in graph.neighbour[graph.start[i] : graph.start[i + 1]].tolist():
                if depth[j] < 0:
                    depth[j] = step
                    following.append(j)
        ring = following
    return depth
