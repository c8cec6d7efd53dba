"""What the OpenAPI says beside what routes and models say by themselves: examples, bodies, and the problems."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from gridmap.api.asked import parameters
from gridmap.api.batch_csv import Headers
from gridmap.api.batch_json import BatchBody
from gridmap.api.errors import MediaTypeError, RetiredError, TooLargeError
from gridmap.api.grids import GridQuery
from gridmap.api.limits import MOST_BYTES, MOST_POINTS
from gridmap.api.models import GridFeature, Problem
from gridmap.api.places import PlaceQuery
from gridmap.api.problems import MEDIA_TYPE, kind_of, problem_of
from gridmap.errors import GridmapError, InputError, UnknownNameError

Operation: TypeAlias = dict[str, Any]

DESCRIPTION: Final = f"""\
一个方案版本、一份花名册，只读。One version of a plan and its people, read-only.

- 每个回答都有 `outcome` 和 `plan_version`。Every answer has an `outcome` and echoes the `plan_version`;
  what is current is never to be cached without asking again (`ETag`, `no-cache`).
- 坐标须注明坐标系；已知精度请填写。State the `crs` of coordinates, and `accuracy_m` where it is known: GCJ-02 and BD-09
  lie 50–500 m beside WGS 84. 顺序为经度、纬度 · longitude first.
- `matched` 已落格 · `ambiguous` 精度范围触及多个网格 the accuracy disc touches several grids ·
  `gap` 县域内但不在网格中 inside the county, in no grid · `outside` 县域之外 outside ·
  `invalid` 坐标不可用 the point cannot be used. Each comes with a `reason`.
