"""One edit of a draft, as a planner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import geopandas as gpd

from gridmap.grids.history import Step
from gridmap.grids.metrics import Metrics
from gridmap.grids.rebalancing import Rebalance
from gridmap.grids.state import layer_of


@dataclass(frozen=True, eq=False)
class Edit:
    """One edit: what it changed, and the figures before and after.

    Parameters
    ----------
    number
        Of the edit in the plan's journal.
    action
        ``move``, ``split``, ``merge``, ``redraw``, ``rebalance``.
    who, why, at
        As the journal keeps them.
    changed
        Codes whose ground changed, of all levels, those that ended or began included.
    made, ended
        Codes that began and ended.
    moved_blocks
        Numbers of the blocks that changed their grid at the finest tiling level, or were cut.
    moved_households
        Households on them.
    before, after
        Figures of the grids concerned and of the whole plan.
    """

    number: int
    action: str
    who: str
    why: str
    at: datetime
    changed: tuple[str, ...]
    made: tuple[str, ...]
    ended: tuple[str, ...]
    moved_blocks: tuple[int, ...]
    moved_households: float
    before: Metrics
    after: Metrics
    step: Step
    rebalance: Rebalance | None = None

    @cached_property
    def grids(self) -> gpd.GeoDataFrame:
        """Polygons of the grids of the finest tiling level that the edit changed, as they are after it."""
        state = self.step.after
        layer = layer_of(state, state.finest)
        return layer[layer.index.isin(self.changed)]

    def __repr__(self) -> str:
        return (
            f"Edit {self.number}: {self.action} {', '.join(self.changed[:6])}{' …' if len(self.changed) > 6 else ''}; "
            f"{len(self.moved_blocks)} blocks, {self.moved_households:.0f} households; in band "
            f"{self.before.in_band:.1%} → {self.after.in_band:.1%}"
        )
