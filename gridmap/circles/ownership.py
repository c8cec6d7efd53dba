"""Who owns the land beside the streets: a fine raster whose cells each belong to the street one walks to from there.

A cell belongs to the nearest point of the nearest edge that a straight walk reaches without crossing water, a railway
or a motorway. That is worked out once for a network, tile by tile as circles come to need them; a circle then only
adds up walking times.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.geo.threads import spread
from gridmap.network.index import SegmentIndex
from gridmap.network.model import WalkNetwork
from gridmap.network.snap import crosses

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

TILE: Final = 64
"""Cells along the side of a tile."""
SHARES: Final = 65535
"""A share of an edge is kept in so many steps, and an offset in centimetres: two bytes each."""
_FIRST_TILES: Final = 4096
FURTHEST_M: Final = 500.0
"""The furthest walk off the street that can be asked for: with a cell of 100 m it still fits into two bytes."""


class Tiles(NamedTuple):
    """The raster as kernels see it; a tile ``t`` (row by row from the south-west) is kept at ``place[t]``.

    Parameters
    ----------
    low_x, low_y, cell_m
        Centre of the cell in row 0, column 0 (south-west), and the side of a cell, in the network's CRS.
    columns, rows
        Tiles.
    place
        (tiles,) int32, -1 where the tile is not made yet.
    edge, share, offset_cm
        (kept tiles, TILE * TILE): the edge that owns each cell (-1: none), how far along it the walk arrives, and the
        walk from the cell's centre to it.
    walled
        (kept tiles,) whether a barrier is near, so that a straight walk has to be looked at.
    """

    low_x: float
    low_y: float
    cell_m: float
    columns: int
    rows: int
    place: NDArray[np.int32]
    edge: NDArray[np.int32]
    share: NDArray[np.uint16]
    offset_cm: NDArray[np.uint16]
    walled: NDArray[np.bool_]


class Segments(NamedTuple):
    """A :class:`~gridmap.network.index.SegmentIndex` as kernels see it; ``table`` is its corner, cell and size."""

    table: tuple[float, float, float, int, int]
    start: Ints
    members: NDArray[np.int32]
    ends: Floats


def segments(index: SegmentIndex) -> Segments:
    """Return an index of segments as kernels see it."""
    table = (index.low_x, index.low_y, index.cell_m, index.columns, index.rows)
    return Segments(table, index.start, index.members, index.ends)


class OwnedLand:
    """The raster of one network; tiles are made when they are first asked for.

    Parameters
    ----------
    network
        The walking network.
    cell_m
        Side of a cell in metres.
    reach_m
        Furthest straight walk from a cell's centre to its edge; at most 655 m.
    """

    def __init__(self, network: WalkNetwork, cell_m: float, reach_m: float) -> None:
        side = TILE * cell_m
        margin = reach_m + cell_m
        # Corners on whole tiles: the same place has the same raster whatever streets surround it.
        low = np.floor((network.vertex_xy.min(axis=0) - margin) / side) * side
        columns, rows = (int(n) for n in np.ceil((network.vertex_xy.max(axis=0) + margin - low) / side))
        self._streets = segments(network.street_index)
        self._line, self._before_m = network.street_index.line, network.street_index.before_m
        self._length_m = network.edge_length_m
        self._walls = segments(network.barrier_index)
        self._wet = _wet_cells(network, float(low[0]), float(low[1]), cell_m, columns * TILE)
        self._reach_m = reach_m
        self._lock = Lock()
        self._made = 0
        self._tiles = Tiles(
            float(low[0]), float(low[1]), cell_m, columns, rows, np.full(columns * rows, -1, np.int32),
            *_store(min(columns * rows, _FIRST_TILES)),
        )  # fmt: skip

    def all_tiles(self) -> Tiles:
        """Return the raster with every tile made."""
        return self.tiles(np.arange(len(self._tiles.place)))

    def tiles(self, wanted: Ints) -> Tiles:
        """Return the raster with at least the tiles that are asked for."""
        with self._lock:
            wanted = np.unique(wanted)
            missing = wanted[self._tiles.place[wanted] < 0]
            if len(missing):
                self._make(missing)
            return self._tiles

    def _make(self, missing: Ints) -> None:
        tiles = self._tiles
        needed = self._made + len(missing)
        if needed > len(tiles.walled):
            edge, share, offset_cm, walled = _store(min(max(2 * len(tiles.walled), needed), len(tiles.place)))
            kept = slice(0, self._made)
            edge[kept], share[kept], walled[kept] = tiles.edge[kept], tiles.share[kept], tiles.walled[kept]
            offset_cm[kept] = tiles.offset_cm[kept]
            tiles = tiles._replace(edge=edge, share=share, offset_cm=offset_cm, walled=walled)
        places = np.arange(self._made, needed)

        def work(start: int, stop: int) -> None:
            _own(
                tiles, missing[start:stop], places[start:stop], self._streets, self._line, self._before_m,
                self._length_m, self._walls, self._wet, self._reach_m,
            )  # fmt: skip

        spread(work, len(missing), worth=8)
        place = tiles.place.copy()
        place[missing] = places
        self._tiles, self._made = tiles._replace(place=place), needed


_KNOWN: WeakKeyDictionary[WalkNetwork, dict[tuple[float, float], OwnedLand]] = WeakKeyDictionary()


def check_raster(cell_m: float, off_street_m: float) -> None:
    """Refuse a raster that cannot be made.

    Raises
    ------
    InputError
        When a cell is not 1 to 100 metres, or the walk off the street not 0 to :data:`FURTHEST_M` metres.
    """
    try:
        fits = 1 <= float(cell_m) <= 100 and 0 <= float(off_street_m) <= FURTHEST_M
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            f"cell_m={cell_m!r}, off_street_m={off_street_m!r}: allowed are cells of 1 to 100 metres (20 is usual) and "
            f"a walk off the street of 0 to {FURTHEST_M:g} metres"
        )


def owned_land(network: WalkNetwork, cell_m: float, reach_m: float) -> OwnedLand:
    """Return the raster of a network, the same one whenever it is asked for again; see :class:`OwnedLand`."""
    known = _KNOWN.setdefault(network, {})
    key = float(cell_m), float(reach_m)
    if key not in known:
        known[key] = OwnedLand(network, *key)
    return known[key]


def _store(tiles: int) -> tuple[NDArray[np.int32], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]:
    """Return room for tiles; the system gives memory only where it is written."""
    shape = (tiles, TILE * TILE)
    return np.empty(shape, np.int32), np.empty(shape, np.uint16), np.empty(shape, np.uint16), np.empty(tiles, np.bool_)


def _wet_cells(network: WalkNetwork, low_x: float, low_y: float, cell_m: float, columns: int) -> Ints:
    """Return the cells (row * columns + column, ascending) whose centres lie in water."""
    shapes = network.barriers.geometry[network.barriers["kind"] == "water"].values
    lakes = shapely.get_parts(np.asarray(shapes, dtype=object))
    lakes = lakes[shapely.get_dimensions(lakes) == 2]
    found = [np.empty(0, np.int64)]
    for lake in lakes:
        xy, ring = shapely.get_coordinates(shapely.get_rings(lake), return_index=True)
        first = np.r_[0, np.cumsum(np.bincount(ring))]
        found.append(_scan((xy - (low_x, low_y)) / cell_m, first, columns))
    return np.unique(np.concatenate(found))


@njit(cache=True, nogil=True)
def _scan(xy, first, columns):
    """Return the whole-numbered points inside the rings of one polygon (even-odd), as row * columns + column."""
    low, high = max(int(np.ceil(xy[:, 1].min())), 0), int(np.floor(xy[:, 1].max()))
    out, filled = np.empty(1024, np.int64), 0
    for row in range(low, high + 1):
        cuts = []
        for r in range(len(first) - 1):
            for k in range(first[r], first[r + 1] - 1):
                ay, by = xy[k, 1], xy[k + 1, 1]
                if (ay > row) != (by > row):
                    cuts.append(xy[k, 0] + (row - ay) / (by - ay) * (xy[k + 1, 0] - xy[k, 0]))
        cuts.sort()
        for k in range(0, len(cuts) - 1, 2):
            for column in range(max(int(np.ceil(cuts[k])), 0), min(int(np.ceil(cuts[k + 1])), columns)):
                if filled == len(out):
                    out = np.concatenate((out, np.empty_like(out)))
                out[filled] = row * columns + column
                filled += 1
    return out[:filled].copy()


@njit(cache=True, nogil=True)
def _gather(index, seen, stamp, out, west, south, east, north):
    """List the segments of an index in the cells that a box touches, each once; return how many."""
    low_x, low_y, cell_m, columns, rows = index.table
    c0, c1 = max(int((west - low_x) // cell_m), 0), min(int((east - low_x) // cell_m), columns - 1)
    r0, r1 = max(int((south - low_y) // cell_m), 0), min(int((north - low_y) // cell_m), rows - 1)
    count = 0
    if c1 < c0:
        return count
    for row in range(r0, r1 + 1):
        for k in range(index.start[row * columns + c0], index.start[row * columns + c1 + 1]):
            s = index.members[k]
            if seen[s] != stamp:
                seen[s] = stamp
                out[count] = s
                count += 1
    return count


@njit(cache=True, nogil=True)
def _own(tiles, numbers, places, streets, line, before_m, length_m, walls, wet, reach_m):
    """Make tiles: every segment near by offers itself to the cells it may reach, and the nearest offer stays."""
    cell_m, side = tiles.cell_m, TILE * tiles.cell_m
    seen, near = np.zeros(len(line), np.int32), np.empty(len(line), np.int32)
    seen_wall, near_wall = np.zeros(len(walls.ends), np.int32), np.empty(len(walls.ends), np.int32)
    best, segment = np.empty(TILE * TILE), np.empty(TILE * TILE, np.int32)
    for turn in range(len(numbers)):
        tile_row, tile_column = numbers[turn] // tiles.columns, numbers[turn] % tiles.columns
        x0, y0 = tiles.low_x + tile_column * side, tiles.low_y + tile_row * side
        box = (x0 - reach_m, y0 - reach_m, x0 + side + reach_m, y0 + side + reach_m)
        count = _gather(streets, seen, turn + 1, near, *box)
        walled = _gather(walls, seen_wall, turn + 1, near_wall, *box) > 0
        best[:] = reach_m * reach_m
        segment[:] = -1
        _dry(best, wet, tile_row * TILE, tile_column * TILE, tiles.columns * TILE)
        near[:count].sort()
        for k in range(count):
            _offer(near[k], streets.ends, best, segment, x0, y0, cell_m, reach_m, walled, walls)
        at = places[turn]
        tiles.walled[at] = walled
        _write(at, tiles, best, segment, streets.ends, line, before_m, length_m, x0, y0)


@njit(cache=True, nogil=True)
def _dry(best, wet, row, column, columns):
    """Let nobody own a cell in water."""
    for r in range(TILE):
        begin = (row + r) * columns + column
        k = np.searchsorted(wet, begin)
        while k < len(wet) and wet[k] < begin + TILE:
            best[r * TILE + wet[k] - begin] = -1.0
            k += 1


@njit(cache=True, nogil=True)
def _offer(s, ends, best, segment, x0, y0, cell_m, reach_m, walled, walls):
    ax, ay, bx, by = ends[s]
    dx, dy = bx - ax, by - ay
    inverse = 1.0 / max(dx * dx + dy * dy, 1e-12)
    c0 = max(int(np.ceil((min(ax, bx) - reach_m - x0) / cell_m)), 0)
    c1 = min(int(np.floor((max(ax, bx) + reach_m - x0) / cell_m)), TILE - 1)
    r0 = max(int(np.ceil((min(ay, by) - reach_m - y0) / cell_m)), 0)
    r1 = min(int(np.floor((max(ay, by) + reach_m - y0) / cell_m)), TILE - 1)
    for row in range(r0, r1 + 1):
        y = y0 + row * cell_m
        for column in range(c0, c1 + 1):
            x = x0 + column * cell_m
            t = min(max(((x - ax) * dx + (y - ay) * dy) * inverse, 0.0), 1.0)
            qx, qy = ax + t * dx, ay + t * dy
            far = (x - qx) ** 2 + (y - qy) ** 2
            cell = row * TILE + column
            # Segments come in order: of those equally near the first stays.
            if far < best[cell] or (far == best[cell] and segment[cell] < 0):
                if walled and crosses(x, y, qx, qy, walls.table, walls.start, walls.members, walls.ends):
                    continue
                best[cell] = far
                segment[cell] = s


@njit(cache=True, nogil=True)
def _write(at, tiles, best, segment, ends, line, before_m, length_m, x0, y0):
    for cell in range(TILE * TILE):
        s = segment[cell]
        if s < 0:
            tiles.edge[at, cell] = -1
            continue
        x, y = x0 + (cell % TILE) * tiles.cell_m, y0 + (cell // TILE) * tiles.cell_m
        dx, dy = ends[s, 2] - ends[s, 0], ends[s, 3] - ends[s, 1]
        t = ((x - ends[s, 0]) * dx + (y - ends[s, 1]) * dy) / max(dx * dx + dy * dy, 1e-12)
        along_m = before_m[s] + min(max(t, 0.0), 1.0) * np.sqrt(dx * dx + dy * dy)
        tiles.edge[at, cell] = line[s]
        tiles.share[at, cell] = np.uint16(min(along_m / max(length_m[line[s]], 1e-9), 1.0) * SHARES + 0.5)
        tiles.offset_cm[at, cell] = np.uint16(np.sqrt(best[cell]) * 100 + 0.5)
