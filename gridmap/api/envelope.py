"""What every answer carries, whatever it holds: a request id, caching rules, one line in the log."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log: Final = logging.getLogger("gridmap.access")
HEADERS: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""What every answer says unless it says something else."""
_KEY: Final = "gridmap.request_id"
_USABLE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A caller's own id goes into headers and the log, so it is taken only where it cannot break them."""


def request_id(scope: Scope) -> str:
    r"""Return the id of a request: the caller's ``X-Request-Id`` where it is usable, else a new one.

    Examples
    --------
    >>> request_id({"headers": [(b"x-request-id", b"case-7")]})
    'case-7'
    >>> len(request_id({"headers": [(b"x-request-id", b"a\nb")]}))
    32
    """
    if _KEY not in scope:
        given = Headers(scope=scope).get("x-request-id", "")
        scope[_KEY] = given if _USABLE.fullmatch(given) else uuid.uuid4().hex
    return str(scope[_KEY])


class Envelope:
    """Middleware: gives every answer its request id and headers, answers HEAD as GET, and logs one line a request.

    The line has no query: where somebody was when reporting is nobody's business but the caller's.

    Parameters
    ----------
    app
        The application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and seal what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        who = request_id(scope)
        begun = time.perf_counter()
        status = 500

        async def sealed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = who
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        # The server leaves out the body of an answer to HEAD by itself.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self.app(inner, receive, sealed)
        finally:
            took = (time.perf_counter() - begun) * 1000
            log.info("%s %s %d %.1f ms %s", scope["method"], quote(scope["path"], safe="/:"), status, took, who)
