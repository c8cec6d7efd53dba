"""The index against the list it was made of, by dicts and by brute force: paths, ranges, middles, bytes."""

from __future__ import annotations

import pickle
import re
from collections import defaultdict

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.address.build import build_index
from gridmap.address.build_trie import Entries, build_trie, node_places, ordered
from gridmap.address.index import FORM, OBJECT_KINDS, AddressIndex
from gridmap.address.model import Step
from gridmap.address.script import clean
from gridmap.address.steps import step_code
from gridmap.errors import InputError

GEOD = pyproj.Geod(ellps="GRS80")


@pytest.fixture(scope="module")
def index(town_built):
    return town_built.index


@pytest.fixture(scope="module")
def paths(town_list):
    """Of each row: ((kind, names …), steps) of its street and, where it has one, of its estate."""
    found = []
    for row in town_list.itertuples():
        plate = step_code(Step(int(row.number), "", "plate"))
        building = re.search(r"(\d+)栋$", row.address)
        inner = (step_code(Step(int(building[1]), "", "building")),) if building else ()
        ways = [(("street", row.street), (plate, *inner))]
        if row.estate:
            ways.append((("estate", row.estate), inner or (plate,)))
        found.append(ways)
    return found


def things(index) -> dict[tuple[str, str], int]:
    """Objects of the town by kind and title; in this one town each title is there once."""
    kinds = {"hamlet": "street"}
    found = {}
    for thing, code in enumerate(index.object_kind):
        kind = kinds.get(OBJECT_KINDS[code], OBJECT_KINDS[code])
        found[kind, index.title(thing)] = thing
    assert len(found) == len(index.object_kind)
    return found


def child(index, node: int, code: int) -> int:
    """Return the one child that a step leads to."""
    (found,) = (each for each in index.find_number(node, code >> 12) if index.code(each) == code)
    return found


def test_walking_the_path_of_a_row_ends_at_it(index, paths, town_list):
    known = things(index)
    for row, ways in enumerate(paths):
        for way, (thing, steps) in enumerate(ways):
            node = known[thing]
            for code in steps:
                node = child(index, node, code)
            assert index.row_of(node) == row
            assert way or index.row_node[row] == node
            assert index.object_of(node) == known[thing]
        assert index.address(row) == town_list.address[row] == index.describe(int(index.row_node[row]))
        assert index.areas_of(row) == (town_list.town[row], town_list.community[row])


def test_the_rows_below_a_node_are_those_whose_path_begins_with_it(index, paths, town_list):
    known = things(index)
    below = defaultdict(set)
    for row, ways in enumerate(paths):
        for thing, steps in ways:
            for depth in range(len(steps) + 1):
                below[(known[thing], *steps[:depth])].add(row)
        below[(known["town", town_list.town[row]],)].add(row)
        below[(known["community", town_list.community[row]],)].add(row)
    assert len(below) == len(index.node_row)
    for (node, *steps), rows in below.items():
        for code in steps:
            node = child(index, node, code)
        found = index.rows_under(node)
        assert set(found.tolist()) == rows
        assert len(found) == len(rows)


def test_children_are_one_run_in_order_and_found_by_number(index):
    objects = len(index.object_kind)
    seen = list(range(objects))
    for node in range(len(index.node_row)):
        children = index.children(node)
        codes = [index.code(child) for child in children]
        assert codes == sorted(set(codes))
        seen += children
        assert {index.parent(child) for child in children} <= {node}
        for number in {code >> 12 for code in codes} | {0, 7, (1 << 20) - 1}:
            assert list(index.find_number(node, number)) == [c for c in children if index.number(c) == number]
        assert all(index.is_under(child, node) and not index.is_under(node, child) for child in children)
    assert seen == list(range(len(index.node_row)))


