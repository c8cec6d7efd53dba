"""The front of an address: province, city and county, ours or another's, in full, shortened, repeated or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_PROVINCES: Final = (
    "北京", "天津", "上海", "重庆", "河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建",
    "江西", "山东", "河南", "湖北", "湖南", "广东", "海南", "4川", "贵州", "云南", "陕西", "甘肃", "青海",
    "台湾", "内蒙古", "广西", "西藏", "宁夏", "新疆", "香港", "澳门",
)  # fmt: skip
"""The 34 of GB/T 2260, without their suffixes, in cleaned form: numerals are digits there."""
_SUFFIX: Final = r"(?:壮族自治区|回族自治区|维吾尔自治区|特别行政区|自治区|自治州|地区|自治县|省|市|县|区|旗|盟)"
_PROVINCE: Final = re.compile(rf"(?:{'|'.join(_PROVINCES)})(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)?")
_UNIT: Final = re.compile(
    r"[0-9]{0,2}[\u4e00-\u9fff]{1,7}?(?:自治州|自治县|地区|市(?![场民政长委内])|县(?![道城委政医])|区(?![间域内])|旗(?![路街小新村镇苑家花])|盟)"
)
_NO_UNIT: Final = re.compile(
    "(?:小|社|开发|园|新|景|校|厂|库|营|片|街|城|矿|院|生活|度假|保税|功能|工业|住宅|安置|商业|服务|超|菜|夜|早|集|花鸟)"
    "(?:区|市)$|门市$|^[市县镇东西南北中全老城都](?:区|县|市)$"
)
"""What ends like a district or a city and is none: 小区, 社区, 开发区, 超市."""
_OUR_OWN: Final = re.compile("(?:我们|咱们|本|我|该|咱)(?:省|市|县|区)")
_MOST_LETTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Region:
    """Where the county lies; empty where it was not said when the index was built.

    Parameters
    ----------
    province, city, county
        Cleaned names with their suffixes.
    """

    province: str = ""
    city: str = ""
    county: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names and short forms, the longest first, so that 江苏省 goes before 江苏."""
        given = [name for name in (self.province, self.city, self.county) if name]
        short = [re.sub(_SUFFIX + "$", "", name) for name in given]
        return tuple(sorted({*given, *(name for name in short if len(name) > 1)}, key=lambda each: (-len(each), each)))


@dataclass(frozen=True, slots=True)
class Front:
    """What stands at the front of an address.

    Parameters
    ----------
    end
        Where the rest begins, in the cleaned text.
    parts
        ``(kind, start, end)`` of each province, city and county.
    foreign
        The name that is not ours; empty where all are, or where ours are not known.
    doubtful
        Whether a name is one character from ours: a slip, or another county's.
    """

    end: int
    parts: tuple[tuple[str, int, int], ...] = ()
    foreign: str = ""
    doubtful: bool = False


class Fronts:
    """Reads the fronts of addresses against one region.

    Parameters
    ----------
    region
        Of the county.

    Examples
    --------
    >>> fronts = Fronts(Region("江苏省", "无锡市", "锡澄县"))
    >>> fronts.read("江苏省无锡锡澄县花山镇人民路1号", lambda start: False).end
    8
    >>> fronts.read("江苏省南京市江宁区解放路5号", lambda start: False).foreign
    '南京市'
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        kinds = {"province": region.province, "city": region.city, "county": region.county}
        self._ours = [
            (name, next(kind for kind, full in kinds.items() if full.startswith(name))) for name in region.names
        ]

    def read(self, text: str, is_named: Callable[[int], bool], start: int = 0) -> Front:
        """Return the front of a cleaned address.

        Parameters
        ----------
        text
            Cleaned.
        is_named
            Whether a name of the county's index begins at a place in the text: then the front has ended, however the
            name sounds (a town called 新区).
        start
            Where it begins, behind words like 我在.
        """
        at, foreign, doubtful = start, "", False
        parts: list[tuple[str, int, int]] = []
        while at < min(len(text), _MOST_LETTERS):
            part = self._ours_at(text, at)
            if part is None and not is_named(at):
                part = self._any_at(text, at, bool(parts))
                if part is not None and (inner := self._ours_within(text, at, part[1])) > at:
                    at = inner
                    continue
                if part is not None and not foreign and getattr(self._region, part[0]):
                    said = text[at : part[1]]
                    slip = part[0] != "province" and self._is_slip(said)
                    foreign, doubtful = "" if slip else said, doubtful or slip
            if part is None:
                break
            parts.append((part[0], at, part[1]))
            at = part[1]
            while at < len(text) and text[at] in " -":
                at += 1
        return Front(at if parts else 0, tuple(parts), foreign, doubtful)

    def _ours_at(self, text: str, at: int) -> tuple[str, int] | None:
        own = _OUR_OWN.match(text, at)
        if own:
            return "county", own.end()
        for name, kind in self._ours:
            if text.startswith(name, at):
                end = at + len(name)
                if re.search(_SUFFIX + "$", name):
                    return kind, end
                # Short, or with another word (锡澄区); it must not bite into a longer one: 无锡路 is no city.
                word = re.compile(_SUFFIX).match(text, end)
                if word or not _goes_on(text, end):
                    return kind, word.end() if word else end
        return None

    def begin(self, text: str) -> int:
        """Return where a full name of ours first stands, near the beginning; 0 where none does."""
        full = [name for name in (self._region.province, self._region.city, self._region.county) if name]
        found = [at for name in full if (at := text.find(name, 0, _MOST_LETTERS)) >= 0]
        return min(found, default=0) if not self._any_at(text, 0, False) else 0

    def _ours_within(self, text: str, start: int, end: int) -> int:
        """Return where a full name of ours begins inside what looks like a unit: 在锡澄县; -1 where none does."""
        full = [name for name in (self._region.county, self._region.city, self._region.province) if name]
        return max((text.find(name, start, end) for name in full), default=-1)

    @staticmethod
    def _any_at(text: str, at: int, inside: bool) -> tuple[str, int] | None:
        province = _PROVINCE.match(text, at)
        if province and not _goes_on(text, province.end()):
            return "province", province.end()
        unit = _UNIT.match(text, at)
        if unit and not _NO_UNIT.search(unit.group()) and (inside or len(unit.group()) <= 5):
            return ("city" if unit.group()[-1] in "市州盟" else "county"), unit.end()
        return None

    def _is_slip(self, said: str) -> bool:
        """Whether one character makes the difference to a name of ours."""
        for name in (self._region.province, self._region.city, self._region.county):
            if len(said) == len(name) and sum(a != b for a, b in zip(said, name, strict=True)) == 1:
                return True
        return False


def _goes_on(text: str, end: int) -> bool:
    """Whether the word goes on as the name of a road or the like: 南京路, 上海花园."""
    return bool(
        re.match(
            r"[东西南北中]?[0-9]*(?:路|街|大道|道|巷|弄|里|村|花园|苑|小区|新村|社区|公寓|大厦|广场|酒店|镇|乡)",
            text[end:],
        )
    )
