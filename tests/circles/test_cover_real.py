"""Coverage on real streets and real homes, against scipy and numpy."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

import gridmap
from gridmap.circles.facilities import FACILITY_TAGS
from gridmap.circles.stations import place_stations
from gridmap.network.snap import Snapped

EXTRACT = "liechtenstein/liechtenstein_2021.osm.pbf"
SPEED = 1.1


def walked_s(network, on: Snapped, homes: Snapped) -> np.ndarray:
    """Return seconds from each origin to each home: scipy between junctions, then along the home's own street."""
    slow = np.where(np.array(network.class_names)[network.edge_class] == "steps", 2.0, 1.0)
    metres = network.edge_length_m * slow
    order = np.argsort(-metres, kind="stable")
    pairs = np.sort(network.edge_nodes[order], axis=1)
    # Of parallel edges scipy would add up the lengths; a loop leads nowhere.
    _, shortest = np.unique(pairs[::-1], axis=0, return_index=True)
    keep = order[::-1][shortest]
    size = len(network.node_xy)
    graph = csr_matrix((metres[keep], tuple(network.edge_nodes[keep].T)), shape=(size, size))
    edge, there = np.maximum(on.edge, 0), on.edge >= 0
    ends = np.unique(network.edge_nodes[edge[there]])
    far = dijkstra(graph, directed=False, indices=ends)
    from_end = {end: row for row, end in enumerate(ends.tolist())}
    home_edge = np.maximum(homes.edge, 0)
    u, v = network.edge_nodes[home_edge].T
    along, rest = homes.along_m, network.edge_length_m[home_edge] - homes.along_m
    seconds = np.full((len(on), len(homes)), np.inf)
    for s in np.flatnonzero(there):
        a, b = network.edge_nodes[edge[s]].tolist()
        own = slow[edge[s]]
        nodes = np.minimum(
            far[from_end[a]] + own * on.along_m[s],
            far[from_end[b]] + own * (network.edge_length_m[edge[s]] - on.along_m[s]),
        )
        walk = np.minimum(nodes[u] + slow[home_edge] * along, nodes[v] + slow[home_edge] * rest)
        straight = np.where(homes.edge == on.edge[s], own * np.abs(along - on.along_m[s]), np.inf)
        seconds[s] = (np.minimum(walk, straight) + on.offset_m[s] + homes.offset_m) / SPEED
    return np.where(homes.edge >= 0, seconds, np.inf)


def check(network, stations, homes, limits) -> gridmap.Coverage:
    """Compare every count of a coverage with the second way; return the coverage."""
    demand = gridmap.place_demand(network, homes)
    cover = gridmap.coverage(network, stations, demand, minutes=limits)
    places = place_stations(network, stations)
    seconds = walked_s(network, places.on, demand.on)
    nearest = seconds.min(axis=0)
    np.testing.assert_allclose(cover.minutes_to_nearest.fillna(np.inf), nearest / 60, rtol=1e-4, atol=1e-3)
    for limit, end in zip(limits, [*(f"_{minutes}" for minutes in limits[:-1]), ""], strict=True):
        # Who stands within rounding of the limit may fall on either side.
        low, high = ((seconds <= limit * 60 + slack) @ demand.households for slack in (-0.05, 0.05))
        counted = cover.by_station.iloc[places.group][f"households{end}"].to_numpy()
        assert ((low <= counted + 1e-6) & (counted <= high + 1e-6)).all()
        assert high.sum() < low.sum() * 1.01
        low, high = (demand.households[nearest <= limit * 60 + slack].sum() for slack in (-0.05, 0.05))
        assert low - 1e-6 <= cover.by_minutes.loc[limit, "covered"] <= high + 1e-6
    assert cover.by_station["nearest"].sum() == pytest.approx(cover.covered)
    assert cover.gaps["households"].sum() == pytest.approx(cover.total - cover.covered)
    assert cover.gaps["homes"].sum() == (cover.homes["gap"] >= 0).sum()
    return cover


@pytest.fixture(scope="module")
def liechtenstein(shared):
    return gridmap.read_network(shared(EXTRACT), water=shared(EXTRACT), rail=shared(EXTRACT))


