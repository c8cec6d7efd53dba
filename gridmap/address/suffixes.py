"""Words that end a name (路, 小区, 社区, 镇): what is left out, or said wrongly, most often of all.

A name is its *stem* and its *suffix*: 人民 + 路, 北坊 + 华庭, 云浦 + 社区. People drop the suffix (人民15号), or say
another (人民街). How likely that is depends on the two words: 社区 and 居委会 are one thing, 路 and 街 are mixed up,
路 and 镇 are not. *Weak* suffixes belong to the name more than others do (唐家湾 and 唐家桥 are two hamlets).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

MISSING_COST: Final = 1.5
"""Of a suffix that is left out: −ln of about one in five."""
MISSING_WEAK_COST: Final = 3.0
"""Of a weak suffix, or of a section (2段, 2期), that is left out."""
SYNONYM_COST: Final = 0.7
SWAPPED_COST: Final = 2.0
SWAPPED_WEAK_COST: Final = 3.5
OTHER_CLASS_COST: Final = 4.5
OTHER_CLASS_WEAK_COST: Final = 5.5

_WORDS: Final = {
    "road": "路 街 大道 大街 道 道路 马路 公路 支路 环路 巷 弄 街巷 胡同",
    "estate": (
        "小区 花园 新村 家园 苑 公寓 景园 华庭 名邸 雅居 雅苑 花苑 嘉园 嘉苑 名苑 名城 名都 名府 豪庭 豪苑 别墅 山庄"
        " 新城 新苑 佳苑 佳园 家苑 华府 华苑 公馆 庄园 花城 新居 名居 丽苑 丽园 大厦 大楼 广场 住宅区 生活区 安置区"
        " 安置房 新区 城 园 府 庭 坊 里 居"
    ),
    "community": ("社区 居委会 居委 社区居委会 居民委员会 社区居民委员会 村 村委会 村委 村民委员会 行政村 自然村 村庄"),
    "town": "镇 镇政府 乡 乡政府 街道 街道办 街道办事处 街办",
    "hamlet": (
        "埭 庄 湾 头 墩 桥 浜 宕 塘 上 宅 圩 岸 店 集 屯 寨 坝 岗 坪 沟 冲 坡 岭 坞 圈 角 甸 铺 营 堡 屋 场 坑 埠 港 泾"
    ),
}
_CLASS: Final = {word: name for name, words in _WORDS.items() for word in words.split()}
_WEAK: Final = frozenset(_WORDS["hamlet"].split()) | frozenset("城园府庭坊里居道")
_SYNONYMS: Final = tuple(
    frozenset(words.split())
    for words in (
        "社区 居委会 居委 社区居委会 居民委员会 社区居民委员会",
        "村 村委会 村委 村民委员会 行政村 自然村 村庄",
        "镇 镇政府",
        "乡 乡政府",
        "街道 街道办 街道办事处 街办",
    )
)
_NEAR_CLASSES: Final = frozenset(
    frozenset(pair) for pair in (("community", "hamlet"), ("community", "estate"), ("estate", "hamlet"))
)
_LONGEST: Final = max(map(len, _CLASS))
_LENGTHS: Final = {
    head: tuple(sorted({len(word) for word in _CLASS if word[0] == head}, reverse=True))
    for head in sorted({word[0] for word in _CLASS})
}
_SECTION: Final = re.compile(r"(?:[0-9]{1,2}(?:段|期|区)|[东南西北中a-f]区)$")
_STREET: Final = re.compile(r"[a-zäöü]{2}[ -]?(str)a(?:ss|ß)e$")
_SECTION_HERE: Final = re.compile(r"[0-9]{1,2}(?:段|期|区)|[东南西北中a-f]区")
_OTHER_ROAD: Final = re.compile(r"(?:[0-9]+|[东南西北中前后内外上下新老])(?:大道|大街|路|街(?!道))")

_FOLLOWERS: Final = frozenset("0123456789abcdef东南西北中前后内外上下新老") | frozenset(_LENGTHS)


class Short(NamedTuple):
    """A name as it is said with a piece left out: ``name[:cut] + name[resume:]``.

    Parameters
    ----------
    text
        What is said.
    cut, resume
        What is left out of the name.
    cost
        −ln of the probability that it is left out.
    open
        Whether another suffix may stand in place of what is left out.
    """

    text: str
    cut: int
    resume: int
    cost: float
    open: bool


def stem_of(name: str) -> tuple[str, str]:
    """Part a name into its stem and its suffix.

    The longest suffix that leaves a stem of two characters or more; no suffix where none does.

    Examples
    --------
    >>> stem_of("人民路"), stem_of("北坊华庭"), stem_of("城中街道")
    (('人民', '路'), ('北坊', '华庭'), ('城中', '街道'))
    >>> stem_of("虹桥"), stem_of("东新村"), stem_of("landstrasse")
    (('虹桥', ''), ('东新', '村'), ('landstrasse', ''))
    """
    for size in range(min(_LONGEST, len(name) - 2), 0, -1):
        if name[-size:] in _CLASS:
            return name[:-size], name[-size:]
    return name, ""


def shorts_of(name: str) -> list[Short]:
    """Everything a name is shortened to by leaving out what ends it.

    Examples
    --------
    >>> [short.text for short in shorts_of("阳光花园小区")], [short.text for short in shorts_of("人民路")]
    (['阳光花园', '阳光'], ['人民'])
    >>> [short.text for short in shorts_of("和平西路2段")], [short.text for short in shorts_of("landstrasse")]
    (['和平西路', '和平西2段'], ['landstr'])
    """
    size = len(name)
    street = _STREET.search(name)
    if street:
        return [Short(name[: street.end(1)], street.end(1), size, SYNONYM_COST, open=False)]
    section = _SECTION.search(name)
    if section and section.start() >= 2:
        whole = section.start()
        stem, suffix = stem_of(name[:whole])
        shorts = [Short(name[:whole], whole, size, MISSING_WEAK_COST, open=False)]
        if suffix:
            shorts.append(Short(stem + name[whole:], len(stem), whole, missing_cost(suffix), open=False))
        return shorts
    stem, suffix = stem_of(name)
    if not suffix:
        return []
    shorts = [Short(stem, len(stem), size, missing_cost(suffix), open=True)]
    inner, inner_suffix = stem_of(stem)
    if is_strong(inner_suffix) and suffix_class(inner_suffix) == suffix_class(suffix) == "estate":
        cost = missing_cost(suffix) + missing_cost(inner_suffix)
        shorts.append(Short(inner, len(inner), size, cost, open=True))
    return shorts


def suffix_class(suffix: str) -> str:
    """``road``, ``estate``, ``community``, ``town`` or ``hamlet``; empty for what is no suffix.

    Examples
    --------
    >>> suffix_class("大道"), suffix_class("居委会"), suffix_class("人民")
    ('road', 'community', '')
    """
    return _CLASS.get(suffix, "")


def is_strong(suffix: str) -> bool:
    """Whether it is a suffix that says what a thing is, rather than part of its name.

    Examples
    --------
    >>> is_strong("路"), is_strong("湾"), is_strong("")
    (True, False, False)
    """
    return suffix in _CLASS and suffix not in _WEAK


def suffix_at(text: str, start: int, end: int) -> str:
    """Return the longest suffix word that stands at a place of the text, empty where none does.

    Examples
    --------
    >>> suffix_at("云浦居委会3组", 2, 8), suffix_at("人民15号", 2, 6)
    ('居委会', '')
    """
    if start >= end:
        return ""
    for size in _LENGTHS.get(text[start], ()):
        if start + size <= end and text[start : start + size] in _CLASS:
            return text[start : start + size]
    return ""


class Following(NamedTuple):
    """What follows a name, or its stem, in a text.

    Parameters
    ----------
    suffix
        The longest suffix word that stands there; empty where none does.
    section
        Whether a section does (2段, 3期, 东区).
    other_road
        Whether it makes another road of a stem: 人民 in 人民3路, 中山 in 中山东路.
    """

    suffix: str
    section: bool
    other_road: bool


_NOTHING: Final = Following("", section=False, other_road=False)


def following(text: str, start: int, end: int) -> Following:
    """Tell what follows a name, or its stem, at a place of the text.

    Examples
    --------
    >>> following("云浦居委会3组", 2, 8).suffix, following("人民15号", 2, 6)
    ('居委会', Following(suffix='', section=False, other_road=False))
    >>> following("和平西路2段", 4, 6).section, following("中山东路8号", 2, 6).other_road
    (True, True)
    """
    if start >= end or text[start] not in _FOLLOWERS:
        return _NOTHING
    section = _SECTION_HERE.match(text, start, end) is not None
    other_road = _OTHER_ROAD.match(text, start, end) is not None
    return Following(suffix_at(text, start, end), section, other_road)


def missing_cost(suffix: str) -> float:
    """Return the cost of leaving a suffix out.

    Examples
    --------
    >>> missing_cost("路"), missing_cost("湾")
    (1.5, 3.0)
    """
    return MISSING_COST if is_strong(suffix) else MISSING_WEAK_COST


@lru_cache(maxsize=1 << 16)
def swapped_cost(meant: str, said: str) -> float:
    """Return the cost of saying one suffix where another is meant; ``meant`` is empty where the name has none.

    Examples
    --------
    >>> swapped_cost("社区", "居委会"), swapped_cost("路", "街"), swapped_cost("埭", "村"), swapped_cost("路", "镇")
    (0.7, 2.0, 3.5, 4.5)
    """
    if any(meant in words and said in words for words in _SYNONYMS):
        return SYNONYM_COST
    classes = frozenset((suffix_class(meant), suffix_class(said)))
    strong = is_strong(said) and (is_strong(meant) or not meant)
    if len(classes) == 1 or not meant:
        return SWAPPED_COST if strong else SWAPPED_WEAK_COST
    if classes in _NEAR_CLASSES:
        return SWAPPED_WEAK_COST
    return OTHER_CLASS_COST if strong else OTHER_CLASS_WEAK_COST
