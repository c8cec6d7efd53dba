"""The public notice says what the plan and the roster say, shows nobody's name unasked, and fetches nothing."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from map_made import made_plan

from gridmap.errors import InputError, UnknownNameError
from gridmap.grids.plan import Plan
from gridmap.maps.notice import grid_notice
from gridmap.maps.notice_drawing import HEIGHT, WIDTH, draw
from gridmap.maps.notice_ground import ground_of
from gridmap.people.io import as_roster

AT = datetime(2026, 5, 1)
STEP = 0.01


@pytest.fixture(scope="module")
def plan():
    """Give nine boxes in rows of three, the middle one of them "5"; names by where they lie."""
    shapes = {str(3 * row + column + 1): (column, 2 - row) for row in range(3) for column in range(3)}
    boxes = [
        shapely.box(120 + x * STEP, 31 + y * STEP, 120 + (x + 1) * STEP, 31 + (y + 1) * STEP)
        for x, y in shapes.values()
    ]
    layer = gpd.GeoDataFrame(
        {"code": list(shapes), "name": [f"第{code}网格" for code in shapes], "households": 321.0},
        geometry=boxes,
        crs=4490,
    )
    return Plan.from_layers({"small": layer}, name="name")


@pytest.fixture(scope="module")
def streets():
    """Give a street along the east border of grid 5, and one far inside it."""
    east, inside = 120 + 2 * STEP, 120 + 1.5 * STEP
    lines = [shapely.LineString([(x, 31 + STEP), (x, 31 + 2 * STEP)]) for x in (east + 0.00005, inside)]
    return gpd.GeoDataFrame({"name": ["春潮路", "内街"], "highway": "tertiary"}, geometry=lines, crs=4326)


@pytest.fixture(scope="module")
def roster():
    rows = [
        ("1", "欧阳清风", "13911112222", "网格长", "*", "True", None, None),
        ("2", "司马长河", "13733334444", "网格员", "E0203;S01", "False", "2026-03-01", None),
        ("3", "诸葛大江", "18655556666", "网格员", "*", "False", "2025-01-01", "2026-03-01"),
    ]
    columns = ["person_id", "name", "phone", "role", "duties", "primary", "valid_from", "valid_to"]
    return as_roster(pd.DataFrame(rows, columns=columns).assign(grid="5"))


def words(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_names_and_phones_are_masked_unless_they_are_asked_for(plan, roster):
    page = grid_notice(plan, "5", roster=roster, at=AT)
    assert "欧阳**" not in page
    assert "欧***" in page
    assert "139****2222" in page
    assert not any(secret in page for secret in ("欧阳", "司马长河", "13911112222", "13733334444"))
    full = grid_notice(plan, "5", roster=roster, at=AT, full_names=True)
    assert all(known in full for known in ("欧阳清风", "司马长河", "13911112222", "13733334444"))
    for each in (page, full):
        assert "诸" not in each  # until March alone
        assert "E0203、S01" in each


def test_people_are_those_of_the_day(plan, roster):
    assert "诸***" in grid_notice(plan, "5", roster=roster, at=datetime(2026, 2, 1))
    assert "暂无人员" in grid_notice(plan, "4", roster=roster, at=AT)
    assert "未提供花名册" in grid_notice(plan, "5", at=AT)


def test_a_street_that_follows_the_border_bounds_it_else_the_neighbour_there(plan, streets):
    assert "东至第6网格，南至第8网格，西至第4网格，北至第2网格" in grid_notice(plan, "5", at=AT)
    assert "东至春潮路，南至第8网格，西至第4网格，北至第2网格" in grid_notice(plan, "5", streets=streets, at=AT)
    assert "东至第2网格，南至第4网格 " in words(grid_notice(plan, "1", at=AT)).replace("\n", " ") + " "


def test_the_sheet_says_what_the_plan_records(plan):
    said = words(grid_notice(plan, "5", at=AT, contact="0510-80000000", supervision="12345"))
    area = plan["small"].loc["5", "area_m2"]
    for part in ("第5网格", "321 户", f"{area / 1e4:.2f} 公顷" if area < 1e6 else f"{area / 1e6:.2f} 平方公里",
                 "0510-80000000", "12345", "2026-05-01", plan.version):  # fmt: skip
        assert part in said
    with pytest.raises(UnknownNameError):
        grid_notice(plan, "99", at=AT)


def test_whatever_a_name_holds_stays_text_and_nothing_is_fetched(plan, streets):
    layer = plan["small"]
    layer["name"] = '<script>alert("x")</script>&'
    odd = replace(plan, layers={"small": layer})
    named = streets.assign(name="<img src=x onerror=y>")
    page = grid_notice(odd, "5", streets=named, at=AT)
    assert not re.search(r"<(script|img|link|iframe|object|image|use)\b", page)
    assert "&lt;script&gt;" in page
    assert not re.search(r"<[^>]*\s(?:src|href)\s*=|url\((?!#)", page)
    ET.fromstring(
        re.search(r"<svg.*</svg>", page, re.DOTALL)[0]
    )  # the drawing is well-formed, whatever is written in it


def test_the_drawing_is_to_scale_and_the_grid_is_on_the_sheet_whole():
    made = made_plan(smalls=30, mediums=4, larges=2, micros=2)
    for level in ("large", "small", "micro"):
        code = made[level].index[0]
        ground = ground_of(made, code, level, None)
        west, south, east, north = ground.window
        assert shapely.box(*ground.window).contains(ground.shape)
        assert (east - west) / (north - south) == pytest.approx(WIDTH / HEIGHT)
        svg = ET.fromstring(draw(ground))
        bar = next(each for each in svg.iter() if each.get("class") == "scale")
        path, label = bar[1].get("d"), bar[2].text
        length = float(re.search(r"h([\d.]+)", path)[1])
        metres = float(label.split()[0]) * (1000 if "公里" in label else 1)
        assert length * (east - west) / WIDTH == pytest.approx(metres, rel=1e-2)
        assert str(metres)[0] in "125"
        area = made[level].loc[code, "area_m2"]
        assert ground.shape.area == pytest.approx(area, rel=0.01)


def test_codes_that_imported_layers_have_twice_and_grids_without_ground(plan):
    layer = plan["small"].reset_index()
    twice = Plan.from_layers({"small": layer.assign(code=["5", *layer["code"][1:]])}, name="name")
    assert "公示牌" in grid_notice(twice, "5", at=AT)
    bare = layer.set_index("code")
    bare.loc["5", "geometry"] = shapely.Polygon()
    with pytest.raises(InputError, match="no ground"):
        grid_notice(replace(plan, layers={"small": bare}), "5", at=AT)
