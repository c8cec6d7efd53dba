"""Halving a polygon again and again, until every piece has about the same weight.

A polygon is turned so that most of its outline runs along the axes: cuts then run along its streets, and pieces can be
put together again to compact grids. Each cut lies across the longer side of what is left, where the weights on both
sides have the wanted ratio, moved a little to where it is short, or to where it passes between buildings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from gridmap.grids import mosaic as m

LEAST_WIDTH_M: Final = 21.0
"""No cut comes nearer to the end of a piece than this: a metre more than a piece must be wide."""
LATTICE_POINTS: Final = 48
"""Points a piece that stand for its households where no buildings are known."""
SHARE_WINDOW: Final = 0.08
"""How far from the wanted share, as part of the weight, a cut may move to be short."""
GAP_WINDOW: Final = 0.15
"""Likewise to find a gap between buildings."""
OVERSHOOT_M: Final = 0.02
"""Cuts run this far over their ends, so that rounding cannot leave one short of the border; what dangles vanishes."""

_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_STEPS: Final = 7
_MOVABLE: Final = 4
"""Fewer pieces than this are too few for a cut to move and the pieces still to be alike."""
_MOST_EDGES: Final = 160
_LEAST_GAP_M: Final = 3.0
_GOOD_GAP_M: Final = 20.0


@dataclass(frozen=True, eq=False)
class Load:
    """What lies on one polygon, in metres.

    Parameters
    ----------
    xy, weight
        Points with the weight that cuts are balanced by.
    footprints
        What cuts should pass by.
    """

    xy: m.Floats
    weight: m.Floats
    footprints: m.Geometries


@dataclass(frozen=True, eq=False)
class _Task:
    """A part of the turned polygon that is to become so many pieces; ``low`` and ``high`` are bounds of buildings."""

    shape: shapely.Polygon
    xy: m.Floats
    weight: m.Floats
    low: m.Floats
    high: m.Floats
    pieces: int


def halving_lines(shape: shapely.Polygon, load: Load, pieces: int) -> list[shapely.LineString]:
    """Return straight lines that cut a polygon into about so many pieces of equal weight.

    Fewer come out where it is too narrow, or holds fewer points with a weight.

    Examples
    --------
    >>> shape = shapely.box(0, 0, 400, 100)
    >>> x, y = np.meshgrid(np.arange(5.0, 400, 10), np.arange(5.0, 100, 10))
    >>> load = Load(np.c_[x.ravel(), y.ravel()], np.ones(x.size), np.empty(0, dtype=object))
    >>> [round(line.centroid.x) for line in halving_lines(shape, load, 4)]
    [200, 300, 100]
    """
    turn = _turn(shape)
    low, high = _bounds(load.footprints, turn)
    tasks = [_Task(_turned(shape, turn), _spun(load.xy, turn), load.weight, low, high, pieces)]
    ends = []
    while tasks:
        task = tasks.pop()
        for axis in _longer_first(task.shape):
            at = None if task.pieces < 2 else _position(task, axis)
            if at is not None:
                chord, parts = _halve(task, axis, at)
                ends += chord
                tasks += parts
                break
    if not ends:
        return []
    back = _spun(np.concatenate(ends), turn.conjugate())
    return list(shapely.linestrings(back.reshape(-1, 2, 2)))


def lattice(shape: shapely.Geometry, pieces: float) -> m.Floats:
    """Return points evenly spread over a polygon, some dozens for each piece it is to be cut into.

    Examples
    --------
    >>> len(lattice(shapely.box(0, 0, 480, 100), 10))
    480
    """
    turn = _turn(shape)
    turned = _turned(shape, turn)
    west, south, east, north = turned.bounds
    # a Fibonacci lattice: no two points stand in one row or column, so cuts along the axes find their share exactly
    count = math.ceil(LATTICE_POINTS * pieces * (east - west) * (north - south) / shape.area)
    number = np.arange(count)
    across, up = (number + 0.5) / count, (number * _GOLDEN + 0.5) % 1.0
    xy = np.c_[west + (east - west) * across, south + (north - south) * up]
    shapely.prepare(turned)
    return _spun(xy[shapely.contains_xy(turned, xy[:, 0], xy[:, 1])], turn.conjugate())


def _turn(shape: shapely.Polygon) -> complex:
    """Return what to multiply x + iy by, so that most of the outline runs along the axes."""
    xy = shapely.get_coordinates(shape.exterior)
    edge = np.diff(xy[:, 0] + 1j * xy[:, 1])
    length = np.abs(edge)
    # the fourth power makes directions at right angles the same
    main = np.sum(edge[length > 0] ** 4 / length[length > 0] ** 3)
    return complex(np.exp(-0.25j * np.angle(main)))


def _spun(xy: m.Floats, turn: complex) -> m.Floats:
    turned = (xy[:, 0] + 1j * xy[:, 1]) * turn
    return np.column_stack([turned.real, turned.imag])


def _turned(shape: shapely.Geometry, turn: complex) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: _spun(xy, turn))


def _bounds(footprints: m.Geometries, turn: complex) -> tuple[m.Floats, m.Floats]:
    if len(footprints) == 0:
        return np.empty((0, 2)), np.empty((0, 2))
    bounds = shapely.bounds(_turned(footprints, turn))
    return bounds[:, :2], bounds[:, 2:]


def _longer_first(shape: shapely.Polygon) -> tuple[int, int]:
    west, south, east, north = shape.bounds
    return (0, 1) if east - west >= north - south else (1, 0)


def _position(task: _Task, axis: int) -> float | None:
    """Return where along an axis to cut, ``None`` where every cut leaves too narrow a piece or one without weight."""
    bounds = task.shape.bounds
    low, high = bounds[axis] + LEAST_WIDTH_M, bounds[axis + 2] - LEAST_WIDTH_M
    total = float(task.weight.sum())
    if low >= high or total <= 0:
        return None
    between, share = _between(task.xy[:, axis], task.weight / total)
    if len(between) == 0:
        return None
    wanted = (task.pieces // 2) / task.pieces
    if len(task.low) == 0 and task.pieces < _MOVABLE:
        return float(min(max(np.interp(wanted, share, between), low), high))
    at = np.minimum(np.maximum(_candidates(task, axis, between, share, wanted), low), high)
    place = np.searchsorted(between, at + 1e-6, side="right")
    off = np.abs(np.r_[0.0, share][place] - wanted)
    window = GAP_WINDOW if len(task.low) else SHARE_WINDOW
    at, off = at[off <= max(window, off.min())], off[off <= max(window, off.min())]
    if off.min() >= min(wanted, 1 - wanted) - 1e-9:
        return None  # all the weight lies on one side
    chord = _chords(task.shape, axis, at)
    cost = chord / max(float(chord.mean()), 1.0) + 2.0 * off / window
    if len(task.low):
        cost += _in_the_way(task, axis, at) / LEAST_WIDTH_M
    return float(at[int(np.argmin(cost))])


def _between(along: m.Floats, weight: m.Floats) -> tuple[m.Floats, m.Floats]:
    """Return the middles between points next to each other on an axis, and the weight before each."""
    order = np.argsort(along, kind="stable")
    place, before = along[order], np.cumsum(weight[order])
    apart = place[1:] > place[:-1] + 1e-6
    return (place[1:] + place[:-1])[apart] / 2, before[:-1][apart]


def _candidates(task: _Task, axis: int, between: m.Floats, share: m.Floats, wanted: float) -> m.Floats:
    """Return positions near the wanted share: evenly spaced ones, and between and beside buildings."""
    if len(task.low) == 0:
        return np.interp(wanted + np.linspace(-SHARE_WINDOW, SHARE_WINDOW, _STEPS), share, between)
    nearest = between[int(np.argmin(np.abs(share - wanted)))]
    first, last = np.interp(wanted + np.array([-GAP_WINDOW, GAP_WINDOW]), share, between)
    first, last = min(first, nearest) - LEAST_WIDTH_M / 2, max(last, nearest) + LEAST_WIDTH_M / 2
    low, high = np.sort(task.low[:, axis]), np.sort(task.high[:, axis])
    reach = np.maximum.accumulate(task.high[np.argsort(task.low[:, axis], kind="stable"), axis])
    free = np.flatnonzero(low[1:] > reach[:-1])
    gaps = (low[1:][free] + reach[:-1][free]) / 2
    beside = np.concatenate([low - _LEAST_GAP_M / 2, high + _LEAST_GAP_M / 2])
    beside = beside[(beside > first) & (beside < last)]
    beside = beside[:: len(beside) // _MOST_EDGES + 1]
    gaps = gaps[(gaps > first) & (gaps < last)]
    return np.concatenate([gaps, beside, [nearest]])


def _chords(shape: shapely.Polygon, axis: int, at: m.Floats) -> m.Floats:
    """Return how long a cut at each position is."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shape), return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    u0, u1 = start[:, axis, None], end[:, axis, None]
    up, down = (u0 < at) & (u1 >= at), (u1 < at) & (u0 >= at)
    part = np.divide(at - u0, u1 - u0, out=np.zeros(np.broadcast_shapes(u0.shape, at.shape)), where=up | down)
    height = start[:, 1 - axis, None] + part * (end - start)[:, 1 - axis, None]
    length = np.where(up, height, 0.0).sum(axis=0) - np.where(down, height, 0.0).sum(axis=0)
    return np.asarray(np.abs(length))


