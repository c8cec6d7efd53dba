"""``gridmap keys``: keys of programs. A key is shown once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from gridmap.cli import show
from gridmap.cli.record import effective_time, record
from gridmap.service.access_rules import PERMISSIONS
from gridmap.settings import text

app = typer.Typer(no_args_is_help=True, help="程序的访问密钥 · Keys of programs.")

Town = Annotated[str, typer.Option(help="辖区：镇街编码，* 为全县 · code of the town, * for the county")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="哪个程序用 · which program it is for")],
    scope: Annotated[
        list[str],
        typer.Option(help=f"权限，可多次：{'、'.join(PERMISSIONS)} · what it may do, more than once if need be"),
    ],
    town: Town = "*",
    expires: Annotated[
        str | None, typer.Option(help="到期时间，不写则不到期 · when it ends, like 2027-01-01; never by default")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(help="每分钟请求数，不写则为通常值 · requests a minute; by default the usual")
    ] = None,
) -> None:
    """新建密钥，仅显示一次 · Make a key; it is printed once, alone on standard output."""
    from gridmap.service.access import create_key

    with record() as session:
        made = create_key(
            session, name=name, scopes=scope, town=town, expires_at=effective_time(expires), rate_per_minute=rate
        )
    show.err.print(
        text(
            f"密钥 {made.prefix}… 仅显示这一次，请妥善保存；请求头 Authorization: Bearer <密钥>",
            f"the key {made.prefix}… is shown this once; keep it safe. It goes into Authorization: Bearer <key>",
        ),
        markup=False,
        soft_wrap=True,
    )
    typer.echo(made.key)


@app.command("list")
def list_them() -> None:
    """密钥清单 · The keys there are and were."""
    from gridmap.service.access import list_keys

    with record() as session:
        rows = [
            (
                row.prefix, row.name, " ".join(row.scopes), row.town, row.rate_per_minute or "—",
                day(row.expires_at), day(row.revoked_at), f"{row.created_by} {day(row.created_at)}",
            )
            for row in list_keys(session)
        ]  # fmt: skip
    columns = [
        text("密钥", "key"), text("程序", "program"), text("权限", "scopes"), text("辖区", "town"),
        text("每分钟", "a minute"), text("到期", "expires"), text("已撤销", "revoked"), text("新建", "made"),
    ]  # fmt: skip
    show.table(text("访问密钥", "keys"), columns, rows)


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="密钥前缀，如 gm_Ab12Cd34 · first letters of the key")]) -> None:
    """撤销密钥 · Withdraw a key, for good; servers know within a second."""
    from gridmap.service.access import revoke_key

    with record() as session:
        row = revoke_key(session, prefix)
    show.err.print(text(f"已撤销 {row.prefix}（{row.name}）", f"{row.prefix} ({row.name}) is withdrawn"), markup=False)


def day(moment: datetime | None) -> str:
    """Return a time as tables show it."""
    from zoneinfo import ZoneInfo

    from gridmap.people.times import ZONE

    return "—" if moment is None else moment.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M")
