"""Many points at once, as columns; a bad point is an outcome of its own, never of the batch."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.api.errors import TooLargeError
from gridmap.api.limits import MOST_ACCURACY_M, MOST_DISCS_M2, MOST_POINTS, MOST_SQUARED_LETTERS, MOST_SYSTEMS
from gridmap.api.moments import Moment
from gridmap.api.source import Source
from gridmap.cases.added import PERSON_COLUMNS, Coded
from gridmap.cases.addresses import ADDRESS_OUTCOMES, Addressed, locate_rows
from gridmap.cases.incidents import BAD_TIME
from gridmap.locate.answers import Answers
from gridmap.locate.placement import INVALID, MATCHED, OUTCOMES
from gridmap.people.times import microseconds, read_times

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

Floats: TypeAlias = NDArray[np.float64]
Texts: TypeAlias = NDArray[np.object_]
Rows: TypeAlias = NDArray[np.int64]

TOO_VAGUE: Final = (
    f"精度超过 {MOST_ACCURACY_M:.0f} 米，说明不了位置 · "
    f"an accuracy beyond {MOST_ACCURACY_M:.0f} m says nothing of a place"
)
NO_ADDRESSES: Final = "没有坐标，服务也未加载地址索引 · there are no coordinates, and this server has no address index"
NOT_A_POINT: Final = '此项不是对象，应为 {"lon": …, "lat": …} · this item is not an object with lon and lat'


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a batch, a column each.

    Parameters
    ----------
    lon, lat
        NaN where there is none, or something that is no number.
    crs
        One system for all, or one a point.
    accuracy_m
        Metres; NaN where it is not known, negative where something stood there that is no accuracy; or ``None``.
    duty, at
        Text, missing where none is stated.
    broken
        Rows that are no points at all.
    address
        Text, missing where none is stated; ``None`` where addresses are not asked about. A point that has coordinates
        is where these say.
    """

    lon: Floats
    lat: Floats
    crs: str | Texts
    accuracy_m: Floats | None
    duty: pd.Series
    at: pd.Series
    broken: Rows
    address: pd.Series | None = None

    def __len__(self) -> int:
        return len(self.lon)

    def at_rows(self, rows: Rows) -> Points:
        """Return some of the points, in the order of their rows."""
        return Points(
            self.lon[rows],
            self.lat[rows],
            self.crs if isinstance(self.crs, str) else self.crs[rows],
            None if self.accuracy_m is None else self.accuracy_m[rows],
            self.duty.iloc[rows],
            self.at.iloc[rows],
            np.flatnonzero(np.isin(rows, self.broken)),
            None if self.address is None else self.address.iloc[rows],
        )

    def nowhere(self) -> Points:
        """Return as many points that are in no place."""
        nothing = np.full(len(self), np.nan)
        return replace(self, lon=nothing, lat=nothing, crs="wgs84", accuracy_m=None, address=None)


@dataclass(frozen=True, eq=False)
class Answered:
    """What is said of the points of a batch.

    Parameters
    ----------
    answers
        Of the locator.
    reason
        Why a point is not matched, or names nobody; empty where there is nothing to explain.
    timeless
        Whether a point states a time that cannot be read, so that nobody can be named.
    people
        ``person_id, person, answered_level``, or ``None`` without a roster.
    moment
        The time of the points that state none.
    addressed
        What is said of the rows that are asked about by address; ``None`` where none may be.
    """

    answers: Answers
    reason: Texts
    timeless: NDArray[np.bool_]
    people: dict[str, Coded] | None
    moment: Moment
    addressed: Addressed | None = None

    @cached_property
    def person(self) -> NDArray[Any]:
        """Return a number a row that stands for who answers it, -1 for nobody."""
        if self.people is None:
            return np.full(len(self.reason), -1, dtype=np.int64)
        return self.people[PERSON_COLUMNS[0]].positions

    def by_outcome(self) -> dict[str, int]:
        """Return how many points came out how; they add up to the points."""
        names = OUTCOMES if self.addressed is None else ADDRESS_OUTCOMES
        counts = np.bincount(self.answers.outcome, minlength=len(names))
        return dict(zip(names, counts.tolist(), strict=True))


def check_size(count: int, what: str = "points") -> None:
    """Refuse more of something than is answered at once.

    Raises
    ------
    TooLargeError
        Naming the limit.
    """
    if count > MOST_POINTS:
        raise TooLargeError(f"the batch has more than {MOST_POINTS:,} {what}, the most answered at once; split it")


