"""What the OpenAPI says of grids."""

from __future__ import annotations

from typing import Any, Final

from gridmap.api.asked import parameters
from gridmap.api.codes import CodeQuery
from gridmap.api.collections import GridsQuery
from gridmap.api.errors import RetiredError
from gridmap.api.grids import GridQuery, ResponsibleQuery
from gridmap.api.openapi_parts import (
    AT,
    CHAIN,
    NO_VERSION,
    NOT_CHANGED,
    PERSON,
    SQUARE,
    VERSION,
    Operation,
    content,
    problems,
)
from gridmap.errors import AccessError, GridmapError, InputError, UnknownNameError

_GRID_ANSWER: Final = {
    "outcome": "found", "reason": "", "code": "320299001001001", "level": "small", "levels": ["small"],
    "name": "银园社区第1小网格", "parent": "320299001001", "kind": "base", "area_m2": 48197.6, "households": 363.0,
    "residents": 916.0, "land_use": None, "grade": None, "responsible_body": None, "line_department": None,
    "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": None, "chain": CHAIN, "children": [],
    "leader": {"outcome": "named", "name": "王**", "role": "专职网格员", "phone": "138****5678"},
    "responsible": PERSON, "at": AT, "plan_version": VERSION, "geometry": None,
}  # fmt: skip
_FEATURE: Final = {
    "type": "Feature", "id": "320299001001001", "bbox": [120.30, 31.50, 120.31, 31.51],
    "geometry": {"type": "Polygon", "coordinates": SQUARE}, "properties": _GRID_ANSWER,
}  # fmt: skip
_RECORDED: Final = (
    "code", "level", "name", "parent", "kind", "area_m2", "households", "residents", "land_use", "grade",
    "responsible_body", "line_department", "valid_from", "valid_to",
)  # fmt: skip
_ITEM: Final = {name: _GRID_ANSWER[name] for name in _RECORDED}
_GRIDS_ANSWER: Final = {
    "type": "FeatureCollection", "outcome": "found", "reason": "", "plan_version": VERSION, "level": "small",
    "numberMatched": 2021, "numberReturned": 1,
    "links": [{
        "rel": "next", "href": f"/v1/grids?version={VERSION}&limit=1&cursor=1", "type": "application/geo+json",
    }],
    "features": [_FEATURE | {"properties": _ITEM}],
}  # fmt: skip
_CHILDREN_ANSWER: Final = {
    "outcome": "found", "reason": "", "code": "320299001001", "level": "medium", "children_level": "small",
    "children": [_ITEM], "plan_version": VERSION,
}  # fmt: skip
_NEIGHBOURS_ANSWER: Final = {
    "outcome": "found", "reason": "", "code": "320299001001001", "level": "small",
    "neighbours": [
        {"code": "320299001001004", "name": "银园社区第4小网格", "parent": "320299001001", "border_m": 212.431},
    ],
    "plan_version": VERSION,
}  # fmt: skip
_RESPONSIBLE_ANSWER: Final = {
    "outcome": "found", "reason": "", "code": "320299001001001", "level": "small", "chain": CHAIN, "duty": "E0203",
    "responsible": PERSON | {"phone": "138****5678"}, "at": AT, "plan_version": VERSION,
}  # fmt: skip
STATIONS_ANSWER: Final = {
    "type": "FeatureCollection", "outcome": "found", "reason": "", "plan_version": VERSION,
    "numberMatched": 1, "numberReturned": 1, "links": [], "at": AT,
    "features": [{
        "type": "Feature", "id": "S01", "bbox": [120.30, 31.50, 120.30, 31.50],
        "geometry": {"type": "Point", "coordinates": [120.30, 31.50]},
        "properties": {
            "station": "S01", "name": "银园社区服务站", "kind": "station", "capacity": 3.0, "outcome": "ok",
            "reason": "", "valid_from": None, "valid_to": None,
        },
    }],
}  # fmt: skip

_RETIRED: Final = RetiredError(
    "320299001001004 was in use and is no more; in its place there is 320299001001017, 320299001001018", (),
    ("320299001001017", "320299001001018"),
)  # fmt: skip
_NO_LEVEL: Final = InputError("level='tiny' is not a level of this plan; it has large, medium, small, micro")
_NO_GRID: Final = (
    UnknownNameError("there is no grid '320299001001004' in this plan, nor was there"), _RETIRED, _NO_LEVEL,
)  # fmt: skip


def _of_grid(
    name: str, path: str, summary: str, query: Any, kind: str, answer: object, *more: GridmapError
) -> Operation:
    return {
        "operation_id": name,
        "openapi_extra": {"parameters": parameters(query)},
        "summary": summary,
        "tags": ["grids"],
        "responses": {
            200: {"content": {kind: content(None, found=answer)}},
            304: NOT_CHANGED,
            **problems(f"/v1/grids/320299001001004{path}", *_NO_GRID, *more),
        },
    }


GRID: Final[Operation] = {
    "operation_id": "readGrid",
    "openapi_extra": {"parameters": parameters(GridQuery)},
    "summary": "查网格 · One grid",
    "tags": ["grids"],
    "responses": {
        200: {"content": {
            "application/json": content(None, found=_GRID_ANSWER),
            "application/geo+json": content("GridFeature", found=_FEATURE),
        }},
        304: NOT_CHANGED,
        **problems(
            "/v1/grids/320299001001004",
            *_NO_GRID,
        ),
    },
}  # fmt: skip
GRIDS: Final[Operation] = {
    "operation_id": "readGrids",
    "openapi_extra": {"parameters": parameters(GridsQuery)},
    "summary": "网格图层 · Grids as GeoJSON",
    "tags": ["grids"],
    "responses": {
        200: {"content": {"application/geo+json": content(None, found=_GRIDS_ANSWER)}},
        304: NOT_CHANGED,
        **problems("/v1/grids", NO_VERSION, _NO_LEVEL),
    },
}
CHILDREN: Final = _of_grid(
    "readChildren", "/children", "下级网格 · Grids one level below", CodeQuery, "application/json", _CHILDREN_ANSWER
)
NEIGHBOURS: Final = _of_grid(
    "readNeighbours", "/neighbours", "相邻网格 · Grids that share a border", CodeQuery, "application/json",
    _NEIGHBOURS_ANSWER,
)  # fmt: skip
RESPONSIBLE: Final = _of_grid(
    "readResponsible", "/responsible", "责任人 · Who answers for a grid", ResponsibleQuery, "application/json",
    _RESPONSIBLE_ANSWER, AccessError("names stay masked here: only a server on a record can write down who saw them"),
)  # fmt: skip
STATIONS: Final = _of_grid(
    "readStationsInGrid", "/stations", "网格内站点 · Stations in a grid", CodeQuery, "application/geo+json",
    STATIONS_ANSWER | {"code": "320299001001001", "level": "small"},
)  # fmt: skip
OPERATIONS: Final = (GRIDS, GRID, CHILDREN, NEIGHBOURS, RESPONSIBLE, STATIONS)
