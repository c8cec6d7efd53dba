"""Reading a walking network from street lines or an extract, once; afterwards it comes from a cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.errors import LayerError
from gridmap.geo.osm_io import Features
from gridmap.network import cache_io, slowing, walkable
from gridmap.network.build import Kept, as_lines, keep_main, lengths_m, split_at_shared
from gridmap.network.layers_io import Layer, Source, Streets, as_shapes, as_streets, date_of, read_layers
from gridmap.network.model import NetworkReport, WalkNetwork
from gridmap.network.tags import Tags


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
    name = "the street layer" if isinstance(path, gpd.GeoDataFrame) else Path(path).name
    layers = read_layers({"streets": path, "water": water, "rail": rail}, highway)
    layer = layers.pop("streets")
    skipped = tuple(layer.skipped if isinstance(layer, Features) else layer.attrs.get("skipped", ()))
    streets = as_streets(layer, highway, name)
    barriers, lost = _barriers(streets, layers)
    # An extract of a large city takes hundreds of megabytes: nothing is held longer than it is needed.
    del layer, layers
    read, classes = len(streets.tags), streets.tags.values["highway"]
    streets = streets.take(walkable.is_walkable(streets.tags)).without_repeats()
    edges = split_at_shared(streets.xy, streets.line, walkable.storey(streets.tags))
    if len(edges.nodes) == 0:
        raise LayerError(
            f"{name} holds no walkable street: its {read} features have {highway} "
            f"{', '.join(sorted(set(classes))[:12])}; walkable are {', '.join(walkable.WALKABLE)}"
        )
    kept = keep_main(edges, lengths_m(edges))
    report = NetworkReport(
        ways_read=read,
        ways_walkable=len(streets.tags),
        components=kept.components,
        dropped_edges=len(kept.islands.nodes),
        dropped_length_m=float(lengths_m(kept.islands).sum()),
        skipped_features=(*skipped, *lost),
    )
    return WalkNetwork(
        barriers=barriers, report=report, date=date_of(path), islands=as_lines(kept.islands), **_arrays(streets, kept)
    )


def _arrays(streets: Streets, kept: Kept) -> dict[str, Any]:
    """Return the edges as the network keeps them; what no street tells of is None."""
    edges, tags = kept.edges, streets.tags
    names, classes = np.unique(tags.text("highway").astype(str), return_inverse=True)
    oneway, crossing = slowing.oneway(tags)[edges.line], slowing.crossing(tags)[edges.line]
    return {
        "crs": streets.crs,
        "node_xy": edges.node_xy,
        "edge_nodes": edges.nodes.astype(np.int32),
        "edge_length_m": lengths_m(edges),
        "edge_class": classes[edges.line].astype(np.uint8),
        "class_names": tuple(str(name) for name in names),
        "edge_roadside": ~walkable.is_raised(tags)[edges.line],
        "vertex_start": edges.vertex_start,
        "vertex_xy": edges.vertex_xy,
        "edge_oneway": oneway if oneway.any() else None,
        "edge_slope": slowing.edge_slowdown(edges, tags, streets.height_m),
        "edge_crossing": crossing if crossing.any() else None,
    }


def _barriers(streets: Streets, layers: Mapping[str, Layer]) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Return what cannot be crossed (water, railways and motorways on the ground), and what could not be read of it."""
    fast = streets.take(walkable.is_motorway(streets.tags)).without_repeats()
    found = [("motorway", np.asarray(shapely.linestrings(fast.xy, indices=fast.line), dtype=object))]
    skipped: tuple[str, ...] = ()
    for role, layer in layers.items():
        tags, shapes, lost = as_shapes(layer, role, streets.crs)
        found.append((role, shapes[_stops(role, tags, shapes)]))
        skipped += lost
    kinds = np.repeat([kind for kind, _ in found], [len(shapes) for _, shapes in found])
    shapes = np.concatenate([shapes for _, shapes in found])
    barriers = gpd.GeoDataFrame({"kind": kinds}, geometry=shapes, crs=streets.crs)
    return barriers[~(barriers.geometry.is_empty | barriers.geometry.isna())].reset_index(drop=True), skipped


def _stops(role: str, tags: Tags, shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    if role == "rail":
        return walkable.is_rail_barrier(tags)
    return walkable.is_water_barrier(tags, shapely.get_dimensions(shapes) == 2)
