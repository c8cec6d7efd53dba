"""Pieces of a table: what a source is cut into, each read on its own by whoever works on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from gridmap.errors import InputError

ROWS: Final = 131_072
"""Rows held in memory at a time, and in a row group of what is written."""


class OutOfReachError(InputError):
    """A file, a worker or a scheduler that is not there for who needs it; what was done so far stays."""

    code = "out-of-reach"


class Piece(Protocol):
    """Some rows of a source. It may be sent to another process or machine, and read there.

    Parameters
    ----------
    share
        Share of the source that is done when this piece is done, 0 to 1.
    cost
        Bytes of memory that working on it takes, about.
    where
        Which rows these are, for messages.
    """

    @property
    def share(self) -> float:
        """Share of the source done with this piece."""

    @property
    def cost(self) -> int:
        """Bytes of memory it takes, about."""

    @property
    def where(self) -> str:
        """Which rows these are."""

    def tables(self) -> Iterator[pa.Table]:
        """Read the rows, a few at a time; at least one table, even where there is no row."""


class Source(Protocol):
    """A table that can be read in pieces, always the same ones."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def schema(self) -> pa.Schema:
        """Columns and kinds that every piece has."""

    def pieces(self, skip: int = 0) -> Iterator[Piece]:
        """Cut the source, at least one piece even where it has no rows; without the first ``skip`` pieces."""


@dataclass(frozen=True, eq=False)
class TablePiece:
    """Rows that had to be read to be cut; see :class:`Piece`."""

    table: pa.Table
    share: float
    where: str

    @property
    def cost(self) -> int:
        """Bytes of memory it takes: the rows, and what comes out."""
        return 4 * int(self.table.nbytes)

    def tables(self) -> Iterator[pa.Table]:
        """Give the rows."""
        yield self.table
