"""Buildings: what each block of land is used for, and the rows of houses on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.sample.cells import frames
from gridmap.sample.skeleton import Lines
from gridmap.sample.spec import Spec
from gridmap.sample.streets import Cells
from gridmap.sample.terrain import Floats, Geometries
from gridmap.sample.territory import Territory

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Style:
    """How a kind of building stands: length and depth, distance from one to the next, floors, homes a floor."""

    building: str
    size_m: tuple[float, float]
    pitch_m: tuple[float, float]
    floors: tuple[int, int]
    homes: tuple[int, int]
    share_built: float = 0.96


STYLES: Final = {
    "walkup": Style("apartments", (40.0, 12.0), (50.0, 27.0), (5, 6), (3, 4)),
    "old": Style("apartments", (30.0, 10.0), (36.0, 20.0), (3, 4), (3, 4)),
    "midrise": Style("apartments", (34.0, 14.0), (48.0, 36.0), (9, 11), (3, 4)),
    "tower": Style("apartments", (30.0, 17.0), (58.0, 52.0), (15, 18), (4, 4)),
    "house": Style("house", (25.0, 9.5), (29.0, 19.0), (2, 3), (0, 0), 0.92),
    "retail": Style("retail", (42.0, 26.0), (66.0, 52.0), (2, 6), (0, 0), 0.85),
    "office": Style("office", (36.0, 22.0), (70.0, 58.0), (6, 16), (0, 0), 0.8),
    "school": Style("school", (56.0, 14.0), (76.0, 46.0), (3, 5), (0, 0), 0.7),
    "hospital": Style("hospital", (60.0, 20.0), (84.0, 56.0), (5, 12), (0, 0), 0.8),
    "industrial": Style("industrial", (64.0, 30.0), (84.0, 48.0), (1, 2), (0, 0), 0.8),
    "works": Style("industrial", (40.0, 20.0), (110.0, 80.0), (1, 2), (0, 0), 0.35),
    "none": Style("no", (10.0, 10.0), (1e6, 1e6), (1, 1), (0, 0), 0.0),
}
_NAMES: Final = tuple(STYLES)
_DWELLINGS: Final = (("walkup", 0.46), ("old", 0.24), ("midrise", 0.18), ("tower", 0.12))
_DWELLING_NUMBERS: Final = [_NAMES.index(name) for name, _ in _DWELLINGS]
_OTHERS: Final = (
    ("industrial", 0.34), ("none", 0.24), ("retail", 0.20), ("office", 0.10), ("school", 0.10), ("hospital", 0.02),
)  # fmt: skip
_DOWNTOWN: Final = (
    ("industrial", 0.06), ("none", 0.28), ("retail", 0.28), ("office", 0.22), ("school", 0.12), ("hospital", 0.04),
)  # fmt: skip
_SETBACK_M: Final = {"urban": 15.0, "hamlet": 7.5, "field": 24.0}
_UNIT_M: Final = 8.3
"""A village house is so wide for each household under its roof."""
_HAMLET_HOUSEHOLDS: Final = (60, 121)


@dataclass(frozen=True, eq=False)
class Buildings:
    """All buildings, and what the blocks they stand on are used for.

    Parameters
    ----------
    polygon, kind, floors, households
        One a building; ``kind`` is a value of OpenStreetMap's ``building``.
    cell
        The block it stands on.
    use
        Style of each block, a key of :data:`STYLES`.
    lanes
        Service lanes through estates.
    """

    polygon: Geometries
    kind: NDArray[np.object_]
    floors: Ints
    households: Ints
    cell: Ints
    use: NDArray[np.object_]
    lanes: Lines


@dataclass(frozen=True, eq=False)
class _Rows:
    """Places for buildings: which block, which style, and the four corners."""

    polygon: Geometries
    cell: Ints
    homes: Ints
    floors: Ints


def make_buildings(spec: Spec, cells: Cells, territory: Territory, rng: np.random.Generator) -> Buildings:
    """Put houses on every block, households to what each community is to hold, other uses on the rest."""
    setback = np.array([_SETBACK_M[kind] for kind in cells.kind])
    inner = shapely.buffer(cells.polygon, -setback, join_style="mitre")
    style = _wishes(cells, rng)
    rows = _rows(inner, style, rng)
    style = _enough_urban(spec, cells, territory, style, rows, rng)
    other = (cells.kind == "urban") & ~np.isin(style, _DWELLING_NUMBERS)
    lived = ~other[rows.cell] & _enough_houses(cells, rows, rng)
    rest = _rows(np.asarray(np.where(other, inner, None), dtype=object), style, rng)
    parts = [_Rows(rows.polygon[lived], rows.cell[lived], rows.homes[lived], rows.floors[lived]), rest]
    cell = np.concatenate([part.cell for part in parts])
    names = np.array(_NAMES, dtype=object)[style]
    return Buildings(
        polygon=np.concatenate([part.polygon for part in parts]),
        kind=np.array([each.building for each in STYLES.values()], dtype=object)[style[cell]],
        floors=np.concatenate([part.floors for part in parts]),
        households=np.concatenate([part.homes for part in parts]),
        cell=cell,
        use=names,
        lanes=_lanes(cells, inner, style),
    )


def _draw(options: tuple[tuple[str, float], ...], count: int, rng: np.random.Generator) -> Ints:
    numbers = np.array([_NAMES.index(name) for name, _ in options])
    return np.asarray(numbers[rng.choice(len(options), count, p=[share for _, share in options])], dtype=np.int64)


def _wishes(cells: Cells, rng: np.random.Generator) -> Ints:
    """Return the style each block would have if people lived on it."""
    style = _draw(_DWELLINGS, len(cells.polygon), rng)
    style[cells.kind == "hamlet"] = _NAMES.index("house")
    empty = rng.random(len(style)) < 0.9
    style[cells.kind == "field"] = _NAMES.index("works")
    style[(cells.kind == "field") & empty] = _NAMES.index("none")
    return style


def _rows(inner: Geometries, style: Ints, rng: np.random.Generator) -> _Rows:
    """Return rows of buildings on the inner part of each block, those that lie wholly on it."""
    table = list(STYLES.values())
    size, pitch = (np.array([getattr(each, name) for each in table])[style] for name in ("size_m", "pitch_m"))
    inner = np.asarray(inner, dtype=object)
    frame = facing_south(inner)
    gap = pitch - size
    count = np.floor((np.nan_to_num(frame[:, 4:6]) + 0.9 * gap) / pitch).astype(np.int64)
    total = count[:, 0] * count[:, 1]
    cell = np.repeat(np.arange(len(inner)), total)
    number = np.arange(len(cell)) - np.repeat(np.cumsum(total) - total, total)
    place = np.c_[number % np.maximum(count[cell, 0], 1), number // np.maximum(count[cell, 0], 1)]
    built = rng.random(len(cell)) < np.array([each.share_built for each in table])[style[cell]]
    cell, place = cell[built], place[built]
    middle = (place - (count[cell] - 1) / 2) * pitch[cell]
    middle += rng.uniform(-0.12, 0.12, middle.shape) * gap[cell]
    homes, floors, length = _sizes(style[cell], size[cell, 0], rng)
    half = np.c_[length, size[cell, 1]] / 2
    corners = middle[:, None] + half[:, None] * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    axis = frame[cell, 2:4]
    across = np.c_[-axis[:, 1], axis[:, 0]]
    xy = frame[cell, None, :2] + corners[:, :, :1] * axis[:, None] + corners[:, :, 1:] * across[:, None]
    polygon = shapely.polygons(np.round(xy, 2))
    shapely.prepare(inner)
    fits = shapely.contains_properly(inner[cell], polygon)
    return _Rows(polygon[fits], cell[fits], homes[fits], floors[fits])


def facing_south(shapes: Geometries) -> Floats:
    """Return the frames of shapes (:func:`gridmap.sample.cells.frames`), the axis from west to east."""
    frame = frames(shapes)
    steep = np.abs(frame[:, 2]) < np.abs(frame[:, 3])
    turned = np.c_[frame[:, :2], -frame[:, 3], frame[:, 2], frame[:, 5], frame[:, 4]]
    frame = np.where(steep[:, None], turned, frame)
    frame[:, 2:4] *= np.where(frame[:, 2] < 0, -1.0, 1.0)[:, None]
    return np.asarray(frame, dtype=np.float64)


def _sizes(style: Ints, length: Floats, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
    """Return households, floors and length of each building."""
    table = list(STYLES.values())
    low, high = (np.array([each.floors[i] for each in table])[style] for i in (0, 1))
    floors = rng.integers(low, high + 1)
    least, most = (np.array([each.homes[i] for each in table])[style] for i in (0, 1))
    homes = floors * rng.integers(least, most + 1)
    house = style == _NAMES.index("house")
    homes[house] = rng.choice([1, 2, 3], int(house.sum()), p=[0.12, 0.33, 0.55])
    length = np.where(house, _UNIT_M * np.maximum(homes, 1.4), length * rng.uniform(0.85, 1.0, len(style)))
    return homes, floors, length


def _enough_urban(
    spec: Spec, cells: Cells, territory: Territory, style: Ints, rows: _Rows, rng: np.random.Generator
) -> Ints:
    """Return styles in which each urban community houses about what it is to; the outer blocks serve other uses."""
    capacity = np.bincount(rows.cell, weights=rows.homes, minlength=len(style))
    core = np.hypot(*territory.centre.T) < 1.3 * spec.core_m
    goal = np.where(core & (spec.core_communities > 0), spec.core_households, spec.seat_households)
    goal = goal * rng.normal(1.0, 0.12, len(goal)).clip(0.75, 1.25)
    at = shapely.get_coordinates(shapely.centroid(cells.polygon))
    town = np.zeros((1, 2)) if spec.core_communities else np.empty((0, 2))
    middles = np.vstack([town, territory.seats])
    away = np.min(np.hypot(*(at[:, None] - middles[None]).transpose(2, 0, 1)), axis=1)
    reach = away * np.exp(rng.normal(0.0, 0.45, len(away)))
    style = style.copy()
    urban = np.flatnonzero(cells.kind == "urban")
    order = urban[np.lexsort((reach[urban], cells.community[urban]))]
    own = cells.community[order]
    before = np.cumsum(capacity[order]) - capacity[order]
    first = np.r_[True, np.diff(own) != 0]
    before -= np.repeat(before[first], np.diff(np.r_[np.flatnonzero(first), len(own)]))
    full = order[(before > goal[own]) | (capacity[order] == 0)]
    style[full] = _draw(_OTHERS, len(full), rng)
    inner = full[core[cells.community[full]] & (away[full] < 0.85 * spec.core_m)]
    style[inner] = _draw(_DOWNTOWN, len(inner), rng)
    return style


def _enough_houses(cells: Cells, rows: _Rows, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which places are built on: a hamlet ends at 60 to 120 households."""
    hamlet = cells.hamlet[rows.cell]
    village = np.flatnonzero(hamlet >= 0)
    if len(village) == 0:
        return np.ones(len(hamlet), dtype=bool)
    most = rng.integers(*_HAMLET_HOUSEHOLDS, int(hamlet.max()) + 1)
    order = village[np.lexsort((rng.random(len(village)), hamlet[village]))]
    own, homes = hamlet[order], rows.homes[order]
    total = np.cumsum(homes)
    first = np.r_[True, np.diff(own) != 0]
    start = np.repeat((total - homes)[first], np.diff(np.r_[np.flatnonzero(first), len(own)]))
    keep = np.ones(len(hamlet), dtype=bool)
    keep[order] = total - start <= most[own]
    return keep


def _lanes(cells: Cells, inner: Geometries, style: Ints) -> Lines:
    """Return a service lane through the middle of every larger estate, between two rows of its houses."""
    homes = np.isin(style, _DWELLING_NUMBERS)
    frame = facing_south(inner)
    size, pitch = (
        np.array([getattr(each, name)[1] for each in STYLES.values()])[style] for name in ("size_m", "pitch_m")
    )
    rows = np.floor((np.nan_to_num(frame[:, 5]) + 0.9 * (pitch - size)) / pitch).astype(np.int64)
    at = np.flatnonzero(homes & (cells.kind == "urban") & (rows >= 4))
    frame, shift = frame[at], (rows[at] // 2 - rows[at] / 2) * pitch[at]
    across = np.c_[-frame[:, 3], frame[:, 2]]
    start = frame[:, :2] + shift[:, None] * across
    reach = 2 * frame[:, 4:5] * frame[:, 2:4]
    lines = shapely.linestrings(np.stack([start - reach, start + reach], axis=1))
    return Lines.of(shapely.intersection(lines, cells.polygon[at]), "service")
