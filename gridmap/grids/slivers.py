"""Faces that are no blocks: slivers, medians of dual carriageways, traffic islands; and whom they go to."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely

from gridmap.grids import mosaic as m

SLIVER_AREA_M2: Final = 10.0
SLIVER_WIDTH_M: Final = 1.0
"""domain.md, geometry rules: a face below either is an accident of digitising, land or water."""

TRIFLE_AREA_M2: Final = 500.0
TRIFLE_WIDTH_M: Final = 10.0
"""Ours: land below either, with no building on it, is a traffic island or a strip between a quay and the street beside
it. Width is the mean one, 2 · area ÷ perimeter. The smallest real blocks seen have some 1,000 m²."""

MEDIAN_WIDTH_M: Final = 20.0
MEDIAN_ELONGATION: Final = 10.0
"""Ours: so is land narrower than this and this many times as long as wide: the two lines of a dual carriageway, or an
arterial and its side lane, lie 8 to 25 m apart in Xinwu. Side by side, such strips soon make a block that is kept."""

WATER_TRIFLE_AREA_M2: Final = 200.0
"""Ours: water below this is what lies between the two lines of a bridge."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """What is known of the pieces of a mosaic when slivers are looked for.

    Parameters
    ----------
    area_m2, perimeter_m
        Per piece.
    water
        Water pieces; a trifle of land never goes to water, nor of water to land, only slivers may.
    keep
        Pieces with something on them (buildings): they go only if they are slivers.
    unit
        Pieces of different units are never joined (given borders); all 0 where there are none.
    """

    area_m2: m.Floats
    perimeter_m: m.Floats
    water: m.Flags
    keep: m.Flags
    unit: m.Ints


def measure(mosaic: m.Geometries, crs: pyproj.CRS, water: m.Flags, keep: m.Flags, unit: m.Ints) -> Pieces:
    """Measure a mosaic in degrees for :func:`absorb`."""
    metric = m.to_metres(mosaic, crs)
    return Pieces(shapely.area(metric), shapely.length(metric), water, keep, unit)


def absorb(pieces: Pieces, neighbours: m.Adjacency) -> tuple[m.Ints, m.Flags]:
    """Join slivers and trifles, the smallest first, to the neighbour with the longest common border.

    Returns
    -------
    (labels, water)
        Labels 0, 1, 2 … of the pieces after joining, and whether each label is water.
    """
    work = Absorption(pieces, neighbours)
    work.run()
    root = np.array([work.find(i) for i in range(len(pieces.area_m2))], dtype=np.int64)
    labels = m.compact(root)
    water = np.zeros(labels.max(initial=-1) + 1, dtype=bool)
    water[labels] = pieces.water[root]
    return labels, water


class Absorption:
    """The joining itself: a heap of small pieces and a union-find whose root is always the absorbing piece.

    What is small and whom it goes to are methods of their own, for other rules to replace them.
    """

    def __init__(self, pieces: Pieces, neighbours: m.Adjacency) -> None:
        self.water: list[bool] = pieces.water.tolist()
        self.keep: list[bool] = pieces.keep.tolist()
        self.unit: list[int] = pieces.unit.tolist()
        self.area: list[float] = pieces.area_m2.tolist()
        self.perimeter: list[float] = pieces.perimeter_m.tolist()
        self.parent = list(range(len(self.area)))
        self.borders: list[dict[int, float]] = [{} for _ in self.area]
        for a, b, length in zip(
            neighbours.a.tolist(), neighbours.b.tolist(), neighbours.length_m.tolist(), strict=True
        ):
            if self.unit[a] == self.unit[b]:
                self.borders[a][b] = self.borders[b][a] = length

    def find(self, i: int) -> int:
        """Return the piece that now holds a piece."""
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def run(self) -> None:
        """Join until nothing small is left that can go."""
        heap = [(area, i) for i, area in enumerate(self.area) if self.small(i)]
        heapq.heapify(heap)
        while heap:
            area, i = heapq.heappop(heap)
            if self.parent[i] != i or area != self.area[i]:
                continue  # absorbed or grown since it was put here
            goal = self.goal(i)
            if goal is None:
                continue
            self.give(i, goal)
            if self.small(goal):
                heapq.heappush(heap, (self.area[goal], goal))

    def _sliver(self, i: int) -> bool:
        return self.area[i] < SLIVER_AREA_M2 or 2 * self.area[i] < SLIVER_WIDTH_M * self.perimeter[i]

    def small(self, i: int) -> bool:
        """Return whether a piece should go."""
        if self._sliver(i):
            return True
        if self.water[i]:
            return self.area[i] < WATER_TRIFLE_AREA_M2
        return not self.keep[i] and (self.area[i] < TRIFLE_AREA_M2 or self._strip(i))

    def _strip(self, i: int) -> bool:
        area, perimeter = self.area[i], self.perimeter[i]
        # of a rectangle e times as long as wide: perimeter² = 4 (1 + e)² / e · area
        long = perimeter**2 > 4 * (1 + MEDIAN_ELONGATION) ** 2 / MEDIAN_ELONGATION * area
        return 2 * area < (MEDIAN_WIDTH_M if long else TRIFLE_WIDTH_M) * perimeter

    def goal(self, i: int) -> int | None:
        """Return the like neighbour with the longest common border; slivers without one take any neighbour."""
        like = {j: length for j, length in self.borders[i].items() if self.water[j] == self.water[i]}
        choice = like or (self.borders[i] if self._sliver(i) else {})
        if not choice:
            return None
        return min(choice, key=lambda j: (-choice[j], j))

    def give(self, i: int, goal: int) -> None:
        """Join a piece to another."""
        self.parent[i] = goal
        shared = self.borders[i].pop(goal)
        del self.borders[goal][i]
        self.area[goal] += self.area[i]
        self.perimeter[goal] += self.perimeter[i] - 2 * shared
        self.keep[goal] = self.keep[goal] or self.keep[i]
        for j, length in self.borders[i].items():
            del self.borders[j][i]
            self.borders[j][goal] = self.borders[goal][j] = self.borders[goal].get(j, 0.0) + length
        self.borders[i] = {}
