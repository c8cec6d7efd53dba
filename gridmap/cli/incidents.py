"""``gridmap join`` and ``gridmap map``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridmap.cli import show
from gridmap.errors import InputError
from gridmap.settings import ADDRESSES, address_index, text

if TYPE_CHECKING:
    from gridmap.scale.join import JoinSummary


_ADDRESS: Final = "address"


def join(
    incidents: Annotated[Path, typer.Argument(help="事件文件 csv/parquet/gpkg · incidents")],
    plan: Annotated[Path, typer.Option(help="方案文件 · the plan")],
    out: Annotated[Path, typer.Option("--out", "-o", help="结果 parquet/csv · the result")],
    roster: Annotated[Path | None, typer.Option(help="花名册 · the roster")] = None,
    lon: Annotated[str, typer.Option(help="经度列 · longitude column")] = "lon",
    lat: Annotated[str, typer.Option(help="纬度列 · latitude column")] = "lat",
    crs: Annotated[str, typer.Option(help="坐标系列 · column of the coordinate system")] = "crs",
    time: Annotated[str, typer.Option(help="时间列 · time column")] = "reported_at",
    duty: Annotated[str, typer.Option(help="事项类型列 · column of the duty")] = "type",
    addresses: Annotated[
        Path | None,
        typer.Option(
            help=f"地址索引，用于没有坐标的行 · the address index, for rows without coordinates [env: {ADDRESSES}]"
        ),
    ] = None,
    address: Annotated[str | None, typer.Option(help="地址列 · column of the addresses [default: address]")] = None,
    encoding: Annotated[str | None, typer.Option(help="CSV 编码 · encoding of a CSV, guessed if not given")] = None,
    unmask: Annotated[bool, typer.Option("--unmask", help="不隐去姓名和电话 · show names and phones")] = False,
    allow_unknown_grids: Annotated[
        bool,
        typer.Option("--allow-unknown-grids", help="略过方案中没有的网格的人员 · leave out people of unknown grids"),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="从中断处继续 · go on where it was stopped")] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask 集群 tcp://主机:端口 · a Dask cluster, tcp://host:port")
    ] = None,
) -> None:
    """事件落格 · Join every incident to its grid and the responsible person; no row is lost."""
    import gridmap
    from gridmap.scale.join import join_file

    locator = gridmap.Locator(gridmap.read_plan(plan))
    people = gridmap.read_roster(roster) if roster else None
    index = addresses or _usual_index(incidents, address, encoding)
    geocoder = gridmap.Geocoder(index) if index else None
    with _told_how_to_go_on(out), show.progress_bar(text("落格", "joining")) as progress:
        summary = join_file(
            incidents, locator, out, roster=people, lon=lon, lat=lat, crs=crs, time=time, duty=duty,
            geocoder=geocoder, address=address or _ADDRESS, encoding=encoding, unmask=unmask,
            allow_unknown_grids=allow_unknown_grids, resume=resume, scheduler=scheduler, progress=progress,
        )  # fmt: skip
    print_summary(summary)


def _usual_index(incidents: Path, address: str | None, encoding: str | None) -> Path | None:
    """Return the index that the environment names, for incidents that have addresses or are said to."""
    from gridmap.scale.tables import open_source

    index = address_index()
    asked = index is not None and (address or _ADDRESS in open_source(incidents, encoding=encoding).schema.names)
    return index if asked else None


@contextlib.contextmanager
def _told_how_to_go_on(out: Path) -> Iterator[None]:
    """Say of a join that was stopped what is kept of it."""
    from gridmap.scale.join import rows_kept
    from gridmap.scale.pieces import OutOfReachError

    try:
        yield
    except BaseException as error:
        useless = isinstance(error, InputError) and not isinstance(error, OutOfReachError)
        rows = 0 if useless else rows_kept(out)
        if rows:
            said = text(
                f"已完成 {rows:,} 行；加 --resume 可继续", f"{rows:,} rows are done; --resume goes on from there"
            )
            show.err.print(f"gridmap: {said}", markup=False)
        raise


def print_summary(summary: JoinSummary) -> None:
    """Print how many rows came out how; the total equals the rows read."""
    rows = [(show.word(outcome), count) for outcome, count in summary.by_outcome.items()]
    show.table(
        text("事件落格", "incidents"),
        [text("结果", "outcome"), text("数量", "rows")],
        [*rows, (text("合计", "total"), summary.rows), (text("有责任人", "with a person"), summary.with_person)],
    )


def draw_map(
    plan: Annotated[Path, typer.Argument(help="方案文件 · the plan")],
    out: Annotated[Path, typer.Option("--out", "-o", help="网页 · the page, map.html")],
    circles: Annotated[str | None, typer.Option(help="服务圈 · circles")] = None,
    incidents: Annotated[Path | None, typer.Option(help="落格后的事件 · joined incidents")] = None,
    roster: Annotated[Path | None, typer.Option(help="花名册 · the roster")] = None,
) -> None:
    """生成地图 · Make a map page that opens without a network."""
    import gridmap
    from gridmap.maps.plan_map import save_map
    from gridmap.scale.join import read_table

    rings = gridmap.read_layer(circles) if circles else None
    cases = read_table(incidents) if incidents else None
    people = gridmap.read_roster(roster) if roster else None
    page = gridmap.plan_map(gridmap.read_plan(plan), circles=rings, incidents=cases, roster=people)
    save_map(page, out)
    show.out.print(str(out), markup=False)
