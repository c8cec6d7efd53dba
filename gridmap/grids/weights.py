"""How many households and residents stand on which block: from buildings, or from polygons with a number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridmap.errors import LayerError, UnknownNameError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.slivers import SLIVER_AREA_M2

FLOOR_AREA_PER_HOUSEHOLD_M2: Final = 100.0
"""Design: footprint × floors ÷ 100 where a building layer does not say how many households it holds."""

PERSONS_PER_HOUSEHOLD: Final = 2.62
"""Mean family household of the seventh national census of China (2020), where a layer does not say residents."""

FLOOR_COLUMNS: Final = ("floors", "building:levels", "building_levels", "levels")
"""Where the number of floors is looked for, in this order; a building without one has 1 floor."""

UNINHABITED: Final = frozenset({
    "barn", "boathouse", "bridge", "bunker", "car_port", "carport", "cathedral", "chapel", "church", "civic",
    "college", "commercial", "construction", "cowshed", "digester", "electricity", "farm_auxiliary", "fire_station",
    "garage", "garages", "gasometer", "government", "grandstand", "greenhouse", "greenhouse_horticulture", "hangar",
    "hospital", "hotel", "hut", "industrial", "kindergarten", "kiosk", "manufacture", "monastery", "mosque", "museum",
    "no", "office", "parking", "pavilion", "public", "religious", "retail", "riding_hall", "roof", "ruins", "school",
    "service", "shed", "shrine", "silo", "slurry_tank", "sports_centre", "sports_hall", "stable", "stadium",
    "storage_tank", "sty", "supermarket", "synagogue", "temple", "tent", "toilets", "train_station",
    "transformer_tower", "transportation", "university", "warehouse", "water_tower", "works",
})  # fmt: skip
"""Values of ``building`` nobody lives in: no households are estimated for them. Any other value, ``yes`` included,
is taken to be inhabited."""


@dataclass(frozen=True)
class Weights:
    """A polygon layer with a number to share out over blocks by area.

    Parameters
    ----------
    layer
        GeoDataFrame or path; any CRS.
    column
        The number, for example floor area.
    divisor
        What to divide it by to get households.
    """

    layer: gpd.GeoDataFrame | str | Path
    column: str
    divisor: float = 1.0


@dataclass(frozen=True, eq=False)
class BlockSources(dict[str, Any]):
    """What blocks were made from; travels with them as ``blocks.attrs["sources"]``, see :func:`sources_of`.

    It is an empty mapping to whoever writes ``attrs`` as JSON (GeoParquet does): files do not carry the sources.

    Parameters
    ----------
    buildings
        Footprints with ``households`` and ``residents``, storage CRS; ``None`` where none were given.
    weights
        Polygons with ``households`` and ``residents``, storage CRS; ``None`` where none were given. Where there are
        both, households come from ``weights`` and buildings only say where no border may run.
    streets
        All streets, those included that bound no block; storage CRS.
    """

    buildings: gpd.GeoDataFrame | None
    weights: gpd.GeoDataFrame | None
    streets: gpd.GeoDataFrame

    def __copy__(self) -> BlockSources:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> BlockSources:
        # pandas copies attrs with every frame it derives; the layers here are only read
        return self

    def __bool__(self) -> bool:
        return True


def sources_of(blocks: gpd.GeoDataFrame) -> BlockSources | None:
    """Return what blocks were made from, ``None`` where they do not carry it (read from a file)."""
    found = blocks.attrs.get("sources")
    return found if isinstance(found, BlockSources) else None


def weigh_buildings(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return buildings with ``households`` and ``residents``.

    A column ``households`` is kept; where it is missing or empty, households are footprint in m² × floors ÷
    :data:`FLOOR_AREA_PER_HOUSEHOLD_M2`, 0 for :data:`UNINHABITED` values of ``building``. ``residents`` likewise, from
    households × :data:`PERSONS_PER_HOUSEHOLD`.

    Raises
    ------
    LayerError
        When ``households`` or ``residents`` holds a word or a negative number; the row is named.
    """
    footprint = shapely.area(m.to_metres(np.asarray(buildings.geometry.values), metric_crs_of(buildings)))
    estimate = footprint * _floors(buildings) / FLOOR_AREA_PER_HOUSEHOLD_M2
    if "building" in buildings:
        estimate[buildings["building"].isin(UNINHABITED).to_numpy()] = 0.0
    households = _numbers(buildings, "households", estimate, "buildings")
    residents = _numbers(buildings, "residents", households * PERSONS_PER_HOUSEHOLD, "buildings")
    return buildings.assign(households=households, residents=residents)


def _floors(buildings: gpd.GeoDataFrame) -> m.Floats:
    floors = pd.Series(np.nan, index=buildings.index)
    for column in FLOOR_COLUMNS:
        if column in buildings:
            floors = floors.fillna(pd.to_numeric(buildings[column], errors="coerce"))
    return np.asarray(floors.where(floors > 0).fillna(1.0), dtype=np.float64)


