"""The land itself: an irregular outline, rivers, canals, a railway and a motorway. All in metres from the centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.sample.spec import BarrierSpec, Spec

Floats: TypeAlias = NDArray[np.float64]
Geometries: TypeAlias = NDArray[np.object_]

GRID_M: Final = 0.01
"""Line work is noded on a grid of one centimetre."""
WATERS: Final = ("river", "canal")
_STEP_M: Final = 90.0
_OUTLINE_POINTS: Final = 480


@dataclass(frozen=True, eq=False)
class Barrier:
    """Something that is crossed on a bridge or in an underpass only.

    Parameters
    ----------
    kind
        As in :class:`gridmap.sample.spec.BarrierSpec`.
    line
        Its middle, clipped to the territory.
    half_m
        Half its own width.
    corridor_m
        From its middle to the streets along it.
    """

    kind: str
    line: Any
    half_m: float
    corridor_m: float


@dataclass(frozen=True, eq=False)
class Terrain:
    """Outline and barriers; ``corridor`` is the land without streets along the barriers."""

    boundary: Any
    barriers: tuple[Barrier, ...]
    corridor: Any

    def water(self) -> Geometries:
        """Return the surface of each river and canal."""
        wet = [b for b in self.barriers if b.kind in WATERS]
        return np.array([shapely.intersection(b.line.buffer(b.half_m), self.boundary) for b in wet], dtype=object)


def make_terrain(spec: Spec, rng: np.random.Generator) -> Terrain:
    """Draw the outline and the barriers of a territory."""
    boundary = _outline(spec, rng)
    barriers: list[Barrier] = []
    for each in spec.barriers:
        start = None if each.joins is None else barriers[each.joins].line
        line = _clipped(_winding(each, spec, start, rng), boundary)
        corridor = each.width_m / 2 + each.verge_m
        barriers.append(Barrier(each.kind, line, each.width_m / 2, corridor))
    strips = [b.line.buffer(b.corridor_m, quad_segs=4) for b in barriers]
    corridor = shapely.union_all(np.array(strips, dtype=object), grid_size=GRID_M)
    return Terrain(boundary, tuple(barriers), corridor)


def waves(rng: np.random.Generator, count: int, least: int) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return whole frequencies, amplitudes that fall with them, and phases of a smooth random curve."""
    frequency = np.arange(least, least + count)
    return frequency, rng.normal(0.0, 1.0, count) / frequency, rng.uniform(0.0, 2 * np.pi, count)


def _outline(spec: Spec, rng: np.random.Generator) -> Any:
    angle = np.linspace(0.0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
    radius = np.ones_like(angle)
    for count, least, size in ((5, 2, 0.20), (14, 9, 0.14)):
        frequency, amplitude, phase = waves(rng, count, least)
        radius += size * np.clip(amplitude, -0.5, 0.5) @ np.cos(frequency[:, None] * angle + phase[:, None])
    xy = radius[:, None] * np.c_[np.cos(angle) * spec.radius_m[0], np.sin(angle) * spec.radius_m[1]]
    return shapely.set_precision(shapely.Polygon(np.round(xy, 2)), GRID_M)


def _winding(each: BarrierSpec, spec: Spec, start: Any, rng: np.random.Generator) -> Any:
    """Return a line that winds through the territory, beginning on ``start`` where one is given."""
    reach = 1.6 * max(spec.radius_m)
    turn = np.radians(each.angle_deg + rng.normal(0.0, 2.5))
    along, left = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    origin = left * each.offset_m * rng.uniform(0.9, 1.1)
    s = np.arange(-reach, reach, min(_STEP_M, each.wave_m / 24))
    phase = rng.uniform(0.0, 2 * np.pi, 3)
    stretch = rng.uniform(0.8, 1.2, 3) * np.array([1.0, 0.53, 1.9])
    weight = np.array([1.0, 0.7, 0.25])
    swing = each.swing_m * weight @ np.sin(2 * np.pi * s / each.wave_m * stretch[:, None] + phase[:, None]) / 1.6
    if start is not None:
        first = start.interpolate(rng.uniform(0.32, 0.4), normalized=True)
        s = s[s >= 0] - 0.0
        swing = swing[-len(s) :] - swing[-len(s)]
        origin = np.array([first.x, first.y])
    return shapely.LineString(np.round(origin + s[:, None] * along + swing[:, None] * left, 2))


def _clipped(line: Any, boundary: Any) -> Any:
    """Return the longest part of a line inside the territory, to just beyond its border."""
    parts = shapely.get_parts(shapely.intersection(line, boundary.buffer(60.0)))
    return parts[int(np.argmax(shapely.length(parts)))]
