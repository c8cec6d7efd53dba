"""What no grid of a department covers, what two cover, and what lies outside of the county: places, people, sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.departments_overlay import Atoms, is_real, overlay
from gridmap.grids.departments_relate import CROSSES, RELATIONS, Pairs

UNCOVERED_COLUMNS: Final = ("department", "area_m2", "households", "codes", "geometry")
DOUBLED_COLUMNS: Final = ("department", "department_grids", "area_m2", "households", "codes", "geometry")
OUTSIDE_COLUMNS: Final = ("department", "department_grid", "area_m2", "share_of_department", "geometry")
SUMMARY_COLUMNS: Final = (
    "department", "source", "source_date", "grids", *RELATIONS, "grids_cut", "households_cut", "uncovered_m2",
    "uncovered_households", "doubled_m2", "doubled_households", "outside_m2",
)  # fmt: skip


def runs_of(sources: gpd.GeoDataFrame) -> Iterator[tuple[str, m.Ints]]:
    """Give each department with the positions of its grids."""
    names = sources["department"].to_numpy(dtype=object)
    for name in dict.fromkeys(names.tolist()):
        yield name, np.flatnonzero(names == name)


def outside(sources: gpd.GeoDataFrame, county: shapely.Geometry, atoms: Atoms) -> tuple[gpd.GeoDataFrame, m.Flags]:
    """Return what of each department grid lies outside of the county, and which grids have such a part."""
    shapes = np.asarray(sources.geometry.values, dtype=object)
    shapely.prepare(county)
    some = np.flatnonzero(~shapely.covers(county, shapes))
    spots = _polygonal(shapely.difference(shapes[some], county))
    flat = m.to_metres(spots, atoms.metric)
    real = is_real(flat, atoms.tolerance)
    some, spots, area = some[real], spots[real], shapely.area(flat[real])
    beyond = np.zeros(len(sources), dtype=bool)
    beyond[some] = True
    columns = {
        "department": sources["department"].to_numpy(dtype=object)[some],
        "department_grid": sources["department_grid"].to_numpy(dtype=object)[some],
        "area_m2": area,
        "share_of_department": np.minimum(area / sources["area_m2"].to_numpy(float)[some], 1.0),
    }
    return _frame(columns, spots, sources, OUTSIDE_COLUMNS), beyond


@dataclass(frozen=True, eq=False)
class Clashes:
    """Grids of one department that may share area, and those that certainly share none.

    Parameters
    ----------
    one, other
        Positions of two grids of one department.
    layer
        Number of the department of each grid whose edges are its neighbours' all along, -1 for the others.
    """

    one: m.Ints
    other: m.Ints
    layer: m.Ints


def clashes(sources: gpd.GeoDataFrame) -> Clashes:
    """Find the grids of each department that may overlap: those whose edges do not match their neighbours'."""
    shapes = np.asarray(sources.geometry.values, dtype=object)
    layer = np.full(len(shapes), -1, dtype=np.int64)
    found = [np.empty((2, 0), dtype=np.int64)]
    for number, (_, rows) in enumerate(runs_of(sources)):
        suspect = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(shapes[rows])))
        # Of two polygons that overlap sometimes only one is told of.
        some, other = shapely.STRtree(shapes[rows]).query(shapes[rows[suspect]], predicate="intersects")
        pairs = np.sort(np.stack([suspect[some], other]), axis=0)
        pairs = np.unique(pairs[:, pairs[0] < pairs[1]], axis=1).astype(np.int64)
        layer[np.setdiff1d(rows, rows[pairs.ravel()])] = number
        found.append(rows[pairs])
    one, other = np.concatenate(found, axis=1)
    return Clashes(one, other, layer)


def uncovered(
    sources: gpd.GeoDataFrame, county: shapely.Geometry, atoms: Atoms, codes: m.Geometries, clash: Clashes
) -> gpd.GeoDataFrame:
    """Return the parts of the county that no grid of a department covers: a row a connected part.

    ``codes`` names the integrated grid of each atom.
    """
    shapes = np.asarray(sources.geometry.values, dtype=object)
    names, spots = [], []
    for department, rows in runs_of(sources):
        clean = (clash.layer[rows] >= 0).all()
        land = shapely.coverage_union_all(shapes[rows]) if clean else shapely.union_all(shapes[rows])
        parts = _parts(np.array([shapely.difference(county, land)], dtype=object))[0]
        parts = parts[is_real(m.to_metres(parts, atoms.metric), atoms.tolerance)]
        names += [department] * len(parts)
        spots.append(parts)
    places = np.concatenate(spots)
    columns = {"department": np.array(names, dtype=object), **_who(places, atoms, codes)}
    return _frame(columns, places, sources, UNCOVERED_COLUMNS)


