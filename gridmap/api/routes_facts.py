"""The routes of stations, their circles, and the households these reach."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from gridmap.api import openapi_facts as openapi
from gridmap.api.asked import read_query
from gridmap.api.circles import CirclesQuery, CoverageQuery, StationsQuery, circles, coverage, stations
from gridmap.api.models import as_json
from gridmap.api.models_grids import CircleCollection, CoverageAnswer, StationCollection
from gridmap.api.negotiate import JSON, GeoJsonResponse, tagged
from gridmap.api.routes import AskedServed, picked, timeless_tag
from gridmap.api.routes_grids import send_page
from gridmap.api.served import CURRENT

router: Final = APIRouter()
AskedStations = Annotated[StationsQuery, Depends(read_query(StationsQuery))]
AskedCircles = Annotated[CirclesQuery, Depends(read_query(CirclesQuery))]
AskedCoverage = Annotated[CoverageQuery, Depends(read_query(CoverageQuery))]


@router.get("/v1/stations", **openapi.STATIONS, response_class=GeoJsonResponse, response_model=StationCollection)
def read_stations(request: Request, served: AskedServed, asked: AskedStations) -> Response:
    """Return the stations that there are at a time, as GeoJSON; ``not_loaded`` where none were loaded."""
    return send_page(request, stations(picked(request, served, asked), asked, request.url.path), cached=CURRENT)


@router.get("/v1/circles", **openapi.CIRCLES, response_class=GeoJsonResponse, response_model=CircleCollection)
def read_circles(request: Request, served: AskedServed, asked: AskedCircles) -> Response:
    """Return the walking circles that hold at a time, as GeoJSON; ``not_loaded`` where none were loaded."""
    return send_page(request, circles(picked(request, served, asked), asked, request.url.path), cached=CURRENT)


@router.get("/v1/coverage", **openapi.COVERAGE, response_model=CoverageAnswer)
def read_coverage(request: Request, served: AskedServed, asked: AskedCoverage) -> Response:
    """Return how many households reach a station on foot, by area and minutes."""
    found = coverage(picked(request, served, asked), asked)
    return tagged(request, as_json(found), JSON, timeless_tag(found, JSON))
