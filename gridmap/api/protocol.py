"""HTTP below the app: bytes that are no request get a problem too, and the head of a request is bounded as its body."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gridmap.api.envelope import HEADERS
from gridmap.api.errors import NoRequestError, SlowError, TooLargeError
from gridmap.api.limits import MOST_HEAD_BYTES, MOST_HEAD_S
from gridmap.api.problems import MEDIA_TYPE, problem_of
from gridmap.errors import GridmapError

_NO_REQUEST: Final = "what came in is not a request of HTTP/1.1"
_TOO_SLOW: Final = f"the address and headers did not come within {MOST_HEAD_S} s"
_TOO_LARGE: Final = f"the address and headers are larger than {MOST_HEAD_BYTES:,} bytes, the most that is read"


class Protocol(HttpToolsProtocol):
    """One connection. The parser below keeps a head until it is complete, however long that takes."""

    _in_head = False
    _head_bytes = 0
    _too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; whoever opens one has to ask something soon."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let it go."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came in; the piece in which a head begins may hold the end of a body, so it does not count."""
        began_before = self._in_head
        super().data_received(data)
        if not (began_before and self._in_head) or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(TooLargeError(_TOO_LARGE))

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        """End it."""
        self._in_head = False
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the problem says it in our words
        """Answer to what the parser cannot read."""
        self._refuse(NoRequestError(_NO_REQUEST))

    def _wait_for_head(self) -> None:
        if self._too_slow is None:
            self._too_slow = self.loop.call_later(MOST_HEAD_S, self._give_up)

    def _give_up(self) -> None:
        self._too_slow = None
        if not self.transport.is_closing():
            self._refuse(SlowError(_TOO_SLOW))

    def _head_came(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _refuse(self, error: GridmapError) -> None:
        who = uuid.uuid4().hex
        problem = problem_of(error, instance="/", request=who)
        body = problem.model_dump_json(exclude_none=True).encode()
        headers = HEADERS | {
            "Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "X-Request-Id": who, "Connection": "close",
        }  # fmt: skip
        lines = [f"{name}: {value}\r\n".encode("ascii") for name, value in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self.transport.close()
