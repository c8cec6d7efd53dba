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


def trust(
    index: AddressIndex, readings: Sequence[Reading], spots: Sequence[Spot], likely: Sequence[float]
) -> list[float]:  # fmt: skip
    """Return how sure it is of each reading that its place is meant."""
    # What experience adds to the first is taken from the doubt whether it is any, not from the others.
    first = min(calibrate(likely[0]), 1 - sum(likely[1:]))
    return [
        min(sure, NOT_THE_DOOR) if _is_guess(index, reading, spot) else sure
        for reading, spot, sure in zip(readings, spots, (first, *likely[1:]), strict=True)
    ]


def _is_guess(index: AddressIndex, reading: Reading, spot: Spot) -> bool:
    """Whether a place is one beside the listed, or listed at two."""
    if spot.match_type in ("exact", "building") and index.is_contradicted(spot.row):
        return True
    return spot.match_type == "interpolated" or reading.walked.denied or reading.walked.unlisted is not None


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
        return _found(index, question, areas, likelihoods(areas))
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
    sure = trust(index, likely_ones, spots, [likely[i] for i in kept])
    candidates = _candidates(index, likely_ones, spots, sure)
    clear = likely[0] >= _CLEAR * sum(likely)
    points, weights = _together(spots, sure)
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


def _together(spots: Sequence[Spot], sure: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return all places that may be meant, with their weights; they sum to at most 1."""
    if len(spots) == 1:
        return spots[0].points, spots[0].shares * sure[0]
    points = np.concatenate([each.points for each in spots])
    weights = np.concatenate([each.shares * one for each, one in zip(spots, sure, strict=True)])
    total = float(weights.sum())
    return points, weights / total if total > 1 else weights


_REASONS: Final = {
    "exact": "",
    "building": "门牌或楼栋已找到，更细的单元、楼层、房号库中没有 · the door is listed, what is finer is not",
    "interpolated": "库中没有这个号，按同侧相邻门牌推算 · the number is not listed: placed between its neighbours",
    "street": "只认出道路或自然村，没有可用的门牌号 · only the road or hamlet is known: no number of it",
    "estate": "只认出小区或院落，没有楼栋号 · only the estate is known: no building of it",
    "community": "只认出社区或村 · only the community or village is known",
    "fallback": "只认出乡镇，须人工核实 · only the town is known: a person has to look",
}
_DENIED: Final = (
    "门牌已找到，但库中该处没有这个单元、楼层或房号 · the door is listed, but not with this unit, floor or room"
)
_NO_POSITION: Final = "标准地址库中有这个地址，但没有坐标 · listed, but without a position"
_CONTRADICTED: Final = (
    "标准地址库中这个地址有两处位置，须核实 · listed at two places: somebody has to look which is right"
)
_UNLIKELY: Final = "标准地址库中没有这个地址，相近的有 · not in the address index; the nearest to it"
_NO_NUMBER: Final = (
    "道路或小区存在，但库中没有这个号，附近也没有 · the road is listed, the number is not, nor any near it"
)
_ASIDE: Final = "在所说门牌的旁边、对面或后面，按该门牌推算 · beside, opposite or behind the door that is named"
_LANDMARK: Final = "按地标位置推算 · placed by the landmark named"


def explain(
    index: AddressIndex, reading: Reading, spot: Spot, several: Sequence[GeoCandidate], question: Question
) -> str:
    """Return an answer's reason in words."""
    if several:
        which = "、".join(dict.fromkeys(each.differs or each.address for each in several))
        return f"有 {len(several)} 处都符合，请补充是哪一处 · {len(several)} places fit, say which: {which}"
    told = _REASONS[spot.match_type]
    if math.isnan(spot.lon):
        told = _NO_POSITION
    elif index.is_contradicted(spot.row):
        told = _CONTRADICTED
    elif reading.walked.denied:
        told = _DENIED
    elif spot.match_type == "interpolated" and reading.walked.unlisted is None:
        told = _LANDMARK if not reading.walked.used else _ASIDE
    elif spot.match_type != "interpolated" and reading.walked.unlisted is not None:
        told = _NO_NUMBER
    rest = left_over(question, reading)
    if rest:
        words = "、".join(question.text[start:end] for start, end in rest)
        told += f"{'；' if told else ''}未理解 not understood: {words}"
    return told
