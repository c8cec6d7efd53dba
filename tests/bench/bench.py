"""What every benchmark here needs: medians of several runs, tables, and bars that are met or not."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
CACHE = ROOT / "out" / "bench"
sys.path.append(str(ROOT / "tests"))  # the throw-away PostGIS is there

out = Console(width=160, highlight=False)


@dataclass(frozen=True)
class Timing:
    """The median of several runs of one call, and what the last of them returned."""

    seconds: float
    runs: tuple[float, ...]
    result: Any

    @property
    def spread(self) -> float:
        """How far apart the fastest and the slowest run are, as a share of the median."""
        return (max(self.runs) - min(self.runs)) / self.seconds


def measure(call: Callable[[], Any], repeats: int = 5, warm: bool = True) -> Timing:
    """Time a call; ``warm`` runs it once before, so that nothing is compiled, built or mapped on the clock."""
    result = call() if warm else None
    runs = []
    for _ in range(repeats):
        # The result of the run before is freed first: two of them at once would charge the second for new pages.
        result = None
        gc.collect()
        began = time.perf_counter()
        result = call()
        runs.append(time.perf_counter() - began)
    return Timing(statistics.median(runs), tuple(runs), result)


def in_turn(calls: dict[str, Callable[[], Any]], repeats: int = 5) -> dict[str, Timing]:
    """Time several calls round by round, each after one warm run, so that a machine that slows down slows all alike."""
    for call in calls.values():
        call()
    runs: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            gc.collect()
            seconds, _result = seconds_of(call)
            del _result
            runs[name].append(seconds)
    return {name: Timing(statistics.median(each), tuple(each), None) for name, each in runs.items()}


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """Time one run of a call."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


@dataclass(frozen=True)
class Bar:
    """One promise: what is wanted, what was measured, and whether that is enough."""

    promise: str
    where: str
    wanted: str
    measured: str
    met: bool


@dataclass
class Bars:
    """The promises of one benchmark, in the order they were judged."""

    bars: list[Bar] = field(default_factory=list)

    def at_least(self, promise: str, where: str, measured: float, wanted: float, unit: str = "x") -> None:
        self._add(promise, where, "≥", measured, wanted, unit, measured >= wanted)

    def at_most(self, promise: str, where: str, measured: float, wanted: float, unit: str = "x") -> None:
        self._add(promise, where, "≤", measured, wanted, unit, measured <= wanted)

    def _add(self, promise: str, where: str, sign: str, measured: float, wanted: float, unit: str, met: bool) -> None:
        self.bars.append(Bar(promise, where, f"{sign} {short(wanted)} {unit}", f"{short(measured)} {unit}", met))

    def failed(self, promise: str, where: str, why: str) -> None:
        """Record a promise that could not be measured: that is no pass."""
        self.bars.append(Bar(promise, where, "", why, met=False))

    def print(self) -> int:
        """Print a line a bar; return the exit code of the benchmark, 1 when one falls short."""
        marks = {True: "[green]met[/]", False: "[bold red]SHORT[/]"}
        rows = [(bar.promise, bar.where, bar.wanted, bar.measured, marks[bar.met]) for bar in self.bars]
        print_table("Bars", ("what", "where", "wanted", "measured", ""), rows, left=2)
        short_ones = sum(not bar.met for bar in self.bars)
        out.print(f"{len(self.bars) - short_ones} of {len(self.bars)} bars met")
        return 1 if short_ones else 0


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
    """Print a table; all but the first ``left`` columns are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def short(number: float) -> str:
    """Three figures, no exponent.

    >>> short(0.01234), short(3.14159), short(1234.5)
    ('0.0123', '3.14', '1,234')
    """
    if number == 0 or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:#.3g}"


def milliseconds(seconds: float) -> str:
    """Seconds as a table shows them.

    >>> milliseconds(0.0023), milliseconds(12.5)
    ('2.30 ms', '12.5 s')
    """
    return f"{short(seconds * 1000)} ms" if seconds < 1 else f"{short(seconds)} s"
