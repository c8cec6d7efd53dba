"""``gridmap serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from gridmap.cli import show
from gridmap.settings import text

PORT: Final = 8321
_WORDS: Final = {
    "plan": ("读取方案", "reading the plan"),
    "index": ("建立索引", "indexing"),
    "map": ("绘制地图", "drawing the map"),
}


def serve(
    plan: Annotated[Path, typer.Option(help="方案文件 · the plan")],
    roster: Annotated[Path | None, typer.Option(help="花名册 · the roster")] = None,
    circles: Annotated[Path | None, typer.Option(help="服务圈，上图 · circles, for the map")] = None,
    incidents: Annotated[Path | None, typer.Option(help="落格后的事件，上图 · joined incidents, for the map")] = None,
    host: Annotated[
        str, typer.Option(help="地址；0.0.0.0 对外开放 · address; 0.0.0.0 opens it to others")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="端口，0 为任一空闲端口 · port, 0 any that is free", min=0, max=65535)
    ] = PORT,
    workers: Annotated[int, typer.Option(help="进程数 · processes", min=1, max=64)] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="不记录请求 · log no requests")] = False,
    allow_unknown_grids: Annotated[
        bool,
        typer.Option("--allow-unknown-grids", help="略过方案中没有的网格的人员 · leave out people of unknown grids"),
    ] = False,
) -> None:
    """网格服务：地图与接口，只读 · Serve a plan over HTTP, read-only: the map at /, the API at /docs."""
    from gridmap.api.serve import bind, is_open, url_of
    from gridmap.api.serve import serve as run
    from gridmap.api.source import read_source

    with bind(host, port) as taken:
        with show.progress_bar(text("网格服务", "serve")) as progress:
            source = read_source(
                plan, roster=roster, circles=circles, incidents=incidents, allow_unknown_grids=allow_unknown_grids,
                progress=lambda share, what: progress(share, text(*_WORDS[what])),
            )  # fmt: skip
        where = url_of(taken)
        show.err.print(
            text(
                f"{where} 地图，{where}docs 接口；Ctrl-C 停止", f"{where} is the map, {where}docs the API; Ctrl-C stops"
            ),
            markup=False,
            soft_wrap=True,
        )
        if is_open(taken):
            show.err.print(
                text(
                    "能访问此端口的人都可查询（姓名电话已隐去）", "whoever reaches this port may ask (names are masked)"
                ),
                style="yellow",
                soft_wrap=True,
            )
        run(source, taken, workers=workers, quiet=quiet)
