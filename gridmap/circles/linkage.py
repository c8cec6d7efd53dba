"""Points that lie near each other, gathered into clusters: kernels in numba."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from gridmap.network.index import SegmentIndex
from gridmap.network.snap import crosses


def link_near(xy: NDArray[np.float64], near_m: float, barriers: SegmentIndex) -> NDArray[np.int64]:
    """Return a number for each point, the same for those that steps of at most so many metres join.

    A step never crosses a barrier. What is gathered does not depend on the order of the points.

    Parameters
    ----------
    xy
        (n, 2) points in metres, all finite.
    near_m
        The longest step; with 0 only points in one place are joined.
    barriers
        ``network.barrier_index``.

    Examples
    --------
    >>> from gridmap.network.index import index_shapes
    >>> free = index_shapes(np.empty(0, dtype=object))
    >>> link_near(np.array([[0.0, 0.0], [1000.0, 0.0], [90.0, 0.0], [180.0, 0.0]]), 100, free).tolist()
    [0, 1, 0, 0]
    """
    if len(xy) == 0:
        return np.empty(0, dtype=np.int64)
    # Homes of one building stand in one place; looked at one by one they would cost their number squared.
    of, single = pd.factorize(np.ascontiguousarray(xy).view(np.complex128).ravel())
    spots = single.view(np.float64).reshape(-1, 2)
    side = max(near_m, 1e-3)
    cell = np.floor((spots - spots.min(axis=0)) / side).astype(np.int64) + 1
    width = int(cell[:, 0].max()) + 2
    key = cell[:, 1] * width + cell[:, 0]
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    table = (barriers.low_x, barriers.low_y, barriers.cell_m, barriers.columns, barriers.rows)
    root = _roots(
        spots[order], keys, np.r_[first, len(order)], width, float(near_m), len(barriers.line) > 0, table,
        barriers.start, barriers.members, barriers.ends,
    )  # fmt: skip
    of_spot = np.empty(len(order), dtype=np.int64)
    of_spot[order] = root
    root = of_spot[of]
    # Numbered in the order in which they first occur.
    return np.asarray(pd.factorize(root)[0], dtype=np.int64)


@njit(cache=True, nogil=True)
def _find(above, i):
    while above[i] != i:
        above[i] = above[above[i]]
        i = above[i]
    return i


@njit(cache=True, nogil=True)
def _roots(xy, keys, first, width, near_m, walled, table, wall_start, wall_members, wall_ends):
    """Join every point with those of its own and the eight cells around that are near enough; return its root."""
    above = np.arange(len(xy))
    # Half of the neighbours: the other half sees this cell as theirs.
    steps = np.array([0, 1, width - 1, width, width + 1])
    for c in range(len(keys)):
        for step in steps:
            d = np.searchsorted(keys, keys[c] + step)
            if d == len(keys) or keys[d] != keys[c] + step:
                continue
            for i in range(first[c], first[c + 1]):
                for j in range(i + 1 if c == d else first[d], first[d + 1]):
                    x, y, qx, qy = xy[i, 0], xy[i, 1], xy[j, 0], xy[j, 1]
                    if (x - qx) ** 2 + (y - qy) ** 2 > near_m * near_m:
                        continue
                    a, b = _find(above, i), _find(above, j)
                    if a == b or (walled and crosses(x, y, qx, qy, table, wall_start, wall_members, wall_ends)):
                        continue
                    above[max(a, b)] = min(a, b)
    for i in range(len(xy)):
        above[i] = _find(above, i)
    return above
