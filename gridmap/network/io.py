"""Reading a walking network from street lines or an extract, once; afterwards it comes from a cache."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import platformdirs
import pyproj
import shapely

from gridmap.errors import LayerError
from gridmap.geo.crs import metric_crs_of
from gridmap.geo.files import atomic_path
from gridmap.geo.io import as_layer, is_extract
from gridmap.network import walkable
from gridmap.network.build import Edges, keep_main, lengths_m, split_at_shared
from gridmap.network.model import NetworkReport, WalkNetwork

Source: TypeAlias = gpd.GeoDataFrame | str | os.PathLike[str]

_FORMAT: Final = "gridmap-network-1"
"""Part of every cache key: change it when what is kept changes."""


def read_network(
    path: Source, *, highway: str = "highway", water: Source | None = None, rail: Source | None = None
) -> WalkNetwork:
    """Read the walking network of an extract or a layer of street centre lines.

    Walkable ways (:mod:`gridmap.network.walkable`) are split at shared vertices; a bridge or a tunnel does not join
    what it crosses. The component with the greatest length is kept, the rest is counted in ``report``. A network
    read from files is kept in the user's cache folder under the hash of their contents (``GRIDMAP_CACHE_DIR``
    moves the folder).

    Parameters
    ----------
    path
        ``.osm.pbf``, any line layer, or a GeoDataFrame.
    highway
        Column that holds the class of a street.
    water, rail
        What cannot be crossed except by a bridge; from an extract given here the right features are taken.

    Returns
    -------
    WalkNetwork
        In metres (:func:`gridmap.geo.crs.metric_crs`).

    Raises
    ------
    LayerError
        When a file cannot be read, the class column is missing, or no street is walkable.
    CrsError
        When a layer has no CRS or coordinates that do not fit it.

    Examples
    --------
    >>> from shapely import LineString
    >>> streets = gpd.GeoDataFrame({"highway": ["residential", "motorway"]}, crs=4490,
    ...     geometry=[LineString([(120.3, 31.5), (120.31, 31.5)]), LineString([(120.3, 31.6), (120.31, 31.6)])])
    >>> network = read_network(streets)
    >>> len(network.edge_length_m), round(float(network.edge_length_m[0])), network.report.ways_walkable
    (1, 950, 1)
    """
    sources = [source for source in (path, water, rail) if source is not None]
    files = [source for source in sources if not isinstance(source, gpd.GeoDataFrame)]
    if len(files) < len(sources):
        return _build(path, highway, water, rail)
    cached = _cache_folder() / f"{_key(path, highway, water, rail)}.npz"
    known = _load(cached)
    if known is not None:
        return known
    network = _build(path, highway, water, rail)
    _store(network, cached)
    return network


def _build(path: Source, highway: str, water: Source | None, rail: Source | None) -> WalkNetwork:
    streets = as_layer(path, role="streets")
    name = "the street layer" if isinstance(path, gpd.GeoDataFrame) else Path(path).name
    if highway not in streets.columns:
        columns = ", ".join(str(column) for column in streets.columns if column != streets.geometry.name)
        raise LayerError(f"{name} has no column {highway!r} that says the class of a street; it has {columns}")
    crs = metric_crs_of(streets)
    streets = streets.to_crs(crs).explode(ignore_index=True)
    lines = shapely.get_type_id(streets.geometry.values) == 1
    good = walkable.is_walkable(streets, highway) & lines
    if not good.any():
        classes = ", ".join(sorted(set(walkable.tag(streets, highway)))[:12])
        raise LayerError(
            f"{name} holds no walkable street: its {len(streets)} features have {highway} {classes}; "
            f"walkable are {', '.join(walkable.WALKABLE)}"
        )
    walk = streets[good].reset_index(drop=True)
    edges = _edges(walk)
    length = lengths_m(edges)
    kept = keep_main(edges, length)
    report = NetworkReport(
        ways_read=len(streets),
        ways_walkable=len(walk),
        components=kept.components,
        dropped_edges=int(kept.dropped.sum()),
        dropped_length_m=float(length[kept.dropped].sum()),
        skipped_features=tuple(streets.attrs.get("skipped", ())),
    )
    barriers = _barriers(streets[lines], highway, water, rail, crs)
    return _network(walk, highway, kept.edges, barriers, report, _date(path), crs)


def _edges(walk: gpd.GeoDataFrame) -> Edges:
    xy, line = shapely.get_coordinates(walk.geometry.values, return_index=True)
    raised = walkable.is_raised(walk)
    layer = pd.to_numeric(pd.Series(walkable.tag(walk, "layer")), errors="coerce").fillna(0).to_numpy()
    # A bridge without a layer tag is one storey up, a tunnel one down.
    tunnel = raised & ~np.isin(walkable.tag(walk, "tunnel"), ("", "no", "0", "false", "nan", "none"))
    storey = np.where(raised & (layer == 0), np.where(tunnel, -1, 1), np.where(raised, layer, 0)).astype(np.int64)
    moved = np.r_[True, (np.diff(xy, axis=0) != 0).any(axis=1) | (np.diff(line) != 0)]
    count = np.bincount(line[moved], minlength=len(walk))
    keep = moved & (count[line] > 1)
    return split_at_shared(xy[keep], line[keep].astype(np.int64), storey)


def _network(
    walk: gpd.GeoDataFrame,
    highway: str,
    edges: Edges,
    barriers: gpd.GeoDataFrame,
    report: NetworkReport,
    date: datetime | None,
    crs: pyproj.CRS,
) -> WalkNetwork:
    names, classes = np.unique(walkable.tag(walk, highway).astype(str), return_inverse=True)
    return WalkNetwork(
        crs=crs,
        node_xy=edges.node_xy,
        edge_nodes=edges.nodes.astype(np.int32),
        edge_length_m=lengths_m(edges),
        edge_class=classes[edges.line].astype(np.uint8),
        class_names=tuple(str(name) for name in names),
        edge_roadside=~walkable.is_raised(walk)[edges.line],
        vertex_start=edges.vertex_start,
        vertex_xy=edges.vertex_xy,
        barriers=barriers,
        report=report,
        date=date,
    )


def _barriers(
    streets: gpd.GeoDataFrame, highway: str, water: Source | None, rail: Source | None, crs: pyproj.CRS
) -> gpd.GeoDataFrame:
    """Return what cannot be crossed: water, railways and motorways, without what runs in a tunnel or in the air."""
    found = []
    classes = walkable.tag(streets, highway)
    motorway = streets.geometry[np.isin(classes, walkable.MOTORWAYS) & ~walkable.is_raised(streets)]
    found.append(gpd.GeoDataFrame({"kind": "motorway"}, index=range(len(motorway)), geometry=motorway.values, crs=crs))
    for kind, source in (("water", water), ("rail", rail)):
        if source is None:
            continue
        layer = _optional(source, kind).to_crs(crs)
        # A river in a culvert and a railway on a viaduct or under ground are walked over or under.
        shapes = layer.geometry[~walkable.is_raised(layer)] if len(layer) else layer.geometry
        found.append(gpd.GeoDataFrame({"kind": kind}, index=range(len(shapes)), geometry=shapes.values, crs=crs))
    barriers = pd.concat(found, ignore_index=True) if len(found) > 1 else found[0]
    useful = ~(barriers.geometry.is_empty | barriers.geometry.isna())
    return gpd.GeoDataFrame(barriers[useful].reset_index(drop=True), geometry="geometry", crs=crs)


def _optional(source: Source, role: str) -> gpd.GeoDataFrame:
    """Read water or rail; an extract that has none simply has none."""
    extract = not isinstance(source, gpd.GeoDataFrame) and is_extract(source)
    try:
        return as_layer(source, role=role)
    except LayerError:
        if not extract:
            raise
        return gpd.GeoDataFrame({"kind": []}, geometry=[], crs="EPSG:4326")


def _date(path: Source) -> datetime | None:
    if isinstance(path, gpd.GeoDataFrame) or not is_extract(path):
        return None
    stamp = osmium.io.Reader(str(path)).header().get("osmosis_replication_timestamp")
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")) if stamp else None


def _cache_folder() -> Path:
    return Path(os.environ.get("GRIDMAP_CACHE_DIR") or platformdirs.user_cache_dir("gridmap"))


def _key(path: Source, highway: str, water: Source | None, rail: Source | None) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {highway}".encode())
    for source in (path, water, rail):
        digest.update(b"|")
        if source is None:
            continue
        file = Path(str(source))
        if not file.is_file():
            raise LayerError(f"{file} does not exist")
        for part in sorted(file.parent.glob(f"{file.stem}.*")) if file.suffix == ".shp" else [file]:
            with part.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]


def _store(network: WalkNetwork, target: Path) -> None:
    """Keep a network; a cache that cannot be written costs time, not the result."""
    about = {
        "crs": network.crs.to_json(),
        "class_names": network.class_names,
        "report": vars(network.report),
        "date": network.date.isoformat() if network.date else None,
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as draft, draft.open("wb") as stream:
            np.savez(
                stream,
                about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
                barrier_kind=network.barriers["kind"].to_numpy(dtype=str),
                barrier_wkb=np.frombuffer(_wkb(network.barriers), dtype=np.uint8),
                **{name: getattr(network, name) for name in _ARRAYS},
            )
    except OSError:
        return


_ARRAYS: Final = (
    "node_xy", "edge_nodes", "edge_length_m", "edge_class", "edge_roadside", "vertex_start", "vertex_xy",
)  # fmt: skip


def _wkb(barriers: gpd.GeoDataFrame) -> bytes:
    return shapely.to_wkb(shapely.geometrycollections(list(barriers.geometry.values)))  # type: ignore[no-any-return]


def _load(source: Path) -> WalkNetwork | None:
    """Return a kept network, or None where there is none or it is damaged."""
    try:
        with np.load(source, allow_pickle=False) as kept:
            about = json.loads(kept["about"].tobytes())
            crs = pyproj.CRS.from_json(about["crs"])
            shapes = shapely.get_parts(shapely.from_wkb(kept["barrier_wkb"].tobytes()))
            barriers = gpd.GeoDataFrame({"kind": kept["barrier_kind"]}, geometry=list(shapes), crs=crs)
            report = {**about["report"], "skipped_features": tuple(about["report"]["skipped_features"])}
            return WalkNetwork(
                crs=crs,
                barriers=barriers,
                class_names=tuple(about["class_names"]),
                report=NetworkReport(**report),
                date=datetime.fromisoformat(about["date"]) if about["date"] else None,
                **{name: kept[name] for name in _ARRAYS},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, shapely.errors.ShapelyError):
        return None
