"""What characters sound like, against pypinyin itself."""

import math
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin, pinyin

from gridmap.address.sounds import (
    LOOSE_COST,
    MERGED_COST,
    SAME_COST,
    Sounds,
    loosen_syllable,
    merge_syllable,
    readings,
    sound_tables,
    syllables,
)  # fmt: skip

COMMON = st.sampled_from(sorted(one for one in readings() if len(one.encode("gb2312", "ignore")) == 2))


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    return Sounds(sound_tables())


@settings(max_examples=40)
@given(COMMON)
def test_a_character_is_read_as_pypinyin_reads_it(character: str) -> None:
    every = {sound for (sound,) in zip(*[iter(pinyin(character, style=Style.NORMAL, heteronym=True)[0])], strict=True)}
    ours = readings()[character]
    assert ours[0] == lazy_pinyin(character)[0]
    assert set(ours) <= every
    assert len(set(ours)) == len(ours) <= 2


@pytest.mark.parametrize(("character", "known"), [
    ("长", {"chang", "zhang"}), ("柏", {"bai", "bo"}), ("行", {"xing", "hang"}), ("乐", {"le", "yue"}),
    ("重", {"zhong", "chong"}), ("朝", {"chao", "zhao"}), ("和", {"he", "huo"}), ("家", {"jia"}), ("吕", {"lv"}),
])  # fmt: skip
def test_second_readings_are_those_that_people_know(character: str, known: set[str]) -> None:
    assert set(readings()[character]) == known


@settings(max_examples=40)
@given(st.text(st.one_of(COMMON, st.sampled_from("ab19 ")), max_size=8))
def test_there_is_one_syllable_for_each_character(text: str) -> None:
    found = syllables(text)
    assert len(found) == len(text)
    for character, syllable in zip(text, found, strict=True):
        assert syllable == character if ord(character) < 128 else unicodedata.normalize("NFD", syllable).isascii()


def test_words_are_read_as_words() -> None:
    assert syllables("长江路") == ["chang", "jiang", "lu"]
    assert syllables("重庆路") == ["chong", "qing", "lu"]


@settings(max_examples=40)
@given(COMMON, COMMON)
def test_the_tables_say_what_the_syllables_do(sounds: Sounds, a: str, b: str) -> None:
    def share(read: object) -> bool:
        return bool({read(one) for one in readings()[a]} & {read(one) for one in readings()[b]})

    expected = math.inf
    for cost, read in ((LOOSE_COST, loosen_syllable), (MERGED_COST, merge_syllable), (SAME_COST, str)):
        expected = cost if share(read) else expected
    assert sounds.cost(a, b) == sounds.cost(b, a) == expected
    assert bool(set(sounds.codes(a)) & set(sounds.codes(b))) == (expected < math.inf)


@pytest.mark.parametrize(("pair", "cost"), [
    ("昌倡", SAME_COST), ("河和", SAME_COST), ("柏泊", SAME_COST), ("京金", MERGED_COST), ("山三", MERGED_COST),
    ("诚岑", MERGED_COST), ("南兰", LOOSE_COST), ("黄方", LOOSE_COST), ("人民", math.inf), ("东南", math.inf),
    ("路3", math.inf), ("aa", math.inf), ("𠮷吉", math.inf),
])  # fmt: skip
def test_what_is_often_not_told_apart_costs_more_than_the_same(sounds: Sounds, pair: str, cost: float) -> None:
    assert sounds.cost(pair[0], pair[1]) == cost
