"""What is exported from the record: which version, and what the city is told of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy.orm import Session

from gridmap.errors import UnknownNameError
from gridmap.grids.compare import Delta, compare_plans
from gridmap.grids.frames import JOURNAL_COLUMNS
from gridmap.grids.lineage import lineage_of, unsaid
from gridmap.grids.plan import Plan
from gridmap.service.export import write_folder, write_table
from gridmap.service.timeline import timeline, version_in_force
from gridmap.store.plans import read_version, version_row

_CHANGE_COLUMNS: Final = (
    "level", "change", "old", "new", "area_lost_m2", "area_gained_m2", "households_lost", "households_gained",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Informed:
    """What the city is told: a plan, and what it changed.

    Parameters
    ----------
    plan
        The plan.
    before
        What was in force before it; ``None`` for the first.
    since
        When it came, or comes, into force; ``None`` where it was never published.
    """

    plan: Plan
    before: Plan | None
    since: datetime | None


def version_of(session: Session, version: str | None, at: datetime) -> str:
    """Return the version that is asked for: itself, or what was in force at a time.

    Raises
    ------
    UnknownNameError
        When there is no such version, or none was in force.
    """
    if version is not None:
        return str(version_row(session, version).version)
    found = version_in_force(session, at)
    if found is not None:
        return found
    stays = timeline(session)
    first = f"the first begins {stays[0].since}" if stays else "none was ever published"
    raise UnknownNameError(f"no plan was in force at {at.isoformat(timespec='minutes')}; {first}")


def read_informed(session: Session, version: str) -> Informed:
    """Read a version and what was in force before it.

    Raises
    ------
    UnknownNameError
        When the record has no such version.
    """
    row = version_row(session, version)
    stays = timeline(session)
    places = [place for place, stay in enumerate(stays) if stay.version == version]
    before = row.base_version
    if places:  # what it replaced, whatever it was made from
        before = stays[places[-1] - 1].version if places[-1] else None
    old = None if before is None else read_version(session, before, whole=True)
    return Informed(read_version(session, version, whole=True), old, stays[places[-1]].since if places else None)


def write_informed(informed: Informed, target: Path) -> Delta | None:
    """Write the package that tells the city of a version: the plan, the lineage, what changed, in a folder or a .zip.

    The plan is as published: without blocks and without the journal, which names who edited it.

    Returns
    -------
    Delta or None
        What changed.

    Raises
    ------
    OutputError
        When the disk refuses; what stood there before is untouched.
    """
    plan, before = informed.plan, informed.before
    delta = None if before is None else compare_plans(before, plan)

    def fill(folder: Path) -> None:
        bare = replace(
            plan, blocks=None, former_blocks=None, parent=None, journal=pd.DataFrame(columns=list(JOURNAL_COLUMNS)),
            former_grids=plan.former_grids.iloc[:0],
        )  # fmt: skip
        bare.save(folder / "plan.gpkg")
        write_table(_lineage(informed, delta), folder / "lineage.csv")
        if delta is not None:
            write_table(_changes(delta), folder / "changes.csv")
        said = json.dumps(_summary(informed, delta), ensure_ascii=False, indent=1)
        (folder / "summary.json").write_text(said, encoding="utf-8")
        (folder / "README.txt").write_text(_letter(informed, delta), encoding="utf-8-sig")

    write_folder(target, fill)
    return delta


def _lineage(informed: Informed, delta: Delta | None) -> pd.DataFrame:
    """Return what the plan says of retired codes, and what becomes of those that it retires without saying so."""
    said = informed.plan.lineage
    if delta is None:
        return said
    new = unsaid(lineage_of(delta, informed.since), zip(said["level"], said["old"], strict=True))
    return pd.concat([said, new], ignore_index=True) if len(said) else new


def _changes(delta: Delta) -> pd.DataFrame:
    table = delta.changed[list(_CHANGE_COLUMNS)]
    return table.assign(**{side: [" ".join(codes) for codes in table[side]] for side in ("old", "new")})


def _summary(informed: Informed, delta: Delta | None) -> dict[str, Any]:
    changed = {} if delta is None else json.loads(delta.to_json())
    return {
        "version": informed.plan.version,
        "name": informed.plan.metadata.name,
        "in_force_since": None if informed.since is None else informed.since.isoformat(),
        "before": None if informed.before is None else informed.before.version,
        "grids": {level: len(layer) for level, layer in informed.plan.layers.items()},
        "changes": changed.get("summary"),
        "moved": changed.get("moved"),
    }


def _letter(informed: Informed, delta: Delta | None) -> str:
    plan = informed.plan
    counts = "、".join(f"{level} {len(layer)}" for level, layer in plan.layers.items())
    begins = "未发布 not published" if informed.since is None else informed.since.isoformat(timespec="minutes")
    before = "无（首个版本） none, this is the first" if informed.before is None else informed.before.version
    lines = [
        "网格方案备案 · Plan of grids, for the record of the city", "",
        f"名称 name：{plan.metadata.name}", f"版本 version：{plan.version}", f"生效 in force since：{begins}",
        f"上一版本 version before：{before}", f"网格 grids：{counts}", "",
    ]  # fmt: skip
    if delta is not None:
        lines += [
            "变化 changes：",
            *(f"  {row.level} {row.change}: {row.grids}" for row in delta.summary().itertuples()),
        ]
        lines += [
            f"  {row.level}：{row.households:,.0f} 户 households、{row.area_m2:,.0f} m² 更换网格 changed grid"
            for row in delta.moved().itertuples()
        ]
    lines += [
        "", "plan.gpkg 方案（QGIS 可打开） the plan", "lineage.csv 编码沿革 what became of retired codes",
        "changes.csv 变化清单 what changed", "summary.json 供程序读取 the same for programs", "",
    ]  # fmt: skip
    return "\r\n".join(lines)
