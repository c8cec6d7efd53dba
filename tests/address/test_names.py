"""Names in texts: found as they stand, without or with another suffix, and recalled where they were written wrongly.

What is recalled is compared with a slow definition of the slips that goes through all names and all pieces.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.address.names import Mention, NameBook, name_tables
from gridmap.address.shapes import look_alikes, shape_cost
from gridmap.address.sounds import SAME_COST, Sounds, readings, sound_tables
from gridmap.address.suffixes import is_strong, missing_cost, shorts_of, stem_of, suffix_at, swapped_cost
from gridmap.errors import GridmapError

TOWN = Path(__file__).parents[2] / "data" / "town" / "addresses.csv"


def made_book(*names: str) -> NameBook:
    return NameBook(names, name_tables(names))


def told(book: NameBook, text: str, mentions: list[Mention]) -> set[tuple[str, str, str, float]]:
    return {(text[m.start : m.end], book.names[m.name], m.how, round(m.cost, 2)) for m in mentions}


@pytest.fixture(scope="module")
def town() -> NameBook:
    rows = pd.read_csv(TOWN, encoding="utf-8-sig")
    names = sorted({name for column in ("town", "community", "street", "estate") for name in rows[column].dropna()})
    return made_book(*names)


# --- found as it stands, or with its suffix left out, added or another


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("人民路", "人民路15号", {("人民路", "exact", 0.0)}),
    ("人民路", "人民15号", {("人民", "suffix", 1.5)}),
    ("人民路", "人民街15号", {("人民街", "suffix", 2.0)}),
    ("人民路", "人民大道15号", {("人民大道", "suffix", 2.0)}),
    ("人民路", "人民公园", {("人民", "suffix", 1.5)}),
    ("人民路", "人民3路15号", set()),  # the third road of that name is another
    ("中山路", "中山东路8号", set()),
    ("人民3路", "人民3号", set()),  # a number is no name
    ("人民3路", "人民3街8号", {("人民3街", "suffix", 2.0)}),
    ("华阳镇", "华阳周庄", {("华阳", "suffix", 1.5)}),
    ("华阳镇", "华阳前街2号", {("华阳", "suffix", 1.5)}),
    ("华阳镇", "华阳街道办事处", {("华阳街道办事处", "suffix", 2.0)}),
    ("云浦社区", "云浦居委会", {("云浦居委会", "suffix", 0.7)}),
    ("云浦社区", "云浦村", {("云浦村", "suffix", 2.0)}),
    ("云浦社区", "云浦8组", {("云浦", "suffix", 1.5)}),
    ("唐家湾", "唐家桥", {("唐家桥", "suffix", 3.5), ("唐家", "suffix", 3.0)}),
    ("唐家湾", "唐家湾村", {("唐家湾", "exact", 0.0), ("唐家湾村", "suffix", 2.0)}),
    ("阳光花园小区", "阳光花园", {("阳光花园", "suffix", 1.5)}),
    ("阳光花园2期", "阳光花园3期", set()),
    ("阳光花园2期", "阳光花园8栋", {("阳光花园", "suffix", 3.0)}),
    ("和平西路2段", "和平西2段", {("和平西2段", "suffix", 1.5)}),
    ("北坊华庭", "北坊华", {("北坊", "suffix", 1.5)}),
    ("路", "路路路", set()),
    ("东路", "东街", set()),  # a stem of one character is never a name
    ("landstrasse", "landstrasse12", {("landstrasse", "exact", 0.0)}),
    ("landstrasse", "landstr12", {("landstr", "suffix", 0.7)}),
    ("weg", "wegacker 3", set()),  # part of a word
    ("1号桥", "21号桥", set()),  # part of a number
])  # fmt: skip
def test_a_name_is_found(name: str, text: str, expected: set[tuple[str, str, float]]) -> None:
    book = made_book(name)
    assert told(book, text, book.find(text)) == {(piece, name, how, cost) for piece, how, cost in expected}


def test_a_suffix_may_be_the_beginning_of_the_next_name() -> None:
    book = made_book("华阳镇", "花园路")
    found = told(book, "华阳花园路15号", book.find("华阳花园路15号"))
    assert {("华阳", "华阳镇", "suffix", 1.5), ("花园路", "花园路", "exact", 0.0)} <= found


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text("人民路街12", min_size=1, max_size=4), min_size=1, max_size=8, unique=True),
    st.text("人民路街12", max_size=12),
)
def test_every_occurrence_of_every_name_is_found(names: list[str], text: str) -> None:
    def whole(start: int, end: int) -> bool:
        return not any(0 < at < len(text) and text[at - 1 : at + 1].isdigit() for at in (start, end))

    found = [(m.start, m.name) for m in made_book(*names).find(text) if m.how == "exact"]
    assert len(found) == len(set(found))
    assert set(found) == {
        (start, number)
        for number, name in enumerate(names)
        for start in range(len(text))
        if len(name) > 1 and text.startswith(name, start) and whole(start, start + len(name))
    }


@settings(max_examples=40)
@given(st.text("人民路街村社区花园华庭", min_size=1, max_size=8))
def test_a_name_is_its_stem_and_its_suffix(name: str) -> None:
    stem, suffix = stem_of(name)
    assert stem + suffix == name
    assert not suffix or len(stem) >= 2


def test_names_must_be_distinct() -> None:
    with pytest.raises(GridmapError, match="'人民路' occurs twice"):
        name_tables(["人民路", "人民街", "人民路"])


# --- recalled where it was written wrongly


SOUNDS = Sounds(sound_tables())


def slow_cost(meant: str, said: str) -> float:
    """Return the least cost of a slip by which one form was written for another; infinite where there is none."""
    stem, suffix = stem_of(meant)
    region = (len(stem) if is_strong(suffix) else len(meant)) if len(meant) >= 3 else 0
    costs = []
    if len(meant) == len(said):
        wrong = [place for place in range(len(meant)) if meant[place] != said[place]]
        if 1 <= len(wrong) <= 2:
            costs.append(sum(SOUNDS.cost(meant[place], said[place]) for place in wrong))
        if len(wrong) == 1:
            a, b = meant[wrong[0]], said[wrong[0]]
            costs += [shape_cost(look_alikes()[a][b])] if b in look_alikes().get(a, {}) else []
            costs += [7.0] if wrong[0] < region and not a.isdigit() and not b.isdigit() else []
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1 < region:
            piece = said[wrong[0] : wrong[1] + 1]
            if piece[::-1] == meant[wrong[0] : wrong[1] + 1] and not any(map(str.isdigit, piece)):
                costs.append(6.0)
    for place in range(region):
        if not meant[place].isdigit() and meant[:place] + meant[place + 1 :] == said:
            costs.append(6.0)
    for place in range(1, region + 1) if region else ():
        if place < len(said) and not said[place].isdigit() and said[:place] + said[place + 1 :] == meant:
            costs.append(6.0)
    return min(costs, default=float("inf"))


def slow_meanings(name: str, text: str, begins: set[str]) -> Iterator[tuple[int, int, float]]:
    """Yield where a name may be meant in a text by a slip of it or of one of its short forms."""
    strong = is_strong(stem_of(name)[1])
    for start in range(len(text)):
        for end in range(start + 2, len(text) + 1):
            said = suffix_at(text, end, len(text))
            slip = slow_cost(name, text[start:end])
            yield start, end, slip
            if not strong and is_strong(said):
                yield start, end + len(said), slip + swapped_cost("", said)
            for short in shorts_of(name):
                meant = suffix_at(name, short.cut, len(name))
                slip = slow_cost(short.text, text[start:end]) + short.cost
                if said and said != meant:
                    yield start, end + len(said), slip - missing_cost(meant) + swapped_cost(meant, said)
                if not said and (name[short.cut - 1] == "3" or (meant in "路街" and re.match("3+[路街]", text[end:]))):
                    continue  # a stem that ends in a number says too little, and another number makes another road
                if not said or (said != meant and (not is_strong(said) or text[end : end + 2] in begins)):
                    yield start, end, slip


CHARACTERS = "柏泊拍河和何家佳"
NAMES = st.builds(
    str.__add__, st.text(CHARACTERS + "3", min_size=1, max_size=3), st.sampled_from(["路", "街", "湾", "村", ""])
)


@settings(max_examples=50, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.text(CHARACTERS + "3路街村", min_size=2, max_size=5))
def test_recall_finds_what_a_slow_search_finds(names: list[str], text: str) -> None:
    book = made_book(*names)
    short = [piece.text for name in names for piece in shorts_of(name)]
    begins = {form[:2] for form in (*names, *short)}
    expected: dict[tuple[int, int, int], float] = {}
    for number, name in enumerate(names):
        for start, end, cost in slow_meanings(name, text, begins):
            known = expected.get((start, end, number), float("inf"))
            if cost < known:
                expected[start, end, number] = cost
    found = book.recall(text, 0, len(text))
    costs = [round(mention.cost, 3) for mention in found]
    assert costs == sorted(round(cost, 3) for cost in expected.values())[:60]
    for mention in found:
        assert mention.cost == pytest.approx(expected[mention[:3]], abs=1e-5)


@pytest.mark.parametrize(("name", "text", "best"), [
    ("柏河路", "泊和路", ("泊和路", "sound", 7.0)),
    ("柏河路", "泊河", ("泊河", "sound", 5.0)),
    ("柏河路", "泊河街", ("泊河街", "sound", 5.5)),
    ("文昌路", "文倡路", ("文倡路", "sound", 3.5)),
    ("锦山路", "绵山路", ("绵山路", "shape", 4.5)),
    ("人民路", "入民路", ("入民路", "shape", 4.5)),
    ("北坊华庭", "北坊花庭", ("北坊花庭", "sound", 3.5)),
    ("北坊华庭", "北华庭", ("北华庭", "edit", 6.0)),
    ("北坊华庭", "北小坊华庭", ("北小坊华庭", "edit", 6.0)),
    ("北坊华庭", "坊北华庭", ("坊北华庭", "edit", 6.0)),
    ("文昌路", "文小路", ("文小路", "edit", 7.0)),
    ("landstrasse", "landstrase", ("landstrase", "edit", 6.0)),
])  # fmt: skip
def test_one_slip_is_recalled(name: str, text: str, best: tuple[str, str, float]) -> None:
    book = made_book(name, "另外路")
    first = book.recall(f"去{text}15号", 1, 1 + len(text))[0]
    assert (f"去{text}15号"[first.start : first.end], first.how, round(first.cost, 2)) == best
    assert first.name == 0


@pytest.mark.parametrize(("name", "text"), [
    ("人民3路", "人民4路"), ("人民3路", "人民路"), ("人民路", "人民3路"), ("人民12路", "人民21路"), ("1号桥", "2号桥"),
    ("柏河家路", "泊和佳路"), ("landstrasse", "bandstrassen"),
])  # fmt: skip
def test_numbers_never_slip_nor_do_three_characters(name: str, text: str) -> None:
    assert made_book(name).recall(text, 0, len(text)) == []


def test_nothing_outside_the_segment_is_used() -> None:
    book = made_book("柏河路")
    assert book.recall("泊和路泊和路", 3, 6) == [Mention(3, 6, 0, "sound", 7.0)]
    assert book.recall("泊和路", 0, 1) == book.recall("泊和路", 2, 2) == book.recall("", 0, 0) == []


def test_names_of_the_town_with_one_homophone_are_recalled_first(town: NameBook) -> None:
    alike: dict[str, list[str]] = {}
    for character in map(chr, range(0x4E00, 0x9FA6)):
        if len(character.encode("gb2312", "ignore")) == 2:
            alike.setdefault(readings()[character][0], []).append(character)
    for number, name in enumerate(town.names):
        if len(name) < 3:
            continue
        said = next((one for one in alike[readings()[name[0]][0]] if one != name[0]), None)
        wrong = f"{said}{name[1:]}"
        if said and wrong not in town.names:
            found = town.recall(wrong, 0, len(wrong))
            whole = {m.name: m.cost for m in found if m.start == 0 and m.end == len(wrong)}
            assert whole[number] <= SAME_COST
            assert whole[number] == min(whole.values())


# --- names that are easily taken for each other


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(CHARACTERS + "3路", min_size=1, max_size=4), min_size=1, max_size=12, unique=True))
def test_confusable_names_are_one_like_character_apart(names: list[str]) -> None:
    book = made_book(*names)

    def alike(a: str, b: str) -> bool:
        wrong = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
        if len(a) != len(b) or len(wrong) != 1:
            return False
        x, y = wrong[0]
        return SOUNDS.cost(x, y) < float("inf") or y in look_alikes().get(x, {})

    for number, name in enumerate(names):
        assert book.confusable(number).tolist() == [o for o, other in enumerate(names) if alike(name, other)]


# --- the same whatever the process, and quick enough for any text


DIGEST = """
import hashlib
from gridmap.address.names import name_tables
tables = name_tables(["人民路", "人民街", "柏河路", "长乐村", "北坊华庭", "landstrasse"])
digest = hashlib.sha256(b"".join(key.encode() + tables[key].tobytes() for key in sorted(tables))).hexdigest()
"""


def test_tables_do_not_depend_on_the_process() -> None:
    here: dict[str, str] = {}
    exec(DIGEST, here)
    done = subprocess.run(
        [sys.executable, "-c", f"{DIGEST}\nprint(digest)"],
        env={**os.environ, "PYTHONHASHSEED": "42"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == here["digest"]


def test_a_long_text_is_searched_from_end_to_end(town: NameBook) -> None:
    text = "🏠;drop table 人民路 -- " * 600
    assert sum(m.how == "exact" and town.names[m.name] == "人民路" for m in town.find(text)) == 600
    assert all(m.end <= 64 for m in town.recall(text, 0, len(text)))
