"""``make bench-circles``: walking circles against other engines and against the exact walk.

Everyone draws from the same origins at the same 1.1 m/s, level, for 15 minutes. What loads a network is off the
clock, for all; ours too has its raster of owned land by then (column ready).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

import circles_data as data
import circles_homes as homes
import circles_ours as ours
import circles_peers as peers
import circles_read as reading
import numpy as np
from bench import CACHE, ROOT, Bars, Timing, in_turn, milliseconds, out, print_table, seconds_of, short
from circles_truth import Across, Answers, Errors, Truth, across
from numpy.typing import NDArray

import gridmap

VALHALLA = "Valhalla"
PARTS = ("speed", "truth", "homes", "read")
TIMES_VALHALLA = {20: 4.0, 10: 2.5}
TIMES_OSMNX = 300.0
WRONG_ADDRESSES = {20: 0.6, 10: 0.4}
WRONG_BUILDINGS = 1.0
WORST_COUNT = 5.0
NEAR_BARRIERS = 200
"""How many of the 1000 origins, those with a barrier nearest, are looked at for far banks shown as reached."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    places: tuple[str, ...] = data.NAMES
    parts: tuple[str, ...] = PARTS
    sizes: tuple[int, ...] = (data.FEW, data.ORIGINS)
    repeats: int = 5


@dataclass(frozen=True)
class Run:
    """How long an engine took for so many polygons, asked of ``asked`` of them."""

    timing: Timing
    asked: int
    ready_s: float

    def seconds(self, n: int) -> float:
        return self.timing.seconds * n / self.asked


class Engines:
    """One place loaded into every engine.

    Parameters
    ----------
    place
        Where.
    """

    def __init__(self, place: data.Place) -> None:
        self.place = place
        out.print(f"[dim]{place.name}: loading[/]")
        self.loaded = {each.peer.name: each for each in peers.load(place)}
        self.missing = ""
        self.valhalla: peers.Valhalla | None = None
        try:
            self.valhalla = peers.Valhalla(place)
        except peers.NotThereError as error:
            self.missing = str(error)
        few = place.stations(1)
        self.owned_s = {cell_m: seconds_of(lambda c=cell_m: ours.circles(place, few, c))[0] for cell_m in ours.CELLS_M}

    def close(self) -> None:
        if self.valhalla:
            self.valhalla.close()

    def polygons(self) -> dict[str, NDArray[np.object_]]:
        """Return what each engine draws around the 40 origins, in the network's CRS."""
        few, origins = self.place.stations(data.FEW), self.place.origins[: data.FEW]
        drawn = {_mine(cell_m): ours.polygons(self.place, few, cell_m) for cell_m in ours.CELLS_M}
        if self.valhalla:
            drawn[VALHALLA] = self.valhalla.polygons(self.place.lon_lat(data.FEW), self.place.network.crs)
        return {**drawn, **{name: each.engine.draw(origins) for name, each in self.loaded.items()}}


def main() -> int:
    """Run everything; return 1 when a bar is not met."""
    options = read_options()
    bars = Bars()
    print_setting()
    compile_kernels()
    tables: dict[str, list[tuple[str, ...]]] = {"homes": [], "counted": [], "snap": [], "read": []}
    for name in options.places:
        place = data.open_place(name)
        truth = Truth(place)
        if {"speed", "truth"} & set(options.parts):
            against_engines(place, truth, options, bars)
        if "homes" in options.parts:
            out.print(f"[dim]{name}: homes[/]")
            counted = homes.judge_coverage(place, options.repeats, bars)
            tables["homes"].append(counted.times)
            tables["counted"].append(counted.households)
            homes.judge_exactness(place, truth, bars)
            tables["snap"].append(homes.judge_snapping(place, options.repeats, bars))
        if "read" in options.parts:
            out.print(f"[dim]{name}: reading[/]")
            tables["read"].append(reading.judge(place, options.repeats, bars))
    print_tables(tables)
    return bars.print()


