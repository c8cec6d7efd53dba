"""GDAL as a client in a process of its own, for it holds Python's lock while it asks: ADDRESS TARGET BOX."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pyogrio


def read_all(source: str, box: tuple[float, ...]) -> dict[str, object]:
    found: dict[str, object] = {"names": {str(name) for name in pyogrio.list_layers(source)[:, 0]}}
    for level in ("large", "small"):
        found[level] = pyogrio.read_dataframe(source, layer=f"published.{level}")
    return found | {"near": pyogrio.read_dataframe(source, layer="published.small", bbox=box)}


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(pickle.dumps(read_all(f"OAPIF:{sys.argv[1]}", tuple(json.loads(sys.argv[3])))))
