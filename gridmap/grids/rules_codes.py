"""Rules on codes, counts and named parents: what can be seen without looking at geometry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.grids.codes import COUNTY_DIGITS, code_length, code_problems
from gridmap.grids.findings import ERROR, WARNING, Finding, LevelView, Survey, spell

_SAID: Final = {
    "missing": "没有编码",
    "prefix": "编码不以上级编码开头",
    "length": "编码位数不对",
    "digits": "编码含有非数字字符",
    "zero": "顺序号不能为零",
}


def duplicate_code(survey: Survey) -> Iterator[Finding]:
    """Find codes that several grids have: in a level always an error, across levels where codes follow the layout."""
    for view in survey.views:
        codes = pd.Series(view.codes)
        for code in codes[(codes != "") & codes.duplicated()].unique():
            where = np.flatnonzero(view.codes == code)
            yield Finding(
                "duplicate_code", ERROR, view.spec.name, (code,), float(len(where)), "个",
                f"{view.title}有 {len(where)} 个网格使用同一编码 {code}",
                shapely.geometrycollections(view.degrees[where]),
            )  # fmt: skip
    yield from _across_levels(survey)


def _across_levels(survey: Survey) -> Iterator[Finding]:
    severity = ERROR if survey.plan.layout == "default" else WARNING
    seen: dict[str, LevelView] = {}
    for view in survey.views:
        for code, shape in dict(zip(view.codes, view.degrees, strict=True)).items():
            if code in seen:
                other = seen[code]
                yield Finding(
                    "duplicate_code", severity, view.spec.name, (code,), 2.0, "个",
                    f"编码 {code} 同时用于{other.title}和{view.title}", shape,
                )  # fmt: skip
            elif code:
                seen[code] = view


def malformed_code(survey: Survey) -> Iterator[Finding]:
    """Find codes that do not fit the layout: errors where gridmap gave them, warnings where they are official."""
    for view in survey.views:
        prefix, digits = _prefixes(view, survey)
        # a code says nothing about a parent that does not exist; the rules on parents tell of that
        asked = [i for i, code in enumerate(view.codes) if not code or view.above is None or prefix[i] is not None]
        problems = code_problems(view.codes[asked], prefix[asked], digits, layout=survey.plan.layout)
        for problem in problems:
            i = asked[problem.row]
            official = view.given and problem.kind != "missing"
            yield Finding(
                "malformed_code", WARNING if official else ERROR, view.spec.name, (problem.code,),
                float(len(problem.code)), "位",
                f"{view.title} {problem.code or '（空）'}：{_SAID[problem.kind]}{_expected(prefix[i], digits)}",
                view.degrees[i],
            )  # fmt: skip


def _prefixes(view: LevelView, survey: Survey) -> tuple[NDArray[np.object_], int | None]:
    """Return what each code has to begin with (``None``: nothing known), and how many digits have to follow."""
    if view.above is not None:
        known = set(view.above.codes)
        prefixes = [parent if parent in known else None for parent in view.parents]
        return np.array(prefixes, dtype=object), None if view.given else view.spec.digits
    county = survey.plan.metadata.county_code or None
    whole = code_length(survey.plan.levels, view.spec.name)
    digits = None if view.given else view.spec.digits if county else whole
    return np.full(len(view.codes), county, dtype=object), digits


def _expected(prefix: str | None, digits: int | None) -> str:
    if prefix is None:
        return "" if digits is None else f"，应为 {digits} 位数字"
    return f"，应为 {prefix} 加{'数字' if digits is None else f' {digits} 位顺序号'}"


def count(survey: Survey) -> Iterator[Finding]:
    """Find levels that have more or fewer grids than were asked for."""
    for view in survey.views:
        wanted = survey.plan.metadata.counts.get(view.spec.name)
        if wanted is not None and wanted != len(view.codes):
            extent = None if view.layer.geometry.is_empty.all() else shapely.box(*view.layer.total_bounds)
            yield Finding(
                "count", ERROR, view.spec.name, (), float(len(view.codes) - wanted), "个",
                f"{view.title}应有 {wanted} 个，实有 {len(view.codes)} 个", extent,
            )  # fmt: skip


def one_community(survey: Survey) -> Iterator[Finding]:
    """Find grids of the finest tiling level that belong to no grid of the level above, or directly to a higher one.

    Every small grid belongs to exactly one community, never directly to a town or the county (domain.md).
    """
    view = survey.view(survey.plan.finest_tiling)
    if view.above is None:
        return
    for i in direct(view, survey):
        parent = view.parents[i]
        what = f"直接隶属于 {parent}" if parent else "没有上级"
        yield Finding(
            "one_community", ERROR, view.spec.name, (view.codes[i],), 0.0, "个",
            f"{view.title} {view.codes[i]} {what}，应隶属且仅隶属于一个{view.above.title}", view.degrees[i],
        )  # fmt: skip


def direct(view: LevelView, survey: Survey) -> list[int]:
    """Return the grids without a parent, or whose parent is the county or a grid of a level further up."""
    assert view.above is not None
    county = survey.plan.metadata.county_code or "0" * COUNTY_DIGITS
    higher: set[str] = {county}
    up = view.above.above
    while up is not None:
        higher.update(up.codes)
        up = up.above
    higher -= set(view.above.codes)
    return [i for i, parent in enumerate(view.parents) if not parent or parent in higher]


def unknown_parents(survey: Survey) -> Iterator[Finding]:
    """Find grids whose parent does not exist (rule ``wrong_parent``), but those that :func:`one_community` tells of."""
    for view in survey.views[1:]:
        assert view.above is not None
        told = set(direct(view, survey)) if view.spec.name == survey.plan.finest_tiling else set()
        known = set(view.above.codes)
        for i, parent in enumerate(view.parents):
            if parent in known or i in told:
                continue
            what = f"上级 {parent} 不存在" if parent else "没有上级"
            yield Finding(
                "wrong_parent", ERROR, view.spec.name, (view.codes[i],), 0.0, "%",
                f"{view.title} {view.codes[i]}：{what}；{view.above.title}编码例如 {spell(view.above.codes[:3])}",
                view.degrees[i],
            )  # fmt: skip


RULES: Final = (duplicate_code, malformed_code, count, one_community, unknown_parents)
