"""Blocks under given borders: every block in one unit, totals kept, buildings whole, seams settled or named."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from gridmap.errors import LayerError, UnknownNameError
from gridmap.grids.blocks import BLOCK_COLUMNS, Weights, make_blocks
from gridmap.grids.given import overlay_given

from made_layers import layer, line, rect  # isort: skip


COUNTY = layer([rect(0, 0, 1000, 1000)])
CROSS = layer(
    [line((-50, 500), (1050, 500)), line((400, -50), (400, 1050))],
    highway=["primary", "primary"],
)
EAST_WEST = layer([rect(0, 0, 600, 1000), rect(600, 0, 1000, 1000)], code=["320299001", "320299002"], name=["甲", "乙"])


def villages(*shapes, codes=None, **columns):
    return layer(shapes, code=codes or [f"320299001{i:03d}" for i in range(1, len(shapes) + 1)], **columns)


def test_blocks_get_the_codes_of_their_unit():
    blocks = make_blocks(COUNTY, CROSS)
    laid = overlay_given(blocks, {"large": EAST_WEST})
    assert list(laid.columns) == [*BLOCK_COLUMNS[:-1], "large", "geometry"]
    assert len(laid) == 6
    assert shapely.coverage_is_valid(laid.geometry.values)
    points = gpd.GeoDataFrame(geometry=laid.representative_point(), crs=laid.crs)
    judged = gpd.sjoin(points, EAST_WEST)["code"].sort_index()
    assert laid["large"].tolist() == judged.tolist()
    report = laid.attrs["given"]
    assert report.levels == ("large",)
    assert report.names["large"] == {"320299001": "甲", "320299002": "乙"}
    assert len(report.moved) == 0


def test_a_border_beside_a_street_leaves_no_slivers():
    wavy = [(395 + 8 * np.sin(y / 90), y) for y in np.linspace(-10, 1010, 80)]
    west = Polygon([*line(*wavy).coords, *line((-10, 1010), (-10, -10)).coords])
    east = rect(-10, -10, 1010, 1010).difference(west)
    laid = overlay_given(make_blocks(COUNTY, CROSS), {"medium": villages(west, east)})
    assert len(laid) == 4
    # the given border is followed, not the street
    for code, shape in zip(["320299001001", "320299001002"], (west, east), strict=True):
        union = shapely.union_all(laid.geometry.values[(laid["medium"] == code).to_numpy()])
        goal = shape.intersection(COUNTY.geometry[0])
        assert union.symmetric_difference(goal).area < 1e-5 * goal.area


units = st.lists(st.integers(5, 995), min_size=1, max_size=4, unique=True)


@given(units, st.booleans())
@settings(max_examples=10, deadline=None)
def test_totals_are_kept_with_and_without_sources(cuts, with_sources):
    edges = [0, *sorted(cuts), 1000]
    given_units = villages(*[rect(a, 0, b, 1000) for a, b in pairwise(edges)])
    cells = layer([rect(x, y, x + 250, y + 250) for x in range(0, 1000, 250) for y in range(0, 1000, 250)],
                  n=np.arange(16) * 3.7)  # fmt: skip
    lake = layer([rect(300, 200, 700, 400)])
    blocks = make_blocks(COUNTY, CROSS, water=lake, weights=Weights(cells, "n"))
    if not with_sources:
        blocks.attrs.clear()
    laid = overlay_given(blocks, {"medium": given_units})
    assert shapely.coverage_is_valid(laid.geometry.values)
    assert laid["households"].sum() == pytest.approx(blocks["households"].sum(), rel=1e-9)
    assert laid["residents"].sum() == pytest.approx(blocks["residents"].sum(), rel=1e-9)
    assert set(laid["medium"]) == set(given_units["code"])
    assert shapely.area(laid.geometry.values).sum() == pytest.approx(
        shapely.area(blocks.geometry.values).sum(), rel=1e-7
    )


def test_parents_come_from_a_column_a_prefix_or_the_largest_overlap():
    blocks = make_blocks(COUNTY, CROSS)
    shapes = rect(0, 0, 600, 500), rect(0, 500, 600, 1000), rect(600, 0, 1000, 1000)
    by_prefix = villages(*shapes, codes=["320299001001", "320299001002", "320299002001"])
    laid = overlay_given(blocks, {"large": EAST_WEST, "medium": by_prefix})
    assert (laid["large"] == laid["medium"].str[:9]).all()
    by_column = villages(*shapes, codes=["a", "b", "c"], parent=["320299001", "320299001", "320299002"])
    by_overlap = villages(*shapes, codes=["a", "b", "c"])
    expected = {"a": "320299001", "b": "320299001", "c": "320299002"}
    for layer_of in (by_column, by_overlap):
        laid = overlay_given(blocks, {"large": EAST_WEST, "medium": layer_of})
        assert laid.attrs["given"].parents["medium"] == expected
        assert (laid["large"] == laid["medium"].map(expected)).all()


def test_a_unit_mostly_outside_its_parent_is_noted():
    shapes = rect(0, 0, 600, 1000), rect(600, 0, 1000, 500), rect(600, 500, 1000, 1000)
    swapped = villages(*shapes, codes=["a", "b", "c"], parent=["320299001", "320299002", "320299001"])
    notes = overlay_given(make_blocks(COUNTY, CROSS), {"large": EAST_WEST, "medium": swapped}).attrs["given"].notes
    assert any("c" in note and "0%" in note for note in notes)


def test_rows_of_one_code_are_parts_of_one_unit():
    enclave = layer(
        [rect(0, 0, 600, 1000), rect(600, 0, 1000, 400), rect(600, 400, 800, 1000), rect(800, 400, 1000, 1000)],
        code=["A", "B", "B", "A"],
    )
    laid = overlay_given(make_blocks(COUNTY, CROSS), {"medium": enclave})
    area = laid.to_crs(4549).dissolve("medium").area
    assert area["A"] == pytest.approx(600e3 + 200 * 600, rel=0.01)


def test_a_building_across_a_given_border_stays_whole_and_is_noted():
    houses = layer([rect(580, 100, 610, 120), rect(100, 100, 120, 120)], households=[9, 1])
    houses.index = [70, 71]
    blocks = make_blocks(COUNTY, CROSS, buildings=houses)
    laid = overlay_given(blocks, {"large": EAST_WEST})
    moved = laid.attrs["given"].moved
    assert moved[["building", "level", "from", "to"]].to_numpy().tolist() == [[70, "large", "320299002", "320299001"]]
    assert any("1 buildings" in note for note in laid.attrs["given"].notes)
    assert laid.groupby("large")["households"].sum().to_dict() == {"320299001": 10, "320299002": 0}
    west = shapely.union_all(laid.geometry.values[(laid["large"] == "320299001").to_numpy()])
    assert houses.geometry.iloc[0].difference(west).area < 1e-5 * houses.geometry.iloc[0].area


def test_seams_and_small_overlaps_are_settled_with_a_note():
    apart = villages(rect(-1, -1, 599.5, 1001), rect(600.2, -1, 1001, 600.3), rect(600.2, 599.9, 1001, 1001))
    laid = overlay_given(make_blocks(COUNTY, CROSS), {"medium": apart})
    assert len(laid) == 7
    assert shapely.coverage_is_valid(laid.geometry.values)
    notes = " ".join(laid.attrs["given"].notes)
    assert "seams" in notes
    assert "overlaps" in notes


def test_water_that_no_unit_covers_is_split_between_its_banks():
    lake = layer([rect(300, 200, 900, 800)])
    shores = villages(rect(0, 0, 600, 1000).difference(lake.geometry[0]),
                      rect(600, 0, 1000, 1000).difference(lake.geometry[0]))  # fmt: skip
    laid = overlay_given(make_blocks(COUNTY, CROSS, water=lake), {"medium": shores})
    wet = laid[laid["water"]].to_crs(4549).dissolve("medium").area
    assert wet.sum() == pytest.approx(360e3, rel=0.01)
    assert wet.to_numpy() == pytest.approx([180e3, 180e3], rel=0.02)


def test_a_unit_that_is_all_water_gets_land():
    lake = layer([rect(500, 0, 1000, 1000)])
    laid = overlay_given(make_blocks(COUNTY, CROSS, water=lake), {"large": EAST_WEST})
    assert (~laid.loc[laid["large"] == "320299002", "water"]).sum() == 1
    assert laid.loc[laid["large"] == "320299001", "water"].any()
    assert any("320299002 is all water" in note for note in laid.attrs["given"].notes)


@pytest.mark.parametrize(
    ("within", "error", "says"),
    [
        ({}, LayerError, "no given level"),
        ({"large": EAST_WEST.rename(columns={"code": "id"})}, UnknownNameError, "no column 'code'; it has id, name"),
        ({"large": EAST_WEST.assign(code=["1", None])}, LayerError, "row 1: no code"),
        ({"large": EAST_WEST.iloc[:1]}, LayerError, r"no unit of 'large' covers.*399,\d+ m².*120\.3"),
        (
            {"large": villages(rect(0, 0, 600, 1000), rect(500, 0, 1000, 1000))},
            LayerError,
            "001001 and 320299001002.*overlap",
        ),
        ({"large": villages(rect(0, 0, 1000, 1000), rect(5000, 0, 6000, 1000))}, LayerError, "outside.*320299001002"),
        ({"large": EAST_WEST, "medium": villages(rect(0, 0, 1000, 1000), parent=["9"])}, LayerError, "parent '9'"),
        ({"large": EAST_WEST, "medium": villages(rect(0, 0, 1000, 1000))}, LayerError, "320299002.*given everywhere"),
    ],
)
def test_bad_given_layers_are_named(within, error, says):
    with pytest.raises(error, match=says):
        overlay_given(make_blocks(COUNTY, CROSS), within)


def test_numeric_codes_lose_their_point_zero():
    laid = overlay_given(make_blocks(COUNTY, CROSS), {"large": EAST_WEST.assign(code=[320299001.0, 320299002.0])})
    assert set(laid["large"]) == {"320299001", "320299002"}


def test_liechtenstein_under_its_municipalities(liechtenstein_blocks, shared):
    blocks = liechtenstein_blocks
    boundary = gpd.read_file(shared("liechtenstein/municipalities_11.geojson"))
    laid = overlay_given(blocks, {"large": boundary.rename(columns={"osm_id": "code"})})
    assert shapely.coverage_is_valid(laid.geometry.values)
    assert laid["households"].sum() == pytest.approx(blocks["households"].sum(), rel=1e-9)
    assert len(laid) < len(blocks) + 200
    report = laid.attrs["given"]
    grown = laid[["large", "geometry"]].to_crs(32632).dissolve("large").geometry
    lawful = boundary.assign(code=boundary["osm_id"].astype(str)).set_index("code").to_crs(32632).geometry
    changed = grown.symmetric_difference(lawful, align=True).area.sum() / 2
    assert changed < report.moved["footprint_m2"].sum()
    footprints = blocks.attrs["sources"].buildings[["geometry"]].to_crs(32632).reset_index(names="building")
    pieces = gpd.overlay(footprints, grown.reset_index(), keep_geom_type=True)
    held = pieces.assign(area=pieces.area).groupby("building")["area"]
    assert (held.sum() - held.max()).max() <= 0.6
