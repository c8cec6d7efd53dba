"""The main streets: arterials, streets along borders and barriers, bridges; and the land between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.sample.spec import Spec
from gridmap.sample.terrain import GRID_M, WATERS, Barrier, Floats, Geometries, Terrain
from gridmap.sample.territory import Territory

Ints = NDArray[np.int64]

LONGEST_BRIDGE_M: Final = 420.0
_STUB_M: Final = 6.0
_CUT_OFF_M: Final = 200.0
"""Land between two barriers longer than this gets a crossing of its own."""
_TRUNK, _PRIMARY, _SECONDARY, _TERTIARY = "trunk", "primary", "secondary", "tertiary"


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines with the class of street each is."""

    geometry: Geometries
    highway: NDArray[np.object_]

    @staticmethod
    def of(geometry: Geometries, highway: str | NDArray[np.object_]) -> Lines:
        """Return the single lines in an array of any line work, all of one class or each of its own."""
        parts, source = shapely.get_parts(geometry, return_index=True)
        line = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > GRID_M)
        classes = np.full(len(geometry), highway, dtype=object) if isinstance(highway, str) else highway
        return Lines(np.asarray(parts[line], dtype=object), np.asarray(classes[source[line]], dtype=object))

    @staticmethod
    def joined(several: list[Lines]) -> Lines:
        """Return several sets as one."""
        return Lines(
            np.concatenate([each.geometry for each in several]), np.concatenate([each.highway for each in several])
        )


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What smaller streets are drawn into.

    Parameters
    ----------
    ground
        Main streets on the ground, not yet noded.
    raised
        Bridges and underpasses.
    over
        What each crosses: ``water``, ``rail`` or ``motorway``.
    land
        The faces between main streets, barriers and the outline.
    """

    ground: Lines
    raised: Lines
    over: NDArray[np.object_]
    land: Geometries


def make_skeleton(spec: Spec, terrain: Terrain, territory: Territory, rng: np.random.Generator) -> Skeleton:
    """Draw the main streets of a territory."""
    shapely.prepare(terrain.corridor)
    arterials = _arterials(spec, terrain, territory, rng)
    ways = Lines.joined([arterials, _more_crossings(spec, terrain, arterials)])
    dry = Lines.of(shapely.difference(ways.geometry, terrain.corridor, grid_size=GRID_M), ways.highway)
    raised = Lines.of(shapely.intersection(ways.geometry, terrain.corridor, grid_size=GRID_M), ways.highway)
    short = (shapely.length(raised.geometry) < LONGEST_BRIDGE_M) & _between_banks(raised.geometry, terrain)
    raised = Lines(raised.geometry[short], raised.highway[short])
    ground = Lines.joined([dry, _along_borders(terrain, territory), _along_barriers(terrain, territory)])
    outline = np.array([terrain.boundary.boundary], dtype=object)
    noded = shapely.union_all(np.concatenate([ground.geometry, outline]), grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize([noded]))
    inner = shapely.point_on_surface(faces)
    land = shapely.contains(terrain.boundary, inner) & ~shapely.intersects(terrain.corridor, inner)
    return Skeleton(ground, raised, crossed(raised.geometry, terrain), faces[land])


def crossed(lines: Geometries, terrain: Terrain) -> NDArray[np.object_]:
    """Return what each line crosses: water before rail before motorway, whichever lies under it."""
    found = np.full(len(lines), "water", dtype=object)
    for barrier in reversed(terrain.barriers):
        name = "water" if barrier.kind in WATERS else barrier.kind
        found[shapely.intersects(lines, barrier.line)] = name
    wet = [b.line for b in terrain.barriers if b.kind in WATERS]
    if wet:
        found[shapely.intersects(lines, shapely.union_all(np.array(wet, dtype=object)))] = "water"
    return found


def _between_banks(lines: Geometries, terrain: Terrain) -> NDArray[np.bool_]:
    """Return which lines in the corridor lead from one dry place to another inside the outline."""
    ends = [shapely.get_point(lines, at) for at in (0, -1)]
    inside = terrain.boundary.buffer(-1.0)
    edge = terrain.corridor.boundary.buffer(0.5)
    return np.asarray(np.all([shapely.contains(inside, end) & shapely.intersects(edge, end) for end in ends], axis=0))


def _arterials(spec: Spec, terrain: Terrain, territory: Territory, rng: np.random.Generator) -> Lines:
    """Return the roads through the core, round it, and out to every town and on to the border."""
    if spec.districts == 0:
        axes = [(-0.2, -160.0), (1.25, 120.0)]
        lines = [_axis(turn, offset, 2.0 * max(spec.radius_m), rng) for turn, offset in axes]
        classes = [_PRIMARY, _SECONDARY]
    else:
        ring = _ring(1.02 * spec.core_m, rng)
        lines = [_axis(turn, offset, 1.15 * spec.core_m, rng) for turn, offset in ((0.05, 300.0), (1.5, -200.0))]
        lines = [ring, *shapely.intersection(np.array(lines, dtype=object), shapely.Polygon(ring.coords))]
        classes = [_TRUNK, _PRIMARY, _PRIMARY]
        for seat in territory.seats:
            lines.append(_radial(seat, ring, spec, rng))
            classes.append(_TRUNK if len(lines) % 3 == 0 else _PRIMARY)
    clipped = shapely.intersection(np.array(lines, dtype=object), terrain.boundary, grid_size=GRID_M)
    return Lines.of(clipped, np.array(classes, dtype=object))


def _ring(radius: float, rng: np.random.Generator) -> Any:
    angle = np.linspace(0.0, 2 * np.pi, 97)
    phase = rng.uniform(0, 2 * np.pi, 2)
    reach = radius * (1 + 0.07 * np.sin(2 * angle + phase[0]) + 0.04 * np.sin(4 * angle + phase[1]))
    xy = np.round(reach[:, None] * np.c_[np.cos(angle), 0.9 * np.sin(angle)], 2)
    xy[-1] = xy[0]
    return shapely.LineString(xy)


def _axis(turn: float, offset: float, reach: float, rng: np.random.Generator) -> Any:
    along, left = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    s = np.linspace(-reach, reach, 41)
    swing = 0.025 * reach * np.sin(s / reach * rng.uniform(2, 4) + rng.uniform(0, 6)) + offset
    return shapely.LineString(np.round(s[:, None] * along + swing[:, None] * left, 2))


def _radial(seat: Floats, ring: Any, spec: Spec, rng: np.random.Generator) -> Any:
    """Return the road from the ring through a seat to beyond the border."""
    start = ring.interpolate(ring.project(shapely.Point(seat)))
    first = np.array([start.x, start.y])
    out = first + (seat - first) * (2.2 * max(spec.radius_m) / np.hypot(*seat))
    t = np.linspace(0.0, 1.0, 60)
    span = out - first
    left = np.array([-span[1], span[0]]) / np.hypot(*span)
    at_seat = np.hypot(*(seat - first)) / np.hypot(*span)
    swing = rng.uniform(300, 700) * np.sin(np.pi * t / at_seat) * rng.choice([-1.0, 1.0])
    return shapely.LineString(np.round(first + t[:, None] * span + swing[:, None] * left, 2))


def _more_crossings(spec: Spec, terrain: Terrain, arterials: Lines) -> Lines:
    """Return short ways straight across barriers, so that no two crossings lie too far apart."""
    ways = []
    roads = shapely.union_all(arterials.geometry)
    for barrier in terrain.barriers:
        others = [each.line for each in terrain.barriers if each is not barrier]
        met = _positions(barrier, shapely.union_all(np.array(others, dtype=object)))
        at = _positions(barrier, roads)
        stops = [0.0, *met, barrier.line.length]
        for low, high in pairwise(stops):
            between = [s for s in at if low < s < high]
            ways += [_straight_across(barrier, s) for s in _more(barrier, low, high, between, spec)]
    return Lines.of(np.array(ways, dtype=object), _TERTIARY)


def _positions(barrier: Barrier, lines: Any) -> list[float]:
    """Return how far along a barrier it meets lines, ascending."""
    points = shapely.get_parts(shapely.intersection(barrier.line, lines))
    return sorted(float(barrier.line.project(point)) for point in points)


def _more(barrier: Barrier, low: float, high: float, at: list[float], spec: Spec) -> list[float]:
    """Return where a barrier is to be crossed besides the places it is; at least once between two others."""
    found: list[float] = []
    for start, end in zip([low, *at], [*at, high], strict=True):
        middle = barrier.line.interpolate((start + end) / 2)
        most = spec.crossings_m[0 if np.hypot(middle.x, middle.y) < 1.2 * spec.core_m else 1]
        count = int((end - start) / most)
        if not at and end - start > _CUT_OFF_M:
            count = max(count, 1)
        found += [start + (end - start) * (i + 1) / (count + 1) for i in range(count)]
    return found


def _straight_across(barrier: Barrier, s: float) -> Any:
    here, next_ = (np.array(barrier.line.interpolate(d).coords[0]) for d in (s, s + 1.0))
    left = np.array([-(next_ - here)[1], (next_ - here)[0]])
    left /= max(float(np.hypot(*left)), 1e-9)
    reach = barrier.corridor_m + _STUB_M
    return shapely.LineString(np.round([here - reach * left, here + reach * left], 2))


def _along_borders(terrain: Terrain, territory: Territory) -> Lines:
    """Return the streets along the borders between communities, one a pair."""
    cells = territory.communities
    a, b = shapely.STRtree(cells).query(cells, predicate="intersects")
    a, b = a[a < b], b[a < b]
    shared = shapely.line_merge(shapely.intersection(cells[a], cells[b]))
    dry = shapely.difference(shared, terrain.corridor, grid_size=GRID_M)
    both = territory.urban[a].astype(int) + territory.urban[b]
    highway = np.array([_TERTIARY, _TERTIARY, _SECONDARY], dtype=object)[both]
    return Lines.of(shapely.line_merge(dry), highway)


def _along_barriers(terrain: Terrain, territory: Territory) -> Lines:
    """Return the streets along rivers, railways and motorways, one a community and side."""
    edge = shapely.intersection(terrain.corridor.boundary, terrain.boundary)
    own = shapely.intersection(edge, territory.communities, grid_size=GRID_M)
    highway = np.where(territory.urban, _TERTIARY, "unclassified").astype(object)
    return Lines.of(shapely.line_merge(own), highway)
