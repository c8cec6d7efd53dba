"""What slows a walker: one-way stairs, slopes and crossings, from tags and from heights."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from gridmap.geo.io import read_layer, write_layer
from gridmap.network.io import read_network
from gridmap.network.model import WalkNetwork
from gridmap.network.slowing import STEEPEST, crossing, incline, oneway, slowdown
from tests.network.made import CRS, network, streets, tags_of, write_extract

AHEAD = ((0, 0), (100, 0))
SIDE = ((0, 0), (0, 100))


def hiking(slope: float) -> float:
    """Return how many times slower than on the level Tobler's walker is: 6 exp(-3.5 |s + 0.05|) km/h."""
    return (6 * np.exp(-3.5 * 0.05)) / (6 * np.exp(-3.5 * abs(slope + 0.05)))


def by_ends(made: WalkNetwork) -> dict[tuple[float, float, float, float], tuple[bool, float]]:
    """Return for every walk along an edge, from place to place, whether it is allowed and how slow it is."""
    walks = {}
    for edge, (a, b) in enumerate(made.edge_nodes):
        way = 0 if made.edge_oneway is None else int(made.edge_oneway[edge])
        slow = (1.0, 1.0) if made.edge_slope is None else made.edge_slope[edge].tolist()
        for back, (start, end) in enumerate(((a, b), (b, a))):
            key = tuple(np.r_[made.node_xy[start], made.node_xy[end]].round(3).tolist())
            walks[key] = (way == 0 or (way < 0) == bool(back), slow[back])
    return walks


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"oneway": "yes"}, 0), ({}, 0),
        ({"oneway:foot": "yes"}, 1), ({"oneway:foot": "-1"}, -1), ({"oneway:foot": "no"}, 0),
        ({"foot:backward": "no"}, 1), ({"foot:forward": "no"}, -1), ({"foot:backward": "yes"}, 0),
        ({"conveying": "forward"}, 1), ({"conveying": "backward"}, -1), ({"conveying": "reversible"}, 0),
        ({"conveying": "forward", "oneway:foot": "no"}, 0), ({"conveying": "forward", "foot:forward": "no"}, -1),
    ],
)  # fmt: skip
def test_one_way_for_walkers_is_what_speaks_of_walkers(tags, said):
    layer = streets((AHEAD, {"highway": "steps", **tags}), (SIDE, {}))
    assert oneway(tags_of(layer)).tolist() == [said, 0]
    made = read_network(layer)
    assert (made.edge_oneway is None) == (said == 0)
    assert made.edge_oneway is None or sorted(made.edge_oneway.tolist()) == sorted([said, 0])


@pytest.mark.parametrize("tags", [{"footway": "crossing"}, {"path": "crossing"}, {"cycleway": "Crossing"},
                                  {"highway": "crossing"}])  # fmt: skip
def test_a_crossing_is_known_by_any_of_its_tags(tags):
    layer = streets((AHEAD, tags), (SIDE, {"footway": "sidewalk"}))
    assert crossing(tags_of(layer)).tolist() == [True, False]
    made = read_network(layer)
    assert made.edge_length_m[made.edge_crossing].tolist() == pytest.approx([100])


def test_only_numbers_with_a_unit_are_slopes():
    values = ["8%", "-5 %", "+2.5%", "5°", "45 °", "up", "down", "yes", "8", "", None, "1:12", "8%;9%"]
    found = incline(tags_of(streets(*[(AHEAD, {"incline": value}) for value in values])))
    expected = [0.08, -0.05, 0.025, np.tan(np.radians(5)), 1.0, *[np.nan] * 8]
    np.testing.assert_allclose(found, expected)


@given(st.floats(-0.9, 0.9))
def test_slopes_slow_as_toblers_walker_says(slope):
    assert slowdown(np.array([slope]))[0] == pytest.approx(hiking(slope))
    assert slowdown(np.array([0.0]))[0] == 1.0


def test_a_slope_said_by_a_tag_is_walked_up_one_way_and_down_the_other():
    made = network((AHEAD, {"incline": "10%"}), (((100, 0), (200, 0)), {"incline": "up"}))
    walks = by_ends(made)
    assert len(walks) == 4
    slow = {round(end - start): value for (start, _, end, _), (_, value) in walks.items() if min(start, end) < 500_050}
    assert slow == pytest.approx({100: hiking(0.1), -100: hiking(-0.1)}, rel=1e-6)
    assert sorted(value for _, value in walks.values())[1:3] == pytest.approx([1, 1])


def hilly(seed: int):
    """Return a street in 3-D, drawn uphill and down, with a dead end at half way."""
    rng = np.random.default_rng(seed)
    xyz = np.c_[
        np.cumsum(rng.uniform(5, 40, 12)) + 500_000, rng.uniform(-20, 20, 12) + 3_480_000, rng.uniform(0, 9, 12)
    ]
    side = np.array([xyz[5], xyz[5] + [0, 90, 20]])
    return xyz, side


