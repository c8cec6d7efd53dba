"""Kernels that move border blocks between grids without ever breaking a grid."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def stays_whole(v, start, neighbour, bridge, label, stamp, seen, queue):
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
def badness(weight, target, band):
    """How much a grid's workload costs: nearly nothing well inside the band, steeply more outside."""
    if target <= 0:
        return 0.0
    x = abs(weight / target - 1.0) / band
    over = max(0.0, x - 0.75)
    return 12.0 * over * over / (1.0 + 0.15 * over) + 0.02 * x
