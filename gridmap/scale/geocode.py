"""A file of addresses geocoded piece by piece: every row comes back, nothing is half-written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from gridmap.address.place import locate_address
from gridmap.cases.addresses import reason_of, share
from gridmap.errors import InputError, OutputError
from gridmap.geo.files import atomic_path
from gridmap.scale.encode import csv_bytes, csv_header
from gridmap.scale.tables import open_source, reading
from gridmap.scale.work import masked

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder
    from gridmap.address.model import Geocoding
    from gridmap.locate.locator import Locator

_PIECE_ROWS: Final = 2_000
_TAKEN: Final = "geocoded_"
"""Before the name of an added column that the file has already."""


@dataclass(frozen=True)
class GeocodeSummary:
    """How a file came out: rows read, and rows by outcome, which add up to them."""

    rows: int
    by_outcome: Mapping[str, int]


def geocode_file(
    path: str | os.PathLike[str],
    geocoder: Geocoder,
    out: str | os.PathLike[str],
    *,
    address: str = "address",
    locator: Locator | None = None,
    encoding: str | None = None,
    unmask: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> GeocodeSummary:
    """Geocode a file of addresses.

    Parameters
    ----------
    path
        ``.csv`` (UTF-8, UTF-16 or GB18030) or another table.
    geocoder
        What is asked.
    out
        ``.csv``; appears when all rows are in it, or not at all.
    address
        Column of the addresses.
    locator
        Of a plan: then every row gets its grids too.
    encoding
        Of a CSV, where it is not to be guessed.
    unmask
        Leave names and phones of whoever reported as they are.
    progress
        Called with the share done and the rows so far.

    Returns
    -------
    GeocodeSummary
        Counts, of all rows.

    Raises
    ------
    InputError
        When the file cannot be read or lacks the column.
    OutputError
        When the result cannot be written.
    """
    target = Path(out)
    if target.suffix.lower() != ".csv":
        raise OutputError(f"{target.name}: cannot write {target.suffix!r}; allowed: .csv")
    if target.exists() and target.resolve() == Path(path).resolve():
        raise OutputError(f"{target} is the file of the addresses themselves; give another name for the result")
    source = open_source(path, encoding=encoding, rows=_PIECE_ROWS)
    refuse_missing(address, source.schema.names)
    counts: Counter[str] = Counter()
    with atomic_path(target) as draft, draft.open("wb") as file, reading(source.path):
        empty = source.schema.empty_table()
        file.write(csv_header(geocode_columns(empty, [], geocoder, locator).column_names))
        for piece in source.pieces():
            for table in piece.tables():
                texts = [str(text) if text is not None else "" for text in table.column(address).to_pylist()]
                found = geocode_columns(table if unmask else masked(table), texts, geocoder, locator)
                counts.update(found.column(len(table.column_names)).to_pylist())
                file.write(csv_bytes(iter([found])))
            if progress is not None:
                progress(piece.share, f"{counts.total():,}")
    return GeocodeSummary(counts.total(), MappingProxyType(dict(counts)))


def refuse_missing(column: str, there: Iterable[object]) -> None:
    """Refuse a table that has no such column.

    Raises
    ------
    InputError
        Naming those that it has.
    """
    names = list(map(str, there))
    if column not in names:
        raise InputError(f"there is no column {column!r}; there are {', '.join(names)}. Name that of the addresses")


def geocode_columns(
    table: pa.Table, texts: Sequence[str], geocoder: Geocoder, locator: Locator | None = None
) -> pa.Table:
    """Return a table with what is said of an address a row: first the outcome, last the version of the index.

    An added column whose name the table has already is called ``geocoded_…``: ``geocoded_address`` is the standard
    form of what stands in ``address``.

    Raises
    ------
    InputError
        When the table has that name too.
    """
    row = cache(partial(_row, geocoder, locator))  # the same text is asked about once
    fields = _fields(locator)
    added = zip(*map(row, texts), strict=True) if texts else ((),) * len(fields)
    for (name, kind), values in zip(fields, added, strict=True):
        free = name if name not in table.column_names else _TAKEN + name
        if free in table.column_names:
            raise InputError(f"the table already has {name} and {free}; rename or drop one of them")
        table = table.append_column(free, pa.array(values, type=kind, from_pandas=True))
    return table


def _fields(locator: Locator | None) -> list[tuple[str, pa.DataType]]:
    text, number = pa.large_string(), pa.float64()
    told = [
        ("outcome", text), ("reason", text), ("match_type", text), ("confidence", number), ("address", text),
        ("lon", number), ("lat", number), ("accuracy_m", number),
    ]  # fmt: skip
    if locator is not None:
        told += [("needs_person", pa.bool_()), *((level, text) for level in locator.levels), ("plan_version", text)]
    return [*told, ("address_version", text)]


def _row(geocoder: Geocoder, locator: Locator | None, text: str) -> tuple[object, ...]:
    if locator is None:
        told = geocoder.geocode(text)
        return (told.outcome, told.reason, *_told(told, told.confidence), geocoder.version)
    found = locate_address(geocoder, locator, text)
    place = found.placement
    codes = [place.chain.get(level) for level in locator.levels]
    return (
        place.outcome, reason_of(found), *_told(found.geocoding, found.confidence),
        found.needs_person, *codes, place.plan_version, geocoder.version,
    )  # fmt: skip


def _told(told: Geocoding, confidence: float) -> tuple[object, ...]:
    return told.match_type or None, share(confidence), told.address or None, told.lon, told.lat, told.accuracy_m