def _in_the_way(task: _Task, axis: int, at: m.Floats) -> m.Floats:
    """Return metres that a cut has to go round buildings, less what a wide gap is worth."""
    beyond = np.maximum(task.low[:, axis, None] - at, at - task.high[:, axis, None])
    detour = 2.0 * np.maximum(_LEAST_GAP_M / 2 - beyond, 0.0).sum(axis=0)
    clear = np.clip(2.0 * beyond.min(axis=0), 0.0, _GOOD_GAP_M)
    return np.asarray(detour - clear / 2)


def _halve(task: _Task, axis: int, at: float) -> tuple[list[m.Floats], list[_Task]]:
    """Return the ends of the cut's lines and what is left to do on both sides."""
    west, south, east, north = task.shape.bounds
    west, south, east, north = west - 1, south - 1, east + 1, north + 1
    boxes = (
        ((west, south, at, north), (at, south, east, north))
        if axis == 0
        else ((west, south, east, at), (west, at, east, north))
    )
    left = task.xy[:, axis] < at
    share = float(task.weight[left].sum() / task.weight.sum())
    first = min(max(round(task.pieces * share), 1), task.pieces - 1)
    chord: list[m.Floats] = []
    tasks: list[_Task] = []
    for box, chosen, pieces in zip(boxes, (left, ~left), (first, task.pieces - first), strict=True):
        parts = shapely.get_parts(shapely.clip_by_rect(task.shape, *box))
        parts = parts[shapely.area(parts) > 1.0]
        if not chord:
            chord = [ends for part in parts for ends in _edges_at(part, axis, at)]
        tasks += _side(task, parts, chosen, pieces)
    return chord, tasks