def read_options() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="walking circles: gridmap against other engines and the exact walk")
    parser.add_argument("--quick", action="store_true", help="3 runs, 40 origins only")
    parser.add_argument("--place", action="append", choices=data.NAMES, help="only this place (may be repeated)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (may be repeated)")
    said = parser.parse_args()
    places, parts = tuple(said.place or data.NAMES), tuple(said.part or PARTS)
    return Options(places, parts, (data.FEW,), 3) if said.quick else Options(places, parts)


def print_setting() -> None:
    names = ("geopandas", "shapely", "scipy", "osmnx", "pandana", "osmium", "numba")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    out.print(f"{peers.CORES} cores, Python {platform.python_version()}, {versions}")
    out.print(
        f"{data.MINUTES:g} minutes at {data.SPEED_M_S} m/s, level. Origins on streets, seeded, the same for all. "
        "Medians, all engines in each round; loading is off the clock (column ready). Valhalla: its own tiles of the "
        "same extract, pedestrian costing at the same speed without preferences between streets, denoise and "
        "generalize as by default, timed inside its process around Actor.isochrone, a process a core. pandana, scipy "
        "and OSMnx walk on our network. ~: asked of fewer origins, the time scaled up in proportion."
    )


def compile_kernels() -> None:
    """Draw around a small town once, so that no compiling is taken for loading."""
    town = ROOT / "data" / "town"
    with data.cache_folder(CACHE / "circles" / "cache"):
        place = data.Place("", town, gridmap.read_network(town / "streets.gpkg"), np.empty((0, 2)))
    for cell_m in ours.CELLS_M:
        ours.circles(place, place.stations(1), cell_m)


def against_engines(place: data.Place, truth: Truth, options: Options, bars: Bars) -> None:
    """Time every engine at one place, and judge its polygons."""
    engines = Engines(place)
    try:
        if "speed" in options.parts:
            for n in options.sizes:
                out.print(f"[dim]{place.name}: {n} polygons[/]")
                runs = time_all(engines, n, options.repeats)
                print_speed(place, n, runs)
                judge_speed(place, n, runs, engines.missing, bars)
        if "truth" in options.parts:
            out.print(f"[dim]{place.name}: the exact walk[/]")
            judge_truth(engines, truth, bars)
    finally:
        engines.close()


def _mine(cell_m: float) -> str:
    return f"ours, {cell_m:g} m"


def _on(name: str, count: int) -> str:
    return f"{name}, {count} core{'s' if count > 1 else ''}"


def _counts() -> list[int]:
    return sorted({1, peers.CORES})


def time_all(engines: Engines, n: int, repeats: int) -> dict[str, Run]:
    """Time all engines round by round; Valhalla's clock is inside it."""
    place, calls = engines.place, {}
    asked, ready = {}, {}

    def add(name: str, call: Callable[[], object], origins: int, ready_s: float) -> None:
        calls[name], asked[name], ready[name] = call, origins, ready_s

    stations = place.stations(n)
    for count in _counts():
        for cell_m in ours.CELLS_M:
            add(_on(_mine(cell_m), count), pinned(count, lambda c=cell_m: ours.circles(place, stations, c)), n,
                engines.owned_s[cell_m])  # fmt: skip
        if engines.valhalla:
            name = _on(VALHALLA, count)
            add(name, engines.valhalla.drawer(place.lon_lat(n), count, name), n, engines.valhalla.ready_s)
            engines.valhalla.inside.pop(name, None)
    for name, each in engines.loaded.items():
        few = min(n, each.peer.most)
        add(name, lambda each=each, few=few: each.engine.draw(place.origins[:few]), few, each.ready_s)
    timed = in_turn(calls, repeats)
    for name, runs in (engines.valhalla.inside if engines.valhalla else {}).items():
        if name in timed:
            runs = runs[-repeats:]
            timed[name] = Timing(statistics.median(runs), tuple(runs), None)
    return {name: Run(timed[name], asked[name], ready[name]) for name in calls}


