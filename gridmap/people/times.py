"""Times as offices write them, read strictly: what could mean two things is not guessed."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridmap.errors import InputError

Moments: TypeAlias = NDArray[np.datetime64]

ZONE: Final = "Asia/Shanghai"
"""What a time without a zone means (design.md, decision 2)."""

_WRITTEN: Final = (
    r"^\s*(?P<year>\d{4})(?:[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?|(?P<month2>\d{2})(?P<day2>\d{2}))"
    r"(?:[T\s]*(?P<hour>\d{1,2})[:时点](?P<minute>\d{1,2})(?:[:分](?P<second>\d{1,2})(?P<part>\.\d+)?秒?|分)?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?\s*$"
)
_NAIVE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$"
_ZONED: Final = _NAIVE.removesuffix(")?$") + r")(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""The two layouts that nearly every file has throughout; Arrow reads them thirty times as fast as the whole pattern."""


def read_times(values: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Read times: ISO 8601, ``2026/5/1 8:00``, ``2026年5月1日 8时30分``, ``20260501``; days alone are their midnight.

    Parameters
    ----------
    values
        Text, datetimes or missing values; times without a zone mean Asia/Shanghai.

    Returns
    -------
    (times, unreadable)
        Aware times (UTC, microseconds) with NaT where there is none; and where something stood that is no such time:
        ``05/06/2026`` (which day?), ``08:00`` (of which day?), ``now``.

    Examples
    --------
    >>> times, unreadable = read_times(pd.Series(["2026年5月1日 8:00", "05/06/2026", None]))
    >>> times.dt.tz_convert(ZONE).astype("str").tolist()[0], unreadable.tolist()
    ('2026-05-01 08:00:00+08:00', [False, True, False])
    """
    plain = values.reset_index(drop=True)
    if pd.api.types.is_datetime64_any_dtype(plain.dtype):
        aware = plain if plain.dt.tz is not None else _localized(plain)
        return aware.dt.tz_convert("UTC").astype("datetime64[us, UTC]"), np.zeros(len(plain), dtype=bool)
    return _read_text(plain) if isinstance(plain.dtype, pd.StringDtype) else _read_written(plain)


def _read_text(plain: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Read text: ISO 8601 at once, and of what else there is every spelling once."""
    texts = pc.utf8_trim_whitespace(pa.array(plain, type=pa.large_string()))
    times = _whole(texts)
    if times is None:
        times = _in_parts(texts)
    unreadable = np.zeros(len(plain), dtype=bool)
    rest = np.flatnonzero(np.isnat(times) & plain.notna().to_numpy(dtype=bool))
    if len(rest):
        which, spellings = pd.factorize(plain.iloc[rest])
        slow, odd = _read_written(pd.Series(spellings, dtype="str"))
        times[rest] = _utc(slow)[which]
        unreadable[rest] = odd[which]
    return pd.Series(times).dt.tz_localize("UTC"), unreadable


def _whole(texts: pa.Array) -> Moments | None:
    """Return times where all are written in one of the two layouts, with minutes or as days alone."""
    minutes = pc.equal(pc.utf8_slice_codeunits(texts, 13, 14), ":")
    if not pc.all(pc.or_(minutes, pc.equal(pc.utf8_length(texts), 10))).as_py():
        return None
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        with contextlib.suppress(pa.ArrowInvalid):
            return _moments(texts.cast(kind))
    return None


def _in_parts(texts: pa.Array) -> Moments:
    """Return the times of those rows that are written in one of the two layouts."""
    found = np.full(len(texts), np.datetime64("NaT", "us"))
    for pattern, kind in ((_ZONED, pa.timestamp("us", "UTC")), (_NAIVE, pa.timestamp("us"))):
        chosen = pc.if_else(pc.match_substring_regex(texts, pattern), texts, None)
        # Where one looks like a time and is none (February 30), each is read by itself.
        with contextlib.suppress(pa.ArrowInvalid):
            times = _moments(chosen.cast(kind))
            found = np.where(np.isnat(times), found, times)
    return found


def _moments(times: pa.Array) -> Moments:
    naive = pd.Series(times.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False).copy())
    return _utc(naive.dt.tz_localize("UTC") if times.type.tz is not None else _localized(naive))