def _edges_at(part: shapely.Polygon, axis: int, at: float) -> list[m.Floats]:
    """Return the edges of a polygon that lie on the cut, a little longer."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(part), return_index=True)
    on = np.abs(xy[:, axis] - at) < 1e-6
    both = np.flatnonzero(on[1:] & on[:-1] & (ring[1:] == ring[:-1]))
    found = []
    for i in both.tolist():
        ends = xy[i : i + 2].copy()
        over = np.sign(ends[1, 1 - axis] - ends[0, 1 - axis]) * OVERSHOOT_M
        ends[:, 1 - axis] += [-over, over]
        found.append(ends)
    return found


def _side(task: _Task, parts: m.Geometries, chosen: m.Flags, pieces: int) -> list[_Task]:
    """Return the tasks of one side, which may have come apart."""
    if pieces < 2 or len(parts) == 0:
        return []
    xy, weight = task.xy[chosen], task.weight[chosen]
    if len(parts) == 1:
        return [_task(task, parts[0], xy, weight, pieces)]
    tasks = []
    for part in parts:
        inside = shapely.contains_xy(part, xy[:, 0], xy[:, 1])
        own = round(pieces * float(weight[inside].sum() / max(weight.sum(), 1e-300)))
        if own > 1:
            tasks.append(_task(task, part, xy[inside], weight[inside], own))
    return tasks


def _task(task: _Task, shape: shapely.Polygon, xy: m.Floats, weight: m.Floats, pieces: int) -> _Task:
    if len(task.low) == 0:
        return _Task(shape, xy, weight, task.low, task.high, pieces)
    bounds = np.array(shape.bounds)
    near = ((task.low < bounds[2:]) & (task.high > bounds[:2])).all(axis=1)
    return _Task(shape, xy, weight, task.low[near], task.high[near], pieces)
