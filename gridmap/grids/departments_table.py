"""Counts of which grids of one parent hold how much of which department grids: what a rearrangement is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.departments_overlay import Atoms, Overlaps


@dataclass(frozen=True, eq=False)
class Pieces:
    """Real overlaps of blocks and department grids, block by block.

    Parameters
    ----------
    first
        (n + 1,) where the pieces of each block begin.
    polygon, block
        (s,) the department grid and the block of each piece.
    filled
        (s,) whether the piece is the whole block.
    homes
        (s,) households on it.
    real
        (n,) whether the block is more than a sliver.
    total
        Pieces of each department grid, and one for what it has outside of the county.
    """

    first: m.Ints
    polygon: m.Ints
    block: m.Ints
    filled: m.Flags
    homes: m.Floats
    real: m.Flags
    total: m.Ints

    @classmethod
    def of(cls, overlaps: Overlaps, atoms: Atoms, beyond: m.Flags) -> Pieces:
        """Sort overlaps by block; ``beyond`` says which polygons have a real part outside of the county."""
        rows = np.flatnonzero(overlaps.real)
        rows = rows[np.argsort(overlaps.atom[rows], kind="stable")]
        block, polygon = overlaps.atom[rows], overlaps.polygon[rows]
        return cls(
            first=np.searchsorted(block, np.arange(len(atoms.shapes) + 1)).astype(np.int64),
            polygon=polygon,
            block=block,
            filled=overlaps.whole[rows] & atoms.real[block],
            homes=np.nan_to_num(atoms.homes(overlaps)[rows]),
            real=atoms.real,
            total=(np.bincount(polygon, minlength=len(beyond)) + beyond).astype(np.int64),
        )

    def on(self, blocks: m.Ints) -> m.Ints:
        """Return the pieces on some blocks, in the order of these."""
        count = self.first[blocks + 1] - self.first[blocks]
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.asarray(step + np.repeat(self.first[blocks], count), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Table:
    """Who holds how much of which department grid within one parent.

    Parameters
    ----------
    polygons
        (p,) department grids with a real piece there.
    total
        (p,) pieces of each in the whole county, and one for what it has outside.
    held, whole
        (k, p) blocks of each grid with a piece of a department grid, and those that it fills.
    homes
        (k, p) households on the pieces.
    size
        (k,) blocks of each grid.
    """

    polygons: m.Ints
    total: m.Ints
    held: m.Ints
    whole: m.Ints
    homes: m.Floats
    size: m.Ints

    @classmethod
    def of(cls, pieces: Pieces, blocks: m.Ints, grids: m.Ints, label: m.Ints) -> Table:
        """Count the blocks of a parent, water too; ``label`` is the grid of every block, one of ``grids`` for these."""
        rows = pieces.on(blocks)
        polygons, local = np.unique(pieces.polygon[rows], return_inverse=True)
        grid = np.searchsorted(grids, label[pieces.block[rows]])
        shape = (len(grids), len(polygons))
        held, whole, homes = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
        np.add.at(held, (grid, local), 1)
        np.add.at(whole, (grid, local), pieces.filled[rows].astype(np.int64))
        np.add.at(homes, (grid, local), pieces.homes[rows])
        size = np.zeros(len(grids), np.int64)
        np.add.at(size, np.searchsorted(grids, label[blocks]), pieces.real[blocks].astype(np.int64))
        return cls(polygons, pieces.total[polygons], held, whole, homes, size)

    @property
    def crossing(self) -> m.Flags:
        """(k, p) whether a department grid crosses a grid."""
        return np.asarray((self.held > 0) & (self.whole < self.size[:, None]) & (self.held < self.total), dtype=bool)

    def verdict(self, elsewhere: m.Ints) -> tuple[int, float]:
        """Return how many department grids are cut, and their households in the grids they cross: less is better."""
        crossing = self.crossing
        cut = (crossing.sum(axis=0) + elsewhere > 0).sum()
        return int(cut), round(float(self.homes[crossing].sum()), 6)
