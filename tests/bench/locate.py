"""``make bench-locate``: points to grids, against every engine there is and against the memory itself.

Ours is timed from arrays of longitude and latitude to the answer and answers every level, micro grids included; peers
are asked for the finest tiling level alone and have their geometries made beforehand (see :mod:`locate_peers`).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import locate_data as data
import locate_peers as peers
import numpy as np
import shapely
from bench import CACHE, Bars, Timing, in_turn, measure, milliseconds, out, print_table, short

import gridmap

CORES = peers.CORES
MILLION = 1_000_000
VERTICES = 190_000
INDEX_POINTS = 300_000
"""How many points geopandas joins in the time that indexing may take."""
SINGLES = 2_000
BORDER_DEG = 1e-9
"""A point no further than this from a border (0.1 mm) may be given to either side by another engine's arithmetic."""
FAST_RUNS = 9
"""Runs of calls that take milliseconds: more than five, for a median of five of them still wobbles."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    cases: tuple[str, ...] = tuple(data.CASES)
    sizes: tuple[int, ...] = (MILLION, 10 * MILLION)
    repeats: int = 5
    engines: tuple[peers.Peer, ...] = peers.PEERS
    growth_points: int = 10 * MILLION
    join_rows: int = 100 * MILLION


@dataclass(frozen=True)
class PeerRun:
    """A peer's figures: of so many points really asked."""

    points: int
    timing: Timing
    ready_s: float
    differing: int
    wrong: int


class Ours:
    """Our side of the comparison.

    Parameters
    ----------
    case
        What to index.
    """

    def __init__(self, case: data.Case) -> None:
        self.level = case.level
        self.locator = case.locator()

    def calls(self, question: peers.Question) -> dict[str, Callable[[], object]]:
        """Return what is timed: the kernel, the whole answer, and the answer as a DataFrame."""
        lon, lat, locator = question.lon, question.lat, self.locator
        found: dict[str, Callable[[], object]] = {}
        for name, threads in (("1 core", 1), (f"{CORES} cores", CORES)):
            found[f"leaves, {name}"] = lambda threads=threads: locator.leaves(lon, lat, threads=threads)
            found[f"answer, {name}"] = lambda threads=threads: locator.answer(lon, lat, threads=threads)
            found[f"frame, {name}"] = lambda threads=threads: locator.locate_many(lon, lat, threads=threads)
        return found

    def numbers(self, question: peers.Question) -> peers.Ints:
        """Return the number of each point's polygon, -1 where it is in none."""
        return np.asarray(self.locator.answer(question.lon, question.lat).grid[self.level]).astype(np.int64)


def main() -> int:
    """Run everything; return 1 when a bar is not met."""
    options = read_options()
    bars = Bars()
    print_setting()
    for name in options.cases:
        speed_of(data.CASES[name](), options, bars)
    index_bars(options, bars)
    growth_bars(options, bars)
    join_bar(options, bars)
    return bars.print()


def read_options() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="points to grids: gridmap against other engines")
    parser.add_argument("--quick", action="store_true", help="1 M points, 3 runs, the two peers that matter most")
    parser.add_argument("--join-rows", type=int, default=Options.join_rows, help="rows of the big file")
    parser.add_argument("--no-join", action="store_true", help="leave out the join of a big file")
    parser.add_argument("--case", action="append", choices=list(data.CASES), help="only this layer (may be repeated)")
    said = parser.parse_args()
    cases = tuple(said.case or data.CASES)
    rows = 0 if said.no_join else said.join_rows
    if said.quick:
        few = tuple(peer for peer in peers.PEERS if peer.name.startswith(("SedonaDB", "geopandas")))
        return Options(cases, (MILLION,), 3, few, MILLION, rows)
    return Options(cases, join_rows=rows)


def print_setting() -> None:
    names = ("geopandas", "shapely", "duckdb", "duckdb-extension-spatial", "sedonadb", "geoarrow-pyarrow", "numba")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    out.print(f"{CORES} cores, Python {platform.python_version()}, {versions}")
    out.print(
        "Points: 70 % normal around homes, 30 % uniform over the bounding box, in no order. Medians. Peers: point → "
        "polygon of the finest tiling level alone; geometries made, tables loaded off the clock (column ready). "
        "Ours, from arrays of longitude and latitude: leaves is one number a point that stands for its grids at every "
        "level, micro included; answer has the grid of each level and the outcome, frame is the DataFrame of them. ~: "
        "asked of fewer points, the time scaled up in proportion."
    )


def speed_of(case: data.Case, options: Options, bars: Bars) -> None:
    """Ask one layer about points of every size; print the table, judge the ratios."""
    ours = Ours(case)
    known: dict[str, PeerRun] = {}
    for n in options.sizes:
        question = peers.Question(*case.points(n), case.shapes)
        calls = {"floor": peers.floor(question), **ours.calls(question)}
        mine = in_turn(calls, max(options.repeats, FAST_RUNS))
        expected = ours.numbers(question)
        asked = {peer.name: run_peer(peer, question, expected, options, known) for peer in options.engines}
        rerun_close_ones(options, question, expected, asked)
        known = asked
        print_speed(case, n, mine, asked)
        judge_speed(f"{case.name}, {n // MILLION} M", n, mine, asked, bars)


