"""Households to stations that have room for so many: the least walking in all (the transportation problem)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gridmap.circles.catchment_flow import NOTHING
from gridmap.circles.catchment_programme import Columns, Floats, Flow, Ints
from gridmap.circles.effort import Effort

OfferCall: TypeAlias = Callable[[Floats], tuple[Ints, Floats]]
"""From seconds that every station adds to the walk, the best station of every home (-1: none) and the walk alone."""

UNSERVED_S: Final = 1e6
"""What a household without a place counts for: more than any walk it could save others."""
_ROUNDING_S: Final = 1e-3
_ROUNDS: Final = 30
"""Searches that find prices near enough to begin with."""
_FIRST_S: Final = 60.0
_QUICKER: Final = 1.3
_SLOWER: Final = 0.5
_CLASSES: Final = 12
"""Sizes of homes, the most frequent, that are shared out again undivided."""


@dataclass(frozen=True, eq=False)
class Sharing:
    """Which home goes where.

    Parameters
    ----------
    station, seconds
        Of each home: where it goes, and its walk; -1 and inf where it goes nowhere.
    prices
        Each (stations,) seconds that a place at each may be worth; what is proven follows from them.
    """

    station: Ints
    seconds: Floats
    prices: tuple[Floats, ...]


def shared_out(
    households: Floats, room: Floats, offer: OfferCall, effort: Effort, pairs: tuple[Ints, Ints, Floats] | None = None
) -> Sharing:
    """Give every home a station so that none has more households than room, with the least walking in all.

    As many households as possible are served; of all ways to do so, one with the fewest seconds walked. It is the
    transportation problem: a full station costs so many seconds more that its homes go elsewhere. A few dozen searches
    find prices that nearly balance; from there homes move along cheapest paths until no station is overfull, which is
    the optimum of what is offered; offers at its prices tell whether more should be. The few homes that this divides
    go to one station as a whole, then all homes of a size are shared out again.

    Parameters
    ----------
    households
        (homes,) of each.
    room
        (stations,) inf where it is not limited.
    offer
        What is best for each home at given prices.
    effort
        Where time runs out, homes that are too many at a station go without.
    """
    many = len(room)
    station, seconds = offer(np.zeros(many))
    home = np.flatnonzero((station >= 0) & (households > 0))
    load = np.bincount(station[home], weights=households[home], minlength=many)
    if not (load > room * (1 + 1e-9)).any():
        return Sharing(station, seconds, (np.zeros(many),))
    columns, price = _approached(home, station, seconds, households, room, offer, effort)
    if pairs is not None:
        (item, origin, walk), lived = pairs, households[pairs[0]] > 0
        columns = columns.joined(Columns.of(item[lived], origin[lived], walk[lived], many))
    prices = [price]
    known: tuple[Columns, Floats] | None = None
    amount, left = np.zeros(len(columns.key)), np.zeros(many)
    while True:
        flow = Flow(columns, amount, left, households, room, price)
        settled = flow.settle(effort)
        price, left = flow.price, flow.left
        prices.append(price)
        if settled or known is None:
            known = columns, flow.amount
        other, walk = offer(price)
        reached = home[other[home] >= 0]
        gain = flow.cost(len(households))[reached] - walk[reached] - price[other[reached]]
        better = reached[gain > _ROUNDING_S]
        wider = columns.joined(Columns.of(better, other[better], walk[better], many))
        if not settled or len(wider.key) == len(columns.key):
            break
        amount = np.zeros(len(wider.key))
        amount[np.searchsorted(wider.key, columns.key)] = flow.amount[: len(columns.key)]
        columns = wider
    columns, amount = known
    chosen = _fitted(_undivided(columns, amount, many), columns, households, room)
    for size in _sizes(households[home]):
        chosen = _shared_again(chosen, size, columns, households, room, price, effort)
    station, seconds = station.copy(), seconds.copy()
    at = columns.key[chosen] % (many + 1)
    station[home], seconds[home] = np.where(at < many, at, -1), np.where(at < many, columns.seconds[chosen], np.inf)
    return Sharing(station, seconds, tuple(prices))


def _approached(
    home: Ints, station: Ints, seconds: Floats, households: Floats, room: Floats, offer: OfferCall, effort: Effort
) -> tuple[Columns, Floats]:
    """Return what is offered while prices rise where too many go and fall where too few do, and the last prices.

    Steps grow while a price goes one way and shrink when it turns (Riedmiller & Braun 1993).
    """
    many = len(room)
    price, step, before = np.zeros(many), np.full(many, _FIRST_S), np.zeros(many)
    now, found = (
        station,
        [(home, station[home], seconds[home]), (home, np.full_like(home, many), np.full(len(home), UNSERVED_S))],
    )
    walk = seconds
    for turn in range(_ROUNDS):
        if not effort.left_s:
            break
        stays = home[walk[home] + price[now[home]] < UNSERVED_S]
        excess = np.bincount(now[stays], weights=households[stays], minlength=many) - room
        way = np.sign(np.where(np.abs(excess) <= NOTHING, 0.0, excess))
        step = np.clip(
            np.where(way * before > 0, step * _QUICKER, np.where(way * before < 0, step * _SLOWER, step)),
            0.01,
            UNSERVED_S / 4,
        )
        before = way
        price = np.clip(price + way * step, 0.0, UNSERVED_S)
        other, walk = offer(price)
        changed = home[other[home] != now[home]]
        found.append((changed, other[changed], walk[changed]))
        now = other
        effort.tell(0.3 * turn / _ROUNDS, "prices")
    parts = [np.concatenate(part) for part in zip(*found, strict=True)]
    return Columns.of(parts[0], parts[1], parts[2], many), price


def _undivided(columns: Columns, amount: Floats, many: int) -> Ints:
    """Return the column of each home, in their order, that has most of it."""
    home = columns.key // (many + 1)
    order = np.lexsort((amount[: len(home)], home))
    return order[np.flatnonzero(np.diff(home[order], append=-1))]


def _fitted(chosen: Ints, columns: Columns, households: Floats, room: Floats) -> Ints:
    """Send homes away from stations that are overfull, the smallest first: they fit elsewhere most easily."""
    many = len(room)
    home, at = np.divmod(columns.key[chosen], many + 1)
    chosen, weight = chosen.copy(), households[home]
    load = np.bincount(at, weights=weight, minlength=many + 1)[:many]
    for station in np.flatnonzero(load > room + NOTHING):
        mine = np.flatnonzero(at == station)
        mine = mine[np.argsort(weight[mine], kind="stable")]
        gone = mine[: int(np.searchsorted(np.cumsum(weight[mine]), load[station] - room[station] - NOTHING)) + 1]
        chosen[gone] = np.searchsorted(columns.key, home[gone] * (many + 1) + many)
    return chosen


def _sizes(households: Floats) -> Floats:
    """Return the most frequent sizes of homes, the largest first."""
    size, count = np.unique(households, return_counts=True)
    return np.sort(size[np.argsort(-count, kind="stable")[:_CLASSES]])[::-1]


def _shared_again(
    chosen: Ints, size: float, columns: Columns, households: Floats, room: Floats, price: Floats, effort: Effort
) -> Ints:
    """Share out all homes of one size anew, the others staying: as each counts as one, none is divided."""
    many = len(room)
    home, at = np.divmod(columns.key[chosen], many + 1)
    mine = households[home] == size
    others = np.bincount(at[~mine], weights=households[home[~mine]], minlength=many + 1)[:many]
    places = np.floor((room - others) / size + NOTHING)
    inside = np.flatnonzero(households[columns.key // (many + 1)] == size)
    some = Columns(columns.key[inside], columns.seconds[inside])
    flow = Flow(some, np.zeros(len(inside)), np.zeros(many), np.ones(len(households)), np.maximum(places, 0.0), price)
    if not flow.settle(effort):
        return chosen
    chosen = chosen.copy()
    chosen[mine] = inside[_undivided(some, flow.amount, many)]
    return chosen


def least_walked(
    households: Floats, room: Floats, offer: OfferCall, price: Floats, unserved: float
) -> tuple[float, float]:
    """Return what is proven by prices: seconds that no sharing goes below, and households that any leaves unserved.

    The first holds for all sharings that leave no more than ``unserved`` households without a station. Both are
    Lagrangian bounds, whatever the prices.
    """
    limited = np.isfinite(room)
    price = np.where(limited, price, 0.0)
    # Where a place is worth as much as being served at all, not all who walk there can be.
    short = price > UNSERVED_S / 2
    station, _walk = offer(np.where(short, 2 * UNSERVED_S, 0.0))
    left = (station < 0) | np.r_[short, True][station]
    fewest = max(float(households[left].sum() - room[short].sum()), float(households[station < 0].sum()))
    best = 0.0
    for worth in (UNSERVED_S, *_worths(households, offer, price, short)):
        dearer = np.where(short, np.maximum(price - (UNSERVED_S - worth), 0.0), price)
        station, walk = offer(dearer)
        cost = np.minimum(np.where(station >= 0, walk + np.r_[dearer, 0.0][station], np.inf), worth)
        bound = (cost * households).sum() - (dearer[limited] * room[limited]).sum() - worth * unserved
        best = max(best, float(bound))
    return best, fewest


def _worths(households: Floats, offer: OfferCall, price: Floats, short: NDArray[np.bool_]) -> list[float]:
    """Return what being served may be worth where no home pays more: the less, the less one left over weighs."""
    station, walk = offer(np.where(short, 0.0, price))
    paid = (walk + np.r_[price, 0.0][station])[(station >= 0) & (households > 0) & ~np.r_[short, True][station]]
    most = float(paid.max(initial=1.0))
    return [2 * most, most, float(np.quantile(paid, 0.999)) if len(paid) else 1.0]
