"""Given units (towns, communities, villages) as they come: codes read, borders brought in, parents found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridmap.errors import LayerError, UnknownNameError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.borders import polygons_of
from gridmap.grids.layers import Layer, load
from gridmap.grids.slivers import SLIVER_AREA_M2

PARENT_SHARE: Final = 0.9
"""Ours: a given unit of which less than this lies in its parent is noted."""


@dataclass(frozen=True, eq=False)
class Units:
    """The given units of one level, sorted by code.

    Parameters
    ----------
    level
        Name of the level.
    codes, names, parents, kinds
        Texts; ``parents`` and ``kinds`` (``urban``, ``village`` …) are empty where the layer has no such column.
    shapes
        Polygons or MultiPolygons in the storage CRS of the blocks.
    """

    level: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    parents: tuple[str, ...]
    kinds: tuple[str, ...]
    shapes: m.Geometries


def read_units(level: str, layer: Layer, crs: pyproj.CRS) -> Units:
    """Read the units of a level; rows of one code are parts of one unit.

    Raises
    ------
    UnknownNameError
        When there is no column ``code``.
    LayerError
        When a row has no code, or a unit no area.
    """
    frame = load(layer, level, crs)
    if "code" not in frame:
        names = ", ".join(str(name) for name in frame.columns if name != "geometry")
        raise UnknownNameError(f"the given layer {level!r} has no column 'code'; it has {names}; rename the right one")
    codes = np.array([_text(value) for value in frame["code"]], dtype=object)
    missing = np.flatnonzero(codes == "")
    if len(missing):
        raise LayerError(f"given layer {level!r}, row {frame.index[missing[0]]}: no code; every unit needs one")
    distinct, first, where = np.unique(codes.astype(str), return_index=True, return_inverse=True)
    shapes = np.array([_shape(frame, np.flatnonzero(where == i)) for i in range(len(distinct))], dtype=object)
    empty = np.flatnonzero(shapely.is_empty(shapes))
    if len(empty):
        raise LayerError(f"given layer {level!r}: {distinct[empty[0]]} has no area; units are polygons")
    called, parents, kinds = (_column(frame, column, first) for column in ("name", "parent", "kind"))
    return Units(level, tuple(distinct.tolist()), called, parents, kinds, shapes)


def _shape(frame: gpd.GeoDataFrame, rows: m.Ints) -> shapely.Geometry:
    polygons = polygons_of(np.asarray(frame.geometry.values, dtype=object)[rows])
    return polygons[0] if len(polygons) == 1 else shapely.union_all(polygons)


def _column(frame: gpd.GeoDataFrame, column: str, rows: Any) -> tuple[str, ...]:
    texts = tuple(_text(value) for value in frame[column].iloc[rows]) if column in frame else ()
    return texts if any(texts) else ()


def _text(value: Any) -> str:
    """Return a code or name as text; whole numbers that a file made into floats lose their ``.0``."""
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def refuse_outside(units: Units, county: shapely.Geometry, crs: pyproj.CRS) -> None:
    """Raise where a unit lies outside of the territory.

    Raises
    ------
    LayerError
        The message names the units.
    """
    inside = shapely.area(m.to_metres(shapely.intersection(units.shapes, county), crs))
    outside = [units.codes[i] for i in np.flatnonzero(inside < SLIVER_AREA_M2)]
    if outside:
        raise LayerError(
            f"{len(outside)} units of the given level {units.level!r} lie outside of the boundary: "
            f"{', '.join(outside[:10])}; leave them out, or check the boundary and the CRS"
        )


def find_parents(units: Units, above: Units) -> tuple[m.Ints, tuple[str, ...]]:
    """Return the position of each unit's parent in the level above, and what is odd about it.

    A column ``parent`` decides; else the parent whose code is a prefix of the unit's, where every unit has just one;
    else the largest overlap.

    Raises
    ------
    LayerError
        When ``parent`` names a unit that does not exist, or a unit above gets no unit of this level.
    """
    share = _shares(units, above)
    if units.parents:
        position = {code: i for i, code in enumerate(above.codes)}
        for code, name in zip(units.codes, units.parents, strict=True):
            if name not in position:
                raise LayerError(f"given level {units.level!r}: {code} has the parent {name!r}, not in {above.level!r}")
        parent = np.array([position[name] for name in units.parents], dtype=np.int64)
    else:
        parent = _by_prefix(units, above)
        if (parent < 0).any():
            parent = np.argmax(share, axis=1).astype(np.int64)
    childless = [above.codes[i] for i in np.flatnonzero(np.bincount(parent, minlength=len(above.codes)) == 0)]
    if childless:
        raise LayerError(
            f"units of the given level {above.level!r} without any unit of {units.level!r} below them: "
            f"{', '.join(childless[:10])}; a level that is given must be given everywhere"
        )
    held = share[np.arange(len(parent)), parent]
    notes = tuple(
        f"{units.level} {units.codes[i]}: only {held[i]:.0%} of it lies in its {above.level} {above.codes[parent[i]]}"
        for i in np.flatnonzero(held < PARENT_SHARE)
    )
    return parent, notes


def _by_prefix(units: Units, above: Units) -> m.Ints:
    found = np.full(len(units.codes), -1, dtype=np.int64)
    for i, code in enumerate(units.codes):
        fits = [j for j, parent in enumerate(above.codes) if code.startswith(parent) and code != parent]
        if len(fits) == 1:
            found[i] = fits[0]
    return found


def _shares(units: Units, above: Units) -> m.Floats:
    """Return the share of each unit (rows) that lies in each unit above (columns)."""
    share = np.zeros((len(units.codes), len(above.codes)))
    i, j = shapely.STRtree(above.shapes).query(units.shapes, predicate="intersects")
    share[i, j] = shapely.area(shapely.intersection(units.shapes[i], above.shapes[j])) / shapely.area(units.shapes)[i]
    return share


def county_of(blocks: gpd.GeoDataFrame) -> tuple[shapely.Geometry, pyproj.CRS]:
    """Return the territory that blocks tile, and the CRS to measure it in."""
    return shapely.coverage_union_all(np.asarray(blocks.geometry.values)), metric_crs_of(blocks)


def refuse_none(within: Mapping[str, Layer]) -> None:
    """Raise where no level is given."""
    if not within:
        raise LayerError("no given level; allowed: a mapping from level names, coarsest first, to layers with 'code'")
