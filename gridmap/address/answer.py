"""From readings to an answer: how likely each, where it is, what was understood and what would tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gridmap.address import score
from gridmap.address.confidence import NOT_THE_DOOR, calibrate
from gridmap.address.index import OBJECT_KINDS, AddressIndex
from gridmap.address.match import Reading
from gridmap.address.model import KINDS, GeoCandidate, Geocoding, MatchType, Step
from gridmap.address.question import Question
from gridmap.address.telling import left_over, tell

_LEAST: Final = 0.02
"""Share below which a reading is not named as a candidate."""
_MOST_CANDIDATES: Final = 10
_CLEAR: Final = 0.7
"""Share of all readings from which one is taken for what is meant."""
_MOST_ROWS: Final = 1000
_NEAR_M: Final = 60.0
"""Points this near to each other are taken to be in one small grid, where no plan says better."""
_LANDMARK_M: Final = 150.0
_FAR_NUMBERS: Final = 20
"""Numbers further apart than this say little of what lies between them."""
_DOOR_M: Final = 15.0
_DEGREE_M: Final = 111_000.0

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a reading is.

    Parameters
    ----------
    lon, lat, accuracy_m
        The point, and the radius within which the true one lies.
    rows, shares
        The listed addresses that may be meant, and how likely each is (sum 1).
    near
        Share of them within :data:`_NEAR_M` of the point.
    match_type
        What was found.
    """

    lon: float
    lat: float
    accuracy_m: float
    rows: Rows
    shares: NDArray[np.float64]
    near: float
    match_type: MatchType


def likelihoods(readings: Sequence[Reading]) -> list[float]:
    """Return how likely each reading is beside the others, and beside none of them."""
    least = readings[0].cost
    mass = [math.exp(least - each.cost) for each in readings]
    nowhere = score.NOWHERE + score.STRANGE * readings[0].strange
    total = sum(mass) + math.exp(least - nowhere)
    return [each / total for each in mass]


def find_spot(index: AddressIndex, reading: Reading) -> Spot:
    """Return where a reading is."""
    node, kind = reading.walked.node, OBJECT_KINDS[index.object_kind[reading.object]]
    if kind == "landmark":
        return _beside(index, reading)
    if reading.walked.unlisted is not None:
        return _between(index, reading)
    row = index.row_of(node)
    if row >= 0:
        match_type: MatchType = "building" if reading.walked.finer else "exact"
        return _one(index, row, match_type)
    return _over(index, reading, kind)


def _one(index: AddressIndex, row: int, match_type: MatchType) -> Spot:
    lon, lat = float(index.row_lon[row]), float(index.row_lat[row])
    return Spot(lon, lat, _DOOR_M, np.array([row], dtype=np.int32), np.ones(1), 1.0, match_type)


def _over(index: AddressIndex, reading: Reading, kind: str) -> Spot:
    """Return the middle of all listed addresses below a node, of one community where one is named."""
    rows = index.rows_under(reading.walked.node)
    if reading.community >= 0:
        here = rows[index.row_community[rows] == reading.community]
        rows = here if len(here) else rows
    found = "fallback" if kind == "town" else "community" if kind == "community" else "street"
    if kind in ("street", "hamlet", "estate") and (kind == "estate" or reading.walked.used):
        found = "estate"
    return _spread(index, rows, None, found)  # type: ignore[arg-type]


def _spread(index: AddressIndex, rows: Rows, weights: NDArray[np.float64] | None, match_type: MatchType) -> Spot:
    """Return the listed address in the middle of several."""
    if len(rows) > _MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(np.int64)]
    placed = ~np.isnan(index.row_lon[rows])
    rows, weights = rows[placed], None if weights is None else weights[placed]
    if not len(rows):
        return Spot(math.nan, math.nan, math.nan, rows, np.zeros(0), 0.0, match_type)
    shares = np.full(len(rows), 1 / len(rows)) if weights is None else weights / weights.sum()
    lon, lat = index.row_lon[rows], index.row_lat[rows]
    east, north = _metres(lon, lat)
    middle = int(
        np.argmin(np.hypot(east - np.average(east, weights=shares), north - np.average(north, weights=shares)))
    )
    away = np.hypot(east - east[middle], north - north[middle])
    near = float(shares[away <= _NEAR_M].sum())
    if near > 0.999 and match_type == "estate":
        match_type = "building"
    return Spot(float(lon[middle]), float(lat[middle]), max(float(away.max()), _DOOR_M), rows, shares, near, match_type)


