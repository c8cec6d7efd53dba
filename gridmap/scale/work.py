"""What is done with a piece: joined, masked, and written as bytes; the same wherever it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa

from gridmap.cases.incidents import Joiner
from gridmap.errors import GridmapError
from gridmap.people.masking import Mask, masks_of
from gridmap.scale.encode import csv_bytes, parquet_bytes, with_columns
from gridmap.scale.pieces import Piece

_NULLABLE: Final = {
    pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}  # fmt: skip
"""Whole numbers stay whole numbers in every piece, whether or not one is missing."""


@dataclass(frozen=True, eq=False)
class Part:
    """What came of a piece.

    Parameters
    ----------
    data
        Its rows as they are written.
    rows, by_outcome, with_person
        How many, how they came out, and how many have a responsible person.
    share
        Share of the source done with this piece.
    """

    data: pa.Buffer
    rows: int
    by_outcome: Mapping[str, int]
    with_person: int
    share: float


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be done with every piece; sent once to each worker of a cluster.

    Parameters
    ----------
    joiner
        The join.
    schema
        Kinds of the result as readers see them.
    as_csv
        Write CSV, else Parquet.
    """

    joiner: Joiner
    schema: pa.Schema
    as_csv: bool

    def part(self, piece: Piece) -> Part:
        """Do it; an error that does not name a row gets a note of which rows these were."""
        counts: Counter[str] = Counter()
        try:
            tables = self._joined(piece, counts)
            data = csv_bytes(tables) if self.as_csv else parquet_bytes(tables, self.schema)
        except (GridmapError, pd.errors.ParserError):
            raise
        except Exception as error:
            error.add_note(piece.where)
            raise
        rows, with_person = counts.pop(_ROWS), counts.pop(_WITH_PERSON)
        return Part(data, rows, dict(counts), with_person, piece.share)

    def _joined(self, piece: Piece, counts: Counter[str]) -> Iterator[pa.Table]:
        for table in piece.tables():
            added = self.joiner.added(frame_of(table, self.joiner.columns.names()))
            counts.update(added.by_outcome())
            counts.update({_ROWS: len(added), _WITH_PERSON: added.with_person()})
            shown = table if self.joiner.unmask else masked(table)
            yield with_columns(shown, added.coded(), added.typed)


_ROWS, _WITH_PERSON = "rows", "with_person"


def frame_of(table: pa.Table, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns of these names that the table has; text shares its memory."""
    chosen = [name for name in table.column_names if name in names]
    return to_frame(table.select(chosen))


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as pandas has it, text as text."""
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    plain = pa.Table.from_arrays(columns, names=table.column_names)
    return plain.to_pandas(types_mapper=_NULLABLE.get, use_threads=False)


def masked(table: pa.Table) -> pa.Table:
    """Return a table whose columns that tell who reported are masked; see :func:`gridmap.people.masking.mask_table`."""
    shown = table
    for name, mask in masks_of(table.column_names).items():
        position = table.column_names.index(name)
        shown = shown.set_column(position, name, _masked(table.column(position), mask))
    return shown


def _masked(column: pa.ChunkedArray, mask: Mask) -> pa.Array:
    values = column.combine_chunks()
    if pa.types.is_dictionary(values.type):
        return pa.DictionaryArray.from_arrays(values.indices, mask(values.dictionary))
    return mask(values)
