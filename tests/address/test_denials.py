"""What denies a place: another town, community, estate or number, a word like 对面. Nothing denied is given for sure.

The list is made: two towns that have a road and a hamlet of one name each, an estate behind a door, a village with
numbers of its own, two landmarks.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import pandas as pd
import pytest

from gridmap import Geocoder
from gridmap.address.build import Given, build_index
from gridmap.address.model import Geocoding
from gridmap.address.place import SURE
from gridmap.address.region import Region

COLUMNS = ["town", "community", "street", "number", "estate", "building", "lon", "lat"]
ROWS = pd.DataFrame(
    [
        ("花山镇", "和湾社区", "虹桥路", "13", "春城小区", "1", 120.300, 31.500),
        ("花山镇", "和湾社区", "虹桥路", "13", "春城小区", "2", 120.301, 31.501),
        ("花山镇", "和湾社区", "虹桥路", "15", "", "", 120.303, 31.500),
        ("花山镇", "和湾社区", "虹桥路", "17", "", "", 120.305, 31.500),
        ("花山镇", "和湾社区", "人民路", "5", "", "", 120.300, 31.505),
        ("花山镇", "秋山村", "唐家村", "3", "", "", 120.320, 31.510),
        ("花山镇", "秋山村", "", "8", "", "", 120.322, 31.512),
        ("云亭镇", "月城社区", "人民路", "5", "", "", 120.400, 31.550),
        ("云亭镇", "月城社区", "人民路", "7", "", "", 120.402, 31.550),
        ("云亭镇", "月城社区", "花东路", "2", "文昌花园", "3", 120.404, 31.552),
        ("云亭镇", "兰林村", "唐家村", "3", "", "", 120.420, 31.560),
        ("云亭镇", "兰林村", "唐家村", "6", "", "", 120.421, 31.560),
    ],
    columns=COLUMNS,
)
PLACES = pd.DataFrame(
    [("花山医院", "hospital", 120.3045, 31.5003, 2, 1), ("文昌桥", "bridge", 120.403, 31.551, 3, 1)],
    columns=["name", "kind", "lon", "lat", "line", "source"],
)


@cache
def made() -> Geocoder:
    sources = ("list.csv", "places.csv")
    region = Region("江苏省", "无锡市", "锡澄县")
    return Geocoder(build_index(Given(ROWS, PLACES, region=region, sources=sources)).index)


def row_at(found: Geocoding) -> pd.Series:
    """Return the one row of the list at the point that was answered."""
    (at,) = ROWS.index[(ROWS["lon"] == found.lon) & (ROWS["lat"] == found.lat)]
    return ROWS.loc[at]


def is_sure(text: str) -> bool:
    return made().geocode(text).confidence >= SURE


@pytest.mark.parametrize("short", [False, True], ids=["in full", "without suffixes"])
def test_what_is_given_for_sure_contradicts_nothing_that_was_said(short):
    """Every town with every community, road, number and estate; most of these addresses do not exist."""
    towns, communities = ["", "花山镇", "云亭镇"], ["", "和湾社区", "秋山村", "月城社区", "兰林村"]
    streets, numbers = ["虹桥路", "人民路", "花东路", "唐家村"], ["3", "5", "13", "15"]
    sure = 0
    for town, community, street, number, estate in product(towns, communities, streets, numbers, ["", "春城小区"]):
        ends = (town[:2], community[:2]) if short else (town, community)
        text = f"{''.join(ends)}{street}{number}号{estate}"
        found = made().geocode(text)
        if found.confidence >= SURE:
            row = row_at(found)
            said = {"town": town, "community": community, "street": street, "number": number, "estate": estate}
            assert all(row[name] == value for name, value in said.items() if value), (text, found.address)
            sure += 1
    assert sure >= 16


@pytest.mark.parametrize(
    "text", ["云亭镇虹桥路15号", "花山镇月城社区虹桥路15号", "花山镇兰林村唐家村3号", "云亭镇虹桥路13号2栋"]
)
def test_a_town_or_community_in_full_denies_every_door_of_another(text):
    """Not only is it not sure: no door is named for likely."""
    found = made().geocode(text)
    assert found.match_type not in ("exact", "building") or found.confidence < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "花山镇虹桥路15号", "花山镇和湾社区虹桥路15号", "花山镇虹桥路13号2栋", "花山镇春城小区2栋",
        "云亭镇人民路5号", "花山镇秋山村8号", "花山镇秋山村唐家村3号", "云亭镇兰林村唐家村3号",
        "花山镇虹桥路13号春城小区2栋", "云亭镇花东路2号文昌花园3栋", "花山镇虹桥路15号门口",

    ],
)  # fmt: skip
def test_what_nothing_denies_is_sure(text):
    """Otherwise what follows would be true of a geocoder that is never sure."""
    assert is_sure(text)


ASIDE = ("对面", "斜对面", "旁边", "隔壁", "附近", "后面", "后面第二栋", "前面那栋", "往东100米", "东侧", "马路对面")


@pytest.mark.parametrize(
    "place",
    [
        "花山镇虹桥路15号", "花山镇虹桥路13号", "花山镇虹桥路13号2栋", "花山镇春城小区2栋", "花山镇春城小区",
        "花山镇花山医院", "花山镇虹桥路花山医院",
    ],
)  # fmt: skip
def test_what_is_beside_a_place_is_not_the_place(place):
    assert [aside for aside in ASIDE if is_sure(place + aside)] == []


@pytest.mark.parametrize(
    "text",
    [
        "花山镇虹桥路19号", "花山镇虹桥路14号", "花山镇虹桥路150号", "花山镇虹桥路5号", "花山镇虹桥路15-1号",
        "花山镇虹桥路15号之1", "花山镇虹桥路15甲号", "花山镇虹桥路甲15号", "花山镇虹桥路临15号",
        "花山镇虹桥路13号3栋", "花山镇春城小区3栋", "花山镇虹桥路2栋", "花山镇虹桥二路15号",
        "花山镇虹桥东路15号", "花山镇虹桥路15弄2号",
    ],
)  # fmt: skip
def test_another_number_or_road_is_another_place(text):
    assert not is_sure(text)


@pytest.mark.parametrize(
    "text",
    [
        "花山镇秋山村3号",  # the hamlet's, or nobody's
        "花山镇秋山村唐家村8号",  # the village's number is not the hamlet's
        "花山镇唐家村8号",
        "花山镇唐家村6号",  # of the other town's hamlet
        "花山镇兰林村唐家村3号",
        "秋山村唐家村6号",
        "唐家村3号",
    ],
)
def test_a_villages_number_is_not_its_hamlets(text):
    assert not is_sure(text)


@pytest.mark.parametrize(
    "text",
    [
        "花山镇虹桥路有15人", "花山镇虹桥路往东15米", "花山镇虹桥路 电话15", "花山镇虹桥路门口有13辆车",
        "花山镇虹桥路下午5点", "花山镇虹桥路第15家店", "花山镇春城小区有2个人打架",
        "花山镇春城小区车库门口有2个人", "花山镇虹桥路着火，有15个人被困", "花山镇花山医院15楼对面",
    ],
)  # fmt: skip
def test_a_number_in_a_note_is_no_door(text):
    assert not is_sure(text)


@pytest.mark.parametrize("note", ["有2个人打架", "，电话17", "，我在3楼", "（17点后送）", "，门口有2辆车", "来2个人"])
def test_a_number_in_a_note_leaves_the_door_as_it_is(note):
    found = made().geocode(f"花山镇虹桥路15号{note}")
    assert found.address.startswith("花山镇虹桥路15号")
    assert (found.lon, found.lat) == (120.303, 31.500)


@pytest.mark.parametrize(
    "text",
    [
        "花山镇虹桥路15号人民路5号", "花山镇虹桥路15号和人民路5号", "花山镇虹桥路15号，人民路5号",
        "花山镇虹桥路15号与人民路5号之间", "花山镇人民路5号到虹桥路15号", "花山镇虹桥路15号到17号",
        "花山镇虹桥路15号和17号之间", "花山镇虹桥路15号或者17号", "花山镇虹桥路人民路口",
        "花山镇虹桥路和人民路交叉口", "云亭镇人民路5号花东路2号",
    ],
)  # fmt: skip
def test_of_two_places_named_neither_is_sure(text):
    assert not is_sure(text)


def test_a_landmark_on_a_road_is_the_place_and_not_the_road():
    for text in ("花山镇虹桥路花山医院", "虹桥路花山医院", "花山镇花山医院"):
        found = made().geocode(text)
        assert (found.outcome, found.lon, found.lat) == ("matched", 120.3045, 31.5003), text


@pytest.mark.parametrize(
    "text", ["云亭镇花山医院", "花山镇文昌桥", "云亭镇人民路花山医院", "云亭镇春城小区2栋", "月城社区春城小区2栋"]
)
def test_a_landmark_or_estate_of_another_town_is_not_sure(text):
    assert not is_sure(text)
