"""Seamless coverages: what keeps a layer of polygons from covering its land once and only once."""

from __future__ import annotations

from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.geo.crs import GRID_DEG, metric_crs_of

FAULT_COLUMNS: Final = ("kind", "codes", "area_m2", "width_m", "geometry")

NOISE_M2: Final = 1e-8
"""What has less area than a hundredth of a square millimetre is rounding of an overlay *(ours)*."""
_TOUCH_M: Final = 0.01
_LONG: Final = 10.0
"""A strip open to the outside is a sliver, not a corner, when it is this many gap widths long *(ours)*."""

Geometries: TypeAlias = NDArray[np.object_]
Fault: TypeAlias = tuple[str, tuple[int, ...], shapely.Geometry | None]


def coverage_faults(
    layer: gpd.GeoDataFrame, *, gap_width_m: float = 1.0, boundary: shapely.Geometry | None = None
) -> gpd.GeoDataFrame:
    """Find every gap, overlap, invalid and empty polygon of a layer that should tile its land.

    Parameters
    ----------
    layer
        Polygons in longitude and latitude, indexed by code (or by anything else that names them).
    gap_width_m
        Without ``boundary``: how wide, in metres, space between two polygons may be and still count as a gap where it
        is open to the outside. Holes count whatever their width.
    boundary
        What the layer has to cover, in its CRS; every part of it that is not covered is a gap.

    Returns
    -------
    GeoDataFrame
        A row a fault: ``kind`` (gap | overlap | invalid | empty), ``codes`` (tuple of index values: the polygons at
        fault, or those beside a gap), ``area_m2``, ``width_m`` (mean), ``geometry`` (the spot, CRS of the layer).

    Examples
    --------
    >>> from shapely import box
    >>> layer = gpd.GeoDataFrame(index=["a", "b"], crs=4490,
    ...     geometry=[box(120, 31, 120.0101, 31.01), box(120.01, 31, 120.02, 31.01)])
    >>> found = coverage_faults(layer)
    >>> found[["kind", "codes"]].values.tolist(), bool(found["area_m2"][0] > 10_000)
    ([['overlap', ('a', 'b')]], True)
    """
    shapes = np.asarray(layer.geometry.values, dtype=object)
    names = layer.index.to_numpy(dtype=object)
    void = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    invalid = ~void & ~shapely.is_valid(shapes)
    rows: list[Fault] = [("empty", (int(i),), None) for i in np.flatnonzero(void)]
    rows += [("invalid", (int(i),), shapes[i]) for i in np.flatnonzero(invalid)]
    if not void.all():
        sound = _sound(shapes)
        rows += [("overlap", pair, spot) for pair, spot in _overlaps(sound)]
        rows += [("gap", (), spot) for spot in _gaps(sound, layer, gap_width_m, boundary)]
    frame = _measured(rows, layer)
    noise = frame["kind"].isin(("gap", "overlap")) & (frame["area_m2"] < NOISE_M2)
    frame = frame[~noise].reset_index(drop=True)
    beside = _beside(frame, layer, void)
    frame["codes"] = pd.Series(
        [tuple(names[list(found)]) for found in map(_either, frame["codes"], beside)], dtype=object
    )
    return frame[list(FAULT_COLUMNS)]


def _either(stated: tuple[int, ...], beside: tuple[int, ...]) -> tuple[int, ...]:
    return stated or beside


def _sound(shapes: Geometries) -> Geometries:
    """Return valid geometry of every shape: areas must be told even of polygons that cross themselves."""
    sound = shapes.copy()
    bad = ~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)
    sound[bad] = shapely.make_valid(shapes[bad], method="structure")
    sound[shapely.is_missing(sound)] = shapely.Polygon()
    return sound


def _polygons(shapes: Geometries) -> Geometries:
    parts = np.asarray(shapely.get_parts(shapes), dtype=object)
    areal = parts[np.isin(shapely.get_type_id(parts), (3, 6))]
    parts = np.asarray(shapely.get_parts(areal), dtype=object)
    return np.asarray(parts[~shapely.is_empty(parts)], dtype=object)