@pytest.mark.parametrize("seed", range(5))
def test_heights_are_added_up_along_the_line(seed):
    xyz, side = hilly(seed)
    layer = streets((AHEAD, {}), (SIDE, {"incline": "50%"})).set_geometry(
        [shapely.LineString(xyz), shapely.LineString(side)]
    )
    made = read_network(layer)
    assert len(made.edge_nodes) == 3
    walked = np.r_[0, np.cumsum(np.hypot(*np.diff(xyz[:, :2], axis=0).T))]

    def slope_at(metre: float) -> float:
        piece = min(max(np.searchsorted(walked, metre, side="right") - 1, 0), len(walked) - 2)
        return (xyz[piece + 1, 2] - xyz[piece, 2]) / (walked[piece + 1] - walked[piece])

    for first, last in ((0, 5), (5, 11)):
        ends = xyz[first, :2], xyz[last, :2]
        span = walked[first], walked[last]
        for sign, (start, end) in ((1, ends), (-1, ends[::-1])):
            expected = quad(lambda m, sign=sign: hiking(np.clip(sign * slope_at(m), -STEEPEST, STEEPEST)), *span,
                            points=walked[first + 1 : last], limit=200)[0] / (span[1] - span[0])  # fmt: skip
            assert by_ends(made)[tuple(np.r_[start, end].round(3).tolist())][1] == pytest.approx(expected, rel=1e-4)
    # Where there are heights, the tag is not asked.
    assert by_ends(made)[tuple(np.r_[side[0, :2], side[1, :2]].round(3).tolist())][1] == pytest.approx(
        hiking(20 / 90), rel=1e-5
    )


@pytest.mark.parametrize("seed", range(4))
def test_who_draws_a_street_the_other_way_round_changes_no_walk(seed):
    xyz, _ = hilly(seed)
    there = streets(
        (AHEAD, {"highway": "footway"}),
        (((0, 0), (0, 100)), {"incline": "7%", "conveying": "forward"}),
        (((0, 0), (-90, 5)), {"incline": "-12%", "oneway:foot": "-1"}),
        (((0, 0), (-50, -50)), {"foot:backward": "no", "highway": "path"}),
    )
    start = shapely.get_coordinates(there.geometry.iloc[1])[0]
    shapes = list(there.geometry.values)
    shapes[0] = shapely.LineString(xyz - [*(xyz[0, :2] - start), 0])
    there = there.set_geometry(shapes)
    back = there.assign(incline=[None, "-7%", "12%", None], conveying=[None, "backward", None, None])
    back["oneway:foot"] = [None, None, "yes", None]
    back["foot:forward"], back["foot:backward"] = [None, None, None, "no"], None
    one, other = by_ends(read_network(there)), by_ends(read_network(back.set_geometry(shapely.reverse(shapes))))
    assert one.keys() == other.keys()
    for walk, (allowed, slow) in one.items():
        assert other[walk] == (allowed, pytest.approx(slow, rel=1e-6))
    assert sum(not allowed for allowed, _ in one.values()) == 3


def test_heights_that_say_nothing_and_steps_have_no_slope():
    flat = streets((AHEAD, {}), (SIDE, {}))
    flat = flat.set_geometry(shapely.force_3d(flat.geometry.values, 7.0))
    assert read_network(flat).edge_slope is None
    unknown = shapely.transform(flat.geometry.values, lambda xyz: xyz * [1, 1, np.nan], include_z=True)
    assert read_network(flat.set_geometry(unknown)).edge_slope is None
    assert network((AHEAD, {"highway": "steps", "incline": "50%"}), (SIDE, {})).edge_slope is None


def test_where_a_height_is_missing_the_tag_is_asked_and_else_it_is_level():
    layer = streets((((0, 0), (100, 0), (200, 0)), {}), (SIDE, {"incline": "20%"}))
    shapes = shapely.force_3d(layer.geometry.values)
    shapes = shapely.transform(shapes, lambda xyz: np.c_[xyz[:, :2], [0, 10, np.nan, 0, np.nan]], include_z=True)
    slow = sorted(read_network(layer.set_geometry(shapes)).edge_slope[:, 0].tolist())
    assert slow == pytest.approx(sorted([(hiking(0.1) + 1) / 2, hiking(0.2)]), rel=1e-6)


def test_what_nothing_tells_of_is_none():
    made = network((AHEAD, {"oneway": "yes", "incline": "up", "footway": "sidewalk"}), (SIDE, {}))
    assert (made.edge_oneway, made.edge_slope, made.edge_crossing) == (None, None, None)


def escalator(tmp_path):
    """Write an extract: an island first, then a street with an escalator, a slope and a crossing."""
    nodes = {n: (9.5 + n * 1e-3, 47.1) for n in range(1, 8)} | {9: (9.5, 47.2), 10: (9.5001, 47.2)}
    return write_extract(
        tmp_path / "made.osm.pbf",
        nodes,
        [
            (1, [9, 10], {"highway": "steps", "conveying": "backward", "incline": "30%"}),
            (2, [1, 2, 3], {"highway": "residential", "incline": "-8%"}),
            (3, [3, 4], {"highway": "steps", "conveying": "forward"}),
            (4, [4, 5], {"highway": "footway", "footway": "crossing"}),
            (5, [5, 6, 7], {"highway": "path", "foot:forward": "no"}),
        ],
    )


def test_an_extract_and_its_lines_tell_the_same_and_so_does_the_cache(tmp_path):
    path = escalator(tmp_path)
    whole = read_network(path)
    write_layer(read_layer(path, role="streets"), tmp_path / "streets.gpkg")
    again = read_network(path)
    assert again is not whole
    for other in (again, read_network(tmp_path / "streets.gpkg")):
        for name in ("edge_oneway", "edge_slope", "edge_crossing", "edge_nodes"):
            np.testing.assert_array_equal(getattr(other, name), getattr(whole, name), err_msg=name)
            assert getattr(other, name).dtype == getattr(whole, name).dtype
    # The island is gone and every mark still stands at its own edge, west to east.
    order = np.argsort(whole.vertex_xy[whole.vertex_start[:-1], 0])
    assert whole.edge_oneway[order].tolist() == [0, 1, 0, -1]
    assert whole.edge_crossing[order].tolist() == [False, False, True, False]
    np.testing.assert_allclose(whole.edge_slope[order][0], [hiking(-0.08), hiking(0.08)], rtol=1e-6)
    np.testing.assert_allclose(whole.edge_slope[order][1:], 1)
    assert whole.crs.to_epsg() != CRS
