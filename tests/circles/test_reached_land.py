"""Whether the land drawn is the land walked to: sampled places, timed by networkx, against the polygons."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon

from gridmap.circles.isochrones import service_circles
from gridmap.circles.ownership import SHARES, TILE, OwnedLand
from gridmap.network.io import read_network
from gridmap.network.pace import walk_times
from gridmap.network.places import by_edge, passed
from gridmap.network.snap import snap
from tests.network.made import CORNER, as_graph, layer, network, random_network

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
    middle = np.argmin(np.hypot(*(made.node_xy - np.median(made.node_xy, axis=0)).T))
    station = Point(made.node_xy[middle] + (7, 11))
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


CELL_M, REACH_M = 20.0, 60.0


def cells_of(tiles, wanted=None):
    """Return edge, share along it, offset in metres and centre of every cell of the tiles made, or of those wanted."""
    made = np.flatnonzero(tiles.place >= 0) if wanted is None else wanted
    number = tiles.place[made]
    inner = np.arange(TILE * TILE)
    x = tiles.low_x + (made[:, None] % tiles.columns * TILE + inner % TILE) * tiles.cell_m
    y = tiles.low_y + (made[:, None] // tiles.columns * TILE + inner // TILE) * tiles.cell_m
    shares, offsets = tiles.share[number] / SHARES, tiles.offset_cm[number] / 100
    return (each.ravel() for each in (tiles.edge[number], shares, offsets, x, y))


@pytest.mark.parametrize("seed", range(3))
def test_every_cell_belongs_to_the_nearest_street_and_no_cell_in_reach_is_missing(seed):
    made = random_network(seed)
    edge, share, offset_m, x, y = cells_of(OwnedLand(made, CELL_M, REACH_M).all_tiles())
    lines, centres = made.edges().geometry.to_numpy(), shapely.points(x, y)
    nearest = shapely.distance(lines[shapely.STRtree(lines).nearest(centres)], centres)
    owned = edge >= 0
    assert (owned == (nearest <= REACH_M)).all()
    np.testing.assert_allclose(offset_m[owned], nearest[owned], atol=0.006)
    foot = shapely.line_interpolate_point(lines[edge[owned]], share[owned], normalized=True)
    np.testing.assert_allclose(shapely.distance(foot, centres[owned]), nearest[owned], atol=0.1)
    # All land within reach of a street lies in the raster.
    west, south, east, north = shapely.bounds(shapely.multilinestrings(lines).buffer(REACH_M))
    assert x.min() <= west
    assert y.min() <= south
    assert x.max() >= east
    assert y.max() >= north


def test_nobody_owns_water_nor_land_behind_a_barrier():
    lake, railway = (
        Polygon([(150, 0), (400, 0), (400, 300), (150, 300)], [[(203, 53), (347, 53), (347, 247), (203, 247)]]),
        LineString([(-900, -30), (1500, -30)]),
    )
    made = network((((-500, 0), (1000, 0)), {}), water=layer(lake), rail=layer(railway))
    edge, _, _, x, y = cells_of(OwnedLand(made, 10.0, 100.0).all_tiles())
    x, y = x - CORNER[0], y - CORNER[1]
    owned = edge >= 0
    assert not shapely.contains_xy(lake, x, y)[owned].any()
    assert not (owned & (y < -30)).any(), "the railway lies before them"
    assert not (owned & (x > 150) & (x < 400) & (y > 1)).any(), "the shore lies before the island"
    assert owned[(x > -400) & (x < 100) & (np.abs(y - 50) < 40)].all()


def test_tiles_made_one_by_one_in_any_order_are_those_made_at_once():
    made = random_network(1, corners=20)
    whole, piecewise = OwnedLand(made, CELL_M, REACH_M).all_tiles(), OwnedLand(made, CELL_M, REACH_M)
    count = len(whole.place)
    assert count > 3
    for number in np.random.default_rng(0).permutation(count):
        tiles = piecewise.tiles(np.array([number]))
    for one, other in zip(cells_of(whole, np.arange(count)), cells_of(tiles, np.arange(count)), strict=True):
        np.testing.assert_array_equal(
            one[whole.edge[whole.place].ravel() >= 0], other[whole.edge[whole.place].ravel() >= 0]
        )


@pytest.mark.parametrize(("cell_m", "most"), [(20, 0.006), (10, 0.004)])
@pytest.mark.parametrize("name", ["liechtenstein/liechtenstein_2021.osm.pbf", "porto/porto.osm.pbf"])
def test_of_the_addresses_beside_streets_few_are_on_the_wrong_side_of_the_line(shared, name, cell_m, most):
    """Addresses 5 to 35 m from streets within the straight-line circle, timed place by place without any raster."""
    made = read_network(shared(name), water=shared(name), rail=shared(name))
    rng = np.random.default_rng(3)
    lines, start = made.edges().geometry.to_numpy(), rng.choice(np.flatnonzero(made.edge_roadside), 24)
    posts = shapely.line_interpolate_point(lines[start], 0.5, normalized=True)
    asked = gpd.GeoDataFrame({"station": range(24)}, geometry=posts, crs=made.crs)
    circles = service_circles(made, asked, minutes=[15], cell_m=cell_m).geometry.to_crs(made.crs).to_numpy()
    wrong = 0
    for post, circle in zip(posts, circles, strict=True):
        near = np.flatnonzero(made.edge_roadside & shapely.dwithin(lines, post, 990))
        edge = rng.choice(near, 2000, p=made.edge_length_m[near] / made.edge_length_m[near].sum())
        angle, off = rng.uniform(0, 2 * np.pi, 2000), rng.uniform(5, 35, 2000)
        on = shapely.line_interpolate_point(lines[edge], rng.uniform(0, 1, 2000), normalized=True)
        xy = shapely.get_coordinates(on) + np.c_[np.cos(angle), np.sin(angle)] * off[:, None]
        xy = xy[shapely.dwithin(shapely.points(xy), post, 990)]
        places = snap(made, *xy.T, 100.0)
        beside = (places.offset_m >= 5) & (places.offset_m <= 35)
        xy, places, origin = xy[beside], places.take(beside), snap(made, post.x, post.y, 100.0)
        found = passed(made, origin, by_edge(made, places), 900.0, walk_times(made, SPEED))
        wrong += (np.isin(np.arange(len(xy)), found.item) != shapely.contains_xy(circle, *xy.T)).mean() / len(posts)
    assert wrong <= most


@pytest.mark.parametrize("cell_m", [20, 10])
@pytest.mark.parametrize("angle_deg", [0, 27, 60])
@pytest.mark.parametrize("gap_m", [150, 199, 204, 230, 300])
def test_between_two_streets_the_land_ends_half_way_or_where_one_walks_no_further(cell_m, angle_deg, gap_m):
    """Only the first of two parallel streets is reached in time; the second is joined to it far away."""
    turn = np.radians(angle_deg)
    ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corners = [(-600, 0), (3000, 0), (3000, gap_m), (-600, gap_m)]
    made = network((tuple(tuple(x * ahead + y * aside) for x, y in corners), {}))
    circle = service_circles(made, layer(Point(0, 0), station=["s"]), minutes=[15], cell_m=cell_m).geometry
    rim = shapely.segmentize(circle.to_crs(made.crs)[0].boundary, 2.0)
    along, off = ((shapely.get_coordinates(rim) - CORNER) @ np.c_[ahead, aside]).T
    beside = off[(np.abs(along) < 450) & (off > 0)]
    np.testing.assert_allclose(beside, min(gap_m / 2, 100), atol=1.5)
