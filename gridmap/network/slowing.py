r"""What slows a walker, or lets him through in one direction only, as the tags and the heights say it.

========================================  ===================================================================
``oneway:foot=yes|-1``                    walked only along the way as drawn, or only against it; ``no`` both
``foot:backward=no``, ``foot:forward=no`` the same said by what is forbidden
``conveying=forward|backward``            escalators and moving walkways: only the way they run
``oneway``                                nothing: it is for vehicles
``footway|path|cycleway=crossing``,       the edge crosses a carriageway, where one may have to wait
``highway=crossing``
``incline=8%|-5%|5°``                     the slope along the way as drawn; ``up``, ``down`` and numbers without a
                                          unit say nothing that can be counted
========================================  ===================================================================

Slopes come from the heights of 3-D lines where the layer has them, else from ``incline``. A metre (as the map shows
it) with the slope s, taken in the direction of the walk, takes exp(3.5 (\|s + 0.05\| - 0.05)) times as long as one on
the level: W. Tobler, Three Presentations on Geographical Analysis and Modeling, NCGIA 93-1 (1993), made 1 on the
level. Going down gently is quicker than the level, steeply slower. Steps have no slope of their own: what a metre of
steps takes includes the climb (:class:`gridmap.network.pace.Pace`).
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gridmap.network.build import Edges, sum_by_edge
from gridmap.network.tags import Tags

Floats: TypeAlias = NDArray[np.float64]

TAGS: Final = (
    "oneway:foot", "foot:forward", "foot:backward", "conveying", "footway", "path", "cycleway", "incline",
)  # fmt: skip
"""What these rules ask of a street beside its class."""

STEEPEST: Final = 1.0
"""Slopes beyond 45° are slips of the survey (a lost height, the edge of a wall), counted as 45°."""

_FORBIDDEN: Final = ("no", "private", "use_sidepath")
_ONEWAY: Final = {"yes": 1, "true": 1, "1": 1, "-1": -1, "reverse": -1, "no": 0, "false": 0, "0": 0}
_UNSAID: Final = 2
_CONVEYING: Final = {"forward": 1, "backward": -1}
_INCLINE: Final = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(%|°)")


def oneway(streets: Tags) -> NDArray[np.int8]:
    """Return 1 where a street is walked only as drawn, -1 only against it, 0 both ways."""
    forbidden = streets.among("foot:backward", _FORBIDDEN).astype(np.int8) - streets.among("foot:forward", _FORBIDDEN)
    runs = streets.map("conveying", lambda value: _CONVEYING.get(value, 0))
    said = streets.map("oneway:foot", lambda value: _ONEWAY.get(value, _UNSAID))
    return np.where(said != _UNSAID, said, np.where(forbidden != 0, forbidden, runs)).astype(np.int8)


def crossing(streets: Tags) -> NDArray[np.bool_]:
    """Return which streets cross a carriageway."""
    found = streets.among("highway", ("crossing",))
    for name in ("footway", "path", "cycleway"):
        found |= streets.among(name, ("crossing",))
    return found


def incline(streets: Tags) -> Floats:
    """Return the slope of every street as drawn, rise over run; NaN where no number is said.

    Examples
    --------
    >>> incline(Tags.of({"incline": ["8%", "-5 %", "5°", "up", "8"]}, 5)).round(4).tolist()
    [0.08, -0.05, 0.0875, nan, nan]
    """
    return streets.map("incline", _slope).astype(np.float64)


def _slope(text: str) -> float:
    said = _INCLINE.fullmatch(text)
    if said is None:
        return np.nan
    number = float(said[1].replace(",", "."))
    return number / 100 if said[2] == "%" else float(np.tan(np.radians(np.clip(number, -89, 89))))


def slowdown(slope: Floats) -> Floats:
    """Return how many times longer a metre takes that climbs by a slope (falls where it is below zero).

    Examples
    --------
    >>> slowdown(np.array([0.0, 0.1, -0.05, -0.1])).round(3).tolist()
    [1.0, 1.419, 0.839, 1.0]
    """
    return np.asarray(np.exp(3.5 * (np.abs(np.clip(slope, -STEEPEST, STEEPEST) + 0.05) - 0.05)))


def edge_slowdown(edges: Edges, streets: Tags, height_m: Floats | None) -> NDArray[np.float32] | None:
    """Return (m, 2) how many times longer every edge takes because of its slope, ahead and back.

    Parameters
    ----------
    edges
        Made of the streets; ``edges.line`` is a row of ``streets``.
    streets
        Their tags.
    height_m
        Of every vertex that the edges were made of, NaN where it is not known; None where none is.

    Returns
    -------
    ndarray or None
        None where nothing in the source tells of a slope.
    """
    count = np.diff(edges.vertex_start)
    slope = np.repeat(np.nan_to_num(incline(streets))[edges.line], count)
    step = np.r_[np.hypot(*np.diff(edges.vertex_xy, axis=0).T), 0.0]
    if height_m is not None and _tells(height_m):
        climbed = np.r_[np.diff(height_m[edges.vertex]), 0.0] / np.maximum(step, 1e-9)
        slope = np.where(np.isfinite(climbed), climbed, slope)
    slope[np.repeat(streets.among("highway", ("steps",))[edges.line], count)] = 0.0
    if not slope.any():
        return None
    length = np.maximum(sum_by_edge(edges, step), 1e-9)
    factors = [sum_by_edge(edges, step * slowdown(walked)) / length for walked in (slope, -slope)]
    return np.stack(factors, axis=1).astype(np.float32)


def _tells(height_m: Floats) -> bool:
    """Whether heights differ at all: many layers are drawn in 3-D with every height 0."""
    known = height_m[np.isfinite(height_m)]
    return bool((known != known[:1]).any())
