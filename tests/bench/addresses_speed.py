"""How fast: look-ups a second at 50 thousand, 500 thousand and 5 million addresses, opening, and completion.

Everything runs on one core, and what is timed is that core's time (``addresses_peers``), but for opening. The lists are
the sample county's over and over under other names (``made_list``); each is asked damaged addresses of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import addresses_data as data
import addresses_peers as peers
import numpy as np
import pandas as pd
from addresses_damage import Damaged, Damager
from addresses_ours import build_file
from bench import CACHE, Bars, milliseconds, out, print_table, seconds_of, short
from pypinyin import Style, lazy_pinyin

import gridmap

SIZES = (50_000, 500_000, 5_000_000)
MIDDLE = 500_000
ASKED, ROUNDS = 2_000, 5
PG_ASKED, SCAN_ASKED = 200, 30
OPEN = """
import json, sys, time
import gridmap
gridmap.Geocoder
began = time.perf_counter()
geocoder = gridmap.Geocoder(sys.argv[1])
opened = time.perf_counter() - began
geocoder.geocode(sys.argv[2])
print(json.dumps([opened, time.perf_counter() - began - opened]))
"""


@dataclass(frozen=True)
class Speed:
    """What one look-up costs in a list of a size: the median round."""

    size: int
    seconds: float
    right: float


@contextmanager
def one_core() -> Iterator[None]:
    """Run on one core, and whatever is started here with it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def go_speed(county: pd.DataFrame, bars: Bars, *, quick: bool) -> None:
    """Measure and judge."""
    sizes = SIZES[:2] if quick else SIZES
    if quick:
        out.print(f"--quick: the list of {SIZES[2]:,} is left out")
    with one_core():
        speeds = [_one_size(county, size, bars) for size in sizes]
    lines = [
        (f"{each.size:,}", f"{each.seconds * 1e6:,.0f} µs", short(1 / each.seconds), f"{each.right:.1%}")
        for each in speeds
    ]
    print_table("one core", ("addresses", "a look-up", "look-ups/s", "the very address"), lines)
    growth = max(each.seconds for each in speeds) / speeds[0].seconds
    bars.at_most("cost of a look-up to that in 50,000", " … ".join(f"{each.size:,}" for each in speeds), growth, 2)


def _one_size(county: pd.DataFrame, size: int, bars: Bars) -> Speed:
    path = CACHE / f"addresses_{size}.idx"
    listed = data.made_list(county, size)
    took, _ = seconds_of(lambda: build_file(listed, path))
    out.print(f"{size:,} addresses: built in {short(took)} s, {path.stat().st_size / 1e6:,.0f} MB")
    rows = np.random.default_rng(5).choice(size, ASKED, replace=False)
    asked = Damager(listed, data.NO_LANDMARKS, data.TEST_SEED).damage_all(rows)
    texts, geocoder = data.texts_of(asked), gridmap.Geocoder(path)
    found = [geocoder.geocode(text).address for text in texts]
    right = float(
        np.mean([answer == listed["address"].iloc[each.row] for answer, each in zip(found, asked, strict=True)])
    )
    rounds = [core_seconds(lambda: [geocoder.geocode(text) for text in texts]) for _ in range(ROUNDS)]
    speed = Speed(size, float(np.median(rounds)) / ASKED, right)
    if size == MIDDLE:
        bars.at_most("index", f"{size:,} addresses", path.stat().st_size / 1e6, 200, "MB")
        _opening(path, texts[0], bars)
        _completion(geocoder, listed, bars)
        _against_peers(listed, asked, speed, bars)
    return speed


def core_seconds(call: Callable[[], object]) -> float:
    """Return how long the core works on a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def _opening(path: Path, text: str, bars: Bars) -> None:
    """Open in fresh processes: once after the system has forgotten the file, then with it in memory."""
    runs = []
    for cold in (True, *[False] * 5):
        if cold:
            _forget(path)
        said = subprocess.run([sys.executable, "-c", OPEN, str(path), text], check=True, capture_output=True, text=True)
        runs.append(json.loads(said.stdout))
    (cold, cold_first), warm = runs[0], float(np.median([run[0] for run in runs[1:]]))
    out.print(
        f"opened cold in {milliseconds(cold)}, its first look-up {milliseconds(cold_first)}; warm in "
        f"{milliseconds(warm)}, its first look-up {milliseconds(float(np.median([run[1] for run in runs[1:]])))}"
    )
    bars.at_most("opening, cold", f"{MIDDLE:,} addresses", cold * 1000, 100, "ms")
    bars.at_most("opening, warm", f"{MIDDLE:,} addresses", warm * 1000, 100, "ms")


def _forget(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _completion(geocoder: gridmap.Geocoder, listed: pd.DataFrame, bars: Bars) -> None:
    """Complete what is typed on the way to an address: characters, pinyin, initials, numbers."""
    typed = sorted({each for row in listed.sample(100, random_state=4).itertuples() for each in _typed(row)})
    geocoder.autocomplete(typed[0])
    took = np.array([core_seconds(lambda text=text: geocoder.autocomplete(text)) for text in typed])
    found = sum(bool(geocoder.autocomplete(text)) for text in typed)
    at = [
        f"{name} {milliseconds(float(np.percentile(took, q)))}"
        for name, q in (("median", 50), ("p99", 99), ("longest", 100))
    ]
    out.print(
        f"autocomplete, {len(typed):,} texts, {found:,} with an answer: {', '.join(at)} ({typed[int(took.argmax())]})"
    )
    bars.at_most("autocomplete, p99", f"{MIDDLE:,} addresses", float(np.percentile(took, 99)) * 1000, 5, "ms")


def _typed(row: object) -> list[str]:
    """Return what is in the box one key after the other."""
    syllables = lazy_pinyin(row.street)
    initials = "".join(lazy_pinyin(row.street, style=Style.FIRST_LETTER))
    whole = row.town + row.street + row.number
    by_pinyin = "".join(syllables)
    return [
        text[:end] for text in (row.street + row.number, whole, initials, by_pinyin) for end in range(1, len(text) + 1)
    ]


def _against_peers(listed: pd.DataFrame, asked: Sequence[Damaged], ours: Speed, bars: Bars) -> None:
    """Ask the peers the same texts; the way of each that is best at this size counts."""
    addresses, texts = listed["address"].tolist(), data.texts_of(asked)
    truth = np.array([each.row for each in asked])

    def right(rows: np.ndarray) -> np.ndarray:
        return rows == truth[: len(rows)]

    way, trigram = peers.best_way(addresses, texts[:PG_ASKED], right, 1 / ours.seconds)
    scorer, scanned = peers.best_scorer(addresses, texts[:SCAN_ASKED], right, 1 / ours.seconds)
    rows = [("gridmap", short(1 / ours.seconds), f"{ours.right:.1%}", "1")]
    for name, found in ((f"pg_trgm, {way}", trigram), (f"rapidfuzz, {scorer}", scanned)):
        ratio = 1 / ours.seconds / found.per_s
        rows.append((name, short(found.per_s), f"{right(found.rows).mean():.1%}", f"1/{short(ratio)}"))
        wanted = 50 if found is trigram else 500
        bars.at_least(f"look-ups/s to {name.split(',')[0]}", f"{MIDDLE:,} addresses, one core", ratio, wanted)
    columns = ("", "look-ups/s", "the very address", "to gridmap")
    print_table(f"{MIDDLE:,} addresses, one core", columns, rows)
