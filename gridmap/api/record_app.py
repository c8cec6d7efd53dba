"""The app on the record: what files answer, and with it keys, log-ins, loading, publishing, OGC and metrics."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI

from gridmap.api import load, metrics, ogc, plans
from gridmap.api.app import create_app
from gridmap.api.record import RecordServed, Snapshot, Watcher
from gridmap.api.security_access import Access
from gridmap.api.serve import open_addresses
from gridmap.errors import GridmapError, InputError
from gridmap.settings import address_index
from gridmap.store.engine import Store

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

URL: Final = "GRIDMAP_DATABASE_URL"
log: Final = logging.getLogger("gridmap.record")


def create_record_app(url: str, geocoder: Geocoder | None = None) -> FastAPI:
    """Make the app that answers from a record.

    Parameters
    ----------
    url
        Of the database. It may be away: the app starts, is not ready, and goes on trying.
    geocoder
        Of the address index, where addresses are answered.

    Raises
    ------
    InputError
        When the address cannot be read.
    """
    store = Store(url)
    access = Access.from_settings(store)
    served = RecordServed(store)
    app = create_app(served, access, geocoder)
    app.state.store = store
    meter = app.state.meter = metrics.Meter(served)
    store.on_use(meter.connections.set)
    for part in (plans, load, metrics):
        app.include_router(part.router)
    ogc.mount_ogc(app, url)

    def renew(snapshot: Snapshot) -> None:
        access.renew(snapshot.ring)
        ogc.refresh_catalogue(app)
        meter.generation.set(snapshot.generation)
        meter.reload_seconds.set(served.reload_s)

    served.on_renewal(renew)
    try:
        served.refresh()
    except GridmapError as error:
        log.warning("not ready yet: %s", error)
    _watch_while_it_runs(app, served, store)
    return app


def worker_app() -> FastAPI:
    """Make the app of one worker.

    Raises
    ------
    InputError
        When it was not started by :func:`gridmap.api.serve.serve_record`.
    """
    url = os.environ.get(URL)
    if url is None:
        raise InputError("this is the app of a worker of gridmap serve; start that, or call create_record_app")
    return create_record_app(url, open_addresses(address_index()))


def _watch_while_it_runs(app: FastAPI, served: RecordServed, store: Store) -> None:
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(outer: FastAPI) -> AsyncIterator[Any]:
        watcher = Watcher(served)
        watcher.start()
        try:
            async with inner(outer) as state:
                yield state
        finally:
            watcher.stop()
            store.close()

    app.router.lifespan_context = lifespan
