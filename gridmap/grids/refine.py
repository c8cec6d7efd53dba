"""Kernels that move border blocks between grids without ever breaking a grid."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _stays_whole(v, start, neighbour, bridge, label, stamp, seen, queue):
    """Whether the grid of ``v`` is still connected on each part of the land when ``v`` leaves it."""
    a = label[v]
    first, wanted, bridges = -1, 0, 0
    for k in range(start[v], start[v + 1]):
        if label[neighbour[k]] != a:
            continue
        if bridge[k]:
            bridges += 1
        else:
            wanted += 1
            first = neighbour[k]
    if wanted == 0:
        return bridges <= 1
    if bridges > 0:
        return False
    for k in range(start[v], start[v + 1]):
        if not bridge[k] and label[neighbour[k]] == a:
            seen[neighbour[k]] = -stamp
    head, tail, found = 0, 1, 1
    queue[0] = first
    seen[first] = stamp
    seen[v] = stamp
    while head < tail and found < wanted:
        u = queue[head]
        head += 1
        for k in range(start[u], start[u + 1]):
            n = neighbour[k]
            if bridge[k] or label[n] != a or seen[n] == stamp:
                continue
            if seen[n] == -stamp:
                found += 1
            seen[n] = stamp
            queue[tail] = n
            tail += 1
    return found >= wanted


@njit(cache=True)
def _badness(weight, target, band):
    """How much a grid's workload costs: nearly nothing well inside the band, steeply more outside."""
    if target <= 0:
        return 0.0
    x = abs(weight / target - 1.0) / band
    over = max(0.0, x - 0.75)
    return 12.0 * over * over / (1.0 + 0.15 * over) + 0.02 * x


@njit(cache=True)
def anneal(start, neighbour, cost, bridge, weight, label, target, band, scale_m, steps, heat, seed):
    """Move border blocks by simulated annealing; ``label`` is changed in place.

    The energy is the sum of every grid's badness and of the border's cost divided by ``scale_m``.
    """
    np.random.seed(seed)
    n, parts = len(weight), len(target)
    total = np.zeros(parts)
    count = np.zeros(parts, np.int64)
    for v in range(n):
        total[label[v]] += weight[v]
        count[label[v]] += 1
    seen = np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    stamp = 0
    for step in range(steps):
        v = np.random.randint(n)
        width = start[v + 1] - start[v]
        if width == 0:
            continue
        k = start[v] + np.random.randint(width)
        a, b = label[v], label[neighbour[k]]
        if a == b or bridge[k] or count[a] == 1:
            continue
        change = 0.0
        for j in range(start[v], start[v + 1]):
            other = label[neighbour[j]]
            if other == a:
                change += cost[j]
            elif other == b:
                change -= cost[j]
        change /= scale_m
        change += _badness(total[a] - weight[v], target[a], band) - _badness(total[a], target[a], band)
        change += _badness(total[b] + weight[v], target[b], band) - _badness(total[b], target[b], band)
        temperature = heat * (1.0 - step / steps) ** 2
        if change > 0 and (temperature <= 0 or np.random.random() >= np.exp(-change / (temperature + 1e-9))):
            continue
        stamp += 1
        if not _stays_whole(v, start, neighbour, bridge, label, stamp, seen, queue):
            continue
        label[v] = b
        total[a] -= weight[v]
        total[b] += weight[v]
        count[a] -= 1
        count[b] += 1


@njit(cache=True)
def split_pair(start, neighbour, cost, bridge, weight, label, a, b, goal_a, goal_b, tries, seed):
    """Divide the union of two grids anew by random spanning trees; keep the best cut. Returns whether it changed.

    Only land counts: a union that hangs together by a bridge alone is left as it is.
    """
    np.random.seed(seed)
    n = len(weight)
    size = 0
    place = np.full(n, -1, np.int64)
    member = np.empty(n, np.int64)
    for v in range(n):
        if label[v] == a or label[v] == b:
            place[v] = size
            member[size] = v
            size += 1
    now_a = 0.0
    whole = 0.0
    for i in range(size):
        whole += weight[member[i]]
        if label[member[i]] == a:
            now_a += weight[member[i]]
    best = abs(now_a - goal_a) + abs(whole - now_a - goal_b)
    best_side = np.empty(0, np.bool_)
    order, parent, tour = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    for _ in range(tries):
        # A tree grown from a random root by a random frontier, borders on big streets last.
        key = np.full(size, np.inf)
        done = np.zeros(size, np.bool_)
        parent[:] = -1
        key[np.random.randint(size)] = 0.0
        grown = 0
        while grown < size:
            i, least = -1, np.inf
            for j in range(size):
                if not done[j] and key[j] < least:
                    i, least = j, key[j]
            if i < 0:
                break
            done[i] = True
            order[grown] = i
            grown += 1
            v = member[i]
            for k in range(start[v], start[v + 1]):
                j = place[neighbour[k]]
                if j >= 0 and not done[j] and not bridge[k]:
                    wish = np.random.random() / (cost[k] + 1.0)
                    if wish < key[j]:
                        key[j] = wish
                        parent[j] = i
        if grown < size:
            return False
        below = np.empty(size)
        for i in range(size):
            below[i] = weight[member[i]]
        for t in range(size - 1, 0, -1):
            below[parent[order[t]]] += below[order[t]]
        for t in range(1, size):
            i = order[t]
            for swap in range(2):
                one = below[i] if swap == 0 else whole - below[i]
                miss = abs(one - goal_a) + abs(whole - one - goal_b)
                if miss < best - 1e-9:
                    best = miss
                    tour[:] = 0
                    tour[i] = 1
                    for q in range(t + 1, size):
                        if tour[parent[order[q]]] == 1:
                            tour[order[q]] = 1
                    best_side = (tour == 1) if swap == 0 else (tour == 0)
    if len(best_side) == 0:
        return False
    for i in range(size):
        label[member[i]] = a if best_side[i] else b
    return True
