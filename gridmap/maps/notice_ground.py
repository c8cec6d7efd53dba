"""The ground of a public notice: a grid on a flat sheet with its neighbours and streets, and what bounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import shapely

from gridmap.errors import InputError
from gridmap.geo.crs import metric_crs_of

if TYPE_CHECKING:
    from gridmap.grids.plan import Plan

SIDES: Final = (("东", "east"), ("南", "south"), ("西", "west"), ("北", "north"))
_ALONG_M: Final = 15.0
"""How far from its middle line a street still is the border."""
_MARGIN: Final = 0.18
_NARROWEST_M: Final = 120.0
_SEAM: Final = 1e-6
_SHAPE: Final = 186 / 100
"""Of the sheet: width to height."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What a notice draws, in metres.

    Parameters
    ----------
    shape
        The grid.
    window
        West, south, east, north of the sheet.
    neighbours
        Grids of its level that the sheet shows: ``code``, ``name``, ``geometry``.
    parent
        The grid above, ``None`` at the top.
    streets
        Streets on the sheet with ``name`` and ``highway``; empty where none are known.
    limits
        What bounds it to the east, south, west and north: a street, else the neighbour there; empty where nothing is.
    """

    shape: shapely.Geometry
    window: tuple[float, float, float, float]
    neighbours: gpd.GeoDataFrame
    parent: shapely.Geometry | None
    streets: gpd.GeoDataFrame
    limits: tuple[str, str, str, str]


def ground_of(plan: Plan, code: str, level: str, streets: gpd.GeoDataFrame | None) -> Ground:
    """Return the ground of a grid; of several with the code, of the first.

    Raises
    ------
    InputError
        When it has none.
    """
    layer = plan.layers[level][["name", "geometry"]]
    if layer.loc[[code]].geometry.iloc[0].is_empty:
        raise InputError(f"grid {code} of level {level} has no ground to draw; give it a geometry in the plan")
    crs = metric_crs_of(layer.loc[[code]])
    shape = layer.loc[[code]].to_crs(crs).geometry.iloc[0]
    window = _window(shape)
    degrees = gpd.GeoSeries([shapely.box(*window)], crs=crs).to_crs(layer.crs).geometry.iloc[0]
    near = layer[shapely.intersects(layer.geometry.values, degrees)].to_crs(crs)
    lines = _on_sheet(streets, window, crs)
    others = near[near.index != code].reset_index()
    above, parent = plan.level_above(level), plan.layers[level].loc[[code], "parent"].iloc[0]
    outline = None
    if above is not None and parent in plan.layers[above].index:
        outline = plan.layers[above].loc[[parent]].to_crs(crs).geometry.iloc[0]
    return Ground(shape, window, others, outline, lines, _limits(shape, lines, others))


def _window(shape: shapely.Geometry) -> tuple[float, float, float, float]:
    west, south, east, north = shape.bounds
    width = max((east - west) * (1 + 2 * _MARGIN), _NARROWEST_M)
    height = max((north - south) * (1 + 2 * _MARGIN), _NARROWEST_M / _SHAPE)
    width, height = max(width, height * _SHAPE), max(height, width / _SHAPE)
    x, y = (west + east) / 2, (south + north) / 2
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _on_sheet(
    streets: gpd.GeoDataFrame | None, window: tuple[float, float, float, float], crs: Any
) -> gpd.GeoDataFrame:
    empty = gpd.GeoDataFrame({"name": [], "highway": []}, geometry=[], crs=crs)
    if streets is None:
        return empty
    columns = {name: streets.get(name) for name in ("name", "highway")}
    lines = gpd.GeoDataFrame(columns, geometry=streets.geometry.values, crs=streets.crs).to_crs(crs)
    cut = shapely.intersection(np.asarray(lines.geometry.values, dtype=object), shapely.box(*window))
    drawn = lines.set_geometry(gpd.GeoSeries(cut, index=lines.index, crs=crs))[~shapely.is_empty(cut)]
    return drawn[shapely.length(drawn.geometry.values) > 0].reset_index(drop=True) if len(drawn) else empty


def _limits(shape: shapely.Geometry, streets: gpd.GeoDataFrame, others: gpd.GeoDataFrame) -> tuple[str, str, str, str]:
    """Return what bounds a grid on each side: the named street that follows its border longest, else the neighbour."""
    border = shapely.boundary(shape)
    named = streets[streets["name"].notna()]
    along = shapely.intersection(np.asarray(named.geometry.values, dtype=object), shapely.buffer(border, _ALONG_M))
    by_street = _longest(shape, along, named["name"].tolist())
    seams = shapely.intersection(np.asarray(others.geometry.values, dtype=object), shapely.buffer(border, _SEAM))
    words = [
        name if isinstance(name, str) and name else code
        for code, name in zip(others["code"], others["name"], strict=True)
    ]
    by_neighbour = _longest(shape, seams, words)
    return tuple(by_street[side] or by_neighbour[side] for side in range(4))  # type: ignore[return-value]


def _longest(shape: shapely.Geometry, pieces: Any, names: list[str]) -> list[str]:
    """Return for each side the name whose pieces lie there longest, counted by their vertices' middles."""
    west, south, east, north = shape.bounds
    middle = np.array([(west + east) / 2, (south + north) / 2])
    reach = np.array([max(east - west, 1.0) / 2, max(north - south, 1.0) / 2])
    sums: list[dict[str, float]] = [{}, {}, {}, {}]
    for piece, name in zip(pieces, names, strict=True):
        for line in shapely.get_parts(piece):
            ring = shapely.boundary(line) if shapely.get_dimensions(line) == 2 else line
            xy = shapely.get_coordinates(ring)
            if len(xy) < 2:
                continue
            steps = np.hypot(*np.diff(xy, axis=0).T)
            off = ((xy[:-1] + xy[1:]) / 2 - middle) / reach
            sideways = np.abs(off[:, 0]) >= np.abs(off[:, 1])
            side = np.where(sideways, np.where(off[:, 0] > 0, 0, 2), np.where(off[:, 1] > 0, 3, 1))
            for at in range(4):
                length = float(steps[side == at].sum())
                sums[at][name] = sums[at].get(name, 0.0) + length
    least = 0.15 * float(min(reach))
    return [max(found, key=lambda name: found[name]) if found and max(found.values()) > least else "" for found in sums]
