"""The exact walk, by scipy and shapely alone, and how far every engine's polygons are from it.

The oracle shares no code with gridmap: from the network it takes the edges as read (which is what all engines here
walk on) and the barriers. Every vertex of every edge is a node of its graph; stations and addresses become nodes too,
where they meet their street. Access is as in gridmap: straight to the nearest street that may be entered from beside
the road, at most 100 m, not across water, a railway or a motorway, its metres counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from circles_data import ADDRESSES, FEW, LIMIT_M, Place
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Shapes = NDArray[np.object_]

ACCESS_M = 100.0
TOUCH_M = 1e-5
"""A way that ends on a barrier (a street along a shore, a crossing of a railway) does not cross it."""
AROUND = 16
"""Directions in which land is looked for around a place."""


def barrier_lines(place: Place) -> shapely.STRtree:
    """Return a tree of every straight piece of every barrier's line or outline."""
    parts = shapely.get_parts(np.asarray(place.network.barriers.geometry.values, dtype=object))
    area = shapely.get_dimensions(parts) == 2
    lines = np.r_[parts[~area], shapely.get_rings(parts[area])]
    xy, of = shapely.get_coordinates(lines, return_index=True)
    same = of[:-1] == of[1:]
    return shapely.STRtree(shapely.linestrings(np.stack([xy[:-1][same], xy[1:][same]], axis=1)))


@dataclass(frozen=True, eq=False)
class OnStreet:
    """Where points meet their street: piece -1 for those that meet none."""

    piece: Ints
    share: Floats
    offset_m: Floats


