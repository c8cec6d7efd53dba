"""Codes: which grid one is of, and what became of one that is no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pandas as pd
from pydantic import Field

from gridmap.api.errors import RetiredError
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.models import Successor
from gridmap.api.moments import TimeQuery
from gridmap.api.records import Records, plain
from gridmap.api.served import Served
from gridmap.api.source import Source
from gridmap.errors import InputError, UnknownNameError
from gridmap.service.access_rules import MOST_REASON

Unmask = Annotated[
    str | None,
    Field(
        description="查看完整姓名电话的事由，须有权限，逐次留痕 · why names and phones are to be shown in full; "
        "it takes the permission, and is written down",
        max_length=MOST_REASON,
        examples=["回访工单 SJ-7"],
    ),
]


class CodeQuery(TimeQuery):
    """Which grid of a code."""

    level: Annotated[
        str | None,
        Field(
            description="层级；多个层级有同一编码时选用，默认最粗 · where several levels have the code",
            max_length=MOST_LETTERS,
            examples=["small"],
        ),
    ] = None


@dataclass(frozen=True, eq=False)
class Found:
    """The grid that a code is of.

    Parameters
    ----------
    code, level
        Of the grid.
    levels
        Every level that has the code.
    records
        Of its level.
    row
        Its row in them; of several grids with the code, the first.
    reason
        What there is to say of it.
    """

    code: str
    level: str
    levels: tuple[str, ...]
    records: Records
    row: int
    reason: str


def find(served: Served, source: Source, code: str, level: str | None) -> Found:
    """Return the grid of a code.

    Raises
    ------
    InputError
        When the plan has no such level.
    RetiredError
        When the code was in use and is no more, as the lineage tells.
    UnknownNameError
        When it never was.
    """
    check_level(source, level)
    levels = tuple(name for name, records in source.records.items() if code in records.rows)
    if levels and (level is None or level in levels):
        chosen = level or levels[0]
        records = source.records[chosen]
        return Found(code, chosen, levels, records, records.rows[code][0], _reason(len(records.rows[code])))
    raise _missing(served, source, code, level, levels)


def check_level(source: Source, level: str | None) -> None:
    """Refuse a level that a plan does not have.

    Raises
    ------
    InputError
        Naming those that it has.
    """
    if level is not None and level not in source.levels:
        raise InputError(f"level={level!r} is not a level of this plan; it has {', '.join(source.levels)}")


def _missing(
    served: Served, source: Source, code: str, level: str | None, levels: tuple[str, ...]
) -> RetiredError | UnknownNameError:
    """Return what there is to say of a code that is not there."""
    lineage = served.lineage()
    retired = successors_of(lineage, code, level)
    if retired:
        current = _current_of((source, served.current()), lineage, retired)
        now = f"; in its place there is {', '.join(current)}" if current else ""
        return RetiredError(f"{code} was in use and is no more{now}", retired, current)
    if levels:
        return UnknownNameError(f"there is no grid {code!r} at level {level}; the code is one of {', '.join(levels)}")
    newest = served.current()
    if any(code in records.rows for records in newest.records.values()):
        return UnknownNameError(
            f"there is no grid {code!r} in this version; {newest.plan.version}, in force now, has it"
        )
    return UnknownNameError(f"there is no grid {code!r} in this plan, nor was there; it has {_sample(source)}")


def _reason(grids: int) -> str:
    if grids == 1:
        return ""
    return (
        f"此层级有 {grids} 个网格使用该编码，这是第一个 · {grids} grids of this level have the code; this is the first"
    )


def _sample(source: Source) -> str:
    return ", ".join(
        f"{len(layer)} {name} (as {layer.index[0]})" for name, layer in source.plan.layers.items() if len(layer)
    )


def successors_of(lineage: pd.DataFrame, code: str, level: str | None = None) -> tuple[Successor, ...]:
    """Return what a lineage records of a retired code, of one level where that is stated."""
    rows = lineage[(lineage["old"] == code) & ((lineage["level"] == level) if level is not None else True)]
    return tuple(
        Successor(
            level=plain(row.level), code=plain(row.new), date=plain(row.date), share_area=plain(row.share_area),
            share_households=plain(row.share_households), document=plain(row.document),
        )
        for row in rows.itertuples()
    )  # fmt: skip


def _current_of(sources: Sequence[Source], lineage: pd.DataFrame, retired: tuple[Successor, ...]) -> tuple[str, ...]:
    """Follow a lineage to the codes that one of the plans has: a grid may have been split, and its parts split again.

    The plans are the one that was asked and the one in force.
    """
    found: dict[str, None] = {}
    seen: set[tuple[str | None, str | None]] = set()
    left = [*retired]
    while left:
        step = left.pop(0)
        if step.code is None or (step.level, step.code) in seen:
            continue
        seen.add((step.level, step.code))
        if any(_has(source, step.code, step.level) for source in sources):
            found[step.code] = None
        else:
            left.extend(successors_of(lineage, step.code, step.level))
    return tuple(found)


def _has(source: Source, code: str, level: str | None) -> bool:
    layers = [level] if level in source.levels else [*source.levels]
    return any(code in source.records[str(name)].rows for name in layers)
