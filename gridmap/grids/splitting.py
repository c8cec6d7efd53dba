"""Blocks too heavy for one grid are cut: along their lanes, between their buildings, else straight across.

First the lanes inside a block divide it (:mod:`gridmap.grids.splitting_lanes`); what is still too heavy is halved again
and again (:mod:`gridmap.grids.splitting_halving`). Cuts that touch buildings all the same go round them
(:mod:`gridmap.grids.carve`), and what came out too narrow is joined to a neighbour
(:mod:`gridmap.grids.splitting_merge`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.geo.crs import metric_crs_of, round_vertices
from gridmap.grids import mosaic as m
from gridmap.grids.blocks import blocks_frame
from gridmap.grids.carve import built_on, go_round
from gridmap.grids.slivers import SLIVER_AREA_M2, absorb, measure
from gridmap.grids.splitting_halving import Load, halving_lines, lattice
from gridmap.grids.splitting_lanes import lanes_inside
from gridmap.grids.splitting_merge import merge_narrow
from gridmap.grids.weights import BlockSources, sources_of


@dataclass(frozen=True, eq=False)
class _Cut:
    """Blocks on their way to being cut: polygons, and the row of the frame that each is part of."""

    mosaic: m.Geometries
    source: m.Ints


def split_heavy(blocks: gpd.GeoDataFrame, pieces: m.Ints, unit: m.Ints) -> tuple[gpd.GeoDataFrame, m.Ints]:
    """Cut blocks into about so many pieces of equal households each.

    Parameters
    ----------
    blocks
        As from :func:`gridmap.grids.blocks.make_blocks`, their sources with them.
    pieces
        How many pieces of each block; 1 leaves it as it is. Fewer come out where it is too narrow or a building
        cannot be divided, others where lanes divide it.
    unit
        Pieces of different units are never joined, nor buildings moved between them if it can be helped.

    Returns
    -------
    (blocks, source)
        The blocks with their households counted anew, and the row each was part of.

    Examples
    --------
    >>> import gridmap
    >>> town = "data/town/"
    >>> blocks = gridmap.make_blocks(town + "boundary.gpkg", town + "streets.gpkg", buildings=town + "buildings.gpkg")
    >>> heavy = np.where(blocks["households"] == blocks["households"].max(), 4, 1)
    >>> cut, source = split_heavy(blocks, heavy, np.zeros(len(blocks), dtype=int))
    >>> len(cut) - len(blocks), bool(np.isclose(cut["households"].sum(), blocks["households"].sum()))
    (3, True)
    """
    pieces = np.where(blocks["water"].to_numpy(bool), 1, pieces)
    heavy = np.flatnonzero(pieces > 1)
    if len(heavy) == 0:
        return blocks, np.arange(len(blocks))
    metric = metric_crs_of(blocks)
    wanted = np.where(pieces > 1, blocks["households"].to_numpy(float) / pieces, np.inf)
    faces, loads = _along_lanes(blocks, heavy, wanted, metric)
    lines = _halvings(faces, loads, wanted, metric)
    pieces_of, of = _cut(faces.mosaic, lines, metric)
    source = faces.source[of]
    mosaic, label = merge_narrow(pieces_of, source, blocks["water"].to_numpy(bool)[source], metric)
    return _finish(_Cut(mosaic, source[_first(label)]), blocks, unit)


def cut_along(blocks: gpd.GeoDataFrame, lines: m.Geometries, unit: m.Ints) -> tuple[gpd.GeoDataFrame, m.Ints]:
    """Cut along lines in degrees, lead the cuts round buildings, join what is too small, count households anew.

    Returns
    -------
    (blocks, source)
        As :func:`split_heavy`.
    """
    metric = metric_crs_of(blocks)
    water = blocks["water"].to_numpy(bool)
    pieces, source = m.cut(np.asarray(blocks.geometry.values, dtype=object), lines)
    # Trifles are joined inside their own block, so that no block loses its border.
    whole = np.bincount(source, minlength=len(blocks))[source] == 1
    keep = whole | built_on(pieces, _footprints(_sources(blocks)))
    label, _ = absorb(measure(pieces, metric, water[source], keep, source), m.adjacency(pieces, metric))
    return _finish(_Cut(m.join(pieces, label), source[_first(label)]), blocks, unit)


def _along_lanes(
    blocks: gpd.GeoDataFrame, heavy: m.Ints, wanted: m.Floats, metric: pyproj.CRS
) -> tuple[_Cut, list[Load]]:
    """Cut heavy blocks along their lanes where a piece worth it comes off; return the faces, and what lies on each."""
    sources = _sources(blocks)
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    lanes = lanes_inside(mosaic[heavy], sources.streets, _footprints(sources), metric)
    faces, source = _cut(mosaic, lanes, metric)
    loads = _loads(faces, source, blocks, wanted, metric)
    weight = np.array([load.weight.sum() for load in loads])
    share = weight / wanted[source]
    joined, label = merge_narrow(faces, source, blocks["water"].to_numpy(bool)[source], metric, share)
    members = np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label))[:-1])
    return _Cut(joined, source[_first(label)]), [_united([loads[i] for i in rows]) for rows in members]


def _first(label: m.Ints) -> m.Ints:
    return np.asarray(np.unique(label, return_index=True)[1], dtype=np.int64)


def _united(loads: list[Load]) -> Load:
    if len(loads) == 1:
        return loads[0]
    return Load(
        np.concatenate([load.xy for load in loads]),
        np.concatenate([load.weight for load in loads]),
        np.concatenate([load.footprints for load in loads]),
    )


def _cut(mosaic: m.Geometries, lines: m.Geometries, metric: pyproj.CRS) -> tuple[m.Geometries, m.Ints]:
    """Cut along lines in metres."""
    if len(lines) == 0:
        return mosaic, np.arange(len(mosaic))
    return m.cut(mosaic, np.asarray(round_vertices(m.to_degrees(lines, metric)), dtype=object))


def _halvings(faces: _Cut, loads: list[Load], wanted: m.Floats, metric: pyproj.CRS) -> m.Geometries:
    """Return the lines, in metres, that cut faces into pieces of the households wanted for their block."""
    lines: list[shapely.LineString] = []
    count = np.array([load.weight.sum() for load in loads]) / wanted[faces.source]
    heavy = np.flatnonzero(np.rint(count) > 1)
    for row, shape in zip(heavy.tolist(), m.to_metres(faces.mosaic[heavy], metric), strict=True):
        lines += halving_lines(shape, loads[row], round(count[row]))
    return np.array(lines, dtype=object)


def _finish(cut: _Cut, blocks: gpd.GeoDataFrame, unit: m.Ints) -> tuple[gpd.GeoDataFrame, m.Ints]:
    """Lead borders round buildings and count households anew."""
    sources = _sources(blocks)
    metric = metric_crs_of(blocks)
    water = blocks["water"].to_numpy(bool)
    pieces, source = cut.mosaic, cut.source
    footprints = _footprints(sources)
    if len(footprints):
        carved = go_round(pieces, water[source], unit[source], footprints, metric)
        source = source[carved.source]
        pieces, label = merge_narrow(carved.mosaic, source, water[source], metric)
        source = source[_first(label)]
    pieces, source = _without_slivers(pieces, source, water, unit, metric)
    if sources.buildings is None and sources.weights is None:
        return _by_area(blocks, pieces, source), source
    frame = blocks_frame(pieces, water[source], sources, blocks.crs, unit[source])
    return _with_columns(frame, blocks, source), source


def _without_slivers(
    pieces: m.Geometries, source: m.Ints, water: m.Flags, unit: m.Ints, metric: pyproj.CRS
) -> tuple[m.Geometries, m.Ints]:
    """Join what rounding pinched off from blocks that were not to be cut."""
    area = shapely.area(m.to_metres(pieces, metric))
    if area.min() >= SLIVER_AREA_M2:
        return pieces, source
    keep = np.ones(len(pieces), dtype=bool)
    label, _ = absorb(measure(pieces, metric, water[source], keep, unit[source]), m.adjacency(pieces, metric))
    order = np.lexsort((-area, label))
    return m.join(pieces, label), source[order[_first(label[order])]]


def _sources(blocks: gpd.GeoDataFrame) -> BlockSources:
    return sources_of(blocks) or BlockSources(None, None, blocks.iloc[:0])


def _footprints(sources: BlockSources) -> m.Geometries:
    if sources.buildings is None:
        return np.empty(0, dtype=object)
    return np.asarray(sources.buildings.geometry.values, dtype=object)


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
    mosaic: m.Geometries, source: m.Ints, blocks: gpd.GeoDataFrame, wanted: m.Floats, metric: pyproj.CRS
) -> list[Load]:
    """Return what lies on each face of heavy blocks: its buildings, or points that carry its households."""
    sources = _sources(blocks)
    rows = np.flatnonzero(np.isfinite(wanted[source]))
    homes = _footprints(sources)
    owner = m.owner_of(shapely.point_on_surface(homes), mosaic[rows])
    order = np.flatnonzero(owner >= 0)
    order = order[np.argsort(owner[order], kind="stable")]
    limits = np.searchsorted(owner[order], np.arange(len(rows) + 1))
    homes = m.to_metres(homes[order], metric)
    if sources.weights is None and sources.buildings is not None:
        weight = sources.buildings["households"].to_numpy(float)[order]
        middle = shapely.get_coordinates(shapely.centroid(homes))
        points = [(middle[a:b], weight[a:b]) for a, b in pairwise(limits.tolist())]
    else:
        points = _lattices(m.to_metres(mosaic[rows], metric), source[rows], blocks, wanted, metric)
    nothing = Load(np.empty((0, 2)), np.empty(0), np.empty(0, dtype=object))
    loads = [nothing] * len(mosaic)
    for row, (xy, weight), a, b in zip(rows.tolist(), points, limits[:-1].tolist(), limits[1:].tolist(), strict=True):
        loads[row] = Load(xy, weight, homes[a:b])
    return loads


def _lattices(
    flat: m.Geometries, source: m.Ints, blocks: gpd.GeoDataFrame, wanted: m.Floats, metric: pyproj.CRS
) -> list[tuple[m.Floats, m.Floats]]:
    """Return points that stand for the households of each face, and how many each."""
    households = blocks["households"].to_numpy(float)[source]
    area = shapely.area(flat)
    of_block = area / np.bincount(source, weights=area)[source]
    pieces = np.maximum(households / wanted[source] * of_block, 1.0)
    points = [lattice(shape, count) for shape, count in zip(flat, pieces.tolist(), strict=True)]
    count = np.array([len(xy) for xy in points])
    weight = np.repeat(area / np.maximum(count, 1), count)
    face = np.repeat(np.arange(len(flat)), count)
    weights = _sources(blocks).weights
    if weights is not None:
        cells = m.to_metres(np.asarray(weights.geometry.values, dtype=object), metric)
        cell = m.owner_of(shapely.points(np.concatenate(points)), cells)
        density = weights["households"].to_numpy(float) / np.maximum(shapely.area(cells), 1e-300)
        weight = weight * np.where(cell >= 0, density[cell], 0.0)
    # the lattice says how households lie in a block, the block how many there are
    total = np.bincount(source[face], weights=weight, minlength=len(blocks))[source[face]]
    weight = np.divide(weight * households[face], total, out=np.zeros(len(weight)), where=total > 0)
    return list(zip(points, np.split(weight, np.cumsum(count)[:-1]), strict=True))