class Oracle:
    """Exact walks on one place's network.

    Parameters
    ----------
    place
        Whose edges and barriers to walk on.
    """

    def __init__(self, place: Place) -> None:
        network = place.network
        edges = network.edges()
        xy, edge = shapely.get_coordinates(edges.geometry.values, return_index=True)
        begins = np.r_[True, edge[1:] != edge[:-1]]
        ends = np.r_[begins[1:], True]
        node = len(network.node_xy) + np.arange(len(xy))
        node[begins], node[ends] = network.edge_nodes[:, 0], network.edge_nodes[:, 1]
        at = np.flatnonzero(~ends)
        self.ends = np.c_[node[at], node[at + 1]]
        self.pieces = np.asarray(shapely.linestrings(np.stack([xy[at], xy[at + 1]], axis=1)), dtype=object)
        self.length = shapely.length(self.pieces)
        self.nodes = int(node.max()) + 1
        self.entered = np.flatnonzero(network.edge_roadside[edge[at]] & (self.length > 0))
        self.streets = shapely.STRtree(self.pieces[self.entered])
        self.barriers = barrier_lines(place)

    def blocked(self, begin: Floats, end: Floats) -> Bools:
        """Return which straight ways cross a barrier."""
        ways = shapely.linestrings(np.stack([begin, end], axis=1))
        found = np.zeros(len(begin), dtype=bool)
        found[self.barriers.query(ways, predicate="intersects")[0]] = True
        return found

    def on_street(self, points: Floats) -> OnStreet:
        """Take every point to the nearest street it may walk to."""
        shapes = shapely.points(points)
        at, street = self.streets.query_nearest(shapes, max_distance=ACCESS_M, all_matches=False)
        piece = np.full(len(points), -1)
        piece[at] = self.entered[street]
        far = np.flatnonzero(piece >= 0)
        barred = far[self._barred(shapes[far], piece[far])]
        piece[barred] = self._next_nearest(shapes[barred])
        there = piece >= 0
        share, offset = np.zeros(len(points)), np.full(len(points), np.inf)
        share[there] = shapely.line_locate_point(self.pieces[piece[there]], shapes[there], normalized=True)
        offset[there] = shapely.distance(self.pieces[piece[there]], shapes[there])
        return OnStreet(piece, share, offset)

    def _barred(self, points: Shapes, piece: Ints) -> Bools:
        lines = self.pieces[piece]
        foot = shapely.get_coordinates(shapely.line_interpolate_point(lines, shapely.line_locate_point(lines, points)))
        begin = shapely.get_coordinates(points)
        way = foot - begin
        metres = np.maximum(np.hypot(*way.T), TOUCH_M)[:, None]
        return self.blocked(begin, begin + way * (metres - TOUCH_M) / metres)

    def _next_nearest(self, points: Shapes) -> Ints:
        """Look at all streets in reach, for points that a barrier parts from the nearest."""
        at, street = self.streets.query(points, predicate="dwithin", distance=ACCESS_M)
        piece = self.entered[street]
        open_ways = ~self._barred(points[at], piece)
        at, piece = at[open_ways], piece[open_ways]
        order = np.lexsort((shapely.distance(points[at], self.pieces[piece]), at))
        first = order[np.r_[True, np.diff(at[order]) != 0][: len(order)]]
        found = np.full(len(points), -1)
        found[at[first]] = piece[first]
        return found

    def walks(self, stations: Floats, points: Floats) -> Iterator[Floats]:
        """Give, station by station, the metres of the walk to every point; inf where it is longer than the limit."""
        on = self.on_street(np.concatenate([stations, points]))
        matrix = self._matrix(on)
        spot = self.nodes + np.arange(len(on.piece))
        for at in range(len(stations)):
            metres = dijkstra(matrix, directed=False, indices=spot[at], limit=LIMIT_M)
            walk = metres[spot[len(stations) :]] + on.offset_m[len(stations) :] + on.offset_m[at]
            yield np.where(walk <= LIMIT_M, walk, np.inf)

    def _matrix(self, on: OnStreet) -> csr_matrix:
        """Return the graph with every place let into its street, whose pieces it splits."""
        there = np.flatnonzero(on.piece >= 0)
        order = there[np.lexsort((on.share[there], on.piece[there]))]
        piece, share = on.piece[order], on.share[order]
        first, last = np.r_[True, piece[1:] != piece[:-1]], np.r_[piece[1:] != piece[:-1], True]
        spot = self.nodes + order
        before = np.where(first, self.ends[piece, 0], np.r_[-1, spot[:-1]])
        gap = (share - np.where(first, 0, np.r_[0, share[:-1]])) * self.length[piece]
        rest = (1 - share[last]) * self.length[piece[last]]
        whole = np.setdiff1d(np.arange(len(self.pieces)), piece)
        tail = np.concatenate([self.ends[whole, 0], before, spot[last]])
        head = np.concatenate([self.ends[whole, 1], spot, self.ends[piece[last], 1]])
        # A zero would be no edge to scipy.
        metres = np.maximum(np.concatenate([self.length[whole], gap, rest]), 1e-9)
        low, high = np.minimum(tail, head), np.maximum(tail, head)
        order = np.lexsort((metres, high, low))
        # A matrix adds up what stands twice: of parallel pieces the shortest is kept.
        kept = order[np.r_[True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)]]
        size = self.nodes + len(on.piece)
        return csr_matrix((metres[kept], (low[kept], high[kept])), shape=(size, size))


@dataclass(frozen=True)
class Errors:
    """How an engine's polygons differ from the exact walk.

    Parameters
    ----------
    places, covered, wrong
        Places judged, those truly within the limit, and those the polygons say otherwise of.
    worst
        Of the station whose count of covered places is furthest off: polygons' count / true count - 1.
    """

    places: int
    covered: int
    wrong: int
    worst: float

    @property
    def share(self) -> float:
        return self.wrong / max(self.places, 1)

    @property
    def of_covered(self) -> float:
        return self.wrong / max(self.covered, 1)


@dataclass(frozen=True, eq=False)
class Answers:
    """Places with their exact walks: station ``station[k]`` to ``points[k]`` is ``metres[k]`` (inf: out of reach)."""

    station: Ints
    points: Floats
    metres: Floats

    def judge(self, polygons: Shapes, metres: Floats | None = None) -> Errors:
        """Compare the polygons, one a station, with the walks (or with others of the same places)."""
        true = (self.metres if metres is None else metres) <= LIMIT_M
        said = inside(polygons, self.station, self.points)
        size = len(polygons)
        counted, known = (
            np.bincount(self.station[said], minlength=size),
            np.bincount(self.station[true], minlength=size),
        )
        off = np.divide(counted - known, known, out=np.zeros(size), where=known > 0)
        worst = float(off[np.argmax(np.abs(off))]) if size else 0.0
        return Errors(len(true), int(true.sum()), int((true != said).sum()), worst)


