"""What a point's look-up says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

Outcome = Literal["matched", "ambiguous", "gap", "outside", "invalid"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
MATCHED, AMBIGUOUS, GAP, OUTSIDE, INVALID = range(5)
NOWHERE: Final = -1
"""Position of a grid where there is none."""


@dataclass(frozen=True)
class Candidate:
    """A grid that the accuracy disc touches; ``distance_m`` is 0 where the point itself is in it."""

    level: str
    code: str
    distance_m: float


class Placement(NamedTuple):
    """Where a point belongs.

    Parameters
    ----------
    outcome
        ``matched``; ``ambiguous`` (the accuracy disc touches several grids); ``gap`` (inside the county, in no grid
        of a tiling level); ``outside``; ``invalid``.
    reason
        Why it is not ``matched``; empty when it is.
    chain
        Level → code from the coarsest level. Of an ambiguous point the levels that all candidates share; in a gap the
        levels above it that do hold the point.
    candidates
        The grids that the accuracy disc touches, nearest first; none when no accuracy was given.
    border_distance_m
        From the point to the border of its grid (of the finest tiling level), ``None`` where it is in none.
    plan_version
        Version of the plan that answered.
    """

    outcome: Outcome
    reason: str
    chain: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    border_distance_m: float | None
    plan_version: str
