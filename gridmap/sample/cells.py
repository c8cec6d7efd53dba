"""Dividing land into blocks: every polygon is halved across its longer side until it is small enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.sample.terrain import Floats, Geometries

Ints = NDArray[np.int64]

_SLACK: Final = 1.5
"""A polygon is halved when it is this many times as large as wanted."""
_LEAST_WIDTH_M: Final = 45.0
_CRUMB_M2: Final = 4.0
_CUT_POINTS: Final = 5
_MOST_ROUNDS: Final = 16


@dataclass(frozen=True, eq=False)
class Division:
    """What came of dividing polygons.

    Parameters
    ----------
    cells, root
        The pieces, and the polygon each is part of.
    lines, line_root, size_m2
        The cuts, the polygon each runs through, and the area of the piece that it halved.
    seeded
        Which cells hold a seed.
    """

    cells: Geometries
    root: Ints
    lines: Geometries
    line_root: Ints
    size_m2: Floats
    seeded: NDArray[np.bool_]


def divide(
    polygons: Geometries,
    wanted_m2: Floats,
    rng: np.random.Generator,
    *,
    bend: float,
    seeds: Geometries | None = None,
    seeded_m2: float = 0.0,
    large: float = 0.0,
) -> Division:
    """Halve polygons until each has about the wanted area; round seeds down to ``seeded_m2``.

    Parameters
    ----------
    polygons, wanted_m2
        What to divide, and how large its pieces are to be.
    rng
        Moves and turns the cuts.
    bend
        How much cuts wind, as a share of their length.
    seeds, seeded_m2
        Points round which pieces become smaller.
    large
        The chance that a piece is left up to three times as large.
    """
    cells, root = polygons, np.arange(len(polygons))
    done: list[tuple[Geometries, Ints]] = []
    cuts: list[tuple[Geometries, Ints, Floats]] = []
    for _ in range(_MOST_ROUNDS):
        wanted = wanted_m2[root]
        if seeds is not None:
            wanted = np.where(_holds(cells, seeds), np.minimum(seeded_m2, wanted), wanted)
        frame = frames(cells)
        area = shapely.area(cells)
        patience = rng.uniform(0.8, 1.25, len(cells)) * np.where(rng.random(len(cells)) < large, 3.0, 1.0)
        more = (area > _SLACK * wanted * patience) & (frame[:, 5] > _LEAST_WIDTH_M)
        done.append((cells[~more], root[~more]))
        if not more.any():
            break
        lines, sides = _halve(cells[more], frame[more], rng, bend)
        cuts.append((lines, root[more], area[more]))
        part, source = shapely.get_parts(sides.ravel(), return_index=True)
        root = np.repeat(root[more], 2)[source]
        solid = (shapely.get_type_id(part) == 3) & (shapely.area(part) > _CRUMB_M2)
        cells, root = part[solid], root[solid]
    else:
        done.append((cells, root))
    return _gathered(done, cuts, seeds)


def _gathered(
    done: list[tuple[Geometries, Ints]], cuts: list[tuple[Geometries, Ints, Floats]], seeds: Geometries | None
) -> Division:
    cells = np.concatenate([each for each, _ in done])
    none = np.empty(0, dtype=object)
    lines = np.concatenate([none, *(each for each, _, _ in cuts)])
    whole = ~shapely.is_empty(lines)
    return Division(
        cells,
        np.concatenate([each for _, each in done]),
        lines[whole],
        np.concatenate([np.empty(0, dtype=np.int64), *(each for _, each, _ in cuts)])[whole],
        np.concatenate([np.empty(0), *(each for _, _, each in cuts)])[whole],
        np.zeros(len(cells), dtype=bool) if seeds is None else _holds(cells, seeds),
    )


def _holds(cells: Geometries, seeds: Geometries) -> NDArray[np.bool_]:
    found = np.zeros(len(cells), dtype=bool)
    found[shapely.STRtree(cells).query(seeds, predicate="within")[1]] = True
    return found


def frames(cells: Geometries) -> Floats:
    """Return middle, long axis, length and width of the box round each cell, NaN where it is empty."""
    boxes = shapely.oriented_envelope(cells)
    solid = (shapely.get_type_id(boxes) == 3) & (shapely.get_num_coordinates(boxes) == 5)
    corner = np.full((len(cells), 5, 2), np.nan)
    corner[solid] = shapely.get_coordinates(boxes[solid]).reshape(-1, 5, 2)
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 1]
    long, short = np.hypot(*first.T), np.hypot(*second.T)
    turn = long < short
    axis = np.where(turn[:, None], second, first)
    length, width = np.where(turn, short, long), np.where(turn, long, short)
    axis = axis / np.maximum(length, 1e-9)[:, None]
    middle = corner[:, :4].mean(axis=1)
    return np.column_stack([middle, axis, length, width])


def _halve(cells: Geometries, frame: Floats, rng: np.random.Generator, bend: float) -> tuple[Geometries, Geometries]:
    """Return the cut through each cell, and (n, 2) its two sides."""
    count = len(cells)
    middle, axis, length, width = frame[:, :2], frame[:, 2:4], frame[:, 4], frame[:, 5]
    turn = rng.normal(0.0, 0.8 * bend, count)
    across = np.c_[-axis[:, 1], axis[:, 0]] + turn[:, None] * axis
    shift = length * rng.uniform(-0.13, 0.13, count)
    along = np.linspace(-0.8, 0.8, _CUT_POINTS)[None, :, None] * (width + np.abs(turn) * length)[:, None, None]
    wander = np.cumsum(rng.normal(0.0, bend, (count, _CUT_POINTS)), axis=1)
    wander = (wander - wander[:, [_CUT_POINTS // 2]]) * width[:, None]
    cut = middle[:, None] + along * across[:, None] + (shift[:, None] + wander)[:, :, None] * axis[:, None]
    far = cut[:, [-1, 0]] - (3 * length)[:, None, None] * axis[:, None]
    half = shapely.polygons(np.concatenate([cut, far], axis=1))
    lines = shapely.intersection(shapely.linestrings(cut), cells)
    sides = np.column_stack([shapely.intersection(cells, half), shapely.difference(cells, half)])
    return np.asarray(lines, dtype=object), np.asarray(sides, dtype=object)
