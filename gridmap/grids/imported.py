"""Plans of existing layers: any CRS, any column names, codes kept as they are, parents found by overlap."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import PlanError, UnknownNameError
from gridmap.geo.crs import metric_crs_of, to_storage
from gridmap.geo.io import as_layer
from gridmap.grids import mosaic as m
from gridmap.grids.codes import code_text
from gridmap.grids.frames import GRID_COLUMNS, as_numbers, as_polygons
from gridmap.grids.nesting import shares, valid_polygons
from gridmap.grids.plan import DEFAULT_LEVELS, LevelSpec, Plan, PlanMetadata, check_level_names

ColumnChoice: TypeAlias = str | Mapping[str, str]

TILES_FROM: Final = 0.99
"""A level of unknown name (or ``micro``) tiles when it covers at least this share of the level above *(ours)*."""


def plan_from_layers(
    layers: Mapping[str, gpd.GeoDataFrame | str | os.PathLike[str]],
    code: ColumnChoice = "code",
    name: ColumnChoice | None = None,
    parent: ColumnChoice | None = None,
    layout: str = "as-is",
    *,
    tiles: Mapping[str, bool] | None = None,
) -> Plan:
    """Make a plan of existing layers.

    Nothing is mended: what does not fit (slivers, overlaps, grids that stick out, codes that are missing or twice
    there) stays as it is, is summed up in ``plan.metadata.notes`` and named one by one by
    :func:`gridmap.grids.check.check_plan`.

    Parameters
    ----------
    layers
        Level name → layer (or path), in any CRS, from the coarsest to the finest. Where all names are known
        (``large, medium, small, micro``) their order does not matter.
    code, name, parent
        Column, or level → column. Without ``name`` and ``parent``, columns of these very names are taken where
        they exist. Codes become text: 320214001.0 is ``320214001``. A parent column is believed where it names a
        grid of the level above; else the parent is the grid that holds most of the area.
    layout
        ``as-is``, or ``default`` where the codes are known to follow it.
    tiles
        Level → whether it covers the level above. By default large, medium and small do; ``micro`` and levels of
        other names do when they cover at least 99 % of it.

    Columns with the names of :data:`~gridmap.grids.plan.GRID_COLUMNS` (households, kind, …) are kept, others left
    out. ``area_m2`` is measured. Households and residents that a level lacks are summed from the level below where
    that tiles, else unknown (NaN).

    Returns
    -------
    Plan
        All its levels count as given: their borders and codes are somebody's, not drawn.

    Raises
    ------
    PlanError
        When there is no layer, a feature is not a polygon, or a number is a word.
    UnknownNameError
        When a column does not exist; the message lists those that do.
    CrsError, LayerError
        When a layer cannot be read or its CRS cannot be right.

    Examples
    --------
    >>> from shapely import box
    >>> towns = gpd.GeoDataFrame({"ID": [1.0]}, geometry=[box(120, 31, 120.2, 31.1)], crs=4326)
    >>> blocks = gpd.GeoDataFrame({"ID": [11, 12]}, crs=4326,
    ...     geometry=[box(120, 31, 120.1, 31.1), box(120.1, 31, 120.2, 31.1)])
    >>> Plan.from_layers({"large": towns, "small": blocks}, code="ID")["small"]["parent"].to_dict()
    {'11': '1', '12': '1'}
    """
    if not layers:
        raise PlanError("no layer given; write for example Plan.from_layers({'large': towns, 'small': grids})")
    names = _in_order(list(layers))
    check_level_names(names)
    frames: dict[str, gpd.GeoDataFrame] = {}
    notes: list[str] = []
    for level in names:
        choice = {"code": _pick(code, level), "name": _pick(name, level), "parent": _pick(parent, level)}
        frames[level] = _read(layers[level], level, choice)
        frames[level] = frames[level].to_crs(frames[names[0]].crs)
        notes += _code_notes(frames[level], level)
    specs = []
    for i, level in enumerate(names):
        above = frames[names[i - 1]] if i else None
        covered = 1.0
        if above is not None:
            frames[level]["parent"], covered, said = _parents(frames[level], above, level)
            notes += said
        specs.append(LevelSpec(level, _tiles(level, covered, tiles)))
    _sum_up(frames, specs)
    metadata = PlanMetadata(given_levels=tuple(names), notes=tuple(notes))
    indexed = {level: frame.set_index("code") for level, frame in frames.items()}
    return Plan(levels=tuple(specs), layers=indexed, layout=layout, metadata=metadata)


def _in_order(names: list[str]) -> list[str]:
    known = [spec.name for spec in DEFAULT_LEVELS]
    return sorted(names, key=known.index) if set(names) <= set(known) else names


def _pick(choice: ColumnChoice | None, level: str) -> str | None:
    return choice if choice is None or isinstance(choice, str) else choice.get(level)


def _read(layer: Any, level: str, choice: Mapping[str, str | None]) -> gpd.GeoDataFrame:
    """Return a layer in storage CRS with ``code`` and those of :data:`GRID_COLUMNS` that it has."""
    read = as_layer(layer)
    if read.index.name is not None and read.index.name not in read.columns:
        read = read.reset_index()
    columns: dict[str, Any] = {}
    for wanted, asked in choice.items():
        column = asked or (wanted if wanted != "code" else "code")
        if column in read.columns:
            columns[wanted] = [code_text(value) for value in read[column]]
        elif asked is not None or wanted == "code":
            there = ", ".join(str(known) for known in read.columns if known != read.geometry.name)
            raise UnknownNameError(f"{level}: no column {column!r} for {wanted}; the layer has {there}")
    for kept in GRID_COLUMNS:
        if kept in read.columns and kept not in columns:
            columns[kept] = read[kept].to_numpy()
    for kept in ("households", "residents"):
        if kept in columns:
            columns[kept] = as_numbers(columns[kept], f"{level}, column {kept}")
    _refuse_other_shapes(read, level)
    stored = to_storage(gpd.GeoDataFrame(geometry=as_polygons(read.geometry.values), crs=read.crs))
    frame = gpd.GeoDataFrame(columns, geometry=stored.geometry.values, crs=stored.crs)
    frame["name"] = frame.get("name")
    frame["area_m2"] = shapely.area(m.to_metres(np.asarray(frame.geometry.values), metric_crs_of(frame)))
    return frame.sort_values("code", kind="stable", ignore_index=True)


def _refuse_other_shapes(layer: gpd.GeoDataFrame, level: str) -> None:
    shapes = np.asarray(layer.geometry.values, dtype=object)
    other = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & ~np.isin(shapely.get_type_id(shapes), (3, 6))
    if other.any():
        row = int(np.flatnonzero(other)[0])
        raise PlanError(
            f"{level}, row {layer.index[row]}: a grid is a polygon, this is a {shapes[row].geom_type}; "
            "leave it out or make a polygon of it"
        )


def _code_notes(frame: gpd.GeoDataFrame, level: str) -> list[str]:
    codes = frame["code"]
    notes = []
    missing, twice = int((codes == "").sum()), codes[(codes != "") & codes.duplicated()].unique()
    if missing:
        notes.append(f"{level}：{missing} 个网格没有编码")
    if len(twice):
        shown = "、".join(twice[:5]) + ("等" if len(twice) > 5 else "")
        notes.append(f"{level}：{len(twice)} 个编码重复（{shown}）")
    return notes


def _parents(
    frame: gpd.GeoDataFrame, above: gpd.GeoDataFrame, level: str
) -> tuple[NDArray[np.object_], float, list[str]]:
    """Return the parent's code of each grid, the share of the level above that is covered, and notes."""
    children, parents = (valid_polygons(np.asarray(layer.geometry.values)) for layer in (frame, above))
    common = shares(children, parents)
    best = common.best(len(frame))
    codes = np.array([*above["code"], None], dtype=object)
    found = codes[best]  # -1 is the None at the end
    notes = []
    if "parent" in frame:
        given = frame["parent"].to_numpy(dtype=object)
        known = pd.Index(above["code"]).get_indexer_for(given) if above["code"].is_unique else None
        believed = np.isin(given, above["code"].to_numpy()) if known is None else known >= 0
        believed &= given != ""
        differ = int((believed & (given != found)).sum())
        found = np.where(believed, given, found)
        if differ:
            notes.append(f"{level}：{differ} 个网格填报的上级与所在位置不符")
    lost = int(pd.isna(found).sum())
    if lost:
        notes.append(f"{level}：{lost} 个网格不在任何上级网格内")
    covered = float(common.area.sum() / max(shapely.area(parents).sum(), 1e-30))
    return found, covered, notes


def _tiles(level: str, covered: float, asked: Mapping[str, bool] | None) -> bool:
    if asked is not None and level in asked:
        return asked[level]
    known = {spec.name: spec.tiles for spec in DEFAULT_LEVELS}
    return known.get(level, False) or covered >= TILES_FROM


def _sum_up(frames: dict[str, gpd.GeoDataFrame], specs: list[LevelSpec]) -> None:
    """Fill households and residents that a level lacks with the sums of the level below, where that tiles."""
    for above, below in reversed(list(pairwise(specs))):
        for column in ("households", "residents"):
            upper, lower = frames[above.name], frames[below.name]
            if column not in upper and column in lower and below.tiles:
                sums = lower.groupby("parent")[column].sum()
                frames[above.name][column] = upper["code"].map(sums)
