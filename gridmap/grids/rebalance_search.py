"""Kernels of rebalancing: chains of moves over borders, annealed at the prices of the linear programme."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmap.grids.refine import stays_whole

LONGEST = 2
"""So many moves make a chain at most."""
TOGETHER = 0.15
"""How often a block takes a neighbour along."""


@njit(cache=True)
def _penalty(households, grid, bands, rates):
    """Return what a grid out of its band costs: for being out, by how far, and by the square of it."""
    over = max(households - bands[1, grid], bands[0, grid] - households)
    if over <= 1e-9 * (1.0 + bands[1, grid]):
        return 0.0
    return (rates[0] + abs(bands[2, grid])) * over + rates[1] * min(1.0, over / rates[2]) + rates[3] * over * over


@njit(cache=True)
def _put(v, a, b, loads, origin, label, total, count, bands, rates):
    """Move a block from ``a`` to ``b`` and return what that costs, wholeness not looked at."""
    weight = loads[0, v]
    change = (bands[2, b] - bands[2, a]) * weight
    if a == origin[v]:
        change += loads[1, v]
    elif b == origin[v]:
        change -= loads[1, v]
    before = _penalty(total[a], a, bands, rates) + _penalty(total[b], b, bands, rates)
    label[v] = b
    total[a] -= weight
    total[b] += weight
    count[a] -= 1
    count[b] += 1
    return change + _penalty(total[a], a, bands, rates) + _penalty(total[b], b, bands, rates) - before


@njit(cache=True)
def _may_enter(v, b, origin, gate_start, taker):
    """Whether ``b`` is the first grid of the block or one that bordered it and takes blocks from it."""
    o = origin[v]
    if o < 0:
        return False
    if b == o:
        return True
    for k in range(gate_start[o], gate_start[o + 1]):
        if taker[k] == b:
            return True
    return False


@njit(cache=True)
def _propose(
    v, wanted, start, neighbour, bridge, loads, origin, gate_start, taker, label, total, count, bands, rates, chain
):
    """Make a chain of moves from ``v`` on, tentatively; return its length and what it costs, infinity if it ends early.

    Each move may take a neighbour along; the next one starts in the grid that the last one entered.
    """
    done, change = 0, 0.0
    for turn in range(wanted):
        width = start[v + 1] - start[v]
        if width == 0:
            return done, np.inf
        k = start[v] + np.random.randint(width)
        via = neighbour[k]
        a, b = label[v], label[via]
        if a == b or bridge[k] or count[a] == 1 or not _may_enter(v, b, origin, gate_start, taker):
            return done, np.inf
        chain[done, 0], chain[done, 1], chain[done, 2], chain[done, 3] = v, a, b, via
        change += _put(v, a, b, loads, origin, label, total, count, bands, rates)
        done += 1
        if np.random.random() < TOGETHER:
            k = start[v] + np.random.randint(width)
            u = neighbour[k]
            if label[u] == a and not bridge[k] and count[a] > 1 and _may_enter(u, b, origin, gate_start, taker):
                # The companion leaves first: it may be what hangs on ``v`` alone.
                change += _put(u, a, b, loads, origin, label, total, count, bands, rates)
                chain[done] = chain[done - 1]
                chain[done - 1, 0], chain[done - 1, 3] = u, -1
                done += 1
        if turn + 1 < wanted:
            u = via
            for _ in range(np.random.randint(4)):
                x = neighbour[start[u] + np.random.randint(start[u + 1] - start[u])]
                if label[x] == b and x != v:
                    u = x
            v = u
    return done, change


@njit(cache=True)
def _shift(v, a, b, weight, parents, levels, total, count):
    levels[0, v] = b
    for level in range(1, levels.shape[0]):
        levels[level, v] = parents[level - 1, b]
    total[a] -= weight[v]
    total[b] += weight[v]
    count[a] -= 1
    count[b] += 1


@njit(cache=True)
def _carry_out(chain, done, start, neighbour, bridge, weight, parents, levels, total, count, seen, queue, stamp):
    """Make the moves of a chain for good, or none where one would break a grid of any level; return the last stamp."""
    for i in range(done):
        v, a, b, via = chain[i]
        good = count[a] > 1 and (via < 0 or levels[0, via] == b)
        for level in range(levels.shape[0]):
            if not good:
                break
            if level == 0 or parents[level - 1, a] != parents[level - 1, b]:
                stamp += 1
                good = stays_whole(v, start, neighbour, bridge, levels[level], stamp, seen, queue)
        if not good:
            for j in range(i - 1, -1, -1):
                _shift(chain[j, 0], chain[j, 2], chain[j, 1], weight, parents, levels, total, count)
            return stamp
        _shift(v, a, b, weight, parents, levels, total, count)
    return stamp


@njit(cache=True, nogil=True)
def anneal_moves(
    start,
    neighbour,
    bridge,
    loads,
    origin,
    gate_start,
    taker,
    parents,
    levels,
    bands,
    rates,
    movable,
    steps,
    heat,
    seed,
):
    """Move blocks by simulated annealing; ``levels`` is changed in place.

    Parameters
    ----------
    start, neighbour, bridge
        Of the graph.
    loads
        (2, blocks): the households of every block and what moving it costs.
    origin
        The first grid of every block; -1 for blocks that may not move.
    gate_start, taker
        Grids that blocks of each grid may enter.
    parents
        (levels - 1, grids).
    levels
        (levels, blocks): the grid of every block at every level, finest first.
    bands
        (3, grids): the lower and the upper limit, and the price of a household more.
    rates
        Of the penalty: a household out of the band, being out of it, how far out that counts fully, and the square of
        the households out of it.
    movable
        Blocks that chains start from.
    steps, heat, seed
        How many chains are tried; the first and the last temperature.
    """
    np.random.seed(seed)
    blocks, weight, label = levels.shape[1], loads[0], levels[0]
    total, count = np.zeros(bands.shape[1]), np.zeros(bands.shape[1], np.int64)
    for v in range(blocks):
        total[label[v]] += weight[v]
        count[label[v]] += 1
    seen, queue = np.zeros(blocks, np.int64), np.empty(blocks, np.int64)
    chain = np.empty((2 * LONGEST, 4), np.int64)
    stamp, temperature = 0, heat[0]
    for step in range(steps):
        if step % 256 == 0:
            temperature = heat[0] * (heat[1] / heat[0]) ** (step / steps)
        v, wanted = movable[np.random.randint(len(movable))], 1 + np.random.randint(LONGEST)
        done, change = _propose(
            v, wanted, start, neighbour, bridge, loads, origin, gate_start, taker, label, total, count, bands, rates,
            chain,
        )  # fmt: skip
        for i in range(done - 1, -1, -1):
            v, a, b = chain[i, 0], chain[i, 1], chain[i, 2]
            label[v] = a
            total[a] += weight[v]
            total[b] -= weight[v]
            count[a] += 1
            count[b] -= 1
        if done and (change <= 0 or np.random.random() < np.exp(-change / temperature)):
            stamp = _carry_out(
                chain, done, start, neighbour, bridge, weight, parents, levels, total, count, seen, queue, stamp
            )


@njit(cache=True)
def _touches(v, b, start, neighbour, bridge, label):
    for k in range(start[v], start[v + 1]):
        if not bridge[k] and label[neighbour[k]] == b:
            return True
    return False


@njit(cache=True)
def take_back(start, neighbour, bridge, loads, origin, parents, levels, bands, rates, moved):
    """Put blocks back into their first grids one by one, as long as that saves; ``levels`` is changed in place."""
    blocks, weight, label = levels.shape[1], loads[0], levels[0]
    total, count = np.zeros(bands.shape[1]), np.zeros(bands.shape[1], np.int64)
    for v in range(blocks):
        total[label[v]] += weight[v]
        count[label[v]] += 1
    seen, queue = np.zeros(blocks, np.int64), np.empty(blocks, np.int64)
    chain = np.full((1, 4), -1, np.int64)
    stamp, again = 0, True
    while again:
        again = False
        for v in moved:
            a, b = label[v], origin[v]
            if a == b or not _touches(v, b, start, neighbour, bridge, label):
                continue
            change = _put(v, a, b, loads, origin, label, total, count, bands, rates)
            _put(v, b, a, loads, origin, label, total, count, bands, rates)
            if change < -1e-12 * rates[1]:
                chain[0, 0], chain[0, 1], chain[0, 2] = v, a, b
                stamp = _carry_out(
                    chain, 1, start, neighbour, bridge, weight, parents, levels, total, count, seen, queue, stamp
                )
                again = again or label[v] == b


@njit(cache=True)
def leavers(start, neighbour, bridge, parents, levels, gate_start, taker, origin):
    """Return pairs of a block and a grid that it could enter now without breaking anything, as two arrays."""
    n = levels.shape[1]
    seen, queue = np.zeros(n, np.int64), np.empty(n, np.int64)
    label, stamp = levels[0], 0
    count = np.bincount(label)
    blocks, goals = [0], [0]
    for v in range(n):
        if count[label[v]] == 1:
            continue
        for k in range(start[v], start[v + 1]):
            a, b = label[v], label[neighbour[k]]
            if a == b or bridge[k] or not _may_enter(v, b, origin, gate_start, taker):
                continue
            good = True
            for level in range(levels.shape[0]):
                if good and (level == 0 or parents[level - 1, a] != parents[level - 1, b]):
                    stamp += 1
                    good = stays_whole(v, start, neighbour, bridge, levels[level], stamp, seen, queue)
            if good:
                blocks.append(v)
                goals.append(b)
    return np.array(blocks[1:], dtype=np.int64), np.array(goals[1:], dtype=np.int64)
