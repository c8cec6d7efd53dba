"""From the places an address may mean to grids: what is said is what adding the weights up, point by point, gives."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.address.model import Geocoding
from gridmap.address.place import SURE, UNRESOLVED, place_geocoding

WEST, SOUTH, STEP, COLUMNS, ROWS = 120.30, 31.50, 0.01, 4, 2
GAP = (1, 1)
GEOD = pyproj.Geod(ellps="GRS80")


def code(column: int, row: int) -> str:
    return f"{1 + column // 2}{column}{row}"


@cache
def locator() -> gridmap.Locator:
    """Return one of two large grids of two columns each, four by two small ones less one."""

    def box(column: int, row: int, columns: int = 1, rows: int = 1) -> shapely.Polygon:
        west, south = WEST + column * STEP, SOUTH + row * STEP
        return shapely.box(west, south, west + columns * STEP, south + rows * STEP)

    cells = [(i, j) for i in range(COLUMNS) for j in range(ROWS) if (i, j) != GAP]
    large = gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=[box(0, 0, 2, 2), box(2, 0, 2, 2)], crs=4490)
    small = gpd.GeoDataFrame({"code": [code(*cell) for cell in cells]}, geometry=[box(*c) for c in cells], crs=4490)
    return gridmap.Locator(gridmap.Plan.from_layers({"large": large, "small": small}))


def grid_of(lon: float, lat: float) -> str:
    """Return the small grid of a point, by its place in the chessboard; empty where there is none."""
    cell = (math.floor((lon - WEST) / STEP), math.floor((lat - SOUTH) / STEP))
    inside = cell[0] in range(COLUMNS) and cell[1] in range(ROWS) and cell != GAP
    return code(*cell) if inside else ""


def geocoding(points, weights, outcome="matched", match_type="street", at=0) -> Geocoding:
    lon, lat = points[at]
    return Geocoding(
        outcome, "", match_type=match_type, confidence=max(weights), lon=lon, lat=lat, accuracy_m=15.0,
        points=np.array(points), weights=np.array(weights),
    )  # fmt: skip


POINT = st.builds(
    lambda column, row, x, y: (WEST + (column + x) * STEP, SOUTH + (row + y) * STEP),
    st.integers(-1, COLUMNS), st.integers(0, ROWS), st.sampled_from([0.2, 0.5, 0.7]), st.sampled_from([0.3, 0.6]),
)  # fmt: skip
WEIGHED = st.lists(st.tuples(POINT, st.sampled_from([0.001, 0.01, 0.1, 1.0, 5.0, 60.0])), min_size=2, max_size=7)


@given(WEIGHED, st.sampled_from([0.3, 0.85, 0.93, 1.0]), st.sampled_from(["matched", "ambiguous"]))
@settings(max_examples=40, deadline=None)
def test_the_grids_are_those_that_adding_up_point_by_point_gives(drawn, total, outcome):
    points = [point for point, _ in drawn]
    weights = [weight * total / sum(each for _, each in drawn) for _, weight in drawn]
    answered = weights.index(max(weights))
    found = place_geocoding(locator(), geocoding(points, weights, outcome, at=answered))
    mass, nearest = defaultdict(float), defaultdict(lambda: math.inf)
    for (lon, lat), weight in zip(points, weights, strict=True):
        grid = grid_of(lon, lat)
        mass[grid] += weight
        nearest[grid] = min(nearest[grid], GEOD.inv(*points[answered], lon, lat)[2])
    mass.pop("", None)
    kept = {grid: share for grid, share in mass.items() if share > 0.01 * total}
    assert {each.code: pytest.approx(each.confidence) for each in found.shares} == kept
    shares = [each.confidence for each in found.shares]
    assert shares == sorted(shares, reverse=True)
    assert {each.level for each in found.shares} <= {"small"}
    assert sum(shares) <= 1 + 1e-9
    if not kept:
        assert found.needs_person
        assert found.placement.outcome in ("gap", "outside")
        return
    assert found.confidence == pytest.approx(max(kept.values()))
    if found.confidence >= SURE * total:
        assert found.placement.outcome == "matched"
        assert found.placement.chain["small"] == max(kept, key=kept.__getitem__)
        assert found.needs_person == (found.confidence < SURE)
    else:
        assert found.placement.outcome == "ambiguous"
        assert found.needs_person
        assert {each.code for each in found.placement.candidates} == kept.keys()
        for each in found.placement.candidates:
            assert each.distance_m == pytest.approx(nearest[each.code], rel=5e-3, abs=0.1)
        shared = {"large": {grid[0] for grid in kept}, "small": kept.keys()}
        chain = {level: next(iter(codes)) for level, codes in shared.items() if len(codes) == 1}
        assert dict(found.placement.chain) == chain


@pytest.mark.parametrize(("confidence", "outcome", "person"), [
    (0.95, "matched", False), (0.9, "matched", False), (0.89, "matched", True), (0.95, "ambiguous", True),
])  # fmt: skip
def test_one_place_is_in_its_grid_and_as_sure_as_it_is(confidence, outcome, person):
    point = (WEST + 0.002, SOUTH + 0.003)
    found = place_geocoding(locator(), geocoding([point], [confidence], outcome, "exact"))
    assert dict(found.placement.chain) == {"large": "1", "small": code(0, 0)}
    assert (found.confidence, found.needs_person) == (confidence, person)
    assert [(each.code, each.confidence) for each in found.shares] == [(code(0, 0), confidence)]
    assert not found.is_unresolved


@pytest.mark.parametrize("cell", [GAP, (-2, 0)])
def test_a_place_outside_every_grid_needs_a_person_however_sure(cell):
    point = (WEST + (cell[0] + 0.5) * STEP, SOUTH + (cell[1] + 0.5) * STEP)
    found = place_geocoding(locator(), geocoding([point], [0.99], match_type="exact"))
    assert found.placement.outcome in ("gap", "outside")
    assert found.shares == ()
    assert found.needs_person


@pytest.mark.parametrize(
    "found",
    [
        Geocoding("not_found", "没有"),
        Geocoding("elsewhere", "外地"),
        Geocoding("invalid", "空"),
        Geocoding("matched", "", match_type="exact", confidence=0.99),
        geocoding([(WEST + 0.002, SOUTH + 0.003)], [0.99], match_type="fallback"),
    ],
    ids=["not found", "elsewhere", "invalid", "without position", "fallback"],
)
def test_what_names_no_place_is_unresolved_and_nothing_is_dispatched(found):
    placed = place_geocoding(locator(), found)
    assert placed.placement.outcome == UNRESOLVED
    assert placed.is_unresolved
    assert (placed.confidence, placed.shares, dict(placed.placement.chain)) == (0.0, (), {})
    assert placed.needs_person


def test_the_point_of_a_sure_grid_lies_in_it_though_the_likeliest_place_does_not():
    """One place at 0.08 was answered; a dozen others add up to 0.92 in one grid."""
    far, near = (WEST + 0.002, SOUTH + 0.003), [(WEST + 0.031 + 0.0005 * k, SOUTH + 0.004) for k in range(12)]
    found = place_geocoding(locator(), geocoding([far, *near], [0.08, *[0.92 / 12] * 12]))
    assert dict(found.placement.chain) == {"large": "2", "small": code(3, 0)}
    assert found.confidence == pytest.approx(0.92)
    assert not found.needs_person


def test_a_grid_that_hardly_anything_lies_in_is_not_sure():
    """The place answered is in a grid, all others that may be meant are in none."""
    inside, outside = (WEST + 0.002, SOUTH + 0.003), (WEST - 0.001, SOUTH + 0.003)
    found = place_geocoding(locator(), Geocoding(
        "matched", "", match_type="building", confidence=0.95, lon=inside[0], lat=inside[1],
        points=np.array([inside, outside]), weights=np.array([0.005, 0.945]),
    ))  # fmt: skip
    assert found.needs_person
    assert found.confidence <= 0.005
