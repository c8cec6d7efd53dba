"""Kernel that says whether grids stay whole when a set of blocks leaves them."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def stay_whole(blocks, start, neighbour, bridge, label):
    """Whether every grid that some blocks leave keeps a block and falls into no more pieces than it lies in now.

    Pieces are counted on land, and again with bridges. Only the grids of these blocks are looked at.

    Parameters
    ----------
    blocks
        Rows of the blocks that leave, whatever grids they are in.
    start, neighbour, bridge
        Of the graph.
    label
        (n,) grid of each block, 0 or more.

    Examples
    --------
    >>> start, neighbour = np.array([0, 1, 3, 4]), np.array([1, 0, 2, 1])
    >>> path = (start, neighbour, np.zeros(4, bool), np.zeros(3, np.int64))
    >>> stay_whole(np.array([1]), *path), stay_whole(np.array([0, 1]), *path)
    (False, True)
    """
    n = len(label)
    gone, left = np.zeros(n, np.bool_), np.zeros(label.max() + 1, np.int64)
    for v in blocks:
        gone[v] = True
    for v in range(n):
        if not gone[v]:
            left[label[v]] += 1
    for v in blocks:
        if left[label[v]] == 0:
            return False
    queue = np.empty(n, np.int64)
    for bridges in (False, True):
        seen, pieces = np.zeros(n, np.bool_), 0
        for v in blocks:
            if not seen[v]:
                pieces += 1
                _flood(v, start, neighbour, bridge, label, bridges, seen, queue)
        seen[:] = gone
        for v in blocks:
            for k in range(start[v], start[v + 1]):
                u = neighbour[k]
                if label[u] == label[v] and not seen[u] and (bridges or not bridge[k]):
                    pieces -= 1
                    _flood(u, start, neighbour, bridge, label, bridges, seen, queue)
        if pieces < 0:
            return False
    return True


@njit(cache=True, nogil=True)
def _flood(root, start, neighbour, bridge, label, bridges, seen, queue):
    """Mark what hangs together with a block in its grid."""
    queue[0], head, tail = root, 0, 1
    seen[root] = True
    while head < tail:
        v = queue[head]
        head += 1
        for k in range(start[v], start[v + 1]):
            u = neighbour[k]
            if not seen[u] and label[u] == label[root] and (bridges or not bridge[k]):
                seen[u] = True
                queue[tail] = u
                tail += 1
