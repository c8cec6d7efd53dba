"""Reading an extract, and what a process that reads Porto and draws its circles holds.

Run as a script (``circles_read.py EXTRACT STATIONS``, a file of coordinates in the network's CRS) it is that process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import osmium
from bench import CACHE, Bars, Timing, in_turn, milliseconds, short
from circles_data import Place, cache_folder

import gridmap
from gridmap.network.model import WalkNetwork

PEAK_PLACE = "porto"
HEADER = ("", "pyosmium twice", "extract to ready", "÷ twice", "cached", "÷ twice", "peak with 1000 circles")


def read_ready(extract: Path) -> WalkNetwork:
    """Read a network and make what every search needs."""
    network = gridmap.read_network(extract, water=extract, rail=extract)
    _ = network.graph, network.street_index
    return network


def pyosmium_twice(extract: Path) -> None:
    """Let pyosmium hand out everything in the file two times, and do nothing with it."""
    for _ in range(2):
        for _thing in osmium.FileProcessor(str(extract)):
            pass


def timings(place: Place, repeats: int) -> dict[str, Timing]:
    """Time reading without and with a cache beside pyosmium, in turn."""

    def uncached() -> None:
        with TemporaryDirectory() as folder, cache_folder(Path(folder)):
            read_ready(place.extract)

    def cached() -> None:
        with cache_folder(CACHE / "circles" / "cache"):
            read_ready(place.extract)

    calls: dict[str, Callable[[], object]] = {
        "twice": lambda: pyosmium_twice(place.extract), "read": uncached, "cached": cached,
    }  # fmt: skip
    return in_turn(calls, repeats)


def peak_mb(place: Place) -> float:
    """Return the most memory that a process held which read the extract anew and drew 1000 circles at 20 m."""
    with TemporaryDirectory() as folder, cache_folder(Path(folder)):
        stations = Path(folder) / "stations.npy"
        np.save(stations, place.origins)
        command = [sys.executable, __file__, place.extract, stations]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["peak_mb"])


def judge(place: Place, repeats: int, bars: Bars) -> tuple[str, ...]:
    """Time and weigh reading; return its row of the table."""
    timed = timings(place, repeats)
    twice, read, cached = (timed[name].seconds for name in ("twice", "read", "cached"))
    bars.at_most("extract to ready network, to pyosmium reading twice", place.name, read / twice, 1.5)
    bars.at_most("cached reload, to pyosmium reading twice", place.name, cached / twice, 1 / 20)
    peak = peak_mb(place)
    if place.name == PEAK_PLACE:
        bars.at_most("peak memory, reading and 1000 circles", place.name, peak, 500, "MB")
    return (place.name, milliseconds(twice), milliseconds(read), short(read / twice), milliseconds(cached),
            short(cached / twice), f"{peak:,.0f} MB")  # fmt: skip


def main() -> None:
    """Read, draw, and say how much memory that took."""
    import circles_ours as ours

    extract, stations = Path(sys.argv[1]), np.load(sys.argv[2])
    place = Place("", extract, read_ready(extract), np.empty((0, 2)))
    drawn = ours.circles(place, place.at(stations), 20)
    # Not ru_maxrss: a child begins with what its parent held.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) * 1024 / 1e6
    print(json.dumps({"circles": len(drawn), "peak_mb": peak}))


if __name__ == "__main__":
    main()
