"""Households counted by drawn circles, as a reader of the map would, beside the exact count at the homes."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.cover import Coverage
from gridmap.circles.demand import Demand


def count_by_drawing(circles: gpd.GeoDataFrame, cover: Coverage, homes: Demand) -> pd.DataFrame:
    """Count the households inside the circles and compare with those that walk it in time.

    Parameters
    ----------
    circles
        From :func:`gridmap.service_circles`.
    cover, homes
        From :func:`gridmap.coverage` for the same stations, minutes and pace, and the homes it was asked about.

    Returns
    -------
    DataFrame
        By minutes: ``exact`` and ``drawn`` households; ``left_out`` (in time, but outside the line) and ``taken_in``
        (inside the line, but not in time); ``usual_m``, metres within which 95 % of these households live from the
        line or walk from the limit, and ``furthest_m``, within which all do; NaN where the two agree on every home.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> homes = gridmap.place_demand(network, "data/town/buildings.gpkg")
    >>> circles = gridmap.service_circles(network, "data/town/stations.gpkg")
    >>> cover = gridmap.coverage(network, "data/town/stations.gpkg", homes, minutes=(5, 10, 15))
    >>> table = count_by_drawing(circles, cover, homes)
    >>> bool((table["drawn"] == table["exact"] - table["left_out"] + table["taken_in"]).all())
    True
    """
    placed = np.flatnonzero(np.isfinite(homes.xy[:, 0]))
    points = shapely.points(homes.xy[placed])
    tree = shapely.STRtree(points)
    walked = cover.homes["minutes"].to_numpy()[placed]
    weight = homes.households[placed]
    a_minute_m = 60 * float(circles["speed_m_s"].iloc[0])
    rows: dict[float, dict[str, float]] = {}
    moved = circles[~circles.geometry.is_empty].to_crs(homes.network.crs)
    for minutes in cover.by_minutes.index:
        shapes = np.asarray(moved.geometry[moved["minutes"] == minutes].values, dtype=object)
        # As coverage does: a home exactly on the limit is within it.
        exact = walked <= minutes * (1 + 1e-6)
        drawn = np.zeros(len(points), dtype=bool)
        drawn[tree.query(shapes, predicate="intersects")[1]] = True
        astray = np.flatnonzero((exact != drawn) & (weight > 0))
        astray_m = np.fmin(_to_line(shapes, points[astray]), np.abs(walked[astray] - minutes) * a_minute_m)
        rows[float(minutes)] = {
            "exact": float(weight[exact].sum()),
            "drawn": float(weight[drawn].sum()),
            "left_out": float(weight[exact & ~drawn].sum()),
            "taken_in": float(weight[drawn & ~exact].sum()),
            **_spread(astray_m, weight[astray]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("minutes")


def _to_line(shapes: Any, points: Any) -> NDArray[np.float64]:
    """Return how far each point is from the line of the nearest circle."""
    metres = np.full(len(points), np.nan)
    if len(shapes):
        found = shapely.STRtree(shapely.boundary(shapes)).query_nearest(points, return_distance=True, all_matches=False)
        metres[found[0][0]] = found[1]
    return metres


def _spread(metres: NDArray[np.float64], households: NDArray[np.float64]) -> dict[str, float]:
    if len(metres) == 0:
        return {"furthest_m": np.nan, "usual_m": np.nan}
    order = np.argsort(metres)
    share = np.cumsum(households[order]) / households.sum()
    return {"furthest_m": float(metres.max()), "usual_m": float(metres[order][np.searchsorted(share, 0.95 - 1e-9)])}
