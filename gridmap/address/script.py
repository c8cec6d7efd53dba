"""One canonical form of a text, for the names of the list and for questions alike."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final

from gridmap.address.numerals import ALONE_BEFORE_A_WORD, NEVER_ALONE, RUN, split_run, to_digits

_VARIANTS: Final = dict(
    zip(
        "衖邨著澂枱衞粧隣埧塩凃崐崘囯栢劵浄僊塲菓參貮ㄧ弌弍弎弐卄○◯♯",
        "巷村着澄台卫妆邻坝盐涂昆仑国柏券净仙场果参贰一一二三二廿〇〇#",
        strict=True,
    )
)
"""What is written for the same thing and opencc keeps apart."""
DASHES: Final = frozenset("-‐‑‒–—―−﹘﹣－~～〜∼⁓﹏_＿ーｰ─━")
"""What is written for a dash."""
HAN: Final = "\u3400-\u9fff"
"""Chinese characters, for the classes of regular expressions."""

_LAST_KEPT: Final = 0xFFFF
"""Whoever asks for every character there is makes no table of a million."""

_RUN: Final = re.compile(RUN)
_GAP: Final = re.compile("[ -]+")
_ZEROS: Final = frozenset("零〇")
_NUMBER_WORDS: Final = frozenset("号栋幢座单层楼室房组#")


@dataclass(frozen=True, slots=True)
class CleanText:
    """A cleaned text, and where each of its characters comes from.

    Parameters
    ----------
    raw
        What was asked.
    text
        ``clean(raw)``.
    start, end
        For each character of ``text`` the piece of ``raw`` it stands for; the digits of one numeral share a piece.
    """

    raw: str
    text: str
    start: tuple[int, ...]
    end: tuple[int, ...]


def clean(text: str) -> str:
    """Bring a text to its canonical form.

    NFKC, lower case, traditional characters simplified one by one, numerals as arabic digits, every dash as ``-``.
    Blanks and punctuation go, but where letters or digits would run together one blank (or dash) stays.

    Parameters
    ----------
    text
        An address or a name, however written.

    Examples
    --------
    >>> clean("臺北市中正區 三元街１７２巷一弄，五號二樓")
    '台北市中正区3元街172巷1弄5号2楼'
    >>> clean("文昌路十二号 — 3栋, 2—301"), clean("Landstrasse 12, Vaduz")
    ('文昌路12号3栋2-301', 'landstrasse 12 vaduz')
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _RUN.sub(_arabic, text.translate(_table()))
    if " " in text or "-" in text:
        text = _GAP.sub(_kept_gap, text)
    return text


def clean_with_places(text: str) -> CleanText:
    """Clean a text and say for each character where it comes from.

    Parameters
    ----------
    text
        An address or a name, however written.

    Examples
    --------
    >>> cleaned = clean_with_places("文昌路 二〇三号")
    >>> cleaned.text, cleaned.raw[cleaned.start[3]:cleaned.end[3]]
    ('文昌路203号', '二〇三')
    """
    table = _table()
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in _unicode_pieces(text):
        piece = unicodedata.normalize("NFKC", text[start:end]).translate(table)
        characters.append(piece)
        places += [(start, end)] * len(piece)
    written, places = _replaced_runs("".join(characters), places)
    kept: list[str] = []
    kept_places: list[tuple[int, int]] = []
    at = 0
    for match in _GAP.finditer(written):
        gap = _kept_gap(match)
        kept += [written[at : match.start()], gap]
        kept_places += places[at : match.start()]
        kept_places += [(places[match.start()][0], places[match.end() - 1][1])] * len(gap)
        at = match.end()
    kept_places += places[at:]
    return CleanText(
        text,
        "".join(kept) + written[at:],
        tuple(start for start, _ in kept_places),
        tuple(end for _, end in kept_places),
    )