def _overlaps(shapes: Geometries) -> list[tuple[tuple[int, int], shapely.Geometry]]:
    """Return the pairs that share area, and what they share; only polygons whose edges do not match can."""
    filled = np.flatnonzero(~shapely.is_empty(shapes))
    faulty = ~shapely.is_empty(shapely.coverage_invalid_edges(shapes[filled]))
    suspect = filled[faulty]
    # Of two polygons that overlap sometimes only one is told of.
    some, other = shapely.STRtree(shapes).query(shapes[suspect], predicate="intersects")
    pairs = np.sort(np.stack([suspect[some], other]), axis=0)
    pairs = np.unique(pairs[:, pairs[0] < pairs[1]], axis=1)
    shared = shapely.intersection(shapes[pairs[0]], shapes[pairs[1]])
    found = []
    for a, b, common in zip(*pairs, shared, strict=True):
        parts = _polygons(np.array([common], dtype=object))
        if len(parts):
            found.append(((int(a), int(b)), shapely.multipolygons(parts) if len(parts) > 1 else parts[0]))
    return sorted(found, key=lambda each: each[0])


def _gaps(
    shapes: Geometries, layer: gpd.GeoDataFrame, gap_width_m: float, boundary: shapely.Geometry | None
) -> Geometries:
    union = shapely.union_all(shapes)
    if boundary is not None:
        return _polygons(np.array([shapely.difference(boundary, union)], dtype=object))
    parts = _polygons(np.array([union], dtype=object))
    rings = np.asarray([ring for part in parts for ring in part.interiors], dtype=object)
    holes = np.asarray(shapely.polygons(rings), dtype=object) if len(rings) else np.empty(0, dtype=object)
    return np.concatenate([holes, _open_slivers(union, shapes, layer, gap_width_m)])


def _open_slivers(
    union: shapely.Geometry, shapes: Geometries, layer: gpd.GeoDataFrame, gap_width_m: float
) -> Geometries:
    """Return the strips between two polygons that are narrower than the width and open to the outside."""
    metric = metric_crs_of(layer)
    flat = gpd.GeoSeries([union, *shapes], crs=layer.crs).to_crs(metric).to_numpy()
    outline = _polygons(flat[:1])
    outline = np.asarray([shapely.Polygon(part.exterior) for part in outline], dtype=object)
    half = gap_width_m / 2
    grown = shapely.union_all(shapely.buffer(outline, half, join_style="mitre"))
    closed = shapely.buffer(grown, -half, join_style="mitre")
    # Growing and shrinking again moves a straight edge by rounding: what is thinner than the grid size vanishes.
    left = shapely.difference(closed, shapely.union_all(outline), grid_size=_TOUCH_M / 100)
    strips = _polygons(np.array([left], dtype=object))
    strips = strips[shapely.length(strips) / 2 > _LONG * gap_width_m]
    if len(strips) == 0:
        return np.empty(0, dtype=object)
    strip, grid = shapely.STRtree(flat[1:]).query(strips, predicate="dwithin", distance=_TOUCH_M)
    beside = shapely.length(
        shapely.intersection(shapely.boundary(strips[strip]), shapely.buffer(flat[1:][grid], _TOUCH_M))
    )
    long = beside > 0.25 * shapely.length(strips[strip])
    between = np.bincount(strip[long], minlength=len(strips)) >= 2
    return np.asarray(gpd.GeoSeries(strips[between], crs=metric).to_crs(layer.crs).to_numpy(), dtype=object)


def _measured(rows: list[Fault], layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the faults with their area and mean width in metres."""
    spots = gpd.GeoSeries([spot for *_, spot in rows], crs=layer.crs)
    frame = gpd.GeoDataFrame(
        {
            "kind": pd.Series([kind for kind, *_ in rows], dtype=object),
            "codes": pd.Series([codes for _, codes, _ in rows], dtype=object),
        },
        geometry=spots,
    )
    if len(rows) == 0 or spots.isna().all():
        return frame.assign(area_m2=np.zeros(len(rows)), width_m=np.zeros(len(rows)))
    flat = spots.to_crs(metric_crs_of(layer))
    area = flat.area.fillna(0.0)
    around = flat.length.where(flat.length > 0)
    return frame.assign(area_m2=area, width_m=(2 * area / around).fillna(0.0))


def _beside(frame: gpd.GeoDataFrame, layer: gpd.GeoDataFrame, void: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Return the positions of the polygons beside each gap; nothing for what is no gap."""
    found: list[tuple[int, ...]] = [()] * len(frame)
    gaps = np.flatnonzero(frame["kind"] == "gap")
    if len(gaps) == 0:
        return found
    there = np.flatnonzero(~void)
    shapes = np.asarray(layer.geometry.values, dtype=object)[there]
    at, near = shapely.STRtree(shapes).query(frame.geometry.to_numpy()[gaps], predicate="dwithin", distance=GRID_DEG)
    for gap, polygon in zip(gaps[at], there[near], strict=True):
        found[gap] = (*found[gap], int(polygon))
    return [tuple(sorted(each)) for each in found]
