"""The town's addresses, asked the way people write them: what must hold of every answer, and what of none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap import Geocoder
from gridmap.address.build import Given, build_index
from gridmap.address.index import AddressIndex
from gridmap.address.model import MATCH_TYPES
from gridmap.address.parse import parse_address
from gridmap.errors import InputError
from tests.addresses_made import HOSTILE, geocoder, listed

SPOKEN = "零一二三四五六七八九"
ROWS = listed()
ADDRESSES = tuple(ROWS["address"])
PLATES = ROWS[~ROWS["address"].str.contains("栋") & (ROWS["number"].astype(int) < 100)].reset_index(drop=True)
some_row = st.integers(0, len(ROWS) - 1)
some_plate = st.integers(0, len(PLATES) - 1)


def spoken(number: int) -> str:
    """Write a number below a hundred as it is said."""
    tens, ones = divmod(number, 10)
    return (
        ("" if tens == 1 else SPOKEN[tens] if tens else "")
        + ("十" if tens else "")
        + (SPOKEN[ones] if ones or not tens else "")
    )


def is_at(found, row) -> bool:
    return (found.lon, found.lat) == (row.lon, row.lat)


def test_a_listed_address_is_found_at_its_own_place():
    geo = geocoder()
    for row in ROWS.iloc[::5].itertuples():
        found = geo.geocode(row.address)
        assert found.match_type == "exact", row.address
        assert (found.outcome, found.address) == ("matched", row.address)
        assert is_at(found, row)
        assert found.confidence >= 0.9
        assert (found.town, found.community) == (row.town, row.community)


WRITTEN = {
    "in full": lambda row: f"江苏省无锡市锡澄县{row.address}",
    "without suffixes": lambda row: f"江苏无锡{row.address}",
    "county twice": lambda row: f"锡澄县锡澄县{row.address}",
    "full-width": lambda row: row.address.translate({ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789"}),
    "with blanks": lambda row: row.address.replace("镇", "镇 ").replace("号", " 号"),
    "幢": lambda row: row.address.replace("栋", "幢"),
    "号楼": lambda row: row.address.replace("栋", "号楼"),
    "a unit, a floor, a room": lambda row: f"{row.address}2单元3楼302室",
    "a note behind": lambda row: f"{row.address}（门口有狗，请尽快）",
    "traditional": lambda row: row.address.translate(str.maketrans("镇号栋东华庄泾桥", "鎮號棟東華莊涇橋")),
    "the town twice": lambda row: f"{row.town}{row.address}",
    "short of the town's word": lambda row: row.address.replace("花山镇", "花山"),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@given(some_row)
@settings(max_examples=10, deadline=None)
def test_how_it_is_written_changes_nothing(written, at):
    row = ROWS.iloc[at]
    found = geocoder().geocode(written(row))
    assert is_at(found, row)
    assert found.match_type in ("exact", "building")
    assert found.confidence >= 0.9


@given(some_plate)
@settings(max_examples=40, deadline=None)
def test_a_spoken_number_is_the_number(at):
    row = PLATES.iloc[at]
    number = int(row.number)
    text = row.address.replace(f"{number}号", f"{spoken(number)}号")
    assert is_at(geocoder().geocode(text), row)


@given(some_plate, st.integers(1, 400))
@settings(max_examples=50, deadline=None)
def test_a_number_is_only_ever_itself(at, number):
    """Whatever number is asked: it is listed and answered, or it is not and no other is claimed."""
    row = PLATES.iloc[at]
    front = row.address[: row.address.rindex(row.number)]
    found = geocoder().geocode(f"{front}{number}号")
    if any(each.startswith(f"{front}{number}号") for each in ADDRESSES):
        assert found.address.startswith(f"{front}{number}号")
    else:
        assert found.confidence < 0.9
        assert found.match_type not in ("exact", "building")


def left_out(at: int) -> Geocoder:
    return Geocoder(build_index(Given(ROWS.drop(index=at))).index)


@pytest.mark.parametrize("at", [0, 400, 1100])
def test_what_is_not_listed_is_no_neighbour(at):
    row = ROWS.iloc[at]
    found = left_out(at).geocode(row.address)
    assert found.confidence < 0.9
    assert found.match_type not in ("exact", "building")
    # Yet its place is not far: the neighbours are.
    away = math.hypot((found.lon - row.lon) * 95_000, (found.lat - row.lat) * 111_000)
    assert away <= max(found.accuracy_m, 150)


def test_an_interpolated_number_lies_between_its_neighbours_of_the_same_side():
    rows = pd.DataFrame({
        "town": "花山镇", "street": "虹桥路", "number": ["1", "3", "7", "2", "4", "8"],
        "lon": [120.300, 120.301, 120.303, 120.300, 120.301, 120.303], "lat": [31.5] * 3 + [31.5004] * 3,
    })  # fmt: skip
    geo = Geocoder(build_index(rows).index)
    odd, even = geo.geocode("虹桥路5号"), geo.geocode("虹桥路6号")
    assert (odd.match_type, even.match_type) == ("interpolated", "interpolated")
    assert (odd.lon, odd.lat) == (pytest.approx(120.302), pytest.approx(31.5))
    assert (even.lon, even.lat) == (pytest.approx(120.302), pytest.approx(31.5004))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_names_no_place_gets_no_point(text):
    found = geocoder().geocode(text)
    assert found.outcome in ("invalid", "not_found", "elsewhere")
    assert math.isnan(found.lon)
    assert found.match_type == ""
    assert found.confidence == 0
    assert found.reason


def test_an_address_of_another_county_says_so():
    found = geocoder().geocode("江苏省南京市江宁区虹桥路13号")
    assert found.outcome == "elsewhere"
    assert "南京市" in found.reason
    assert all(each.confidence == 0 for each in found.candidates)


def test_of_two_roads_of_one_name_both_are_named_with_what_tells_them_apart():
    rows = pd.DataFrame({
        "town": ["花山镇", "云亭镇"], "street": "人民路", "number": "5", "lon": [120.30, 120.40], "lat": [31.50, 31.55],
    })  # fmt: skip
    geo = Geocoder(build_index(rows).index)
    found = geo.geocode("人民路5号")
    assert found.outcome == "ambiguous"
    assert found.confidence < 0.9
    assert {each.differs for each in found.candidates} == {"花山镇", "云亭镇"}
    assert "花山镇" in found.reason
    assert geo.geocode("云亭镇人民路5号").candidates[0].address == "云亭镇人民路5号"
    assert geo.geocode("云亭镇人民路5号").outcome == "matched"


def test_two_estates_of_one_name_are_told_apart():
    rows = pd.DataFrame({
        "town": ["花山镇", "云亭镇"], "street": ["虹桥路", "花东路"], "number": ["1", "2"], "estate": "文昌花园",
        "building": "3", "lon": [120.30, 120.40], "lat": [31.50, 31.55],
    })  # fmt: skip
    found = Geocoder(build_index(rows).index).geocode("文昌花园3栋2单元")
    assert found.outcome == "ambiguous"
    assert len(found.candidates) == 2


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_whatever_is_asked_something_is_answered(text):
    found = geocoder().geocode(text)
    assert found.match_type in ("", *MATCH_TYPES)
    assert 0 <= found.confidence <= 1
    assert float(found.weights.sum()) <= 1 + 1e-9
    assert len(found.weights) == len(found.points)
    for element in found.elements:
        assert text[element.start : element.end] == element.text
    for span in found.unmatched:
        assert text[span.start : span.end] == span.text


@given(some_row, st.text(alphabet="花山镇虹桥路号栋一二三十1234-之甲 旁边", max_size=12))
@settings(max_examples=60, deadline=None)
def test_more_text_never_makes_another_place_sure(at, more):
    """A listed address followed by noise is answered by itself, by what is more exactly there, or without certainty."""
    row = ROWS.iloc[at]
    found = geocoder().geocode(f"{row.address}，{more}")
    assert found.confidence < 0.9 or found.address.startswith(row.address)


def test_elements_say_what_was_understood_and_where():
    row = ROWS[ROWS["address"].str.contains("栋")].iloc[0]
    text = f"江苏省无锡市锡澄县{row.address}2单元301，联系电话13800000000"
    found = geocoder().geocode(text)
    codes = {element.kind: (element.code, element.matched) for element in found.elements}
    assert codes["province"] == codes["city"] == codes["county"] == (10, True)
    assert codes["town"] == (20, True)
    assert codes["street"] == (40, True)
    assert codes["plate"] == (50, True)
    assert codes["building"] == (60, True)
    assert codes["unit"] == (70, False)
    assert found.reason


@pytest.mark.parametrize(
    "inside", ["", "2栋", "2栋301", "2-301", "2栋4楼之3", "2栋B1", "-2-501", "3栋2单元501室", "之1"]
)
def test_numbers_are_what_they_are_without_the_list(inside):
    """What a number is called is one rule: of the address found, and of the text taken apart by itself."""
    text = f"{PLATES['address'].iloc[0]}{inside}"
    told, parsed = ([each for each in found.elements if 50 <= each.code <= 80]
                    for found in (geocoder().geocode(text), parse_address(text)))  # fmt: skip
    assert [replace(each, matched=None) for each in told] == parsed


def test_many_are_answered_as_each():
    texts = [*ROWS["address"].head(20), "", "没有这个地方"]
    frame = geocoder().geocode_many(texts)
    assert frame.index.equals(pd.RangeIndex(len(texts)))
    for text, row in zip(texts, frame.itertuples(), strict=True):
        found = geocoder().geocode(text)
        assert (row.outcome, row.match_type, row.confidence) == (found.outcome, found.match_type, found.confidence)
    assert np.isnan(frame["lon"].iloc[-1])


def test_there_and_back_again():
    for row in ROWS.iloc[::40].itertuples():
        near = geocoder().reverse(row.lon, row.lat)
        assert (near.outcome, near.address) == ("matched", row.address)
        assert near.distance_m < 0.01
    assert geocoder().reverse(120.9, 31.9).outcome == "far"
    assert geocoder().reverse(math.nan, 31.5).outcome == "invalid"
    assert geocoder().reverse(120.3, 31.5, crs="nowhere").outcome == "invalid"


def test_what_is_suggested_is_found():
    for text in ("花", "花山镇", "hq", "hongqiao", "虹桥路1"):
        suggestions = geocoder().autocomplete(text)
        assert suggestions, text
        for each in suggestions:
            found = geocoder().geocode(each.text)
            assert found.outcome in ("matched", "ambiguous"), each.text


def test_an_address_the_list_has_at_two_places_is_not_sure():
    rows = pd.DataFrame({
        "town": "花山镇", "street": "虹桥路", "number": ["1", "1", "3"],
        "lon": [120.300, 120.305, 120.301], "lat": 31.5,
    })  # fmt: skip
    geo = Geocoder(build_index(rows).index)
    twice, once = geo.geocode("花山镇虹桥路1号"), geo.geocode("花山镇虹桥路3号")
    assert twice.confidence < 0.9 <= once.confidence
    assert "两处" in twice.reason


def test_an_address_without_a_position_is_found_and_has_no_point():
    rows = pd.DataFrame({
        "town": "花山镇", "street": "虹桥路", "number": ["1", "3"], "lon": [120.3, None], "lat": [31.5, None],
    })  # fmt: skip
    found = Geocoder(build_index(rows).index).geocode("花山镇虹桥路3号")
    assert (found.outcome, found.match_type, found.address) == ("matched", "exact", "花山镇虹桥路3号")
    assert math.isnan(found.lon)
    assert "坐标" in found.reason


FOREIGN = ("四川省成都市", "江西省九江市", "三亚市", "江苏省南京市", "南京市江宁区", "泗阳县", "宜兴市", "苏州市昆山市")
OURS = (
    "江苏省无锡市锡澄县",
    "江苏无锡",
    "锡澄县锡澄县",
    "在锡澄县",
    "我在江苏省锡澄县",
    "本县",
    "锡澄区",
    "王先生反映：锡澄县",
    "地址：",
    "24. 无锡市锡澄县",
)


@pytest.mark.parametrize("front", FOREIGN)
def test_an_address_of_elsewhere_is_never_one_of_ours(front):
    found = geocoder().geocode(front + ROWS["address"].iloc[0])
    assert found.outcome == "elsewhere"


@pytest.mark.parametrize("front", OURS)
def test_an_address_of_ours_is_not_of_elsewhere(front):
    found = geocoder().geocode(front + ROWS["address"].iloc[0])
    assert found.address == ROWS["address"].iloc[0]
    assert found.confidence >= 0.9


TWO = (
    "花山镇虹桥路13、15号",
    "花山镇虹桥路13号、15号",
    "花山镇虹桥路13号到15号",
    "花山镇虹桥路13号1栋或者2栋",
    "花山镇虹桥路13号和清浦街1号",
)


@pytest.mark.parametrize("text", TWO)
def test_two_addresses_in_one_text_are_not_one_for_sure(text):
    assert geocoder().geocode(text).confidence < 0.9


@pytest.mark.parametrize("note", ["联系人李四", "五金店门口", "（三只松鼠）", "有3栋房子", "身高1米8"])
def test_a_number_in_a_note_is_no_number_of_the_address(note):
    found = geocoder().geocode("花山镇虹桥路13号，" + note)
    assert found.match_type not in ("exact",)
    assert found.address == "花山镇虹桥路13号"


def test_the_first_index_of_another_version_says_build_it_anew(tmp_path):
    content = bytearray(bytes(geocoder()._index.content))
    at = content.index(b'"node_key"')
    content[at : at + 10] = b'"nodekeys"'
    with pytest.raises(InputError):
        AddressIndex.from_bytes(np.frombuffer(bytes(content), dtype=np.uint8))
