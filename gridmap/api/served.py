"""What the app answers from: versions of a plan along a timeline, and one rule for which of them is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, Protocol

import pandas as pd

from gridmap.api.moments import Moment, TimeQuery, is_plain, read_moment
from gridmap.api.source import Source
from gridmap.errors import UnavailableError, UnknownNameError

FILE: Final = "file"
CURRENT: Final = "no-cache"
IMMUTABLE: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Publication:
    """One stretch of the timeline: the version in force, ``[since, until)``.

    Parameters
    ----------
    version, name
        Of the plan.
    since, until
        Aware; ``None`` is open.
    kind
        ``publish``, ``rollback`` (an older version is in force again), or ``file`` where the plan came from a file.
    note
        What whoever published it said; it is not sent to everybody.
    counts
        Level → number of grids, where that is known without loading the version.
    """

    version: str
    name: str
    since: datetime | None
    until: datetime | None
    kind: str
    note: str
    counts: Mapping[str, int] | None = None

    def holds(self, moment: Moment) -> bool:
        """Whether the version was, is or will be in force at a moment.

        Examples
        --------
        >>> spring = Publication("9b3b", "", None, read_moment("2026-05-01").time, "publish", "")
        >>> spring.holds(read_moment("2026-04-30T23:59:59")), spring.holds(read_moment("2026-05-01"))
        (True, False)
        """
        return (self.since is None or self.since <= moment.time) and (self.until is None or moment.time < self.until)


class Served(Protocol):
    """Versions of a plan and what belongs to them; threads share it, and what it returns never changes."""

    def current(self) -> Source:
        """Return what is in force now, from memory.

        Raises
        ------
        UnavailableError
            While nothing is loaded.
        """
        ...

    def at(self, moment: Moment) -> Source:
        """Return what was in force at a moment; it may have to be loaded.

        Raises
        ------
        UnknownNameError
            Where nothing was in force then.
        """
        ...

    def version(self, version: str) -> Source:
        """Return a version, with the people and facts of all times; it may have to be loaded.

        Raises
        ------
        UnknownNameError
            Naming the versions there are.
        """
        ...

    def timeline(self) -> tuple[Publication, ...]:
        """Return what was, is and will be in force, the oldest first, from memory."""
        ...

    def lineage(self) -> pd.DataFrame:
        """Return what became of retired codes in whatever version: ``LINEAGE_COLUMNS``, from memory."""
        ...


@dataclass(frozen=True, eq=False)
class FileServed:
    """One plan from a file, in force whenever one asks.

    Parameters
    ----------
    source
        From :func:`gridmap.api.source.read_source`.
    """

    source: Source

    def current(self) -> Source:
        """Return the plan."""
        return self.source

    def at(self, moment: Moment) -> Source:  # noqa: ARG002 - a file has no history
        """Return the plan."""
        return self.source

    def version(self, version: str) -> Source:
        """Return the plan, if that is its version."""
        mine = self.source.plan.version
        if version != mine:
            raise UnknownNameError(f"there is no version {version!r}; there is {mine}")
        return self.source

    def timeline(self) -> tuple[Publication, ...]:
        """Return one stretch, open on both sides."""
        return self._timeline

    @cached_property
    def _timeline(self) -> tuple[Publication, ...]:
        plan = self.source.plan
        return (Publication(plan.version, plan.metadata.name, None, None, FILE, "", self.source.levels),)

    def lineage(self) -> pd.DataFrame:
        """Return that of the plan."""
        return self.source.plan.lineage


def pick(served: Served, asked: TimeQuery) -> Source:
    """Return what a question is about: ``version``, else what was in force ``at`` that time, else what is in force now.

    Raises
    ------
    InputError
        When ``at`` is no time.
    UnknownNameError
        When there is no such version, or none was in force then.
    """
    if asked.version is not None:
        return served.version(asked.version)
    return served.current() if asked.is_of_now else served.at(read_moment(asked.at))


def picks_at_once(served: Served, asked: TimeQuery) -> bool:
    """Whether :func:`pick` answers from memory, so that it may be called where nothing may wait."""
    if asked.version is None and asked.is_of_now:
        return True
    try:
        current = served.current().plan.version
    except UnavailableError:
        return False  # nothing is in force, but there may be versions
    if asked.version is not None:
        return asked.version == current
    if asked.at is None or not is_plain(asked.at):
        return False
    moment = read_moment(asked.at)
    return any(each.version == current and each.holds(moment) for each in served.timeline())


def caching(asked: TimeQuery, *, timeless: bool) -> str:
    """Return ``Cache-Control``: what is of a stated version and depends on nothing else may be kept for ever.

    Parameters
    ----------
    asked
        The question.
    timeless
        Whether the answer holds what the version holds and nothing more: no people, stations or circles.

    Examples
    --------
    >>> caching(TimeQuery(version="9b3b915afa5d"), timeless=True), caching(TimeQuery(), timeless=True)
    ('public, max-age=31536000, immutable', 'no-cache')
    """
    return IMMUTABLE if timeless and asked.version is not None else CURRENT
