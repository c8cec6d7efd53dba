"""From a table of sizes and a seed to a complete county: the order in which things are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.sample import names, places, services
from gridmap.sample.borders import follow_streets
from gridmap.sample.buildings import Buildings, make_buildings
from gridmap.sample.model import County, Frame
from gridmap.sample.names import Namer
from gridmap.sample.skeleton import Lines, make_skeleton
from gridmap.sample.spec import COUNTY_CODE, Spec
from gridmap.sample.streets import Cells, Streets, make_cells, make_streets
from gridmap.sample.terrain import WATERS, Geometries, Terrain, make_terrain
from gridmap.sample.territory import Territory, make_territory

PERSONS: Final = 2.62
_POND_SHARE: Final = 0.035
_POND_INSET_M: Final = 22.0
_FIRST_BUILDING: Final = 800_000_001


@dataclass(frozen=True, eq=False)
class _Land:
    """The county before it has names, in metres."""

    terrain: Terrain
    territory: Territory
    cells: Cells
    buildings: Buildings
    streets: Streets


def generate(spec: Spec, seed: int, *, name: str, most_stations: int | None = None) -> County:
    """Make a county; the same seed makes the same county on every machine and in every process."""
    rng = np.random.default_rng(seed)
    frame, namer = Frame(spec.lon, spec.lat), Namer(rng)
    land = _land(spec, rng)
    towns, communities = _units(spec, land.territory, frame, namer, name)
    ways = places.make_ways(land.streets, land.terrain, land.territory, namer)
    estates = places.make_estates(land.buildings, land.cells, namer)
    own = communities["name"].tolist()
    town_of = towns["name"].to_numpy(dtype=object)[land.territory.town].tolist()
    table = places.make_addresses(land.buildings, land.cells, estates, ways, own, town_of, namer)
    stems = [each.removesuffix("社区").removesuffix("村") for each in own]
    facilities, spots = places.make_facilities(land.buildings, land.cells, stems, rng)
    units = services.Units(name, towns["name"].tolist(), own, communities["code"].tolist())
    stations, at = services.make_stations(
        units, land.territory, land.buildings, land.cells, estates, most=most_stations, rng=rng
    )
    estate_layer = _estates(estates, land.cells, communities, frame)
    departments = services.make_departments(land.terrain, land.territory, rng)
    outline = shapely.coverage_union_all(np.asarray(communities.geometry.values))
    return County(
        name=name,
        code=COUNTY_CODE,
        boundary=gpd.GeoDataFrame({"name": [name]}, geometry=[outline], crs=communities.crs),
        towns=towns,
        communities=communities.sort_values("code", ignore_index=True),
        streets=frame.layer(ways.columns(), ways.line),
        water=_water(land.terrain, land.cells, land.buildings, frame, rng),
        rail=_rail(land.terrain, frame),
        buildings=_buildings(land.buildings, estates, table, frame, rng),
        estates=estate_layer,
        addresses=_addresses(table, land.buildings, frame),
        stations=frame.layer(dict(stations), at),
        facilities=frame.layer(dict(facilities), spots),
        departments={each: frame.layer(dict(rows), shapes) for each, (rows, shapes) in departments.items()},
        organisations=services.make_organisations(towns, communities, estate_layer, len(facilities), rng),
    )


def _land(spec: Spec, rng: np.random.Generator) -> _Land:
    """Make the land: borders, streets, buildings; borders run exactly along streets."""
    terrain = make_terrain(spec, rng)
    territory = make_territory(spec, terrain, rng)
    skeleton = make_skeleton(spec, terrain, territory, rng)
    cells, lanes = make_cells(spec, skeleton, terrain, territory, rng)
    buildings = make_buildings(spec, cells, territory, rng)
    streets = make_streets(skeleton, Lines.joined([lanes, buildings.lanes]), terrain)
    exact = follow_streets(territory.communities, streets.line[streets.over == ""])
    return _Land(terrain, replace(territory, communities=exact), cells, buildings, streets)


def _units(
    spec: Spec, territory: Territory, frame: Frame, namer: Namer, name: str
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return towns and communities with codes: communities numbered from west to east within their town."""
    town_names = list(names.DISTRICTS[: spec.districts] + names.TOWNS[: spec.towns]) if spec.districts else [name]
    town_codes = [f"{COUNTY_CODE}{i + 1:03d}" for i in range(spec.districts)]
    town_codes += [f"{COUNTY_CODE}{spec.first_town + i:03d}" for i in range(spec.towns)]
    urban, town = territory.urban, territory.town
    urban_names, village_names = namer.communities(int(urban.sum()), int((~urban).sum()))
    order = np.lexsort((territory.centre[:, 0], ~urban, town))
    codes, labels = np.empty(len(town), dtype=object), np.empty(len(town), dtype=object)
    for number in range(len(town_codes)):
        own = order[town[order] == number]
        inner = int(urban[own].sum())
        first = inner + 1 if spec.village_first is None else spec.village_first
        sequence = [*range(1, inner + 1), *range(first, first + len(own) - inner)]
        codes[own] = [f"{town_codes[number]}{i:03d}" for i in sequence]
    labels[urban], labels[~urban] = urban_names, village_names
    shapes = frame.degrees(territory.communities)
    parent = np.array(town_codes, dtype=object)[town]
    kind = np.where(urban, "urban", "village").astype(object)
    communities = gpd.GeoDataFrame(
        {"code": codes, "name": labels, "parent": parent, "kind": kind}, geometry=shapes, crs="EPSG:4490"
    )
    joined = [shapely.coverage_union_all(shapes[town == i]) for i in range(len(town_codes))]
    kinds = ["street"] * spec.districts + ["town"] * spec.towns
    towns = gpd.GeoDataFrame({"code": town_codes, "name": town_names, "kind": kinds}, geometry=joined, crs="EPSG:4490")
    return towns, communities


