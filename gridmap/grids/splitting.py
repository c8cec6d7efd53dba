"""Blocks too heavy for one grid are cut: between their buildings where those are known, else straight across.

A block is halved again and again across its longer axis, so that pieces stay compact; the cut lies where the households
on both sides have the wanted ratio, moved into the widest gap between buildings near by. What a cut still touches it
goes round (:mod:`gridmap.grids.carve`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.geo.crs import metric_crs_of, round_vertices
from gridmap.grids import mosaic as m
from gridmap.grids.blocks import blocks_frame
from gridmap.grids.carve import built_on, go_round
from gridmap.grids.slivers import absorb, measure
from gridmap.grids.weights import BlockSources, sources_of

LEAST_WIDTH_M: Final = 20.0
"""No cut leaves a piece narrower than this (issue: planner's engine)."""
GAP_WINDOW: Final = 0.12
"""How far from the wanted share, as part of the households, a cut may move to find a gap between buildings."""
OVERSHOOT_M: Final = 0.02
"""Cuts run this far over their ends, so that rounding cannot leave one short of the border; what dangles vanishes."""
LATTICE_POINTS: Final = 48
"""Points a piece that stand for its households where no buildings are known."""


@dataclass(frozen=True, eq=False)
class Load:
    """What lies on one block: points with households, and for buildings their corners."""

    xy: m.Floats
    weight: m.Floats
    corner_xy: m.Floats
    corner_of: m.Ints


def split_heavy(
    blocks: gpd.GeoDataFrame, pieces: m.Ints, unit: m.Ints, *, singly: bool = False
) -> tuple[gpd.GeoDataFrame, m.Ints]:
    """Cut blocks into about so many pieces of equal households each.

    Parameters
    ----------
    blocks
        As from :func:`gridmap.grids.blocks.make_blocks`, their sources with them.
    pieces
        How many pieces of each block; 1 leaves it as it is. Fewer come out where it is too narrow or a building
        cannot be divided.
    unit
        Pieces of different units are never joined, nor buildings moved between them if it can be helped.
    singly
        Cut down to single buildings where they are known.

    Returns
    -------
    (blocks, source)
        The blocks with their households counted anew, and the row each was part of.
    """
    metric = metric_crs_of(blocks)
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    water = blocks["water"].to_numpy(bool)
    heavy = np.flatnonzero((pieces > 1) & ~water)
    if len(heavy) == 0:
        return blocks, np.arange(len(blocks))
    shapes = m.to_metres(mosaic[heavy], metric)
    loads = _loads(
        mosaic[heavy], shapes, blocks["households"].to_numpy()[heavy], pieces[heavy], _sources(blocks), metric
    )
    lines = []
    for shape, load, count in zip(shapes, loads, pieces[heavy].tolist(), strict=True):
        most = len(load.weight) if singly and len(load.corner_of) else count
        lines += _cuts(shape, load, min(count, most) if not singly else most, 0)
    if not lines:
        return blocks, np.arange(len(blocks))
    cuts = round_vertices(m.to_degrees(np.array(lines, dtype=object), metric))
    return cut_along(blocks, np.asarray(cuts, dtype=object), unit)


def _sources(blocks: gpd.GeoDataFrame) -> BlockSources:
    return sources_of(blocks) or BlockSources(None, None, blocks.iloc[:0])


def cut_along(blocks: gpd.GeoDataFrame, lines: m.Geometries, unit: m.Ints) -> tuple[gpd.GeoDataFrame, m.Ints]:
    """Cut along lines in degrees, lead the cuts round buildings, join what is too small, count households anew.

    Returns
    -------
    (blocks, source)
        As :func:`split_heavy`.
    """
    sources = _sources(blocks)
    metric = metric_crs_of(blocks)
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    water = blocks["water"].to_numpy(bool)
    pieces, source = m.cut(mosaic, lines)
    footprints = np.empty(0, dtype=object)
    if sources.buildings is not None:
        footprints = np.asarray(sources.buildings.geometry.values, dtype=object)
    # Trifles are joined inside their own block, so that no block loses its border.
    whole = np.bincount(source, minlength=len(blocks))[source] == 1
    known = measure(pieces, metric, water[source], whole | built_on(pieces, footprints), source)
    label, _ = absorb(known, m.adjacency(pieces, metric))
    _, first = np.unique(label, return_index=True)
    pieces, source = m.join(pieces, label), source[first]
    if len(footprints):
        carved = go_round(pieces, water[source], unit[source], footprints, metric)
        pieces, source = carved.mosaic, source[carved.source]
    if sources.buildings is None and sources.weights is None:
        return _by_area(blocks, pieces, source), source
    frame = blocks_frame(pieces, water[source], sources, blocks.crs, unit[source])
    return _with_columns(frame, blocks, source), source


def _by_area(blocks: gpd.GeoDataFrame, pieces: m.Geometries, source: m.Ints) -> gpd.GeoDataFrame:
    """Share out the households of blocks whose sources are unknown by area."""
    area = shapely.area(m.to_metres(pieces, metric_crs_of(blocks)))
    share = area / np.bincount(source, weights=area)[source]
    frame = gpd.GeoDataFrame(
        {
            "block": np.arange(len(pieces)),
            "households": blocks["households"].to_numpy()[source] * share,
            "residents": blocks["residents"].to_numpy()[source] * share,
            "water": blocks["water"].to_numpy(bool)[source],
        },
        geometry=pieces,
        crs=blocks.crs,
    )
    return _with_columns(frame, blocks, source)


def _with_columns(frame: gpd.GeoDataFrame, blocks: gpd.GeoDataFrame, source: m.Ints) -> gpd.GeoDataFrame:
    for column in blocks.columns.difference(frame.columns):
        frame[column] = blocks[column].to_numpy()[source]
    frame.attrs.update(blocks.attrs)
    return frame


def _loads(
    mosaic: m.Geometries,
    shapes: m.Geometries,
    households: m.Floats,
    pieces: m.Ints,
    sources: BlockSources,
    metric: pyproj.CRS,
) -> list[Load]:
    """Return what lies on each block: its buildings, or points of a lattice that carry its households."""
    if sources.buildings is not None and len(sources.buildings):
        return _building_loads(mosaic, sources.buildings, metric)
    lattices = [_lattice(shape, count) for shape, count in zip(shapes, pieces.tolist(), strict=True)]
    count = np.array([len(xy) for xy in lattices])
    weight = np.repeat(households / np.maximum(count, 1), count)
    if sources.weights is not None:
        cells = m.to_metres(np.asarray(sources.weights.geometry.values, dtype=object), metric)
        cell = m.owner_of(shapely.points(np.concatenate(lattices)), cells)
        density = sources.weights["households"].to_numpy(float) / np.maximum(shapely.area(cells), 1e-300)
        weight = np.where(cell >= 0, density[cell], 0.0)
    none = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    parts = np.split(weight, np.cumsum(count)[:-1])
    return [Load(xy, part, *none) for xy, part in zip(lattices, parts, strict=True)]


def _building_loads(mosaic: m.Geometries, buildings: gpd.GeoDataFrame, metric: pyproj.CRS) -> list[Load]:
    footprints = np.asarray(buildings.geometry.values, dtype=object)
    owner = m.owner_of(shapely.point_on_surface(footprints), mosaic)
    row = np.flatnonzero(owner >= 0)
    row = row[np.argsort(owner[row], kind="stable")]
    shapes = m.to_metres(footprints[row], metric)
    weight = buildings["households"].to_numpy(float)[row]
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    limits = np.searchsorted(owner[row], np.arange(len(mosaic) + 1))
    loads = []
    for start, stop in zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True):
        corner, of = shapely.get_coordinates(shapes[start:stop], return_index=True)
        loads.append(Load(middle[start:stop], weight[start:stop], corner, of.astype(np.int64)))
    return loads


