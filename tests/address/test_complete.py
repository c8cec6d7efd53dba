"""What is typed completes to what the list holds, found a second way by going through all names with pypinyin."""

from __future__ import annotations

import itertools
import random
import string
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin, pinyin

from gridmap.address.build import build_index
from gridmap.address.complete import MOST_CHARACTERS, Completer
from gridmap.address.index import OBJECT_KINDS
from gridmap.address.names import NameBook

ALL = 10_000


@pytest.fixture(scope="module")
def town_rows():
    return pd.read_csv("data/town/addresses.csv", dtype={"number": str})


@pytest.fixture(scope="module")
def town(town_built):
    return completer(town_built.index)


def completer(index) -> Completer:
    return Completer(index, NameBook(index.names, index.tables))


def completer_of(rows) -> Completer:
    return completer(build_index(rows).index)


def listed(*rows):
    """Return the completer of rows ``(town, community, street, number, estate)``."""
    table = pd.DataFrame(rows, columns=["town", "community", "street", "number", "estate"])
    village = table.community.where(table.street.str.endswith("村"), "")
    table["address"] = (
        table.town + village + table.street + table.number.where(~table.number.str.isdecimal(), table.number + "号")
    )
    return completer_of(table.assign(lon=120.3 + np.arange(len(table)) * 1e-4, lat=31.5))


@pytest.fixture(scope="module")
def county():
    """Two towns with a road of one name, two villages with a hamlet of one name, an estate behind a door."""
    numbers = ("1", "2", "10", "12", "15号2栋", "15号20栋", "15号3栋2单元", "105")
    return listed(
        *(("华阳镇", "云浦社区", "人民路", each, "北坊华庭" if "栋" in each else "") for each in numbers),
        *(("周庄镇", "月山社区", "人民路", each, "") for each in ("1", "3")),
        *(("周庄镇", village, "唐家村", each, "") for village in ("中墩村", "兰林村") for each in ("1", "7")),
        *(
            ("华阳镇", "云浦社区", street, "1", "")
            for street in ("重庆路", "绿洲路", "人民三路", "人民东路", "张家港路")
        ),
    )


def texts(completer, text, limit=10):
    return [each.text for each in completer.complete(text, limit)]


@pytest.mark.parametrize(
    "text", ["人民路", "人民l", "renminlu", "renminl", "renmlu", "rml", "人min路", "Ren Min Lu", "RML"]
)
def test_a_name_typed_in_any_way_is_completed_in_every_town(county, text):
    assert texts(county, text)[:2] == ["华阳镇人民路", "周庄镇人民路"]


@pytest.mark.parametrize(
    "text",
    [
        "华阳人民",
        "华阳镇人民",
        "华阳人民路",
        "华阳rml",
        "华阳镇renm",
        "华阳云浦社区人民路",
        "華陽 人民",
        "huayangrenmin",
        "huayangzhenrml",
    ],
)
def test_a_town_in_front_leaves_its_own(county, text):
    found = county.complete(text)
    assert found[0].text == "华阳镇人民路"
    assert found[0].kind == "street"
    assert found[0].context == "华阳镇 云浦社区"
    assert not any("周庄" in each.text for each in found)


def test_other_readings_and_numerals_are_heard(county):
    for text in ("chongql", "zhongqinglu", "cql", "zql"):
        assert texts(county, text)[0] == "华阳镇重庆路"
    for text in ("lvzhou", "luzhou", "lüzhoulu", "lzl"):
        assert texts(county, text) == ["华阳镇绿洲路"]
    for text in ("人民三", "人民3", "rm3l", "rmsl", "rensanlu"[:3] + "minsanlu"):
        assert "华阳镇人民三路" in texts(county, text)
    for text in ("zjg", "zhjg", "zhangj", "zhangjg"):
        assert texts(county, text) == ["华阳镇张家港路"]


def test_numbers_follow_in_the_order_of_numbers(county):
    front = "华阳镇人民路"
    for text in (front, "华阳人民", "华阳rml", "华阳云浦人民路"):
        assert [each.removeprefix(front) for each in texts(county, text + "1") if each.startswith(front)] == [
            "1号", "10号", "12号", "15号", "105号",
        ]  # fmt: skip
    assert texts(county, "人民路1")[:2] == ["华阳镇人民路1号", "周庄镇人民路1号"]
    assert texts(county, "人民路15号2") == ["华阳镇人民路15号2栋", "华阳镇人民路15号20栋"]
    assert texts(county, "人民路十五号")[0] == "华阳镇人民路15号"
    assert texts(county, "人民路15号3栋2") == ["华阳镇人民路15号3栋2单元"]
    assert texts(county, "北坊华庭2") == ["华阳镇云浦社区北坊华庭2栋", "华阳镇云浦社区北坊华庭20栋"]
    assert texts(county, "bfht 2") == texts(county, "北坊2") == texts(county, "北坊华庭2")
    assert texts(county, "人民路4") == texts(county, "人民路15号7") == []


