"""The one form in which a plan keeps its tables, so that what is written and read back is the same, bit by bit.

Text is ``str`` or ``None``, numbers are float64 with NaN, times are aware (Asia/Shanghai, milliseconds: what a
GeoPackage can hold), geometry is a Polygon where it has one part and a MultiPolygon else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import PlanError
from gridmap.geo.crs import STORAGE_CRS, WGS84

ZONE: Final = "Asia/Shanghai"
TIME_DTYPE: Final = f"datetime64[ms, {ZONE}]"

GRID_COLUMNS: Final = (
    "name", "parent", "kind", "area_m2", "households", "residents", "land_use", "grade",
    "responsible_body", "line_department", "valid_from", "valid_to",
)  # fmt: skip
"""Columns of a level's layer beside its index ``code`` and its ``geometry`` (design.md, decision 4)."""

JOURNAL_COLUMNS: Final = ("edit", "at", "who", "why", "action", "block", "level", "old", "new")
"""One row a block and edit: which block went from grid ``old`` to grid ``new``, when, by whom, why."""

LINEAGE_COLUMNS: Final = ("level", "old", "new", "date", "share_area", "share_households", "document")

FORMER_GRID_COLUMNS: Final = (
    "edit", "level", "code", "made", "parent", "name", "kind", "land_use", "grade", "responsible_body",
    "line_department", "valid_from", "valid_to",
)  # fmt: skip
"""Grids as they were before an edit changed or ended them; with ``made`` those that it began."""

FORMER_BLOCK_COLUMNS: Final = ("edit", "block", "pieces", "households", "residents", "water")
"""Blocks as they were before an edit cut them, and the numbers of the blocks that came instead (joined by ``;``)."""

BLOCK_NUMBERS: Final = ("block", "households", "residents", "water")

_NUMBERS: Final = frozenset({"area_m2", "households", "residents", "share_area", "share_households"})
_TIMES: Final = frozenset({"valid_from", "valid_to", "at", "date"})
_COUNTS: Final = frozenset({"edit", "block"})
_FLAGS: Final = frozenset({"water", "made"})


def as_text(values: Any) -> pd.Series:
    """Return values as ``str`` and ``None``; of dtype object, whose missing value stays ``None``."""
    found = np.asarray(pd.Series(values, dtype=object), dtype=object).copy()
    missing = np.asarray(pd.isna(found), dtype=bool)
    found[missing] = None
    for i in np.flatnonzero(~missing):
        if type(found[i]) is not str:
            found[i] = str(found[i])
    return pd.Series(found, dtype=object)


def as_times(values: Any) -> pd.Series:
    """Return values as aware times; a naive one means Asia/Shanghai (design.md, decision 2)."""
    series = pd.Series(values).reset_index(drop=True)
    if series.isna().all():
        return pd.Series(pd.NaT, index=series.index, dtype=TIME_DTYPE)
    if not isinstance(series.dtype, pd.DatetimeTZDtype) and series.dtype.kind != "M":
        series = pd.Series([_aware(value) for value in series], index=series.index)
    if series.dt.tz is None:
        return series.dt.tz_localize(ZONE).dt.as_unit("ms")
    return series.dt.tz_convert(ZONE).dt.as_unit("ms")


def _aware(value: Any) -> Any:
    if value is None or pd.isna(value):
        return pd.NaT
    try:
        time = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise PlanError(f"{value!r} is not a time; write it like 2026-11-01 or 2026-11-01T08:00+08:00") from error
    return time.tz_localize(ZONE) if time.tzinfo is None else time.tz_convert(ZONE)


def as_numbers(values: Any, where: str) -> NDArray[np.float64]:
    """Return values as floats; ``where`` says whose they are when one is a word."""
    series = pd.Series(values)
    found = pd.to_numeric(series, errors="coerce")
    bad = (found.isna() & series.notna()).to_numpy()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise PlanError(f"{where}, row {row}: {series.iloc[row]!r} is not a number; leave it empty where it is unknown")
    return np.asarray(found, dtype=np.float64)


def as_polygons(geometry: Any) -> NDArray[np.object_]:
    """Return geometries as Polygon where there is one part, MultiPolygon else, an empty Polygon where there is none."""
    found = shapely.force_2d(np.asarray(geometry, dtype=object))
    nothing = shapely.is_missing(found) | shapely.is_empty(found)
    found[nothing] = shapely.Polygon()
    single = ~nothing & (shapely.get_type_id(found) == 6) & (shapely.get_num_geometries(found) == 1)
    found[single] = shapely.get_geometry(found[single], 0)
    return np.asarray(found, dtype=object)


def canonical_layer(layer: gpd.GeoDataFrame, level: str) -> gpd.GeoDataFrame:
    """Return a level's layer in the one form: index ``code`` sorted, :data:`GRID_COLUMNS`, ``geometry``.

    Raises
    ------
    PlanError
        When it has no CRS or one that plans are not kept in, or a number is a word.
    """
    crs = _stored_crs(layer, level)
    frame = layer.set_index("code") if layer.index.name != "code" and "code" in layer.columns else layer
    columns = {name: _column(frame, name, level) for name in GRID_COLUMNS}
    codes = pd.Index([str(code) for code in frame.index], dtype="str", name="code")
    made = gpd.GeoDataFrame(columns, geometry=as_polygons(frame.geometry.values), crs=crs)
    made.index = codes
    return made.sort_index(kind="stable")


