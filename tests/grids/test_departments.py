"""Department grids on a plan: every figure against shapely on the whole polygons, slivers, real layers, bad layers."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from lattice import CRS, SIDE, X0, Y0, lattice, layer, square

import gridmap
from gridmap.errors import CrsError, InputError, LayerError, UnknownNameError
from gridmap.geo.crs import to_storage
from gridmap.grids import mosaic as m
from gridmap.grids.departments import MAPPING_COLUMNS
from gridmap.grids.departments_io import read_sources
from gridmap.grids.departments_overlay import Tolerance, is_real

ROWS = COLUMNS = 6
SMALL = np.indices((ROWS, COLUMNS))[0] // 2 * 3 + np.indices((ROWS, COLUMNS))[1] // 2
MEDIUM = np.indices((ROWS, COLUMNS))[1] // 2
HOMES = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) * 7 % 90
PLAN = lattice(SMALL, MEDIUM, HOMES)
COUNTY = square(0, 0, COLUMNS * SIDE, ROWS * SIDE)

boxes = st.builds(
    lambda x, y, w, h: square(10 * x, 10 * y, 10 * (x + w), 10 * (y + h)),
    st.integers(-10, 65), st.integers(-10, 65), st.integers(1, 50), st.integers(1, 50),
)  # fmt: skip
departments = st.lists(boxes, min_size=1, max_size=5).filter(lambda found: any(b.intersects(COUNTY) for b in found))


def flat(plan, level):
    return plan[level].to_crs(CRS).geometry


def homes_on(shape):
    """Households of a place: those of each block by the share of it that lies there."""
    left, low = np.meshgrid(np.arange(COLUMNS) * SIDE, np.arange(ROWS) * SIDE)
    blocks = shapely.box(X0 + left, Y0 + low, X0 + left + SIDE, Y0 + low + SIDE)
    return float((shapely.area(shapely.intersection(blocks, shape)) / SIDE**2 * HOMES).sum())


def relation(department, grid):
    """As the words say, on the whole polygons: what is left of one outside the other, to a square metre."""
    more, less = department.difference(grid).area > 1, grid.difference(department).area > 1
    return {(False, False): "equal", (False, True): "inside", (True, False): "contains"}.get((more, less), "crosses")


def touching(shapes):
    return any(a.intersection(COUNTY).area > 1 for a in shapes)


@settings(max_examples=12)
@given(departments.filter(touching), departments.filter(touching))
def test_every_figure_is_that_of_shapely_on_the_whole_polygons(police, urban):
    layers = {"公安": layer({f"P{i}": b for i, b in enumerate(police)}),
              "城管": layer({f"U{i}": b for i, b in enumerate(urban)})}  # fmt: skip
    found = gridmap.integrate(PLAN, layers, date="2026-11-01")
    rows = found.mapping.set_index(["department", "department_grid", "level", "code"])
    expected = 0
    for name, frame in layers.items():
        for code, shape in zip(frame["code"], frame.geometry, strict=True):
            for level in ("medium", "small"):
                for grid, ground in flat(PLAN, level).items():
                    common = shape.intersection(ground)
                    if common.area < 1:
                        continue
                    expected += 1
                    row = rows.loc[(name, code, level, grid)]
                    assert row.relation == relation(shape, ground)
                    assert row.area_m2 == pytest.approx(common.area, abs=1)
                    assert row.share_of_department == pytest.approx(common.area / shape.area, abs=1e-4)
                    assert row.share_of_grid == pytest.approx(common.area / ground.area, abs=1e-4)
                    homes, of_grid, own = homes_on(common), homes_on(ground), homes_on(shape)
                    assert row.households == pytest.approx(homes, abs=0.05)
                    assert row.households_share_of_grid == pytest.approx(homes / of_grid, abs=1e-3)
                    if own > 1:
                        assert row.households_share_of_department == pytest.approx(homes / own, abs=1e-2)
    assert len(rows) == expected
    for name, frame in layers.items():
        told = found.summary.set_index("department").loc[name]
        union = shapely.union_all(frame.geometry.values)
        left = COUNTY.difference(union)
        assert told.uncovered_m2 == pytest.approx(left.area, abs=2)
        assert told.uncovered_households == pytest.approx(homes_on(left), abs=0.1)
        shapes = list(frame.geometry)
        both = shapely.union_all([a.intersection(b) for i, a in enumerate(shapes) for b in shapes[:i]])
        assert told.doubled_m2 == pytest.approx(both.area, abs=2)
        assert told.doubled_households == pytest.approx(homes_on(both), abs=0.1)
        assert told.outside_m2 == pytest.approx(sum(a.difference(COUNTY).area for a in shapes), abs=2)
        small = rows.loc[name].xs("small", level="level") if name in rows.index else rows.iloc[:0]
        counts = small["relation"].value_counts()
        assert all(told[word] == counts.get(word, 0) for word in ("equal", "inside", "contains", "crosses"))


def test_reports_name_the_grids_concerned_and_show_the_place():
    """One grid covers the left half and another the middle: the overlap lies in the middle grids, the gap right."""
    police = layer({"P1": square(0, 0, 300, 600), "P2": square(200, 0, 400, 600)})
    found = gridmap.integrate(PLAN, {"公安": police})
    assert found.doubled[["department", "department_grids", "codes"]].values.tolist() == [
        ["公安", ("P1", "P2"), ("001", "004", "007")]
    ]
    assert found.doubled.to_crs(CRS).geometry[0].symmetric_difference(square(200, 0, 300, 600)).area < 1
    assert found.uncovered["codes"].tolist() == [("002", "005", "008")]
    assert found.uncovered.to_crs(CRS).geometry[0].symmetric_difference(square(400, 0, 600, 600)).area < 1
    assert found.outside.empty


def test_borders_digitised_half_a_metre_apart_are_the_same_borders():
    grids = flat(PLAN, "small")
    off = layer({f"P{code}": shape.buffer(0.4, join_style="mitre") for code, shape in grids.items()})
    found = gridmap.integrate(PLAN, {"公安": off})
    small = found.mapping[found.mapping["level"] == "small"]
    assert (small["relation"] == "equal").all()
    assert len(small) == len(grids)
    assert (small["department_grid"] == "P" + small["code"]).all()
    assert found.uncovered.empty
    assert found.doubled.empty
    assert found.outside.empty
    told = gridmap.integrate(PLAN, {"公安": off}, sliver_width_m=0.1)
    assert (told.mapping["relation"] == "crosses").any()
    assert len(told.doubled) > 0


@settings(max_examples=60)
@given(st.floats(0.2, 12), st.floats(2, 60))
def test_a_rectangle_is_real_when_wide_and_large_enough(width, length):
    shape = square(0, 0, length, width)
    real = width >= 1 and length >= 1 and shape.area >= 10
    near = min(abs(width - 1), abs(length - 1)) < 0.05 or abs(shape.area - 10) < 1
    if not near:
        assert is_real(np.array([shape], dtype=object), Tolerance()).tolist() == [real]


def test_parts_are_judged_each_for_itself():
    crumbs = shapely.MultiPolygon([square(10 * i, 0, 10 * i + 3, 3) for i in range(9)])
    strip_and_field = shapely.union_all([square(0, 0, 500, 0.3), square(100, 0, 104, 4)])
    assert is_real(np.array([crumbs, strip_and_field], dtype=object), Tolerance()).tolist() == [False, True]


def test_the_mapping_is_kept_with_the_plan_and_other_departments_stay(tmp_path):
    police = layer({"P1": square(0, 0, 300, 600)}).assign(name="东所")
    before = police.copy(deep=True)
    urban = layer({"U1": square(100, 0, 600, 600)})
    first = gridmap.integrate(PLAN, {"公安": police}, date="2026-11-01")
    first.save(tmp_path / "plan.gpkg")
    assert_geodataframe_equal(police, before)
    read = gridmap.read_plan(tmp_path / "plan.gpkg")
    assert read.equals(first.plan)
    assert read.version == PLAN.version
    assert tuple(read.department_map.columns) == MAPPING_COLUMNS
    second = gridmap.integrate(read, {"城管": urban}, date="2026-11-02")
    second.save(tmp_path / "plan.gpkg")
    read = gridmap.read_plan(tmp_path / "plan.gpkg")
    days = read.department_map.groupby("department")["source_date"].unique().map(list).to_dict()
    assert days == {"公安": ["2026-11-01"], "城管": ["2026-11-02"]}
    kept = read_sources(tmp_path / "plan.gpkg")
    kept = kept.fillna({"department_name": ""})
    assert kept[["department", "department_grid", "department_name", "source_date"]].values.tolist() == [
        ["公安", "P1", "东所", "2026-11-01"], ["城管", "U1", "", "2026-11-02"]
    ]  # fmt: skip
    assert kept.to_crs(CRS).geometry[0].symmetric_difference(police.geometry[0]).area < 1
    again = gridmap.integrate(read, {"公安": layer({"P9": square(0, 0, 600, 600)})})
    assert set(again.plan.department_map["department_grid"]) == {"P9", "U1"}


def test_the_same_plan_from_a_folder_of_geoparquet(tmp_path):
    found = gridmap.integrate(PLAN, {"公安": layer({"P1": square(0, 0, 300, 600)})})
    found.save(tmp_path / "plan")
    assert gridmap.read_plan(tmp_path / "plan").equals(found.plan)
    assert read_sources(tmp_path / "plan")["department_grid"].tolist() == ["P1"]


def test_a_plan_without_blocks_shares_the_households_of_its_grids():
    grids = PLAN["small"].reset_index()[["code", "households", "geometry"]]
    plain = gridmap.Plan.from_layers({"small": grids})
    found = gridmap.integrate(plain, {"公安": layer({"P1": square(0, 0, 100, 200)})})
    row = found.mapping.iloc[0]
    assert (row.code, row.relation) == ("000", "inside")
    assert row.households == pytest.approx(PLAN["small"].loc["000", "households"] / 2, rel=1e-4)


BAD = {
    "no column": (layer({"P1": COUNTY}).rename(columns={"code": "ID"}), UnknownNameError, "公安.*'code'.*ID"),
    "empty": (layer({"P1": COUNTY}).iloc[:0], LayerError, "公安.*no feature"),
    "no crs": (layer({"P1": COUNTY}).set_crs(None, allow_override=True), CrsError, "公安.*CRS"),
    "metres called degrees": (layer({"P1": COUNTY}).set_crs(4326, allow_override=True), CrsError, "公安.*row 0"),
    "twice": (layer({"P1": COUNTY, "P2": COUNTY}).assign(code="P7"), LayerError, "公安.*P7.*rows 0, 1"),
    "nameless": (layer({"P1": COUNTY, "P2": COUNTY}).assign(code=["P1", None]), LayerError, "公安.*row 1.*no code"),
    "bow tie": (
        layer({"P1": COUNTY, "P2": shapely.Polygon([(X0, Y0), (X0 + 9, Y0 + 9), (X0 + 9, Y0), (X0, Y0 + 9)])}),
        LayerError, "公安.*row 1.*P2.*Self-intersection",
    ),
    "line": (layer({"P1": shapely.LineString(COUNTY.exterior)}), LayerError, "公安.*row 0.*P1.*LineString"),
    "no shape": (layer({"P1": COUNTY, "P2": None}), LayerError, "公安.*row 1.*P2.*no geometry"),
    "elsewhere": (layer({"P1": square(90_000, 0, 91_000, 900)}), LayerError, "公安.*none of its 1 grids.*CRS"),
    "no layer": ([1, 2], LayerError, "公安.*list"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_named(name):
    bad, error, message = BAD[name]
    with pytest.raises(error, match=message):
        gridmap.integrate(PLAN, {"城管": layer({"U1": COUNTY}), "公安": bad})


def test_bad_arguments_say_what_is_allowed(tmp_path):
    good = {"公安": layer({"P1": COUNTY})}
    with pytest.raises(InputError, match="2026-11-01"):
        gridmap.integrate(PLAN, good, date="yesterday")
    with pytest.raises(InputError, match="0 m or more"):
        gridmap.integrate(PLAN, good, sliver_width_m=-1)
    with pytest.raises(InputError, match="no department"):
        gridmap.integrate(PLAN, {})
    with pytest.raises(LayerError, match=r"公安.*nowhere\.gpkg"):
        gridmap.integrate(PLAN, {"公安": tmp_path / "nowhere.gpkg"})


def dissolved(blocks, codes):
    number, names = pd.factorize(codes, sort=True)
    shapes = m.join(np.asarray(blocks.geometry.values, dtype=object), number.astype(np.int64))
    return gpd.GeoDataFrame({"code": names}, geometry=shapes, crs=blocks.crs)


def test_census_areas_of_a_capital_lie_in_each_other_as_their_codes_say(shared):
    """Block groups and tracts of Washington in another CRS: what is inside, equal and contained is known by prefix."""
    folder = shared("dc")
    raw = to_storage(gpd.read_file(next(iter(sorted(folder.glob("*.zip"))))))
    tracts, groups = (dissolved(raw, raw["GEOID20"].str[:digits]) for digits in (11, 12))
    plan = gridmap.Plan.from_layers({"medium": tracts, "small": groups})
    found = gridmap.integrate(plan, {"tracts": tracts.to_crs(26985), "blocks": raw.rename(columns={"GEOID20": "code"})})
    small = found.mapping[found.mapping["level"] == "small"].set_index("department")
    many = tracts["code"].map(groups["code"].str[:11].value_counts())
    up = small.loc["tracts"]
    assert (up["department_grid"] == up["code"].str[:11]).all()
    assert len(up) == len(groups)
    alone = up["department_grid"].map(dict(zip(tracts["code"], many == 1, strict=True)))
    assert (up["relation"] == np.where(alone, "equal", "contains")).all()
    down = small.loc["blocks"]
    assert (down["department_grid"].str[:12] == down["code"]).all()
    assert set(down["relation"]) <= {"inside", "equal"}
    assert len(down) == len(raw)
    assert len(found.uncovered) == len(found.doubled) == len(found.outside) == 0


def test_statistical_areas_of_a_city_with_gaps_and_overlaps(shared):
    """Hsinchu: base areas stick out of their parents by decimetres and leave slivers; each still lies in its parent."""
    folder = shared("hsinchu")
    base, upper = (gpd.read_parquet(next(iter(sorted(folder.glob(f"*{name}*"))))) for name in ("base", "code1"))
    key, parent = "CODEBASE", "CODE1"
    plan = gridmap.Plan.from_layers({"small": base}, code=key)
    found = gridmap.integrate(plan, {"code1": upper}, code=parent)
    declared = dict(zip(base[key].astype(str), base[parent].astype(str), strict=True))
    real = found.mapping[found.mapping["relation"] != "crosses"]
    assert (real["code"].map(declared) == real["department_grid"]).all()
    assert set(real["code"]) == set(declared)
