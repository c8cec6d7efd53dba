"""Valhalla's side of ``make bench-circles``: runs alone in an environment of Python 3.12 with pyvalhalla.

Reads one JSON request a line on stdin, answers one a line on stdout:

- ``{"build": extract, "tiles": folder}`` makes the tiles where they are missing: ``{"seconds": …}``
- ``{"open": folder}`` starts an actor on them: ``{"version": …}``
- ``{"locations": [[lon, lat], …], "minutes": …, "speed_km_h": …}`` remembers what to draw: ``{"requests": …}``
- ``{"draw": true}`` draws it: ``{"began": …, "ended": …}`` on the monotonic clock of the machine, around nothing but
  ``Actor.isochrone`` (text in, GeoJSON text out)
- ``{"answers": true}``: ``{"features": [geometry, …]}`` of the last drawing
- ``{"matrix": [lon, lat], "targets": [[lon, lat], …]}``: ``{"seconds": [seconds or null, …]}`` by its own reckoning
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import valhalla
from valhalla.config import get_config

Answer = dict[str, Any]


def pedestrian(speed_km_h: float) -> dict[str, Any]:
    """Return the costing: the speed asked for, nothing that makes it prefer one street to another of equal length."""
    even = {"walkway_factor": 1, "sidewalk_factor": 1, "alley_factor": 1, "driveway_factor": 1, "service_factor": 1}
    free = {"step_penalty": 0, "service_penalty": 0, "use_living_streets": 0.5, "use_tracks": 0.5, "use_hills": 0.5}
    return {"walking_speed": speed_km_h, "max_hiking_difficulty": 6, "shortest": False, **even, **free}


class Side:
    """One process that draws on one core."""

    def __init__(self) -> None:
        self.actor: valhalla.Actor | None = None
        self.requests: list[str] = []
        self.drawn: list[str] = []
        self.costing: dict[str, Any] = {}

    def build(self, said: Answer) -> Answer:
        """Make tiles; a folder that is there is whole, for it is renamed when it is done, and knows what it took."""
        tiles, draft = Path(said["tiles"]), Path(said["tiles"] + ".draft")
        if not tiles.exists():
            began = time.monotonic()
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            config = draft / "valhalla.json"
            config.write_text(json.dumps(get_config(tile_extract="", tile_dir=draft)))
            program = valhalla.PYVALHALLA_DIR / "bin" / "valhalla_build_tiles"
            subprocess.run([program, "-c", config, said["build"]], check=True, stdout=sys.stderr)
            (draft / "seconds").write_text(str(time.monotonic() - began))
            draft.rename(tiles)
        return {"seconds": float((tiles / "seconds").read_text())}

    def open(self, said: Answer) -> Answer:
        config = get_config(tile_extract="", tile_dir=Path(said["open"]))
        config["service_limits"]["pedestrian"]["max_matrix_location_pairs"] = 1_000_000
        self.actor = valhalla.Actor(config)
        return {"version": importlib.metadata.version("pyvalhalla")}

    def locations(self, said: Answer) -> Answer:
        self.costing = {"costing": "pedestrian", "costing_options": {"pedestrian": pedestrian(said["speed_km_h"])}}
        asked = {**self.costing, "contours": [{"time": said["minutes"]}], "polygons": True}
        self.requests = [
            json.dumps({**asked, "locations": [{"lon": lon, "lat": lat}]}) for lon, lat in said["locations"]
        ]
        return {"requests": len(self.requests)}

    def draw(self, _: Answer) -> Answer:
        isochrone, requests = self.actor.isochrone, self.requests
        began = time.monotonic()
        drawn = [isochrone(request) for request in requests]
        ended = time.monotonic()
        self.drawn = drawn
        return {"began": began, "ended": ended}

    def answers(self, _: Answer) -> Answer:
        return {"features": [json.loads(text)["features"][0]["geometry"] for text in self.drawn]}

    def matrix(self, said: Answer) -> Answer:
        origin, targets = ([{"lon": lon, "lat": lat} for lon, lat in xy] for xy in ([said["matrix"]], said["targets"]))
        request = {**self.costing, "sources": origin, "targets": targets}
        found = json.loads(self.actor.matrix(json.dumps(request)))["sources_to_targets"][0]
        return {"seconds": [each["time"] for each in found]}


def main() -> None:
    """Answer line by line; what Valhalla prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = Side()
    for line in sys.stdin:
        said = json.loads(line)
        name = next(iter(said))
        try:
            answer = getattr(side, name)(said)
        except Exception as error:
            # Whoever asked has to hear of it, or would wait for ever.
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
