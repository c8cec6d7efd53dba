"""Households to stations that have room for so many: the least walking in all (the transportation problem)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
OfferCall: TypeAlias = Callable[[Floats], tuple[Ints, Floats]]
"""From seconds that every station adds to the walk, the best station of every home (-1: none) and the walk alone."""

UNSERVED_S: Final = 1e6
"""What a household without a place counts for: more than any walk it could save others."""
_ROUNDING_S: Final = 0.05


@dataclass(frozen=True, eq=False)
class _Columns:
    """Homes and stations that may go together, by what is known so far."""

    home: Ints
    station: Ints
    seconds: Floats

    def joined(self, other: _Columns, stations: int) -> _Columns:
        """Return these and those of the others that are new."""
        new = ~np.isin(other.home * stations + other.station, self.home * stations + self.station)
        pairs = ((self.home, other.home), (self.station, other.station), (self.seconds, other.seconds))
        return _Columns(*(np.r_[mine, theirs[new]] for mine, theirs in pairs))


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
    columns = _Columns(home, station[home], seconds[home])
    load = np.bincount(station[home], weights=households[home], minlength=len(room))
    full = load > room * (1 + 1e-9)
    nearest = columns
    while full.any():
        inside = np.isin(columns.home, nearest.home[full[nearest.station]])
        asked = _Columns(columns.home[inside], columns.station[inside], columns.seconds[inside])
        outside = ~full[nearest.station]
        taken = np.bincount(nearest.station[outside], weights=households[nearest.home[outside]], minlength=len(room))
        amount, price, left = _solve(asked, households, np.maximum(room - taken, 0.0))
        wider = full | (price > _ROUNDING_S)
        other, walk = offer(price - price.min())
        reached = np.flatnonzero(other >= 0)
        gain = left[reached] - walk[reached] - price[other[reached]]
        better = reached[gain > _ROUNDING_S]
        found = columns.joined(_Columns(better, other[better], walk[better]), len(room))
        if len(found.home) == len(columns.home) and not (wider & ~full).any():
            return _told(station, seconds, asked, households, amount)
        columns, full = found, wider
    return station, seconds


def _solve(columns: _Columns, households: Floats, room: Floats) -> tuple[Floats, Floats, Floats]:
    """Return households by column, the price of each station, and what each home would pay at most (seconds)."""
    homes, row = np.unique(columns.home, return_inverse=True)
    limited = np.flatnonzero(np.isfinite(room))
    at = np.full(len(room), -1)
    at[limited] = np.arange(len(limited)) + len(homes)
    which = np.arange(len(row))
    counted = at[columns.station] >= 0
    rows, cols = np.r_[row, at[columns.station][counted]], np.r_[which, which[counted]]
    matrix = csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(homes) + len(limited), len(row)))
    most = np.r_[households[homes], room[limited]]
    found = linprog(columns.seconds - UNSERVED_S, A_ub=matrix, b_ub=most, method="highs-ds")
    price = np.zeros(len(room))
    price[limited] = -found.ineqlin.marginals[len(homes) :]
    left = np.full(len(households), -np.inf)
    left[homes] = UNSERVED_S + found.ineqlin.marginals[: len(homes)]
    return found.x, price, left


def _told(station: Ints, seconds: Floats, asked: _Columns, households: Floats, amount: Floats) -> tuple[Ints, Floats]:
    """Return where homes go by a solution: to the station that has all of them."""
    station, seconds = station.copy(), seconds.copy()
    station[asked.home], seconds[asked.home] = -1, np.inf
    every = amount >= households[asked.home] * (1 - 1e-6)
    station[asked.home[every]], seconds[asked.home[every]] = asked.station[every], asked.seconds[every]
    return station, seconds
