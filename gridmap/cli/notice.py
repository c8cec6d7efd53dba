"""``gridmap notice``: the public notice of a grid, to be printed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli import show
from gridmap.cli.record import open_store, record, stated_time
from gridmap.errors import InputError
from gridmap.settings import actor, database_url, text

if TYPE_CHECKING:
    from gridmap.grids.plan import Plan
    from gridmap.people.roster import Roster


def notice(
    code: Annotated[str, typer.Argument(help="网格编码 · code of the grid")],
    out: Annotated[Path, typer.Option("--out", "-o", help="写到哪里 · where to, notice.html")],
    plan: Annotated[Path | None, typer.Option(help="方案文件，缺省用库中现行 · plan; the record's by default")] = None,
    roster: Annotated[Path | None, typer.Option(help="花名册 · the roster, for a plan's file")] = None,
    streets: Annotated[Path | None, typer.Option(help="道路，画在图上 · streets, drawn on the map")] = None,
    level: Annotated[str | None, typer.Option(help="层级 · level, where several have the code")] = None,
    at: Annotated[str | None, typer.Option(help="公示日期，缺省今天 · date, like 2026-05-01; today by default")] = None,
    names: Annotated[
        str, typer.Option(help="masked 隐去，full 完整（留痕） · masked, or full, which is kept")
    ] = "masked",
    reason: Annotated[str, typer.Option(help="显示完整姓名电话的事由 · why they are shown in full")] = "",
    contact: Annotated[str | None, typer.Option(help="联系电话 · phone to call")] = None,
    supervision: Annotated[str, typer.Option(help="监督电话 · phone of supervision")] = "12345",
) -> None:
    """网格公示牌：可打印的一页 · The public notice of a grid: one page of A4."""
    if names not in ("masked", "full"):
        raise InputError(f"--names {names!r}; allowed: masked, full")
    from gridmap.geo.files import atomic_path
    from gridmap.geo.io import read_layer
    from gridmap.maps.notice import grid_notice

    when = datetime.now(UTC) if at is None else stated_time(at)
    grids, people = _read(plan, roster, when)
    lines = None if streets is None else read_layer(streets, role="streets")
    page = grid_notice(
        grids, code, roster=people, streets=lines, level=level, at=when, full_names=names == "full", contact=contact,
        supervision=supervision,
    )  # fmt: skip
    if names == "full":
        _write_down(code, reason)
    with atomic_path(out) as draft:
        draft.write_text(page, encoding="utf-8")
    show.out.print(str(out), markup=False)


def _read(plan: Path | None, roster: Path | None, when: datetime) -> tuple[Plan, Roster | None]:
    """Read a plan and its people from files, or what was in force then from the record."""
    import gridmap

    if plan is not None:
        return gridmap.read_plan(plan), None if roster is None else gridmap.read_roster(roster)
    if roster is not None:
        raise InputError("--roster goes with --plan; the record has its own people")
    from gridmap.service.export_record import version_of
    from gridmap.store.people import read_roster
    from gridmap.store.plans import read_version

    with record() as session:
        return read_version(session, version_of(session, None, when)), read_roster(session)


def _write_down(code: str, reason: str) -> None:
    """Keep in the audit who had names printed in full, and why, before they are."""
    from gridmap.service.audit import note, read_reason

    said = read_reason(reason)
    if database_url() is None:
        show.err.print(
            text(
                "没有数据库，此次查看未留痕；请自行登记",
                "there is no record to keep this in; write down yourself who asked, and why",
            ),
            style="yellow",
        )
        return
    store = open_store()
    try:
        with store.transaction(actor=actor()) as session:
            note(session, "unmasked", code, said, detail={"as": "notice"})
    finally:
        store.close()
