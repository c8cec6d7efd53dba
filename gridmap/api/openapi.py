"""What the OpenAPI says beside what routes and models say by themselves: examples, bodies, and the problems."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from gridmap.api.addresses import place_parameters
from gridmap.api.asked import parameters
from gridmap.api.batch_csv import Headers
from gridmap.api.batch_json import BatchBody
from gridmap.api.errors import MediaTypeError, TooLargeError
from gridmap.api.geocode_batch import AddressesBody
from gridmap.api.limits import MOST_BYTES, MOST_POINTS
from gridmap.api.models import GridFeature, Problem
from gridmap.api.openapi_addresses import BATCH_GEOCODED, GEOCODED, NOWHERE
from gridmap.api.openapi_parts import (
    AT,
    BAD_VALUE,
    CHAIN,
    NO_VERSION,
    NOT_CHANGED,
    PERSON,
    VERSION,
    Operation,
    content,
    problems,
)
from gridmap.errors import InputError

DESCRIPTION: Final = f"""\
网格方案及其人员、站点；以文件提供服务时只读。The grids of a county, their people and stations; read-only on files.

- 每个回答都有 `outcome` 和 `plan_version`。Every answer has an `outcome` and echoes the `plan_version`.
- 时间只有一条规则：写 `version` 用该版本，否则用 `at` 时生效的版本，都不写用现行版本；`at` 也决定人员。
  One rule for time everywhere: `version` is that version; else the one in force `at` that time; else the one in force
  now. `at` also decides whose people. What is of a stated `version` and names nobody may be kept for ever; all else is
  `no-cache` with an `ETag`.
- 坐标须注明坐标系；已知精度请填写。State the `crs` of coordinates, and `accuracy_m` where it is known: GCJ-02 and BD-09
  lie 50–500 m beside WGS 84. 顺序为经度、纬度 · longitude first.
- `matched` 已落格 · `ambiguous` 精度范围触及多个网格 the accuracy disc touches several grids ·
  `gap` 县域内但不在网格中 inside the county, in no grid · `outside` 县域之外 outside ·
  `invalid` 坐标不可用 the point cannot be used · `unresolved` 地址未落实 an address that names no place. Each comes
  with a `reason`.
- 地址可代替坐标（服务须加载地址索引）；`needs_person` 为真时须人工核实后才能派单。An `address` may stand for
  coordinates where the server has an address index; answers then echo its `address_version`, and where `needs_person`
  is true somebody has to look before anything is dispatched.
- 姓名和电话隐去；档案库上有权限者可写明事由查看，逐次留痕。
  Names and phones are masked; on the record `unmask` shows them to whoever may, for a reason that is kept.
