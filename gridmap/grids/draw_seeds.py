"""Grids that follow stations: each holds one, and the land from which one walks there soonest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.circles.stations import place_stations, read_stations
from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, connected, totals
from gridmap.grids.layers import Layer
from gridmap.grids.walking import on_network
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import walk_times
from gridmap.network.places import by_edge, passed

WITHIN_M: Final = 500.0
"""A station that stands on no land (at a quay, on the county's border) is in the nearest block up to so far."""
FAR_S: Final = 3600.0
"""Walks are searched for up to an hour; what is further counts as an hour."""
_MOVES: Final = 5
"""Blocks that balancing moves, at most so many times as there are."""


@dataclass(frozen=True, eq=False)
class Seeds:
    """Stations among land blocks.

    Parameters
    ----------
    block
        (stations,) the land block each stands in.
    far_s
        (stations, blocks) the walk from each to every block's inner point.
    """

    block: m.Ints
    far_s: m.Floats


def place_seeds(land: gpd.GeoDataFrame, xy: m.Floats, network: WalkNetwork, stations: Layer) -> Seeds:
    """Find the block of each station and the walks from it.

    Parameters
    ----------
    land
        Blocks in storage CRS, without water.
    xy
        A point inside each, in the network's CRS.
    network
        Whose streets are walked.
    stations
        Points.

    Raises
    ------
    DrawError
        When a station is outside, or two stand in one block.
    """
    layer = read_stations(stations)
    inside = np.asarray(shapely.point_on_surface(layer.to_crs(network.crs).geometry.values), dtype=object)
    shapes = m.to_metres(np.asarray(land.geometry.values, dtype=object), network.crs)
    known = np.flatnonzero(~shapely.is_empty(inside) & ~shapely.is_missing(inside))
    block = np.full(len(layer), -1, dtype=np.int64)
    near = shapely.STRtree(shapes).query_nearest(inside[known], max_distance=WITHIN_M, all_matches=False)
    block[known[near[0]]] = near[1]
    lost = np.flatnonzero(block < 0)
    if len(lost):
        raise DrawError(
            f"station {layer.index[lost[0]]} is more than {WITHIN_M:.0f} m from any land block; take it out, or move it"
        )
    order = np.argsort(block, kind="stable")
    twice = np.flatnonzero(np.diff(block[order]) == 0)
    if len(twice):
        one, other = layer.index[order[twice[0]]], layer.index[order[twice[0] + 1]]
        raise DrawError(
            f"stations {one} and {other} stand in one block; each grid holds one station: take one of them out"
        )
    posts = place_stations(network, layer.assign(station=np.arange(len(layer))))
    homes = by_edge(network, on_network(xy, network))
    found = passed(network, posts.on, homes, FAR_S, walk_times(network), group=posts.group)
    far = np.full((len(layer), len(land)), FAR_S)
    far[found.origin, found.item] = found.seconds
    return Seeds(block, far)


def follow(graph: BlockGraph, block: m.Ints, far_s: m.Floats, band: float) -> m.Ints:
    """Divide blocks among stations: to the nearest on foot, every grid whole, then towards balance.

    Parameters
    ----------
    graph
        The blocks of one parent.
    block
        The block of each station; it stays with it.
    far_s
        (stations, blocks) walks.
    band
        Grids out of it hand border blocks on, those first that walk least further to the other station.

    Returns
    -------
    array of int
        The station of each block.
    """
    label: m.Ints = np.argmin(far_s, axis=0).astype(np.int64)
    label[block] = np.arange(len(block))
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    same = label[tail] == label[graph.neighbour]
    piece = connected(len(label), tail[same], graph.neighbour[same])
    label[~np.isin(piece, piece[block])] = -1
    _grow(graph, tail, label, far_s)
    _even_out(graph, tail, label, block, far_s, band)
    return label


def _grow(graph: BlockGraph, tail: m.Ints, label: m.Ints, far_s: m.Floats) -> None:
    """Give blocks without a grid to a neighbouring one, a ring at a time; what has no neighbour to the nearest."""
    while (label < 0).any():
        open_ = np.flatnonzero((label[tail] < 0) & (label[graph.neighbour] >= 0))
        if len(open_) == 0:
            lost, settled = np.flatnonzero(label < 0), np.flatnonzero(label >= 0)
            tree = shapely.STRtree(shapely.points(graph.xy[settled]))
            _, near = tree.query_nearest(shapely.points(graph.xy[lost]), all_matches=False)
            label[lost] = label[settled[near]]
            return
        block, goal = tail[open_], label[graph.neighbour[open_]]
        order = np.lexsort((goal, -graph.length_m[open_], far_s[goal, block], block))
        first = np.r_[True, np.diff(block[order]) > 0]
        label[block[order][first]] = goal[order][first]


def _even_out(graph: BlockGraph, tail: m.Ints, label: m.Ints, block: m.Ints, far_s: m.Floats, band: float) -> None:
    """Hand blocks from grids above the band on, and to grids below it, while that evens loads out."""
    fixed = np.zeros(len(label), dtype=bool)
    fixed[block] = True
    mean = graph.weight.sum() / len(block)
    stuck = np.zeros(len(tail), dtype=bool)
    movable = ~fixed[tail] & (graph.weight[tail] > 0) & ~graph.bridge
    for _ in range(_MOVES * len(label)):
        load = totals(label, graph.weight, len(block))
        giver, taker = label[tail], label[graph.neighbour]
        wanted = (load[giver] > (1 + band) * mean) | (load[taker] < (1 - band) * mean)
        good = movable & ~stuck & (giver != taker) & wanted & (load[giver] - load[taker] > graph.weight[tail])
        ways = np.flatnonzero(good)
        if len(ways) == 0:
            return
        further = far_s[taker[ways], tail[ways]] - far_s[giver[ways], tail[ways]]
        best = ways[np.lexsort((ways, further))[0]]
        if not _can_leave(graph, label, int(tail[best])):
            stuck[tail == tail[best]] = True
            continue
        moved_from, moved_to = int(giver[best]), int(taker[best])
        label[tail[best]] = moved_to
        stuck[np.isin(label[tail], [moved_from, moved_to])] = False


def _can_leave(graph: BlockGraph, label: m.Ints, block: int) -> bool:
    """Whether the rest of a block's grid hangs together on land as before without it."""
    own = slice(graph.start[block], graph.start[block + 1])
    same = label[graph.neighbour[own]] == label[block]
    if (same & graph.bridge[own]).any() or not same.any():
        return False
    inside = graph.neighbour[own][same].tolist()
    seen, waiting = {block, inside[0]}, [inside[0]]
    while waiting:
        here = waiting.pop()
        own = slice(graph.start[here], graph.start[here + 1])
        for there in graph.neighbour[own][~graph.bridge[own]].tolist():
            if label[there] == label[block] and there not in seen:
                seen.add(there)
                waiting.append(there)
    return all(each in seen for each in inside)