def test_a_node_lies_where_the_squared_distances_to_its_rows_are_least(index):
    """On a sphere, half a per cent off the ellipsoid: what is nearly as good will do."""
    lon, lat = index.row_lon, index.row_lat
    x, y = np.radians(lon) * np.cos(np.radians(31.52)), np.radians(lat)
    for node in range(len(index.node_row)):
        rows = index.rows_under(node)
        own = index.row_of(node)
        here = rows if own < 0 else np.array([own])
        sums = [((x[rows] - x[row]) ** 2 + (y[rows] - y[row]) ** 2).sum() for row in here]
        at = {(lon[row], lat[row]) for row, each in zip(here, sums, strict=True) if each <= min(sums) * 1.01}
        assert (index.node_lon[node], index.node_lat[node]) in at


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_paths_make_the_nodes_that_a_dict_makes(data):
    step = st.integers(1, 3)
    path = st.lists(step, max_size=3).map(tuple)
    homes = data.draw(st.lists(st.tuples(st.integers(0, 2), path), min_size=1, max_size=14, unique=True))
    again = data.draw(st.lists(st.tuples(st.integers(0, len(homes) - 1), st.just(3), path), max_size=6, unique=True))
    listed = [(row, thing, steps, True) for row, (thing, steps) in enumerate(homes)]
    listed += [(row, thing, steps, False) for row, thing, steps in again]
    codes = np.zeros((len(listed), 3), dtype=np.uint32)
    for i, (_, _, steps, _) in enumerate(listed):
        codes[i, : len(steps)] = steps
    row, thing, depth = (np.array([int(v) for v in column]) for column in (
        [e[0] for e in listed], [e[1] for e in listed], [len(e[2]) for e in listed]))  # fmt: skip
    home = np.array([e[3] for e in listed])
    entries = Entries(thing, row, codes, depth, np.ones(len(listed), dtype=bool), home)
    trie = build_trie(ordered(entries), 4, len(homes))
    lon = np.array(
        data.draw(st.lists(st.sampled_from([120.0, 120.01, np.nan]), min_size=len(homes), max_size=len(homes)))
    )
    places = node_places(trie, lon, np.where(np.isnan(lon), np.nan, 31.5))
    parents = trie.parents(4)

    def prefix(node: int) -> tuple[int, ...]:
        return (node,) if node < 4 else (*prefix(int(parents[node])), int(trie.node_key[node - 4]) & 0xFFFFFFFF)

    below = defaultdict(list)
    for at, which, steps, _ in listed:
        for end in range(len(steps) + 1):
            below[which, *steps[:end]].append(at)
    found = {prefix(node): node for node in range(len(trie.node_row))}
    assert set(found) == set(below) | {(each,) for each in range(4)}
    assert (np.diff(trie.node_key.astype(object)) > 0).all() if len(trie.node_key) > 1 else True
    for name, node in found.items():
        rows = trie.entry_row[trie.node_first[node] : trie.node_last[node]]
        assert sorted(rows.tolist()) == sorted(below[name])
        assert np.isnan(places.lon[node]) == np.isnan(lon[rows]).all()
    for at, (which, steps) in enumerate(homes):
        assert trie.row_node[at] == found[which, *steps]
        assert trie.node_row[trie.row_node[at]] == at


def test_the_rows_near_a_point_are_those_of_the_ellipsoid(index):
    rng = np.random.default_rng(3)
    for row in rng.integers(0, len(index.row_lon), 20):
        lon, lat = index.row_lon[row] + rng.normal(0, 1e-3), index.row_lat[row] + rng.normal(0, 1e-3)
        many = np.ones(len(index.row_lon))
        away = GEOD.inv(lon * many, lat * many, index.row_lon, index.row_lat)[2]
        found = index.rows_near(lon, lat, 300.0)
        assert set(np.flatnonzero(away < 299.5)) <= set(found) <= set(np.flatnonzero(away < 300.5))


def test_names_lead_to_their_objects(index):
    assert index.names == sorted(set(index.names))
    for thing in range(len(index.object_kind)):
        assert thing in index.objects_of(index.names.index(clean(index.title(thing))))
    assert sum(len(index.objects_of(name)) for name in range(len(index.names))) == len(index.object_kind)


def test_a_saved_index_is_the_one_it_was_saved_from_and_the_same_list_makes_the_same_bytes(
    index, town_list, tmp_path
):  # fmt: skip
    index.save(tmp_path / "a.idx")
    opened = AddressIndex.open(tmp_path / "a.idx")
    opened.verify()
    assert opened.version == index.version
    for name, array in index.tables.items():
        assert np.array_equal(array, opened.tables[name], equal_nan=array.dtype.kind == "f"), name
    small = town_list[:40]
    one, other = build_index(small).index, build_index(small.copy()).index
    assert one.content.tobytes() == other.content.tobytes()
    assert one.version == other.version != index.version
    copy = pickle.loads(pickle.dumps(one))
    assert (copy.version, copy.address(7)) == (one.version, one.address(7))


@pytest.mark.parametrize("place", [0, 9, 30, 100, FORM.page - 1, FORM.page + 5, -100, "middle"])
def test_a_flipped_byte_is_found(index, tmp_path, place):
    content = bytearray(index.content.tobytes())
    content[len(content) // 2 if place == "middle" else place] ^= 4
    (tmp_path / "a.idx").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged|not an index|bytes"):
        AddressIndex.open(tmp_path / "a.idx").verify()


def test_what_is_no_index_of_addresses_says_how_one_is_made(tmp_path):
    with pytest.raises(InputError, match="does not exist; make an index with gridmap addresses build"):
        AddressIndex.open(tmp_path / "a.idx")
    (tmp_path / "a.idx").write_bytes(b"gmindex1" + bytes(8000))
    with pytest.raises(InputError, match="is not an index of addresses"):
        AddressIndex.open(tmp_path / "a.idx")
