"""Where a reading is: a door, the middle of an estate or road, between two numbers, around a landmark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gridmap.address import score
from gridmap.address.index import OBJECT_KINDS, AddressIndex, degree_m
from gridmap.address.match import Reading
from gridmap.address.model import KINDS, MatchType, Step
from gridmap.address.question import Question

_MOST_ROWS: Final = 1000
_NEAR_M: Final = 60.0
"""Points this near to each other are taken to be in one small grid, where no plan says better."""
_ASIDE_M: Final = 60.0
"""How far beside, behind or opposite may be."""
_LANDMARK_M: Final = 150.0
_FAR_NUMBERS: Final = 20
"""Numbers further apart than this say little of what lies between them."""
_DOOR_M: Final = 15.0

Rows = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a reading is.

    Parameters
    ----------
    lon, lat, accuracy_m
        The point, and the radius within which the true one lies.
    points, shares
        Longitude and latitude of each place that may be meant, and how likely each is (sum 1).
    near
        Share of them within :data:`_NEAR_M` of the point.
    match_type
        What was found.
    row
        A listed address there; -1 where there is none.
    """

    lon: float
    lat: float
    accuracy_m: float
    points: Floats
    shares: Floats
    near: float
    match_type: MatchType
    row: int = -1


def find_spot(index: AddressIndex, question: Question, reading: Reading) -> Spot:
    """Return where a reading is."""
    kind = OBJECT_KINDS[index.object_kind[reading.object]]
    if kind == "landmark" or (kind == "estate" and not reading.steps and question.is_by(reading.mention.end)):
        return _beside(index, question, reading)
    spot = _named(index, reading, kind)
    if reading.walked.used and question.is_aside(reading.mention.end):
        return replace(spot, match_type="interpolated", accuracy_m=spot.accuracy_m + _ASIDE_M)
    return spot


def _named(index: AddressIndex, reading: Reading, kind: str) -> Spot:
    """Return the place itself that is named."""
    if reading.walked.unlisted is not None:
        return _between(index, reading)
    row = index.row_of(reading.walked.node)
    if row < 0:
        spot = _over(index, reading, kind)
        # The sub of a door (170之1号) is another door: of 170号 itself the list has nothing.
        return replace(spot, match_type="interpolated") if _is_only_subs(index, reading) else spot
    return _one(index, row, "exact" if is_exact(reading) else "building")


def _is_only_subs(index: AddressIndex, reading: Reading) -> bool:
    children = index.children(reading.walked.node)
    return bool(reading.walked.used and children) and all(KINDS[index.code(each) & 15] == "sub" for each in children)


def is_exact(reading: Reading) -> bool:
    """Whether all numbers are found, each by its own letter and word or without one."""
    return not reading.walked.finer and reading.walked.swap < score.OTHER_WORD


def _one(index: AddressIndex, row: int, match_type: MatchType) -> Spot:
    lon, lat = float(index.row_lon[row]), float(index.row_lat[row])
    return _at(lon, lat, _DOOR_M, match_type, row)


def _at(lon: float, lat: float, accuracy_m: float, match_type: MatchType, row: int = -1) -> Spot:
    return Spot(lon, lat, accuracy_m, np.array([[lon, lat]]), np.ones(1), 1.0, match_type, row)


def _over(index: AddressIndex, reading: Reading, kind: str) -> Spot:
    """Return the middle of all listed addresses below a node, of one community where one is named."""
    rows = index.rows_under(reading.walked.node)
    if reading.community >= 0:
        here = rows[index.row_community[rows] == reading.community]
        rows = here if len(here) else rows
    found: MatchType = "fallback" if kind == "town" else "community" if kind == "community" else "street"
    if kind in ("street", "hamlet", "estate") and (kind == "estate" or reading.walked.used):
        found = "estate"
    return _spread(index, rows, found)


