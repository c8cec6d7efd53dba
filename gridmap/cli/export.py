"""``gridmap export``: a plan, from a file or from the record, in the formats of others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gridmap.cli import show
from gridmap.cli.record import record, stated_time
from gridmap.errors import InputError

if TYPE_CHECKING:
    from gridmap.grids.plan import Plan


def export(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="写到哪里：.gpkg .parquet .zip .shp .geojson 或文件夹 · where to")
    ],
    plan: Annotated[
        str | None,
        typer.Argument(
            help="方案文件或库中版本，缺省为现行 · a plan's file, or a version of the record; now's by default"
        ),
    ] = None,
    level: Annotated[str | None, typer.Option(help="只导出一个层级 · one level alone")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="gpkg parquet shp geojson，缺省看后缀 · by default what -o says")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Shapefile 编码：utf-8 gbk · encoding of a Shapefile")] = "utf-8",
    zipped: Annotated[bool, typer.Option("--zip", help="压缩为 .zip · as a .zip")] = False,
    at: Annotated[str | None, typer.Option(help="某日有效的版本 · what was in force then, like 2026-05-01")] = None,
    inform: Annotated[
        bool, typer.Option("--inform", help="备案包：方案、沿革、变化摘要 · the package that informs the city")
    ] = False,
    since: Annotated[
        Path | None, typer.Option(help="--inform 对比的方案文件 · file of the plan before, for --inform")
    ] = None,
) -> None:
    """导出方案：GeoPackage、GeoParquet、Shapefile、GeoJSON，或市级备案包 · Export a plan for others."""
    if zipped and out.suffix.lower() != ".zip":
        out = out.with_name(out.name + ".zip")
    if inform:
        _inform(plan, at, since, out, (level, form))
    else:
        if since is not None:
            raise InputError("--since is for --inform; `gridmap diff` compares two plans")
        from gridmap.service.export import FORMATS, export_plan

        if form is not None and form not in FORMATS:
            raise InputError(f"--format {form!r} is not written; allowed: {', '.join(FORMATS)}")
        read = _read(plan, at)
        for note in export_plan(read, out, form=form, level=level, encoding=encoding):
            show.err.print(note, style="yellow", markup=False)
    show.out.print(str(out), markup=False)


def _inform(plan: str | None, at: str | None, since: Path | None, out: Path, others: tuple[str | None, ...]) -> None:
    """Write the package for the city, and print what changed."""
    import gridmap
    from gridmap.cli.diff import print_delta
    from gridmap.service.export_record import Informed, read_informed, version_of, write_informed

    if any(others):
        raise InputError("--inform writes a package of its own, whole; leave out --level and --format")
    if is_file(plan):
        before = None if since is None else gridmap.read_plan(since)
        informed = Informed(gridmap.read_plan(cast("str", plan)), before, None)
    else:
        if since is not None:
            raise InputError("--since is for a plan's file; the record knows what was in force before")
        with record() as session:
            informed = read_informed(session, version_of(session, plan, _moment(plan, at)))
    delta = write_informed(informed, out)
    if delta is not None and informed.before is not None:
        print_delta(delta, f"{informed.before.version} → {informed.plan.version}")


def _read(plan: str | None, at: str | None) -> Plan:
    """Read a plan from its file, or whole from the record."""
    if is_file(plan):
        if at is not None:
            raise InputError("--at asks the record; a file holds one version")
        import gridmap

        return gridmap.read_plan(cast("str", plan))
    from gridmap.service.export_record import version_of
    from gridmap.store.plans import read_version

    with record() as session:
        return read_version(session, version_of(session, plan, _moment(plan, at)), whole=True)


def is_file(plan: str | None) -> bool:
    """Whether a plan is meant as a file: it is there, or is written like one.

    Examples
    --------
    >>> is_file("plan.gpkg"), is_file("9b3b915afa5d"), is_file(None)
    (True, False, False)
    """
    return plan is not None and (Path(plan).exists() or "." in plan or "/" in plan)


def _moment(plan: str | None, at: str | None) -> datetime:
    if plan is not None and at is not None:
        raise InputError("a version or --at, not both: --at says which version")
    return datetime.now(UTC) if at is None else stated_time(at)
