"""Numerals as people write and say them are the numbers they mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.address.numerals import split_run, to_digits
from gridmap.address.script import clean

DIGITS = "零一二三四五六七八九"
FINANCIAL = str.maketrans("一二三四五六七八九十百千", "壹贰叁肆伍陆柒捌玖拾佰仟")


def spoken(number: int) -> str:
    """Write a number below a hundred million, group by group of four digits: another way than adding units up."""
    high, low = divmod(number, 10_000)
    if high:
        gap = "零" if 0 < low < 1000 else ""
        return f"{spoken(high)}万{gap}{spoken(low) if low else ''}"
    text = ""
    for digit, unit in zip(f"{number:04}", ("千", "百", "十", ""), strict=True):
        text += "零" if digit == "0" else DIGITS[int(digit)] + unit
    while "零零" in text:
        text = text.replace("零零", "零")
    return text.strip("零")


def short(number: int) -> str:
    """十五 for 一十五."""
    text = spoken(number)
    return text[1:] if text.startswith("一十") else text


def colloquial(number: int) -> str:
    """两百三 for 二百三十, 一千二 for 一千二百; only where the last but one unit ends the number."""
    text = spoken(number)
    for unit, below in (("百", "十"), ("千", "百"), ("万", "千")):
        if text.endswith(below) and len(text) > 3 and text[-3] == unit:
            text = text[:-1]
    return text.replace("二百", "两百").replace("二千", "两千").replace("二万", "两万")


def test_numbers_to_99999_are_read_as_they_are_spoken():
    numbers = [*range(1, 2_100), *range(2_100, 100_000, 47)]
    assert [n for n in numbers if to_digits(short(n)) != str(n)] == []


@pytest.mark.parametrize(
    "write",
    [
        spoken,
        colloquial,
        lambda n: spoken(n).translate(FINANCIAL),
        lambda n: "".join(DIGITS[int(digit)] for digit in str(n)),
        lambda n: str(n).translate(str.maketrans("0123456789", "〇幺二三四五六七八九")),
        lambda n: str(n).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        lambda n: spoken(n).replace("万", "萬").replace("两", "兩"),
    ],
    ids=["spoken", "colloquial", "financial", "digits", "telephone", "fullwidth", "traditional"],
)
def test_however_a_number_is_written_its_plate_is_one(write):
    assert [n for n in range(1, 100_000, 211) if clean(f"{write(n)}号") != f"{n}号"] == []


@pytest.mark.parametrize(("tens", "word"), [(20, "廿"), (30, "卅"), (40, "卌")])
def test_old_words_for_tens(tens, word):
    for digit in range(1, 10):
        assert clean(f"{word}{DIGITS[digit]}号") == f"{tens + digit}号"
    assert clean(f"{word}号") == f"{tens}号"


@pytest.mark.parametrize(
    "text", ["二0三", "二〇三", "二零三", "二o三", "二○三", "贰零叁", "②〇③", "203", "２０３", "2〇3", "㊁零㊂"]
)
def test_forms_of_203(text):
    assert clean(f"{text}室") == "203室"


@settings(max_examples=30)
@given(st.integers(10, 99), st.integers(20, 99))
def test_two_numerals_in_a_row_stay_two(first, second):
    assert to_digits(short(first) + spoken(second)) == f"{first}-{second}"


@settings(max_examples=30)
@given(st.text("零一二三四五六七八九十百千万两幺廿卅卌壹拾佰", min_size=1, max_size=30))
def test_the_numerals_of_a_run_stand_in_order_and_nothing_is_lost(run):
    at, left = 0, ""
    for start, end, digits in split_run(run):
        assert at <= start < end <= len(run)
        assert digits.isascii()
        assert digits.isdigit()
        left += run[at:start]
        at = end
    left += run[at:]
    assert not set(left) & set("一二三四五六七八九十廿卅卌")
    assert [c for c in to_digits(run) if c in run] == list(left)


@pytest.mark.parametrize("name", ["万家村", "百货大楼", "千岛湖镇", "两江路", "零公里", "陆家埭", "伍家村", "幺妹店"])
def test_a_lone_word_of_a_name_is_no_number(name):
    assert clean(name) == name
