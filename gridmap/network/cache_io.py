"""Networks already read, kept by the content of the files they came from.

One ``.npz`` a network, named by the hash of the files, the options and the format, so that an entry is never out of
date. ``GRIDMAP_CACHE_DIR`` moves the folder; deleting it only costs the time to read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import platformdirs
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import LayerError
from gridmap.geo.files import atomic_path
from gridmap.network.model import NetworkReport, WalkNetwork

_FORMAT: Final = "gridmap-network-3"
"""Part of every name: changes when what is kept, or how it is made, changes."""
_ARRAYS: Final = (
    "node_xy", "edge_nodes", "edge_length_m", "edge_class", "edge_roadside", "vertex_start", "vertex_xy",
)  # fmt: skip
_OPTIONAL: Final = ("edge_oneway", "edge_slope", "edge_crossing")
"""Kept where the network has them."""


def place(sources: Sequence[Path | None], highway: str) -> Path:
    """Return where the network made of these files is kept, whether it is there or not.

    Raises
    ------
    LayerError
        When a file does not exist or cannot be read.
    """
    digest = hashlib.sha256(f"{_FORMAT} {highway}".encode())
    for source in sources:
        digest.update(b"|")
        if source is None:
            continue
        if not source.exists():
            raise LayerError(f"{source} does not exist")
        # The suffix decides how a file is read.
        digest.update("".join(source.suffixes).encode())
        for part in _parts(source):
            try:
                with part.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                raise LayerError(f"{part} cannot be read: {error.strerror or error}") from error
    folder = Path(os.environ.get("GRIDMAP_CACHE_DIR") or platformdirs.user_cache_dir("gridmap"))
    return folder / f"network-{digest.hexdigest()[:32]}.npz"


def _parts(source: Path) -> Iterator[Path]:
    """Give every file a layer is stored in: a Shapefile has companions, a geodatabase is a folder."""
    if source.is_dir():
        yield from sorted(path for path in source.rglob("*") if path.is_file())
    elif source.suffix.lower() == ".shp":
        yield from sorted(source.parent.glob(f"{source.stem}.*"))
    else:
        yield source


def store(network: WalkNetwork, target: Path) -> None:
    """Keep a network; where the folder cannot be written that costs time, not the result."""
    about = {
        "crs": network.crs.to_json(),
        "class_names": network.class_names,
        "report": vars(network.report),
        "date": network.date.isoformat() if network.date else None,
    }
    arrays = {name: getattr(network, name) for name in (*_ARRAYS, *_OPTIONAL)}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as draft, draft.open("wb") as stream:
            np.savez(
                stream,
                about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
                barrier_kind=network.barriers["kind"].to_numpy(dtype=str),
                barriers=_pack(network.barriers.geometry.values),
                islands=_pack(network.islands),
                **{name: array for name, array in arrays.items() if array is not None},
            )
    except OSError:
        return


def load(source: Path) -> WalkNetwork | None:
    """Return a kept network, or None where there is none or it is damaged."""
    try:
        with np.load(source, allow_pickle=False) as kept:
            about = json.loads(kept["about"].tobytes())
            crs = pyproj.CRS.from_json(about["crs"])
            barriers = gpd.GeoDataFrame({"kind": kept["barrier_kind"]}, geometry=_unpack(kept["barriers"]), crs=crs)
            report = {**about["report"], "skipped_features": tuple(about["report"]["skipped_features"])}
            return WalkNetwork(
                crs=crs,
                barriers=barriers,
                islands=_unpack(kept["islands"]),
                class_names=tuple(about["class_names"]),
                report=NetworkReport(**report),
                date=datetime.fromisoformat(about["date"]) if about["date"] else None,
                **{name: kept[name] for name in (*_ARRAYS, *(each for each in _OPTIONAL if each in kept))},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, shapely.errors.ShapelyError):
        return None


def _pack(shapes: object) -> NDArray[np.uint8]:
    """Return shapes as the bytes of one WKB collection."""
    return np.frombuffer(shapely.to_wkb(shapely.geometrycollections(list(np.asarray(shapes)))), dtype=np.uint8)


def _unpack(packed: NDArray[np.uint8]) -> NDArray[np.object_]:
    return np.asarray(shapely.get_parts(shapely.from_wkb(packed.tobytes())), dtype=object)
