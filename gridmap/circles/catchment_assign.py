"""Households to stations that have room for so many: the least walking in all (the transportation problem)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from gridmap.circles.solver import Solver, least_cost

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
OfferCall: TypeAlias = Callable[[Floats], tuple[Ints, Floats]]
"""From seconds that every station adds to the walk, the best station of every home (-1: none) and the walk alone."""

UNSERVED_S: Final = 1e6
"""What a household without a place counts for: more than any walk it could save others."""
_ROUNDING_S: Final = 0.05
_PRIMAL: Final = 4


@dataclass(frozen=True, eq=False)
class _Columns:
    """Homes and stations that may go together, by what is known so far."""

    home: Ints
    station: Ints
    seconds: Floats

    def without(self, other: _Columns, stations: int) -> _Columns:
        """Return those that the others have not."""
        new = ~np.isin(self.home * stations + self.station, other.home * stations + other.station)
        return _Columns(self.home[new], self.station[new], self.seconds[new])

    def joined(self, other: _Columns) -> _Columns:
        """Return these, then the others."""
        return _Columns(
            np.r_[self.home, other.home], np.r_[self.station, other.station], np.r_[self.seconds, other.seconds]
        )


def shared_out(households: Floats, room: Floats, offer: OfferCall) -> tuple[Ints, Floats]:
    """Give every home a station so that none has more households than room, with the least walking in all.

    As many households as possible are served; of all ways to do so, one with the fewest seconds walked. It is the
    linear programme of transportation, its columns found as prices call for them: a full station costs so many
    seconds more, and a home that would then rather go elsewhere is offered that. Only homes whose nearest station is
    full enter it.

    Parameters
    ----------
    households
        (homes,) of each.
    room
        (stations,) inf where it is not limited.
    offer
        What is best for each home at given prices.

    Returns
    -------
    station, seconds
        Of each home: where it goes, and its walk. -1 and inf where it goes nowhere, or would have to be divided among
        several stations (at most one home a station would).
    """
    station, seconds = offer(np.zeros(len(room)))
    home = np.flatnonzero((station >= 0) & (households > 0))
    nearest = columns = _Columns(home, station[home], seconds[home])
    load = np.bincount(station[home], weights=households[home], minlength=len(room))
    full = load > room * (1 + 1e-9)
    sharing: _Sharing | None = None
    while full.any():
        if sharing is None:
            sharing = _begun(columns, nearest, households, room, full)
        amount, price, left = sharing.solved()
        wider = full | (price > _ROUNDING_S)
        other, walk = offer(price - price.min())
        reached = np.flatnonzero(other >= 0)
        better = reached[left[reached] - walk[reached] - price[other[reached]] > _ROUNDING_S]
        new = _Columns(better, other[better], walk[better]).without(columns, len(room))
        columns = columns.joined(new)
        if (wider & ~full).any():
            full, sharing = wider, None
        elif len(new.home):
            sharing.add(new)
        else:
            return _told(station, seconds, sharing.columns, households, amount)
    return station, seconds


class _Sharing:
    """The linear programme of the homes at full stations; it goes on from its last solution when columns are added.

    Parameters
    ----------
    columns
        Which homes may go to which stations.
    households
        (homes,) of each.
    room
        (stations,) what these homes may take.
    """

    def __init__(self, columns: _Columns, households: Floats, room: Floats) -> None:
        homes = np.unique(columns.home)
        limited = np.flatnonzero(np.isfinite(room))
        self._row_of_home = np.full(len(households), -1)
        self._row_of_home[homes] = np.arange(len(homes))
        self._row_of_station = np.full(len(room), -1)
        self._row_of_station[limited] = np.arange(len(limited)) + len(homes)
        self.columns = columns
        rows = self._rows(columns)
        at_most = np.r_[households[homes], room[limited]]
        matrix = csr_matrix((np.ones(len(rows[0])), (rows[1], rows[0])), shape=(len(columns.home), len(at_most)))
        self._solver: Solver = least_cost(columns.seconds - UNSERVED_S, matrix.T.tocsr(), at_most)
        # Columns come to a solution that stays feasible: the primal simplex goes on from it.
        self._solver.setOptionValue("solver", "simplex")
        self._solver.setOptionValue("simplex_strategy", _PRIMAL)

    def _rows(self, columns: _Columns) -> tuple[Ints, Ints]:
        """Return the columns' entries: column and row of each, by column."""
        both = np.stack([self._row_of_home[columns.home], self._row_of_station[columns.station]], axis=1)
        column, side = np.nonzero(both >= 0)
        return both[column, side], column

    def add(self, new: _Columns) -> None:
        """Let more homes go to more stations."""
        row, column = self._rows(new)
        count = len(new.home)
        start = np.searchsorted(column, np.arange(count)).astype(np.int32)
        self._solver.addCols(
            count, new.seconds - UNSERVED_S, np.zeros(count), np.full(count, np.inf), len(row), start,
            row.astype(np.int32), np.ones(len(row)),
        )  # fmt: skip
        self.columns = self.columns.joined(new)

    def solved(self) -> tuple[Floats, Floats, Floats]:
        """Return households by column, the price of each station, and what each home would pay at most (seconds)."""
        self._solver.solve()
        found = self._solver.getSolution()
        dual = np.r_[np.asarray(found.row_dual), 0.0]
        price = np.maximum(-dual[self._row_of_station], 0.0)
        left = np.where(self._row_of_home >= 0, UNSERVED_S + dual[self._row_of_home], -np.inf)
        return np.asarray(found.col_value), price, left


def _begun(columns: _Columns, nearest: _Columns, households: Floats, room: Floats, full: NDArray[np.bool_]) -> _Sharing:
    """Return the programme of the homes whose nearest station is full; the others stay and take their room."""
    inside = full[nearest.station]
    taken = np.bincount(nearest.station[~inside], households[nearest.home[~inside]], len(room))
    mine = np.isin(columns.home, nearest.home[inside])
    asked = _Columns(columns.home[mine], columns.station[mine], columns.seconds[mine])
    return _Sharing(asked, households, np.maximum(room - taken, 0.0))


def _told(station: Ints, seconds: Floats, asked: _Columns, households: Floats, amount: Floats) -> tuple[Ints, Floats]:
    """Return where homes go by a solution: to the station that has all of them."""
    station, seconds = station.copy(), seconds.copy()
    station[asked.home], seconds[asked.home] = -1, np.inf
    every = amount >= households[asked.home] * (1 - 1e-6)
    station[asked.home[every]], seconds[asked.home[every]] = asked.station[every], asked.seconds[every]
    return station, seconds