def weigh_polygons(layer: gpd.GeoDataFrame, column: str, divisor: float) -> gpd.GeoDataFrame:
    """Return weight polygons with ``households`` = ``column`` ÷ ``divisor`` and ``residents``; an empty value is 0.

    Raises
    ------
    UnknownNameError
        When there is no such column; the message lists those there are.
    LayerError
        When a value is a word or negative (the row is named), or the divisor is not above 0.
    """
    if column not in layer:
        names = ", ".join(str(name) for name in layer.columns if name != "geometry")
        raise UnknownNameError(f"the weights have no column {column!r}; they have {names}")
    if not divisor > 0:
        raise LayerError(f"the weights' divisor is {divisor}; allowed: a number above 0")
    households = _numbers(layer, column, np.zeros(len(layer)), "weights") / divisor
    return layer.assign(households=households, residents=households * PERSONS_PER_HOUSEHOLD)


def _numbers(layer: gpd.GeoDataFrame, column: str, otherwise: m.Floats, name: str) -> m.Floats:
    if column not in layer:
        return otherwise
    values = pd.to_numeric(layer[column], errors="coerce")
    bad = (values.isna() & layer[column].notna()) | (values < 0) | np.isinf(values)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise LayerError(
            f"{name}, row {layer.index[at]}: {column} is {layer[column].iloc[at]}; allowed: a number, 0 or more"
        )
    return np.where(values.isna(), otherwise, values.to_numpy(dtype=np.float64))


def carry(
    mosaic: m.Geometries, water: m.Flags, unit: m.Ints, sources: BlockSources, crs: pyproj.CRS
) -> tuple[m.Floats, m.Floats]:
    """Return households and residents of each piece of a mosaic; the total is kept, water gets none.

    A building counts whole where its representative point lies. A weight polygon is shared out over the land it
    covers by area: one that lies partly outside of the mosaic counts whole inside, one that reaches in by less than
    :data:`gridmap.grids.slivers.SLIVER_AREA_M2` not at all. What falls on water goes to the nearest land of the same
    ``unit`` (of any, where the unit has none).
    """
    layer = sources.weights if sources.weights is not None else sources.buildings
    if layer is None or len(layer) == 0:
        return np.zeros(len(mosaic)), np.zeros(len(mosaic))
    if sources.weights is not None:
        row, piece, share = _shares(mosaic, water, unit, layer, crs)
    else:
        row, piece, share = _whole(mosaic, water, unit, layer, crs)
    households, residents = (
        np.bincount(piece, weights=layer[column].to_numpy()[row] * share, minlength=len(mosaic))
        for column in ("households", "residents")
    )
    return households.astype(np.float64), residents.astype(np.float64)


def _whole(
    mosaic: m.Geometries, water: m.Flags, unit: m.Ints, layer: gpd.GeoDataFrame, crs: pyproj.CRS
) -> tuple[m.Ints, m.Ints, m.Floats]:
    points = shapely.point_on_surface(np.asarray(layer.geometry.values))
    piece = m.owner_of(points, mosaic)
    row = np.flatnonzero(piece >= 0)
    piece = piece[row]
    wet = np.flatnonzero(water[piece])
    piece[wet] = _nearest_land(points[row[wet]], piece[wet], mosaic, water, unit, crs)
    return row, piece, np.ones(len(row))


def _shares(
    mosaic: m.Geometries, water: m.Flags, unit: m.Ints, layer: gpd.GeoDataFrame, crs: pyproj.CRS
) -> tuple[m.Ints, m.Ints, m.Floats]:
    polygons, pieces = m.to_metres(np.asarray(layer.geometry.values), crs), m.to_metres(mosaic, crs)
    polygons = shapely.make_valid(polygons)
    row, piece = shapely.STRtree(pieces).query(polygons, predicate="intersects")
    order = np.lexsort((piece, row))
    row, piece = row[order], piece[order]
    area = shapely.area(shapely.intersection(polygons[row], pieces[piece]))
    inside = np.bincount(row, weights=area, minlength=len(layer))
    counts = inside > np.minimum(SLIVER_AREA_M2, shapely.area(polygons) / 2)
    used = counts[row] & (area > 0)
    row, piece, area = row[used], piece[used], area[used]
    land = np.bincount(row, weights=np.where(water[piece], 0.0, area), minlength=len(layer))
    drowned = land[row] <= 0
    points = shapely.point_on_surface(shapely.intersection(polygons[row[drowned]], pieces[piece[drowned]]))
    total = np.where(drowned, inside[row], land[row])
    share = np.where(drowned | ~water[piece], area, 0.0) / total
    piece = piece.copy()
    piece[drowned] = _nearest_land(points, piece[drowned], mosaic, water, unit, crs, metric=True)
    return row, piece, share


def _nearest_land(
    points: m.Geometries,
    piece: m.Ints,
    mosaic: m.Geometries,
    water: m.Flags,
    unit: m.Ints,
    crs: pyproj.CRS,
    *,
    metric: bool = False,
) -> m.Ints:
    """Return for points on water the nearest land of the same unit, of any unit where that has none."""
    if len(points) == 0 or water.all():
        return piece
    points = points if metric else m.to_metres(points, crs)
    land = np.flatnonzero(~water)
    metres = m.to_metres(mosaic[land], crs)
    goal = piece.copy()
    for here in np.unique(unit[piece]):
        own = unit[land] == here
        choice = np.flatnonzero(own) if own.any() else np.arange(len(land))
        asked = np.flatnonzero(unit[piece] == here)
        point, near = shapely.STRtree(metres[choice]).query_nearest(points[asked])
        order = np.lexsort((-near, point))
        goal[asked[point[order]]] = land[choice[near[order]]]
    return goal
