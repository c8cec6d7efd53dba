"""A new version under load: how long until every worker answers from it, and whether any answer was half of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bench import ROOT, Bars, out, short

import gridmap
from gridmap.service import publishing
from gridmap.store.engine import Store

PORT, WORKERS, ASKERS, PUBLISHES = 8398, 2, 4, 20


@dataclass
class Seen:
    """What the askers got: when each version answered last, and what was wrong."""

    last: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    asked: int = 0


def go_live(url: str, plan: gridmap.Plan, bars: Bars) -> None:
    """Publish twenty times under the askers, with two workers: edits that are new, and rolling back."""
    plans = _versions(plan)
    points = _points(plan)
    right = {each.version: _answers(each, points) for each in plans}
    store, seen, done = Store(url), Seen(), threading.Event()
    with _workers(url):
        threads = [threading.Thread(target=_ask, args=(points, right, seen, done, k)) for k in range(ASKERS)]
        for each in threads:
            each.start()
        took = [_publish(store, plans, turn, seen) for turn in range(PUBLISHES)]
        done.set()
        for each in threads:
            each.join()
    store.close()
    out.print(
        f"{PUBLISHES} publishes, {WORKERS} workers, {seen.asked:,} answers by {len(seen.last)} versions; "
        f"live after {short(float(np.median(took)))} s, at most {short(max(took))} s"
    )
    bars.at_most("commit to live in every worker", f"{PUBLISHES} publishes, the slowest", max(took), 2, "s")
    bars.at_most("answers that are of no one version", f"{seen.asked:,} answers", len(seen.wrong), 0, "")
    for each in seen.wrong[:3]:
        out.print(each)


def _versions(plan: gridmap.Plan) -> list[gridmap.Plan]:
    """Return the plan in force, and edits of it one upon the other."""
    made, draft = [plan], gridmap.Draft(plan)
    for code in plan["small"].index[10 : 10 + 40 * (PUBLISHES // 2) : 40]:
        draft.split(code)
        made.append(draft.propose("bench"))
    return made


def _points(plan: gridmap.Plan) -> np.ndarray:
    west, south, east, north = plan.layers["small"].total_bounds
    changed = plan["small"].iloc[10 : 10 + 40 * (PUBLISHES // 2) : 40].representative_point()
    free = np.random.default_rng(3).uniform((west, south), (east, north), (200, 2))
    return np.vstack([np.column_stack([changed.x, changed.y]), free]).round(7)


def _answers(plan: gridmap.Plan, points: np.ndarray) -> list[str | None]:
    found = gridmap.Locator(plan).locate_many(points[:, 0], points[:, 1])["small"].astype(object)
    return [code if isinstance(code, str) else None for code in found]


def _publish(store: Store, plans: list[gridmap.Plan], turn: int, seen: Seen) -> float:
    """Put something in force; return how long after its commit the one before answered for the last time."""
    with store.transaction(actor="bench") as session:
        before = publishing.timeline(session)[-1].version
    if turn % 2:  # back, and forth again with the next edit
        with store.transaction(actor="bench") as session:
            new = publishing.rollback(session, plans[0].version, commit=True).version
    else:
        plan = plans[1 + turn // 2]
        with store.transaction(actor="bench") as session:
            publishing.propose(session, plan, commit=True)
            publishing.approve(session, plan.version, commit=True)
        with store.transaction(actor="bench") as session:
            new = publishing.publish(session, plan.version, commit=True).version
    committed = time.monotonic()
    while time.monotonic() - committed < 4:
        time.sleep(0.05)
        if time.monotonic() - max(committed, seen.last.get(before, 0)) > 1 and seen.last.get(new, 0) > committed:
            break
    return max(seen.last.get(before, 0) - committed, 0.0)


def _ask(points: np.ndarray, right: dict[str, list[str | None]], seen: Seen, done: threading.Event, seed: int) -> None:
    rng = np.random.default_rng(seed)
    while not done.is_set():
        # a connection of its own each time, or it would stay with one worker
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)) as connection:
            k = int(rng.integers(len(points)))
            lon, lat = points[k]
            began = time.monotonic()
            connection.request("GET", f"/v1/locate?lon={lon}&lat={lat}")
            answer = connection.getresponse()
            said = json.loads(answer.read())
        version = said.get("plan_version", "")
        seen.asked += 1
        seen.last[version] = max(seen.last.get(version, 0), began)
        if answer.status != 200 or said["chain"].get("small") != right.get(version, {k: ""})[k]:
            seen.wrong.append(f"{answer.status} {lon},{lat}: {said}")


@contextlib.contextmanager
def _workers(url: str) -> Iterator[None]:
    command = [
        str(Path(sys.executable).parent / "gridmap"),
        "serve",
        "--port",
        str(PORT),
        "--workers",
        str(WORKERS),
        "--quiet",
    ]
    environment = os.environ | {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_RATE": "1000000"}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment) as process:
        try:
            for _ in range(300):
                with contextlib.suppress(OSError, ValueError), contextlib.closing(_connection()) as connection:
                    connection.request("GET", "/ready")
                    if connection.getresponse().status == 200:
                        break
                time.sleep(0.2)
            else:
                raise RuntimeError("gridmap serve did not start")
            yield
        finally:
            process.terminate()


def _connection() -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
