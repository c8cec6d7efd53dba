"""Siting: where new stations bring the most households within reach on foot, and how few reach a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmap.circles.counts import Limits, area_of
from gridmap.circles.demand import HOME_OFF_STREET_M, Demand, Source, as_demand
from gridmap.circles.effort import PROVE_S, Effort, check_limit, silent
from gridmap.circles.gaps import gap_numbers
from gridmap.circles.isochrones import check_ranges
from gridmap.circles.siting_candidates import SPACING_M, place_candidates, read_candidates
from gridmap.circles.siting_covering import NOTHING, Covering, Ints, make_covering, restricted
from gridmap.circles.siting_exact import Choice, fewest_sites, most_covered
from gridmap.circles.siting_greedy import greedy
from gridmap.circles.siting_tables import Asked, area_table, home_table, site_table
from gridmap.circles.stations import place_stations
from gridmap.errors import InputError
from gridmap.geo.crs import WGS84
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import Pace, walk_times
from gridmap.network.search import Nearest
from gridmap.network.snap import Snapped, snap

_GAPS_SAID: Final = 3


@dataclass(frozen=True, eq=False)
class Siting:
    """New stations, who gains by them, and how near to the best possible they are.

    Parameters
    ----------
    sites
        The chosen candidates, those that gain most first: ``candidate``; ``households`` that come within reach by it
        (and by none before it), and ``residents``; ``covered`` and ``share`` of all households with it and those
        before; ``nearest``, the households it is the nearest station of; ``minutes_before`` and ``minutes_after``,
        the mean walk of its households to the nearest station (NaN where none had one); ``geometry`` in the CRS of
        the candidates.
    homes
        One row a row of the demand: ``households``, ``residents``, ``area``; ``minutes_before`` and
        ``minutes_after`` to the nearest station (NaN where none can be reached); ``site``, the new station that is
        now the nearest, if one is; ``covered``, within reach now; ``gained``, now but not before; ``by``, the first
        site, in the order of ``sites``, that brought it within reach.
    by_area
        By area: ``total, covered_before, gained, covered, share_before, share``; empty where no areas were given.
    total, covered_before, covered
        Households in all, and within reach before and after.
    share_before, share
        The same as shares of all.
    k
        How many sites there are: for a target the fewest found.
    bound
        What is proven: no choice of as many sites covers more households; with a target, no fewer sites reach it.
    gap
        How far the result may be from the best possible, as a share of it; 0: it is proven the best.
    method
        ``exact`` where ``gap`` is 0, so that the result is proven the best; else ``within_gap``: the best that was
        found, at most ``gap`` from the best possible.
    left_out
        Candidates that get onto no street: ``candidate, outcome, reason``.
    note
        What else to know, for example that fewer sites are of use than were asked for.
    minutes, speed_m_s
        What was asked.
    """

    sites: gpd.GeoDataFrame
    homes: pd.DataFrame
    by_area: pd.DataFrame
    total: float
    covered_before: float
    covered: float
    share_before: float
    share: float
    k: int
    bound: float
    gap: float
    method: str
    left_out: pd.DataFrame
    note: str
    minutes: float
    speed_m_s: float


def propose_stations(
    network: WalkNetwork,
    demand: Demand | Source,
    existing: Source | None = None,
    candidates: Source | None = None,
    *,
    k: int | None = None,
    target: float | None = None,
    minutes: float = 15,
    speed_m_s: float = 1.1,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    households: str = "households",
    areas: Source | None = None,
    area: str = "code",
    station: str = "station",
    candidate: str | None = None,
    spacing_m: float = SPACING_M,
    off_street_m: float = HOME_OFF_STREET_M,
    time_limit_s: float = PROVE_S,
    progress: Callable[[float, str], None] | None = None,
) -> Siting:
    """Choose new stations: the ``k`` that bring most households within reach, or the fewest that reach a target.

    Walks are counted as by :func:`gridmap.coverage`. The choice is the best there is (maximal covering, proven by
    HiGHS), or says how far from the best it may be.

    Parameters
    ----------
    network
        :func:`gridmap.read_network`.
    demand
        Homes with a column ``households``; placed once by :func:`gridmap.place_demand` they serve any number of calls.
    existing
        Stations there are; None or an empty layer where there are none.
    candidates
        Where a station could stand: points, MultiPoints of entrances, or polygons; None: junctions of the network,
        one in each square of ``spacing_m``.
    k, target
        How many new stations; or the share of all households to be within reach, above 0 and up to 1. Exactly one.
    minutes, speed_m_s, pace
        The limit, and how fast one walks.
    areas, area
        Polygons to count by, and the column that names them.
    station, candidate
        Columns that name stations and candidates; candidates go by their index where none is named.
    households, off_street_m
        For a demand that is not placed yet, see :func:`gridmap.place_demand`.
    time_limit_s
        Seconds that proving may take; where they run out, the result depends on the machine and ``gap`` says how
        far it may be from the best. 0: greedy choice and exchanges only.
    progress
        Called with the share done (0 to 1) and what is happening.

    Raises
    ------
    InputError
        When not exactly one of ``k`` and ``target`` is given, one is out of range, or all candidates together do not
        reach the target; the message says how far they reach and where the largest gaps are.
    LayerError
        When a layer is empty, or a column is missing or wrong.

    Examples
    --------
    >>> import gridmap
    >>> network = gridmap.read_network("data/town/streets.gpkg")
    >>> demand = gridmap.place_demand(network, "data/town/buildings.gpkg")
    >>> siting = propose_stations(network, demand, "data/town/stations.gpkg", k=2, minutes=5)
    >>> len(siting.sites), siting.gap, siting.share > siting.share_before
    (2, 0.0, True)
    """
    _check_asked(k, target, time_limit_s)
    limits = Limits(check_ranges(minutes, speed_m_s))
    tell = progress or silent
    homes = as_demand(network, demand, households=households, off_street_m=off_street_m)
    walk = walk_times(network, speed_m_s, pace)
    tell(0.05, "walking")
    layer = read_candidates(network, candidates, candidate, spacing_m)
    places, left_out = place_candidates(network, layer)
    asked = Asked(homes, _existing(network, existing, station), layer, places, walk, limits.last_s)
    before = asked.nearest(np.empty(0, dtype=np.int64))
    problem = _problem(asked, before)
    effort = Effort.of(time_limit_s, lambda share, what: tell(0.2 + 0.7 * share, what))
    if target is not None:
        _check_reach(asked, problem, target, len(layer) - len(left_out))
    choice, least = _choose(problem, k, target, effort)
    tell(0.95, "who gains")
    rows = problem.covering.candidate[_in_order_of_gain(problem.covering, choice.chosen)]
    table = home_table(asked, before, rows, None if areas is None else area_of(homes, areas, area))
    covered = float(homes.households[table["covered"]].sum())
    bound, gap = _proven(problem, choice, least, len(rows), k, covered)
    return Siting(
        sites=site_table(asked, table, rows),
        homes=table,
        by_area=area_table(table, area),
        total=problem.total,
        covered_before=problem.before,
        covered=covered,
        share_before=problem.share(problem.before),
        share=problem.share(covered),
        k=len(rows),
        bound=bound,
        gap=gap,
        method="exact" if gap == 0 else "within_gap",
        left_out=left_out,
        note=_note(len(rows), k, len(layer) - len(left_out)),
        minutes=float(limits.minutes[-1]),
        speed_m_s=walk.speed_m_s,
    )


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is to be covered: ``covering`` has the households out of reach that a candidate brings within it."""

    covering: Covering
    total: float
    before: float

    def share(self, households: float) -> float:
        """Return households as a share of all."""
        return households / self.total if self.total else 0.0

    def need(self, target: float) -> float:
        """Return the households that are still missing for a target, but for rounding."""
        return max(target * self.total - self.before - NOTHING * self.total, 0.0)


