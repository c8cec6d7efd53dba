"""What every answer carries, whatever it holds: a request id, caching rules, one line in the log."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Mapping
from typing import Final, Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridmap.api.logs import log_request
from gridmap.errors import GridmapError

HEADERS: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""What every answer says unless it says something else."""
NO_STORE: Final = "no_store"
"""Set on the state of a request whose answer nobody may keep."""
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


class Gate(Protocol):
    """What is asked before a request is passed on: who asks, and whether that one has asked enough."""

    is_public: bool
    """Whether what it lets pass may be kept by caches that others use."""

    def __call__(self, scope: Scope) -> Awaitable[None] | None:
        """Let a request pass, or raise; what it returns, if anything, has to be waited for first."""
        ...

    async def refuse(self, scope: Scope, error: GridmapError) -> Response:
        """Return the answer to a request that does not pass."""
        ...


class Envelope:
    """Middleware: lets requests in, gives every answer its request id and headers, answers HEAD as GET, logs a line.

    The line has no query: where somebody was when reporting is nobody's business but the caller's.

    Parameters
    ----------
    app
        The application inside.
    gate
        What every request passes first.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and seal what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        who = request_id(scope)
        state = scope.setdefault("state", {})
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
                self._bound_caching(headers, state)
            await send(message)

        # The server leaves out the body of an answer to HEAD by itself.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            waits = self.gate(scope)
            if waits is not None:
                await waits
            await self.app(inner, receive, sealed)
        except GridmapError as error:  # of the gate: what goes wrong inside has been answered there
            refusal = await self.gate.refuse(scope, error)
            await refusal(scope, receive, sealed)
        finally:
            if inner is not scope and "route" in inner:
                scope["route"] = inner["route"]
            took = time.perf_counter() - begun
            log_request(scope, status, took, who)
            meter = getattr(scope["app"].state, "meter", None)
            if meter is not None:
                meter.observe(scope, status, took)

    def _bound_caching(self, headers: MutableHeaders, state: Mapping[str, object]) -> None:
        if state.get(NO_STORE):
            headers["Cache-Control"] = "no-store"
            del headers["ETag"]
        elif not self.gate.is_public and headers["Cache-Control"].startswith("public"):
            headers["Cache-Control"] = headers["Cache-Control"].replace("public", "private", 1)