def test_words_between_numbers_are_read_over():
    """Many lists write the estate behind the number of its gate."""
    rows = [("华阳镇", "人民路", "15", "北坊华庭", each) for each in ("1", "2", "20")]
    table = pd.DataFrame(rows, columns=["town", "street", "number", "estate", "building"])
    table["address"] = [f"华阳镇人民路15号北坊华庭{each}栋" for each in table.building]
    completer = completer_of(table.assign(lon=120.3, lat=31.5))
    for text in ("人民路15号北坊华庭2", "华阳人民路15号北坊华庭2", "华阳镇人民路15号北坊华庭2栋"):
        assert texts(completer, text)[0] == "华阳镇人民路15号北坊华庭2栋"
    assert len(texts(completer, "人民路15号北坊")) == 3
    assert texts(completer, "人民路15号南坊华庭2") == []


def test_the_estate_is_read_behind_its_gate_though_the_list_has_it_in_a_column(county):
    """The list writes 人民路15号2栋, and 北坊华庭 beside it."""
    for text in ("人民路15号北坊华庭2栋", "华阳镇人民路15号北坊华庭2", "人民路十五号北坊华庭2栋"):
        assert texts(county, text)[0] == "华阳镇人民路15号2栋"
    assert texts(county, "人民路15号北坊")[0].startswith("华阳镇人民路15号")
    for text in ("人民路12号北坊华庭", "人民路1号北坊华庭2栋", "人民路15号南坊华庭2栋", "周庄镇人民路15号北坊华庭2栋"):
        assert texts(county, text) == []


def test_what_sounds_or_looks_like_a_name_completes_to_it_where_nothing_is_written_so(county):
    for text, meant in {
        "人明路": "华阳镇人民路",
        "绿州路": "华阳镇绿洲路",
        "绿州路1": "华阳镇绿洲路1号",
        "华阳人明路12": "华阳镇人民路12号",
    }.items():
        assert texts(county, text)[0] == meant
    assert {each.removesuffix("号")[-1] for each in texts(county, "绿州路1")} == {"1"}
    assert texts(county, "红桥路") == []


def test_hamlets_of_one_name_are_told_apart_by_their_village(county):
    found = county.complete("唐家村")
    assert [(each.text, each.kind, each.context, each.count) for each in found[:2]] == [
        ("周庄镇中墩村唐家村", "hamlet", "周庄镇 中墩村", 2), ("周庄镇兰林村唐家村", "hamlet", "周庄镇 兰林村", 2),
    ]  # fmt: skip
    assert texts(county, "兰林村tjc7") == texts(county, "周庄兰林唐家7") == ["周庄镇兰林村唐家村7号"]


def test_an_area_alone_comes_before_what_lies_in_it(county):
    found = county.complete("周庄中墩村", ALL)
    assert [each.text for each in found] == ["周庄镇中墩村", "周庄镇中墩村唐家村"]
    inside = county.complete("周庄", ALL)
    assert inside[0].kind == "town"
    assert inside[0].count == 6
    assert all(each.context.startswith("周庄镇") for each in inside[1:])


@cache
def sounds_of(name):
    """Return how each character of a name is read in it, and how else the dictionary has it."""
    every = pinyin([*name], style=Style.NORMAL, heteronym=True, errors=list)
    return tuple(
        ({sound}, {sound, *others}) for sound, others in zip(lazy_pinyin(name, errors=list), every, strict=True)
    )


def is_begun(name, typed, which, at=0):
    """Whether typing may mean a name: each character itself, its sound or its initial; the last begun."""
    if not typed or at == len(name):
        return not typed
    if typed[0] == name[at] and is_begun(name, typed[1:], which, at + 1):
        return True
    for sound in sounds_of(name)[at][which]:
        if sound.startswith(typed):
            return True
        heads = {sound, sound[0], sound[:2] if sound[1:2] == "h" else sound[0]}
        if any(typed.startswith(head) and is_begun(name, typed.removeprefix(head), which, at + 1) for head in heads):
            return True
    return False


