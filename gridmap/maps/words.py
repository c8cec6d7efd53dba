"""What a page says, in the language of :func:`gridmap.settings.language`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd

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
    "unresolved": ("地址未落实", "unresolved"),
    "ok": ("正常", "ok"),
    "clipped": ("至路网边缘", "clipped"),
    "off_network": ("远离路网", "off_network"),
    "island": ("孤立路段", "island"),
}
_REASONS: Final = {
    "beyond_limit": ("步行超时", "a longer walk"),
    "no_station": ("道路不通往任何站点", "its streets lead to no station"),
    "off_street": ("远离道路", "too far from any street"),
    "behind_barrier": ("被水面、铁路或高速路隔开", "cut off by water, a railway or a motorway"),
    "island": ("孤立路段", "its street is joined to no other"),
    "no_geometry": ("无坐标", "no geometry"),
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
    "circlesCovered": ("步行服务圈 · 覆盖户数", "Walking circles · households"),
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
    "station": ("服务站点", "Station"),
    "stations": ("服务站点", "Stations"),
    "gap": ("覆盖缺口", "Gap"),
    "gaps": ("覆盖缺口", "Gaps"),
    "proposed": ("建议新增站点", "Proposed station"),
    "catchments": ("就近归属区", "Nearest on foot"),
    "straight": ("直线距离圆（仅供对比）", "straight line (comparison only)"),
    "planning": ("规划", "Planning"),
    "comparison": ("对比", "Comparison"),
    "base": ("底图", "Base map"),
    "streets": ("步行路网", "Streets"),
    "water": ("水面", "Water"),
    "rail": ("铁路", "Railways"),
    "motorway": ("高速路", "Motorways"),
    "nearest": ("就近站点", "Nearest station"),
    "beyond": ("步行范围之外", "Out of reach on foot"),
    "reason": ("原因", "Why"),
    "nearestOf": ("就近户数", "Nearest of (households)"),
    "facilities": ("设施", "Facilities"),
    "capacity": ("容量", "Capacity"),
    "load": ("负荷", "Load"),
    "homes": ("住宅", "Homes"),
    "walkToNearest": ("平均步行至站点", "Mean walk to a station"),
    "where": ("所在", "Where"),
    "gain": ("新增覆盖户数", "Households gained"),
    "gainResidents": ("新增覆盖人口", "Residents gained"),
    "coveredThen": ("届时累计覆盖", "Covered then"),
    "before": ("之前步行", "Walk before"),
    "after": ("之后步行", "Walk after"),
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


def reason_title(name: str) -> str:
    """Return why homes are out of reach, as a page says it.

    Examples
    --------
    >>> reason_title("off_street") in ("远离道路", "too far from any street")
    True
    """
    return text(*_REASONS[name]) if name in _REASONS else name


def page_words() -> dict[str, str]:
    """Return every word that the page's scripts write, by its key.

    Examples
    --------
    >>> page_words()["code"] in ("编码", "Code")
    True
    """
    return {key: text(*pair) for key, pair in _WORDS.items()}


def conditions(circles: gpd.GeoDataFrame) -> list[str]:
    """Return under which conditions circles hold, as a reader is told: speed, date of the streets, barriers.

    Examples
    --------
    >>> import geopandas as gpd
    >>> circles = gpd.GeoDataFrame({"speed_m_s": [1.1]}, geometry=[None], crs=4490)
    >>> circles.attrs = {"network_date": "2026-11-01T00:00:00+00:00", "barriers": {"water": 3}}
    >>> [len(conditions(circles)), "1.1" in conditions(circles)[0], "2026-11-01" in conditions(circles)[1]]
    [3, True, True]
    """
    speeds = ", ".join(f"{speed:g}" for speed in sorted(set(circles["speed_m_s"])))
    said = [text(f"步速 {speeds} 米/秒", f"walking at {speeds} m/s")]
    date = circles.attrs.get("network_date")
    said.append(
        text(f"路网日期 {date[:10]}", f"streets of {date[:10]}")
        if date
        else text("路网日期不详", "date of the streets unknown")
    )
    pace = circles.attrs.get("pace") or {}
    if pace.get("crossing_s"):
        said.append(text(f"过街等待 {pace['crossing_s']:g} 秒", f"waiting {pace['crossing_s']:g} s at crossings"))
    if pace.get("towards"):
        said.append(text("步行前往站点", "walking to the station"))
    barriers = circles.attrs.get("barriers")
    if barriers:
        words = page_words()
        listed = text("、", ", ").join(f"{words.get(kind, kind)} {count:,}" for kind, count in barriers.items())
        said.append(text(f"不可穿越：{listed}", f"not crossed: {listed}"))
    elif barriers is not None:
        said.append(text("未提供不可穿越的水面、铁路", "no barriers were given"))
    return said
