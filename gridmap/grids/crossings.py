"""Where one gets to the next block across water, railways and motorways: crossings, and bridges between banks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.grids import mosaic as m
from gridmap.grids.border_kinds import ON_STREET_M
from gridmap.network.model import WalkNetwork

LONGEST_BRIDGE_M: Final = 1500.0
_TOUCH_M: Final = 0.5
"""Closer than this is on: lines of one source are rounded to 1 mm, and borders led round buildings leave them."""


@dataclass(frozen=True, eq=False)
class Ways:
    """How one gets across where land does not simply go on.

    Parameters
    ----------
    crossed
        Of each shut border: there is a crossing, or land hangs on by it that no street leads to.
    bridges
        (n, 2) blocks on different parts of the land that a walkable edge joins, the lower first, sorted, each once.
    """

    crossed: m.Flags
    bridges: m.Ints


def ways_across(
    blocks: m.Geometries, water: m.Flags, open_: m.Ints, shut: m.Ints, lines: m.Geometries, network: WalkNetwork
) -> Ways:
    """Find crossings of shut borders, then bridges between the parts of the land.

    Parameters
    ----------
    blocks, water
        Polygons in the network's CRS; which of them are water.
    open_, shut
        (n, 2) pairs of blocks between which the land simply goes on; those with a barrier all along their border.
    lines
        The borders of the shut pairs, in the network's CRS.
    network
        Whose edges one walks on.
    """
    done = crossed(lines, shut, blocks, network)
    joined = np.concatenate([open_, shut[done]])
    shore = np.where(water, -1, _parts(len(blocks), joined))
    over = bridges(blocks, shore, lines[~done], network)
    part = _parts(len(blocks), np.concatenate([joined, over]))
    left = np.flatnonzero(~done)
    done[left[hang_on(blocks, part, shut[left], shapely.length(lines[left]), network)]] = True
    return Ways(done, over)


def _parts(count: int, pairs: m.Ints) -> m.Ints:
    """Return numbers of the parts that hang together by pairs."""
    joined = coo_array((np.ones(len(pairs), dtype=np.int8), pairs.T), shape=(count, count))
    return np.asarray(connected_components(joined, directed=False)[1], dtype=np.int64)


def crossed(borders: m.Geometries, sides: m.Ints, blocks: m.Geometries, network: WalkNetwork) -> m.Flags:
    """Return which borders walkable edges lead across: they meet the border, and run on in or along both blocks.

    Parameters
    ----------
    borders
        Lines in the network's CRS.
    sides
        (n, 2) rows of the blocks on both sides.
    blocks
        Polygons in the network's CRS.
    network
        The walking network.
    """
    streets = network.edges().geometry.to_numpy()
    border, edge = shapely.STRtree(streets).query(borders, predicate="dwithin", distance=_TOUCH_M)
    leaving = shapely.difference(streets[edge], shapely.buffer(borders[border], ON_STREET_M, quad_segs=2))
    on = np.empty((len(edge), 2), dtype=bool)
    for side in range(2):
        ground = shapely.buffer(blocks[sides[:, side]], _TOUCH_M, quad_segs=1)[border]
        on[:, side] = shapely.length(shapely.intersection(leaving, ground)) > _TOUCH_M
    # Streets that meet on the border lead across together.
    node = network.edge_nodes[edge]
    meets = shapely.distance(shapely.points(network.node_xy[node]), borders[border][:, None]) <= _TOUCH_M
    row, end = np.nonzero(meets)
    _, place = np.unique(border[row] * np.int64(len(network.node_xy)) + node[row, end], return_inverse=True)
    both = np.all([np.bincount(place, weights=on[row, side]) > 0 for side in range(2)], axis=0)
    found = np.zeros(len(borders), dtype=bool)
    found[border[on.all(axis=1)]] = True
    found[border[row[both[place]]]] = True
    return found


def bridges(blocks: m.Geometries, shore: m.Ints, shut: m.Geometries, network: WalkNetwork) -> m.Ints:
    """Return pairs of blocks on different parts of the land that walkable edges join.

    Parameters
    ----------
    blocks
        Polygons in the network's CRS.
    shore
        The part of the land that each is on, -1 for water.
    shut
        Borders between parts of the land that cannot be crossed in place: lines in the network's CRS.
    network
        Its edges of at most 1500 m are looked at; those over water, where it is known from the blocks or from here.

    Returns
    -------
    array of int
        (n, 2) rows of blocks, the lower first, sorted, each once: of each part of the land that a bridge touches the
        block that is nearest to the other part.
    """
    none = np.empty((0, 2), dtype=np.int64)
    land = np.flatnonzero(shore >= 0)
    if len(np.unique(shore[land])) <= 1:
        return none
    number = np.flatnonzero(network.edge_length_m <= LONGEST_BRIDGE_M)
    streets = network.edges().geometry.to_numpy()[number]
    known = np.asarray(network.barriers.geometry.values, dtype=object)[network.barriers["kind"] == "water"]
    water = np.r_[blocks[shore < 0], known]
    over = np.arange(len(streets))
    if len(water):
        between = np.r_[water, shut]
        over = np.unique(shapely.STRtree(streets).query(between, predicate="dwithin", distance=ON_STREET_M)[1])
    span = _spans(network, number[over], water)
    edge, block = shapely.STRtree(blocks[land]).query(streets[over], predicate="dwithin", distance=ON_STREET_M)
    led = _leads_into(streets[over[edge]], blocks[land[block]], shut)
    block, edge = land[block[led]], span[edge[led]]
    order = np.lexsort((block, shore[block], edge))
    block, edge = block[order], edge[order]
    begin = np.flatnonzero(np.r_[True, edge[1:] != edge[:-1]][: len(edge)])
    stop = np.r_[begin[1:], len(edge)]
    pairs: set[tuple[int, int]] = set()
    for low, high in zip(begin.tolist(), stop.tolist(), strict=False):
        if shore[block[low]] != shore[block[high - 1]]:
            pairs |= _nearest_pairs(np.unique(block[low:high]), shore, blocks)
    return np.array(sorted(pairs), dtype=np.int64) if pairs else none


def _leads_into(streets: m.Geometries, blocks: m.Geometries, shut: m.Geometries) -> m.Flags:
    """Return which streets lead into, along or to the block beside each: not those that end at a shut border of it."""
    near = shapely.intersection(streets, shapely.buffer(blocks, ON_STREET_M, quad_segs=2))
    short = np.flatnonzero(shapely.length(near) <= 2 * ON_STREET_M)
    ends = shapely.STRtree(shut).query(near[short], predicate="dwithin", distance=ON_STREET_M)[0]
    led = np.ones(len(streets), dtype=bool)
    led[short[ends]] = False
    return led


def _spans(network: WalkNetwork, edges: m.Ints, water: m.Geometries) -> m.Ints:
    """Return a number for each edge, one for all that meet over water: a bridge may have a junction in its middle."""
    nodes = network.edge_nodes[edges].astype(np.int64)
    over = np.unique(nodes)
    points = shapely.points(network.node_xy[over])
    wet = over[np.unique(shapely.STRtree(points).query(water, predicate="intersects")[1])]
    # Junctions on land are not shared: each edge has one of its own.
    dry = ~np.isin(nodes, wet)
    nodes[dry] = len(network.node_xy) + np.arange(int(dry.sum()))
    _, place = np.unique(nodes, return_inverse=True)
    place = place.reshape(-1, 2)
    return _parts(int(place.max(initial=-1)) + 1, place)[place[:, 0]]


def _nearest_pairs(block: m.Ints, shore: m.Ints, blocks: m.Geometries) -> set[tuple[int, int]]:
    """Return, for each two parts of the land among blocks, the two blocks that are nearest to each other."""
    pairs = set()
    parts = [block[shore[block] == part] for part in np.unique(shore[block]).tolist()]
    for one, other in combinations(parts, 2):
        far = shapely.distance(blocks[one][:, None], blocks[other][None, :])
        i, j = np.unravel_index(int(np.argmin(far)), far.shape)
        pairs.add((int(min(one[i], other[j])), int(max(one[i], other[j]))))
    return pairs


def hang_on(blocks: m.Geometries, part: m.Ints, pairs: m.Ints, length_m: m.Floats, network: WalkNetwork) -> m.Flags:
    """Return which shut borders land hangs on by that no street leads to: inside a junction, between two tracks.

    Parameters
    ----------
    blocks
        Polygons in the network's CRS.
    part
        Which blocks one can walk between, bridges included.
    pairs, length_m
        (n, 2) blocks on both sides of each border that cannot be crossed, and its length.
    network
        Its streets, also those that lead nowhere else.
    """
    chosen = np.zeros(len(pairs), dtype=bool)
    known = np.r_[network.edges().geometry.to_numpy(), network.islands]
    least = np.unique(pairs[part[pairs[:, 0]] != part[pairs[:, 1]]])
    least = least[part[least] != np.bincount(part).argmax()]
    reached = part[least[shapely.STRtree(known).query(blocks[least], predicate="dwithin", distance=ON_STREET_M)[0]]]
    lost = np.setdiff1d(part[least], reached)
    order = np.lexsort((np.arange(len(pairs)), -length_m))
    while len(lost):
        between = part[pairs[order]]
        ways = order[(between[:, 0] != between[:, 1]) & np.isin(between, lost).any(axis=1)]
        if len(ways) == 0:
            break
        chosen[ways[0]] = True
        gone, kept = sorted(part[pairs[ways[0]]].tolist(), key=lambda number: number not in lost)
        part = np.where(part == gone, kept, part)
        lost = lost[lost != gone]
    return chosen
