"""``make bench-api``: which grid, over HTTP, against a route that does nothing and against ST_Covers.

One worker on one core, wrk with 64 connections on the other. Every route is asked about the same points with the same
key, in turn, several times; medians count.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from api_live import go_live
from bench import CACHE, ROOT, Bars, milliseconds, out, print_table, short

import gridmap
from gridmap.people.io import parse_roster
from gridmap.service import publishing
from gridmap.service.access import create_key
from gridmap.service.loading_roster import load_roster
from gridmap.service.loading_run import LoadOptions
from gridmap.store import migrate
from gridmap.store.engine import Store

PORT = 8399
ROUTES = {"locate": "/v1/locate", "prepared": "/bench/prepared", "covers": "/bench/covers"}
PARTS = ("speed", "live")
POINTS, BATCH = 2_000, 100_000
LUA = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local n = math.random(#paths)
request = function()
  n = n %% #paths + 1
  return wrk.format("GET", "%s?" .. paths[n])
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk measured."""

    per_s: float
    p50_s: float
    p99_s: float
    failed: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of one run")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", action="append", choices=PARTS)
    options = parser.parse_args()
    bars = Bars()
    county = _county()
    plan = gridmap.read_plan(county / "plan.gpkg")
    parts = options.part or PARTS
    with tempfile.TemporaryDirectory() as folder, _record(plan, county / "roster.csv") as (url, key):
        if "speed" in parts:
            with _server(url) as base:
                _speed(base, key, plan, Path(folder), options, bars)
        if "live" in parts:
            go_live(url, plan, bars)
    return bars.print()


def _speed(base: str, key: str, plan: gridmap.Plan, folder: Path, options: argparse.Namespace, bars: Bars) -> None:
    points = _points(plan, POINTS)
    loads = _measure(base, key, points, folder, options)
    _judge(loads, bars)
    _batch(base, key, plan, statistics.median(each.per_s for each in loads["locate"]), bars)
    _agree(base, key, plan, points, bars)


def _county() -> Path:
    """Return the folder of the sample county, drawn and with its roster; made once."""
    folder = CACHE / "county"
    if not (folder / "plan.gpkg").exists():
        subprocess.run([str(Path(sys.executable).parent / "gridmap"), "demo", "--out", str(folder)], check=True)
    return folder


@contextlib.contextmanager
def _record(plan: gridmap.Plan, roster: Path) -> Iterator[tuple[str, str]]:
    """Give a record with the plan in force, people, and a key."""
    from postgis import throw_away

    with throw_away() as cluster:
        migrate.upgrade(cluster.url)
        store = Store(cluster.url)
        with store.transaction(actor="bench") as session:
            publishing.propose(session, plan, commit=True)
            publishing.approve(session, plan.version, commit=True)
            publishing.publish(session, plan.version, commit=True)
        with store.transaction(actor="bench") as session:
            _load_people(session, roster)
            key = create_key(session, name="bench", scopes=["read", "batch"], rate_per_minute=1_000_000).key
        store.close()
        yield cluster.url, key


def _load_people(session, roster: Path) -> None:
    load_roster(session, parse_roster(pd.read_csv(roster, dtype=str)), LoadOptions(commit=True))


