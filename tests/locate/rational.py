"""Point in polygon in whole fractions: slow, obvious, and never wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

import shapely

Spot = tuple[Fraction, Fraction]


def spot(x: float, y: float) -> Spot:
    return Fraction(x), Fraction(y)


def turn(a: Spot, b: Spot, c: Spot) -> int:
    """Sign of the turn from a by b to c."""
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (cross > 0) - (cross < 0)


def rings(shape: shapely.Geometry) -> list[list[Spot]]:
    drawn = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    return [[spot(x, y) for x, y in ring.coords] for ring in drawn]


def covers(shape: Sequence[Sequence[Spot]], point: Spot) -> bool:
    """Whether a polygon of rings covers a point: on a ring, or an odd number of edges lies west of it."""
    inside = False
    for ring in shape:
        for a, b in pairwise(ring):
            between = all(min(a[i], b[i]) <= point[i] <= max(a[i], b[i]) for i in range(2))
            side = turn(a, b, point)
            if side == 0 and between:
                return True
            if (a[1] <= point[1]) != (b[1] <= point[1]) and (side < 0) == (b[1] > a[1]):
                inside = not inside
    return inside


def lowest(shapes: Iterable[Sequence[Sequence[Spot]]], point: Spot) -> int:
    """Position of the first polygon that covers a point, -1 where none does."""
    return next((i for i, shape in enumerate(shapes) if covers(shape, point)), -1)
