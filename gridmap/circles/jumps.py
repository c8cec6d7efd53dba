"""Where an outline passes between two samples that different edges own.

There a field jumps, and a line drawn between the samples would miss the jump by up to half a cell. The arguments
``tiles, streets, origins, known, rasters`` are those of :mod:`gridmap.circles.field`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from gridmap.circles.contour import ends_of
from gridmap.network.places import along
from gridmap.network.snap import crosses

FAR: Final = np.float32(1e9)
"""Metres or seconds to where nobody comes."""
_HALVINGS: Final = 5
"""A jump is found to 1/32 of a cell."""


@njit(cache=True, nogil=True)
def walked_s(e, share, stamp, known, times, first, final, edge, own_share, off_s):
    """Return the seconds to a place on an edge; bare arrays, for handing tuples of them on costs more than the sum."""
    if abs(known[e]) != stamp:
        return FAR
    there, back = times[e, 2], times[e, 3]
    time = min(times[e, 0] + share * there, times[e, 1] + (np.float32(1) - share) * back)
    if known[e] < 0:
        for k in range(first, final):
            if edge[k] == e:
                time = min(time, off_s[k] + along(share, own_share[k], there, back))
    return min(time, FAR)


@njit(cache=True, nogil=True)
def _foot(x, y, e, about, window_m, length_m, vertex_start, vertex_xy, vertex_share):
    """Return the distance to an edge, the point nearest on it, and how far along it that is.

    Only what lies within a window of a place ``about`` (0 to 1) along the edge is looked at: where the cell beside has
    its nearest point is known, and the longest edges own the longest borders. Two cells and half the walk off the
    street are window enough: on the addresses of the benchmark four times that changes nothing.
    """
    first, last = vertex_start[e], vertex_start[e + 1] - 1
    window = window_m / max(length_m[e], 1e-9)
    low, high = first, last
    while low < high:
        middle = (low + high) >> 1
        if vertex_share[middle] < about - window:
            low = middle + 1
        else:
            high = middle
    nearest, qx, qy, share = np.inf, 0.0, 0.0, about
    for k in range(max(low - 1, first), last):
        if vertex_share[k] > about + window:
            break
        ax, ay = vertex_xy[k, 0], vertex_xy[k, 1]
        dx, dy = vertex_xy[k + 1, 0] - ax, vertex_xy[k + 1, 1] - ay
        t = min(max(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
        far = (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2
        if far < nearest:
            nearest, qx, qy = far, ax + t * dx, ay + t * dy
            share = vertex_share[k] + t * (vertex_share[k + 1] - vertex_share[k])
    return np.sqrt(nearest), qx, qy, share


@njit(cache=True, nogil=True)
def place_jumps(o, sides, box, rasters, limit_m, off_street_m, tiles, streets, walled, walls, origins, known):
    """Move the outline to where the land within the limit ends on sides whose samples are reached by different ways.

    Distances and times are taken to run straight along the side: each field from its own sample to what it would be
    at the other, and the owner changes where the two are equally near. Where a barrier is in the way of either,
    :func:`_halve` looks closer.
    """
    length_m, first, vertex_xy, vertex_share = (
        streets.length_m, streets.vertex_start, streets.vertex_xy, streets.vertex_share,
    )  # fmt: skip
    speed, begin, final = streets.speed_m_s, origins.first[o], origins.first[o + 1]
    stamp, times, edge, own_share, off_s = known.stamp, known.times, origins.edge, origins.share, origins.off_s
    table, start, members, ends = walls.table, walls.start, walls.members, walls.ends
    metres, beyond, owner, values = rasters.metres, rasters.beyond, rasters.owner, rasters.values
    along_edge, shares = rasters.along, rasters.share
    cell_m, columns = tiles.cell_m, box[2] - box[0] + 3
    low_x, low_y = tiles.low_x + (box[0] - 1) * cell_m, tiles.low_y + (box[1] - 1) * cell_m
    blocked, closer = 0, np.empty(len(sides) if walled else 0, np.int32)
    for side in sides:
        a, b = ends_of(side, columns)
        one, other = owner[a], owner[b]
        # Without a jump a field cannot fall so far from above zero to below.
        if abs(values[a]) + abs(values[b]) <= cell_m:
            continue
        if min(one, other) < 0:
            if walled:
                closer[blocked] = side
                blocked += 1
            continue
        ax, ay = low_x + a % columns * cell_m, low_y + a // columns * cell_m
        bx, by = low_x + b % columns * cell_m, low_y + b // columns * cell_m
        off_a, off_b = beyond[a] + off_street_m, beyond[b] + off_street_m
        window_a, window_b = 2 * cell_m + 0.5 * off_a, 2 * cell_m + 0.5 * off_b
        # An edge that winds may own both, and be reached late at the one and soon at the other.
        if one == other and abs(along_edge[a] - along_edge[b]) * length_m[one] < 2 * window_a:
            continue
        far_b, px, py, share_b = _foot(bx, by, one, along_edge[a], window_a, length_m, first, vertex_xy, vertex_share)
        far_a, qx, qy, share_a = _foot(ax, ay, other, along_edge[b], window_b, length_m, first, vertex_xy, vertex_share)
        if walled and (
            crosses(bx, by, px, py, table, start, members, ends) or crosses(ax, ay, qx, qy, table, start, members, ends)
        ):
            closer[blocked] = side
            blocked += 1
            continue
        here, there = max(far_a - off_a, 0.0), max(far_b - off_b, 0.0)
        change = here / (here + there) if here + there > 0 else 0.5
        value_a, value_b = max(metres[a] - limit_m, beyond[a]), max(metres[b] - limit_m, beyond[b])
        # Along a side a field changes by two cells at most: one for the walk off the street, one for that along it.
        if min(abs(value_a), abs(value_b)) < 2 * cell_m:
            one_at_b = far_b - limit_m + speed * walked_s(
                one, np.float32(share_b), o + 1, stamp, times, begin, final, edge, own_share, off_s
            )  # fmt: skip
            other_at_a = far_a - limit_m + speed * walked_s(
                other, np.float32(share_a), o + 1, stamp, times, begin, final, edge, own_share, off_s
            )  # fmt: skip
            one_at_b, other_at_a = max(one_at_b, far_b - off_street_m), max(other_at_a, far_a - off_street_m)
            if (value_a < 0) != (value_a + change * (one_at_b - value_a) < 0):
                change = value_a / (value_a - one_at_b)
            elif (value_b < 0) != (value_b + (1 - change) * (other_at_a - value_b) < 0):
                change = other_at_a / (other_at_a - value_b)
        shares[side] = change
    if blocked > 0:
        _halve(o, closer[:blocked], box, rasters, limit_m, off_street_m, tiles, streets, walls, origins, known)


@njit(cache=True, nogil=True)
def _halve(o, sides, box, rasters, limit_m, off_street_m, tiles, streets, walls, origins, known):
    """Halve sides near barriers: a point belongs to the nearer owner that it can be reached from."""
    length_m, first, vertex_xy, vertex_share = (
        streets.length_m, streets.vertex_start, streets.vertex_xy, streets.vertex_share,
    )  # fmt: skip
    speed, begin, final = streets.speed_m_s, origins.first[o], origins.first[o + 1]
    stamp, times, edge, own_share, off_s = known.stamp, known.times, origins.edge, origins.share, origins.off_s
    table, start, members, ends = walls.table, walls.start, walls.members, walls.ends
    beyond, owner, values, shares = rasters.beyond, rasters.owner, rasters.values, rasters.share
    cell_m, columns = tiles.cell_m, box[2] - box[0] + 3
    low_x, low_y = tiles.low_x + (box[0] - 1) * cell_m, tiles.low_y + (box[1] - 1) * cell_m
    for side in sides:
        a, b = ends_of(side, columns)
        dx, dy = (0.0, cell_m) if side & 1 else (cell_m, 0.0)
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            x = low_x + a % columns * cell_m + middle * dx
            y = low_y + a // columns * cell_m + middle * dy
            nearest, best, share = off_street_m, np.int32(-1), 0.0
            for cell in (a, b):
                e = owner[cell]
                if e < 0:
                    continue
                window_m = 2 * cell_m + 0.5 * (beyond[cell] + off_street_m)
                far, qx, qy, at = _foot(
                    x, y, e, rasters.along[cell], window_m, length_m, first, vertex_xy, vertex_share
                )  # fmt: skip
                if far <= nearest and not crosses(x, y, qx, qy, table, start, members, ends):
                    nearest, best, share = far, e, at
            within = False
            if best >= 0:
                seconds_there = walked_s(
                    best, np.float32(share), o + 1, stamp, times, begin, final, edge, own_share, off_s
                )
                within = seconds_there * speed + nearest < limit_m
            if within == (values[a] < 0):
                low = middle
            else:
                high = middle
        shares[side] = 0.5 * (low + high)
