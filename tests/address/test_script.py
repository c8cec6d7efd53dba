"""However a text is written it cleans to one thing, and every character of that knows where it comes from."""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path

import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.address import script
from gridmap.address.script import clean, clean_with_places

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = st.text("江苏花山镇號号路里一二三十百零〇两萬陆#12３①㈱ａZßÉe\u0301\u200b 　-—～，（）。·🚒\n", max_size=40)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def addresses():
    with (ROOT / "data/town/addresses.csv").open(encoding="utf-8-sig") as file:
        return [row["address"] for row in csv.DictReader(file)]


@settings(max_examples=30)
@given(st.one_of(WRITTEN, st.text(max_size=30)))
def test_the_places_are_of_the_cleaned_text_and_lie_in_order_within_the_raw_one(text):
    cleaned = clean_with_places(text)
    assert cleaned.text == clean(text)
    assert len(cleaned.start) == len(cleaned.end) == len(cleaned.text)
    assert all(0 <= start < end <= len(text) for start, end in zip(cleaned.start, cleaned.end, strict=True))
    assert list(cleaned.start) == sorted(cleaned.start)
    assert list(cleaned.end) == sorted(cleaned.end)


@settings(max_examples=30)
@given(WRITTEN)
def test_a_character_that_stays_as_it_is_comes_from_itself(text):
    cleaned = clean_with_places(text)
    for character, start, end in zip(cleaned.text, cleaned.start, cleaned.end, strict=True):
        if character in "江苏花山镇号路里12":
            piece = unicodedata.normalize("NFKC", text[start:end])
            assert (
                character in piece or (character == "号" and "號" in piece) or set(piece) & set("一二三十百零〇两萬陆")
            )


def test_marks_join_their_base_in_pieces_as_in_the_whole_text():
    """Every pair of characters that Unicode composes."""
    for code in (*range(0xAC00), *range(0xF900, 0x1F000)):  # the syllables between are tried below
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and "<" not in parts[0]:
            pair = "路" + "".join(chr(int(part, 16)) for part in parts) + "1"
            assert clean_with_places(pair).text == clean(pair)
    syllable = unicodedata.normalize("NFD", "각")
    assert clean_with_places(syllable).text == clean(syllable) == "각"


@settings(max_examples=30)
@given(WRITTEN.filter(lambda text: not re.search("[零〇百两萬陆]", unicodedata.normalize("NFKC", text))))
def test_what_is_clean_stays_as_it_is(text):
    assert clean(clean(text)) == clean(text)


def test_traditional_characters_full_width_and_blanks_make_no_difference(addresses):
    traditional = opencc.OpenCC("s2t")
    wide = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
    for address in addresses[::13]:
        cleaned = clean(address)
        assert clean(traditional.convert(address)) == cleaned
        assert clean(address.translate(wide)) == cleaned
        parts = re.findall(r"\d+|\D", address)
        assert clean(" ".join(parts)) == clean("，".join(parts)) == clean("\u200b—".join(parts)) == cleaned


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("臺北", "台北"),
        ("廈門街", "厦门街"),
        ("福康衖", "福康巷"),
        ("愛國邨", "爱国村"),
        ("ＡＢ座", "ab座"),
        ("３＃", "3#"),
    ],
)
def test_variants(said, meant):
    assert clean(said) == clean(meant) == meant


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 10**6).map(str), min_size=1, max_size=6),
    st.sampled_from([" ", "-", "，", "—", "/", "。 ", "·"]),
)
def test_two_numbers_never_run_together(numbers, between):
    assert re.findall(r"\d+", clean(between.join(numbers))) == numbers


@settings(max_examples=30)
@given(HAN, st.sampled_from(["!", " ", "，", "（", "🚒", "\n", "~", "—"]), HAN)
def test_between_chinese_characters_nothing_stays(before, between, after):
    text = clean(before + between + after)
    assert between not in text
    assert " " not in re.sub("[0-9]", "", text).strip() or re.search("[0-9] [0-9]", text)


@pytest.mark.parametrize("text", ["", " ", "，。！", "-", "（）", "🚒"])
def test_of_punctuation_alone_nothing_is_left(text):
    assert clean(text) == ""


def test_who_asks_for_every_rare_character_leaves_nothing_behind():
    clean("臺北")
    known = len(script._table())
    for start in range(0x20000, 0x22000, 50):
        clean_with_places("".join(map(chr, range(start, start + 50))))
    assert len(script._table()) == known
    assert script._joins.cache_info().currsize <= 4096
