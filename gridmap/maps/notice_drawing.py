"""The map of a public notice, as SVG: no script, no network, sharp at any size on paper."""

from __future__ import annotations

import math
from html import escape
from typing import Final

import numpy as np
import shapely

from gridmap.maps import colours
from gridmap.maps.notice_ground import Ground

WIDTH, HEIGHT = 1860, 1000
"""Tenths of a millimetre on A4."""
_MINE: Final = "#cfe3d4"
_OTHERS: Final = "#f4f1ea"
_EDGE: Final = "#b3372c"
_WIDE: Final = {"motorway": 26, "trunk": 26, "primary": 22, "secondary": 18, "tertiary": 14}
_PLAIN: Final = 8
_MINOR_A_METRE: Final = 0.45
"""Tenths of a millimetre for a metre below which minor streets would hide the grid."""
_MOST_NAMES: Final = 14
_LETTER: Final = 30


def draw(ground: Ground) -> str:
    """Return the map of a grid with its neighbours, streets, a scale and north."""
    west, _, east, north = ground.window
    a_metre = WIDTH / (east - west)
    sheet = _Sheet(west, north, a_metre)
    others = "".join(f'<path d="{sheet.path(shape)}"/>' for shape in ground.neighbours.geometry)
    parent = "" if ground.parent is None else f'<path class="parent" d="{sheet.path(ground.parent)}"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="网格范围图 map of the grid" '
        'xmlns="http://www.w3.org/2000/svg"><defs><clipPath id="sheet">'
        f'<rect width="{WIDTH}" height="{HEIGHT}"/></clipPath></defs><g clip-path="url(#sheet)">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colours.PAPER}"/>'
        f'<g fill="{_OTHERS}" stroke="#9a958a" stroke-width="3">{others}</g>'
        f'<path d="{sheet.path(ground.shape)}" fill="{_MINE}"/>'
        f"{_streets(ground, sheet)}{parent}"
        f'<path d="{sheet.path(ground.shape)}" fill="none" stroke="{_EDGE}" stroke-width="9" stroke-linejoin="round"/>'
        f"{_names(ground, sheet)}</g>{_scale(a_metre)}{_NORTH}</svg>"
    )


class _Sheet:
    """Metres onto the sheet."""

    def __init__(self, west: float, north: float, a_metre: float) -> None:
        self.west, self.north, self.a_metre = west, north, a_metre

    def at(self, xy: np.ndarray) -> np.ndarray:
        return np.round((xy - (self.west, self.north)) * (self.a_metre, -self.a_metre), 1)

    def path(self, shape: shapely.Geometry) -> str:
        parts = []
        for part in shapely.get_parts(shape):
            polygon = shapely.get_dimensions(part) == 2
            rings = [part.exterior, *part.interiors] if polygon else [part]
            for ring in rings:
                points = self.at(shapely.get_coordinates(ring))
                parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in points) + ("Z" if polygon else ""))
        return "".join(parts)


def _streets(ground: Ground, sheet: _Sheet) -> str:
    drawn = []
    slim = min(1.0, 0.35 + sheet.a_metre)
    for shape, kind in zip(ground.streets.geometry, ground.streets["highway"], strict=True):
        width = _WIDE.get(str(kind).removesuffix("_link"), _PLAIN)
        if width > _PLAIN or sheet.a_metre > _MINOR_A_METRE:
            drawn.append((width * slim, sheet.path(shape)))
    drawn.sort()
    under = "".join(f'<path d="{path}" stroke-width="{width + 5:.1f}"/>' for width, path in drawn)
    over = "".join(f'<path d="{path}" stroke-width="{width:.1f}"/>' for width, path in drawn)
    return f'<g class="street"><g stroke="#c9c2b4">{under}</g><g stroke="#fffefb">{over}</g></g>'


