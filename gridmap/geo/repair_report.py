"""The account of a repair: what every changed polygon gained and lost, and where every piece went."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.geo.coverage import Geometries
from gridmap.geo.repair_faces import flat_shapes
from gridmap.geo.repair_rings import Rings
from gridmap.geo.repair_settle import Settled, Tolerances

WARNED_SHARE: Final = 0.01
"""A polygon whose area changes by more than this share is warned of *(ours)*."""


def piece_rows(
    settled: Settled, ground: Geometries, names: NDArray[np.object_], allowed: Tolerances, crs: pyproj.CRS
) -> gpd.GeoDataFrame:
    """Return a row a piece that was given away."""
    pieces, flat = settled.pieces, flat_shapes(ground, allowed.metric)
    return gpd.GeoDataFrame(
        {
            "kind": pd.Series([piece.kind for piece in pieces], dtype=object),
            "codes": pd.Series([tuple(names[list(piece.between)]) for piece in pieces], dtype=object),
            "to": pd.Series([names[piece.to] for piece in pieces], dtype=object),
            "area_m2": shapely.area(flat),
            "width_m": 2 * shapely.area(flat) / shapely.length(flat),
        },
        geometry=gpd.GeoSeries(ground, crs=crs),
        crs=crs,
    )


def change_rows(made: Geometries, rings: Rings, settled: Settled, metric: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return a row a polygon that is not as it was given."""
    before = rings.shapes
    changed = ~shapely.equals_identical(made, before)
    row = np.flatnonzero(changed | rings.mended | rings.repeated)
    old, new = before[row], made[row]
    gained, lost = shapely.difference(new, old), shapely.difference(old, new)
    flat_old, flat_new = flat_shapes(old, metric), flat_shapes(new, metric)
    area = shapely.area(flat_old)
    # Sides are straight in degrees, not in metres, where a vertex more on a side bends it: so that before, gained,
    # lost and after add up, all four are measured in degrees and told in the metres of the polygon as it was.
    scale = area / shapely.area(old)
    after = shapely.area(new) * scale
    done = _done(row, changed, rings, settled)
    warned = np.abs(after - area) > WARNED_SHARE * area
    moved = shapely.hausdorff_distance(shapely.boundary(flat_old), shapely.boundary(flat_new))
    return gpd.GeoDataFrame(
        {
            "code": pd.Series(rings.names[row], dtype=object),
            "done": pd.Series(done, dtype=object),
            "severity": pd.Series(np.where(warned, "warning", "note"), dtype=object),
            "area_before_m2": area,
            "area_after_m2": after,
            "gained_m2": shapely.area(gained) * scale,
            "lost_m2": shapely.area(lost) * scale,
            "moved_m": moved,
        },
        geometry=gpd.GeoSeries(_multi(shapely.union(gained, lost)), crs=rings.layer.crs),
        crs=rings.layer.crs,
    )


def _done(row: NDArray[np.int64], changed: NDArray[np.bool_], rings: Rings, settled: Settled) -> list[tuple[str, ...]]:
    kinds: dict[int, list[str]] = {int(each): [] for each in row}
    for each in kinds:
        kinds[each] += ["rings"] * bool(rings.mended[each]) + ["repeated_points"] * bool(rings.repeated[each])
    for piece in settled.pieces:
        concerned = {piece.to} if piece.kind == "gap" else {piece.to, *piece.between}
        for each in sorted(concerned):
            if each in kinds and changed[each] and piece.kind not in kinds[each]:
                kinds[each].append(piece.kind)
    return [tuple(found) or ("vertices",) for found in kinds.values()]


def _multi(shapes: Geometries) -> list[shapely.Geometry]:
    """Return the polygons of differences, whose sides that only touch are lines."""
    found = []
    for shape in shapes:
        parts = shapely.get_parts(shape)
        found.append(shapely.multipolygons(parts[shapely.get_type_id(parts) == 3]))
    return found


def dropped_rows(rings: Rings, metric: pyproj.CRS) -> gpd.GeoDataFrame:
    """Return a row a dropped row; its ground stays with the row it repeats."""
    position = {name: at for at, name in reversed(list(enumerate(rings.names)))}
    twins = rings.shapes[[position[first] for _, first in rings.dropped]]
    area = shapely.area(flat_shapes(twins, metric))
    none = np.zeros(len(twins))
    return gpd.GeoDataFrame(
        {
            "code": pd.Series([name for name, _ in rings.dropped], dtype=object),
            "done": pd.Series([("dropped",)] * len(twins), dtype=object),
            "severity": pd.Series(["warning"] * len(twins), dtype=object),
            "area_before_m2": area,
            "area_after_m2": none,
            "gained_m2": none,
            "lost_m2": none,
            "moved_m": none,
        },
        geometry=gpd.GeoSeries(_multi(twins), crs=rings.layer.crs),
        crs=rings.layer.crs,
    )


def summary(changes: gpd.GeoDataFrame, pieces: gpd.GeoDataFrame, left: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return a row a kind of repair: ``done, polygons, places, area_m2``; holes that are left come last."""
    rows = []
    for kind in ("rings", "repeated_points", "gap", "overlap", "sliver", "vertices", "dropped"):
        touched = changes["done"].map(lambda done, kind=kind: kind in done).astype(bool)
        ground = pieces[pieces["kind"] == kind]
        if touched.any() or len(ground):
            rows.append((kind, int(touched.sum()), len(ground), float(ground["area_m2"].sum())))
    if len(left):
        rows.append(("left", 0, len(left), float(left["area_m2"].sum())))
    return pd.DataFrame(rows, columns=["done", "polygons", "places", "area_m2"])