def inside(polygons: Shapes, station: Ints, points: Floats) -> Bools:
    """Return which points lie in their station's polygon."""
    found = np.zeros(len(points), dtype=bool)
    shapely.prepare(polygons)
    for at in np.unique(station):
        mine = station == at
        found[mine] = shapely.contains_xy(polygons[at], *points[mine].T)
    return found


class Truth:
    """The exact walks of one place.

    Parameters
    ----------
    place
        Where.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def oracle(self) -> Oracle:
        return Oracle(self.place)

    @cached_property
    def addresses(self) -> Answers:
        """Return 60,000 addresses, 1500 around each of 40 stations."""
        points = self.place.addresses
        station = np.repeat(np.arange(FEW), ADDRESSES)
        walks = self.oracle.walks(self.place.origins[:FEW], points)
        metres = np.concatenate([walk[station == at] for at, walk in enumerate(walks)])
        return Answers(station, points, metres)

    @cached_property
    def buildings(self) -> Answers:
        """Return the real buildings within 1.2 straight-line circles of each of 40 stations."""
        return self.around(np.arange(FEW), 1.2 * LIMIT_M)

    def around(self, origins: Ints, radius_m: float) -> Answers:
        """Return the buildings so near to some of the origins, which are numbered from 0 as they come."""
        points, stations = self.place.buildings, self.place.origins[origins]
        rows = []
        for at, walk in enumerate(self.oracle.walks(stations, points)):
            near = np.flatnonzero(np.hypot(*(points - stations[at]).T) <= radius_m)
            rows.append((np.full(len(near), at), points[near], walk[near]))
        return Answers(*(np.concatenate(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True)
class Across:
    """Places beyond a barrier that a circle shows as reached although the walk over real bridges is too long.

    Parameters
    ----------
    beyond
        Places inside a circle whose straight way from the station crosses a barrier.
    wrong
        Those whose exact walk is longer than the limit and that have no reached land beside them.
    on_the_line
        Those whose exact walk is longer, but land on their own bank not half a cell away is truly reached: the line
        of the circle passes here, and is off by less than its raster resolves.
    """

    beyond: int
    wrong: int
    on_the_line: int


def across(truth: Truth, origins: Ints, answers: Answers, polygons: Shapes, cell_m: float) -> Across:
    """Look for places on the far bank that cannot be walked to in time but are shown so."""
    oracle, stations = truth.oracle, truth.place.origins[origins]
    said = np.flatnonzero(inside(polygons, answers.station, answers.points))
    said = said[oracle.blocked(stations[answers.station[said]], answers.points[said])]
    late = said[answers.metres[said] > LIMIT_M]
    near = _reached_beside(oracle, stations[answers.station[late]], answers.points[late], cell_m / 2)
    return Across(len(said), int((~near).sum()), int(near.sum()))


def _reached_beside(oracle: Oracle, station: Floats, points: Floats, radius_m: float) -> Bools:
    """Return which points have land within a radius, on their own bank, that their station truly reaches."""
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    circle = np.c_[np.cos(turn), np.sin(turn)]
    steps = np.concatenate([circle * radius_m, circle * radius_m / 2])
    beside = points[:, None] + steps
    reached = np.zeros(len(points), dtype=bool)
    stations, of = np.unique(station, axis=0, return_inverse=True)
    walks = oracle.walks(stations, beside.reshape(-1, 2)) if len(points) else iter(())
    for at, walk in enumerate(walks):
        mine = np.flatnonzero(of == at)
        there = walk.reshape(len(points), -1)[mine] <= LIMIT_M
        begin = np.repeat(points[mine], len(steps), axis=0)
        dry = ~oracle.blocked(begin, beside[mine].reshape(-1, 2)).reshape(len(mine), -1)
        reached[mine] = (there & dry).any(axis=1)
    return reached
