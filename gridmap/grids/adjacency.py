"""Which blocks are neighbours, how long their common border is, what lies on it, and where a bridge joins banks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.grids import mosaic as m
from gridmap.network.model import WalkNetwork

BORDER_COST: Final[dict[str, float]] = {
    "motorway": 0.1, "rail": 0.1, "water": 0.1, "trunk": 0.2, "primary": 0.2, "secondary": 0.25, "tertiary": 0.4,
    "unclassified": 0.6, "residential": 0.6, "living_street": 0.6, "pedestrian": 0.6, "road": 0.6,
}  # fmt: skip
"""What a metre of grid border costs by what lies on it (ours, after "streets, rivers, railways, walls as borders"):
big streets, water and rail draw borders towards them. A border on nothing costs 1."""

ON_STREET_M: Final = 3.0
"""A border this near to a street lies on it: both come from the same line, rounded to 1 mm."""

LONGEST_BRIDGE_M: Final = 1500.0


@dataclass(frozen=True, eq=False)
class BlockGraph:
    """Land blocks and their neighbours; those of ``i`` are ``neighbour[start[i]:start[i + 1]]``.

    Parameters
    ----------
    start, neighbour
        Both directions of every pair.
    length_m
        Length of the common border; 0 for a bridge.
    cost
        ``length_m`` weighted by :data:`BORDER_COST`.
    bridge
        The pair lies on two banks and only a bridge joins it.
    weight
        (n,) workload of every block.
    xy
        (n, 2) a point inside every block, metres.
    """

    start: m.Ints
    neighbour: m.Ints
    length_m: m.Floats
    cost: m.Floats
    bridge: m.Flags
    weight: m.Floats
    xy: m.Floats

    def subgraph(self, members: m.Ints) -> BlockGraph:
        """Return the graph of some blocks, numbered in the order given."""
        place = np.full(len(self.weight), -1, dtype=np.int64)
        place[members] = np.arange(len(members))
        count = np.diff(self.start)[members]
        tail = np.repeat(np.arange(len(members)), count)
        step = (
            np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(self.start[members], count)
        )
        kept = place[self.neighbour[step]] >= 0
        tail, step = tail[kept], step[kept]
        start = np.r_[0, np.cumsum(np.bincount(tail, minlength=len(members)))]
        return BlockGraph(
            start, place[self.neighbour[step]], self.length_m[step], self.cost[step], self.bridge[step],
            self.weight[members], self.xy[members],
        )  # fmt: skip

    def components(self, *, bridges: bool) -> m.Ints:
        """Return numbers of the connected parts on land, or with bridges counted as land too."""
        tail = np.repeat(np.arange(len(self.weight)), np.diff(self.start))
        kept = np.ones(len(tail), dtype=bool) if bridges else ~self.bridge
        return connected(len(self.weight), tail[kept], self.neighbour[kept])


def connected(count: int, tail: m.Ints, head: m.Ints) -> m.Ints:
    """Return numbers of the connected parts of ``count`` things that pairs join."""
    pairs = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(count, count))
    return np.asarray(connected_components(pairs, directed=False)[1], dtype=np.int64)


def totals(label: m.Ints, weight: m.Floats, count: int = 0) -> m.Floats:
    """Return the sum of weights by label, of at least ``count`` labels."""
    return np.bincount(label, weights=weight, minlength=count).astype(np.float64)


def graph_from_pairs(
    a: m.Ints, b: m.Ints, length_m: m.Floats, cost: m.Floats, bridge: m.Flags, weight: m.Floats, xy: m.Floats
) -> BlockGraph:
    """Make the graph of pairs given once each."""
    tail, head = np.r_[a, b], np.r_[b, a]
    order = np.lexsort((head, tail))
    start = np.r_[0, np.cumsum(np.bincount(tail, minlength=len(weight)))]
    return BlockGraph(
        start.astype(np.int64),
        head[order].astype(np.int64),
        np.r_[length_m, length_m][order],
        np.r_[cost, cost][order],
        np.r_[bridge, bridge][order],
        np.asarray(weight, dtype=np.float64),
        xy,
    )


def block_graph(blocks: gpd.GeoDataFrame, network: WalkNetwork, workload: m.Floats) -> BlockGraph:
    """Make the graph of the land among blocks.

    Parameters
    ----------
    blocks
        Land only, in storage CRS, sharing vertices.
    network
        Its streets, rails and water tell what lies on a border, and where banks are joined.
    workload
        Weight of every block.
    """
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    edges = m.shared_edges(mosaic, network.crs)
    pair = edges.a * len(mosaic) + edges.b
    order = np.lexsort((-edges.length_m, pair))
    key, first = np.unique(pair[order], return_index=True)
    length = totals(np.searchsorted(key, pair), edges.length_m, len(key))
    middle = (edges.start[order[first]] + edges.end[order[first]]) / 2
    factor = _border_factor(middle, network)
    metric = m.to_metres(mosaic, network.crs)
    xy = shapely.get_coordinates(shapely.point_on_surface(metric))
    a, b = key // len(mosaic), key % len(mosaic)
    land = graph_from_pairs(a, b, length, length * factor, np.zeros(len(a), bool), workload, xy)
    one, other = _bridges(metric, land.components(bridges=False), network)
    nothing = np.zeros(len(one))
    return graph_from_pairs(
        np.r_[a, one], np.r_[b, other], np.r_[length, nothing], np.r_[length * factor, nothing],
        np.r_[np.zeros(len(a), bool), np.ones(len(one), bool)], workload, xy,
    )  # fmt: skip


def _border_factor(middle: m.Floats, network: WalkNetwork) -> m.Floats:
    """Return the cost of a metre of border at each point: the cheapest of what lies there."""
    factor = np.ones(len(middle))
    points = shapely.points(middle)
    edges = network.edges()
    names = np.r_[edges["highway"].to_numpy(object), network.barriers["kind"].to_numpy(object)]
    lines = np.r_[edges.geometry.values, _as_lines(network.barriers)]
    cost = np.array([BORDER_COST.get(str(name).removesuffix("_link"), 1.0) for name in names])
    useful = (cost < 1.0) & ~shapely.is_empty(lines)
    if not useful.any():
        return factor
    point, line = shapely.STRtree(lines[useful]).query(points, predicate="dwithin", distance=ON_STREET_M)
    np.minimum.at(factor, point, cost[useful][line])
    return factor


def _as_lines(barriers: gpd.GeoDataFrame) -> m.Geometries:
    """Return barriers as lines: the banks of water, the tracks of railways."""
    shapes = np.asarray(barriers.geometry.values, dtype=object).copy()
    areal = np.isin(shapely.get_type_id(shapes), (3, 6))
    shapes[areal] = shapely.boundary(shapes[areal])
    return shapes


def _bridges(metric: m.Geometries, component: m.Ints, network: WalkNetwork) -> tuple[m.Ints, m.Ints]:
    """Return pairs of blocks on different parts of the land that a walkable edge joins over water."""
    none = np.empty(0, dtype=np.int64)
    if component.max(initial=0) == 0:
        return none, none
    edges = network.edges()
    lines = edges.geometry.values
    block, edge = shapely.STRtree(lines).query(metric, predicate="dwithin", distance=ON_STREET_M)
    order = np.lexsort((block, component[block], edge))
    block, edge = block[order], edge[order]
    first = np.r_[True, (edge[1:] != edge[:-1]) | (component[block[1:]] != component[block[:-1]])]
    block, edge = block[first], edge[first]
    # An edge seen from several parts of the land: the nearest blocks of each part along it are joined.
    pairs = set()
    many = np.flatnonzero(np.r_[edge[1:] == edge[:-1], False])
    length = edges["length_m"].to_numpy()
    for i in many.tolist():
        j = i + 1
        while j < len(edge) and edge[j] == edge[i]:
            if length[edge[i]] <= LONGEST_BRIDGE_M:
                pairs.add((min(block[i], block[j]), max(block[i], block[j])))
            j += 1
    chosen = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return chosen[:, 0], chosen[:, 1]
