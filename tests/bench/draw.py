"""``make bench-draw``: drawing and redrawing nested grids against METIS, GerryChain and spopt.

Every engine divides the same blocks with the same adjacency; a time is of labels alone, what reads the town is off the
clock. Edits include rules, figures and the polygons of the grids they touch. One METIS nested run is the measure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import draw_peers as peers
import draw_real as real
import numpy as np
from bench import SHARED, Bars, Timing, in_turn, measure, milliseconds, out, print_table, seconds_of, short
from draw_data import BAND, COUNTS, Quality, Town, plan_of_town, quality, read_town

import gridmap
from gridmap.errors import EditRefused
from gridmap.grids.nested import divide_nested
from gridmap.grids.rebalance import rebalance

PARTS = ("town", "edits", "rebalance", "xinwu", "liechtenstein", "dc", "hsinchu")
EDITS = 40
"""Edits of a kind; the median counts."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    parts: tuple[str, ...]
    town: Path
    repeats: int
    peers: bool
    limit_s: float


def main() -> int:
    options = _options()
    bars = Bars()
    if {"town", "edits", "rebalance"} & set(options.parts):
        _town(options, bars)
    for name in ("xinwu", "liechtenstein", "dc", "hsinchu"):
        if name in options.parts:
            getattr(real, name)(bars)
    return bars.print()


def _options() -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--town", type=Path, default=SHARED / "town", help="folder with blocks and adjacency")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="without GerryChain and spopt")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that spopt has")
    given = parser.parse_args()
    return Options(tuple(given.part or PARTS), given.town, given.repeats, not given.quick, given.limit)


def _town(options: Options, bars: Bars) -> None:
    town = read_town(options.town)
    out.print(f"{options.town.name}: {len(town.blocks):,} blocks, {len(town.pairs):,} pairs, {COUNTS}")

    def ours() -> tuple[np.ndarray, ...]:
        return divide_nested(town.graph, COUNTS, band=BAND, seed=0)

    def metis() -> tuple[np.ndarray, ...]:
        return peers.nested(town.graph, peers.metis)

    runs = in_turn({"gridmap": ours, "METIS nested recursive": metis}, options.repeats)
    labels = ours()
    unit = runs["METIS nested recursive"].seconds
    if "town" in options.parts:
        _judge_town(options, town, labels, runs, bars)
    if "edits" in options.parts:
        _edits(town, labels, unit, bars)
    if "rebalance" in options.parts:
        _rebalance(town, labels, bars)


def _judge_town(
    options: Options, town: Town, labels: tuple[np.ndarray, ...], runs: dict[str, Timing], bars: Bars
) -> None:
    unit = runs["METIS nested recursive"].seconds
    drawn = {"gridmap": labels, "METIS nested recursive": peers.nested(town.graph, peers.metis)}
    seconds = {name: run.seconds for name, run in runs.items()}
    if options.peers:
        seconds["GerryChain nested"], drawn["GerryChain nested"] = seconds_of(
            lambda: peers.nested(town.graph, peers.gerrychain)
        )
    rows = [_row(name, seconds[name], unit, quality(town, found)) for name, found in drawn.items()]
    for kind in ("WardSpatial", "Skater") if options.peers else ():
        found = peers.spopt(town, kind, options.limit_s)
        if found is None:
            rows.append((f"spopt {kind}", f"> {options.limit_s:.0f} s", f"> {short(options.limit_s / unit)}", *"–––––"))
        else:
            judged = quality(town, (found[1] * 0, found[1] * 0, found[1]))
            rows.append(_row(f"spopt {kind}, finest level alone", found[0], unit, judged))
    header = ("", "time", "ratio", "grids", "broken", "in band", "of siblings", "Polsby-Popper")
    print_table("Nested grids, labels alone", header, rows)
    mine, where = quality(town, labels), options.town.name
    bars.at_most("time, to METIS", where, seconds["gridmap"] / unit, 10)
    bars.at_most("broken grids of all levels", where, sum(mine.broken), 0, "grids")
    off = sum(abs(a - b) for a, b in zip(mine.counts, COUNTS, strict=True)) + (not mine.nested)
    bars.at_most("counts missed, or not nested", where, off, 0, "")
    bars.at_least("small grids within ± 10 % of the county's mean", where, 100 * mine.in_band, 98, "%")
    bars.at_least("small grids within ± 10 % of their siblings' mean", where, 100 * mine.in_band_of_siblings, 98, "%")
    bars.at_least("mean Polsby-Popper", where, mine.compactness, 0.52, "")