def _problem(asked: Asked, before: Nearest) -> _Problem:
    households = asked.demand.households
    covered = before.seconds <= asked.limit_s
    found = asked.passed(np.arange(len(asked.layer)), np.flatnonzero(~covered & (households > 0)))
    covering = make_covering(found.origin, found.item, households, len(asked.layer))
    return _Problem(covering, float(households.sum()), float(households[covered].sum()))


def _choose(problem: _Problem, k: int | None, target: float | None, effort: Effort) -> tuple[Choice, int]:
    """Return the choice, and for a target the number of sites that are proven necessary."""
    effort.tell(0.0, "choosing")
    if target is not None:
        return fewest_sites(problem.covering, problem.need(target), effort)
    return most_covered(problem.covering, int(k or 0), effort), 0


def _in_order_of_gain(covering: Covering, chosen: Ints) -> Ints:
    """Return the chosen rows, those that gain most first; one that gains nothing beside the others is left out."""
    mine = np.sort(chosen)
    among = restricted(replace(covering, candidate=np.arange(len(covering.candidate))), mine)
    return mine[greedy(among, len(mine))]


def _proven(
    problem: _Problem, choice: Choice, least: int, sites: int, k: int | None, covered: float
) -> tuple[float, float]:
    """Return bound and gap: in sites for a target, in households covered otherwise."""
    if k is None:
        return float(least), (sites - least) / sites if sites else 0.0
    missing = choice.most - choice.covered
    if missing <= problem.total * NOTHING:
        return covered, 0.0
    return covered + missing, missing / (covered + missing)


