"""An address is taken apart by its words alone; nothing of it is lost, whatever the text."""

from __future__ import annotations

import csv
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.address.elements import NOTE_WORDS, RELATIONS, note_spans
from gridmap.address.model import ParsedAddress
from gridmap.address.parse import parse_address
from gridmap.address.script import DASHES, clean

ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "江苏省 无锡市 花山镇 城中街道 杨洲社区 中墩村 人民路 三元街 一段 巷 弄 锦绣花园 12 十二 号 之1 -3 栋 B座 单元 层"
    " 室 地下 文昌桥 旁边 对面 第二栋 （ ） ( 原红旗街 ， 13812345678 王先生 Main ㈱ ½ 🚒 a 百 零 e\u0301 与 第 # 负 上"
)
ADDRESS_LIKE = st.lists(st.sampled_from([*WORDS.split(), " "]), max_size=14).map("".join)
STEM = st.text("明华丰德昌锦绣福康林秋瑞安", min_size=2, max_size=3)


def named(words: str) -> st.SearchStrategy[str]:
    return st.builds(str.__add__, STEM, st.sampled_from(words.split()))


def numbered(words: str) -> st.SearchStrategy[str]:
    return st.builds(lambda number, word: f"{number}{word}", st.integers(1, 1999), st.sampled_from(words.split()))


PARTS = {
    "province": st.sampled_from(["江苏省", "内蒙古自治区", "浙江"]),
    "city": st.sampled_from(["无锡市", "景德镇市"]),
    "county": st.sampled_from(["锡澄县", "珠山区"]),
    "town": named("镇 乡 街道 街道办事处"),
    "community": named("社区 村 居委会 村委会"),
    "street": st.builds(str.__add__, named("路 街 大道 胡同"), st.sampled_from(["", "二段", "1段"])),
    "lane": numbered("巷"),
    "alley": numbered("弄"),
    "plate": st.builds(str.__add__, st.sampled_from(["", "甲", "临"]), numbered("号")),
    "estate": named("花园 小区 公寓 新村 大厦 花园二期"),
    "building": numbered("栋 幢 号楼 座"),
    "unit": numbered("单元"),
    "floor": numbered("层 楼"),
    "room": numbered("室"),
    "note": st.sampled_from(["旁边", "对面", "附近", "后面第二栋", "以北200米", "门口", "（后门进）"]),
}
CODES = {
    "province": 10, "city": 10, "county": 10, "town": 20, "community": 30, "street": 40, "lane": 40, "alley": 40,
    "estate": 40, "plate": 50, "building": 60, "unit": 70, "floor": 80, "room": 80, "note": 90,
}  # fmt: skip


def said(parsed: ParsedAddress) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in parsed.elements]


def assert_nothing_is_lost(text: str) -> None:
    parsed = parse_address(text)
    assert parsed.raw == text
    spans = sorted((each.start, each.end) for each in (*parsed.elements, *parsed.rest))
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(text[each.start : each.end] == each.text for each in (*parsed.elements, *parsed.rest))
    covered = {at for start, end in spans for at in range(start, end)}
    for at, character in enumerate(text):
        wanted = character.isalnum() or unicodedata.category(character) == "So"
        assert at in covered or not wanted or character in DASHES, (text, character)


@settings(max_examples=100)
@given(st.one_of(ADDRESS_LIKE, st.text(max_size=40)))
def test_every_letter_digit_and_symbol_lies_in_one_element_or_in_the_rest(text):
    assert_nothing_is_lost(text)


