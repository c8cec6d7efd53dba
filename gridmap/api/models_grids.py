"""What is answered of grids beside their records: children, neighbours, who answers; and many of them as GeoJSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from gridmap.api.models import Answer, Chain, Person, PlanVersion, Reason, Time

Outcome: TypeAlias = Literal["found", "none", "not_loaded"]


class GridItem(Answer):
    """What is recorded of a grid."""

    code: str
    level: str
    name: str | None
    parent: str | None
    kind: str | None
    area_m2: float | None
    households: float | None
    residents: float | None
    land_use: str | None
    grade: str | None
    responsible_body: str | None
    line_department: str | None
    valid_from: str | None
    valid_to: str | None


class ChildrenAnswer(Answer):
    """The grids one level below that a grid is made of."""

    outcome: Literal["found"]
    reason: Reason
    code: str
    level: str
    children_level: Annotated[str | None, Field(description="null at the finest level")]
    children: tuple[GridItem, ...]
    plan_version: PlanVersion


class Neighbour(Answer):
    """A grid of the same level that shares a border line."""

    code: str
    name: str | None
    parent: str | None
    border_m: Annotated[float, Field(description="length of the common border in metres", gt=0)]


class NeighboursAnswer(Answer):
    """The grids beside a grid, the longest common border first; a common corner makes no neighbour."""

    outcome: Literal["found"]
    reason: Reason
    code: str
    level: str
    neighbours: tuple[Neighbour, ...]
    plan_version: PlanVersion


class Contact(Person):
    """Who answers, and the phone; both masked."""

    phone: Annotated[str | None, Field(examples=["138****5678"])] = None


class ResponsibleAnswer(Answer):
    """Who answers for a grid at a time."""

    outcome: Literal["found"]
    reason: Reason
    code: str
    level: str
    chain: Chain
    duty: str | None
    responsible: Contact
    at: Time
    plan_version: PlanVersion


class Link(Answer):
    """Where there is more."""

    rel: Annotated[str, Field(examples=["next"])]
    href: str
    type: str


class Collection(Answer):
    """Features, a page of them (RFC 7946)."""

    type: Literal["FeatureCollection"]
    outcome: Annotated[
        Outcome,
        Field(description="none: 没有符合条件的 · nothing fits; not_loaded: 未加载 · no such data is loaded"),
    ]
    reason: Reason
    plan_version: PlanVersion
    numberMatched: int  # noqa: N815 - the name OGC API Features gives it
    numberReturned: int  # noqa: N815
    links: tuple[Link, ...]


class GridItemFeature(Answer):
    """A grid as a feature."""

    type: Literal["Feature"]
    id: str
    bbox: tuple[float, float, float, float] | None = None
    geometry: dict[str, Any] | None
    properties: GridItem


class GridCollection(Collection):
    """Grids of a level."""

    level: str
    features: tuple[GridItemFeature, ...]


class Dated(Answer):
    """What holds for a while."""

    valid_from: str | None
    valid_to: str | None


class StationItem(Dated):
    """A station."""

    station: str
    name: str | None
    kind: str | None
    capacity: float | None
    outcome: Annotated[str | None, Field(description="of its widest circle: ok, clipped, off_network, island")]
    reason: str | None


class StationFeature(Answer):
    """A station as a feature."""

    type: Literal["Feature"]
    id: str
    bbox: tuple[float, float, float, float] | None = None
    geometry: dict[str, Any] | None
    properties: StationItem


class StationCollection(Collection):
    """Stations that there are at a time."""

    at: Time
    features: tuple[StationFeature, ...]


class GridStationCollection(StationCollection):
    """Stations in a grid."""

    code: str
    level: str


class CircleItem(Dated):
    """A walking service circle."""

    station: str
    minutes: float
    outcome: str | None
    reason: str | None
    area_m2: float | None
    speed_m_s: float | None


class CircleFeature(Answer):
    """A circle as a feature; without a geometry where the station has none."""

    type: Literal["Feature"]
    id: str
    bbox: tuple[float, float, float, float] | None = None
    geometry: dict[str, Any] | None
    properties: CircleItem


class CircleCollection(Collection):
    """Circles that hold at a time."""

    at: Time
    features: tuple[CircleFeature, ...]


class Covered(Answer):
    """Households, and those of them within reach of a station."""

    minutes: float
    total: float
    covered: float
    share: Annotated[float | None, Field(description="null where nobody lives")]


class CoveredArea(Covered):
    """Households of an area within reach."""

    area: str


class CoverageAnswer(Answer):
    """How many households reach a station on foot in time."""

    outcome: Outcome
    reason: Reason
    by_minutes: tuple[Covered, ...]
    by_area: tuple[CoveredArea, ...]
    at: Time
    plan_version: PlanVersion
