"""The application: what is served in, an ASGI app out. Whatever HTTP is to do later grows here."""

from __future__ import annotations

from fastapi import FastAPI

import gridmap
from gridmap.api import docs, openapi, problems, routes
from gridmap.api.envelope import Envelope
from gridmap.api.served import FileServed, Served
from gridmap.api.source import Source


def create_app(served: Served | Source) -> FastAPI:
    """Make the app that answers from what is served.

    Parameters
    ----------
    served
        Versions along a timeline; or one source, from :func:`gridmap.api.source.read_source`.

    Returns
    -------
    FastAPI
        Names and phones are masked in everything it answers.
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
    app.add_middleware(Envelope)
    problems.install(app)
    app.include_router(routes.router)
    app.include_router(docs.router)
    openapi.install(app)
    return app
