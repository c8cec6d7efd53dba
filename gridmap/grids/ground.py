"""The ground that grids are drawn on while a planner edits: blocks, what lies between them, and both as flat arrays.

A block keeps its row as long as it is not cut. :func:`replace_blocks` gives the ground with some blocks cut (or joined
again): only the borders of the blocks concerned are measured anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.errors import PlanError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import Borders, block_borders
from gridmap.grids.carve import CUT_TOLERANCE_M2
from gridmap.network.model import WalkNetwork

STRAIGHT_M_S: Final = 1.1
"""Walking speed between the two parts of a block that was cut: no street lies between them."""


@dataclass(frozen=True, eq=False)
class Straddling:
    """Buildings that stand on several blocks: such blocks belong into one grid.

    Parameters
    ----------
    footprints
        (b,) in longitude and latitude.
    building, row
        A pair for each block that a building stands on, sorted by building.
    """

    footprints: m.Geometries
    building: m.Ints
    row: m.Ints

    def cut(self, label: m.Ints) -> m.Ints:
        """Return the buildings that stand in several grids."""
        if len(self.footprints) == 0:
            return np.empty(0, dtype=np.int64)
        low = np.full(len(self.footprints), np.iinfo(np.int64).max)
        high = np.full(len(self.footprints), -1, dtype=np.int64)
        np.minimum.at(low, self.building, label[self.row])
        np.maximum.at(high, self.building, label[self.row])
        return np.flatnonzero(low < high)


@dataclass(frozen=True, eq=False)
class Buildings:
    """Buildings that no border may cut.

    Parameters
    ----------
    tree
        Of the footprints, in longitude and latitude.
    households
        Of each.
    """

    tree: shapely.STRtree
    households: m.Floats


@dataclass(frozen=True, eq=False)
class Ground:
    """Blocks and their borders.

    Parameters
    ----------
    block
        (n,) numbers of the blocks; a number is never used for other ground.
    rank
        (n,) ascending: the order of the blocks; pieces of one block share its rank, and lie by their numbers.
    households, residents, water
        (n,) what stands on each block.
    shapes
        (n,) polygons in longitude and latitude that share every vertex of their borders.
    area_m2, rim_m
        (n,) area, and length of the outline that borders no other block.
    borders
        Every pair of neighbours.
    crs, metric
        Of the shapes, and the one they are measured in.
    station_s
        (n,) walk from each block to its nearest station, NaN where that is not known.
    straddling
        Buildings that stand on several blocks.
    buildings
        All buildings, where they are known.
    """

    block: m.Ints
    rank: m.Ints
    households: m.Floats
    residents: m.Floats
    water: m.Flags
    shapes: m.Geometries
    area_m2: m.Floats
    rim_m: m.Floats
    borders: Borders
    crs: pyproj.CRS
    metric: pyproj.CRS
    station_s: m.Floats
    straddling: Straddling
    buildings: Buildings | None

    def __len__(self) -> int:
        return len(self.block)

    @cached_property
    def start(self) -> m.Ints:
        """(n + 1,) where the neighbours of each block begin in :attr:`neighbour`."""
        tail = np.r_[self.borders.a, self.borders.b]
        return np.asarray(np.r_[0, np.cumsum(np.bincount(tail, minlength=len(self)))], dtype=np.int64)

    @cached_property
    def _order(self) -> m.Ints:
        """Places in the doubled list of pairs, sorted by block and neighbour."""
        tail, head = np.r_[self.borders.a, self.borders.b], np.r_[self.borders.b, self.borders.a]
        return np.lexsort((head, tail))

    @cached_property
    def neighbour(self) -> m.Ints:
        """(2 p,) neighbours, both directions of every pair."""
        return np.asarray(np.r_[self.borders.b, self.borders.a][self._order], dtype=np.int64)

    @cached_property
    def pair(self) -> m.Ints:
        """(2 p,) the pair in :attr:`borders` that each entry of :attr:`neighbour` is."""
        return np.asarray(self._order % max(len(self.borders.a), 1), dtype=np.int64)

    @cached_property
    def length_m(self) -> m.Floats:
        """(2 p,) length of the border with each neighbour."""
        return np.asarray(self.borders.length_m[self.pair], dtype=np.float64)

    @cached_property
    def main_m(self) -> m.Floats:
        """(2 p,) metres of it on main streets, water or rail."""
        return np.asarray(self.borders.main_m[self.pair], dtype=np.float64)

    @cached_property
    def walkable(self) -> m.Flags:
        """(2 p,) whether a grid may hang together by this border: on land, and one can cross it."""
        borders = self.borders
        dry = ~self.water[borders.a] & ~self.water[borders.b]
        return np.asarray((borders.passable & dry & ~borders.bridge)[self.pair], dtype=bool)

    @cached_property
    def linked(self) -> m.Flags:
        """(2 p,) :attr:`walkable`, or joined by a bridge."""
        return np.asarray(self.walkable | self.borders.bridge[self.pair], dtype=bool)

    def row_of(self, blocks: m.Ints) -> m.Ints:
        """Return the rows of blocks by number, -1 for those that do not exist."""
        order = self._by_number
        at = np.searchsorted(self.block[order], blocks)
        at = np.minimum(at, len(self) - 1)
        return np.asarray(np.where(self.block[order[at]] == blocks, order[at], -1), dtype=np.int64)

    @cached_property
    def _by_number(self) -> m.Ints:
        return np.argsort(self.block, kind="stable")

    def frame(self) -> gpd.GeoDataFrame:
        """Return the blocks as a plan keeps them, without codes."""
        columns = {
            "block": self.block, "households": self.households, "residents": self.residents, "water": self.water,
        }  # fmt: skip
        return gpd.GeoDataFrame(columns, geometry=self.shapes, crs=self.crs)


def lay_ground(
    blocks: gpd.GeoDataFrame,
    network: WalkNetwork | None = None,
    *,
    station_s: m.Floats | None = None,
    buildings: Buildings | None = None,
) -> Ground:
    """Measure blocks and what lies between them.

    Parameters
    ----------
    blocks
        As a plan carries them, or from :func:`gridmap.make_blocks`.
    network
        Its streets, rails and water tell what lies on a border; without it nothing is known of that.
    station_s
        Walk from each block to its nearest station, where there are stations.
    buildings
        Footprints in the CRS of the blocks, where they are known.

    Raises
    ------
    PlanError
        When the blocks do not share the vertices of their borders, or a number stands twice.
    """
    shapes = np.asarray(blocks.geometry.values, dtype=object)
    number = blocks["block"].to_numpy(np.int64)
    twice = np.flatnonzero(np.bincount(number - number.min()) > 1) + number.min() if len(number) else number
    if len(twice):
        raise PlanError(f"blocks: number {twice[0]} stands twice; every block needs its own")
    if not shapely.coverage_is_valid(shapes):
        bad = number[~shapely.is_empty(shapely.coverage_invalid_edges(shapes))]
        raise PlanError(
            f"the blocks overlap or do not share their vertices ({len(bad)} of them, the first is block {bad[0]}); "
            "mend the layer with `gridmap repair` first"
        )
    metric = metric_crs_of(blocks)
    borders = block_borders(blocks, network)
    return Ground(
        block=number,
        rank=np.arange(len(number), dtype=np.int64),
        households=np.nan_to_num(blocks["households"].to_numpy(float)),
        residents=np.nan_to_num(blocks["residents"].to_numpy(float)),
        water=blocks["water"].to_numpy(bool),
        shapes=shapes,
        area_m2=_area(shapes, metric),
        rim_m=_rim(shapes, borders, metric),
        borders=borders,
        crs=blocks.crs,
        metric=metric,
        station_s=np.full(len(number), np.nan) if station_s is None else station_s,
        straddling=find_straddling(shapes, buildings.tree.geometries if buildings else np.empty(0, object), metric),
        buildings=buildings,
    )


def find_straddling(shapes: m.Geometries, footprints: m.Geometries, metric: pyproj.CRS) -> Straddling:
    """Find the buildings that stand on several blocks, trifles (:data:`CUT_TOLERANCE_M2`) left out."""
    building, row = shapely.STRtree(shapes).query(footprints, predicate="intersects")
    several = np.bincount(building, minlength=len(footprints))[building] > 1
    building, row = building[several], row[several]
    flat = m.to_metres(shapely.intersection(footprints[building], shapes[row]), metric)
    held = shapely.area(flat) > CUT_TOLERANCE_M2
    building, row = building[held], row[held]
    several = np.bincount(building, minlength=len(footprints))[building] > 1
    chosen, where = np.unique(building[several], return_inverse=True)
    order = np.lexsort((row[several], where))
    return Straddling(footprints[chosen], where[order].astype(np.int64), row[several][order].astype(np.int64))


def _area(shapes: m.Geometries, metric: pyproj.CRS) -> m.Floats:
    return np.asarray(shapely.area(m.to_metres(shapes, metric)), dtype=np.float64)


def _rim(shapes: m.Geometries, borders: Borders, metric: pyproj.CRS) -> m.Floats:
    """Return the length of each outline that no neighbour shares."""
    outline = shapely.length(m.to_metres(shapes, metric))
    both, length = np.r_[borders.a, borders.b], np.r_[borders.length_m, borders.length_m]
    shared = np.bincount(both, weights=length, minlength=len(shapes))
    return np.asarray(np.maximum(outline - shared, 0.0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Replacement:
    """Blocks that come in the place of others.

    Parameters
    ----------
    gone
        Rows of the ground that are replaced.
    block, rank, households, residents, water, shapes
        Of the new blocks, as in :class:`Ground`.
    sources
        For each new block the rows among ``gone`` whose ground it is, or is part of.
    """

    gone: m.Ints
    block: m.Ints
    rank: m.Ints
    households: m.Floats
    residents: m.Floats
    water: m.Flags
    shapes: m.Geometries
    sources: tuple[tuple[int, ...], ...]


def replace_blocks(ground: Ground, change: Replacement) -> tuple[Ground, m.Ints]:
    """Return the ground with some blocks replaced, and for each of its rows the old row it was or was part of.

    New blocks that were one before border each other on nothing; a border with a third block keeps what lay on it.
    """
    kept = np.ones(len(ground), dtype=bool)
    kept[change.gone] = False
    first = np.array([rows[0] for rows in change.sources], dtype=np.int64)
    rank, number = np.r_[ground.rank[kept], change.rank], np.r_[ground.block[kept], change.block]
    order = np.lexsort((number, rank))
    source = np.r_[np.flatnonzero(kept), first][order]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    moved = np.full(len(ground), -1, dtype=np.int64)
    moved[kept] = place[: int(kept.sum())]
    new = place[int(kept.sum()) :]

    def both(old: np.ndarray, added: np.ndarray) -> np.ndarray:
        return np.concatenate([old[kept], added])[order]

    borders, outline = _borders_after(ground, change, kept, moved, new)
    rim = ground.rim_m[source].copy()
    rim[new] = outline
    made = Ground(
        block=both(ground.block, change.block),
        rank=rank[order],
        households=both(ground.households, change.households),
        residents=both(ground.residents, change.residents),
        water=both(ground.water, change.water),
        shapes=both(ground.shapes, change.shapes),
        area_m2=both(ground.area_m2, _area(change.shapes, ground.metric)),
        rim_m=rim,
        borders=borders,
        crs=ground.crs,
        metric=ground.metric,
        station_s=ground.station_s[source],
        straddling=ground.straddling,
        buildings=ground.buildings,
    )
    if len(ground.straddling.footprints):
        again = find_straddling(made.shapes, ground.straddling.footprints, ground.metric)
        made = replace(made, straddling=again)
    return made, source


def _borders_after(
    ground: Ground, change: Replacement, kept: m.Flags, moved: m.Ints, new: m.Ints
) -> tuple[Borders, m.Floats]:
    """Return the borders of the new ground, and how much of the outline of each new block borders nothing."""
    old = ground.borders
    gone = ~kept
    stays = kept[old.a] & kept[old.b]
    beside = np.flatnonzero(gone[old.a] | gone[old.b])
    ring = np.unique(np.r_[old.a[beside], old.b[beside]])
    ring = ring[kept[ring]]
    shapes = np.concatenate([change.shapes, ground.shapes[ring]])
    local = m.adjacency(shapes, ground.metric)
    local_sources = (*change.sources, *((int(row),) for row in ring))
    fresh = np.flatnonzero(local.a < len(change.shapes))
    rows = np.r_[new, moved[ring]]
    a, b = rows[local.a[fresh]], rows[local.b[fresh]]
    length = local.length_m[fresh]
    known = [
        _inherit(ground, beside, local_sources[i], local_sources[j], metres, shapes[[i, j]])
        for i, j, metres in zip(local.a[fresh].tolist(), local.b[fresh].tolist(), length.tolist(), strict=True)
    ]
    kind, main, passable, walk = (np.array([each[k] for each in known]) for k in range(4))
    low, high = np.r_[moved[old.a[stays]], np.minimum(a, b)], np.r_[moved[old.b[stays]], np.maximum(a, b)]
    low, high = np.minimum(low, high), np.maximum(low, high)
    order = np.lexsort((high, low))
    borders = Borders(
        a=low[order],
        b=high[order],
        length_m=np.r_[old.length_m[stays], length][order],
        kind=np.r_[old.kind[stays], kind.astype(np.int8)][order],
        main_m=np.r_[old.main_m[stays], main.astype(float)][order],
        passable=np.r_[old.passable[stays], passable.astype(bool)][order],
        bridge=np.r_[old.bridge[stays], np.zeros(len(fresh), dtype=bool)][order],
        walk_s=np.r_[old.walk_s[stays], walk.astype(float)][order],
    )
    count = len(change.shapes)
    shared = np.bincount(np.r_[local.a, local.b], weights=np.r_[local.length_m, local.length_m], minlength=len(shapes))
    outline = shapely.length(m.to_metres(change.shapes, ground.metric)) - shared[:count]
    return borders, np.asarray(np.maximum(outline, 0.0))


def _inherit(
    ground: Ground,
    beside: m.Ints,
    one: tuple[int, ...],
    other: tuple[int, ...],
    metres: float,
    shapes: m.Geometries,
) -> tuple[int, float, bool, float]:
    """Return kind, main metres, passable and walking time of a new border, from the old borders it is part of."""
    old = ground.borders
    if set(one) & set(other):
        x = shapely.get_coordinates(m.to_metres(shapely.point_on_surface(shapes), ground.metric))
        dry = not ground.water[one[0]]
        return 0, 0.0, dry, float(np.hypot(*(x[0] - x[1]))) / STRAIGHT_M_S if dry else np.inf
    pairs = beside[
        (np.isin(old.a[beside], one) & np.isin(old.b[beside], other))
        | (np.isin(old.b[beside], one) & np.isin(old.a[beside], other))
    ]
    pairs = pairs[~old.bridge[pairs]]
    if len(pairs) == 0:  # they touched in a point, or not at all, before one of them was led round a building
        return 0, 0.0, bool(not (ground.water[one[0]] or ground.water[other[0]])), np.inf
    length = old.length_m[pairs]
    longest = pairs[int(np.argmax(length))]
    share = min(float(old.main_m[pairs].sum() / max(length.sum(), 1e-9)), 1.0)
    return int(old.kind[longest]), share * metres, bool(old.passable[pairs].any()), float(old.walk_s[pairs].min())
