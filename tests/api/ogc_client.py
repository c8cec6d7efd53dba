"""GDAL as a client in a process of its own, for it holds Python's lock while it asks."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pyogrio

SOURCE, TARGET, BOX = f"OAPIF:{sys.argv[1]}", Path(sys.argv[2]), tuple(json.loads(sys.argv[3]))

found = {"names": {str(name) for name in pyogrio.list_layers(SOURCE)[:, 0]}}
for level in ("large", "small"):
    found[level] = pyogrio.read_dataframe(SOURCE, layer=f"published.{level}")
found["near"] = pyogrio.read_dataframe(SOURCE, layer="published.small", bbox=BOX)
TARGET.write_bytes(pickle.dumps(found))
