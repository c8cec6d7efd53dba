"""The rule that grids are whole: one can walk through a grid without leaving it.

Contiguity is judged on land (design.md, decision 6). For each grid of a tiling level and each land component of its
parent, the grid's part of the component is connected; so an islet of the parent may belong to any of its grids.
Where the plan carries blocks, land is the blocks that are not water, joined through borders of positive length.
Where it does not, or where a grid's polygon is not what its blocks say, the parts of the polygon stand in for land.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.findings import ERROR, WARNING, Finding, LevelView, Survey

STALE_M2: Final = 1.0
"""A grid whose area differs from that of its blocks by more than this is judged by its polygon."""


def not_contiguous(survey: Survey) -> Iterator[Finding]:
    """Find grids in several pieces; a warning where the level was given (enclaves are allowed), else an error."""
    plan = survey.plan
    land = None if plan.blocks is None else _Land(plan.blocks, survey)
    for view in survey.views:
        if not view.spec.tiles:
            continue
        judged = np.zeros(len(view.codes), dtype=bool)
        if land is not None and not view.given:
            label = land.labels(view.spec.name)
            judged = land.described(view, label)
            yield from _by_blocks(view, survey, land, label, judged)
        yield from _by_polygons(view, survey, np.flatnonzero(~judged))


class _Land:
    """The land blocks of a plan, which are neighbours, and which grid each belongs to.

    Parameters
    ----------
    blocks, survey
        The plan's blocks, and the plan laid out.
    """

    def __init__(self, blocks: gpd.GeoDataFrame, survey: Survey) -> None:
        self._survey = survey
        self._blocks = blocks
        self._every = np.asarray(survey.flat.metres(blocks.geometry.values), dtype=object)
        self._dry = ~blocks["water"].to_numpy(dtype=bool)
        self.geometry = np.asarray(blocks.geometry.values, dtype=object)[self._dry]
        self.neighbours = m.adjacency(self.geometry, survey.metric)

    def labels(self, level: str) -> m.Ints:
        """Return for every block the position of its grid of a level, -1 where the plan does not say."""
        plan = self._survey.plan
        codes = self._blocks[plan.finest_tiling].to_numpy(dtype=object)
        view = self._survey.view(plan.finest_tiling)
        while view.spec.name != level:
            parents = dict(zip(view.codes, view.parents, strict=True))
            codes = np.array([parents.get(code) for code in codes], dtype=object)
            assert view.above is not None
            view = view.above
        position = {code: i for i, code in enumerate(view.codes)}
        return np.array([position.get(code, -1) for code in codes], dtype=np.int64)

    def described(self, view: LevelView, label: m.Ints) -> m.Flags:
        """Return which grids have the area that their blocks have."""
        known = label >= 0
        area = np.bincount(label[known], weights=shapely.area(self._every[known]), minlength=len(view.codes))
        return np.asarray(np.abs(area - shapely.area(view.flat)) <= STALE_M2)

    def dry(self, label: m.Ints) -> m.Ints:
        """Return the labels of land blocks alone."""
        return np.asarray(label[self._dry])

    def parts(self, label: m.Ints) -> m.Ints:
        """Return the connected part that each land block is in, where only equal labels connect."""
        return m.components(len(self.geometry), self.neighbours, label)


def _by_blocks(view: LevelView, survey: Survey, land: _Land, label: m.Ints, judged: m.Flags) -> Iterator[Finding]:
    own = land.dry(label)
    above = np.zeros(len(own), dtype=np.int64) if view.above is None else land.dry(land.labels(view.above.spec.name))
    table = pd.DataFrame({"grid": own, "island": land.parts(above), "piece": land.parts(own)})
    table["area"] = shapely.area(survey.flat.metres(land.geometry))
    known = table[(own >= 0) & judged[own]]
    pieces = known.groupby(["grid", "island", "piece"], sort=True)["area"].sum().reset_index()
    several = pieces[pieces.duplicated(["grid", "island"], keep=False)]
    for grid, own_pieces in several.groupby("grid", sort=True):
        largest = own_pieces.groupby("island")["area"].idxmax()
        stray = own_pieces.drop(index=largest)["piece"]
        spot = shapely.coverage_union_all(land.geometry[table["piece"].isin(stray).to_numpy()])
        yield _finding(view, int(grid), len(own_pieces), spot)


def _by_polygons(view: LevelView, survey: Survey, grids: m.Ints) -> Iterator[Finding]:
    grids = grids[shapely.get_num_geometries(view.flat[grids]) > 1]
    if len(grids) == 0:
        return
    for i in grids:
        home = _home(view, survey, int(i))
        parts = shapely.get_parts(view.flat[i])
        inside = shapely.STRtree(home).query(shapely.point_on_surface(parts), predicate="intersects")
        island = np.full(len(parts), -1, dtype=np.int64)
        island[inside[0]] = inside[1]
        table = pd.DataFrame({"island": island, "area": shapely.area(parts)})
        several = table[table.duplicated("island", keep=False)]
        stray = several.drop(index=several.groupby("island")["area"].idxmax())
        if len(stray):
            spot = survey.flat.degrees(shapely.multipolygons(parts[stray.index.to_numpy()]))
            yield _finding(view, int(i), len(several), spot)


def _home(view: LevelView, survey: Survey, grid: int) -> m.Geometries:
    """Return the parts of a grid's parent; at the top, of the territory or of the whole level."""
    if view.above is not None:
        where = np.flatnonzero(view.above.codes == view.parents[grid])
        return np.asarray(shapely.get_parts(view.above.flat[where]), dtype=object)
    if survey.territory is not None:
        return np.asarray(shapely.get_parts(survey.flat.metres(survey.territory)), dtype=object)
    return np.asarray(shapely.get_parts(shapely.union_all(view.flat)), dtype=object)


def _finding(view: LevelView, grid: int, pieces: int, spot: shapely.Geometry) -> Finding:
    given = "（既有边界，如为飞地可忽略）" if view.given else ""
    return Finding(
        "not_contiguous", WARNING if view.given else ERROR, view.spec.name, (view.codes[grid],), float(pieces), "块",
        f"{view.title} {view.codes[grid]} 分成互不相连的 {pieces} 块{given}", spot,
    )  # fmt: skip


RULES: Final = (not_contiguous,)
