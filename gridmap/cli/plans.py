"""``gridmap plans``: propose, approve, publish, roll back; a dry run unless ``--commit``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.cli.diff import print_delta
from gridmap.cli.record import effective_time, record, stated_time
from gridmap.errors import GridmapError
from gridmap.settings import text

if TYPE_CHECKING:
    from gridmap.service.review import Review

app = typer.Typer(no_args_is_help=True, help="方案的报审、发布与回退 · Proposing, publishing and rolling back plans.")

Version = Annotated[str, typer.Argument(help="方案版本 · version of the plan")]
Commit = Annotated[
    bool, typer.Option("--commit", help="执行；不写则只演练 · do it; without, only say what it would do")
]
Effective = Annotated[
    str | None, typer.Option(help="生效日期，缺省为现在 · when it begins, like 2026-12-01; now by default")
]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出 · print as JSON")]
Town = Annotated[
    str, typer.Option(help="以哪个镇街的名义，缺省为县 · code of the town that acts; the county by default")
]
_MOST: Final = 20


@app.command("list")
def list_plans(as_json: AsJson = False) -> None:
    """方案清单与时间线 · The versions on record, and which was in force when."""
    from gridmap.service.versions import versions

    with record() as session:
        found = versions(session)
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found], ensure_ascii=False, indent=1))
        return
    show.table(
        text("方案版本", "plan versions"),
        [
            text("版本", "version"), text("状态", "status"), text("名称", "name"), text("网格", "grids"),
            text("报审", "proposed"), text("生效", "in force"), text("说明", "note"),
        ],
        [
            (
                each.version, show.word(each.status), each.name, " › ".join(map(str, each.counts.values())),
                f"{each.proposed_by} {show.when(each.proposed_at)}",
                ", ".join(f"{show.when(stay.since)} → {show.when(stay.until)}" for stay in each.stays), each.note,
            )
            for each in found
        ],
    )  # fmt: skip


@app.command()
def propose(
    plan: Annotated[Path, typer.Argument(help="方案文件 · file of the plan")],
    note: Annotated[str, typer.Option(help="事由 · why")] = "",
    town: Town = "*",
    commit: Commit = False,
    as_json: AsJson = False,
) -> None:
    """报审方案：检查、与现行方案对比 · Put a plan on record as a proposal, checked and compared."""
    import gridmap
    from gridmap.service import publishing

    read = gridmap.read_plan(plan)
    with record(town) as session:
        found = publishing.propose(session, read, note=note, commit=commit)
    _say_review(found, as_json, text("报审", "proposed"))


@app.command()
def approve(version: Version, commit: Commit = False) -> None:
    """批准 · Let a proposal be published; the county does."""
    from gridmap.service import publishing

    with record() as session:
        publishing.approve(session, version, commit=commit)
    _say(version, commit, text("批准", "approved"))


@app.command()
def withdraw(version: Version, town: Town = "*", commit: Commit = False) -> None:
    """撤回报审或尚未生效的发布 · Take back a proposal, or a publication that has not begun."""
    from gridmap.service import publishing

    with record(town) as session:
        publishing.withdraw(session, version, commit=commit)
    _say(version, commit, text("撤回", "withdrawn"))


@app.command()
def publish(version: Version, effective: Effective = None, commit: Commit = False, as_json: AsJson = False) -> None:
    """发布：自某日起生效 · Put an approved version in force; without --commit, say what that would do."""
    from gridmap.service import publishing

    begins = effective_time(effective)
    with record() as session:
        found = publishing.publish(session, version, effective=begins, commit=commit)
    _say_review(found, as_json, text("发布", "published"))
    _map_departments(found)


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="退回到哪个版本，缺省为上一个 · back to which; by default the one before")
    ] = None,
    effective: Effective = None,
    commit: Commit = False,
    as_json: AsJson = False,
) -> None:
    """回退到先前的版本 · Put a version in force again that was before."""
    from gridmap.service import publishing

    begins = effective_time(effective)
    with record() as session:
        found = publishing.rollback(session, version, effective=begins, commit=commit)
    _say_review(found, as_json, text("回退", "rolled back"))
    _map_departments(found)


@app.command("map")
def map_again(
    at: Annotated[str | None, typer.Option(help="哪日的方案，缺省现行 · the plan of when; now's")] = None,
) -> None:
    """部门网格对照现行方案 · Map the departments' grids onto the plan in force; publishing does it too."""
    from gridmap.service.loading_departments import map_departments

    when = datetime.now(UTC) if at is None else stated_time(at)
    with record() as session:
        map_departments(session, when)


def _map_departments(found: Review) -> None:
    """Map the departments onto what was published; that it is in force does not depend on it."""
    from gridmap.service.loading_departments import map_departments

    if not found.committed:
        return
    try:
        with record() as session:
            map_departments(session, found.effective)
    except GridmapError:
        said = text(
            f"{found.version} 已生效，部门网格尚未与之对照；稍后执行 gridmap plans map",
            f"{found.version} is published, but the departments are not mapped onto it; run `gridmap plans map` later",
        )
        show.err.print(said, style="yellow", markup=False)
        raise


def _say_review(found: Review, as_json: bool, done: str) -> None:
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=1))
        return
    counts = found.findings.groupby(["severity", "rule", "level"], sort=False).size()
    rows = [(show.word(severity), show.word(rule), show.word(level), int(n))
            for (severity, rule, level), n in counts.items()]  # fmt: skip
    if rows:
        columns = [text("程度", "severity"), text("规则", "rule"), text("层级", "level"), text("处", "findings")]
        show.table(text("检查", "check"), columns, rows)
    if found.delta is not None:
        print_delta(found.delta, f"{found.base} → {found.version}", _MOST)
    if found.moved_away:
        codes = " ".join(found.moved_away[:_MOST]) + (" …" if len(found.moved_away) > _MOST else "")
        said = text(
            f"{len(found.moved_away)} 个编码保留不到一半原有范围：{codes}",
            f"{len(found.moved_away)} codes keep less than half of their ground: {codes}",
        )
        show.out.print(said, style="yellow", markup=False)
    if found.homeless:
        show.table(
            text(f"{len(found.homeless)} 项失去网格", f"{len(found.homeless)} lose their grid"),
            [text("种类", "kind"), text("编号", "key"), text("原网格", "grid"), text("现网格", "now")],
            [(show.word(each.kind), each.key, each.grid, " ".join(each.successors)) for each in found.homeless[:_MOST]],
        )
    _say(found.version, found.committed, done, found.effective)


def _say(version: str, committed: bool, done: str, at: datetime | None = None) -> None:
    when = "" if at is None else f" {show.when(at)}"
    if committed:
        show.out.print(text(f"{version} 已{done}{when}", f"{version} {done}{when}"), markup=False)
    else:
        said = text(
            f"{version}{when} 演练，未改动任何数据；执行请加 --commit",
            f"{version}{when} dry run, nothing was changed; --commit does it",
        )
        show.out.print(said, markup=False)
