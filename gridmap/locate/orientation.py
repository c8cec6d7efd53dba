"""On which side of a line a point lies, exactly, whatever the coordinates.

A floating-point determinant decides wherever its rounding error cannot change the sign; else the determinant is summed
without any rounding, as an expansion of floating-point numbers (J. R. Shewchuk, "Adaptive Precision Floating-Point
Arithmetic and Fast Robust Geometric Predicates", 1997: two-sum, two-product by Dekker's split, grow-expansion).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

_ROUNDING: Final = 2.0**-53
_BOUND: Final = (3.0 + 16.0 * _ROUNDING) * _ROUNDING
"""Shewchuk's bound of the error of the determinant, relative to the sum of its two products."""
_SPLIT: Final = 2.0**27 + 1.0


@njit(cache=True, nogil=True)
def orientation(ax, ay, bx, by, px, py):
    """Return 1 where p lies left of the line from a to b, -1 where right of it, 0 where on it: never wrong.

    Coordinates are in one unit, their products neither overflow nor underflow (degrees and metres never do).

    Examples
    --------
    >>> orientation(0.0, 0.0, 1.0, 1.0, 0.0, 1.0), orientation(0.0, 0.0, 0.3, 0.1, 0.9, 0.3)
    (1, -1)
    """
    left = (bx - ax) * (py - ay)
    right = (by - ay) * (px - ax)
    determinant = left - right
    error = _BOUND * (abs(left) + abs(right))
    if determinant > error:
        return 1
    if determinant < -error:
        return -1
    return _exact_sign(ax, ay, bx, by, px, py)


@njit(cache=True, nogil=True)
def _two_sum(a, b):
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


@njit(cache=True, nogil=True)
def _two_product(a, b):
    product = a * b
    scaled = _SPLIT * a
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    scaled = _SPLIT * b
    b_high = scaled - (scaled - b)
    b_low = b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@njit(cache=True, nogil=True)
def _grow(parts, size, value):
    """Add a number to an expansion of ``size`` parts (ascending, none overlapping); return its new size."""
    kept = 0
    carry = value
    for i in range(size):
        carry, low = _two_sum(carry, parts[i])
        if low != 0.0:
            parts[kept] = low
            kept += 1
    if carry != 0.0:
        parts[kept] = carry
        kept += 1
    return kept


@njit(cache=True, nogil=True)
def _exact_sign(ax, ay, bx, by, px, py):
    """Return the sign of ax·by - ay·bx + bx·py - by·px + px·ay - py·ax: six products, twelve parts, no rounding."""
    parts = np.empty(13)
    size = 0
    for first, second in ((ax, by), (-ay, bx), (bx, py), (-by, px), (px, ay), (-py, ax)):
        high, low = _two_product(first, second)
        size = _grow(parts, size, low)
        size = _grow(parts, size, high)
    if size == 0:
        return 0
    return 1 if parts[size - 1] > 0.0 else -1
