"""The covering problem behind siting: which candidate reaches which households, made as small as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Sparse: TypeAlias = Any

NOTHING: Final = 1e-9
"""A share of all households that is rounding, not a gain."""


@dataclass(frozen=True, eq=False)
class Covering:
    """Candidates, and groups of households that the same candidates reach.

    Parameters
    ----------
    covers
        (candidates, groups) sparse, 1 where a candidate reaches a group.
    households
        (groups,) households of each.
    candidate
        (candidates,) what each row is in the numbering that the problem came from; ascending.
    """

    covers: Sparse
    households: Floats
    candidate: Ints

    @cached_property
    def by_group(self) -> Sparse:
        """Return ``covers`` as (groups, candidates), by group."""
        return self.covers.T.tocsr()

    @cached_property
    def nothing(self) -> float:
        """Return how many households are no more than rounding."""
        return float(self.households.sum() * NOTHING)

    def counts(self, chosen: Ints) -> Floats:
        """Return (groups,) by how many of the chosen rows each is reached."""
        return np.asarray(self.covers[chosen].sum(axis=0), dtype=np.float64).ravel()

    def covered(self, chosen: Ints) -> float:
        """Return the households that any of the chosen rows reaches."""
        return float(self.households[self.counts(chosen) > 0].sum())


def make_covering(
    candidate: NDArray[np.integer], home: NDArray[np.integer], households: Floats, count: int
) -> Covering:
    """Return the covering problem of pairs ``candidate, home``, reduced without loss.

    Homes that the same candidates reach are one group; a candidate that reaches nothing, or nothing that another
    does not reach too, is left out (of two that reach the same, the later).

    Parameters
    ----------
    candidate, home
        (pairs,) who reaches whom.
    households
        (homes,) above zero where anybody counts.
    count
        How many candidates there are.

    Examples
    --------
    >>> made = make_covering(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), np.array([5.0, 7.0]), 3)
    >>> made.candidate.tolist(), made.households.tolist()
    ([0], [12.0])
    """
    pairs = csr_matrix((np.ones(len(home)), (candidate, home)), shape=(count, len(households)))
    whole = merged(Covering(pairs, households, np.arange(count)))
    by_group = whole.by_group
    useless = _dominated(whole.covers.indptr, whole.covers.indices, by_group.indptr, by_group.indices)
    return restricted(whole, np.flatnonzero(~useless))


def restricted(covering: Covering, rows: Ints) -> Covering:
    """Return the problem with these candidates alone."""
    return merged(Covering(covering.covers[rows], covering.households, covering.candidate[rows]))


def merged(covering: Covering) -> Covering:
    """Return the same problem with the groups that the same candidates reach put together, those of nobody left out."""
    columns: csc_matrix = covering.covers.tocsc()
    known = np.flatnonzero((np.diff(columns.indptr) > 0) & (covering.households > 0))
    columns = columns[:, known]
    # Sets are told apart by 128 random bits a candidate, added up: two sets alike by chance are one in 10^27.
    codes = np.random.default_rng(0).integers(2**64, size=(2, covering.covers.shape[0]), dtype=np.uint64)
    keys = [np.add.reduceat(code[columns.indices], columns.indptr[:-1]) if len(known) else known for code in codes]
    order = np.lexsort(keys)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (keys[0][order][1:] != keys[0][order][:-1]) | (keys[1][order][1:] != keys[1][order][:-1])
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    households: Floats = np.bincount(group, weights=covering.households[known], minlength=int(new.sum())).astype(
        np.float64
    )
    covers = columns[:, order[new]].tocsr()
    covers.sort_indices()
    return Covering(covers, households, covering.candidate)


@njit(cache=True)
def _dominated(start, group, group_start, candidate):
    """Return which candidates reach nothing, or only what another one reaches too."""
    out = np.zeros(len(start) - 1, np.bool_)
    for j in range(len(out)):
        mine = group[start[j] : start[j + 1]]
        if len(mine) == 0:
            out[j] = True
            continue
        # Only who reaches its rarest group can reach all of them.
        rarest = mine[0]
        for g in mine:
            if group_start[g + 1] - group_start[g] < group_start[rarest + 1] - group_start[rarest]:
                rarest = g
        for other in candidate[group_start[rarest] : group_start[rarest + 1]]:
            theirs = group[start[other] : start[other + 1]]
            if other == j or len(theirs) < len(mine) or (len(theirs) == len(mine) and other > j):
                continue
            at = 0
            for g in theirs:
                if at < len(mine) and mine[at] == g:
                    at += 1
            if at == len(mine):
                out[j] = True
                break
    return out
