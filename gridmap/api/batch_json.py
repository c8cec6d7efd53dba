"""A batch as JSON: read strictly item by item, written so that what many points share is written once."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gridmap.api.batch import Answered, Floats, Points, Rows, check_size, person_rows
from gridmap.api.errors import RequestError
from gridmap.api.limits import MOST_ACCURACY_M, MOST_POINTS
from gridmap.api.models import FieldProblem
from gridmap.api.places import AT, DUTY
from gridmap.cases.added import PERSON_COLUMNS, Coded
from gridmap.errors import InputError
from gridmap.locate.placement import INVALID, OUTCOMES

_NAMES: Final = ("lon", "lat", "crs", "accuracy_m", "duty", "at", "id")
_LONGEST_INT: Final = 18


class BatchPoint(BaseModel):
    """One point; what is not stated is taken from the batch."""

    model_config = ConfigDict(extra="allow")

    lon: float
    lat: float
    crs: Annotated[str | int, Field(examples=["gcj02"])] = "wgs84"
    accuracy_m: Annotated[float | None, Field(ge=0, le=MOST_ACCURACY_M)] = None
    duty: Annotated[str | None, Field(description=DUTY)] = None
    at: Annotated[str | None, Field(description=AT)] = None
    id: Annotated[Any, Field(description="任意标识，原样返回 · anything; comes back as it is")] = None


class BatchBody(BaseModel):
    """Points, and what holds for those that do not say otherwise."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[list[BatchPoint], Field(max_length=MOST_POINTS)]
    crs: str | int = "wgs84"
    accuracy_m: Annotated[float | None, Field(ge=0, le=MOST_ACCURACY_M)] = None
    duty: Annotated[str | None, Field(description=DUTY)] = None
    at: Annotated[str | None, Field(description=AT)] = None


