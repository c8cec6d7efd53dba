"""Department grids (多网合一): what the grids of each department are to the integrated grids of a plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import LayerError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import departments_reports as reports
from gridmap.grids.departments_overlay import Atoms, Overlaps, Tolerance, overlay
from gridmap.grids.departments_read import DepartmentLayer, When, read_departments
from gridmap.grids.departments_relate import Pairs, labels_of, relate, share
from gridmap.grids.nesting import valid_polygons
from gridmap.grids.plan import Plan
from gridmap.grids.slivers import SLIVER_AREA_M2, SLIVER_WIDTH_M

if TYPE_CHECKING:
    from gridmap.grids.departments_propose import Proposal
    from gridmap.network.model import WalkNetwork

Progress = Callable[[float, str], None]

MAPPING_COLUMNS: Final = (
    "department", "department_grid", "department_name", "source", "source_date", "level", "code", "relation",
    "area_m2", "share_of_department", "share_of_grid",
    "households", "households_share_of_department", "households_share_of_grid",
)  # fmt: skip
"""Columns of the mapping and of ``plan.department_map``: a row a department grid and integrated grid."""


@dataclass(frozen=True, eq=False)
class Integration:
    """What departments' grids are to a plan.

    Parameters
    ----------
    plan
        The plan with its ``department_map`` filled: the mapping of these departments, and as it was that of others.
    mapping
        A row for every department grid and every grid of the finest tiling level and the levels above that it
        overlaps by more than slivers: :data:`MAPPING_COLUMNS`. ``relation`` is that of the department grid to the
        integrated grid: equal, inside, contains or crosses. Shares are NaN where there is nothing to share.
    summary
        A row a department, about the finest tiling level: how many pairs are equal, inside, contains, crosses;
        ``grids_cut``: its grids that cross an integrated grid, and ``households_cut``: their households in the
        grids they cross; sums of the three reports.
    uncovered
        A row for every part of the county that no grid of a department covers, with the grids concerned (``codes``).
    doubled
        A row for every two grids of one department that cover the same ground.
    outside
        A row for every department grid with a part outside of the county.
    sources
        The grids as the departments drew them, in the CRS of the plan; they are never changed.
    overlaps
        Of the sources with ``atoms``.
    atoms
        The blocks of the plan, or its finest tiling grids where it has no blocks.
    """

    plan: Plan
    mapping: pd.DataFrame
    summary: pd.DataFrame
    uncovered: gpd.GeoDataFrame
    doubled: gpd.GeoDataFrame
    outside: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    overlaps: Overlaps
    atoms: Atoms

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan with its mapping and the sources; see :mod:`gridmap.grids.departments_io`."""
        from gridmap.grids.departments_io import write_integration

        write_integration(self, path)

    def propose(
        self, network: WalkNetwork | None = None, *, seed: int = 0, tries: int = 6, progress: Progress | None = None
    ) -> Proposal:
        """Propose grids that cut fewer department grids; see :func:`gridmap.grids.departments_propose.propose`."""
        from gridmap.grids.departments_propose import propose

        return propose(self, network, seed=seed, tries=tries, progress=progress)