def answer_points(source: Source, points: Points, moment: Moment, geocoder: Geocoder | None = None) -> Answered:
    """Answer for many points at once from one version; each gets what :func:`gridmap.api.places.place` would say."""
    accuracy, vague = points.accuracy_m, np.empty(0, dtype=np.int64)
    if accuracy is not None:
        vague = np.flatnonzero(accuracy > MOST_ACCURACY_M)
        accuracy = np.where(accuracy > MOST_ACCURACY_M, -1.0, accuracy)
    answers = source.locator.answer(points.lon, points.lat, crs=points.crs, accuracy_m=accuracy)
    reason = np.full(len(points), "", dtype=object)
    rows = np.flatnonzero(answers.outcome != MATCHED)
    reason[rows] = answers.reasons(rows)
    reason[vague] = TOO_VAGUE
    reason[points.broken] = NOT_A_POINT
    addressed = None
    if points.address is not None and geocoder is None:
        unplaced = np.isnan(points.lon) | np.isnan(points.lat)
        reason[unplaced & points.address.notna().to_numpy(dtype=bool)] = NO_ADDRESSES
    elif points.address is not None and geocoder is not None:
        addressed = locate_rows(geocoder, source.locator, answers, points.address)
        answers = addressed.merged(answers)
        reason[addressed.rows] = addressed.reasons
    timeless = np.zeros(len(points), dtype=bool)
    people = None
    if source.answerers is not None:
        times, timeless = times_of(points.at, moment)
        people = source.answerers.answer(answers.grid, times, Coded.of(points.duty.to_numpy(dtype=object)))
        _add_timeless(reason, np.flatnonzero(timeless & (answers.outcome != INVALID)), points.at)
    return Answered(answers, reason, timeless, people, moment, addressed)


def refuse_too_much(points: Points, most_letters: float = MOST_SQUARED_LETTERS) -> None:
    """Refuse points that together ask for more work than one batch may; ``most_letters`` as :func:`refuse_too_long`.

    Raises
    ------
    TooLargeError
        Naming the limit.
    """
    if not isinstance(points.crs, str):
        systems = len(pd.unique(pd.Series(points.crs)))
        if systems > MOST_SYSTEMS:
            raise TooLargeError(f"the batch names {systems:,} coordinate systems; at most {MOST_SYSTEMS} in one batch")
    if points.accuracy_m is not None:
        used = points.accuracy_m[(points.accuracy_m > 0) & (points.accuracy_m <= MOST_ACCURACY_M)]
        if float((used**2).sum()) > MOST_DISCS_M2:
            most = int(MOST_DISCS_M2 / float((used**2).mean()))
            raise TooLargeError(
                f"the accuracies of the batch are so wide that at most {most:,} such points are answered at once"
            )
    if points.address is not None:
        refuse_too_long(points.address.dropna(), most_letters)


def refuse_too_long(addresses: Iterable[str], most_letters: float = MOST_SQUARED_LETTERS) -> None:
    """Refuse addresses that together ask for more work than one batch may; those too long to be one ask for none.

    Parameters
    ----------
    addresses
        Each is as long as what is read of it: one letter may stand for eighteen (U+FDFA).
    most_letters
        Squares of their lengths together.

    Raises
    ------
    TooLargeError
        Naming the limit.
    """
    from gridmap.address.geocoder import MOST_CHARACTERS  # not where a server has no addresses

    read = [len(unicodedata.normalize("NFKC", each)) for each in addresses if len(each) <= MOST_CHARACTERS]
    work = [min(size, MOST_CHARACTERS) ** 2 for size in read]
    if sum(work) > most_letters:
        most = int(most_letters * len(work) / sum(work))
        raise TooLargeError(f"the addresses of the batch are so long that at most {most:,} such are answered at once")


def times_of(at: pd.Series, moment: Moment) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the time of each point: now where none is stated, NaN where what is stated is no time."""
    if not at.notna().any():
        return np.full(len(at), moment.microseconds), np.zeros(len(at), dtype=bool)
    times, unreadable = read_times(at)
    found = microseconds(times, np.nan)
    return np.where(np.isnan(found) & ~unreadable, moment.microseconds, found), unreadable


def _add_timeless(reason: Texts, rows: Rows, at: pd.Series) -> None:
    for row in rows.tolist():
        why = BAD_TIME.format(at.iloc[row])
        reason[row] = f"{reason[row]}；{why}" if reason[row] else why
