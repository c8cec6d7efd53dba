"""Layers of departments as they come, each grid named, or refused with the feature that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date as Date  # noqa: N812 - "date" is what the argument is called
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridmap.errors import InputError, LayerError, UnknownNameError
from gridmap.geo.crs import round_vertices
from gridmap.geo.io import as_layer
from gridmap.grids import mosaic as m
from gridmap.grids.codes import code_text
from gridmap.grids.frames import as_polygons

DepartmentLayer: TypeAlias = gpd.GeoDataFrame | str | os.PathLike[str]
When: TypeAlias = Date | str | None

SOURCE_COLUMNS: Final = ("department", "department_grid", "department_name", "source", "source_date", "area_m2")
"""Columns of the sources beside their geometry: what each grid is called, where it was read and what day it is of."""

_POLYGONS: Final = (3, 6)


def read_departments(
    departments: Mapping[str, DepartmentLayer],
    crs: pyproj.CRS,
    metric: pyproj.CRS,
    *,
    code: str | Mapping[str, str],
    name: str | Mapping[str, str] | None,
    date: When | Mapping[str, When],
) -> gpd.GeoDataFrame:
    """Return the grids of all departments in the CRS of the plan: a row a grid, :data:`SOURCE_COLUMNS` and geometry.

    Departments come in the order given, their grids in the order of their codes.
    """
    if not departments:
        raise InputError("no department layer given; write for example integrate(plan, {'公安': 'police.gpkg'})")
    frames = []
    for department, layer in departments.items():
        if not str(department).strip():
            raise InputError("a department has no name; give a mapping from names to layers")
        day = _day(date.get(department) if isinstance(date, Mapping) else date, department)
        frame = _read(layer, str(department), _pick(code, department, "code"), _pick(name, department, None), crs)
        frame["source"] = Path(layer).name if isinstance(layer, str | os.PathLike) else None
        frame["source_date"] = day
        frames.append(frame)
    every = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=crs)
    every["area_m2"] = shapely.area(m.to_metres(np.asarray(every.geometry.values, dtype=object), metric))
    for column in ("department_name", "source", "source_date"):
        every[column] = every[column].astype(object).where(every[column].notna(), None)
    return every[[*SOURCE_COLUMNS, "geometry"]]


def _pick(choice: str | Mapping[str, str] | None, department: str, default: str | None) -> str | None:
    return choice if choice is None or isinstance(choice, str) else choice.get(department, default)


def _day(value: When, department: str) -> str | None:
    """Return a day as ISO text: what it is of, to the day, is all that is known of a source."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, Date):
        return value.isoformat()
    try:
        return Date.fromisoformat(value).isoformat()
    except ValueError:
        raise InputError(f"department {department}: {value!r} is not a date like 2026-11-01") from None


def _read(
    layer: DepartmentLayer, department: str, code: str | None, name: str | None, crs: pyproj.CRS
) -> gpd.GeoDataFrame:
    read = _open(layer, department)
    if read.index.name is not None and read.index.name not in read.columns:
        read = read.reset_index()
    for column in (code, name):
        if column is not None and column not in read.columns:
            there = ", ".join(str(known) for known in read.columns if known != read.geometry.name) or "none"
            raise UnknownNameError(f"department {department}: no column {column!r}; the layer has {there}")
    codes = np.array([code_text(value) for value in read[code]], dtype=object)
    _refuse(read, codes, department)
    named = name or ("name" if "name" in read.columns else None)
    names = [code_text(value) or None for value in read[named]] if named else [None] * len(read)
    moved = gpd.GeoSeries(as_polygons(read.geometry.values), crs=read.crs).to_crs(crs)
    shapes = round_vertices(np.asarray(moved.values, dtype=object))
    frame = gpd.GeoDataFrame(
        {"department": department, "department_grid": codes, "department_name": names}, geometry=shapes, crs=crs
    )
    frame["geometry"] = _mended(np.asarray(frame.geometry.values, dtype=object))
    return frame.sort_values("department_grid", kind="stable", ignore_index=True)


def _open(layer: DepartmentLayer, department: str) -> gpd.GeoDataFrame:
    if not isinstance(layer, gpd.GeoDataFrame | str | os.PathLike):
        raise LayerError(
            f"department {department}: a {type(layer).__name__} is no layer; give a GeoDataFrame or the path of a file"
        )
    try:
        return as_layer(layer)
    except InputError as error:
        raise type(error)(f"department {department}: {error}") from error


def feature_faults(layer: gpd.GeoDataFrame, codes: m.Geometries) -> dict[int, str]:
    """Return why grids of a department cannot be used: the place of a row → the reason.

    Parameters
    ----------
    layer
        As the department has it.
    codes
        Of its rows, as text.
    """
    shapes = np.asarray(layer.geometry.values, dtype=object)
    nothing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    strange = ~nothing & ~np.isin(shapely.get_type_id(shapes), _POLYGONS)
    crossed = ~nothing & ~strange & ~shapely.is_valid(shapes)
    twice = pd.Series(codes).duplicated(keep=False).to_numpy() & (codes != "")
    found: dict[int, str] = {}
    for place in np.flatnonzero((codes == "") | twice | nothing | strange | crossed).tolist():
        if codes[place] == "":
            found[place] = "no code; every grid needs one"
        elif twice[place]:
            at = ", ".join(str(row) for row in layer.index[codes == codes[place]][:5])
            found[place] = (
                f"its code stands at rows {at}; join the parts of a grid into one row (layer.dissolve('code')), or "
                "give each its own code"
            )
        elif nothing[place]:
            found[place] = "has no geometry"
        elif strange[place]:
            found[place] = f"is a {shapes[place].geom_type}; grids are polygons"
        else:
            why = shapely.is_valid_reason(shapes[place])
            found[place] = (
                f"is not a valid polygon ({why}); mend the source, for example with layer.geometry.make_valid()"
            )
    return found


def _refuse(layer: gpd.GeoDataFrame, codes: m.Geometries, department: str) -> None:
    for place, reason in feature_faults(layer, codes).items():
        called = f", grid {codes[place]}" if codes[place] else ""
        raise LayerError(f"department {department}, row {layer.index[place]}{called}: {reason}")


def _mended(shapes: m.Geometries) -> m.Geometries:
    """Return polygons that rounding to the storage grid may have made to touch themselves, valid again."""
    bad = np.flatnonzero(~shapely.is_valid(shapes))
    found = shapes.copy()
    found[bad] = as_polygons(shapely.make_valid(shapes[bad], method="structure"))
    return found
