"""Many addresses at once, CSV or JSON: each answered beside what came, in its order, nothing dropped."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from gridmap.address.model import OUTCOMES
from gridmap.api.addresses import candidates_of, known
from gridmap.api.asked import read_values
from gridmap.api.batch import check_size, refuse_too_long
from gridmap.api.batch_csv import read_rows
from gridmap.api.batch_json import ids_of, loaded
from gridmap.api.limits import MOST_POINTS
from gridmap.api.models_addresses import GeocodedItem
from gridmap.cases.addresses import share
from gridmap.errors import InputError
from gridmap.people.masking import mask_table
from gridmap.scale.encode import csv_bytes, csv_header
from gridmap.scale.geocode import geocode_columns, refuse_missing

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

_SHAPE: Final = 'the body has to be an object with a list of addresses: {"addresses": ["文昌路12号"]}'


class AddressHeader(BaseModel):
    """Which column of a CSV has the addresses."""

    model_config = ConfigDict(extra="forbid")

    address_column: Annotated[str, Field(description="地址列 · CSV: header of the addresses", examples=["地址"])] = (
        "address"
    )


class AddressesBody(BaseModel):
    """Addresses: each a text, or an object with an id that comes back."""

    addresses: Annotated[
        list[str | dict[str, Any]],
        Field(max_length=MOST_POINTS, description='"文昌路12号" or {"address": "文昌路12号", "id": 7}'),
    ]


class _Defaults(BaseModel):
    model_config = ConfigDict(extra="forbid")


def geocode_json(geocoder: Geocoder, body: bytes, most_letters: float) -> bytes:
    """Answer to a batch in JSON, :class:`gridmap.api.models_addresses.GeocodeBatchAnswer`.

    Raises
    ------
    InputError
        When it is not JSON, or not an object with addresses.
    TooLargeError
        When there are too many, or their lengths squared are together more than ``most_letters``.
    """
    said = loaded(body)
    if not isinstance(said, dict) or not isinstance(said.get("addresses"), list):
        raise InputError(_SHAPE)
    items: list[Any] = said.pop("addresses")
    check_size(len(items), "addresses")
    read_values(_Defaults, said, "body")
    said_texts = [item.get("address") if isinstance(item, dict) else item for item in items]
    texts = [text if isinstance(text, str) else "" for text in said_texts]
    refuse_too_long(texts, most_letters)
    ids = ids_of([item.get("id") if isinstance(item, dict) else None for item in items])
    answer = cache(lambda text: _answer(geocoder, text))  # the same text is asked about once
    answers = [answer(text) for text in texts]
    written = [each for _, each in answers]
    if ids is not None:
        written = [
            item if each is None else b'{"id":' + each + b"," + item[1:]
            for item, each in zip(written, ids, strict=True)
        ]
    counts = Counter(outcome for outcome, _ in answers)
    head = {
        "outcome": "answered",
        "count": len(items),
        "by_outcome": {outcome: counts[outcome] for outcome in OUTCOMES},
        "address_version": geocoder.version,
    }
    return orjson.dumps(head)[:-1] + b',"results":[' + b",".join(written) + b"]}"


def _answer(geocoder: Geocoder, text: str) -> tuple[str, bytes]:
    """Return the outcome of an address, and what is said of it as JSON."""
    found = geocoder.geocode(text)
    said = GeocodedItem(
        outcome=found.outcome, reason=found.reason, match_type=found.match_type, confidence=share(found.confidence),
        address=found.address, lon=known(found.lon), lat=known(found.lat), accuracy_m=known(found.accuracy_m),
        candidates=candidates_of(found.candidates),
    )  # fmt: skip
    return found.outcome, said.__pydantic_serializer__.to_json(said)


def geocode_csv(geocoder: Geocoder, body: bytes, column: str, charset: str | None, most_letters: float) -> bytes:
    """Return the rows of a CSV as they came, what tells who reported masked, and what is said of their addresses.

    Raises
    ------
    InputError
        When it is no table, or has no such column.
    TooLargeError
        When there are too many rows, or the addresses' lengths squared are together more than ``most_letters``.
    """
    table = read_rows(body, charset)
    check_size(len(table), "addresses")
    refuse_missing(column, table.columns)
    masked = mask_table(table)
    rows = pa.table({str(name): pa.array(masked[name], pa.large_string()) for name in masked.columns})
    texts = table[column].fillna("").tolist()
    refuse_too_long(texts, most_letters)
    found = geocode_columns(rows, texts, geocoder)
    return csv_header(found.column_names) + bytes(csv_bytes(iter([found])))
