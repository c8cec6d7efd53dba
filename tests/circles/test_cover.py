"""Coverage counted at the homes, against networkx walking by itself."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import InputError, LayerError

CRS = 4549
STEP = 200.0
ORIGIN = np.array([500_000.0, 3_480_000.0])


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A grid of 7 × 7 junctions, 200 m apart, and one street far off that leads nowhere."""
    lines = []
    for i in range(7):
        for j in range(6):
            lines += [[(i, j), (i, j + 1)], [(j, i), (j + 1, i)]]
    lines.append([(40, 40), (41, 40)])
    shapes = [shapely.LineString(ORIGIN + STEP * np.array(line)) for line in lines]
    path = tmp_path_factory.mktemp("streets") / "streets.gpkg"
    gpd.GeoDataFrame({"highway": ["residential"] * len(shapes)}, geometry=shapes, crs=CRS).to_file(path)
    return gridmap.read_network(path)


def points(xy) -> list[shapely.Point]:
    return list(shapely.points(ORIGIN + np.asarray(xy, dtype=float)))


@pytest.fixture(scope="module")
def stations():
    return gpd.GeoDataFrame(
        {"station": ["A", "B", "far"], "room": [100, 0, 10]},
        geometry=points([(0, 10), (1200, 1150), (8100, 8010)]),
        crs=CRS,
    )


@pytest.fixture(scope="module")
def homes():
    rng = np.random.default_rng(4)
    xy = rng.uniform(0, 1200, (300, 2))
    xy[np.arange(300), rng.integers(2, size=300)] = STEP * rng.integers(0, 7, 300)
    # Off the street by so much, and two too far from any.
    xy = np.vstack([xy + rng.uniform(-60, 60, (300, 2)), [(5000, 5000), (-150, -150)]])
    frame = gpd.GeoDataFrame({"households": rng.integers(0, 40, len(xy))}, geometry=points(xy), crs=CRS)
    return frame.set_index(frame.index + 7)


def walked_m(stations, homes) -> np.ndarray:
    """Return metres on foot by station and home: networkx over the same streets, cut at every station and home."""
    graph = nx.Graph()
    streets = [((i, j), (i, j + 1)) for i in range(7) for j in range(6)]
    streets += [((j, i), (j + 1, i)) for i in range(7) for j in range(6)]
    lines = shapely.linestrings(np.array(streets, dtype=float) * STEP)
    on_street: dict[int, list] = {}
    for kind, layer in (("s", stations), ("h", homes)):
        xy = shapely.get_coordinates(layer.geometry.values) - ORIGIN
        for number, point in enumerate(shapely.points(xy)):
            far = shapely.distance(lines, point)
            at = int(far.argmin())
            if far[at] <= (500 if kind == "s" else 100):
                on_street.setdefault(at, []).append(
                    (shapely.line_locate_point(lines[at], point), (kind, number), far[at])
                )
    for at, (a, b) in enumerate(streets):
        stops = [(0.0, a), *sorted((along, (at, who)) for along, who, _ in on_street.get(at, [])), (STEP, b)]
        for (x, here), (y, there) in itertools.pairwise(stops):
            graph.add_edge(here, there, weight=y - x)
        for _, who, off in on_street.get(at, []):
            graph.add_edge((at, who), who, weight=off)
    metres = np.full((len(stations), len(homes)), np.inf)
    for s in range(len(stations)):
        if ("s", s) in graph:
            for node, far in nx.single_source_dijkstra_path_length(graph, ("s", s)).items():
                if node[0] == "h":
                    metres[s, node[1]] = far
    return metres


