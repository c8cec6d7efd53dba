"""Towns, communities and villages: one planar subdivision, whose borders follow rivers, railways and roads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gridmap.sample.spec import Spec
from gridmap.sample.terrain import GRID_M, Floats, Geometries, Terrain

Ints = NDArray[np.int64]

_SAMPLE: Final = 60_000
_ROUNDS: Final = 14
_SEAT_M: Final = 1_000.0
"""Radius of the built-up seat of a town."""


@dataclass(frozen=True, eq=False)
class Territory:
    """Who owns which land.

    Parameters
    ----------
    communities
        Polygons that tile the boundary, vertices shared.
    urban
        Which are urban communities.
    town
        Position of the town of each; districts of the core first.
    centre
        (n, 2) where its middle is.
    seats
        (towns, 2) the seat of each town outside the core.
    """

    communities: Geometries
    urban: NDArray[np.bool_]
    town: Ints
    centre: Floats
    seats: Floats


def make_territory(spec: Spec, terrain: Terrain, rng: np.random.Generator) -> Territory:
    """Divide the land: seeds dense where people live, their cells cut by the barriers and joined to like sides."""
    seats = _seats(spec, terrain, rng)
    seeds = _seeds(spec, terrain, seats, rng)
    faces, label = _faces(spec, terrain, seeds, rng)
    label = _join_orphans(faces, label, terrain)
    communities = np.array([shapely.coverage_union_all(faces[label == i]) for i in range(len(seeds))], dtype=object)
    urban = _urban(spec, seeds, seats)
    town = _towns(spec, communities, seeds, urban, seats)
    return Territory(communities, urban, town, seeds, seats)


def _seats(spec: Spec, terrain: Terrain, rng: np.random.Generator) -> Floats:
    """Return town seats in a ring round the core, off the barriers; the middle where there is no core."""
    if spec.districts == 0:
        return np.zeros((spec.towns, 2))
    angle = 2 * np.pi * (np.arange(spec.towns) + rng.uniform(-0.22, 0.22, spec.towns)) / spec.towns + rng.uniform(0, 1)
    share = rng.uniform(0.56, 0.70, spec.towns)
    seats = share[:, None] * np.c_[np.cos(angle) * spec.radius_m[0], np.sin(angle) * spec.radius_m[1]]
    for i in range(len(seats)):
        tries = seats[i] + rng.normal(0.0, 500.0, (60, 2))
        away = shapely.distance(shapely.points(tries), terrain.corridor)
        seats[i] = tries[int(np.argmax(np.minimum(away, 500.0)))]
    return np.asarray(seats, dtype=np.float64)


def _density(spec: Spec, xy: Floats, seats: Floats) -> Floats:
    """Return how many communities a square metre has at each place, up to a factor."""
    area = np.pi * spec.radius_m[0] * spec.radius_m[1]
    density = np.full(len(xy), spec.villages / area)
    if spec.core_communities:
        core = spec.core_communities / (np.pi * spec.core_m**2)
        density += core / (1 + np.exp((np.hypot(*xy.T) - spec.core_m) / (0.05 * spec.core_m)))
    radius = _SEAT_M if spec.districts else spec.core_m
    for seat in seats:
        away = np.hypot(*(xy - seat).T)
        density += spec.seat_communities / (np.pi * radius**2) / (1 + np.exp((away - radius) / (0.08 * radius)))
    return density


def _seeds(spec: Spec, terrain: Terrain, seats: Floats, rng: np.random.Generator) -> Floats:
    """Return the middle of every community, spread by Lloyd's rounds under the density."""
    west, south, east, north = terrain.boundary.bounds
    xy = rng.uniform((west, south), (east, north), (_SAMPLE, 2))
    xy = xy[shapely.contains_xy(terrain.boundary, xy[:, 0], xy[:, 1])]
    # Lloyd spreads seeds as the square root of what is sampled (two dimensions).
    weight = _density(spec, xy, seats) ** 2
    seeds = xy[rng.choice(len(xy), spec.communities, replace=False, p=np.sqrt(weight) / np.sqrt(weight).sum())]
    for _ in range(_ROUNDS):
        owner = cKDTree(seeds).query(xy)[1]
        mass = np.bincount(owner, weights=weight, minlength=len(seeds))
        moved = [np.bincount(owner, weights=weight * axis, minlength=len(seeds)) for axis in xy.T]
        seeds = np.where(mass[:, None] > 0, np.c_[moved[0], moved[1]] / np.maximum(mass, 1e-300)[:, None], seeds)
    return np.asarray(seeds, dtype=np.float64)


def _bend(spec: Spec, rng: np.random.Generator) -> Any:
    """Return a function that bends straight cell borders, one to one: what roads and ditches do to them."""
    size = 0.004 * min(spec.radius_m)
    length = size * rng.uniform(16, 44, 10)
    turn, phase = rng.uniform(0, 2 * np.pi, 10), rng.uniform(0, 2 * np.pi, (10, 2))
    wave = 2 * np.pi / length[:, None] * np.c_[np.cos(turn), np.sin(turn)]
    amplitude = size * length / length.max() * 0.7

    def bend(xy: Floats) -> Floats:
        inside = xy @ wave.T
        shift = [amplitude @ np.sin(inside + phase[:, axis]).T for axis in (0, 1)]
        return np.asarray(np.round(xy + np.c_[shift[0], shift[1]], 2), dtype=np.float64)

    return bend


