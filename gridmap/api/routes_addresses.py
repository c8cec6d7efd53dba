"""The routes of addresses: where one is, which is near, what somebody is typing, and many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response

from gridmap.api import openapi_addresses as openapi
from gridmap.api.addresses import geocoder_of
from gridmap.api.asked import read_query
from gridmap.api.geocode_batch import AddressHeader, geocode_csv, geocode_json
from gridmap.api.geocodejson import (
    AutocompleteQuery,
    GeocodeQuery,
    ReverseQuery,
    autocomplete,
    geocode,
    reverse,
)
from gridmap.api.models import Answer, as_json
from gridmap.api.models_addresses import AutocompleteAnswer, GeocodeAnswer, GeocodeBatchAnswer, ReverseAnswer
from gridmap.api.negotiate import CSV, GEOJSON, JSON, GeoJsonResponse, Kind, body_kind, bounded_body, sent
from gridmap.api.page import tag_of
from gridmap.api.routes import Allowance, allowance_of
from gridmap.api.served import CURRENT
from gridmap.errors import InputError

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

router: Final = APIRouter()
AskedGeocode = Annotated[GeocodeQuery, Depends(read_query(GeocodeQuery))]
AskedReverse = Annotated[ReverseQuery, Depends(read_query(ReverseQuery))]
AskedAutocomplete = Annotated[AutocompleteQuery, Depends(read_query(AutocompleteQuery))]
AskedHeader = Annotated[AddressHeader, Depends(read_query(AddressHeader))]


def _sent(request: Request, found: Answer, version: str) -> Response:
    body = as_json(found)
    return sent(request, body, GEOJSON, caching=CURRENT, tag=tag_of(body, f"{version}-"))


@router.get("/v1/geocode", **openapi.GEOCODE, response_class=GeoJsonResponse, response_model=GeocodeAnswer)
def read_geocode(request: Request, asked: AskedGeocode) -> Response:
    """Return the places that an address may mean, the likeliest first, as GeocodeJSON.

    An address that is none, of another county or not in the index is an answer without features that says why. House
    numbers are compared as numbers, and names by how they are written and sound; ``confidence`` is calibrated, and what
    is a ``fallback`` must not be dispatched without a person.
    """
    geocoder = geocoder_of(request)
    return _sent(request, geocode(geocoder, asked), geocoder.version)


@router.post("/v1/geocode", **openapi.GEOCODE_BATCH, response_model=GeocodeBatchAnswer)
async def geocode_batch(request: Request, asked: AskedHeader) -> Response:
    """Answer for up to 100,000 addresses at once, in their order; a bad address is an outcome of its own.

    CSV comes back as CSV with the answers beside the columns as they were (names and phones in it masked; an added
    column whose name is there already is called ``geocoded_…``); JSON comes back as JSON.
    """
    geocoder = geocoder_of(request)
    kind = body_kind(request, [JSON, CSV])
    may = allowance_of(request)
    body = await bounded_body(request, may.bytes)
    return await to_thread.run_sync(_batch, geocoder, body, kind, asked, may, limiter=may.limiter)


def _batch(geocoder: Geocoder, body: bytes, kind: Kind, asked: AddressHeader, may: Allowance) -> Response:
    if kind.media_type == CSV:
        found = geocode_csv(geocoder, body, asked.address_column, kind.charset, may.squared_letters)
        return Response(found, media_type=f"{CSV}; charset=utf-8")
    if asked.model_fields_set:
        raise InputError("address_column: for CSV only; JSON has its addresses in the body")
    return Response(geocode_json(geocoder, body, may.squared_letters), media_type=JSON)


@router.get("/v1/reverse", **openapi.REVERSE, response_class=GeoJsonResponse, response_model=ReverseAnswer)
def read_reverse(request: Request, asked: AskedReverse) -> Response:
    """Return the listed address nearest to a point, as GeocodeJSON, with the distance and the side of the street.

    ``far``: nothing listed is near; ``invalid``: the point cannot be used. Both are answers without features.
    """
    geocoder = geocoder_of(request)
    return _sent(request, reverse(geocoder, asked), geocoder.version)


@router.get(
    "/v1/autocomplete", **openapi.AUTOCOMPLETE, response_class=GeoJsonResponse, response_model=AutocompleteAnswer
)
def read_autocomplete(request: Request, asked: AskedAutocomplete) -> Response:
    """Return what somebody may be typing, as GeocodeJSON: by characters, pinyin or its initials, then by numbers."""
    geocoder = geocoder_of(request)
    return _sent(request, autocomplete(geocoder, asked), geocoder.version)
