"""Reading any vector layer, and writing one so that nothing is half-written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridmap.errors import CrsError, LayerError
from gridmap.geo.crs import WGS84, transformer
from gridmap.geo.files import atomic_path
from gridmap.geo.notes import as_metadata, from_metadata, notes_of
from gridmap.geo.osm_io import read_osm

_PARQUET: Final = (".parquet", ".geoparquet", ".pq")
_EXTRACTS: Final = (".osm.pbf", ".osm", ".osm.gz", ".osm.bz2")
_DRIVERS: Final = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".shp": "ESRI Shapefile"}
_SLACK_DEG: Final = 1.0
"""How far beyond its stated area of use a CRS may be used: zones are stretched over a county's edge in practice."""


def is_extract(path: str | os.PathLike[str]) -> bool:
    """Whether a path names an OpenStreetMap extract."""
    return str(path).lower().endswith(_EXTRACTS)


def read_layer(
    path: str | os.PathLike[str],
    *,
    layer: str | None = None,
    role: str | None = None,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    crs: str | int | None = None,
    checked: bool = True,
) -> gpd.GeoDataFrame:
    """Read a vector layer of any format and check its coordinate system.

    Parameters
    ----------
    path
        Anything GDAL reads, GeoParquet, or an ``.osm.pbf``. A Shapefile without a ``.cpg`` is read as UTF-8 where its
        texts are, else as GB18030 (which holds GBK).
    layer
        Name of the layer in a file of several; the first one by default.
    role
        What to take from an extract: streets, water, rail, buildings, boundary, places, addresses.
    columns
        Columns to keep beside the geometry; all by default.
    encoding
        Encoding of the texts; overrides what the file says.
    crs
        The coordinate system of a file that states none.
    checked
        Whether coordinates that cannot be in the file's CRS refuse it; who judges feature by feature says no.

    Returns
    -------
    GeoDataFrame
        In the file's own CRS; features without geometry are kept. ``attrs`` hold the notes that :func:`write_layer`
        kept in the file's metadata; ``attrs["skipped"]`` names features that could not be read.

    Raises
    ------
    LayerError
        When the file, the layer or a column does not exist, the file cannot be read or holds no feature.
    CrsError
        When the CRS is missing, or the coordinates lie outside its area or look swapped.

    Examples
    --------
    >>> read_layer("data/town/communities.gpkg").crs.to_epsg()
    4490
    """
    source = Path(path)
    if not source.exists():
        raise LayerError(f"{source} does not exist")
    frame = read_osm(source, role or "streets") if is_extract(source) else _read_file(source, layer, encoding)
    if frame.crs is None and crs is not None:
        frame = frame.set_crs(crs)
    if columns is not None:
        frame = _select(frame, columns, source.name)
    if checked:
        check_crs(frame, source.name)
    return frame


def as_layer(layer: gpd.GeoDataFrame | str | os.PathLike[str], *, role: str | None = None) -> gpd.GeoDataFrame:
    """Return a layer given as itself or as a path, its coordinate system checked; see :func:`read_layer`."""
    if isinstance(layer, gpd.GeoSeries):
        layer = gpd.GeoDataFrame(geometry=layer)
    if isinstance(layer, gpd.GeoDataFrame):
        check_crs(layer, role or "the layer")
        return layer
    return read_layer(layer, role=role)


def check_writable(path: Path) -> None:
    """Refuse a file name whose suffix no layer is written under.

    Raises
    ------
    LayerError
        With the suffixes that are allowed.
    """
    if path.suffix.lower() not in (*_PARQUET, *_DRIVERS):
        raise LayerError(f"{path.name}: cannot write {path.suffix!r}; allowed: {', '.join((*_DRIVERS, *_PARQUET))}")


def write_layer(frame: gpd.GeoDataFrame, path: str | os.PathLike[str], *, layer: str | None = None) -> None:
    """Write a layer by its suffix (.gpkg, .parquet, .geojson, .shp), whole or not at all.

    What of ``frame.attrs`` is plain (the network's date, the barriers minded) goes into the metadata of a GeoPackage
    or GeoParquet, and :func:`read_layer` gives it back; GeoJSON and Shapefile have no place for it.

    Raises
    ------
    LayerError
        When the suffix is none of these.
    OutputError
        When the disk refuses; what stood there before is untouched.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(120, 31)], crs=4490)
    >>> frame.attrs["network_date"] = "2026-11-01"
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.gpkg"
    >>> write_layer(frame, path)
    >>> read_layer(path).attrs
    {'network_date': '2026-11-01'}
    """
    target = Path(path)
    check_writable(target)
    with atomic_path(target) as draft:
        if target.suffix.lower() in _PARQUET:
            plain = frame.copy(deep=False)
            plain.attrs = notes_of(frame)
            plain.to_parquet(draft)
            return
        # GDAL takes 30 MB, which a process that reads extracts alone has a use for.
        import pyogrio

        driver, name = _DRIVERS[target.suffix.lower()], layer or target.stem
        try:
            if driver == "ESRI Shapefile":
                pyogrio.write_dataframe(frame, draft, driver=driver, layer=name, encoding="UTF-8")
                _check_whole(draft)
                return
            # GDAL says nothing when the disk fills up as it closes a file; Python does.
            content = BytesIO()
            kept = as_metadata(frame) if driver == "GPKG" else None
            pyogrio.write_dataframe(frame, content, driver=driver, layer=name, encoding="UTF-8", layer_metadata=kept)
            draft.write_bytes(content.getbuffer())
        except _gdal_errors() as error:
            raise OSError(str(error)) from error


