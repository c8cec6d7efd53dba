"""Shortest augmenting paths over stations: homes move on from full stations to where there is room, cheapest first."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

NOTHING: Final = 1e-7
"""Households that are none."""
SLACK_S: Final = 1e-3
"""Seconds that make no difference: walks are worked out no more exactly."""


@njit(cache=True, nogil=True)
def meld(x, y, key, left, right):
    """Join two skew heaps by their roots (-1: empty) and return the root."""
    root, above = -1, -1
    while x >= 0 and y >= 0:
        if key[y] < key[x]:
            x, y = y, x
        if above < 0:
            root = x
        else:
            left[above] = x
        rest = right[x]
        right[x] = left[x]
        above, x = x, rest
    rest = x if x >= 0 else y
    if above < 0:
        return rest
    left[above] = rest
    return root


@njit(cache=True, nogil=True)
def offer_moves(column, used, home, start, station, seconds, pool, root, cheapest):
    """Put what it would cost to move a column's home elsewhere on the heaps of its station; return the pool's fill."""
    key, left, right, giver, taker = pool
    a = station[column]
    for other in range(start[home[column]], start[home[column] + 1]):
        if other == column:
            continue
        b = station[other]
        key[used], giver[used], taker[used] = seconds[other] - seconds[column], column, other
        left[used] = right[used] = -1
        root[a, b] = meld(root[a, b], used, key, left, right)
        cheapest[a, b] = key[root[a, b]]
        used += 1
    return used


@njit(cache=True, nogil=True)
def begin_moves(amount, home, start, station, seconds, pool, root, cheapest):
    """Offer the moves of all homes where they are; return the pool's fill."""
    used = 0
    for column in range(len(amount)):
        if amount[column] > 0:
            used = offer_moves(column, used, home, start, station, seconds, pool, root, cheapest)
    return used


@njit(cache=True, nogil=True)
def _withdraw(column, amount, home, start, station, pool, root, cheapest):
    """Take moves of homes that have left a column's station off the tops of the heaps this column was in."""
    key, left, right, giver, _taker = pool
    a = station[column]
    for other in range(start[home[column]], start[home[column] + 1]):
        b = station[other]
        top = root[a, b]
        while top >= 0 and amount[giver[top]] <= 0:
            top = meld(left[top], right[top], key, left, right)
        root[a, b] = top
        cheapest[a, b] = key[top] if top >= 0 else np.inf


@njit(cache=True, nogil=True)
def _paths(source, over, endless, price, cheapest, far, settled, before):
    """Walk the cheapest moves from a station (-1: from all that have no limit) to one with room; return it, or -1."""
    far[:] = np.inf
    settled[:] = False
    before[:] = -1
    if source >= 0:
        far[source] = 0.0
    else:
        far[endless] = 0.0
    while True:
        a, least = -1, np.inf
        for v in range(len(far)):
            if not settled[v] and far[v] < least:
                a, least = v, far[v]
        if a < 0:
            return -1
        if over[a] < -NOTHING or (source >= 0 and endless[a]):
            return a
        settled[a] = True
        row, base = cheapest[a], least - price[a]
        for b in range(len(far)):
            later = max(base + row[b] + price[b], least)
            if later < far[b] and not settled[b]:
                far[b], before[b] = later, a


@njit(cache=True, nogil=True)
def _moved(
    source, to, before, over, endless, price, amount, used, widest, home, start, station, seconds, pool, root, cheapest
):  # fmt: skip
    """Move homes along a path as long as it costs no more; return the pool's fill and how many times.

    Homes behind one junction all have the same difference between two stations: they go one after another.
    """
    key, _left, _right, giver, taker = pool
    step = np.empty(len(over), np.int64)
    walked = 0
    while used + widest * len(over) <= len(key):
        many, begin, path, free = np.inf if endless[to] else -over[to], to, 0, True
        while before[begin] >= 0:
            a, b = before[begin], begin
            free = free and cheapest[a, b] + price[b] - price[a] <= SLACK_S
            if root[a, b] >= 0:
                many = min(many, amount[giver[root[a, b]]])
            step[path], path, begin = root[a, b], path + 1, a
        if source >= 0:
            many = min(many, over[source])
        if many <= NOTHING or not (free or walked == 0):
            break
        for move in step[:path]:
            out, into = giver[move], taker[move]
            if amount[into] <= 0:
                used = offer_moves(into, used, home, start, station, seconds, pool, root, cheapest)
            amount[into] += many
            amount[out] -= many
            if amount[out] <= NOTHING:
                amount[out] = 0.0
                _withdraw(out, amount, home, start, station, pool, root, cheapest)
        over[to] += 0.0 if endless[to] else many
        over[begin] -= 0.0 if endless[begin] else many
        walked += 1
    return used, walked


@njit(cache=True, nogil=True)
def settle_loads(most, over, endless, price, amount, used, home, start, station, seconds, pool, root, cheapest):
    """Move homes until no station is overfull and none that costs something has room left.

    Every move is along a cheapest path and prices follow (Busacker & Gowen 1960; Tomizawa 1971), so at every moment
    each home is where it is best off at the prices, and when all loads are settled the sharing is the cheapest.

    Returns
    -------
    used, moved
        The pool's fill, and how many paths were walked: fewer than ``most`` where all is settled, or -1 where the pool
        is too small to go on.
    """
    count = len(over)
    far, settled, before = np.empty(count), np.empty(count, np.bool_), np.empty(count, np.int64)
    widest = 0
    for h in range(len(start) - 1):
        widest = max(widest, start[h + 1] - start[h])
    source, moved = 0, 0
    while moved < most:
        if used + widest * count > len(pool[0]):
            return used, -1
        while 0 <= source < count and (endless[source] or over[source] <= NOTHING):
            source += 1
        if source >= count:
            source = -1
        if source < 0 and not (over[~endless] < -NOTHING).any():
            break
        to = _paths(source, over, endless, price, cheapest, far, settled, before)
        if to < 0:
            break
        length = far[to]
        for v in range(count):
            # From a full station its price and those before the goal rise; from without limit the goal's falls.
            if source >= 0:
                price[v] += max(length - far[v], 0.0)
            else:
                price[v] -= min(length, far[v])
        used, walked = _moved(
            source, to, before, over, endless, price, amount, used, widest, home, start, station, seconds, pool, root,
            cheapest,
        )  # fmt: skip
        moved += walked
    return used, moved


@njit(cache=True, nogil=True)
def take_places(home, origin, walked, households, station, seconds, left):
    """Give homes that have no station the first of those offered, in order, that has room for all of each."""
    for i in range(len(home)):
        h, s = home[i], origin[i]
        if station[h] < 0 and households[h] <= left[s]:
            station[h], seconds[h] = s, walked[i]
            left[s] -= households[h]
