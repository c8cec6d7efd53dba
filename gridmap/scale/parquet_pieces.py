"""Parquet and GeoParquet in pieces: whole row groups, each read where it is worked on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq

from gridmap.errors import InputError
from gridmap.scale.layer_points import LayerPoints
from gridmap.scale.pieces import OutOfReachError, Piece, TablePiece

_BIG: Final = 8
"""A row group of more than so many times the rows wanted at once is read on by one reader, and handed out."""
_FEW_BYTES: Final = 3
"""Text that takes fewer bytes a value than this was written as positions in a dictionary, and is read as it lies."""


@dataclass(frozen=True, eq=False)
class GroupsPiece:
    """Row groups ``first`` to ``last`` of a file; see :class:`~gridmap.scale.pieces.Piece`."""

    path: Path
    size: int
    first: int
    last: int
    rows: int
    share: float
    cost: int

    @property
    def where(self) -> str:
        """Which row groups these are."""
        several = self.last - self.first > 1
        which = f"row groups {self.first} to {self.last - 1}" if several else f"row group {self.first}"
        return f"{which} of {self.path.name}"

    def tables(self) -> Iterator[pa.Table]:
        """Read the rows; the file has to be there, under the same path, for whoever works on it."""
        if not self.path.exists() or self.path.stat().st_size != self.size:
            raise OutOfReachError(
                f"{self.path} is not there, or is another file, for the process that has to read it; a cluster needs "
                "the incidents in a folder that all its workers see under the same path"
            )
        source = ParquetSource.of(self.path, self.rows)
        yield from source.read(range(self.first, self.last))


class ParquetSource:
    """A Parquet file; see :class:`~gridmap.scale.pieces.Source`."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        self._rows = rows
        self._size = path.stat().st_size
        self._metadata = pq.read_metadata(path)
        stored = self._metadata.schema.to_arrow_schema()
        self._points = _layer_points(stored, path.name)
        self._coded = _dictionary_columns(self._metadata, stored)
        self.schema: pa.Schema = self._plain(stored.empty_table()).schema

    @classmethod
    def of(cls, path: Path, rows: int) -> ParquetSource:
        """Open a file; of one that was open just now nothing is read again."""
        state = path.stat()
        return _opened(path, rows, state.st_size, state.st_mtime_ns)

    def pieces(self, skip: int = 0) -> Iterator[Piece]:
        """Cut the file between row groups; a few small ones make a piece."""
        return islice(self._pieces(), skip, None)

    def _pieces(self) -> Iterator[Piece]:
        total, done = self._metadata.num_rows, 0
        for first, last in self._runs():
            groups = [self._metadata.row_group(group) for group in range(first, last)]
            rows = sum(group.num_rows for group in groups)
            if rows > _BIG * self._rows:
                yield from self._read_on(first, done)
            else:
                share, size = (done + rows) / total, sum(group.total_byte_size for group in groups)
                yield GroupsPiece(self.path, self._size, first, last, self._rows, share, 2 * size)
            done += rows
        if total == 0:
            yield TablePiece(self.schema.empty_table(), 1.0, self.path.name)

    def read(self, groups: Sequence[int]) -> Iterator[pa.Table]:
        """Read row groups, a few rows at a time."""
        with pq.ParquetFile(self.path, metadata=self._metadata, read_dictionary=self._coded) as file:
            for batch in file.iter_batches(self._rows, row_groups=list(groups), use_threads=False):
                yield self._plain(pa.Table.from_batches([batch]))

    def _runs(self) -> Iterator[tuple[int, int]]:
        first = rows = 0
        for group in range(self._metadata.num_row_groups):
            more = self._metadata.row_group(group).num_rows
            if rows and rows + more > self._rows:
                yield first, group
                first, rows = group, 0
            rows += more
        if rows:
            yield first, self._metadata.num_row_groups

    def _read_on(self, group: int, done: int) -> Iterator[TablePiece]:
        total = self._metadata.num_rows
        for table in self.read([group]):
            where = f"rows {done + 1:,} to {done + table.num_rows:,} of {self.path.name}"
            done += table.num_rows
            yield TablePiece(table, done / total, where)

    def _plain(self, table: pa.Table) -> pa.Table:
        shown = table if self._points is None else self._points.applied(table)
        return shown.replace_schema_metadata(None)


@lru_cache(maxsize=8)
def _opened(path: Path, rows: int, _size: int, _changed: int) -> ParquetSource:
    return ParquetSource(path, rows)


def _layer_points(schema: pa.Schema, name: str) -> LayerPoints | None:
    """Return where the geometry of a GeoParquet is, ``None`` of a plain table."""
    geo = (schema.metadata or {}).get(b"geo")
    if geo is None:
        return None
    column = str(json.loads(geo)["primary_column"])
    crs: Any = gpd.GeoDataFrame.from_arrow(schema.empty_table()).crs
    kind = schema.field(column).type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_struct(kind)):
        raise InputError(
            f"{name} keeps its geometry as {kind}; allowed: points as WKB or as x and y, or columns lon and lat"
        )
    return LayerPoints(column, crs.to_wkt() if crs is not None else None, name)


def _dictionary_columns(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """Return the text columns that are written as positions in a dictionary."""
    if metadata.num_row_groups == 0:
        return []
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    group = metadata.row_group(0)
    found = []
    for position in range(metadata.num_columns):
        chunk = group.column(position)
        size = chunk.total_uncompressed_size / max(chunk.num_values, 1)
        if chunk.path_in_schema in texts and size < _FEW_BYTES:
            found.append(chunk.path_in_schema)
    return found