@pytest.fixture(scope="module")
def buildings(shared):
    """Every building, with the households that its floor area would hold."""
    layer = gridmap.read_layer(shared(EXTRACT), role="buildings")
    area = layer.geometry.to_crs(32632).area
    return layer.assign(households=np.where(area > 40, (area / 150).round(1), 0.0))


@pytest.fixture(scope="module")
def stations(buildings):
    spots = buildings.geometry.iloc[:: len(buildings) // 60].representative_point()
    return gpd.GeoDataFrame({"station": [f"s{n:03d}" for n in range(len(spots))]}, geometry=spots.values, crs=4326)


def test_liechtenstein_is_covered_as_scipy_says(liechtenstein, buildings, stations):
    cover = check(liechtenstein, stations, buildings, (5, 10, 15))
    assert 0.2 < cover.share < 0.95
    assert set(cover.homes["reason"][~cover.homes["covered"]]) >= {"beyond_limit", "off_street"}


def test_homes_of_a_gap_are_near_each_other_and_no_barrier_runs_through_it(liechtenstein, buildings, stations):
    """By shapely: homes of one gap hang together by steps that meet no barrier; homes of two do not."""
    demand = gridmap.place_demand(liechtenstein, buildings)
    cover = gridmap.coverage(liechtenstein, stations, demand, minutes=15, gap_m=150)
    out = np.flatnonzero(cover.homes["gap"] >= 0)
    gap, spots = cover.homes["gap"].to_numpy()[out], shapely.points(demand.xy[out])
    a, b = shapely.STRtree(spots).query(spots, predicate="dwithin", distance=150)
    ways = shapely.linestrings(np.stack([demand.xy[out[a]], demand.xy[out[b]]], axis=1))
    barriers = liechtenstein.barriers.geometry.values
    rims = np.r_[shapely.boundary(barriers[shapely.get_dimensions(barriers) == 2]),
                 barriers[shapely.get_dimensions(barriers) == 1]]  # fmt: skip
    met, _ = shapely.STRtree(rims).query(ways, predicate="intersects")
    free = np.ones(len(ways), dtype=bool)
    free[met] = False
    assert not free.all()
    links = csr_matrix((np.ones(free.sum()), (a[free], b[free])), shape=(len(out), len(out)))
    count, label = connected_components(links, directed=False)
    assert count == len(cover.gaps) > 20
    assert len(set(zip(gap, label, strict=True))) == count
    assert cover.gaps["households"].is_monotonic_decreasing


def test_facilities_of_an_extract_are_told_by_their_tags(liechtenstein, shared, stations, buildings):
    cover = gridmap.coverage(liechtenstein, stations, buildings, facilities=shared(EXTRACT))
    assert list(cover.facilities.columns) == list(FACILITY_TAGS)
    assert (cover.facilities[["school", "clinic", "institution", "park"]].sum() > 0).all()
    assert cover.by_station["facilities"].equals(cover.facilities.sum(axis=1).rename("facilities"))
    # Schools by hand: each one's walk by scipy.
    places = gridmap.read_layer(shared(EXTRACT), role="places")
    schools = places[places["amenity"].isin(["school", "kindergarten", "college", "university"])]
    at = gridmap.place_demand(liechtenstein, schools.assign(households=1), off_street_m=500)
    on = place_stations(liechtenstein, stations)
    near = (walked_s(liechtenstein, on.on, at.on) <= 900).sum(axis=1)
    assert cover.facilities["school"].iloc[on.group].tolist() == near.tolist()


def test_cells_of_xinwu_are_covered_as_scipy_says(shared):
    roads, water = shared("xinwu/roads.gpkg"), shared("xinwu/water.gpkg")
    network = gridmap.read_network(roads, water=water)
    cells = gridmap.read_layer(shared("xinwu/built_form_250m.gpkg"))
    cells = cells.assign(households=cells["area_residential_m2"] / 100)
    spots = cells.nlargest(40, "households").geometry.centroid
    stations = gpd.GeoDataFrame({"station": range(40)}, geometry=spots.values, crs=cells.crs)
    cover = check(network, stations, cells, (10, 15))
    assert cover.total == pytest.approx(333_000, rel=0.01)
    # Cells are 250 m wide: the middles of neighbours are further apart than two houses of one gap.
    wide = gridmap.coverage(network, stations, cells, minutes=15, gap_m=360)
    assert len(wide.gaps) < len(cover.gaps) / 3
