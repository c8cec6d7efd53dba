"""Which grid of one level lies in which grid of the level above: areas shared, measured without bending edges.

Edges are straight in longitude and latitude, and projecting only their ends would bend a long one by decimetres
against the vertices that a neighbour has along it. So overlays run on *flat* coordinates: degrees stretched to metres
about the middle of the layer, which keeps straight what is straight (lengths are right to about one per cent over a
county). Areas that are told to people are measured in the metric CRS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.grids import mosaic as m

_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Flat:
    """The stretch from degrees to about metres, ``x = (lon - lon0) · kx``, ``y = (lat - lat0) · ky``."""

    lon0: float
    lat0: float
    kx: float
    ky: float

    @classmethod
    def about(cls, bounds: Any) -> Flat:
        """Return the stretch for a box (west, south, east, north) in degrees."""
        west, south, east, north = (float(value) for value in bounds)
        middle = (south + north) / 2
        stretch = _METRES_PER_DEGREE * float(np.cos(np.radians(middle)))
        return cls((west + east) / 2, middle, stretch, _METRES_PER_DEGREE)

    def metres(self, geometry: Any) -> Any:
        """Return geometries in degrees as geometries in flat metres."""
        origin, scale = np.array([self.lon0, self.lat0]), np.array([self.kx, self.ky])
        return shapely.transform(geometry, lambda xy: (xy - origin) * scale)

    def degrees(self, geometry: Any) -> Any:
        """Return geometries in flat metres as geometries in degrees."""
        origin, scale = np.array([self.lon0, self.lat0]), np.array([self.kx, self.ky])
        return shapely.transform(geometry, lambda xy: xy / scale + origin)


@dataclass(frozen=True, eq=False)
class Shares:
    """How much of each child lies in which parent.

    Parameters
    ----------
    child, parent
        Positions, each pair once, with an area in common.
    area
        Of what they have in common, in the square of the unit they came in.
    """

    child: m.Ints
    parent: m.Ints
    area: m.Floats

    def best(self, size: int) -> m.Ints:
        """Return for each of ``size`` children the parent that holds most of it (of equal ones the first), else -1."""
        found = np.full(size, -1, dtype=np.int64)
        order = np.lexsort((-self.parent, self.area, self.child))
        found[self.child[order]] = self.parent[order]  # the last written has the largest area
        return found

    def within(self, parents: m.Ints) -> m.Floats:
        """Return for each child its area in the parent named for it (0 where that is -1)."""
        found = np.zeros(len(parents))
        named = parents[self.child] == self.parent
        found[self.child[named]] = self.area[named]
        return found


def shares(children: m.Geometries, parents: m.Geometries) -> Shares:
    """Return the areas that valid children and parents have in common.

    A child that a parent covers shares its whole area with it and nothing with those that do not cover it.
    """
    child, parent = shapely.STRtree(parents).query(children)
    shapely.prepare(parents)
    covered = shapely.covers(parents[parent], children[child])
    whole = np.zeros(len(children), dtype=bool)
    whole[child[covered]] = True
    area = np.zeros(len(child))
    area[covered] = shapely.area(children[child[covered]])
    open_ = np.flatnonzero(~whole[child])
    common = shapely.intersection(children[child[open_]], parents[parent[open_]])
    area[open_] = shapely.area(common)
    kept = area > 0
    return Shares(child[kept].astype(np.int64), parent[kept].astype(np.int64), area[kept])


def valid_polygons(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons fit for overlays: invalid ones mended (what is wrong with them is told elsewhere)."""
    found = geometry.copy()
    bad = np.flatnonzero(~shapely.is_valid(found))
    for i in bad:
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(found[i])))
        found[i] = shapely.multipolygons(parts[shapely.get_type_id(parts) == 3])
    return found