@contextlib.contextmanager
def _server(url: str) -> Iterator[str]:
    here = Path(__file__).parent / "api_server.py"
    core = ["taskset", "-c", "0"] if len(os.sched_getaffinity(0)) > 1 else []
    command = [*core, sys.executable, str(here), url, str(PORT)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        base = f"http://127.0.0.1:{PORT}"
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{base}/ready", timeout=2)
                    break
                time.sleep(0.2)
            else:
                raise RuntimeError("the server did not start")
            yield base
        finally:
            process.terminate()


def _points(plan: gridmap.Plan, count: int) -> np.ndarray:
    west, south, east, north = plan.layers[plan.finest_tiling].total_bounds
    rng = np.random.default_rng(6)
    return rng.uniform((west, south), (east, north), (count, 2))


def _ask(base: str, path: str, key: str, body: object = None) -> bytes:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def _query(lon: float, lat: float) -> str:
    return f"lon={lon:.7f}&lat={lat:.7f}&crs=wgs84&duty=E0203"


def _measure(
    base: str, key: str, points: np.ndarray, folder: Path, options: argparse.Namespace
) -> dict[str, list[Load]]:
    _ask(base, "/bench/prepared", key, json.loads(_ask(base, f"/v1/locate?{_query(*points[0])}", key)))
    listed = folder / "queries"
    listed.write_text("\n".join(_query(*point) for point in points))
    loads: dict[str, list[Load]] = {name: [] for name in ROUTES}
    for turn in range(options.repeats + 1):
        for name, path in ROUTES.items():
            script = folder / f"{name}.lua"
            script.write_text(LUA % (listed, path))
            load = _wrk(base, key, script, 2 if turn == 0 else options.seconds)
            if turn:  # the first warms
                loads[name].append(load)
    return loads


def _wrk(base: str, key: str, script: Path, seconds: int) -> Load:
    core = ["taskset", "-c", "1"] if len(os.sched_getaffinity(0)) > 1 else []
    said = subprocess.run(
        [*core, "wrk", "-t1", "-c64", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", str(script),
         "-H", f"Authorization: Bearer {key}", base],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    wrong = int(failed[1]) if failed else 0
    return Load(
        float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), _seconds(re.search(r"50%\s+(\S+)", said)[1]),
        _seconds(re.search(r"99%\s+(\S+)", said)[1]), wrong + (sum(map(int, errors.groups())) if errors else 0),
    )  # fmt: skip


def _seconds(said: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", said).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def _judge(loads: dict[str, list[Load]], bars: Bars) -> None:
    rows, middle = [], {}
    for name, runs in loads.items():
        middle[name] = tuple(
            statistics.median(getattr(each, part) for each in runs) for part in ("per_s", "p50_s", "p99_s")
        )
        per_s, p50, p99 = middle[name]
        share = per_s / middle.get("prepared", middle[name])[0]
        rows.append(
            (
                name,
                f"{per_s:,.0f}",
                milliseconds(p50),
                milliseconds(p99),
                f"{sum(each.failed for each in runs)}",
                short(share),
            )
        )
    base = middle["prepared"][0]
    rows = [(*row[:-1], short(middle[row[0]][0] / base)) for row in rows]
    print_table("one worker, 64 connections", ("route", "requests/s", "p50", "p99", "failed", "to prepared"), rows)
    bars.at_least("requests/s to a prepared answer", "/v1/locate", middle["locate"][0] / base, 0.65)
    bars.at_most("p99 to that of a prepared answer", "/v1/locate", middle["locate"][2] / middle["prepared"][2], 3)
    bars.at_least("requests/s to ST_Covers", "/v1/locate", middle["locate"][0] / middle["covers"][0], 4)
    bars.at_most("requests that failed", "/v1/locate", sum(each.failed for each in loads["locate"]), 0, "")


def _batch(base: str, key: str, plan: gridmap.Plan, per_s: float, bars: Bars) -> None:
    points = _points(plan, BATCH)
    body = {"points": [{"lon": lon, "lat": lat, "duty": "E0203"} for lon, lat in points.tolist()]}
    took, answer = [], b""
    for _ in range(4):
        began = time.perf_counter()
        answer = _ask(base, "/v1/locate:batch", key, body)
        took.append(time.perf_counter() - began)
    seconds = statistics.median(took[1:])
    single = f"one by one at {per_s:,.0f}/s: {BATCH / per_s:,.0f} s"
    out.print(f"batch of {BATCH:,}: {short(seconds)} s, {len(answer) >> 20} MiB; {single}")
    bars.at_least("a batch to single requests", f"{BATCH:,} points", BATCH / per_s / seconds, 50)
    ours = gridmap.Locator(plan).locate_many(points[:, 0], points[:, 1])
    results = json.loads(answer)["results"]
    wrong = sum(
        row["outcome"] != outcome or row["chain"].get(plan.finest_tiling) != (code if isinstance(code, str) else None)
        for row, outcome, code in zip(results, ours["outcome"], ours[plan.finest_tiling].astype(object), strict=True)
    )
    bars.at_most("answers that differ from Locator's", f"batch of {BATCH:,}", wrong, 0, "")


def _agree(base: str, key: str, plan: gridmap.Plan, points: np.ndarray, bars: Bars) -> None:
    locator = gridmap.Locator(plan)
    wrong = {"/v1/locate": 0, "/bench/covers": 0}
    for lon, lat in points[:1000]:
        place = locator.locate(float(f"{lon:.7f}"), float(f"{lat:.7f}"))
        for path in wrong:
            answer = json.loads(_ask(base, f"{path}?{_query(lon, lat)}", key))
            wrong[path] += answer["chain"] != dict(place.chain)
    for path, count in wrong.items():
        bars.at_most("answers that differ from Locator's", f"{path}, 1,000 points", count, 0, "")


if __name__ == "__main__":
    sys.exit(main())
