"""The time a question is about: who is responsible is always asked at one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from gridmap.api.limits import FIRST_YEAR, LAST_YEAR, MOST_LETTERS
from gridmap.errors import InputError
from gridmap.people.times import ZONE, at_microseconds

AT: Final = (
    "所问时间（上报时间），无时区按北京时间；不写则为现在 · the time asked about: the plan in force then answers, "
    "and the people of then; without a zone Asia/Shanghai; now by default"
)
VERSION: Final = (
    "方案版本；不写则为所问时间生效的版本 · version of the plan that answers; by default the one in force at the time "
    "asked about"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_NO_SUMMER_TIME: Final = 1992
_LOST_PLUS: Final = re.compile(r"(.*\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d(?::?\d\d)?)\s*")


class TimeQuery(BaseModel):
    """Which version answers, and at what time: one rule for every question.

    ``version`` decides the grids; without it, the version in force ``at`` that time; without either, the one in force
    now. ``at`` also decides whose people are named.
    """

    model_config = ConfigDict(extra="forbid")

    version: Annotated[
        str | None,
        Field(description=VERSION, max_length=MOST_LETTERS, pattern="^[0-9A-Za-z_-]+$", examples=["9b3b915afa5d"]),
    ] = None
    at: Annotated[
        str | None, Field(description=AT, max_length=MOST_LETTERS, examples=["2026-05-01T08:00:00+08:00"])
    ] = None

    @property
    def is_of_now(self) -> bool:
        """Whether no time is stated."""
        return self.at is None or not self.at.strip()


@dataclass(frozen=True)
class Moment:
    """A time.

    Parameters
    ----------
    time
        In Asia/Shanghai.
    microseconds
        Since 1970.
    """

    time: datetime
    microseconds: float

    @property
    def text(self) -> str:
        """Return the time as answers write it."""
        return self.time.isoformat(timespec="seconds")


def is_plain(at: str) -> bool:
    """Whether a time has the layout that programs write, which is read at once.

    Examples
    --------
    >>> [is_plain(at) for at in ("2026-05-01", "2026-05-01T08:00:00+08:00", "2026年5月1日")]
    [True, True, False]
    """
    return _PLAIN.fullmatch(at) is not None and int(at[:4]) >= _NO_SUMMER_TIME


def read_moment(at: str | None) -> Moment:
    """Read the time a question is about; where none is stated, it is now.

    Raises
    ------
    InputError
        When it is no time, or one at which there was no roster.

    Examples
    --------
    >>> read_moment("2026-05-01 08:00").text, read_moment("2026-05-01T00:00Z").text
    ('2026-05-01T08:00:00+08:00', '2026-05-01T08:00:00+08:00')
    >>> read_moment("2026-05-01T08:00 08:00").text  # the + of +08:00 as addresses lose it
    '2026-05-01T08:00:00+08:00'
    """
    if at is None or not at.strip():
        now = datetime.now(ZoneInfo(ZONE))
        return Moment(now, since_1970(now))
    return _read_stated(at)


@lru_cache(maxsize=256)
def _read_stated(at: str) -> Moment:
    """Read a time; which version answers and whose people, both ask, so the last ones read are kept."""
    lost = _LOST_PLUS.fullmatch(at)
    written = f"{lost[1]}+{lost[2]}" if lost else at
    time = _read_plain(written) or _read_any(written)
    if time is None or not FIRST_YEAR <= time.year < LAST_YEAR:
        raise InputError(f"at={at!r} is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    return Moment(time, since_1970(time))


def since_1970(time: datetime) -> float:
    """Return an aware time as microseconds since 1970.

    Examples
    --------
    >>> since_1970(datetime(1970, 1, 1, 8, tzinfo=ZoneInfo(ZONE)))
    0.0
    """
    return (time - _EPOCH) / timedelta(microseconds=1)


def _read_plain(at: str) -> datetime | None:
    """Read the layout that programs write, as :func:`_read_any` does but a thousand times as fast."""
    if not _PLAIN.fullmatch(at):
        return None
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        return None
    if time.tzinfo is None:
        # Before that Shanghai had hours that came twice or never.
        return time.replace(tzinfo=ZoneInfo(ZONE)) if time.year >= _NO_SUMMER_TIME else None
    return time.astimezone(ZoneInfo(ZONE)) if FIRST_YEAR <= time.year < LAST_YEAR else None


def _read_any(at: str) -> datetime | None:
    """Read any time as offices write them; ``None`` for one that no calendar of computers has."""
    try:
        return (_EPOCH + timedelta(microseconds=at_microseconds(at))).astimezone(ZoneInfo(ZONE))
    except OverflowError:
        return None
