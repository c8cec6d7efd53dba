"""What the OpenAPI says of stations, circles and coverage."""

from __future__ import annotations

from typing import Final

from gridmap.api.asked import parameters
from gridmap.api.circles import CirclesQuery, CoverageQuery, StationsQuery
from gridmap.api.openapi_grids import STATIONS_ANSWER
from gridmap.api.openapi_parts import AT, NO_VERSION, NOT_CHANGED, SQUARE, VERSION, Operation, content, problems
from gridmap.errors import InputError

_NO_BOX: Final = InputError("bbox: west must not be greater than east, nor south than north ('121,31,120,32')")
_NOT_LOADED: Final = {
    "type": "FeatureCollection", "outcome": "not_loaded", "reason": "服务未加载此类数据 · no such data is loaded",
    "plan_version": VERSION, "numberMatched": 0, "numberReturned": 0, "links": [], "at": AT, "features": [],
}  # fmt: skip
_CIRCLES_ANSWER: Final = STATIONS_ANSWER | {
    "features": [{
        "type": "Feature", "id": "S01/15", "bbox": [120.30, 31.50, 120.31, 31.51],
        "geometry": {"type": "Polygon", "coordinates": SQUARE},
        "properties": {
            "station": "S01", "minutes": 15.0, "outcome": "ok", "reason": "", "area_m2": 1054310.0, "speed_m_s": 1.1,
            "valid_from": None, "valid_to": None,
        },
    }],
}  # fmt: skip
_COVERAGE_ANSWER: Final = {
    "outcome": "found", "reason": "", "at": AT, "plan_version": VERSION,
    "by_minutes": [{"minutes": 15.0, "total": 5120.0, "covered": 4096.0, "share": 0.8}],
    "by_area": [{"area": "320299001001", "minutes": 15.0, "total": 5120.0, "covered": 4096.0, "share": 0.8}],
}  # fmt: skip

STATIONS: Final[Operation] = {
    "operation_id": "readStations",
    "openapi_extra": {"parameters": parameters(StationsQuery)},
    "summary": "服务站点 · Stations",
    "tags": ["circles"],
    "responses": {
        200: {"content": {"application/geo+json": content(
            None, found=STATIONS_ANSWER, not_loaded=_NOT_LOADED
        )}},
        304: NOT_CHANGED,
        **problems("/v1/stations", NO_VERSION, _NO_BOX),
    },
}  # fmt: skip
CIRCLES: Final[Operation] = {
    "operation_id": "readCircles",
    "openapi_extra": {"parameters": parameters(CirclesQuery)},
    "summary": "步行服务圈 · Walking service circles",
    "tags": ["circles"],
    "responses": {
        200: {"content": {"application/geo+json": content(
            None, found=_CIRCLES_ANSWER, not_loaded=_NOT_LOADED
        )}},
        304: NOT_CHANGED,
        **problems("/v1/circles", NO_VERSION, _NO_BOX),
    },
}  # fmt: skip
COVERAGE: Final[Operation] = {
    "operation_id": "readCoverage",
    "openapi_extra": {"parameters": parameters(CoverageQuery)},
    "summary": "覆盖户数 · Households within reach",
    "tags": ["circles"],
    "responses": {
        200: {"content": {"application/json": content(None, found=_COVERAGE_ANSWER)}},
        304: NOT_CHANGED,
        **problems("/v1/coverage", NO_VERSION, InputError("minutes: Input should be greater than 0 ('-1')")),
    },
}  # fmt: skip
OPERATIONS: Final = (STATIONS, CIRCLES, COVERAGE)
