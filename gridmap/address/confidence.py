"""From the likelihood of a reading to a confidence that holds: of answers given at 0.9, nine in ten are right.

What :mod:`gridmap.address.score` adds up is a model, and its probabilities are as good as its prices. So each is
brought to the share of right answers that was seen at it, on damaged addresses of the sample county that are never
tested (``tests/bench/addresses.py --calibrate``), by isotonic regression (Zadrozny and Elkan 2002), which keeps their
order.
"""

from __future__ import annotations

from typing import Final

import numpy as np

_MODEL: Final = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
_SEEN: Final = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
NOT_THE_DOOR: Final = 0.85
"""The most that is claimed for a door the list does not hold: a neighbour's place is never sure."""


def calibrate(likely: float) -> float:
    """Return the share of right answers among those the model calls this likely.

    Examples
    --------
    >>> calibrate(0.0), calibrate(0.7) <= calibrate(0.8) <= calibrate(1.0)
    (0.0, True)
    """
    return float(np.interp(likely, _MODEL, _SEEN))