def canonical_blocks(blocks: gpd.GeoDataFrame, levels: Sequence[str]) -> gpd.GeoDataFrame:
    """Return blocks in the one form; ``levels`` are the names of the columns of codes they carry."""
    crs = _stored_crs(blocks, "blocks")
    missing = [name for name in ("block", *levels) if name not in blocks.columns]
    if missing:
        raise PlanError(f"blocks: no column {', '.join(missing)}; blocks carry block, {', '.join(levels)}, geometry")
    columns = {name: _column(blocks, name, "blocks") for name in (*BLOCK_NUMBERS, *levels)}
    made = gpd.GeoDataFrame(columns, geometry=as_polygons(blocks.geometry.values), crs=crs)
    made.attrs = blocks.attrs
    return made


def canonical_former(blocks: gpd.GeoDataFrame, levels: Sequence[str]) -> gpd.GeoDataFrame:
    """Return former blocks in the one form; ``levels`` are the names of the columns of codes they carry."""
    columns = {name: _column(blocks, name, "former_blocks") for name in (*FORMER_BLOCK_COLUMNS, *levels)}
    return gpd.GeoDataFrame(columns, geometry=as_polygons(blocks.geometry.values), crs=_stored_crs(blocks, "blocks"))


def canonical_table(table: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Return a table in the one form: these columns and no others."""
    return pd.DataFrame({column: _column(table, column, name) for column in columns})


def loose_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of any columns in the one form: text where it is neither number, truth value nor time."""
    return pd.DataFrame({str(column): _loose(table[column]) for column in table.columns})


def _loose(values: pd.Series) -> Any:
    if values.dtype.kind == "M" or isinstance(values.dtype, pd.DatetimeTZDtype):
        return as_times(values)
    if values.dtype.kind in "biu":
        return values.to_numpy().astype(bool if values.dtype.kind == "b" else np.int64)
    return values.to_numpy(dtype=np.float64) if values.dtype.kind == "f" else as_text(values)


def _column(frame: pd.DataFrame, name: str, where: str) -> Any:
    """Return a column in the form its name asks for; one that is not there is empty."""
    values = frame[name].reset_index(drop=True) if name in frame.columns else pd.Series([None] * len(frame))
    if name in _NUMBERS:
        return as_numbers(values, f"{where}, column {name}")
    if name in _TIMES:
        return as_times(values)
    if name in _FLAGS:
        return values.eq(True).to_numpy(dtype=bool)
    if name in _COUNTS:
        numbers = as_numbers(values, f"{where}, column {name}")
        if not np.isfinite(numbers).all():
            row = int(np.flatnonzero(~np.isfinite(numbers))[0])
            raise PlanError(f"{where}, row {row}: {name} is missing; every row needs one")
        return numbers.astype(np.int64)
    return as_text(values)


def _stored_crs(layer: gpd.GeoDataFrame, name: str) -> pyproj.CRS:
    crs: pyproj.CRS | None = layer.crs
    if crs is None or crs.to_epsg() not in (4490, 4326):
        raise PlanError(
            f"{name}: a plan keeps its geometry in {STORAGE_CRS} ({WGS84} outside China), this layer is in "
            f"{'no CRS' if crs is None else crs.to_string()}; make the plan with Plan.from_layers, which converts it"
        )
    return crs


def digest(frame: pd.DataFrame | None) -> bytes:
    """Return a hash of everything in a canonical table: names, order, index where it has a name, values, bits."""
    state = hashlib.sha256()
    if frame is None:
        return state.digest()
    if frame.index.name is not None:
        state.update(_text_bytes(np.asarray(frame.index, dtype=object)))
    if isinstance(frame, gpd.GeoDataFrame):
        state.update(f"EPSG:{frame.crs.to_epsg()}".encode())
    for name in frame.columns:
        state.update(f"\0{name}\0".encode())
        state.update(_bytes(frame[name]))
    return state.digest()


def _bytes(values: pd.Series) -> bytes:
    if isinstance(values.dtype, gpd.array.GeometryDtype):
        return _joined(shapely.to_wkb(np.asarray(values.array), output_dimension=2, byte_order=1))
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return np.asarray(values.dt.tz_convert("UTC").dt.tz_localize(None)).astype("datetime64[ms]").tobytes()
    if values.dtype.kind == "f":
        numbers = values.to_numpy(dtype=np.float64)
        return bytes(np.where(np.isnan(numbers), np.nan, numbers + 0.0).tobytes())  # one NaN, one zero
    if values.dtype.kind in "biu":
        return bytes(values.to_numpy().astype(np.int64).tobytes())
    return _text_bytes(np.asarray(values, dtype=object))


def _text_bytes(values: NDArray[np.object_]) -> bytes:
    return _joined([b"" if value is None else b"=" + value.encode() for value in values])


def _joined(pieces: Any) -> bytes:
    """Join with lengths in front, so that no two lists give the same bytes."""
    return np.array([len(piece) for piece in pieces], dtype=np.int64).tobytes() + b"".join(pieces)
