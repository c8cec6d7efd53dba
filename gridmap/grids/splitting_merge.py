"""Pieces of blocks that are too narrow, too small or too jagged for a grid to border on, joined to a neighbour."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyproj
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.slivers import Absorption, Pieces

LEAST_WIDTH_M: Final = 20.0
"""A piece is narrow when no circle this wide fits in (issue: planner's engine)."""
LEAST_AREA_M2: Final = 500.0
"""Ours: as for traffic islands (:data:`gridmap.grids.slivers.TRIFLE_AREA_M2`)."""
JAGGED: Final = 0.20
"""Ours: pieces of a lower compactness (Polsby and Popper 1991, 4π · area ÷ outline²) look for a better shape."""
LIGHT: Final = 0.3
"""Ours: a lane is no border where what it cuts off has less than this of the households that a piece is to have."""


def is_narrow(shapes: m.Geometries, width_m: float = LEAST_WIDTH_M) -> m.Flags:
    """Return which polygons, in metres, have no room for a circle of a width.

    Examples
    --------
    >>> is_narrow(np.array([shapely.box(0, 0, 19, 500), shapely.box(0, 0, 21, 500)])).tolist()
    [True, False]
    """
    # Bonnesen: the widest circle in a polygon without holes has a diameter above 2 · area ÷ outline
    narrow = 2 * shapely.area(shapes) < width_m * shapely.length(shapes)
    narrow |= shapely.get_num_interior_rings(shapes) > 0
    narrow[narrow] = shapely.is_empty(shapely.buffer(shapes[narrow], -width_m / 2))
    return np.asarray(narrow)


def merge_narrow(
    mosaic: m.Geometries, source: m.Ints, fixed: m.Flags, crs: pyproj.CRS, share: m.Floats | None = None
) -> tuple[m.Geometries, m.Ints]:
    """Join pieces that are narrow or small to the neighbour of the same block with which they are most compact.

    Parameters
    ----------
    mosaic, source
        Pieces in degrees, and the block that each was part of; blocks in one piece stay as they are.
    fixed
        Pieces that stay as they are (water).
    crs
        The metric CRS to measure in.
    share
        Of the households that a piece is to have, what each has: pieces with less than :data:`LIGHT` of them are not
        worth a border, nor are jagged ones. Unknown by default: then only width and area count.

    Returns
    -------
    (mosaic, label)
        The pieces joined, and for each of the old ones its place among them.
    """
    label = np.arange(len(mosaic))
    rows = np.flatnonzero((np.bincount(source)[source] > 1) & ~fixed)
    if len(rows) == 0:
        return mosaic, label
    flat = m.to_metres(mosaic[rows], crs)
    work = _Merging(flat, source[rows], m.adjacency(mosaic[rows], crs), None if share is None else share[rows])
    work.run()
    label[rows] = rows[[work.find(i) for i in range(len(rows))]]
    label = m.compact(label)
    return m.join(mosaic, label), label


class _Merging(Absorption):
    """Absorbing by width and compactness."""

    def __init__(self, flat: m.Geometries, source: m.Ints, neighbours: m.Adjacency, share: m.Floats | None) -> None:
        false = np.zeros(len(flat), dtype=bool)
        super().__init__(Pieces(shapely.area(flat), shapely.length(flat), false, false, source), neighbours)
        self.flat = flat
        self.members = [[i] for i in range(len(flat))]
        self.narrow: list[bool] = is_narrow(flat).tolist()
        self.share: list[float] | None = None if share is None else share.tolist()

    def small(self, i: int) -> bool:
        if self.narrow[i] or self.area[i] < LEAST_AREA_M2:
            return bool(self.borders[i])
        if self.share is None:
            return False
        if self.share[i] < LIGHT:
            return bool(self.borders[i])
        own = self._compactness(self.area[i], self.perimeter[i])
        return own < JAGGED and any(self._together(i, j) > 1.25 * own for j in self.borders[i])

    def goal(self, i: int) -> int | None:
        return max(self.borders[i], key=lambda j: (self._together(i, j), -j), default=None)

    def give(self, i: int, goal: int) -> None:
        super().give(i, goal)
        if self.share is not None:
            self.share[goal] += self.share[i]
        self.members[goal] += self.members[i]
        whole = shapely.union_all(self.flat[self.members[goal]])
        self.narrow[goal] = bool(is_narrow(np.array([whole], dtype=object))[0])

    def _together(self, i: int, j: int) -> float:
        outline = self.perimeter[i] + self.perimeter[j] - 2 * self.borders[i][j]
        return self._compactness(self.area[i] + self.area[j], outline)

    @staticmethod
    def _compactness(area: float, outline: float) -> float:
        return 4 * np.pi * area / max(outline, 1e-9) ** 2
