"""Choosing sites one by one and by exchange, and what no choice can exceed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gridmap.circles.siting_covering import Covering, Floats, Ints

_EXCHANGES: Final = 1000
_ROUNDS: Final = 400
_ANEW: Final = 25
"""Rounds after which exchanging begins anew from the sites worth most."""
_NEAR: Final = 0.98
"""Sites worth most that cover less than this share of the best known choice are too far from it to begin from."""
_MOMENTUM: Final = 0.8
_PATIENCE: Final = 15
"""Rounds without a better bound before steps are halved."""


@dataclass(frozen=True, eq=False)
class Bound:
    """What no choice of so many sites can exceed, for every number of sites at once.

    Parameters
    ----------
    rest
        Households that count whatever is chosen.
    worth
        (candidates,) so many sites cover at most ``rest`` and as many of the largest of these.
    """

    rest: float
    worth: Floats

    def most(self, k: int) -> float:
        """Return the households that no ``k`` sites exceed."""
        return self.rest + float(np.sort(self.worth)[::-1][:k].sum())

    def fewest(self, need: float) -> int:
        """Return a number of sites below which nobody covers so many households."""
        reached = self.rest + np.cumsum(np.r_[0.0, np.sort(self.worth)[::-1]])
        return int(np.searchsorted(reached, need))


def greedy(covering: Covering, k: int, need: float = np.inf) -> Ints:
    """Choose the site that gains most, again and again; stop at ``k`` sites, enough households, or no gain.

    The choice covers at least 1 - 1/e of the best (Nemhauser, Wolsey & Fisher 1978). Of sites that gain as much the
    first is chosen.
    """
    left = covering.households.copy()
    gain = covering.covers @ left
    reached = 0.0
    chosen: list[int] = []
    while len(chosen) < min(k, len(gain)) and reached < need:
        best = int(np.argmax(gain))
        if gain[best] <= covering.nothing:
            break
        chosen.append(best)
        mine = covering.covers.indices[covering.covers.indptr[best] : covering.covers.indptr[best + 1]]
        mine = mine[left[mine] > 0]
        reached += float(left[mine].sum())
        gain = gain - covering.by_group[mine].T @ left[mine]
        gain[best] = 0.0
        left[mine] = 0.0
    return np.array(chosen, dtype=np.int64)


def exchange(covering: Covering, chosen: Ints) -> Ints:
    """Exchange one site for another as long as that covers more (Teitz & Bart 1968), the best exchange first."""
    chosen = chosen.copy()
    for _ in range(_EXCHANGES if len(chosen) else 0):
        counts = covering.counts(chosen)
        gain = covering.covers @ np.where(counts == 0, covering.households, 0.0)
        alone = covering.covers[chosen].multiply(np.where(counts == 1, covering.households, 0.0)).tocsr()
        # What one gives up is kept as far as the newcomer covers it too.
        kept = (alone @ covering.by_group).toarray()
        better = gain[None, :] + kept - np.asarray(alone.sum(axis=1))
        out, new = np.unravel_index(int(np.argmax(better)), better.shape)
        if better[out, new] <= covering.nothing:
            break
        chosen[out] = new
    return chosen


def bettered(covering: Covering, k: int, chosen: Ints) -> tuple[Ints, Bound]:
    """Better a choice of ``k`` sites by Lagrangian relaxation, and return what none can exceed.

    That a group is covered only where one of its candidates is chosen is paid for by a price a household; for any
    prices up to its households this bounds every choice (it nears the linear programme's bound). Prices are bettered
    by subgradients; the sites worth most at them are where exchanging begins anew.

    Parameters
    ----------
    covering
        The problem.
    k
        Sites.
    chosen
        A good choice: prices begin from it.
    """
    households, goal = covering.households, covering.covered(chosen)
    price = households / np.maximum(covering.counts(chosen), 1.0)
    best, least = Bound(float(households.sum()), np.zeros(covering.covers.shape[0])), np.inf
    pace, stale, push = 1.0, 0, np.zeros(len(households))
    for turn in range(_ROUNDS):
        worth = covering.covers @ price
        top = np.argsort(-worth, kind="stable")[:k]
        now = Bound(float((households - price).sum()), worth)
        value = now.rest + float(worth[top].sum())
        stale += 1
        if value < least - covering.nothing:
            best, least, stale = now, value, 0
        elif stale >= _PATIENCE:
            pace, stale = pace / 2, 0
        if turn % _ANEW == _ANEW - 1 and covering.covered(top) > _NEAR * goal:
            other = exchange(covering, top)
            if covering.covered(other) > goal + covering.nothing:
                chosen, goal = other, covering.covered(other)
        slope = covering.counts(top) - 1.0
        slope[((price <= 0) & (slope > 0)) | ((price >= households) & (slope < 0))] = 0.0
        push = slope + _MOMENTUM * push
        # Steps in proportion to households: a price counts as a share of what it may be.
        length = float(push @ (push * households))
        if length == 0 or least - goal <= covering.nothing or pace < 1e-3:
            break
        price = np.clip(
            price - pace * max(value - goal, covering.nothing) / length * push * households, 0.0, households
        )
    return chosen, best
