"""``gridmap addresses``: the index that addresses are found in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import addresses_batch, show
from gridmap.settings import text

if TYPE_CHECKING:
    from gridmap.address.build import Built

app = typer.Typer(no_args_is_help=True, help="地址索引 · The index of addresses.")

_WORDS: Final = {
    "town": "镇街", "community": "社区（村）", "street": "道路", "hamlet": "自然村", "estate": "小区",
    "landmark": "地标", "names": "名称", "nodes": "门牌与楼栋", "rows": "地址",
    "unreadable": "无法识别", "contradiction": "一址两处", "outside": "位置有误", "no_position": "无坐标",
    "position_from_door": "取门牌坐标", "duplicate": "重复", "number_differs": "门牌不符",
    "number_without_street": "有号无路", "two_estates": "小区重名", "alias_of_nothing": "别名无主",
}  # fmt: skip
_MOST_SHOWN: Final = 3
"""Findings of a rule that are printed; all are in the file of --findings."""
app.command("geocode")(addresses_batch.geocode)


@app.command()
def build(
    files: Annotated[
        list[str],
        typer.Argument(
            help="标准地址清单、建筑、地标、道路、别名；类型自动识别，也可写明：list= buildings= places= streets= "
            "aliases= · lists of addresses, layers of buildings, places, streets, other names; recognised, or said: "
            "places=FILE"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="索引写到哪里 · where the index goes, like addresses.idx")],
    columns: Annotated[
        str, typer.Option(help="清单的列：town=行政區,street=路名,number=號 · which column of a list says what")
    ] = "",
    region: Annotated[str, typer.Option(help="省,市,县：江苏省,无锡市,锡澄县 · province, city and county")] = "",
    crs: Annotated[
        str, typer.Option(help="表格坐标系：wgs84 cgcs2000 gcj02 bd09 EPSG 编码 · system of the coordinates in tables")
    ] = "cgcs2000",
    findings: Annotated[
        Path | None, typer.Option(help="逐行问题写到哪个 CSV · where what was found goes, row by row")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出 · print as JSON")] = False,
) -> None:
    """由标准地址清单、建筑图层和地标建立地址索引 · Make the index of addresses from lists, buildings and places."""
    from gridmap.address.io import build_file, parse_region, write_findings
    from gridmap.address.table_headers import parse_columns

    _refuse_own_input(files, out, findings)
    said = parse_columns(columns) if columns else None
    where = parse_region(region) if region else None
    with show.progress_bar(text("建立地址索引", "addresses")) as progress:
        built = build_file(files, out, columns=said, region=where, crs=crs, progress=progress)
    if findings is not None:
        write_findings(built.findings, findings)
    if as_json:
        typer.echo(json.dumps(_values(built, out), ensure_ascii=False, indent=1))
    else:
        _print(built, out, findings)


def _refuse_own_input(files: list[str], out: Path, findings: Path | None) -> None:
    """Refuse to write over what is read, or two results into one file."""
    from gridmap.errors import OutputError

    read = {Path(name).resolve() for each in files for name in (each, each.split("=", 1)[-1])}
    for target in (out, findings):
        if target is not None and target.resolve() in read:
            raise OutputError(f"{target} is one of the files that are read; name another to write")
    if findings is not None and findings.resolve() == out.resolve():
        raise OutputError(f"{out} cannot be both the index and its findings; name another file for --findings")


def _values(built: Built, out: Path) -> dict[str, object]:
    from gridmap.address.findings import count_rules

    return {
        "path": str(out),
        "version": built.index.version,
        "bytes": len(built.index.content),
        "region": built.index.text["region"],
        "counts": built.index.text["counts"],
        "findings": count_rules(built.findings),
        "rows": [asdict(finding) for finding in built.findings],
    }


def _print(built: Built, out: Path, findings: Path | None) -> None:
    """Print what is in the index, what was found in the lists, and the first rows of each rule."""
    from gridmap.address.findings import count_rules

    counts = [(_word(name), count) for name, count in built.index.text["counts"].items() if count]
    show.table(text("索引", "index"), [text("内容", "what"), text("数量", "count")], counts)
    rules = count_rules(built.findings)
    shown = []
    for rule, count in rules.items():
        few = [each for each in built.findings if each.rule == rule][:_MOST_SHOWN]
        shown += [(_word(rule), count, f"{each.file}:{each.row}", each.message) for each in few]
    if shown:
        columns = [text("问题", "finding"), text("数量", "count"), text("行", "row"), text("说明", "message")]
        show.table(text("清单中的问题", "what was found in the lists"), columns, shown)
    if sum(rules.values()) > len(shown) and findings is None:
        more = text("全部逐行写出请加 --findings FILE", "all of them, row by row, go to a file with --findings FILE")
        show.out.print(more, markup=False)
    if not any(built.index.text["region"].values()):
        warning = text(
            "提醒：没有写明省、市、县（--region），别县的地址认不出来",
            "warning: no province, city and county (--region): addresses of other counties cannot be told",
        )
        show.err.print(warning, markup=False)
    size = len(built.index.content) / 1e6
    version = text("版本", "version")
    show.out.print(f"{out} · {version} {built.index.version} · {size:,.1f} MB", markup=False)


def _word(name: str) -> str:
    return text(f"{_WORDS[name]} {name}", name)
