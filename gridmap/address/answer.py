"""From readings to an answer: how likely each, where it is, what was understood and what would tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gridmap.address import score
from gridmap.address.confidence import NOT_THE_DOOR, calibrate
from gridmap.address.index import OBJECT_KINDS, AddressIndex
from gridmap.address.match import Reading
from gridmap.address.model import GeoCandidate, Geocoding
from gridmap.address.question import Question
from gridmap.address.spots import Spot, find_spot
from gridmap.address.telling import left_over, tell

_LEAST: Final = 0.02
"""Share below which a reading is not named as a candidate."""
_MOST_CANDIDATES: Final = 10
_MOST_OF_DOUBT: Final = 0.95
_DOUBT: Final = 0.25
"""Share of all readings below which the text rather means none of them."""
_CLEAR: Final = 0.7
"""Share of all readings from which one is taken for what is meant."""


def likelihoods(readings: Sequence[Reading]) -> list[float]:
    """Return how likely each reading is beside the others, and beside none of them."""
    least = readings[0].cost
    mass = [math.exp(least - each.cost) for each in readings]
    nowhere = score.NOWHERE + score.STRANGE * readings[0].strange
    total = sum(mass) + math.exp(least - nowhere)
    return [each / total for each in mass]


def trust(likely: Sequence[float], guessed: Sequence[bool]) -> list[float]:
    """Return how sure it is of each reading that its place is meant."""
    # What experience adds to the first is taken from the doubt whether it is any, and never all of that.
    doubt = 1 - sum(likely)
    first = min(calibrate(likely[0]), likely[0] + _MOST_OF_DOUBT * doubt)
    return [
        min(sure, NOT_THE_DOOR) if guess else sure for guess, sure in zip(guessed, (first, *likely[1:]), strict=True)
    ]


def _is_guess(index: AddressIndex, reading: Reading, spot: Spot) -> bool:
    """Whether a place is one beside the listed, is listed at two, or may not be the one that is meant."""
    walked, kind = reading.walked, OBJECT_KINDS[index.object_kind[reading.object]]
    if spot.match_type == "interpolated" or walked.denied or walked.unlisted is not None or reading.doubtful:
        return True
    if index.is_contradicted(spot.row) or (kind == "landmark" and reading.steps):
        return True
    # An estate's 24号 is its 24栋; of a road they are two doors.
    return walked.swap >= (score.LETTER_OTHER if kind == "estate" else score.OTHER_WORD)


def answer(index: AddressIndex, question: Question, readings: Sequence[Reading]) -> Geocoding:
    """Return what is answered for a question that has readings, the likeliest first."""
    likely = likelihoods(readings)
    if sum(likely) < _DOUBT:
        return _doubt(index, question, readings, likely)
    return _found(index, question, readings, likely)


def _doubt(index: AddressIndex, question: Question, readings: Sequence[Reading], likely: Sequence[float]) -> Geocoding:
    """Return the community or town that is named, or that nothing is found, where every place is unlikely."""
    areas = [
        each for each in readings
        if each.walked.node == each.object and OBJECT_KINDS[index.object_kind[each.object]] in ("town", "community")
    ]  # fmt: skip
    if areas:
        shares = dict(zip(map(id, readings), likely, strict=True))
        return _found(index, question, areas, [shares[id(each)] for each in areas])
    found = _found(index, question, readings, likely)
    named = "、".join(each.address for each in found.candidates[:3])
    return Geocoding(
        "not_found", f"{_UNLIKELY}: {named}", candidates=found.candidates, index_version=index.version,
        telling=found.telling,
    )  # fmt: skip


def _found(index: AddressIndex, question: Question, readings: Sequence[Reading], likely: Sequence[float]) -> Geocoding:
    kept = [i for i in range(min(len(readings), _MOST_CANDIDATES)) if i == 0 or likely[i] >= _LEAST]
    likely_ones = [readings[i] for i in kept]
    spots = [find_spot(index, question, each) for each in likely_ones]
    guessed = [_is_guess(index, each, spot) for each, spot in zip(likely_ones, spots, strict=True)]
    sure = trust([likely[i] for i in kept], guessed)
    first, *rest = _candidates(index, likely_ones, spots, sure)
    candidates = (first, *sorted(rest, key=lambda each: -each.confidence))
    clear = len(kept) == 1 or likely[0] >= _CLEAR * sum(likely)
    points, weights = _together(spots, sure, guessed)
    best = spots[0]
    town, community = index.areas_of(best.row) if best.row >= 0 else index.named_areas(readings[0].object)
    return Geocoding(
        outcome="matched" if clear else "ambiguous",
        reason=explain(index, readings[0], best, candidates if not clear else (), question),
        match_type=best.match_type,
        confidence=candidates[0].confidence,
        lon=best.lon,
        lat=best.lat,
        accuracy_m=best.accuracy_m,
        address=candidates[0].address,
        town=town,
        community=community,
        candidates=candidates,
        points=points,
        weights=weights,
        index_version=index.version,
        telling=partial(tell, index, question, readings[0]),
    )


def _candidates(
    index: AddressIndex, readings: Sequence[Reading], spots: Sequence[Spot], sure: Sequence[float]
) -> tuple[GeoCandidate, ...]:  # fmt: skip
    named = [_name(index, each) for each in readings]
    apart = (
        differences([(*index.named_areas(each.object), index.title(each.object)) for each in readings])
        if len(readings) > 1
        else [""]
    )
    return tuple(
        GeoCandidate(
            name, spot.match_type, trusted * spot.near, spot.lon, spot.lat, spot.accuracy_m, differs, each.walked.node
        )
        for name, each, spot, trusted, differs in zip(named, readings, spots, sure, apart, strict=True)
    )


def _name(index: AddressIndex, reading: Reading) -> str:
    """Return the standard form of a place; a number that is not listed is written as it would stand there."""
    return index.describe(reading.walked.node, reading.walked.unlisted)


def differences(areas: Sequence[tuple[str, ...]]) -> list[str]:
    """Return what tells each of several places apart: the coarsest of town, community and name that is its own.

    Examples
    --------
    >>> differences([("花山镇", "和湾社区", "人民路"), ("云亭镇", "花东社区", "人民路")])
    ['花山镇', '云亭镇']
    >>> differences([("花山镇", "和湾村", "朱家巷"), ("花山镇", "秋山村", "朱家巷"), ("云亭镇", "中河村", "朱家巷")])
    ['花山镇和湾村', '花山镇秋山村', '云亭镇']
    """
    found = []
    for own in areas:
        told: list[str] = []
        rest = [other for other in areas if other is not own]
        for at, part in enumerate(own):
            if not rest:
                break
            apart = [other for other in rest if other[at] == part]
            if len(apart) < len(rest) and part:
                told.append(part)
                rest = apart
        found.append("".join(told))
    return found


def _together(
    spots: Sequence[Spot], sure: Sequence[float], guessed: Sequence[bool]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Return all places that may be meant, with their weights; they sum to at most 1, and guesses to less."""
    guesses = sum(one for one, guess in zip(sure, guessed, strict=True) if guess)
    scale = min(1.0, NOT_THE_DOOR / guesses) if guesses else 1.0
    sure = [one * scale if guess else one for one, guess in zip(sure, guessed, strict=True)]
    if len(spots) == 1:
        return spots[0].points, spots[0].shares * sure[0]
    points = np.concatenate([each.points for each in spots])
    return points, np.concatenate([each.shares * one for each, one in zip(spots, sure, strict=True)])