def pinned(count: int, call: Callable[[], object]) -> Callable[[], object]:
    """Return a call that runs on so many cores."""

    def run() -> object:
        with peers.cores(count):
            return call()

    return run


def print_speed(place: data.Place, n: int, runs: dict[str, Run]) -> None:
    first = runs[_on(_mine(20), 1)].seconds(n)
    rows = []
    for name, run in runs.items():
        seconds, about = run.seconds(n), "~" if run.asked < n else ""
        rows.append((name, about + milliseconds(seconds), f"{run.timing.spread:.0%}", f"{n / seconds:,.0f}",
                     short(seconds / first), milliseconds(run.ready_s)))  # fmt: skip
    network = place.network
    title = (
        f"{place.name}: {n} polygons, {len(network.node_xy):,} junctions, {network.edge_length_m.sum() / 1e3:,.0f} km"
    )
    print_table(title, ("", "median", "spread", "polygons/s", "÷ ours, 20 m, 1 core", "ready"), rows)


def judge_speed(place: data.Place, n: int, runs: dict[str, Run], missing: str, bars: Bars) -> None:
    def times(peer: str, mine: str) -> float:
        return runs[peer].seconds(n) / runs[mine].seconds(n)

    where = f"{place.name}, {n}"
    for cell_m, wanted in TIMES_VALHALLA.items():
        what = f"polygons a second at {cell_m} m, to Valhalla"
        if missing:
            bars.failed(what, where, missing)
            continue
        for count in _counts():
            ratio = times(_on(VALHALLA, count), _on(_mine(cell_m), count))
            bars.at_least(what, _on(f"{where}, both on", count).replace("on,", "on"), ratio, wanted)
    # OSMnx uses one core, so do we; pandana uses all.
    bars.at_least("polygons a second at 20 m, to OSMnx", where, times(peers.OSMNX, _on(_mine(20), 1)), TIMES_OSMNX)
    if n == data.ORIGINS:
        ratio = 1 / times(peers.PANDANA, _on(_mine(20), peers.CORES))
        bars.at_most("time for 1000 polygons at 20 m, to pandana's hulls", where, ratio, 1)


def judge_truth(engines: Engines, truth: Truth, bars: Bars) -> None:
    """Compare everyone's polygons of 40 origins with the exact walk to addresses and to real buildings."""
    place, drawn = engines.place, engines.polygons()
    addresses = {name: truth.addresses.judge(shapes) for name, shapes in drawn.items()}
    buildings = {}
    if len(place.buildings) >= data.ORIGINS:
        buildings = {name: truth.buildings.judge(shapes) for name, shapes in drawn.items()}
    rows = [(name, *_said(addresses[name]), *(_said(buildings[name]) if buildings else ("", "", ""))) for name in drawn]
    if engines.valhalla:
        own = truth.addresses.judge(drawn[VALHALLA], valhalla_walks(engines.valhalla, place, truth.addresses))
        rows.append((f"{VALHALLA}, by its own times", *_said(own), "", "", ""))
    counted = f"{len(truth.addresses.points):,} addresses"
    if buildings:
        counted += f", {len(truth.buildings.points):,} pairs of station and building"
    columns = ("", "addresses wrong", "÷ covered", "worst count", "buildings wrong", "÷ covered", "worst count")
    print_table(f"{place.name}: {data.FEW} stations against the exact walk, {counted}", columns, rows)
    for cell_m in ours.CELLS_M:
        errors = addresses[_mine(cell_m)]
        what = f"addresses wrong at {cell_m} m"
        bars.at_most(what, place.name, 100 * errors.share, WRONG_ADDRESSES[cell_m], "%")
        bars.at_most(f"worst station's count at {cell_m} m", place.name, 100 * abs(errors.worst), WORST_COUNT, "% off")
        if buildings:
            share = 100 * buildings[_mine(cell_m)].share
            bars.at_most(f"real buildings wrong at {cell_m} m", place.name, share, WRONG_BUILDINGS, "%")
    judge_barriers(engines, truth, drawn, bars)


