"""The map of walking circles: one page that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd

from gridmap.errors import InputError
from gridmap.maps import colours
from gridmap.maps.circle_data import (
    Bounds,
    base_data,
    bounds_of,
    catchment_data,
    gap_data,
    proposed_items,
    station_items,
    stations_of,
)
from gridmap.maps.page import StandalonePage
from gridmap.maps.page_data import circle_data
from gridmap.maps.words import conditions, outcome_title, page_words
from gridmap.settings import language

if TYPE_CHECKING:
    from gridmap.circles.cover import Coverage
    from gridmap.network.model import WalkNetwork

SCRIPTS: Final = tuple(f"gridmap/{name}.js" for name in ("codec", "grids", "tooltip", "circles"))


class CirclePage(StandalonePage):
    """The page of walking circles.

    Parameters
    ----------
    data
        What the page's scripts read, see :func:`circle_map`.
    bounds
        West, south, east, north.
    """

    def __init__(self, data: dict[str, Any], bounds: Bounds) -> None:
        super().__init__(data, bounds, scripts=SCRIPTS, start="gridmap.openCircles")


def circle_map(
    circles: gpd.GeoDataFrame,
    *,
    stations: gpd.GeoDataFrame | None = None,
    cover: Coverage | None = None,
    gaps: gpd.GeoDataFrame | None = None,
    proposed: gpd.GeoDataFrame | None = None,
    catchments: gpd.GeoDataFrame | None = None,
    network: WalkNetwork | None = None,
    straight: bool = False,
    area_names: Mapping[Any, str] | None = None,
    station: str = "station",
    group: str | None = None,
    title: str | None = None,
) -> CirclePage:
    """Make a page of walking circles: rings, stations, gaps, proposed stations, catchments, with a legend.

    Parameters
    ----------
    circles
        From :func:`gridmap.service_circles`. Their speed, the network's date and the barriers minded are written
        below the legend.
    stations
        Where the stations stand, with a column ``station``; a column ``name`` is what they are called.
    cover
        From :func:`gridmap.coverage`: shares of households beside the rings, figures of each station, and its gaps.
    gaps
        ``Coverage.gaps``, where ``cover`` is not given: drawn around their homes and numbered, largest first.
    proposed
        ``Siting.sites``, with what each of them gains.
    catchments
        ``Catchments.polygons``: which station is nearest on foot.
    network
        Draws its streets and barriers below.
    straight
        Whether circles as the crow flies are shown at first. With stations they are always on offer, dashed and to
        compare only: nobody walks them.
    area_names
        What areas (by code) are called where a gap says where it lies.
    station, group
        The columns that :func:`gridmap.service_circles` was called with.
    title
        What the page is called.

    Returns
    -------
    CirclePage
        A ``folium.Map``: ``page.save("circles.html")`` writes one file that opens with the network cable pulled.

    Raises
    ------
    InputError
        When there are no circles, or a column is missing.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> stations = gridmap.read_layer("data/town/stations.gpkg")
    >>> circles = gridmap.service_circles(network, stations)
    >>> page = circle_map(circles, stations=stations)
    >>> "Content-Security-Policy" in page.get_root().render()
    True
    """
    rings = circle_data(circles)
    reached = not circles.geometry.is_empty.all()
    if rings is None:
        raise InputError("there are no circles to draw; make them with gridmap.service_circles")
    gaps = cover.gaps if gaps is None and cover is not None else gaps
    called = _names(stations, station, group)
    shares = _shares(rings, cover)
    known = None if stations is None else stations_of(stations, circles, cover, station=station, group=group)
    outcomes = list(colours.STATIONS)
    # A station far off (its outcome says so) does not make all the others small.
    bounds = bounds_of([circles, gaps, proposed] if reached else [stations, gaps, proposed])
    words = page_words()
    data = {
        "language": language(),
        "words": words,
        "title": title or words["circles"],
        "version": "circles",
        "bounds": bounds,
        "sections": [
            ("circles", words["circlesCovered" if shares else "circles"]),
            *((key, words[key]) for key in ("stations", "planning", "comparison", "base")),
        ],
        "circles": {**rings, "titles": [called.get(each, each) for each in rings["stations"]]},
        "shares": shares,
        "outcomes": [{"title": outcome_title(each), "colour": colours.STATIONS[each]} for each in outcomes],
        "stations": [] if known is None else station_items(known, station, outcomes),
        "gaps": None if gaps is None else gap_data(gaps, area_names or {}),
        "proposed": None if proposed is None else proposed_items(proposed),
        "catchments": None if catchments is None else catchment_data(catchments, called),
        "straight": None if known is None else {"radii_m": _radii_m(circles), "shown": straight},
        "base": [] if network is None else base_data(network, bounds),
        "notes": conditions(circles),
    }
    return CirclePage(data, bounds)


def _names(stations: gpd.GeoDataFrame | None, station: str, group: str | None) -> dict[str, str]:
    """Return what stations are called, by their id as text; groups go by their own name."""
    if stations is None or group is not None or "name" not in stations or station not in stations:
        return {}
    pairs = zip(stations[station], stations["name"], strict=True)
    return {str(each): str(name) for each, name in pairs if isinstance(name, str) and name}


def _shares(rings: dict[str, Any], cover: Coverage | None) -> list[str]:
    """Return the share of households within each range; none where it was not counted for all of them."""
    if cover is None or not set(rings["ranges"]) <= set(cover.by_minutes.index):
        return []
    return [f"{cover.by_minutes.loc[minutes, 'share']:.1%}" for minutes in rings["ranges"]]


def _radii_m(circles: gpd.GeoDataFrame) -> list[float]:
    return sorted({round(float(metres), 1) for metres in circles["minutes"] * 60 * circles["speed_m_s"]})
