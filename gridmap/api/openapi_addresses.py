"""What the OpenAPI says of addresses."""

from __future__ import annotations

from typing import Any, Final

from gridmap.api.addresses import NO_INDEX
from gridmap.api.asked import parameters
from gridmap.api.errors import MediaTypeError, NoAddressesError, TooLargeError
from gridmap.api.geocode_batch import AddressHeader
from gridmap.api.geocodejson import AutocompleteQuery, GeocodeQuery, ReverseQuery
from gridmap.api.limits import MOST_POINTS
from gridmap.api.negotiate import GEOJSON
from gridmap.api.openapi_parts import NOT_CHANGED, Operation, content, problems
from gridmap.errors import GridmapError, InputError

INDEX: Final = "4f0c2a9d71be"
_NO_INDEX: Final = NoAddressesError(NO_INDEX)
ASKED, NOT_LISTED = "虹桥路十三号1幢", "长江大道8号"
"""What the examples are answers to, from the list of the town beside the tests."""
_POINT: Final = {"type": "Point", "coordinates": [120.30344135, 31.52171805]}
_PLACE: Final = {
    "type": "house", "label": "花山镇虹桥路13号1栋", "accuracy": 15.0, "housenumber": "13", "street": "虹桥路",
    "district": "和湾社区", "city": "花山镇",
}  # fmt: skip
_ELEMENTS: Final = [
    {"code": 40, "kind": "street", "text": "虹桥路", "value": "虹桥路", "start": 0, "end": 3, "matched": True},
    {"code": 50, "kind": "plate", "text": "十三号", "value": "13号", "start": 3, "end": 6, "matched": True},
    {"code": 60, "kind": "building", "text": "1幢", "value": "1栋", "start": 6, "end": 8, "matched": True},
]
_NOTE: Final = {
    "code": 90, "kind": "note", "text": "旁边", "value": "旁边", "start": 8, "end": 10, "matched": None
}  # fmt: skip
_NUMBER: Final = {
    "code": 50, "kind": "plate", "text": "8号", "value": "8号", "start": 4, "end": 6, "matched": False
}  # fmt: skip
_REST: Final = [{"text": "长江大道", "start": 0, "end": 4}]
_ONE: Final = {
    "address": "花山镇虹桥路13号1栋", "match_type": "exact", "confidence": 0.999, "lon": 120.30344135,
    "lat": 31.52171805, "accuracy_m": 15.0, "differs": "",
}  # fmt: skip
_BESIDE: Final = "在所说门牌的旁边、对面或后面，按该门牌推算 · beside, opposite or behind the door that is named"
_NOT_FOUND: Final = "标准地址库中没有找到 · nothing of it is in the address index"


def _collection(
    query: str,
    outcome: str,
    reason: str,
    *features: object,
    point: object = _POINT,
    **more: object,
) -> dict[str, Any]:
    return {
        "type": "FeatureCollection", "geocoding": {"version": "0.1.0", "query": query}, "outcome": outcome,
        "reason": reason, "address_version": INDEX, **more,
        "features": [{"type": "Feature", "geometry": point, "properties": each} for each in features],
    }  # fmt: skip


