"""Stations, the circles around them and the households that these reach, as they are at a time."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from gridmap.api.codes import CodeQuery, find
from gridmap.api.collections import Collected, PageQuery, collected, outcome_of, within
from gridmap.api.facts import in_force
from gridmap.api.features import Features, Rows
from gridmap.api.limits import MOST_LETTERS, MOST_MINUTES
from gridmap.api.models_grids import CoverageAnswer, Covered, CoveredArea
from gridmap.api.moments import Moment, TimeQuery, read_moment
from gridmap.api.served import Served
from gridmap.api.source import Source
from gridmap.geo.crs import point_xy

Minutes = Annotated[
    float | None,
    Field(
        gt=0,
        le=MOST_MINUTES,
        allow_inf_nan=False,
        description="步行分钟 · minutes on foot; all by default",
        examples=[15],
    ),
]
StationName = Annotated[
    str | None, Field(description="站点编号 · name of a station; all by default", max_length=MOST_LETTERS)
]


class StationsQuery(PageQuery):
    """Which stations."""

    station: StationName = None


class CirclesQuery(PageQuery):
    """Which circles."""

    minutes: Minutes = None
    station: StationName = None


class CoverageQuery(TimeQuery):
    """Which counts."""

    minutes: Minutes = None
    area: Annotated[
        str | None, Field(description="片区编码 · code of an area; all by default", max_length=MOST_LETTERS)
    ] = None


def stations(source: Source, asked: StationsQuery, path: str) -> Collected:
    """Return a page of the stations that there are at a time."""
    facts, moment = source.facts, read_moment(asked.at)
    return _page(source, facts.stations, facts.station_features, {"station": asked.station}, asked, moment, path)


def circles(source: Source, asked: CirclesQuery, path: str) -> Collected:
    """Return a page of the circles that hold at a time."""
    facts, moment = source.facts, read_moment(asked.at)
    wanted = {"station": asked.station, "minutes": asked.minutes}
    return _page(source, facts.circles, facts.circle_features, wanted, asked, moment, path)


def _page(
    source: Source,
    table: pd.DataFrame | None,
    features: Features | None,
    wanted: dict[str, str | float | None],
    asked: PageQuery,
    moment: Moment,
    path: str,
) -> Collected:
    rows = np.empty(0, dtype=np.int64)
    if table is not None and features is not None:
        rows = np.flatnonzero(in_force(table, moment) & _equal(table, wanted))
        rows = np.intersect1d(rows, within(features, asked.bbox))
    # The next page is of the same moment, whatever is loaded in between.
    pinned = asked.model_copy(update={"at": moment.time.isoformat()})
    return collected(source, features, rows, pinned, path, {}, at=moment.text)


def _equal(table: pd.DataFrame, wanted: dict[str, str | float | None]) -> np.ndarray:
    fits = np.ones(len(table), dtype=bool)
    for name, value in wanted.items():
        if value is not None:
            fits &= table[name].eq(value).fillna(False).to_numpy(dtype=bool)
    return fits


def stations_in(served: Served, source: Source, code: str, asked: CodeQuery, path: str) -> Collected:
    """Return the stations in a grid: those whose place is located there, so each is in one grid of a tiling level.

    See :func:`gridmap.api.grids.grid` for what it raises.
    """
    found, moment, table = find(served, source, code, asked.level), read_moment(asked.at), source.facts.stations
    rows: Rows = np.empty(0, dtype=np.int64)
    if table is not None:
        answers = source.locator.answer(*point_xy(table.geometry.to_numpy()))
        mine = answers.grid[found.level] == answers.codes[found.level].tolist().index(code)
        rows = np.flatnonzero(mine & in_force(table, moment))
    page = PageQuery(limit=max(len(rows), 1))
    said = {"code": code, "level": found.level}
    return collected(source, source.facts.station_features, rows, page, path, said, at=moment.text)


def coverage(source: Source, asked: CoverageQuery) -> CoverageAnswer:
    """Return how many households reach a station in time, in all and by area."""
    moment, table = read_moment(asked.at), source.facts.coverage
    rows = pd.DataFrame()
    if table is not None:
        rows = table[in_force(table, moment) & _equal(table, {"minutes": asked.minutes, "area": asked.area})]
    outcome, reason = outcome_of(loaded=table is not None, found=len(rows))
    return CoverageAnswer(
        outcome=outcome,
        reason=reason,
        by_minutes=_by_minutes(rows),
        by_area=tuple(
            CoveredArea(
                area=row.area, minutes=row.minutes, total=row.total, covered=row.covered,
                share=_share(row.total, row.covered),
            )
            for row in rows.itertuples()
        ),
        at=moment.text,
        plan_version=source.plan.version,
    )  # fmt: skip


def _by_minutes(rows: pd.DataFrame) -> tuple[Covered, ...]:
    if rows.empty:
        return ()
    sums = rows.groupby("minutes")[["total", "covered"]].sum()
    return tuple(
        Covered(
            minutes=float(row.Index), total=row.total, covered=row.covered, share=_share(row.total, row.covered)
        )
        for row in sums.itertuples()
    )  # fmt: skip


def _share(total: float, covered: float) -> float | None:
    return covered / total if total > 0 else None
