"""What a page says, in the language of :func:`gridmap.settings.language`."""

from __future__ import annotations

from typing import Final

from gridmap.settings import text

_TITLES: Final = {
    "large": ("大网格", "Large grids"),
    "medium": ("中网格", "Medium grids"),
    "small": ("小网格", "Small grids"),
    "micro": ("微网格", "Micro grids"),
}
_OUTCOMES: Final = {
    "matched": ("已落格", "matched"),
    "ambiguous": ("边界待定", "ambiguous"),
    "gap": ("网格空隙", "gap"),
    "outside": ("县域之外", "outside"),
    "invalid": ("坐标无效", "invalid"),
}
_WORDS: Final = {
    "legend": ("图层与图例", "Layers and legend"),
    "levels": ("网格", "Grids"),
    "fill": ("填色", "Fill"),
    "byGrid": ("区分网格", "tell grids apart"),
    "byHouseholds": ("按户数", "by households"),
    "noFill": ("不填色", "none"),
    "unknown": ("户数不详", "unknown"),
    "circles": ("步行服务圈", "Walking circles"),
    "minutes": ("分钟", "min"),
    "incidents": ("事件", "Incidents"),
    "notDrawn": ("未上图（无可用坐标）", "not drawn (no usable coordinates)"),
    "search": ("输入网格编码或名称，回车定位", "Code or name of a grid, then Enter"),
    "nothing": ("没有找到", "Nothing found for"),
    "more": ("另有", "and"),
    "moreGrids": ("个匹配，请继续输入", "more; keep typing"),
    "whole": ("全县", "Whole county"),
    "code": ("编码", "Code"),
    "within": ("上级", "Within"),
    "households": ("户数", "Households"),
    "residents": ("人口", "Residents"),
    "area": ("面积", "Area"),
    "body": ("责任单位", "Responsible body"),
    "person": ("责任人", "Responsible"),
    "nobody": ("暂无", "nobody yet"),
    "walk": ("步行可达", "On foot"),
    "grid": ("网格", "Grid"),
    "noGrid": ("无", "none"),
    "outcome": ("落格结果", "Outcome"),
    "time": ("时间", "Time"),
    "type": ("事项", "Type"),
    "hectares": ("公顷", "ha"),
    "squareKilometres": ("平方公里", "km²"),
    "plan": ("网格方案", "Plan of grids"),
    "version": ("版本", "version"),
}


def level_title(name: str) -> str:
    """Return what a level is called on a page; a level with a name of its own keeps it.

    Examples
    --------
    >>> level_title("large") in ("大网格", "Large grids"), level_title("网格片")
    (True, '网格片')
    """
    return text(*_TITLES[name]) if name in _TITLES else name


def outcome_title(name: str) -> str:
    """Return what an outcome of locating is called on a page.

    Examples
    --------
    >>> outcome_title("gap") in ("网格空隙", "gap")
    True
    """
    return text(*_OUTCOMES[name]) if name in _OUTCOMES else name


def page_words() -> dict[str, str]:
    """Return every word that the page's scripts write, by its key.

    Examples
    --------
    >>> page_words()["code"] in ("编码", "Code")
    True
    """
    return {key: text(*pair) for key, pair in _WORDS.items()}
