"""Loading, the part that all kinds share: the lock, the clock, all or nothing, the audit, rows in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import shapely
from sqlalchemy import DateTime, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Session

from gridmap.errors import AccessError, InputError
from gridmap.service import audit
from gridmap.service.attempts import attempt
from gridmap.service.loading_history import Held, Stated, Steps
from gridmap.service.loading_report import LoadReport
from gridmap.service.switching import settle_towns
from gridmap.service.timeline import GridsInForce, version_in_force
from gridmap.store.base import Dated
from gridmap.store.engine import COUNTY, bump
from gridmap.store.models import PlanVersion

Model: TypeAlias = Any
"""A table of the record with a history; its columns are asked for by name."""
_BATCH: Final = 5_000
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2200
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LoadOptions:
    """How a table is loaded.

    Parameters
    ----------
    effective
        From when on it holds, aware; now where none is stated.
    keep
        Leave on record what the table does not have.
    skip_refused
        Load the other rows where some cannot be used.
    commit
        Do it; without, only say what it would do.
    note
        Why, for the audit.
    """

    effective: datetime | None = None
    keep: bool = False
    skip_refused: bool = False
    commit: bool = False
    note: str = ""


@dataclass(frozen=True)
class Clock:
    """From when on a table holds, and what time it is."""

    effective: datetime
    now: datetime


def run(session: Session, options: LoadOptions, work: Callable[[Clock], LoadReport]) -> LoadReport:
    """Load: all of it or nothing, one after the other, a dry run on the same way as a real one.

    Parameters
    ----------
    session
        An open transaction.
    options
        How.
    work
        Loads, and says what it did.

    Raises
    ------
    InputError
        When the date cannot be meant, or the note cannot be read.
    """
    _check(options.effective)
    note = audit.read_reason(options.note) if options.note else ""
    try:
        with attempt(session, commit=options.commit):
            if options.commit:
                bump(session)  # who loads at the same time waits here, and sees what was loaded
            # The clock of the database, and not of when the transaction began: it may have waited.
            now: datetime = session.scalar(select(func.clock_timestamp())).astimezone(UTC)  # type: ignore[union-attr]
            version = version_in_force(session, now)
            if version is not None:
                settle_towns(session, version, now)  # one may have begun since somebody looked
            report = work(Clock(now if options.effective is None else options.effective.astimezone(UTC), now))
            if options.commit and report.refused and not options.skip_refused:
                raise _NotAllError(report)
            if options.commit:
                _note(session, report, note)
    except _NotAllError as refused:
        return refused.report
    return replace(report, committed=options.commit)


class _NotAllError(Exception):
    """Some rows cannot be used: what was done is taken back."""

    def __init__(self, report: LoadReport) -> None:
        super().__init__(report.kind)
        self.report = report


def _check(effective: datetime | None) -> None:
    if effective is None:
        return
    if effective.tzinfo is None:
        raise InputError(f"the effective date {effective.isoformat()} has no time zone; write 2026-05-01T00:00+08:00")
    if not _FIRST_YEAR <= effective.year < _LAST_YEAR:
        raise InputError(
            f"the effective date {effective.isoformat()} is not between the years {_FIRST_YEAR} and {_LAST_YEAR}"
        )


def _note(session: Session, report: LoadReport, note: str) -> None:
    """Write down who loaded what; of people the counts alone."""
    detail = {"effective": report.effective.isoformat(), "counts": report.counts}
    audit.note(session, "load", report.kind, note, detail=detail)


def own_town(session: Session) -> str | None:
    """Return the town whose rows alone may be loaded, ``None`` for the county."""
    town: str = session.info["jurisdiction"]
    return None if town == COUNTY else town


def grid_fault(code: str, grids: GridsInForce, own: str | None) -> str:
    """Return why a row that names a grid cannot be used; empty where it can."""
    town = grids.town_of.get(code)
    if town is None:
        example = next(iter(grids.town_of), "none")
        return f"grid {code!r} is not in version {grids.version}, in force then; its codes look like {example}"
    if own is not None and town != own:
        return f"grid {code} is of {town}; {own} loads its own"
    return ""


def county_only(session: Session, what: str) -> None:
    """Refuse a town what is the county's.

    Raises
    ------
    AccessError
        When it is a town.
    """
    town = own_town(session)
    if town is not None:
        raise AccessError(f"{what} are loaded by the county; {town} may load its own people and organisations")


@contextmanager
def county_wide(session: Session) -> Iterator[None]:
    """See every town's rows for a moment: whether a number is taken can be told in no other way."""
    setting = text("select set_config('gridmap.jurisdiction', :town, true)")
    session.execute(setting, {"town": COUNTY})
    yield
    session.execute(setting, {"town": session.info["jurisdiction"]})


