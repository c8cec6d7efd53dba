"""What a town may change: its own grids, whatever is said of them, and nothing else."""

from __future__ import annotations

from gridmap.grids.compare import Delta
from gridmap.grids.frames import GRID_COLUMNS
from gridmap.grids.plan import Plan

_MEASURED = frozenset({"area_m2"})
"""What follows from the shape: where a border of the town meets another's, that one gets a vertex, a rounding away."""


def beyond_town(delta: Delta, base: Plan, plan: Plan, town: str) -> str:
    """Return what a proposal changes beyond a town, in words; empty where it changes nothing there.

    Parameters
    ----------
    delta
        Of the two plans.
    base, plan
        What is in force, and what is proposed.
    town
        Code of a grid of the coarsest level.
    """
    if (base.levels, base.layout, base.metadata.county_code) != (plan.levels, plan.layout, plan.metadata.county_code):
        return "levels, layout or county code are changed"
    return _moved(delta, base, plan, town) or _said(base, plan, town) or _descended(base, plan, town)


def _over(plan: Plan, level: str, code: str | None) -> str | None:
    """Return the town above a grid, ``None`` where the plan has no such grid."""
    if code is None or level not in plan.layers or code not in plan.layers[level].index:
        return None
    return plan.chain(code, level).get(plan.levels[0].name)


def _moved(delta: Delta, base: Plan, plan: Plan, town: str) -> str:
    """Name ground that changed hands elsewhere."""
    for row in delta.changed.itertuples():
        for side, codes in ((base, row.old), (plan, row.new)):
            for code in codes:
                over = _over(side, row.level, code)
                if over != town:
                    return f"{row.level} {code} ({row.change}) is of {over}"
    return ""


def _said(base: Plan, plan: Plan, town: str) -> str:
    """Name what is recorded of grids elsewhere and is changed."""
    columns = [name for name in GRID_COLUMNS if name not in _MEASURED]
    for level, layer in base.layers.items():
        both = layer.index.intersection(plan.layers[level].index)
        before, after = layer.loc[both, columns], plan.layers[level].loc[both, columns]
        same = (before == after) | (before.isna() & after.isna())
        for code in both[~same.all(axis=1).to_numpy()]:
            over = _over(base, level, code)
            if over != town or _over(plan, level, code) != town:
                changed = ", ".join(same.columns[~same.loc[code].to_numpy()])
                return f"{level} {code} ({changed}) is of {over}"
    return ""


def _descended(base: Plan, plan: Plan, town: str) -> str:
    """Name what is said of codes elsewhere that are no more."""
    known = {tuple(map(str, row)) for row in base.lineage.itertuples(index=False)}
    for row in plan.lineage.itertuples(index=False):
        if tuple(map(str, row)) in known:
            continue
        for side, code in ((base, row.old), (plan, row.new)):
            over = _over(side, row.level, code)
            if over is not None and over != town:
                return f"{row.level} {code} (lineage) is of {over}"
    return ""
