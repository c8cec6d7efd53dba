"""The walking network as a value: junctions, edges with their polylines, and what cannot be crossed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.geo.crs import WGS84, storage_crs, transformer
from gridmap.network.graph import Graph, make_graph
from gridmap.network.index import SegmentIndex, index_lines, index_shapes


@dataclass(frozen=True)
class NetworkReport:
    """What reading a network found and left out."""

    ways_read: int
    ways_walkable: int
    components: int
    dropped_edges: int
    dropped_length_m: float
    skipped_features: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WalkNetwork:
    """Junction-to-junction edges of the main component of a walking network, in metres.

    Parameters
    ----------
    crs
        A metric CRS (:func:`gridmap.geo.crs.metric_crs`); every coordinate here is in it.
    node_xy
        (n, 2) junctions.
    edge_nodes
        (m, 2) int32: the junctions at an edge's start and end.
    edge_length_m
        (m,) length along the polyline.
    edge_class
        (m,) uint8: index into ``class_names``.
    class_names
        The ``highway`` values that occur, for example ``("residential", "steps")``.
    edge_roadside
        (m,) bool: may be entered from beside the road (not in a tunnel, on a bridge or a motorway).
    vertex_start
        (m + 1,) int64: edge ``e`` has the vertices ``vertex_xy[vertex_start[e]:vertex_start[e + 1]]``.
    vertex_xy
        (k, 2) polylines, both end points included.
    barriers
        ``kind`` (water, rail, motorway) and ``geometry`` of what cannot be crossed except by a bridge or a tunnel.
    date
        When the source was current, where it says so.
    islands
        Lines of the streets that are walkable but not joined to the rest; no edge comes from them.
    edge_oneway
        (m,) int8: 1 where one walks only from an edge's start to its end (an escalator, one-way stairs), -1 only
        back, 0 both ways; None where all edges are walked both ways.
    edge_slope
        (m, 2) float32: how many times longer the walk takes because of the slope, from start to end and back; None
        where no elevation was given.
    edge_crossing
        (m,) bool: the edge is a crossing of a carriageway; None where there is none.
    """

    crs: pyproj.CRS
    node_xy: NDArray[np.float64]
    edge_nodes: NDArray[np.int32]
    edge_length_m: NDArray[np.float64]
    edge_class: NDArray[np.uint8]
    class_names: tuple[str, ...]
    edge_roadside: NDArray[np.bool_]
    vertex_start: NDArray[np.int64]
    vertex_xy: NDArray[np.float64]
    barriers: gpd.GeoDataFrame
    report: NetworkReport
    date: datetime | None = None
    islands: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    edge_oneway: NDArray[np.int8] | None = None
    edge_slope: NDArray[np.float32] | None = None
    edge_crossing: NDArray[np.bool_] | None = None

    def edges(self) -> gpd.GeoDataFrame:
        """Return the edges as lines in ``crs``: ``edge``, ``highway``, ``length_m``, ``geometry``."""
        count = len(self.edge_length_m)
        owner = np.repeat(np.arange(count), np.diff(self.vertex_start))
        return gpd.GeoDataFrame(
            {
                "edge": np.arange(count, dtype=np.int32),
                "highway": np.asarray(self.class_names, dtype=object)[self.edge_class],
                "length_m": self.edge_length_m,
            },
            geometry=shapely.linestrings(self.vertex_xy, indices=owner),
            crs=self.crs,
        )

    @cached_property
    def graph(self) -> Graph:
        """Return the neighbours of every junction."""
        return make_graph(self.edge_nodes, len(self.node_xy))

    @cached_property
    def degrees(self) -> pyproj.CRS:
        """Return the longitudes and latitudes that geometry of this place is kept in."""
        to_wgs = pyproj.Transformer.from_crs(self.crs, WGS84, always_xy=True)
        return storage_crs(*to_wgs.transform(*self.node_xy.mean(axis=0)))

    @cached_property
    def to_degrees(self) -> pyproj.Transformer:
        """Return what moves coordinates from ``crs`` to ``degrees``."""
        return transformer(self.crs, self.degrees)

    @cached_property
    def edge_bounds(self) -> NDArray[np.float64]:
        """Return (m, 4) west, south, east and north of every edge."""
        first = self.vertex_start[:-1]
        low, high = np.minimum.reduceat(self.vertex_xy, first), np.maximum.reduceat(self.vertex_xy, first)
        return np.concatenate((low, high), axis=1)

    @cached_property
    def vertex_share(self) -> NDArray[np.float64]:
        """Return how far along its edge every vertex lies, from 0 to 1."""
        first, count = self.vertex_start[:-1], np.diff(self.vertex_start)
        walked = np.r_[0.0, np.cumsum(np.hypot(*np.diff(self.vertex_xy, axis=0).T))]
        share = (walked - np.repeat(walked[first], count)) / np.repeat(np.maximum(self.edge_length_m, 1e-9), count)
        return np.asarray(np.clip(share, 0.0, 1.0))

    @cached_property
    def street_index(self) -> SegmentIndex:
        """Return the segments of the edges with roadside access, by cell; ``line`` is the edge."""
        return index_lines(self.vertex_start, self.vertex_xy, self.edge_roadside)

    @cached_property
    def barrier_index(self) -> SegmentIndex:
        """Return the segments of the barriers, by cell; ``line`` is the row of ``barriers``."""
        return index_shapes(np.asarray(self.barriers.geometry.values, dtype=object))
