"""The routes of grids: one of them, what is around it, and many."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, Depends, Path, Request, Response

from gridmap.api import openapi_grids as openapi
from gridmap.api.asked import read_query
from gridmap.api.circles import stations_in
from gridmap.api.codes import CodeQuery
from gridmap.api.collections import Collected, GridsQuery, grids
from gridmap.api.grids import GridQuery, ResponsibleQuery, children, feature, grid, neighbours, responsible
from gridmap.api.limits import MOST_LETTERS
from gridmap.api.models import GridAnswer, as_json
from gridmap.api.models_grids import (
    ChildrenAnswer,
    GridCollection,
    GridStationCollection,
    NeighboursAnswer,
    ResponsibleAnswer,
)
from gridmap.api.negotiate import GEOJSON, JSON, GeoJsonResponse, preferred, sent, tagged
from gridmap.api.routes import AskedServed, picked, timeless_tag
from gridmap.api.security import unmasked
from gridmap.api.served import CURRENT, caching

router: Final = APIRouter()
Code: TypeAlias = Annotated[
    str, Path(max_length=MOST_LETTERS, description="网格编码 · code of a grid", examples=["320299001001001"])
]
AskedCode = Annotated[CodeQuery, Depends(read_query(CodeQuery))]
AskedGrid = Annotated[GridQuery, Depends(read_query(GridQuery))]
AskedGrids = Annotated[GridsQuery, Depends(read_query(GridsQuery))]
AskedResponsible = Annotated[ResponsibleQuery, Depends(read_query(ResponsibleQuery))]


def send_page(request: Request, page: Collected, *, cached: str) -> Response:
    """Send a page of features."""
    return sent(request, page.body, GEOJSON, caching=cached, tag=page.tag)


@router.get("/v1/grids", **openapi.GRIDS, response_class=GeoJsonResponse, response_model=GridCollection)
def read_grids(request: Request, served: AskedServed, asked: AskedGrids) -> Response:
    """Return the grids of a level as GeoJSON, those that touch a box where one is stated.

    The link ``next`` goes on in the same version of the plan, whatever is published in between.
    """
    page = grids(picked(request, served, asked), asked, request.url.path)
    return send_page(request, page, cached=caching(asked, timeless=True))


@router.get("/v1/grids/{code}", **openapi.GRID, response_model=GridAnswer)
def read_grid(request: Request, served: AskedServed, code: Code, asked: AskedGrid) -> Response:
    """Return what is recorded of a grid, its parents and children, who leads it and who answers for it.

    A code that was in use and is no more is 410, with what came in its place.
    """
    kind = preferred(request.headers.get("accept"), [JSON, GEOJSON])
    if kind == GEOJSON:
        asked = asked.model_copy(update={"geometry": True})
    found = grid(served, picked(request, served, asked), code, asked)
    body = as_json(feature(found) if kind == GEOJSON else found)
    return tagged(request, body, kind, timeless_tag(found, kind), Vary="Accept")


@router.get("/v1/grids/{code}/children", **openapi.CHILDREN, response_model=ChildrenAnswer)
def read_children(request: Request, served: AskedServed, code: Code, asked: AskedCode) -> Response:
    """Return the grids one level below that a grid is made of."""
    body = as_json(children(served, picked(request, served, asked), code, asked))
    return sent(request, body, JSON, caching=caching(asked, timeless=True))


@router.get("/v1/grids/{code}/neighbours", **openapi.NEIGHBOURS, response_model=NeighboursAnswer)
def read_neighbours(request: Request, served: AskedServed, code: Code, asked: AskedCode) -> Response:
    """Return the grids of the same level that share a border line with a grid, and how much of it.

    Grids that only meet in a corner are no neighbours.
    """
    body = as_json(neighbours(served, picked(request, served, asked), code, asked))
    return sent(request, body, JSON, caching=caching(asked, timeless=True))


@router.get("/v1/grids/{code}/responsible", **openapi.RESPONSIBLE, response_model=ResponsibleAnswer)
def read_responsible(request: Request, served: AskedServed, code: Code, asked: AskedResponsible) -> Response:
    """Return who answers for a grid at a time: the grid itself, else its parent, and so on up."""
    source = picked(request, served, asked)
    found = responsible(served, source, code, asked)
    if unmasked(request, asked.unmask, subject=code, town=next(iter(found.chain.values()))):
        found = responsible(served, source, code, asked, unmask=True)
    return tagged(request, as_json(found), JSON, timeless_tag(found, JSON))


@router.get(
    "/v1/grids/{code}/stations",
    **openapi.STATIONS,
    response_class=GeoJsonResponse,
    response_model=GridStationCollection,
)
def read_stations_in(request: Request, served: AskedServed, code: Code, asked: AskedCode) -> Response:
    """Return the stations in a grid at a time, as GeoJSON."""
    page = stations_in(served, picked(request, served, asked), code, asked, request.url.path)
    return send_page(request, page, cached=CURRENT)
