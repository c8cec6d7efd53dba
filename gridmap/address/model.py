"""What an address is made of, and what is answered for one: values that every part of the package speaks in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

MatchType = Literal["exact", "building", "interpolated", "street", "estate", "community", "fallback", ""]
MATCH_TYPES: Final[tuple[MatchType, ...]] = (
    "exact", "building", "interpolated", "street", "estate", "community", "fallback",
)  # fmt: skip
"""From the surest to the vaguest: every element found in the list; the door or building found, what is finer not
listed; a number between two listed ones; only the road, the estate, the community found; only a town or the county."""

GeocodeOutcome = Literal["matched", "ambiguous", "elsewhere", "not_found", "invalid"]
OUTCOMES: Final[tuple[GeocodeOutcome, ...]] = ("matched", "ambiguous", "elsewhere", "not_found", "invalid")
"""One place; several that the text does not tell apart; an address of another county; nothing of it is known;
no address at all (empty, only punctuation, too long)."""

KINDS: Final = (
    "", "lane", "alley", "group", "plate", "sub", "building", "unit", "floor", "basement", "room",
)  # fmt: skip
"""Kinds of numbers, coarse to fine; the position is the code in the index. ``""``: a number without its word."""


@dataclass(frozen=True, slots=True)
class Step:
    """One number of an address with its word: 12号, 之1, 3栋, 2单元, 四楼.

    Parameters
    ----------
    number
        0 where only a letter stands (B座).
    letter
        ``a`` … ``z`` or 甲 … 癸, 东 …, 临; empty where there is none.
    kind
        One of :data:`KINDS`.
    start, end
        Where it stands in the cleaned text, its word included.
    """

    number: int
    letter: str = ""
    kind: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an address after GA/T 2000.32.

    Parameters
    ----------
    code
        10 province, city, county; 20 town; 30 community; 40 street, lane or estate; 50 door plate; 60 building;
        70 unit; 80 floor and room; 90 a note or landmark (ours).
    kind
        ``province, city, county, town, community, street, lane, alley, estate, hamlet, plate, sub, building, unit,
        floor, room, landmark, note``.
    text
        As it stands in what was asked.
    value
        As it is meant: the standard name, or the number in arabic digits.
    start, end
        Where it stands in what was asked (raw text, ``raw[start:end] == text``).
    matched
        Whether the index knows it; ``None`` where nothing was looked up.
    """

    code: int
    kind: str
    text: str
    value: str
    start: int
    end: int
    matched: bool | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of what was asked that was not understood: kept and reported."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """An address taken apart without knowing the county."""

    raw: str
    elements: tuple[Element, ...]
    rest: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class GeoCandidate:
    """One place the text may mean.

    Parameters
    ----------
    address
        Its standard address.
    match_type, confidence
        As of :class:`Geocoding`.
    lon, lat
        Degrees, EPSG:4490; NaN where the list has no position.
    accuracy_m
        Radius within which the true point lies if this place is meant.
    differs
        What would tell it apart: for example ``"华阳镇"``, where the others are in other towns.
    node
        Of the index: what of the address is listed; see :meth:`gridmap.Geocoder.parts_of`.
    """

    address: str
    match_type: MatchType
    confidence: float
    lon: float
    lat: float
    accuracy_m: float
    differs: str = ""
    node: int = -1


@dataclass(frozen=True, slots=True)
class AddressParts:
    """A listed place taken apart.

    Parameters
    ----------
    kind, name
        Of what it is or hangs below: ``town, community, street, hamlet, estate, landmark``, as the list writes it.
    town, community
        That it is in, or is; empty where it lies in several.
    steps
        Numbers below the name, coarse to fine.
    """

    kind: str
    name: str
    town: str
    community: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Geocoding:
    """What is answered for one address.

    Parameters
    ----------
    outcome
        One of :data:`OUTCOMES`.
    reason
        In words: what was found, what was not, what would help.
    match_type
        One of :data:`MATCH_TYPES`; empty unless the outcome is ``matched`` or ``ambiguous``.
    confidence
        Calibrated: of answers given at 0.9, nine in ten have the right point (within the small grid of it).
    lon, lat
        Degrees, EPSG:4490; of the likeliest place; NaN where there is none.
    accuracy_m
        Radius within which the true point lies.
    address, town, community
        Of the likeliest place, standard form.
    candidates
        The likeliest places, the likeliest first, it among them; one where nothing is in doubt.
    points, weights
        Longitude and latitude of the places that may be meant, and how likely each is (they sum to at most 1; the rest
        is the doubt whether it is any of them). What :func:`gridmap.address.place.locate_address` makes grids of.
    index_version
        Of the index that answered.
    telling
        Gives the elements and what was not understood; asked for once, and only if somebody wants to know.
    """

    outcome: GeocodeOutcome
    reason: str
    match_type: MatchType = ""
    confidence: float = 0.0
    lon: float = float("nan")
    lat: float = float("nan")
    accuracy_m: float = float("nan")
    address: str = ""
    town: str = ""
    community: str = ""
    candidates: tuple[GeoCandidate, ...] = ()
    points: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    weights: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    index_version: str = ""
    telling: Callable[[], tuple[tuple[Element, ...], tuple[Span, ...]]] | None = field(default=None, repr=False)

    @property
    def elements(self) -> tuple[Element, ...]:
        """What was understood, each with its place in the text and whether the index knows it."""
        return self._told[0]

    @property
    def unmatched(self) -> tuple[Span, ...]:
        """What was not understood."""
        return self._told[1]

    @cached_property
    def _told(self) -> tuple[tuple[Element, ...], tuple[Span, ...]]:
        return self.telling() if self.telling else ((), ())


@dataclass(frozen=True, slots=True)
class NearAddress:
    """The listed address nearest to a point.

    Parameters
    ----------
    outcome
        ``matched``; ``far`` where nothing listed lies within the radius; ``invalid`` where the point is none.
    reason
        In words.
    address, town, community
        Standard form; empty where nothing is near.
    lon, lat
        Of the address, degrees, EPSG:4490.
    distance_m
        From the point to it.
    same_side
        Whether it lies on the point's side of the street; ``None`` where the index knows no streets there.
    node
        Of the index, -1 where nothing is near; see :meth:`gridmap.Geocoder.parts_of`.
    index_version
        Of the index that answered.
    """

    outcome: Literal["matched", "far", "invalid"]
    reason: str
    address: str = ""
    town: str = ""
    community: str = ""
    lon: float = float("nan")
    lat: float = float("nan")
    distance_m: float = float("nan")
    same_side: bool | None = None
    node: int = -1
    index_version: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion of what somebody is typing.

    Parameters
    ----------
    text
        What to put into the box: the standard form.
    kind
        ``town, community, street, hamlet, estate, landmark, address``.
    context
        What tells it from others of its name: the town and community.
    lon, lat
        Degrees, EPSG:4490; NaN where there is none.
    count
        How many listed addresses lie under it.
    node
        Of the index; see :meth:`gridmap.Geocoder.parts_of`.
    """

    text: str
    kind: str
    context: str
    lon: float
    lat: float
    count: int
    node: int = -1