def _said(errors: Errors) -> tuple[str, str, str]:
    return f"{errors.share:.2%}", f"{errors.of_covered:.2%}", f"{errors.worst:+.1%}"


def valhalla_walks(engine: peers.Valhalla, place: data.Place, answers: Answers) -> NDArray[np.float64]:
    """Return the walks to the same places as Valhalla itself reckons them."""
    lon_lat = place.degrees(answers.points)
    origins = place.lon_lat(data.FEW)
    walks = np.empty(len(answers.points))
    for at, origin in enumerate(origins):
        mine = answers.station == at
        walks[mine] = engine.matrix_m(origin, lon_lat[mine].tolist())
    return walks


def judge_barriers(engines: Engines, truth: Truth, drawn: dict[str, NDArray[np.object_]], bars: Bars) -> None:
    """Look for places on a far bank that are shown as reached although the walk over real bridges is too long."""
    place = engines.place
    rows = []

    def row(name: str, what: str, found: Across) -> Across:
        rows.append((name, what, f"{found.beyond:,}", f"{found.wrong:,}", f"{found.on_the_line:,}"))
        return found

    few = np.arange(data.FEW)
    for name, shapes in drawn.items():
        row(name, f"addresses, {data.FEW} stations", across(truth, few, truth.addresses, shapes, 20))
    if len(place.buildings) >= data.ORIGINS:
        near = _near_barriers(place, truth)
        answers = truth.around(near, 1.2 * data.LIMIT_M)
        stations = place.at(place.origins[near])
        for cell_m in ours.CELLS_M:
            shapes = ours.polygons(place, stations, cell_m)
            found = row(_mine(cell_m), f"buildings, {len(near)} stations", across(truth, near, answers, shapes, cell_m))
            what = f"buildings on a far bank shown as reached at {cell_m} m"
            bars.at_most(what, f"{place.name}, {len(near)} stations", found.wrong, 0, "buildings")
        if engines.valhalla:
            lon_lat = np.array(place.lon_lat(data.ORIGINS))[near].tolist()
            shapes = engines.valhalla.polygons(lon_lat, place.network.crs)
            row(VALHALLA, f"buildings, {len(near)} stations", across(truth, near, answers, shapes, 20))
    columns = ("", "judged", "beyond a barrier, shown as reached", "walk too long", "too long, but on the line")
    print_table(f"{place.name}: far banks", columns, rows, left=2)


def _near_barriers(place: data.Place, truth: Truth) -> NDArray[np.int64]:
    import shapely

    points = shapely.points(place.origins)
    nearest = truth.oracle.barriers.nearest(points)
    metres = shapely.distance(points, truth.oracle.barriers.geometries[nearest])
    return np.sort(np.argsort(metres, kind="stable")[:NEAR_BARRIERS])


def print_tables(tables: dict[str, list[tuple[str, ...]]]) -> None:
    titles = {
        "homes": (f"{data.HOMES:,} homes × {data.ORIGINS} stations, counted", homes.HEADER),
        "counted": ("Households within reach of any station, exactly and by polygons (at 20 m)", homes.COUNT_HEADER),
        "snap": (f"{data.HOMES:,} homes put on their streets", homes.SNAP_HEADER),
        "read": ("Reading an extract", reading.HEADER),
    }
    for name, (title, header) in titles.items():
        if tables[name]:
            print_table(title, header, tables[name])
    if tables["counted"]:
        out.print(
            "By polygons a home counts as the land around it, by a line drawn through cells; exactly, by its own walk. "
            "Homes within a cell of the line fall to either side, and what they add and take nearly cancels out."
        )


if __name__ == "__main__":
    sys.exit(main())