def integrate(
    plan: Plan,
    departments: Mapping[str, DepartmentLayer],
    *,
    date: When | Mapping[str, When] = None,
    code: str | Mapping[str, str] = "code",
    name: str | Mapping[str, str] | None = None,
    sliver_area_m2: float = SLIVER_AREA_M2,
    sliver_width_m: float = SLIVER_WIDTH_M,
    progress: Progress | None = None,
) -> Integration:
    """Find what the grids of departments are to the integrated grids of a plan.

    Parameters
    ----------
    plan
        Where it carries blocks, households are theirs, shared by area in the blocks that a border cuts; else they are
        those of the finest tiling grids, shared by area.
    departments
        Name → layer of polygons (or path), in any CRS. Their grids may overlap, leave gaps and stick out: that is
        reported, not refused.
    date
        Day that the sources are of, ``2026-11-01``; or department → day. It is kept with the mapping.
    code, name
        Column, or department → column. Without ``name`` a column of this very name is taken where there is one.
    sliver_area_m2, sliver_width_m
        Overlaps, gaps and parts below either are slivers (domain.md) and count as nothing; see
        :mod:`gridmap.grids.departments_overlay`.
    progress
        Called with the share done, 0 to 1, and what is being done.

    Raises
    ------
    UnknownNameError
        When a layer has no such column; the message lists those it has.
    LayerError
        When a layer is empty or wholly outside of the county, a grid has no code or one that stands twice, is no
        polygon or crosses itself: the department, the row and the code are named.
    CrsError
        When a layer has no CRS, or one that its coordinates do not fit.

    Examples
    --------
    >>> from shapely import box
    >>> grids = gpd.GeoDataFrame({"code": ["1", "2"], "households": [300, 400]}, crs=4490,
    ...     geometry=[box(120, 31, 120.01, 31.01), box(120.01, 31, 120.02, 31.01)])
    >>> police = gpd.GeoDataFrame({"code": ["P1"]}, geometry=[box(120, 31, 120.015, 31.01)], crs=4490)
    >>> found = integrate(Plan.from_layers({"small": grids}), {"公安": police}, date="2026-11-01")
    >>> found.mapping[["department_grid", "code", "relation", "households", "share_of_grid"]].round(3).values.tolist()
    [['P1', '1', 'contains', 300.0, 1.0], ['P1', '2', 'crosses', 200.0, 0.5]]
    >>> found.uncovered[["department", "households", "codes"]].round(3).values.tolist()
    [['公安', 200.0, ('2',)]]
    """
    tell = progress or (lambda _share, _what: None)
    tell(0.0, "reading")
    finest = plan.layers[plan.finest_tiling]
    metric = metric_crs_of(finest)
    sources = read_departments(departments, finest.crs, metric, code=code, name=name, date=date)
    atoms = _atoms(plan, Tolerance(sliver_area_m2, sliver_width_m))
    shapes = np.asarray(sources.geometry.values, dtype=object)
    tell(0.05, "comparing")
    clash = reports.clashes(sources)
    found = overlay(shapes, atoms, clash.layer, lambda share: tell(0.1 + 0.5 * share, "overlaying"))
    _refuse_elsewhere(sources, found)
    county = shapely.union_all(valid_polygons(np.asarray(finest.geometry.values, dtype=object)))
    tell(0.65, "outside")
    beyond, sticks_out = reports.outside(sources, county, atoms)
    labels = labels_of(plan)
    codes = np.r_[np.asarray(finest.index, dtype=object), None][labels[plan.finest_tiling]]
    tell(0.7, "uncovered")
    gaps = reports.uncovered(sources, county, atoms, codes, clash)
    tell(0.85, "doubled")
    twice = reports.doubled(sources, atoms, codes, clash)
    levels = {level: relate(found, atoms, label, sticks_out) for level, label in labels.items()}
    mapping = _mapping(plan, sources, levels, found, atoms)
    told = reports.summary(sources, levels[plan.finest_tiling], gaps, twice, beyond, atoms)
    tell(1.0, "")
    return Integration(_with_map(plan, mapping), mapping, told, gaps, twice, beyond, sources, found, atoms)


def _atoms(plan: Plan, tolerance: Tolerance) -> Atoms:
    ground = plan.layers[plan.finest_tiling] if plan.blocks is None else plan.blocks
    shapes = valid_polygons(np.asarray(ground.geometry.values, dtype=object))
    return Atoms.of(shapes, ground["households"].to_numpy(float), metric_crs_of(ground), tolerance)


def _refuse_elsewhere(sources: gpd.GeoDataFrame, found: Overlaps) -> None:
    met = np.zeros(len(sources), dtype=bool)
    met[found.polygon[found.real]] = True
    for department, rows in reports.runs_of(sources):
        if not met[rows].any():
            box = ", ".join(f"{value:.4f}" for value in shapely.total_bounds(sources.geometry.values[rows]))
            raise LayerError(
                f"department {department}: none of its {len(rows)} grids lies in the county of the plan; they lie in "
                f"({box}) degrees: is it the right layer, and its CRS the one that its numbers are in?"
            )


def _mapping(
    plan: Plan, sources: gpd.GeoDataFrame, levels: Mapping[str, Pairs], found: Overlaps, atoms: Atoms
) -> pd.DataFrame:
    area = sources["area_m2"].to_numpy(float)
    homes = np.bincount(found.polygon, weights=atoms.homes(found), minlength=len(sources)).astype(np.float64)
    tables = []
    for level, pairs in levels.items():
        own = sources.iloc[pairs.polygon]
        table = own[["department", "department_grid", "department_name", "source", "source_date"]].reset_index(
            drop=True
        )
        table["level"] = level
        table["code"] = np.asarray(plan.layers[level].index, dtype=object)[pairs.grid]
        table["relation"] = pairs.relation
        table["area_m2"] = pairs.area_m2
        table["share_of_department"] = np.minimum(share(pairs.area_m2, area[pairs.polygon]), 1.0)
        table["share_of_grid"] = pairs.share_of_grid
        table["households"] = pairs.households
        table["households_share_of_department"] = share(pairs.households, homes[pairs.polygon])
        table["households_share_of_grid"] = pairs.households_share_of_grid
        tables.append(pd.DataFrame(table)[list(MAPPING_COLUMNS)])
    return pd.concat(tables, ignore_index=True)


def _with_map(plan: Plan, mapping: pd.DataFrame) -> Plan:
    """Return the plan with the mapping in the place of what it knew of the same departments."""
    before = plan.department_map
    if "department" not in before.columns:
        return replace(plan, department_map=mapping)
    others = before[~before["department"].isin(mapping["department"].unique())]
    return replace(plan, department_map=pd.concat([others, mapping], ignore_index=True) if len(others) else mapping)
