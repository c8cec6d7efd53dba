"""An address taken apart by its words alone, without knowing the county."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from gridmap.address.elements import LANDMARK_WORDS, LONGEST_LANDMARK_WORD, element_code, element_kind, note_spans
from gridmap.address.model import Element, ParsedAddress, Span, Step
from gridmap.address.region import Fronts, Region
from gridmap.address.script import DASHES, CleanText, clean_with_places
from gridmap.address.steps import format_step, read_steps
from gridmap.address.suffixes import is_strong, suffix_at, suffix_class

_OPEN, _CLOSE = r"(（\[【{〔《<「『", r")）\]】}〕》>」』"
_BRACKET: Final = re.compile(rf"[{_OPEN}][^{_OPEN}{_CLOSE}]*[{_CLOSE}]")
_PART: Final = re.compile(r"[^,，;；、。|/\\\r\n\t]+")
_FRONTS: Final = Fronts(Region())
_NAMED_HERE: Final = re.compile(
    r"[^省市县区旗盟州0-9]{1,8}?(?:路|街|大道|镇(?!市)|乡(?![市县族])|村|社区|小区|花园|新村|家园|公寓|大厦|广场|市场|超市)"
)
"""What a name of the county begins with, in front of which province, city and county end."""
_OLD: Final = frozenset("原旧老曾现")
"""What a bracketed remark about an address's other name begins with."""
_AND: Final = frozenset("与和及跟")
_FRONT_REACH: Final = 40
_PROVINCE_REACH: Final = 6
_MOST_LETTERS: Final = 14
_SECTION: Final = {
    "road": re.compile(r"(?:\d{1,2}|[东西南北中])段|\d{0,2}支路"),
    "estate": re.compile(r"\d{1,2}[期区]|[东西南北中a-f]区"),
}
_LANES, _PLACE_OF_LANE = frozenset("巷弄"), frozenset("上下里头")
"""郑巷上, 陆弄里: hamlets."""
_HIGHWAY: Final = frozenset("国省县乡")
_ROAD_BEFORE_NUMBER: Final = re.compile(r"(?:[路街弄巷段]|大道)$")
_GROUP: Final = frozenset("组队")
_LATIN: Final = re.compile(r"[a-z\u00df-\u024f][a-z\u00df-\u024f .'-]+")
_LATIN_STREET: Final = re.compile(r"(?:stra(?:ss|ß)e|street|road|avenue|weg|gasse|lane|platz| st| rd| ave|str)$|^rue ")
_LARGEST_BARE: Final = 9999
_SMALLEST_POSTCODE: Final = 1000
_POSTCODE: Final = re.compile(r"\d{4,6} (?=[a-z])")


def parse_address(text: str) -> ParsedAddress:
    """Take an address apart by the words in it.

    Every letter and digit lies in one element, or in the rest that was not understood.

    Parameters
    ----------
    text
        As somebody wrote it; anything at all.

    Examples
    --------
    >>> parsed = parse_address("江苏省无锡市华阳镇人民路十五号（原红旗街）24栋2单元 王先生")
    >>> [(each.kind, each.value) for each in parsed.elements]
    [('province', '江苏省'), ('city', '无锡市'), ('town', '华阳镇'), ('street', '人民路'), ('plate', '15号'),
     ('note', '原红旗街'), ('building', '24栋'), ('unit', '2单元')]
    >>> parsed.rest
    (Span(text='王先生', start=28, end=31),)
    """
    reader = _Reader()
    for start, end, bracketed in _pieces(text):
        piece = clean_with_places(text[start:end])
        if bracketed and (piece.text[:1] in _OLD or not any(step.kind for step in read_steps(piece.text))):
            reader.remark(piece, start)
        else:
            reader.read(piece, start)
    return _laid_out(text, reader.found)


def _pieces(text: str) -> Iterator[tuple[int, int, bool]]:
    """Part a text at its commas and brackets; the last value says whether a piece stands in brackets."""
    at = 0
    for bracket in _BRACKET.finditer(text):
        for part in _PART.finditer(text, at, bracket.start()):
            yield *part.span(), False
        yield bracket.start() + 1, bracket.end() - 1, True
        at = bracket.end()
    for part in _PART.finditer(text, at):
        yield *part.span(), False


def _laid_out(raw: str, found: list[Element]) -> ParsedAddress:
    """Put the elements in order, and what lies between them into the rest."""
    elements: list[Element] = []
    rest: list[Span] = []
    at = 0
    for element in sorted(found, key=lambda each: (each.start, -each.end)):
        if element.start < at:  # one character of the raw text that is several cleaned ones: ㈱, ½
            continue
        rest += _between(raw, at, element.start)
        elements.append(element)
        at = element.end
    return ParsedAddress(raw, tuple(elements), (*rest, *_between(raw, at, len(raw))))


