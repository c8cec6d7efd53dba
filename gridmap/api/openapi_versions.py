"""What the OpenAPI says of versions."""

from __future__ import annotations

from typing import Final

from gridmap.api.openapi_parts import NO_VERSION, NOT_CHANGED, VERSION, Operation, content, problems
from gridmap.errors import InputError

_OLD: Final = "51c0d7a3e9b2"
_COUNTS: Final = {"large": 12, "medium": 198, "small": 2021, "micro": 253}
_FIRST: Final = {"since": "2026-01-01T00:00:00+08:00", "until": "2026-05-01T00:00:00+08:00", "kind": "publish"}
_NOW: Final = {"since": "2026-05-01T00:00:00+08:00", "until": None, "kind": "publish", "in_force": True}
_ASKED_MORE: Final = InputError("at: there is no such parameter here ('2026-05-01')")
_VERSIONS_ANSWER: Final = {
    "outcome": "found", "reason": "",
    "versions": [
        {"version": _OLD, "name": "样例县网格", "counts": _COUNTS, **_FIRST, "in_force": False},
        {"version": VERSION, "name": "样例县网格", "counts": _COUNTS | {"small": 2022}, **_NOW},
    ],
    "plan_version": VERSION,
}  # fmt: skip
_VERSION_ANSWER: Final = {
    "outcome": "found", "reason": "", "version": VERSION, "name": "样例县网格", "periods": [_NOW],
    "levels": [{"level": "small", "tiles": True, "grids": 2022, "households": 801230.0, "area_m2": 220401233.0}],
    "retired": 1, "bbox": [120.25, 31.38, 120.58, 31.66], "plan_version": VERSION,
}  # fmt: skip
_FLOW: Final = {
    "area_lost_m2": 48197.6, "area_gained_m2": 0.0, "households_lost": 363.0, "households_gained": 0.0,
}  # fmt: skip
_COMPARE_ANSWER: Final = {
    "outcome": "compared", "reason": "", "old": _OLD, "new": VERSION, "tolerance_m2": 10.0,
    "summary": [{"level": "small", "change": "split", "grids": 1, **_FLOW}],
    "moved": [
        {"level": "small", "area_m2": 48197.6, "households": 363.0, "share_area": 0.001, "share_households": 0.001},
    ],
    "changed": [{
        "level": "small", "change": "split", "old": ["320299001001004"],
        "new": ["320299001001017", "320299001001018"], "area_m2": 48197.6, "households": 363.0, **_FLOW, "share": 1.0,
    }],
    "plan_version": VERSION,
}  # fmt: skip

VERSIONS: Final[Operation] = {
    "operation_id": "readVersions",
    "summary": "版本时间线 · Which version was in force when",
    "tags": ["versions"],
    "responses": {
        200: {"content": {"application/json": content(None, found=_VERSIONS_ANSWER)}},
        304: NOT_CHANGED,
        **problems("/v1/versions", _ASKED_MORE),
    },
}
ONE: Final[Operation] = {
    "operation_id": "readVersion",
    "summary": "一个版本 · One version",
    "tags": ["versions"],
    "responses": {
        200: {"content": {"application/json": content(None, found=_VERSION_ANSWER)}},
        304: NOT_CHANGED,
        **problems(f"/v1/versions/{VERSION}", NO_VERSION, _ASKED_MORE),
    },
}
COMPARE: Final[Operation] = {
    "operation_id": "compareVersions",
    "summary": "两版比较 · What changed between two versions",
    "tags": ["versions"],
    "responses": {
        200: {"content": {"application/json": content(None, compared=_COMPARE_ANSWER)}},
        304: NOT_CHANGED,
        **problems(f"/v1/versions/{_OLD}..{VERSION}", NO_VERSION, _ASKED_MORE),
    },
}
OPERATIONS: Final = (VERSIONS, COMPARE, ONE)
