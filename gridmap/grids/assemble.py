"""From labelled blocks to a plan: the geometry of every level is the exact union of its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import PlanError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.frames import JOURNAL_COLUMNS
from gridmap.grids.plan import LevelSpec, Plan, PlanMetadata


def plan_from_blocks(
    blocks: gpd.GeoDataFrame,
    levels: Sequence[LevelSpec],
    grids: Mapping[str, pd.DataFrame],
    *,
    metadata: PlanMetadata | None = None,
    journal: pd.DataFrame | None = None,
    layout: str = "default",
) -> Plan:
    """Make a plan of blocks that say which grid they belong to.

    Parameters
    ----------
    blocks
        A mosaic in storage CRS: ``block``, ``households``, ``residents``, ``water``, a column of codes for the finest
        tiling level (every block has one) and for each partial level below it (``None`` where it has no such grid).
    levels
        From the coarsest to the finest.
    grids
        For each level a table indexed by ``code`` with ``parent`` and whatever else of
        :data:`~gridmap.grids.plan.GRID_COLUMNS` is known (name, kind, …). Geometry, ``area_m2``, ``households`` and
        ``residents`` are made here: the blocks of each grid joined, each parent the union of its children.
    metadata, journal, layout
        Of the plan.

    Returns
    -------
    Plan
        Editable: it carries the blocks.

    Raises
    ------
    PlanError
        When a block has no grid or one that is not in the table, a grid has no block, a parent is unknown, or a
        partial grid has blocks of another grid than its parent.

    Examples
    --------
    >>> from shapely import box
    >>> blocks = gpd.GeoDataFrame({"block": [0, 1], "households": [400.0, 300.0], "residents": 0.0, "water": False,
    ...     "small": ["320214001001", "320214001002"]}, crs=4490,
    ...     geometry=[box(120, 31, 120.01, 31.01), box(120.01, 31, 120.02, 31.01)])
    >>> large = pd.DataFrame({"name": ["新安街道"], "parent": [None]}, index=["320214001"])
    >>> small = pd.DataFrame({"parent": "320214001"}, index=["320214001001", "320214001002"])
    >>> plan = plan_from_blocks(blocks, (LevelSpec("large"), LevelSpec("small")), {"large": large, "small": small})
    >>> plan["large"][["name", "households"]].values.tolist()
    [['新安街道', 700.0]]
    """
    names = [spec.name for spec in levels]
    finest = [spec.name for spec in levels if spec.tiles][-1]
    metric = metric_crs_of(blocks)
    layers: dict[str, gpd.GeoDataFrame] = {}
    for name in names[names.index(finest) :]:
        rows, labels = _labels(blocks[name], grids[name].index, name, partial=name != finest)
        layers[name] = _level(blocks.iloc[rows], labels, grids[name], metric)
    below = finest
    for name in reversed(names[: names.index(finest)]):
        _, labels = _labels(layers[below]["parent"], grids[name].index, f"{below}, parent", partial=False)
        layers[name] = _level(layers[below], labels, grids[name], metric)
        below = name
    for above, name in zip(names[names.index(finest) :], names[names.index(finest) + 1 :], strict=False):
        _check_inside(blocks, above, name, layers[name])
    return Plan(
        levels=tuple(levels),
        layers={name: layers[name] for name in names},
        layout=layout,
        metadata=metadata or PlanMetadata(),
        blocks=blocks,
        journal=pd.DataFrame(columns=list(JOURNAL_COLUMNS)) if journal is None else journal,
    )


def _labels(values: pd.Series, codes: pd.Index, what: str, *, partial: bool) -> tuple[NDArray[Any], m.Ints]:
    """Return the rows that have a grid, and its position among ``codes``; refuse what does not fit."""
    if codes.has_duplicates:
        raise PlanError(f"{what}: code {codes[codes.duplicated()][0]} stands twice in the table of grids")
    position = codes.get_indexer(pd.Index(values))
    wanted = values.notna().to_numpy() if partial else np.ones(len(values), dtype=bool)
    lost = wanted & (position < 0)
    if lost.any():
        row = int(np.flatnonzero(lost)[0])
        raise PlanError(
            f"{what}: {int(lost.sum())} rows name a grid that is not in the table, the first is row "
            f"{values.index[row]} with {values.iloc[row]!r}; label every one with a code of the level"
        )
    rows = np.flatnonzero(wanted)
    empty = np.setdiff1d(np.arange(len(codes)), position[rows])
    if len(empty):
        raise PlanError(
            f"{what}: {len(empty)} grids have no part, the first is {codes[empty[0]]}; take them out of the table"
        )
    return rows, position[rows].astype(np.int64)


def _level(parts: gpd.GeoDataFrame, labels: m.Ints, table: pd.DataFrame, metric: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return the layer whose grids are the unions of parts of equal label, sums included."""
    geometry = m.join(np.asarray(parts.geometry.values, dtype=object), labels)
    sums = {
        name: np.bincount(labels, weights=parts[name].to_numpy(dtype=np.float64), minlength=len(table))
        for name in ("households", "residents")
    }
    area = shapely.area(m.to_metres(geometry, metric))
    layer = gpd.GeoDataFrame(table.assign(area_m2=area, **sums), geometry=geometry, crs=parts.crs)
    layer.index = layer.index.rename("code")
    return layer.sort_index()


def _check_inside(blocks: gpd.GeoDataFrame, above: str, name: str, layer: gpd.GeoDataFrame) -> None:
    """Refuse a partial grid that reaches into another grid than its parent."""
    inside = blocks[blocks[name].notna()]
    named = layer["parent"].reindex(inside[name]).to_numpy()
    wrong = np.flatnonzero(named != inside[above].to_numpy())
    if len(wrong):
        row = inside.iloc[wrong[0]]
        raise PlanError(
            f"{name} {row[name]}: its parent is {named[wrong[0]]}, but block {row['block']} of it belongs to "
            f"{row[above]}; a grid lies within one parent"
        )
