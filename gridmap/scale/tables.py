"""Tables of any size in pieces: CSV, Parquet and layers of points."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyogrio

from gridmap.errors import GridmapError, InputError
from gridmap.scale.csv_pieces import CsvSource
from gridmap.scale.parquet_pieces import ParquetSource
from gridmap.scale.pieces import ROWS, OutOfReachError, Source
from gridmap.scale.vector_pieces import VectorSource
from gridmap.scale.work import to_frame

_CSV: Final = (".csv", ".txt", ".tsv")
_PARQUET: Final = (".parquet", ".geoparquet", ".pq")
_VECTOR: Final = (".gpkg", ".geojson", ".shp", ".fgb")
READS: Final = (*_CSV, *_PARQUET, *_VECTOR)


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
    source = open_source(path, encoding=encoding, rows=rows)
    with reading(source.path):
        for piece in source.pieces():
            for table in piece.tables():
                yield to_frame(table), piece.share


def open_source(path: str | os.PathLike[str], *, encoding: str | None = None, rows: int = ROWS) -> Source:
    """Open a table to be read in pieces of about so many rows.

    Raises
    ------
    InputError
        As in :func:`read_pieces`.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(f"{file} does not exist; give a table: {', '.join(READS)}")
    suffix = file.suffix.lower()
    if suffix not in READS:
        raise InputError(f"{file.name}: cannot read {suffix!r} as a table; allowed: {', '.join(READS)}")
    file = file.resolve()
    with reading(file):
        if suffix in _CSV:
            return CsvSource(file, rows, encoding)
        return ParquetSource.of(file, rows) if suffix in _PARQUET else VectorSource(file, rows, encoding)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read what is wrong with it, and where."""
    try:
        yield
    except GridmapError:
        raise
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError, LookupError) as error:
        raise InputError(f"{path.name} cannot be read as a table: {_said(error)}; nothing was written") from error
    except (pa.ArrowException, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path.name} is damaged or not what its name says: {_said(error)}") from error
    except OSError as error:
        # Arrow says so of damaged pages, the system of a drive that went away: that may come back.
        raise OutOfReachError(f"{path.name} cannot be read on: {_said(error)}") from error


def _said(error: Exception) -> str:
    return " · ".join(" ".join(text.split()) for text in [str(error), *getattr(error, "__notes__", [])])
