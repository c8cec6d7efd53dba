"""Numbers of an address are read with their words, and their codes sort as numbers do."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.address.model import KINDS, Step
from gridmap.address.script import clean
from gridmap.address.steps import LARGEST_NUMBER, LETTERS, format_step, read_steps, step_code, step_of

ROOT = Path(__file__).resolve().parents[2]
STEPS = st.builds(Step, st.integers(0, LARGEST_NUMBER), st.sampled_from(LETTERS), st.sampled_from(KINDS))


def read(text: str) -> list[tuple[int, str, str]]:
    return [(step.number, step.letter, step.kind) for step in read_steps(clean(text))]


def codes(text: str) -> list[int]:
    return [step_code(step) for step in read_steps(clean(text))]


@settings(max_examples=30)
@given(STEPS, STEPS)
def test_codes_keep_a_step_and_sort_by_number_first(one, other):
    assert step_of(step_code(one)) == one
    assert 0 <= step_code(one) < 1 << 32
    if one.number != other.number:
        assert (step_code(one) < step_code(other)) == (one.number < other.number)
    assert (step_code(one) == step_code(other)) == (one == other)


@settings(max_examples=30)
@given(
    st.integers(1, 9999),
    st.sampled_from(["", "a", "c", "z"]),
    st.sampled_from([k for k in KINDS if k not in {"", "sub"}]),
)
def test_a_written_step_is_read_as_it_was(number, letter, kind):
    step = Step(number, "" if kind == "basement" else letter, kind)
    assert codes(format_step(step)) == [step_code(step)]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["巷", "弄", "号", "栋", "单元", "层", "室"]), unique=True, min_size=1), st.data())
def test_every_number_lies_where_it_stands(words, data):
    numbers = [data.draw(st.integers(1, LARGEST_NUMBER)) for _ in words]
    text = "花山镇" + "".join(f"{number}{word}" for number, word in zip(numbers, words, strict=True))
    steps = read_steps(text)
    assert [step.number for step in steps] == numbers
    assert [text[step.start : step.end] for step in steps] == [f"{n}{w}" for n, w in zip(numbers, words, strict=True)]


@pytest.mark.parametrize(
    "forms",
    [
        ["12-1号", "12之1号", "十二之一號", "12号之1", "12杠1号", "１２－１号", "12号附1号", "12之1"],
        ["24栋", "24幢", "24座", "24号楼", "二十四号楼", "24#", "24#楼", "#24", "第24栋"],
        ["12号3栋2单元4层", "12號3棟2單元四樓", "12号3幢2门4楼", "12号 3号楼 2梯 4F", "十二号三栋二单元四层"],
        ["甲12号", "12号甲", "12甲号"],
        ["12a号", "12A号", "A12号", "１２ａ号"],
        ["地下2层", "负2层", "负二楼", "B2层", "地下二層"],
        ["5组12号", "第五组12号", "5小组12号", "五队12号", "5村民小组12号"],
        ["501室", "501房", "501房间", "501户", "501号房"],
        ["5楼3单元", "5栋3单元", "5号楼3单元"],
    ],
    ids=lambda forms: forms[0],
)
def test_forms_of_one_thing(forms):
    assert {tuple(codes(form)) for form in forms} == {tuple(codes(forms[0]))}
    assert codes(forms[0])


@pytest.mark.parametrize(
    "text",
    [
        "人民三路", "三里屯", "锦绣花园二期", "莲花二村", "第三中学", "312国道", "地铁2号线", "3号桥", "13812345678",
        "0510-82101234", "138 1234 5678", "1048576", "20000101", "300米", "地下车库", "", "号栋室",
    ],
)  # fmt: skip
def test_what_is_no_number_of_an_address(text):
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("12号门口", ["plate"]), ("3号楼下", ["plate"]), ("3号楼", ["building"]), ("3号门", ["unit"]),
        ("12号甲栋", ["plate", "building"]), ("15-24栋", ["", "building"]), ("3-2-501", ["", "", ""]),
        ("A-301", ["", ""]), ("B1-203", ["", ""]), ("B座", ["building"]), ("东单元", ["unit"]),
        ("301室东户", ["room", "room"]), ("临9号", ["plate"]), ("4楼之3", ["floor", "sub"]), ("地下室", ["basement"]),
        ("12-1-3号", ["plate", "sub", "sub"]), ("15号院3号楼", ["plate", "building"]),
        ("171巷1弄5号", ["lane", "alley", "plate"]),
    ],
)  # fmt: skip
def test_kinds(text, kinds):
    assert [kind for _, _, kind in read(text)] == kinds


def test_listed_numbers_of_the_town_are_read():
    with (ROOT / "data/town/addresses.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            plate, *buildings = read(row["address"])
            assert plate == (int(row["number"]), "", "plate")
            assert [kind for _, _, kind in buildings] == ["building"] * row["address"].endswith("栋")


def test_door_plates_of_taipei_are_told_apart_and_read_whole(shared):
    """Different plates of a road have different numbers, and no character of one stays unread."""
    seen: dict[tuple[object, ...], str] = {}
    with gzip.open(shared("taipei/doorplates_zhongzheng.csv.gz"), "rt", encoding="utf-8-sig") as file:
        lines = file.readlines()
    for row in csv.DictReader([lines[0], *lines[1::80]]):
        text = clean(row["巷"] + row["弄"] + row["號"])
        if "临时" in text or "查实" in text or text.endswith("地下街"):
            continue  # remarks of the register
        steps = read_steps(text)
        assert "".join(text[step.start : step.end] for step in steps) == text
        assert seen.setdefault((row["路名"], *map(step_code, steps)), text) == text
    assert len(seen) > 500