_REASONS: Final = {
    "exact": "",
    "building": "门牌已找到，没有写到楼栋，各栋相邻 · the door is listed; its buildings stand together",
    "interpolated": "库中没有这个号，按同侧相邻门牌推算 · the number is not listed: placed between its neighbours",
    "street": "只认出道路或自然村，没有可用的门牌号 · only the road or hamlet is known: no number of it",
    "estate": "小区或院落已找到，没有写到楼栋 · the estate or gate is listed; which building is not said",
    "community": "只认出社区或村 · only the community or village is known",
    "fallback": "只认出乡镇，须人工核实 · only the town is known: a person has to look",
}
_NO_POSITION: Final = "标准地址库中有这个地址，但没有坐标 · listed, but without a position"
_CONTRADICTED: Final = "标准地址库中这个地址有两处位置，须核实 · listed at two places: somebody has to look"
_UNLIKELY: Final = "标准地址库中没有这个地址，相近的有 · not in the address index; the nearest to it"
_NO_NUMBER: Final = "道路存在，但库中没有这个号，附近也没有 · the road is listed, the number is not, nor any near it"
_NO_BUILDING: Final = "门牌已找到，但库中没有这一栋 · the door is listed, but not this building of it"
_ONE_NEIGHBOUR: Final = "库中没有这个号，按最近的门牌推算 · the number is not listed: placed at the one next to it"
_ASIDE: Final = "在所说门牌的旁边、对面或后面，按该门牌推算 · beside, opposite or behind the door that is named"
_BY_LANDMARK: Final = "按地标位置推算 · placed by the landmark named"
_LANDMARK: Final = "按地标认出 · found by the name of the place"
_DENIED: Final = "门牌已找到，但库中没有这个单元、楼层或房号 · the door is listed, but not this unit, floor or room"
_FINER: Final = "门牌或楼栋已找到，更细的单元、楼层、房号库中没有 · the door is listed, what is finer is not"
_SWAPPED: Final = "库中最接近的是这个号，写法不同 · the nearest listed number; it is written otherwise"
_SEVERAL: Final = (
    "可能另有所指，或冠有库中没有的地名 · another place may be meant, or an area is named that is not listed"
)
_LEFT: Final = "有文字未理解 · some of the text was not understood"


