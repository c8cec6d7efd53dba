"""How department grids and integrated grids lie to each other: equal, inside, contains or crosses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from gridmap.grids import mosaic as m
from gridmap.grids.departments_overlay import Atoms, Overlaps
from gridmap.grids.plan import Plan

EQUAL: Final = "equal"
INSIDE: Final = "inside"
CONTAINS: Final = "contains"
CROSSES: Final = "crosses"
RELATIONS: Final = (EQUAL, INSIDE, CONTAINS, CROSSES)
"""Relations of a department grid to an integrated grid; an overlap of slivers only is none."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Department grids and the integrated grids of one level that they really overlap.

    Parameters
    ----------
    polygon, grid
        Positions among the sources and in the layer of the level, sorted.
    area_m2, households
        Of the whole overlap, slivers beside it too.
    share_of_grid, households_share_of_grid
        The overlap as a share of the integrated grid.
    relation
        One of :data:`RELATIONS`, of the department grid to the integrated grid.
    """

    polygon: m.Ints
    grid: m.Ints
    area_m2: m.Floats
    households: m.Floats
    share_of_grid: m.Floats
    households_share_of_grid: m.Floats
    relation: m.Geometries


def labels_of(plan: Plan) -> dict[str, m.Ints]:
    """Return for the finest tiling level and those above it the position of each atom's grid, -1 for none."""
    names = [spec.name for spec in plan.levels]
    finest = plan.finest_tiling
    layer = plan.layers[finest]
    label = np.arange(len(layer), dtype=np.int64)
    if plan.blocks is not None:
        label = _positions(layer.index, plan.blocks[finest])
    found = {finest: label}
    for level in reversed(names[: names.index(finest)]):
        parent = np.r_[_positions(plan.layers[level].index, layer["parent"]), -1]
        label, layer = parent[label], plan.layers[level]
        found[level] = label
    return dict(reversed(found.items()))


def _positions(index: pd.Index, codes: pd.Series) -> m.Ints:
    # an imported plan may hold a code twice; its first grid answers for it
    first = pd.Series(np.arange(len(index)), index=np.asarray(index, dtype=object))
    first = first[~first.index.duplicated()]
    wanted = np.asarray(codes, dtype=object)
    return np.asarray(first.reindex(wanted).fillna(-1), dtype=np.int64)


def relate(overlaps: Overlaps, atoms: Atoms, label: m.Ints, beyond: m.Flags) -> Pairs:
    """Return how each polygon lies to each grid.

    Parameters
    ----------
    overlaps
        Of the polygons with the atoms.
    label
        Grid of each atom, -1 for none.
    beyond
        Whether a polygon has more than slivers outside of the county.
    """
    size = int(label.max(initial=-1)) + 1
    there = label[overlaps.atom] >= 0
    key = overlaps.polygon[there] * np.int64(max(size, 1)) + label[overlaps.atom[there]]
    pairs, where = np.unique(key, return_inverse=True)
    polygon, grid = pairs // max(size, 1), pairs % max(size, 1)

    def summed(values: m.Floats | m.Flags) -> m.Floats:
        return np.bincount(where, weights=values[there].astype(np.float64), minlength=len(pairs)).astype(np.float64)

    area, homes = summed(overlaps.area_m2), summed(atoms.homes(overlaps))
    pieces = summed(overlaps.real)
    held = summed(overlaps.whole & atoms.real[overlaps.atom])
    known = label >= 0
    atoms_of, area_of, homes_of = (
        np.bincount(label[known], weights=values[known].astype(np.float64), minlength=size).astype(np.float64)
        for values in (atoms.real, atoms.area_m2, atoms.households)
    )
    every = np.bincount(overlaps.polygon, weights=overlaps.real.astype(np.float64), minlength=len(beyond))
    more_of_polygon = beyond[polygon] | (every[polygon] > pieces)
    more_of_grid = held < atoms_of[grid]
    relation = np.select(
        [~more_of_polygon & ~more_of_grid, ~more_of_polygon, ~more_of_grid], [EQUAL, INSIDE, CONTAINS], CROSSES
    ).astype(object)
    part = np.minimum(share(area, area_of[grid]), 1.0)
    kept = pieces > 0
    homes_part = share(homes, homes_of[grid])
    return Pairs(
        polygon[kept], grid[kept], area[kept], homes[kept], part[kept], homes_part[kept], np.asarray(relation[kept])
    )


def share(part: m.Floats, whole: m.Floats) -> m.Floats:
    """Return the share, NaN where the whole is nothing or not known."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0), dtype=np.float64)
