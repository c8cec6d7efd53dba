"""Whether the land drawn is the land walked to: sampled places, timed by networkx, against the polygons."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import Point

from gridmap.circles.isochrones import service_circles
from gridmap.circles.ownership import own_cells
from gridmap.network.io import read_network
from tests.network.made import as_graph, layer, random_network

SPEED = 1.1


def seconds_from(made, station: Point):
    """Return networkx's seconds to every junction from a station's straight way to its nearest edge."""
    graph = as_graph(made, SPEED)
    lines = made.edges().geometry.to_numpy()
    edge = int(np.argmin(shapely.distance(lines, station)))
    off, along = shapely.distance(lines[edge], station), shapely.line_locate_point(lines[edge], station)
    a, b = made.edge_nodes[edge].tolist()
    graph.add_edge("door", a, seconds=(off + along) / SPEED)
    graph.add_edge("door", b, seconds=(off + made.edge_length_m[edge] - along) / SPEED)
    found = nx.single_source_dijkstra_path_length(graph, "door", weight="seconds")
    times = np.array([found.get(n, np.inf) for n in range(len(made.node_xy))])
    return times, (edge, along, off)


def sampled(made, station: Point, count: int, seed: int, near_m: float):
    """Return places along the edges (by length, within a radius) and the seconds to them from a station."""
    rng = np.random.default_rng(seed)
    times, (own, own_along, own_off) = seconds_from(made, station)
    lines = made.edges().geometry.to_numpy()
    close = np.flatnonzero((shapely.distance(lines, station) < near_m) & made.edge_roadside)
    weight = made.edge_length_m[close] / made.edge_length_m[close].sum()
    edge = rng.choice(close, count, p=weight)
    along = rng.uniform(0, 1, count) * made.edge_length_m[edge]
    ends = times[made.edge_nodes[edge]]
    seconds = np.minimum(ends[:, 0] + along / SPEED, ends[:, 1] + (made.edge_length_m[edge] - along) / SPEED)
    same = edge == own
    seconds[same] = np.minimum(seconds[same], (np.abs(along[same] - own_along) + own_off) / SPEED)
    return shapely.line_interpolate_point(lines[edge], along), seconds


def inside_shares(made, station, limit_s, cell_m, seed):
    """Return the shares inside the circle of the places well in time, and of those clearly beyond."""
    asked = layer(Point(0, 0), station=["s"]).set_geometry([station], crs=made.crs)
    circle = service_circles(made, asked, minutes=[limit_s / 60], speed_m_s=SPEED, cell_m=cell_m)
    land = circle.geometry.to_crs(made.crs)[0]
    points, seconds = sampled(made, station, 4000, seed, 1.5 * limit_s * SPEED)
    within = shapely.contains(land, points)
    early = seconds < limit_s - cell_m / SPEED
    # Land is drawn up to a street that one has time for: beyond is what is far from all of it.
    in_time = shapely.multipoints(points[seconds <= limit_s])
    late = (seconds > limit_s + 2 * cell_m / SPEED) & (shapely.distance(points, in_time) > 100 + 2 * cell_m)
    return within[early], within[late], (early.sum(), late.sum())


@pytest.mark.parametrize("seed", range(6))
def test_on_made_streets_what_is_in_time_is_inside_and_what_is_beyond_outside(seed):
    made = random_network(seed, corners=12, share=0.7)
    station = Point(made.node_xy[np.random.default_rng(seed).integers(len(made.node_xy))] + (7, 11))
    early, late, counts = inside_shares(made, station, 300, 10, seed)
    assert min(counts) > 500
    assert early.mean() >= 0.97
    assert late.sum() == 0


@pytest.mark.parametrize("name", ["liechtenstein/liechtenstein_2021.osm.pbf", "xinwu/roads.gpkg"])
def test_on_real_streets_what_is_in_time_is_inside_and_what_is_beyond_outside(shared, name):
    made = read_network(shared(name))
    middle = np.argmin(np.hypot(*(made.node_xy - np.median(made.node_xy, axis=0)).T))
    early, late, counts = inside_shares(made, Point(made.node_xy[middle] + (15, 15)), 600, 20, 0)
    assert min(counts) > 200
    assert early.mean() >= 0.97
    assert late.mean() <= 0.01


@pytest.mark.parametrize("seed", range(3))
def test_every_cell_belongs_to_the_nearest_street_and_no_cell_in_reach_is_missing(seed):
    made = random_network(seed)
    cells = own_cells(made, 20.0, 60.0)
    x, y = cells.low_x + cells.column * 20.0, cells.low_y + cells.row * 20.0
    lines = made.edges().geometry.to_numpy()
    centres = shapely.points(x, y)
    nearest = shapely.distance(lines[shapely.STRtree(lines).nearest(centres)], centres)
    np.testing.assert_allclose(cells.offset_m, nearest, atol=0.001)
    assert nearest.max() <= 60
    low, high = made.node_xy.min(axis=0) - 90, made.node_xy.max(axis=0) + 90
    columns = np.arange(np.ceil((low[0] - cells.low_x) / 20), np.floor((high[0] - cells.low_x) / 20) + 1)
    rows = np.arange(np.ceil((low[1] - cells.low_y) / 20), np.floor((high[1] - cells.low_y) / 20) + 1)
    every = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    there = shapely.points(every * 20.0 + (cells.low_x, cells.low_y))
    reached = shapely.dwithin(there, shapely.multilinestrings(lines), 60.0)
    mine = set(zip(cells.column.tolist(), cells.row.tolist(), strict=True))
    assert mine == {tuple(cell) for cell in every[reached].astype(int).tolist()}
    assert sorted(cells.places.item.tolist()) == list(range(len(x)))