def _metres(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scale = _DEGREE_M * math.cos(math.radians(float(lat[0])))
    return (lon - lon[0]) * scale, (lat - lat[0]) * _DEGREE_M


def _beside(index: AddressIndex, reading: Reading) -> Spot:
    """Return the surroundings of a landmark: the listed addresses near it, of the road it is said to be on if any."""
    lon, lat = float(index.object_lon[reading.object]), float(index.object_lat[reading.object])
    rows = index.rows_near(lon, lat, _LANDMARK_M)
    roads = [thing for each in reading.context for thing in index.objects_of(each.name)]
    here = rows[[index.object_of(int(each)) in roads for each in index.row_node[rows]]] if roads else rows[:0]
    if len(here):
        return _spread(index, here, None, "interpolated")
    if not len(rows):
        return Spot(lon, lat, _LANDMARK_M, rows, np.zeros(0), 1.0, "interpolated")
    away = _away(lon, lat, index.row_lon[rows], index.row_lat[rows])
    shares = np.exp(-away / (_LANDMARK_M / 3))
    shares /= shares.sum()
    return Spot(lon, lat, _LANDMARK_M, rows, shares, float(shares[away <= _NEAR_M].sum()), "interpolated")


def _away(lon: float, lat: float, lons: NDArray[np.float64], lats: NDArray[np.float64]) -> NDArray[np.float64]:
    east, north = _metres(np.append(lon, lons), np.append(lat, lats))
    found: NDArray[np.float64] = np.hypot(east[1:], north[1:])
    return found


def _between(index: AddressIndex, reading: Reading) -> Spot:
    """Return where a number that is not listed would be: between its neighbours on its side of the street."""
    node, step = reading.walked.node, reading.walked.unlisted
    assert step is not None
    neighbours = find_neighbours(index, node, step)
    if not neighbours:
        kind = OBJECT_KINDS[index.object_kind[reading.object]]
        return _over(index, reading, kind)
    nodes = [each for each, _ in neighbours]
    numbers = np.array([number for _, number in neighbours], dtype=np.float64)
    lon, lat = index.node_lon[nodes], index.node_lat[nodes]
    share = _place_between(numbers, step.number)
    at_lon, at_lat = float(lon @ share), float(lat @ share)
    east, north = _metres(np.append(at_lon, lon), np.append(at_lat, lat))
    away = float(np.hypot(east, north).max())
    rows = np.concatenate([index.rows_under(each)[:1] for each in nodes]).astype(np.int32)
    match_type: MatchType = "interpolated"
    return Spot(at_lon, at_lat, max(away, _DOOR_M), rows, share, 1.0 if away <= _NEAR_M else 0.5, match_type)


def find_neighbours(index: AddressIndex, node: int, step: Step) -> list[tuple[int, int]]:
    """Return node and number of the listed numbers next to one that is not: on its side of the street where it can be.

    Even and odd numbers face each other across a street; where no two of the step's parity are near, the nearest of
    either are taken.
    """
    children = index.children(node)
    kinds = {step.kind} if step.kind else {"plate", "building"}
    known = [(index.number(each), each) for each in children if KINDS[index.code(each) & 15] in kinds]
    known = known or [(index.number(each), each) for each in children]
    same = [each for each in known if (each[0] - step.number) % 2 == 0]
    low, high = _around(same, step.number)
    if low is None or high is None or high[0] - low[0] > _FAR_NUMBERS:
        low, high = _around(known, step.number)
    return [(node, number) for number, node in dict.fromkeys(each for each in (low, high) if each is not None)]


def _around(known: Sequence[tuple[int, int]], number: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    below = [each for each in known if each[0] <= number]
    above = [each for each in known if each[0] >= number]
    return (max(below) if below else None), (min(above) if above else None)


def _place_between(numbers: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Return the weights of one or two neighbours by number."""
    if len(numbers) == 1:
        return np.ones(1)
    low, high = numbers
    part = 0.5 if high == low else min(max((number - low) / (high - low), 0.0), 1.0)
    return np.array([1 - part, part])


def trust(reading: Reading, spot: Spot, likely: float) -> float:
    """Return how sure it is that a reading's place is meant."""
    sure = calibrate(likely)
    aside = spot.match_type == "interpolated" or reading.walked.denied
    return min(sure, NOT_THE_DOOR) if aside else sure


def answer(index: AddressIndex, question: Question, readings: Sequence[Reading]) -> Geocoding:
    """Return what is answered for a question that has readings, the likeliest first."""
    likely = likelihoods(readings)
    kept = [i for i in range(min(len(readings), _MOST_CANDIDATES)) if i == 0 or likely[i] >= _LEAST]
    spots = [find_spot(index, readings[i]) for i in kept]
    sure = [trust(readings[i], spot, likely[i]) for i, spot in zip(kept, spots, strict=True)]
    candidates = _candidates(index, [readings[i] for i in kept], spots, sure)
    clear = likely[0] >= _CLEAR * sum(likely)
    rows, weights = _together(spots, sure)
    best = spots[0]
    town, community = index.areas_of(int(best.rows[0])) if len(best.rows) else ("", "")
    return Geocoding(
        outcome="matched" if clear else "ambiguous",
        reason=explain(readings[0], best, candidates if not clear else (), question),
        match_type=best.match_type,
        confidence=candidates[0].confidence,
        lon=best.lon,
        lat=best.lat,
        accuracy_m=best.accuracy_m,
        address=candidates[0].address,
        town=town,
        community=community,
        candidates=candidates,
        rows=rows,
        weights=weights,
        index_version=index.version,
        telling=partial(tell, index, question, readings[0]),
    )


def _candidates(
    index: AddressIndex, readings: Sequence[Reading], spots: Sequence[Spot], sure: Sequence[float]
) -> tuple[GeoCandidate, ...]:  # fmt: skip
    named = [index.describe(each.walked.node) for each in readings]
    apart = (
        differences([(*index.named_areas(each.object), index.title(each.object)) for each in readings])
        if len(readings) > 1
        else [""]
    )
    return tuple(
        GeoCandidate(name, spot.match_type, trusted * spot.near, spot.lon, spot.lat, spot.accuracy_m, differs)
        for name, spot, trusted, differs in zip(named, spots, sure, apart, strict=True)
    )


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


def _together(spots: Sequence[Spot], sure: Sequence[float]) -> tuple[Rows, NDArray[np.float64]]:
    """Return all rows that may be meant, with their weights; they sum to at most 1."""
    if len(spots) == 1:
        return spots[0].rows, spots[0].shares * sure[0]
    rows = np.concatenate([each.rows for each in spots])[:_MOST_ROWS]
    weights = np.concatenate([each.shares * one for each, one in zip(spots, sure, strict=True)])[:_MOST_ROWS]
    total = float(weights.sum())
    return rows, weights / total if total > 1 else weights


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
_LANDMARK: Final = "按地标位置推算 · placed by the landmark named"


def explain(reading: Reading, spot: Spot, several: Sequence[GeoCandidate], question: Question) -> str:
    """Return an answer's reason in words."""
    if several:
        which = "、".join(dict.fromkeys(each.differs or each.address for each in several))
        return f"有 {len(several)} 处都符合，请补充是哪一处 · {len(several)} places fit, say which: {which}"
    told = _REASONS[spot.match_type]
    if reading.walked.denied:
        told = _DENIED
    elif spot.match_type == "interpolated" and reading.walked.unlisted is None:
        told = _LANDMARK
    rest = left_over(question, reading)
    if rest:
        words = "、".join(question.text[start:end] for start, end in rest)
        told += f"{'；' if told else ''}未理解 not understood: {words}"
    return told
