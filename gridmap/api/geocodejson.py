"""Addresses as GeocodeJSON: what one may mean, what is nearest to a point, what somebody may be about to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from gridmap.address.steps import format_steps
from gridmap.api.addresses import Address, elements_of, known, rest_of
from gridmap.api.limits import MOST_HEAD_BYTES, MOST_LETTERS, MOST_PLACES
from gridmap.api.models_addresses import (
    AutocompleteAnswer,
    FoundPlace,
    GeocodeAnswer,
    GeocodeJson,
    NearPlace,
    Place,
    PlaceFeature,
    PointGeometry,
    ReverseAnswer,
    SuggestedPlace,
)
from gridmap.api.places import Coordinate, refuse_unknown
from gridmap.cases.addresses import share
from gridmap.geo.gcj02 import NAMES

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder
    from gridmap.address.model import AddressParts, GeoCandidate, NearAddress, Suggestion

PlaceType: TypeAlias = Literal["house", "street", "locality", "district", "city"]
Limit = Annotated[int, Field(ge=1, le=MOST_PLACES, description="最多返回 · features at most")]
_TYPES: Final[dict[str, PlaceType]] = {
    "exact": "house", "building": "house", "interpolated": "house", "street": "street", "estate": "locality",
    "community": "district", "fallback": "city",
}  # fmt: skip
_KINDS: Final[dict[str, PlaceType]] = {
    "town": "city", "community": "district", "street": "street", "hamlet": "locality", "estate": "locality",
    "landmark": "locality", "address": "house",
}  # fmt: skip
_NOTHING: Final = "没有以此开头的地名或地址 · no name and no address begins like this"


class GeocodeQuery(BaseModel):
    """One address."""

    model_config = ConfigDict(extra="forbid")

    address: Address
    limit: Limit = 10


class ReverseQuery(BaseModel):
    """One point."""

    model_config = ConfigDict(extra="forbid")

    lon: Annotated[Coordinate, Field(description="经度 · degrees, or easting", examples=[120.3031])]
    lat: Annotated[Coordinate, Field(description="纬度 · degrees, or northing", examples=[31.5217])]
    crs: Annotated[
        str,
        Field(description=f"坐标系：{', '.join(NAMES)} 或 EPSG 代码 · coordinate system", max_length=MOST_LETTERS),
    ] = "wgs84"


class AutocompleteQuery(BaseModel):
    """The beginning of a name or an address."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[
        str,
        Field(
            description="已输入的文字，可用拼音或首字母 · what was typed: characters, pinyin or its initials; the "
            f"whole request head has at most {MOST_HEAD_BYTES >> 10} KiB",
            examples=["rml"],
        ),
    ]
    limit: Limit = 10


def geocode(geocoder: Geocoder, asked: GeocodeQuery) -> GeocodeAnswer:
    """Return the places that an address may mean; none where it is no address, of elsewhere or not found."""
    found = geocoder.geocode(asked.address)
    return GeocodeAnswer(
        geocoding=GeocodeJson(query=asked.address),
        outcome=found.outcome,
        reason=found.reason,
        address_version=geocoder.version,
        elements=elements_of(found),
        unmatched=rest_of(found),
        features=tuple(_found(geocoder, each) for each in found.candidates[: asked.limit]) if found.match_type else (),
    )


def _found(geocoder: Geocoder, one: GeoCandidate) -> PlaceFeature[FoundPlace]:
    parts = geocoder.parts_of(one.node)
    place = _place(one.address, parts, _TYPES[one.match_type], known(one.accuracy_m))
    said = FoundPlace(geocoding=place, match_type=one.match_type, confidence=share(one.confidence), differs=one.differs)
    return PlaceFeature[FoundPlace](geometry=_point(one.lon, one.lat), properties=said)


def reverse(geocoder: Geocoder, asked: ReverseQuery) -> ReverseAnswer:
    """Return the listed address nearest to a point.

    Raises
    ------
    RequestError
        When ``crs`` is no system.
    """
    refuse_unknown(asked.crs)
    near = geocoder.reverse(asked.lon, asked.lat, crs=asked.crs)
    return ReverseAnswer(
        geocoding=GeocodeJson(query=f"{asked.lon!r},{asked.lat!r}"),
        outcome=near.outcome,
        reason=near.reason,
        address_version=geocoder.version,
        features=(_near(geocoder, near),) if near.address else (),
    )


def _near(geocoder: Geocoder, near: NearAddress) -> PlaceFeature[NearPlace]:
    said = NearPlace(
        geocoding=_place(near.address, geocoder.parts_of(near.node), "house"),
        distance_m=near.distance_m,
        same_side=near.same_side,
    )
    return PlaceFeature[NearPlace](geometry=_point(near.lon, near.lat), properties=said)


def autocomplete(geocoder: Geocoder, asked: AutocompleteQuery) -> AutocompleteAnswer:
    """Return completions of what somebody is typing."""
    found = geocoder.autocomplete(asked.q, limit=asked.limit)
    return AutocompleteAnswer(
        geocoding=GeocodeJson(query=asked.q),
        outcome="found" if found else "none",
        reason="" if found else _NOTHING,
        address_version=geocoder.version,
        features=tuple(_suggested(geocoder, each) for each in found),
    )


def _suggested(geocoder: Geocoder, one: Suggestion) -> PlaceFeature[SuggestedPlace]:
    said = SuggestedPlace(
        geocoding=_place(one.text, geocoder.parts_of(one.node), _KINDS[one.kind]),
        kind=one.kind,
        context=one.context,
        count=one.count,
    )
    return PlaceFeature[SuggestedPlace](geometry=_point(one.lon, one.lat), properties=said)


def _point(lon: float, lat: float) -> PointGeometry | None:
    """Return a point, ``None`` where the list has no position."""
    return None if known(lon) is None or known(lat) is None else PointGeometry(coordinates=(lon, lat))


def _place(label: str, parts: AddressParts, kind: PlaceType, accuracy: float | None = None) -> Place:
    """Return a place in the words of GeocodeJSON; of a house beside the listed ones, what is listed."""
    ways = [each for each in parts.steps if each.kind in ("lane", "alley")]
    doors = [each for each in parts.steps if each.kind in ("plate", "sub")]
    return Place(
        type=kind,
        label=label,
        accuracy=accuracy,
        name=None if kind == "house" else parts.name,
        housenumber=format_steps(doors).removesuffix("号") or None,
        street=parts.name + format_steps(ways) if parts.kind == "street" else None,
        locality=parts.name if parts.kind in ("estate", "hamlet") else None,
        district=parts.community or None,
        city=parts.town or None,
    )
