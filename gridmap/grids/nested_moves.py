"""Kernel that moves border blocks between grids of all levels at once, and never breaks one of any level."""

from __future__ import annotations

import numpy as np
from numba import njit

INSIDE = 0.9
"""The share of the band in which a grid's workload costs nothing."""
LOOK = 100
"""Blocks looked at to see that a grid stays whole: what needs a longer way round may not move."""
_UNIT = 1.0 / 9007199254740992.0


@njit(cache=True, nogil=True)
def whole_without(v, start, neighbour, bridge, label, ancestor, stamp, seen, queue, most):
    """Whether what is labelled like ``v`` hangs together on each part of the land without it.

    Parameters
    ----------
    v
        The block that leaves.
    start, neighbour, bridge
        Of the graph.
    label, ancestor
        The grid of each block, and of each grid its ancestor at the level looked at (itself at the finest).
    stamp, seen, queue
        A number that grows by one a call, and room for a number a block (``seen`` is 0 at first).
    most
        So many blocks are looked at; what is not whole within them counts as broken.
    """
    own = ancestor[label[v]]
    first, wanted, bridges = -1, 0, 0
    for k in range(start[v], start[v + 1]):
        u = neighbour[k]
        if ancestor[label[u]] != own:
            continue
        if bridge[k]:
            bridges += 1
        else:
            wanted += 1
            first = u
            seen[u] = -stamp
    if wanted == 0:
        return bridges == 1
    if bridges > 0:
        return False
    if wanted == 1:
        return True
    head, tail, found = 0, 1, 1
    queue[0] = first
    seen[first] = stamp
    seen[v] = stamp
    while head < min(tail, most):
        u = queue[head]
        head += 1
        for k in range(start[u], start[u + 1]):
            n = neighbour[k]
            if bridge[k] or seen[n] == stamp or ancestor[label[n]] != own:
                continue
            if seen[n] == -stamp:
                found += 1
                if found == wanted:
                    return True
            seen[n] = stamp
            queue[tail] = n
            tail += 1
    return False


@njit(cache=True, nogil=True)
def badness(weight, target, per):
    """Return what a grid's workload costs: nothing well inside the band, steeply more outside.

    ``per`` is 1 over the deviation accepted, in the unit of the weights.
    """
    over = abs(weight - target) * per - INSIDE
    if over <= 0:
        return 0.0
    return 12.0 * over * over / (1.0 + 0.15 * over)


@njit(cache=True, nogil=True)
def seeded(seed):
    """Return the state of a random number generator, xorshift64*: the same on every machine and thread."""
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(2654435761) + np.uint64(88172645463325252)
    for _ in range(8):
        draw(state)
    return state


@njit(cache=True, nogil=True)
def draw(state):
    """Return a random whole number of 53 bits."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return (x * np.uint64(2685821657736338717)) >> np.uint64(11)


@njit(cache=True, nogil=True)
def below(x, number):
    """Return a whole number below another (of 26 bits at most) from a random one of 26 bits."""
    return np.int64((x * np.uint64(number)) >> np.uint64(26))


@njit(cache=True, nogil=True)
def anneal_nested(
    start, neighbour, cost, bridge, weight, label, up, target, per, tax, held, old, keep, steps, heat, seed
):
    """Move border blocks by simulated annealing; ``label`` is changed in place.

    The energy is what every grid of every level costs for its workload (:func:`badness`), the cost of its border, and
    the workload that left its old grid.

    Parameters
    ----------
    start, neighbour, cost, bridge, weight
        The graph of blocks. Where it has no pair between two given parents, no block leaves its own.
    label
        (n,) grid of each block.
    up
        (levels, grids) ancestors of each grid: itself, its parent, its grandparent …
    target
        (levels, grids) workload wanted of each grid of a level.
    per
        (levels, grids) one over the deviation accepted from it; 0 where it does not count.
    tax
        (levels,) the price of a unit of border cost.
    held
        (n,) blocks that do not move.
    old, keep
        (n,) the grid each block was in, and the price of a unit of workload that is not there any more.
    steps, heat, seed
        How many moves are tried, the temperature at first, and what is random.
    """
    n, grids, levels = len(weight), up.shape[1], up.shape[0]
    state = seeded(seed)
    total, count = np.zeros((levels, grids)), np.zeros(grids, np.int64)
    for v in range(n):
        count[label[v]] += 1
        for level in range(levels):
            total[level, up[level, label[v]]] += weight[v]
    alien, spot, border, length = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.empty(n, np.int64), 0
    for v in range(n):
        for k in range(start[v], start[v + 1]):
            if not bridge[k] and label[neighbour[k]] != label[v]:
                alien[v] += 1
        if held[v]:
            spot[v] = -2
        elif alien[v] > 0:
            spot[v] = length
            border[length] = v
            length += 1
    seen, queue, stamp = np.zeros(n, np.int64), np.empty(n, np.int64), 0
    temperature = heat
    for step in range(steps):
        if length == 0:
            break
        if step % 256 == 0:
            cooled = 1.0 - step / steps
            temperature = heat * cooled * cooled
        x = draw(state)
        v = border[below(x >> np.uint64(27), length)]
        a = label[v]
        if count[a] == 1:
            continue
        pick = below(x & np.uint64(67108863), alien[v])
        b = a
        for k in range(start[v], start[v + 1]):
            if not bridge[k] and label[neighbour[k]] != a:
                if pick == 0:
                    b = label[neighbour[k]]
                    break
                pick -= 1
        w = weight[v]
        change, top = 0.0, 0
        while top < levels and up[top, a] != up[top, b]:
            one, other = up[top, a], up[top, b]
            ancestor, cut = up[top], 0.0
            for k in range(start[v], start[v + 1]):
                at = ancestor[label[neighbour[k]]]
                if at == one:
                    cut += cost[k]
                elif at == other:
                    cut -= cost[k]
            change += tax[top] * cut
            if w > 0:
                x_a, x_b, t_a, t_b = total[top, one], total[top, other], target[top, one], target[top, other]
                change += badness(x_a - w, t_a, per[top, one]) - badness(x_a, t_a, per[top, one])
                change += badness(x_b + w, t_b, per[top, other]) - badness(x_b, t_b, per[top, other])
            top += 1
        if keep > 0:
            if old[v] == a:
                change += keep * w
            elif old[v] == b:
                change -= keep * w
        if change > 0:
            if change > 20.0 * temperature:
                continue
            if np.float64(draw(state)) * _UNIT >= np.exp(-change / temperature):
                continue
        whole = True
        for level in range(top):
            stamp += 1
            whole = whole_without(v, start, neighbour, bridge, label, up[level], stamp, seen, queue, LOOK)
            if not whole:
                break
        if not whole:
            continue
        label[v] = b
        count[a] -= 1
        count[b] += 1
        for level in range(top):
            total[level, up[level, a]] -= w
            total[level, up[level, b]] += w
        for k in range(start[v], start[v + 1] + 1):
            u = v
            if k < start[v + 1]:
                u = neighbour[k]
                if bridge[k]:
                    continue
                if label[u] == a:
                    alien[u] += 1
                    alien[v] += 1
                elif label[u] == b:
                    alien[u] -= 1
                    alien[v] -= 1
            if alien[u] > 0 and spot[u] == -1:
                spot[u] = length
                border[length] = u
                length += 1
            elif alien[u] == 0 and spot[u] >= 0:
                length -= 1
                last = border[length]
                border[spot[u]] = last
                spot[last] = spot[u]
                spot[u] = -1
