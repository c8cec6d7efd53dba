"""Water given to its banks: split half-way, judged by distances; nothing lost, every piece beside its own land."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import DrawError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.banks import give_water_to_banks
from gridmap.grids.blocks import make_blocks
from gridmap.grids.given import overlay_given

from made_layers import LAT, NORTH, layer, line, rect  # isort: skip


COUNTY = layer([rect(0, 0, 1000, 1000)])


def town(water, *more):
    lines = [line((400, -50), (400, 1050)), line((-50, 250), (1050, 250)), *more]
    return make_blocks(COUNTY, layer(lines, highway=["primary"] * len(lines)), water=layer([water]))


def assert_sound(before, after, labels):
    assert shapely.coverage_is_valid(after.geometry.values)
    assert set(shapely.get_type_id(after.geometry.values)) == {3}
    assert shapely.area(after.geometry.values).sum() == pytest.approx(
        shapely.area(before.geometry.values).sum(), rel=1e-8
    )
    assert len(labels) == len(after)
    assert after["block"].is_unique
    assert after.loc[~after["water"], "block"].tolist() == before.loc[~before["water"], "block"].tolist()
    assert after["households"].sum() == pytest.approx(before["households"].sum(), rel=1e-12)


def assert_reaches_land(blocks, labels, unit=None):
    """Every piece of water hangs together with land of its own label through pieces of that label."""
    near = m.adjacency(blocks.geometry.values, metric_crs_of(blocks))
    graph = nx.Graph()
    graph.add_nodes_from(range(len(blocks)))
    graph.add_edges_from(
        (a, b) for a, b in zip(near.a.tolist(), near.b.tolist(), strict=True) if labels[a] == labels[b]
    )
    water = blocks["water"].to_numpy()
    for part in nx.connected_components(graph):
        assert not all(water[i] for i in part), [blocks["block"].iloc[i] for i in part]


def assert_half_way(blocks, labels, tolerance_m):
    """Random points of the water have their nearest land in a block of their label, within a tolerance."""
    crs = metric_crs_of(blocks)
    metric = m.to_metres(blocks.geometry.values, crs)
    water = blocks["water"].to_numpy()
    land, land_label = metric[~water], np.asarray(labels)[~water]
    generator = np.random.default_rng(0)
    for piece, label in zip(metric[water], np.asarray(labels)[water], strict=True):
        west, south, east, north = piece.bounds
        points = shapely.points(generator.uniform((west, south), (east, north), (40, 2)))
        points = points[shapely.intersects(piece, points)]
        distance = shapely.distance(points[:, None], land[None, :])
        own = np.where(land_label == label, distance, np.inf).min(axis=1)
        assert (own - distance.min(axis=1)).max(initial=0) <= tolerance_m


def test_a_river_is_split_at_its_middle():
    blocks = town(rect(-10, 600, 1010, 640))
    labels = np.array([f"g{i}" for i in range((~blocks["water"]).sum())])
    after, given_labels = give_water_to_banks(blocks, labels)
    assert_sound(blocks, after, given_labels)
    assert_reaches_land(after, given_labels)
    assert_half_way(after, given_labels, 1.5)
    pieces = after[after["water"]].to_crs(4549)
    assert len(pieces) == 4  # a bridge cuts it, and each half has two banks
    assert pieces.area.to_numpy() == pytest.approx(pieces.area.mean() * np.array([1] * 4), rel=0.25)
    middle = after[after["water"]].geometry.bounds
    assert (middle.maxy.min() - LAT) / NORTH == pytest.approx(620, abs=0.5)


def test_the_mid_line_starts_where_two_banks_meet():
    blocks = town(rect(300, 500, 1010, 900))
    after, labels = give_water_to_banks(blocks, np.arange((~blocks["water"]).sum()))
    assert_sound(blocks, after, labels)
    # no new vertices on land: the mid-lines end at the corners of blocks or on the county's border
    before_land = shapely.get_num_coordinates(blocks.geometry.values[~blocks["water"]]).sum()
    after_land = shapely.get_num_coordinates(after.geometry.values[~after["water"]]).sum()
    assert after_land == before_land


shape = st.tuples(st.floats(20, 400), st.floats(300, 500), st.floats(120, 550), st.floats(30, 480))


@given(shape, st.lists(st.integers(50, 950), max_size=3), st.integers(1, 5))
@settings(max_examples=6, deadline=None)
def test_any_lake_is_split_half_way(rows, streets, groups):
    x, y, w, h = rows
    more = [line((s, -50), (s, y)) for s in streets] + [line((-50, y + h / 2), (x, y + h / 2))]
    blocks = town(rect(x, y, x + w, y + h), *more)
    labels = np.arange((~blocks["water"]).sum()) % groups
    after, given_labels = give_water_to_banks(blocks, labels)
    assert_sound(blocks, after, given_labels)
    assert_reaches_land(after, given_labels)
    assert_half_way(after, given_labels, 15.0)


def test_one_label_all_round_leaves_the_water_whole():
    blocks = town(rect(500, 500, 900, 900))
    after, labels = give_water_to_banks(blocks, pd.Series(["a"] * (~blocks["water"]).sum(), name="small"))
    assert len(after) == len(blocks)
    assert isinstance(labels, pd.Series)
    assert labels.name == "small"
    assert set(labels) == {"a"}


def test_labels_may_name_water_too_and_are_then_ignored_there():
    blocks = town(rect(500, 500, 900, 900))
    labels = np.where(blocks["water"], -1, 7)
    assert set(give_water_to_banks(blocks, labels)[1]) == {7}


def test_water_stays_inside_its_given_unit():
    units = layer([rect(0, 0, 1000, 620), rect(0, 620, 1000, 1000)], code=["A", "B"])
    blocks = overlay_given(town(rect(-10, 600, 1010, 640)), {"large": units})
    labels = np.array([f"{code}{i}" for i, code in enumerate(blocks["large"][~blocks["water"]])])
    after, given_labels = give_water_to_banks(blocks, labels)
    assert_sound(blocks, after, given_labels)
    assert_reaches_land(after, given_labels)
    assert all(label.startswith(code) for label, code in zip(given_labels, after["large"], strict=True))


def test_water_without_a_bank_in_its_unit_goes_to_the_nearest_land_of_the_unit():
    lake = rect(300, 300, 900, 900)
    units = layer([rect(0, 0, 1000, 1000).difference(rect(500, 500, 600, 600)).difference(rect(0, 0, 100, 100)),
                   rect(500, 500, 600, 600).union(rect(0, 0, 100, 100))], code=["A", "B"])  # fmt: skip
    blocks = overlay_given(town(lake), {"large": units})
    labels = np.array([f"{code}{i}" for i, code in enumerate(blocks["large"][~blocks["water"]])])
    after, given_labels = give_water_to_banks(blocks, labels)
    assert all(label.startswith(code) for label, code in zip(given_labels, after["large"], strict=True))
    assert_sound(blocks, after, given_labels)


def test_a_house_on_piles_stays_whole():
    houses = layer([rect(600, 610, 640, 632), rect(10, 10, 20, 20)], households=[2, 1])
    lines = layer([line((400, -50), (400, 1050))], highway=["primary"])
    blocks = make_blocks(COUNTY, lines, water=layer([rect(-10, 600, 1010, 640)]), buildings=houses)
    after, labels = give_water_to_banks(blocks, np.arange((~blocks["water"]).sum()))
    assert_sound(blocks, after, labels)
    grids = after.assign(label=labels).dissolve("label").geometry.values
    held = shapely.area(shapely.intersection(grids, houses.geometry.iloc[0]))
    assert held.max() == pytest.approx(houses.geometry.iloc[0].area, rel=1e-4)


@pytest.mark.parametrize(
    ("labels", "says"), [([1, 2], "2 labels for"), ([1, 2, 3, None], "1 land blocks have no label")]
)
def test_bad_labels_are_named(labels, says):
    blocks = town(rect(500, 500, 900, 900))
    with pytest.raises(DrawError, match=says):
        give_water_to_banks(blocks, labels)


def test_a_territory_of_water_only_is_refused():
    blocks = town(rect(500, 500, 900, 900)).assign(water=True)
    with pytest.raises(DrawError, match="all water"):
        give_water_to_banks(blocks, [])


@pytest.mark.parametrize("grids", [60, None])
def test_xinwu_lake_and_canals(shared, grids):
    blocks = make_blocks(shared("xinwu/boundary.gpkg"), shared("xinwu/roads.gpkg"), water=shared("xinwu/water.gpkg"))
    land = (~blocks["water"]).sum()
    labels = np.arange(land) if grids is None else np.arange(land) * grids // land
    after, given_labels = give_water_to_banks(blocks, labels)
    assert_sound(blocks, after, given_labels)
    assert_reaches_land(after, given_labels)
