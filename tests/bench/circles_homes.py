"""Households within reach: counted exactly and by polygons; and putting homes on their streets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import circles_ours as ours
import geopandas as gpd
import numpy as np
import shapely
from bench import Bars, in_turn, milliseconds, short
from circles_data import FEW, HOMES, ORIGINS, Place
from circles_truth import ACCESS_M, Truth
from numpy.typing import NDArray

HEADER = ("", "homes placed, once", "exact", "sjoin", "sjoin within", "exact ÷ sjoin")
COUNT_HEADER = ("", "households", "within reach, exact", "by polygons, 20 m", "by polygons, 10 m", "only polygons say",
                "only the walk says")  # fmt: skip
MOST_REPEATS = 3
"""Runs of a join that may take half a minute."""
SNAP_HEADER = ("", "snap", "query_nearest, edges", "query_nearest, pieces", "× faster")


@dataclass(frozen=True)
class Counted:
    """A place's row of the table of times, and of the table of households both ways."""

    times: tuple[str, ...]
    households: tuple[str, ...]


def judge_coverage(place: Place, repeats: int, bars: Bars) -> Counted:
    """Count 200,000 homes around 1000 stations exactly and by polygons."""
    stations, homes = place.stations(ORIGINS), place.homes
    circles = {cell_m: _circles(place, stations, cell_m) for cell_m in ours.CELLS_M}
    demand = ours.placed(place, homes)
    calls = {
        "placed": lambda: ours.placed(place, homes),
        "exact": lambda: ours.exact(place, stations, demand),
        "sjoin": lambda: gpd.sjoin(homes, circles[20]),
        # Asked so, geopandas makes a tree of the points; a slice has none yet: every run makes its own.
        "within": lambda: gpd.sjoin(homes.iloc[:], circles[20], predicate="within"),
    }
    timed = in_turn(calls, min(repeats, MOST_REPEATS))
    ratio = timed["exact"].seconds / timed["sjoin"].seconds
    bars.at_most(f"exact coverage of {HOMES:,} homes, to one sjoin", place.name, ratio, 0.1)
    by_walk = np.asarray(ours.exact(place, stations, demand).minutes_to_nearest <= ours.MINUTES * (1 + 1e-6))
    by_polygon = {cell_m: _inside_any(homes, drawn) for cell_m, drawn in circles.items()}
    weight = homes["households"].to_numpy()
    only = weight[by_polygon[20] & ~by_walk].sum(), weight[~by_polygon[20] & by_walk].sum()
    counted = (_share(weight[each].sum(), weight) for each in (by_walk, by_polygon[20], by_polygon[10]))
    return Counted(
        (place.name, *(milliseconds(timed[name].seconds) for name in calls), short(ratio)),
        (place.name, f"{weight.sum():,}", *counted, *(f"{each:,}" for each in only)),
    )


def _circles(place: Place, stations: gpd.GeoDataFrame, cell_m: float) -> gpd.GeoDataFrame:
    shapes = ours.polygons(place, stations, cell_m)
    return gpd.GeoDataFrame({"station": stations["station"]}, geometry=shapes, crs=place.network.crs)


def _inside_any(homes: gpd.GeoDataFrame, circles: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    found = np.zeros(len(homes), dtype=bool)
    found[gpd.sjoin(homes, circles, predicate="within").index.unique()] = True
    return found


def _share(part: float, weight: NDArray[np.int64]) -> str:
    return f"{part:,} ({part / weight.sum():.2%})"


def judge_exactness(place: Place, truth: Truth, bars: Bars) -> None:
    """The households of every station must be those that the oracle finds: one household an address."""
    points = place.addresses
    homes = gpd.GeoDataFrame(
        {"households": np.ones(len(points))}, geometry=gpd.points_from_xy(*points.T), crs=place.network.crs
    )
    cover = ours.exact(place, place.stations(FEW), ours.placed(place, homes))
    counted = cover.by_station["households"].loc[np.arange(FEW)].to_numpy()
    known = np.array([np.isfinite(walk).sum() for walk in truth.oracle.walks(place.origins[:FEW], points)])
    bars.at_most(f"exact coverage, off the walk by scipy ({known.sum():,} pairs)", place.name,
                 float(np.abs(counted - known).sum()), 0, "homes")  # fmt: skip


def judge_snapping(place: Place, repeats: int, bars: Bars) -> tuple[str, ...]:
    """Put 200,000 homes on their streets by the grid of edges and by trees; return the row of the table."""
    points = np.asarray(place.homes.geometry.values, dtype=object)
    x, y = shapely.get_coordinates(points).T
    edges = np.asarray(place.network.edges().geometry.values, dtype=object)[place.network.edge_roadside]
    trees = {"edges": shapely.STRtree(edges), "pieces": place.segments.tree}

    def asking(tree: shapely.STRtree) -> Callable[[], object]:
        return lambda: tree.query_nearest(points, max_distance=ACCESS_M, all_matches=False)

    calls = {"ours": lambda: ours.snapped(place, x, y, ACCESS_M), **{name: asking(trees[name]) for name in trees}}
    timed, *peers = (each.seconds for each in in_turn(calls, min(repeats, MOST_REPEATS)).values())
    ratio = min(peers) / timed
    bars.at_least(f"snapping {HOMES:,} points, to STRtree.query_nearest", place.name, ratio, 10)
    return (place.name, milliseconds(timed), *map(milliseconds, peers), short(ratio))