- 所有错误为 RFC 9457 `application/problem+json`。Every error is a problem.
- 批量上限 at most {MOST_POINTS:,} points and {MOST_BYTES >> 20} MiB a batch.
- `X-Request-Id` 原样返回并记入日志 comes back, and stands in the log.
"""

NEAR: Final = [
    {"level": "small", "code": "320299001001001", "distance_m": 0.0},
    {"level": "small", "code": "320299001001004", "distance_m": 6.2},
]
TOUCHES: Final = "精度范围触及多个网格 · the accuracy disc touches several grids"
OUTSIDE: Final = "位于县域之外 · outside the county"
NOBODY: Final = {"person_id": None, "name": None, "level": None, "grid": None}

_MATCHED: Final = {
    "outcome": "matched", "reason": "", "chain": CHAIN, "candidates": [], "border_distance_m": 41.7,
    "responsible": PERSON, "at": AT, "plan_version": VERSION,
}  # fmt: skip
_AMBIGUOUS: Final = _MATCHED | {
    "outcome": "ambiguous", "reason": TOUCHES, "chain": {"large": "320299001", "medium": "320299001001"},
    "candidates": NEAR, "border_distance_m": 6.2,
    "responsible": PERSON | {
        "level": "medium", "grid": "320299001001", "role": "网格长",
        "reason": "medium 网格内承担 E0203（主责 primary） · holds it in the finest grid",
    },
}  # fmt: skip
_INVALID: Final = _MATCHED | {
    "outcome": "invalid", "reason": "经纬度疑似颠倒 · longitude and latitude look swapped", "chain": {},
    "border_distance_m": None,
    "responsible": {"outcome": "no_place", "reason": "不在任何网格内 · in no grid, so nobody can be named"},
}  # fmt: skip
_ADDRESS: Final = _MATCHED | {"geocoding": GEOCODED}
_UNRESOLVED: Final = _INVALID | {
    "outcome": "unresolved", "reason": NOWHERE["reason"], "responsible": None, "geocoding": NOWHERE,
}  # fmt: skip
_BATCH_PERSON: Final = {name: PERSON[name] for name in ("outcome", "person_id", "name", "level", "grid")}
_BATCH_ANSWER: Final = {
    "outcome": "answered", "count": 3,
    "by_outcome": {"matched": 2, "ambiguous": 0, "gap": 0, "outside": 1, "invalid": 0, "unresolved": 0},
    "at": AT, "plan_version": VERSION,
    "results": [
        {"id": "SJ-7", "outcome": "matched", "reason": "", "chain": CHAIN, "candidates": [],
         "responsible": _BATCH_PERSON},
        {"outcome": "outside", "reason": OUTSIDE, "chain": {}, "candidates": [],
         "responsible": {"outcome": "no_place", **NOBODY}},
        {"outcome": "matched", "reason": "", "chain": CHAIN, "candidates": [], "responsible": _BATCH_PERSON,
         "geocoding": BATCH_GEOCODED},
    ],
}  # fmt: skip
_BATCH_BODY: Final = {
    "crs": "gcj02",
    "points": [
        {"id": "SJ-7", "lon": 120.3001, "lat": 31.5023, "accuracy_m": 15, "duty": "E0203", "at": "2026-05-01 08:00"},
        {"lon": 121.47, "lat": 31.23, "crs": "wgs84"},
        {"address": "虹桥路十三号1幢"},
    ],
}
_CSV_BODY: Final = "id,lon,lat,crs\nSJ-7,120.3001,31.5023,gcj02\n"
_CSV_ANSWER: Final = (
    "id,lon,lat,crs,large,medium,small,micro,outcome,reason,person_id,person,answered_level,plan_version\n"
    f"SJ-7,120.3001,31.5023,gcj02,320299001,320299001001,320299001001001,,matched,,32029900213,王**,small,{VERSION}\n"
)
_READY_ANSWER: Final = {"outcome": "ok", "plan_version": VERSION}
_LIVE_ANSWER: Final = {"outcome": "ok", "gridmap_version": "0.1.0"}
_HEALTH_ANSWER: Final = {
    "outcome": "ok", "plan_version": VERSION, "levels": {"large": 12, "medium": 198, "small": 2021, "micro": 253},
    "people": 2484, "gridmap_version": "0.1.0",
}  # fmt: skip


LOCATE: Final[Operation] = {
    "operation_id": "locate",
    "openapi_extra": {"parameters": place_parameters()},
    "summary": "点位或地址查网格 · Which grid is a point or an address in",
    "tags": ["locate"],
    "responses": {
        200: {"content": {"application/json": content(
            None, matched=_MATCHED, ambiguous=_AMBIGUOUS, invalid=_INVALID, address=_ADDRESS, unresolved=_UNRESOLVED
        )}},
        304: NOT_CHANGED,
        **problems("/v1/locate", BAD_VALUE, NO_VERSION),
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
                "application/json": content("BatchBody", points=_BATCH_BODY),
                "text/csv": {"schema": {"type": "string"}, "example": _CSV_BODY},
            },
        }
    },
    "responses": {
        200: {"content": {
            "application/json": content(None, answered=_BATCH_ANSWER),
            "text/csv": {"schema": {"type": "string"}, "example": _CSV_ANSWER},
        }},
        **problems(
            "/v1/locate:batch",
            NO_VERSION,
            InputError("the body is not JSON: unexpected end of data: line 1 column 1 (char 0)"),
            TooLargeError(f"the batch has more than {MOST_POINTS:,} points, the most answered at once; split it"),
            MediaTypeError("Content-Type is text/plain; allowed: application/json, text/csv"),
        ),
    },
}  # fmt: skip
HEALTH: Final[Operation] = {
    "operation_id": "health",
    "summary": "运行状态 · Whether the server answers",
    "tags": ["server"],
    "responses": {
        200: {"content": {"application/json": content(None, ok=_HEALTH_ANSWER)}},
        **problems("/health"),
    },
}
LIVE: Final[Operation] = {
    "operation_id": "live",
    "summary": "存活 · Whether the process answers",
    "tags": ["server"],
    "responses": {
        200: {"content": {"application/json": content(None, ok=_LIVE_ANSWER)}},
        **problems("/live"),
    },
}
READY: Final[Operation] = {
    "operation_id": "ready",
    "summary": "就绪 · Whether questions are answered",
    "tags": ["server"],
    "responses": {
        200: {"content": {"application/json": content(None, ok=_READY_ANSWER)}},
        **problems("/ready"),
    },
}


OPERATIONS: Final = (LOCATE, BATCH, HEALTH, LIVE, READY)
_BY_NAME: Final = (
    (Problem, "serialization"),
    (GridFeature, "serialization"),
    (BatchBody, "validation"),
    (AddressesBody, "validation"),
)
"""Schemas that routes name by reference."""


def install(app: FastAPI, operations: Iterable[Operation]) -> None:
    """Complete an app's OpenAPI: schemas that routes name by reference, and the operations' examples as written."""
    described = app.openapi

    @cache
    def complete() -> dict[str, Any]:
        said = described()
        _, made = models_json_schema(_BY_NAME, ref_template="#/components/schemas/{model}")
        said["components"]["schemas"] |= made["$defs"]
        _restore_examples(said, operations)
        return said

    app.openapi = complete  # type: ignore[method-assign]


def _restore_examples(said: dict[str, Any], operations: Iterable[Operation]) -> None:
    """Put examples back: FastAPI drops what is null from them, and then they fit their schemas no more."""
    written = {operation["operation_id"]: operation["responses"] for operation in operations}
    for item in said["paths"].values():
        for operation in item.values():
            for status, response in written.get(operation["operationId"], {}).items():
                for kind, said_of_it in response.get("content", {}).items():
                    operation["responses"][str(status)]["content"][kind] |= said_of_it
