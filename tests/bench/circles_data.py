"""Where the circles are drawn: three extracts, origins on their streets, addresses beside them, buildings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from bench import CACHE, SHARED, out
from numpy.typing import NDArray

import gridmap
from gridmap.errors import LayerError
from gridmap.network.model import WalkNetwork

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTES = 15.0
SPEED_M_S = 1.1
LIMIT_M = MINUTES * 60 * SPEED_M_S
"""The straight-line circle of 15 minutes."""
ORIGINS = 1000
FEW = 40
"""How many of the origins the truth is judged at."""
ADDRESSES = 1500
"""Addresses a station."""
BESIDE_M = (5.0, 35.0)
HOMES = 200_000
SEED = 4
NAMES = ("porto", "liechtenstein", "sample")
_ROUND = 3000
"""Addresses thrown a station before those that do not qualify are left out; thrown again until there are enough."""


@dataclass(frozen=True, eq=False)
class Segments:
    """The streets that may be entered from beside the road, straight piece by straight piece.

    Parameters
    ----------
    ends
        (n, 4) x, y, x, y in the network's CRS.
    edge
        (n,) the edge each belongs to.
    """

    ends: Floats
    edge: Ints

    @cached_property
    def lines(self) -> NDArray[np.object_]:
        return np.asarray(shapely.linestrings(self.ends.reshape(-1, 2, 2)), dtype=object)

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.lines)

    @cached_property
    def length_m(self) -> Floats:
        return np.hypot(*(self.ends[:, 2:] - self.ends[:, :2]).T)

    def at(self, segment: Ints, share: Floats, left_m: Floats | float = 0.0) -> Floats:
        """Return points so far along segments, and so far to the left of them."""
        begin, step = self.ends[segment, :2], self.ends[segment, 2:] - self.ends[segment, :2]
        normal = np.c_[-step[:, 1], step[:, 0]] / self.length_m[segment][:, None]
        return begin + share[:, None] * step + normal * np.reshape(left_m, (-1, 1))


@dataclass(frozen=True, eq=False)
class Place:
    """An extract and its walking network; water and railways come from the same extract.

    Parameters
    ----------
    name, extract
        What tables call it, and the file.
    network
        As gridmap reads it.
    buildings
        (n, 2) a point inside every building, in the network's CRS; none where the extract has no buildings.
    """

    name: str
    extract: Path
    network: WalkNetwork
    buildings: Floats

    @cached_property
    def segments(self) -> Segments:
        network = self.network
        edge = np.repeat(np.arange(len(network.edge_length_m)), np.diff(network.vertex_start))
        xy = network.vertex_xy
        whole = (edge[:-1] == edge[1:]) & (xy[:-1] != xy[1:]).any(axis=1)
        at = np.flatnonzero(whole & network.edge_roadside[edge[:-1]])
        return Segments(np.c_[xy[at], xy[at + 1]], edge[at].astype(np.int64))

    @cached_property
    def origins(self) -> Floats:
        """Return places on streets, the same for every engine: at the street nearest a building where any is known."""
        rng = np.random.default_rng(SEED)
        if len(self.buildings) < ORIGINS:
            return self._along_streets(rng, ORIGINS, 0.0, 0.0)
        points = shapely.points(self.buildings[rng.choice(len(self.buildings), ORIGINS, replace=False)])
        _, nearest = self.segments.tree.query_nearest(points, all_matches=False)
        lines = self.segments.lines[nearest]
        return shapely.get_coordinates(shapely.line_interpolate_point(lines, shapely.line_locate_point(lines, points)))

    @cached_property
    def addresses(self) -> Floats:
        """Return (40 · 1500, 2) addresses, those of the first origin first.

        Each lies beside a street that one may enter, 5 to 35 m from the nearest such street, on land, and inside the
        straight-line circle of its origin.
        """
        rng = np.random.default_rng(SEED + 1)
        return np.concatenate([self._around(rng, shapely.Point(xy)) for xy in self.origins[:FEW]])

    @cached_property
    def homes(self) -> gpd.GeoDataFrame:
        """Return 200,000 homes beside the streets, with ``households``."""
        rng = np.random.default_rng(SEED + 2)
        points = gpd.points_from_xy(*self._along_streets(rng, HOMES, *BESIDE_M).T)
        return gpd.GeoDataFrame({"households": rng.integers(1, 60, HOMES)}, geometry=points, crs=self.network.crs)

    def stations(self, n: int) -> gpd.GeoDataFrame:
        """Return the first n origins as a layer of stations."""
        return self.at(self.origins[:n])

    def at(self, xy: Floats) -> gpd.GeoDataFrame:
        """Return stations at points in the network's CRS."""
        points = gpd.points_from_xy(*xy.T)
        return gpd.GeoDataFrame({"station": np.arange(len(xy))}, geometry=points, crs=self.network.crs)

    def lon_lat(self, n: int) -> list[list[float]]:
        """Return the first n origins in WGS 84."""
        return self.degrees(self.origins[:n]).tolist()

    def degrees(self, xy: Floats) -> Floats:
        """Return points in the network's CRS as longitude and latitude in WGS 84."""
        return np.c_[pyproj.Transformer.from_crs(self.network.crs, 4326, always_xy=True).transform(*xy.T)]

    @cached_property
    def _lakes(self) -> shapely.STRtree:
        water = self.network.barriers.geometry[self.network.barriers["kind"] == "water"].values
        return shapely.STRtree(water[shapely.get_dimensions(water) == 2])

    def _along_streets(self, rng: np.random.Generator, n: int, near_m: float, far_m: float) -> Floats:
        """Return places beside edges, each edge as likely as any: where streets are dense, as people are."""
        length, edge = self.segments.length_m, self.segments.edge
        share = length / np.bincount(edge, weights=length)[edge]
        segment = rng.choice(len(length), n, p=share / share.sum())
        return self.segments.at(segment, rng.random(n), rng.uniform(near_m, far_m, n) * rng.choice([-1, 1], n))

    def _around(self, rng: np.random.Generator, origin: shapely.Point) -> Floats:
        near = self.segments.tree.query(origin, predicate="dwithin", distance=LIMIT_M)
        weight = self.segments.length_m[near]
        kept: list[Floats] = []
        while sum(map(len, kept)) < ADDRESSES:
            segment = near[rng.choice(len(near), _ROUND, p=weight / weight.sum())]
            aside = rng.uniform(*BESIDE_M, _ROUND) * rng.choice([-1, 1], _ROUND)
            xy = self.segments.at(segment, rng.random(_ROUND), aside)
            points = shapely.points(xy)
            fits = shapely.dwithin(origin, points, LIMIT_M)
            fits[self.segments.tree.query(points, predicate="dwithin", distance=BESIDE_M[0])[0]] = False
            fits[self._lakes.query(points, predicate="within")[0]] = False
            kept.append(xy[fits])
        return np.concatenate(kept)[:ADDRESSES]


def open_place(name: str) -> Place:
    """Read one of :data:`NAMES`."""
    extract = _extract(name)
    with cache_folder(CACHE / "circles" / "cache"):
        network = gridmap.read_network(extract, water=extract, rail=extract)
    try:
        buildings = gridmap.read_layer(extract, role="buildings").to_crs(network.crs)
        inside = shapely.get_coordinates(shapely.point_on_surface(buildings.geometry.values))
    except LayerError:
        inside = np.empty((0, 2))
    return Place(name, extract, network, inside)


def _extract(name: str) -> Path:
    if name != "sample":
        return next((SHARED / name).glob("*.osm.pbf"))
    path = CACHE / "circles" / "sample.osm.pbf"
    if not path.exists():
        from gridmap.sample.county import make_county
        from gridmap.sample.osm_io import write_extract

        out.print("making the sample county (once)")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_extract(make_county(seed=0), path)
    return path


@contextmanager
def cache_folder(folder: Path) -> Iterator[None]:
    """Keep networks in a folder of one's own."""
    before = os.environ.get("GRIDMAP_CACHE_DIR")
    os.environ["GRIDMAP_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["GRIDMAP_CACHE_DIR"]
        else:
            os.environ["GRIDMAP_CACHE_DIR"] = before
