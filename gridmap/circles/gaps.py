"""The gaps of a coverage: why a home is out of reach, and where those who are live together."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.circles.demand import Demand
from gridmap.circles.linkage import link_near
from gridmap.network.snap import snap

GAP_M: Final = 150.0
"""Homes out of reach that stand no further apart than this, and not across a barrier, are one gap."""
REASONS: Final = ("", "beyond_limit", "no_station", "off_street", "behind_barrier", "island", "no_geometry")
"""Why a home is not covered: it walks longer than the limit; its street leads to no station; it is further from any
street than allowed; water, a railway or a motorway lies before every street; the only street near by is not joined to
the rest; it has no geometry. Covered homes have none."""


def reasons(demand: Demand, seconds: NDArray[np.floating], limit_s: float) -> pd.Categorical:
    """Return why each home is not covered, one of :data:`REASONS`.

    Parameters
    ----------
    demand
        The homes.
    seconds
        (homes,) to the nearest station, inf where none can be reached.
    limit_s
        The limit.
    """
    code = np.select([seconds <= limit_s, np.isfinite(seconds)], [0, 1], 2).astype(np.int8)
    astray = np.flatnonzero(demand.on.edge < 0)
    x, y = demand.xy[astray].T
    code[astray] = REASONS.index("off_street")
    known = np.isfinite(x)
    if len(demand.network.islands):
        tree = shapely.STRtree(demand.network.islands)
        near, _ = tree.query(shapely.points(x[known], y[known]), predicate="dwithin", distance=demand.off_street_m)
        code[astray[known][near]] = REASONS.index("island")
    free = snap(demand.network, x, y, demand.off_street_m, barriers=False)
    code[astray[free.edge >= 0]] = REASONS.index("behind_barrier")
    code[astray[~known]] = REASONS.index("no_geometry")
    return pd.Categorical.from_codes(code, categories=list(REASONS))


def gap_numbers(demand: Demand, out: NDArray[np.bool_], gap_m: float = GAP_M) -> NDArray[np.int32]:
    """Return the gap that each home belongs to, from 0 with most households first, -1 for those in none.

    Parameters
    ----------
    demand
        The homes.
    out
        (homes,) which are out of reach.
    gap_m
        Homes within this straight distance, not across a barrier, belong to one gap; and so on from home to home.
        Homes without geometry are one gap by themselves.
    """
    number = np.full(len(demand), -1, dtype=np.int32)
    rows = np.flatnonzero(out)
    known = np.isfinite(demand.xy[rows, 0])
    placed, nowhere = rows[known], rows[~known]
    linked = link_near(demand.xy[placed], gap_m, demand.network.barrier_index)
    rows = np.r_[placed, nowhere]
    label = np.r_[linked, np.full(len(nowhere), linked.max(initial=-1) + 1)].astype(np.int64)
    weight = np.bincount(label, weights=demand.households[rows])
    people = demand.households if demand.residents is None else demand.residents
    rank = np.empty(len(weight), dtype=np.int32)
    rank[np.lexsort((-np.bincount(label, weights=people[rows]), -weight))] = np.arange(len(weight))
    number[rows] = rank[label]
    return number


def gap_table(demand: Demand, homes: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return one row a gap: who lives there, why they are out of reach, and the places of their homes.

    Parameters
    ----------
    demand
        The homes.
    homes
        One row a home: ``households``, ``residents`` and ``area`` where they are known, ``minutes``, ``reason``,
        ``gap``.
    """
    inside = np.flatnonzero(homes["gap"].to_numpy() >= 0)
    found = homes.iloc[inside].reset_index(drop=True)
    gap = found["gap"].to_numpy()
    count = int(gap.max(initial=-1)) + 1
    table = pd.DataFrame(index=pd.RangeIndex(count, name="gap"))
    for column in ("households", "residents"):
        if column in found:
            table[column] = np.bincount(gap, weights=found[column], minlength=count)
    table["homes"] = np.bincount(gap, minlength=count)
    if "area" in found:
        table["area"] = _most(gap, found["area"], demand.households[inside], count)
    table["minutes"] = _mean(gap, found["minutes"].to_numpy(), demand.households[inside], count)
    table["reason"] = _most(gap, found["reason"], demand.households[inside], count)
    return gpd.GeoDataFrame(table, geometry=_spots(demand, inside, gap, count), crs=demand.layer.crs)


def _mean(
    gap: NDArray[np.integer], minutes: NDArray[np.float64], weight: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return the mean walk by household of those who reach a station at all, NaN where nobody does."""
    reached = np.isfinite(minutes)
    # A home of residents without a household still has a say, should nobody else be there.
    share = np.where(reached, weight + 1e-9, 0.0)
    total = np.bincount(gap, weights=share, minlength=count)
    walked = np.bincount(gap, weights=share * np.where(reached, minutes, 0.0), minlength=count)
    return np.asarray(np.divide(walked, total, out=np.full(count, np.nan), where=total > 0))


def _most(gap: NDArray[np.integer], said: pd.Series, weight: NDArray[np.float64], count: int) -> pd.Categorical:
    """Return what is said of most households of each gap; the first category of those with equally many."""
    codes, size = said.cat.codes.to_numpy().astype(np.int64), len(said.cat.categories)
    # Unknown (-1) is counted as a category of its own, behind the others.
    codes = np.where(codes < 0, size, codes)
    held = np.bincount(gap * (size + 1) + codes, weights=weight + 1e-9, minlength=count * (size + 1))
    best = held.reshape(count, size + 1).argmax(axis=1)
    return pd.Categorical.from_codes(np.where(best == size, -1, best), categories=said.cat.categories)


def _spots(demand: Demand, rows: NDArray[np.integer], gap: NDArray[np.integer], count: int) -> NDArray[np.object_]:
    """Return the places of the homes of each gap as MultiPoints in the CRS of the demand."""
    order = np.argsort(gap, kind="stable")
    points = demand.points[rows[order]]
    known = ~shapely.is_missing(points)
    shapes = np.full(count, shapely.MultiPoint(), dtype=object)
    if known.any():
        shapely.multipoints(points[known], indices=gap[order][known], out=shapes)
    return shapes
