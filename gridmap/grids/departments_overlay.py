"""What polygons and the atoms of a plan have in common: areas, and which of it is more than a sliver.

Atoms are the blocks of the plan, or the grids of its finest tiling level where it carries none. Whether an overlap is
real is judged atom by atom: a piece is a *sliver* when nothing of it that is as wide as ``width_m`` has ``area_m2``
(its opening by half the width, part by part). So borders that were digitised a few decimetres apart, however long,
make no overlap, and what is drawn along streets agrees with what is drawn along the same streets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely

from gridmap.errors import InputError
from gridmap.geo.threads import spread
from gridmap.grids import mosaic as m
from gridmap.grids.slivers import SLIVER_AREA_M2, SLIVER_WIDTH_M

_RUN: Final = 20_000
"""Pairs that are overlaid between two words of progress: their pieces are held in memory at once."""
_WORTH: Final = 500
_NOISE_M2: Final = 1e-6


@dataclass(frozen=True)
class Tolerance:
    """What is a sliver (domain.md, geometry rules): less than ``area_m2``, or narrower than ``width_m``."""

    area_m2: float = SLIVER_AREA_M2
    width_m: float = SLIVER_WIDTH_M

    def __post_init__(self) -> None:
        for name, unit in (("area_m2", "m²"), ("width_m", "m")):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"sliver_{name} {value} is no tolerance; allowed: 0 {unit} or more")


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of a polygon and an atom with an area in common.

    Parameters
    ----------
    polygon, atom
        Positions, each pair once, sorted.
    area_m2
        Of what they have in common, slivers too.
    real
        Whether it is more than slivers.
    whole
        Whether what the polygon leaves of the atom is no more than slivers.
    """

    polygon: m.Ints
    atom: m.Ints
    area_m2: m.Floats
    real: m.Flags
    whole: m.Flags


def is_real(metric_shapes: m.Geometries, tolerance: Tolerance) -> m.Flags:
    """Whether each shape (in metres, of any kind) is more than slivers."""
    found = np.zeros(len(metric_shapes), dtype=bool)
    parts, owner = shapely.get_parts(metric_shapes, return_index=True)
    nested, within = shapely.get_parts(parts, return_index=True)
    parts, owner = nested[shapely.get_type_id(nested) == 3], owner[within][shapely.get_type_id(nested) == 3]
    area = shapely.area(parts)
    enough = (area >= tolerance.area_m2) & (area > 0)
    # The circle that fits into a polygon without holes has a radius of at least area ÷ perimeter (Bonnesen).
    radius = max(tolerance.width_m / 2, float(np.sqrt(tolerance.area_m2 / np.pi)))
    sure = enough & (shapely.get_num_interior_rings(parts) == 0) & (area >= 1.02 * radius * shapely.length(parts))
    found[owner[sure]] = True
    doubt = np.flatnonzero(enough & ~sure & ~found[owner])
    half = tolerance.width_m / 2
    opened = shapely.buffer(shapely.buffer(parts[doubt], -half), half) if half > 0 else parts[doubt]
    pieces, of = shapely.get_parts(opened, return_index=True)
    wide = shapely.area(pieces) >= max(tolerance.area_m2, _NOISE_M2)
    found[owner[doubt[of[wide]]]] = True
    return found


@dataclass(frozen=True, eq=False)
class Atoms:
    """The smallest ground that is told apart.

    Parameters
    ----------
    shapes
        (n,) polygons in longitude and latitude.
    metric
        CRS that they are measured in.
    area_m2, households
        (n,) of each; households NaN where they are not known.
    real
        (n,) whether it is more than a sliver itself.
    tolerance
        What is a sliver.
    tree
        Of the shapes.
    """

    shapes: m.Geometries
    metric: pyproj.CRS
    area_m2: m.Floats
    households: m.Floats
    real: m.Flags
    tolerance: Tolerance
    tree: shapely.STRtree

    @classmethod
    def of(cls, shapes: m.Geometries, households: m.Floats, metric: pyproj.CRS, tolerance: Tolerance) -> Atoms:
        """Measure polygons."""
        flat = m.to_metres(shapes, metric)
        return cls(
            shapes, metric, shapely.area(flat), households, is_real(flat, tolerance), tolerance, shapely.STRtree(shapes)
        )

    def homes(self, overlaps: Overlaps) -> m.Floats:
        """Return the households of each pair: those of the atom, shared by area."""
        area = self.area_m2[overlaps.atom]
        share = np.divide(overlaps.area_m2, area, out=np.zeros(len(area)), where=area > 0)
        return np.asarray(np.minimum(share, 1.0) * self.households[overlaps.atom], dtype=np.float64)


