"""What a caller sends and what it wants back: media types, bounded bodies, and whether it has the answer already."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import anyio
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from gridmap.api.errors import MediaTypeError, NoRequestError, SlowError, TooLargeError
from gridmap.api.limits import MOST_STALL_S
from gridmap.api.page import Page, tag_of

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
CSV: Final = "text/csv"
_WORTH_IT_BYTES: Final = 1400
"""What fits into one packet is not compressed."""


class GeoJsonResponse(JSONResponse):
    """What routes of features answer with, as the OpenAPI has it."""

    media_type = GEOJSON


@dataclass(frozen=True)
class Kind:
    """What a body is."""

    media_type: str
    charset: str | None


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """Return the kind a caller wants most of those offered; the first where it does not say, or asks for none of them.

    Examples
    --------
    >>> preferred("text/csv;q=0.5, application/json", [CSV, JSON]), preferred("*/*", [CSV, JSON])
    ('application/json', 'text/csv')
    """
    wanted = [_weighed(each) for each in (accept or "*/*").lower().split(",")]
    return max(offered, key=lambda kind: max(_weight(kind, name, q) for name, q in wanted))


def _weighed(stated: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in stated.split(";"))
    q = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    return name, float(q) if q.replace(".", "", 1).isdecimal() else 0.0


def _weight(kind: str, wanted: str, q: float) -> float:
    if wanted == kind:
        return q
    # Of two that are wanted as much, the one that is named goes before the one that would do.
    return q * 0.999 if wanted in ("*/*", kind.split("/", maxsplit=1)[0] + "/*") else 0.0


def body_kind(request: Request, read: Sequence[str]) -> Kind:
    """Return what the body of a request is.

    Raises
    ------
    MediaTypeError
        When it is none of those that are read, or compressed.
    """
    stated = request.headers.get("content-type", "")
    name, *parameters = (part.strip() for part in stated.split(";"))
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise MediaTypeError(f"the body is compressed ({encoding}); send it as it is")
    if name.lower() not in read:
        raise MediaTypeError(f"Content-Type is {stated or 'missing'}; allowed: {', '.join(read)}")
    charset = next((part[8:].strip('"') for part in parameters if part.lower().startswith("charset=")), None)
    return Kind(name.lower(), charset or None)


async def bounded_body(request: Request, most: int) -> bytes:
    """Read a body, and stop at the limit whatever the caller says of its length.

    Raises
    ------
    TooLargeError
        Naming the limit.
    NoRequestError
        When the body breaks off.
    SlowError
        When it does not go on.
    """
    stated = request.headers.get("content-length", "")
    refused = TooLargeError(f"the body is larger than {most:,} bytes, the most that is read; split it")
    if stated.isdecimal() and int(stated) > most:
        raise refused
    pieces, size = [], 0
    stream = request.stream()
    try:
        while True:
            with anyio.fail_after(MOST_STALL_S):
                piece = await anext(stream)
            size += len(piece)
            if size > most:
                raise refused
            pieces.append(piece)
    except StopAsyncIteration:
        return b"".join(pieces)
    except TimeoutError:
        raise SlowError(f"no piece of the body came for {MOST_STALL_S} s") from None
    except ClientDisconnect:
        # Nobody will read this; but it is no failure of the server, which would be logged as one.
        raise NoRequestError("the caller went away before the body was complete") from None


def tagged(request: Request, body: bytes, media_type: str, tag: str, **headers: str) -> Response:
    """Return a body with its ETag, or 304 where the caller has it already."""
    headers = {"ETag": tag, "Cache-Control": "no-cache", **{name.replace("_", "-"): headers[name] for name in headers}}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def sent(request: Request, body: bytes, media_type: str, *, caching: str, tag: str | None = None) -> Response:
    """Return a body of any size with its ETag, compressed where the caller can read that and it is worth it.

    Parameters
    ----------
    request
        Who asks, and what it has already.
    body, media_type
        What is sent.
    caching
        ``Cache-Control``.
    tag
        The ETag, where what the body says of the time of asking is not to count.
    """
    tag = tag or tag_of(body)
    headers = {"Cache_Control": caching, "Vary": "Accept-Encoding"}
    if len(body) < _WORTH_IT_BYTES or not takes_gzip(request):
        return tagged(request, body, media_type, tag, **headers)
    tag = tag[:-1] + '-gzip"'
    if _has(request, tag):  # before it is compressed
        return tagged(request, b"", media_type, tag, Content_Encoding="gzip", **headers)
    return tagged(request, _compressed(body), media_type, tag, Content_Encoding="gzip", **headers)


@lru_cache(maxsize=4)
def _compressed(body: bytes) -> bytes:
    """Return a body as gzip; what everybody asks for, a level of the county, is compressed once."""
    return gzip.compress(body, 1, mtime=0)


def takes_gzip(request: Request) -> bool:
    """Whether the caller can read gzip."""
    stated = request.headers.get("accept-encoding", "").lower().split(",")
    return any(name in ("gzip", "*") and q > 0 for name, q in map(_weighed, stated))


def page_response(request: Request, page: Page, **headers: str) -> Response:
    """Return a page, compressed where the caller can read that."""
    headers["Vary"] = "Accept-Encoding"
    if takes_gzip(request):
        tag = page.tag[:-1] + '-gzip"'
        return tagged(request, page.compressed, page.media_type, tag, Content_Encoding="gzip", **headers)
    return tagged(request, page.body, page.media_type, page.tag, **headers)


def _has(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    plain = tag.removeprefix("W/")
    return known.strip() == "*" or plain in [each.strip().removeprefix("W/") for each in known.split(",")]
