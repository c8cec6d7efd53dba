"""Blocks: what bounds them, what is water, what is a sliver, and that they tile."""

from __future__ import annotations

import copy

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon

from gridmap.errors import CrsError, LayerError, UnknownNameError
from gridmap.geo.crs import to_storage
from gridmap.grids.blocks import BLOCK_COLUMNS, Weights, make_blocks

from made_layers import at, layer, line, rect  # isort: skip


def streets(*rows, **more):
    return layer([line(*points) for _, points in rows], highway=[kind for kind, _ in rows], **more)


BOW_TIE = Polygon([at(0, 0), at(900, 900), at(900, 0), at(0, 900)])
COUNTY = layer([rect(0, 0, 1000, 1000)])
CROSS = streets(("primary", [(-50, 500), (1050, 500)]), ("residential", [(400, -50), (400, 1050)]))


def assert_tiles(blocks, boundary):
    geometry = blocks.geometry.values
    assert shapely.coverage_is_valid(geometry)
    assert set(shapely.get_type_id(geometry)) == {3}
    assert shapely.is_valid(geometry).all()
    county = shapely.union_all(to_storage(boundary).geometry.values)
    # in degrees, where edges are straight; each vertex put on the boundary may move it by half the storage grid
    assert shapely.area(geometry).sum() == pytest.approx(county.area, rel=1e-8)
    assert shapely.area(shapely.coverage_union_all(geometry)) == pytest.approx(shapely.area(geometry).sum(), rel=1e-12)
    assert blocks["block"].tolist() == list(range(len(blocks)))


def test_streets_cut_and_the_order_is_north_to_south():
    blocks = make_blocks(COUNTY, CROSS)
    assert tuple(blocks.columns) == BLOCK_COLUMNS
    assert_tiles(blocks, COUNTY)
    assert len(blocks) == 4
    assert blocks.geometry.representative_point().y.round(6).is_monotonic_decreasing
    assert (blocks["households"] == 0).all()


@pytest.mark.parametrize(
    ("highway", "tunnel", "blocks"),
    [
        ("motorway", None, 2),
        ("living_street", "no", 2),
        ("track", None, 2),
        ("footway", None, 1),
        ("steps", None, 1),
        ("cycleway", None, 1),
        ("service", None, 1),
        ("construction", None, 1),
        ("primary", "yes", 1),
        ("residential", "building_passage", 2),
    ],
)
def test_which_streets_bound_blocks(highway, tunnel, blocks):
    crossing = streets((highway, [(500, -50), (500, 1050)]), tunnel=[tunnel])
    assert len(make_blocks(COUNTY, crossing)) == blocks


def test_an_underpass_does_not_end_its_street():
    rows = streets(
        ("primary", [(500, -50), (500, 480)]),
        ("primary", [(500, 480), (500, 520)]),
        ("primary", [(500, 520), (500, 1050)]),
        tunnel=[None, "yes", None],
    )
    assert len(make_blocks(COUNTY, rows)) == 2


def test_dead_ends_vanish():
    blocks = make_blocks(COUNTY, streets(("residential", [(500, -50), (500, 800)])))
    assert len(blocks) == 1
    assert len(blocks.geometry.iloc[0].interiors) == 0


def test_railways_and_rivers_bound_blocks_but_undergrounds_and_ditches_do_not():
    rail = layer([line((500, -50), (500, 1050)), line((700, -50), (700, 1050))], railway=["rail", "subway"])
    rivers = layer([line((-50, 300), (1050, 300)), line((-50, 600), (1050, 600))], waterway=["canal", "ditch"])
    blocks = make_blocks(COUNTY, streets(("footway", [(0, 0), (9, 9)])), rail=rail, water=rivers)
    assert len(blocks) == 4
    assert not blocks["water"].any()


