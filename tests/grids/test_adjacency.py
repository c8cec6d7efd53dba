"""Borders between blocks against shapely and networkx: length, what lies on them, who can walk across, how long."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

import gridmap
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BORDER_KINDS, block_borders, block_graph, graph_of, inner_points
from gridmap.grids.border_kinds import MAIN_KINDS, kind_number
from gridmap.grids.walking import FURTHEST_S, on_network
from gridmap.network.pace import WALKING_M_S

from town import CRS, ORIGIN, make_town  # isort: skip

KIND = {name: number for number, name in enumerate(BORDER_KINDS)}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return make_town().network(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def blocks():
    return make_town().blocks()


@pytest.fixture(scope="module")
def borders(blocks, network):
    return block_borders(blocks, network)


def common_lines(blocks, crs):
    """Pairs of blocks and their common border, by pairwise intersection."""
    shapes = blocks.to_crs(crs).geometry.values
    # Straight in degrees and straight in metres are a hair apart: snap rounding makes them one again.
    rims = shapely.set_precision(shapely.boundary(np.asarray(shapes)), 1e-4)
    a, b = shapely.STRtree(rims).query(rims, predicate="intersects")
    a, b = a[a < b], b[a < b]
    lines = shapely.intersection(rims[a], rims[b])
    kept = shapely.length(lines) > 1e-3
    order = np.lexsort((b[kept], a[kept]))
    return a[kept][order], b[kept][order], lines[kept][order]


def test_pairs_and_lengths_are_those_of_pairwise_intersection(blocks, network, borders):
    a, b, lines = common_lines(blocks, network.crs)
    shared = ~borders.bridge
    assert np.array_equal(np.c_[borders.a, borders.b][shared], np.c_[a, b])
    assert np.allclose(borders.length_m[shared], shapely.length(lines), atol=0.01)
    assert (borders.length_m[borders.bridge] == 0).all()
    key = borders.a * len(blocks) + borders.b
    assert (np.diff(key) > 0).all()


def test_main_metres_are_those_within_three_metres_of_the_lines(liechtenstein_blocks, shared):
    """By buffers, on a whole country with all classes of streets, a railway and the Rhine."""
    extract = shared("liechtenstein/liechtenstein_2021.osm.pbf")
    network = gridmap.read_network(extract, water=extract, rail=extract)
    borders = block_borders(liechtenstein_blocks, network)
    a, b, lines = common_lines(liechtenstein_blocks, network.crs)
    water = liechtenstein_blocks["water"].to_numpy(bool)
    rng = np.random.default_rng(0)
    chosen = rng.choice(np.flatnonzero(~water[a] & ~water[b]), 400, replace=False)
    edges = network.edges()
    main = np.isin(kind_number(edges["highway"].to_numpy(object)), [KIND[name] for name in MAIN_KINDS])
    barriers = network.barriers.geometry.values
    near = np.r_[
        edges.geometry.values[main],
        np.where(shapely.get_dimensions(barriers) == 2, shapely.boundary(barriers), barriers),
    ]
    tree = shapely.STRtree(near)
    row = np.searchsorted(borders.a * len(water) + borders.b, a * len(water) + b)
    for i in chosen.tolist():
        hits = tree.query(lines[i], predicate="dwithin", distance=3.0)
        parts = shapely.get_parts(lines[i])
        points = np.concatenate([shapely.line_interpolate_point(part, np.arange(0.5, part.length)) for part in parts])
        metres = (shapely.distance(points, shapely.geometrycollections(near[hits])) <= 3.0).sum() if len(hits) else 0
        # Measured in pieces of up to 20 m: half a piece at each end of a main street.
        assert abs(metres - borders.main_m[row[i]]) <= 20 + 0.05 * lines[i].length


def test_a_border_has_the_kind_of_most_of_it(tmp_path):
    """Two blocks: 300 m of their border on a primary street, then 500 on a residential one."""
    streets = gpd.GeoDataFrame(
        {"highway": ["primary", "residential"]},
        geometry=[shapely.LineString([(0, -20), (0, 300)]), shapely.LineString([(0, 300), (0, 820)])], crs=CRS,
    )  # fmt: skip
    streets.geometry = streets.translate(*ORIGIN)
    boundary = gpd.GeoDataFrame(geometry=[shapely.box(-400, 0, 400, 800)], crs=CRS)
    boundary.geometry = boundary.translate(*ORIGIN)
    streets.to_file(tmp_path / "streets.gpkg")
    network = gridmap.read_network(tmp_path / "streets.gpkg")
    blocks = gridmap.make_blocks(boundary, streets)
    borders = block_borders(blocks, network)
    assert len(borders.a) == 1
    assert BORDER_KINDS[borders.kind[0]] == "residential"
    # Coordinates are rounded to 1e-8 degrees.
    assert borders.length_m[0] == pytest.approx(800, abs=0.01)
    assert borders.main_m[0] == pytest.approx(300, abs=20)


def divided(tmp_path, kind: str, crossing: str | None):
    """Two rows of four blocks on both sides of a railway, river or motorway, streets ending on it from both sides.

    ``crossing``: "corner" (a street that is itself a border), "inside" (a service lane in the middle of a block).
    """
    upper, lower = (400, 800, 1200), (350, 750, 1150)
    rows = [("residential", [(x, 0), (x, 400)]) for x in upper]
    rows += [("residential", [(x, 0), (x, -400)]) for x in lower]
    rows += [("residential", [(0, y), (1600, y)]) for y in (-400, 400)]
    if crossing == "corner":
        rows.append(("tertiary", [(900, -400), (900, 0), (900, 400)]))
    if crossing == "inside":
        rows.append(("service", [(200, 400), (200, -400)]))
    # Lines that meet have a common vertex, as on a map.
    at = sorted({-20, 0, 900, 1600, 1620, *upper, *lower})
    line = shapely.transform(shapely.LineString([(x, 0) for x in at]), lambda xy: xy + ORIGIN)
    shapes = [shapely.transform(shapely.LineString(xy), lambda xy: xy + ORIGIN) for _, xy in rows]
    parts = np.asarray(shapely.get_parts(shapely.node(shapely.geometrycollections(shapes))))
    middle = shapely.line_interpolate_point(parts, 0.5, normalized=True)
    owner = shapely.STRtree(shapes).query(middle, predicate="dwithin", distance=1e-6)[1]
    streets = gpd.GeoDataFrame({"highway": np.array([name for name, _ in rows])[owner]}, geometry=parts, crs=CRS)
    extra = {}
    if kind == "motorway":
        streets = gpd.GeoDataFrame(
            {"highway": [*streets["highway"], "motorway"]}, geometry=[*streets.geometry, line], crs=CRS
        )
    else:
        tags = {"rail": {"railway": ["rail"]}, "water": {"waterway": ["river"]}}[kind]
        gpd.GeoDataFrame(tags, geometry=[line], crs=CRS).to_file(tmp_path / f"{kind}.gpkg")
        extra[kind] = tmp_path / f"{kind}.gpkg"
    streets.to_file(tmp_path / "streets.gpkg")
    boundary = gpd.GeoDataFrame(
        geometry=[shapely.box(*(ORIGIN - [0, 400]), *(ORIGIN + np.array([1600, 400])))], crs=CRS
    )
    network = gridmap.read_network(tmp_path / "streets.gpkg", **extra)
    blocks = gridmap.make_blocks(boundary, tmp_path / "streets.gpkg", **extra)
    return blocks, network


@pytest.mark.parametrize("kind", ["rail", "water", "motorway"])
def test_across_a_barrier_only_blocks_at_a_crossing_are_neighbours(tmp_path, kind):
    found = {}
    for crossing in (None, "inside", "corner"):
        blocks, network = divided(tmp_path, kind, crossing)
        borders = block_borders(blocks, network)
        middle = blocks.to_crs(CRS).representative_point()
        north = middle.y.to_numpy() > ORIGIN[1]
        over = north[borders.a] != north[borders.b]
        assert over.sum() >= 6
        assert (borders.kind[over & ~borders.bridge] == KIND[kind]).all()
        assert borders.main_m[over] == pytest.approx(borders.length_m[over], abs=1e-6)
        assert borders.passable[~over].all()
        found[crossing] = {
            (middle.x.iloc[i] - ORIGIN[0], middle.x.iloc[j] - ORIGIN[0])
            for i, j in np.c_[borders.a, borders.b][over & borders.passable]
        }
        joined = nx.Graph(np.c_[borders.a, borders.b][borders.passable].tolist())
        assert nx.is_connected(joined) == (crossing is not None)
        graph = block_graph(blocks, network, np.ones(len(blocks)))
        assert len(graph.neighbour) == 2 * borders.passable.sum()
    assert found[None] == set()
    assert len(found["inside"]) == 1
    # Where the street is a border itself, the four blocks at the crossing.
    assert 2 <= len(found["corner"]) <= 4
    assert all(abs(x - 900) < 450 for pair in found["corner"] for x in pair)


def test_banks_are_joined_by_bridges_only(blocks, network, borders):
    water = blocks["water"].to_numpy(bool)
    middle = blocks.to_crs(CRS).representative_point().x.to_numpy() - ORIGIN[0]
    west = middle < 5.5 * 150
    assert water.any()
    joined = borders.passable & (west[borders.a] != west[borders.b])
    assert borders.bridge[joined].all()
    assert joined.any()
    land = nx.Graph()
    land.add_nodes_from(np.flatnonzero(~water).tolist())
    land.add_edges_from(np.c_[borders.a, borders.b][borders.passable & ~borders.bridge].tolist())
    assert nx.number_connected_components(land) == 2
    land.add_edges_from(np.c_[borders.a, borders.b][borders.bridge].tolist())
    assert nx.is_connected(land)
    assert not borders.passable[water[borders.a] | water[borders.b]].any()
    assert (borders.kind[water[borders.a] | water[borders.b]] == KIND["water"]).all()


@pytest.mark.parametrize("known", [True, False])
def test_banks_are_joined_too_where_only_land_is_given(blocks, network, borders, known):
    """As in drawing; whether the network knows the river or not."""
    if not known:
        network = replace(network, barriers=network.barriers.iloc[:0])
    land = np.flatnonzero(~blocks["water"].to_numpy(bool))
    alone = block_borders(blocks.iloc[land], network)
    joined = np.c_[land[alone.a], land[alone.b]][alone.bridge]
    assert np.array_equal(joined, np.c_[borders.a, borders.b][borders.bridge])
    assert alone.passable.sum() == borders.passable.sum()


def test_walking_times_are_those_of_networkx(blocks, network, borders):
    """Shortest paths between where the inner points get on the network, or straight where that is near."""
    xy = inner_points(m.to_metres(np.asarray(blocks.geometry.values), network.crs))
    on = on_network(xy, network)
    graph = nx.MultiGraph()
    for (u, v), length in zip(network.edge_nodes.tolist(), network.edge_length_m.tolist(), strict=True):
        graph.add_edge(u, v, weight=length)
    for i in range(len(blocks)):
        if on.edge[i] >= 0:
            u, v = network.edge_nodes[on.edge[i]].tolist()
            graph.add_edge(("block", i), u, weight=on.along_m[i] + on.offset_m[i])
            graph.add_edge(("block", i), v, weight=network.edge_length_m[on.edge[i]] - on.along_m[i] + on.offset_m[i])
    water = blocks["water"].to_numpy(bool)
    checked = 0
    for i, j, walk, open_ in zip(borders.a, borders.b, borders.walk_s, borders.passable & ~borders.bridge, strict=True):
        if water[i] or water[j] or on.edge[i] < 0 or on.edge[j] < 0:
            assert not (water[i] or water[j]) or np.isinf(walk)
            continue
        wanted = nx.shortest_path_length(graph, ("block", i), ("block", j), weight="weight")
        if on.edge[i] == on.edge[j]:
            wanted = min(wanted, abs(on.along_m[i] - on.along_m[j]) + on.offset_m[i] + on.offset_m[j])
        straight = np.hypot(*(xy[i] - xy[j]))
        if open_ and straight <= 200:
            wanted = min(wanted, straight)
        assert walk == pytest.approx(wanted / WALKING_M_S, abs=0.05) or wanted / WALKING_M_S > FURTHEST_S
        checked += 1
    assert checked > 200


def test_without_a_network_land_is_passable_and_walks_are_straight(blocks):
    borders = block_borders(blocks)
    water = blocks["water"].to_numpy(bool)
    wet = water[borders.a] | water[borders.b]
    assert np.array_equal(borders.passable, ~wet)
    assert (borders.kind[~wet] == KIND["nothing"]).all()
    assert not borders.main_m[~wet].any()
    middle = shapely.get_coordinates(shapely.point_on_surface(blocks.to_crs(4549).geometry.values))
    straight = np.hypot(*(middle[borders.a] - middle[borders.b]).T) / WALKING_M_S
    assert np.allclose(borders.walk_s[~wet], straight[~wet], rtol=1e-3, atol=2.0)
    assert np.isinf(borders.walk_s[wet]).all()


def test_borders_cost_less_on_bigger_streets_and_where_there_is_no_way_through(blocks, network, borders):
    weight = np.arange(len(blocks), dtype=float)
    xy = inner_points(m.to_metres(np.asarray(blocks.geometry.values), network.crs))
    land = np.flatnonzero(~blocks["water"].to_numpy(bool))
    graph = graph_of(borders, weight, xy, land)
    assert np.array_equal(graph.weight, weight[land])
    assert len(graph.neighbour) == 2 * borders.passable.sum()
    assert (graph.cost <= 1.25 * graph.length_m + 1e-9).all()
    assert (graph.cost[graph.bridge] == 0).all()

    def cost(**changed):
        return graph_of(type(borders)(**{**vars(borders), **changed}), weight, xy, land).cost

    count = len(borders.a)
    by_kind = [cost(kind=np.full(count, KIND[name], np.int8), main_m=borders.length_m * (name in MAIN_KINDS)).sum()
               for name in ("nothing", "service", "residential", "tertiary", "secondary", "rail")]  # fmt: skip
    assert by_kind == sorted(by_kind, reverse=True)
    by_walk = [cost(walk_s=borders.walk_s * factor).sum() for factor in (0.5, 1.0, 2.0, np.inf)]
    assert by_walk == sorted(by_walk, reverse=True)
    assert by_walk[0] > by_walk[-1]
