"""Cutting the few blocks that a planner's line crosses, without touching the rest of the county."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely

from gridmap.errors import EditRefused
from gridmap.geo.crs import GRID_DEG, round_vertices
from gridmap.grids import mosaic as m
from gridmap.grids.carve import CUT_TOLERANCE_M2, built_on, go_round, held
from gridmap.grids.slivers import absorb, measure

PROLONG_M: Final = 25.0
"""Ours: a line that ends inside a block is led straight on to the block's border when that is no further away."""
OVERSHOOT_M: Final = 0.02
"""Cuts run this far over their ends, so that rounding cannot leave one short of the border; what dangles vanishes."""


@dataclass(frozen=True, eq=False)
class LocalCut:
    """Blocks that come in the place of those a line cut, and of their neighbours whose borders gained vertices.

    Parameters
    ----------
    rows
        Positions of the blocks replaced, ascending; empty where the line cuts none.
    pieces
        The polygons in their place, in degrees on the storage grid.
    source
        For each piece the position of the block it was part of, ascending; each of ``rows`` occurs.
    border
        The border that the cut made, a MultiLineString in degrees.
    """

    rows: m.Ints
    pieces: m.Geometries
    source: m.Ints
    border: shapely.Geometry

    @property
    def cut(self) -> m.Ints:
        """Positions of the blocks that are now several."""
        rows, count = np.unique(self.source, return_counts=True)
        return np.asarray(rows[count > 1], dtype=np.int64)


def cut_locally(
    mosaic: m.Geometries,
    line: shapely.Geometry,
    near: m.Ints,
    *,
    crs: pyproj.CRS,
    footprints: m.Geometries | shapely.STRtree | None = None,
) -> LocalCut:
    """Cut blocks along a line; only the blocks around the line are looked at.

    What lies off a block's border by less than a strip (:mod:`gridmap.grids.slivers`) is not cut off: a line drawn
    roughly along a street cuts nothing there. Where the line ends inside a block, see :data:`PROLONG_M`.

    Parameters
    ----------
    mosaic
        All blocks, in degrees, sharing the vertices of their borders.
    line
        LineString or MultiLineString in degrees.
    near
        Positions of the blocks that may be cut, for example those of one grid; others only gain vertices.
    crs
        The metric CRS to measure in.
    footprints
        Buildings in degrees, or a tree of them (quicker where it is at hand already).

    Raises
    ------
    EditRefused
        ``building_cut`` when the line would cut buildings: ``geometry`` is where, ``allowed`` the line led round them.

    Examples
    --------
    >>> from gridmap.geo.crs import metric_crs
    >>> blocks = np.array([shapely.box(9.50, 47.1, 9.51, 47.11), shapely.box(9.51, 47.1, 9.52, 47.11)])
    >>> line = shapely.LineString([(9.499, 47.104), (9.511, 47.104)])
    >>> found = cut_locally(blocks, line, np.array([0]), crs=metric_crs(9.5, 47.1))
    >>> found.rows.tolist(), found.source.tolist(), found.cut.tolist()
    ([0, 1], [0, 0, 1], [0])
    """
    near = np.unique(np.asarray(near, dtype=np.int64))
    crossed = near[shapely.intersects(mosaic[near], line)]
    lines = _inside(mosaic[crossed], line, crs)
    if len(lines) == 0:
        none = np.empty(0, dtype=np.int64)
        return LocalCut(none, np.empty(0, dtype=object), none, shapely.MultiLineString())
    around = _around(mosaic, crossed)
    pieces, of = m.cut(mosaic[around], lines)
    pieces, of = _settle(pieces, of, np.isin(around, crossed)[of], footprints, crs)
    tree = _tree_near(footprints, lines)
    if tree is not None:
        _refuse_cut_buildings(mosaic[around], pieces, of, tree, crs)
    return _local_cut(mosaic, around, pieces, of)


