"""The street network: lanes drawn into the land between main streets, all of it noded, connected and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gridmap.sample.cells import divide
from gridmap.sample.skeleton import Lines, Skeleton
from gridmap.sample.spec import Spec
from gridmap.sample.terrain import GRID_M, Floats, Geometries, Terrain
from gridmap.sample.territory import Territory

Ints = NDArray[np.int64]

WIDTH_M: Final = {
    "motorway": 28.0, "trunk": 26.0, "primary": 22.0, "secondary": 16.0, "tertiary": 11.0, "unclassified": 7.0,
    "residential": 6.0, "service": 5.0, "track": 3.5,
}  # fmt: skip
RANK: Final = tuple(WIDTH_M)
_DANGLE_M: Final = 40.0
_HAMLET_M2: Final = 42_000.0
_LANE_M2: Final = 7_500.0
_APART_M: Final = 230.0


@dataclass(frozen=True, eq=False)
class Cells:
    """The land between streets.

    Parameters
    ----------
    polygon
        Each block of land.
    community
        Position of its community.
    kind
        ``urban``, ``hamlet`` or ``field``.
    hamlet
        Number of the hamlet it is part of, -1 for none.
    """

    polygon: Geometries
    community: Ints
    kind: NDArray[np.object_]
    hamlet: Ints


@dataclass(frozen=True, eq=False)
class Streets:
    """Streets from junction to junction, then bridges and underpasses.

    Parameters
    ----------
    line, highway
        Geometry and class.
    source
        Number of the street each is part of; parts of one street share a name.
    over
        What a bridge or underpass crosses, empty on the ground.
    """

    line: Geometries
    highway: NDArray[np.object_]
    source: Ints
    over: NDArray[np.object_]


def make_cells(
    spec: Spec, skeleton: Skeleton, terrain: Terrain, territory: Territory, rng: np.random.Generator
) -> tuple[Cells, Lines]:
    """Divide the land between main streets; return the blocks of land and the lanes between them."""
    land = skeleton.land
    community = owner(shapely.point_on_surface(land), territory.communities)
    urban = territory.urban[community]
    core = np.hypot(*territory.centre[community].T) < 1.3 * spec.core_m
    town = divide(land[urban], np.where(core[urban], 30_000.0, 34_000.0), rng, bend=0.012, large=0.10)
    seeds = _hamlet_seeds(spec, terrain, territory, rng)
    rural = divide(
        land[~urban], np.full(int((~urban).sum()), spec.field_m2), rng, bend=0.02, seeds=seeds, seeded_m2=_HAMLET_M2
    )
    inhabited = rural.seeded
    lanes = divide(rural.cells[inhabited], np.full(int(inhabited.sum()), _LANE_M2), rng, bend=0.03)
    urban_class = np.where(town.size_m2 > 260_000, "tertiary", "residential").astype(object)
    rural_class = np.where(rural.size_m2 > 700_000, "unclassified", "track").astype(object)
    lines = Lines.joined(
        [
            Lines.of(town.lines, urban_class),
            Lines.of(rural.lines, rural_class),
            Lines.of(lanes.lines, "residential"),
        ]
    )
    polygon = np.concatenate([town.cells, lanes.cells, rural.cells[~inhabited]])
    counts = [len(town.cells), len(lanes.cells), int((~inhabited).sum())]
    kind = np.repeat(np.array(["urban", "hamlet", "field"], dtype=object), counts)
    hamlet = np.concatenate([np.full(counts[0], -1), lanes.root, np.full(counts[2], -1)])
    homes = np.concatenate(
        [
            community[urban][town.root],
            community[~urban][rural.root[inhabited]][lanes.root],
            community[~urban][rural.root[~inhabited]],
        ]
    )
    return Cells(polygon, homes, kind, hamlet), lines


def owner(points: Geometries, polygons: Geometries) -> Ints:
    """Return the polygon each point lies in, the nearest where it lies in none."""
    row, found = shapely.STRtree(polygons).query_nearest(points)
    return _first(row, found, len(points))


def _first(row: Ints, found: Ints, count: int) -> Ints:
    """Return the lowest answer for each row, of answers that may be several."""
    best = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(best, row, found)
    return best


def _hamlet_seeds(spec: Spec, terrain: Terrain, territory: Territory, rng: np.random.Generator) -> Geometries:
    """Return where hamlets stand: some for each village, apart from each other and from barriers."""
    found: list[Floats] = []
    inner = shapely.difference(territory.communities, terrain.corridor.buffer(60.0))
    inner = shapely.buffer(inner, -90.0)
    for i in np.flatnonzero(~territory.urban):
        count = max(3, int(rng.poisson(spec.hamlets)))
        west, south, east, north = shapely.bounds(inner[i])
        tries = rng.uniform((west, south), (east, north), (count * 25, 2))
        shapely.prepare(inner[i])
        tries = tries[shapely.contains_xy(inner[i], tries[:, 0], tries[:, 1])]
        taken: list[Any] = []
        for xy in tries:
            if len(taken) < count and all(np.hypot(*(xy - other)) > _APART_M for other in taken):
                taken.append(xy)
        found += taken
    return np.asarray(shapely.points(np.array(found)), dtype=object)


def make_streets(skeleton: Skeleton, lanes: Lines, terrain: Terrain) -> Streets:
    """Node all streets, put bridges on their junctions, and leave one connected network."""
    plain = Lines.joined([skeleton.ground, lanes])
    noded = shapely.get_parts(shapely.union_all(plain.geometry, grid_size=GRID_M))
    noded = noded[shapely.length(noded) > GRID_M]
    noded = noded[~shapely.contains(terrain.boundary.boundary.buffer(0.3), noded)]
    source = _sources(noded, plain)
    raised, over = _on_junctions(noded, skeleton)
    line = np.concatenate([noded, raised.geometry])
    highway = np.concatenate([plain.highway[source], raised.highway])
    number = np.concatenate([source, len(plain.geometry) + np.arange(len(raised.geometry))])
    over = np.concatenate([np.full(len(noded), "", dtype=object), over])
    streets = Streets(line, highway, number, over)
    return _main_part(_pruned(streets))


def _sources(noded: Geometries, plain: Lines) -> Ints:
    """Return the line each noded piece came from; of several the highest class."""
    middle = shapely.line_interpolate_point(noded, 0.5, normalized=True)
    piece, line = shapely.STRtree(plain.geometry).query(middle, predicate="dwithin", distance=0.1)
    rank = np.array([RANK.index(name) for name in plain.highway])
    order = np.lexsort((line, rank[line], piece))
    piece, line = piece[order], line[order]
    first = np.r_[True, np.diff(piece) != 0]
    source = np.zeros(len(noded), dtype=np.int64)
    source[piece[first]] = line[first]
    return source


def _on_junctions(noded: Geometries, skeleton: Skeleton) -> tuple[Lines, NDArray[np.object_]]:
    """Return bridges whose ends lie exactly on vertices of the streets on the ground."""
    vertices = np.unique(np.vstack([_ends(noded, 0), _ends(noded, -1)]), axis=0)
    tree = cKDTree(vertices)
    lines, keep = [], []
    for i, line in enumerate(skeleton.raised.geometry):
        xy = shapely.get_coordinates(line)
        away, at = tree.query(xy[[0, -1]])
        if (away < 1.5).all() and at[0] != at[1]:
            xy[[0, -1]] = vertices[at]
            lines.append(shapely.LineString(xy))
            keep.append(i)
    return Lines(np.array(lines, dtype=object), skeleton.raised.highway[keep]), skeleton.over[keep]


def _ends(lines: Geometries, at: int) -> Floats:
    return np.asarray(shapely.get_coordinates(shapely.get_point(lines, at)), dtype=np.float64)


def _nodes(lines: Geometries) -> tuple[Ints, Ints]:
    """Return the number of the first and the last vertex of each line; equal places have equal numbers."""
    xy = np.round(np.vstack([_ends(lines, 0), _ends(lines, -1)]) / GRID_M).astype(np.int64)
    number = np.unique(xy, axis=0, return_inverse=True)[1].ravel()
    return number[: len(lines)], number[len(lines) :]


def _taken(streets: Streets, keep: NDArray[np.bool_]) -> Streets:
    return Streets(streets.line[keep], streets.highway[keep], streets.source[keep], streets.over[keep])


def _pruned(streets: Streets) -> Streets:
    """Leave out short ends that lead nowhere."""
    for _ in range(3):
        a, b = _nodes(streets.line)
        degree = np.bincount(np.r_[a, b])
        dangling = (np.minimum(degree[a], degree[b]) == 1) & (shapely.length(streets.line) < _DANGLE_M)
        if not dangling.any():
            break
        streets = _taken(streets, ~dangling)
    return streets


def _main_part(streets: Streets) -> Streets:
    """Join every larger part to the main one by a bridge, and leave out what is small."""
    a, b = _nodes(streets.line)
    count = max(a.max(), b.max()) + 1
    part = connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(count, count)), directed=False)[1][a]
    length = np.bincount(part, weights=shapely.length(streets.line))
    main = int(np.argmax(length))
    joined = []
    centre = _ends(streets.line[part == main], 0)
    for other in np.flatnonzero((length > 400.0) & (np.arange(len(length)) != main)):
        ends = _ends(streets.line[part == other], 0)
        away, at = cKDTree(centre).query(ends)
        best = int(np.argmin(away))
        joined.append(shapely.LineString([ends[best], centre[at[best]]]))
    kept = _taken(streets, (part == main) | (length[part] > 400.0))
    new = len(joined)
    return Streets(
        np.concatenate([kept.line, np.array(joined, dtype=object)]),
        np.concatenate([kept.highway, np.full(new, "tertiary", dtype=object)]),
        np.concatenate([kept.source, kept.source.max() + 1 + np.arange(new)]),
        np.concatenate([kept.over, np.full(new, "water", dtype=object)]),
    )