@pytest.mark.parametrize(
    "piece", ["人民路", "江苏省", "请", "旁", "(", "一千百", "1-", "12号", "a 1 ", "花", "第二", "\u0301", "🚒"]
)
def test_ten_thousand_characters_are_read_like_ten(piece):
    assert_nothing_is_lost(piece * (10_000 // len(piece)))


@settings(max_examples=35)
@given(st.sets(st.sampled_from(sorted(PARTS)), min_size=1), st.data())
def test_an_address_put_together_is_taken_apart(kinds, data):
    parts = {kind: data.draw(PARTS[kind], label=kind) for kind in PARTS if kind in kinds}
    text = data.draw(st.sampled_from(["", " ", "，"])).join(parts.values())
    parsed = parse_address(text)
    wanted = [(kind, part.strip("（）")) for kind, part in parts.items()]
    assert said(parsed) == wanted
    assert [each.code for each in parsed.elements] == [CODES[kind] for kind, _ in wanted]
    assert parsed.rest == ()


def test_listed_addresses_of_the_town_are_read_as_their_columns_say():
    with (ROOT / "data/town/addresses.csv").open(encoding="utf-8-sig") as file:
        for row in list(csv.DictReader(file))[::8]:
            parsed = parse_address(row["address"])
            found = {each.kind: each.text for each in parsed.elements}
            assert found["town"] == row["town"]
            assert found.get("street", found.get("hamlet")) == row["street"]
            assert found["plate"] == f"{row['number']}号"
            assert ("community" in found) == (row["community"] in row["address"])
            assert parsed.rest == ()


@pytest.mark.parametrize(
    ("text", "kinds", "rest"),
    [
        ("江苏省无锡市江苏省无锡市华阳镇人民路15号", "province city province city town street plate", []),
        ("臺北市中正區重慶南路一段121號六樓之10", "city county street plate floor sub", []),
        ("上海市浦东新区世纪大道100号", "province county street plate", []),
        ("文昌路12号（原红旗街8号）3栋", "street plate note building", []),
        ("文昌桥旁边", "landmark note", []),
        ("第一人民医院对面", "landmark note", []),
        ("人民路与解放路交叉口往东100米", "street street note note", ["与"]),
        ("人民路15号24栋 张三 13812345678", "street plate building", ["张三 13812345678"]),
        ("锦渡雅居3-2-501", "estate building unit room", []),
        ("请问我家在文昌桥旁边", "note note landmark note", []),
        ("帮我看一下人民路15号24栋在哪个网格", "note note street plate building note", []),
        ("工业园区8号", "landmark plate", []),
        ("新华村新华组23号", "community hamlet plate", []),
        ("人民路12-1号", "street plate sub", []),
        ("人民路15锦绣花园3栋", "street plate estate building", []),
        ("中墩村唐家村10号", "community hamlet plate", []),
        ("柏峰村郑巷上41号", "community hamlet plate", []),
        ("Landstrasse 12, Vaduz", "street plate town", []),
        ("Landstrasse 12a, 9490 Vaduz", "street plate town", ["9490"]),
        ("12 Main Street", "plate street", []),
        ("🚒 快 华阳镇着火了!!", "town note", ["🚒 快"]),
        ("'; DROP TABLE addresses; --", "", ["DROP TABLE addresses"]),
        ("", "", []),
        ("，。！ ……", "", []),
    ],
)
def test_addresses_as_people_write_them(text, kinds, rest):
    parsed = parse_address(text)
    assert [each.kind for each in parsed.elements] == kinds.split()
    assert [each.text for each in parsed.rest] == rest


def test_the_tables_of_notes_are_of_cleaned_words():
    assert [word for word in NOTE_WORDS if clean(word) != word] == []
    assert set(RELATIONS) <= set(NOTE_WORDS)


@pytest.mark.parametrize("word", sorted(RELATIONS))
def test_every_relation_is_found_behind_a_place_and_says_what_it_is(word):
    """The longest word there is counts: 斜对面, not 对面."""
    text = f"文昌桥{word}第2栋"
    assert note_spans(text) == [(3, len(text), RELATIONS[word])]


@pytest.mark.parametrize(
    "name", ["东门路8号", "门前村3号", "对面桥村", "南门社区5栋", "解放路12号", "后门街1号", "河边"]
)
def test_names_that_sound_like_notes_are_none(name):
    assert note_spans(name) == []


def test_a_remark_goes_on_to_the_end_but_never_over_a_number():
    assert note_spans("人民路15号请打电话不要按铃") == [(6, 14, "note")]
    assert note_spans("就是人民路15号") == [(0, 2, "note")]
    assert note_spans("人民路电话13812345678 15号") == [(3, 16, "note")]
    assert note_spans("有人在文昌桥旁边") == [(0, 2, "note"), (6, 8, "beside")]
