"""Addresses to points and back: :class:`Geocoder` opens the county's address index and answers from it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pandas as pd

from gridmap.address.answer import answer
from gridmap.address.complete import Completer
from gridmap.address.index import AddressIndex
from gridmap.address.match import Matcher
from gridmap.address.model import AddressParts, Geocoding, NearAddress, Suggestion
from gridmap.address.names import NameBook
from gridmap.address.near import NearestAddress
from gridmap.address.question import Question, open_stretches, read_question
from gridmap.address.region import Fronts
from gridmap.address.telling import tell
from gridmap.errors import CrsError, InputError
from gridmap.locate.points import NOT_DEGREES, read_points

MOST_CHARACTERS: Final = 200
"""An address is shorter; what is longer is a letter, and is refused rather than searched for one."""
REACH_M: Final = 500.0
"""How far the nearest address may be (ours)."""
_FAR: Final = f"{REACH_M:.0f} 米内没有标准地址 · no listed address within {REACH_M:.0f} m"
_EMPTY: Final = "没有地址文字 · no address in the text"
_LONG: Final = f"超过 {MOST_CHARACTERS} 字，不是一个地址 · longer than {MOST_CHARACTERS} characters: not one address"
_UNKNOWN: Final = "标准地址库中没有找到 · nothing of it is in the address index"
_NOT_OURS: Final = (
    "the index of addresses is damaged or was made by another version; build it anew: gridmap addresses build"
)
_COUNTY: Final = "只有省、市、县，须人工核实 · only province, city and county: a person has to look"
_COLUMNS: Final = (
    "outcome", "reason", "match_type", "confidence", "lon", "lat", "accuracy_m", "address", "town", "community",
)  # fmt: skip


class Geocoder:
    """Answers which place an address means, and which address is nearest to a place.

    It never changes once opened and may be shared between threads; processes that open one file share its memory.

    Parameters
    ----------
    source
        The file of ``gridmap addresses build``, or an index made in memory.

    Raises
    ------
    InputError
        When there is no file, it is not an index, or it is damaged.

    Examples
    --------
    >>> import pandas as pd
    >>> from gridmap.address.build import build_index
    >>> rows = pd.DataFrame({"town": ["花山镇"] * 2, "street": ["虹桥路"] * 2, "number": ["13", "15"],
    ...                      "lon": [120.3034, 120.3040], "lat": [31.5217, 31.5218]})
    >>> geocoder = Geocoder(build_index(rows).index)
    >>> found = geocoder.geocode("虹桥路十三号")
    >>> found.match_type, found.address, found.lon
    ('exact', '花山镇虹桥路13号', 120.3034)
    >>> geocoder.geocode("虹桥路14号").match_type
    'interpolated'
    """

    def __init__(self, source: AddressIndex | str | os.PathLike[str]) -> None:
        self._index = source if isinstance(source, AddressIndex) else AddressIndex.open(source)
        try:
            self._book = NameBook(self._index.names, self._index.tables)
            self._nearest = NearestAddress(self._index.tables)
            self._completer = Completer(self._index, self._book)
        except (KeyError, UnicodeDecodeError, IndexError) as error:
            raise InputError(f"{_NOT_OURS} ({error!r})") from error
        self._fronts = Fronts(self._index.region)
        self._matcher = Matcher(self._index, self._book)

    @property
    def version(self) -> str:
        """Version of the index: what every answer says it was made from."""
        return self._index.version

    def __reduce__(self) -> tuple[Any, ...]:
        return Geocoder, (self._index,)

    def geocode(self, text: str) -> Geocoding:
        """Find the place an address means.

        Parameters
        ----------
        text
            As people write it, at most :data:`MOST_CHARACTERS`.

        Returns
        -------
        Geocoding
            Whatever the text is; nothing is raised.
        """
        refused = _refusal(text)
        if refused:
            return Geocoding("invalid", refused, index_version=self.version)
        question = read_question(text, self._book, self._fronts)
        if not question.text.strip(" -") or len(question.text) > MOST_CHARACTERS:
            return Geocoding("invalid", _LONG if question.text.strip(" -") else _EMPTY, index_version=self.version)
        readings = self._matcher.readings(question)
        found = answer(self._index, question, readings) if readings else self._nothing(question)
        return _elsewhere(found, question.front.foreign) if question.front.foreign else found

    def _nothing(self, question: Question) -> Geocoding:
        telling = partial(tell, self._index, question, None)
        if question.front.parts and not open_stretches(question, 0) and not question.steps:
            region = self._index.region
            address = region.province + region.city + region.county
            return Geocoding(
                "matched", _COUNTY, "fallback", address=address, index_version=self.version, telling=telling
            )  # fmt: skip
        return Geocoding("not_found", _UNKNOWN, index_version=self.version, telling=telling)

    def geocode_many(self, texts: Iterable[str]) -> pd.DataFrame:
        """Find the places of many addresses.

        Returns
        -------
        DataFrame
            RangeIndex, a row a text in their order: ``outcome, reason, match_type, confidence, lon, lat, accuracy_m,
            address, town, community``.
        """
        found = (self.geocode(text) for text in texts)
        return pd.DataFrame([[getattr(each, name) for name in _COLUMNS] for each in found], columns=list(_COLUMNS))

    def reverse(self, lon: float, lat: float, *, crs: str | int = "wgs84") -> NearAddress:
        """Find the listed address nearest to a point, on its side of the street where the index knows the streets.

        Parameters
        ----------
        lon, lat
            Degrees (easting and northing where ``crs`` is projected).
        crs
            ``wgs84``, ``cgcs2000``, ``gcj02``, ``bd09`` or an EPSG code.

        Returns
        -------
        NearAddress
            ``far`` where nothing listed lies within :data:`REACH_M`; a point that is none is ``invalid``.
        """
        try:
            points = read_points([lon], [lat], crs)
        except CrsError as error:
            return NearAddress("invalid", str(error), index_version=self.version)
        x, y = float(points.lon[0]), float(points.lat[0])
        if not (abs(x) <= 180 and abs(y) <= 90):
            return NearAddress("invalid", NOT_DEGREES, index_version=self.version)
        row, distance_m, same_side = self._nearest.nearest(x, y, radius_m=REACH_M)
        if row < 0:
            return NearAddress("far", _FAR, index_version=self.version)
        town, community = self._index.areas_of(row)
        index = self._index
        return NearAddress(
            "matched", "", index.address(row), town, community, float(index.row_lon[row]), float(index.row_lat[row]),
            distance_m, same_side, int(index.row_node[row]), self.version,
        )  # fmt: skip

    def parts_of(self, node: int) -> AddressParts:
        """Take a listed place apart that an answer named: the ``node`` of a candidate, a suggestion, what is near."""
        return self._index.parts_of(node)

    def autocomplete(self, text: str, *, limit: int = 10) -> tuple[Suggestion, ...]:
        """Complete what somebody is typing: characters, pinyin, initials (``rml``), then numbers.

        Returns
        -------
        tuple of Suggestion
            At most ``limit``, the likeliest first; none for what begins nothing.
        """
        return tuple(self._completer.complete(text, limit)) if isinstance(text, str) else ()


def _refusal(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        return _EMPTY
    return _LONG if len(text) > MOST_CHARACTERS else ""


def _elsewhere(found: Geocoding, foreign: str) -> Geocoding:
    """Turn an answer into that of another county's address: what fits here is named, and claimed by nobody."""
    reason = f"地址属于{foreign}，不在本县 · the address is of another county: {foreign}"
    unsure = tuple(replace(each, confidence=0.0) for each in found.candidates)
    return Geocoding(
        "elsewhere", reason, candidates=unsure, index_version=found.index_version, telling=found.telling
    )  # fmt: skip
