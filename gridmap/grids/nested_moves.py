"""Kernel that moves border blocks between grids of all levels at once, and never breaks a grid, parent or grandparent."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _whole_without(v, start, neighbour, bridge, label, ancestor, own, stamp, seen, queue):
    """Whether what is labelled like ``v`` hangs together on land without it; ``ancestor`` maps labels to a level."""
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
        return bridges <= 1
    if bridges > 0:
        return False
    if wanted == 1:
        return True
    head, tail, found = 0, 1, 1
    queue[0] = first
    seen[first] = stamp
    seen[v] = stamp
    while head < tail:
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
def _badness(weight, target, band):
    """What a grid's workload costs: nearly nothing well inside the band, steeply more outside."""
    if target <= 0:
        return 0.0
    x = abs(weight / target - 1.0) / band
    over = max(0.0, x - 0.8)
    return 12.0 * over * over / (1.0 + 0.15 * over) + 0.02 * x


@njit(cache=True, nogil=True)
def _next(state):
    """Draw from xorshift64*: the same on every machine and thread."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return (x * np.uint64(2685821657736338717)) >> np.uint64(11)


@njit(cache=True, nogil=True)
def anneal_nested(
    start, neighbour, cost, bridge, weight, label, up, fixed, target, held, band, scale, upper, steps, heat, seed
):
    """Move border blocks by simulated annealing; ``label`` is changed in place.

    Parameters
    ----------
    start, neighbour, cost, bridge, weight
        The graph of blocks.
    label
        (n,) grid of each block.
    up
        (levels, grids) the grid's ancestor at each level above, the nearest first.
    fixed
        Of these levels the number, counted from the coarsest, that no block may leave.
    target
        (grids,) workload wanted; 0 where it does not count.
    held
        (grids,) whether a grid neither gives nor takes.
    band, scale, upper
        Deviation accepted, length that makes costs comparable in all sizes, and what the border of each level above
        costs besides, as a share.
    steps, heat, seed
        Tries, temperature at the start, and what is random.
    """
    n, parts = len(weight), len(target)
    levels = up.shape[0]
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(2654435761) + np.uint64(88172645463325252)
    for _ in range(8):
        _next(state)
    total = np.zeros(parts)
    count = np.zeros(parts, np.int64)
    for v in range(n):
        total[label[v]] += weight[v]
        count[label[v]] += 1
    same = np.arange(parts)
    inner = np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    bound = 1.0 / 9007199254740992.0
    stamp = 0
    moved = 0
    for step in range(steps):
        v = np.int64(_next(state) % np.uint64(n))
        width = start[v + 1] - start[v]
        if width == 0:
            continue
        k = start[v] + np.int64(_next(state) % np.uint64(width))
        a, b = label[v], label[neighbour[k]]
        if a == b or bridge[k] or count[a] == 1 or held[a] or held[b]:
            continue
        top = levels
        while top > 0 and up[top - 1, a] == up[top - 1, b]:
            top -= 1
        if levels - top < fixed:
            continue
        change = 0.0
        for j in range(start[v], start[v + 1]):
            other = label[neighbour[j]]
            if other == a:
                change += cost[j]
            elif other == b:
                change -= cost[j]
            for level in range(top):
                ancestor = up[level, other]
                if ancestor == up[level, a]:
                    change += upper * cost[j]
                elif ancestor == up[level, b]:
                    change -= upper * cost[j]
        change /= scale
        w = weight[v]
        change += _badness(total[a] - w, target[a], band) - _badness(total[a], target[a], band)
        change += _badness(total[b] + w, target[b], band) - _badness(total[b], target[b], band)
        cooled = 1.0 - step / steps
        temperature = heat * cooled * cooled
        if change > 0:
            if change > 20 * temperature:
                continue
            if np.float64(_next(state)) * bound >= np.exp(-change / temperature):
                continue
        stamp += 1
        if not _whole_without(v, start, neighbour, bridge, label, same, a, stamp, inner, queue):
            continue
        broken = False
        for level in range(top):
            stamp += 1
            if not _whole_without(v, start, neighbour, bridge, label, up[level], up[level, a], stamp, inner, queue):
                broken = True
                break
        if broken:
            continue
        label[v] = b
        total[a] -= w
        total[b] += w
        count[a] -= 1
        count[b] += 1
        moved += 1
    return moved


@njit(cache=True, nogil=True)
def resplit(start, neighbour, cost, bridge, weight, label, up, target, held, band, tries, seed):
    """Divide every grid out of the band anew with a neighbour of the same parent, by random spanning trees.

    The best cut of ``tries`` trees is kept where it brings both nearer to their targets. Returns how many pairs.
    """
    n, parts = len(weight), len(target)
    total = np.zeros(parts)
    for v in range(n):
        total[label[v]] += weight[v]
    first, count = np.zeros(parts + 1, np.int64), np.zeros(parts, np.int64)
    for v in range(n):
        count[label[v]] += 1
    for p in range(parts):
        first[p + 1] = first[p] + count[p]
    capacity = 0
    for p in range(parts):
        capacity = max(capacity, count[p])
    place = np.full(n, -1, np.int64)
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(2654435761) + np.uint64(362436069362436069)
    for _ in range(8):
        _next(state)
    # members of each grid, kept up to date as linked lists
    head, link = np.full(parts, -1, np.int64), np.full(n, -1, np.int64)
    for v in range(n - 1, -1, -1):
        link[v] = head[label[v]]
        head[label[v]] = v
    order = np.argsort(-np.abs(total / np.maximum(target, 1e-12) - 1.0), kind="mergesort")
    changed = 0
    near = np.empty(64, np.int64)
    for p in order:
        if target[p] <= 0 or held[p] or abs(total[p] / target[p] - 1.0) <= band:
            continue
        size = 0
        v = head[p]
        while v >= 0:
            for k in range(start[v], start[v + 1]):
                q = label[neighbour[k]]
                if q == p or bridge[k] or held[q] or size == 64 or target[q] <= 0:
                    continue
                if up.shape[0] and up[0, q] != up[0, p]:
                    continue
                known = False
                for i in range(size):
                    known = known or near[i] == q
                if not known:
                    near[size] = q
                    size += 1
            v = link[v]
        best, best_q = 0.0, -1
        best_rows = np.empty(0, np.int64)
        best_side = np.empty(0, np.bool_)
        for i in range(size):
            q = near[i]
            now = _miss(total[p], target[p], band) + _miss(total[q], target[q], band)
            rows, side, after = _cut_tree(
                start, neighbour, cost, bridge, weight, head, link, place, p, q, target, band, tries, state
            )
            if now - after > best + 1e-12:
                best, best_q = now - after, q
                best_rows, best_side = rows, side
        if best_q < 0:
            continue
        total[p] = 0.0
        total[best_q] = 0.0
        head[p] = -1
        head[best_q] = -1
        for i in range(len(best_rows) - 1, -1, -1):
            v = best_rows[i]
            goal = p if best_side[i] else best_q
            label[v] = goal
            total[goal] += weight[v]
            link[v] = head[goal]
            head[goal] = v
        changed += 1
    return changed


@njit(cache=True, nogil=True)
def _miss(weight, target, band):
    """How far a grid is out of the band, and a little for how far it is from its target."""
    x = abs(weight / target - 1.0)
    return max(0.0, x - band) + 0.01 * x


@njit(cache=True, nogil=True)
def _cut_tree(start, neighbour, cost, bridge, weight, head, link, place, p, q, target, band, tries, state):
    """Return the rows of two grids, which of them go to the first, and how far both are off then; the best of trees."""
    size = 0
    for part in (p, q):
        v = head[part]
        while v >= 0:
            place[v] = size
            size += 1
            v = link[v]
    rows = np.empty(size, np.int64)
    size = 0
    whole = 0.0
    for part in (p, q):
        v = head[part]
        while v >= 0:
            rows[size] = v
            whole += weight[v]
            size += 1
            v = link[v]
    best, best_side = np.inf, np.zeros(size, np.bool_)
    key, done = np.empty(size), np.empty(size, np.bool_)
    parent, order, below = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
    inside = np.empty(size, np.bool_)
    for _ in range(tries):
        key[:] = np.inf
        done[:] = False
        parent[:] = -1
        key[np.int64(_next(state) % np.uint64(size))] = 0.0
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
            v = rows[i]
            for k in range(start[v], start[v + 1]):
                j = place[neighbour[k]]
                if j >= 0 and not done[j] and not bridge[k]:
                    wish = np.float64(_next(state)) / 9007199254740992.0 / (cost[k] + 1.0)
                    if wish < key[j]:
                        key[j] = wish
                        parent[j] = i
        if grown < size:
            break
        for i in range(size):
            below[i] = weight[rows[i]]
        for t in range(size - 1, 0, -1):
            below[parent[order[t]]] += below[order[t]]
        for t in range(1, size):
            i = order[t]
            for swap in range(2):
                one = below[i] if swap == 0 else whole - below[i]
                off = _miss(one, target[p], band) + _miss(whole - one, target[q], band)
                if off < best:
                    best = off
                    inside[:] = False
                    inside[i] = True
                    for s in range(t + 1, size):
                        if inside[parent[order[s]]]:
                            inside[order[s]] = True
                    for j in range(size):
                        best_side[j] = inside[j] if swap == 0 else not inside[j]
    for v in rows:
        place[v] = -1
    return rows, best_side, best
