"""The nearest station of all land, and land that is labelled as polygons that share their borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.circles.ownership import SHARES, TILE, owned_land
from gridmap.network.model import WalkNetwork
from gridmap.network.pace import WalkTimes
from gridmap.network.places import Places, nearest_by_place
from gridmap.network.snap import Snapped

Ints32: TypeAlias = NDArray[np.int32]
Floats32: TypeAlias = NDArray[np.float32]

_STAIRS: Final = 0.8
"""Cells by which borders may be simplified: steps of one cell become slopes (their corners have half a cell's area)."""


@dataclass(frozen=True, eq=False)
class NearestLand:
    """Nearest source and walking time of every cell of a raster.

    Parameters
    ----------
    low_x, low_y
        South-west corner of the cell in row 0, column 0, in the network's CRS.
    cell_m
        Side of a cell.
    source
        (rows, columns) int32 the source that is nearest on foot, -1 where nobody walks or none can be reached.
    seconds
        (rows, columns) float32 the walk to it, inf where there is none.
    """

    low_x: float
    low_y: float
    cell_m: float
    source: Ints32
    seconds: Floats32


def nearest_land(
    network: WalkNetwork, sources: Snapped, walk: WalkTimes, *, cell_m: float = 20, off_street_m: float = 100
) -> NearestLand:
    """Return which source is nearest on foot from every cell of the land, and how far it is.

    Parameters
    ----------
    network
        The walking network.
    sources
        Where searches begin, for example the entrances of stations.
    walk
        :func:`gridmap.network.pace.walk_times`.
    cell_m
        Side of a cell, in metres.
    off_street_m
        The furthest straight walk from a street, never across water, a railway or a motorway.
    """
    # The raster that circles use, which reaches a cell further: it is made once for both.
    tiles = owned_land(network, cell_m, off_street_m + cell_m).all_tiles()
    cells = tiles.rows * tiles.columns * TILE * TILE
    edge, offset_cm = tiles.edge[tiles.place].ravel(), tiles.offset_cm[tiles.place].ravel()
    owned = np.flatnonzero((edge >= 0) & (offset_cm <= off_street_m * 100))
    owned = owned[np.argsort(edge[owned], kind="stable")]
    counts = np.bincount(edge[owned], minlength=len(network.edge_length_m))
    places = Places(
        start=np.r_[0, np.cumsum(counts)].astype(np.int64),
        item=owned.astype(np.int32),
        share=tiles.share[tiles.place].ravel()[owned].astype(np.float32) / np.float32(SHARES),
        offset_m=offset_cm[owned].astype(np.float32) / np.float32(100),
        count=cells,
    )
    nearest = nearest_by_place(network, sources, places, walk)

    def untiled(values: NDArray[Any]) -> NDArray[Any]:
        whole = values.reshape(tiles.rows, tiles.columns, TILE, TILE).swapaxes(1, 2)
        return whole.reshape(tiles.rows * TILE, tiles.columns * TILE)

    half = tiles.cell_m / 2
    return NearestLand(
        tiles.low_x - half, tiles.low_y - half, tiles.cell_m, untiled(nearest.source), untiled(nearest.seconds)
    )


def label_polygons(label: Ints32, count: int, low_x: float, low_y: float, cell_m: float) -> NDArray[np.object_]:
    """Return land labelled 0 to ``count - 1`` as MultiPolygons that share their borders, vertex by vertex.

    Parameters
    ----------
    label
        (rows, columns), row 0 in the south; -1 for land of nobody.
    count
        How many labels there are; one without land has an empty shape.
    low_x, low_y, cell_m
        Corner and side of the cells.

    Examples
    --------
    >>> shapes = label_polygons(np.array([[0, 0, 1, 1], [0, 0, 1, -1]], dtype=np.int32), 3, 0.0, 0.0, 10.0)
    >>> shapely.area(shapes).tolist(), bool(shapely.coverage_is_valid(shapes[:2]))
    ([400.0, 300.0, 0.0], True)
    """
    shapes = np.full(count, shapely.MultiPolygon(), dtype=object)
    framed = np.pad(label, 1, constant_values=-1)
    faces = shapely.get_parts(shapely.polygonize(_borders(framed)))
    at = np.floor(shapely.get_coordinates(shapely.point_on_surface(faces))).astype(np.int64)
    of = framed[at[:, 1], at[:, 0]] if len(at) else np.empty(0, dtype=np.int32)
    faces, of = faces[of >= 0], of[of >= 0]
    if len(faces) == 0:
        return shapes
    faces = shapely.coverage_simplify(faces, _STAIRS)
    faces = shapely.transform(faces, lambda xy: (xy - 1) * cell_m + (low_x, low_y))
    order = np.argsort(of, kind="stable")
    shapely.multipolygons(faces[order], indices=of[order], out=shapes)
    return shapes


def _borders(label: Ints32) -> NDArray[np.object_]:
    """Return the borders between labels as straight lines from corner to corner, in cells."""
    flat, upright = label[1:] != label[:-1], label[:, 1:] != label[:, :-1]
    # A line goes on through a corner of the lattice where no border turns off.
    y, west, east = _runs(flat, upright[:-1] | upright[1:])
    x, south, north = _runs(upright.T, (flat[:, :-1] | flat[:, 1:]).T)
    ends = np.r_[np.stack([west, y + 1, east, y + 1], axis=1), np.stack([x + 1, south, x + 1, north], axis=1)]
    return np.asarray(shapely.linestrings(ends.reshape(-1, 2, 2).astype(np.float64)), dtype=object)


def _runs(border: NDArray[np.bool_], turns: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """Return row, first and last corner of the straight pieces of borders along rows of the lattice."""
    row, at = np.nonzero(border)
    goes_on = np.zeros(len(row), dtype=bool)
    goes_on[1:] = (row[1:] == row[:-1]) & (at[1:] == at[:-1] + 1) & ~turns[row[1:], np.maximum(at[1:] - 1, 0)]
    first = np.flatnonzero(~goes_on)
    last = np.r_[first[1:] - 1, len(row) - 1] if len(row) else first
    return row[first], at[first], at[last] + 1
