"""Rules on the shape of a level: gaps, overlaps, invalid and empty geometry, the union against the territory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.geo.coverage import coverage_faults
from gridmap.geo.crs import GRID_DEG
from gridmap.grids import mosaic as m
from gridmap.grids.findings import ERROR, WARNING, Finding, LevelView, Survey, spell
from gridmap.grids.nesting import valid_polygons
from gridmap.grids.rules_nesting import SNAP_M

GAP_WIDTH_M: Final = 1.0
"""Space between grids narrower than this is a gap even where it is open to the outside (domain.md: slivers)."""

NOISE_M: Final = 0.005
"""Strips along the territory's border thinner than this are rounding: vertices are kept to about 1 mm *(ours)*."""


def shape(survey: Survey) -> Iterator[Finding]:
    """Find what keeps each level from being a seamless cover of the level above, the top of its territory.

    A hole in the union of a level is a gap also where every level has it, unless the territory given has it too.
    A hole that only the plan's own blocks share is a warning: whether somebody else's territory lies there is not
    known without a boundary.
    """
    for view in survey.views:
        expected = _expected(view, survey)
        faults = coverage_faults(_indexed(view), gap_width_m=GAP_WIDTH_M, boundary=expected)
        rim = None if expected is None else shapely.boundary(expected)
        for row in faults.itertuples():
            if row.kind == "gap" and (not view.spec.tiles or _is_noise(row, rim)):
                continue
            yield _finding(view, row, _severity(row, rim, view))
        if view.above is None and survey.territory is not None and not survey.stated:
            yield from _holes_of_blocks(view, survey)


def _indexed(view: LevelView) -> gpd.GeoDataFrame:
    """Return the level's geometry by position: codes may be missing or twice there."""
    return gpd.GeoDataFrame(geometry=view.degrees, crs=view.layer.crs)


def _expected(view: LevelView, survey: Survey) -> shapely.Geometry | None:
    """Return what a level has to cover, in degrees."""
    if not view.spec.tiles:
        return None
    if view.above is None:
        return survey.territory
    return shapely.union_all(valid_polygons(view.above.degrees))


def _is_noise(row: Any, rim: shapely.Geometry | None) -> bool:
    """Whether a strip along the rim is rounding: where grids meet on a straight rim, it gets a rounded vertex."""
    return rim is not None and row.width_m < NOISE_M and bool(shapely.dwithin(rim, row.geometry, GRID_DEG))


def _severity(row: Any, rim: shapely.Geometry | None, view: LevelView) -> str:
    """Return a warning for what a level lacks along the rim of the level above by less than the snap tolerance.

    The counterpart of what sticks out of a parent by less (:mod:`gridmap.grids.rules_nesting`).
    """
    if row.kind != "gap" or rim is None or view.above is None or row.width_m >= SNAP_M:
        return ERROR
    return WARNING if bool(shapely.dwithin(rim, row.geometry, GRID_DEG)) else ERROR


def _finding(view: LevelView, row: Any, severity: str) -> Finding:
    codes = tuple(str(view.codes[i]) for i in row.codes)
    who = spell(codes)
    said = {
        "gap": f"{view.title}之间有缝隙 {row.area_m2:,.2f} m²（宽约 {row.width_m:.2f} m），相邻：{who}",
        "overlap": f"{view.title} {who} 重叠 {row.area_m2:,.2f} m²",
        "invalid": f"{view.title} {who} 的图形无效",
        "empty": f"{view.title} {who} 没有图形",
    }
    if row.kind == "invalid":
        why = shapely.is_valid_reason(view.degrees[list(row.codes)])
        said["invalid"] += f"（{'；'.join(str(reason) for reason in why)}）"
    return Finding(row.kind, severity, view.spec.name, codes, float(row.area_m2), "m²", said[row.kind], row.geometry)


def _holes_of_blocks(view: LevelView, survey: Survey) -> Iterator[Finding]:
    """Tell of holes in the territory that the blocks make up."""
    rings = [ring for part in shapely.get_parts(survey.territory) for ring in part.interiors]
    holes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    for hole, area in zip(holes, shapely.area(m.to_metres(holes, survey.metric)), strict=True):
        near = np.flatnonzero(shapely.intersects(view.degrees, hole))
        codes = tuple(str(view.codes[i]) for i in near)
        yield Finding(
            "gap", WARNING, view.spec.name, codes, float(area), "m²",
            f"各级网格及地块在此均有空洞 {area:,.0f} m²；如属外县飞地，请提供县界核对", hole,
        )  # fmt: skip


RULES: Final = (shape,)