def _spread(index: AddressIndex, rows: Rows, match_type: MatchType) -> Spot:
    """Return the listed address in the middle of several."""
    if len(rows) > _MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(np.int64)]
    rows = rows[~np.isnan(index.row_lon[rows])]
    points = np.column_stack((index.row_lon[rows], index.row_lat[rows]))
    if not len(rows):
        return Spot(math.nan, math.nan, math.nan, points, np.zeros(0), 0.0, match_type)
    lon, lat = points[np.argmin(_away(points.mean(axis=0), points))]
    away = _away((lon, lat), points)
    near = float((away <= _NEAR_M).mean())
    found: MatchType = "building" if near > 0.999 and match_type == "estate" else match_type
    shares = np.full(len(rows), 1 / len(rows))
    accuracy_m = max(float(away.max()), _DOOR_M)
    return Spot(float(lon), float(lat), accuracy_m, points, shares, near, found, int(rows[np.argmin(away)]))


def _away(point: Floats | tuple[float, float], points: Floats) -> Floats:
    """Return metres from a point to others."""
    scale = degree_m(point[1])
    found: Floats = np.hypot((points[:, 0] - point[0]) * scale[0], (points[:, 1] - point[1]) * scale[1])
    return found


def _beside(index: AddressIndex, question: Question, reading: Reading) -> Spot:
    """Return a landmark, or what is around it: the listed addresses near it, of the road it is said to be on if any."""
    lon, lat = float(index.object_lon[reading.object]), float(index.object_lat[reading.object])
    if not question.is_by(reading.mention.end):
        return _at(lon, lat, _DOOR_M, "building")
    rows = index.rows_near(lon, lat, _LANDMARK_M)
    town = index.object_town[reading.object]
    roads = [thing for each in reading.context for thing in index.objects_of(each.name) if index.children(thing)]
    for road in roads:
        here = rows[np.isin(rows, index.rows_under(road))] if index.object_town[road] == town else rows[:0]
        if len(here):
            return _spread(index, here, "interpolated")
    if not len(rows):
        return _at(lon, lat, _LANDMARK_M, "interpolated")
    points = np.column_stack((index.row_lon[rows], index.row_lat[rows]))
    away = _away((lon, lat), points)
    shares = np.exp(-away / (_LANDMARK_M / 3))
    shares /= shares.sum()
    near = float(shares[away <= _NEAR_M].sum())
    return Spot(lon, lat, _LANDMARK_M, points, shares, near, "interpolated", int(rows[np.argmin(away)]))


def _between(index: AddressIndex, reading: Reading) -> Spot:
    """Return where a number that is not listed would be: between its neighbours on its side of the street."""
    node, step = reading.walked.node, reading.walked.unlisted
    assert step is not None
    neighbours = find_neighbours(index, node, step)
    if not neighbours and index.row_of(node) >= 0:
        return _one(index, index.row_of(node), "interpolated")
    if not neighbours:
        return _over(index, reading, OBJECT_KINDS[index.object_kind[reading.object]])
    nodes = [each for each, _ in neighbours]
    points = np.column_stack((index.node_lon[nodes], index.node_lat[nodes]))
    share = np.array(_place_between([number for _, number in neighbours], step.number))
    lon, lat = (float(each) for each in share @ points)
    away = float(_away((lon, lat), points).max())
    row = int(index.rows_under(nodes[0])[0])
    # Beyond the last number nothing says how far the road goes on.
    near = 0.5 if away > _NEAR_M or len(nodes) == 1 else 1.0
    return Spot(lon, lat, max(away, _NEAR_M), points, share, near, "interpolated", row)


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
    found = _around(same, step.number) or _around(known, step.number)
    return [(node, number) for number, node in found]


def _around(known: Sequence[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Return the next lower and higher of some numbers, one at the end of the road; none where they are far."""
    below = max((each for each in known if each[0] <= number), default=None)
    above = min((each for each in known if each[0] >= number), default=None)
    if below and above:
        near = above[0] - below[0] <= _FAR_NUMBERS
        return list(dict.fromkeys((below, above))) if near else []
    end = below or above
    return [end] if end and abs(end[0] - number) <= _FAR_NUMBERS / 2 else []


def _place_between(numbers: Sequence[int], number: int) -> list[float]:
    """Return the weights of one or two neighbours by number."""
    if len(numbers) == 1:
        return [1.0]
    low, high = numbers
    part = 0.5 if high == low else (number - low) / (high - low)
    return [1 - part, part]
