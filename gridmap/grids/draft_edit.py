"""One edit of a draft, as a planner sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import geopandas as gpd
import numpy as np

from gridmap.grids.history import Step, code_changes
from gridmap.grids.metrics import Metrics, metrics_of
from gridmap.grids.rebalancing import Rebalance
from gridmap.grids.settle import Settled
from gridmap.grids.state import layer_of
from gridmap.grids.work import Work


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


@dataclass(frozen=True)
class Told:
    """What the journal says of an edit beside what it changed."""

    number: int
    action: str
    who: str
    why: str
    at: datetime


def edit_of(told: Told, work: Work, settled: Settled, given: int, band: float, rebalance: Rebalance | None) -> Edit:
    """Return an edit as a planner sees it: what changed, and the figures before and after.

    Parameters
    ----------
    told
        For the journal.
    work, settled
        What the edit did, and the state after it.
    given, band
        Position of the lowest given level (-1 for none), and the share that grids may differ from their siblings by.
    rebalance
        What rebalancing says of itself.
    """
    before, after = work.base, settled.state
    changed, made, ended = code_changes(before, after, settled.touched)
    moved = after.label != before.label[work.source]
    moved |= np.isin(after.ground.block, before.ground.block, invert=True)
    slots = settled.touched[after.finest]
    return Edit(
        number=told.number, action=told.action, who=told.who, why=told.why, at=told.at,
        changed=changed, made=made, ended=ended,
        moved_blocks=tuple(after.ground.block[moved].tolist()),
        moved_households=float(after.ground.households[moved].sum()),
        before=metrics_of(before, given, band, slots[slots < len(before.levels[before.finest].codes)]),
        after=metrics_of(after, given, band, slots),
        step=Step(before, after, work.source), rebalance=rebalance,
    )  # fmt: skip