- 姓名和电话一律隐去。Names and phones are masked.
- 所有错误为 RFC 9457 `application/problem+json`。Every error is a problem.
- 批量上限 at most {MOST_POINTS:,} points and {MOST_BYTES >> 20} MiB a batch.
- `X-Request-Id` 原样返回并记入日志 comes back, and stands in the log.
"""

_PERSON: Final = {
    "outcome": "named",
    "reason": "small 网格内承担 E0203（专职 full-time） · holds it in the finest grid",
    "person_id": "32029900213",
    "name": "王**",
    "role": "专职网格员",
    "level": "small",
    "grid": "320299001001001",
}
_CHAIN: Final = {"large": "320299001", "medium": "320299001001", "small": "320299001001001"}
_AT: Final = "2026-05-01T08:00:00+08:00"
_VERSION: Final = "9b3b915afa5d"
_NEAR: Final = [
    {"level": "small", "code": "320299001001001", "distance_m": 0.0},
    {"level": "small", "code": "320299001001004", "distance_m": 6.2},
]
_TOUCHES: Final = "精度范围触及多个网格 · the accuracy disc touches several grids"
_OUTSIDE: Final = "位于县域之外 · outside the county"
_NOBODY: Final = {"person_id": None, "name": None, "level": None, "grid": None}

_MATCHED: Final = {
    "outcome": "matched", "reason": "", "chain": _CHAIN, "candidates": [], "border_distance_m": 41.7,
    "responsible": _PERSON, "at": _AT, "plan_version": _VERSION,
}  # fmt: skip
_AMBIGUOUS: Final = _MATCHED | {
    "outcome": "ambiguous", "reason": _TOUCHES, "chain": {"large": "320299001", "medium": "320299001001"},
    "candidates": _NEAR, "border_distance_m": 6.2,
    "responsible": _PERSON | {
        "level": "medium", "grid": "320299001001", "role": "网格长",
        "reason": "medium 网格内承担 E0203（主责 primary） · holds it in the finest grid",
    },
}  # fmt: skip
_INVALID: Final = _MATCHED | {
    "outcome": "invalid", "reason": "经纬度疑似颠倒 · longitude and latitude look swapped", "chain": {},
    "border_distance_m": None,
    "responsible": {"outcome": "no_place", "reason": "不在任何网格内 · in no grid, so nobody can be named"},
}  # fmt: skip
_BATCH_PERSON: Final = {name: _PERSON[name] for name in ("outcome", "person_id", "name", "level", "grid")}
_BATCH_ANSWER: Final = {
    "outcome": "answered", "count": 2,
    "by_outcome": {"matched": 1, "ambiguous": 0, "gap": 0, "outside": 1, "invalid": 0},
    "at": _AT, "plan_version": _VERSION,
    "results": [
        {"id": "SJ-7", "outcome": "matched", "reason": "", "chain": _CHAIN, "candidates": [],
         "responsible": _BATCH_PERSON},
        {"outcome": "outside", "reason": _OUTSIDE, "chain": {}, "candidates": [],
         "responsible": {"outcome": "no_place", **_NOBODY}},
    ],
}  # fmt: skip
_BATCH_BODY: Final = {
    "crs": "gcj02",
    "points": [
        {"id": "SJ-7", "lon": 120.3001, "lat": 31.5023, "accuracy_m": 15, "duty": "E0203", "at": "2026-05-01 08:00"},
        {"lon": 121.47, "lat": 31.23, "crs": "wgs84"},
    ],
}
_CSV_BODY: Final = "id,lon,lat,crs\nSJ-7,120.3001,31.5023,gcj02\n"
_CSV_ANSWER: Final = (
    "id,lon,lat,crs,large,medium,small,micro,outcome,reason,person_id,person,answered_level,plan_version\n"
    f"SJ-7,120.3001,31.5023,gcj02,320299001,320299001001,320299001001001,,matched,,32029900213,王**,small,{_VERSION}\n"
)
_GRID_ANSWER: Final = {
    "outcome": "found", "reason": "", "code": "320299001001001", "level": "small", "levels": ["small"],
    "name": "银园社区第1小网格", "parent": "320299001001", "kind": "base", "area_m2": 48197.6, "households": 363.0,
    "residents": 916.0, "land_use": None, "grade": None, "responsible_body": None, "line_department": None,
    "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": None, "chain": _CHAIN, "children": [],
    "leader": {"outcome": "named", "name": "王**", "role": "专职网格员", "phone": "138****5678"},
    "responsible": _PERSON, "at": _AT, "plan_version": _VERSION, "geometry": None,
}  # fmt: skip
_SQUARE: Final = [[[120.30, 31.50], [120.31, 31.50], [120.31, 31.51], [120.30, 31.51], [120.30, 31.50]]]
_FEATURE: Final = {
    "type": "Feature", "id": "320299001001001", "bbox": [120.30, 31.50, 120.31, 31.51],
    "geometry": {"type": "Polygon", "coordinates": _SQUARE}, "properties": _GRID_ANSWER,
}  # fmt: skip
_HEALTH_ANSWER: Final = {
    "outcome": "ok", "plan_version": _VERSION, "levels": {"large": 12, "medium": 198, "small": 2021, "micro": 253},
    "people": 2484, "gridmap_version": "0.1.0",
}  # fmt: skip


def _content(schema: str | None, **examples: object) -> dict[str, Any]:
    said: dict[str, Any] = {"examples": {name: {"value": value} for name, value in examples.items()}}
    return said if schema is None else said | {"schema": {"$ref": f"#/components/schemas/{schema}"}}


def _problems(instance: str, *errors: GridmapError) -> dict[int | str, dict[str, Any]]:
    """Return what an operation answers when it cannot: one example a status, and that the server may fail."""
    found: dict[int | str, dict[str, Any]] = {}
    for error in (*errors, GridmapError("")):
        kind = kind_of(error)
        request = "5f1c0d3a9e7b4c2f8a6d1e0b3c5f7a92"
        problem = problem_of(error, instance=instance, request=request, plan_version=_VERSION)
        example = problem.model_dump(mode="json", exclude_none=True)
        found[kind.status] = {
            "description": kind.title,
            "content": {MEDIA_TYPE: _content("Problem", example=example)},
        }
    return found


_BAD_VALUE: Final = InputError("lon: Input should be a finite number ('nan')")
_RETIRED: Final = RetiredError(
    "320299001001004 was in use and is no more; in its place there is 320299001001017, 320299001001018", (),
    ("320299001001017", "320299001001018"),
)  # fmt: skip

_NOT_CHANGED: Final = {"description": "未变 · Not changed since the ETag in If-None-Match"}

LOCATE: Final[Operation] = {
    "operation_id": "locate",
    "openapi_extra": {"parameters": parameters(PlaceQuery)},
    "summary": "点位查网格 · Which grid is a point in",
    "tags": ["locate"],
    "responses": {
        200: {"content": {"application/json": _content(
            None, matched=_MATCHED, ambiguous=_AMBIGUOUS, invalid=_INVALID
        )}},
        304: _NOT_CHANGED,
        **_problems("/v1/locate", _BAD_VALUE),
    },
}  # fmt: skip
BATCH: Final[Operation] = {
    "operation_id": "locateBatch",
    "summary": "批量点位查网格 · Which grids are many points in",
    "tags": ["locate"],
    "openapi_extra": {
        "parameters": parameters(Headers),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": _content("BatchBody", points=_BATCH_BODY),
                "text/csv": {"schema": {"type": "string"}, "example": _CSV_BODY},
            },
        }
    },
    "responses": {
        200: {"content": {
            "application/json": _content(None, answered=_BATCH_ANSWER),
            "text/csv": {"schema": {"type": "string"}, "example": _CSV_ANSWER},
        }},
        **_problems(
            "/v1/locate:batch",
            InputError("the body is not JSON: unexpected end of data: line 1 column 1 (char 0)"),
            TooLargeError(f"the batch has more than {MOST_POINTS:,} points, the most answered at once; split it"),
            MediaTypeError("Content-Type is text/plain; allowed: application/json, text/csv"),
        ),
    },
}  # fmt: skip
GRID: Final[Operation] = {
    "operation_id": "readGrid",
    "openapi_extra": {"parameters": parameters(GridQuery)},
    "summary": "查网格 · One grid",
    "tags": ["grids"],
    "responses": {
        200: {"content": {
            "application/json": _content(None, found=_GRID_ANSWER),
            "application/geo+json": _content("GridFeature", found=_FEATURE),
        }},
        304: _NOT_CHANGED,
        **_problems(
            "/v1/grids/320299001001004",
            UnknownNameError("there is no grid '320299001001004' in this plan, nor was there"),
            _RETIRED,
            InputError("level='tiny' is not a level of this plan; it has large, medium, small, micro"),
        ),
    },
}  # fmt: skip
HEALTH: Final[Operation] = {
    "operation_id": "health",
    "summary": "运行状态 · Whether the server answers",
    "tags": ["server"],
    "responses": {
        200: {"content": {"application/json": _content(None, ok=_HEALTH_ANSWER)}},
        **_problems("/health"),
    },
}


def install(app: FastAPI) -> None:
    """Complete an app's OpenAPI: schemas that routes name by reference, and examples as they were written."""
    described = app.openapi

    @cache
    def complete() -> dict[str, Any]:
        said = described()
        wanted = [(Problem, "serialization"), (GridFeature, "serialization"), (BatchBody, "validation")]
        _, made = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
        said["components"]["schemas"] |= made["$defs"]
        _restore_examples(said)
        return said

    app.openapi = complete  # type: ignore[method-assign]


def _restore_examples(said: dict[str, Any]) -> None:
    """Put examples back: FastAPI drops what is null from them, and then they fit their schemas no more."""
    written = {operation["operation_id"]: operation["responses"] for operation in (LOCATE, BATCH, GRID, HEALTH)}
    for item in said["paths"].values():
        for operation in item.values():
            for status, response in written.get(operation["operationId"], {}).items():
                for kind, content in response.get("content", {}).items():
                    operation["responses"][str(status)]["content"][kind] |= content
