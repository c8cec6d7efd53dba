"""CSV in pieces: cut where a row ends, quotation marks considered; every cell stays the text it is."""

from __future__ import annotations

import codecs
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from gridmap.errors import InputError
from gridmap.geo.files import text_encoding
from gridmap.scale.csv_rows import IN_QUOTES, START, next_cut
from gridmap.scale.pieces import Piece

_PIECE_BYTES: Final = 16 << 20
_LONGEST_ROW: Final = 64 << 20
_BLOCK: Final = 4 << 20
_CUT_AS_BYTES: Final = ("utf-8", "gb18030", "gbk", "gb2312", "big5", "ascii", "iso8859-1", "cp1252")
"""Encodings in which commas, quotation marks and line ends are the bytes they are in ASCII, and no others are."""


@dataclass(frozen=True, eq=False)
class CsvLayout:
    """What all pieces of a CSV share.

    Parameters
    ----------
    name
        Of the file.
    header, header_lines
        The bytes of its first row, and the lines they take.
    encoding, separator
        Of the file.
    """

    name: str
    header: bytes
    header_lines: int
    encoding: str
    separator: str

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; of one that is there twice the second is ``lon.1``."""
        return tuple(map(str, self._by_pandas(self.header).columns))

    @cached_property
    def schema(self) -> pa.Schema:
        """All columns are text."""
        return pa.schema([pa.field(name, pa.large_string()) for name in self.columns])

    def table(self, rows: bytes, first_line: int) -> pa.Table:
        """Parse rows; ``first_line`` is the line of the file that they begin at."""
        try:
            return self._by_arrow(rows)
        except (pa.ArrowInvalid, UnicodeError):
            # Ragged, with blank or lone-CR lines, or broken: pandas reads what is harmless and names what is not.
            return self._slowly(rows, first_line)

    def _by_arrow(self, rows: bytes) -> pa.Table:
        if not rows.strip():
            return self.schema.empty_table()
        if codecs.lookup(self.encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
            rows = rows.decode(self.encoding).encode()
        return pa_csv.read_csv(
            pa.BufferReader(rows),
            read_options=pa_csv.ReadOptions(column_names=self.columns, use_threads=False, block_size=len(rows) + 1),
            parse_options=pa_csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=self.schema, strings_can_be_null=True, quoted_strings_can_be_null=True, null_values=[""]
            ),
        )

    def _slowly(self, rows: bytes, first_line: int) -> pa.Table:
        try:
            frame = self._by_pandas(self.header + rows)
        except pd.errors.ParserError as error:
            before = first_line - self.header_lines - 1
            said = re.sub(r"line (\d+)", lambda found: f"line {int(found[1]) + before}", str(error))
            raise pd.errors.ParserError(said) from error
        return pa.Table.from_pandas(frame, schema=self.schema, preserve_index=False)

    def _by_pandas(self, data: bytes) -> pd.DataFrame:
        with warnings.catch_warnings():
            # Fields beyond the header would be dropped with a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                return pd.read_csv(
                    io.BytesIO(data), dtype=str, encoding=self.encoding, na_values=[""], keep_default_na=False,
                    index_col=False, sep=self.separator,
                )  # fmt: skip
            except pd.errors.ParserWarning as warning:
                raise pd.errors.ParserError("line 2 has more fields than the header; name every column") from warning


@dataclass(frozen=True, eq=False)
class CsvPiece:
    """Rows of a CSV as they are written; see :class:`~gridmap.scale.pieces.Piece`."""

    layout: CsvLayout
    rows: bytes
    first_line: int
    share: float

    @property
    def cost(self) -> int:
        """Bytes of memory it takes: the text, its table, and what comes out."""
        return 6 * len(self.rows)

    @property
    def where(self) -> str:
        """Where these rows begin."""
        return f"the rows from line {self.first_line:,} of {self.layout.name}"

    def tables(self) -> Iterator[pa.Table]:
        """Parse the rows."""
        yield self.layout.table(self.rows, self.first_line)


class CsvSource:
    """A CSV, in whatever encoding; see :class:`~gridmap.scale.pieces.Source`."""

    def __init__(self, path: Path, rows: int, encoding: str | None) -> None:
        self.path = path
        self._rows = rows
        self._encoding = encoding or text_encoding(path)
        as_bytes = codecs.lookup(self._encoding).name.removesuffix("-sig") in _CUT_AS_BYTES
        self._recoded = not as_bytes
        self._separator = "\t" if path.suffix.lower() == ".tsv" else ","
        header = next(self._cuts(1, skip_blank=True), _Cut(b"", 0, 0))
        encoding = "utf-8" if self._recoded else self._encoding
        self._layout = CsvLayout(path.name, header.data, max(header.lines, 1), encoding, self._separator)
        self.schema: pa.Schema = self._layout.schema

    def pieces(self, skip: int = 0) -> Iterator[Piece]:
        """Cut the file after so many rows, or so many bytes."""
        size, line, number = max(self.path.stat().st_size, 1), self._layout.header_lines + 1, 0
        cuts = self._cuts(self._rows, after=len(self._layout.header))
        for number, cut in enumerate(cuts, 1):
            if number > skip:
                yield CsvPiece(self._layout, cut.data, line, min(cut.read / size, 1.0))
            line += cut.lines
        if number == 0 and skip == 0:
            yield CsvPiece(self._layout, b"", line, 1.0)

    def _cuts(self, rows: int, *, after: int = 0, skip_blank: bool = False) -> Iterator[_Cut]:
        """Cut the text behind its first ``after`` bytes into so many rows each; blank lines are rows here."""
        data, state, lines, scanned, read = bytearray(), START, 0, 0, 0
        for block, read in self._blocks(after):
            data += block
            if scanned == 0 and after == 0 and data.startswith(codecs.BOM_UTF8):
                scanned = len(codecs.BOM_UTF8)
            while scanned < len(data):
                scanned, state, lines, whole = next_cut(
                    data, scanned, state, lines, rows, _PIECE_BYTES, ord(self._separator)
                )
                if whole and not (skip_blank and not data[:scanned].strip(codecs.BOM_UTF8 + b" \t\r\n")):
                    yield _Cut(bytes(memoryview(data)[:scanned]), lines, read - (len(data) - scanned))
                    del data[:scanned]
                    scanned = lines = 0
                elif len(data) > _PIECE_BYTES + _LONGEST_ROW:
                    raise InputError(self._unclosed())
        if state == IN_QUOTES:
            raise InputError(self._unclosed())
        if data:
            yield _Cut(bytes(data), lines, read)

    def _unclosed(self) -> str:
        return f"{self.path.name} cannot be read as a table: a quotation mark is opened and never closed"

    def _blocks(self, after: int) -> Iterator[tuple[bytes, int]]:
        """Give the text in blocks, with how far the file was read; in UTF-8 where bytes cannot be cut."""
        decoder = codecs.getincrementaldecoder(self._encoding)() if self._recoded else None
        left = after
        with self.path.open("rb") as file:
            while True:
                raw = file.read(_BLOCK)
                block = raw if decoder is None else decoder.decode(raw, final=not raw).encode()
                if block[left:]:
                    yield block[left:], file.tell()
                left = max(left - len(block), 0)
                if not raw:
                    return


@dataclass(frozen=True, eq=False)
class _Cut:
    data: bytes
    lines: int
    read: int