def run_peer(
    peer: peers.Peer, question: peers.Question, expected: peers.Ints, options: Options, known: dict[str, PeerRun]
) -> PeerRun:
    """Time one peer and compare its answer; a run of the most points it is asked for is not made twice."""
    n = min(len(question), peer.most)
    if n < len(question) and peer.name in known and known[peer.name].points == n:
        return known[peer.name]
    out.print(f"[dim]{peer.name}, {n:,} points[/]")
    fewer = question.first(n)
    repeats = options.repeats if n <= MILLION else min(options.repeats, peer.repeats)
    with peer.open(fewer) as ready:
        # After a million points everything is warm: of ten million no run is spent on that.
        timing = measure(ready.ask, repeats, warm=n <= MILLION)
        pairs = ready.pairs(timing.result)
    found = peers.lowest(pairs, n, len(question.shapes))
    differing, wrong = compare(fewer, expected[:n], found)
    return PeerRun(n, Timing(timing.seconds, timing.runs, None), ready.ready_s, differing, wrong)


def compare(question: peers.Question, ours: peers.Ints, theirs: peers.Ints) -> tuple[int, int]:
    """Return how many points are answered otherwise, and how many of these are not on a border."""
    rows = np.flatnonzero(ours != theirs)
    points = shapely.points(question.lon[rows], question.lat[rows])
    # One side may be no polygon at all (-1); the other is one then.
    distance = shapely.distance(shapely.boundary(question.shapes[np.maximum(ours[rows], theirs[rows])]), points)
    return len(rows), int((distance > BORDER_DEG).sum())


def rerun_close_ones(
    options: Options, question: peers.Question, expected: peers.Ints, asked: dict[str, PeerRun]
) -> None:
    """A peer that may be the fastest has to be really run: its scaled figure decides nothing."""
    n = len(question)
    real = min(scaled(run, n) for run in asked.values() if run.points == n)
    for peer in options.engines:
        if asked[peer.name].points < n and scaled(asked[peer.name], n) < 2 * real:
            whole = peers.Peer(peer.name, peer.timed, peer.open, n, peer.repeats)
            asked[peer.name] = run_peer(whole, question, expected, options, {})


def scaled(run: PeerRun, n: int) -> float:
    return run.timing.seconds * n / run.points


def print_speed(case: data.Case, n: int, mine: dict[str, Timing], asked: dict[str, PeerRun]) -> None:
    one, timed = mine["leaves, 1 core"].seconds, {peer.name: peer.timed for peer in peers.PEERS}

    def line(name: str, seconds: float, spread: float, about: str = "") -> tuple[str, ...]:
        rate, ratio = n / seconds / 1e6, seconds / one
        return name, about + milliseconds(seconds), f"{spread:.0%}", short(rate), short(ratio)

    rows: list[tuple[str, ...]] = []
    for name, each in mine.items():
        rows.append((*line(name if name == "floor" else f"ours: {name}", each.seconds, each.spread), "", "", ""))
    for name, run in asked.items():
        said = f"{run.differing} ({run.wrong} off borders)" if run.differing else "0"
        figures = line(name, scaled(run, n), run.timing.spread, "~" if run.points < n else "")
        rows.append((*figures, milliseconds(run.ready_s), said, timed[name]))
    title = f"{case.name}: {len(case.shapes):,} polygons, {case.vertices:,} vertices, {n:,} points"
    print_table(title, ("", "median", "spread", "M points/s", "÷ ours", "ready", "differing", "timed"), rows)


def judge_speed(where: str, n: int, mine: dict[str, Timing], asked: dict[str, PeerRun], bars: Bars) -> None:
    one, every = mine["leaves, 1 core"].seconds, mine[f"leaves, {CORES} cores"].seconds
    fastest = min(asked, key=lambda name: scaled(asked[name], n))
    best = scaled(asked[fastest], n)
    bars.at_least("one core, to the fastest peer on all cores", f"{where}: {fastest}", best / one, 12)
    bars.at_least("one core, to geopandas", where, scaled(asked["geopandas sjoin"], n) / one, 25)
    bars.at_most("one core, to the memory floor", where, one / mine["floor"].seconds, 6)
    bars.at_least("all cores, to the fastest peer", f"{where}: {fastest}", best / every, 20)
    for cores in ("1 core", f"{CORES} cores"):
        more = mine[f"frame, {cores}"].seconds / mine[f"leaves, {cores}"].seconds - 1
        bars.at_most(f"the DataFrame adds, {cores}", where, 100 * more, 30, "%")
    bars.at_most("points answered otherwise, off borders", where, sum(run.wrong for run in asked.values()), 0, "points")


def index_bars(options: Options, bars: Bars) -> None:
    """Index each layer, and the plans with borders as fine as a city's; keep, load and ask the index."""
    rows = []
    for name in options.cases:
        case = data.CASES[name]()
        rows.append(index_row(case, options, bars))
        if isinstance(case.source, gridmap.Plan):
            rows.append(index_row(data.finer(case, VERTICES), options, bars))
    joined = f"geopandas {INDEX_POINTS // 1000} k"
    columns = ("", "vertices", "indexed", joined, "file", "beside it", "loaded", "locate", "tree query")
    print_table("The index", columns, rows)


