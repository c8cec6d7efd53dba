"""The documentation page: Swagger UI from the vendored files, nothing from a network."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from fastapi import APIRouter, Request, Response

from gridmap.api.errors import RouteError
from gridmap.api.negotiate import page_response
from gridmap.api.page import Page
from gridmap.maps.assets import SWAGGER, asset_path

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'"
)
"""The browser itself refuses whatever is not from this server."""

_START: Final = b"""window.ui = SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, queryConfigEnabled: false,
  defaultModelsExpandDepth: 0, displayRequestDuration: true, presets: [SwaggerUIBundle.presets.apis],
});
"""
_PAGE: Final = b"""<!DOCTYPE html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gridmap API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}

router: Final = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Return the page."""
    return page_response(request, Page(_PAGE), Content_Security_Policy=_POLICY)


@router.get("/docs/{name}")
def docs_part(request: Request, name: str) -> Response:
    """Return a part of the page."""
    return page_response(request, _part(name))


@lru_cache(maxsize=4)
def _part(name: str) -> Page:
    kind = _TYPES.get(name.rpartition(".")[2], "")
    if name == "start.js":
        return Page(_START, kind)
    if name not in ("swagger-ui.css", "swagger-ui-bundle.js"):
        raise RouteError(f"there is nothing at /docs/{name}")
    return Page(asset_path(f"{SWAGGER}/{name}").read_bytes(), kind)
