"""``gridmap addresses geocode``: a file of addresses, each answered beside its row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from gridmap.cli import show
from gridmap.settings import ADDRESSES, text

_OUTCOMES: Final = {
    "elsewhere": ("县外", "elsewhere"),
    "not_found": ("未找到", "not_found"),
    "invalid": ("不是地址", "invalid"),
}


def geocode(
    table: Annotated[Path, typer.Argument(help="地址文件 csv/parquet · a table of addresses")],
    addresses: Annotated[Path, typer.Option(help="地址索引 · the address index", envvar=ADDRESSES)],
    out: Annotated[Path, typer.Option("--out", "-o", help="结果 csv · the result")],
    address_column: Annotated[str, typer.Option(help="地址列 · column of the addresses")] = "address",
    plan: Annotated[Path | None, typer.Option(help="方案文件，同时查网格 · the plan, to find the grids too")] = None,
    encoding: Annotated[str | None, typer.Option(help="CSV 编码 · encoding of a CSV, guessed if not given")] = None,
    unmask: Annotated[bool, typer.Option("--unmask", help="不隐去姓名和电话 · show names and phones")] = False,
) -> None:
    """批量查地址 · Geocode every row of a table; no row is lost, and a bad address is an outcome of its own."""
    import gridmap
    from gridmap.scale.geocode import geocode_file

    geocoder = gridmap.Geocoder(addresses)
    locator = None if plan is None else gridmap.Locator(gridmap.read_plan(plan))
    with show.progress_bar(text("查地址", "geocoding")) as progress:
        summary = geocode_file(
            table, geocoder, out, address=address_column, locator=locator, encoding=encoding, unmask=unmask,
            progress=progress,
        )  # fmt: skip
    rows: list[tuple[object, ...]] = [
        (text(*_OUTCOMES[outcome]) if plan is None and outcome in _OUTCOMES else show.word(outcome), count)
        for outcome, count in summary.by_outcome.items()
    ]
    show.table(
        text("查地址", "addresses"),
        [text("结果", "outcome"), text("数量", "rows")],
        [*rows, (text("合计", "total"), summary.rows)],
    )
