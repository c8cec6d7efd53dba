"""The kernel that moves border blocks so that the grids of one parent cut fewer department grids."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmap.grids.refine import badness, stays_whole

PAIR = 0.25
"""What one more grid crossed costs beside the department grid being cut at all: each one less is a step on the way."""


@njit(cache=True)
def _price(crossings):
    return PAIR * crossings + (1.0 if crossings > 0 else 0.0)


@njit(cache=True)
def _cuts(held, whole, size, total):
    """Whether a department grid and a grid cross: they meet, and neither lies within the other."""
    return 1 if held > 0 and whole < size and held < total else 0


@njit(cache=True)
def rearrange(
    start, neighbour, cost, bridge, weight, locked, label, target, band, scale_m,
    first, polygon, piece_whole, real, held, whole, size, total, crossings, stay, steps, heat, seed,
):  # fmt: skip
    """Move border blocks by simulated annealing; the labels and what is counted of them change in place.

    Block ``v`` holds real pieces of the department grids ``polygon[first[v]:first[v + 1]]``, the whole block where
    ``piece_whole``. ``held[g, p]`` counts the blocks of grid ``g`` with a piece of ``p``, ``whole`` those it fills,
    ``size`` the blocks of each grid, ``total`` the pieces of each ``p`` everywhere, ``crossings`` the grids that it
    crosses everywhere. The energy is what crossings cost, every grid's badness, the border's cost divided by
    ``scale_m`` and ``stay`` for every block that is not where it was.
    """
    np.random.seed(seed)
    n, parts, polygons = len(weight), len(target), len(total)
    load = np.zeros(parts)
    count = np.zeros(parts, np.int64)
    home = label.copy()
    for v in range(n):
        load[label[v]] += weight[v]
        count[label[v]] += 1
    seen = np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    piece = np.zeros(polygons, np.int64)
    full = np.zeros(polygons, np.int64)
    stamp = 0
    for step in range(steps):
        v = np.random.randint(n)
        width = start[v + 1] - start[v]
        if width == 0 or locked[v]:
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
        if b == home[v]:
            change -= stay
        elif a == home[v]:
            change += stay
        change += badness(load[a] - weight[v], target[a], band) - badness(load[a], target[a], band)
        change += badness(load[b] + weight[v], target[b], band) - badness(load[b], target[b], band)
        for j in range(first[v], first[v + 1]):
            piece[polygon[j]] = 1
            full[polygon[j]] = piece_whole[j]
        for p in range(polygons):
            if held[a, p] == 0 and held[b, p] == 0:
                continue
            before = _cuts(held[a, p], whole[a, p], size[a], total[p]) + _cuts(
                held[b, p], whole[b, p], size[b], total[p]
            )
            after = _cuts(held[a, p] - piece[p], whole[a, p] - full[p], size[a] - real[v], total[p]) + _cuts(
                held[b, p] + piece[p], whole[b, p] + full[p], size[b] + real[v], total[p]
            )
            if after != before:
                change += _price(crossings[p] + after - before) - _price(crossings[p])
        temperature = heat * (1.0 - step / steps) ** 2
        goes = change <= 0 or (temperature > 0 and np.random.random() < np.exp(-change / (temperature + 1e-9)))
        if goes:
            stamp += 1
            goes = stays_whole(v, start, neighbour, bridge, label, stamp, seen, queue)
        if goes:
            for p in range(polygons):
                if held[a, p] == 0 and held[b, p] == 0:
                    continue
                crossings[p] -= _cuts(held[a, p], whole[a, p], size[a], total[p])
                crossings[p] -= _cuts(held[b, p], whole[b, p], size[b], total[p])
                held[a, p] -= piece[p]
                held[b, p] += piece[p]
                whole[a, p] -= full[p]
                whole[b, p] += full[p]
                crossings[p] += _cuts(held[a, p], whole[a, p], size[a] - real[v], total[p])
                crossings[p] += _cuts(held[b, p], whole[b, p], size[b] + real[v], total[p])
            label[v] = b
            load[a] -= weight[v]
            load[b] += weight[v]
            count[a] -= 1
            count[b] += 1
            size[a] -= real[v]
            size[b] += real[v]
        for j in range(first[v], first[v + 1]):
            piece[polygon[j]] = 0
            full[polygon[j]] = 0