def index_row(case: data.Case, options: Options, bars: Bars) -> tuple[str, ...]:
    question = peers.Question(*case.points(INDEX_POINTS), case.shapes)
    made = measure(case.locator, options.repeats)
    with peers.geopandas(question) as ready:
        joined = measure(ready.ask, options.repeats).seconds
    if isinstance(case.source, gridmap.Plan):
        bars.at_most("indexed, to geopandas joining 0.3 M points", case.name, made.seconds / joined, 1)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.idx"
        made.result.save(path)
        load = measure(lambda: gridmap.Locator.load(path), max(options.repeats, FAST_RUNS))
        size, more = path.stat().st_size / 1e6, beside_the_file(path) / 1e6
    bars.at_most("the index, all of its file in memory", case.name, size + more, 60, "MB")
    bars.at_most("the index loads", case.name, load.seconds * 1000, 50, "ms")
    single, tree = singles(load.result, question, options)
    bars.at_most("one locate, to the same STRtree query", case.name, single / tree, 0.1)
    return (case.name, f"{case.vertices:,}", milliseconds(made.seconds), milliseconds(joined), f"{size:.1f} MB",
            f"{more:.1f} MB", milliseconds(load.seconds), f"{single * 1e6:.1f} µs", f"{tree * 1e6:.1f} µs")  # fmt: skip


def beside_the_file(path: Path) -> int:
    """Return the bytes that a loaded index holds beside its mapped file."""
    tracemalloc.start()
    locator = gridmap.Locator.load(path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del locator
    return held


def singles(locator: gridmap.Locator, question: peers.Question, options: Options) -> tuple[float, float]:
    """Return the seconds that one ``locate`` takes, and one query of a tree for the lowest polygon there."""
    lon, lat = question.lon[:SINGLES].tolist(), question.lat[:SINGLES].tolist()
    shapely.prepare(question.shapes)
    tree = shapely.STRtree(question.shapes)

    def locate() -> None:
        for x, y in zip(lon, lat, strict=True):
            locator.locate(x, y)

    def query() -> None:
        for x, y in zip(lon, lat, strict=True):
            found = tree.query(shapely.Point(x, y), predicate="intersects")
            _ = found.min() if len(found) else -1

    timed = in_turn({"locate": locate, "tree": query}, options.repeats)
    return timed["locate"].seconds / SINGLES, timed["tree"].seconds / SINGLES


def growth_bars(options: Options, bars: Bars) -> None:
    """Ask 2 k and 200 k made polygons: a province of the same grids, and (no bar) one county cut finer."""
    few, many = 45, 447
    cases = {"few": data.lattice(few, 500), "province": data.lattice(many, 500), "finer": data.lattice(many, 50)}
    calls, rows = {}, []
    for name, case in cases.items():
        made = measure(case.locator, 1, warm=False)
        lon, lat = case.uniform(options.growth_points)
        calls[name] = lambda locator=made.result, lon=lon, lat=lat: locator.leaves(lon, lat, threads=1)
        rows.append((case.name, f"{case.vertices:,}", milliseconds(made.seconds)))
    timed = in_turn(calls, max(options.repeats, FAST_RUNS))
    first = timed["few"].seconds
    rows = [
        (*row, short(timed[name].seconds / options.growth_points * 1e9), short(timed[name].seconds / first))
        for row, name in zip(rows, cases, strict=True)
    ]
    title = f"Made coverages, {options.growth_points:,} points all over, one core"
    print_table(title, ("", "vertices", "indexed", "ns a point", "÷ first"), rows)
    bars.at_most(
        "cost a point, from 2 k to 200 k polygons", "the same grid size", timed["province"].seconds / first, 1.5
    )


def join_bar(options: Options, bars: Bars) -> None:
    """Join a big file in processes of its own, and read the most memory they took together."""
    if not options.join_rows:
        return
    what = f"peak memory of a join of {options.join_rows // MILLION} M rows"
    script, folder = Path(__file__).parent / "join_big.py", CACHE / "join"
    folder.mkdir(parents=True, exist_ok=True)
    out.print(f"[dim]a join of {options.join_rows:,} rows[/]")
    command = [sys.executable, script, *data.sample_files(), folder, str(options.join_rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        bars.failed(what, "sample", (done.stderr.strip().splitlines() or ["it failed without a word"])[-1])
        return
    figures = json.loads(done.stdout.splitlines()[-1])
    for path in folder.glob("joined.*"):
        path.unlink()
    out.print(f"{figures['rows']:,} rows joined in {figures['seconds']:,} s, {figures['rows_per_second']:,} rows/s")
    bars.at_least("rows that came out", "sample", figures["rows"] / 1e6, options.join_rows / 1e6, "M")
    bars.at_most(what, "sample, all processes", figures["peak_mb"] * 1.048576, 1000, "MB")


if __name__ == "__main__":
    sys.exit(main())
