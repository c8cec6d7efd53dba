"""``gridmap load``: people, organisations, stations, circles and departments; a dry run unless ``--commit``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.cli.options import parse_named_layer
from gridmap.cli.record import effective_time, record
from gridmap.errors import InputError
from gridmap.settings import text

if TYPE_CHECKING:
    from gridmap.service.loading import LoadReport, LoadRow
    from gridmap.service.loading_files import Files

app = typer.Typer(
    no_args_is_help=True,
    help="导入花名册、组织、站点、服务圈、部门网格 · Loading people, organisations, stations, circles, departments.",
)

File = Annotated[Path, typer.Argument(help="文件 · the file")]
Effective = Annotated[
    str | None, typer.Option(help="自何日生效，缺省为现在 · from when on it holds, like 2026-12-01; now by default")
]
Commit = Annotated[
    bool, typer.Option("--commit", help="执行；不写则只演练 · do it; without, only say what it would do")
]
Keep = Annotated[
    bool, typer.Option("--keep", help="保留文件中没有的记录 · leave on record what the file does not have")
]
SkipRefused = Annotated[
    bool, typer.Option("--skip-refused", help="跳过有误的行 · load the other rows where some cannot be used")
]
Note = Annotated[str, typer.Option(help="事由 · why, for the audit")]
Town = Annotated[
    str, typer.Option(help="以哪个镇街的名义，缺省为县 · code of the town that acts; the county by default")
]
Station = Annotated[str, typer.Option(help="站点编号列 · column that names a station")]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出 · print as JSON")]
_MOST: Final = 50
"""Rows of a table that may be long; --json has all of them."""

_WORDS: Final = {
    "new": "新增", "changed": "变更", "ended": "终止", "unchanged": "不变", "refused": "有误",
    "roster": "花名册", "organisations": "组织", "stations": "站点", "circles": "服务圈", "departments": "部门网格",
    "grid_without_branch": "网格无党支部", "estate_without_branch": "小区无党支部",
    "personal_column": "含个人信息，未导入",
    "unit_without_community": "单位未报到", "parent_kind": "上级类型不符", "parent_unknown": "上级不明",
    "cycle": "上下级成环",
}  # fmt: skip


@dataclass(frozen=True)
class _Manner:
    """How a command was told to load."""

    effective: str | None
    commit: bool
    keep: bool
    skip_refused: bool
    note: str
    town: str
    as_json: bool


@app.command()
def roster(
    file: File, effective: Effective = None, commit: Commit = False, keep: Keep = False,
    skip_refused: SkipRefused = False, note: Note = "", town: Town = "*", as_json: AsJson = False,
) -> None:  # fmt: skip
    """花名册：人员、网格、职责 · People, their grids and duties, from CSV or Excel."""
    from gridmap.service.loading_files import Files

    _load(Files("roster", file), _Manner(effective, commit, keep, skip_refused, note, town, as_json))


@app.command()
def organisations(
    file: File, effective: Effective = None, commit: Commit = False, keep: Keep = False,
    skip_refused: SkipRefused = False, note: Note = "", town: Town = "*", as_json: AsJson = False,
) -> None:  # fmt: skip
    """党组织与报到单位 · Committees, branches and groups, and units that report, from CSV or Excel."""
    from gridmap.service.loading_files import Files

    _load(Files("organisations", file), _Manner(effective, commit, keep, skip_refused, note, town, as_json))


@app.command()
def stations(
    file: File, station: Station = "station",
    effective: Effective = None, commit: Commit = False, keep: Keep = False, skip_refused: SkipRefused = False,
    note: Note = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """服务站点 · Service stations, from any vector layer."""
    from gridmap.service.loading_files import Files

    manner = _Manner(effective, commit, keep, skip_refused, note, "*", as_json)
    _load(Files("stations", file, station=station), manner)


@app.command()
def circles(
    file: File,
    with_stations: Annotated[bool, typer.Option("--stations", help="一并导入站点 · the stations in it too")] = False,
    station: Station = "station",
    effective: Effective = None, commit: Commit = False, keep: Keep = False, skip_refused: SkipRefused = False,
    note: Note = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """步行服务圈与覆盖 · Circles and coverage, as `gridmap circles` writes them."""
    from gridmap.service.loading_files import Files

    manner = _Manner(effective, commit, keep, skip_refused, note, "*", as_json)
    _load(Files("circles", file, stations=with_stations, station=station), manner)


@app.command()
def departments(
    layers: Annotated[
        list[str], typer.Argument(help="部门=FILE[:编码列[:名称列]] … · DEPARTMENT=FILE[:CODE[:NAME]] …")
    ],
    effective: Effective = None, commit: Commit = False, keep: Keep = False, skip_refused: SkipRefused = False,
    note: Note = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """部门网格，并与现行方案对照 · Grids of departments, mapped onto the plan in force."""
    from gridmap.service.loading_files import DepartmentFile, Files

    named = [parse_named_layer(value) for value in layers]
    given = {
        department: DepartmentFile(Path(each.path), each.first or "code", each.second) for department, each in named
    }
    if len(given) < len(named):
        raise InputError("a department is given twice; give each its one layer")
    _load(Files("departments", departments=given), _Manner(effective, commit, keep, skip_refused, note, "*", as_json))


def _load(files: Files, manner: _Manner) -> None:
    """Load, say what became of it, and end with an error where rows cannot be used."""
    from gridmap.service.loading import LoadOptions
    from gridmap.service.loading_files import load_files

    options = LoadOptions(
        effective_time(manner.effective), manner.keep, manner.skip_refused, manner.commit, manner.note
    )
    with record(manner.town) as session:
        report = load_files(session, files, options)
    if manner.as_json:
        typer.echo(json.dumps(report.to_values(), ensure_ascii=False, indent=1))
    else:
        print_report(report)
    if report.refused and not manner.skip_refused:
        first = report.refused[0]
        raise InputError(
            f"{len(report.refused)} rows cannot be used ({_where(first)}: {first.reason}), so nothing is loaded; "
            "correct them, or load the others with --skip-refused"
        )


def print_report(report: LoadReport) -> None:
    """Print what becomes of the rows: how many how, then those that do not stay as they are."""
    counts = [(_word(outcome), count) for outcome, count in report.counts.items()]
    when = show.when(report.effective)
    title = text(f"{_word(report.kind)}，自 {when}", f"{report.kind}, from {when}")
    show.table(title, [text("结果", "outcome"), text("行", "rows")], counts)
    rows = [row for row in report.rows if row.outcome != "unchanged" or row.reason]
    if rows:
        columns = [
            text("行", "row"), text("结果", "outcome"), text("对象", "what"), text("变化", "changes"),
            text("原因", "reason"),
        ]  # fmt: skip
        show.table(text("逐行", "by row"), columns, [_shown(row) for row in rows[:_MOST]])
        _say_more(len(rows))
    if report.findings:
        found = [("—" if each.row is None else str(each.row), _word(each.rule), each.message)
                 for each in report.findings[:_MOST]]  # fmt: skip
        show.table(text("提醒", "findings"), [text("行", "row"), text("规则", "rule"), text("说明", "message")], found)
        _say_more(len(report.findings))
    if not report.committed and not report.refused:
        said = text("未改动任何数据；执行请加 --commit", "nothing was changed; --commit does it")
        show.out.print(said, markup=False)


def _shown(row: LoadRow) -> tuple[str, ...]:
    changes = "; ".join(f"{each.column}: {each.old or '—'} → {each.new or '—'}" for each in row.changes)
    return ("—" if row.row is None else str(row.row), _word(row.outcome), f"{row.part} {row.key}", changes, row.reason)


def _word(name: str) -> str:
    return text(f"{_WORDS[name]} {name}", name)


def _where(row: LoadRow) -> str:
    return row.key if row.row is None else f"row {row.row}"


def _say_more(rows: int) -> None:
    if rows > _MOST:
        show.out.print(text(f"  另有 {rows - _MOST} 行，见 --json", f"  {rows - _MOST} more, see --json"), markup=False)
