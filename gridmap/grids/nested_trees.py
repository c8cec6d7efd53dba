"""Kernel that divides pairs of grids anew by random spanning trees (as in ReCom: DeFord, Duchin and Solomon 2021)."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmap.grids.nested_moves import badness, draw, seeded

LARGEST = 400
"""Pairs of more blocks than this are left to annealing: growing a tree takes the square of their number."""
_UNIT = 1.0 / 9007199254740992.0


@njit(cache=True, nogil=True)
def resplit(start, neighbour, cost, bridge, weight, label, parent, target, per, tax, held, tries, seed):
    """Divide every grid out of the band anew, with the neighbour of the same parent that gains most by it.

    Parameters
    ----------
    start, neighbour, cost, bridge, weight
        The graph of blocks.
    label
        (n,) grid of each block, changed in place.
    parent, target
        (grids,) parent and workload wanted of each grid.
    per, tax
        One over the deviation accepted from each grid's target, and the price of a unit of border cost.
    held
        (n,) blocks that do not move.
    tries, seed
        Trees a pair, and what is random.

    Returns
    -------
    int
        How many pairs changed.
    """
    n, grids = len(weight), len(target)
    state = seeded(seed)
    total, head = np.zeros(grids), np.full(grids, -1, np.int64)
    link, place = np.empty(n, np.int64), np.full(n, -1, np.int64)
    fixed, count = np.zeros(grids, np.bool_), np.zeros(grids, np.int64)
    for v in range(n - 1, -1, -1):
        total[label[v]] += weight[v]
        count[label[v]] += 1
        link[v] = head[label[v]]
        head[label[v]] = v
        fixed[label[v]] |= held[v]
    order = np.argsort(-np.abs(total - target) * per, kind="mergesort")
    near, changed = np.empty(32, np.int64), 0
    for p in order:
        if fixed[p] or abs(total[p] - target[p]) * per[p] <= 1.0:
            continue
        size = _neighbours(p, start, neighbour, bridge, label, parent, head, link, near)
        best, best_q = 0.0, -1
        best_rows, best_side = np.empty(0, np.int64), np.empty(0, np.bool_)
        for i in range(size):
            q = near[i]
            if fixed[q] or count[p] + count[q] > LARGEST:
                continue
            rows, side, gain = _cut_trees(
                start, neighbour, cost, bridge, weight, head, link, place, p, q, target, total, per, tax, tries, state
            )
            if gain > best:
                best, best_q, best_rows, best_side = gain, q, rows, side
        if best_q < 0:
            continue
        for part in (p, best_q):
            total[part], head[part], count[part] = 0.0, -1, 0
        for i in range(len(best_rows) - 1, -1, -1):
            v = best_rows[i]
            goal = p if best_side[i] else best_q
            label[v] = goal
            total[goal] += weight[v]
            count[goal] += 1
            link[v] = head[goal]
            head[goal] = v
        changed += 1
    return changed


@njit(cache=True, nogil=True)
def _neighbours(p, start, neighbour, bridge, label, parent, head, link, near):
    """Put the neighbours of a grid under the same parent into ``near`` and return how many there are."""
    size, v = 0, head[p]
    while v >= 0:
        for k in range(start[v], start[v + 1]):
            q = label[neighbour[k]]
            if q == p or bridge[k] or parent[q] != parent[p] or size == len(near):
                continue
            known = False
            for i in range(size):
                known = known or near[i] == q
            if not known:
                near[size] = q
                size += 1
        v = link[v]
    return size


@njit(cache=True, nogil=True)
def _cut_trees(start, neighbour, cost, bridge, weight, head, link, place, p, q, target, total, per, tax, tries, state):
    """Return the blocks of two grids, which of them go to the first, and what is gained: the best cut of some trees.

    Only land counts: a pair that hangs together by a bridge alone gains nothing.
    """
    size = 0
    for part in (p, q):
        v = head[part]
        while v >= 0:
            place[v] = size
            size += 1
            v = link[v]
    rows, side = np.empty(size, np.int64), np.zeros(size, np.bool_)
    for part in (p, q):
        v = head[part]
        while v >= 0:
            rows[place[v]] = v
            side[place[v]] = part == p
            v = link[v]
    whole = total[p] + total[q]
    now = badness(total[p], target[p], per[p]) + badness(total[q], target[q], per[q])
    now += tax * _cut_cost(start, neighbour, cost, rows, place, side)
    best, under = now - 1e-9, np.empty(size, np.bool_)
    order, parent, below = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
    key, done = np.empty(size), np.empty(size, np.bool_)
    found = False
    for _ in range(tries):
        if not _grow(start, neighbour, cost, bridge, rows, place, order, parent, key, done, state):
            break
        for i in range(size):
            below[i] = weight[rows[i]]
        for t in range(size - 1, 0, -1):
            below[parent[order[t]]] += below[order[t]]
        for t in range(1, size):
            one = below[order[t]]
            bad = badness(one, target[p], per[p]) + badness(whole - one, target[q], per[q])
            other = badness(whole - one, target[p], per[p]) + badness(one, target[q], per[q])
            if min(bad, other) >= best:
                continue
            under[:] = False
            under[order[t]] = True
            for s in range(t + 1, size):
                under[order[s]] = under[parent[order[s]]]
            after = min(bad, other) + tax * _cut_cost(start, neighbour, cost, rows, place, under)
            if after < best:
                best, found = after, True
                for i in range(size):
                    side[i] = under[i] == (bad <= other)
    for v in rows:
        place[v] = -1
    return rows, side, now - best if found else 0.0


@njit(cache=True, nogil=True)
def _cut_cost(start, neighbour, cost, rows, place, side):
    cut = 0.0
    for i in range(len(rows)):
        if side[i]:
            for k in range(start[rows[i]], start[rows[i] + 1]):
                j = place[neighbour[k]]
                if j >= 0 and not side[j]:
                    cut += cost[k]
    return cut


@njit(cache=True, nogil=True)
def _grow(start, neighbour, cost, bridge, rows, place, order, parent, key, done, state):
    """Grow a tree from a random root over random pairs, dear borders first; whether it holds all blocks."""
    size = len(rows)
    key[:], done[:], parent[:] = np.inf, False, -1
    key[np.int64(draw(state) % np.uint64(size))] = 0.0
    for grown in range(size):
        i, least = -1, np.inf
        for j in range(size):
            if not done[j] and key[j] < least:
                i, least = j, key[j]
        if i < 0:
            return False
        done[i] = True
        order[grown] = i
        for k in range(start[rows[i]], start[rows[i] + 1]):
            j = place[neighbour[k]]
            if j >= 0 and not done[j] and not bridge[k]:
                wish = np.float64(draw(state)) * _UNIT / (cost[k] + 1.0)
                if wish < key[j]:
                    key[j] = wish
                    parent[j] = i
    return True
