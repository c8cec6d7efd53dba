"""``gridmap locate``: one point or one address, its grids and who answers for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gridmap.cli import show
from gridmap.cli.options import parse_point
from gridmap.errors import InputError
from gridmap.settings import ADDRESSES, text

if TYPE_CHECKING:
    from gridmap.address.model import Geocoding
    from gridmap.address.place import AddressPlacement
    from gridmap.locate.locator import Placement
    from gridmap.people.roster import Responsible

_MATCHES: Final = {
    "exact": "逐项相符", "building": "楼栋或门牌相符", "interpolated": "按相邻门牌推算", "street": "只认出道路",
    "estate": "只认出小区", "community": "只认出社区", "fallback": "只认出乡镇或县",
}  # fmt: skip
_KINDS: Final = {
    "province": "省", "city": "市", "county": "县", "town": "乡镇", "community": "社区", "street": "道路",
    "lane": "巷", "alley": "弄", "estate": "小区", "hamlet": "自然村", "plate": "门牌", "sub": "附号",
    "building": "楼栋", "unit": "单元", "floor": "楼层", "room": "房号", "landmark": "地标", "note": "附注",
}  # fmt: skip


def locate(
    plan: Annotated[Path, typer.Option(help="方案文件 · the plan")],
    at: Annotated[str | None, typer.Option(help="LON,LAT")] = None,
    crs: Annotated[str, typer.Option(help="wgs84, cgcs2000, gcj02, bd09, EPSG")] = "wgs84",
    accuracy: Annotated[float | None, typer.Option(help="精度 米 · accuracy in metres")] = None,
    address: Annotated[str | None, typer.Option(help="地址，代替坐标 · an address, instead of a point")] = None,
    addresses: Annotated[Path | None, typer.Option(help="地址索引 · the address index", envvar=ADDRESSES)] = None,
    roster: Annotated[Path | None, typer.Option(help="花名册，查责任人 · the roster, to say who answers")] = None,
    duty: Annotated[str | None, typer.Option(help="事项编码 · code of the case type")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 · print JSON")] = False,
) -> None:
    """坐标或地址查网格 · Say which grid a point or an address is in; exit 2 when it cannot be used."""
    import gridmap

    if (at is None) == (address is None):
        raise InputError("give --at LON,LAT or --address TEXT, one of the two")
    if address is None:
        lon, lat = parse_point(str(at))
        place = gridmap.Locator(gridmap.read_plan(plan)).locate(lon, lat, crs=crs, accuracy_m=accuracy)
        found = None
    else:
        found = _find(plan, address, addresses)
        place = found.placement
    unusable = place.outcome == "invalid" if found is None else found.is_unresolved
    who = None if unusable else _responsible(roster, place, duty)
    if as_json:
        typer.echo(json.dumps(_as_json(place, found, who, roster is not None), ensure_ascii=False))
    else:
        print_place(place)
        if found is not None:
            print_address(found)
        if roster is not None:
            _print_person(who)
    if unusable:
        raise typer.Exit(2)


def _find(plan: Path, address: str, addresses: Path | None) -> AddressPlacement:
    import gridmap
    from gridmap.address.place import locate_address

    if addresses is None:
        raise InputError(
            "--address needs --addresses addresses.idx (or GRIDMAP_ADDRESSES); `gridmap addresses build` makes one"
        )
    geocoder = gridmap.Geocoder(addresses)
    return locate_address(geocoder, gridmap.Locator(gridmap.read_plan(plan)), address)


def _responsible(roster: Path | None, place: Placement, duty: str | None) -> Responsible | None:
    """Return who answers for a place now."""
    import gridmap

    return None if roster is None else gridmap.read_roster(roster).responsible(place, duty=duty, at=datetime.now(UTC))


def print_place(place: Placement) -> None:
    """Print where a point is, and what else is near."""
    show.out.print(f"{show.word(place.outcome)}  {place.reason}".strip(), markup=False)
    if place.chain:
        columns = [text("层级", "level"), text("编码", "code")]
        show.table("", columns, [(show.word(level), code) for level, code in place.chain.items()])
    for other in place.candidates:
        show.out.print(f"  {other.level} {other.code}  {other.distance_m:.1f} m", markup=False)


def print_address(found: AddressPlacement) -> None:
    """Print what an address was understood as, how sure that is, and what else it may mean."""
    told = found.geocoding
    if told.match_type:
        sure = text("可信度", "confidence")
        show.out.print(
            f"{told.address}  {text(_MATCHES[told.match_type], told.match_type)}  {sure} {found.confidence:.3f}"
            f"  ±{told.accuracy_m:.0f} m",
            markup=False,
        )
    if told.reason and told.reason != found.placement.reason:
        show.out.print(told.reason, markup=False)
    if found.needs_person:
        show.out.print(
            text("须人工核实后才能派单", "somebody has to look before anything is dispatched"), style="yellow"
        )
    _print_parts(told)
    if len(told.candidates) > 1:
        columns = [text("可能的地址", "may be"), text("可信度", "confidence"), text("如何区分", "what tells it apart")]
        show.table("", columns, [(each.address, each.confidence, each.differs) for each in told.candidates])


def _print_parts(told: Geocoding) -> None:
    known = {True: text("索引中有", "listed"), False: text("索引中没有", "not listed"), None: ""}
    rows = [
        (text(_KINDS.get(each.kind, each.kind), each.kind), each.text, each.value, known[each.matched])
        for each in told.elements
    ]
    rows += [(text("未识别", "not understood"), each.text, "", "") for each in told.unmatched]
    if rows:
        columns = [text("要素", "element"), text("原文", "as written"), text("含义", "as meant"), ""]
        show.table("", columns, rows)


def _print_person(who: Responsible | None) -> None:
    if who is None:
        show.out.print(text("无责任人可报", "nobody can be named"), markup=False)
    else:
        show.out.print(f"{who.name} {who.role}  {show.word(who.level)} {who.grid}  {who.reason}", markup=False)


def _as_json(
    place: Placement, found: AddressPlacement | None, who: Responsible | None, with_people: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "outcome": place.outcome,
        "reason": place.reason,
        "chain": dict(place.chain),
        "candidates": [
            {"level": other.level, "code": other.code, "distance_m": other.distance_m} for other in place.candidates
        ],
        "border_distance_m": place.border_distance_m,
        "plan_version": place.plan_version,
    }
    if found is not None:
        from gridmap.api.addresses import geocoded

        said["geocoding"] = geocoded(found).model_dump(mode="json")
    if with_people:
        said["responsible"] = None if who is None else asdict(who)
    return said
