"""Points of a layer as columns: well-known binary in, longitude and latitude out, a column at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import CrsError
from gridmap.geo.crs import WGS84, point_xy
from gridmap.locate.points import systems_of_layer

Floats: TypeAlias = NDArray[np.float64]

_WKB_POINT: Final = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
_NEEDED: Final = ("lon", "lat")


@dataclass(frozen=True)
class LayerPoints:
    """How the geometry of a layer becomes the columns ``lon, lat, crs``.

    Parameters
    ----------
    column
        Name of the geometry: well-known binary, or pairs of ``x`` and ``y``.
    crs
        Of the layer, anything that pyproj understands; ``None`` where it states none.
    name
        Of the file, for messages.
    """

    column: str
    crs: Any
    name: str

    def applied(self, table: pa.Table) -> pa.Table:
        """Return the table without its geometry, with ``lon`` and ``lat`` (WGS 84 degrees) unless it has them.

        A column ``crs`` that states another system than the layer does leaves open which is right:
        :func:`gridmap.locate.points.systems_of_layer`.

        Raises
        ------
        CrsError
            When the layer states no system.
        """
        plain = table.drop_columns([self.column])
        if all(name in plain.column_names for name in _NEEDED):
            return plain
        lon, lat, epsg = self._degrees(table[self.column])
        columns = {"lon": pa.array(lon), "lat": pa.array(lat), "crs": _systems(plain, epsg)}
        for name, values in columns.items():
            plain = _with(plain, name, values)
        return plain

    def _degrees(self, geometry: pa.ChunkedArray) -> tuple[Floats, Floats, int | None]:
        if self.crs is None:
            raise CrsError(f"{self.name} states no CRS; set it, or give the coordinates as columns lon and lat")
        crs = pyproj.CRS.from_user_input(self.crs)
        lon, lat = _pairs_xy(geometry) if pa.types.is_struct(geometry.type) else wkb_xy(geometry)
        if crs.to_epsg() != 4326:
            lon, lat = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True).transform(lon, lat)
            bad = ~(np.isfinite(lon) & np.isfinite(lat))
            lon, lat = np.where(bad, np.nan, lon), np.where(bad, np.nan, lat)
        return lon, lat, crs.to_epsg()


def _pairs_xy(geometry: pa.ChunkedArray) -> tuple[Floats, Floats]:
    x, y = (pc.fill_null(pc.struct_field(geometry, axis), np.nan).to_numpy() for axis in ("x", "y"))
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def wkb_xy(geometry: pa.ChunkedArray) -> tuple[Floats, Floats]:
    """Return x and y of points in well-known binary, NaN where one is missing, empty or no point.

    Examples
    --------
    >>> column = pa.chunked_array([pa.array([shapely.Point(1, 2).wkb, None])])
    >>> [axis.tolist() for axis in wkb_xy(column)]
    [[1.0, nan], [2.0, nan]]
    """
    parts = [_chunk_xy(chunk) for chunk in geometry.chunks]
    if not parts:
        return np.empty(0), np.empty(0)
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _chunk_xy(chunk: pa.Array) -> tuple[Floats, Floats]:
    """Plain points are 21 bytes each, one after the other: read as they lie. Anything else goes through GEOS."""
    data = pa.array(chunk, type=pa.large_binary()) if not pa.types.is_large_binary(chunk.type) else chunk
    there = data.drop_null()
    raw = np.frombuffer(b"".join(there.to_pylist()) if there.offset else _bytes(there), dtype=np.uint8)
    x, y = np.full(len(data), np.nan), np.full(len(data), np.nan)
    known = data.is_valid().to_numpy(zero_copy_only=False)
    if len(raw) == len(there) * _WKB_POINT.itemsize:
        points = raw.view(_WKB_POINT)
        if (points["order"] == 1).all() and (points["kind"] == 1).all():
            x[known], y[known] = points["x"], points["y"]
            return x, y
    return point_xy(shapely.from_wkb(np.array(data.to_pylist(), dtype=object), on_invalid="ignore"))


def _bytes(there: pa.Array) -> bytes | memoryview:
    if len(there) == 0:
        return b""
    offsets = np.frombuffer(there.buffers()[1], dtype=np.int64)[: len(there) + 1]
    return memoryview(there.buffers()[2])[offsets[0] : offsets[-1]]


def _systems(plain: pa.Table, epsg: int | None) -> pa.Array:
    if "crs" not in plain.column_names:
        return pa.array(systems_of_layer([None], epsg).tolist() * plain.num_rows, type=pa.large_string())
    which, names = pd.factorize(plain["crs"].to_pandas())
    said = systems_of_layer([*names.tolist(), None], epsg)
    return pa.array(said[which], type=pa.large_string())


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)
