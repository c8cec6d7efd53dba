"""Tables of any size, piece by piece: CSV, Parquet and GeoPackage in; Parquet and CSV out."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from gridmap.errors import CrsError, InputError, OutputError
from gridmap.geo.crs import point_xy
from gridmap.geo.files import text_encoding
from gridmap.locate.points import systems_of_layer

_CSV: Final = (".csv", ".txt", ".tsv")
_PARQUET: Final = (".parquet", ".geoparquet", ".pq")
_VECTOR: Final = (".gpkg", ".geojson", ".shp", ".fgb")
READS: Final = (*_CSV, *_PARQUET, *_VECTOR)
WRITES: Final = (".parquet", ".csv")
ROWS: Final = 100_000
_NULLABLE: Final = {
    pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}  # fmt: skip
"""Whole numbers stay whole numbers in every piece, whether or not one is missing."""


class Writer(Protocol):
    """Takes pieces of a table, one after the other."""

    def write(self, piece: pd.DataFrame) -> None:
        """Append a piece."""

    def close(self) -> None:
        """Finish the file."""


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a whole table; see :func:`read_pieces`.

    Examples
    --------
    >>> len(read_table("data/town/incidents.csv")) > 0
    True
    """
    return pd.concat([piece for piece, _ in read_pieces(path)], ignore_index=True)


def read_pieces(
    path: str | os.PathLike[str], *, encoding: str | None = None, rows: int = ROWS
) -> Iterator[tuple[pd.DataFrame, float]]:
    """Read a table in pieces, at least one even where it has no rows; each comes with the share read so far.

    Of a CSV every cell stays the text it is. Points of a GeoPackage or GeoParquet become the columns ``lon, lat``
    (WGS 84 degrees) unless the table has such columns already.

    Raises
    ------
    InputError
        When the file is missing, of another kind, empty or damaged; the message names the line where it can.
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"{source} does not exist; give a table: {', '.join(READS)}")
    suffix = source.suffix.lower()
    readers = dict.fromkeys(_CSV, _csv) | dict.fromkeys(_PARQUET, _parquet) | dict.fromkeys(_VECTOR, _vector)
    if suffix not in readers:
        raise InputError(f"{source.name}: cannot read {suffix!r} as a table; allowed: {', '.join(READS)}")
    try:
        yield from readers[suffix](source, encoding, rows)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError, LookupError) as error:
        raise InputError(f"{source.name} cannot be read as a table: {error}; nothing was written") from error
    except (pa.ArrowException, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{source.name} is damaged or not what its name says: {error}; nothing was written") from error


def _csv(source: Path, encoding: str | None, rows: int) -> Iterator[tuple[pd.DataFrame, float]]:
    size = max(source.stat().st_size, 1)
    with source.open("rb") as file:
        pieces = pd.read_csv(
            file, dtype=str, encoding=encoding or text_encoding(source), chunksize=rows, na_values=[""],
            keep_default_na=False, index_col=False, sep="\t" if source.suffix.lower() == ".tsv" else ",",
        )  # fmt: skip
        while (piece := _next_piece(pieces)) is not None:
            yield piece, min(file.tell() / size, 1.0)


def _next_piece(pieces: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """Return the next piece; fields beyond the header, which pandas drops with a warning, are an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return next(pieces, None)
        except pd.errors.ParserWarning as warning:
            raise pd.errors.ParserError("line 2 has more fields than the header; name every column") from warning


def _parquet(source: Path, _encoding: str | None, rows: int) -> Iterator[tuple[pd.DataFrame, float]]:
    with pq.ParquetFile(source) as file:
        total, done = max(file.metadata.num_rows, 1), 0
        schema = file.schema_arrow
        geo = b"geo" in (schema.metadata or {})
        if file.metadata.num_rows == 0:
            yield schema.empty_table().to_pandas(types_mapper=_NULLABLE.get), 1.0
            return
        for batch in file.iter_batches(rows):
            table = pa.Table.from_batches([batch], schema=schema)
            frame = gpd.GeoDataFrame.from_arrow(table) if geo else table.to_pandas(types_mapper=_NULLABLE.get)
            done += batch.num_rows
            yield _as_points(frame, source.name), done / total


def _vector(source: Path, encoding: str | None, rows: int) -> Iterator[tuple[pd.DataFrame, float]]:
    total = max(int(pyogrio.read_info(source, force_feature_count=True)["features"]), 1)
    for start in range(0, total, rows):
        frame = pyogrio.read_dataframe(source, skip_features=start, max_features=rows, encoding=encoding)
        yield _as_points(frame, source.name), min((start + rows) / total, 1.0)


def _as_points(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if not isinstance(frame, gpd.GeoDataFrame):
        return frame
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    if "lon" in plain.columns and "lat" in plain.columns:
        return plain
    if frame.crs is None:
        raise CrsError(f"{name} states no CRS; set it, or give the coordinates as columns lon and lat")
    shapes = frame.geometry if len(frame) == 0 else frame.geometry.to_crs(4326)
    lon, lat = point_xy(shapes.to_numpy())
    stated = plain["crs"].tolist() if "crs" in plain.columns else [None] * len(plain)
    return plain.assign(lon=lon, lat=lat, crs=systems_of_layer(stated, frame.crs.to_epsg()))


@contextlib.contextmanager
def open_writer(draft: Path) -> Iterator[Writer]:
    """Open a writer by suffix; allowed are :data:`WRITES`."""
    writer: Writer = _CsvWriter(draft) if draft.suffix.lower() == ".csv" else _ParquetWriter(draft)
    try:
        yield writer
    finally:
        writer.close()


def check_target(path: Path) -> None:
    """Refuse a result whose suffix says something that is not written."""
    if path.suffix.lower() not in WRITES:
        raise OutputError(f"{path.name}: cannot write {path.suffix!r}; allowed: {', '.join(WRITES)}")


class _CsvWriter:
    """UTF-8 with a mark, so that spreadsheets show Chinese."""

    def __init__(self, draft: Path) -> None:
        self._file = draft.open("w", encoding="utf-8-sig", newline="")
        self._first = True

    def write(self, piece: pd.DataFrame) -> None:
        piece.to_csv(self._file, index=False, header=self._first)
        self._first = False

    def close(self) -> None:
        self._file.close()


class _ParquetWriter:
    def __init__(self, draft: Path) -> None:
        self._draft = draft
        self._writer: pq.ParquetWriter | None = None

    def write(self, piece: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(piece, preserve_index=False)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._draft, _general(table.schema), compression="zstd")
        self._writer.write_table(table.cast(self._writer.schema))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _general(schema: pa.Schema) -> pa.Schema:
    """Return a schema that later pieces fit too: codes as text, a column that was all empty so far as text."""
    kinds = [
        pa.string() if pa.types.is_null(field.type) or pa.types.is_dictionary(field.type) else field.type
        for field in schema
    ]
    return pa.schema([pa.field(field.name, kind) for field, kind in zip(schema, kinds, strict=True)])