def _replaced_runs(written: str, places: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Do what ``_RUN.sub(_arabic, written)`` does, with the places."""
    pieces: list[str] = []
    new_places: list[tuple[int, int]] = []
    at = 0
    for match in _RUN.finditer(written):
        replaced = _arabic(match)
        if replaced == match[0]:
            continue
        first, last = match.span()
        pieces += [written[at:first], replaced]
        new_places += places[at:first]
        new_places += _places_of_run(match[0], replaced, places[first:last])
        at = last
    return "".join(pieces) + written[at:], new_places + places[at:]


def _places_of_run(run: str, replaced: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    lead = len(replaced) - len(replaced.lstrip("-"))
    new_places = [places[0]] * lead
    at = 0
    for start, end, digits in split_run(run):
        if at == start and at > 0:
            new_places.append(places[at])  # the dash between two numerals
        new_places += places[at:start]
        new_places += [(places[start][0], places[end - 1][1])] * len(digits)
        at = end
    new_places += places[at:]
    return new_places + [places[-1]] * (len(replaced) - len(new_places))  # a dash before the digits that follow


def _arabic(match: re.Match[str]) -> str:
    """Write a run of numerals in digits; a dash keeps them from digits beside them (12三楼 → 12-3楼)."""
    run = match[0]
    text = match.string
    if len(run) == 1:
        if run in NEVER_ALONE:
            return "0" if run in _ZEROS and _is_between_digits(match) else run
        if run in ALONE_BEFORE_A_WORD and text[match.end() :].lstrip(" ")[:1] not in _NUMBER_WORDS:
            return run
    digits = to_digits(run)
    first, last = match.span()
    if first and "0" <= text[first - 1] <= "9" and digits[0] <= "9":
        digits = "-" + digits
    if text[last : last + 1].isdigit() and digits[-1] <= "9":
        digits += "-"
    return digits


def _is_between_digits(match: re.Match[str]) -> bool:
    first, last = match.span()
    return first > 0 and match.string[first - 1].isdigit() and match.string[last : last + 1].isdigit()


def _kept_gap(match: re.Match[str]) -> str:
    """Keep of a run of blanks and dashes one, and only between letters or digits that are not CJK."""
    first, last = match.span()
    text = match.string
    if first == 0 or last == len(text) or not ("0" <= text[first - 1] < "\u1100" and "0" <= text[last] < "\u1100"):
        return ""
    return "-" if "-" in match[0] else " "


class _Characters(dict[int, str]):
    """How one character is written; what is not known yet is worked out once, or each time where it is rare."""

    def __missing__(self, code: int) -> str:
        written = _written(chr(code))
        if code <= _LAST_KEPT:
            self[code] = written
        return written


def _written(character: str) -> str:
    if character in DASHES:
        return "-"
    if character == "#":
        return "#"
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("Cf", "Me", "Mn") or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return ""  # seen by nobody: zero-width blanks, variation selectors
    return character.lower() if category[0] in "LNM" else " "


@cache
def _table() -> _Characters:
    """Make the table of :meth:`str.translate`, from opencc's characters in one call."""
    from opencc import OpenCC

    traditional = [chr(code) for code in range(ord(HAN[0]), ord(HAN[-1]) + 1)]
    simplified = OpenCC("t2s").convert("\n".join(traditional)).split("\n")
    table = _Characters({ord(old): new for old, new in zip(traditional, simplified, strict=True) if new != old})
    table.update({ord(old): new for old, new in _VARIANTS.items()})
    return table


def _unicode_pieces(text: str) -> list[tuple[int, int]]:
    """Pieces that NFKC brings to their form one by one: a base with the marks that join it."""
    starts = [at for at, character in enumerate(text) if at == 0 or not _joins(character)]
    return list(pairwise([*starts, len(text)]))


@lru_cache(maxsize=4096)
def _joins(character: str) -> bool:
    """Whether a character may join the one before it: a mark, or a Hangul vowel or final consonant."""
    first = unicodedata.normalize("NFKD", character)[:1]
    return unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff"
