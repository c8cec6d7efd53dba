"""Borders that would run through buildings go round them: the building goes whole to the side that holds most of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.geo.crs import GRID_DEG
from gridmap.grids import mosaic as m
from gridmap.grids.slivers import absorb, measure

CUT_TOLERANCE_M2: Final = 0.25
"""Ours: a building is cut when more of it than this lies on other sides than the one that holds most of it, and two
footprints overlap when they share more than this; below it, they touch (a wall drawn 1 cm off over 25 m)."""


@dataclass(frozen=True, eq=False)
class Carved:
    """A mosaic in which no border runs through a building.

    Parameters
    ----------
    mosaic, water, unit
        The pieces; ``unit`` is what was passed in, per piece.
    source
        Position of the polygon of the old mosaic that each piece is, but for buildings given and taken.
    moved
        Positions of the buildings that borders were led around.
    moved_from, moved_to
        For each of them the old polygon that held the second most of it, and the one it went to.
    """

    mosaic: m.Geometries
    water: m.Flags
    unit: m.Ints
    source: m.Ints
    moved: m.Ints
    moved_from: m.Ints
    moved_to: m.Ints


@dataclass(frozen=True, eq=False)
class _Clusters:
    """Overlapping footprints as one outline each, the polygon each goes to, and the buildings in each."""

    outlines: m.Geometries
    goal: m.Ints
    second: m.Ints
    building: m.Ints
    building_cluster: m.Ints


def go_round(mosaic: m.Geometries, water: m.Flags, unit: m.Ints, footprints: m.Geometries, crs: pyproj.CRS) -> Carved:
    """Lead the borders of a mosaic round the footprints they cut, exactly.

    Overlapping footprints are one building, its courtyards included. A building that stands partly in water goes to
    the land. What a building cuts off from a polygon is a polygon of its own, or joins a neighbour of its unit where
    it is a trifle (:mod:`gridmap.grids.slivers`).

    Parameters
    ----------
    mosaic
        Polygons in degrees that tile a territory.
    water, unit
        Per polygon: whether it is water; the given unit it lies in (0 where there are none).
    footprints
        Polygons or MultiPolygons in degrees; they may lie outside of the territory.
    crs
        The metric CRS to measure in.
    """
    clusters = _clusters(mosaic, water, footprints, crs) if len(footprints) else None
    if clusters is None or len(clusters.goal) == 0:
        none = np.empty(0, dtype=np.int64)
        return Carved(mosaic, water, unit, np.arange(len(mosaic)), none, none, none)
    pieces, source = m.cut(mosaic, shapely.boundary(clusters.outlines))
    within = m.owner_of(shapely.point_on_surface(pieces), clusters.outlines)
    label = np.where(within >= 0, clusters.goal[within], source)
    joined = _rejoin(pieces, label, source, _Polygons(water, unit), footprints, crs)
    moved, of = clusters.building, clusters.building_cluster
    return Carved(*joined, moved, clusters.second[of], clusters.goal[of])


@dataclass(frozen=True, eq=False)
class _Polygons:
    """What is known of the polygons before carving."""

    water: m.Flags
    unit: m.Ints


def _rejoin(
    pieces: m.Geometries, label: m.Ints, source: m.Ints, old: _Polygons, footprints: m.Geometries, crs: pyproj.CRS
) -> tuple[m.Geometries, m.Flags, m.Ints, m.Ints]:
    """Join pieces that go to one polygon and hang together; give trifles that were cut off to a neighbour."""
    water, unit = old.water, old.unit
    part = m.components(len(pieces), m.adjacency(pieces, crs), label)
    _, first = np.unique(part, return_index=True)
    owner = label[first]
    parts = m.join(pieces, part)
    whole = np.ones(len(water), dtype=bool)  # polygons that nothing was taken from or given to
    whole[source[label != source]] = whole[label[label != source]] = False
    whole &= np.bincount(owner, minlength=len(water)) == 1
    known = measure(parts, crs, water[owner], whole[owner] | built_on(parts, footprints), unit[owner])
    final, final_water = absorb(known, m.adjacency(parts, crs))
    by_size = np.lexsort((-known.area_m2, final))
    head = owner[by_size[np.searchsorted(final[by_size], np.arange(final.max() + 1))]]
    return m.join(parts, final), final_water, unit[head], head


def built_on(mosaic: m.Geometries, footprints: m.Geometries) -> m.Flags:
    """Return which polygons hold the representative point of a building."""
    flags = np.zeros(len(mosaic), dtype=bool)
    owner = m.owner_of(shapely.point_on_surface(footprints), mosaic)
    flags[owner[owner >= 0]] = True
    return flags


def _clusters(mosaic: m.Geometries, water: m.Flags, footprints: m.Geometries, crs: pyproj.CRS) -> _Clusters:
    parts, building = shapely.get_parts(footprints, return_index=True)
    cut_part = _straddling(mosaic, parts, crs)
    member, cluster = _overlapping(parts, cut_part, crs)
    order = np.argsort(cluster, kind="stable")
    groups = np.split(member[order], np.flatnonzero(np.diff(cluster[order])) + 1) if len(member) else []
    outlines = np.array([_outline(parts[group]) for group in groups], dtype=object)
    goal, second = _allot(mosaic, water, outlines, crs)
    moved = np.isin(member, cut_part)
    return _Clusters(outlines, goal, second, building[member[moved]], cluster[moved])


def _outline(footprints: m.Geometries) -> shapely.Polygon:
    union = footprints[0] if len(footprints) == 1 else shapely.union_all(footprints, grid_size=GRID_DEG)
    parts = shapely.get_parts(union)
    return shapely.Polygon(parts[np.argmax(shapely.area(parts))].exterior)


def held(mosaic: m.Geometries, footprints: m.Geometries, crs: pyproj.CRS) -> tuple[m.Ints, m.Ints, m.Floats]:
    """Return (footprint, polygon, area in m²) for each pair that overlaps, sorted."""
    footprint, polygon = shapely.STRtree(mosaic).query(footprints, predicate="intersects")
    order = np.lexsort((polygon, footprint))
    footprint, polygon = footprint[order], polygon[order]
    many = np.bincount(footprint, minlength=len(footprints))[footprint] > 1
    area = shapely.area(m.to_metres(footprints, crs))[footprint]
    common = shapely.intersection(footprints[footprint[many]], mosaic[polygon[many]])
    area[many] = shapely.area(m.to_metres(common, crs))
    return footprint, polygon, area


def _straddling(mosaic: m.Geometries, footprints: m.Geometries, crs: pyproj.CRS) -> m.Ints:
    """Return the footprints of which more than the tolerance lies outside of the polygon that holds most."""
    footprint, _, area = held(mosaic, footprints, crs)
    total = np.bincount(footprint, weights=area, minlength=len(footprints))
    most = np.zeros(len(footprints))
    np.maximum.at(most, footprint, area)
    return np.flatnonzero(total - most > CUT_TOLERANCE_M2)


def _overlapping(footprints: m.Geometries, chosen: m.Ints, crs: pyproj.CRS) -> tuple[m.Ints, m.Ints]:
    """Return the chosen footprints and all that overlap them, directly or through others, with cluster numbers."""
    a, b = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    a, b = a[a < b], b[a < b]
    common = m.to_metres(shapely.intersection(footprints[a], footprints[b]), crs)
    joined = shapely.area(common) > CUT_TOLERANCE_M2
    ones = np.ones(int(joined.sum()), dtype=np.int8)
    graph = coo_array((ones, (a[joined], b[joined])), shape=(len(footprints), len(footprints)))
    _, group = connected_components(graph, directed=False)
    member = np.flatnonzero(np.isin(group, group[chosen]))
    return member, m.compact(group[member].astype(np.int64))


def _allot(mosaic: m.Geometries, water: m.Flags, outlines: m.Geometries, crs: pyproj.CRS) -> tuple[m.Ints, m.Ints]:
    """Return for each outline the polygon it goes to (most of it, land first) and the one with the second most."""
    outline, polygon, area = held(mosaic, outlines, crs)
    solid = ~water[polygon] & (area > CUT_TOLERANCE_M2)
    order = np.lexsort((polygon, -area, ~solid, outline))
    outline, polygon = outline[order], polygon[order]
    start = np.searchsorted(outline, np.arange(len(outlines)))
    following = np.minimum(start + 1, len(outline) - 1)
    second = np.where(outline[following] == np.arange(len(outlines)), polygon[following], polygon[start])
    return polygon[start], second