def doubled(sources: gpd.GeoDataFrame, atoms: Atoms, codes: m.Geometries, clash: Clashes) -> gpd.GeoDataFrame:
    """Return what two grids of one department cover both: a row a pair."""
    shapes = np.asarray(sources.geometry.values, dtype=object)
    grids = sources["department_grid"].to_numpy(dtype=object)
    common = _polygonal(shapely.intersection(shapes[clash.one], shapes[clash.other]))
    kept = is_real(m.to_metres(common, atoms.metric), atoms.tolerance)
    one, other, places = clash.one[kept], clash.other[kept], common[kept]
    columns = {
        "department": sources["department"].to_numpy(dtype=object)[one],
        "department_grids": pd.Series(list(zip(grids[one], grids[other], strict=True)), dtype=object),
        **_who(places, atoms, codes),
    }
    return _frame(columns, places, sources, DOUBLED_COLUMNS)


def _who(places: m.Geometries, atoms: Atoms, codes: m.Geometries) -> dict[str, Any]:
    """Return area and households of places, and the grids that they lie in."""
    found = overlay(places, atoms)
    homes = np.bincount(found.polygon, weights=atoms.homes(found), minlength=len(places))
    named = found.real & pd.notna(codes[found.atom])
    touched = pd.Series(codes[found.atom[named]], dtype=object).groupby(found.polygon[named])
    lists = touched.agg(lambda each: tuple(sorted(set(each)))).reindex(range(len(places)))
    return {
        "area_m2": shapely.area(m.to_metres(places, atoms.metric)),
        "households": homes,
        "codes": pd.Series([each if isinstance(each, tuple) else () for each in lists], dtype=object),
    }


def summary(
    sources: gpd.GeoDataFrame,
    pairs: Pairs,
    gaps: gpd.GeoDataFrame,
    twice: gpd.GeoDataFrame,
    beyond: gpd.GeoDataFrame,
    atoms: Atoms,
) -> pd.DataFrame:
    """Return a row a department: what its grids are to the finest tiling level, and sums of the reports."""
    rows = []
    for department, own in runs_of(sources):
        mine = np.isin(pairs.polygon, own)
        relation = pairs.relation[mine]
        cut = relation == CROSSES
        spots = twice.geometry.to_numpy()[(twice["department"] == department).to_numpy()]
        both = np.array([shapely.union_all(spots)], dtype=object)
        left = gaps[gaps["department"] == department]
        rows.append((
            department, sources["source"].iloc[own[0]], sources["source_date"].iloc[own[0]], len(own),
            *(int((relation == name).sum()) for name in RELATIONS),
            len(np.unique(pairs.polygon[mine][cut])), float(pairs.households[mine][cut].sum()),
            float(left["area_m2"].sum()), float(left["households"].sum(skipna=False)),
            float(shapely.area(m.to_metres(both, atoms.metric))[0]), float(atoms.homes(overlay(both, atoms)).sum()),
            float(beyond.loc[beyond["department"] == department, "area_m2"].sum()),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _parts(shapes: m.Geometries) -> tuple[m.Geometries, m.Ints]:
    """Return the polygons that shapes are made of, and whose each is."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    areal = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    return np.asarray(parts[areal], dtype=object), np.asarray(owner[inner][areal], dtype=np.int64)


def _polygonal(shapes: m.Geometries) -> m.Geometries:
    """Return each shape without its lines and points."""
    parts, owner = _parts(shapes)
    found = np.full(len(shapes), shapely.Polygon(), dtype=object)
    filled, first = np.unique(owner, return_index=True)
    for i, start, stop in zip(filled.tolist(), first.tolist(), [*first[1:].tolist(), len(parts)], strict=False):
        own = parts[start:stop]
        found[i] = own[0] if len(own) == 1 else shapely.multipolygons(own)
    return found


def _frame(
    columns: dict[str, Any], spots: m.Geometries, sources: gpd.GeoDataFrame, order: tuple[str, ...]
) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(columns, geometry=np.asarray(spots, dtype=object), crs=sources.crs)
    return frame[list(order)]