def _lattice(shape: shapely.Geometry, pieces: int) -> m.Floats:
    spacing = np.sqrt(shape.area / (LATTICE_POINTS * pieces))
    west, south, east, north = shape.bounds
    x, y = np.meshgrid(np.arange(west + spacing / 2, east, spacing), np.arange(south + spacing / 2, north, spacing))
    xy = np.c_[x.ravel(), y.ravel()]
    return np.asarray(xy[shapely.contains_xy(shape, xy[:, 0], xy[:, 1])])


def _cuts(shape: shapely.Geometry, load: Load, pieces: int, depth: int) -> list[shapely.Geometry]:
    """Return the lines that cut a shape into pieces; see the module's text."""
    if pieces < 2 or len(load.weight) < 2 or depth > 12:
        return []
    centre = np.array([shape.centroid.x, shape.centroid.y])
    for axis in _axes(shape):
        at = _position(shape, load, pieces, axis, centre)
        if at is None:
            continue
        lines, sides = _halves(shape, axis, centre, at)
        along = (load.xy - centre) @ axis
        left = along < at
        share = float(load.weight[left].sum() / max(load.weight.sum(), 1e-300))
        first = min(max(round(pieces * share), 1), pieces - 1)
        return [
            *lines,
            *_cuts(sides[0], _part(load, left), first, depth + 1),
            *_cuts(sides[1], _part(load, ~left), pieces - first, depth + 1),
        ]
    return []


