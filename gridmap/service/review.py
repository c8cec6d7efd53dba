"""What publishing a version would do: its findings, what became of every grid, who loses theirs, and why it may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from sqlalchemy import exists, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from gridmap.grids.check import check_plan
from gridmap.grids.compare import Delta, compare_plans
from gridmap.grids.frames import LINEAGE_COLUMNS, canonical_table
from gridmap.grids.lineage import lineage_of
from gridmap.service.rehoming import Homeless, homeless
from gridmap.store.models import Grid, PlanGrid
from gridmap.store.plans import version_row

if TYPE_CHECKING:
    import geopandas as gpd

    from gridmap.grids.plan import Plan

_NAMED: Final = 5
_SAME: Final = 0.5
"""Share of its ground below which a grid is another one; as in :mod:`gridmap.grids.compare`, by more than half."""


@dataclass(frozen=True, eq=False)
class Review:
    """What publishing a version at a time would do.

    Parameters
    ----------
    version, base
        The version, and what is in force before; ``None`` where nothing is.
    effective
        When it would begin.
    findings
        :func:`gridmap.check_plan` of it.
    delta
        :func:`gridmap.compare_plans` of the two; ``None`` for the first version.
    lineage
        What became of codes that end.
    homeless
        Assignments and organisations whose grid ends, and where its ground went.
    refusals
        Why it cannot be published; empty where it can.
    moved_away
        Codes that go on and keep less than half of their ground: redrawing may do that, and whoever approves is to
        know, for a code stands for a place.
    ending
        Codes that end, and who holds their ground.
    committed
        Whether it has been.
    """

    version: str
    base: str | None
    effective: datetime
    findings: gpd.GeoDataFrame
    delta: Delta | None
    lineage: pd.DataFrame
    homeless: tuple[Homeless, ...]
    refusals: tuple[str, ...]
    moved_away: tuple[str, ...] = ()
    ending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    committed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it: findings without their shapes, and the comparison as ``gridmap diff`` tells it."""
        findings = pd.DataFrame(self.findings.drop(columns="geometry"))
        return {
            "version": self.version,
            "base": self.base,
            "effective": self.effective.isoformat(),
            "committed": self.committed,
            "refusals": list(self.refusals),
            "moved_away": list(self.moved_away),
            "findings": json.loads(findings.to_json(orient="records", force_ascii=False)),
            "homeless": [vars(each) | {"successors": list(each.successors)} for each in self.homeless],
            "changes": json.loads(self.delta.to_json()) if self.delta is not None else None,
        }


def review_plan(session: Session, plan: Plan, base: Plan | None, effective: datetime) -> Review:
    """Say what publishing a plan in the place of another would do.

    Parameters
    ----------
    session
        An open transaction: whose people hang on grids is read from it, and which codes were ever in force.
    plan, base
        The plan, and the one in force before it.
    effective
        When it would begin.
    """
    findings = check_plan(plan)
    delta = None if base is None else compare_plans(base, plan)
    lineage = plan.lineage.iloc[:0] if delta is None else lineage_of(delta, effective)
    ending = _successors(lineage, plan)
    lost = homeless(session, ending, effective)
    refusals = [*_errors(findings), *_reused(session, plan, base)]
    return Review(
        plan.version,
        None if base is None else base.version,
        effective,
        findings,
        delta,
        lineage,
        lost,
        tuple(refusals),
        _elsewhere(delta),
        ending,
    )


def at_last(session: Session, found: Review, begins: datetime) -> Review:
    """Return a review with what is only known under the lock: when it begins, and who hangs on codes that end then."""
    lineage = canonical_table(found.lineage.assign(date=begins), LINEAGE_COLUMNS, "lineage")
    return replace(found, effective=begins, lineage=lineage, homeless=homeless(session, found.ending, begins))


def _elsewhere(delta: Delta | None) -> tuple[str, ...]:
    """Return codes that go on but stand for other ground."""
    if delta is None:
        return ()
    flows = delta.flows[delta.flows["old"].notna()]
    going_on = flows["old"].isin(set(flows.loc[flows["new"].notna(), "new"]))
    kept = flows["area_m2"].where(flows["old"] == flows["new"], 0.0)
    sums = flows.assign(kept=kept)[going_on].groupby(["level", "old"])[["area_m2", "kept"]].sum()
    less = sums[sums["kept"] < _SAME * sums["area_m2"]]
    return tuple(less.index.get_level_values("old"))


def _errors(findings: gpd.GeoDataFrame) -> list[str]:
    errors = findings[findings["severity"] == "error"]
    found = []
    for (rule, level), rows in errors.groupby(["rule", "level"], sort=False):
        named = "; ".join("+".join(codes) for codes in rows["codes"].head(_NAMED) if codes)
        found.append(f"{rule} at {level}: {len(rows)}" + (f" ({named})" if named else ""))
    return found


def _reused(session: Session, plan: Plan, base: Plan | None) -> list[str]:
    """Name codes that end and come back with another meaning: codes are never used again (domain.md, "Codes")."""
    fresh = [
        (level, code)
        for level, layer in plan.layers.items()
        for code in layer.index.difference(base.layers[level].index if base and level in base.layers else [])
    ]
    if base is None or not fresh:
        return []
    other = aliased(Grid)
    used = exists().where(other.level == Grid.level, other.code == Grid.code, ~func.isempty(other.active))
    again = session.scalars(
        select(Grid.code)
        .join(PlanGrid, PlanGrid.grid_id == Grid.id)
        .where(PlanGrid.plan_id == version_row(session, plan.version).id, func.isempty(Grid.active), used)
        .where(tuple_(Grid.level, Grid.code).in_(fresh))
    ).all()
    if not again:
        return []
    return [f"codes that were in use before and are retired: {', '.join(sorted(again)[:_NAMED])}; give new numbers"]


def _successors(lineage: pd.DataFrame, plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Return for each code that ends who holds its ground, most of it first; codes another level still has live on."""
    there = {code for layer in plan.layers.values() for code in layer.index}
    ranked = lineage.sort_values("share_area", ascending=False, kind="stable")
    found: dict[str, tuple[str, ...]] = {}
    for old, new in zip(ranked["old"], ranked["new"], strict=True):
        if old not in there:
            found[old] = (*found.get(old, ()), *([new] if new is not None else []))
    return found
