"""What norms say of the households of grids; all of it is configuration and warns, nothing here is an error."""

from __future__ import annotations

from typing import Final

URBAN_RANGE: Final = (300.0, 500.0)
"""Households of an integrated grid *(std, a city regulation; domain.md)*."""

VILLAGE_RANGE: Final = (60.0, 120.0)
"""Households of an integrated grid in a village *(ours)*."""

MICRO_RANGE: Final = (50.0, 80.0)
"""Households of a micro grid *(std; domain.md)*."""

VILLAGE_KINDS: Final = frozenset({"village", "rural", "村", "行政村"})
"""Values of ``kind`` of a grid or its parent that say it is in a village; all others count as urban."""


def typical_households(kind: str | None) -> float:
    """Return the households of a usual grid in a community of a kind: the middle of its range.

    Examples
    --------
    >>> typical_households("village"), typical_households("urban"), typical_households(None)
    (90.0, 400.0, 400.0)
    """
    low, high = VILLAGE_RANGE if kind in VILLAGE_KINDS else URBAN_RANGE
    return (low + high) / 2
