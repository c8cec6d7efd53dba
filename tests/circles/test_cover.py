"""Coverage counted at the homes, against networkx walking by itself."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
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


def test_areas_facilities_load_and_estates(network, stations, homes):
    west = shapely.box(*(ORIGIN - 1000), *(ORIGIN + np.array([600, 2000])))
    east = shapely.box(*(ORIGIN + np.array([600, -1000])), *(ORIGIN + 9000))
    areas = gpd.GeoDataFrame({"code": ["w", "e"]}, geometry=[west, east], crs=CRS)
    estates = gpd.GeoDataFrame({"households": [1500, 1000, 999]}, crs=CRS,
                               geometry=[west, shapely.box(*(ORIGIN + 3000), *(ORIGIN + 3100)), east])  # fmt: skip
    facilities = gpd.GeoDataFrame(geometry=points([(0, 30), (1200, 1200), (5000, 0)]), crs=CRS)
    cover = gridmap.coverage(network, stations, homes, minutes=10, areas=areas, facilities=facilities, estates=estates,
                             capacity="room")  # fmt: skip
    assert cover.by_area["total"].sum() == cover.total
    assert cover.by_area["covered"].sum() == cover.covered
    assert cover.by_station["facilities"].tolist() == [1, 1, 0]
    nearest = cover.by_station["nearest"]
    assert cover.by_station.loc["A", "load"] == pytest.approx(nearest["A"] / 100)
    assert cover.by_station["overloaded"].tolist() == [nearest["A"] > 100, True, False]
    assert cover.by_station.loc["B", "load"] == np.inf
    assert cover.estates_without_station["households"].tolist() == [1000]


def test_what_cannot_be_counted_is_said(network, stations, homes):
    with pytest.raises(LayerError, match="no column 'people'; there is households"):
        gridmap.coverage(network, stations, homes, households="people")
    with pytest.raises(LayerError, match="row 7: households is -1"):
        gridmap.coverage(network, stations, homes.assign(households=-1))
    with pytest.raises(InputError, match="above zero"):
        gridmap.coverage(network, stations, homes, minutes=0)