def sides_of(shapes: m.Geometries, line: shapely.Geometry) -> m.Ints:
    """Return on which side of a line each block lies with most of its area, numbered in order of the first block.

    Parameters
    ----------
    shapes
        Blocks in degrees that hang together, cut by the line already (:func:`cut_locally`).
    line
        As drawn; where it does not cross from border to border, everything is on one side.

    Examples
    --------
    >>> blocks = np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(2, 0, 3, 1)])
    >>> sides_of(blocks, shapely.LineString([(1.01, -1), (1.01, 2)])).tolist()
    [0, 1, 1]
    """
    whole = shapely.coverage_union_all(shapes)
    faces = m.polygonize(np.array([shapely.boundary(whole), line], dtype=object))
    faces = faces[shapely.intersects(whole, shapely.point_on_surface(faces))]
    block, face = shapely.STRtree(faces).query(shapes, predicate="intersects")
    area = shapely.area(shapely.intersection(shapes[block], faces[face]))
    order = np.lexsort((-face, area, block))
    most = np.zeros(len(shapes), dtype=np.int64)
    most[block[order]] = face[order]  # of several, the last written has the largest area
    return m.compact(most)


def _inside(blocks: m.Geometries, line: shapely.Geometry, crs: pyproj.CRS) -> m.Geometries:
    """Return the parts of a line inside each block, prolonged to the border and a little over it, in degrees."""
    if len(blocks) == 0:
        return np.empty(0, dtype=object)
    flat = m.to_metres(blocks, crs)
    drawn = shapely.get_parts(m.to_metres(np.array([line], dtype=object), crs))
    drawn = np.concatenate([drawn, _prolonged(flat, drawn)])
    parts = shapely.get_parts(shapely.intersection(flat[:, None], drawn[None, :]).ravel())
    parts = shapely.get_parts(shapely.line_merge(parts[np.isin(shapely.get_type_id(parts), (1, 5))]))
    parts = parts[(shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 0)]
    overshot = np.array([_overshoot(part) for part in parts], dtype=object)
    lines = round_vertices(m.to_degrees(overshot, crs)) if len(overshot) else overshot
    return np.asarray(lines, dtype=object)


def _prolonged(blocks: m.Geometries, drawn: m.Geometries) -> m.Geometries:
    """Return for each loose end of a line the straight piece that leads on to the border of its block, if short."""
    found = []
    for part in drawn:
        xy = shapely.get_coordinates(part)
        for end, before in ((xy[0], xy[1]), (xy[-1], xy[-2])):
            ahead = (end - before) / max(np.hypot(*(end - before)), 1e-12)
            ray = shapely.LineString([end, end + PROLONG_M * ahead])
            holds = np.flatnonzero(shapely.contains_properly(blocks, shapely.Point(end)))
            for block in holds.tolist():
                first = shapely.get_parts(shapely.intersection(ray, blocks[block]))[0]
                if first.length < PROLONG_M - 1e-6:
                    found.append(first)
    return np.array(found, dtype=object)


def _overshoot(part: shapely.LineString) -> shapely.LineString:
    xy = shapely.get_coordinates(part)
    first, last = xy[0] - xy[1], xy[-1] - xy[-2]
    head = xy[0] + first / max(np.hypot(*first), 1e-12) * OVERSHOOT_M
    tail = xy[-1] + last / max(np.hypot(*last), 1e-12) * OVERSHOOT_M
    return shapely.LineString(np.vstack([head, xy, tail]))


