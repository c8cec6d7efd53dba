"""What a page knows of a plan: parents, leaders, classes and colours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from map_made import FakeRoster
from test_codec import decode_ints

from gridmap.grids.plan import Plan
from gridmap.maps import colours
from gridmap.maps.page_data import circle_data, household_breaks, parent_positions, plan_data, range_colours
from gridmap.maps.topology import build_topology


def test_parents_are_positions_in_the_level_above(plan):
    data = plan_data(plan)
    for above, below in zip(data.levels[:-1], data.levels[1:], strict=True):
        layer = plan[below["name"]]
        assert [above["codes"][k] for k in decode_ints(below["parents"])] == layer["parent"].tolist()
    assert set(decode_ints(data.levels[0]["parents"])) == {-1}


def test_grids_point_to_who_leads_them(plan):
    data = plan_data(plan, FakeRoster(plan))
    large, small = data.levels[0], data.levels[2]
    assert decode_ints(large["leads"])[0] == [person[1] for person in data.people].index("赵**")
    assert decode_ints(small["leads"])[0] == [person[1] for person in data.people].index("李**")
    assert set(decode_ints(small["leads"])[1:]) == {-1}


def test_a_level_without_grids_and_unknown_numbers(plan):
    layers = {level: plan[level] for level in ("large", "medium")} | {"micro": plan["micro"].iloc[:0]}
    layers["large"] = layers["large"].assign(households=np.nan, name=None)
    data = plan_data(Plan(tuple(spec for spec in plan.levels if spec.name != "small"), layers))
    assert data.levels[2]["codes"] == []
    assert set(decode_ints(data.levels[0]["households"])) == {-1}
    assert data.levels[0]["breaks"] == []
    assert set(data.levels[0]["names"]) == {""}


def tints_of(plan):
    topology = build_topology([layer.geometry.values for layer in plan.layers.values()])
    return topology, colours.tint_plan(topology.layers, parent_positions(plan))


def test_neighbours_never_look_the_same(plan):
    topology, tints = tints_of(plan)
    for shapes, tint in zip(topology.layers[:3], tints[:3], strict=True):
        pairs = colours.neighbours(shapes)
        same = (tint.hue[pairs[:, 0]] == tint.hue[pairs[:, 1]]) & (tint.shade[pairs[:, 0]] == tint.shade[pairs[:, 1]])
        assert len(pairs) > 0
        assert not same.any()


def test_children_share_the_hue_of_their_parent(plan):
    _, tints = tints_of(plan)
    hues = pd.Series(tints[2].hue).groupby(plan["small"]["parent"].to_numpy()).nunique()
    assert (hues == 1).all()


def test_the_most_tangled_graph_still_gets_colours():
    pairs = np.array([(a, b) for a in range(9) for b in range(a)])
    assert sorted(colours.colour_graph(9, pairs)) == list(range(9))
    assert colours.colour_graph(0, np.empty((0, 2), dtype=np.int64)).tolist() == []


@pytest.mark.parametrize("values", [[], [5.0], [7.0] * 9, [np.nan] * 3, [0.0, 0, 0, 400]])
def test_classes_of_odd_households_rise(values):
    breaks = household_breaks(np.array(values, dtype=np.float64))
    assert breaks == sorted(set(breaks))
    assert len(breaks) <= 4


def test_circles_come_widest_first_in_any_crs(circles):
    data = circle_data(circles.to_crs(4549).sample(frac=1, random_state=1))
    ranges = [data["ranges"][k] for k in decode_ints(data["range"])]
    assert ranges == sorted(ranges, reverse=True)
    assert data["arcs"] != ""
    assert circle_data(circles.iloc[:0]) is None
    assert circle_data(None) is None


@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_there_is_a_colour_for_every_range(count):
    assert len(range_colours(count)) == count