def _utc(aware: pd.Series) -> Moments:
    naive = aware.dt.tz_convert("UTC").dt.tz_localize(None)
    return np.array(naive.to_numpy(), dtype="datetime64[us]")


def _read_written(plain: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Read any spelling; the one place that says what a time looks like."""
    there = plain.notna() & (plain.astype("str").str.strip() != "")
    found = plain.where(there, None).astype("str").str.extract(_WRITTEN)
    month, day = (found[name].fillna(found[f"{name}2"]) for name in ("month", "day"))
    clock = [found[name].fillna("0").str.zfill(2) for name in ("hour", "minute", "second")]
    text = (
        found["year"] + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
        + "T" + clock[0] + ":" + clock[1] + ":" + clock[2] + found["part"].fillna(".0")
    )  # fmt: skip
    naive = pd.to_datetime(text, errors="coerce", format="ISO8601").astype("datetime64[us]")
    zoned = found["zone"].notna()
    times = _localized(naive).dt.tz_convert("UTC")
    times = times.where(~zoned, (naive - _offset(found["zone"])).dt.tz_localize("UTC"))
    return times.astype("datetime64[us, UTC]"), np.asarray(there & times.isna(), dtype=bool)


def _localized(naive: pd.Series) -> pd.Series:
    always = np.ones(len(naive), dtype=bool)
    return naive.dt.tz_localize(ZONE, ambiguous=always, nonexistent="shift_forward")


def _offset(zone: pd.Series) -> pd.Series:
    parts = zone.str.extract(r"^(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?$")
    minutes = 60 * pd.to_numeric(parts["hours"]).fillna(0) + pd.to_numeric(parts["minutes"]).fillna(0)
    return pd.to_timedelta(minutes.where(parts["sign"] != "-", -minutes), unit="min").astype("timedelta64[us]")


def microseconds(times: pd.Series, missing: float) -> NDArray[np.float64]:
    """Return aware times as microseconds since 1970, ``missing`` where there is none."""
    numbers = times.dt.tz_convert("UTC").astype("datetime64[us, UTC]").astype("int64").astype("float64")
    return np.asarray(numbers.where(times.notna(), missing), dtype=np.float64)


def holding(table: pd.DataFrame, moment: float) -> NDArray[np.bool_]:
    """Return which rows hold at a time, ``[valid_from, valid_to)``, where a missing end is open.

    Parameters
    ----------
    table
        With the columns ``valid_from`` and ``valid_to``, aware times.
    moment
        In microseconds since 1970.

    Examples
    --------
    >>> begins, ends = (read_times(pd.Series(each))[0] for each in ([None, "2026-05-01"], ["2026-05-01", None]))
    >>> holding(pd.DataFrame({"valid_from": begins, "valid_to": ends}), at_microseconds("2026-05-01")).tolist()
    [False, True]
    """
    begin, end = microseconds(table["valid_from"], -np.inf), microseconds(table["valid_to"], np.inf)
    return np.asarray((begin <= moment) & (moment < end))


def told(at: datetime) -> str:
    """Return a time as messages name it: Shanghai's, to the minute.

    Examples
    --------
    >>> told(datetime.fromisoformat("2026-05-31T16:00:00+00:00"))
    '2026-06-01 00:00'
    """
    return f"{at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}"


def at_microseconds(at: Any) -> float:
    """Return one time as microseconds since 1970; a naive one means Asia/Shanghai.

    Raises
    ------
    InputError
        When it is no time.
    """
    times, _ = read_times(pd.Series([at if isinstance(at, str) or at is None else _text(at)], dtype=object))
    if times.isna().any():
        raise InputError(f"at={at!r} is not a time; give an aware datetime, for example 2026-05-01T08:00+08:00")
    return float(microseconds(times, np.nan)[0])


def _text(at: Any) -> str | None:
    return at.isoformat() if isinstance(at, datetime) and not pd.isna(at) else None
