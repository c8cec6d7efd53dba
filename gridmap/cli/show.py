"""Bars and tables for people."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from gridmap.maps.words import level_title, outcome_title
from gridmap.settings import language

ProgressCall = Callable[[float, str], None]


def _console() -> Console:
    """Return what tables are printed to: as wide as they need where nobody looks, so that codes stay in one piece."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE, soft_wrap=True)


WIDE: Final = 240
out = _console()
err = Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[ProgressCall]:
    """Show a bar on standard error; gives the function that moves it (share done 0..1, what is happening)."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=1.0)

        def move(share: float, what: str) -> None:
            bar.update(task, completed=min(max(share, 0.0), 1.0), description=f"{title} · {what}" if what else title)

        yield move


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are set to the right."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    for name, right in zip(columns, numeric, strict=True):
        shown.add_column(name, justify="right" if right and rows else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
    out.print(shown)


def _cell(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "—"
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def when(at: datetime | None) -> str:
    """Return a time as people of the county read it, to the minute."""
    from gridmap.people.times import told  # with pandas: help does not wait for that

    return "" if at is None else told(at)


_WORDS: Final = {
    "walking": "步行搜索", "choosing": "选址", "proving": "证明最优", "who gains": "受益户数",
    "error": "错误", "warning": "提醒", "overlap": "重叠", "empty": "无图形",
    "not_nested": "跨上级", "wrong_parent": "上级不符", "outside_parent": "超出上级",
    "duplicate_code": "编码重复", "malformed_code": "编码不合规", "count": "数量不符",
    "proposed": "报审", "approved": "已批准", "published": "已发布", "withdrawn": "已撤回",
    "assignment": "任职", "organisation": "组织",
    "households": "户数", "not_contiguous": "不连片", "building_cut": "穿切建筑", "one_community": "社区归属",
}  # fmt: skip
"""Words of the tables that a page does not have."""


def word(name: str) -> str:
    """Return a level, outcome, severity or rule as the user reads it: in Chinese with its name, or its name alone."""
    if language() == "en":
        return name
    title = _WORDS.get(name) or level_title(outcome_title(name))
    return name if title == name else f"{title} {name}"
