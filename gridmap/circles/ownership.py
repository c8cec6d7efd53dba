"""Who owns the land beside the streets: a fine raster whose cells each belong to the street one walks to from there.

A cell belongs to the nearest point of the nearest edge that a straight walk reaches without crossing water, a railway
or a motorway. That is worked out once for a network; a circle then only adds up walking times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.network.model import WalkNetwork
from gridmap.network.places import Places, by_edge
from gridmap.network.snap import Snapped, snap

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]

_CHUNK: Final = 500_000
"""Cells looked at in one go: the raster is never held whole."""


@dataclass(frozen=True, eq=False)
class OwnedCells:
    """The cells that have a street within reach.

    Parameters
    ----------
    low_x, low_y, cell_m
        Centre of the cell in row 0, column 0 (south-west) and the side of a cell, in the network's CRS.
    row, column
        (n,) of each owned cell.
    offset_m
        (n,) the straight walk from the cell's centre to its edge.
    places
        The same cells by edge.
    """

    low_x: float
    low_y: float
    cell_m: float
    row: Ints
    column: Ints
    offset_m: NDArray[np.float32]
    places: Places


_KNOWN: WeakKeyDictionary[WalkNetwork, dict[tuple[float, float], OwnedCells]] = WeakKeyDictionary()


def own_cells(network: WalkNetwork, cell_m: float, reach_m: float) -> OwnedCells:
    """Return the cells within ``reach_m`` of a street, each owned by its nearest edge; made once a network.

    Parameters
    ----------
    network
        The walking network.
    cell_m
        Side of a cell in metres.
    reach_m
        Furthest straight walk from a cell's centre to its edge.
    """
    known = _KNOWN.setdefault(network, {})
    if (cell_m, reach_m) not in known:
        known[cell_m, reach_m] = _own(network, cell_m, reach_m)
    return known[cell_m, reach_m]


def _own(network: WalkNetwork, cell_m: float, reach_m: float) -> OwnedCells:
    margin = reach_m + cell_m
    # Corners on whole cells: the same place has the same raster whatever streets surround it.
    low = np.floor((network.vertex_xy.min(axis=0) - margin) / cell_m) * cell_m
    columns, rows = (int(n) + 1 for n in np.ceil((network.vertex_xy.max(axis=0) + margin - low) / cell_m))
    found = list(_chunks(network, low, cell_m, reach_m, columns, rows))
    flat = np.concatenate([cells for cells, _ in found])
    on = Snapped(*(np.concatenate([getattr(part, name) for _, part in found]) for name in vars(found[0][1])))
    row, column = flat // columns, flat % columns
    dry = ~_in_water(network, low[0] + column * cell_m, low[1] + row * cell_m)
    on = on.take(dry)
    return OwnedCells(
        float(low[0]),
        float(low[1]),
        cell_m,
        row[dry].astype(np.int32),
        column[dry].astype(np.int32),
        on.offset_m.astype(np.float32),
        by_edge(network, on),
    )


def _chunks(
    network: WalkNetwork, low: Floats, cell_m: float, reach_m: float, columns: int, rows: int
) -> Iterator[tuple[NDArray[np.int64], Snapped]]:
    """Give the owned cells (row * columns + column, ascending) some rows at a time."""
    band = max(_CHUNK // columns, 1)
    for first in range(0, rows, band):
        flat = np.arange(first * columns, min(first + band, rows) * columns)
        on = snap(network, low[0] + flat % columns * cell_m, low[1] + flat // columns * cell_m, reach_m)
        owned = on.edge >= 0
        yield flat[owned], on.take(owned)


def _in_water(network: WalkNetwork, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Return which points lie in water; they come row by row (y ascending), which narrows each lake to its rows."""
    wet = np.zeros(len(x), dtype=bool)
    shapes = network.barriers.geometry[network.barriers["kind"] == "water"].values
    lakes = np.asarray(shapes[shapely.get_dimensions(shapes) == 2], dtype=object)
    shapely.prepare(lakes)
    for lake, (west, south, east, north) in zip(lakes, shapely.bounds(lakes), strict=True):
        first, last = np.searchsorted(y, south), np.searchsorted(y, north, side="right")
        band = slice(first, last)
        near = first + np.flatnonzero((x[band] >= west) & (x[band] <= east) & ~wet[band])
        wet[near] = shapely.contains_xy(lake, x[near], y[near])
    return wet
