"""From the likelihood of a reading to a confidence that holds: of answers given at 0.9, nine in ten are right.

What :mod:`gridmap.address.score` adds up is a model, and its probabilities are as good as its prices. So each is
brought to the share of right answers that was seen at it, on damaged addresses of the sample county that are never
tested (``tests/bench/addresses.py --calibrate``), by isotonic regression (Zadrozny and Elkan 2002), which keeps their
order.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

_MODEL: Final = (0.0, 0.4, 0.5, 0.6, 0.7, 0.82, 0.9, 0.95, 0.98, 1.0)
_SEEN: Final = (0.0, 0.5, 0.65, 0.75, 0.85, 0.9, 0.975, 0.99, 0.997, 0.9995)
"""Of 20,000 addresses 73, 88, 95 and 99 in a hundred were right in the bins from .5, .6, .7 and .8 on, and one of
18,100 wrong from .9 on. Between .7 and .82 less is said than was seen: from 0.9 on nobody looks before somebody is
sent, and of those one in a thousand may be wrong, not one in twenty."""
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
