"""How many grids each parent and each part of the land gets."""

from __future__ import annotations

import numpy as np

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m


def apportion(weight: m.Floats, total: int, at_least: int | m.Ints = 1, most: m.Ints | None = None) -> m.Ints:
    """Share out a number of grids by weight: largest remainder, each at least so many.

    Parameters
    ----------
    weight
        One number a parent, 0 or more; where all are 0 they count the same.
    total
        How many grids to share out.
    at_least
        What each gets before shares are counted; one number, or one a parent.
    most
        How many each can hold; no limit by default.

    Raises
    ------
    DrawError
        When ``total`` is less than the parents need, or more than they can hold.

    Examples
    --------
    >>> apportion(np.array([5.0, 3.0, 2.0]), 7).tolist()
    [4, 2, 1]
    """
    count = len(weight)
    room = np.full(count, total) if most is None else np.asarray(most)
    least = np.broadcast_to(at_least, count)
    if total < least.sum():
        raise DrawError(
            f"{total} grids cannot be shared out over {count} parents: each needs at least {least.min(initial=0)}, "
            f"all together {least.sum()}"
        )
    if total > room.sum():
        raise DrawError(f"{total} grids are more than the blocks of {count} parents can give ({room.sum()})")
    share = np.asarray(weight, dtype=np.float64)
    share = share / share.sum() if share.sum() > 0 else np.full(count, 1 / count)
    given = np.minimum(np.maximum(np.floor(share * total).astype(np.int64), least), room)
    while given.sum() != total:
        if given.sum() < total:
            # Who is furthest below the quota; ties go to the first.
            lack = np.where(given < room, share * total - given, -np.inf)
            given[int(np.argmax(lack))] += 1
        else:
            surplus = np.where(given > least, given - share * total, -np.inf)
            given[int(np.argmax(surplus))] -= 1
    return np.asarray(given, dtype=np.int64)


def share_land(weight: m.Floats, sizes: m.Ints, parts: int) -> m.Ints:
    """Share out grids over parts of the land; those too small for one of their own get none.

    Parameters
    ----------
    weight, sizes
        Workload and number of blocks of each part of the land.
    parts
        How many grids.
    """
    if len(sizes) <= parts and (weight >= weight.sum() / parts / 2).all():
        return apportion(weight, parts, most=sizes)
    order = np.lexsort((np.arange(len(weight)), -sizes, -weight))
    mean = weight.sum() / parts
    worthy = order[(weight[order] >= mean / 2)][:parts] if mean > 0 else order[:1]
    if len(worthy) == 0:
        worthy = order[:1]
    # Where those that deserve grids cannot hold them all, the next ones help.
    while sizes[worthy].sum() < parts:
        worthy = order[: len(worthy) + 1]
    given = np.zeros(len(weight), dtype=np.int64)
    given[worthy] = apportion(weight[worthy], parts, most=sizes[worthy])
    return given
