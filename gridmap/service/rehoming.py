"""What hangs on a grid and needs another home when its code is retired.

Every kind of thing has one function here; the cases of part 7 get theirs, and publishing asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from gridmap.store.models import Assignment, Organisation


@dataclass(frozen=True)
class Homeless:
    """A thing whose grid is no more.

    Parameters
    ----------
    kind
        ``assignment``, ``organisation``, …
    key
        What it is called in the record: a person_id, an org_id.
    grid
        The retired code.
    successors
        Codes that hold its ground, most of it first.
    """

    kind: str
    key: str
    grid: str
    successors: tuple[str, ...]


Finder: TypeAlias = Callable[[Session, Collection[str], datetime], Iterable[tuple[str, str]]]
"""Given the retired codes and a time: keys of the things that hang on them then, with the code."""


def _lasts(period: Any, at: datetime) -> ColumnElement[bool]:
    return or_(func.upper_inf(period), func.upper(period) > at)


def _assignments(session: Session, retired: Collection[str], at: datetime) -> Iterable[tuple[str, str]]:
    held = select(Assignment.person_id, Assignment.grid).where(
        Assignment.grid.in_(retired), _lasts(Assignment.period, at)
    )
    return [(key, grid) for key, grid in session.execute(held.order_by(Assignment.grid, Assignment.person_id))]


def _organisations(session: Session, retired: Collection[str], at: datetime) -> Iterable[tuple[str, str]]:
    held = select(Organisation.org_id, Organisation.grid).where(
        Organisation.grid.in_(retired), _lasts(Organisation.period, at)
    )
    return [(key, grid or "") for key, grid in session.execute(held.order_by(Organisation.grid, Organisation.org_id))]


FINDERS: Final[Mapping[str, Finder]] = {"assignment": _assignments, "organisation": _organisations}


def homeless(session: Session, successors: Mapping[str, tuple[str, ...]], at: datetime) -> tuple[Homeless, ...]:
    """Return everything that hangs on codes which end at a time.

    Parameters
    ----------
    session
        An open transaction; what its jurisdiction does not see is not listed.
    successors
        Retired code → codes that hold its ground.
    at
        When the codes end.
    """
    retired = list(successors)
    return tuple(
        Homeless(kind, key, grid, successors[grid])
        for kind, find in FINDERS.items()
        for key, grid in (find(session, retired, at) if retired else ())
    )
