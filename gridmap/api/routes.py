"""The routes: what comes in is parsed, what the functions around them answer is sent, and nothing else."""

from __future__ import annotations

from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Path, Request, Response

import gridmap
from gridmap.api import openapi
from gridmap.api.asked import read_query
from gridmap.api.batch import answer_points
from gridmap.api.batch_answer import write_json
from gridmap.api.batch_csv import Headers, read_csv, write_csv
from gridmap.api.batch_json import read_json
from gridmap.api.grids import GridQuery, feature, grid
from gridmap.api.limits import MOST_BYTES, MOST_LETTERS
from gridmap.api.models import BatchAnswer, GridAnswer, Health, PlaceAnswer, as_json
from gridmap.api.moments import read_moment
from gridmap.api.negotiate import CSV, GEOJSON, JSON, Kind, body_kind, bounded_body, page_response, preferred, tagged
from gridmap.api.page import tag_of
from gridmap.api.places import PlaceQuery, is_quick, place
from gridmap.api.source import Source
from gridmap.errors import InputError

router: Final = APIRouter()
_BATCHES: Final = CapacityLimiter(2)
"""Batches that are answered at once: each holds some hundred megabytes and uses every core by itself."""


async def current_source(request: Request) -> Source:
    """Return what is served; async, or every request would wait for a thread to return it."""
    source: Source = request.app.state.served.current()
    request.state.plan_version = source.plan.version  # a problem says it too
    return source


Served = Annotated[Source, Depends(current_source)]
AskedPlace = Annotated[PlaceQuery, Depends(read_query(PlaceQuery))]
AskedHeaders = Annotated[Headers, Depends(read_query(Headers))]
AskedGrid = Annotated[GridQuery, Depends(read_query(GridQuery))]


@router.get("/v1/locate", **openapi.LOCATE, response_model=PlaceAnswer)
async def locate(request: Request, source: Served, asked: AskedPlace) -> Response:
    """Say which grid a point is in, and who answers for it.

    A point that cannot be placed is an answer (``outcome: invalid``, with a reason), not an error.
    """
    found = place(source, asked) if is_quick(asked) else await to_thread.run_sync(place, source, asked)
    return tagged(request, as_json(found), JSON, _tag(found, JSON))


@router.post("/v1/locate:batch", **openapi.BATCH, response_model=BatchAnswer)
async def locate_batch(request: Request, source: Served, asked: AskedHeaders) -> Response:
    """Answer for up to 100,000 points at once, in their order; a bad point is an outcome of its own.

    CSV comes back as CSV with the answers beside the columns as they were (names and phones in it masked), unless
    ``Accept`` asks for JSON; JSON comes back as JSON.
    """
    kind = body_kind(request, [JSON, CSV])
    body = await bounded_body(request, MOST_BYTES)
    accept = request.headers.get("accept")
    return await to_thread.run_sync(_batch, source, body, kind, asked, accept, limiter=_BATCHES)


def _batch(source: Source, body: bytes, kind: Kind, asked: Headers, accept: str | None) -> Response:
    version = source.plan.version
    if kind.media_type == JSON:
        if asked != Headers():
            raise InputError(f"{', '.join(sorted(asked.model_fields_set))}: for CSV only; JSON says it in the body")
        batch = read_json(body)
        answered = answer_points(source, batch.points, read_moment(batch.at))
        return Response(write_json(answered, batch.ids, version), media_type=JSON)
    rows = read_csv(body, asked, kind.charset)
    answered = answer_points(source, rows.points, read_moment(None))
    if preferred(accept, [CSV, JSON]) == JSON:
        return Response(write_json(answered, None, version), media_type=JSON)
    return Response(write_csv(rows, answered, version), media_type=f"{CSV}; charset=utf-8")


@router.get("/v1/grids/{code}", **openapi.GRID, response_model=GridAnswer)
def read_grid(
    request: Request,
    source: Served,
    code: Annotated[
        str, Path(max_length=MOST_LETTERS, description="网格编码 · code of a grid", examples=["320299001001001"])
    ],
    asked: AskedGrid,
) -> Response:
    """Return what is recorded of a grid, its parents and children, who leads it and who answers for it."""
    kind = preferred(request.headers.get("accept"), [JSON, GEOJSON])
    if kind == GEOJSON:
        asked = asked.model_copy(update={"geometry": True})
    found = grid(source, code, asked)
    return tagged(
        request, as_json(feature(found) if kind == GEOJSON else found), kind, _tag(found, kind), Vary="Accept"
    )


def _tag(found: PlaceAnswer | GridAnswer, kind: str) -> str:
    """Return an ETag: weak, without the time of asking, for what is known of a place does not change by the second."""
    return "W/" + tag_of(as_json(found.model_copy(update={"at": ""})) + kind.encode(), f"{found.plan_version}-")


@router.get("/health", **openapi.HEALTH, response_model=Health)
async def health(source: Served) -> Response:
    """Say that the server answers, and with which plan."""
    said = Health(
        outcome="ok",
        plan_version=source.plan.version,
        levels=dict(source.levels),
        people=source.people,
        gridmap_version=gridmap.__version__,
    )
    return Response(as_json(said), media_type=JSON)


@router.get("/", include_in_schema=False)
def read_map(request: Request, source: Served) -> Response:
    """Return the map of the plan."""
    return page_response(request, source.page)