def taken_elsewhere(session: Session, column: Any, wanted: Iterable[str], seen: Iterable[str]) -> set[str]:
    """Return numbers that somebody of another town has."""
    unknown = sorted({*wanted} - {*seen})
    if own_town(session) is None or not unknown:
        return set()
    with county_wide(session):
        return set(session.scalars(select(column).where(column.in_(unknown))))


def held(
    session: Session, model: Model, keys: Sequence[str], values: Sequence[str], since: datetime, *more: Any
) -> list[Held]:
    """Return rows on record that hold at a time or after it.

    Parameters
    ----------
    session, model, since
        Where, of what, since when.
    keys, values
        Columns.
    more
        Conditions.
    """
    columns = [getattr(model, name) for name in (*keys, *values)]
    query = select(model.id, *times_of(model), *columns).where(*holds_since(model, since), *more)
    return [held_row(row, len(keys)) for row in session.execute(query.order_by(model.id))]


def times_of(model: Model) -> tuple[Any, Any]:
    """Return when rows begin and end, as columns."""
    kind = DateTime(timezone=True)
    return func.lower(model.period, type_=kind), func.upper(model.period, type_=kind)


def holds_since(model: Model, since: datetime) -> tuple[Any, ...]:
    """Return the conditions of rows that hold at a time or after it."""
    _, end = times_of(model)
    return ~func.isempty(model.period), or_(end.is_(None), end > since)


def held_row(row: Sequence[Any], keys: int) -> Held:
    """Return a row as read: number, begin, end, so many keys, values."""
    number, begin, end = row[:3]
    return Held(number, tuple(row[3 : 3 + keys]), tuple(row[3 + keys :]), begin or _EVER, end)


def close(session: Session, model: type[Dated], steps: Steps, clock: Clock) -> None:
    """End what ends, and withdraw what had not begun; before anything is opened, for the constraints look at once."""
    ended = func.tstzrange(func.lower(model.period), clock.effective, type_=TSTZRANGE)
    never: Range[datetime] = Range(empty=True)
    for ids, period in ((steps.end, ended), (steps.withdraw, never)):
        for start in range(0, len(ids), _BATCH):
            some = update(model).where(model.id.in_(ids[start : start + _BATCH]))
            session.execute(some.values(period=period).execution_options(synchronize_session=False))


def open_rows(session: Session, model: Model, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows that begin."""
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(model), list(rows[start : start + _BATCH]))


def row_of(session: Session, line: Stated, columns: Sequence[str]) -> dict[str, Any]:
    """Return a line as a row on record: keys and values by the names of their columns, and its period."""
    named = zip(columns, (*line.key, *line.values), strict=True)
    return dict(named) | {"period": Range(line.begin, line.end), "recorded_by": session.info["actor"]}


def write(session: Session, model: Model, columns: Sequence[str], steps: Steps, clock: Clock) -> None:
    """Bring a table of the record to where a load leaves it."""
    close(session, model, steps, clock)
    open_rows(session, model, [row_of(session, line, columns) for line in steps.open])


def county_ground(session: Session, at: datetime) -> Any:
    """Return the ground of the plan in force at a time, ``None`` where none is: then nothing is outside."""
    version = version_in_force(session, at)
    if version is None:
        return None
    ground = session.scalar(select(PlanVersion.extent).where(PlanVersion.version == version))
    shapely.prepare(ground)
    return ground


def spot(shape: Any) -> str:
    """Return where a shape is, as a report says it.

    Examples
    --------
    >>> spot(shapely.Point(120.3, 31.5)), spot(shapely.box(120, 31, 121, 32))
    ('120.30000, 31.50000', 'Polygon of 5 vertices around 120.50000, 31.50000')
    """
    if shape is None:
        return ""
    middle = shapely.centroid(shape)
    where = f"{middle.x:.5f}, {middle.y:.5f}"
    if shape.geom_type == "Point":
        return where
    return f"{shape.geom_type} of {shapely.get_num_coordinates(shape)} vertices around {where}"
