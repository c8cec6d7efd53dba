"""What the API answers: the values that routes return, and from which the OpenAPI is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gridmap.address.model import GeocodeOutcome, MatchType
from gridmap.locate.placement import Outcome

PlanVersion = Annotated[
    str, Field(description="方案版本 · version of the plan that answered", examples=["9b3b915afa5d"])
]
Reason = Annotated[str, Field(description="中文 · English; empty where there is nothing to explain")]
Chain = Annotated[
    dict[str, str],
    Field(
        description="层级 → 编码 · level → code, the coarsest first; of an ambiguous point what all candidates share"
    ),
]
Time = Annotated[
    str,
    Field(
        description="按此时间确定责任人 · the time at which people were asked for",
        examples=["2026-05-01T08:00:00+08:00"],
    ),
]

AddressOutcome = Annotated[
    Outcome | Literal["unresolved"],
    Field(
        description="unresolved: 不是地址、县外、未找到或只认出乡镇，须人工处理 · of an address: none, of elsewhere, "
        "not found, or only a town is known; a person has to look"
    ),
]
AddressVersion = Annotated[
    str, Field(description="地址索引版本 · version of the address index that answered", examples=["4f0c2a9d71be"])
]
Matched = Annotated[
    MatchType,
    Field(
        description="exact 逐项相符 every element is listed · building 楼栋或门牌相符 the door or building is · "
        "interpolated 按相邻门牌推算 between two listed numbers · street, estate, community 只认出道路、小区、社区 "
        "only that is known · fallback 只认出乡镇或县 only a town or the county, never dispatched without a person · "
        "empty: nothing is known"
    ),
]
Confidence = Annotated[
    float, Field(ge=0, le=1, description="calibrated: of answers given at 0.9, nine in ten have the right point")
]
Degrees = Annotated[float | None, Field(description="EPSG:4490; null where it is not known")]
Accuracy = Annotated[float | None, Field(description="radius in metres within which the true point lies")]


class Answer(BaseModel):
    """A value that is sent; it does not change once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NearGrid(Answer):
    """A grid that the accuracy disc touches."""

    level: str
    code: str
    distance_m: Annotated[float, Field(description="0 where the point itself is inside")]


class Person(Answer):
    """Who answers for a place, or why nobody can be named. Names are masked."""

    outcome: Annotated[
        Literal["named", "nobody", "no_roster", "no_place"],
        Field(description="nobody: 链上无人承担 · nobody in the chain holds the duty; no_place: in no grid"),
    ]
    reason: Reason
    person_id: str | None = None
    name: Annotated[str | None, Field(examples=["王**"])] = None
    role: str | None = None
    level: Annotated[str | None, Field(description="where in the chain the person was found")] = None
    grid: str | None = None


class Leader(Answer):
    """Who leads a grid itself. Name and phone are masked."""

    outcome: Literal["named", "nobody", "no_roster"]
    name: Annotated[str | None, Field(examples=["王**"])] = None
    role: str | None = None
    phone: Annotated[str | None, Field(examples=["138****5678"])] = None


class PlaceAnswer(Answer):
    """Which grid a point is in, and who answers for it."""

    outcome: Outcome
    reason: Reason
    chain: Chain
    candidates: tuple[NearGrid, ...]
    border_distance_m: Annotated[
        float | None, Field(description="from the point to the border of its grid of the finest tiling level")
    ]
    responsible: Person
    at: Time
    plan_version: PlanVersion


class BatchPerson(Answer):
    """Who answers for a point of a batch; ``/v1/locate`` also says why."""

    outcome: Literal["named", "nobody", "no_roster", "no_place", "no_time"]
    person_id: str | None = None
    name: str | None = None
    level: str | None = None
    grid: str | None = None


class BatchGeocoding(Answer):
    """What the address of an item of a batch was understood as; ``/v1/locate`` says more."""

    outcome: GeocodeOutcome
    match_type: Matched
    confidence: Annotated[Confidence, Field(description="of the likeliest grid")]
    needs_person: bool
    address: str
    lon: Degrees
    lat: Degrees
    accuracy_m: Accuracy
    address_version: AddressVersion


