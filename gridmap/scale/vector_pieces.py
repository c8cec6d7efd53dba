"""GeoPackage and other layers in pieces: one reader goes through them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyogrio

from gridmap.scale.layer_points import LayerPoints
from gridmap.scale.pieces import Piece, TablePiece


class VectorSource:
    """A layer that GDAL reads; see :class:`~gridmap.scale.pieces.Source`.

    Times come as the text they are: OGR tells a time without a zone from one in UTC in no other way.
    """

    def __init__(self, path: Path, rows: int, encoding: str | None) -> None:
        self.path = path
        self._rows, self._encoding = rows, encoding
        self._total = int(pyogrio.read_info(path, force_feature_count=True)["features"])
        with self._opened() as (reader, points):
            self.schema: pa.Schema = _plain(reader.schema.empty_table(), points).schema

    def pieces(self, skip: int = 0) -> Iterator[Piece]:
        """Read the layer from its start, so many features at a time."""
        done = number = 0
        with self._opened() as (reader, points):
            for number, batch in enumerate(reader, 1):
                where = f"features {done + 1:,} to {done + batch.num_rows:,} of {self.path.name}"
                done += batch.num_rows
                if number > skip:
                    table = _plain(pa.Table.from_batches([batch]), points)
                    yield TablePiece(table, min(done / max(self._total, 1), 1.0), where)
        if number == 0 and skip == 0:
            yield TablePiece(self.schema.empty_table(), 1.0, self.path.name)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[pa.RecordBatchReader, LayerPoints]]:
        with pyogrio.open_arrow(
            self.path, use_pyarrow=True, batch_size=self._rows, encoding=self._encoding, datetime_as_string=True
        ) as (about, reader):
            yield reader, LayerPoints(about["geometry_name"] or "wkb_geometry", about["crs"], self.path.name)


def _plain(table: pa.Table, points: LayerPoints) -> pa.Table:
    shown = points.applied(table) if points.column in table.column_names else table
    return shown.replace_schema_metadata(None)