def _faces(spec: Spec, terrain: Terrain, seeds: Floats, rng: np.random.Generator) -> tuple[Geometries, Ints]:
    """Return the faces of bent cell borders, barriers and outline, and the seed each belongs to."""
    bend = _bend(spec, rng)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=terrain.boundary))
    step = 0.05 * min(spec.radius_m) / np.sqrt(spec.communities / 40)
    # Neighbours must be bent at the same places, so edges are divided one by one.
    edges = shapely.get_parts(shapely.union_all(shapely.boundary(cells)))
    bent = shapely.transform(shapely.segmentize(edges, step), bend)
    lines = [*bent, *(b.line for b in terrain.barriers), terrain.boundary.boundary]
    noded = shapely.union_all(np.array(lines, dtype=object), grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize([noded]))
    inner = shapely.point_on_surface(faces)
    faces, inner = (each[shapely.contains(terrain.boundary, inner)] for each in (faces, inner))
    xy = shapely.get_coordinates(inner)
    source = xy.copy()
    for _ in range(6):
        source += xy - bend(source)
    return faces, np.asarray(cKDTree(seeds).query(source)[1], dtype=np.int64)


def _join_orphans(faces: Geometries, label: Ints, terrain: Terrain) -> Ints:
    """Give what a barrier cuts off a cell to the neighbour with the longest common border that is no barrier."""
    area = shapely.area(faces)
    order = np.lexsort((-area, label))
    main = order[np.r_[True, np.diff(label[order]) != 0]]
    known = np.zeros(len(faces), dtype=bool)
    known[main] = True
    a, b = shapely.STRtree(faces).query(faces, predicate="intersects")
    a, b = a[a != b], b[a != b]
    shared = shapely.intersection(shapely.boundary(faces[a]), shapely.boundary(faces[b]))
    barrier = shapely.union_all([each.line.buffer(0.1) for each in terrain.barriers])
    length = shapely.length(shared)
    across = shapely.length(shapely.intersection(shared, barrier))
    worth = (length - across) + 1e-4 * across
    label = label.copy()
    while not known.all():
        open_pair = np.flatnonzero(~known[a] & known[b] & (worth > 0))
        best = open_pair[np.argmax(worth[open_pair])]
        label[a[best]] = label[b[best]]
        known[a[best]] = True
    return label


def _urban(spec: Spec, seeds: Floats, seats: Floats) -> NDArray[np.bool_]:
    """Return which communities are urban: those nearest to the centre, and to each seat."""
    urban = np.zeros(len(seeds), dtype=bool)
    urban[np.argsort(np.hypot(*seeds.T), kind="stable")[: spec.core_communities]] = True
    for seat in seats:
        away = np.where(urban, np.inf, np.hypot(*(seeds - seat).T))
        urban[np.argsort(away, kind="stable")[: spec.seat_communities]] = True
    return urban


def _towns(spec: Spec, communities: Geometries, seeds: Floats, urban: NDArray[np.bool_], seats: Floats) -> Ints:
    """Return the town of each community: the nearest, made whole."""
    if spec.districts == 0:
        return np.zeros(len(seeds), dtype=np.int64)
    turn = 2 * np.pi * (np.arange(spec.districts) + 0.4) / spec.districts
    districts = 0.5 * spec.core_m * np.c_[np.cos(turn), np.sin(turn)]
    away = np.hypot(*(seeds[:, None] - np.vstack([districts, seats])[None]).T).T
    away[:, spec.districts :] -= 0.25 * spec.core_m
    core = urban & (np.hypot(*seeds.T) < 1.4 * spec.core_m)
    away[core, spec.districts :] = np.inf
    town = np.argmin(away, axis=1).astype(np.int64)
    a, b = shapely.STRtree(communities).query(communities, predicate="intersects")
    touching = shapely.length(shapely.intersection(communities[a], communities[b])) > 50.0
    return _make_whole(town, a[touching & (a != b)], b[touching & (a != b)])


def _make_whole(town: Ints, a: Ints, b: Ints) -> Ints:
    """Give the smaller parts of a town to a neighbouring town, until each is whole."""
    while True:
        same = town[a] == town[b]
        graph = coo_matrix((np.ones(int(same.sum())), (a[same], b[same])), shape=(len(town), len(town)))
        part = connected_components(graph, directed=False)[1]
        size = np.bincount(part)[part]
        largest = np.array([size[town == t].max() for t in range(town.max() + 1)])
        lost = np.flatnonzero(size < largest[town])
        if len(lost) == 0:
            return town
        beside = b[(a == lost[0]) & ~same]
        town = town.copy()
        town[lost[0]] = np.bincount(town[beside]).argmax()