def _axes(shape: shapely.Geometry) -> tuple[m.Floats, m.Floats]:
    """Return the longer and the shorter direction of the smallest rectangle around a shape."""
    corner = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
    if len(corner) < 4:
        return np.array([1.0, 0.0]), np.array([0.0, 1.0])
    one, other = corner[1] - corner[0], corner[2] - corner[1]
    longer = one if np.hypot(*one) >= np.hypot(*other) else other
    axis = longer / max(np.hypot(*longer), 1e-12)
    return axis, np.array([-axis[1], axis[0]])


def _position(shape: shapely.Geometry, load: Load, pieces: int, axis: m.Floats, centre: m.Floats) -> float | None:
    """Return where along an axis to cut, or None where every cut leaves too narrow a piece or goes through houses."""
    extent = (shapely.get_coordinates(shape) - centre) @ axis
    low, high = extent.min() + LEAST_WIDTH_M, extent.max() - LEAST_WIDTH_M
    if low >= high or load.weight.sum() <= 0:
        return None
    along = (load.xy - centre) @ axis
    order = np.argsort(along, kind="stable")
    share = np.cumsum(load.weight[order]) / load.weight.sum()
    wanted = (pieces // 2) / pieces
    k = int(np.searchsorted(share, wanted - 1e-9))
    k = min(max(k, 0), len(order) - 2)
    if len(load.corner_of) == 0:
        at = (along[order[k]] + along[order[k + 1]]) / 2
        return float(min(max(at, low), high))
    near = np.flatnonzero(np.abs(share[:-1] - wanted) <= max(GAP_WINDOW, abs(share[k] - wanted) + 1e-9))
    corner = (load.corner_xy - centre) @ axis
    front, back = np.full(len(order), np.inf), np.full(len(order), -np.inf)
    np.minimum.at(front, load.corner_of, corner)
    np.maximum.at(back, load.corner_of, corner)
    # The gap behind everything before a building and in front of everything after it.
    reach = np.maximum.accumulate(back[order])[:-1]
    begin = np.minimum.accumulate(front[order][::-1])[::-1][1:]
    middle = (reach + begin) / 2
    gap = begin - reach
    good = near[(middle[near] >= low) & (middle[near] <= high)]
    if len(good) == 0:
        return None
    # A wide gap is worth moving for, but a gap of 30 m is as good as any.
    merit = np.minimum(gap[good], 30.0) - 60.0 * np.abs(share[good] - wanted)
    return float(middle[good[int(np.argmax(merit))]])


def _halves(
    shape: shapely.Geometry, axis: m.Floats, centre: m.Floats, at: float
) -> tuple[list[shapely.Geometry], tuple[shapely.Geometry, shapely.Geometry]]:
    """Return the lines of the cut and the two sides of a shape cut across an axis."""
    across = np.array([-axis[1], axis[0]])
    size = np.hypot(shape.bounds[2] - shape.bounds[0], shape.bounds[3] - shape.bounds[1]) + 1.0
    foot = centre + at * axis
    one, other = foot - size * across, foot + size * across
    inside = shapely.get_parts(shapely.intersection(shapely.linestrings([one, other]), shape))
    inside = inside[shapely.get_type_id(inside) == 1]
    ends = shapely.get_coordinates(inside).reshape(-1, 2, 2)
    along = np.sign((ends[:, 1] - ends[:, 0]) @ across)[:, None] * across * OVERSHOOT_M
    lines = shapely.linestrings(np.stack([ends[:, 0] - along, ends[:, 1] + along], axis=1))
    before = shapely.polygons([one, other, other - 2 * size * axis, one - 2 * size * axis])
    return list(lines), (shapely.intersection(shape, before), shapely.difference(shape, before))


def _part(load: Load, chosen: m.Flags) -> Load:
    """Return some of what lies on a block."""
    place = np.cumsum(chosen) - 1
    kept = chosen[load.corner_of] if len(load.corner_of) else np.zeros(0, dtype=bool)
    return Load(load.xy[chosen], load.weight[chosen], load.corner_xy[kept], place[load.corner_of[kept]])
