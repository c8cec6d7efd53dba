"""Making a folium page stand alone: every script, style sheet and image inside it, and nothing fetched."""

from __future__ import annotations

import os
import re
from typing import Any, Final

import folium
from branca.element import CssLink, Element, Figure, Link
from folium.template import Template

from gridmap.errors import OutputError
from gridmap.geo.files import atomic_path
from gridmap.maps.assets import JQUERY_JS, asset_for, asset_text, data_uri

POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
"""Content security policy of a page without tiles: the browser itself then refuses to fetch anything."""

_FETCHED: Final = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc\s*=\s*["']?(?!data:)([^"'\s>]+)"""
    r"""|<link\b[^>]*\bhref\s*=\s*["']?(?!data:)([^"'\s>]+)"""
    r"""|@import\s+(?:url\()?["']?([^"')\s]+)""",
    re.IGNORECASE,
)


class Inline(Element):
    """A piece of a page that is written as it stands: never read as a template, whatever it holds.

    Parameters
    ----------
    text
        HTML or JavaScript, trusted.
    """

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self._name = "Inline"
        self.text = text


def script(name: str) -> Inline:
    """Return an asset as a ``<script>`` element."""
    return Inline(f"<script>{asset_text(name)}</script>")


def style(name: str) -> Inline:
    """Return an asset as a ``<style>`` element."""
    return Inline(f"<style>{asset_text(name)}</style>")


def marker_images() -> Inline:
    """Return the script that gives Leaflet's default marker its images, which it would look for beside its CSS."""
    images = {
        "iconUrl": data_uri("leaflet/dist/images/marker-icon.png"),
        "iconRetinaUrl": data_uri("leaflet/dist/images/marker-icon-2x.png"),
        "shadowUrl": data_uri("leaflet/dist/images/marker-shadow.png"),
    }
    options = ",".join(f'{key}:"{uri}"' for key, uri in images.items())
    return Inline(f'<script>L.Icon.Default.imagePath="";L.Icon.Default.mergeOptions({{{options}}});</script>')


def make_offline(figure: Figure) -> None:
    """Put what a rendered figure links to into its header, in place.

    Raises
    ------
    OutputError
        When a layer links to something that is not vendored, or needs a package that is not.
    """
    parts = list(_descendants(figure))
    if any(isinstance(part, folium.Icon) for part in parts):
        raise OutputError(
            "folium.Icon needs three icon packages that gridmap does not carry; use folium.Marker without an icon, "
            "folium.CircleMarker or folium.DivIcon"
        )
    popups = any(isinstance(part, folium.Popup) for part in parts)
    tiles = any(isinstance(part, folium.raster_layers.TileLayer) for part in parts)
    header = figure.header
    for name, child in list(header._children.items()):
        if isinstance(child, Link):
            asset = asset_for(child.url)
            wanted = asset is not None and (asset != JQUERY_JS or popups)
            header._children[name] = _inline(child, asset) if wanted else Inline("")
    if popups:
        header.add_child(script(JQUERY_JS), name="jquery")
    header.add_child(marker_images(), name="gridmap_marker_images")
    policy = "" if tiles else f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
    header.add_child(Inline(policy + '<link rel="icon" href="data:," />'), name="gridmap_policy", index=0)


def save_map(map: folium.Map, path: str | os.PathLike[str]) -> None:  # noqa: A002 - the public name of the argument
    """Write a map as one HTML file that opens with the network cable pulled.

    Parameters
    ----------
    map
        Any folium map: from :func:`gridmap.plan_map` or made by hand. Tile layers that the caller added stay and
        are the only thing the page will fetch.
    path
        Where to; what stands there is replaced in one step.

    Raises
    ------
    OutputError
        When the page would need something that is not vendored, or the file cannot be written.
    """
    figure = map.get_root()
    figure.render()
    make_offline(figure)
    # Rendering again would put the links back: the template alone writes what is there now.
    page = figure._template.render(this=figure, kwargs={})
    fetched = [next(filter(None, found)) for found in _FETCHED.findall(_markup(page))]
    if fetched:
        raise OutputError(f"the page would fetch {', '.join(fetched[:3])}; put it into the page or leave it out")
    with atomic_path(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _markup(page: str) -> str:
    """Return the page without the text of its scripts: what a script holds is not markup."""
    return re.sub(r"(<script\b[^>]*>).*?(</script>)", r"\1\2", page, flags=re.IGNORECASE | re.DOTALL)


def _inline(link: Link, asset: str | None) -> Inline:
    return style(str(asset)) if isinstance(link, CssLink) else script(str(asset))


def _descendants(element: Element) -> Any:
    for child in element._children.values():
        yield child
        yield from _descendants(child)
