"""The result while it grows: Parquet or CSV, a piece after the other, always the same bytes."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from gridmap.scale import splice
from gridmap.scale.encode import arrow_schema, csv_header
from gridmap.scale.splice import Footer


class Draft(Protocol):
    """A file that pieces are appended to."""

    path: Path

    def open(self, entries: Sequence[dict[str, Any]]) -> None:
        """Begin, or go on behind the pieces of which :meth:`append` said these entries."""

    def append(self, data: pa.Buffer) -> dict[str, Any]:
        """Append a piece and return what has to be known to go on behind it; ``end`` is where it ends."""

    def finish(self) -> None:
        """Write what ends the file."""

    def close(self) -> None:
        """Let go of the file."""


class _File:
    """A file that is only ever written at its end."""

    path: Path

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._file: BinaryIO | None = None

    def open(self, entries: Sequence[dict[str, Any]]) -> None:
        """See :class:`Draft`."""
        if not entries:
            self.path.write_bytes(self._beginning)
        end = entries[-1]["end"] if entries else len(self._beginning)
        self._file = self.path.open("r+b")
        self._file.truncate(end)
        self._file.seek(end)

    def close(self) -> None:
        """See :class:`Draft`."""
        if self._file is not None:
            self._file.close()

    def _tell(self) -> int:
        assert self._file is not None
        return self._file.tell()

    def _write(self, data: bytes | memoryview) -> int:
        """Write, and return how far the file reaches once it does so on the disk."""
        assert self._file is not None
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()


class CsvDraft(_File):
    """CSV: a header, then rows."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(csv_header(names))

    def append(self, data: pa.Buffer) -> dict[str, Any]:
        """See :class:`Draft`."""
        return {"end": self._write(memoryview(data))}

    def finish(self) -> None:
        """See :class:`Draft`."""
        self.close()


class ParquetDraft(_File):
    """Parquet: column chunks as they come, and at the end one footer for all."""

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(splice.MAGIC)
        self._about = arrow_schema(schema)
        self._footers: list[Footer] = []
        self._groups = 0

    def open(self, entries: Sequence[dict[str, Any]]) -> None:
        """See :class:`Draft`."""
        super().open(entries)
        for entry in entries:
            self._keep(_from_text(entry["footer"]))

    def append(self, data: pa.Buffer) -> dict[str, Any]:
        """See :class:`Draft`."""
        chunks, footer = splice.split(memoryview(data), self._tell(), self._groups, self._about)
        end = self._write(chunks)
        self._keep(footer)
        return {"end": end, "footer": _as_text(footer)}

    def _keep(self, footer: Footer) -> None:
        self._footers.append(footer)
        self._groups += footer.groups

    def finish(self) -> None:
        """See :class:`Draft`."""
        self._write(splice.merged(self._footers).closing())
        self.close()


def _as_text(footer: Footer) -> dict[str, Any]:
    parts = {name: base64.b64encode(getattr(footer, name)).decode() for name in ("head", "tail", "body")}
    return {**parts, "rows": footer.rows, "groups": footer.groups}


def _from_text(entry: dict[str, Any]) -> Footer:
    parts = {name: base64.b64decode(entry[name]) for name in ("head", "tail", "body")}
    return Footer(**parts, rows=entry["rows"], groups=entry["groups"])
