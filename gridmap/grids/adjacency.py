"""Which blocks are neighbours, how long their common border is, what lies on it, and how one walks across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.border_kinds import BORDER_COST, BORDER_KINDS, MAIN_KINDS, BorderPieces, Kinds, border_pieces
from gridmap.grids.crossings import ways_across
from gridmap.grids.pieces import join_pairs
from gridmap.grids.walking import OFF_STREET_M, straight_s, walk_between
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import WALKING_M_S

__all__ = ["BORDER_COST", "BORDER_KINDS", "BlockGraph", "Borders", "block_borders", "block_graph", "graph_of"]

WAY_THROUGH_M: Final = 10.0
"""A border on a railway, river or motorway is open where so much of it lies beside it (or half of a shorter one)."""
_MAIN_COST: Final = 0.25
"""Of a metre on some main street or water along a border where most metres are on something else."""
_USUAL_DETOUR: Final = 1.6
_FOOT_FACTOR: Final = (0.5, 1.25)


@dataclass(frozen=True, eq=False)
class Borders:
    """Every pair of blocks that share a border or are joined by a bridge, each once, sorted.

    Parameters
    ----------
    a, b
        Rows of the two blocks, ``a < b``; land and water.
    length_m
        Length of the common border, 0 for a bridge.
    kind
        What lies on most of it, an index into :data:`~gridmap.grids.border_kinds.BORDER_KINDS`.
    main_m
        Metres of it on a main street (tertiary and above), water or a railway.
    passable
        Both are land and one can walk across: not only over water, a railway or a motorway without a crossing. Land
        that no street leads to hangs on by the longest of its borders.
    bridge
        Joined by a bridge only.
    walk_s
        Walking time between the blocks' inner points, inf where they are far from each other on foot or in water.
    """

    a: m.Ints
    b: m.Ints
    length_m: m.Floats
    kind: Kinds
    main_m: m.Floats
    passable: m.Flags
    bridge: m.Flags
    walk_s: m.Floats


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
        What it costs to draw a grid's border there; see :func:`graph_of`.
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
    """Return numbers of the connected parts of ``count`` things that pairs join, in order of their first thing."""
    return np.asarray(join_pairs(count, np.asarray(tail, dtype=np.int64), np.asarray(head, dtype=np.int64)))


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


def block_borders(blocks: gpd.GeoDataFrame, network: WalkNetwork | None = None) -> Borders:
    """Measure the common borders of blocks, what lies on them and how one walks across.

    Parameters
    ----------
    blocks
        In longitude and latitude, sharing vertices; ``water`` says which are no land (none is where it is missing).
    network
        Its streets, rails and water tell what lies on a border, where it can be crossed and how long one walks.
        Without it nothing lies on borders between land, all of them can be crossed, and walks are straight.

    Examples
    --------
    >>> import gridmap
    >>> blocks = gridmap.make_blocks("data/town/boundary.gpkg", "data/town/streets.gpkg")
    >>> borders = block_borders(blocks, gridmap.read_network("data/town/streets.gpkg"))
    >>> bool((borders.a < borders.b).all()), bool((borders.main_m <= borders.length_m).all())
    (True, True)
    """
    mosaic = np.asarray(blocks.geometry.values, dtype=object)
    water = blocks["water"].to_numpy(bool) if "water" in blocks else np.zeros(len(mosaic), dtype=bool)
    crs = metric_crs_of(blocks) if network is None else network.crs
    shapes = m.to_metres(mosaic, crs)
    edges = m.shared_edges(mosaic, crs)
    size = np.int64(max(len(mosaic), 1))
    key, pair = np.unique(edges.a * size + edges.b, return_inverse=True)
    sides = np.column_stack([key // size, key % size])
    dry = ~water[sides].any(axis=1)
    length, kind, main, barred = _measure(border_pieces(edges, network), pair, dry)
    passable, over = dry & ~barred, np.empty((0, 2), dtype=np.int64)
    if network is not None:
        shut = np.flatnonzero(dry & barred)
        ways = ways_across(shapes, water, sides[passable], sides[shut], _lines(edges, pair, shut), network)
        passable[shut[ways.crossed]], over = True, ways.bridges
    only = over[~np.isin(over @ [size, 1], key)]
    passable |= np.isin(key, over @ [size, 1])
    every = np.concatenate([sides, only])
    order = np.lexsort((every[:, 1], every[:, 0]))
    a, b = every[order].T
    none = np.zeros(len(only))
    walk_s = _walk_s(
        a, b, np.r_[dry & ~barred, none > 0][order], ~water[a] & ~water[b], inner_points(shapes), network
    )  # fmt: skip
    return Borders(
        a, b, np.r_[length, none][order], np.r_[kind, none.astype(np.int8)][order], np.r_[main, none][order],
        np.r_[passable, none == 0][order], (np.arange(len(every)) >= len(key))[order], walk_s,
    )  # fmt: skip


def _measure(pieces: BorderPieces, pair_of_edge: m.Ints, dry: m.Flags) -> tuple[m.Floats, Kinds, m.Floats, m.Flags]:
    """Return by border its length, what lies on most of it, its metres on main kinds, and whether barriers bar it."""
    pair = pair_of_edge[pieces.edge]
    kinds = len(BORDER_KINDS)
    by_kind = totals(pair * kinds + pieces.kind, pieces.length_m, len(dry) * kinds).reshape(-1, kinds)
    length = by_kind.sum(axis=1)
    main = by_kind[:, [BORDER_KINDS.index(name) for name in MAIN_KINDS]].sum(axis=1)
    barrier = totals(pair[pieces.barrier], pieces.length_m[pieces.barrier], len(dry))
    barred = (barrier > 0) & (length - barrier < np.minimum(WAY_THROUGH_M, length / 2))
    kind = np.where(dry, by_kind.argmax(axis=1), BORDER_KINDS.index("water")).astype(np.int8)
    return length, kind, np.where(dry, np.minimum(main, length), length), barred


def _lines(edges: m.SharedEdges, pair: m.Ints, wanted: m.Ints) -> m.Geometries:
    """Return the borders of some pairs as lines."""
    which = np.flatnonzero(np.isin(pair, wanted))
    which = which[np.argsort(pair[which], kind="stable")]
    segments = shapely.linestrings(np.stack([edges.start[which], edges.end[which]], axis=1))
    return np.asarray(shapely.multilinestrings(segments, indices=np.searchsorted(wanted, pair[which])), dtype=object)


def inner_points(shapes: m.Geometries) -> m.Floats:
    """Return (n, 2) a point inside every polygon."""
    return np.asarray(shapely.get_coordinates(shapely.point_on_surface(shapes)), dtype=np.float64)


def _walk_s(a: m.Ints, b: m.Ints, open_: m.Flags, dry: m.Flags, xy: m.Floats, network: WalkNetwork | None) -> m.Floats:
    """Return walking times of pairs: over the network, or straight over open land where that is not far."""
    direct = straight_s(xy, a, b)
    if network is None:
        return np.where(dry, direct, np.inf)
    walk = np.full(len(a), np.inf)
    walk[dry] = walk_between(xy, a[dry], b[dry], network)
    near = open_ & (direct <= 2 * OFF_STREET_M / WALKING_M_S)
    return np.where(near, np.minimum(walk, direct), walk)


def graph_of(borders: Borders, weight: m.Floats, xy: m.Floats, rows: m.Ints) -> BlockGraph:
    """Make the graph of some blocks, neighbours where one can walk across.

    A border costs its length, less where a street, a railway or water lies on it, and by how near its two sides are
    to each other on foot.

    Parameters
    ----------
    borders
        Of all blocks.
    weight, xy
        Workload of every block and a point inside it, of all blocks too.
    rows
        The blocks wanted (land), ascending; the graph numbers them in this order.
    """
    place = np.full(len(weight), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    kept = borders.passable & (place[borders.a] >= 0) & (place[borders.b] >= 0)
    cost = (_kind_cost(borders) * _foot_factor(borders, xy))[kept]
    return graph_from_pairs(
        place[borders.a[kept]], place[borders.b[kept]], borders.length_m[kept], cost, borders.bridge[kept],
        weight[rows], xy[rows],
    )  # fmt: skip


def _kind_cost(borders: Borders) -> m.Floats:
    """Return metres of border weighted by what lies on them: main metres and the others, each by its usual cost."""
    cost = np.array(list(BORDER_COST.values()))[borders.kind]
    mainly = np.isin(borders.kind, [BORDER_KINDS.index(name) for name in MAIN_KINDS])
    on_main, beside = np.where(mainly, cost, _MAIN_COST), np.where(mainly, 1.0, cost)
    return np.asarray(borders.main_m * on_main + (borders.length_m - borders.main_m) * beside, dtype=np.float64)


def _foot_factor(borders: Borders, xy: m.Floats) -> m.Floats:
    """Return how much dearer a border is between blocks near each other on foot, cheaper where there is no way through.

    What counts is the detour: the walk against the straight way.
    """
    direct = np.maximum(straight_s(xy, borders.a, borders.b), 1.0)
    return np.asarray(np.clip(_USUAL_DETOUR * direct / borders.walk_s, *_FOOT_FACTOR), dtype=np.float64)


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
    xy = inner_points(m.to_metres(np.asarray(blocks.geometry.values, dtype=object), network.crs))
    return graph_of(block_borders(blocks, network), workload, xy, np.arange(len(blocks)))
