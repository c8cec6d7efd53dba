"""New stations: the best choice by trying every one, who gains by coverage before and after."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import Point, box

import gridmap
from gridmap.circles.siting_covering import make_covering
from gridmap.circles.siting_exact import Effort, fewest_sites, most_covered
from gridmap.circles.siting_greedy import bettered, exchange, greedy
from gridmap.errors import InputError, LayerError
from tests.network.made import layer, network, random_network

ENDLESS = Effort.of(1e6, lambda share, what: None)
NOW = Effort.of(0.0, lambda share, what: None)


@st.composite
def problems(draw):
    """Give a table of who reaches whom, and households: unlike ones, and many alike (ties)."""
    many, homes = draw(st.integers(1, 8)), draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    reaches = rng.random((many, homes)) < draw(st.floats(0.03, 0.6))
    households = rng.integers(0, draw(st.sampled_from([2, 30])), homes) * draw(st.sampled_from([1.0, 0.37]))
    return reaches, households


def best(reaches, households, k) -> float:
    """Return the most households that k candidates reach, by trying every choice."""
    choices = itertools.combinations(range(len(reaches)), min(k, len(reaches)))
    return max(households[reaches[list(chosen)].any(axis=0)].sum() for chosen in choices)


def covering_of(reaches, households):
    return make_covering(*np.nonzero(reaches), households, len(reaches))


@settings(max_examples=150)
@given(problems(), st.integers(1, 5))
def test_no_choice_covers_more(problem, k):
    reaches, households = problem
    covering = covering_of(reaches, households)
    choice = most_covered(covering, k, ENDLESS)
    found = covering.candidate[choice.chosen]
    truth = best(reaches, households, k)
    assert len(found) <= k
    assert households[reaches[found].any(axis=0)].sum() == pytest.approx(truth, abs=1e-9)
    assert choice.covered == pytest.approx(truth, abs=1e-9)
    assert choice.most == pytest.approx(truth, abs=1e-6)
    first = greedy(covering, k)
    swapped = exchange(covering, first)
    assert covering.covered(first) <= covering.covered(swapped) + 1e-9 <= choice.covered + 2e-9
    assert covering.covered(first) >= (1 - 1 / np.e) * truth - 1e-9


@settings(max_examples=100)
@given(problems(), st.integers(1, 5))
def test_bounds_hold_and_a_choice_without_a_proof_is_no_worse_than_greedy(problem, k):
    reaches, households = problem
    covering = covering_of(reaches, households)
    assume(len(covering.households))
    chosen, prices = bettered(covering, k, exchange(covering, greedy(covering, k)))
    for number in range(1, len(reaches) + 1):
        assert prices.most(number) >= best(reaches, households, number) - 1e-6
        assert prices.fewest(best(reaches, households, number) - 1e-6) <= number
    quick = most_covered(covering, k, NOW)
    assert quick.most >= best(reaches, households, k) - 1e-6
    assert quick.covered >= covering.covered(greedy(covering, k))
    assert covering.covered(chosen) <= best(reaches, households, k) + 1e-9


@settings(max_examples=100)
@given(problems(), st.floats(0.01, 1.0))
def test_no_fewer_sites_reach_a_target(problem, share):
    reaches, households = problem
    need = share * households[reaches.any(axis=0)].sum()
    assume(need > 0)
    covering = covering_of(reaches, households)
    choice, least = fewest_sites(covering, need - 1e-9, ENDLESS)
    k = next(k for k in range(1, len(reaches) + 1) if best(reaches, households, k) >= need - 1e-9)
    assert len(choice.chosen) == least == k
    # Of those with as few sites it is the one that covers most.
    assert choice.covered == pytest.approx(best(reaches, households, k), abs=1e-9)


@given(problems())
def test_reducing_loses_nothing(problem):
    reaches, households = problem
    covering = covering_of(reaches, households)
    assert covering.households.sum() == pytest.approx(households[reaches.any(axis=0)].sum())
    for k in range(1, 4):
        kept = reaches[covering.candidate]
        assert (best(kept, households, k) if len(kept) else 0.0) == pytest.approx(best(reaches, households, k))
    # No candidate that is left reaches only what another does.
    inside = kept[:, households > 0]
    for one, other in itertools.permutations(range(len(kept)), 2):
        assert (inside[one] & ~inside[other]).any()


@pytest.fixture(scope="module")
def town():
    return random_network(3, corners=12, share=0.9)


@pytest.fixture(scope="module")
def homes(town):
    rng = np.random.default_rng(5)
    xy = town.vertex_xy[rng.integers(len(town.vertex_xy), size=300)] + rng.normal(0, 20, (300, 2))
    table = {"households": rng.integers(0, 30, 300), "residents": rng.integers(0, 90, 300)}
    return gpd.GeoDataFrame(table, geometry=shapely.points(xy), crs=town.crs, index=np.arange(300) + 1000)


def spots(town, count, seed, **columns) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    xy = town.node_xy[rng.choice(len(town.node_xy), count, replace=False)] + rng.normal(0, 10, (count, 2))
    return gpd.GeoDataFrame(columns, geometry=shapely.points(xy), crs=town.crs, index=range(count))


@pytest.mark.parametrize("asked", [{"k": 1}, {"k": 3}, {"target": 0.5}, {"target": 0.7}])
def test_coverage_counts_what_siting_promises(town, homes, asked):
    existing = spots(town, 2, 1, station=["A", "B"])
    candidates = spots(town, 25, 2, candidate=[f"c{n:02d}" for n in range(25)])
    siting = gridmap.propose_stations(
        town, homes, existing, candidates, candidate="candidate", minutes=3, areas=areas(town), **asked
    )
    new = siting.sites.rename(columns={"candidate": "station"})[["station", "geometry"]]
    built = pd.concat([existing, new], ignore_index=True)
    before = gridmap.coverage(town, existing, homes, minutes=3, areas=areas(town))
    after = gridmap.coverage(town, built, homes, minutes=3, areas=areas(town))
    assert (siting.share_before, siting.share) == (before.share, after.share)
    assert (siting.covered_before, siting.covered, siting.total) == (before.covered, after.covered, after.total)
    assert siting.homes["minutes_before"].equals(before.minutes_to_nearest.rename("minutes_before"))
    assert siting.homes["minutes_after"].equals(after.minutes_to_nearest.rename("minutes_after"))
    assert siting.homes["covered"].equals(after.homes["covered"])
    assert siting.homes["gained"].equals(after.homes["covered"] & ~before.homes["covered"])
    assert siting.by_area["gained"].equals((after.by_area["covered"] - before.by_area["covered"]).rename("gained"))
    nearest = after.homes["station"].astype(object)
    assert (siting.homes["site"].astype(object).dropna() == nearest[siting.homes["site"].notna()]).all()
    # Sites come by gain; each step adds what coverage adds.
    assert siting.sites["households"].is_monotonic_decreasing
    assert (siting.sites["households"] > 0).all()
    for count in range(1, siting.k + 1):
        step = gridmap.coverage(town, built.iloc[: 2 + count], homes, minutes=3)
        assert siting.sites["covered"].iloc[count - 1] == pytest.approx(step.covered)
    gained = siting.homes[siting.homes["gained"]]
    assert gained.groupby("by", observed=False)["residents"].sum().tolist() == siting.sites["residents"].tolist()
    assert siting.gap == 0
    assert siting.method == "exact"
    assert siting.bound == (siting.k if "target" in asked else siting.covered)
    assert siting.share >= asked.get("target", 0)


def areas(town) -> gpd.GeoDataFrame:
    west, south, east, north = [*town.node_xy.min(axis=0), *town.node_xy.max(axis=0)]
    halves = [box(west - 99, south - 99, west + 500, north + 99), box(west + 500, south - 99, east + 99, north + 99)]
    return gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=halves, crs=town.crs)


def test_the_best_of_all_pairs_on_streets(town, homes):
    candidates = spots(town, 8, 7)
    demand = gridmap.place_demand(town, homes)
    siting = gridmap.propose_stations(town, demand, None, candidates, k=2, minutes=2)
    shares = [
        gridmap.coverage(town, candidates.iloc[list(pair)].assign(station=[0, 1]), demand, minutes=2).share
        for pair in itertools.combinations(range(8), 2)
    ]
    assert siting.share == max(shares)
    assert siting.share_before == 0
    again = gridmap.propose_stations(town, demand, candidates[:0], candidates, k=2, minutes=2)
    assert again.sites.equals(siting.sites)


CROSS = [(((0, 0), (500, 0), (1000, 0)), {}), (((500, -500), (500, 0), (500, 500)), {}),
         (((5000, 5000), (5100, 5000)), {})]  # fmt: skip


def test_candidates_that_are_of_no_use():
    made = network(*CROSS)
    people = layer(Point(0, 5), Point(1000, 5), Point(4000, 0), households=[10, 20, 5])
    where = layer(Point(0, 0), Point(0, 1), Point(1000, 0), Point(500, 400), Point(5050, 5010), Point(500, 2500))
    siting = gridmap.propose_stations(made, people, None, where, k=5, minutes=2)
    # The first of two alike, nobody who gains nothing, and those without a street are named.
    assert siting.sites["candidate"].tolist() == [2, 0]
    assert siting.sites["households"].tolist() == [20, 10]
    assert siting.note == "5 sites were asked for; 2 cover all that the 4 candidates on the network can reach"
    assert siting.left_out[["candidate", "outcome"]].to_numpy().tolist() == [[4, "island"], [5, "off_network"]]
    assert "not joined" in siting.left_out["reason"][0]
    assert siting.gap == 0
    done = gridmap.propose_stations(made, people, siting.sites.rename(columns={"candidate": "station"}), where, k=1)
    assert len(done.sites) == done.k == 0
    assert done.share == done.share_before == siting.share


def test_a_target_that_cannot_be_met_says_how_far_it_goes():
    made = network(*CROSS)
    people = layer(Point(0, 5), Point(1000, 5), Point(4000, 0), households=[10, 30, 60])
    where = layer(Point(0, 0), Point(1000, 0))
    lon, lat = people.geometry.to_crs(4490)[2].coords[0]
    with pytest.raises(
        InputError, match=r"all 2 candidates.*reach 40\.00% of 100 households.*60 households around"
    ) as no:
        gridmap.propose_stations(made, people, None, where, target=0.85, minutes=2)
    assert f"{lon:.5f}, {lat:.5f}" in str(no.value)
    assert gridmap.propose_stations(made, people, None, where, target=0.4, minutes=2).k == 2
    assert gridmap.propose_stations(made, people, None, where, target=0.3, minutes=2).k == 1


def test_the_network_proposes_candidates_itself(town, homes):
    siting = gridmap.propose_stations(town, homes, None, None, k=4, minutes=3, spacing_m=150)
    spots = siting.sites.geometry
    junctions = shapely.points(town.node_xy)
    assert shapely.distance(shapely.multipoints(junctions), spots.to_numpy()).max() < 1e-6
    fewer = gridmap.propose_stations(town, homes, None, None, k=4, minutes=3, spacing_m=600)
    assert fewer.covered <= siting.covered
    assert siting.sites.crs == town.crs


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "give one of them"),
        ({"k": 1, "target": 0.5}, "give one of them"),
        ({"k": 0}, "k=0: allowed are whole numbers from 1"),
        ({"k": 1.5}, "k=1.5"),
        ({"k": True}, "k=True"),
        ({"target": 0}, "target=0: allowed are shares"),
        ({"target": 85}, "target=85"),
        ({"target": float("nan")}, "target=nan"),
        ({"k": 1, "minutes": 0}, "minutes"),
        ({"k": 1, "speed_m_s": -1}, "speed"),
        ({"k": 1, "spacing_m": 0}, "spacing_m=0"),
        ({"k": 1, "time_limit_s": -1}, "time_limit_s=-1"),
    ],
)
def test_questions_without_sense_are_refused(town, homes, asked, message):
    with pytest.raises(InputError, match=message):
        gridmap.propose_stations(town, homes, None, None, **asked)


def test_candidates_need_names_of_their_own(town, homes):
    twice = spots(town, 2, 1, name=["a", "a"])
    with pytest.raises(LayerError, match="more than once"):
        gridmap.propose_stations(town, homes, None, twice, k=1, candidate="name")
    with pytest.raises(InputError, match="no column 'nam'; there is name"):
        gridmap.propose_stations(town, homes, None, twice, k=1, candidate="nam")


def test_progress_is_told_and_never_goes_back(town, homes):
    told = []
    gridmap.propose_stations(town, homes, None, None, k=3, minutes=2, progress=lambda share, what: told.append(share))
    assert len(told) >= 3
    assert all(0 <= share <= 1 for share in told)
    assert told == sorted(told)


def test_a_proof_tells_how_far_it_is_and_the_search_says_when_to_end():
    rng = np.random.default_rng(1)
    reaches, households = rng.random((40, 150)) < 0.1, rng.integers(1, 30, 150).astype(float)
    covering, told = covering_of(reaches, households), []
    choice = most_covered(covering, 8, Effort.of(600.0, lambda share, what: told.append(share)))
    assert told
    assert choice.most == choice.covered
    assert told == sorted(told)
    assert all(0 <= share <= 1 for share in told)
    for need in (choice.covered, choice.covered + 1):
        early = most_covered(covering, 8, ENDLESS, need)
        # Either enough is found, or it is proven that there is not enough.
        assert (early.covered >= need) == (need <= choice.covered)
        assert early.most >= need or early.covered < need


def test_nobody_lives_here(town, homes):
    siting = gridmap.propose_stations(town, homes.assign(households=0), None, None, k=3)
    assert (siting.k, siting.covered, siting.share, siting.gap) == (0, 0, 0, 0)
