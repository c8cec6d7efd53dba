"""Stations that cannot get on the network come out with their reason, and stop nobody."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, MultiPoint, Point, Polygon, box

from gridmap.circles.isochrones import service_circles
from gridmap.circles.outline import cut_ends
from gridmap.circles.stations import place_stations
from gridmap.errors import CrsError, LayerError
from gridmap.geo.io import write_layer
from gridmap.network.pace import walk_times
from gridmap.network.search import reach
from tests.network.made import CORNER, CRS, layer, network

BLOCK = [(((0, n * 200), *((m * 200, n * 200) for m in range(1, 6))), {}) for n in range(6)] + [
    (((n * 200, 0), *((n * 200, m * 200) for m in range(1, 6))), {}) for n in range(6)
]
ALONE = (((3000, 500), (3000, 900)), {})
"""A street two kilometres off the rest: an island."""


def stations(*points, crs=CRS, **columns) -> gpd.GeoDataFrame:
    columns = {"station": [f"s{n}" for n in range(len(points))], **columns}
    return layer(*[None if point is None else Point(point) for point in points], **columns).to_crs(crs)


@pytest.fixture(scope="module")
def town():
    return network(*BLOCK, ALONE, water=layer(LineString([(-300, -50), (1300, -50)]), box(410, 210, 590, 390)))


def rows(town, *points, **options):
    circles = service_circles(town, stations(*points), minutes=(5, 10), **options)
    assert len(circles) == 2 * len(points)
    return circles


@pytest.mark.parametrize(
    ("point", "outcome", "reason"),
    [
        ((500, 510), "ok", "^$"),
        ((3020, 700), "island", r"nearest street \(20 m\) is not joined"),
        ((9000, 9000), "off_network", r"outside the network's extent, by 10.0 km$"),
        ((2000, 600), "off_network", "no walkable street within 500 m: the nearest is 1.0 km away$"),
        ((500, -200), "off_network", "^every walkable street within 500 m is on the other side of water$"),
        ((500, 300), "off_network", "^it stands in water; every walkable .* other side of water$"),
        ((np.nan, 500), "off_network", "no geometry"),
        (None, "off_network", "no geometry"),
    ],
    ids=["ok", "island", "outside", "far", "behind-water", "lake", "nan", "missing"],
)
def test_every_station_gets_its_outcome_and_reason(town, point, outcome, reason):
    """The bad one stands between two good ones, which come out as they do without it."""
    found = rows(town, (210, 190), point, (790, 610))
    bad = found[found["station"] == "s1"]
    assert bad["outcome"].tolist() == [outcome] * 2
    assert bad["reason"].str.contains(reason).all()
    assert (bad.geometry.is_empty == (outcome != "ok")).all()
    assert ((bad["area_m2"] == 0) == (outcome != "ok")).all()
    good = found[found["station"] != "s1"].to_wkb()
    alone = rows(town, (210, 190), (790, 610)).replace({"station": {"s1": "s2"}}).to_wkb()
    assert good.reset_index(drop=True).equals(alone)


def test_all_stations_may_be_bad(town):
    found = rows(town, (9000, 9000), None)
    assert found["outcome"].tolist() == ["off_network"] * 4
    assert found.geometry.is_empty.all()


def test_the_main_network_near_by_is_used_though_an_island_is_nearer():
    """A footpath in a yard that leads nowhere makes no island of a police station on the main road."""
    made = network(*BLOCK, (((480, 60), (520, 60)), {"highway": "footway"}))
    assert made.report.components == 2
    assert rows(made, (500, 55))["outcome"].tolist() == ["ok"] * 2


def test_a_range_too_short_to_reach_the_street_says_so(town):
    circles = service_circles(town, stations((-400, 500)), minutes=(5, 10))
    assert circles["outcome"].tolist() == ["off_network", "ok"]
    assert circles["reason"][0] == "no street within 5 minutes on foot"
    assert circles.geometry.is_empty.tolist() == [True, False]


def test_a_group_needs_one_station_on_the_network_only(town):
    asked = stations((9000, 9000), (500, 500), (9000, 9000), (3020, 700), post=["x", "x", "y", "y"])
    found = service_circles(town, asked, minutes=[5], group="post")
    assert found[["station", "outcome"]].values.tolist() == [["x", "ok"], ["y", "island"]]


def test_the_best_of_several_entrances_counts(town):
    """A compound with a gate on either side, and gates that are lost beside one that is not."""
    gates = [(410, 1010), (590, 990), (9000, 9000)]
    whole = layer(MultiPoint(gates), Point(100, 10), MultiPoint([(9000, 9000), (3020, 700)]), station=["w", "p", "x"])
    places = place_stations(town, whole)
    assert places.name[places.group].tolist() == ["w", "w", "w", "p", "x", "x"]
    assert places.row.tolist() == [0, 0, 0, 1, 2, 2]
    assert places.outcome.tolist() == ["ok", "ok", "off_network", "ok", "off_network", "island"]
    assert dict(zip(places.name, places.verdicts()[0], strict=True)) == {"p": "ok", "w": "ok", "x": "island"}
    walk = walk_times(town)
    together = reach(town, places.on, 600, walk, group=places.group)
    apart = reach(town, place_stations(town, stations(*gates)).on, 600, walk)
    best = pd.DataFrame({"node": apart.node, "s": apart.seconds}).groupby("node")["s"].min()
    mine = slice(*together.start[1:3])
    assert dict(zip(together.node[mine], together.seconds[mine], strict=True)) == best.to_dict()


def test_an_entrance_that_is_nowhere_is_left_out_and_a_broken_outline_is_no_station(town):
    with np.errstate(invalid="ignore"):
        broken = Polygon([(480, 480), (520, np.nan), (520, 520), (480, 480)])
    whole = layer(MultiPoint([(np.nan, 1), (410, 1010)]), broken, MultiPoint(), station=["w", "b", "e"])
    places = place_stations(town, whole)
    assert places.row.tolist() == [0, 1, 2]
    assert places.outcome.tolist() == ["ok", "off_network", "off_network"]
    assert places.reason.tolist() == ["", "it has no geometry", "it has no geometry"]


def test_a_polygon_stands_for_a_point_inside_it_and_stations_may_share_a_place(town):
    places = place_stations(town, layer(box(480, 480, 520, 520), Point(500, 500), Point(500, 500), station=[1, 2, 3]))
    assert places.outcome.tolist() == ["ok"] * 3
    assert len(set(zip(places.on.edge, places.on.along_m.round(6), places.on.offset_m.round(6), strict=True))) == 1


def test_a_few_stations_with_impossible_coordinates_stop_nobody_but_a_wrong_crs_is_refused(town, tmp_path):
    asked = stations((500, 510), (100, 10), (210, 190), crs=4490)
    asked.geometry = [Point(0, 0), *asked.geometry[1:]]
    places = place_stations(town, asked)
    assert places.outcome.tolist() == ["off_network", "ok", "ok"]
    assert "outside the network's extent" in places.reason[0]
    # Neither do they in a file.
    file = tmp_path / "stations.gpkg"
    write_layer(asked, file)
    again = place_stations(town, file)
    assert (again.outcome.tolist(), again.reason.tolist()) == (places.outcome.tolist(), places.reason.tolist())
    with pytest.raises(CrsError, match="look swapped"):
        place_stations(town, asked[1:].set_geometry([Point(p.y, p.x) for p in asked.geometry[1:]], crs=4490))


@pytest.mark.parametrize("crs", [4490, 4326, 32650, 4549])
def test_stations_may_come_in_any_crs_and_from_a_file(town, tmp_path, crs):
    expected = place_stations(town, stations((500, 510), (100, 10)))
    asked = stations((500, 510), (100, 10), crs=crs)
    write_layer(asked, tmp_path / "stations.gpkg")
    for given in (asked, tmp_path / "stations.gpkg"):
        places = place_stations(town, given)
        assert places.on.edge.tolist() == expected.on.edge.tolist()
        np.testing.assert_allclose(places.on.along_m, expected.on.along_m, atol=0.001)


def test_stations_without_crs_or_without_rows_are_refused(town):
    with pytest.raises(CrsError, match="no CRS"):
        place_stations(town, stations((0, 0)).set_crs(None, allow_override=True))
    with pytest.raises(LayerError, match="no feature"):
        place_stations(town, stations((0, 0))[:0])


def test_a_circle_that_reaches_the_edge_of_the_extract_says_it_is_clipped():
    """Roads run on beyond the extract; a circle in the middle knows nothing of it, one at the edge does."""
    spokes = [(((x, 0), (x, 1000), (x, 2000), (x, 3000)), {}) for x in range(0, 3001, 1000)]
    spokes += [(((0, y), (1000, y), (2000, y), (3000, y)), {}) for y in (1000, 2000)]
    made = network(*spokes)
    ends = made.node_xy[cut_ends(made)] - CORNER
    assert sorted(map(tuple, ends.round().tolist())) == sorted((x, y) for x in range(0, 3001, 1000) for y in (0, 3000))
    found = rows(made, (1000, 1500), (1000, 200))
    assert found["outcome"].tolist() == ["ok", "ok", "clipped", "clipped"]
    assert found["reason"].str.contains("edge of the network").tolist() == [False, False, True, True]
    assert not found.geometry.is_empty.any()


def test_a_dead_end_far_inside_is_no_edge():
    made = network(*BLOCK, (((400, 400), (450, 450)), {}))
    assert not cut_ends(made).any()


def test_stations_on_a_railway_side_use_the_street_of_their_side():
    """Two parallel streets, a railway between them: the nearer street lies beyond the rails."""
    near, far = (((0, 0), (1000, 0)), {}), (((0, 150), (1000, 150)), {})
    around = (((1000, 0), (1500, 75), (1000, 150)), {})
    rail = layer(LineString([(-50, 20), (1050, 20)]))
    made = network(near, far, around, rail=rail)
    place = place_stations(made, stations((500, 40)))
    assert place.on.y[0] - CORNER[1] == pytest.approx(150)
    land = service_circles(made, stations((500, 40)), minutes=[5]).geometry.to_crs(CRS).translate(*-CORNER)[0]
    assert land.intersection(box(0, -200, 1000, 0)).area == 0
