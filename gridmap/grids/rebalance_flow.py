"""How many households have to cross borders between grids: a linear programme, solved by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_matrix, hstack, identity, vstack

from gridmap.circles.solver import least_cost
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph


@dataclass(frozen=True, eq=False)
class Gates:
    """Pairs of grids that border on land and may exchange blocks, both ways, sorted.

    Parameters
    ----------
    giver, taker
        The pairs.
    start
        The takers of grid ``i`` are ``taker[start[i]:start[i + 1]]``.
    """

    giver: m.Ints
    taker: m.Ints
    start: m.Ints


@dataclass(frozen=True, eq=False)
class Flow:
    """The least flow over gates that brings all grids into their bands.

    Parameters
    ----------
    households
        What flows over each gate.
    over, under
        What each grid keeps too much of, or lacks, however blocks are moved.
    price
        What a household more in a grid costs, in households moved; below 0 where one more saves.
    """

    households: m.Floats
    over: m.Floats
    under: m.Floats
    price: m.Floats


def find_gates(graph: BlockGraph, label: m.Ints, locked: m.Flags, fixed: m.Ints) -> Gates:
    """Return which grids may exchange blocks.

    Parameters
    ----------
    graph, label
        The blocks and the grid of each.
    locked
        Grids that neither give nor take.
    fixed
        The given parent of each grid: blocks never leave it.
    """
    grids = len(locked)
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    a, b = label[tail], label[graph.neighbour]
    open_ = (a != b) & ~graph.bridge & ~locked[a] & ~locked[b] & (fixed[a] == fixed[b])
    key = np.unique(a[open_] * grids + b[open_])
    giver, taker = key // grids, key % grids
    return Gates(giver, taker, np.r_[0, np.cumsum(np.bincount(giver, minlength=grids))].astype(np.int64))


def least_flow(gates: Gates, households: m.Floats, lower: m.Floats, upper: m.Floats) -> Flow:
    """Return the least flow over the gates after which every grid that can be is in its band.

    What no flow can cure comes first: the households out of the band that remain are as few as can be.
    """
    grids, pairs = len(households), len(gates.giver)
    column = np.arange(pairs)
    leaves = coo_array(
        (np.r_[np.ones(pairs), -np.ones(pairs)], (np.r_[gates.giver, gates.taker], np.r_[column, column])),
        shape=(grids, pairs),
    )
    one, none = identity(grids), csr_matrix((grids, grids))
    rows = csr_matrix(vstack([hstack([-leaves, -one, none]), hstack([leaves, none, -one])]))
    # No path is longer than the grids are many: at this price curing goes before saving flow.
    cost = np.r_[np.ones(pairs), np.full(2 * grids, grids + 1.0)]
    solver = least_cost(cost, rows, np.r_[upper - households, households - lower])
    solver.run()
    found = solver.getSolution()
    value, dual = np.asarray(found.col_value), np.asarray(found.row_dual)
    return Flow(
        value[:pairs], value[pairs : pairs + grids], value[pairs + grids :], dual[grids:] - dual[:grids]
    )  # fmt: skip