def _names(ground: Ground, sheet: _Sheet) -> str:
    """Write streets along themselves, the widest and longest first, and neighbours; nothing over anything else."""
    taken: list[shapely.Geometry] = [shapely.box(0, HEIGHT - 110, 480, HEIGHT), shapely.box(WIDTH - 150, 0, WIDTH, 190)]
    written = [_written(taken, name, at, angle, "way") for name, at, angle in _street_places(ground, sheet)]
    window = shapely.box(*ground.window)
    room = sorted(
        ((shapely.intersection(shape, window), str(name or code))
         for code, name, shape in ground.neighbours[["code", "name", "geometry"]].itertuples(index=False)),
        key=lambda each: -each[0].area,
    )  # fmt: skip
    for shape, name in room:
        if shape.area * sheet.a_metre**2 > 25_000:
            spot = shapely.get_coordinates(shapely.maximum_inscribed_circle(shape))[:1]
            written.append(_written(taken, name, sheet.at(spot)[0], 0.0, "beside"))
    return "".join(written[: _MOST_NAMES * 2])


def _street_places(ground: Ground, sheet: _Sheet) -> list[tuple[str, np.ndarray, float]]:
    """Return where each name is best written: the middle of the longest straight piece of its widest street."""
    best: dict[str, tuple[float, np.ndarray, float]] = {}
    for shape, name, kind in ground.streets[["geometry", "name", "highway"]].itertuples(index=False):
        if not isinstance(name, str) or not name:
            continue
        if sheet.a_metre <= _MINOR_A_METRE and str(kind).removesuffix("_link") not in _WIDE:
            continue
        for line in shapely.get_parts(shapely.line_merge(shapely.multilinestrings([*shapely.get_parts(shape)]))):
            straight = shapely.simplify(line, 4.0)
            xy = sheet.at(shapely.get_coordinates(straight))
            steps = np.diff(xy, axis=0)
            length = np.hypot(steps[:, 0], steps[:, 1])
            at = int(np.argmax(length))
            if length[at] < len(name) * _LETTER * 1.1:
                continue
            weight = float(length[at]) + 40 * _WIDE.get(str(kind), _PLAIN)
            angle = (math.degrees(math.atan2(steps[at, 1], steps[at, 0])) + 90) % 180 - 90
            if name not in best or weight > best[name][0]:
                best[name] = (weight, (xy[at] + xy[at + 1]) / 2, angle)
    ranked = sorted(best.items(), key=lambda item: -item[1][0])[:_MOST_NAMES]
    return [(name, at, angle) for name, (_, at, angle) in ranked]


def _written(taken: list[shapely.Geometry], name: str, at: np.ndarray, angle: float, kind: str) -> str:
    """Return a name at a place, or nothing where another stands or the sheet ends."""
    x, y = float(at[0]), float(at[1])
    wide = sum(_LETTER if ord(letter) > 255 else _LETTER * 0.56 for letter in name)
    box = shapely.affinity.rotate(shapely.box(x - wide / 2, y - _LETTER / 2, x + wide / 2, y + _LETTER / 2), angle)
    if not shapely.box(8, 8, WIDTH - 8, HEIGHT - 8).contains(box) or any(box.intersects(other) for other in taken):
        return ""
    taken.append(box)
    turn = f' transform="rotate({angle:.1f} {x:g} {y:g})"' if angle else ""
    return f'<text class="{kind}" x="{x:g}" y="{y + _LETTER * 0.36:g}"{turn}>{escape(name)}</text>'


def _scale(a_metre: float) -> str:
    """Return a bar of a round number of metres, about a sixth of the sheet."""
    about = WIDTH / 6 / a_metre
    power = 10 ** math.floor(math.log10(about))
    metres = max(step * power for step in (1, 2, 5) if step * power <= about)
    length = metres * a_metre
    said = f"{metres / 1000:g} 公里 km" if metres >= 1000 else f"{metres:g} 米 m"
    x, y = 36, HEIGHT - 40
    return (
        f'<g class="scale"><rect x="{x - 16}" y="{y - 56}" width="{max(length, 150) + 32:.1f}" height="76" rx="8"/>'
        f'<path d="M{x} {y - 14}v14h{length:.1f}v-14"/><text x="{x}" y="{y - 22}">{said}</text></g>'
    )


_NORTH: Final = (
    f'<g class="north" transform="translate({WIDTH - 78} 20)"><rect x="-52" y="-6" width="112" height="156" rx="8"/>'
    '<path d="M4 52L30 138L4 120L-22 138Z"/><text x="4" y="42">北 N</text></g>'
)
