"""Making an imported plan editable: its grids are cut along streets, or given blocks are laid under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import LayerError, PlanError
from gridmap.grids import mosaic as m
from gridmap.grids.assemble import plan_from_blocks
from gridmap.grids.borders import rail_lines, river_lines, street_lines
from gridmap.grids.layers import Layer, load, load_buildings
from gridmap.grids.nesting import Flat, shares
from gridmap.grids.plan import Plan
from gridmap.grids.splitting import cut_along
from gridmap.grids.weights import BlockSources, Weights, weigh_buildings, weigh_polygons

INSIDE: Final = 0.5
"""A given block belongs to the grid that holds most of it; less than this share in any is refused (ours)."""


def blocks_from_plan(
    plan: Plan,
    streets: Layer | None = None,
    *,
    blocks: Layer | None = None,
    water: Layer | None = None,
    rail: Layer | None = None,
    buildings: Layer | None = None,
    weights: Weights | None = None,
) -> Plan:
    """Return a plan with blocks, so that it can be edited (:class:`gridmap.Draft`).

    Grids of the finest tiling level are cut along streets, rivers and railways, between buildings; what would be a
    sliver stays with its grid. Grids of every level are then unions of blocks, so a parent that did not quite fit its
    children now does; how much that changed is in ``metadata.notes``.

    Parameters
    ----------
    plan
        For example from :meth:`gridmap.Plan.from_layers`.
    streets, water, rail
        Lines to cut along, as for :func:`gridmap.make_blocks`.
    blocks
        Polygons to use as blocks instead (census blocks …): ``households``, ``residents`` and ``water`` are taken where
        the layer has them. Each goes to the grid that holds most of it.
    buildings, weights
        Where households stand; without them the households of a grid are shared out by area.

    Raises
    ------
    PlanError
        When the grids overlap or do not share their vertices (mend them with :func:`gridmap.repair`), or neither
        streets nor blocks are given.
    LayerError
        When a given block lies in no grid, or a grid gets no block.

    Examples
    --------
    >>> from shapely import LineString, box
    >>> grids = gpd.GeoDataFrame({"code": ["A", "B"], "households": [80.0, 60.0]}, crs=4490,
    ...     geometry=[box(120, 31, 120.01, 31.01), box(120.01, 31, 120.02, 31.01)])
    >>> street = gpd.GeoDataFrame({"highway": ["primary"]}, crs=4490,
    ...     geometry=[LineString([(119.99, 31.004), (120.03, 31.004)])])
    >>> editable = blocks_from_plan(Plan.from_layers({"small": grids}), street)
    >>> editable.blocks[["block", "households", "small"]].round(1).values.tolist()
    [[0, 32.0, 'A'], [1, 48.0, 'A'], [2, 24.0, 'B'], [3, 36.0, 'B']]
    """
    if (streets is None) == (blocks is None):
        raise PlanError("give either streets= to cut the grids along, or blocks= to lay under them")
    layer = plan.layers[plan.finest_tiling]
    _refuse_ragged(np.asarray(layer.geometry.values, dtype=object), layer.index.tolist(), f"{plan.finest_tiling} grids")
    sources = _sources(layer, streets, buildings, weights)
    if blocks is not None:
        made = _laid_under(plan, load(blocks, "blocks", layer.crs), sources)
    else:
        assert streets is not None
        made = _cut(plan, streets, water, rail, sources)
    for name in plan.labelled_levels[1:]:
        made[name] = _inside(made, plan.layers[name])
    tables = {name: pd.DataFrame(grids.drop(columns="geometry")) for name, grids in plan.layers.items()}
    drawn = plan_from_blocks(made, plan.levels, tables, metadata=plan.metadata, layout=plan.layout)
    notes = (*plan.metadata.notes, *_changed(plan, drawn))
    return replace(
        plan, layers=dict(drawn.layers), blocks=drawn.blocks, metadata=replace(plan.metadata, notes=notes), parent=plan
    )


def _refuse_ragged(shapes: m.Geometries, names: Sequence[object], what: str) -> None:
    if shapely.coverage_is_valid(shapes):
        return
    bad = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(shapes)))
    raise PlanError(
        f"{len(bad)} of the {what} overlap or do not share the vertices of their borders, the first is "
        f"{names[bad[0]]}; mend the layer with `gridmap repair` (gridmap.repair) first"
    )


def _sources(
    layer: gpd.GeoDataFrame, streets: Layer | None, buildings: Layer | None, weights: Weights | None
) -> BlockSources:
    houses = None if buildings is None else weigh_buildings(load_buildings(buildings, layer.crs))
    cells = None
    if weights is not None:
        cells = weigh_polygons(load(weights.layer, "weights", layer.crs), weights.column, weights.divisor)
    roads = gpd.GeoDataFrame(geometry=[], crs=layer.crs) if streets is None else load(streets, "streets", layer.crs)
    return BlockSources(houses, cells, roads)


def _cut(
    plan: Plan, streets: Layer, water: Layer | None, rail: Layer | None, sources: BlockSources
) -> gpd.GeoDataFrame:
    """Return the grids of the finest tiling level cut along lines, each piece with the code of its grid."""
    layer = plan.layers[plan.finest_tiling]
    lines = [street_lines(load(streets, "streets", layer.crs))]
    if water is not None:
        lines.append(river_lines(load(water, "water", layer.crs), np.empty(0, dtype=object)))
    if rail is not None:
        lines.append(rail_lines(load(rail, "rail", layer.crs)))
    whole = gpd.GeoDataFrame(
        {
            "block": np.arange(len(layer)),
            "households": np.nan_to_num(layer["households"].to_numpy(float)),
            "residents": np.nan_to_num(layer["residents"].to_numpy(float)),
            "water": False,
        },
        geometry=np.asarray(layer.geometry.values, dtype=object),
        crs=layer.crs,
    )
    whole.attrs["sources"] = sources
    pieces, source = cut_along(whole, np.concatenate(lines), np.arange(len(layer)))
    pieces["block"] = np.arange(len(pieces))
    pieces[plan.finest_tiling] = layer.index.to_numpy(dtype=object)[source]
    return pieces


def _laid_under(plan: Plan, layer: gpd.GeoDataFrame, sources: BlockSources) -> gpd.GeoDataFrame:
    """Return given polygons as blocks, each with the code of the grid that holds most of it."""
    grids = plan.layers[plan.finest_tiling]
    shapes = np.asarray(layer.geometry.values, dtype=object)
    _refuse_ragged(shapes, layer.index.tolist(), "blocks")
    code = _inside_most(shapes, grids, layer.index.tolist())
    frame = gpd.GeoDataFrame(
        {"block": np.arange(len(layer)), "water": layer["water"].eq(True).to_numpy() if "water" in layer else False},
        geometry=shapes,
        crs=layer.crs,
    )
    known = pd.Index(grids.index).get_indexer(pd.Index(code))
    area = shapely.area(shapes)
    share = area / np.bincount(known, weights=area, minlength=len(grids))[known]
    for name in ("households", "residents"):
        if name in layer:
            frame[name] = np.nan_to_num(layer[name].to_numpy(float))
        else:
            frame[name] = np.nan_to_num(grids[name].to_numpy(float))[known] * share
    frame[plan.finest_tiling] = code
    frame.attrs["sources"] = sources
    return frame[["block", "households", "residents", "water", plan.finest_tiling, "geometry"]]


def _inside_most(shapes: m.Geometries, grids: gpd.GeoDataFrame, names: Sequence[object]) -> m.Geometries:
    flat = Flat.about(grids.total_bounds)
    block, grid = flat.metres(shapes), flat.metres(np.asarray(grids.geometry.values, dtype=object))
    best = shares(block, grid).best(len(shapes))
    held = shares(block, grid).within(best) / np.maximum(shapely.area(block), 1e-12)
    astray = np.flatnonzero((best < 0) | (held < INSIDE))
    if len(astray):
        raise LayerError(
            f"{len(astray)} blocks lie in no grid with the half of their area, the first is row {names[astray[0]]}; "
            "take blocks of the same place, cut where they cross a border"
        )
    empty = np.setdiff1d(np.arange(len(grids)), best)
    if len(empty):
        raise LayerError(
            f"{len(empty)} grids get no block, the first is {grids.index[empty[0]]}: the blocks are too large, or of "
            "another place"
        )
    return np.asarray(grids.index.to_numpy(dtype=object)[best])


def _inside(blocks: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> m.Geometries:
    """Return the code of the partial grid that each block's inner point lies in, ``None`` where there is none."""
    points = shapely.point_on_surface(np.asarray(blocks.geometry.values, dtype=object))
    owner = m.owner_of(points, np.asarray(grids.geometry.values, dtype=object))
    codes = np.array([*grids.index, None], dtype=object)
    return np.asarray(codes[owner], dtype=np.object_)


def _changed(plan: Plan, drawn: Plan) -> list[str]:
    """Return a sentence for each level whose grids are not quite what they were."""
    notes = []
    for name, layer in plan.layers.items():
        flat = Flat.about(layer.total_bounds)
        before, after = (
            flat.metres(shapely.make_valid(np.asarray(each.geometry.values, dtype=object)))
            for each in (layer, drawn.layers[name])
        )
        moved = float(shapely.area(shapely.symmetric_difference(before, after)).sum() / 2)
        if moved > 1.0:
            notes.append(f"{name}：边界按地块重组，共调整 {moved:.0f} m²")
    return notes