def test_water_becomes_faces_and_its_middle_line_does_not_cut_it():
    river = layer(
        [rect(-50, 600, 1050, 640), line((-50, 620), (1050, 620)), rect(100, 100, 130, 130), rect(700, 100, 800, 200)],
        waterway=[None, "river", None, None],
    )
    blocks = make_blocks(COUNTY, CROSS, water=river)
    assert_tiles(blocks, COUNTY)
    water = blocks[blocks["water"]].to_crs(4549)
    # a bridge cuts the river in two; the pond of 900 m² is part of its block, the lake of 10,000 m² is not
    assert len(water) == 3
    assert water.area.sum() == pytest.approx(40 * 1000 + 100 * 100, rel=0.01)


def test_a_small_island_is_part_of_the_lake_and_a_large_one_is_land():
    def lake(island):
        hole = rect(500, 500, 500 + island, 500 + island).exterior
        return layer([Polygon(rect(200, 200, 900, 900).exterior, [hole])])

    nothing = streets(("footway", [(0, 0), (9, 9)]))
    assert len(make_blocks(COUNTY, nothing, water=lake(30))) == 2
    assert len(make_blocks(COUNTY, nothing, water=lake(100))) == 3


def test_medians_and_traffic_islands_go_to_a_neighbour():
    dual = streets(
        ("trunk", [(-50, 500), (1050, 500)]),
        ("trunk", [(-50, 516), (1050, 516)]),
        ("residential", [(400, -50), (400, 1050)]),
        ("tertiary", [*[(400 + 10 * np.cos(t), 500 + 10 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 24)]]),
    )
    blocks = make_blocks(COUNTY, dual)
    assert_tiles(blocks, COUNTY)
    assert len(blocks) == 4


def test_a_strip_with_houses_on_it_stays():
    rows = streets(("residential", [(-50, 500), (1050, 500)]), ("residential", [(-50, 516), (1050, 516)]))
    house = layer([rect(500, 504, 512, 512)])
    assert len(make_blocks(COUNTY, rows)) == 2
    assert len(make_blocks(COUNTY, rows, buildings=house)) == 3


def test_slivers_of_water_never_become_land():
    # two streets leave a strip of 0.5 m and one of 12 m of the river between them
    river = layer([rect(-50, 600, 1050, 640)])
    bridges = streets(*[("primary", [(x, -50), (x, 1050)]) for x in (400, 400.5, 404)])
    blocks = make_blocks(COUNTY, bridges, water=river)
    assert_tiles(blocks, COUNTY)
    assert blocks[blocks["water"]].to_crs(4549).area.sum() == pytest.approx(40 * 1000, rel=0.01)
    assert len(blocks) == 6


def test_a_boundary_in_two_parts_and_closed_lines_are_taken():
    two = layer([MultiPolygon([rect(0, 0, 400, 1000), rect(600, 0, 1000, 1000)])])
    blocks = make_blocks(two, CROSS)
    assert_tiles(blocks, two)
    assert len(blocks) == 4
    ring = layer([rect(0, 0, 1000, 1000).exterior])
    assert len(make_blocks(ring, CROSS)) == 4


def test_the_rows_of_a_boundary_are_joined_and_seams_between_them_filled():
    rows = layer([rect(0, 0, 500.2, 1000), rect(500.6, 0, 1000, 1000), rect(500.2, 0, 500.6, 300),
                  rect(500.2, 301, 500.6, 1000)])  # fmt: skip
    blocks = make_blocks(rows, CROSS)
    assert len(blocks) == 4
    assert all(len(block.interiors) == 0 for block in blocks.geometry)


def test_the_order_of_the_streets_does_not_matter(shared):
    roads = gpd.read_file(shared("xinwu/roads.gpkg")).iloc[:1500]
    boundary = gpd.read_file(shared("xinwu/boundary.gpkg"))
    one = make_blocks(boundary, roads)
    other = make_blocks(boundary, roads.sample(frac=1, random_state=1))
    assert len(one) == len(other)
    assert shapely.equals(one.geometry.values, other.geometry.values).all()


