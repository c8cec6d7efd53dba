"""Versions of the plan: the timeline, one of them, and what changed between two."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from typing import Any, Final

from gridmap.api.models import as_json
from gridmap.api.models_versions import (
    ChangedRow,
    CompareAnswer,
    LevelItem,
    MovedRow,
    Period,
    SummaryRow,
    VersionAnswer,
    VersionItem,
    VersionsAnswer,
)
from gridmap.api.moments import Moment, read_moment
from gridmap.api.served import Publication, Served
from gridmap.api.source import Source
from gridmap.grids.compare import compare_plans

_KEPT: Final = 16
"""Comparisons that are remembered: of a county some hundred kilobytes each."""


def timeline(served: Served) -> VersionsAnswer:
    """Return the timeline."""
    now, found = read_moment(None), served.timeline()
    in_force = [each.version for each in found if each.holds(now)]
    return VersionsAnswer(
        outcome="found" if found else "none",
        reason="" if in_force else "现无生效的方案 · no plan is in force now",
        versions=tuple(
            VersionItem(
                version=each.version, name=each.name, counts=dict(_counts(served, each)), **_period(each, now)
            )
            for each in found
        ),
        plan_version=in_force[0] if in_force else None,
    )  # fmt: skip


def _counts(served: Served, publication: Publication) -> dict[str, int]:
    known = publication.counts
    return dict(served.version(publication.version).levels if known is None else known)


def _period(publication: Publication, now: Moment) -> dict[str, Any]:
    since, until = (None if each is None else each.isoformat() for each in (publication.since, publication.until))
    return {"since": since, "until": until, "kind": publication.kind, "in_force": publication.holds(now)}


def one(served: Served, source: Source) -> VersionAnswer:
    """Return what there is to say of one version."""
    plan, now = source.plan, read_moment(None)
    periods = tuple(Period(**_period(each, now)) for each in served.timeline() if each.version == plan.version)
    west, south, east, north = plan.layers[plan.finest_tiling].total_bounds.tolist()
    return VersionAnswer(
        outcome="found",
        reason="" if periods else "尚未发布 · never in force",
        version=plan.version,
        name=plan.metadata.name,
        periods=periods,
        levels=tuple(
            LevelItem(
                level=spec.name, tiles=spec.tiles, grids=len(layer), households=_sum(layer["households"]),
                area_m2=_sum(layer["area_m2"]),
            )
            for spec, layer in ((spec, plan.layers[spec.name]) for spec in plan.levels)
        ),
        retired=int(plan.lineage["old"].nunique()),
        bbox=(west, south, east, north),
        plan_version=plan.version,
    )  # fmt: skip


def _sum(values: Any) -> float | None:
    return None if values.isna().all() else float(values.sum())


class Comparisons:
    """What changed between pairs of versions, computed once each; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = lru_cache(maxsize=_KEPT)(_Pair)

    def between(self, old: Source, new: Source) -> bytes:
        """Return :class:`~gridmap.api.models_versions.CompareAnswer` as JSON."""
        with self._lock:
            pair = self._known(old.plan.version, new.plan.version)
        with pair.lock:  # who asks while it is computed waits for it
            if pair.answer is None:
                pair.answer = as_json(compare(old, new))
            return pair.answer


class _Pair:
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new
        self.lock = threading.Lock()
        self.answer: bytes | None = None


def compare(old: Source, new: Source) -> CompareAnswer:
    """Say what became of every grid, most households moved first; by area, for what is served holds no blocks."""
    delta = compare_plans(old.plan, new.plan)
    tables = json.loads(delta.to_json())
    changed = [row for row in tables["grids"] if row["change"] != "kept"]
    changed.sort(key=lambda row: (-(row["households"] or 0.0), -(row["area_m2"] or 0.0)))
    return CompareAnswer(
        outcome="compared",
        reason="",
        old=old.plan.version,
        new=new.plan.version,
        tolerance_m2=delta.tolerance_m2,
        summary=tuple(SummaryRow(**row) for row in tables["summary"]),
        moved=tuple(MovedRow(**row) for row in tables["moved"]),
        changed=tuple(ChangedRow(**row) for row in changed),
        plan_version=new.plan.version,
    )
