"""The map of a plan: one page with all levels, circles and incidents that opens without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gridmap.maps import colours
from gridmap.maps.incident_data import incident_data
from gridmap.maps.offline import save_map
from gridmap.maps.page import StandalonePage
from gridmap.maps.page_data import circle_data, plan_data
from gridmap.maps.words import page_words
from gridmap.settings import language

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.grids.plan import Plan
    from gridmap.people.roster import Roster

__all__ = ["PlanPage", "plan_map", "save_map"]

SCRIPTS: Final = tuple(
    f"gridmap/{name}.js" for name in ("codec", "grids", "points", "tooltip", "search", "panel", "page")
)


class PlanPage(StandalonePage):
    """The page of a plan.

    Parameters
    ----------
    data
        What the page's scripts read, see :func:`plan_map`.
    bounds
        West, south, east, north.
    """

    def __init__(self, data: dict[str, Any], bounds: tuple[float, float, float, float]) -> None:
        super().__init__(data, bounds, scripts=SCRIPTS, start="gridmap.open")


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