def write_layers(layers: Mapping[str, pd.DataFrame], path: str | os.PathLike[str]) -> None:
    """Write several layers, and tables without geometry, into one GeoPackage, all of them or none.

    Parameters
    ----------
    layers
        By name; the first is what :func:`read_layer` gives where none is named. ``attrs`` are kept, see
        :func:`write_layer`.
    path
        Where to; what stands there is replaced in one step.

    Raises
    ------
    LayerError
        When the suffix is not .gpkg.
    OutputError
        When the disk refuses; what stood there before is untouched.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(120, 31)], crs=4490)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.gpkg"
    >>> write_layers({"places": frame, "sums": pd.DataFrame({"minutes": [5, 10]})}, path)
    >>> len(read_layer(path))
    1
    """
    target = Path(path)
    if target.suffix.lower() != ".gpkg":
        raise LayerError(f"{target.name}: several layers are written to a .gpkg only, not {target.suffix!r}")
    import pyogrio

    with atomic_path(target) as draft:
        try:
            for name, frame in layers.items():
                words = {column: object for column, kind in frame.dtypes.items() if str(kind) == "category"}
                kept, plain = as_metadata(frame), frame.astype(words)
                pyogrio.write_dataframe(plain, draft, driver="GPKG", layer=name, layer_metadata=kept)
            _check_rows(draft, layers)
        except _gdal_errors() as error:
            raise OSError(str(error)) from error


def _gdal_errors() -> tuple[type[Exception], ...]:
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

    return (DataSourceError, DataLayerError, FeatureError, sqlite3.Error)


