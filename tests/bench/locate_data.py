"""What the benchmark of locate asks about: three real or believable layers, made lattices, and their points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from bench import CACHE, SHARED, out
from numpy.typing import NDArray

import gridmap
from gridmap.grids.plan import Plan

LEVELS = {"large": 12, "medium": 198, "small": 2021, "micro": 253}
METRE = 1 / 111_200
"""Degrees of latitude a metre, near enough to scatter points."""
NEAR_HOME_M = 200.0
"""Standard deviation of points around a home."""
AROUND_HOMES = 0.7


@dataclass(frozen=True, eq=False)
class Case:
    """A layer that points are asked of.

    Parameters
    ----------
    name
        What the tables call it.
    source
        A plan, or a layer of polygons with a column ``code``.
    level
        The finest tiling level: all that peers are asked for.
    codes, shapes
        Codes and polygons of that level in ascending order, so that a polygon's number ranks its code.
    homes, people
        Where people live (longitude, latitude), and the weight of each place.
    """

    name: str
    source: Plan | gpd.GeoDataFrame
    level: str
    codes: NDArray[np.object_]
    shapes: NDArray[np.object_]
    homes: NDArray[np.float64]
    people: NDArray[np.float64]

    def locator(self) -> gridmap.Locator:
        """Index the layer."""
        if isinstance(self.source, Plan):
            return gridmap.Locator(self.source)
        return gridmap.Locator.from_layer(self.source, code="code")

    @property
    def bounds(self) -> NDArray[np.float64]:
        """West, south, east and north."""
        return np.asarray(shapely.total_bounds(self.shapes))

    @property
    def vertices(self) -> int:
        """Vertices of the polygons, those of a shared border counted on both sides."""
        return int(shapely.get_num_coordinates(self.shapes).sum())

    def points(self, n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return longitudes and latitudes: 70 % normal around homes, 30 % uniform over the bounding box, no order."""
        rng = np.random.default_rng(seed)
        near = round(n * AROUND_HOMES)
        home = self.homes[rng.choice(len(self.homes), near, p=self.people / self.people.sum())]
        west, south, east, north = self.bounds
        metre = np.array([METRE / np.cos(np.radians((south + north) / 2)), METRE])
        points = np.empty((n, 2))
        points[:near] = home + rng.normal(0, NEAR_HOME_M, (near, 2)) * metre
        points[near:] = rng.uniform((west, south), (east, north), (n - near, 2))
        points = points[rng.permutation(n)]
        return np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])

    def uniform(self, n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return longitudes and latitudes all over the bounding box."""
        rng = np.random.default_rng(seed)
        west, south, east, north = self.bounds
        return rng.uniform(west, east, n), rng.uniform(south, north, n)


def case_of(name: str, source: Plan | gpd.GeoDataFrame, homes: gpd.GeoSeries, people: NDArray[np.float64]) -> Case:
    """Make a case of a plan, or of a layer with a column ``code``."""
    level, finest = "code", source
    if isinstance(source, Plan):
        level, finest = source.finest_tiling, source[source.finest_tiling].reset_index()
    finest = finest.sort_values("code")
    spots = homes.to_crs(finest.crs)
    kept = people > 0
    lon_lat = np.column_stack([spots.x.to_numpy(), spots.y.to_numpy()])[kept]
    shapes = np.asarray(finest.geometry.values, dtype=object)
    return Case(name, source, level, finest["code"].to_numpy(dtype=object), shapes, lon_lat, people[kept])


def sample() -> Case:
    """Return the sample county as ``gridmap demo`` draws it; people live in its buildings."""
    county = CACHE / "county"
    plan = _cached("sample", _draw_sample)
    buildings = gpd.read_file(county / "buildings.gpkg", columns=["households"])
    return case_of("sample", plan, buildings.representative_point(), buildings["households"].to_numpy(dtype=float))


def sample_files() -> tuple[Path, Path]:
    """Return the files of the sample county's plan and of its roster."""
    from gridmap.sample.county import make_county
    from gridmap.sample.io import write_roster
    from gridmap.sample.roster import make_roster

    plan, roster = _cached("sample", _draw_sample), CACHE / "roster.csv"
    if not roster.exists():
        write_roster(make_roster(plan, make_county(seed=0), 0), roster)
    return CACHE / "sample.gpkg", roster


def _draw_sample() -> Plan:
    from gridmap.cli.demo import draw_and_check
    from gridmap.sample.county import make_county
    from gridmap.sample.io import write_county

    folder = CACHE / "county"
    write_county(make_county(seed=0), folder)
    network = gridmap.read_network(folder / "streets.gpkg", water=folder / "water.gpkg", rail=folder / "rail.gpkg")
    return draw_and_check(folder, network, 0, lambda _share, _what: None)[0]


def xinwu() -> Case:
    """Return the real district, drawn from nothing; people live in its cells of residential floor."""
    cells = gpd.read_file(SHARED / "xinwu" / "built_form_250m.gpkg")
    plan = _cached("xinwu", lambda: _draw_xinwu(cells))
    return case_of("xinwu", plan, cells.representative_point(), cells["area_residential_m2"].to_numpy(dtype=float))


def _draw_xinwu(cells: gpd.GeoDataFrame) -> Plan:
    folder = SHARED / "xinwu"
    network = gridmap.read_network(folder / "roads.gpkg", water=folder / "water.gpkg")
    blocks = gridmap.make_blocks(
        folder / "boundary.gpkg",
        folder / "roads.gpkg",
        water=folder / "water.gpkg",
        weights=gridmap.Weights(cells, "area_residential_m2", 100),
    )
    return gridmap.draw_plan(blocks, network, levels=LEVELS, county_code="320214")


def dc() -> Case:
    """Return the census blocks of a city; nobody says where its people live, so every block has as many."""
    blocks = gpd.read_file(f"zip://{SHARED / 'dc' / 'tabblock20.zip'}", columns=["GEOID20"])
    # NAD 83 is taken as WGS 84, as everywhere in gridmap where two systems differ by less than a metre.
    layer = gpd.GeoDataFrame({"code": blocks["GEOID20"]}, geometry=blocks.geometry.values).set_crs(
        "EPSG:4326", allow_override=True
    )
    return case_of("dc", layer, layer.representative_point(), np.ones(len(layer)))


CASES: dict[str, Callable[[], Case]] = {"sample": sample, "xinwu": xinwu, "dc": dc}


def _cached(name: str, draw: Callable[[], Plan]) -> Plan:
    path = CACHE / f"{name}.gpkg"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        out.print(f"drawing the {name} plan (once; kept as {path.relative_to(CACHE.parents[1])})")
        draw().save(path)
    return gridmap.read_plan(path)


def finer(case: Case, vertices: int) -> Case:
    """Return a case whose polygons have about so many vertices; borders that were shared stay shared, at all levels.

    What an edge gains depends on that edge alone, never on the polygon that has it.
    """
    plan = case.source
    step = _step_for(case.shapes, vertices)
    layers = {
        name: layer.set_geometry([_with_bends(shape, step) for shape in layer.geometry.values], crs=layer.crs)
        for name, layer in plan.layers.items()
    }
    bent = replace(plan, layers=layers, blocks=None)
    shapes = np.asarray(bent[case.level].geometry.values, dtype=object)
    assert shapely.coverage_is_valid(shapes), "bent borders are no longer shared"
    return replace(case, name=f"{case.name}, finer", source=bent, shapes=shapes)


def _edges(ring: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return both ends of each edge, the lower first, and whether the ring runs the other way."""
    begin, end = ring[:-1], ring[1:]
    turned = (begin[:, 0] > end[:, 0]) | ((begin[:, 0] == end[:, 0]) & (begin[:, 1] > end[:, 1]))
    low, high = np.where(turned[:, None], end, begin), np.where(turned[:, None], begin, end)
    return low, high, turned


def _step_for(shapes: NDArray[np.object_], vertices: int) -> float:
    """Return the length of edge a vertex is added for, so that the shapes come to so many vertices."""
    rings = shapely.get_rings(shapely.get_parts(shapes))
    lengths = np.concatenate([_length(np.diff(shapely.get_coordinates(ring), axis=0)) for ring in rings])
    missing = vertices - int(shapely.get_num_coordinates(shapes).sum())
    low, high = 1e-7, float(lengths.max())
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if np.floor(lengths / middle).sum() > missing else (low, middle)
    return low


def _with_bends(shape: shapely.Geometry, step: float) -> shapely.Geometry:
    parts = [
        shapely.Polygon(_bent(shapely.get_coordinates(part.exterior), step),
                        [_bent(shapely.get_coordinates(hole), step) for hole in part.interiors])
        for part in shapely.get_parts(shape)
    ]  # fmt: skip
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _bent(ring: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Add vertices along a ring's edges, each a little aside by a hash of its edge."""
    low, high, turned = _edges(ring)
    along = high - low
    added = np.floor(_length(along) / step).astype(int)
    edge = np.repeat(np.arange(len(low)), added + 1)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(added + 1) - added - 1, added + 1)
    # Read towards the ring's end, an edge that was turned counts its vertices from its upper end.
    number = np.where(turned[edge], added[edge] + 1 - place, place)
    share = number / (added[edge] + 1)
    at = low[edge] + share[:, None] * along[edge]
    aside = np.column_stack([-along[edge, 1], along[edge, 0]]) * (0.02 / (added[edge] + 1))[:, None]
    at += aside * _hashed(low[edge], high[edge], number)[:, None]
    first = place == 0
    at[first] = ring[:-1]
    at = np.round(at, 8)
    return np.vstack([at, at[:1]])


def _length(along: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2)


def _hashed(low: NDArray[np.float64], high: NDArray[np.float64], number: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number between -1 and 1 for each vertex of an edge, in whole numbers: the same on both sides."""
    mixed = number.astype(np.uint64)
    for end in (low[:, 0], low[:, 1], high[:, 0], high[:, 1]):
        mixed = (mixed ^ np.round(end * 1e8).astype(np.int64).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**52 - 1


def lattice(side: int, cell_m: float, seed: int = 0) -> Case:
    """Return a made coverage of side × side polygons of 20 vertices, borders bent and shared; one point a polygon."""
    rng = np.random.default_rng(seed)
    bend, inner = 0.06, 4
    j, i = np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="ij")
    corner = np.stack([i, j], axis=2) + rng.uniform(-0.2, 0.2, (side + 1, side + 1, 2))
    share = (np.arange(1, inner + 1) / (inner + 1))[:, None]

    def bent(begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        straight = begin[:, :, None] + share * (end - begin)[:, :, None]
        return straight + rng.uniform(-bend, bend, straight.shape)

    flat = bent(corner[:, :-1], corner[:, 1:])
    upright = bent(corner[:-1], corner[1:])
    rings = np.concatenate([
        corner[:-1, :-1, None], flat[:-1], corner[:-1, 1:, None], upright[:, 1:],
        corner[1:, 1:, None], flat[1:, :, ::-1], corner[1:, :-1, None], upright[:, :-1, ::-1],
    ], axis=2).reshape(side * side, -1, 2)  # fmt: skip
    south = 31.0
    scale = cell_m * METRE * np.array([1 / np.cos(np.radians(south)), 1.0])
    rings = np.round(rings * scale + (119.0, south), 8)
    shapes = shapely.polygons(rings)
    codes = pd.Series(np.arange(side * side)).map("P{:06d}".format)
    layer = gpd.GeoDataFrame({"code": codes}, geometry=shapes, crs=4490)
    return case_of(f"{side * side:,} polygons of {cell_m:g} m", layer, layer.representative_point(), np.ones(side**2))
