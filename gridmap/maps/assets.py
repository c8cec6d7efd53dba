"""The files a page is made of: read from ``gridmap/maps/assets``, put into the page itself, never fetched.

folium writes links to four content networks into every page. Here a table says which vendored file stands for
which link; a link that the table does not know is an error, so that no page ever waits for a network.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from gridmap.errors import OutputError, UnknownNameError

ASSETS: Final = Path(__file__).parent / "assets"

LEAFLET_JS: Final = "leaflet/dist/leaflet.js"
LEAFLET_CSS: Final = "leaflet/dist/leaflet.css"
JQUERY_JS: Final = "jquery/dist/jquery.slim.min.js"
SWAGGER: Final = "swagger-ui-dist"

_NPM: Final = "https://cdn.jsdelivr.net/npm"
URLS: Final[dict[str, str | None]] = {
    f"{_NPM}/leaflet@1.9.3/dist/leaflet.js": LEAFLET_JS,
    f"{_NPM}/leaflet@1.9.3/dist/leaflet.css": LEAFLET_CSS,
    f"{_NPM}/leaflet@1.9.4/dist/leaflet.js": LEAFLET_JS,
    f"{_NPM}/leaflet@1.9.4/dist/leaflet.css": LEAFLET_CSS,
    "https://code.jquery.com/jquery-3.7.1.min.js": JQUERY_JS,
    # folium links these into every map, but only folium.Icon uses them; see gridmap.maps.offline
    f"{_NPM}/bootstrap@5.2.2/dist/js/bootstrap.bundle.min.js": None,
    f"{_NPM}/bootstrap@5.2.2/dist/css/bootstrap.min.css": None,
    "https://netdna.bootstrapcdn.com/bootstrap/3.0.0/css/bootstrap-glyphicons.css": None,
    f"{_NPM}/@fortawesome/fontawesome-free@6.2.0/css/all.min.css": None,
    "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.js": None,
    "https://cdnjs.cloudflare.com/ajax/libs/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers.css": None,
    "https://cdn.jsdelivr.net/gh/python-visualization/folium/folium/templates/leaflet.awesome.rotate.min.css": None,
}
"""Which vendored file stands for a link of folium's; ``None`` means the link is left out."""

_MIME: Final = {".png": "image/png", ".svg": "image/svg+xml"}
_CSS_URL: Final = re.compile(r"url\((['\"]?)([^)'\"]+)\1\)")
_SOURCE_MAP: Final = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


def asset_for(url: str) -> str | None:
    """Return the vendored file that stands for a link, or ``None`` for a link that is left out.

    Raises
    ------
    OutputError
        When the table does not know the link: the page would need a network.

    Examples
    --------
    >>> asset_for("https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js")
    'leaflet/dist/leaflet.js'
    """
    try:
        return URLS[url]
    except KeyError:
        raise OutputError(
            f"the page asks for {url}, which is not among the vendored assets, so it would not open without a "
            "network; leave out the layer that needs it, or vendor the package (gridmap.maps.vendor) and add the "
            "link to gridmap.maps.assets.URLS"
        ) from None


@lru_cache(maxsize=1)
def _folders() -> dict[str, str]:
    listed = json.loads((ASSETS / "manifest.json").read_text(encoding="utf-8"))["packages"]
    return {entry["package"]: entry["folder"] for entry in listed} | {"gridmap": "gridmap"}


def asset_path(name: str) -> Path:
    """Return where an asset lies; ``name`` is the package without its version, then the path inside it.

    Raises
    ------
    UnknownNameError
        When there is no such package or file.

    Examples
    --------
    >>> asset_path("leaflet/dist/leaflet.css").name
    'leaflet.css'
    """
    package, _, inside = name.partition("/")
    folder = _folders().get(package)
    path = ASSETS / str(folder) / inside
    if folder is None or not path.is_file():
        raise UnknownNameError(f"there is no asset {name!r}; the packages are {', '.join(_folders())}")
    return path


@lru_cache(maxsize=32)
def asset_text(name: str) -> str:
    """Return an asset as it can stand inside ``<script>`` or ``<style>``: images inlined, source maps left out."""
    path = asset_path(name)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return _CSS_URL.sub(lambda found: _inline_image(path, found), text)
    return _SOURCE_MAP.sub("", text).replace("</script", "<\\/script")


def data_uri(name: str) -> str:
    """Return an image asset as a ``data:`` URI.

    Examples
    --------
    >>> data_uri("leaflet/dist/images/layers.png")[:22]
    'data:image/png;base64,'
    """
    return _data_uri(asset_path(name))


def _data_uri(path: Path) -> str:
    return f"data:{_MIME[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _inline_image(sheet: Path, found: re.Match[str]) -> str:
    target = found.group(2)
    return found.group(0) if target.startswith(("data:", "#")) else f"url({_data_uri(sheet.parent / target)})"
