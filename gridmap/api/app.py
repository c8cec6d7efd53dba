"""The application: what is served in, an ASGI app out. Whatever HTTP is to do later grows here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

import gridmap
from gridmap.api import (
    docs,
    notice,
    openapi,
    openapi_addresses,
    openapi_facts,
    openapi_grids,
    openapi_versions,
    problems,
    routes,
    routes_addresses,
    routes_facts,
    routes_grids,
    routes_versions,
)
from gridmap.api.envelope import Envelope, Gate
from gridmap.api.security import FileGate
from gridmap.api.served import FileServed, Served
from gridmap.api.source import Source

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder
    from gridmap.api.security_access import Access


def create_app(served: Served | Source, access: Access | None = None, geocoder: Geocoder | None = None) -> FastAPI:
    """Make the app that answers from what is served.

    Parameters
    ----------
    served
        Versions along a timeline; or one source, from :func:`gridmap.api.source.read_source`.
    access
        Keys, log-ins and rates, where a record is served; without it everybody may ask.
    geocoder
        Of the address index; without it, questions by address are told how to start a server with one.

    Returns
    -------
    FastAPI
        Names and phones are masked in everything it answers, unless it was written down who sees them, and why.
    """
    app = FastAPI(
        title="gridmap",
        summary="点位查网格、查责任人 · Which grid is this point in, and who answers for it",
        description=openapi.DESCRIPTION,
        version=gridmap.__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # FastAPI's own pages come from a content network
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.served = FileServed(served) if isinstance(served, Source) else served
    app.state.access = access
    app.state.geocoder = geocoder
    app.state.meter = None
    app.add_middleware(Envelope, gate=_gate(access))
    problems.install(app)
    for part in (routes, routes_grids, routes_versions, routes_facts, notice):
        app.include_router(part.router)
    app.include_router(routes_addresses.router, include_in_schema=geocoder is not None)
    app.include_router(docs.router)
    parts = (openapi, openapi_grids, openapi_versions, openapi_facts, openapi_addresses, notice)
    openapi.install(app, [operation for part in parts for operation in part.OPERATIONS])
    if access is not None:
        _let_in(app, access)
    return app


def _gate(access: Access | None) -> Gate:
    """Return what requests pass first."""
    if access is None:
        return FileGate()
    from gridmap.api.security_gate import RecordGate

    return RecordGate(access)


def _let_in(app: FastAPI, access: Access) -> None:
    """Let people log in."""
    from gridmap.api import login, security_openapi

    app.include_router(login.router)
    security_openapi.install(app, public=access.is_public)
