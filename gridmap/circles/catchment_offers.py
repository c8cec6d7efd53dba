"""What stations offer homes: the best at given prices, and what room is left for those without a place."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from gridmap.circles.catchment_assign import OfferCall
from gridmap.circles.catchment_flow import take_places
from gridmap.circles.catchment_programme import Floats, Ints
from gridmap.circles.demand import Demand
from gridmap.circles.stations import StationPlaces
from gridmap.network.pace import LONGEST_S, WalkTimes
from gridmap.network.places import Places, by_edge, nearest_by_place, passed
from gridmap.network.snap import Snapped

Pairs: TypeAlias = tuple[Ints, Ints, Floats]
"""Homes, stations, and the seconds between them."""

_NEAR_S: Final = 3600.0 * (1 + 1e-6)


def offers_of(homes: Demand, places: StationPlaces, walk: WalkTimes, limit_s: float) -> tuple[OfferCall, Pairs]:
    """Return what tells the best station of each home when stations make themselves dearer, and pairs not far apart.

    Without a limit the pairs are those within an hour's walk: all would be homes times stations.
    """
    network, on = homes.network, places.on
    found = passed(network, on, homes.places, min(limit_s, _NEAR_S), walk, group=places.group)
    pairs = found.item.astype(np.int64), found.origin.astype(np.int64), found.seconds.astype(np.float64)
    if limit_s < LONGEST_S:
        if limit_s > _NEAR_S:
            found = passed(network, on, homes.places, limit_s, walk, group=places.group)
        order = np.argsort(found.item, kind="stable")
        home, origin = found.item[order], found.origin[order]
        walked, first = found.seconds[order].astype(np.float64), np.flatnonzero(np.diff(home, prepend=-1))

        def among_pairs(delay_s: Floats) -> tuple[Ints, Floats]:
            station, seconds = np.full(len(homes), -1, dtype=np.int64), np.full(len(homes), np.inf)
            if len(home):
                dearer = walked + delay_s[origin]
                least = np.repeat(np.minimum.reduceat(dearer, first), np.diff(np.r_[first, len(home)]))
                best = np.flatnonzero(dearer <= least)[::-1]
                station[home[best]], seconds[home[best]] = origin[best], walked[best]
            return station, seconds

        return among_pairs, pairs

    def by_search(delay_s: Floats) -> tuple[Ints, Floats]:
        # Seconds more are metres more between a station and its street; the fewer, the more exact is their sum.
        delay_s = delay_s - delay_s.min()
        later = on.offset_m + delay_s[places.group] * walk.speed_m_s
        nearest = nearest_by_place(network, Snapped(on.edge, on.along_m, later, on.x, on.y), homes.places, walk)
        station = np.r_[places.group, np.int32(-1)][nearest.source].astype(np.int64)
        seconds = nearest.seconds.astype(np.float64) - np.r_[delay_s, 0.0][station]
        return station, seconds

    return by_search, pairs


def settle_left(
    homes: Demand, places: StationPlaces, walk: WalkTimes, limit_s: float, room: Floats, station: Ints, seconds: Floats
) -> None:
    """Give homes without a station to the nearest with room for all of each, the largest first."""
    served = station >= 0
    left = room - np.bincount(station[served], weights=homes.households[served], minlength=len(room))
    waiting = np.flatnonzero(~served & (homes.households > 0))
    largest = waiting[np.argsort(-homes.households[waiting], kind="stable")]
    spots: Places = by_edge(homes.network, homes.on.take(largest))
    on = places.on
    able = left[places.group] >= homes.households[waiting].min(initial=np.inf)
    search = Snapped(np.where(able, on.edge, -1).astype(np.int32), on.along_m, on.offset_m, on.x, on.y)
    found = passed(homes.network, search, spots, limit_s, walk, group=places.group)
    order = np.lexsort((found.seconds, found.item))
    order = order[homes.households[largest[found.item[order]]] <= left[found.origin[order]]]
    take_places(
        largest[found.item[order]], found.origin[order], found.seconds[order], homes.households, station, seconds, left
    )