def _check_rows(draft: Path, layers: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a GeoPackage that lacks rows, or some of their spatial index, which a full disk leaves out silently."""
    with contextlib.closing(sqlite3.connect(draft)) as file:
        for name, frame in layers.items():
            expected = {name: len(frame)}
            if isinstance(frame, gpd.GeoDataFrame):
                expected[f"rtree_{name}_geom"] = int(np.isfinite(frame.geometry.bounds).all(axis=1).sum())
            for stored, rows in expected.items():
                quoted = stored.replace('"', '""')
                (written,) = file.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 - our own names
                if written != rows:
                    raise OSError(f"only {written} of {rows} rows of {stored} were written; is the disk full?")


def _check_whole(shapefile: Path) -> None:
    """Refuse a Shapefile whose parts are shorter than their headers say, which GDAL leaves without a word."""
    for part in (shapefile, shapefile.with_suffix(".shx"), shapefile.with_suffix(".dbf")):
        with part.open("rb") as file:
            header = file.read(32)
        written = part.stat().st_size
        if part.suffix == ".dbf":
            records, start, length = struct.unpack_from("<IHH", header.ljust(32, b"\0"), 4)
            # GDAL may also leave the header of a table as it began: no width of a row yet.
            expected = start + records * length if length else written + 1
        else:
            expected = 2 * struct.unpack_from(">I", header.ljust(32, b"\0"), 24)[0]
        if written < max(expected, 32):
            raise OSError(f"only {written} of {expected} bytes of the {part.suffix} were written; is the disk full?")


def check_crs(layer: gpd.GeoDataFrame, name: str) -> None:
    """Refuse a layer whose coordinate system cannot be right.

    Parameters
    ----------
    layer
        Any layer; an empty one is refused too.
    name
        What to call it in the message.

    Raises
    ------
    LayerError
        When the layer holds no feature, or a coordinate that is not a number.
    CrsError
        When the CRS is missing, or coordinates lie outside its area of use or look swapped.
    """
    if len(layer) == 0:
        raise LayerError(f"{name} holds no feature")
    if layer.crs is None:
        raise CrsError(f"{name} states no CRS; state it (crs=, or layer.set_crs('EPSG:4490')) if you know it")
    shapes = layer.geometry.values
    bounds = shapely.bounds(np.asarray(shapes))
    known = ~(shapely.is_empty(shapes) | shapely.is_missing(shapes))
    # Bounds would not tell: they pass over what is not a number.
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    bad = owner[~np.isfinite(xy).all(axis=1)]
    if len(bad):
        raise LayerError(f"{name}, row {layer.index[bad[0]]}: a coordinate is not a number")
    if not known.any():
        raise LayerError(f"{name} holds no geometry: all {len(layer)} are missing or empty")
    box = shapely.total_bounds(shapes[known])
    area = _area_of_use(layer.crs)
    if area is None or _within(box, area):
        return
    swapped = (box[1], box[0], box[3], box[2])
    hint = "swap them" if _within(swapped, area) else "give the CRS that the numbers are in"
    what = "look swapped (latitude first)" if _within(swapped, area) else "lie outside the area of its CRS"
    first = int(np.flatnonzero(known & ~_all_within(bounds, area))[0])
    raise CrsError(
        f"{name}, row {layer.index[first]}: coordinates {_spell(bounds[first])} {what} {layer.crs.to_string()}, which "
        f"covers {_spell(area)}; {hint}"
    )


def _area_of_use(crs: pyproj.CRS) -> tuple[float, float, float, float] | None:
    """Return the box, in the CRS's own units, that its coordinates must lie in."""
    if crs.is_geographic:
        use = crs.area_of_use
        if use is None or (use.east - use.west) > 300 or use.east < use.west:
            return (-180.0, -90.0, 180.0, 90.0)
        return (use.west - _SLACK_DEG, use.south - _SLACK_DEG, use.east + _SLACK_DEG, use.north + _SLACK_DEG)
    use = crs.area_of_use
    if use is None or use.east < use.west:
        return None
    to_crs = transformer(pyproj.CRS(WGS84), crs)
    west, east = max(use.west - _SLACK_DEG, -180.0), min(use.east + _SLACK_DEG, 180.0)
    south, north = max(use.south - _SLACK_DEG, -90.0), min(use.north + _SLACK_DEG, 90.0)
    box = to_crs.transform_bounds(west, south, east, north)
    return box if np.isfinite(box).all() else None


def _within(box: Sequence[float], area: Sequence[float]) -> bool:
    return bool(box[0] >= area[0] and box[1] >= area[1] and box[2] <= area[2] and box[3] <= area[3])


def _all_within(boxes: np.ndarray, area: Sequence[float]) -> np.ndarray:
    low, high = np.array(area[:2]), np.array(area[2:])
    return np.asarray((boxes[:, :2] >= low).all(axis=1) & (boxes[:, 2:] <= high).all(axis=1))


def _spell(box: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in box) + ")"


def _read_file(source: Path, layer: str | None, encoding: str | None) -> gpd.GeoDataFrame:
    if source.suffix.lower() in _PARQUET:
        return _read_parquet(source)
    import pyogrio

    try:
        names = [str(name) for name in pyogrio.list_layers(source)[:, 0]]
    except pyogrio.errors.DataSourceError as error:
        raise LayerError(f"{source.name} cannot be read as a vector layer: {error}") from error
    if layer is not None and layer not in names:
        raise LayerError(f"{source.name} has no layer {layer!r}; it has {', '.join(names)}")
    if not names:
        raise LayerError(f"{source.name} holds no layer")
    try:
        frame = pyogrio.read_dataframe(
            source, layer=layer or names[0], encoding=encoding or _dbf_encoding(source), on_invalid="ignore"
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError) as error:
        raise LayerError(f"{source.name} cannot be read: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LayerError(f"{source.name} holds a table without geometry; a vector layer is wanted")
    if source.suffix.lower() == ".gpkg":
        frame.attrs |= from_metadata(pyogrio.read_info(source, layer=layer or names[0])["layer_metadata"])
    return frame


def _read_parquet(source: Path) -> gpd.GeoDataFrame:
    try:
        return gpd.read_parquet(source)
    except (OSError, ValueError) as error:
        raise LayerError(f"{source.name} cannot be read as GeoParquet: {error}") from error


def _select(frame: gpd.GeoDataFrame, columns: Sequence[str], name: str) -> gpd.GeoDataFrame:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        there = ", ".join(str(column) for column in frame.columns if column != frame.geometry.name)
        raise LayerError(f"{name} has no column {', '.join(missing)}; it has {there}")
    return frame[[*columns, frame.geometry.name]]


def _dbf_encoding(source: Path) -> str | None:
    """Return the encoding of a Shapefile that does not say it: UTF-8 where that decodes, else GB18030."""
    table = _dbf_bytes(source)
    if table is None:
        return None
    try:
        table.decode("utf-8")
    except UnicodeDecodeError:
        return "GB18030"
    return "UTF-8"


def _dbf_bytes(source: Path) -> bytes | None:
    """Return the records of a Shapefile's table, or None where it is none or names its encoding in a .cpg."""
    if source.suffix.lower() == ".shp":
        beside = {path.suffix.lower(): path for path in source.parent.glob(f"{source.stem}.*")}
        if ".cpg" in beside or ".dbf" not in beside:
            return None
        return _records(beside[".dbf"].read_bytes())
    if source.suffix.lower() != ".zip":
        return None
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
        tables = [name for name in names if name.lower().endswith(".dbf")]
        if any(name.lower().endswith(".cpg") for name in names) or len(tables) != 1:
            return None
        return _records(archive.read(tables[0]))


def _records(dbf: bytes) -> bytes:
    """Cut the header off, whose binary fields decode as nothing."""
    header = struct.unpack_from("<H", dbf, 8)[0] if len(dbf) >= 10 else len(dbf)
    names = b"".join(dbf[start : start + 11].split(b"\0")[0] for start in range(32, max(header - 1, 32), 32))
    return names + dbf[header:].rstrip(b"\x1a")
