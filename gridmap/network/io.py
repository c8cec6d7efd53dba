"""Reading a walking network from street lines or an extract, once; afterwards it comes from a cache."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import osmium
import pyproj
import shapely

from gridmap.errors import LayerError
from gridmap.geo.crs import metric_crs_of
from gridmap.geo.io import as_layer, is_extract
from gridmap.network import cache_io, walkable
from gridmap.network.build import Edges, Kept, as_lines, keep_main, lengths_m, split_at_shared
from gridmap.network.model import NetworkReport, WalkNetwork

Source: TypeAlias = gpd.GeoDataFrame | str | os.PathLike[str]
_LINE: Final = 1


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
    sources = (path, water, rail)
    if any(isinstance(source, gpd.GeoDataFrame) for source in sources):
        return _build(path, highway, water, rail)
    cached = cache_io.place([None if source is None else Path(str(source)) for source in sources], highway)
    known = cache_io.load(cached)
    if known is not None:
        return known
    network = _build(path, highway, water, rail)
    cache_io.store(network, cached)
    return network


def _build(path: Source, highway: str, water: Source | None, rail: Source | None) -> WalkNetwork:
    streets = as_layer(path, role="streets")
    name = "the street layer" if isinstance(path, gpd.GeoDataFrame) else Path(path).name
    if highway not in streets.columns:
        columns = ", ".join(str(column) for column in streets.columns if column != streets.geometry.name)
        raise LayerError(f"{name} has no column {highway!r} that says the class of a street; it has {columns}")
    skipped = tuple(streets.attrs.get("skipped", ()))
    if highway != "highway":
        streets = streets.drop(columns="highway", errors="ignore").rename(columns={highway: "highway"})
    crs = metric_crs_of(streets)
    streets = streets.to_crs(crs).explode(ignore_index=True)
    lines = shapely.get_type_id(streets.geometry.values) == _LINE
    walk = streets[walkable.is_walkable(streets) & lines].reset_index(drop=True)
    edges = _edges(walk)
    if len(edges.nodes) == 0:
        classes = ", ".join(sorted(set(walkable.tag(streets, "highway")))[:12])
        raise LayerError(
            f"{name} holds no walkable street: its {len(streets)} features have {highway} {classes}; "
            f"walkable are {', '.join(walkable.WALKABLE)}"
        )
    kept = keep_main(edges, lengths_m(edges))
    report = NetworkReport(
        ways_read=len(streets),
        ways_walkable=len(walk),
        components=kept.components,
        dropped_edges=len(kept.islands.nodes),
        dropped_length_m=float(lengths_m(kept.islands).sum()),
        skipped_features=skipped,
    )
    return _network(walk, kept, _barriers(streets[lines], water, rail, crs), report, _date(path))


def _edges(walk: gpd.GeoDataFrame) -> Edges:
    xy, line = shapely.get_coordinates(walk.geometry.values, return_index=True)
    moved = np.r_[True, (np.diff(xy, axis=0) != 0).any(axis=1) | (np.diff(line) != 0)][: len(xy)]
    count = np.bincount(line[moved], minlength=len(walk))
    keep = moved & (count[line] > 1)
    return split_at_shared(xy[keep], line[keep].astype(np.int64), walkable.storey(walk))


def _network(
    walk: gpd.GeoDataFrame, kept: Kept, barriers: gpd.GeoDataFrame, report: NetworkReport, date: datetime | None
) -> WalkNetwork:
    edges = kept.edges
    names, classes = np.unique(walkable.tag(walk, "highway").astype(str), return_inverse=True)
    return WalkNetwork(
        crs=barriers.crs,
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
        islands=as_lines(kept.islands),
    )


def _barriers(
    streets: gpd.GeoDataFrame, water: Source | None, rail: Source | None, crs: pyproj.CRS
) -> gpd.GeoDataFrame:
    """Return what cannot be crossed: water, railways and motorways, without what runs in a tunnel or in the air."""
    motorways = streets[np.isin(walkable.tag(streets, "highway"), walkable.MOTORWAYS) & ~walkable.is_raised(streets)]
    found = [("motorway", motorways.geometry)]
    if water is not None:
        layer = _optional(water, "water").to_crs(crs)
        found.append(("water", layer.geometry[walkable.is_barrier(layer)]))
    if rail is not None:
        layer = _optional(rail, "rail").to_crs(crs)
        found.append(("rail", layer.geometry[~walkable.is_raised(layer) & (walkable.tag(layer, "railway") != "tram")]))
    kinds = np.repeat([kind for kind, _ in found], [len(shapes) for _, shapes in found])
    barriers = gpd.GeoDataFrame({"kind": kinds}, geometry=np.concatenate([s.values for _, s in found]), crs=crs)
    return barriers[~(barriers.geometry.is_empty | barriers.geometry.isna())].reset_index(drop=True)


def _optional(source: Source, role: str) -> gpd.GeoDataFrame:
    """Read water or rail; an extract that has none simply has none."""
    extract = not isinstance(source, gpd.GeoDataFrame) and is_extract(source)
    try:
        return as_layer(source, role=role)
    except LayerError:
        if not extract:
            raise
        return gpd.GeoDataFrame(geometry=[], crs="EPSG:4326")


def _date(path: Source) -> datetime | None:
    if isinstance(path, gpd.GeoDataFrame) or not is_extract(path):
        return None
    stamp = osmium.io.Reader(str(path)).header().get("osmosis_replication_timestamp")
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")) if stamp else None