def explain(
    index: AddressIndex, reading: Reading, spot: Spot, several: Sequence[GeoCandidate], question: Question
) -> str:  # fmt: skip
    """Return an answer's reason in words; of the text itself it holds nothing, for it goes into files."""
    if several:
        which = "、".join(dict.fromkeys(each.differs or each.address for each in several))
        return f"有 {len(several)} 处都符合，请补充是哪一处 · {len(several)} places fit, say which: {which}"
    told = [_why(index, reading, spot)]
    if reading.doubtful:
        told.append(_SEVERAL)
    if left_over(question, reading):
        told.append(_LEFT)
    return "；".join(each for each in told if each)


def _why(index: AddressIndex, reading: Reading, spot: Spot) -> str:
    walked = reading.walked
    if math.isnan(spot.lon):
        return _NO_POSITION
    if index.is_contradicted(spot.row) and spot.match_type in ("exact", "building"):
        return _CONTRADICTED
    if OBJECT_KINDS[index.object_kind[reading.object]] == "landmark":
        return _LANDMARK if spot.match_type == "building" else _BY_LANDMARK
    if walked.unlisted is not None:
        return _why_unlisted(reading, spot)
    if spot.match_type == "interpolated":
        return _ASIDE if walked.used else _BY_LANDMARK
    if walked.denied:
        return _DENIED
    if walked.finer:
        return _FINER
    return _SWAPPED if walked.swap >= score.OTHER_WORD else _REASONS[spot.match_type]


def _why_unlisted(reading: Reading, spot: Spot) -> str:
    if spot.match_type == "interpolated" and len(spot.points) > 1:
        return _REASONS["interpolated"]
    if reading.walked.used:
        return _NO_BUILDING
    return _ONE_NEIGHBOUR if spot.match_type == "interpolated" else _NO_NUMBER