def overlay(
    polygons: m.Geometries,
    atoms: Atoms,
    layer: m.Ints | None = None,
    progress: Callable[[float], None] | None = None,
) -> Overlaps:
    """Return what valid polygons have in common with atoms.

    An atom that a polygon covers is shared whole, without measuring; only those on a border are cut.

    Parameters
    ----------
    polygons
        In longitude and latitude.
    layer
        Polygons of one number are known to share no area; -1 where that is not known.
    progress
        Called with the share done.
    """
    polygon, atom = atoms.tree.query(polygons, predicate="intersects")
    order = np.lexsort((atom, polygon))
    polygon, atom = polygon[order].astype(np.int64), atom[order].astype(np.int64)
    shapely.prepare(polygons)
    # Asked first what is answered fastest: inside away from the rim, beside, inside along the rim.
    covered = shapely.contains_properly(polygons[polygon], atoms.shapes[atom])
    rim = np.flatnonzero(~covered)
    beside = shapely.touches(polygons[polygon[rim]], atoms.shapes[atom[rim]])
    inner = rim[~beside]
    covered[inner] = shapely.covers(polygons[polygon[inner]], atoms.shapes[atom[inner]])
    polygon, atom, covered = (np.delete(each, rim[beside]) for each in (polygon, atom, covered))
    area = np.where(covered, atoms.area_m2[atom], 0.0)
    real = covered & atoms.real[atom]
    cut = np.flatnonzero(~covered)
    for start in range(0, len(cut), _RUN):
        run = cut[start : start + _RUN]
        area[run], real[run] = _common(polygons[polygon[run]], atom[run], atoms)
        if progress is not None:
            progress(min(start + _RUN, len(cut)) / len(cut))
    whole = covered | ~atoms.real[atom]
    # What is left of an atom from which slivers are taken is what the atom was.
    doubt = cut[real[cut]]
    enough = atoms.area_m2[atom[doubt]] - area[doubt] >= max(atoms.tolerance.area_m2, _NOISE_M2)
    whole[doubt[~enough]] = True
    doubt = doubt[enough]
    if layer is not None:
        doubt = doubt[~_beside_another(layer[polygon[doubt]], atom[doubt])]
    whole[doubt] = _nothing_left(polygons[polygon[doubt]], atom[doubt], atoms)
    kept = area > _NOISE_M2
    return Overlaps(polygon[kept], atom[kept], area[kept], real[kept], whole[kept])


def _common(polygons: m.Geometries, atom: m.Ints, atoms: Atoms) -> tuple[m.Floats, m.Flags]:
    """Return the area that pairs share, and whether it is real."""

    def work(first: int, stop: int) -> tuple[m.Floats, m.Flags]:
        shared = shapely.intersection(atoms.shapes[atom[first:stop]], polygons[first:stop])
        flat = m.to_metres(shared, atoms.metric)
        return shapely.area(flat), is_real(flat, atoms.tolerance)

    area, real = zip(*spread(work, len(atom), worth=_WORTH), strict=True)
    return np.concatenate(area), np.concatenate(real)


def _nothing_left(polygons: m.Geometries, atom: m.Ints, atoms: Atoms) -> m.Flags:
    """Whether what polygons leave of atoms is no more than slivers."""

    def work(first: int, stop: int) -> m.Flags:
        rest = shapely.difference(atoms.shapes[atom[first:stop]], polygons[first:stop])
        return ~is_real(m.to_metres(rest, atoms.metric), atoms.tolerance)

    return np.concatenate(spread(work, len(atom), worth=_WORTH))


def _beside_another(layer: m.Ints, atom: m.Ints) -> m.Flags:
    """Whether another polygon of the same layer has a real part of the same atom: then the first leaves as much."""
    size = np.int64(atom.max(initial=0) + 1)
    _, where, times = np.unique(layer * size + atom, return_inverse=True, return_counts=True)
    return np.asarray((times[where] > 1) & (layer >= 0), dtype=bool)
