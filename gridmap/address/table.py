"""The rows of an address list in one form, whatever the columns were called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.script import clean

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "address": ("address", "地址", "标准地址", "详细地址", "地址全称", "门牌地址", "full_address", "地址名称"),
    "province": ("province", "省", "省份", "所属省", "省级"),
    "city": ("city", "市", "地级市", "所属市", "地市", "市级"),
    "county": ("county", "县", "区县", "县区", "所属区县", "县级", "县市区"),
    "town": (
        "town", "镇", "镇街", "街道办", "乡镇街道", "街道乡镇", "乡镇", "街镇", "所属镇街", "所属街道", "所属乡镇",
        "行政区", "district", "镇街道",
    ),
    "community": (
        "community", "社区", "村", "村社区", "社区村", "村居", "社区名称", "居委会", "村委会", "所属社区", "所属村居",
        "村居委",
    ),
    "street": (
        "street", "街路巷", "路名", "道路", "街路", "路", "街", "道路名称", "街道", "街巷", "街路巷名", "自然村",
        "road",
    ),
    "lane": ("lane", "巷"),
    "alley": ("alley", "弄"),
    "number": (
        "number", "号", "门牌", "门牌号", "门牌号码", "门楼牌号", "housenumber", "house_number", "号码", "门号",
    ),
    "estate": ("estate", "小区", "小区名称", "住宅小区", "院落", "楼盘", "建筑群"),
    "building": ("building", "栋", "幢", "楼栋", "栋号", "幢号", "楼号", "楼栋号", "座"),
    "unit": ("unit", "单元", "单元号"),
    "floor": ("floor", "楼层", "层", "层号"),
    "room": ("room", "室", "房", "房号", "室号", "户室", "户号", "房间号"),
    "alias": ("alias", "别名", "曾用名", "原名", "又名", "俗称"),
    "lon": ("lon", "lng", "longitude", "经度", "x"),
    "lat": ("lat", "latitude", "纬度", "y"),
}  # fmt: skip
"""Standard column → the headers it is recognised by, in small letters and simplified characters."""
MOST_LETTERS: Final = 100
"""Of a cell: what is longer is a note, and no name or address."""
TEXTS: Final = tuple(name for name in HEADERS if name not in ("lon", "lat"))


def standard_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all standard columns: texts without blanks around them, degrees as numbers.

    Beside them ``line`` (of the file; counted on from 2 where it is not given), ``source`` (place of the file among the
    sources), ``layer`` (whether it is of a layer of buildings, which says nothing new of a listed address) and
    ``extent_m`` (how far the point may lie from the door because a building is that big).

    Examples
    --------
    >>> rows = standard_rows(pd.DataFrame({"street": ["虹桥路 "], "number": [13.0], "lon": ["120.3"]}))
    >>> rows[["street", "number", "lon", "line"]].values.tolist()
    [['虹桥路', '13', 120.3, 2]]
    """
    found = {name: _texts(table[name]) if name in table else np.full(len(table), "", dtype=object) for name in TEXTS}
    frame = pd.DataFrame(found, dtype=object)
    for name in ("lon", "lat"):
        frame[name] = pd.to_numeric(table[name].to_numpy(), errors="coerce") if name in table else np.nan
    frame["line"] = table["line"].to_numpy() if "line" in table else np.arange(len(table)) + 2
    for name, usual in (("source", 0), ("layer", False), ("extent_m", 0.0)):
        frame[name] = table[name].fillna(usual).astype(type(usual)).to_numpy() if name in table else usual
    return frame


def _texts(values: pd.Series) -> NDArray[Any]:
    """Return a column as texts; Excel keeps numbers as 15.0."""
    codes, words = pd.factorize(values)
    texts = [str(word).strip() for word in words]
    whole = [text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text for text in texts]
    found: NDArray[Any] = np.array([*whole, ""], dtype=object)[codes]
    return found


@dataclass(frozen=True, eq=False)
class Column:
    """A column of texts, each text kept and cleaned once.

    Parameters
    ----------
    code
        Of each row: place in the lists.
    raw, cleaned
        The different texts.
    """

    code: NDArray[np.int64]
    raw: list[str]
    cleaned: list[str]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Column:
        """Return a column of texts."""
        code, raw = pd.factorize(values)
        return cls(code, list(raw), [clean(text) for text in raw])

    @cached_property
    def texts(self) -> NDArray[Any]:
        """The cleaned text of each row."""
        return np.array([*self.cleaned, ""], dtype=object)[self.code]
