"""The best choice of sites, proven: maximal covering with HiGHS on what a bound leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, hstack, identity, vstack

from gridmap.circles.effort import Effort
from gridmap.circles.siting_covering import Covering, Ints, restricted
from gridmap.circles.siting_greedy import Bound, bettered, exchange, greedy
from gridmap.circles.solver import least_cost

_MOST_ENTRIES: Final = 4_000_000
"""Pairs of a candidate and a group beyond which the linear programme alone would take minutes."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Chosen sites and what is proven about them.

    Parameters
    ----------
    chosen
        Rows of the covering.
    covered
        Households they reach.
    most
        Households that no choice of so many sites exceeds.
    """

    chosen: Ints
    covered: float
    most: float


def most_covered(covering: Covering, k: int, effort: Effort, need: float | None = None) -> Choice:
    """Choose ``k`` sites that cover the most households (Church & ReVelle 1974).

    Greedy and exchange first; a Lagrangian bound then tells which candidates any better choice must have or cannot
    have; HiGHS decides about the rest.

    Parameters
    ----------
    covering
        The problem.
    k
        Sites at most.
    effort
        With no second left nothing is proven beyond the bound.
    need
        Where given, the search ends as soon as it is known whether so many households can be covered.
    """
    chosen = exchange(covering, greedy(covering, k))
    reached = covering.covered(chosen)
    total = float(covering.households.sum())
    if total - reached <= covering.nothing:
        return Choice(chosen, reached, reached)
    chosen, prices = bettered(covering, k, chosen)
    reached = covering.covered(chosen)
    most = min(prices.most(k), total)
    if most - reached <= covering.nothing:
        return Choice(chosen, reached, reached)
    if (need is not None and not reached < need <= most) or not effort.left_s:
        return Choice(chosen, reached, most)
    return _searched(covering, k, Choice(chosen, reached, most), prices, effort, need)


def _searched(covering: Covering, k: int, known: Choice, prices: Bound, effort: Effort, need: float | None) -> Choice:
    """Search among what the prices leave open for something better than what is known."""
    must, may = _open(prices, k, known)
    inside = covering.counts(must) > 0
    rest = restricted(
        Covering(covering.covers, np.where(inside, 0.0, covering.households), np.arange(len(covering.candidate))), may
    )
    if rest.covers.nnz > _MOST_ENTRIES:
        return known
    base = float(covering.households[inside].sum())
    wanted = np.inf if need is None else need - base
    start = np.flatnonzero(np.isin(may, known.chosen))
    found, most = _solve(rest, k - len(must), start, effort, wanted)
    chosen = np.r_[must, may[found]]
    reached = covering.covered(chosen)
    # Nothing that was closed is better than what is known.
    most = min(max(most + base, known.covered), known.most)
    if reached <= known.covered + covering.nothing:
        chosen, reached = known.chosen, known.covered
    return Choice(chosen, reached, reached if most - reached <= covering.nothing else most)


def _open(prices: Bound, k: int, known: Choice) -> tuple[Ints, Ints]:
    """Return the candidates that any better choice has, and those of which it may have some."""
    order = np.argsort(-prices.worth, kind="stable")
    worth, most = prices.worth[order], prices.most(k)
    last = worth[k - 1] if k <= len(worth) else 0.0
    following = worth[k] if k < len(worth) else 0.0
    top = np.arange(len(order)) < k
    must = top & (most - worth + following < known.covered)
    never = ~top & (most - last + worth < known.covered)
    return np.sort(order[must]), np.sort(order[~must & ~never])


def _solve(covering: Covering, k: int, start: Ints, effort: Effort, wanted: float) -> tuple[Ints, float]:
    """Return the rows that HiGHS chooses, and the households that no choice exceeds."""
    many, groups = covering.covers.shape
    if many == 0 or groups == 0 or k <= 0:
        return np.empty(0, dtype=np.int64), 0.0
    # A group is covered no more than its candidates are chosen.
    linked = hstack([-covering.by_group, identity(groups, format="csr")])
    chosen = csr_matrix((np.ones(many), (np.zeros(many, dtype=int), np.arange(many))), shape=(1, many + groups))
    cost = np.r_[np.zeros(many), -covering.households]
    rows = vstack([linked, chosen], format="csr")
    solver = least_cost(cost, rows, np.r_[np.zeros(groups), float(k)], upper=1.0, whole=many)
    for name, value in {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-6, "time_limit": effort.left_s}.items():
        solver.setOptionValue(name, value)
    if len(start) <= k:
        values = np.zeros(many)
        values[start] = 1.0
        solver.setSolution(many, np.arange(many, dtype=np.int32), values)

    def watch(event: Any) -> None:
        reached, most = -event.data_out.mip_primal_bound, -event.data_out.mip_dual_bound
        effort.tell(1 - effort.left_s / effort.limit_s, "proving")
        if reached >= wanted or most < wanted < np.inf:
            event.interrupt()

    solver.cbMipInterrupt += watch
    solver.solve()
    info = solver.getInfo()
    values = np.asarray(solver.getSolution().col_value[:many])
    return np.flatnonzero(values > 0.5), -float(info.mip_dual_bound)


def fewest_sites(covering: Covering, need: float, effort: Effort) -> tuple[Choice, int]:
    """Choose the fewest sites that cover so many households, of those the choice that covers the most.

    Parameters
    ----------
    covering
        The problem; all its candidates together cover enough.
    need
        Households.
    effort
        See :func:`most_covered`.

    Returns
    -------
    Choice, int
        The sites, and the number of sites below which it is proven that nobody covers enough.
    """
    first = greedy(covering, covering.covers.shape[0], need)
    best = Choice(first, covering.covered(first), float(covering.households.sum()))
    if len(first) == 0:
        return best, 0
    fewer = greedy(covering, len(first) - 1)
    least = bettered(covering, max(len(fewer), 1), fewer)[1].fewest(need)
    while len(best.chosen) > least:
        attempt = most_covered(covering, len(best.chosen) - 1, effort, need)
        if attempt.covered >= need:
            best = attempt
        elif attempt.most < need:
            least = len(best.chosen)
        else:
            break
    most = most_covered(covering, len(best.chosen), effort)
    return (most if most.covered >= best.covered else best), least
