"""One address: which grid it is in, who answers for it, and what it was understood as."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Request
from pydantic import Field

from gridmap.address.place import AddressPlacement, locate_address
from gridmap.api.asked import parameters, read_query, refused
from gridmap.api.errors import NoAddressesError
from gridmap.api.limits import MOST_HEAD_BYTES
from gridmap.api.models import BatchGeocoding, FieldProblem, NearGrid
from gridmap.api.models_addresses import (
    AddressCandidate,
    AddressElement,
    AddressPlaceAnswer,
    AddressRest,
    Geocoded,
)
from gridmap.api.moments import TimeQuery, read_moment
from gridmap.api.people import person_of
from gridmap.api.places import Duty, PlaceQuery, named_duty
from gridmap.api.source import Source
from gridmap.cases.addresses import reason_of, share

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder
    from gridmap.address.model import GeoCandidate, Geocoding
    from gridmap.api.openapi_parts import Operation

NO_INDEX: Final = (
    "this server has no address index; start it with `gridmap serve --addresses addresses.idx` (or GRIDMAP_ADDRESSES), "
    "made by `gridmap addresses build`"
)
_OF_A_POINT: Final = ("lon", "lat", "crs", "accuracy_m")

Address = Annotated[
    str,
    Field(
        description=f"地址，按人们的写法即可（与坐标二选一） · an address as people write it, instead of coordinates; "
        f"the whole request head has at most {MOST_HEAD_BYTES >> 10} KiB",
        examples=["城南社区文昌路12号3栋2单元"],
    ),
]


class AddressQuery(TimeQuery):
    """One address. A text that is none is an answer with a reason, not an error."""

    address: Address
    duty: Duty = None


_read_point: Final = read_query(PlaceQuery)
_read_address: Final = read_query(AddressQuery)


async def read_place(request: Request) -> PlaceQuery | AddressQuery:
    """Read where a question is: by coordinates or by an address, and not by both.

    Raises
    ------
    RequestError
        Naming what does not fit.
    """
    stated = request.query_params
    if "address" not in stated:
        if "lon" not in stated and "lat" not in stated:
            raise refused(FieldProblem(where="query", name=name, reason="state lon and lat, or an address")
                          for name in ("lon", "lat", "address"))  # fmt: skip
        return await _read_point(request)
    both = [name for name in _OF_A_POINT if name in stated]
    if both:
        raise refused(FieldProblem(where="query", name=name, reason="stands beside address; ask by one of the two")
                      for name in both)  # fmt: skip
    return await _read_address(request)


def place_parameters() -> list[Operation]:
    """Return the parameters of a question by coordinates or by address: of the two neither is needed by itself."""
    address = [each for each in parameters(AddressQuery) if each["name"] == "address"]
    return [
        each | {"required": False}
        for each in (*parameters(PlaceQuery)[:2], *address, *parameters(PlaceQuery)[2:])
    ]  # fmt: skip


def geocoder_of(request: Request) -> Geocoder:
    """Return what answers for addresses.

    Raises
    ------
    NoAddressesError
        Saying how to start the server with an address index.
    """
    geocoder: Geocoder | None = request.app.state.geocoder
    if geocoder is None:
        raise NoAddressesError(NO_INDEX)
    return geocoder


def place_address(source: Source, geocoder: Geocoder, asked: AddressQuery) -> AddressPlaceAnswer:
    """Answer for one address; one that names no place is an outcome with a reason, and nobody is named for it.

    Raises
    ------
    InputError
        When ``at`` is no time.
    """
    moment = read_moment(asked.at)
    found = locate_address(geocoder, source.locator, asked.address)
    place = found.placement
    chain = [*place.chain.items()][::-1]
    return AddressPlaceAnswer(
        outcome=place.outcome,
        reason=reason_of(found),
        chain=dict(place.chain),
        candidates=tuple(
            NearGrid(level=each.level, code=each.code, distance_m=each.distance_m) for each in place.candidates
        ),
        border_distance_m=place.border_distance_m,
        responsible=None if found.is_unresolved else person_of(source, chain, named_duty(asked.duty), moment),
        geocoding=geocoded(found),
        at=moment.text,
        plan_version=source.plan.version,
    )


def batch_geocoding(found: AddressPlacement) -> BatchGeocoding:
    """Return what is said of the address of an item of a batch."""
    told = found.geocoding
    return BatchGeocoding(
        outcome=told.outcome, match_type=told.match_type, confidence=share(found.confidence),
        needs_person=found.needs_person, address=told.address, lon=known(told.lon), lat=known(told.lat),
        accuracy_m=known(told.accuracy_m), address_version=told.index_version,
    )  # fmt: skip


def geocoded(found: AddressPlacement) -> Geocoded:
    """Return what an address was understood as."""
    told = found.geocoding
    return Geocoded(
        outcome=told.outcome, reason=told.reason, match_type=told.match_type, confidence=share(told.confidence),
        grid_confidence=share(found.confidence), needs_person=found.needs_person, address=told.address,
        town=told.town, community=told.community, lon=known(told.lon), lat=known(told.lat),
        accuracy_m=known(told.accuracy_m), elements=elements_of(told), unmatched=rest_of(told),
        candidates=candidates_of(told.candidates), address_version=told.index_version,
    )  # fmt: skip


def elements_of(told: Geocoding) -> tuple[AddressElement, ...]:
    """Return what was understood of an address."""
    return tuple(
        AddressElement(
            code=each.code, kind=each.kind, text=each.text, value=each.value, start=each.start, end=each.end,
            matched=each.matched,
        )
        for each in told.elements
    )  # fmt: skip


def rest_of(told: Geocoding) -> tuple[AddressRest, ...]:
    """Return what was not understood."""
    return tuple(AddressRest(text=each.text, start=each.start, end=each.end) for each in told.unmatched)


def candidates_of(found: Sequence[GeoCandidate]) -> tuple[AddressCandidate, ...]:
    """Return the places that an address may mean."""
    return tuple(
        AddressCandidate(
            address=each.address, match_type=each.match_type, confidence=share(each.confidence), lon=known(each.lon),
            lat=known(each.lat), accuracy_m=known(each.accuracy_m), differs=each.differs,
        )
        for each in found
    )  # fmt: skip


def known(number: float) -> float | None:
    """Return a number as JSON has it: NaN is none.

    Examples
    --------
    >>> known(1.5), known(float("nan"))
    (1.5, None)
    """
    return None if math.isnan(number) else number
