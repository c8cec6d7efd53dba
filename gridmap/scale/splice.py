"""Parquet files made into one without decoding them: row groups are copied as bytes, their footers are merged.

A Parquet file is ``PAR1``, the bytes of its column chunks, and a footer that says where each lies. So files of one
schema become one file when their chunks are written one after the other and the places in the footers are moved. The
footer is a struct of Thrift's compact protocol (parquet.thrift of the Apache Parquet format).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

MAGIC: Final = b"PAR1"

Field: TypeAlias = tuple[int, int, Any]
Struct: TypeAlias = list[Field]

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_INTEGERS: Final = (_I16, _I32, _I64)
# parquet.thrift, by number: FileMetaData, RowGroup, ColumnChunk, ColumnMetaData
_SCHEMA, _ROWS, _GROUPS, _ABOUT = 2, 3, 4, 5
_GROUP_COLUMNS, _GROUP_OFFSET, _GROUP_ORDINAL = 1, 5, 7
_CHUNK_OFFSETS: Final = (2, 4, 6)
_CHUNK_META: Final = 3
_META_OFFSETS: Final = (9, 10, 11, 14)


@dataclass(frozen=True)
class Footer:
    """A footer in parts that can be put together with others.

    Parameters
    ----------
    head, tail
        The fields before and after the row groups, as bytes; the head without its count of rows.
    rows
        How many rows.
    groups
        How many row groups.
    body
        The row groups as bytes.
    """

    head: bytes
    tail: bytes
    rows: int
    groups: int
    body: bytes

    def closing(self) -> bytes:
        """Return what ends the file."""
        out = bytearray(self.head)
        last = _SCHEMA
        last = _write_header(out, _ROWS, _I64, last)
        _write_integer(out, self.rows)
        _write_header(out, _GROUPS, _LIST, last)
        _write_list_header(out, _STRUCT, self.groups)
        out += self.body + self.tail
        return bytes(out) + len(out).to_bytes(4, "little") + MAGIC


def merged(footers: Sequence[Footer]) -> Footer:
    """Return the footer of a file in which the chunks of several follow each other.

    Raises
    ------
    ValueError
        When they have different columns.
    """
    if any(footer.head != footers[0].head for footer in footers):
        raise ValueError("pieces of one table have different columns")
    return Footer(
        footers[0].head,
        footers[0].tail,
        sum(footer.rows for footer in footers),
        sum(footer.groups for footer in footers),
        b"".join(footer.body for footer in footers),
    )


def split(
    file: bytes | memoryview, at: int, first_group: int, about: Mapping[bytes, bytes]
) -> tuple[memoryview, Footer]:
    """Split a whole Parquet file into its chunks and its footer, as both are when the chunks lie elsewhere.

    Parameters
    ----------
    file
        The bytes of the file.
    at
        Where in the new file the chunks will lie.
    first_group
        How many row groups lie before them.
    about
        What the new footer says besides (key_value_metadata).
    """
    view = memoryview(file)
    size = int.from_bytes(view[-8:-4], "little")
    chunks = view[len(MAGIC) : len(view) - 8 - size]
    fields = _Reader(bytes(view[len(view) - 8 - size : -8])).struct()
    by_number = {number: value for number, _, value in fields}
    groups: list[Struct] = by_number[_GROUPS][1]
    body = bytearray()
    for ordinal, group in enumerate(groups, first_group):
        _write_struct(body, _moved_group(group, at - len(MAGIC), ordinal))
    head, tail = bytearray(), bytearray()
    _write_fields(head, [field for field in fields if field[0] <= _SCHEMA], 0)
    said = [[(1, _BINARY, key), (2, _BINARY, value)] for key, value in about.items()]
    others = [field for field in fields if field[0] > _ABOUT]
    _write_fields(tail, [(_ABOUT, _LIST, (_STRUCT, said)), *others], _GROUPS)
    tail.append(0)
    return chunks, Footer(bytes(head), bytes(tail), by_number[_ROWS], len(groups), bytes(body))


def _moved_group(group: Struct, shift: int, ordinal: int) -> Struct:
    moved: Struct = []
    for number, kind, value in group:
        if number == _GROUP_COLUMNS:
            moved.append((number, kind, (value[0], [_moved_chunk(chunk, shift) for chunk in value[1]])))
        elif number == _GROUP_OFFSET and value:
            moved.append((number, kind, value + shift))
        elif number == _GROUP_ORDINAL:
            if ordinal < 2**15:  # the format counts no further, and does not need it
                moved.append((number, kind, ordinal))
        else:
            moved.append((number, kind, value))
    return moved


def _moved_chunk(chunk: Struct, shift: int) -> Struct:
    moved: Struct = []
    for number, kind, value in chunk:
        if number == _CHUNK_META:
            moved.append((number, kind, [_moved(field, _META_OFFSETS, shift) for field in value]))
        else:
            moved.append(_moved((number, kind, value), _CHUNK_OFFSETS, shift))
    return moved


def _moved(field: Field, offsets: tuple[int, ...], shift: int) -> Field:
    number, kind, value = field
    return (number, kind, value + shift) if number in offsets and value else field


class _Reader:
    """Reads the compact protocol into (number, kind, value) fields."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = []
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._integer()
            fields.append((number, kind, self._value(kind)))
        return fields

    def _value(self, kind: int, *, in_list: bool = False) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return self._take(self._varint())
        if kind == _STRUCT:
            return self.struct()
        if kind in (_LIST, _SET):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            return head & 15, [self._value(head & 15, in_list=True) for _ in range(size)]
        if kind in (_TRUE, _FALSE):
            return self._byte() if in_list else None
        if kind == _BYTE:
            return self._byte()
        if kind == _DOUBLE:
            return self._take(8)
        raise ValueError(f"a Parquet footer holds no kind {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def _write_struct(out: bytearray, fields: Struct) -> None:
    _write_fields(out, fields, 0)
    out.append(0)


def _write_fields(out: bytearray, fields: Struct, last: int) -> None:
    for number, kind, value in fields:
        last = _write_header(out, number, kind, last)
        _write_value(out, kind, value)


def _write_header(out: bytearray, number: int, kind: int, last: int) -> int:
    if 0 < number - last < 16:
        out.append((number - last) << 4 | kind)
    else:
        out.append(kind)
        _write_integer(out, number)
    return number


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in _INTEGERS:
        _write_integer(out, value)
    elif kind == _BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == _STRUCT:
        _write_struct(out, value)
    elif kind in (_LIST, _SET):
        _write_list_header(out, value[0], len(value[1]))
        for each in value[1]:
            _write_value(out, value[0], each)
    elif kind == _DOUBLE:
        out += value
    elif value is not None:
        out.append(value)


def _write_list_header(out: bytearray, kind: int, size: int) -> None:
    if size < 15:
        out.append(size << 4 | kind)
    else:
        out.append(0xF0 | kind)
        _write_varint(out, size)


def _write_integer(out: bytearray, value: int) -> None:
    _write_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)


def _write_varint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