_FOUND: Final = _collection(
    ASKED, "matched", "", {"geocoding": _PLACE, "match_type": "exact", "confidence": 0.999, "differs": ""},
    elements=_ELEMENTS, unmatched=[],
)  # fmt: skip
_NEXT_TO_IT: Final = _collection(
    f"{ASKED}旁边", "matched", _BESIDE,
    {"geocoding": _PLACE | {"accuracy": 75.0}, "match_type": "interpolated", "confidence": 0.85, "differs": ""},
    elements=[*_ELEMENTS, _NOTE], unmatched=[],
)  # fmt: skip
_NOTHING: Final = _collection(NOT_LISTED, "not_found", _NOT_FOUND, elements=[_NUMBER], unmatched=_REST)
_NEAR: Final = _collection(
    "120.3034,31.5217", "matched", "",
    {"geocoding": {name: _PLACE[name] for name in _PLACE if name != "accuracy"}, "distance_m": 4.4, "same_side": None},
)  # fmt: skip
_TYPED: Final = _collection(
    "虹桥路13", "found", "",
    {"geocoding": {name: _PLACE[name] for name in _PLACE if name != "accuracy"} | {"label": "花山镇虹桥路13号"},
     "kind": "address", "context": "花山镇 和湾社区", "count": 4},
    point={"type": "Point", "coordinates": [120.303953, 31.52161848]},
)  # fmt: skip
GEOCODED: Final = {
    "outcome": "matched", "reason": "", "match_type": "exact", "confidence": 0.999, "grid_confidence": 0.999,
    "needs_person": False, "address": "花山镇虹桥路13号1栋", "town": "花山镇", "community": "和湾社区",
    "lon": 120.30344135, "lat": 31.52171805, "accuracy_m": 15.0, "elements": _ELEMENTS, "unmatched": [],
    "candidates": [_ONE], "address_version": INDEX,
}  # fmt: skip
NOWHERE: Final = GEOCODED | {
    "outcome": "not_found", "reason": _NOT_FOUND, "match_type": "", "confidence": 0.0, "grid_confidence": 0.0,
    "needs_person": True, "address": "", "town": "", "community": "", "lon": None, "lat": None, "accuracy_m": None,
    "elements": [_NUMBER], "unmatched": _REST, "candidates": [],
}  # fmt: skip
BATCH_GEOCODED: Final = {
    name: GEOCODED[name]
    for name in (
        "outcome", "match_type", "confidence", "needs_person", "address", "lon", "lat", "accuracy_m", "address_version",
    )
}  # fmt: skip
_ITEM: Final = {name: _ONE[name] for name in _ONE if name != "differs"}
_BATCH_ANSWER: Final = {
    "outcome": "answered", "count": 2,
    "by_outcome": {"matched": 1, "ambiguous": 0, "elsewhere": 0, "not_found": 1, "invalid": 0},
    "address_version": INDEX,
    "results": [
        {"id": "SJ-7", "outcome": "matched", "reason": "", **_ITEM, "candidates": [_ONE]},
        {"outcome": "not_found", "reason": _NOT_FOUND, "match_type": "", "confidence": 0.0, "address": "", "lon": None,
         "lat": None, "accuracy_m": None, "candidates": []},
    ],
}  # fmt: skip
_CSV_ANSWER: Final = (
    "id,address,outcome,reason,match_type,confidence,geocoded_address,lon,lat,accuracy_m,address_version\n"
    f"SJ-7,{ASKED},matched,,exact,0.999,花山镇虹桥路13号1栋,120.30344135,31.52171805,15,{INDEX}\n"
)


def _read(name: str, path: str, summary: str, query: Any, wrong: GridmapError, **answers: object) -> Operation:
    return {
        "operation_id": name,
        "openapi_extra": {"parameters": parameters(query)},
        "summary": summary,
        "tags": ["addresses"],
        "responses": {
            200: {"content": {GEOJSON: content(None, **answers)}},
            304: NOT_CHANGED,
            **problems(path, _NO_INDEX, wrong),
        },
    }


_WRONG_LIMIT: Final = InputError("limit: Input should be greater than or equal to 1 ('0')")
GEOCODE: Final = _read(
    "geocode", "/v1/geocode", "地址查坐标 · Where is an address (GeocodeJSON)", GeocodeQuery, _WRONG_LIMIT,
    found=_FOUND, beside=_NEXT_TO_IT, not_found=_NOTHING,
)  # fmt: skip
REVERSE: Final = _read(
    "reverse", "/v1/reverse", "坐标查地址 · Which address is nearest to a point (GeocodeJSON)", ReverseQuery,
    InputError("lon: Input should be a finite number ('nan')"), matched=_NEAR,
)  # fmt: skip
AUTOCOMPLETE: Final = _read(
    "autocomplete", "/v1/autocomplete", "地址联想 · What somebody may be typing (GeocodeJSON)", AutocompleteQuery,
    _WRONG_LIMIT, found=_TYPED,
)  # fmt: skip
GEOCODE_BATCH: Final[Operation] = {
    "operation_id": "geocodeBatch",
    "summary": "批量地址查坐标 · Where are many addresses",
    "tags": ["addresses"],
    "openapi_extra": {
        "parameters": parameters(AddressHeader),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": content(
                    "AddressesBody",
                    addresses={"addresses": [{"id": "SJ-7", "address": ASKED}, NOT_LISTED]},
                ),
                "text/csv": {"schema": {"type": "string"}, "example": f"id,address\nSJ-7,{ASKED}\n"},
            },
        },
    },
    "responses": {
        200: {"content": {
            "application/json": content(None, answered=_BATCH_ANSWER),
            "text/csv": {"schema": {"type": "string"}, "example": _CSV_ANSWER},
        }},
        **problems(
            "/v1/geocode",
            _NO_INDEX,
            InputError("there is no column 'address'; there are 地址. Name that of the addresses"),
            TooLargeError(f"the batch has more than {MOST_POINTS:,} addresses, the most answered at once; split it"),
            MediaTypeError("Content-Type is text/plain; allowed: application/json, text/csv"),
        ),
    },
}  # fmt: skip
OPERATIONS: Final = (GEOCODE, GEOCODE_BATCH, REVERSE, AUTOCOMPLETE)
