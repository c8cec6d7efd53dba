"""One grid: what is recorded of it, what it is part of and made of, what lies beside it, and who answers for it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
import shapely
from pydantic import Field

from gridmap.api.codes import CodeQuery, Found, Unmask, find
from gridmap.api.features import geometries
from gridmap.api.models import GridAnswer, GridFeature
from gridmap.api.models_grids import ChildrenAnswer, GridItem, Neighbour, NeighboursAnswer, ResponsibleAnswer
from gridmap.api.moments import read_moment
from gridmap.api.people import contact_of, leader_of, person_of
from gridmap.api.places import Duty, named_duty
from gridmap.api.served import Served
from gridmap.api.source import Source


class GridQuery(CodeQuery):
    """Which grid of a code, and what of it."""

    geometry: Annotated[bool, Field(description="附几何图形 · with its geometry, GeoJSON")] = False
    duty: Duty = None


class ResponsibleQuery(CodeQuery):
    """Which grid of a code, and for what somebody is to answer."""

    duty: Duty = None
    unmask: Unmask = None


def grid(served: Served, source: Source, code: str, asked: GridQuery) -> GridAnswer:
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
    moment, found = read_moment(asked.at), find(served, source, code, asked.level)
    plan = source.plan
    chain = plan.chain(code, found.level)
    return GridAnswer(
        outcome="found",
        reason=found.reason,
        code=code,
        level=found.level,
        levels=found.levels,
        **found.records.of_row(found.row),
        chain=dict(chain),
        children=plan.children(code, found.level),
        leader=leader_of(source, code, moment),
        responsible=person_of(source, [*chain.items()][::-1], named_duty(asked.duty), moment),
        at=moment.text,
        plan_version=plan.version,
        geometry=_geometry(found) if asked.geometry else None,
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


def children(served: Served, source: Source, code: str, asked: CodeQuery) -> ChildrenAnswer:
    """Return the grids one level below that a grid is made of; see :func:`grid` for what it raises."""
    found, plan = find(served, source, code, asked.level), source.plan
    below = next((spec.name for spec in plan.levels if plan.level_above(spec.name) == found.level), None)
    codes = plan.children(code, found.level)
    said = "最细一级，没有下级 · the finest level has none below" if below is None else "没有下级网格 · it has none"
    return ChildrenAnswer(
        outcome="found",
        reason=found.reason if codes else said,
        code=code,
        level=found.level,
        children_level=below,
        children=() if below is None else tuple(_item(source, below, each) for each in codes),
        plan_version=plan.version,
    )


def _item(source: Source, level: str, code: str) -> GridItem:
    records = source.records[level]
    return GridItem(code=code, level=level, **records.of_row(records.rows[code][0]))


def neighbours(served: Served, source: Source, code: str, asked: CodeQuery) -> NeighboursAnswer:
    """Return the grids of the same level that a grid shares a border line with, the longest first.

    Those that only meet it in a corner are none. See :func:`grid` for what it raises.
    """
    found = find(served, source, code, asked.level)
    around = found.records.neighbours.get(code, {})
    ordered = sorted(around.items(), key=lambda each: (-each[1], each[0]))
    return NeighboursAnswer(
        outcome="found",
        reason=found.reason if around else "此层级没有相邻网格 · no grid of this level shares a border with it",
        code=code,
        level=found.level,
        neighbours=tuple(
            Neighbour(
                code=each, name=_item(source, found.level, each).name, parent=_item(source, found.level, each).parent,
                border_m=round(metres, 3),
            )
            for each, metres in ordered
        ),
        plan_version=source.plan.version,
    )  # fmt: skip


def responsible(
    served: Served, source: Source, code: str, asked: ResponsibleQuery, *, unmask: bool = False
) -> ResponsibleAnswer:
    """Return who answers for a grid, with a phone; masked unless it is asked for in full by somebody who may.

    See :func:`grid` for what it raises.
    """
    moment, found = read_moment(asked.at), find(served, source, code, asked.level)
    chain = source.plan.chain(code, found.level)
    duty = named_duty(asked.duty)
    return ResponsibleAnswer(
        outcome="found",
        reason=found.reason,
        code=code,
        level=found.level,
        chain=dict(chain),
        duty=duty,
        responsible=contact_of(source, [*chain.items()][::-1], duty, moment, unmask=unmask),
        at=moment.text,
        plan_version=source.plan.version,
    )


def _geometry(found: Found) -> dict[str, Any] | None:
    written = geometries(np.array([found.records.shape_of(found.row)], dtype=object))[0]
    return None if written is None else dict(json.loads(written))
