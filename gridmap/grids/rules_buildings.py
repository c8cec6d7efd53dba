"""The rule that buildings are not cut (division principles of GB/T 30428.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.findings import ERROR, Finding, LevelView, Survey
from gridmap.grids.nesting import valid_polygons

CUT_M2: Final = 0.5
CUT_SHARE: Final = 0.005
"""A building is cut when more than 0.5 m² and more than 0.5 % of it lie in another grid than most of it *(ours)*:
footprints and grids both keep their vertices to about 1 mm, and survey data are no better than decimetres."""


def building_cut(survey: Survey, buildings: gpd.GeoDataFrame) -> Iterator[Finding]:
    """Find buildings that stand in two grids of the finest tiling level, or half inside a partial grid.

    Parameters
    ----------
    survey
        The plan laid out.
    buildings
        Footprints in the CRS of the plan; only polygons count.
    """
    # Of a building in separate parts each part counts by itself: a border between two of them cuts nothing.
    parts = buildings[["geometry"]] if buildings.geometry.name == "geometry" else buildings.rename_geometry("geometry")
    areal = parts[np.isin(shapely.get_type_id(parts.geometry.values), (3, 6))].explode()
    houses = np.asarray(survey.flat.metres(valid_polygons(np.asarray(areal.geometry.values, dtype=object))))
    tiling = survey.view(survey.plan.finest_tiling)
    for level in survey.plan.labelled_levels:
        view = survey.view(level)
        for row in _cut(houses, view, tiling).itertuples():
            codes = tuple(str(view.codes[i]) for i in row.grids)
            where = "与".join(codes) if len(codes) > 1 else f"{codes[0]} 内外"
            yield Finding(
                "building_cut", ERROR, level, codes, float(row.spill), "m²",
                f"建筑物 {areal.index[row.Index]} 被{view.title}边界分割：{where}，较小部分 {row.spill:,.1f} m²",
                survey.flat.degrees(houses[row.Index]),
            )  # fmt: skip


def _cut(houses: m.Geometries, view: LevelView, tiling: LevelView) -> pd.DataFrame:
    """Return the buildings that are cut: ``spill`` (m² outside the grid that holds most) and ``grids`` they stand in.

    For a partial level, what lies in no grid of it but in the county counts as one more grid.
    """
    crossing = _not_inside(houses, view.flat)
    pairs = _held(houses, crossing, view.flat)
    by_house = pairs.groupby("house")["area"]
    held, most = by_house.sum(), by_house.max()
    if not view.spec.tiles:
        everywhere = _held(houses, held.index.to_numpy(dtype=np.int64), tiling.flat).groupby("house")["area"].sum()
        everywhere = everywhere.reindex(held.index, fill_value=0.0)
        most = np.maximum(most, everywhere - held)
        held = np.maximum(everywhere, held)
    spill = held - most
    cut = spill[spill > np.maximum(CUT_M2, CUT_SHARE * held)]
    standing = pairs[(pairs["area"] > CUT_M2 / 2) & pairs["house"].isin(cut.index)]
    return pd.DataFrame({"spill": cut, "grids": standing.groupby("house")["grid"].agg(tuple)}).dropna()


def _held(houses: m.Geometries, which: m.Ints, grids: m.Geometries) -> pd.DataFrame:
    """Return for some houses the area of each in each grid: ``house, grid, area``, the largest first."""
    house, grid = shapely.STRtree(grids).query(houses[which])
    house = which[house]
    area = shapely.area(shapely.intersection(houses[house], grids[grid]))
    pairs = pd.DataFrame({"house": house, "grid": grid, "area": area})
    return pairs[pairs["area"] > 0].sort_values(["house", "area"], ascending=[True, False], kind="stable")


def _not_inside(houses: m.Geometries, grids: m.Geometries) -> m.Ints:
    """Return the buildings that no grid covers but some grid touches."""
    tree = shapely.STRtree(houses)
    inside = np.zeros(len(houses), dtype=bool)
    near = np.zeros(len(houses), dtype=bool)
    shapely.prepare(grids)
    inside[tree.query(grids, predicate="covers")[1]] = True
    near[tree.query(grids, predicate="intersects")[1]] = True
    return np.flatnonzero(near & ~inside)
