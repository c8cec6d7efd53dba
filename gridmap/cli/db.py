"""``gridmap db``: the record's database, without an administrator."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

from gridmap.cli import show
from gridmap.cli.record import record, record_url, stated_time
from gridmap.errors import InputError
from gridmap.settings import database_folder, text

app = typer.Typer(no_args_is_help=True, help="档案数据库 · The record's database, without an administrator.")

_MIB: Final = 1 << 20
Folder = Annotated[
    Path | None,
    typer.Option(help="数据库文件夹，缺省见 GRIDMAP_DB_DIR · folder of the cluster; else that of GRIDMAP_DB_DIR"),
]


@app.command()
def start(folder: Folder = None) -> None:
    """启动本机私有数据库 · Make, start and upgrade a private database; prints the setting to export."""
    from gridmap.store import migrate
    from gridmap.store.cluster import Cluster

    cluster = Cluster(folder or database_folder())
    started = cluster.start()
    migrate.upgrade(cluster.url)
    _say(
        text(f"{cluster.folder} 已{'启动' if started else '在运行'}，版本 {migrate.head()}",
             f"{cluster.folder} {'started' if started else 'runs already'}, at revision {migrate.head()}")
    )  # fmt: skip
    typer.echo(f"export GRIDMAP_DATABASE_URL={shlex.quote(cluster.url)}")


@app.command()
def stop(folder: Folder = None) -> None:
    """停止本机私有数据库 · Stop the private database; what was committed is kept."""
    from gridmap.store.cluster import Cluster

    cluster = Cluster(folder or database_folder())
    stopped = cluster.stop()
    _say(
        text(f"{cluster.folder} {'已停止' if stopped else '未在运行'}",
             f"{cluster.folder} {'stopped' if stopped else 'was not running'}")
    )  # fmt: skip


@app.command()
def status() -> None:
    """数据库状态 · Say where the record is, at which revision and how large; exit 6 when it cannot be reached."""
    from sqlalchemy import make_url

    from gridmap.store import migrate
    from gridmap.store.cluster_database import check_server, connected

    url = record_url()
    major, revision, folder = check_server(url), migrate.current(url), database_folder()
    with connected(url) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    size = row[0] / _MIB if row else 0.0
    facts = [
        (text("地址", "address"), make_url(url).render_as_string()),
        ("PostgreSQL", str(major)),
        (text("版本", "revision"), revision or text("空", "none")),
        (text("最新版本", "newest revision"), migrate.head()),
        (text("占用", "size"), f"{size:,.1f} MiB"),
    ]
    if folder.exists():
        free = shutil.disk_usage(folder).free / _MIB
        facts.append((text("磁盘剩余", "free on the disk"), f"{free:,.0f} MiB"))
    for name, value in facts:
        show.out.print(f"{name}: {value}", markup=False)
    if revision != migrate.head():
        _say(text("请运行 gridmap db upgrade", "run gridmap db upgrade"))


@app.command()
def upgrade(
    to: Annotated[str, typer.Option(help="目标版本，可回退 · revision to go to, up or down")] = "head",
    commit: Annotated[
        bool, typer.Option("--commit", help="确认回退，丢弃较新表中的数据 · go down, and lose what newer tables hold")
    ] = False,
) -> None:
    """升级或回退数据库结构 · Bring the tables of the record to a revision, the newest if none is named."""
    from gridmap.store import migrate
    from gridmap.store.cluster_database import check_server

    url = record_url()
    check_server(url)
    before = migrate.current(url)
    if _is_down(before, to):
        if not commit:
            _say(
                text(f"将从 {before} 回退到 {to}，较新表中的数据会丢失；请先 gridmap db backup，再加 --commit",
                     f"would go down from {before} to {to}, and lose what newer tables hold; back up, then --commit")
            )  # fmt: skip
            return
        migrate.downgrade(url, to)
    else:
        migrate.upgrade(url, to)
    _say(f"{before or text('空', 'none')} → {migrate.current(url)}")


@app.command()
def backup(
    out: Annotated[Path, typer.Option("--out", "-o", help="备份文件 · the backup")],
) -> None:
    """备份档案 · Back the record up into one file, read once to its end before it takes the name."""
    from gridmap.store.dump import backup as run

    done = run(record_url(), out)
    said = f"{done.path}, {done.size_bytes / _MIB:,.1f} MiB"
    _say(text(f"{said}，版本 {done.revision}", f"{said}, revision {done.revision}"))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="备份文件 · the backup")],
    replace: Annotated[
        bool, typer.Option("--replace", help="替换现有档案 · put it in the place of the record that is there")
    ] = False,
) -> None:
    """恢复档案 · Restore a backup into an empty database, or with --replace in place of the record that is there."""
    from gridmap.store.dump import restore as run

    done = run(record_url(), file, replace=replace)
    _say(
        text(f"已恢复{'并替换原档案' if done.replaced else ''}，版本 {done.revision}",
             f"restored{' in place of the record before' if done.replaced else ''}, revision {done.revision}")
    )  # fmt: skip


@app.command()
def purge(
    before: Annotated[str, typer.Option(help="此日之前离任者 · who had ended by this day, like 2025-01-01")],
    commit: Annotated[
        bool, typer.Option("--commit", help="执行；不写则只演练 · do it; without, only say what it would do")
    ] = False,
) -> None:
    """清除离任人员的姓名电话及失败的登录记录 · Forget names and phones of who serves no longer, and failed log-ins."""
    from gridmap.service.retention import purge as run

    with record() as session:
        done = run(session, stated_time(before), commit=commit)
    said = text(f"{len(done.people)} 人、{done.rows} 条，失败登录 {done.log_ins} 条",
                f"{len(done.people)} people in {done.rows} rows, and {done.log_ins} failed log-ins")  # fmt: skip
    _say(
        text(f"已清除 {said}", f"forgot {said}")
        if commit
        else text(f"将清除 {said}；执行请加 --commit", f"would forget {said}; --commit does it")
    )


def _is_down(before: str | None, to: str) -> bool:
    from gridmap.store import migrate

    known = migrate.revisions()
    if to != "head" and to not in known:
        raise InputError(f"revision {to!r} is not known; revisions are {', '.join(known)}, or head")
    return before in known and to != "head" and known.index(to) < known.index(str(before))


def _say(words: str) -> None:
    show.err.print(words, markup=False, soft_wrap=True)
