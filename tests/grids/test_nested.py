"""Grids of several levels divided at once: counts, wholeness and balance on made towns and on the benchmark town."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nested_made import broken, in_band, joined, made_town

from gridmap.errors import DrawError
from gridmap.grids.adjacency import graph_from_pairs
from gridmap.grids.nested import divide_nested
from gridmap.grids.nested_moves import anneal_nested
from gridmap.grids.nested_shares import apportion
from gridmap.grids.partition import divide

TOWN = Path(__file__).parents[3] / "shared" / "data" / "town"


def uneven(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.2, 17.0, count).round()


def refuse_bad(graph, labels, counts, group=None):
    above = np.zeros(len(graph.weight), dtype=int) if group is None else group
    for label, count in zip(labels, counts, strict=True):
        assert np.array_equal(np.unique(label), np.arange(count))
        assert len(np.unique(np.c_[label, above], axis=0)) == count, "a grid lies in two parents"
        assert broken(graph, label, group) == []
        above = label


WEIGHTS = {
    "uneven": uneven(2400),
    "even": np.ones(2400),
    "half of the land empty": np.where(np.arange(2400) % 60 < 30, 0.0, uneven(2400)),
    "nobody lives here": np.zeros(2400),
    "one heavy block": np.where(np.arange(2400) == 1230, 3000.0, uneven(2400)),
    "few live almost everywhere": np.random.default_rng(1).pareto(1.5, 2400),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_counts_are_exact_and_grids_whole_whatever_the_weights(name):
    town = made_town(40, 60, WEIGHTS[name])
    labels = divide_nested(town, (4, 24, 240), band=0.1, seed=3)
    refuse_bad(town, labels, (4, 24, 240))


def test_nearly_all_grids_are_in_the_band_of_their_siblings():
    town = made_town(40, 60, WEIGHTS["uneven"])
    large, medium, small = divide_nested(town, (4, 24, 240), band=0.1, seed=0)
    assert in_band(town.weight, large, np.zeros_like(large)) == 1.0
    assert in_band(town.weight, medium, large) == 1.0
    assert in_band(town.weight, small, medium) >= 0.95
    assert in_band(town.weight, small, np.zeros_like(small)) >= 0.95


def test_banks_hang_together_by_bridges_only():
    town = made_town(30, 40, uneven(1200), river=18, bridges=(4, 21))
    labels = divide_nested(town, (3, 12, 100), band=0.1, seed=0)
    refuse_bad(town, labels, (3, 12, 100))


def test_islands_get_grids_by_their_weight_and_islets_join_the_nearest():
    town = joined(made_town(20, 30, uneven(600)), made_town(10, 20, uneven(200, 1)), made_town(1, 2, np.ones(2)))
    labels = divide_nested(town, (4, 16, 80), band=0.1, seed=0)
    refuse_bad(town, labels, (4, 16, 80))
    island = np.repeat([0, 1, 2], [600, 200, 2])
    for label in labels:
        assert not np.intersect1d(label[island == 0], label[island == 1]).size
        assert np.unique(label[island == 2]).size == 1


def test_no_block_leaves_its_given_parent_and_enclaves_are_divided_part_by_part():
    town = made_town(30, 40, uneven(1200))
    row, column = np.divmod(np.arange(1200), 40)
    group = np.where(column < 20, 0, 1)
    group[(row > 10) & (row < 18) & (column > 5) & (column < 14)] = 1
    counts = (np.array([3, 5]), np.array([40, 62]))
    labels = divide_nested(town, counts, group=group, band=0.1, seed=0)
    refuse_bad(town, labels, (8, 102), group)
    for label, count in zip(labels, counts, strict=True):
        assert [len(np.unique(label[group == number])) for number in (0, 1)] == count.tolist()


def test_too_few_blocks_are_refused():
    town = made_town(2, 3, np.ones(6))
    with pytest.raises(DrawError, match="7 grids are more than"):
        divide_nested(town, (2, 7), band=0.1, seed=0)
    with pytest.raises(DrawError, match="7 grids are more than 6 blocks"):
        divide(town, 7, band=0.1, seed=0)
    with pytest.raises(DrawError, match="3 grids cannot"):
        divide_nested(town, (4, 3), band=0.1, seed=0)
    assert sorted(divide(town, 6, band=0.1, seed=0)) == list(range(6))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(2, 9), columns=st.integers(3, 9), seed=st.integers(0, 99), parts=st.integers(1, 12),
    river=st.booleans(), zeros=st.floats(0, 1),
)  # fmt: skip
def test_any_small_town_is_divided_exactly(rows, columns, seed, parts, river, zeros):
    rng = np.random.default_rng(seed)
    weight = np.where(rng.random(rows * columns) < zeros, 0.0, rng.gamma(1.0, 20.0, rows * columns))
    town = made_town(rows, columns, weight, seed, river=1 + seed % (columns - 1) if river else None, bridges=(0,))
    parts = min(parts, rows * columns // 2)
    counts = (max(parts // 3, 1), parts, min(2 * parts, rows * columns))
    refuse_bad(town, divide_nested(town, counts, band=0.1, seed=seed), counts)


def anneal(town, label, parts, *, held=None, keep=0.0):
    moved = label.copy()
    target = np.full((1, parts), town.weight.sum() / parts)
    anneal_nested(
        town.start, town.neighbour, town.cost, town.bridge, town.weight, moved, np.arange(parts)[None], target,
        10.0 / target, np.array([0.005]), np.zeros(len(label), bool) if held is None else held, label, keep, 40_000,
        0.3, 0,
    )  # fmt: skip
    return moved


def test_annealing_leaves_held_blocks_and_keeps_old_grids_at_a_price():
    town = made_town(20, 20, uneven(400))
    label = (np.arange(400) % 20 // 5).astype(np.int64)
    held = np.arange(400) < 200
    free, fixed, dear = (anneal(town, label, 4, **how) for how in ({}, {"held": held}, {"keep": 1e-3}))
    assert np.array_equal(fixed[held], label[held])
    assert (fixed != label).any()
    left = [town.weight[moved != label].sum() for moved in (free, dear)]
    assert left[1] < left[0]
    for moved in (free, fixed, dear):
        assert broken(town, moved) == []


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=30).flatmap(
        lambda w: st.tuples(st.just(w), st.integers(len(w), 200), st.integers(0, 1))
    )
)
def test_shares_are_exact_and_within_one_of_the_quota_where_nothing_binds(drawn):
    weight, total, least = np.array(drawn[0]), drawn[1], drawn[2]
    share = apportion(weight, total, at_least=least)
    assert share.sum() == total
    assert (share >= least).all()
    if least == 0 and weight.sum() > 0:
        assert (np.abs(share - weight / weight.sum() * total) < 1 + 1e-6).all()


SAME = """
import hashlib, sys; sys.path.insert(0, {folder!r})
from test_nested import uneven; from nested_made import made_town; from gridmap.grids.nested import divide_nested
labels = divide_nested(made_town(20, 30, uneven(600), river=9, bridges=(3,)), (2, 8, 60), band=0.1, seed=5)
print(hashlib.sha256(b"".join(label.tobytes() for label in labels)).hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_any_process():
    def run(hash_seed: str, threads: str) -> str:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "NUMBA_NUM_THREADS": threads,
            "OMP_NUM_THREADS": threads,
        }
        code = SAME.format(folder=str(Path(__file__).parent))
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run("0", "1") == run("42", "2") != ""


