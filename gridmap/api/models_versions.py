"""What is answered of versions: the timeline, one of them, and what changed between two."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gridmap.api.models import Answer, PlanVersion, Reason

Counts = Annotated[dict[str, int], Field(description="level → number of grids")]
Kind = Annotated[
    Literal["publish", "rollback", "file"],
    Field(
        description="publish: 发布; rollback: 恢复旧版 · an older version in force again; file: 来自文件 · from a file"
    ),
]


class Period(Answer):
    """When a version is in force: from ``since`` up to ``until``; null is open."""

    since: str | None
    until: str | None
    kind: Kind
    in_force: Annotated[bool, Field(description="now")]


class VersionItem(Period):
    """One stretch of the timeline."""

    version: str
    name: str
    counts: Counts


class VersionsAnswer(Answer):
    """The timeline, the oldest first; a version that came back stands there again."""

    outcome: Literal["found", "none"]
    reason: Reason
    versions: tuple[VersionItem, ...]
    plan_version: Annotated[str | None, Field(description="version in force now, null where none is")]


class LevelItem(Answer):
    """A level of a version."""

    level: str
    tiles: Annotated[bool, Field(description="whether its grids cover their parents completely")]
    grids: int
    households: float | None
    area_m2: float | None


class VersionAnswer(Answer):
    """One version of the plan."""

    outcome: Literal["found"]
    reason: Reason
    version: str
    name: str
    periods: tuple[Period, ...]
    levels: tuple[LevelItem, ...]
    retired: Annotated[int, Field(description="codes that its lineage records as retired")]
    bbox: tuple[float, float, float, float]
    plan_version: PlanVersion


class SummaryRow(Answer):
    """How many grids of a level the same became of."""

    level: str
    change: str
    grids: int
    area_lost_m2: float | None
    area_gained_m2: float | None
    households_lost: float | None
    households_gained: float | None


class MovedRow(Answer):
    """How much of a level is in a grid of another code now."""

    level: str
    area_m2: float | None
    households: float | None
    share_area: float | None
    share_households: float | None


class ChangedRow(Answer):
    """What became of a grid; see :class:`gridmap.grids.compare.Delta`."""

    level: str
    change: Annotated[str, Field(description="split, merged, new, retired, reshaped", examples=["split"])]
    old: tuple[str, ...]
    new: tuple[str, ...]
    area_m2: float | None
    households: float | None
    area_lost_m2: float | None
    area_gained_m2: float | None
    households_lost: float | None
    households_gained: float | None
    share: float | None


class CompareAnswer(Answer):
    """What changed between two versions; grids that were kept are counted in the summary and not listed."""

    outcome: Literal["compared"]
    reason: Reason
    old: str
    new: str
    tolerance_m2: Annotated[float, Field(description="ground up to which a border counts as touched up")]
    summary: tuple[SummaryRow, ...]
    moved: tuple[MovedRow, ...]
    changed: tuple[ChangedRow, ...]
    plan_version: PlanVersion
