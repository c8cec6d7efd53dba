"""A batch whose points are of different times: each is answered from the version that was in force at its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from gridmap.api.batch import Answered, Points, Rows, answer_points, refuse_too_much, times_of
from gridmap.api.errors import TooLargeError
from gridmap.api.limits import MOST_SQUARED_LETTERS, MOST_VERSIONS
from gridmap.api.moments import Moment, TimeQuery, read_moment, since_1970
from gridmap.api.served import Served, pick
from gridmap.api.source import Source
from gridmap.cases.added import PERSON_COLUMNS, Added, Coded
from gridmap.cases.addresses import ADDRESS_OUTCOMES, Addressed

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

NO_PLAN: Final = "此时尚无生效的方案 · no plan was in force at that time"
_NOWHERE: Final = -1


@dataclass(frozen=True, eq=False)
class Part:
    """The points of a batch that one version answers.

    Parameters
    ----------
    version
        Of the plan.
    rows
        Which points, ascending.
    answered
        What is said of them, in this order.
    """

    version: str
    rows: Rows
    answered: Answered


@dataclass(frozen=True, eq=False)
class AnsweredBatch:
    """What is said of a batch.

    Parameters
    ----------
    size
        How many points.
    version, moment
        Of the points that state no time.
    parts
        A version each; every point is in one.
    """

    size: int
    version: str
    moment: Moment
    parts: tuple[Part, ...]

    def by_outcome(self) -> dict[str, int]:
        """Return how many points came out how; they add up to the points."""
        counts = [part.answered.by_outcome() for part in self.parts]
        names = [name for name in ADDRESS_OUTCOMES if any(name in each for each in counts)]
        return {outcome: sum(each.get(outcome, 0) for each in counts) for outcome in names}

    def columns(self) -> dict[str, Coded]:
        """Return the answers as ``gridmap join`` adds them; a level that only some of the versions have comes last."""
        tables = [_columns(part) for part in self.parts]
        levels = dict.fromkeys(level for part in self.parts for level in part.answered.answers.grid)
        others = dict.fromkeys(name for table in tables for name in table if name not in levels)
        rows = [part.rows for part in self.parts]
        return {name: _scattered([table.get(name) for table in tables], rows) for name in (*levels, *others)}


def _columns(part: Part) -> dict[str, Coded]:
    answered, size = part.answered, len(part.rows)
    people = answered.people or {name: Coded.same(None, size) for name in PERSON_COLUMNS}
    texts = {"reason": Coded.of(answered.reason), **people, "plan_version": Coded.same(part.version, size)}
    if answered.addressed is not None:
        texts |= _geocoded(answered.addressed)
    return Added(answered.answers.as_frame(), texts).coded()


def _geocoded(addressed: Addressed) -> dict[str, Coded]:
    """Return what is said of addresses, nothing in the rows that have coordinates."""
    confidence = [None if math.isnan(each) else f"{each:g}" for each in addressed.confidence.tolist()]
    return {
        "geocode_type": Coded.of(addressed.match_types),
        "geocode_confidence": Coded.of(np.array(confidence, dtype=object)),
        "needs_person": Coded.of(addressed.needs_person.astype("str")),
    }


def _scattered(columns: list[Coded | None], rows: list[Rows]) -> Coded:
    """Put the columns of parts together, in the order of the batch."""
    if len(columns) == 1 and columns[0] is not None:
        return columns[0]
    positions = np.full(sum(len(each) for each in rows), _NOWHERE, dtype=np.int64)
    values: list[object] = []
    for column, at in zip(columns, rows, strict=True):
        if column is not None:
            own = column.positions.astype(np.int64)
            positions[at] = np.where(own < 0, _NOWHERE, own + len(values))
            values.extend(column.values.tolist())
    return Coded(positions, np.array(values, dtype=object))


def answer_batch(
    served: Served,
    asked: TimeQuery,
    points: Points,
    geocoder: Geocoder | None = None,
    most_letters: float = MOST_SQUARED_LETTERS,
) -> AnsweredBatch:
    """Answer for many points; each gets what :func:`gridmap.api.places.place` would say at its own time.

    Parameters
    ----------
    served
        The versions.
    asked
        ``version``, where one is to answer all points; ``at``, the time of those that state none.
    points
        A point without a plan at its time is ``invalid``.
    geocoder
        Of those that have an address and no coordinates.
    most_letters
        Squares of the lengths of all addresses together.

    Raises
    ------
    TooLargeError
        When the batch asks for more work than one may.
    UnknownNameError
        When there is no such version, or none was in force at the time of the batch.
    """
    refuse_too_much(points, most_letters)
    moment, usual = read_moment(asked.at), pick(served, asked)
    whose = np.full(len(points), usual.plan.version, dtype=object)
    if asked.version is None and points.at.notna().any():
        whose = _in_force(served, times_of(points.at, moment)[0], moment)
    found = [*dict.fromkeys(whose.tolist())]
    if len(found) > MOST_VERSIONS:
        raise TooLargeError(
            f"the times of the batch lie in {len(found)} versions of the plan, at most {MOST_VERSIONS} answer one "
            "batch; split it, or state the version"
        )
    asker = _Asker(served, usual, points, moment, geocoder)
    parts = [asker.part(version, np.flatnonzero(whose == version)) for version in found]
    if not parts:
        nothing = answer_points(usual, points, moment, geocoder)
        parts = [Part(usual.plan.version, np.empty(0, dtype=np.int64), nothing)]
    return AnsweredBatch(len(points), usual.plan.version, moment, tuple(parts))


def _in_force(served: Served, times: NDArray[np.float64], moment: Moment) -> NDArray[np.object_]:
    """Return the version in force at each time, empty where none was; an unreadable time is that of the batch."""
    times = np.where(np.isnan(times), moment.microseconds, times)
    whose = np.full(len(times), "", dtype=object)
    for each in served.timeline():
        begin = -np.inf if each.since is None else since_1970(each.since)
        end = np.inf if each.until is None else since_1970(each.until)
        whose[(begin <= times) & (times < end)] = each.version
    return whose


@dataclass(frozen=True, eq=False)
class _Asker:
    """What all parts of a batch have in common."""

    served: Served
    usual: Source
    points: Points
    moment: Moment
    geocoder: Geocoder | None

    def part(self, version: str, rows: Rows) -> Part:
        """Answer the points of one version; of none, where no plan was in force."""
        chosen = self.points if len(rows) == len(self.points) else self.points.at_rows(rows)
        if not version:
            answered = answer_points(self.usual, chosen.nowhere(), self.moment)
            answered.reason[:] = NO_PLAN
            return Part(self.usual.plan.version, rows, answered)
        source = self.usual if version == self.usual.plan.version else self.served.version(version)
        return Part(version, rows, answer_points(source, chosen, self.moment, self.geocoder))
