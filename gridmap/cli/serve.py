"""``gridmap serve``."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.errors import InputError
from gridmap.settings import ADDRESSES, text

if TYPE_CHECKING:
    from gridmap.api.source import Source

PORT: Final = 8321
_WORDS: Final = {
    "plan": ("读取方案", "reading the plan"),
    "index": ("建立索引", "indexing"),
    "map": ("绘制地图", "drawing the map"),
}


def serve(
    plan: Annotated[
        Path | None, typer.Option(help="方案文件；不写则用档案数据库 · the plan; without it, the record answers")
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="花名册 · the roster")] = None,
    circles: Annotated[
        Path | None, typer.Option(help="服务圈，上图并供查询 · circles, for the map and for questions")
    ] = None,
    incidents: Annotated[Path | None, typer.Option(help="落格后的事件，上图 · joined incidents, for the map")] = None,
    addresses: Annotated[
        Path | None,
        typer.Option(help="地址索引，按地址查询 · the address index, for questions by address", envvar=ADDRESSES),
    ] = None,
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
    """网格服务：地图与接口 · Serve a plan from files, or the record, over HTTP: the map at /, the API at /docs."""
    from gridmap.api.serve import bind, open_addresses
    from gridmap.api.serve import serve as serve_files

    url = "" if plan is not None else _record_url(roster=roster, circles=circles, incidents=incidents)
    with bind(host, port) as taken:
        open_addresses(addresses, verify=True)
        if plan is None:
            _serve_record(url, taken, addresses, workers=workers, quiet=quiet)
            return
        source = _read(plan, roster, circles, incidents, allow_unknown_grids)
        _announce(taken, masked=True)
        serve_files(source, taken, addresses=addresses, workers=workers, quiet=quiet)


def _record_url(**files: Path | None) -> str:
    """Return where the record is; files beside it are refused."""
    from gridmap.settings import database_url

    url = database_url()
    if url is None:
        raise InputError("nothing to serve: give --plan FILE, or start the record with `gridmap db start`")
    given = [f"--{name}" for name, path in files.items() if path is not None]
    if given:
        raise InputError(
            f"{', '.join(given)} without --plan: the record has its own; `gridmap load` puts files into it"
        )
    return url


def _serve_record(url: str, taken: socket.socket, addresses: Path | None, *, workers: int, quiet: bool) -> None:
    from gridmap.api.serve import prepare_record, serve_record

    with show.progress_bar(text("网格服务", "serve")) as progress:
        progress(0.1, text("读取档案", "reading the record"))
        prepare_record(url)
    _announce(taken, masked=False)
    serve_record(url, taken, addresses=addresses, workers=workers, quiet=quiet)


def _read(
    plan: Path, roster: Path | None, circles: Path | None, incidents: Path | None, allow_unknown_grids: bool
) -> Source:
    from gridmap.api.source import read_source

    with show.progress_bar(text("网格服务", "serve")) as progress:
        return read_source(
            plan, roster=roster, circles=circles, incidents=incidents, allow_unknown_grids=allow_unknown_grids,
            progress=lambda share, what: progress(share, text(*_WORDS[what])),
        )  # fmt: skip


def _announce(taken: socket.socket, *, masked: bool) -> None:
    """Say where it is served, and who can ask."""
    from gridmap.api.serve import is_open, url_of

    where = url_of(taken)
    said = text(
        f"{where} 地图，{where}docs 接口；Ctrl-C 停止", f"{where} is the map, {where}docs the API; Ctrl-C stops"
    )
    show.err.print(said, markup=False, soft_wrap=True)
    if is_open(taken) and masked:
        said = text(
            "能访问此端口的人都可查询（姓名电话已隐去）", "whoever reaches this port may ask (names are masked)"
        )
        show.err.print(said, style="yellow", soft_wrap=True)
