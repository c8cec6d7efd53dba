"""What is answered of addresses: where one is, as our own answers say it and as GeocodeJSON does."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from gridmap.address.model import GeocodeOutcome
from gridmap.api.models import (
    Accuracy,
    AddressOutcome,
    AddressVersion,
    Answer,
    Chain,
    Confidence,
    Degrees,
    Matched,
    NearGrid,
    Person,
    PlanVersion,
    Reason,
    Time,
)


def _missing(value: object) -> bool:
    return value is None


Word = Annotated[str | None, Field(exclude_if=_missing)]
"""A word of GeocodeJSON that is left out where it is not known."""


class AddressElement(Answer):
    """One element of an address after GA/T 2000.32, and where it stands in what was asked."""

    code: Annotated[int, Field(description="10 province-city-county … 50 door plate, 60 building … 90 note")]
    kind: str
    text: Annotated[str, Field(description="as it stands in what was asked")]
    value: Annotated[str, Field(description="as it is meant")]
    start: int
    end: int
    matched: Annotated[bool | None, Field(description="whether the address index knows it")]


class AddressRest(Answer):
    """A piece of what was asked that was not understood."""

    text: str
    start: int
    end: int


class AddressCandidate(Answer):
    """One place that an address may mean."""

    address: str
    match_type: Matched
    confidence: Confidence
    lon: Degrees
    lat: Degrees
    accuracy_m: Accuracy
    differs: Annotated[str, Field(description="what would tell it apart", examples=["华阳镇"])]


class Geocoded(Answer):
    """What an address was understood as."""

    outcome: GeocodeOutcome
    reason: Reason
    match_type: Matched
    confidence: Annotated[Confidence, Field(description="of the point")]
    grid_confidence: Annotated[float, Field(description="of the likeliest grid; several rows may lie in one")]
    needs_person: Annotated[
        bool, Field(description="须人工核实后才能派单 · somebody has to look before anything is dispatched")
    ]
    address: Annotated[str, Field(description="standard form; empty where nothing is known")]
    town: str
    community: str
    lon: Degrees
    lat: Degrees
    accuracy_m: Accuracy
    elements: tuple[AddressElement, ...]
    unmatched: tuple[AddressRest, ...]
    candidates: Annotated[
        tuple[AddressCandidate, ...], Field(description="the likeliest places, the answered one first")
    ]
    address_version: AddressVersion


class AddressPlaceAnswer(Answer):
    """Which grid an address is in, and who answers for it."""

    outcome: AddressOutcome
    reason: Reason
    chain: Chain
    candidates: tuple[NearGrid, ...]
    border_distance_m: Annotated[float | None, Field(description="from the likeliest point to the border of its grid")]
    responsible: Annotated[
        Person | None, Field(description="null where the address names no place: a person has to look first")
    ]
    geocoding: Geocoded
    at: Time
    plan_version: PlanVersion


class GeocodeJson(Answer):
    """How the answer is to be read (GeocodeJSON)."""

    version: Annotated[Literal["0.1.0"], Field(description="of the GeocodeJSON specification")] = "0.1.0"
    query: str


class Place(Answer):
    """A place as GeocodeJSON says it; what is not known is left out."""

    type: Literal["house", "street", "locality", "district", "city"]
    label: str
    accuracy: Annotated[float | None, Field(ge=0, exclude_if=_missing, description="metres")] = None
    name: Word = None
    housenumber: Word = None
    street: Word = None
    locality: Annotated[str | None, Field(exclude_if=_missing, description="小区或自然村 · estate or hamlet")] = None
    district: Annotated[str | None, Field(exclude_if=_missing, description="社区或村 · community or village")] = None
    city: Annotated[str | None, Field(exclude_if=_missing, description="乡镇或街道 · town")] = None


class PointGeometry(Answer):
    """A point of GeoJSON, longitude first."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class FoundPlace(Answer):
    """A place that an address may mean."""

    geocoding: Place
    match_type: Matched
    confidence: Confidence
    differs: Annotated[str, Field(description="what would tell it apart")]


class NearPlace(Answer):
    """The listed address nearest to a point."""

    geocoding: Place
    distance_m: float
    same_side: Annotated[bool | None, Field(description="on the point's side of the street; null: not known")]


class SuggestedPlace(Answer):
    """A completion of what somebody is typing."""

    geocoding: Place
    kind: str
    context: Annotated[str, Field(description="what tells it from others of its name")]
    count: Annotated[int, Field(description="listed addresses under it")]


P = TypeVar("P", FoundPlace, NearPlace, SuggestedPlace)


class PlaceFeature(Answer, Generic[P]):
    """A place as a feature."""

    type: Literal["Feature"] = "Feature"
    geometry: PointGeometry | None
    properties: P


class GeocodeAnswer(Answer):
    """The places that an address may mean, the likeliest first (GeocodeJSON)."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    geocoding: GeocodeJson
    outcome: GeocodeOutcome
    reason: Reason
    address_version: AddressVersion
    elements: tuple[AddressElement, ...]
    unmatched: tuple[AddressRest, ...]
    features: tuple[PlaceFeature[FoundPlace], ...]


class ReverseAnswer(Answer):
    """The listed address nearest to a point (GeocodeJSON); none where nothing is near."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    geocoding: GeocodeJson
    outcome: Literal["matched", "far", "invalid"]
    reason: Reason
    address_version: AddressVersion
    features: tuple[PlaceFeature[NearPlace], ...]


class AutocompleteAnswer(Answer):
    """Completions of what somebody is typing, the likeliest first (GeocodeJSON)."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    geocoding: GeocodeJson
    outcome: Literal["found", "none"]
    reason: Reason
    address_version: AddressVersion
    features: tuple[PlaceFeature[SuggestedPlace], ...]


class GeocodedItem(Answer):
    """What is said of one address of a batch."""

    id: Annotated[Any, Field(exclude_if=_missing, description="as it came in; absent where none was given")] = None
    outcome: GeocodeOutcome
    reason: Reason
    match_type: Matched
    confidence: Confidence
    address: str
    lon: Degrees
    lat: Degrees
    accuracy_m: Accuracy
    candidates: tuple[AddressCandidate, ...]


class GeocodeBatchAnswer(Answer):
    """One result an address, in the order of the addresses."""

    outcome: Literal["answered"]
    count: int
    by_outcome: Annotated[dict[str, int], Field(description="how many came out how; they add up to count")]
    address_version: AddressVersion
    results: tuple[GeocodedItem, ...]
