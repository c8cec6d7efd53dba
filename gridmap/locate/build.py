"""Making an index of the levels of a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import PlanError
from gridmap.geo.coverage import coverage_faults
from gridmap.grids.nesting import valid_polygons
from gridmap.grids.plan import Plan
from gridmap.locate.cells import AnchorError, BorderCells, Frame, fill_cells
from gridmap.locate.discs import metres_per_degree
from gridmap.locate.edges import Edges, edges_of
from gridmap.locate.placement import GAP, MATCHED, NOWHERE, OUTSIDE
from gridmap.locate.records import pack_cells
from gridmap.locate.search import NARROW, WIDE, Tables

Geometries: TypeAlias = NDArray[np.object_]
_ITSELF, _NEVER = -1, -2

_CELL: Final = 0.12
"""The side of a cell is this part of area over border length: the patches of border cells and the table then take
about equal turns in the caches (measured on county plans)."""
_MOST_CELLS: Final = 1 << 20
_MOST_BORDER_CELLS: Final = 1 << 18
_CELLS_AN_EDGE: Final = 4
_OFFSETS: Final = (1.37, 1.61, 1.43, 1.79, 1.51, 1.23, 1.87, 1.31)
"""Cells between the table's corner and the layer's; more than one, and none that round coordinates would meet."""


@dataclass(frozen=True, eq=False)
class Polygons:
    """The polygons of an index in the order of their numbers.

    First the grids of the finest tiling level, then those of the partial levels below it; then, where the finest level
    leaves land out that levels above it hold, the grids of those, the finer first; last the county with its holes.

    Parameters
    ----------
    shapes
        Valid, in degrees.
    above
        See :func:`gridmap.locate.cells.fill_cells`.
    chains
        Shape (levels, polygons + 1): position of the grid of each level that an answer means, -1 for none. The last
        column is nowhere.
    outcome
        What an answer is: matched, gap or outside.
    grids
        How many are of the finest tiling level or a partial one.
    """

    shapes: Geometries
    above: NDArray[np.int32]
    chains: NDArray[np.int32]
    outcome: NDArray[np.int8]
    grids: int


@dataclass(frozen=True, eq=False)
class Parts:
    """What an index is made of: its polygons, the tables searched, the border number of the table of cells, faults.

    ``faults``: kind, codes and area (m²); see :func:`gridmap.geo.coverage.coverage_faults`.
    """

    polygons: Polygons
    tables: Tables
    border: int
    faults: list[tuple[str, tuple[str, ...], float]]


def parts_of(plan: Plan) -> Parts:
    """Make the parts of the index of a plan.

    Raises
    ------
    PlanError
        When the finest tiling level has no land.
    """
    shapes = {
        name: valid_polygons(np.asarray(layer.geometry.values, dtype=object)) for name, layer in plan.layers.items()
    }
    finest = shapes[plan.finest_tiling]
    with ThreadPoolExecutor(1) as pool:
        # Nearly every layer is seamless; taken for it while that is found out, it is indexed in half the time.
        seamless = pool.submit(_is_seamless, finest)
        try:
            outline = shapely.coverage_union_all(finest)
            polygons = polygons_of(plan, shapes, outline)
            tables, border = tables_of(polygons)
            sound = seamless.result()
        except shapely.errors.GEOSException:
            sound = False
    if not sound:
        outline = shapely.union_all(finest)
        polygons = polygons_of(plan, shapes, outline)
        tables, border = tables_of(polygons)
    whole = sound and shapely.get_num_interior_rings(shapely.get_parts(outline)).sum() == 0
    # What is seamless and whole has no faults; finding that out by areas takes a hundred times as long.
    return Parts(polygons, tables, border, [] if whole and _all_sound(plan) else faults_of(plan))


def _is_seamless(shapes: Geometries) -> bool:
    return bool(shapely.coverage_is_valid(shapes))


def _all_sound(plan: Plan) -> bool:
    """Whether no polygon of the finest tiling level had to be mended, and none is empty."""
    shapes = np.asarray(plan.layers[plan.finest_tiling].geometry.values, dtype=object)
    return bool((shapely.is_valid(shapes) & ~shapely.is_empty(shapes)).all())


def extent_of(plan: Plan) -> shapely.Geometry:
    """Return the land of a plan with its holes filled: outside of it, a point is ``outside``.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from gridmap.grids.plan import Plan
    >>> ring = shapely.box(120, 31, 121, 32) - shapely.box(120.4, 31.4, 120.6, 31.6)
    >>> plan = Plan.from_layers({"small": gpd.GeoDataFrame({"code": ["1"]}, geometry=[ring], crs=4490)})
    >>> extent_of(plan).equals(shapely.box(120, 31, 121, 32))
    True
    """
    shapes = {
        name: valid_polygons(np.asarray(layer.geometry.values, dtype=object)) for name, layer in plan.layers.items()
    }
    return polygons_of(plan, shapes, _union(shapes[plan.finest_tiling])).shapes[-1]


def polygons_of(plan: Plan, shapes: Mapping[str, Geometries], outline: shapely.Geometry) -> Polygons:
    """Return the polygons of a plan in their order.

    Parameters
    ----------
    plan
        The plan.
    shapes
        Level → its polygons, valid.
    outline
        The union of those of the finest tiling level.

    Raises
    ------
    PlanError
        When the finest tiling level has no land.
    """
    names = [spec.name for spec in plan.levels]
    finest = names.index(plan.finest_tiling)
    if shapely.is_empty(outline):
        raise PlanError(f"level {names[finest]} has no polygon with an area, so no point can be in it")
    parents = _parents(plan)
    above_it = {i: _union(shapes[names[i]]) for i in range(finest - 1, -1, -1) if plan.levels[i].tiles}
    uppers = [i for i, land in above_it.items() if not outline.covers(land)]
    county = _without_holes(shapely.union_all([outline, *(above_it[i] for i in uppers)]) if uppers else outline)
    order = [*range(finest, len(names)), *uppers]
    counts = [len(shapes[names[i]]) for i in order]
    start = dict(zip(order, np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
    total = sum(counts) + 1
    above = np.full(total, _ITSELF, dtype=np.int32)
    chains = np.full((len(names), total + 1), NOWHERE, dtype=np.int32)
    outcome = np.full(total + 1, GAP, dtype=np.int8)
    outcome[-1] = OUTSIDE
    grids = sum(len(shapes[name]) for name in names[finest:])
    outcome[:grids] = MATCHED
    for i, count in zip(order, counts, strict=True):
        at = slice(start[i], start[i] + count)
        chains[i, at] = np.arange(count)
        for j in range(i - 1, -1, -1):
            chains[j, at] = _follow(parents[j + 1], chains[j + 1, at])
        if i > finest:
            parent = parents[i]
            above[at] = np.where(parent == NOWHERE, _NEVER, parent + start[i - 1])
    return Polygons(np.concatenate([*(shapes[names[i]] for i in order), [county]]), above, chains, outcome, grids)


def _parents(plan: Plan) -> list[NDArray[np.int64]]:
    """Return for each level where the parent of each grid stands in the level above, -1 for none."""
    found = []
    above: pd.Series | None = None
    for layer in plan.layers.values():
        if above is None:
            found.append(np.full(len(layer), NOWHERE, dtype=np.int64))
        else:
            found.append(above.reindex(layer["parent"]).fillna(NOWHERE).to_numpy(dtype=np.int64))
        above = pd.Series(np.arange(len(layer)), index=layer.index)
        above = above[~above.index.duplicated()]
    return found


def _follow(parent: NDArray[np.int64], at: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.where(at == NOWHERE, NOWHERE, np.append(parent, NOWHERE)[at])


def _union(shapes: Geometries) -> shapely.Geometry:
    if shapely.coverage_is_valid(shapes):
        return shapely.coverage_union_all(shapes)
    return shapely.union_all(shapes)


def _without_holes(land: shapely.Geometry) -> shapely.Geometry:
    """Return the land with its holes filled: what lies in there and in no grid is a gap."""
    parts = shapely.get_parts(shapely.get_parts(land))
    areal = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return shapely.union_all(shapely.polygons(shapely.get_exterior_ring(areal)))


def faults_of(plan: Plan) -> list[tuple[str, tuple[str, ...], float]]:
    """Return kind, codes and area (m²) of the faults of the finest tiling level."""
    faults = coverage_faults(plan.layers[plan.finest_tiling])
    codes = [tuple(str(code) for code in each) for each in faults["codes"]]
    return list(zip(faults["kind"].tolist(), codes, faults["area_m2"].tolist(), strict=True))


def tables_of(polygons: Polygons) -> tuple[Tables, int]:
    """Return the tables that kernels search, and the border number of their table of cells."""
    edges = edges_of(polygons.shapes)
    frame, table, cells, border = _filled(edges, polygons)
    packed = pack_cells(cells, edges, frame, polygons.above)
    tables = Tables(
        frame=np.array(frame, dtype=np.float64),
        table=table,
        row_start=cells.row_start,
        patches=packed.patches.reshape(-1),
        records=packed.records,
        anchor=cells.anchor.reshape(-1),
        xy=edges.xy.reshape(-1),
        owner_start=edges.owner_start,
        owner=edges.owner,
        above=polygons.above,
        polygon_start=edges.polygon_start,
        polygon_edge=edges.polygon_edge,
    )
    return tables, border


def _filled(edges: Edges, polygons: Polygons) -> tuple[Frame, NDArray[Any], BorderCells, int]:
    bounds = shapely.total_bounds(polygons.shapes)
    for offset in _OFFSETS:
        frame = frame_of(edges, bounds, float(shapely.area(polygons.shapes[: polygons.grids]).sum()), offset)
        narrow = len(polygons.shapes) < NARROW and frame.columns <= NARROW
        border = NARROW if narrow else WIDE
        table = np.empty(frame.rows * frame.columns, dtype=np.uint16 if narrow else np.int32)
        try:
            return frame, table, fill_cells(edges, frame, polygons.above, table, border), border
        except AnchorError:
            continue
    raise PlanError("the edges of this layer lie so that no table of cells fits between them; tell us how it was made")


def frame_of(edges: Edges, bounds: Sequence[float], area: float, offset: float) -> Frame:
    """Return cells of a size that suits a layer: small against its grids, not many against its edges.

    Parameters
    ----------
    edges
        In degrees.
    bounds
        West, south, east, north.
    area
        That the grids cover, in square degrees.
    offset
        How many cells lie between the corner of the table and that of the layer.
    """
    west, south, east, north = (float(each) for each in bounds)
    across, along = metres_per_degree((south + north) / 2)
    dx, dy = (edges.xy[:, 2] - edges.xy[:, 0]) * across, (edges.xy[:, 3] - edges.xy[:, 1]) * along
    length_m = float(np.hypot(dx, dy).sum())
    side_m = _CELL * area * across * along / length_m
    wide_m, high_m = (east - west) * across, (north - south) * along
    most = max(_MOST_CELLS, _CELLS_AN_EDGE * len(edges.xy))
    most_border = max(_MOST_BORDER_CELLS, 2 * _CELLS_AN_EDGE * len(edges.xy))
    side_m = max(side_m, math.sqrt(wide_m * high_m / most), length_m / most_border, wide_m / 30_000, high_m / 1_000_000)
    width, height = side_m / across, side_m / along
    x0, y0 = west - offset * width, south - (offset + 0.04) * height
    columns, rows = int((east - x0) / width) + 3, int((north - y0) / height) + 3
    return Frame(x0, y0, 1 / width, 1 / height, columns, rows)
