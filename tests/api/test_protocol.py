"""Bytes on a connection: what is no request is a problem too, and a head is bounded however slowly it comes."""

from __future__ import annotations

import asyncio
import json

import pytest
import uvicorn
from fastapi import Request
from shapes import PROBLEM
from uvicorn.server import ServerState

from gridmap.api.errors import SlowError
from gridmap.api.limits import MOST_HEAD_BYTES
from gridmap.api.negotiate import bounded_body
from gridmap.api.protocol import Protocol


class Wire(asyncio.Transport):
    """A connection of which only what is sent is kept."""

    def __init__(self):
        super().__init__()
        self.sent, self.closed = b"", False

    def write(self, data):
        self.sent += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


@pytest.fixture
def connection():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    loop = asyncio.new_event_loop()
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    protocol = Protocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    protocol.connection_made(Wire())
    yield protocol
    loop.run_until_complete(asyncio.sleep(0))
    protocol.connection_lost(None)
    loop.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /"])
def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch, sent):
    monkeypatch.setattr("gridmap.api.protocol.MOST_HEAD_S", 0.05)

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def wait():
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
        protocol = Protocol(config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop())
        protocol.connection_made(Wire())
        protocol.data_received(sent)
        await asyncio.sleep(0.15)
        assert_refused_last(protocol)
        protocol.connection_lost(None)

    asyncio.run(wait())


def assert_refused_last(protocol):
    """The last answer on the wire is the problem; what was asked whole before it was answered."""
    assert protocol.transport.closed
    assert b"HTTP/1.1 408" in protocol.transport.sent
    assert b"urn:gridmap:problem:slow" in protocol.transport.sent.rpartition(b"\r\n\r\n")[2]


def test_a_body_that_does_not_go_on_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("gridmap.api.negotiate.MOST_STALL_S", 0.05)
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive():
        if pieces:
            return pieces.pop()
        await asyncio.sleep(5)
        return None

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(SlowError, match="no piece of the body"):
        asyncio.run(bounded_body(request, 100))


def assert_refused(connection, status, code):
    assert connection.transport.closed
    head, _, body = connection.transport.sent.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    said = json.loads(body)
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert (headers["Content-Type"], headers["Content-Length"]) == (PROBLEM, str(len(body)))
    assert (said["status"], said["type"]) == (status, f"urn:gridmap:problem:{code}")
    assert said["request_id"] == headers["X-Request-Id"]
    return said["detail"]


@pytest.mark.parametrize(
    "sent",
    [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /\xff HTTP/1.1"],
)
def test_what_is_no_request_is_a_problem(connection, sent):
    connection.data_received(sent)
    assert_refused(connection, 400, "no-request")


@pytest.mark.parametrize("begun", [b"GET /v1/locate?lon=", b"GET / HTTP/1.1\r\nHost: x\r\nA: "])
@pytest.mark.parametrize("piece", [b"1" * 1000, b"1\r\nA: "])
def test_a_head_is_bounded_however_slowly_it_comes(connection, begun, piece):
    """The parser alone would keep it for ever."""
    if begun.endswith(b"=") and b"\r" in piece:
        piece = b"1"
    connection.data_received(begun)
    sent = 0
    while not connection.transport.closed:
        connection.data_received(piece)
        sent += len(piece)
        assert sent <= MOST_HEAD_BYTES + len(piece)
    assert f"{MOST_HEAD_BYTES:,}" in assert_refused(connection, 413, "too-large")


def test_bodies_and_heads_before_do_not_count(connection):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    for _ in range(3):
        connection.data_received(head % (1 << 20))
        connection.data_received(b"A: " + b"1" * (MOST_HEAD_BYTES - 100))
        connection.data_received(b"\r\n\r\n")
        for _ in range(4):
            connection.data_received(b" " * (1 << 18))
        connection.loop.run_until_complete(asyncio.sleep(0.01))
    assert not connection.transport.closed
    assert connection.transport.sent.count(b"HTTP/1.1 204 ") == 3