def _row(name: str, seconds: float, unit: float, found: Quality) -> tuple[str, ...]:
    return (
        name, milliseconds(seconds), short(seconds / unit), " › ".join(map(str, found.counts)),
        " › ".join(map(str, found.broken)), f"{found.in_band:.1%}", f"{found.in_band_of_siblings:.1%}",
        f"{found.compactness:.3f}",
    )  # fmt: skip


def _edits(town: Town, labels: tuple[np.ndarray, ...], unit: float, bars: Bars) -> None:
    plan = plan_of_town(town, labels)
    draft = gridmap.Draft(plan)
    planner = real.Planner(draft, seed=0)
    rows = []
    for round_ in range(2):  # the first compiles kernels
        for name in ("move", "split", "merge", "redraw"):
            times = _timed(lambda name=name: getattr(planner, name)(), 5 if round_ == 0 else EDITS)
            if round_:
                rows.append((name, times))
    rows.append(("undo", _timed(lambda: draft.undo, EDITS)))
    for name, times in rows:
        bars.at_most(f"{name}, to METIS", f"{len(town.blocks):,} blocks", float(np.median(times)) / unit, 0.1)
    for _ in range(EDITS // 2):
        draft.redo()
    proposed = draft.propose("改划")
    compared = measure(lambda: gridmap.compare_plans(plan, proposed))
    rows.append(("compare two plans", [compared.seconds]))
    bars.at_most("comparing two plans, to METIS", f"{len(town.blocks):,} blocks", compared.seconds / unit, 0.25)
    table = [
        (name, milliseconds(float(np.median(t))), short(float(np.median(t)) / unit), str(len(t))) for name, t in rows
    ]
    print_table("Edits, with rules, figures and polygons", ("", "median", "to METIS", "edits"), table)


def _timed(make: Callable[[], Callable[[], object] | None], count: int) -> list[float]:
    times: list[float] = []
    for _ in range(10 * count):
        edit = make()
        if edit is None:
            continue
        began = time.perf_counter()
        try:
            edit()
        except EditRefused:
            continue
        times.append(time.perf_counter() - began)
        if len(times) == count:
            break
    return times


def _rebalance(town: Town, labels: tuple[np.ndarray, ...], bars: Bars) -> None:
    from dataclasses import replace

    grown = replace(town.graph, weight=town.after)
    small = labels[-1]
    first = np.unique(small, return_index=True)[1]
    parents = [label[first] for label in reversed(labels[:-1])]
    target = np.full(len(first), grown.weight.sum() / len(first))
    seconds, found = seconds_of(
        lambda: rebalance(grown, small, target=target, band=BAND, parents=parents, fixed_parents=0)
    )
    upper = [np.asarray(parent)[found.label] for parent in reversed(parents)]
    judged = quality(town, (*upper, found.label), town.after)
    before = quality(town, labels, town.after)
    share = found.moved_households / max(found.lower_bound, 1e-9)
    left = len(found.left_out) / len(first)
    rows = [
        ("before", "", "", f"{before.in_band:.1%}", " › ".join(map(str, before.broken)), f"{before.compactness:.3f}"),
        (
            f"after, {short(seconds)} s", f"{found.moved_households:,.0f}", f"{found.lower_bound:,.0f}",
            f"{judged.in_band:.1%}", " › ".join(map(str, judged.broken)), f"{judged.compactness:.3f}",
        ),
    ]  # fmt: skip
    header = ("", "households moved", "lower bound", "in band", "broken", "Polsby-Popper")
    print_table("Rebalancing after growth", header, rows)
    for each in found.left_out[:10]:
        out.print(f"  grid {each.grid}: {each.households:.0f} households, {each.deviation:+.0%}: {each.reason}")
    named = {each.grid for each in found.left_out}
    homes = np.bincount(found.label, weights=grown.weight)
    unnamed = set(np.flatnonzero(np.abs(homes / target - 1) > BAND + 1e-9).tolist()) - named
    where = f"{len(first):,} grids"
    bars.at_most("households moved, to the lower bound", where, share, 1.5)
    bars.at_most("grids left out of the band", where, 100 * left, 1, "%")
    bars.at_most("grids left out without a name", where, len(unnamed), 0, "grids")
    bars.at_most("broken after rebalancing", where, sum(judged.broken), 0, "grids")


if __name__ == "__main__":
    sys.exit(main())
