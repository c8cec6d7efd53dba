"""Never wrong: against whole fractions on nasty made coverages, against shapely on every vertex of real ones."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from by_shapely import judged, telling_points
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rational import lowest, rings, spot, turn

import gridmap
from gridmap.locate.orientation import orientation

small_floats = st.floats(-4, 4, allow_nan=False, width=64)


@settings(max_examples=300)
@given(st.lists(small_floats, min_size=4, max_size=4), st.floats(-2, 3), st.integers(-3, 3), st.integers(-3, 3))
def test_orientation_is_that_of_fractions_a_few_roundings_off_the_line(ends, along, ulps_x, ulps_y):
    ax, ay, bx, by = ends
    px, py = ax + along * (bx - ax), ay + along * (by - ay)
    for _ in range(abs(ulps_x)):
        px = math.nextafter(px, math.copysign(math.inf, ulps_x))
    for _ in range(abs(ulps_y)):
        py = math.nextafter(py, math.copysign(math.inf, ulps_y))
    if 0 < min((abs(v) for v in (ax, ay, bx, by, px, py) if v), default=1) < 1e-100:
        return  # products of such underflow; no coordinate is so near zero
    assert orientation(ax, ay, bx, by, px, py) == turn(spot(ax, ay), spot(bx, by), spot(px, py))


@st.composite
def coverages(draw):
    """Triangles on a coarse lattice, put together at random: needles, collinear vertices, many grids at a vertex,
    holes that touch the shell, grids in parts that touch, gaps."""
    corner = (draw(st.sampled_from([120.3, 9.5, -0.003, -77.1])), draw(st.sampled_from([31.5, 47.1, -0.002])))
    step = draw(st.sampled_from([1e-8, 1e-6, 1e-4, 0.01]))
    spots = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=24, unique=True))
    lattice = np.array(spots, dtype=float)
    if np.linalg.matrix_rank(lattice - lattice[0]) < 2:
        return None
    triangles = shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(lattice)))
    grids = draw(st.integers(1, 6))
    owner = draw(st.lists(st.integers(-1, grids - 1), min_size=len(triangles), max_size=len(triangles)))
    # Rounded as a plan rounds: before the triangles are joined, so that shared vertices stay shared.
    place = lambda xy: np.round(np.array(corner) + xy * step, 8)  # noqa: E731
    triangles = shapely.transform(triangles, place)
    triangles = triangles[shapely.area(triangles) > 0]
    shapes = []
    for grid in range(grids):
        own = triangles[[owner[i] == grid for i in range(len(triangles))]]
        if len(own):
            shapes.append(shapely.coverage_union_all(own))
    return (shapes, step) if shapes else None


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(coverages(), st.integers(0, 2**32 - 1))
def test_nasty_coverages_are_answered_as_fractions_say(made, seed):
    if made is None:
        return
    shapes, step = made
    layer = gpd.GeoDataFrame({"code": [f"g{i}" for i in range(len(shapes))]}, geometry=shapes, crs=4326)
    plan = gridmap.Plan.from_layers({"code": layer}, code="code", tiles={"code": True})
    locator = gridmap.Locator(plan)
    kept = plan["code"].geometry.to_numpy()
    xy = shapely.get_coordinates(kept)
    rng = np.random.default_rng(seed)
    west, south = xy.min(axis=0) - step
    east, north = xy.max(axis=0) + step
    middles = (xy[:-1] + xy[1:]) / 2
    near = np.nextafter(middles, rng.choice([-np.inf, np.inf], middles.shape))
    free = rng.uniform((west, south), (east, north), (20, 2))
    points = np.vstack([xy, middles, near, free, np.column_stack([xy[:, 0], np.roll(xy[:, 1], 1)])])
    exact = [rings(shape) for shape in kept]
    wanted = [lowest(exact, spot(x, y)) for x, y in points]
    found = locator.locate_many(points[:, 0], points[:, 1])
    codes = list(plan["code"].index)
    assert found["code"].astype(object).where(found["code"].notna(), "").tolist() == [
        codes[i] if i >= 0 else "" for i in wanted
    ]
    for i, (x, y) in enumerate(points.tolist()):
        place = locator.locate(x, y)
        assert (place.outcome, place.chain.get("code", "")) == (
            found["outcome"][i],
            codes[wanted[i]] if wanted[i] >= 0 else "",
        )


def assert_exact(plan: gridmap.Plan, points: np.ndarray) -> None:
    found = gridmap.Locator(plan).answer(points[:, 0], points[:, 1])
    position, inside, rim = judged(plan, points)
    assert (found.grid[plan.finest_tiling] == position).all()
    outcome = np.where(position >= 0, 0, np.where(inside, 2, 3))
    assert (found.outcome == outcome)[~rim].all()
    assert np.isin(found.outcome[rim], (2, 3)).all()


@pytest.fixture(scope="module")
def dc(shared):
    blocks = gpd.read_file(shared("dc/tabblock20.zip"))[["GEOID20", "geometry"]]
    tracts = blocks.dissolve(blocks["GEOID20"].str[:11])[["geometry"]].rename_axis("code").reset_index()
    return gridmap.Plan.from_layers({"medium": tracts, "small": blocks}, code={"medium": "code", "small": "GEOID20"})


def test_every_vertex_and_edge_of_real_blocks(dc):
    assert_exact(dc, telling_points(dc, 1, 200_000))


def test_every_vertex_and_edge_of_real_areas_with_holes_and_overlaps(shared):
    names = {"large": "code2", "medium": "code1", "small": "base"}
    codes = {"large": "CODE2", "medium": "CODE1", "small": "CODEBASE"}
    layers = {level: gridmap.read_layer(shared(f"hsinchu/{name}.parquet")) for level, name in names.items()}
    plan = gridmap.Plan.from_layers(layers, code=codes)
    assert_exact(plan, telling_points(plan, 2, 200_000))
    report = gridmap.Locator(plan).report
    kinds = [fault.kind for fault in report.faults]
    assert kinds.count("overlap") > 100
    assert kinds.count("gap") > 200
