"""The routes: what comes in is parsed, what the functions around them answer is sent, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request, Response

import gridmap
from gridmap.api import openapi
from gridmap.api.addresses import AddressQuery, geocoder_of, place_address, read_place
from gridmap.api.asked import read_query
from gridmap.api.batch_answer import write_json
from gridmap.api.batch_csv import Headers, read_csv, write_csv
from gridmap.api.batch_json import read_json
from gridmap.api.batch_versions import answer_batch
from gridmap.api.limits import MOST_BYTES, MOST_PUBLIC_BYTES, MOST_PUBLIC_SQUARED_LETTERS, MOST_SQUARED_LETTERS
from gridmap.api.models import Answer, BatchAnswer, Health, Live, PlaceAnswer, Ready, as_json
from gridmap.api.models_addresses import AddressPlaceAnswer
from gridmap.api.moments import TimeQuery
from gridmap.api.negotiate import CSV, JSON, Kind, body_kind, bounded_body, page_response, preferred, tagged
from gridmap.api.page import tag_of
from gridmap.api.places import PlaceQuery, is_quick, place
from gridmap.api.security import principal_of
from gridmap.api.served import Served, pick, picks_at_once
from gridmap.api.source import Source
from gridmap.errors import InputError

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

router: Final = APIRouter()


@dataclass(frozen=True)
class Allowance:
    """What a batch may ask for.

    Parameters
    ----------
    bytes, squared_letters
        Of its body, and of its addresses: see :mod:`gridmap.api.limits`.
    limiter
        How many such are answered at once: each may hold some hundred megabytes and uses every core by itself.
    """

    bytes: int
    squared_letters: float
    limiter: CapacityLimiter


_KNOWN: Final = Allowance(MOST_BYTES, MOST_SQUARED_LETTERS, CapacityLimiter(2))
_PUBLIC: Final = Allowance(MOST_PUBLIC_BYTES, MOST_PUBLIC_SQUARED_LETTERS, CapacityLimiter(1))
"""Those without a key wait for each other, and nobody else waits for them."""


def allowance_of(request: Request) -> Allowance:
    """Return what whoever asks may ask for in one batch."""
    return _KNOWN if principal_of(request).may("batch") else _PUBLIC


async def served_of(request: Request) -> Served:
    """Return what is served; async, or every request would wait for a thread to return it."""
    served: Served = request.app.state.served
    return served


def picked(request: Request, served: Served, asked: TimeQuery) -> Source:
    """Return what a request is about; a problem that comes up later says its version too."""
    source = pick(served, asked)
    request.state.plan_version = source.plan.version
    return source


AskedServed = Annotated[Served, Depends(served_of)]
AskedPlace = Annotated[PlaceQuery | AddressQuery, Depends(read_place)]
AskedHeaders = Annotated[Headers, Depends(read_query(Headers))]


@router.get("/v1/locate", **openapi.LOCATE, response_model=PlaceAnswer | AddressPlaceAnswer)
async def locate(request: Request, served: AskedServed, asked: AskedPlace) -> Response:
    """Say which grid a point or an address is in, and who answers for it.

    State ``lon`` and ``lat``, or an ``address`` as people write it; what that was understood as, how sure it is and
    what else it may mean comes back in ``geocoding``. An address that names no place (``outcome: unresolved``) names
    nobody either, and where ``needs_person`` is true, somebody has to look before anything is dispatched.

    A point that cannot be placed is an answer (``outcome: invalid``, with a reason), not an error. ``version`` says
    which version of the plan answers; without it, ``at`` does: the one in force then. ``at`` also says whose people.
    """
    if isinstance(asked, AddressQuery):
        told = await to_thread.run_sync(_place_address, request, served, asked)
        return tagged(request, as_json(told), JSON, timeless_tag(told, JSON))
    if is_quick(asked) and picks_at_once(served, asked):
        found = _place(request, served, asked)
    else:
        found = await to_thread.run_sync(_place, request, served, asked)
    return tagged(request, as_json(found), JSON, timeless_tag(found, JSON))


def _place(request: Request, served: Served, asked: PlaceQuery) -> PlaceAnswer:
    return place(picked(request, served, asked), asked)


def _place_address(request: Request, served: Served, asked: AddressQuery) -> AddressPlaceAnswer:
    geocoder = geocoder_of(request)
    return place_address(picked(request, served, asked), geocoder, asked)


@router.post("/v1/locate:batch", **openapi.BATCH, response_model=BatchAnswer)
async def locate_batch(request: Request, served: AskedServed, asked: AskedHeaders) -> Response:
    """Answer for up to 100,000 points at once, in their order; a bad point is an outcome of its own.

    Each point's own ``at`` decides whose people are named and, unless the batch states a ``version``, which version of
    the plan answers; an item that another version than ``plan_version`` of the whole answered says which.

    An item that has an ``address`` and no coordinates is answered as ``/v1/locate?address=`` would: in CSV beside
    ``geocode_type, geocode_confidence, needs_person``, which are empty in rows that have coordinates.

    CSV comes back as CSV with the answers beside the columns as they were (names and phones in it masked), unless
    ``Accept`` asks for JSON; JSON comes back as JSON.
    """
    kind = body_kind(request, [JSON, CSV])
    may = allowance_of(request)
    body = await bounded_body(request, may.bytes)
    return await to_thread.run_sync(_batch, request, served, body, kind, asked, may, limiter=may.limiter)


def _batch(
    request: Request, served: Served, body: bytes, kind: Kind, asked: Headers, may: Allowance
) -> Response:  # fmt: skip
    geocoder: Geocoder | None = request.app.state.geocoder
    if kind.media_type == JSON:
        if asked != Headers():
            raise InputError(f"{', '.join(sorted(asked.model_fields_set))}: for CSV only; JSON says it in the body")
        batch = read_json(body)
        found = answer_batch(served, batch.asked, batch.points, geocoder, may.squared_letters)
        return Response(write_json(found, batch.ids), media_type=JSON)
    rows = read_csv(body, asked, kind.charset, addresses=geocoder is not None)
    answered = answer_batch(served, asked, rows.points, geocoder, may.squared_letters)
    if preferred(request.headers.get("accept"), [CSV, JSON]) == JSON:
        return Response(write_json(answered, None), media_type=JSON)
    return Response(write_csv(rows, answered), media_type=f"{CSV}; charset=utf-8")


def timeless_tag(found: Answer, kind: str) -> str:
    """Return an ETag: weak, without the time of asking, for what is known of a place does not change by the second."""
    version = getattr(found, "plan_version", "")
    return "W/" + tag_of(as_json(found.model_copy(update={"at": ""})) + kind.encode(), f"{version}-")


@router.get("/health", **openapi.HEALTH, response_model=Health)
async def health(served: AskedServed) -> Response:
    """Say that the server answers, and with which plan."""
    source = served.current()
    said = Health(
        outcome="ok",
        plan_version=source.plan.version,
        levels=dict(source.levels),
        people=source.people,
        gridmap_version=gridmap.__version__,
    )
    return Response(as_json(said), media_type=JSON)


@router.get("/live", **openapi.LIVE, response_model=Live)
async def live() -> Response:
    """Say that the process answers; whether it has anything to answer with is another question (``/ready``)."""
    return Response(as_json(Live(outcome="ok", gridmap_version=gridmap.__version__)), media_type=JSON)


@router.get("/ready", **openapi.READY, response_model=Ready)
async def ready(served: AskedServed) -> Response:
    """Say that a plan is loaded and questions are answered; 503 until then."""
    return Response(as_json(Ready(outcome="ok", plan_version=served.current().plan.version)), media_type=JSON)


@router.get("/", include_in_schema=False)
def read_map(request: Request, served: AskedServed) -> Response:
    """Return the map of the plan."""
    return page_response(request, served.current().page)