@pytest.mark.parametrize("minutes", [5, 15])
def test_households_in_time_are_those_that_networkx_walks_to(network, stations, homes, minutes):
    cover = gridmap.coverage(network, stations, homes, minutes=minutes, speed_m_s=1.0)
    metres = walked_m(stations, homes)
    weight = homes["households"].to_numpy()
    assert cover.minutes_to_nearest.index.equals(homes.index)
    expected = metres.min(axis=0) / 60
    np.testing.assert_allclose(cover.minutes_to_nearest.fillna(np.inf), expected, atol=1e-3)
    in_time = expected <= minutes
    assert 0.05 < in_time.mean() < 1
    assert cover.total == weight.sum()
    assert cover.covered == weight[in_time].sum()
    assert cover.share == pytest.approx(cover.covered / cover.total)
    assert cover.by_station["households"].tolist() == [weight[row <= 60 * minutes].sum() for row in metres]
    assert cover.by_station["nearest"].sum() == cover.covered
    assert cover.gaps["households"].sum() == cover.total - cover.covered
    assert cover.by_station.loc["far", "households"] == 0
    assert cover.homes["covered"].tolist() == in_time.tolist()


def test_a_station_on_an_island_reaches_nobody_and_says_so(network, stations, homes):
    by_station = gridmap.coverage(network, stations, homes).by_station
    assert by_station.loc["far", "outcome"] in ("island", "off_network")
    assert by_station.loc["far", "households"] == 0


def areas() -> gpd.GeoDataFrame:
    """East comes in two pieces; the second overlaps the first and the west, which is earlier and so has its homes."""
    west = shapely.box(*(ORIGIN - 1000), *(ORIGIN + np.array([600, 2000])))
    east = shapely.box(*(ORIGIN + np.array([600, -1000])), *(ORIGIN + np.array([1400, 2000])))
    more = shapely.box(*(ORIGIN + np.array([400, 400])), *(ORIGIN + np.array([1000, 900])))
    return gpd.GeoDataFrame({"code": ["w", "e", "e"]}, geometry=[west, east, more], crs=CRS).to_crs(4490)


def test_every_band_station_area_and_kind_adds_up(network, stations, homes):
    homes = homes.assign(residents=homes["households"] * 2 + 1)
    minutes = (5, 10, 15)
    cover = gridmap.coverage(network, stations, homes, minutes=minutes, speed_m_s=1.0, areas=areas())
    metres = walked_m(stations, homes)
    west = shapely.get_coordinates(homes.geometry.values)[:, 0] - ORIGIN[0] < 600
    there = west | (np.arange(len(homes)) < 300)
    assert (
        cover.homes["area"].astype(object).where(there, "").tolist()
        == np.select([west, there], ["w", "e"], "").tolist()
    )
    for limit, end in zip(minutes, ("_5", "_10", ""), strict=True):
        within = metres <= 60 * limit
        nearest = within.any(axis=0)
        for what in ("households", "residents"):
            people = homes[what].to_numpy()
            assert cover.by_station[f"{what}{end}"].tolist() == [people[row].sum() for row in within]
            named = "covered" if what == "households" else "residents_covered"
            assert cover.by_area[named + end].to_dict() == {
                "w": people[nearest & west].sum(),
                "e": people[nearest & ~west & there].sum(),
            }
        assert cover.by_minutes.loc[limit, "covered"] == homes["households"][nearest].sum()
        assert cover.by_minutes.loc[limit, "residents"] == homes["residents"][nearest].sum()
        assert cover.by_minutes.loc[limit, "share"] == pytest.approx(homes["households"][nearest].sum() / cover.total)
    assert cover.by_area["gap"].sum() == homes["households"][there].sum() - cover.by_area["covered"].sum()
    np.testing.assert_allclose(cover.by_area["share"], cover.by_area["covered"] / cover.by_area["total"])
    alone = gridmap.coverage(network, stations, homes, minutes=15, speed_m_s=1.0)
    assert alone.by_station.equals(cover.by_station[alone.by_station.columns])
    assert (alone.covered, alone.share) == (cover.covered, cover.share)


def test_facilities_are_counted_by_kind_and_walking_time(network, stations, homes):
    rng = np.random.default_rng(8)
    xy = rng.uniform(-20, 1220, (80, 2))
    kinds = rng.choice(["square", "clinic", "school"], 80)
    facilities = gpd.GeoDataFrame({"kind": kinds}, geometry=points(xy), crs=CRS)
    facilities.loc[:3, "kind"] = None
    cover = gridmap.coverage(network, stations, homes, minutes=10, speed_m_s=1.0, facilities=facilities)
    near = walked_m(stations, facilities) <= 600
    for kind in ("square", "clinic", "school"):
        assert cover.facilities[kind].tolist() == near[:, facilities["kind"] == kind].sum(axis=1).tolist()
    assert cover.facilities["other"].tolist() == near[:, :4].sum(axis=1).tolist()
    assert cover.by_station["facilities"].tolist() == near.sum(axis=1).tolist() != [0, 0, 0]
    assert list(gridmap.coverage(network, stations, homes).facilities.columns) == []


