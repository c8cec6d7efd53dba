"""One grid: what is recorded of it, where it stands, who answers for it; and what became of one that is no more."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pandas as pd
import shapely
from pydantic import BaseModel, ConfigDict, Field

from gridmap.api.errors import RetiredError
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.models import GridAnswer, GridFeature, Successor
from gridmap.api.moments import read_moment
from gridmap.api.people import leader_of, person_of
from gridmap.api.places import At, Duty, named_duty
from gridmap.api.records import plain
from gridmap.api.source import Source
from gridmap.errors import InputError, UnknownNameError


class GridQuery(BaseModel):
    """Which grid of a code, and what of it."""

    model_config = ConfigDict(extra="forbid")

    level: Annotated[
        str | None,
        Field(
            description="层级；多个层级有同一编码时选用，默认最粗 · where several levels have the code",
            max_length=MOST_LETTERS,
            examples=["small"],
        ),
    ] = None
    geometry: Annotated[bool, Field(description="附几何图形 · with its geometry, GeoJSON")] = False
    duty: Duty = None
    at: At = None


def grid(source: Source, code: str, asked: GridQuery) -> GridAnswer:
    """Return what is recorded of a grid.

    Raises
    ------
    InputError
        When the plan has no such level, or ``at`` is no time.
    RetiredError
        When the code was in use and is no more.
    UnknownNameError
        When the plan never had the code.
    """
    moment = read_moment(asked.at)
    plan = source.plan
    levels = _levels_of(source, code, asked.level)
    level = asked.level or levels[0]
    records = source.records[level]
    rows = records.rows[code]
    chain = plan.chain(code, level)
    return GridAnswer(
        outcome="found",
        reason=_reason(len(rows)),
        code=code,
        level=level,
        levels=levels,
        **records.of_row(rows[0]),
        chain=dict(chain),
        children=plan.children(code, level),
        leader=leader_of(source, code, moment),
        responsible=person_of(source, [*chain.items()][::-1], named_duty(asked.duty), moment),
        at=moment.text,
        plan_version=plan.version,
        geometry=_geometry(records.shapes[rows[0]]) if asked.geometry else None,
    )


def _reason(grids: int) -> str:
    if grids == 1:
        return ""
    return (
        f"此层级有 {grids} 个网格使用该编码，这是第一个 · {grids} grids of this level have the code; this is the first"
    )


def feature(answer: GridAnswer) -> GridFeature:
    """Return a grid, asked for with its geometry, as a GeoJSON feature."""
    bounds = None
    if answer.geometry is not None:
        bounds = shapely.from_geojson(json.dumps(answer.geometry)).bounds
    return GridFeature(
        type="Feature",
        id=answer.code,
        bbox=bounds,
        geometry=answer.geometry,
        properties=answer.model_copy(update={"geometry": None}),
    )


def _levels_of(source: Source, code: str, level: str | None) -> tuple[str, ...]:
    """Return the levels that have a code, or say why it cannot be answered."""
    if level is not None and level not in source.levels:
        raise InputError(f"level={level!r} is not a level of this plan; it has {', '.join(source.levels)}")
    levels = tuple(name for name, records in source.records.items() if code in records.rows)
    if levels and (level is None or level in levels):
        return levels
    retired = successors_of(source.plan.lineage, code, level)
    if retired:
        current = current_of(source, retired)
        now = f"; in its place there is {', '.join(current)}" if current else ""
        raise RetiredError(f"{code} was in use and is no more{now}", retired, current)
    if levels:
        raise UnknownNameError(f"there is no grid {code!r} at level {level}; the code is one of {', '.join(levels)}")
    raise UnknownNameError(f"there is no grid {code!r} in this plan, nor was there; it has {_sample(source)}")


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


def current_of(source: Source, retired: tuple[Successor, ...]) -> tuple[str, ...]:
    """Follow a lineage to the codes that the plan has now: a grid may have been split, and its parts split again."""
    found: dict[str, None] = {}
    seen: set[tuple[str | None, str | None]] = set()
    left = [*retired]
    while left:
        step = left.pop(0)
        if step.code is None or (step.level, step.code) in seen:
            continue
        seen.add((step.level, step.code))
        layers = [step.level] if step.level in source.levels else [*source.levels]
        if any(step.code in source.records[str(name)].rows for name in layers):
            found[step.code] = None
        else:
            left.extend(successors_of(source.plan.lineage, step.code, step.level))
    return tuple(found)


def _geometry(shape: shapely.Geometry) -> dict[str, Any] | None:
    """Return a shape as GeoJSON, outer rings counter-clockwise as RFC 7946 wants them."""
    if shape.is_empty:
        return None
    turned = shapely.orient_polygons(shape, exterior_cw=False)
    return dict(json.loads(shapely.to_geojson(turned)))