def _water(
    terrain: Terrain, cells: Cells, buildings: Buildings, frame: Frame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Return rivers and canals as polygons with their middles as lines, and fish ponds in some fields."""
    wet = [b for b in terrain.barriers if b.kind in WATERS]
    label = [names.RIVERS[i % len(names.RIVERS)] for i in range(len(wet))]
    middle = shapely.intersection(np.array([b.line for b in wet], dtype=object), terrain.boundary)
    ponds = _ponds(cells, buildings, rng)
    columns: dict[str, Any] = {
        "name": [*label, *label, *[None] * len(ponds)],
        "natural": [*["water"] * len(wet), *[None] * len(wet), *["water"] * len(ponds)],
        "waterway": [*[None] * len(wet), *(b.kind for b in wet), *[None] * len(ponds)],
    }
    return frame.layer(columns, np.concatenate([terrain.water(), middle, ponds]))


def _ponds(cells: Cells, buildings: Buildings, rng: np.random.Generator) -> Geometries:
    empty = (cells.kind == "field") & (buildings.use == "none")
    chosen = np.flatnonzero(empty & (rng.random(len(empty)) < _POND_SHARE) & (shapely.area(cells.polygon) < 200_000))
    shapes = shapely.buffer(cells.polygon[chosen], -2 * _POND_INSET_M)
    shapes = shapely.simplify(shapely.buffer(shapes, _POND_INSET_M, quad_segs=2), 1.0)
    return np.asarray(shapes[(shapely.get_type_id(shapes) == 3) & (shapely.area(shapes) > 2_500)], dtype=object)


def _rail(terrain: Terrain, frame: Frame) -> gpd.GeoDataFrame:
    pieces = [
        piece
        for b in terrain.barriers
        if b.kind == "rail"
        for piece in places.split_over(b.line, terrain, WATERS)
    ]  # fmt: skip
    raised = [bridge for _, bridge in pieces]
    columns = {
        "railway": ["rail"] * len(pieces),
        "name": [names.RAILWAY] * len(pieces),
        "bridge": ["yes" if each else None for each in raised],
        "tunnel": np.full(len(pieces), None, dtype=object),
        "layer": [1 if each else 0 for each in raised],
    }
    return frame.layer(columns, np.array([line for line, _ in pieces], dtype=object))


def _estates(estates: places.Estates, cells: Cells, communities: gpd.GeoDataFrame, frame: Frame) -> gpd.GeoDataFrame:
    codes = communities["code"].to_numpy(dtype=object)[cells.community[estates.cell]]
    columns = {
        "estate": [f"E{i:05d}" for i in range(1, len(codes) + 1)],
        "name": estates.name,
        "community": codes,
        "households": estates.households,
    }
    return frame.layer(columns, shapely.buffer(cells.polygon[estates.cell], -9.0, join_style="mitre"))


def _buildings(
    buildings: Buildings, estates: places.Estates, table: pd.DataFrame, frame: Frame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    homes = buildings.households
    of = estates.of_cell[buildings.cell]
    codes = np.array([*(f"E{i:05d}" for i in range(1, len(estates.cell) + 1)), None], dtype=object)
    residents: NDArray[np.int64] = np.where(homes > 0, np.maximum(rng.poisson(PERSONS * homes), homes), 0)
    columns = {
        "osm_id": _FIRST_BUILDING + np.arange(len(homes)),
        "building": buildings.kind,
        "floors": buildings.floors,
        "households": homes,
        "residents": residents,
        "estate": codes[of],
        "address": table["address"].to_numpy(dtype=object),
    }
    return frame.layer(columns, buildings.polygon)


def _addresses(table: pd.DataFrame, buildings: Buildings, frame: Frame) -> gpd.GeoDataFrame:
    layer = frame.layer(dict(table), shapely.centroid(buildings.polygon))
    layer.insert(len(layer.columns) - 1, "lon", shapely.get_x(layer.geometry.values))
    layer.insert(len(layer.columns) - 1, "lat", shapely.get_y(layer.geometry.values))
    return layer
