"""Where water is nearest to which bank: the lines half-way between banks of different labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyproj
import shapely
from scipy.spatial import Voronoi, cKDTree

from gridmap.grids import mosaic as m

_STEP_M: Final = (2.0, 20.0)
"""Banks are sampled at half the mean width of the water, but within these bounds."""
_LEAST_END_M: Final = 0.05
_LONGEST_M: Final = 100.0
"""Straight in metres and straight in degrees differ by less than a millimetre over this length."""
_SMOOTH_M: Final = 1.0
"""Mid-lines between sampled banks zigzag by less than this; it is also how far they are simplified, at most."""


@dataclass(frozen=True, eq=False)
class Banks:
    """Points along the banks of one water body, each with the label of the land behind it.

    Parameters
    ----------
    xy
        (n, 2) metres.
    label
        (n,) labels of the land.
    """

    xy: m.Floats
    label: m.Ints

    def nearest(self, xy: m.Floats) -> m.Ints:
        """Return the label of the bank nearest to each point."""
        return np.asarray(self.label[cKDTree(self.xy).query(xy)[1]], dtype=np.int64)


def sample_banks(start: m.Floats, end: m.Floats, label: m.Ints, body: shapely.Geometry) -> Banks:
    """Sample the bank edges of a water body.

    The first points on either side of the place where two labels meet lie equally far from it, so that the mid-line
    ends exactly there.

    Parameters
    ----------
    start, end
        (n, 2) end points of the bank edges, metres.
    label
        (n,) label of the land behind each edge.
    body
        The water in metres.
    """
    step = float(np.clip(body.area / max(body.length, 1.0), *_STEP_M))
    runs, run_label = [], []
    for value in np.unique(label):
        edges = shapely.linestrings(np.stack([start[label == value], end[label == value]], axis=1))
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(list(edges))))
        runs.extend(merged)
        run_label.extend([int(value)] * len(merged))
    lengths = shapely.length(runs)
    end_m = float(np.clip(lengths.min() / 4, _LEAST_END_M, step / 2))
    points = [_along(length, end_m, step) for length in lengths]
    count = [len(p) for p in points]
    xy = shapely.get_coordinates(
        shapely.line_interpolate_point(np.repeat(np.array(runs, dtype=object), count), np.concatenate(points))
    )
    return Banks(xy, np.repeat(np.array(run_label, dtype=np.int64), count))


def _along(length: float, end_m: float, step: float) -> m.Floats:
    if length <= 2 * end_m:
        return np.array([length / 2])
    return np.linspace(end_m, length - end_m, max(2, int(np.ceil((length - 2 * end_m) / step)) + 1))


def mid_lines(banks: Banks, body: shapely.Geometry, crs: pyproj.CRS) -> m.Geometries:
    """Return the lines inside a water body that are equally far from banks of different labels.

    Parameters
    ----------
    banks
        Sampled banks, in metres of ``crs``.
    body
        The water in degrees: lines end on its edges, which are straight there and not in metres.
    crs
        The metric CRS.
    """
    metric = m.to_metres(np.array([body]), crs)[0]
    ridges = shapely.intersection(_ridges(banks, metric), shapely.box(*metric.buffer(_LONGEST_M).bounds))
    degrees = m.to_degrees(shapely.segmentize(ridges[~shapely.is_empty(ridges)], _LONGEST_M), crs)
    shapely.prepare(body)
    inside = shapely.intersection(degrees[shapely.intersects(body, degrees)], body)
    parts = shapely.get_parts(shapely.line_merge(shapely.union_all(inside)))
    smooth_m = min(_SMOOTH_M, metric.area / max(metric.length, 1.0) / 10)
    scale = np.sqrt(body.area / metric.area)
    return np.asarray(shapely.simplify(parts[shapely.get_type_id(parts) == 1], smooth_m * scale), dtype=object)


def _ridges(banks: Banks, body: shapely.Geometry) -> m.Geometries:
    """Return the edges of the Voronoi diagram of the bank points that separate labels."""
    west, south, east, north = body.bounds
    middle = np.array([(west + east) / 2, (south + north) / 2])
    reach = np.hypot(east - west, north - south) + 1.0
    turn = np.arange(8) * (np.pi / 4)
    far = 30 * reach * np.column_stack([np.cos(turn), np.sin(turn)])  # so that every ridge near the banks is finite
    diagram = Voronoi(np.vstack([banks.xy - middle, far]))
    sides = np.append(banks.label, np.full(len(far), -1))[diagram.ridge_points]
    between = (sides[:, 0] != sides[:, 1]) & (sides >= 0).all(axis=1)
    ends = np.array(diagram.ridge_vertices)[between]
    ends = ends[(ends >= 0).all(axis=1)]
    return np.asarray(shapely.linestrings(diagram.vertices[ends] + middle), dtype=object)