class _Defaults(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    crs: str | int = "wgs84"
    accuracy_m: Annotated[float | None, Field(ge=0, le=MOST_ACCURACY_M)] = None
    duty: str | None = None
    at: str | None = None


@dataclass(frozen=True, eq=False)
class JsonBatch:
    """A batch as it was sent.

    Parameters
    ----------
    points
        As columns.
    ids
        What callers call their points, ``None`` where no point has an id.
    at
        The time of the points that state none, where the batch states one.
    """

    points: Points
    ids: list[Any] | None
    at: str | None


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
    ([120.3, nan, nan], [7, None, None], [2])
    """
    said = _loaded(body)
    if not isinstance(said, dict) or not isinstance(said.get("points"), list):
        raise InputError(
            'the body has to be an object with a list of points: {"points": [{"lon": 120.3, "lat": 31.5}]}'
        )
    items: list[Any] = said.pop("points")
    check_size(len(items))
    defaults = _defaults(said)
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
    )
    ids = column["id"]
    return JsonBatch(points, ids if any(each is not None for each in ids) else None, defaults.at)


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # One number beyond a double (1e400), or NaN as Python writes it, is a bad point and not a bad batch.
        try:
            return json.loads(body, parse_int=_whole, parse_constant=lambda _: math.nan)
        except (ValueError, RecursionError):
            raise InputError(f"the body is not JSON: {error}") from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INT else float(digits)


def _defaults(said: dict[str, Any]) -> _Defaults:
    from pydantic import ValidationError

    try:
        return _Defaults.model_validate(said)
    except ValidationError as error:
        found = tuple(
            FieldProblem(where="body", name=".".join(map(str, each["loc"])), reason=each["msg"])
            for each in error.errors(include_input=False, include_url=False)
        )
        raise RequestError("; ".join(f"{each.name}: {each.reason}" for each in found), found) from None


def _is_number(value: Any) -> bool:
    return type(value) is float or type(value) is int


def _numbers(values: list[Any]) -> Floats:
    """Return numbers, NaN for anything else: text and truth values are none."""
    return np.array([value if _is_number(value) else math.nan for value in values], dtype=np.float64)


def _accuracies(values: list[Any], default: float | None) -> Floats | None:
    """Return accuracies as :class:`~gridmap.api.batch.Points` has them."""
    if default is None and not any(value is not None for value in values):
        return None
    unknown = math.nan if default is None else default
    found = [unknown if value is None else value if _is_number(value) else -1.0 for value in values]
    return np.array(found, dtype=np.float64)


def _systems(values: list[Any], default: str | int) -> Any:
    stated = [default if value is None else value if type(value) is str else str(value) for value in values]
    kinds = set(stated)
    if len(kinds) == 1 and (only := kinds.pop()) == "wgs84":
        return only
    return np.array(stated, dtype=object)


def _texts(values: list[Any], default: str | None) -> pd.Series:
    if not any(value is not None for value in values):
        return pd.Series([default] * len(values) if default else [None] * len(values), dtype="str")
    stated = [default if value is None else value if type(value) is str else str(value) for value in values]
    return pd.Series([value if value and value.strip() else None for value in stated], dtype="str")


def write_json(answered: Answered, ids: list[Any] | None, plan_version: str) -> bytes:
    """Return the answer to a batch as JSON; equal answers are written once and repeated."""
    items = _items(answered)
    if ids is not None:
        items = [
            item if each is None else b'{"id":' + orjson.dumps(each) + b"," + item[1:]
            for item, each in zip(items, ids, strict=True)
        ]
    head = {
        "outcome": "answered",
        "count": len(items),
        "by_outcome": answered.by_outcome(),
        "at": answered.moment.text,
        "plan_version": plan_version,
    }
    return orjson.dumps(head)[:-1] + b',"results":[' + b",".join(items) + b"]}"


def _items(answered: Answered) -> list[bytes]:
    answers, person = answered.answers, person_rows(answered)
    why, reasons = pd.factorize(answered.reason)
    key = np.zeros(len(why), dtype=np.int64)
    parts = [*answers.grid.values(), answers.outcome, why, person, answered.timeless]
    for part in parts:
        numbers = part.astype(np.int64) + 1
        # Numbered anew after each part, so that no county has more combinations than there are numbers.
        key, _ = pd.factorize(key * (int(numbers.max(initial=0)) + 1) + numbers)
    first = _first_rows(key)
    written = [_Item(answered, row, str(reasons[why[row]]), int(person[row])) for row in first.tolist()]
    plain = [item.dumped([]) for item in written]
    items = [plain[at] for at in key.tolist()]
    for row, near in _candidates(answered).items():
        items[row] = written[key[row]].dumped(near)
    return items


@dataclass(frozen=True, eq=False)
class _Item:
    """What many points have in common; :class:`gridmap.api.models.BatchItem` but for its id."""

    answered: Answered
    row: int
    reason: str
    person: int

    def dumped(self, candidates: list[dict[str, object]]) -> bytes:
        answers = self.answered.answers
        chain = {
            level: answers.codes[level][grid[self.row]] for level, grid in answers.grid.items() if grid[self.row] >= 0
        }
        outcome = OUTCOMES[answers.outcome[self.row]]
        said = {
            "outcome": outcome, "reason": self.reason, "chain": chain, "candidates": candidates,
            "responsible": self._responsible(chain),
        }  # fmt: skip
        return orjson.dumps(said)

    def _responsible(self, chain: dict[str, str]) -> dict[str, object]:
        people = self.answered.people
        if people is None or self.person < 0:
            return {
                "outcome": self._nobody(people, chain),
                "person_id": None,
                "name": None,
                "level": None,
                "grid": None,
            }
        person_id, name, level = (str(_value(people[each], self.row)) for each in PERSON_COLUMNS)
        return {"outcome": "named", "person_id": person_id, "name": name, "level": level, "grid": chain[level]}

    def _nobody(self, people: dict[str, Coded] | None, chain: dict[str, str]) -> str:
        if people is None:
            return "no_roster"
        if not chain:
            return "no_place"
        return "no_time" if self.answered.timeless[self.row] else "nobody"


def _value(column: Coded, row: int) -> object:
    return column.values[column.positions[row]]


def _first_rows(key: NDArray[np.int64]) -> Rows:
    """Return the first row of each number; numbers are in the order in which they first appear."""
    first = np.zeros(int(key.max(initial=-1)) + 1, dtype=np.int64)
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    return first


def _candidates(answered: Answered) -> dict[int, list[dict[str, object]]]:
    """Return the candidates of each row that has some: a level after the other, the nearest first."""
    found: dict[int, list[dict[str, object]]] = {}
    for level, near in answered.answers.candidates.items():
        codes = answered.answers.codes[level]
        order = np.lexsort((near.grid, near.distance_m, near.point))
        rows, grids, metres = (each[order].tolist() for each in (near.point, near.grid, near.distance_m))
        for row, at, distance in zip(rows, grids, metres, strict=True):
            found.setdefault(row, []).append({"level": level, "code": codes[at], "distance_m": distance})
    return {row: near for row, near in found.items() if answered.answers.outcome[row] != INVALID}