def _between(raw: str, start: int, end: int) -> list[Span]:
    while start < end and _is_blank(raw[start]):
        start += 1
    while end > start and _is_blank(raw[end - 1]):
        end -= 1
    return [Span(raw[start:end], start, end)] if start < end else []


def _is_blank(character: str) -> bool:
    """Whether it is a blank or punctuation, and needs no explanation; a symbol (an emoji) does."""
    if character.isalnum():
        return character in DASHES
    return character.isascii() or character in DASHES or unicodedata.category(character)[0] in "ZPC"


class _Reader:
    """Reads the pieces of one address from left to right, and remembers what it has seen."""

    def __init__(self) -> None:
        self.found: list[Element] = []
        self._last = ""  # the kind of the last element that is no note
        self._seen: set[str] = set()
        self._piece = CleanText("", "", (), ())
        self._offset = 0
        self._breaks: list[int] = []

    def remark(self, piece: CleanText, offset: int) -> None:
        """Take a bracketed piece as a note, unless it is a telephone number."""
        self._piece, self._offset = piece, offset
        if piece.text and not piece.text.replace("-", "").replace(" ", "").isdigit():
            self._add("note", 0, len(piece.text))

    def read(self, piece: CleanText, offset: int) -> None:
        """Take a piece apart."""
        self._piece, self._offset = piece, offset
        self._breaks = _breaks(piece)
        text = piece.text
        notes = note_spans(text)
        noted = {at for start, end, _ in notes for at in range(start, end)}
        steps = [step for step in read_steps(text) if step.start not in noted]
        starts = {each.start for each in steps if each.kind} | {start for start, _, _ in notes}
        ends = {each.end for each in steps}
        steps = [step for step in steps if step.kind or _stands_alone(piece, step, starts, ends)]
        taken: list[tuple[int, int, Step | str]] = [*notes, *((step.start, step.end, step) for step in steps)]
        at = 0
        for start, end, what in sorted(taken, key=lambda each: each[0]):
            self._names(at, start, what)
            if isinstance(what, Step):
                self._add(element_kind(what, self._last), start, end, format_step(what))
            else:
                self._add("note", start, end)
            at = end
        self._names(at, len(text), None)

    def _add(self, kind: str, start: int, end: int, value: str = "") -> None:
        places, offset = self._piece, self._offset
        first, last = places.start[start], places.end[end - 1]
        code = element_code(kind, self._last)
        self.found.append(
            Element(code, kind, places.raw[first:last], value or places.text[start:end], offset + first, offset + last)
        )
        if kind not in {"note", "sub"}:
            self._last = kind
        self._seen.add(kind)

    def _names(self, at: int, end: int, follower: Step | str | None) -> None:
        """Find the names between two numbers or notes, stretch by stretch as blanks part them."""
        first, last = bisect_right(self._breaks, at), bisect_left(self._breaks, end)
        for stop in (*self._breaks[first:last], end):
            self._stretch(at, stop, follower if stop == end else None)
            at = stop

    def _stretch(self, at: int, end: int, follower: Step | str | None) -> None:
        text = self._piece.text
        while at < end:
            if self._last == "street" and text[at] in _AND:
                at += 1
            if not self._seen & {"street", "estate", "plate"}:
                at = self._front(at, end)
            name = _name_at(text, at, end, follower)
            if name is None:
                if end - at <= _MOST_LETTERS:
                    break
                at += _MOST_LETTERS  # too long for a name: it stays in the rest
                continue
            kind, stop = name
            if kind == "estate" and self._last in {"province", "city"} and text[at:stop].endswith("区"):
                kind = "county"  # 浦东新区
            if kind == "community" and text[stop - 1] == "村" and "community" in self._seen:
                kind = "hamlet"
            self._add(kind, at, stop)
            at = stop
        if at < end:
            self._tail(at, end, follower)

    def _front(self, at: int, end: int) -> int:
        text = self._piece.text[at : min(end, at + _FRONT_REACH)]
        front = _FRONTS.read(text, lambda place: _is_named(text, place))
        for kind, start, stop in front.parts:
            self._add(kind, at + start, at + stop)
        return at + front.end

    def _tail(self, at: int, end: int, follower: Step | str | None) -> None:
        """Take what has no word of a name for what its place says it is, or leave it in the rest."""
        text = self._piece.text[at:end]
        stripped = text.strip(" -")
        stripped = _POSTCODE.sub("", stripped)
        if len(stripped) < 2 or len(stripped) > _MOST_LETTERS:
            return
        at += text.index(stripped)
        kind = ""
        if _LATIN.fullmatch(stripped):
            kind = self._latin_kind(stripped, follower)
        elif isinstance(follower, Step):
            if stripped[-1] in _GROUP:
                kind = "hamlet"  # 新华组
            elif follower.kind in {"building", "unit"} and self._last != "building":
                kind = "estate"
        elif follower not in {None, "note"}:
            kind = "landmark"
        if kind:
            self._add(kind, at, at + len(stripped))

    def _latin_kind(self, name: str, follower: Step | str | None) -> str:
        if isinstance(follower, str) and follower != "note":
            return "landmark"
        if "street" not in self._seen and (isinstance(follower, Step) or _LATIN_STREET.search(name)):
            return "street"
        return "town" if follower is None and {"street", "plate"} <= self._seen and "town" not in self._seen else ""