def test_load_is_the_nearest_against_the_capacity(network, stations, homes):
    homes = homes.assign(residents=homes["households"] * 3)
    room = stations.assign(room=[100, 0, None])
    cover = gridmap.coverage(network, room, homes, minutes=10, capacity="room")
    near = cover.by_station["nearest"]
    assert near["A"] > 100
    assert cover.by_station["capacity"].isna().tolist() == [False, False, True]
    assert cover.by_station["load"].tolist()[:2] == [near["A"] / 100, np.inf]
    assert np.isnan(cover.by_station.loc["far", "load"])
    assert cover.by_station["overloaded"].tolist() == [True, True, False]
    people = gridmap.coverage(network, room.assign(room=1e6), homes, minutes=10, capacity="room", load_by="residents")
    np.testing.assert_allclose(people.by_station["load"], 3 * people.by_station["nearest"] / 1e6)
    assert not people.by_station["overloaded"].any()
    both = stations.assign(post=["x", "x", "y"], room=[100, 50, 0])
    grouped = gridmap.coverage(network, both, homes, minutes=10, capacity="room", group="post").by_station
    assert grouped["capacity"].to_dict() == {"x": 150, "y": 0}
    assert grouped.loc["x", "nearest"] == near["A"] + near["B"] == grouped.loc["x", "households"]
    assert grouped.loc["y", ["load", "overloaded"]].tolist() == [0.0, False]
    with pytest.raises(InputError, match="counts no residents"):
        gridmap.coverage(network, room, homes.drop(columns="residents"), capacity="room", load_by="residents")
    with pytest.raises(InputError, match="allowed are households and residents"):
        gridmap.coverage(network, room, homes, capacity="room", load_by="people")


def test_lost_and_twin_stations_change_nothing_for_the_others(network, stations, homes):
    alone = gridmap.coverage(network, stations[:2], homes)
    more = pd.concat(
        [stations, stations[:1].assign(station="twin"), stations[:1].assign(station="lost", geometry=None)]
    )
    cover = gridmap.coverage(network, more, homes)
    assert cover.covered == alone.covered
    assert cover.by_station.loc[["A", "B"], "households"].equals(alone.by_station["households"])
    assert cover.by_station.loc["twin", "households"] == alone.by_station.loc["A", "households"]
    assert cover.by_station.loc[["A", "twin"], "nearest"].sum() == alone.by_station.loc["A", "nearest"]
    assert cover.by_station.loc["lost", ["outcome", "reason"]].tolist() == ["off_network", "it has no geometry"]


def test_what_cannot_be_counted_is_said(network, stations, homes):
    with pytest.raises(LayerError, match="no column 'people'; there is households"):
        gridmap.coverage(network, stations, homes, households="people")
    with pytest.raises(LayerError, match="row 7: households is -1"):
        gridmap.coverage(network, stations, homes.assign(households=-1))
    with pytest.raises(LayerError, match="the areas have no column 'name'; there is code"):
        gridmap.coverage(network, stations, homes, areas=areas(), area="name")
    with pytest.raises(LayerError, match="the areas, row 1: no 'code'"):
        gridmap.coverage(network, stations, homes, areas=areas().assign(code=["w", None, "e"]))
    with pytest.raises(LayerError, match="no feature"):
        gridmap.coverage(network, stations, homes, facilities=homes[:0])
    with pytest.raises(LayerError, match="the stations, row 1: room is -3"):
        gridmap.coverage(network, stations.assign(room=[1, -3, 1]), homes, capacity="room")
    with pytest.raises(InputError, match="gap_m=-1"):
        gridmap.coverage(network, stations, homes, gap_m=-1)
    with pytest.raises(InputError, match="above zero"):
        gridmap.coverage(network, stations, homes, minutes=0)
