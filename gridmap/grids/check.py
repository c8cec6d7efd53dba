"""Checking a plan against every rule.

=================  ========  ==========================================================  ===============================
rule               severity  what it finds                                               where it comes from
=================  ========  ==========================================================  ===============================
gap                error     space between grids of a level that tiles: inside what the  no overlap, no gap; census area
                             level has to cover, in a hole of its union, or narrower     rules (domain.md)
                             than 1 m between grids
overlap            error     two grids of a level share area                             the same
invalid            error     a polygon crosses or touches itself                         closed polygons with topology
empty              error     a grid without geometry                                     the same
not_nested         error     a grid divided between parents (5 % and 10 m² in another)   the union of children equals
                                                                                         the parent
wrong_parent       error     the parent named does not exist, or another holds more of   the same
                             the grid
outside_parent     error     a grid sticks out of its parent, the top level out of the   the same; snap tolerance 0.5 m
                             boundary, by more than 1 m² and 0.5 m; a warning when
                             nearer
duplicate_code     error     a code is used twice; a warning across levels where codes   codes are never reused
                             are kept as imported
malformed_code     error     a code is missing, is not its parent's plus the level's     statistics code, GB/T 30428.1,
                             digits; a warning for official codes of given levels        code layout (domain.md)
count              error     a level has not as many grids as were asked for             the order
households         warning   a drawn grid outside the band around its siblings' mean; a  design.md, decision 7; a city
                             grid of the finest tiling level outside 300-500 households  regulation (300-500)
                             (60-120 in villages), a micro grid outside 50-80
not_contiguous     error     a grid in several pieces on one land component of its       walkable patrol (GB/T 30428.1)
                             parent; a warning where the level was given                 design.md, decision 6
building_cut       error     more than 0.5 m² and 0.5 % of a building lie in a second    buildings are not cut
                             grid of the finest tiling level, or half in a micro grid    (GB/T 30428.1)
one_community      error     a small grid without a community, or directly below a town  census area rules (domain.md)
=================  ========  ==========================================================  ===============================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids import rules_codes, rules_contiguity, rules_homes, rules_nesting, rules_shape
from gridmap.grids.findings import Finding, Survey, as_frame, lay_out
from gridmap.grids.layers import load_buildings, load_county
from gridmap.grids.plan import Plan
from gridmap.grids.rules_buildings import building_cut

RULES: Final = (
    "gap", "overlap", "invalid", "empty", "not_nested", "wrong_parent", "outside_parent", "duplicate_code",
    "malformed_code", "count", "households", "not_contiguous", "building_cut", "one_community",
)  # fmt: skip

_CHECKS: Final[tuple[Callable[[Survey], Iterator[Finding]], ...]] = (
    *rules_shape.RULES,
    *rules_nesting.RULES,
    *rules_codes.RULES,
    *rules_contiguity.RULES,
    *rules_homes.RULES,
)


def check_plan(
    plan: Plan,
    *,
    boundary: gpd.GeoDataFrame | str | None = None,
    buildings: gpd.GeoDataFrame | str | None = None,
) -> gpd.GeoDataFrame:
    """Check a plan against every rule of the table above.

    Parameters
    ----------
    plan
        Drawn, imported or read back.
    boundary
        What the top level has to cover; any CRS. Without it, the union of the plan's blocks where it carries them;
        else only holes and slivers are seen.
    buildings
        Footprints that no border may cut; any CRS. Without them ``building_cut`` is not judged.

    Returns
    -------
    GeoDataFrame
        A row a finding, errors first: ``rule``, ``severity`` (error | warning), ``level``, ``codes`` (tuple of str),
        ``measure`` and its ``unit``, ``message`` (Chinese), ``geometry`` (the spot, CRS of the plan). Empty when
        nothing was found.

    Raises
    ------
    LayerError, CrsError
        When boundary or buildings cannot be used.

    Examples
    --------
    >>> from shapely import box
    >>> grids = gpd.GeoDataFrame({"code": ["A", "B"]}, crs=4490,
    ...     geometry=[box(120, 31, 120.011, 31.01), box(120.01, 31, 120.02, 31.01)])
    >>> found = check_plan(Plan.from_layers({"small": grids}))
    >>> found[["rule", "level", "codes", "unit"]].values.tolist()
    [['overlap', 'small', ('A', 'B'), 'm²']]
    """
    crs = plan.layers[plan.levels[0].name].crs
    survey = lay_out(plan, _territory(plan, boundary), stated=boundary is not None)
    findings = [finding for rule in _CHECKS for finding in rule(survey)]
    if buildings is not None:
        findings += building_cut(survey, load_buildings(buildings, crs))
    return as_frame(findings, crs)


def summary(found: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return how many findings there are: ``severity, rule, level, count``, errors first, rules in table order."""
    counts = found.groupby(["severity", "rule", "level"], sort=True).size().reset_index(name="count")
    order = {rule: i for i, rule in enumerate(RULES)}
    ranked = counts.assign(rank=counts["rule"].map(order)).sort_values(["severity", "rank", "level"], kind="stable")
    return ranked.drop(columns="rank").reset_index(drop=True)


def _territory(plan: Plan, boundary: gpd.GeoDataFrame | str | None) -> shapely.Geometry | None:
    """Return what the top level has to cover, in degrees."""
    crs = plan.layers[plan.levels[0].name].crs
    if boundary is not None:
        return load_county(boundary, crs)[0]
    if plan.blocks is None:
        return None
    return m.join(np.asarray(plan.blocks.geometry.values, dtype=object), np.zeros(len(plan.blocks), dtype=np.int64))[0]
