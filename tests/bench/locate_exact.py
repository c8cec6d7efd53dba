"""``make exact-locate``: ten million points on each plan, every vertex and the middle of every edge, against shapely.

No bar in time; it takes some minutes. Exits 1 when a single answer differs.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser

import locate_data as data
import numpy as np
from bench import ROOT, SHARED, out, print_table

import gridmap

sys.path.append(str(ROOT / "tests" / "locate"))
from by_shapely import judged, telling_points

CHUNK = 500_000
MILLION = 1_000_000
HSINCHU = {"large": "code2", "medium": "code1", "small": "base"}


def plans() -> dict[str, tuple[gridmap.Plan, data.Case | None]]:
    """Return what is asked, with where people live where that is known."""
    found: dict[str, tuple[gridmap.Plan, data.Case | None]] = {}
    for name, make in data.CASES.items():
        case = make()
        plan = case.source
        if not isinstance(plan, gridmap.Plan):
            plan = gridmap.Plan.from_layers({"code": plan}, code="code", tiles={"code": True})
        found[name] = plan, case
    layers = {level: gridmap.read_layer(SHARED / "hsinchu" / f"{name}.parquet") for level, name in HSINCHU.items()}
    codes = {level: f"CODE{name.removeprefix('code').upper()}" for level, name in HSINCHU.items()}
    found["hsinchu"] = gridmap.Plan.from_layers(layers, code=codes), None
    return found


def differences(plan: gridmap.Plan, points: np.ndarray) -> tuple[int, int]:
    """Return how many points have another grid, and how many another outcome off the rim of the county."""
    locator = gridmap.Locator(plan)
    grids = outcomes = 0
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK]
        found = locator.answer(part[:, 0], part[:, 1])
        position, inside, rim = judged(plan, part)
        grids += int((found.grid[plan.finest_tiling] != position).sum())
        outcome = np.where(position >= 0, 0, np.where(inside, 2, 3))
        outcomes += int((found.outcome != outcome)[~rim].sum())
    return grids, outcomes


def main() -> int:
    """Ask, compare, print, and say by the exit code whether all agreed."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10 * MILLION, help="points on each plan")
    size = parser.parse_args().points
    rows, wrong = [], 0
    for name, (plan, case) in plans().items():
        telling = telling_points(plan, 1, size if case is None else 0)
        points = telling if case is None else np.vstack([telling, np.column_stack(case.points(size, seed=3))])
        grids, outcomes = differences(plan, points)
        wrong += grids + outcomes
        special = len(points) - size
        rows.append((name, f"{size:,}", f"{special:,}", str(grids), str(outcomes)))
        out.print(f"{name}: {len(points):,} points, {grids} grids and {outcomes} outcomes differ", markup=False)
    print_table(
        "Answers against shapely's intersects and the lowest code",
        ("", "points", "vertices and middles", "grids differ", "outcomes differ"),
        rows,
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