def _note(sites: int, k: int | None, candidates: int) -> str:
    if k is None or sites >= k:
        return ""
    return f"{k} sites were asked for; {sites} cover all that the {candidates} candidates on the network can reach"


def _check_asked(k: int | None, target: float | None, time_limit_s: float) -> None:
    if (k is None) == (target is None):
        raise InputError(f"k={k!r}, target={target!r}: give one of them, how many stations or the share to reach")
    if k is not None and (isinstance(k, bool) or not isinstance(k, Integral) or k < 1):
        raise InputError(f"k={k!r}: allowed are whole numbers from 1")
    if target is not None and not 0 < target <= 1:
        raise InputError(f"target={target!r}: allowed are shares above 0 and up to 1, for example 0.85")
    check_limit(time_limit_s)


def _existing(network: WalkNetwork, existing: Source | None, station: str) -> Snapped:
    if existing is None or (isinstance(existing, gpd.GeoDataFrame) and len(existing) == 0):
        return snap(network, [], [], 0.0)
    return place_stations(network, existing, station=station).on


def _check_reach(asked: Asked, problem: _Problem, target: float, candidates: int) -> None:
    """Refuse a target that all candidates together do not reach; say how far they do, and where people are left."""
    most = float(problem.covering.households.sum())
    if most >= problem.need(target):
        return
    demand = asked.demand
    after = asked.nearest(np.arange(len(asked.layer)))
    left = np.flatnonzero((after.seconds > asked.limit_s) & (demand.households > 0))
    out = np.zeros(len(demand), dtype=bool)
    out[left] = True
    gap = gap_numbers(demand, out)[left]
    said = []
    for number in range(min(int(gap.max(initial=-1)) + 1, _GAPS_SAID)):
        mine = left[gap == number]
        spot = mine[np.argmax(demand.households[mine])]
        where = "at no known place"
        if demand.points[spot] is not None:
            at = gpd.GeoSeries([demand.points[spot]], crs=demand.layer.crs).to_crs(WGS84).iloc[0]
            where = f"around {at.x:.5f}, {at.y:.5f}"
        said.append(f"{demand.households[mine].sum():,.0f} households {where}")
    raise InputError(
        f"target={target:g}: all {candidates} candidates on the network together with the stations there are reach "
        f"{problem.share(problem.before + most):.2%} of {problem.total:,.0f} households; the largest gaps left: "
        f"{'; '.join(said)}. Add candidates there, allow more minutes, or lower the target"
    )
