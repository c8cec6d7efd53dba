"""The index as a thing: one file, the same answers from it, safe to share, honest about what it was made of."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import InputError, OutputError, PlanError
from gridmap.geo import threads
from gridmap.locate.placement import OUTCOMES

WEST, SOUTH, STEP = 120.30, 31.50, 0.01


def lattice(size: int, seed: int = 0) -> gpd.GeoDataFrame:
    """size × size quadrilaterals with moved corners, every side bent in the middle, seamless."""
    rng = np.random.default_rng(seed)
    n = 2 * size + 1
    column, row = np.meshgrid(np.arange(n), np.arange(n))
    inner = (column > 0) & (column < n - 1) & (row > 0) & (row < n - 1)
    x = WEST + STEP / 2 * (column + np.where(inner, rng.uniform(-0.35, 0.35, (n, n)), 0))
    y = SOUTH + STEP / 2 * (row + np.where(inner, rng.uniform(-0.35, 0.35, (n, n)), 0))
    round_the_cell = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    shapes = [
        shapely.Polygon([(x[2 * j + b, 2 * i + a], y[2 * j + b, 2 * i + a]) for b, a in round_the_cell])
        for i in range(size)
        for j in range(size)
    ]
    return gpd.GeoDataFrame({"code": [f"{i:04d}" for i in range(len(shapes))]}, geometry=shapes, crs=4490)


@pytest.fixture(scope="module")
def locator():
    return gridmap.Locator.from_layer(lattice(12))


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(5)
    n = 300_000
    lon, lat = rng.uniform(WEST - 0.01, WEST + 0.13, n), rng.uniform(SOUTH - 0.01, SOUTH + 0.13, n)
    lon[::1000], lat[7::1000] = np.nan, 999.0
    lon[3::1000], lat[3::1000] = 31.55, 120.35
    return lon, lat


def test_a_saved_index_answers_as_the_one_it_was_saved_from(locator, points, tmp_path):
    locator.save(tmp_path / "a.idx")
    loaded = gridmap.Locator.load(tmp_path / "a.idx")
    assert (loaded.plan_version, loaded.levels, loaded.report) == (locator.plan_version, locator.levels, locator.report)
    assert loaded.locate_many(*points).equals(locator.locate_many(*points))
    assert loaded.locate(120.35, 31.55) == locator.locate(120.35, 31.55)
    assert [path.name for path in tmp_path.iterdir()] == ["a.idx"]
    assert (tmp_path / "a.idx").stat().st_size == locator.report.size_bytes


@pytest.mark.parametrize("harm", ["short", "cut", "changed", "another", "missing"])
def test_a_damaged_index_is_refused(locator, tmp_path, harm):
    path = tmp_path / "a.idx"
    locator.save(path)
    content = bytearray(path.read_bytes())
    if harm == "changed":
        content[len(content) // 2] ^= 1
    path.write_bytes({"short": content[:100], "cut": content[:-64], "another": b"x" * 5000}.get(harm, content))
    if harm == "missing":
        path.unlink()
    with pytest.raises(InputError, match=r"a\.idx"):
        gridmap.Locator.load(path)


def test_an_index_that_cannot_be_written_says_so(locator, tmp_path):
    with pytest.raises(OutputError, match="nothing was written"):
        locator.save(tmp_path / "nowhere" / "a.idx")


def test_threads_share_one_index_and_answer_as_one(locator, points, monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: 3)
    alone = locator.locate_many(*points, threads=1)
    assert locator.locate_many(*points).equals(alone)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: locator.locate_many(*points), range(8)):
            assert found.equals(alone)


def _answers(locator: gridmap.Locator, lon, lat) -> list:
    return locator.leaves(lon, lat).tolist()


def test_other_processes_get_an_index_and_answer_the_same(locator, points):
    lon, lat = points[0][:2000], points[1][:2000]
    copy = pickle.loads(pickle.dumps(locator))
    assert copy.leaves(lon, lat).tolist() == locator.leaves(lon, lat).tolist()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_answers, (locator, lon, lat)) == locator.leaves(lon, lat).tolist()


def test_one_and_many_agree_bit_for_bit(locator, points):
    lon, lat = points[0][:3000], points[1][:3000]
    many = locator.answer(lon, lat)
    for i, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
        one = locator.locate(x, y)
        position = many.grid["code"][i]
        assert one.chain.get("code") == (many.codes["code"][position] if position >= 0 else None)
        assert (one.outcome, one.reason) == (OUTCOMES[many.outcome[i]], many.reason[i])


def test_leaves_stand_for_chains(locator, points):
    leaf = locator.leaves(*points)
    frame = locator.locate_many(*points)
    pairs = pd.DataFrame({"leaf": leaf, "code": frame["code"]}).dropna().drop_duplicates()
    assert pairs["leaf"].is_unique
    assert pairs["code"].is_unique


def test_border_distances_are_those_of_shapely_in_metres(locator):
    layer = lattice(12)
    rng = np.random.default_rng(8)
    lon, lat = rng.uniform(WEST, WEST + 0.12, 300), rng.uniform(SOUTH, SOUTH + 0.12, 300)
    flat = layer.set_index("code").to_crs(4549)
    spots = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=4490).to_crs(4549)
    for x, y, spot in zip(lon.tolist(), lat.tolist(), spots, strict=True):
        place = locator.locate(x, y)
        wanted = spot.distance(flat.geometry[place.chain["code"]].boundary)
        assert place.border_distance_m == pytest.approx(wanted, rel=1e-3, abs=0.01)


def test_discs_touch_what_shapely_says_they_touch(locator):
    layer = lattice(12)
    rng = np.random.default_rng(9)
    lon, lat = rng.uniform(WEST, WEST + 0.12, 200), rng.uniform(SOUTH, SOUTH + 0.12, 200)
    radius = rng.choice([5.0, 60.0, 900.0, 5000.0], 200)
    flat = layer.to_crs(4549).geometry.to_numpy()
    spots = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=4490).to_crs(4549).to_numpy()
    for x, y, metres, spot in zip(lon.tolist(), lat.tolist(), radius.tolist(), spots, strict=True):
        place = locator.locate(x, y, accuracy_m=metres)
        away = shapely.distance(flat, spot)
        sure = set(layer["code"][away < metres * 0.999 - 0.01])
        possible = set(layer["code"][away < metres * 1.001 + 0.01])
        found = {each.code: each.distance_m for each in place.candidates}
        assert sure <= set(found) <= possible
        assert list(found.values()) == sorted(found.values())
        for code, distance in found.items():
            assert distance == pytest.approx(away[int(code)], rel=1e-3, abs=0.01)


def test_more_grids_at_a_spot_than_a_record_has_bits():
    """Forty needles that meet in one vertex, all in one cell."""
    turns = np.linspace(0, 2 * np.pi, 41)
    rim = np.column_stack([WEST + 1e-4 * np.cos(turns), SOUTH + 1e-4 * np.sin(turns)])
    needles = [shapely.Polygon([(WEST, SOUTH), rim[i], rim[i + 1]]) for i in range(40)]
    far = shapely.box(WEST + 1, SOUTH, WEST + 2, SOUTH + 1)
    layer = gpd.GeoDataFrame({"code": [f"{i:02d}" for i in range(41)]}, geometry=[*needles, far], crs=4490)
    locator = gridmap.Locator.from_layer(layer)
    middle = shapely.point_on_surface(np.array(needles))
    found = locator.locate_many(shapely.get_x(middle), shapely.get_y(middle))
    assert found["code"].tolist() == layer["code"].tolist()[:40]
    assert locator.locate(WEST, SOUTH).chain["code"] == "00"


def test_edges_along_the_middle_of_rows_of_cells_are_no_trouble():
    """Strips so thin that wherever rows of cells lie, edges run along the middle of some."""
    strips = [shapely.box(WEST, SOUTH + i * 1e-7, WEST + 0.01, SOUTH + (i + 1) * 1e-7) for i in range(300)]
    layer = gpd.GeoDataFrame({"code": [f"{i:03d}" for i in range(300)]}, geometry=strips, crs=4490)
    locator = gridmap.Locator.from_layer(layer)
    lat = SOUTH + (np.arange(300) + 0.5) * 1e-7
    assert locator.locate_many(np.full(300, WEST + 0.004), lat)["code"].tolist() == layer["code"].tolist()


def test_the_report_says_what_is_wrong_with_a_layer():
    boxes = [shapely.box(120, 31, 120.01, 31.01), shapely.box(120.009, 31, 120.02, 31.01)]
    layer = gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=boxes, crs=4490)
    locator = gridmap.Locator.from_layer(layer)
    assert [(fault.kind, fault.codes) for fault in locator.report.faults] == [("overlap", ("a", "b"))]
    assert locator.locate(120.0095, 31.005).chain["code"] == "a"
    assert gridmap.Locator.from_layer(lattice(3)).report.faults == ()


def test_a_layer_without_land_is_refused():
    empty = gpd.GeoDataFrame(
        {"parent": [None]}, geometry=[shapely.Polygon()], index=pd.Index(["a"], name="code"), crs=4490
    )
    with pytest.raises(PlanError, match="no polygon with an area"):
        gridmap.Locator(gridmap.Plan((gridmap.LevelSpec("small"),), {"small": empty}))


def test_grids_at_opposite_ends_of_the_world():
    boxes = [shapely.box(-179.9, -60, -179.89, -59.99), shapely.box(179.8, 70, 179.81, 70.01)]
    layer = gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=boxes, crs=4326)
    locator = gridmap.Locator.from_layer(layer)
    assert locator.locate_many([-179.895, 179.805, 0], [-59.995, 70.005, 0])["code"].tolist()[:2] == ["a", "b"]
    assert locator.report.size_bytes < 40_000_000


def test_wide_discs_of_many_points_fill_no_memory_and_one_and_many_agree(locator):
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(WEST, WEST + 0.12, 20_000), rng.uniform(SOUTH, SOUTH + 0.12, 20_000)
    radius = np.where(np.arange(20_000) % 50 == 0, 1e7, 8.0)
    said = locator.answer(lon, lat, accuracy_m=radius, candidates=False)
    assert not said.candidates
    kept = locator.answer(lon[:200], lat[:200], accuracy_m=radius[:200])
    assert (kept.outcome == said.outcome[:200]).all()
    assert np.bincount(kept.candidates["code"].point, minlength=200)[0] == 144
    assert (said.outcome[::50] == 1).all()
    assert locator.locate(float(lon[1]), float(lat[1]), accuracy_m=8.0).outcome == OUTCOMES[said.outcome[1]]


@pytest.mark.parametrize("place", [8, 32, 40, 66, 80, 200])
def test_a_damaged_page_is_refused_too(locator, tmp_path, place):
    """Kernels find the arrays by the numbers on the first page: a wrong one would lead them anywhere."""
    path = tmp_path / "a.idx"
    locator.save(path)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x41
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.idx"):
        gridmap.Locator.load(path)


def test_near_the_diagonal_nothing_looks_swapped():
    corner = [shapely.box(30, 30, 31, 30.2), shapely.box(30, 30.2, 30.2, 31)]
    locator = gridmap.Locator.from_layer(gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=corner, crs=4326))
    assert locator.locate(30.6, 30.7).outcome == "outside"
    assert locator.locate_many([30.6], [30.7])["outcome"].tolist() == ["outside"]


def test_what_is_masked_is_missing_and_odd_systems_are_answers(locator):
    masked = np.ma.array([120.35, 120.35], mask=[True, False])
    assert locator.locate_many(masked, [31.55, 31.55])["outcome"].tolist() == ["invalid", "matched"]
    assert locator.locate_many([120.355], [31.555], crs=np.int64(4326)).equals(locator.locate_many([120.355], [31.555]))
    for crs in (None, float("nan"), pd.NA):
        assert locator.locate(120.35, 31.55, crs=crs).outcome == "invalid"
