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
def _foot(x, y, first, last, vertex_xy, vertex_share):
    """Return the squared distance to a polyline, the point nearest on it, and how far along it that is."""
    nearest, qx, qy, share = np.inf, 0.0, 0.0, 0.0
    for k in range(first, last - 1):
        ax, ay = vertex_xy[k, 0], vertex_xy[k, 1]
        dx, dy = vertex_xy[k + 1, 0] - ax, vertex_xy[k + 1, 1] - ay
        t = min(max(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
        far = (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2
        if far < nearest:
            nearest, qx, qy = far, ax + t * dx, ay + t * dy
            share = vertex_share[k] + t * (vertex_share[k + 1] - vertex_share[k])
    return nearest, qx, qy, share


@njit(cache=True, nogil=True)
def _far(x, y, first, last, vertex_xy):
    """Return the distance to a polyline."""
    nearest = np.inf
    ax, ay = vertex_xy[first, 0] - x, vertex_xy[first, 1] - y
    for k in range(first + 1, last):
        bx, by = vertex_xy[k, 0] - x, vertex_xy[k, 1] - y
        dx, dy = bx - ax, by - ay
        along_m2, length_m2 = -(ax * dx + ay * dy), dx * dx + dy * dy
        # Divide only where the nearest point is between the ends.
        if along_m2 <= 0.0:
            far = ax * ax + ay * ay
        elif along_m2 >= length_m2:
            far = bx * bx + by * by
        else:
            cross = ax * by - ay * bx
            far = cross * cross / length_m2
        nearest = min(nearest, far)
        ax, ay = bx, by
    return np.sqrt(nearest)


@njit(cache=True, nogil=True)
def _jumps(values, a, b, owner, cell_m):
    """Whether the field jumps between two samples: without a jump it cannot fall so far from above zero to below."""
    return owner[a] != owner[b] and abs(values[a]) + abs(values[b]) > cell_m


@njit(cache=True, nogil=True)
def change_owner(o, sides, box, rasters, limit_m, off_street_m, tiles, streets, origins, known):
    """Move the outline to where the land within the limit ends on sides whose samples have different owners.

    Distances and times are taken to run straight along the side: each field from its own sample to what it would be
    at the other, and the owner changes where the two are equally near.
    """
    first, vertex_xy, vertex_share = streets.vertex_start, streets.vertex_xy, streets.vertex_share
    speed, begin, final = streets.speed_m_s, origins.first[o], origins.first[o + 1]
    stamp, times = known.stamp, known.times
    edge, own_share, off_s = origins.edge, origins.share, origins.off_s
    metres, beyond, owner, values, shares = rasters.metres, rasters.beyond, rasters.owner, rasters.values, rasters.share
    cell_m, columns = tiles.cell_m, box[2] - box[0] + 3
    low_x, low_y = tiles.low_x + (box[0] - 1) * cell_m, tiles.low_y + (box[1] - 1) * cell_m
    for side in sides:
        a, b = ends_of(side, columns)
        one, other = owner[a], owner[b]
        if min(one, other) < 0 or not _jumps(values, a, b, owner, cell_m):
            continue
        ax, ay = low_x + a % columns * cell_m, low_y + a // columns * cell_m
        bx, by = low_x + b % columns * cell_m, low_y + b // columns * cell_m
        begin_a, end_a, begin_b, end_b = first[one], first[one + 1], first[other], first[other + 1]
        far_b, far_a = _far(bx, by, begin_a, end_a, vertex_xy), _far(ax, ay, begin_b, end_b, vertex_xy)
        here, there = far_a - beyond[a] - off_street_m, far_b - beyond[b] - off_street_m
        change = here / (here + there) if here + there > 0 else 0.5
        value_a, value_b = max(metres[a] - limit_m, beyond[a]), max(metres[b] - limit_m, beyond[b])
        # Along a side a field changes by two cells at most: one for the walk off the street, one for that along it.
        if min(abs(value_a), abs(value_b)) < 2 * cell_m:
            share_b = _foot(bx, by, begin_a, end_a, vertex_xy, vertex_share)[3]
            share_a = _foot(ax, ay, begin_b, end_b, vertex_xy, vertex_share)[3]
            one_at_b = far_b - limit_m + speed * walked_s(
                one, np.float32(share_b), o + 1, stamp, times, begin, final, edge, own_share, off_s
            )  # fmt: skip
            other_at_a = far_a - limit_m + speed * walked_s(
                other, np.float32(share_a), o + 1, stamp, times, begin, final, edge, own_share, off_s
            )  # fmt: skip
            if (value_a < 0) != (value_a + change * (one_at_b - value_a) < 0):
                change = value_a / (value_a - one_at_b)
            elif (value_b < 0) != (value_b + (1 - change) * (other_at_a - value_b) < 0):
                change = other_at_a / (other_at_a - value_b)
        shares[side] = change


@njit(cache=True, nogil=True)
def halve(o, sides, box, rasters, limit_m, off_street_m, tiles, streets, walls, origins, known):
    """Do the same where barriers are near, by halving: a point belongs to the nearer owner it can be reached from."""
    vertex_start, vertex_xy, vertex_share = streets.vertex_start, streets.vertex_xy, streets.vertex_share
    table, start, members, ends = walls.table, walls.start, walls.members, walls.ends
    speed, begin, final = streets.speed_m_s, origins.first[o], origins.first[o + 1]
    stamp, times = known.stamp, known.times
    edge, own_share, off_s = origins.edge, origins.share, origins.off_s
    owner, values, shares = rasters.owner, rasters.values, rasters.share
    cell_m, columns = tiles.cell_m, box[2] - box[0] + 3
    low_x, low_y = tiles.low_x + (box[0] - 1) * cell_m, tiles.low_y + (box[1] - 1) * cell_m
    for side in sides:
        a, b = ends_of(side, columns)
        if not _jumps(values, a, b, owner, cell_m):
            continue
        dx, dy = (0.0, cell_m) if side & 1 else (cell_m, 0.0)
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            x = low_x + a % columns * cell_m + middle * dx
            y = low_y + a // columns * cell_m + middle * dy
            far, best, share = np.inf, np.int32(-1), 0.0
            for e in (owner[a], owner[b]):
                if e < 0:
                    continue
                far_e, qx, qy, share_e = _foot(x, y, vertex_start[e], vertex_start[e + 1], vertex_xy, vertex_share)
                if far_e < far and not crosses(x, y, qx, qy, table, start, members, ends):
                    far, best, share = far_e, e, share_e
            within = False
            if best >= 0 and far <= off_street_m * off_street_m:
                seconds_there = walked_s(
                    best, np.float32(share), o + 1, stamp, times, begin, final, edge, own_share, off_s
                )
                within = seconds_there * speed + np.sqrt(far) < limit_m
            if within == (values[a] < 0):
                low = middle
            else:
                high = middle
        shares[side] = 0.5 * (low + high)