class BatchItem(Answer):
    """What is said of one point of a batch."""

    id: Annotated[Any, Field(description="as it came in; absent where none was given")] = None
    outcome: AddressOutcome
    reason: Reason
    chain: Chain
    candidates: tuple[NearGrid, ...]
    responsible: Annotated[BatchPerson | None, Field(description="null where an address names no place")]
    geocoding: Annotated[
        BatchGeocoding | None,
        Field(description="of an item with an address and no coordinates; absent where it has them"),
    ] = None
    plan_version: Annotated[
        str | None,
        Field(description="of a point whose own time another version answers; absent where it is that of all"),
    ] = None


class BatchAnswer(Answer):
    """One result a point, in the order of the points."""

    outcome: Literal["answered"]
    count: int
    by_outcome: Annotated[dict[str, int], Field(description="how many points came out how; they add up to count")]
    at: Annotated[Time, Field(description="of the points that state no time")]
    plan_version: Annotated[
        str, Field(description="版本 · version that answered the points which name none", examples=["9b3b915afa5d"])
    ]
    results: tuple[BatchItem, ...]


class GridAnswer(Answer):
    """What is recorded of a grid, where it stands, and who answers for it."""

    outcome: Literal["found"]
    reason: Reason
    code: str
    level: str
    levels: Annotated[tuple[str, ...], Field(description="every level that has this code; choose with ?level=")]
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
    chain: Chain
    children: tuple[str, ...]
    leader: Leader
    responsible: Person
    at: Time
    plan_version: PlanVersion
    geometry: Annotated[
        dict[str, Any] | None, Field(description="GeoJSON; null unless ?geometry=true, or where the grid has no land")
    ] = None


class GridFeature(Answer):
    """A grid as a GeoJSON feature (RFC 7946)."""

    type: Literal["Feature"]
    id: str
    bbox: tuple[float, float, float, float] | None = None
    geometry: dict[str, Any] | None
    properties: GridAnswer


class Health(Answer):
    """That the server answers, and with what."""

    outcome: Literal["ok"]
    plan_version: PlanVersion
    levels: Annotated[dict[str, int], Field(description="level → number of grids")]
    people: Annotated[int | None, Field(description="people of the roster, null without one")]
    gridmap_version: str


class Live(Answer):
    """That the process answers."""

    outcome: Literal["ok"]
    gridmap_version: str


class Ready(Answer):
    """That questions are answered."""

    outcome: Literal["ok"]
    plan_version: PlanVersion


class Successor(Answer):
    """What the lineage records of a retired code."""

    level: str | None
    code: str | None
    date: str | None
    share_area: float | None
    share_households: float | None
    document: str | None


class FieldProblem(Answer):
    """One value of a request that cannot be used."""

    where: Annotated[str, Field(examples=["query"])]
    name: Annotated[str, Field(examples=["lon"])]
    reason: str
    value: str | None = None


class Problem(Answer):
    """What went wrong (RFC 9457, ``application/problem+json``)."""

    type: Annotated[str, Field(examples=["urn:gridmap:problem:input"])]
    title: Annotated[str, Field(description="中文 · English")]
    status: int
    detail: str
    instance: Annotated[str, Field(description="path of the request")]
    request_id: str
    errors: tuple[FieldProblem, ...] | None = None
    successors: Annotated[
        tuple[Successor, ...] | None, Field(description="of a retired code, as the lineage records it")
    ] = None
    current: Annotated[
        tuple[str, ...] | None, Field(description="of a retired code: codes of the plan that stand there now")
    ] = None
    plan_version: Annotated[
        str | None, Field(description="version of the plan that was asked; absent where none was")
    ] = None


def as_json(answer: Answer) -> bytes:
    """Return a value as JSON.

    Examples
    --------
    >>> as_json(Leader(outcome="nobody"))
    b'{"outcome":"nobody","name":null,"role":null,"phone":null}'
    """
    return answer.__pydantic_serializer__.to_json(answer)
