"""A batch as CSV, as an office exports it: UTF-8 or GB18030, any columns, coordinates under any header."""

from __future__ import annotations

import codecs
import io
import warnings
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from gridmap.api.addresses import NO_INDEX
from gridmap.api.batch import Floats, Points, check_size
from gridmap.api.batch_versions import AnsweredBatch
from gridmap.api.errors import NoAddressesError
from gridmap.api.limits import MOST_POINTS
from gridmap.api.moments import TimeQuery
from gridmap.cases.incidents import numbers, refuse_taken
from gridmap.errors import InputError
from gridmap.people.masking import mask_table
from gridmap.scale.encode import csv_bytes, csv_header, with_columns


class Headers(TimeQuery):
    """Names of the columns of a CSV; only those of lon and lat have to be there, or that of addresses."""

    lon_column: Annotated[str, Field(description="经度列 · CSV: header of the longitudes", examples=["经度"])] = "lon"
    lat_column: Annotated[str, Field(description="纬度列 · CSV: header of the latitudes", examples=["纬度"])] = "lat"
    crs_column: Annotated[str, Field(description="坐标系列 · CSV: header of the coordinate systems")] = "crs"
    crs: Annotated[
        str,
        Field(
            description="坐标系，无坐标系列时 · CSV: of all points, where there is no such column", examples=["gcj02"]
        ),
    ] = "wgs84"
    accuracy_column: Annotated[str, Field(description="精度列（米） · CSV: metres")] = "accuracy_m"
    duty_column: Annotated[str, Field(description="事项编码列 · CSV: code of the case type")] = "duty"
    address_column: Annotated[
        str,
        Field(
            description="地址列，用于没有坐标的行 · CSV: header of the addresses, for rows without coordinates",
            examples=["地址"],
        ),
    ] = "address"
    at_column: Annotated[str, Field(description="上报时间列 · CSV: time of the report; where empty, ?at=")] = "at"


@dataclass(frozen=True, eq=False)
class CsvBatch:
    """A batch as it was sent: every cell the text that it is, and the points in it."""

    table: pd.DataFrame
    points: Points


def read_csv(body: bytes, headers: Headers, charset: str | None = None, *, addresses: bool = False) -> CsvBatch:
    r"""Read a batch.

    Parameters
    ----------
    body
        The file; its first line names the columns.
    headers
        Which columns are which.
    charset
        As the request states it; else recognised.
    addresses
        Whether rows without coordinates may be asked about by their address.

    Raises
    ------
    InputError
        When it is no table, a column is missing or stands there twice.
    NoAddressesError
        When it has addresses instead of coordinates, and they may not be asked about.
    TooLargeError
        When there are too many rows.

    Examples
    --------
    >>> batch = read_csv("经度,纬度\n120.3,31.5\n".encode("gbk"), Headers(lon_column="经度", lat_column="纬度"))
    >>> batch.points.lon.tolist()
    [120.3]
    """
    table = read_rows(body, charset)
    check_size(len(table))
    _check_columns(table, headers, addresses)
    accuracy = headers.accuracy_column
    points = Points(
        _as_numbers(_column(table, headers.lon_column)),
        _as_numbers(_column(table, headers.lat_column)),
        table[headers.crs_column].to_numpy(dtype=object) if headers.crs_column in table.columns else headers.crs,
        _accuracies(table[accuracy]) if accuracy in table.columns else None,
        _column(table, headers.duty_column),
        _column(table, headers.at_column),
        np.empty(0, dtype=np.int64),
        _column(table, headers.address_column) if addresses and headers.address_column in table.columns else None,
    )
    return CsvBatch(table, points)


def _check_columns(table: pd.DataFrame, headers: Headers, addresses: bool) -> None:
    """See that every row can say where it is: by coordinates, or by an address where that may be asked about."""
    missing = [name for name in (headers.lon_column, headers.lat_column) if name not in table.columns]
    has_addresses = headers.address_column in table.columns
    there = ", ".join(map(str, table.columns))
    if "address_column" in headers.model_fields_set and not has_addresses:
        raise InputError(f"the CSV has no column {headers.address_column}; it has {there}")
    if len(missing) == 2 and has_addresses:
        if not addresses:
            raise NoAddressesError(f"the CSV has addresses and no coordinates, but {NO_INDEX}")
    elif missing:
        raise InputError(
            f"the CSV has no column {', '.join(missing)}; it has {there}. Name the coordinates with "
            "?lon_column=…&lat_column=…, or the addresses with ?address_column=…"
        )


def read_rows(body: bytes, charset: str | None) -> pd.DataFrame:
    """Read the rows of a CSV, every cell the text that it is.

    Raises
    ------
    InputError
        When it is no table, or a column stands there twice.
    """
    try:
        with warnings.catch_warnings():
            # pandas drops fields beyond the header with a warning; nothing is dropped here.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.BytesIO(body), dtype="str", encoding=charset or _encoding(body), na_values=[""],
                keep_default_na=False, index_col=False, nrows=MOST_POINTS + 1, encoding_errors="strict",
            )  # fmt: skip
    except (ValueError, LookupError, UnicodeError, pd.errors.ParserWarning) as error:
        raise InputError(f"the body cannot be read as CSV: {error}") from None
    # pandas makes a second column "lon" a column "lon.1": the caller would not know which was meant.
    first = _first_line(body, charset or _encoding(body))
    twice = [name for name in set(first) if first.count(name) > 1]
    if twice:
        raise InputError(f"the CSV has the column {twice[0]!r} more than once; leave out all but one")
    return table


def _first_line(body: bytes, encoding: str) -> list[str]:
    line = pd.read_csv(io.BytesIO(body), dtype="str", encoding=encoding, header=None, nrows=1, keep_default_na=False)
    return [str(name) for name in line.iloc[0]]


def _encoding(body: bytes) -> str:
    """Return UTF-8 (with or without a mark) or UTF-16 where it reads so, else GB18030."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


def _as_numbers(values: pd.Series) -> Floats:
    return np.asarray(numbers(values), dtype=np.float64)


def _accuracies(values: pd.Series) -> Floats:
    """Return accuracies as :class:`~gridmap.api.batch.Points` has them."""
    found = _as_numbers(values)
    stated = (values.notna() & (values.str.strip() != "")).to_numpy(dtype=bool)
    return np.where(np.isnan(found) & stated, -1.0, found)


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        return pd.Series([None] * len(table), dtype="str")
    values = table[name].str.strip()
    return values.where(values != "")


def write_csv(batch: CsvBatch, answered: AnsweredBatch) -> bytes:
    """Return the rows as they came, what tells who reported masked, and the answers beside them, as ``gridmap join``.

    Raises
    ------
    InputError
        When the rows already have a column of the answers.
    """
    columns = answered.columns()
    refuse_taken(batch.table, pd.DataFrame(columns=list(columns)))
    masked = mask_table(batch.table)
    rows = pa.table({str(name): pa.array(masked[name], pa.large_string()) for name in masked.columns})
    table = with_columns(rows, columns)
    return csv_header(table.column_names) + bytes(csv_bytes(iter([table])))
