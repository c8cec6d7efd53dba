"""A folium page of gridmap's own: its data, its scripts and styles, and nothing fetched."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from typing import Any, Final

import folium
from branca.element import Element
from folium.template import Template

from gridmap.maps.offline import Inline, make_offline, save_map, script, style

STYLE: Final = "gridmap/page.css"


class StandalonePage(folium.Map):
    """A folium map that stands alone however it is written: ``save``, ``render`` or a notebook's cell.

    Layers of folium's own can be added to it; those that need a file that is not vendored are refused.

    Parameters
    ----------
    data
        What the page's scripts read: plain values, among them ``title`` and ``version``.
    bounds
        West, south, east, north.
    scripts, start
        The assets that draw the data, and the function of theirs that is called with the map and the data.
    """

    def __init__(
        self, data: dict[str, Any], bounds: tuple[float, float, float, float], *, scripts: Sequence[str], start: str
    ) -> None:
        west, south, east, north = bounds
        middle = [(south + north) / 2, (west + east) / 2]
        super().__init__(location=middle, tiles=None, zoom_start=11, prefer_canvas=True, zoom_snap=0.25)
        self._id = str(data["version"])
        figure = self.get_root()
        figure.title = html.escape(data["title"])
        self.add_child(PageData(data, scripts, start), name="gridmap")

    def render(self, **kwargs: Any) -> None:
        """Render the page and put everything it links to into it."""
        super().render(**kwargs)
        make_offline(self.get_root())

    def save(self, outfile: Any, close_file: bool = True, **kwargs: Any) -> None:
        """Write the page; a path is replaced in one step, see :func:`gridmap.maps.offline.save_map`."""
        if isinstance(outfile, str | os.PathLike):
            save_map(self, outfile)
        else:
            super().save(outfile, close_file, **kwargs)


class PageData(folium.MacroElement):
    """The part of a page that draws its data: styles, scripts and the data themselves.

    Parameters
    ----------
    data
        Plain values, written as JSON that cannot end its element whatever the values hold.
    scripts, start
        See :class:`StandalonePage`.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}{{ this.start }}({{ this._parent.get_name() }}, "
        "JSON.parse(document.getElementById('gridmap-data').textContent));{% endmacro %}"
    )

    def __init__(self, data: dict[str, Any], scripts: Sequence[str], start: str) -> None:
        super().__init__()
        self._name = "PageData"
        self.json, self.scripts, self.start = inert_json(data), tuple(scripts), start

    def render(self, **kwargs: Any) -> None:
        """Put styles and scripts into the head, data into the body, and the call into the script of the page."""
        super().render(**kwargs)
        figure: Any = self.get_root()
        parts: dict[str, Element] = {STYLE: style(STYLE)} | {name: script(name) for name in self.scripts}
        for name, part in parts.items():
            figure.header.add_child(part, name=name)
        data = Inline(f'<script type="application/json" id="gridmap-data">{self.json}</script>')
        figure.html.add_child(data, name="gridmap_data")


def inert_json(data: Any) -> str:
    r"""Return JSON that stands in HTML as data and nothing else.

    Examples
    --------
    >>> inert_json({"name": "</script><b>&"})
    '{"name":"\\u003c/script\\u003e\\u003cb\\u003e\\u0026"}'
    """
    plain = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        plain = plain.replace(letter, f"\\u{ord(letter):04x}")
    return plain