@pytest.mark.skipif(not TOWN.exists(), reason="the benchmark town is not here")
def test_the_benchmark_town_meets_its_bar():
    blocks = gpd.read_parquet(TOWN / "blocks.parquet")
    pairs = pd.read_parquet(TOWN / "adjacency.parquet")
    a, b, shared = (pairs[name].to_numpy() for name in ("a", "b", "shared_m"))
    cost = shared * np.where(pairs.arterial, 0.25, 1.0)
    weight = blocks.households.to_numpy(float)
    xy = np.c_[blocks.centroid.x, blocks.centroid.y]
    graph = graph_from_pairs(a, b, shared, cost, np.zeros(len(a), bool), weight, xy)
    labels = divide_nested(graph, (12, 198, 2021), band=0.1, seed=0)
    refuse_bad_fast(graph, labels, (12, 198, 2021))
    small = labels[-1]
    assert in_band(weight, small, labels[1]) >= 0.975
    assert in_band(weight, small, np.zeros_like(small)) >= 0.975
    perimeter = np.bincount(small, weights=blocks.length)
    np.subtract.at(perimeter, small[a[small[a] == small[b]]], 2 * shared[small[a] == small[b]])
    area = np.bincount(small, weights=blocks.area)
    assert (4 * np.pi * area / perimeter**2).mean() >= 0.51


def refuse_bad_fast(graph, labels, counts):
    tail = np.repeat(np.arange(len(graph.weight)), np.diff(graph.start))
    for label, count in zip(labels, counts, strict=True):
        assert np.array_equal(np.unique(label), np.arange(count))
        net = nx.Graph()
        net.add_nodes_from(range(len(label)))
        same = label[tail] == label[graph.neighbour]
        net.add_edges_from(zip(tail[same].tolist(), graph.neighbour[same].tolist(), strict=True))
        assert nx.number_connected_components(net) == count
