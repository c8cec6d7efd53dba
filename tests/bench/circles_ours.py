"""Our side of ``make bench-circles``: every call to gridmap that is timed or judged stands here once."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
from circles_data import MINUTES, SPEED_M_S, Place
from numpy.typing import NDArray

import gridmap
from gridmap.circles.cover import Coverage
from gridmap.circles.demand import Demand, place_demand
from gridmap.network.pace import Pace
from gridmap.network.snap import Snapped, snap

CELLS_M: Final = (20, 10)
LEVEL: Final = Pace(steps=1)
"""Steps as fast as the level: the other engines know no slower ones."""


def circles(place: Place, stations: gpd.GeoDataFrame, cell_m: float) -> gpd.GeoDataFrame:
    """Draw one circle of 15 minutes a station."""
    return gridmap.service_circles(
        place.network, stations, minutes=[MINUTES], speed_m_s=SPEED_M_S, cell_m=cell_m, pace=LEVEL
    )


def polygons(place: Place, stations: gpd.GeoDataFrame, cell_m: float) -> NDArray[np.object_]:
    """Return the circles as polygons in the network's CRS, in the order of the stations."""
    drawn = circles(place, stations, cell_m).set_index("station").loc[stations["station"]]
    return np.asarray(drawn.geometry.to_crs(place.network.crs).values, dtype=object)


def placed(place: Place, homes: gpd.GeoDataFrame) -> Demand:
    """Put homes on their streets, once for any number of questions."""
    return place_demand(place.network, homes)


def exact(place: Place, stations: gpd.GeoDataFrame, homes: Demand) -> Coverage:
    """Count the households that reach each station, without polygons."""
    return gridmap.coverage(place.network, stations, homes, minutes=MINUTES, speed_m_s=SPEED_M_S, pace=LEVEL)


def snapped(place: Place, x: NDArray[np.float64], y: NDArray[np.float64], max_m: float) -> Snapped:
    """Put points on the streets."""
    return snap(place.network, x, y, max_m)
