"""The common ground of two plans: pieces, each in one grid of the old plan and one of the new.

Where both plans carry blocks, the blocks that are the same in both (same number, same geometry) are pieces as they
are, and only the others are overlaid. Else the layers of each level are overlaid themselves, over whatever says
where the households live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from gridmap.geo.crs import metric_crs
from gridmap.grids import mosaic as m
from gridmap.grids.nesting import valid_polygons

NOTHING_M2: Final = 0.01
"""Ground smaller than this is what overlays round: the storage grid is a millimetre wide."""

_DEGREE: Final = 4
_SQUARE_DEG: Final = 1e-3
_WIDE_DEG: Final = 0.003
_NOTHING_DEG2: Final = 1e-12


@dataclass(frozen=True, eq=False)
class AreaScale:
    """Square metres of the metric CRS to a square degree, as a smooth function of the place.

    Polygons of degrees are measured in degrees, where their edges are straight, and scaled at their middle: the same
    as projecting every vertex to some millionths, in a fraction of the time.
    """

    box: tuple[float, float, float, float]
    coefficients: NDArray[np.float64]

    @classmethod
    def about(cls, bounds: Any) -> AreaScale:
        """Return the scale for a box (west, south, east, north) in degrees, from squares that are projected."""
        west, south, east, north = (float(value) for value in bounds)
        crs = metric_crs((west + east) / 2, (south + north) / 2)
        u, v = (axis.ravel() for axis in np.meshgrid(*[chebyshev.chebpts1(_DEGREE + 2)] * 2))
        lon, lat = (west + east + u * (east - west)) / 2, (south + north + v * (north - south)) / 2
        half = _SQUARE_DEG / 2
        squares = shapely.box(lon - half, lat - half, lon + half, lat + half)
        density = shapely.area(m.to_metres(squares, crs)) / _SQUARE_DEG**2
        terms = chebyshev.chebvander2d(u, v, [_DEGREE, _DEGREE])
        found = np.linalg.lstsq(terms, density, rcond=None)[0]
        return cls((west, south, east, north), found.reshape(_DEGREE + 1, _DEGREE + 1))

    def areas_m2(self, polygons: m.Geometries) -> m.Floats:
        """Return the areas of polygons in degrees; of empty ones 0."""
        west, south, east, north = self.box
        area = np.asarray(shapely.area(polygons), dtype=np.float64)
        boxes = shapely.bounds(polygons)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        # The middle of the box will do for a block, and is had sooner.
        wide = np.flatnonzero((boxes[:, 2:] - boxes[:, :2]).max(axis=1) > _WIDE_DEG)
        middle[wide] = shapely.get_coordinates(shapely.centroid(polygons[wide]))
        u = (2 * middle[:, 0] - west - east) / max(east - west, 1e-12)
        v = (2 * middle[:, 1] - south - north) / max(north - south, 1e-12)
        return np.where(area > 0, area * chebyshev.chebval2d(u, v, self.coefficients), 0.0)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of ground.

    Parameters
    ----------
    old, new
        Position of the old and of the new polygon that each is part of, -1 for none.
    area_m2, households
        Of each. Households of a block that lies in several pieces are shared out by area.
    """

    old: m.Ints
    new: m.Ints
    area_m2: m.Floats
    households: m.Floats


@dataclass(frozen=True, eq=False)
class Cut:
    """Two sets of polygons laid over each other: pieces with the positions they come from (-1 none)."""

    a: m.Ints
    b: m.Ints
    geometry: m.Geometries


def overlay(a: m.Geometries, b: m.Geometries) -> Cut:
    """Return what two sets of valid polygons have in common, and what is left over of either."""
    i, j, common = _common(a, b)
    rest_a, left_a = _left_over(a, i, common)
    rest_b, left_b = _left_over(b, j, common)
    none = np.int64(-1)
    return Cut(
        np.concatenate([i, rest_a, np.full(len(rest_b), none)]),
        np.concatenate([j, np.full(len(rest_a), none), rest_b]),
        np.concatenate([common, left_a, left_b]),
    )


def _common(a: m.Geometries, b: m.Geometries) -> tuple[m.Ints, m.Ints, m.Geometries]:
    i, j = shapely.STRtree(b).query(a)
    shapely.prepare(b)
    within = shapely.covers(b[j], a[i])
    whole = np.zeros(len(a), dtype=bool)
    whole[i[within]] = True
    # what lies in one polygon has nothing in common with its neighbours
    kept = within | ~whole[i]
    i, j, within = i[kept].astype(np.int64), j[kept].astype(np.int64), within[kept]
    common = np.empty(len(i), dtype=object)
    common[within] = a[i[within]]
    common[~within] = shapely.intersection(a[i[~within]], b[j[~within]])
    some = shapely.area(common) > _NOTHING_DEG2
    return i[some], j[some], common[some]


def _left_over(polygons: m.Geometries, at: m.Ints, common: m.Geometries) -> tuple[m.Ints, m.Geometries]:
    """Return what the common pieces leave of polygons; ``at`` says which polygon each is of."""
    covered = np.bincount(at, weights=shapely.area(common), minlength=len(polygons))
    open_ = np.flatnonzero(shapely.area(polygons) - covered > _NOTHING_DEG2)
    untouched = covered[open_] == 0
    left = polygons[open_].copy()
    for row in np.flatnonzero(~untouched):
        left[row] = shapely.difference(left[row], shapely.union_all(common[at == open_[row]]))
    some = shapely.area(left) > _NOTHING_DEG2
    return open_[some], left[some]


