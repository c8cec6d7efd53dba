"""Cutting blocks by given borders, and settling what no given unit covers or two do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.errors import LayerError
from gridmap.grids import mosaic as m
from gridmap.grids.banks import split_water
from gridmap.grids.carve import built_on
from gridmap.grids.slivers import absorb, measure
from gridmap.grids.units import Units

SEAM_AREA_M2: Final = 500.0
SEAM_WIDTH_M: Final = 5.0
"""Ours: what no given unit covers, or two cover, is a seam between borders drawn apart when its area or its mean width
(2 · area ÷ perimeter) is below these, and is settled with a note; official layers of two cities held hundreds of such
seams, none wider than 1 m. Anything larger on land is an error that names the place."""


@dataclass(frozen=True, eq=False)
class CutBlocks:
    """Blocks cut by the borders of given units.

    Parameters
    ----------
    mosaic, water
        The pieces.
    unit
        Per piece the position of its unit.
    households, residents
        What the pieces hold when the blocks' numbers are shared out by area.
    notes
        What was settled, in sentences.
    """

    mosaic: m.Geometries
    water: m.Flags
    unit: m.Ints
    households: m.Floats
    residents: m.Floats
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Pieces:
    mosaic: m.Geometries
    source: m.Ints
    unit: m.Ints
    notes: tuple[str, ...]


def cut_by_units(blocks: gpd.GeoDataFrame, units: Units, footprints: m.Geometries, crs: pyproj.CRS) -> CutBlocks:
    """Cut blocks along the borders of units; slivers go to a neighbour inside the same unit.

    Raises
    ------
    LayerError
        When land lies in no unit or in two, over more than a seam.
    """
    water = blocks["water"].to_numpy(dtype=bool)
    pieces, source = m.cut(np.asarray(blocks.geometry.values, dtype=object), shapely.boundary(units.shapes))
    unit = m.owner_of(shapely.point_on_surface(pieces), units.shapes)
    notes = _check_overlaps(pieces, units, crs)
    settled = _settle(_Pieces(pieces, source, unit, notes), water, units, crs)
    pieces, source, unit = settled.mosaic, settled.source, settled.unit
    cut = np.bincount(source, minlength=len(blocks))[source] > 1
    known = measure(pieces, crs, water[source], ~cut | built_on(pieces, footprints), unit)
    label, wet = absorb(known, m.adjacency(pieces, crs))
    joined_unit = np.zeros(len(wet), dtype=np.int64)
    joined_unit[label] = unit
    share = known.area_m2 / np.bincount(source, weights=known.area_m2, minlength=len(blocks))[source]
    households, residents = (
        np.bincount(label, weights=blocks[column].to_numpy(dtype=np.float64)[source] * share).astype(np.float64)
        for column in ("households", "residents")
    )
    return CutBlocks(m.join(pieces, label), wet, joined_unit, households, residents, settled.notes)


def _check_overlaps(pieces: m.Geometries, units: Units, crs: pyproj.CRS) -> tuple[str, ...]:
    """Refuse land in two units, but for seams, which the lower code gets."""
    piece, unit = shapely.STRtree(units.shapes).query(shapely.point_on_surface(pieces), predicate="intersects")
    double = np.flatnonzero(np.bincount(piece, minlength=len(pieces)) > 1)
    if len(double) == 0:
        return ()
    area = _refuse_wide(
        pieces[double],
        crs,
        lambda at: (
            f"{' and '.join(units.codes[j] for j in sorted(unit[piece == double[at]]))} of {units.level!r} overlap"
        ),
    )
    return (f"{units.level}: overlaps of {area:.1f} m² in all went to the lower code",)


def _refuse_wide(pieces: m.Geometries, crs: pyproj.CRS, what: Callable[[int], str]) -> float:
    """Raise when connected pieces make more than a seam; return their total area in m²."""
    group = m.components(len(pieces), m.adjacency(pieces, crs), np.zeros(len(pieces), dtype=np.int64))
    metric = m.to_metres(m.join(pieces, group), crs)
    area, perimeter = shapely.area(metric), shapely.length(metric)
    wide = (area >= SEAM_AREA_M2) & (2 * area >= SEAM_WIDTH_M * perimeter)
    if wide.any():
        worst = int(np.argmax(np.where(wide, area, 0.0)))
        at = int(np.flatnonzero(group == worst)[0])
        place = shapely.point_on_surface(pieces[at])
        raise LayerError(
            f"{what(at)} over {area[worst]:,.0f} m² at ({place.x:.5f}, {place.y:.5f}), and {int(wide.sum()) - 1} more "
            f"such places; allowed: seams under {SEAM_AREA_M2:g} m² or {SEAM_WIDTH_M:g} m. Mend the given layer first"
        )
    return float(area.sum())


def _settle(pieces: _Pieces, water: m.Flags, units: Units, crs: pyproj.CRS) -> _Pieces:
    """Give what lies in no unit to one: seams by their longest border, water by its banks."""
    open_land = np.flatnonzero((pieces.unit < 0) & ~water[pieces.source])
    notes = list(pieces.notes)
    unit = pieces.unit.copy()
    if len(open_land):
        area = _refuse_wide(pieces.mosaic[open_land], crs, lambda _: f"no unit of {units.level!r} covers the boundary")
        notes.append(f"{units.level}: seams of {area:.1f} m² in all that no unit covers went to a neighbour")
        unit = _by_longest_border(pieces.mosaic, unit, open_land, crs)
    open_water = unit < 0
    if not open_water.any():
        return _Pieces(pieces.mosaic, pieces.source, unit, tuple(notes))
    area = float(shapely.area(m.to_metres(pieces.mosaic[open_water], crs)).sum())
    notes.append(f"{units.level}: {area:,.0f} m² of water in no unit were split between the units on its banks")
    everywhere = np.zeros(len(unit), dtype=np.int64)
    mosaic, part_of, unit = split_water(pieces.mosaic, open_water, unit, everywhere, crs)
    return _Pieces(mosaic, pieces.source[part_of], unit, tuple(notes))


def _by_longest_border(mosaic: m.Geometries, unit: m.Ints, open_land: m.Ints, crs: pyproj.CRS) -> m.Ints:
    """Give pieces, from the outside in, to the unit with which they share most of their border."""
    near = m.adjacency(mosaic, crs)
    here = np.concatenate([near.a, near.b])
    there = np.concatenate([near.b, near.a])
    length = np.concatenate([near.length_m, near.length_m])
    waiting = np.zeros(len(mosaic), dtype=bool)
    waiting[open_land] = True
    while waiting.any():
        usable = waiting[here] & (unit[there] >= 0)
        if not usable.any():
            unit[waiting] = _nearest_unit(mosaic, unit, np.flatnonzero(waiting), crs)
            break
        key, where = np.unique(here[usable] * np.int64(unit.max() + 1) + unit[there[usable]], return_inverse=True)
        piece, candidate = np.divmod(key, np.int64(unit.max() + 1))
        order = np.lexsort((-candidate, np.bincount(where, weights=length[usable]), piece))
        unit[piece[order]] = candidate[order]  # of several, the last written has the longest border
        waiting[piece] = False
    return unit


def _nearest_unit(mosaic: m.Geometries, unit: m.Ints, lonely: m.Ints, crs: pyproj.CRS) -> m.Ints:
    settled = np.flatnonzero(unit >= 0)
    tree = shapely.STRtree(m.to_metres(mosaic[settled], crs))
    asked, near = tree.query_nearest(m.to_metres(mosaic[lonely], crs))
    order = np.lexsort((-near, asked))
    goal = np.empty(len(lonely), dtype=np.int64)
    goal[asked[order]] = unit[settled[near[order]]]
    return goal
