"""A batch as JSON: read strictly, item by item, into columns."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import orjson
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from gridmap.api.asked import read_values
from gridmap.api.batch import Floats, Points, check_size
from gridmap.api.limits import MOST_ACCURACY_M, MOST_POINTS
from gridmap.api.moments import AT, TimeQuery
from gridmap.api.places import DUTY
from gridmap.errors import InputError

_NAMES: Final = ("lon", "lat", "crs", "accuracy_m", "duty", "at", "id", "address")
_LONGEST_INT: Final = 18


class BatchPoint(BaseModel):
    """One point, by coordinates or by an address; what is not stated is taken from the batch."""

    model_config = ConfigDict(extra="allow")

    lon: float | None = None
    lat: float | None = None
    address: Annotated[
        str | None,
        Field(description="地址，没有坐标时使用 · as people write it; of a point that has coordinates, these count"),
    ] = None
    crs: Annotated[str | int, Field(examples=["gcj02"])] = "wgs84"
    accuracy_m: Annotated[float | None, Field(ge=0, le=MOST_ACCURACY_M)] = None
    duty: Annotated[str | None, Field(description=DUTY)] = None
    at: Annotated[str | None, Field(description=AT)] = None
    id: Annotated[Any, Field(description="任意标识，原样返回 · anything; comes back as it is")] = None


class BatchBody(TimeQuery):
    """Points, and what holds for those that do not say otherwise.

    Each point's own ``at`` decides whose people are named and, unless the batch states a ``version``, which version of
    the plan answers.
    """

    points: Annotated[list[BatchPoint], Field(max_length=MOST_POINTS)]
    crs: str | int = "wgs84"
    accuracy_m: Annotated[float | None, Field(ge=0, le=MOST_ACCURACY_M)] = None
    duty: Annotated[str | None, Field(description=DUTY)] = None


class _Defaults(TimeQuery):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    crs: str | int = "wgs84"
    accuracy_m: Annotated[float | None, Field(ge=0, le=MOST_ACCURACY_M)] = None
    duty: str | None = None


@dataclass(frozen=True, eq=False)
class JsonBatch:
    """A batch as it was sent.

    Parameters
    ----------
    points
        As columns.
    ids
        What callers call their points, as JSON; ``None`` where no point has an id.
    asked
        The version of all points, and the time of those that state none, where the batch states them.
    """

    points: Points
    ids: list[bytes | None] | None
    asked: TimeQuery


def read_json(body: bytes) -> JsonBatch:
    """Read a batch.

    Raises
    ------
    InputError
        When it is not JSON, or not an object with points.
    TooLargeError
        When there are too many points.

    Examples
    --------
    >>> batch = read_json(b'{"points": [{"lon": 120.3, "lat": 31.5, "id": 7}, {"lon": "x"}, 3]}')
    >>> batch.points.lon.tolist(), batch.ids, batch.points.broken.tolist()
    ([120.3, nan, nan], [b'7', None, None], [2])
    """
    said = loaded(body)
    if not isinstance(said, dict) or not isinstance(said.get("points"), list):
        raise InputError(
            'the body has to be an object with a list of points: {"points": [{"lon": 120.3, "lat": 31.5}]}'
        )
    items: list[Any] = said.pop("points")
    check_size(len(items))
    defaults = read_values(_Defaults, said, "body")
    broken = [row for row, item in enumerate(items) if type(item) is not dict]
    for row in broken:
        items[row] = {}
    column = {name: [item.get(name) for item in items] for name in _NAMES}
    points = Points(
        _numbers(column["lon"]),
        _numbers(column["lat"]),
        _systems(column["crs"], defaults.crs),
        _accuracies(column["accuracy_m"], defaults.accuracy_m),
        _texts(column["duty"], defaults.duty),
        _texts(column["at"], None),
        np.array(broken, dtype=np.int64),
        None if all(value is None for value in column["address"]) else _texts(column["address"], None),
    )
    return JsonBatch(points, ids_of(column["id"]), defaults)


def loaded(body: bytes) -> Any:
    """Read JSON as callers write it.

    Raises
    ------
    InputError
        When it is none.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # One number beyond a double (1e400), or NaN as Python writes it, is a bad point and not a bad batch.
        try:
            said = json.loads(body, parse_int=_whole, parse_constant=float)
            orjson.dumps(said)  # refuses half a character, which no answer could repeat
        except (ValueError, TypeError, RecursionError):
            raise InputError(f"the body is not JSON: {error}") from None
        return said


def ids_of(values: list[Any]) -> list[bytes | None] | None:
    """Return what callers call their items, as JSON; ``None`` where none has an id.

    Raises
    ------
    InputError
        When one cannot be given back.
    """
    if not any(value is not None for value in values):
        return None
    try:
        return [None if value is None else orjson.dumps(value) for value in values]
    except TypeError as error:
        raise InputError(f"an id cannot be given back: {error}") from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INT else float(digits)


def _is_number(value: Any) -> bool:
    return type(value) is float or type(value) is int


def _numbers(values: list[Any]) -> Floats:
    """Return numbers, NaN for anything else: text and truth values are none."""
    return np.array([value if _is_number(value) else math.nan for value in values], dtype=np.float64)


def _word(value: Any) -> str:
    """Return what stands where a text should; a list of a thousand lists has no text."""
    return str(value) if isinstance(value, int | float) else type(value).__name__


def _accuracies(values: list[Any], default: float | None) -> Floats | None:
    """Return accuracies as :class:`~gridmap.api.batch.Points` has them."""
    if default is None and not any(value is not None for value in values):
        return None
    unknown = math.nan if default is None else default
    found = [unknown if value is None else value if _is_number(value) else -1.0 for value in values]
    return np.array(found, dtype=np.float64)


def _systems(values: list[Any], default: str | int) -> Any:
    stated = [default if value is None else value if type(value) is str else _word(value) for value in values]
    kinds = set(stated)
    if len(kinds) == 1 and (only := kinds.pop()) == "wgs84":
        return only
    return np.array(stated, dtype=object)


def _texts(values: list[Any], default: str | None) -> pd.Series:
    if not any(value is not None for value in values):
        return pd.Series([default] * len(values) if default else [None] * len(values), dtype="str")
    stated = [default if value is None else value if type(value) is str else _word(value) for value in values]
    return pd.Series([value if value and value.strip() else None for value in stated], dtype="str")
