"""From the likelihood of a reading to a confidence that holds: of answers given at 0.9, nine in ten are right.

What :mod:`gridmap.address.score` adds up is a model, and its probabilities are as good as its prices. So each is
brought towards the share of right answers that was seen at it, on damaged addresses of the sample county that are
never tested (``tests/bench/addresses.py --calibrate`` fits an isotonic regression, Zadrozny and Elkan 2002). The knots
below are rounded from that and lie under it: see :data:`_SEEN`.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

_MODEL: Final = (0.0, 0.4, 0.5, 0.6, 0.7, 0.78, 0.82, 0.9, 0.95, 0.98, 1.0)
_SEEN: Final = (0.0, 0.55, 0.7, 0.8, 0.87, 0.9, 0.94, 0.985, 0.993, 0.998, 0.9995)
"""Of 20,000 addresses 81, 92, 97 and 99.4 in a hundred were in the right grid in the bins from .5, .6, .7, .8 on, and
none of 17,900 wrong from .9 on. Below .78 less is said than was seen: from 0.9 on nobody looks before somebody is sent,
and of those one in a thousand may be wrong, not three in a hundred."""
NOT_THE_DOOR: Final = 0.85
"""The most that is claimed for a door the list does not hold: a neighbour's place is never sure."""


def calibrate(likely: float) -> float:
    """Return the share of right answers among those the model calls this likely.

    Examples
    --------
    >>> calibrate(0.0), calibrate(0.7) <= calibrate(0.8) <= calibrate(1.0)
    (0.0, True)
    """
    at = min(max(bisect_right(_MODEL, likely), 1), len(_MODEL) - 1)
    low, high = _MODEL[at - 1], _MODEL[at]
    return _SEEN[at - 1] + (_SEEN[at] - _SEEN[at - 1]) * (min(likely, 1.0) - low) / (high - low)
