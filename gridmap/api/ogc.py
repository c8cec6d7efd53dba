"""OGC API Features and vector tiles over the published views, by tipg: what QGIS, ArcGIS and GDAL open."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import jinja2
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from morecantile import tms as default_tms
from morecantile.defaults import TileMatrixSets
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Receive, Scope, Send
from tipg.factory import Endpoints
from tipg.openapi import _update_openapi

import gridmap
from gridmap.api import problems
from gridmap.api.ogc_database import NAMED, Published, translated
from gridmap.api.ogc_query import check_query
from gridmap.errors import UnavailableError

PATH: Final = "/ogc"
_TITLE: Final = "gridmap：已发布的网格 · published grids"
_TILES: Final = TileMatrixSets({"WebMercatorQuad": default_tms.get("WebMercatorQuad")})
_PAGE: Final = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>{{ template.title }}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:15px/1.5 sans-serif;margin:2rem}pre{white-space:pre-wrap;overflow-wrap:anywhere}</style></head>
<body><h1>{{ template.title }}</h1>
<p>供 QGIS 等软件使用：新建“WFS / OGC API - Features”连接，地址
<a href="{{ template.api_root }}">{{ template.api_root }}</a>
· For QGIS: a new connection “WFS / OGC API - Features” with this address.</p>
<pre>{{ response | tojson(indent=1) | urlize }}</pre></body></html>
"""
"""Every page of tipg's: its own take their scripts from a content network."""


def mount_ogc(app: FastAPI, url: str, *, dependencies: Sequence[Any] = ()) -> None:
    """Let an app answer OGC API Features and Tiles under ``/ogc``.

    The database may be down: ``/ogc`` then answers 503, and comes back with it.

    Parameters
    ----------
    app
        The app; its lifespan has to run (uvicorn's ``lifespan="on"``), or connections are not closed at the end.
    url
        Of the record.
    dependencies
        FastAPI's, asked before every answer: who may read.

    Raises
    ------
    InputError
        When the address cannot be read.
    """
    published = Published(url)
    app.state.ogc = published
    app.mount(PATH, _Alone(_made(published, dependencies)))
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(outer: FastAPI) -> AsyncIterator[Any]:
        async with inner(outer) as state:
            try:
                yield state
            finally:
                await published.close()

    app.router.lifespan_context = lifespan


def refresh_catalogue(app: FastAPI) -> None:
    """Have the extents of the collections read again, for something was published; any thread may call it.

    tipg would notice up to five minutes later. An app without ``/ogc`` has nothing to refresh.
    """
    published: Published | None = getattr(app.state, "ogc", None)
    if published is not None:
        published.forget()


class _Alone:
    """An app that writes its links as if it were the only one: below its own path, from its own routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = {name: value for name, value in scope.items() if name != "router"}
        await self.app({**own, "app_root_path": scope["root_path"]}, receive, send)


def _made(published: Published, dependencies: Sequence[Any]) -> FastAPI:
    ogc = FastAPI(title=_TITLE, version=gridmap.__version__, openapi_url="/api", docs_url=None, redoc_url=None)
    _update_openapi(ogc)
    problems.install(ogc)

    async def answer(request: Request, error: Exception) -> Response:
        said = translated(error)
        if isinstance(said, UnavailableError):
            await published.renew()
        return await problems.answer(request, said)

    for kind in NAMED:
        ogc.add_exception_handler(kind, answer)

    async def ready(request: Request) -> None:
        check_query({**request.path_params, **request.query_params}, request.headers.get("accept", ""))
        await published.ready()
        request.app.state.pool, request.app.state.collection_catalog = published.pool, published.catalogue

    environment = jinja2.Environment(loader=jinja2.FunctionLoader(lambda _name: _PAGE), autoescape=True)
    endpoints = Endpoints(
        title=_TITLE, templates=Jinja2Templates(env=environment), with_tiles_viewer=False, supported_tms=_TILES
    )
    ogc.include_router(endpoints.router, dependencies=[*dependencies, Depends(ready)])
    # The landing page links to a documentation by this name.
    ogc.add_api_route("/api.html", _documentation, name="swagger_ui_html", include_in_schema=False)
    return ogc


def _documentation() -> Response:
    return RedirectResponse("api")