def _around(mosaic: m.Geometries, crossed: m.Ints) -> m.Ints:
    """Return the positions of the crossed blocks and of all that touch them."""
    bounds = shapely.bounds(mosaic)
    reach = 10 * GRID_DEG
    west, south = bounds[crossed, :2].min(axis=0) - reach
    east, north = bounds[crossed, 2:].max(axis=0) + reach
    boxed = (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    rows = np.flatnonzero(boxed)
    touching = shapely.STRtree(mosaic[crossed]).query(mosaic[rows], predicate="intersects")[0]
    return np.asarray(rows[np.unique(touching)], dtype=np.int64)


def _settle(
    pieces: m.Geometries,
    of: m.Ints,
    open_to_cuts: m.Flags,
    footprints: m.Geometries | shapely.STRtree | None,
    crs: pyproj.CRS,
) -> tuple[m.Geometries, m.Ints]:
    """Join trifles to their own block, and what was cut beside the blocks that may be cut."""
    whole = np.bincount(of)[of] == 1
    tree = _tree_near(footprints, pieces[~whole])
    built = np.zeros(len(pieces), dtype=bool) if tree is None else built_on(pieces, tree.geometries)
    known = measure(pieces, crs, np.zeros(len(pieces), dtype=bool), whole | built, of)
    label, _ = absorb(known, m.adjacency(pieces, crs))
    label = m.compact(np.where(open_to_cuts, label, len(pieces) + of))
    _, first = np.unique(label, return_index=True)
    return m.join(pieces, label), of[first]


def _tree_near(footprints: m.Geometries | shapely.STRtree | None, places: m.Geometries) -> shapely.STRtree | None:
    """Return a tree of the parts of buildings that touch some places, ``None`` where there are none."""
    if footprints is None or len(places) == 0:
        return None
    tree = footprints if isinstance(footprints, shapely.STRtree) else shapely.STRtree(footprints)
    found = np.unique(tree.query(places, predicate="intersects")[1])
    return shapely.STRtree(shapely.get_parts(tree.geometries[found])) if len(found) else None


def _spill(mosaic: m.Geometries, footprints: m.Geometries, crs: pyproj.CRS) -> m.Floats:
    """Return how many m² of each footprint lie outside of the polygon that holds most of it."""
    footprint, _, area = held(mosaic, footprints, crs)
    total = np.bincount(footprint, weights=area, minlength=len(footprints))
    most = np.zeros(len(footprints))
    np.maximum.at(most, footprint, area)
    return np.asarray(total - most)


def _refuse_cut_buildings(
    before: m.Geometries, pieces: m.Geometries, of: m.Ints, tree: shapely.STRtree, crs: pyproj.CRS
) -> None:
    footprints = np.asarray(tree.geometries, dtype=object)
    cut = np.flatnonzero(_spill(pieces, footprints, crs) > _spill(before, footprints, crs) + CUT_TOLERANCE_M2)
    if len(cut) == 0:
        return
    dry = np.zeros(len(pieces), dtype=bool)
    carved = go_round(pieces, dry, of, footprints, crs)
    led = _border(carved.mosaic, of[carved.source])
    crossing = shapely.union_all(shapely.intersection(footprints[cut], _border(pieces, of)))
    place = shapely.point_on_surface(footprints[cut[0]])
    others = f" and {len(cut) - 1} more" if len(cut) > 1 else ""
    way = "the line led round, in `allowed`, cuts none" if not led.is_empty else "no line near by leads round"
    raise EditRefused(
        f"the line would cut the building at ({place.x:.6f}, {place.y:.6f}){others}; {way}",
        rule="building_cut",
        geometry=crossing,
        allowed=() if led.is_empty else (led,),
    )


def _border(pieces: m.Geometries, of: m.Ints) -> shapely.Geometry:
    """Return the border between pieces of the same block, in degrees."""
    lines = []
    for block in np.flatnonzero(np.bincount(of) > 1).tolist():
        own = pieces[of == block]
        edges = shapely.boundary(own)
        i, j = np.triu_indices(len(own), 1)
        shared = shapely.get_parts(shapely.get_parts(shapely.intersection(edges[i], edges[j])))
        lines.append(shared[shapely.length(shared) > 0])
    parts = [part for shared in lines for part in shared]
    merged = shapely.line_merge(shapely.MultiLineString(parts))
    return shapely.MultiLineString(list(shapely.get_parts(merged)))


def _local_cut(mosaic: m.Geometries, around: m.Ints, pieces: m.Geometries, of: m.Ints) -> LocalCut:
    count = np.bincount(of, minlength=len(around))
    corners = np.bincount(of, weights=shapely.get_num_coordinates(pieces), minlength=len(around))
    changed = (count > 1) | (corners != shapely.get_num_coordinates(mosaic[around]))
    if not (count > 1).any():
        changed[:] = False
    kept = changed[of]
    return LocalCut(around[changed], pieces[kept], around[of[kept]], _border(pieces, of))
