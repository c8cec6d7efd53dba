"""``gridmap users``: people who log in. No password ever stands on a command line or on a screen."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gridmap.cli import show
from gridmap.cli.keys import Town, day
from gridmap.cli.record import record
from gridmap.errors import InputError
from gridmap.service.access_rules import USER_ROLES
from gridmap.settings import text

app = typer.Typer(no_args_is_help=True, help="可登录的人员 · People who log in.")

Username = Annotated[str, typer.Argument(help="用户名 · username")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="从标准输入读取口令 · read the password from standard input")
]


@app.command()
def add(
    username: Username,
    role: Annotated[str, typer.Option(help=f"角色：{'、'.join(USER_ROLES)} · role")],
    town: Town = "*",
    password_stdin: FromStdin = False,
) -> None:
    """新增用户 · Add somebody who may log in."""
    from gridmap.service.access import add_user

    password = _password(password_stdin)
    with record() as session:
        row = add_user(session, username=username, password=password, role=role, town=town)
    _say(f"已新增 {row.username}（{role}，{town}）", f"{row.username} is added ({role}, {town})")


@app.command("list")
def list_them() -> None:
    """用户清单 · The users there are."""
    from gridmap.service.access import list_users

    with record() as session:
        rows = [
            (
                row.username, row.role, row.town, text("停用", "disabled") if row.disabled else text("启用", "enabled"),
                row.failed, day(row.locked_until), f"{row.created_by} {day(row.created_at)}",
            )
            for row in list_users(session)
        ]  # fmt: skip
    columns = [
        text("用户", "user"), text("角色", "role"), text("辖区", "town"), text("状态", "state"),
        text("连续失败", "failures"), text("锁定至", "locked until"), text("新建", "made"),
    ]  # fmt: skip
    show.table(text("用户", "users"), columns, rows)


@app.command("password")
def set_it(username: Username, password_stdin: FromStdin = False) -> None:
    """重设口令，并结束其所有会话 · Set another password; whoever is logged in by that name is no more."""
    from gridmap.service.access import set_password

    password = _password(password_stdin)
    with record() as session:
        set_password(session, username, password)
    _say(f"已重设 {username} 的口令", f"the password of {username} is set")


@app.command()
def disable(username: Username) -> None:
    """停用，并结束其所有会话 · Let somebody log in no more, from now on."""
    from gridmap.service.access import disable_user

    with record() as session:
        disable_user(session, username)
    _say(f"已停用 {username}", f"{username} is disabled")


@app.command()
def unlock(username: Username) -> None:
    """解除锁定或停用 · Let somebody log in again, after failed attempts or after being disabled."""
    from gridmap.service.access import unlock_user

    with record() as session:
        unlock_user(session, username)
    _say(f"{username} 可再次登录", f"{username} may log in again")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        try:
            return sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError("the password on standard input is not UTF-8") from None
    if not sys.stdin.isatty():
        raise InputError("there is nobody to ask for the password; pipe it in, with --password-stdin")
    asked = text("口令（至少 12 位）", "password (at least 12 letters)")
    again = text("再输入一次", "again")
    return str(typer.prompt(asked, hide_input=True, confirmation_prompt=again))


def _say(chinese: str, english: str) -> None:
    show.err.print(text(chinese, english), markup=False, soft_wrap=True)
