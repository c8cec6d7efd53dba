"""What a joined piece is written as: bytes that follow the bytes of the piece before it."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gridmap.cases.added import Coded, Typed

_SAMPLE: Final = 2000
_COMPRESSION: Final = "zstd"
_WHOLE: Final = 2.0**53
"""Up to here a number with a fraction is exact when it is whole."""


def announced(schema: pa.Schema) -> pa.Schema:
    """Return the kinds that readers of the result see: text as text, however it was kept on the way."""
    return pa.schema([pa.field(field.name, _announced(field.type)) for field in schema])


def _announced(kind: pa.DataType) -> pa.DataType:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.large_string() if pa.types.is_null(inner) or pa.types.is_string(inner) else inner


def with_columns(table: pa.Table, added: dict[str, Coded], typed: Mapping[str, Typed] | None = None) -> pa.Table:
    """Return a table with columns added: texts as positions in short lists, then the others, null where unknown."""
    columns = {name: _dictionary(column.compact()) for name, column in added.items()}
    columns |= {name: pa.array(values, from_pandas=True) for name, values in (typed or {}).items()}
    return pa.Table.from_arrays([*table.columns, *columns.values()], names=[*table.column_names, *columns])


def _dictionary(column: Coded) -> pa.Array:
    missing = column.positions < 0
    positions = pa.array(column.positions, mask=missing) if missing.any() else pa.array(column.positions)
    return pa.DictionaryArray.from_arrays(positions, pa.array(column.values.tolist(), type=pa.large_string()))


def arrow_schema(schema: pa.Schema) -> dict[bytes, bytes]:
    """Return what tells Arrow readers the exact kinds, time zones for example, as a footer's key and value."""
    return {b"ARROW:schema": base64.b64encode(schema.serialize().to_pybytes())}


def parquet_bytes(tables: Iterator[pa.Table], schema: pa.Schema) -> pa.Buffer:
    """Return a Parquet file of tables, a row group each; the same tables give the same bytes.

    Columns kept as positions are written as they are, without a text a row ever being made. So the schema that Arrow
    would store for its readers is left out: :func:`arrow_schema` says text, and is put into the footer of the whole.

    Parameters
    ----------
    tables
        At least one.
    schema
        Kinds that readers see: :func:`announced`.
    """
    sink = pa.BufferOutputStream()
    writer: pq.ParquetWriter | None = None
    for table in tables:
        ready = _castable(table, schema)
        if writer is None:
            writer = pq.ParquetWriter(
                sink, ready.schema, compression=_COMPRESSION, use_dictionary=_repeating(ready),
                write_statistics=_numbers(ready.schema), store_schema=False,
            )  # fmt: skip
        writer.write_table(ready if ready.schema == writer.schema else ready.cast(writer.schema))
    assert writer is not None
    writer.close()
    return sink.getvalue()


def _castable(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns in kinds that Parquet keeps as the schema says; text in a dictionary stays there."""
    columns = []
    for field, column in zip(schema, table.columns, strict=True):
        kept = pa.types.is_dictionary(column.type) and pa.types.is_large_string(field.type)
        if kept:
            columns.append(column.cast(pa.dictionary(pa.int32(), pa.large_string())))
        else:
            columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(columns, names=schema.names)


def _numbers(schema: pa.Schema) -> list[str]:
    """Return the columns whose least and greatest value let readers skip row groups: numbers and times, not codes."""
    return [field.name for field in schema if pa.types.is_primitive(field.type)]


def _repeating(table: pa.Table) -> list[str]:
    """Return the text columns whose values come again, by their first rows: only those gain by a dictionary."""
    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            found.append(name)
        elif pa.types.is_large_string(column.type):
            sample = column.slice(0, _SAMPLE)
            if pc.count_distinct(sample, mode="all").as_py() * 2 < max(len(sample), 1):
                found.append(name)
    return found


def csv_header(names: list[str]) -> bytes:
    """Return the first row, behind a mark by which spreadsheets know UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode("utf-8-sig")


def csv_bytes(tables: Iterator[pa.Table]) -> pa.Buffer:
    """Return rows of CSV in UTF-8, without a header; quotation marks stand only where they have to."""
    sink = pa.BufferOutputStream()
    for table in tables:
        cells = [_chunk(_as_cells(column)) for column in table.columns]
        comma, end, nothing = (pa.scalar(sign, type=pa.large_string()) for sign in (",", "\n", ""))
        lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, comma), nothing, end)
        if len(lines):
            offsets = np.frombuffer(lines.buffers()[1], dtype=np.int64)
            sink.write(memoryview(lines.buffers()[2])[offsets[lines.offset] : offsets[lines.offset + len(lines)]])
    return sink.getvalue()


def _chunk(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _as_cells(column: pa.Array | pa.ChunkedArray) -> Any:
    """Return a column as text of CSV, empty where there is nothing."""
    return pc.fill_null(_quoted(_as_text(column)), "")


def _as_text(column: pa.Array | pa.ChunkedArray) -> Any:
    """Return a column as text: times with their zone, lists as Python writes them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type).cast(pa.large_string())
    if pa.types.is_boolean(kind):
        return pc.if_else(column, *(pa.scalar(word, type=pa.large_string()) for word in ("True", "False")))
    if pa.types.is_floating(kind):
        return _numbers_as_text(column)
    if pa.types.is_timestamp(kind):
        layout = "%Y-%m-%d %H:%M:%S" + ("%z" if kind.tz is not None else "")
        return pc.strftime(column, format=layout).cast(pa.large_string())
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], type=pa.large_string())
    return column.cast(pa.large_string())


def _numbers_as_text(column: pa.Array | pa.ChunkedArray) -> Any:
    """Return the shortest text that reads as the same number; a phone number in full, not as 1.39e+10."""
    known = pc.if_else(pc.is_nan(column), None, column)
    size = pc.abs(known)
    long = pc.and_(pc.and_(pc.greater_equal(size, 1e9), pc.less(size, _WHOLE)), pc.equal(pc.floor(known), known))
    digits = pc.if_else(long, known, None).cast(pa.int64()).cast(pa.large_string())
    return pc.if_else(pc.fill_null(long, False), digits, known.cast(pa.large_string()))


def _quoted(texts: Any) -> Any:
    """Put quotation marks around text that would end a field or a row, or open a quotation."""
    needed = pc.match_substring_regex(texts, '[",\r\n]')
    if not pc.any(needed).as_py():
        return texts
    mark, nothing = (pa.scalar(sign, type=pa.large_string()) for sign in ('"', ""))
    inside = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise(mark, inside, mark, nothing), texts)
