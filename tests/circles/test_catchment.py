"""Catchments: the nearest station by networkx, borders shared by shapely, sharing out against other solvers."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from shapely import MultiPoint, Point, box

import gridmap
from gridmap.circles.catchment_assign import UNSERVED_S, shared_out
from gridmap.circles.catchment_land import label_polygons
from gridmap.circles.effort import Effort, silent
from gridmap.errors import InputError, LayerError
from tests.network.made import as_graph, layer, network, random_network

SPEED = 1.1


@pytest.fixture(scope="module")
def town():
    return random_network(11, corners=10, share=0.85)


@pytest.fixture(scope="module")
def homes(town):
    rng = np.random.default_rng(2)
    xy = town.vertex_xy[rng.integers(len(town.vertex_xy), size=400)] + rng.normal(0, 20, (400, 2))
    table = {"households": rng.integers(0, 9, 400), "residents": rng.integers(0, 30, 400)}
    return gpd.GeoDataFrame(table, geometry=shapely.points(xy), crs=town.crs, index=np.arange(400) + 50)


@pytest.fixture(scope="module")
def stations(town):
    rng = np.random.default_rng(8)
    xy = town.node_xy[rng.choice(len(town.node_xy), 7, replace=False)] + rng.normal(0, 5, (7, 2))
    return gpd.GeoDataFrame({"station": list("gfedcba"), "room": 120}, geometry=shapely.points(xy), crs=town.crs)


def walks(town, stations, homes) -> np.ndarray:
    """Return minutes from each station (in the order of its name) to each home: networkx between junctions."""
    graph, made = as_graph(town), gridmap.place_demand(town, homes)
    named = stations.sort_values("station").assign(households=0)
    posts = gridmap.place_demand(town, named, off_street_m=500)
    (u, v), length = town.edge_nodes[made.on.edge].T, town.edge_length_m[made.on.edge]
    metres = np.empty((len(posts), len(made)))
    for s in range(len(posts)):
        edge, along, off = posts.on.edge[s], posts.on.along_m[s], posts.on.offset_m[s]
        a, b = town.edge_nodes[edge].tolist()
        graph.add_edge("s", a, seconds=along)
        graph.add_edge("s", b, seconds=town.edge_length_m[edge] - along)
        far = nx.single_source_dijkstra_path_length(graph, "s", weight="seconds")
        graph.remove_node("s")
        way = np.minimum(
            [far[n] for n in u.tolist()] + made.on.along_m, [far[n] for n in v.tolist()] + length - made.on.along_m
        )
        straight = np.where(made.on.edge == edge, np.abs(made.on.along_m - along), np.inf)
        metres[s] = np.minimum(way, straight) + off + made.on.offset_m
    return metres / SPEED / 60


def test_every_home_goes_to_the_nearest(town, stations, homes):
    found = gridmap.catchments(town, stations, homes)
    minutes = walks(town, stations, homes)
    np.testing.assert_allclose(found.homes["minutes"], minutes.min(axis=0), rtol=1e-4)
    chosen = minutes[found.homes["station"].cat.codes, np.arange(len(homes))]
    np.testing.assert_allclose(chosen, minutes.min(axis=0), rtol=1e-4)
    assert (found.homes["station"] == found.homes["nearest"]).all()
    assert list(found.by_station.index) == list("abcdefg")
    assert found.by_station["households"].sum() == homes["households"].sum()
    assert found.by_station["residents"].sum() == homes["residents"].sum()
    assert found.household_minutes == pytest.approx((minutes.min(axis=0) * homes["households"]).sum(), rel=1e-4)
    assert len(found.unserved) == 0
    alone = gridmap.catchments(town, stations)
    assert alone.polygons.equals(found.polygons)
    assert len(alone.homes) == 0


@pytest.mark.parametrize("asked", [{}, {"minutes": 4}, {"minutes": 4, "cell_m": 10}])
def test_land_is_divided_without_gaps_or_overlaps(town, stations, homes, asked):
    found = gridmap.catchments(town, stations, homes, **asked)
    shapes = found.polygons.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    metres = found.polygons.to_crs(town.crs)
    assert shapely.area(shapely.union_all(metres.geometry.to_numpy())) == pytest.approx(metres.area.sum(), rel=1e-6)
    np.testing.assert_allclose(found.polygons["area_m2"], metres.area, rtol=1e-4)
    # A home lies in the land of its nearest station, save for within a cell of a border.
    made, cell_m = gridmap.place_demand(town, homes), asked.get("cell_m", 20)
    station = found.homes["station"].cat.codes.to_numpy()
    served = np.flatnonzero(station >= 0)
    away = shapely.distance(metres.geometry.to_numpy()[station[served]], shapely.points(made.xy[served]))
    assert (away == 0).mean() > 0.9
    assert away.max() < 1.5 * cell_m
    within = found.homes["minutes_to_nearest"] <= asked.get("minutes", np.inf)
    assert (found.homes["station"].notna() == within).all()
    assert (found.homes["reason"][~within] == "beyond_limit").all()
    assert found.unserved["households"].sum() == homes["households"][~within.to_numpy()].sum()


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_labelled_land_becomes_a_seamless_coverage(seed, count):
    rng = np.random.default_rng(seed)
    label = rng.integers(-1, count, rng.integers(1, 12, 2)).astype(np.int32)
    if rng.random() < 0.5:
        label = label.repeat(3, axis=0).repeat(4, axis=1)
    shapes = label_polygons(label, count, 1000.0, 2000.0, 10.0)
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    # Simplified land stays within a cell of the cells themselves.
    rows, columns = np.indices(label.shape)
    cells = shapely.box(1000 + columns * 10, 2000 + rows * 10, 1010 + columns * 10, 2010 + rows * 10)
    for number in range(count):
        mine = shapely.union_all(cells[label == number])
        assert shapely.is_empty(mine) == shapely.is_empty(shapes[number])
        if not shapely.is_empty(mine):
            assert shapely.hausdorff_distance(mine, shapes[number]) <= 15


@st.composite
def offers(draw):
    """Give seconds from stations to homes, some out of reach, with room for some of all households."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    many, count = draw(st.integers(1, 6)), draw(st.integers(1, 30))
    seconds = rng.integers(1, 1000, (many, count)).astype(float)
    seconds[rng.random((many, count)) < draw(st.sampled_from([0.0, 0.3]))] = np.inf
    room = rng.integers(0, max(2 * count // many, 1) + 1, many).astype(float)
    room[rng.random(many) < 0.2] = np.inf
    return seconds, room


def offer_of(seconds):
    def offer(delay_s):
        dearer = seconds + delay_s[:, None]
        best = dearer.argmin(axis=0)
        walk = seconds[best, np.arange(seconds.shape[1])]
        return np.where(np.isfinite(walk), best, -1), walk

    return offer


@settings(max_examples=150)
@given(offers())
def test_single_households_are_shared_out_as_by_the_assignment_problem(problem):
    seconds, room = problem
    count = seconds.shape[1]
    found = shared_out(np.ones(count), room, offer_of(seconds), Effort.of(60, silent))
    station, walked = found.station, found.seconds
    assert (np.bincount(station[station >= 0], minlength=len(room)) <= room).all()
    # A column a place at a station, and one a home for staying without.
    places = np.repeat(np.arange(len(room)), np.minimum(room, count).astype(int))
    cost = np.c_[np.where(np.isfinite(seconds[places]), seconds[places], 1e9).T, np.full((count, count), UNSERVED_S)]
    least = cost[linear_sum_assignment(cost)].sum()
    served = station >= 0
    assert walked[served].sum() + UNSERVED_S * (~served).sum() == pytest.approx(least, abs=0.05 * count)


@settings(max_examples=100)
@given(offers(), st.integers(0, 10**6))
def test_homes_of_many_households_are_shared_out_as_by_the_whole_linear_programme(problem, seed):
    seconds, room = problem
    rng = np.random.default_rng(seed)
    households = rng.integers(0, 5, seconds.shape[1]).astype(float)
    room = room * 2
    found = shared_out(households, room, offer_of(seconds), Effort.of(60, silent))
    station, walked = found.station, found.seconds
    served = station >= 0
    assert (np.bincount(station[served], households[served], minlength=len(room)) <= room + 1e-6).all()
    many, count = seconds.shape
    per_home = np.kron(np.ones(many), np.eye(count))
    per_station = np.kron(np.eye(many), np.ones(count))[np.isfinite(room)]
    gain = np.where(np.isfinite(seconds), seconds - UNSERVED_S, 0.0).ravel()
    bound = np.r_[households, room[np.isfinite(room)]]
    least = linprog(gain, A_ub=np.r_[per_home, per_station], b_ub=bound, method="highs-ipm").fun
    ours = ((walked[served] - UNSERVED_S) * households[served]).sum()
    # Undivided homes can do no better, and no more of them than there are stations would have to be divided.
    slack = 1e-6 * abs(least) + 0.05 * households.sum()
    assert least - slack <= ours <= least + slack + np.isfinite(room).sum() * 4 * UNSERVED_S


@pytest.mark.parametrize("minutes", [None, 9, 5])
def test_no_station_serves_more_than_it_has_room_for(town, stations, homes, minutes):
    """Against one linear programme of all walks, which may divide homes."""
    found = gridmap.catchments(town, stations, homes, capacity="room", minutes=minutes)
    table, served = found.by_station, found.homes["station"].notna().to_numpy()
    assert (table["households"] <= 120).all()
    assert (table["nearest"] > 120).any()
    assert table["load"].max() <= 1
    total = homes["households"].sum()
    assert table["households"].sum() + found.unserved["households"].sum() == total
    walk = walks(town, stations, homes)
    walk[walk > (minutes or np.inf)] = np.inf
    chosen = walk[found.homes["station"].cat.codes, np.arange(len(homes))][served]
    np.testing.assert_allclose(found.homes["minutes"][served], chosen, rtol=1e-3)
    never = 1e4
    many, count = walk.shape
    limits = np.r_[np.kron(np.ones(many), np.eye(count)), np.kron(np.eye(many), np.ones(count))]
    gain = np.where(np.isfinite(walk), walk - never, 0.0).ravel()
    least = linprog(gain, A_ub=limits, b_ub=np.r_[homes["households"], np.full(many, 120.0)]).fun
    ours = found.household_minutes - never * homes["households"].to_numpy()[served].sum()
    # Homes are not divided: at most one a station of up to 8 households is served elsewhere or not at all.
    assert least - 1e-6 * abs(least) <= ours <= least + 7 * 8 * never
    assert found.household_minutes >= gridmap.catchments(town, stations, homes, minutes=minutes).household_minutes or (
        len(found.unserved) > 0
    )
    unserved = found.unserved["reason"].value_counts()
    assert set(unserved[unserved > 0].index) <= {"full", "beyond_limit"}
    assert (found.homes["reason"][served] == "").all()


def test_what_is_proven_holds_also_when_time_runs_out(town, stations, homes):
    told = []
    best = gridmap.catchments(town, stations, homes, capacity="room", progress=lambda *said: told.append(said))
    assert [share for share, _what in told] == sorted(share for share, _what in told)
    assert {what for _share, what in told} >= {"walking", "prices", "sharing out"}
    for limit_s in (0, 60):
        found = gridmap.catchments(town, stations, homes, capacity="room", time_limit_s=limit_s)
        served = found.by_station["households"]
        assert (served <= 120).all()
        assert max(served.sum(), best.by_station["households"].sum()) <= found.most + 1e-6
        if best.by_station["households"].sum() >= served.sum():
            assert found.bound <= best.household_minutes * (1 + 1e-6)
        assert found.bound <= found.household_minutes
        short = 1 - found.bound / found.household_minutes, 1 - served.sum() / found.most
        assert found.gap == pytest.approx(max(short), abs=1e-6)
    assert best.gap < 0.02


@pytest.mark.parametrize("count", [60, 200])
def test_single_households_of_a_town_are_proven_best(town, stations, homes, count):
    people = homes.assign(households=1).iloc[:count]
    found = gridmap.catchments(town, stations.assign(room=count // 8), people, capacity="room")
    walk = walks(town, stations, people).repeat(count // 8, axis=0).T
    rows, columns = linear_sum_assignment(walk)
    assert found.gap == 0
    assert found.most == found.by_station["households"].sum() == len(rows)
    assert found.household_minutes == found.bound == pytest.approx(walk[rows, columns].sum(), rel=1e-4)


def test_room_that_suffices_changes_nothing(town, stations, homes):
    free = gridmap.catchments(town, stations, homes)
    for room in (10_000, None):
        given_room = gridmap.catchments(town, stations.assign(room=room), homes, capacity="room")
        assert given_room.homes.equals(free.homes)


def test_groups_entrances_and_stations_without_a_street():
    made = network(
        (((0, 0), (500, 0), (1000, 0)), {}), (((500, -500), (500, 0)), {}), (((5000, 5000), (5100, 5000)), {})
    )
    posts = layer(
        MultiPoint([(0, 5), (480, 5)]), Point(1000, 5), Point(500, -500), Point(5050, 5005),
        station=["west", "east", "south", "island"], team=["A", "B", "A", "C"], room=[3, None, 2, 9],
    )  # fmt: skip
    people = layer(Point(100, 9), Point(900, 9), Point(500, -400), Point(450, 9), households=[2, 4, 3, 1])
    found = gridmap.catchments(made, posts, people, group="team")
    assert found.homes["station"].tolist() == ["A", "B", "A", "A"]
    assert found.polygons["outcome"].tolist() == ["ok", "ok", "island"]
    assert "not joined" in found.polygons["reason"][2]
    assert found.polygons.geometry.is_empty.tolist() == [False, False, True]
    # Together A has room for five: one of its six households moves to B, the one at 450 m being nearest to it.
    shared = gridmap.catchments(made, posts, people, group="team", capacity="room")
    assert shared.homes["station"].tolist() == ["A", "B", "A", "B"]
    assert shared.by_station["capacity"].tolist()[:1] == [5]
    # A home is not divided: nobody has room for all three; the room is used by who fits.
    tight = gridmap.catchments(made, posts.assign(room=[2, 4, 2, 9]), people, capacity="room")
    assert tight.homes["station"].isna().tolist() == [False, False, True, False]
    assert tight.homes["reason"].tolist()[2] == "full"


def test_water_divides_land():
    """Two streets along a river without a bridge between them but far away."""
    made = network(
        (((0, 0), (1000, 0)), {}), (((0, 60), (1000, 60)), {}), (((0, 0), (0, 60)), {"bridge": "yes"}),
        water=layer(box(-100, 25, 1100, 35)),
    )  # fmt: skip
    posts = layer(Point(1000, 0), Point(0, 60), station=["south", "north"])
    land = gridmap.catchments(made, posts, cell_m=10).polygons.set_index("station").geometry.to_crs(made.crs)
    spots = layer(Point(800, 5), Point(800, 20), Point(800, 40), Point(800, 70)).geometry
    assert land["south"].contains(spots).tolist() == [True, True, False, False]
    assert land["north"].contains(spots).tolist() == [False, False, True, True]


def test_questions_without_sense_are_refused(town, stations, homes):
    for asked, message in [
        ({"minutes": 0}, "above zero"), ({"speed_m_s": 0}, "walking speed"), ({"cell_m": 0}, "cell_m=0"),
        ({"off_street_m": -1}, "off_street_m=-1"), ({"time_limit_s": -1}, "time_limit_s=-1"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message):
            gridmap.catchments(town, stations, homes, **asked)
    with pytest.raises(InputError, match="without a demand"):
        gridmap.catchments(town, stations, capacity="room")
    with pytest.raises(LayerError, match="no column 'rom'; there is station, room"):
        gridmap.catchments(town, stations, homes, capacity="rom")
    with pytest.raises(LayerError, match="room is -1"):
        gridmap.catchments(town, stations.assign(room=-1), homes, capacity="room")
