"""What the descriptions of operations have in common: examples, problems, and how both are written."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from gridmap.api.problems import MEDIA_TYPE, kind_of, problem_of
from gridmap.errors import GridmapError, InputError, UnavailableError, UnknownNameError

Operation: TypeAlias = dict[str, Any]

PERSON: Final = {
    "outcome": "named",
    "reason": "small 网格内承担 E0203（专职 full-time） · holds it in the finest grid",
    "person_id": "32029900213",
    "name": "王**",
    "role": "专职网格员",
    "level": "small",
    "grid": "320299001001001",
}
CHAIN: Final = {"large": "320299001", "medium": "320299001001", "small": "320299001001001"}
AT: Final = "2026-05-01T08:00:00+08:00"
VERSION: Final = "9b3b915afa5d"
SQUARE: Final = [[[120.30, 31.50], [120.31, 31.50], [120.31, 31.51], [120.30, 31.51], [120.30, 31.50]]]
NOT_CHANGED: Final = {"description": "未变 · Not changed since the ETag in If-None-Match"}
BAD_VALUE: Final = InputError("lon: Input should be a finite number ('nan')")


NO_VERSION: Final = UnknownNameError(f"there is no version '9b3b'; there is {VERSION}")


def content(schema: str | None, **examples: object) -> dict[str, Any]:
    """Return examples, and the name of their schema where no route declares it."""
    said: dict[str, Any] = {"examples": {name: {"value": value} for name, value in examples.items()}}
    return said if schema is None else said | {"schema": {"$ref": f"#/components/schemas/{schema}"}}


def problems(instance: str, *errors: GridmapError) -> dict[int | str, dict[str, Any]]:
    """Return what an operation answers when it cannot: one example a status; the server and the record may fail."""
    found: dict[int | str, dict[str, Any]] = {}
    for error in (*errors, GridmapError(""), UnavailableError("no plan is in force yet; publish one")):
        kind = kind_of(error)
        request = "5f1c0d3a9e7b4c2f8a6d1e0b3c5f7a92"
        problem = problem_of(error, instance=instance, request=request, plan_version=VERSION)
        example = problem.model_dump(mode="json", exclude_none=True)
        found[kind.status] = {
            "description": kind.title,
            "content": {MEDIA_TYPE: content("Problem", example=example)},
        }
    return found
