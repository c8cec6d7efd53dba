"""Serving: a socket bound before anything is read, one process or several, and an end that lets requests finish."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from gridmap.api.app import create_app
from gridmap.api.protocol import Protocol
from gridmap.api.source import Source
from gridmap.errors import InputError, OutputError, UnavailableError
from gridmap.settings import ADDRESSES, address_index, log_format

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

_FOLDER: Final = "_GRIDMAP_SERVED_FOLDER"
"""How a worker learns where its parent put the source; set by :func:`serve`, never by people."""
_METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where workers put their metrics; the name is the library's."""
_GRACE_S: Final = 10
_BACKLOG: Final = 512


def bind(host: str, port: int) -> socket.socket:
    """Take an address, so that a port in use is known before a minute of reading.

    Parameters
    ----------
    host
        Address or name.
    port
        0 takes any that is free.

    Raises
    ------
    InputError
        When the address cannot be had.

    Examples
    --------
    >>> with bind("127.0.0.1", 0) as taken:
    ...     taken.getsockname()[1] > 0
    True
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"--host {host!r} is not an address of this machine: {error.strerror or error}") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except (OSError, OverflowError) as error:
        taken.close()
        raise InputError(_why(error, host, port)) from None
    taken.set_inheritable(True)
    return taken


def _why(error: OSError | OverflowError, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; end what uses it, or choose another with --port (0: any that is free)"
    if number == errno.EACCES:
        return f"port {port} may not be used by you; choose one above 1023 with --port"
    if number == errno.EADDRNOTAVAIL:
        return (
            f"--host {host!r} is not an address of this machine; 0.0.0.0 is all of them, 127.0.0.1 this machine alone"
        )
    return f"cannot serve at port {port} of {host}: {error}"


def url_of(taken: socket.socket) -> str:
    """Return where a browser finds what is served.

    Examples
    --------
    >>> with bind("127.0.0.1", 0) as taken:
    ...     url_of(taken)
    'http://127.0.0.1:...'
    """
    host, port = taken.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_open(taken: socket.socket) -> bool:
    """Whether other machines can reach an address."""
    return not ipaddress.ip_address(taken.getsockname()[0]).is_loopback


def serve(
    source: Source,
    taken: socket.socket,
    *,
    addresses: Path | None = None,
    workers: int = 1,
    quiet: bool = False,
) -> None:
    """Answer requests until SIGINT or SIGTERM; requests that run by then are finished.

    Parameters
    ----------
    source
        What is served.
    taken
        From :func:`bind`.
    addresses
        File of the address index, where addresses are answered; all workers map it into memory.
    workers
        Processes. They share one index, mapped into memory.
    quiet
        Do not log a line a request.

    Raises
    ------
    OutputError
        When the server could not start.
    """
    source.warm()
    if workers == 1:
        run_app(create_app(source, geocoder=open_addresses(addresses)), taken, quiet=quiet)
        return
    _tell_workers(addresses)
    with tempfile.TemporaryDirectory(prefix="gridmap-serve-") as folder:
        source.save(Path(folder))
        os.environ[_FOLDER] = folder
        try:
            _run_many("gridmap.api.serve:worker_app", taken, workers, quiet)
        finally:
            del os.environ[_FOLDER]


def serve_record(
    url: str, taken: socket.socket, *, addresses: Path | None = None, workers: int = 1, quiet: bool = False
) -> None:
    """Answer requests from the record until SIGINT or SIGTERM; requests that run by then are finished.

    Parameters
    ----------
    url
        Of the database. It may be away: then the server waits for it, and says so to whoever asks.
    taken, addresses, workers, quiet
        As of :func:`serve`. Every worker holds the versions it answers from.

    Raises
    ------
    InputError
        When the address cannot be read.
    OutputError
        When the server could not start.
    """
    from gridmap.api.record_app import URL, create_record_app

    if workers == 1:
        run_app(create_record_app(url, open_addresses(addresses)), taken, quiet=quiet)
        return
    os.environ[URL] = url
    _tell_workers(addresses)
    with tempfile.TemporaryDirectory(prefix="gridmap-metrics-") as folder:
        os.environ[_METRICS] = folder  # before a worker imports what writes into it
        try:
            _run_many("gridmap.api.record_app:worker_app", taken, workers, quiet)
        finally:
            del os.environ[_METRICS]


def open_addresses(path: Path | None, *, verify: bool = False) -> Geocoder | None:
    """Open an address index: mapped into memory, which processes that open the same file share.

    Parameters
    ----------
    path
        Of the file; ``None``: addresses are not answered.
    verify
        Read all of it, and see that none of it is damaged.

    Raises
    ------
    InputError
        When there is no file, it is not an address index, or it is damaged.
    """
    if path is None:
        return None
    from gridmap.address.geocoder import Geocoder
    from gridmap.address.index import AddressIndex

    index = AddressIndex.open(path)
    if verify:
        try:
            index.verify()
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    geocoder = Geocoder(index)
    # What is compiled or read on first use: so that the first caller does not wait for it.
    geocoder.geocode("1号")
    geocoder.reverse(0.0, 0.0)
    geocoder.autocomplete("a")
    return geocoder


def _tell_workers(addresses: Path | None) -> None:
    """Name the address index to workers; what the environment said before does not count where none is served."""
    os.environ[ADDRESSES] = "" if addresses is None else str(addresses.resolve())


def prepare_record(url: str) -> None:
    """See that the settings can be meant, and compile what is compiled on first use: all workers read it from the disk.

    Raises
    ------
    InputError
        Naming the setting, or saying what is wrong with the address.
    """
    from gridmap.api.record import RecordServed
    from gridmap.api.security_access import Access
    from gridmap.store.engine import Store

    store = Store(url)
    try:
        Access.from_settings(store)
        with contextlib.suppress(UnavailableError):  # the server waits for its database
            RecordServed(store).refresh()
    finally:
        store.close()


def run_app(app: FastAPI, taken: socket.socket, *, quiet: bool = False) -> None:
    """Answer requests with an app in this process, until SIGINT or SIGTERM."""
    server = uvicorn.Server(_config(app, quiet))
    with _ended_by(lambda: setattr(server, "should_exit", True)):
        server.run(sockets=[taken])
    _insist(server.started)


def _run_many(factory: str, taken: socket.socket, workers: int, quiet: bool) -> None:
    config = _config(factory, quiet, workers=workers, factory=True)
    with _ended_by(lambda: None):  # the supervisor takes the signals when it is made
        many = Multiprocess(config, sockets=[taken])
        many.run()
    _insist(all(each.exitcode != STARTUP_FAILURE for each in many.processes))


def _insist(started: bool) -> None:
    if not started:
        raise OutputError("the server could not start; its log above says why")


def worker_app() -> FastAPI:
    """Make the app of one worker from what its parent put down.

    Raises
    ------
    InputError
        When it was not started by :func:`serve`.
    """
    folder = os.environ.get(_FOLDER)
    if folder is None:
        raise InputError("this is the app of a worker of gridmap serve; start that, or call create_app with a source")
    source = Source.load(Path(folder))
    source.warm()
    return create_app(source, geocoder=open_addresses(address_index()))


def _config(app: FastAPI | str, quiet: bool, *, workers: int = 1, factory: bool = False) -> uvicorn.Config:
    return uvicorn.Config(
        app, workers=workers, factory=factory, backlog=_BACKLOG, access_log=False, server_header=False,
        timeout_graceful_shutdown=_GRACE_S, log_config=_log_config(quiet), lifespan="on", http=Protocol, ws="none",
    )  # fmt: skip


def _log_config(quiet: bool) -> dict[str, object]:
    """Return what logging is set up from, in every process: requests and what goes wrong, to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _LINES[log_format()]},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            "gridmap.access": _logger(logging.WARNING if quiet else logging.INFO),
            "gridmap.record": _logger(logging.WARNING if quiet else logging.INFO),
            "uvicorn.error": _logger(logging.WARNING),
        },
    }


_LINES: Final[Mapping[str, Mapping[str, str]]] = {
    "text": {"format": "%(asctime)s %(message)s"},
    "json": {"()": "gridmap.api.logs.JsonLine"},
}


def _logger(level: int) -> dict[str, object]:
    return {"handlers": ["stderr"], "level": logging.getLevelName(level), "propagate": False}


@contextlib.contextmanager
def _ended_by(end: Callable[[], None]) -> Iterator[None]:
    """Let a signal end the server, not the command: whoever stops it gets a clean end with exit code 0.

    uvicorn raises a signal again once it has ended, for the handler that was there before: this one.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: end()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