def _is_named(text: str, at: int) -> bool:
    """Whether a name of the county begins at a place, not a province without its suffix (浙江明丰社区)."""
    if not _NAMED_HERE.match(text, at):
        return False
    parts = _FRONTS.read(text[at : at + _PROVINCE_REACH], lambda _: False).parts
    return not parts or parts[0][0] != "province"


def _breaks(piece: CleanText) -> list[int]:
    """Where a blank parts two words, not a name from the word that ends it (人民 路)."""
    text, size = piece.text, len(piece.text)
    return [
        at
        for at in range(1, size)
        if piece.raw[piece.end[at - 1] : piece.start[at]].isspace()
        and not (is_strong(suffix_at(text, at, size)) or text[at].isascii() or text[at - 1].isascii())
    ]


def _stands_alone(piece: CleanText, step: Step, starts: set[int], ends: set[int]) -> bool:
    """Whether a number without a word is one of the address, not of a name (第1医院, 张三) and no postcode."""
    text = piece.text
    if step.number > _LARGEST_BARE or text[step.start] == "第":
        return False
    after_road = bool(_ROAD_BEFORE_NUMBER.search(text[max(0, step.start - 2) : step.start]))
    if not (
        after_road or step.start in ends or text[step.start] == "-" or piece.raw[piece.start[step.start]].isascii()
    ):
        return False
    after = text[step.end : step.end + 2]
    if not after or step.end in starts:
        return True
    if after[0] == " ":
        return not (step.number >= _SMALLEST_POSTCODE and after[1].isalpha())  # 9490 vaduz
    return not after[0].isalpha() or after_road


def _name_at(text: str, at: int, end: int, follower: Step | str | None) -> tuple[str, int] | None:
    """Return kind and end of the name that begins at a place, known by the first word that ends one."""
    for stem_end in range(at + 1, min(end, at + _MOST_LETTERS)):
        landmark = _landmark_word_at(text, stem_end, end)
        word = suffix_at(text, stem_end, end)
        if len(landmark) >= len(word) and landmark:
            stop = stem_end + len(landmark)
            if (len(landmark) > 1 and not _goes_on(text, stop, end)) or (stop == end and _is_related(follower)):
                return "landmark", stop
        if word:
            kind, stop = _kind_of_word(text, word, stem_end, end)
            if kind:
                return kind, stop
    return None


def _kind_of_word(text: str, word: str, start: int, end: int) -> tuple[str, int]:
    """Say what a word that may end a name makes of it, and where the name ends; empty where it goes on."""
    if word.endswith("政府"):
        word = word[:-2]
    stop = start + len(word)
    kind = suffix_class(word)
    if word in _LANES and text[stop:end] in _PLACE_OF_LANE:
        return "hamlet", end
    if kind in _SECTION:
        section = _SECTION[kind].match(text, stop, end)
        stop = section.end() if section else stop
    weak = not is_strong(word) and not (word == "道" and text[start - 1] in _HIGHWAY)
    if (weak and stop != end) or _goes_on(text, stop, end):
        return "", stop
    return "street" if kind == "road" else kind, stop


def _goes_on(text: str, at: int, end: int) -> bool:
    """Whether another word that ends a name follows at once (花园小区), and is not the next name's stem (镇新城路)."""
    word = suffix_at(text, at, end)
    return bool(word) and is_strong(word) and not is_strong(suffix_at(text, at + len(word), end))


def _landmark_word_at(text: str, start: int, end: int) -> str:
    for size in range(min(LONGEST_LANDMARK_WORD, end - start), 0, -1):
        if text[start : start + size] in LANDMARK_WORDS:
            return text[start : start + size]
    return ""


def _is_related(follower: Step | str | None) -> bool:
    return isinstance(follower, str) and follower != "note"
