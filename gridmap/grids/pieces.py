"""Kernels for a planner's edits: what hangs together, and what a grid measures, over the rows of a few grids."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def number_parts(rows, start, neighbour, walkable, part):
    """Give numbers from 0 to the connected parts of some rows; ``part`` must hold -1 at the rows, and less elsewhere.

    Returns how many there are; ``part`` then holds the number at each row.
    """
    queue = np.empty(len(rows), np.int64)
    found = 0
    for row in rows:
        if part[row] != -1:
            continue
        part[row] = found
        queue[0] = row
        head, tail = 0, 1
        while head < tail:
            at = queue[head]
            head += 1
            for k in range(start[at], start[at + 1]):
                other = neighbour[k]
                if walkable[k] and part[other] == -1:
                    part[other] = found
                    queue[tail] = other
                    tail += 1
        found += 1
    return found


@njit(cache=True, nogil=True)
def outline(rows, start, neighbour, length_m, main_m, rim_m, label):
    """Return the length of a grid's outline, the part of it that borders other grids, and of that the part on streets.

    ``rows`` are all rows with one label.
    """
    whole, shared, main = 0.0, 0.0, 0.0
    for row in rows:
        whole += rim_m[row]
        for k in range(start[row], start[row + 1]):
            if label[neighbour[k]] != label[row]:
                whole += length_m[k]
                shared += length_m[k]
                main += main_m[k]
    return whole, shared, main


@njit(cache=True, nogil=True)
def border_lengths(rows, start, neighbour, length_m, label, count):
    """Return the metres of border that some rows, taken together, share with each of ``count`` labels."""
    inside = np.zeros(len(label), np.bool_)
    for row in rows:
        inside[row] = True
    found = np.zeros(count)
    for row in rows:
        for k in range(start[row], start[row + 1]):
            other = neighbour[k]
            if not inside[other] and label[other] >= 0:
                found[label[other]] += length_m[k]
    return found


@njit(cache=True, nogil=True)
def join_pairs(count, tail, head):
    """Return the number of the connected part that each of ``count`` things is in, in order of their first thing."""
    root = np.arange(count)
    for k in range(len(tail)):
        a, b = tail[k], head[k]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        if a < b:
            root[b] = a
        elif b < a:
            root[a] = b
    found = 0
    part = np.empty(count, np.int64)
    for v in range(count):
        if root[v] == v:
            part[v] = found
            found += 1
        else:
            part[v] = part[root[v]]
    return part
