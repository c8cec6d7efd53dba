"""A join of many millions of rows: rows a second and the most memory that all its processes took together.

Run it as ``python tests/bench/join_big.py PLAN ROSTER FOLDER [ROWS] [csv|parquet] [--texts]``; FOLDER takes the made
incidents and the result. Rows are made a row group at a time: nothing here holds the file in memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

GROUP = 131_072
TYPES = ["P0101", "P0203", "E0106", "E0203", "S01", "S02", "S03"]
SYSTEMS = ["wgs84", "gcj02", "bd09", "EPSG:4490", "mars"]


@dataclass(frozen=True)
class Run:
    """How a join went."""

    rows: int
    seconds: float
    rows_per_second: int
    peak_mb: int
    source_mb: int
    result_mb: int


def group_of(start: int, size: int, bounds: tuple[float, float, float, float], texts: bool) -> pa.Table:
    """Make rows of incidents: most around a few centres, the rest anywhere; with a system a row and texts if asked."""
    rng = np.random.default_rng(start)
    west, south, east, north = bounds
    centre = np.random.default_rng(1).random((12, 2))[rng.integers(0, 12, size)]
    near = rng.random(size) < 0.7
    x = np.where(near, centre[:, 0] + rng.normal(0, 0.05, size), rng.random(size))
    y = np.where(near, centre[:, 1] + rng.normal(0, 0.05, size), rng.random(size))
    seconds = 1_767_225_600 + rng.integers(0, 300 * 86_400, size)
    columns = {
        "incident_id": pa.array(np.arange(start, start + size)),
        "lon": pa.array(west + x * (east - west)),
        "lat": pa.array(south + y * (north - south)),
        "type": pa.array(np.array(TYPES)[rng.integers(0, len(TYPES), size)].tolist()),
        "reported_at": pa.array(seconds * 1_000_000, type=pa.timestamp("us", "Asia/Shanghai")),
    }
    if texts:
        columns["crs"] = pa.array(np.array(SYSTEMS)[rng.choice(5, size, p=[0.6, 0.2, 0.1, 0.09, 0.01])].tolist())
        columns["reporter_phone"] = pa.array([f"139{n:08d}" for n in rng.integers(0, 10**8, size)])
        columns["description"] = pa.array(
            [f"居民反映：滨江路{n}号附近路面破损，占道堆物" for n in rng.integers(0, 10**6, size)]
        )
    return pa.table(columns)


def make(path: Path, rows: int, bounds: tuple[float, float, float, float], *, texts: bool) -> None:
    """Write incidents, a row group at a time; the file has its name when it is whole."""
    draft = path.with_name(f"part-{path.name}")
    first = group_of(0, 1, bounds, texts)
    csv = path.suffix == ".csv"
    with pa_csv.CSVWriter(draft, first.schema) if csv else pq.ParquetWriter(draft, first.schema) as writer:
        for start in range(0, rows, GROUP):
            writer.write_table(group_of(start, min(GROUP, rows - start), bounds, texts))
    draft.replace(path)


def peak_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process; return the most bytes that it and its children had resident at once."""
    most = 0
    top = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            most = max(most, sum(each.memory_info().rss for each in (top, *top.children(recursive=True))))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    process.wait()
    return most


def join(source: Path, plan: Path, roster: Path | None, out: Path, *more: str) -> Run:
    """Run ``gridmap join`` as a user does, and watch it."""
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "join", str(source), "--plan", str(plan)]
    command += ["-o", str(out), *(["--roster", str(roster)] if roster else []), *more]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most = peak_of(process)
    seconds = time.monotonic() - began
    if process.returncode:
        raise SystemExit(process.returncode)
    rows = pq.read_metadata(out).num_rows if out.suffix == ".parquet" else 0
    sizes = [path.stat().st_size >> 20 for path in (source, out)]
    return Run(rows, round(seconds, 1), int(rows / seconds), most >> 20, *sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("roster", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int, nargs="?", default=50_000_000)
    parser.add_argument("kind", choices=["parquet", "csv"], nargs="?", default="parquet")
    parser.add_argument("--texts", action="store_true")
    given = parser.parse_args()
    import gridmap

    bounds = tuple(gridmap.read_plan(given.plan)["large"].total_bounds)
    source = given.folder / f"incidents-{given.rows}{'-texts' if given.texts else ''}.{given.kind}"
    if not source.exists():
        make(source, given.rows, bounds, texts=given.texts)
    run = join(source, given.plan, given.roster, given.folder / "joined.parquet")
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
