"""The ``gridmap`` command: its subcommands and the table that maps errors to exit codes."""

from __future__ import annotations

import signal
import sys
import warnings
from typing import Final

import typer
from rich.console import Console

from gridmap.cli import (
    addresses,
    circles,
    db,
    demo,
    diff,
    export,
    grids,
    incidents,
    integrate,
    keys,
    load,
    locate,
    notice,
    plans,
    repair,
    serve,
    users,
)
from gridmap.errors import (
    AccessError,
    ConflictError,
    DrawError,
    EditRefused,
    GridmapError,
    IdentityError,
    InputError,
    OutputError,
    PlanError,
    RateError,
    UnavailableError,
    UnknownNameError,
)
from gridmap.settings import text

EXIT_CODES: Final[tuple[tuple[type[GridmapError], int], ...]] = (
    (InputError, 2),
    (PlanError, 2),
    (DrawError, 3),
    (UnknownNameError, 4),
    (OutputError, 5),
    (UnavailableError, 6),
    (ConflictError, 7),
    (EditRefused, 7),
    (IdentityError, 8),
    (AccessError, 8),
    (RateError, 8),
    (GridmapError, 1),
)
"""The first class that fits decides; 1 is also what ``gridmap check`` says of a plan with errors."""
INTERRUPTED: Final = 130
OF_THE_RECORD: Final = frozenset(
    {"alembic", "argon2", "asyncpg", "geoalchemy2", "jinja2", "prometheus_client", "psycopg", "sqlalchemy", "tipg"}
)
"""What only the extra ``postgis`` installs: on files nothing needs it."""

app = typer.Typer(
    name="gridmap",
    help="县域多级网格：从路网到责任人 · The multi-level grids of a county, from streets to the responsible person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help says FILE:COLUMN[/DIVISOR], which is no markup
)
app.command("demo")(demo.demo)
app.command("draw")(grids.draw)
app.command("import")(grids.import_layers)
app.command("check")(grids.check)
app.command("repair")(repair.repair)
app.command("diff")(diff.diff)
app.command("export")(export.export)
app.command("notice")(notice.notice)
app.command("integrate")(integrate.integrate)
app.command("circles")(circles.circles)
app.command("join")(incidents.join)
app.command("locate")(locate.locate)
app.command("map")(incidents.draw_map)
app.command("serve")(serve.serve)
app.add_typer(addresses.app, name="addresses")
app.add_typer(db.app, name="db")
app.add_typer(load.app, name="load")
app.add_typer(plans.app, name="plans")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")


def exit_code(error: GridmapError) -> int:
    """Return the exit code an error ends the command with."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def run() -> None:
    """Run the command line; an error becomes one line on standard error and its exit code."""
    complain = Console(stderr=True, soft_wrap=True, highlight=False)
    warnings.showwarning = lambda message, *_: complain.print(f"gridmap: {message}", style="yellow", markup=False)
    # Whoever stops the command, and however, what it was writing is cleared away.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except GridmapError as error:
        complain.print(f"gridmap: {' '.join(str(error).split())}", style="red", markup=False)
        sys.exit(exit_code(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OF_THE_RECORD:
            raise
        said = text(
            f"缺少 {error.name}：此命令用到档案数据库，请安装 gridmap[postgis]",
            f"{error.name} is not installed: this works on the record; install gridmap[postgis]",
        )
        complain.print(f"gridmap: {said}", style="red", markup=False)
        sys.exit(exit_code(InputError(said)))
    except _Interrupted:
        said = text("已中断，没有留下写了一半的文件", "interrupted; nothing half-written was left")
        complain.print(f"gridmap: {said}", markup=False)
        sys.exit(INTERRUPTED)


class _Interrupted(BaseException):
    """Not a KeyboardInterrupt: typer would end the command on one before a word could be said."""


def _interrupt(_number: int, _frame: object) -> None:
    raise _Interrupted
