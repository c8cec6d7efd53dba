"""Lanes, footways and dead ends of streets inside blocks as cut lines, led on to the border where they stop."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.borders import lane_lines

LEAD_ON_M: Final = 80.0
LEAD_ON_SHARE: Final = 0.5
"""Ours: a lane that ends inside a block goes on straight to the border, or to another lane, if that is no further than
this, or than this share of its own length: most of the cut then lies on it."""
_INSIDE_M: Final = 1.0
"""Nearer to the border, a street is the border's own."""
_BACK_M: Final = 10.0
_TOUCH_M: Final = 0.05
_OVERSHOOT_M: Final = 0.02


def lanes_inside(
    mosaic: m.Geometries, streets: gpd.GeoDataFrame, footprints: m.Geometries, crs: pyproj.CRS
) -> m.Geometries:
    """Return the lanes inside some blocks, led on where they end; lines in metres.

    Parameters
    ----------
    mosaic
        The blocks to be cut, in degrees.
    streets
        All streets, storage CRS.
    footprints
        Buildings in degrees: no lane is led on through one.
    crs
        The metric CRS of the answer.
    """
    lanes = lane_lines(streets)
    if len(lanes) == 0 or len(mosaic) == 0:
        return np.empty(0, dtype=object)
    flat, lines = m.to_metres(mosaic, crs), m.to_metres(lanes, crs)
    inner = shapely.buffer(flat, -_INSIDE_M, quad_segs=2)
    line, block = shapely.STRtree(inner).query(lines, predicate="intersects")
    order = np.lexsort((line, block))
    line, block = line[order], block[order]
    parts, at = shapely.get_parts(shapely.intersection(lines[line], inner[block]), return_index=True)
    block = block[at]
    inside = np.unique(block)
    merged = shapely.line_merge(shapely.multilinestrings(parts, indices=np.searchsorted(inside, block)))
    parts, at = shapely.get_parts(merged, return_index=True)
    long = shapely.length(parts) > _TOUCH_M
    parts, block = parts[long], inside[at[long]]
    if len(parts) == 0:
        return np.empty(0, dtype=object)
    led = _led_on(parts, block, flat, m.to_metres(footprints, crs))
    return np.asarray(np.concatenate([parts, led]), dtype=object)


def _led_on(parts: m.Geometries, block: m.Ints, flat: m.Geometries, footprints: m.Geometries) -> m.Geometries:
    """Return the straight pieces from loose ends of lanes to the border of their block, or to another lane."""
    end, ahead, part = _loose_ends(parts, flat[block])
    home = block[part]
    if len(end) == 0:
        return np.empty(0, dtype=object)
    edges, of = np.concatenate([shapely.boundary(flat[np.unique(home)]), parts]), np.r_[np.unique(home), block]
    order = np.argsort(of, kind="stable")
    start = np.searchsorted(of[order], home)
    stop = np.searchsorted(of[order], home, side="right")
    count = stop - start
    ray = np.repeat(np.arange(len(end)), count)
    target = order[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(start, count)]
    far = np.maximum(LEAD_ON_M, LEAD_ON_SHARE * shapely.length(parts[part]))[:, None]
    rays = shapely.linestrings(np.stack([end + _TOUCH_M * ahead, end + far * ahead], axis=1))
    near = shapely.intersects(rays[ray], edges[target])
    hits, which = shapely.get_coordinates(shapely.intersection(rays[ray[near]], edges[target[near]]), return_index=True)
    of_hit = ray[near][which]
    reach = np.full(len(end), np.inf)
    np.minimum.at(reach, of_hit, np.hypot(*(hits - end[of_hit]).T))
    found = np.flatnonzero(np.isfinite(reach))
    tips = end[found] + (reach[found, None] + _OVERSHOOT_M) * ahead[found]
    led = shapely.linestrings(np.stack([end[found], tips], axis=1))
    blocked = np.zeros(len(led), dtype=bool)
    if len(footprints):
        blocked[shapely.STRtree(footprints).query(led, predicate="intersects")[0]] = True
    return np.asarray(led[~blocked], dtype=object)


def _loose_ends(parts: m.Geometries, homes: m.Geometries) -> tuple[m.Floats, m.Floats, m.Ints]:
    """Return ends of lines that meet no other line nor their block's border: place, direction ahead, line."""
    xy = shapely.get_coordinates(parts)
    _, node, times = np.unique(np.round(xy / _TOUCH_M), axis=0, return_inverse=True, return_counts=True)
    last = np.cumsum(shapely.get_num_coordinates(parts)) - 1
    first = np.r_[0, last[:-1] + 1]
    length = shapely.length(parts)
    back = np.minimum(_BACK_M, length)
    part = np.r_[np.arange(len(parts)), np.arange(len(parts))]
    at = np.r_[first, last]
    behind = shapely.get_coordinates(shapely.line_interpolate_point(np.r_[parts, parts], np.r_[back, length - back]))
    ahead = xy[at] - behind
    size = np.hypot(*ahead.T)
    loose = (times[node.ravel()[at]] == 1) & (size > _TOUCH_M)
    loose &= shapely.distance(shapely.boundary(homes)[part], shapely.points(xy[at])) > _TOUCH_M
    return xy[at[loose]], ahead[loose] / size[loose, None], part[loose]