def test_any_crs_gives_the_same_blocks():
    here, there = make_blocks(COUNTY, CROSS), make_blocks(COUNTY.to_crs(4549), CROSS.to_crs(32650))
    assert here.crs == there.crs == "EPSG:4490"
    gap = shapely.hausdorff_distance(here.geometry.values, there.geometry.values)
    assert gap.max() < 1e-6  # straight in metres and straight in degrees are not the same line
    abroad = [frame.set_geometry(frame.translate(-110, 0), crs=4326) for frame in (COUNTY, CROSS)]
    assert make_blocks(*abroad).crs == "EPSG:4326"


def test_sources_travel_with_the_blocks():
    blocks = make_blocks(COUNTY, CROSS, buildings=layer([rect(10, 10, 20, 20)]))
    sources = blocks.attrs["sources"]
    assert blocks.copy().attrs["sources"] is sources
    assert blocks[blocks["households"] > 0].attrs["sources"] is sources
    assert copy.deepcopy(blocks.attrs)["sources"] is sources
    assert len(sources.streets) == 2
    assert sources.weights is None
    assert sources.buildings["households"].tolist() == pytest.approx([1.0], rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"boundary": layer([rect(0, 0, 9, 9)]).set_crs(None, allow_override=True)}, CrsError, "CRS"),
        ({"boundary": layer([line((0, 0), (900, 0), (900, 900))])}, LayerError, "not closed.*120.3"),
        (
            {"boundary": layer([Polygon([at(0, 0), at(900, 900), at(900, 0), at(0, 900)])])},
            LayerError,
            "row 0.*Self-int",
        ),
        ({"boundary": layer([])}, LayerError, "boundary"),
        ({"streets": streets(("primary", [(5000, 0), (6000, 0)]))}, LayerError, "none of the 1 streets.*right CRS"),
        ({"streets": layer([], highway=[])}, LayerError, "streets"),
        ({"water": layer([Polygon()])}, LayerError, "water"),
        ({"buildings": layer([Polygon()])}, LayerError, "buildings"),
        ({"weights": Weights(layer([rect(0, 0, 9, 9)], n=[1]), "people")}, UnknownNameError, "'people'; they have n"),
        ({"weights": Weights(layer([rect(0, 0, 9, 9)], n=[-1.0]), "n")}, LayerError, "row 0: n is -1"),
        ({"weights": Weights(layer([rect(0, 0, 9, 9)], n=["few"]), "n")}, LayerError, "row 0: n is few"),
        ({"weights": Weights(layer([rect(0, 0, 9, 9)], n=[1]), "n", 0)}, LayerError, "divisor"),
        ({"buildings": layer([rect(0, 0, 9, 9)], households=["x"])}, LayerError, "row 0: households"),
    ],
)
def test_bad_input_is_named(arguments, error, says):
    with pytest.raises(error, match=says):
        make_blocks(**{"boundary": COUNTY, "streets": CROSS, **arguments})


def test_a_multipoint_among_the_streets_is_passed_over():
    rows = gpd.GeoDataFrame({"highway": ["primary", "primary"]}, crs=4490,
                            geometry=[line((-50, 500), (1050, 500)), Point(*at(5, 5))])  # fmt: skip
    assert len(make_blocks(COUNTY, rows)) == 2


def test_xinwu_tiles_its_boundary(shared):
    boundary = gpd.read_file(shared("xinwu/boundary.gpkg"))
    cells = gpd.read_file(shared("xinwu/built_form_250m.gpkg"))
    blocks = make_blocks(
        boundary,
        shared("xinwu/roads.gpkg"),
        water=shared("xinwu/water.gpkg"),
        weights=Weights(cells, "area_residential_m2", 100),
    )
    assert_tiles(blocks, boundary)
    assert blocks["households"].sum() == pytest.approx(cells["area_residential_m2"].sum() / 100, rel=1e-9)
    assert (blocks.loc[blocks["water"], "households"] == 0).all()
    metres = blocks.to_crs(4549)
    assert metres.area[blocks["water"]].sum() == pytest.approx(21.4e6, rel=0.01)
    assert metres.area[blocks["water"]].max() == pytest.approx(16.8e6, rel=0.01)
    assert metres.area[~blocks["water"]].min() >= 500
    assert 1500 < len(blocks) < 3000
