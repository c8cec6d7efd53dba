"""The answer to a batch as JSON: what many points have in common is written once and repeated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.place import AddressPlacement
from gridmap.api.addresses import batch_geocoding
from gridmap.api.batch import Answered, Rows
from gridmap.api.batch_versions import AnsweredBatch
from gridmap.api.models import BatchItem, BatchPerson, NearGrid
from gridmap.cases.added import PERSON_COLUMNS
from gridmap.cases.addresses import ADDRESS_OUTCOMES
from gridmap.locate.answers import Touched

_NOBODY: Final = dict.fromkeys(("person_id", "name", "level", "grid"))


def write_json(batch: AnsweredBatch, ids: list[bytes | None] | None) -> bytes:
    """Return the answer to a batch, :class:`gridmap.api.models.BatchAnswer`.

    Parameters
    ----------
    batch
        What is said of each point.
    ids
        What callers call their points, as JSON, where they do.
    """
    items = _gathered(batch)
    if ids is not None:
        items = [
            item if each is None else b'{"id":' + each + b"," + item[1:] for item, each in zip(items, ids, strict=True)
        ]
    head = {
        "outcome": "answered",
        "count": len(items),
        "by_outcome": batch.by_outcome(),
        "at": batch.moment.text,
        "plan_version": batch.version,
    }
    return orjson.dumps(head)[:-1] + b',"results":[' + b",".join(items) + b"]}"


def _gathered(batch: AnsweredBatch) -> list[bytes]:
    """Return the points in their order; one of another version than the batch says so."""
    items = [b""] * batch.size
    for part in batch.parts:
        written = _items(part.answered, {} if part.version == batch.version else {"plan_version": part.version})
        if len(batch.parts) == 1:
            return written
        for row, item in zip(part.rows.tolist(), written, strict=True):
            items[row] = item
    return items


def _items(answered: Answered, more: dict[str, str]) -> list[bytes]:
    key = _kinds(answered)
    kinds = [_written(answered, row, more) for row in _first_rows(key).tolist()]
    which = key.tolist()
    near = _candidates(answered)
    if not near:
        plain = [kind.head + b"[]" + kind.tail for kind in kinds]
        items = [plain[each] for each in which]
    else:
        items = [kinds[each].head + near.get(row, b"[]") + kinds[each].tail for row, each in enumerate(which)]
    if answered.addressed is not None:
        for row, found in zip(answered.addressed.rows.tolist(), answered.addressed.found, strict=True):
            items[row] = _by_address(answered, row, found, more)
    return items


def _by_address(answered: Answered, row: int, found: AddressPlacement, more: dict[str, str]) -> bytes:
    """Return an item that was asked about by its address: hardly two of them are the same."""
    place = found.placement
    said = BatchItem(
        outcome=place.outcome,
        reason=answered.reason[row],
        chain=dict(place.chain),
        candidates=tuple(
            NearGrid(level=each.level, code=each.code, distance_m=each.distance_m) for each in place.candidates
        ),
        responsible=None
        if found.is_unresolved
        else BatchPerson.model_validate(_responsible(answered, row, dict(place.chain))),
        geocoding=batch_geocoding(found),
    )
    return orjson.dumps(said.model_dump(exclude={"id", "plan_version"}) | more)


def _kinds(answered: Answered) -> NDArray[np.int64]:
    """Return a number a row; rows with the same number have the same answer but for their id and their candidates."""
    answers = answered.answers
    why, _ = pd.factorize(answered.reason)
    key = np.zeros(len(why), dtype=np.int64)
    for part in (*answers.grid.values(), answers.outcome, why, answered.person, answered.timeless):
        numbers = part.astype(np.int64) + 1
        # Numbered anew after each part, so that no county has more combinations than there are numbers.
        key, _ = pd.factorize(key * (int(numbers.max(initial=0)) + 1) + numbers)
    return key


@dataclass(frozen=True)
class _Written:
    """An answer as JSON before and after its candidates."""

    head: bytes
    tail: bytes


def _written(answered: Answered, row: int, more: dict[str, str]) -> _Written:
    answers = answered.answers
    chain = {level: answers.codes[level][grid[row]] for level, grid in answers.grid.items() if grid[row] >= 0}
    head = {"outcome": ADDRESS_OUTCOMES[answers.outcome[row]], "reason": answered.reason[row], "chain": chain}
    tail = {"responsible": _responsible(answered, row, chain), **more}
    return _Written(orjson.dumps(head)[:-1] + b',"candidates":', b"," + orjson.dumps(tail)[1:])


def _responsible(answered: Answered, row: int, chain: dict[str, str]) -> dict[str, object]:
    """Return :class:`gridmap.api.models.BatchPerson` as plain values."""
    people = answered.people
    if people is None:
        return {"outcome": "no_roster", **_NOBODY}
    if answered.person[row] < 0:
        outcome = "no_place" if not chain else "no_time" if answered.timeless[row] else "nobody"
        return {"outcome": outcome, **_NOBODY}
    person_id, name, level = (people[each].values[people[each].positions[row]] for each in PERSON_COLUMNS)
    return {"outcome": "named", "person_id": person_id, "name": name, "level": level, "grid": chain[level]}


def _first_rows(key: NDArray[np.int64]) -> Rows:
    """Return the first row of each number."""
    first = np.zeros(int(key.max(initial=-1)) + 1, dtype=np.int64)
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    return first


def _candidates(answered: Answered) -> dict[int, bytes]:
    """Return the candidates of each row that has some: a level after the other, the nearest first."""
    found: dict[int, list[bytes]] = {}
    for level, near in answered.answers.candidates.items():
        codes = answered.answers.codes[level]
        for row, pieces in _by_row(near, level, codes):
            found.setdefault(row, []).append(pieces)
    return {row: b"[" + b",".join(pieces) + b"]" for row, pieces in found.items()}


def _by_row(near: Touched, level: str, codes: NDArray[np.object_]) -> list[tuple[int, bytes]]:
    order = np.lexsort((near.grid, near.distance_m, near.point))
    point, grid, metres = near.point[order], near.grid[order].tolist(), near.distance_m[order].tolist()
    stem = orjson.dumps({"level": level, "code": ""})[:-2]
    pieces = [
        stem + orjson.dumps(codes[at])[1:] + b',"distance_m":' + repr(distance).encode() + b"}"
        for at, distance in zip(grid, metres, strict=True)
    ]
    starts = [*np.flatnonzero(np.diff(point, prepend=-1)).tolist(), len(pieces)]
    return [(int(point[begin]), b",".join(pieces[begin:end])) for begin, end in pairwise(starts)]
