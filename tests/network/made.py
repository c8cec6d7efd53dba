"""Streets made for tests: in metres around a corner of CGCS2000 / CM 120E, where metres stay metres."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import osmium
from shapely import LineString

from gridmap.network.io import read_network
from gridmap.network.model import WalkNetwork
from gridmap.network.tags import Tags

CRS = 4549
CORNER = np.array([500_000.0, 3_480_000.0])
"""Added to every made coordinate, so that tests may speak of (0, 0)."""


def line(*points) -> LineString:
    return LineString(np.asarray(points, dtype=float) + CORNER)


def streets(*ways) -> gpd.GeoDataFrame:
    """Return a layer of ways ``(points, tags)``; residential unless the tags say otherwise."""
    rows = [{"highway": "residential", **tags} for _, tags in ways]
    return gpd.GeoDataFrame(rows, geometry=[line(*points) for points, _ in ways], crs=CRS)


def tags_of(layer: gpd.GeoDataFrame) -> Tags:
    return Tags.of_layer(layer, layer.columns)


def network(*ways, **layers) -> WalkNetwork:
    return read_network(streets(*ways), **layers)


def layer(*shapes, **tags) -> gpd.GeoDataFrame:
    """Return a layer of shapes given around (0, 0)."""
    moved = gpd.GeoSeries(list(shapes), crs=CRS).translate(*CORNER)
    return gpd.GeoDataFrame(tags, geometry=moved.values, crs=CRS, index=range(len(shapes)))


def as_graph(made: WalkNetwork, speed_m_s: float = 1.0) -> nx.MultiGraph:
    """Return the network as networkx has it, ``seconds`` and ``edge`` on every edge."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(made.node_xy)))
    for edge, ((a, b), length) in enumerate(zip(made.edge_nodes.tolist(), made.edge_length_m, strict=True)):
        graph.add_edge(a, b, key=edge, seconds=length / speed_m_s, edge=edge)
    return graph


def random_network(seed: int, corners: int = 7, share: float = 0.8) -> WalkNetwork:
    """Return the main part of a bent chessboard with streets left out, doubled and curved."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(np.arange(corners), np.arange(corners)), axis=-1) * 100.0 + rng.uniform(
        -30, 30, (corners, corners, 2)
    )
    ways = []
    for row in range(corners):
        for column in range(corners):
            for other in ((row, column + 1), (row + 1, column)):
                if max(other) == corners or rng.random() > share:
                    continue
                ends = at[row, column], at[other]
                bend = (ends[0] + ends[1]) / 2 + rng.uniform(-20, 20, 2)
                ways.append(((ends[0], bend, ends[1]), {}))
                if rng.random() < 0.1:
                    ways.append((ends, {"highway": "footway"}))
    return network(*ways)


def write_extract(path: Path, nodes: dict, ways: list, relations: tuple | list = ()) -> Path:
    """Write an extract of nodes {id: (lon, lat)}, ways [(id, node ids, tags)] and relations [(id, members, tags)]."""
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for number, place in sorted(nodes.items()):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=place, version=1))
        for number, refs, tags in ways:
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=refs, tags=tags, version=1))
        for number, members, tags in relations:
            writer.add_relation(osmium.osm.mutable.Relation(id=number, members=members, tags=tags, version=1))
    return path
