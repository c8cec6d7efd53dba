"""Comparing two plans: what was kept, reshaped, split, merged, is new or retired, and what moved with it.

Definitions *(ours; no norm gives any)*. Grids of one level are compared by code, and codes never change meaning:

``kept``
    Same code, same ground. Ground given or taken up to a tolerance is a touched-up border.
``reshaped``
    Same code, more ground than that given away or taken.
``merged``
    A new code that took over two retired grids or more: each of them went to it by more than half.
``split``
    A retired grid that went by more than half to new codes, a tenth or more of it to each of at least two.
``retired``, ``new``
    Any other code that only the old, or only the new plan has.

"By more than half" counts the households of a grid, or its area where nobody lives. A grid that is split and leaves
its code to one of its parts is reshaped, and the other part is new; one that is merged into a grid that keeps its
code is retired. Households are counted on the ground, as the new plan's blocks have them (the old plan's where the
ground is not in the new one), so that growth alone moves nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from gridmap.errors import InputError
from gridmap.grids.compare_changes import change_table, changes_of
from gridmap.grids.compare_ground import NOTHING_M2, Pieces, block_pieces, layer_pieces
from gridmap.grids.lineage import Labels, LevelFlows, flow_table

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.grids.plan import Plan

TOLERANCE_M2: Final = 10.0
"""Below this a piece of ground is a sliver (domain.md, "Geometry rules")."""

_NOWHERE: Final = Labels(np.empty(0, dtype=object), np.empty(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Delta:
    """What became of the grids between two plans.

    Parameters
    ----------
    grids
        One row a grid of any level, retired grids that were merged in the row of the grid that took them over, and
        the parts of a split in that of the grid they were part of: ``level, change, old, new`` (tuples of codes: the
        grids of either plan the row is about; of a ``retired`` grid who holds its ground now, of a ``new`` one who
        held it); ``area_lost_m2, area_gained_m2, households_lost, households_gained`` (ground that left, or came to,
        the code; ``area_m2`` and ``households`` are the two together); ``share``: how much of the grid's households
        (area where it has none) lies in the grids on the row's other side.
    flows
        One row a pair of grids that have ground in common, the unchanged included: ``level, old, new, area_m2,
        households, blocks``. ``None`` stands for ground that the other plan has in no grid. ``blocks`` are blocks and
        parts of blocks; ``NA`` where the plans carry none. Households that no plan tells are NaN.
    tolerance_m2
        Ground up to which a border counts as touched up.
    """

    grids: pd.DataFrame
    flows: pd.DataFrame
    tolerance_m2: float = TOLERANCE_M2

    @property
    def changed(self) -> pd.DataFrame:
        """The rows of ``grids`` that are not ``kept``, most households moved first."""
        rows = self.grids[self.grids["change"] != "kept"]
        return rows.sort_values(["households", "area_m2"], ascending=False, kind="stable", ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """Return for each level and change how many rows there are, and what left and came to their codes."""
        numbers = ["area_lost_m2", "area_gained_m2", "households_lost", "households_gained"]
        grouped = self.grids.groupby(["level", "change"], sort=False)
        return grouped[numbers].sum().assign(grids=grouped.size()).reset_index()[["level", "change", "grids", *numbers]]

    def moved(self) -> pd.DataFrame:
        """Return for each level the area and the households whose grid has another code now, and their shares."""
        levels = list(dict.fromkeys(self.flows["level"]))
        numbers = ["area_m2", "households"]
        total = self.flows.groupby("level")[numbers].sum().reindex(levels)
        other = self.flows[self.flows["old"].fillna("") != self.flows["new"].fillna("")]
        found = other.groupby("level")[numbers].sum().reindex(levels, fill_value=0.0)
        shares = (found / total.where(total > 0)).fillna(0.0).add_prefix("share_")
        return found.join(shares).rename(columns={"share_area_m2": "share_area"}).rename_axis("level").reset_index()

    def to_json(self, *, indent: int | None = None) -> str:
        """Return all as JSON: ``tolerance_m2`` and the rows of ``summary``, ``moved``, ``grids``, ``flows``."""
        tables = {"summary": self.summary(), "moved": self.moved(), "grids": self.grids, "flows": self.flows}
        rows = {name: [_plain(row) for row in table.to_dict("records")] for name, table in tables.items()}
        return json.dumps({"tolerance_m2": self.tolerance_m2, **rows}, ensure_ascii=False, indent=indent)


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    def value(each: Any) -> Any:
        if isinstance(each, tuple):
            return list(each)
        if isinstance(each, float):
            return round(each, 3) if np.isfinite(each) else None
        return None if each is pd.NA else each

    return {str(name): value(each) for name, each in row.items()}


def compare_plans(old: Plan, new: Plan, *, tolerance_m2: float = TOLERANCE_M2) -> Delta:
    """Say what became of every grid between two plans, and how much ground and how many households moved.

    Parameters
    ----------
    old, new
        Of one county. Levels are compared by name; where only one plan has a level, all of it is new or retired.
        Plans that both carry blocks are compared block by block, by labels where the blocks are the same; else their
        polygons are overlaid, and households are taken from the blocks of the plan that has them, without blocks
        from the finest tiling grids of the plan that has more of those, spread evenly.
    tolerance_m2
        Ground given or taken up to which a grid counts as kept.

    Returns
    -------
    Delta
        Areas are those of the metric CRS, to some millionths.

    Raises
    ------
    InputError
        When the tolerance is not a number of at least 0, or the plans have no ground at all.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from gridmap.grids.plan import Plan
    >>> west, middle, east = (shapely.box(x, 31, x + 0.01, 31.01) for x in (120, 120.01, 120.02))
    >>> old = gpd.GeoDataFrame({"code": ["01", "02"], "households": [400, 900]}, crs=4490,
    ...     geometry=[west, shapely.union(middle, east)])
    >>> new = gpd.GeoDataFrame({"code": ["01", "03", "04"], "households": [400, 500, 400]}, crs=4490,
    ...     geometry=[west, middle, east])
    >>> delta = compare_plans(Plan.from_layers({"small": old}), Plan.from_layers({"small": new}))
    >>> delta.grids[["change", "old", "new", "households"]].values.tolist()
    [['split', ('02',), ('03', '04'), 900.0], ['kept', ('01',), ('01',), 0.0]]
    """
    if not (np.isfinite(tolerance_m2) and tolerance_m2 >= 0):
        raise InputError(f"tolerance_m2 is {tolerance_m2}; it is an area in square metres, 0 or more")
    levels = [spec.name for spec in new.levels] + [spec.name for spec in old.levels if spec.name not in new.layers]
    both = old.blocks is not None and new.blocks is not None
    flows = _by_blocks(old, new, levels) if both else _by_layers(old, new, levels)
    grids = change_table([part for each in flows for part in changes_of(each, tolerance_m2)])
    table = flow_table(flows, blocks=both)
    if not any(_counts_households(plan) for plan in (old, new)):
        unknown = dict.fromkeys(("households", "households_lost", "households_gained"), np.nan)
        grids, table = grids.assign(**unknown), table.assign(households=np.nan)
    return Delta(grids, table, tolerance_m2)


def _counts_households(plan: Plan) -> bool:
    tables = [*plan.layers.values(), *([] if plan.blocks is None else [plan.blocks])]
    return any(table["households"].notna().any() for table in tables)


def _by_blocks(old: Plan, new: Plan, levels: list[str]) -> list[LevelFlows]:
    pieces = block_pieces(_blocks(old), _blocks(new))
    before, after = _block_labels(old), _block_labels(new)
    found = []
    for level in levels:
        labels = (before.get(level, _NOWHERE).at_rows(pieces.old), after.get(level, _NOWHERE).at_rows(pieces.new))
        found.append(_flows(level, *labels, pieces))
    return found


def _blocks(plan: Plan) -> gpd.GeoDataFrame:
    assert plan.blocks is not None
    return plan.blocks


def _block_labels(plan: Plan) -> dict[str, Labels]:
    """Return for each level which grid each block is in."""
    found = {level: Labels.of(_blocks(plan)[level].to_numpy(dtype=object)) for level in plan.labelled_levels}
    names = [spec.name for spec in plan.levels]
    for level, below in reversed(list(pairwise(names[: names.index(plan.finest_tiling) + 1]))):
        layer = plan.layers[below]
        parents = dict(zip(layer.index.tolist(), layer["parent"].tolist(), strict=True))
        children = found[below]
        above = Labels.of([parents[code] for code in children.codes.tolist()])
        found[level] = above.at_rows(children.grid)
    return found


def _by_layers(old: Plan, new: Plan, levels: list[str]) -> list[LevelFlows]:
    weights = _weights(old, new)
    carried = old.blocks is not None or new.blocks is not None
    partial = {spec.name for plan in (old, new) for spec in plan.levels if not spec.tiles}
    found = []
    for level in levels:
        before, after = _layer(old, level), _layer(new, level)
        # small grids say little of where in them the households of a partial level live; its own grids do
        pieces = layer_pieces(before, after, weights if carried or level not in partial else None)
        # a code that several rows have (imported layers) is one grid
        labels = [Labels.of(np.asarray(layer.index, dtype=object)) for layer in (before, after)]
        found.append(_flows(level, labels[0].at_rows(pieces.old), labels[1].at_rows(pieces.new), pieces))
    return found


def _weights(old: Plan, new: Plan) -> gpd.GeoDataFrame:
    """Return what says where households live: the blocks of the plan that has them, else the finer grids."""
    blocks = new.blocks if new.blocks is not None else old.blocks
    if blocks is not None:
        return blocks
    finest = [plan.layers[plan.finest_tiling] for plan in (new, old)]
    return max(finest, key=len)


def _layer(plan: Plan, level: str) -> gpd.GeoDataFrame:
    return plan.layers[level] if level in plan.layers else plan.layers[plan.finest_tiling].iloc[:0]


def _flows(level: str, old: Labels, new: Labels, pieces: Pieces) -> LevelFlows:
    return LevelFlows.of(level, old, new, pieces.area_m2, pieces.households, over_m2=NOTHING_M2)
