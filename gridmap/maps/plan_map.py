"""The map of a plan: one page with all levels, circles and incidents that opens without a network."""

from __future__ import annotations

import html
import json
import os
from typing import TYPE_CHECKING, Any, Final

import folium
from folium.template import Template

from gridmap.maps import colours
from gridmap.maps.incident_data import incident_data
from gridmap.maps.offline import Inline, make_offline, save_map, script, style
from gridmap.maps.page_data import circle_data, plan_data
from gridmap.maps.words import page_words
from gridmap.settings import language

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from branca.element import Element

    from gridmap.grids.plan import Plan
    from gridmap.people.roster import Roster

__all__ = ["PlanPage", "plan_map", "save_map"]

SCRIPTS: Final = tuple(
    f"gridmap/{name}.js" for name in ("codec", "grids", "points", "tooltip", "search", "panel", "page")
)
STYLE: Final = "gridmap/page.css"


class PlanPage(folium.Map):
    """A folium map that stands alone however it is written: ``save``, ``render`` or a notebook's cell.

    Layers of folium's own can be added to it; those that need a file that is not vendored are refused.

    Parameters
    ----------
    data
        What the page's scripts read, see :func:`plan_map`.
    bounds
        West, south, east, north.
    """

    def __init__(self, data: dict[str, Any], bounds: tuple[float, float, float, float]) -> None:
        west, south, east, north = bounds
        middle = [(south + north) / 2, (west + east) / 2]
        super().__init__(location=middle, tiles=None, zoom_start=11, prefer_canvas=True, zoom_snap=0.25)
        self._id = str(data["version"])
        figure = self.get_root()
        figure.title = html.escape(data["title"])
        self.add_child(PlanLayers(data), name="gridmap")

    def render(self, **kwargs: Any) -> None:
        """Render the page and put everything it links to into it."""
        super().render(**kwargs)
        make_offline(self.get_root())

    def save(self, outfile: Any, close_file: bool = True, **kwargs: Any) -> None:
        """Write the page; a path is replaced in one step, see :func:`save_map`."""
        if isinstance(outfile, str | os.PathLike):
            save_map(self, outfile)
        else:
            super().save(outfile, close_file, **kwargs)


class PlanLayers(folium.MacroElement):
    """The part of the page that draws a plan: styles, scripts and data.

    Parameters
    ----------
    data
        Plain values, written as JSON that cannot end its element whatever the values hold.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}gridmap.open({{ this._parent.get_name() }}, "
        "JSON.parse(document.getElementById('gridmap-data').textContent));{% endmacro %}"
    )

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__()
        self._name = "PlanLayers"
        self.json = inert_json(data)

    def render(self, **kwargs: Any) -> None:
        """Put styles and scripts into the head, data into the body, and the call into the script of the page."""
        super().render(**kwargs)
        figure: Any = self.get_root()
        parts: dict[str, Element] = {STYLE: style(STYLE)} | {name: script(name) for name in SCRIPTS}
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


def plan_map(
    plan: Plan,
    circles: gpd.GeoDataFrame | None = None,
    incidents: pd.DataFrame | None = None,
    *,
    roster: Roster | None = None,
    unmask: bool = False,
) -> PlanPage:
    """Make a page of a plan: every level, who is responsible, circles, incidents, a legend and a search by code.

    Parameters
    ----------
    plan
        What to draw.
    circles
        From :func:`gridmap.service_circles`: ``station, minutes, geometry``.
    incidents
        From :func:`gridmap.join_incidents`: ``lon, lat, crs, outcome, person, reported_at, type`` and a column of
        codes a level; any may be missing. What has no usable coordinates is counted in the legend.
    roster
        Who leads a grid; a grid without anybody shows whoever leads the nearest grid above it.
    unmask
        Show names and phones in full. They are masked else.

    Returns
    -------
    PlanPage
        A ``folium.Map``: ``page.save("map.html")`` writes one file that opens with the network cable pulled, under
        4 MB for a county of 2,500 grids with 20,000 incidents. ``map.html#code=320214001`` opens it at a grid.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from gridmap.grids.plan import Plan
    >>> boxes = gpd.GeoDataFrame({"code": ["01", "02"]}, geometry=[shapely.box(120, 31, 121, 32),
    ...     shapely.box(121, 31, 122, 32)], crs=4490)
    >>> page = plan_map(Plan.from_layers({"small": boxes}))
    >>> "Content-Security-Policy" in page.get_root().render()
    True
    """
    drawn = plan_data(plan, roster, unmask=unmask)
    title = plan.metadata.name or page_words()["plan"]
    data = {
        "language": language(),
        "words": page_words(),
        "title": title,
        "version": plan.version,
        "people": drawn.people,
        "hasRoster": roster is not None,
        "quantum": drawn.quantum,
        "arcs": drawn.arcs,
        "levels": drawn.levels,
        "palette": colours.palette(),
        "ramp": list(colours.RAMP),
        "unknown": colours.UNKNOWN,
        "micro": colours.MICRO,
        "lines": list(colours.LINES),
        "circles": circle_data(circles),
        "incidents": incident_data(incidents, plan, unmask=unmask),
    }
    return PlanPage(data, _bounds(plan))


def _bounds(plan: Plan) -> tuple[float, float, float, float]:
    for layer in plan.layers.values():
        west, south, east, north = (float(each) for each in layer.total_bounds)
        if west <= east:
            return west, south, east, north
    return 73.0, 18.0, 135.0, 54.0