def typings(names):
    """Return some ways to type the beginnings of names."""
    rng = random.Random(4)
    for name in rng.sample(names, 25):
        sounds = lazy_pinyin(name, errors=list)
        ways = [rng.choice([character, sound, sound[0]]) for character, sound in zip(name, sounds, strict=True)]
        for parts in (list(name), sounds, [sound[0] for sound in sounds], ways):
            yield "".join(parts)[: rng.randint(1, 8)]


def test_all_names_gone_through_with_pypinyin_say_the_same(town):
    index = town._index
    names = [name for name in index.names if not any(map(str.isdecimal, name))]
    things = {name: {index.describe(thing) for thing in index.objects_of(index.names.index(name))} for name in names}
    for typed in {*string.ascii_lowercase, *typings(names)}:
        found = {each.text for each in town.complete(typed, ALL) if each.kind != "address"}
        sure, possible = (
            set().union(*(things[name] for name in names if is_begun(name, typed, which))) for which in (0, 1)
        )
        assert sure <= found, typed
        areas = {area for area in found - possible if any(kind in area for kind in ("村", "社区", "花山镇"))}
        assert found <= possible | areas, typed


def test_of_equals_what_has_more_addresses_comes_first(town):
    for letter in string.ascii_lowercase:
        counts = [each.count for each in town.complete(letter, ALL)]
        assert counts == sorted(counts, reverse=True)
        assert town.complete(letter, 3) == town.complete(letter, ALL)[:3]


def test_what_is_typed_as_written_comes_before_what_sounds_so():
    completer = listed(("", "", "Lachengasse", "1", ""), *(("", "", "拉萨路", each, "") for each in "12345"))
    assert texts(completer, "la") == ["Lachengasse", "拉萨路"]
    assert texts(completer, "las") == ["拉萨路"]


def test_numbers_of_the_list_are_all_begun_by_their_digits(town, town_rows):
    """Every road's door numbers, read from the table's own column."""
    for street, rows in itertools.islice(town_rows[town_rows.estate.isna()].groupby("street"), 40):
        numbers = sorted(town_rows.number[town_rows.street == street].astype(int).unique())
        for digits in {str(each)[:1] for each in numbers}:
            found = texts(town, street + digits, ALL)
            begun = [each for each in numbers if str(each).startswith(digits)]
            assert [text.split(street)[-1] for text in found] == [f"{each}号" for each in begun], street
        assert len(rows)


def test_every_suggestion_completes_first_to_itself(town, county):
    for completer in (town, county):
        index = completer._index
        asked = {*index.names, *string.ascii_lowercase}
        asked |= {
            index.address(row)
            for row in random.Random(2).sample(range(len(index.row_lon)), min(12, len(index.row_lon)))
        }
        suggested = {each.text for text in asked for each in completer.complete(text, 3)}
        assert len(suggested) > 20
        for text in suggested:
            assert texts(completer, text, 1) == [text]


def test_a_suggestion_lies_where_the_list_has_it(town, town_rows):
    for row in town_rows.sample(20, random_state=1).itertuples():
        found = town.complete(row.address)[0]
        assert (found.lon, found.lat, found.count) == (row.lon, row.lat, 1)
        assert found.context == f"{row.town} {row.community}"
    for each in town.complete("h", ALL):
        assert each.kind in OBJECT_KINDS
        column = {"town": "town", "community": "community", "estate": "estate"}.get(each.kind, "street")
        assert each.count == sum(each.text.endswith(str(value)) for value in town_rows[column])


@settings(max_examples=60)
@given(st.text(max_size=30) | st.text("rml人民路村1 -号栋", max_size=20), st.integers(-1, 12))
@example("'; DROP TABLE addresses;--", 10)
@example("1" * 60, 10)
@example("l" * 60, 10)
@example("人民路" * 40, 10)
@example("人1" * 30, 10)
@example("字" * 10_000, 10)
@example("l1 " * (MOST_CHARACTERS // 3), 10)
def test_whatever_is_typed_is_answered(county, text, limit):
    found = county.complete(text, limit)
    assert len(found) <= max(limit, 0)
    assert len({each.text for each in found}) == len(found)
    if not any(map(str.isalnum, text)) or len(text) > MOST_CHARACTERS:
        assert found == []


def test_names_in_latin_letters_are_completed_too():
    rows = pd.DataFrame({"town": "Vaduz", "street": ["Landstrasse", "Im Bretscha", "Lettstrasse"], "number": "2"})
    completer = completer_of(rows.assign(lon=9.52, lat=47.14))
    for text in ("im br", "IM BRETSCHA", "imb"):
        assert "Im Bretscha" in completer.complete(text)[0].text
    assert len(completer.complete("l")) == 2
    assert completer.complete("im bretscha 2")[0].kind == "address"