def block_pieces(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> Pieces:
    """Return the pieces that the blocks of two plans make; positions are rows of the two tables."""
    before, after = _shapes(old), _shapes(new)
    scale = AreaScale.about(_bounds(before, after))
    twin = _same_blocks(old, new, before, after)
    same = np.flatnonzero(twin >= 0)
    homes = _homes(new)[same]
    homes = np.where(np.isnan(homes), _homes(old)[twin[same]], homes)
    kept = Pieces(twin[same], same, scale.areas_m2(after[same]), np.nan_to_num(homes))
    left = np.ones(len(old), dtype=bool)
    left[twin[same]] = False
    rest_old, rest_new = np.flatnonzero(left), np.flatnonzero(twin < 0)
    if len(rest_old) == 0 and len(rest_new) == 0:
        return kept
    cut = overlay(valid_polygons(before[rest_old]), valid_polygons(after[rest_new]))
    parts = _shared_homes(cut, rest_old, rest_new, (old, new), scale)
    return _joined(kept, parts)


def _same_blocks(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, before: m.Geometries, after: m.Geometries) -> m.Ints:
    """Return for each new block the row of the old one with its number and its geometry, -1 for none."""
    numbers = (old["block"].to_numpy(), new["block"].to_numpy())
    if np.array_equal(*numbers):
        twin = np.arange(len(new), dtype=np.int64)
    else:
        index = pd.Index(numbers[0])
        if not (index.is_unique and pd.Index(numbers[1]).is_unique):
            return np.full(len(new), -1, dtype=np.int64)
        twin = index.get_indexer(numbers[1]).astype(np.int64)
    known = np.flatnonzero(twin >= 0)
    other = known[~shapely.equals_identical(before[twin[known]], after[known])]
    twin[other] = -1
    return twin


def _shared_homes(
    cut: Cut, rest_old: m.Ints, rest_new: m.Ints, blocks: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame], scale: AreaScale
) -> Pieces:
    """Return pieces of blocks that differ; households are those of the smaller of a piece's two blocks, by area."""
    area = scale.areas_m2(cut.geometry)
    sides = []
    for at, rows, table in ((cut.a, rest_old, blocks[0]), (cut.b, rest_new, blocks[1])):
        whole = np.append(scale.areas_m2(_shapes(table)[rows]), np.inf)[at]
        homes = np.append(_homes(table)[rows], 0.0)[at]
        sides.append((np.where(np.isnan(homes), np.inf, whole), np.nan_to_num(homes)))
    (size_a, homes_a), (size_b, homes_b) = sides
    homes, whole = np.where(size_a < size_b, homes_a, homes_b), np.minimum(size_a, size_b)
    old, new = (
        np.where(at >= 0, rows[at], -1) if len(rows) else at for at, rows in ((cut.a, rest_old), (cut.b, rest_new))
    )
    return Pieces(old, new, area, homes * area / whole)


def layer_pieces(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, weights: gpd.GeoDataFrame | None = None) -> Pieces:
    """Return the pieces that two layers of grids make; positions are rows of the two layers.

    Households are spread evenly over each of the polygons of ``weights``, by default over the new grids and, where
    there is none, over the old.
    """
    before, after = valid_polygons(_shapes(old)), valid_polygons(_shapes(new))
    if weights is None:
        scale = AreaScale.about(_bounds(before, after))
        cut = overlay(before, after)
        area = scale.areas_m2(cut.geometry)
        there = np.where(cut.b >= 0, _density(new, after, scale)[cut.b], _density(old, before, scale)[cut.a])
        return Pieces(cut.a, cut.b, area, there * area)
    ground = valid_polygons(_shapes(weights))
    scale = AreaScale.about(_bounds(ground, before, after))
    first = overlay(ground, before)
    second = overlay(first.geometry, after)
    weight, at = (np.append(rows, -1)[second.a] for rows in (first.a, first.b))
    area = scale.areas_m2(second.geometry)
    some = (at >= 0) | (second.b >= 0)
    homes = _density(weights, ground, scale)[weight] * area
    return Pieces(at[some], second.b[some], area[some], homes[some])


def _density(layer: gpd.GeoDataFrame, shapes: m.Geometries, scale: AreaScale) -> m.Floats:
    """Return households to a square metre of each polygon, and 0 at the end for position -1."""
    return np.append(np.nan_to_num(_homes(layer)) / np.maximum(scale.areas_m2(shapes), NOTHING_M2), 0.0)


def _joined(a: Pieces, b: Pieces) -> Pieces:
    return Pieces(
        np.concatenate([a.old, b.old]),
        np.concatenate([a.new, b.new]),
        np.concatenate([a.area_m2, b.area_m2]),
        np.concatenate([a.households, b.households]),
    )


def _shapes(layer: gpd.GeoDataFrame) -> m.Geometries:
    return np.asarray(layer.geometry.values, dtype=object)


def _homes(layer: gpd.GeoDataFrame) -> m.Floats:
    return np.asarray(layer["households"], dtype=np.float64)


def _bounds(*shapes: m.Geometries) -> NDArray[np.float64]:
    every = np.concatenate(shapes)
    box = np.asarray(shapely.total_bounds(every)) if len(every) else np.full(4, np.nan)
    # where there is nothing, any place will do
    return box if np.isfinite(box).all() else np.array([0.0, 0.0, 1.0, 1.0])
