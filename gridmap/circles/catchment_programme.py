"""The transportation problem of homes and stations as far as it is offered, and its cheapest sharing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gridmap.circles.catchment_flow import NOTHING, begin_moves, settle_loads
from gridmap.circles.effort import Effort

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_PATHS: Final = 2_000
"""Paths walked between two looks at the clock."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Homes and stations that may go together, by home and station; the last station stands for none.

    Parameters
    ----------
    key
        Home times stations and station, ascending.
    seconds
        The walk; what going without counts for where the station is none.
    """

    key: Ints
    seconds: Floats

    @classmethod
    def of(cls, home: Ints, station: Ints, seconds: Floats, stations: int) -> Columns:
        """Return pairs, each once."""
        key, first = np.unique(home * (stations + 1) + station, return_index=True)
        return cls(key, seconds[first])

    def joined(self, other: Columns) -> Columns:
        """Return these and the others."""
        key, first = np.unique(np.r_[self.key, other.key], return_index=True)
        return Columns(key, np.r_[self.seconds, other.seconds][first])


class Flow:
    """Households on columns, each home where it is best off at the prices.

    Parameters
    ----------
    columns
        Which homes may go where.
    amount
        (columns,) households on each so far; homes with none go where they are best off.
    left
        (stations,) room that is left so far.
    households
        (homes,) of each.
    room
        (stations,)
    price
        (stations,) from which to begin.
    """

    def __init__(
        self, columns: Columns, amount: Floats, left: Floats, households: Floats, room: Floats, price: Floats
    ) -> None:
        many = len(room)
        limited = np.flatnonzero(np.isfinite(room))
        home, station = np.divmod(columns.key, many + 1)
        self._id, row = np.unique(home, return_inverse=True)
        # A last home of its own stands for room that is left: it goes to any station at no cost, and may go nowhere.
        spare = np.r_[limited, many]
        self._home = np.r_[row, np.full(len(spare), len(self._id))].astype(np.int64)
        self._station = np.r_[station, spare].astype(np.int64)
        self._seconds = np.r_[columns.seconds, np.zeros(len(spare))]
        self._start = np.r_[0, np.cumsum(np.bincount(self._home))].astype(np.int64)
        self._endless = np.r_[~np.isfinite(room), True]
        self._price = np.r_[np.where(np.isfinite(room), price, 0.0), 0.0]
        whole = np.r_[households[self._id], room[limited].sum()]
        unused = np.r_[left[limited], max(whole[-1] - left[limited].sum(), 0.0)]
        self.amount = self._seated(np.r_[amount, unused], whole)
        load = np.bincount(self._station, weights=self.amount, minlength=many + 1)
        self._over = np.where(self._endless, 0.0, load - np.where(self._endless, 0.0, np.r_[room, 0.0]))

    @property
    def price(self) -> Floats:
        """Return what a place costs at each station, in seconds."""
        return np.asarray(np.maximum(self._price[:-1], 0.0))

    @property
    def left(self) -> Floats:
        """Return the room that is left at each station, 0 where it is not limited."""
        left = np.zeros(len(self._over) - 1)
        first = self._start[-2]
        left[self._station[first:-1]] = self.amount[first:-1]
        return left

    def _dearest(self) -> tuple[Floats, Floats]:
        """Return each column's cost at the prices, and each home's least."""
        cost = self._seconds + self._price[self._station]
        return cost, np.minimum.reduceat(cost, self._start[:-1])

    def _seated(self, amount: Floats, whole: Floats) -> Floats:
        """Return households by column, those that would be better off elsewhere moved there."""
        cost, least = self._dearest()
        amount = np.where(cost <= least[self._home] + NOTHING, amount, 0.0)
        best = np.flatnonzero(cost <= least[self._home])[::-1]
        first = np.empty(len(least), dtype=np.int64)
        first[self._home[best]] = best
        amount[first] += whole - np.add.reduceat(amount, self._start[:-1])
        amount[amount <= NOTHING] = 0.0
        return amount

    def cost(self, homes: int) -> Floats:
        """Return what each home pays at the prices: its walk and its place; nothing where it has no column."""
        cost = np.zeros(homes)
        cost[self._id] = self._dearest()[1][:-1]
        return cost

    def settle(self, effort: Effort) -> bool:
        """Move homes until all loads are settled; return whether they are, or time ran out."""
        count = len(self._over)
        root, cheapest = np.full((count, count), -1, dtype=np.int32), np.full((count, count), np.inf)
        pool = _pool(int((np.diff(self._start)[self._home]).sum()) + 4 * count * count)
        table = self._home, self._start, self._station, self._seconds
        used = begin_moves(self.amount, *table, pool, root, cheapest)
        while effort.left_s:
            effort.tell(1.0 - 0.7 * effort.left_s / effort.limit_s, "sharing out")
            used, moved = settle_loads(
                _PATHS, self._over, self._endless, self._price, self.amount, used, *table, pool, root, cheapest
            )
            if moved < 0:
                pool = _pool(2 * len(pool[0]), pool)
            elif moved < _PATHS:
                return True
        return False


def _pool(size: int, of: tuple[NDArray[Any], ...] = ()) -> tuple[NDArray[Any], ...]:
    """Return room for so many moves, those there are first: key, left, right, giver, taker."""
    made = tuple(np.empty(size, dtype=kind) for kind in (np.float64, np.int32, np.int32, np.int32, np.int32))
    for new, old in zip(made, of, strict=False):
        new[: len(old)] = old
    return made
