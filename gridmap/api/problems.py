"""Errors as problems (RFC 9457): one table says which status an error of gridmap has, and there is no other way out.

It is the twin of ``EXIT_CODES`` of the command line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gridmap.api.asked import field_problem, refused
from gridmap.api.envelope import HEADERS, request_id
from gridmap.api.errors import (
    MediaTypeError,
    MethodError,
    NoAddressesError,
    NoRequestError,
    RequestError,
    RetiredError,
    RouteError,
    SlowError,
    TooLargeError,
)
from gridmap.api.models import Problem
from gridmap.errors import (
    AccessError,
    ConflictError,
    EditRefused,
    GridmapError,
    IdentityError,
    InputError,
    RateError,
    UnavailableError,
    UnknownNameError,
)

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its status, and its title, which is the same every time."""

    status: int
    title: str


PROBLEMS: Final[tuple[tuple[type[GridmapError], Kind], ...]] = (
    (NoRequestError, Kind(400, "不是完整有效的请求 · This is not a whole and valid request")),
    (IdentityError, Kind(401, "未登录或密钥无效 · It is not known who asks")),
    (AccessError, Kind(403, "无权限 · This may not be done by whoever asks")),
    (RouteError, Kind(404, "没有这个地址 · There is nothing at this address")),
    (NoAddressesError, Kind(404, "未加载地址索引 · This server has no address index")),
    (UnknownNameError, Kind(404, "没有这个编码 · There is no such code")),
    (MethodError, Kind(405, "不支持的方法 · The method is not allowed here")),
    (SlowError, Kind(408, "请求未在时限内送达 · The request did not come in time")),
    (ConflictError, Kind(409, "与他人的修改冲突 · Somebody else changed it first")),
    (EditRefused, Kind(409, "编辑违反规则 · The edit would break a rule")),
    (RetiredError, Kind(410, "编码已停用 · The code is retired")),
    (TooLargeError, Kind(413, "请求超出上限 · The request is beyond a limit")),
    (MediaTypeError, Kind(415, "不支持的内容类型 · The body is of a kind that is not read")),
    (InputError, Kind(422, "参数或内容不可用 · A parameter or the body cannot be used")),
    (RateError, Kind(429, "请求过于频繁 · More was asked than is answered")),
    (UnavailableError, Kind(503, "数据库暂不可用 · The record cannot be reached for now")),
    (GridmapError, Kind(500, "服务内部错误 · The server failed")),
)
"""The first class that fits decides."""
_INTERNAL: Final = PROBLEMS[-1][1]
_RETRY_AFTER_S: Final = 2
_HIDDEN: Final = "the server failed; its log says more under the request id"


def kind_of(error: Exception) -> Kind:
    """Return the kind of problem an error is.

    Examples
    --------
    >>> kind_of(InputError("x")).status, kind_of(UnknownNameError("x")).status, kind_of(RuntimeError("x")).status
    (422, 404, 500)
    """
    return next((kind for cls, kind in PROBLEMS if isinstance(error, cls)), _INTERNAL)


def problem_of(error: Exception, *, instance: str, request: str, plan_version: str | None = None) -> Problem:
    """Return an error as a problem; what broke inside the server is not told."""
    kind = kind_of(error)
    told = kind is not _INTERNAL
    code = error.code if isinstance(error, GridmapError) and told else "internal"
    retired = error if isinstance(error, RetiredError) else None
    return Problem(
        type=f"urn:gridmap:problem:{code}",
        title=kind.title,
        status=kind.status,
        detail=str(error) if told else _HIDDEN,
        instance=instance,
        request_id=request,
        errors=error.errors if isinstance(error, RequestError) else None,
        successors=retired.successors if retired else None,
        current=retired.current if retired else None,
        plan_version=plan_version,
    )


def install(app: FastAPI) -> None:
    """Make an app answer every error with a problem."""
    for kind in (GridmapError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


async def answer(request: Request, error: Exception) -> Response:
    """Answer a request with what went wrong."""
    headers: Mapping[str, str] = {}
    if isinstance(error, HTTPException):
        headers = error.headers or {}
        error = _of_http(error, request)
    elif isinstance(error, RequestValidationError):
        error = _of_validation(error)
    headers = {**headers, **_advice(error)}
    who = request_id(request.scope)
    version = getattr(request.state, "plan_version", None)  # known once a route has asked for its source
    problem = problem_of(error, instance=request.url.path, request=who, plan_version=version)
    body = problem.model_dump_json(exclude_none=True)
    # Where the server fails, this goes out past the envelope.
    return Response(body, problem.status, {**HEADERS, **headers, "X-Request-Id": who}, MEDIA_TYPE)


def _advice(error: Exception) -> Mapping[str, str]:
    """Return the headers that say what to do next."""
    if isinstance(error, IdentityError):
        return {"WWW-Authenticate": 'Bearer realm="gridmap"'}
    if isinstance(error, RateError):
        wait = str(max(1, math.ceil(error.retry_after_s)))
        limit = {"RateLimit-Policy": f'"minute";q={error.per_minute};w=60', "RateLimit": f'"minute";r=0;t={wait}'}
        return {"Retry-After": wait} | (limit if error.per_minute is not None else {})
    return {"Retry-After": str(_RETRY_AFTER_S)} if isinstance(error, UnavailableError) else {}


def _of_http(error: HTTPException, request: Request) -> GridmapError:
    if error.status_code == 404:
        return RouteError(f"there is nothing at {request.url.path}; /openapi.json lists what there is, /docs shows it")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET")
        return MethodError(f"{request.url.path} takes {allowed}, not {request.method}")
    if error.status_code == 413:
        return TooLargeError(error.detail)
    return InputError(error.detail) if error.status_code < 500 else GridmapError(error.detail)


def _of_validation(error: RequestValidationError) -> RequestError:
    return refused(field_problem(each, str(each["loc"][0]), each["loc"][1:]) for each in error.errors())
