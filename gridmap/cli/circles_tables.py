"""What ``gridmap circles`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gridmap.cli import show
from gridmap.maps.words import conditions, reason_title
from gridmap.settings import text

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.circles.catchment import Catchments
    from gridmap.circles.cover import Coverage
    from gridmap.circles.siting import Siting
    from gridmap.cli.circles import Asked, Given, Made

_MOST: Final = 20
"""Rows of a table that may be long."""
_HOUSEHOLDS: Final = ("户数", "households")


def print_all(made: Made, given: Given, asked: Asked) -> None:
    """Print what came of it, table by table."""
    print_outcomes(made.rings, made.stations, asked.station)
    if made.cover is not None and made.drawn is not None:
        print_coverage(made.cover, made.drawn, asked.cell_m, float(made.rings.attrs["off_street_m"]))
        print_areas(made.cover, given.area_names or {})
        print_gaps(made.cover, given.area_names or {})
        print_facilities(made.cover)
        print_load(made.cover)
        print_estates(made.cover, given.estates is not None)
    if made.siting is not None:
        print_siting(made.siting)
    if made.catchments is not None:
        print_catchments(made.catchments)


def print_outcomes(rings: gpd.GeoDataFrame, stations: gpd.GeoDataFrame, station: str) -> None:
    """Print how many circles came out how, under which conditions, and name the stations that have none."""
    counts = rings.groupby(["minutes", "outcome"]).size()
    show.table(
        text("服务圈", "circles"),
        [text("分钟", "minutes"), text("结果", "outcome"), text("数量", "count")],
        [(f"{minutes:g}", show.word(outcome), int(count)) for (minutes, outcome), count in counts.items()],
    )
    show.out.print("  " + " · ".join(conditions(rings)), markup=False)
    bad = stations[~stations["outcome"].isin(["ok", "clipped"])]
    for name, outcome, reason in zip(bad[station], bad["outcome"], bad["reason"], strict=True):
        show.out.print(f"  {name}: {show.word(outcome)}, {reason}", markup=False)


def print_coverage(cover: Coverage, drawn: pd.DataFrame, cell_m: float, off_street_m: float) -> None:
    """Print the households within reach, exactly and by the circles as drawn, and why the two differ."""
    total = max(cover.total, 1e-9)
    rows = [
        (f"{row.Index:g}", row.exact, f"{row.exact / total:.2%}", row.drawn, f"{row.drawn / total:.2%}",
         row.left_out, row.taken_in)
        for row in drawn.itertuples()
    ]  # fmt: skip
    show.table(
        text(f"覆盖户数（共 {cover.total:,.0f} 户）", f"households within reach, of {cover.total:,.0f}"),
        [
            text("分钟", "minutes"), text("精确", "exact"), text("占比", "share"), text("按图形", "by polygons"),
            text("占比", "share"), text("图形漏计", "left out"), text("图形多计", "taken in"),
        ],
        [_whole(row) for row in rows],
    )  # fmt: skip
    show.out.print("  " + difference(cover, drawn, cell_m, off_street_m), markup=False)


def difference(cover: Coverage, drawn: pd.DataFrame, cell_m: float, off_street_m: float) -> str:
    """Return a sentence on why a count by polygons is not the exact one."""
    far = float(cover.homes.loc[cover.homes["reason"] == "off_street", "households"].sum())
    beyond = text(
        f"距道路超过 {off_street_m:g} 米的 {far:,.0f} 户两种算法都不计入。",
        f"The {far:,.0f} households further than {off_street_m:g} m from any street count in neither.",
    )
    astray = float((drawn["left_out"] + drawn["taken_in"]).max())
    if not astray > 0:
        return text("两种算法在每一户上一致。", "Both agree on every home. ") + beyond
    usual, furthest = float(drawn["usual_m"].max()), float(drawn["furthest_m"].max())
    said = text(
        f"精确数按每户的实际步行时间；图形的边线在 {cell_m:g} 米栅格之间取直，不一致的户数有 95% 距边线、或步行距限值"
        f"不到 {usual:.0f} 米（最远 {furthest:.0f} 米）。",
        f"The exact count asks every home for its walk; a polygon's line runs straight between cells of {cell_m:g} m: "
        f"95 % of the households they disagree on live within {usual:.0f} m of it or walk within {usual:.0f} m of the "
        f"limit, all within {furthest:.0f} m. ",
    )
    return said + beyond


def print_areas(cover: Coverage, names: dict[str, str]) -> None:
    """Print the areas, those with the smallest share first."""
    if cover.by_area.empty:
        return
    worst = cover.by_area.sort_values("share", kind="stable")
    rows = [
        (
            str(row.Index),
            names.get(row.Index, ""),
            row.total,
            row.covered,
            f"{row.share:.1%}" if row.total > 0 else "—",
            row.gap,
        )
        for row in worst.head(_MOST).itertuples()
    ]
    show.table(
        text("各社区覆盖", "by area"),
        [
            text("编码", "code"), text("名称", "name"), text(*_HOUSEHOLDS), text("已覆盖", "covered"),
            text("占比", "share"), text("未覆盖", "out of reach"),
        ],
        [_whole(row) for row in rows],
    )  # fmt: skip
    _say_more(len(worst))
    nowhere = cover.total - cover.by_area["total"].sum()
    if nowhere >= 0.5:
        show.out.print(text(f"  {nowhere:,.0f} 户不在任何社区内", f"  {nowhere:,.0f} households live in none of them"))


def print_gaps(cover: Coverage, names: dict[str, str]) -> None:
    """Print where most of the households out of reach live."""
    if cover.gaps.empty:
        return
    rows = []
    for rank, row in enumerate(cover.gaps.head(_MOST).to_crs(4326).itertuples(), start=1):
        area = getattr(row, "area", "")
        where = names.get(area, str(area)) if area == area else ""
        rows.append(
            (rank, round(row.households), _walk(row.minutes), reason_title(row.reason), where, _spot(row.geometry))
        )
    show.table(
        text("覆盖缺口", "gaps"),
        [
            text("序号", "rank"), text(*_HOUSEHOLDS), text("步行分钟", "minutes"), text("原因", "why"),
            text("所在", "where"), text("位置", "place"),
        ],
        rows,
    )  # fmt: skip
    _say_more(len(cover.gaps))


def print_facilities(cover: Coverage) -> None:
    """Print how many stations have a facility of each kind within reach."""
    if cover.facilities.columns.empty:
        return
    show.table(
        text("圈内设施", "facilities within reach"),
        [text("种类", "kind"), text("有此设施的站点", "stations with one"), text("每站中位", "median a station")],
        [(str(kind), int((held > 0).sum()), float(held.median())) for kind, held in cover.facilities.items()],
    )


def print_load(cover: Coverage) -> None:
    """Print the stations that are nearest to more households than they are made for."""
    if "load" not in cover.by_station:
        return
    over = cover.by_station[cover.by_station["overloaded"]].sort_values("load", ascending=False, kind="stable")
    show.out.print(text(f"超负荷站点 {len(over)} 个", f"{len(over)} stations over capacity"), markup=False)
    for row in over.head(_MOST).itertuples():
        show.out.print(f"  {row.Index}: {row.nearest:,.0f} / {row.capacity:,.0f} ({row.load:.0%})", markup=False)
    _say_more(len(over))


def print_estates(cover: Coverage, asked: bool) -> None:
    """Print how many large estates have no station of their own."""
    if asked:
        left = cover.estates_without_station
        show.out.print(
            text(f"1000 户以上、没有自有站点的小区 {len(left)} 个", f"{len(left)} estates of 1000 households and more "
                 "have no station of their own"), markup=False,
        )  # fmt: skip


def print_siting(siting: Siting) -> None:
    """Print the proposed stations, what they gain, and what is proven of the choice."""
    rows = [
        (str(row.candidate), round(row.households), f"{row.share:.2%}", _walk(row.minutes_before),
         _walk(row.minutes_after), round(row.nearest), _spot(row.geometry))
        for row in siting.sites.head(_MOST).to_crs(4326).itertuples()
    ]  # fmt: skip
    show.table(
        text("建议新增站点", "proposed stations"),
        [
            text("候选", "candidate"), text("新增户数", "households gained"), text("累计覆盖", "covered then"),
            text("之前分钟", "minutes before"), text("之后分钟", "minutes after"), text("就近户数", "nearest of"),
            text("位置", "place"),
        ],
        rows,
    )  # fmt: skip
    _say_more(len(siting.sites))
    proven = (
        text("已证明最优", "proven the best there is")
        if siting.gap == 0
        else text(f"与最优相差不超过 {siting.gap:.2%}", f"within {siting.gap:.2%} of the best there may be")
    )
    show.out.print(
        text(f"  {siting.share_before:.2%} → {siting.share:.2%}，新增 {siting.k} 个；{proven}",
             f"  {siting.share_before:.2%} → {siting.share:.2%} with {siting.k} new stations; {proven}"),
        markup=False,
    )  # fmt: skip
    if siting.note:
        show.out.print(f"  {siting.note}", markup=False)
    for row in siting.left_out.head(_MOST).itertuples():
        show.out.print(f"  {row.candidate}: {show.word(row.outcome)}, {row.reason}", markup=False)
    _say_more(len(siting.left_out))


def print_catchments(found: Catchments) -> None:
    """Print how many households each station is nearest of, and how far they walk."""
    if "households" not in found.by_station:
        return
    largest = found.by_station.sort_values("households", ascending=False, kind="stable")
    show.table(
        text("就近归属", "catchments"),
        [text("站点", "station"), text(*_HOUSEHOLDS), text("平均步行分钟", "mean minutes")],
        [(str(row.Index), round(row.households), _walk(row.minutes)) for row in largest.head(_MOST).itertuples()],
    )
    _say_more(len(largest))
    left = float(found.unserved["households"].sum())
    show.out.print(text(f"  无站点可归 {left:,.0f} 户", f"  {left:,.0f} households belong to none"), markup=False)


def _whole(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(round(each) if isinstance(each, float) and each == each else each for each in row)


def _spot(shape: Any) -> str:
    """Return the middle of a shape in degrees."""
    middle = shape.centroid
    return "" if middle.is_empty else f"{middle.x:.5f}, {middle.y:.5f}"


def _walk(minutes: float) -> str:
    return f"{minutes:.1f}" if minutes == minutes else "—"


def _say_more(rows: int) -> None:
    if rows > _MOST:
        show.out.print(
            text(f"  另有 {rows - _MOST} 行，见文件", f"  and {rows - _MOST} more, in the file"), markup=False
        )
