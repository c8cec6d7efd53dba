"""Every rule finds the fault that was planted for it, and nothing else speaks up."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import LayerError
from gridmap.geo.coverage import coverage_faults
from gridmap.grids.check import RULES
from gridmap.grids.plan import LevelSpec, Plan, PlanMetadata

STEP = 0.004
WEST, SOUTH = 120.30, 31.50


def cell(i: float, j: float, w: float = 1, h: float = 1) -> shapely.Polygon:
    return shapely.box(WEST + i * STEP, SOUTH + j * STEP, WEST + (i + w) * STEP, SOUTH + (j + h) * STEP)


def sound_layers() -> dict[str, gpd.GeoDataFrame]:
    """Two medium grids of 4 × 2 small ones each, all in one large grid, drawn by the default layout."""
    small = [(i, j) for i in range(4) for j in range(4)]
    parents = [f"320299001{1 + j // 2:03d}" for _, j in small]
    numbers = pd.Series(range(16)).groupby(parents).cumcount() + 1
    return {
        "large": layer(["320299001"], [None], [cell(0, 0, 4, 4)]),
        "medium": layer(["320299001001", "320299001002"], ["320299001"] * 2, [cell(0, 0, 4, 2), cell(0, 2, 4, 2)]),
        "small": layer(
            [f"{parent}{number:03d}" for parent, number in zip(parents, numbers, strict=True)],
            parents,
            [cell(i, j) for i, j in small],
        ),
    }


def layer(codes, parents, shapes) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame({"parent": parents, "households": 400.0}, geometry=shapes, crs=4490)
    return frame.set_index(pd.Index(codes, name="code"))


def plan_of(layers: dict[str, gpd.GeoDataFrame], **metadata) -> Plan:
    specs = tuple(LevelSpec(name, tiles=name != "micro") for name in layers)
    counts = metadata.pop("counts", {})
    return Plan(specs, layers, metadata=PlanMetadata(county_code="320299", counts=counts, **metadata))


def errors(plan: Plan, **more) -> set[tuple[str, str]]:
    found = gridmap.check_plan(plan, **more)
    return {(row.rule, row.level) for row in found[found["severity"] == "error"].itertuples()}


def put(frame: gpd.GeoDataFrame, row: int, shape) -> gpd.GeoDataFrame:
    changed = frame.copy()
    shapes = list(changed.geometry)
    shapes[row] = shape
    return changed.set_geometry(shapes, crs=frame.crs)


def whole(layers) -> gpd.GeoDataFrame:
    return layers["large"].reset_index()[["geometry"]]


def test_a_sound_plan_has_no_findings():
    layers = sound_layers()
    assert gridmap.check_plan(plan_of(layers), boundary=whole(layers)).empty


def test_a_hole_in_one_level():
    layers = sound_layers()
    layers["small"] = layers["small"].drop(index=layers["small"].index[5])
    assert errors(plan_of(layers)) == {("gap", "small")}


def test_a_hole_that_every_level_has_is_seen_by_the_boundary_and_as_a_hole_without():
    layers = sound_layers()
    spot = cell(1.2, 1.2, 0.2, 0.2)
    holed = {name: frame.set_geometry(frame.geometry.difference(spot)) for name, frame in layers.items()}
    assert {rule for rule, _ in errors(plan_of(holed), boundary=whole(layers))} == {"gap"}
    assert {rule for rule, _ in errors(plan_of(holed))} == {"gap"}
    # A boundary that has the hole too (another county's enclave) makes it right.
    assert errors(plan_of(holed), boundary=holed["large"].reset_index()[["geometry"]]) == set()


def test_a_top_level_short_of_the_boundary_or_beyond_it():
    layers = sound_layers()
    wider = gpd.GeoDataFrame(geometry=[cell(0, 0, 4.1, 4)], crs=4490)
    assert errors(plan_of(layers), boundary=wider) == {("gap", "large")}
    narrower = gpd.GeoDataFrame(geometry=[cell(0, 0, 3.9, 4)], crs=4490)
    assert errors(plan_of(layers), boundary=narrower) == {("outside_parent", "large")}


def test_a_boundary_that_encloses_nothing_is_refused():
    layers = sound_layers()
    line = shapely.LineString(shapely.get_coordinates(cell(0, 0, 4, 4))[:-1])
    for shape in (line, line.centroid):
        with pytest.raises(LayerError):
            gridmap.check_plan(plan_of(layers), boundary=gpd.GeoDataFrame(geometry=[shape], crs=4490))


def test_a_strip_along_the_rim_of_the_parent_is_a_warning_below_the_snap_tolerance():
    layers = sound_layers()
    for width_m, severity in ((0.3, "warning"), (0.8, "error")):
        narrow = width_m / (STEP * 95_000)
        small = put(layers["small"], 0, cell(narrow, 0, 1 - narrow, 1))
        found = gridmap.check_plan(plan_of(layers | {"small": small}))
        assert found.loc[found["rule"] == "gap", "severity"].tolist() == [severity]


def test_lattices_anywhere_have_no_findings():
    rng = np.random.default_rng(8)
    for _ in range(15):
        x, y, d = rng.uniform((100, 22, 0.001), (125, 45, 0.05)).round(6)
        at = [(x + i * d, y + j * d) for i in range(3) for j in range(3)]
        boxes = [shapely.box(left, low, left + d, low + d) for left, low in at]
        grids = gpd.GeoDataFrame({"code": [f"{n}" for n in range(9)]}, geometry=boxes, crs=4490)
        assert gridmap.check_plan(Plan.from_layers({"small": grids})).empty


def test_an_overlap_between_siblings():
    layers = sound_layers()
    layers["small"] = put(layers["small"], 0, cell(0, 0, 1.05, 1))
    assert errors(plan_of(layers)) == {("overlap", "small")}


def test_an_invalid_and_an_empty_polygon():
    layers = sound_layers()
    x, y = WEST, SOUTH
    bow = shapely.Polygon([(x, y), (x + STEP, y + STEP), (x + STEP, y), (x, y + STEP)])
    layers["small"] = put(layers["small"], 0, bow)
    assert ("invalid", "small") in errors(plan_of(layers))
    layers = sound_layers()
    layers["small"] = put(layers["small"], 0, shapely.Polygon())
    assert ("empty", "small") in errors(plan_of(layers))


def test_a_grid_across_two_parents_and_one_in_another_than_it_names():
    layers = sound_layers()
    small = layers["small"].drop(index=layers["small"].index[[1, 2]])
    # Rows 1 and 2 of a column stand on either side of the border between the medium grids.
    both = layer(["320299001001009"], ["320299001001"], [cell(0, 1, 1, 2)])
    layers["small"] = gpd.GeoDataFrame(pd.concat([small, both]), crs=4490)
    assert errors(plan_of(layers)) == {("not_nested", "small")}
    layers = sound_layers()
    small = layers["small"]
    moved = small.index[0]
    small = small.rename(index={moved: "320299001002077"})
    small.loc["320299001002077", "parent"] = "320299001002"
    layers["small"] = small
    found = errors(plan_of(layers))
    assert ("wrong_parent", "small") in found
    assert found <= {("wrong_parent", "small"), ("not_contiguous", "small")}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("320299001001001", "320299001001002", "duplicate_code"),
        ("320299001001001", "320299001002999", "malformed_code"),
        ("320299001001001", "32029900100100", "malformed_code"),
        ("320299001001001", "", "malformed_code"),
        ("320299001001001", "32029900100100A", "malformed_code"),
    ],
)
def test_codes(old, new, rule):
    layers = sound_layers()
    layers["small"] = layers["small"].rename(index={old: new})
    assert errors(plan_of(layers)) == {(rule, "small")}
    found = gridmap.check_plan(plan_of(layers, given_levels=("small",)))
    official = found[found["rule"] == "malformed_code"]
    assert (official["severity"] == ("error" if new == "" else "warning")).all()


def test_a_small_grid_below_no_community():
    layers = sound_layers()
    layers["small"].loc["320299001001001", "parent"] = "320299001"
    assert ("one_community", "small") in errors(plan_of(layers))


def test_a_parent_that_does_not_exist():
    layers = sound_layers()
    layers["medium"].loc["320299001001", "parent"] = "320299077"
    assert ("wrong_parent", "medium") in errors(plan_of(layers))


def test_counts_that_were_asked_for():
    layers = sound_layers()
    assert errors(plan_of(layers, counts={"small": 16})) == set()
    assert errors(plan_of(layers, counts={"small": 17})) == {("count", "small")}


def test_a_grid_in_two_pieces_is_an_error_where_it_was_drawn_and_a_warning_where_given():
    layers = sound_layers()
    small = layers["small"]
    a, b = small.index[0], small.index[12]
    parts = shapely.MultiPolygon([cell(0, 0), cell(3, 0)])
    layers["small"] = put(small, 0, parts).drop(index=b)
    assert errors(plan_of(layers)) == {("not_contiguous", "small")}
    found = gridmap.check_plan(plan_of(layers, given_levels=("small",)))
    assert found.loc[found["rule"] == "not_contiguous", ["severity", "codes"]].values.tolist() == [["warning", (a,)]]


def test_households_out_of_range_and_out_of_band_are_warnings():
    layers = sound_layers()
    layers["small"].loc["320299001001001", "households"] = 900.0
    found = gridmap.check_plan(plan_of(layers))
    assert set(found["rule"]) == {"households"}
    assert set(found["severity"]) == {"warning"}
    named = [code for codes in found["codes"] for code in codes]
    assert "320299001001001" in named
    villages = sound_layers()
    villages["small"]["households"] = 90.0
    villages["medium"]["kind"] = "village"
    assert gridmap.check_plan(plan_of(villages)).empty


def test_a_building_across_a_border_and_one_in_two_parts_on_either_side():
    layers = sound_layers()
    across = cell(0.95, 0.4, 0.1, 0.1)
    apart = shapely.MultiPolygon([cell(0.8, 0.6, 0.1, 0.1), cell(1.1, 0.6, 0.1, 0.1)])
    houses = gpd.GeoDataFrame(geometry=[across, apart, cell(2.3, 2.3, 0.1, 0.1)], crs=4490)
    found = gridmap.check_plan(plan_of(layers), buildings=houses)
    cut = found[found["rule"] == "building_cut"]
    assert cut["codes"].tolist() == [("320299001001001", "320299001001003")]
    assert cut["measure"].iloc[0] == pytest.approx(houses.to_crs(4549).area[0] / 2, rel=0.01)


def test_messages_are_chinese_and_columns_are_those_of_the_design():
    layers = sound_layers()
    layers["small"] = layers["small"].drop(index=layers["small"].index[5])
    found = gridmap.check_plan(plan_of(layers))
    assert list(found.columns) == ["rule", "severity", "level", "codes", "measure", "unit", "message", "geometry"]
    assert found["message"].str.contains("小网格").all()
    assert found["rule"].isin(RULES).all()
    assert found.crs == 4490


def test_washington_comes_in_clean(shared):
    blocks = gpd.read_file(shared("dc/tabblock20.zip"))
    levels = {
        name: blocks.dissolve(blocks["GEOID20"].str[:digits])[["geometry"]].rename_axis("GEOID20").reset_index()
        for name, digits in (("large", 11), ("medium", 12))
    }
    plan = Plan.from_layers({**levels, "small": blocks[["GEOID20", "geometry"]]}, code="GEOID20")
    assert [len(plan[level]) for level in ("large", "medium", "small")] == [206, 571, 6012]
    assert all(code.startswith(parent) for code, parent in plan["small"]["parent"].items())
    assert gridmap.check_plan(plan).empty


def test_hsinchu_comes_in_with_every_seam_and_overlap_named(shared):
    layers = {name: shared(f"hsinchu/{name}.parquet") for name in ("code2", "code1", "base")}
    plan = Plan.from_layers(layers, code={"code2": "CODE2", "code1": "CODE1", "base": "CODEBASE"})
    declared = gridmap.read_layer(layers["base"]).set_index("CODEBASE")["CODE1"].astype(str)
    declared.index = declared.index.astype(str)
    assert plan["base"]["parent"].to_dict() == declared.to_dict()
    found = gridmap.check_plan(plan)
    base = found[found["level"] == "base"]
    # A second way: pairs of polygons that share area, and rings inside the union.
    shapes = plan["base"].geometry.values
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    common = shapely.intersection(shapes[a[a < b]], shapes[b[a < b]])
    crs = 3826
    shared_m2 = gpd.GeoSeries(common, crs=plan["base"].crs).to_crs(crs).area
    overlaps = base[base["rule"] == "overlap"]
    assert overlaps["measure"].sum() == pytest.approx(shared_m2.sum(), rel=1e-3)
    assert len(overlaps) == (shared_m2 > 1e-8).sum()
    union = shapely.union_all(shapes)
    holes = [ring for part in shapely.get_parts(union) for ring in part.interiors]
    spots = shapely.point_on_surface(shapely.polygons(holes))
    gaps = base[base["rule"] == "gap"].geometry.values
    held = shapely.STRtree(gaps).query(spots, predicate="dwithin", distance=1e-8)[0]
    alone = coverage_faults(plan["base"])
    assert (alone["kind"] == "gap").sum() >= 0.95 * len(holes)
    assert len(set(held)) >= 0.95 * len(holes)
