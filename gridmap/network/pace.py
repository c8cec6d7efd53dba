"""How fast one walks: seconds along every edge in both directions, with steps, slopes, crossings and one-way stairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.network.model import WalkNetwork

Seconds: TypeAlias = NDArray[np.float32]

WALKING_M_S: Final = 1.1
"""Walking speed in general (domain.md, from the distances of GB 50180-2018)."""
ELDERLY_M_S: Final = 0.8
STEPS: Final = 2.0
"""A metre of steps, as the map shows it, takes twice as long as a metre on the level.

Horizontal speeds on stairs are 0.38 m/s up and 0.51 down to 0.57 and 0.77 against 1.3 on the level (J. J. Fruin,
Pedestrian Planning and Design, 1971); a circle is walked both ways.
"""
NEVER_S: Final = 1e30
"""What an edge costs in the direction in which nobody may walk it: a number, so that no part of it is NaN."""
LONGEST_S: Final = 1e9
"""More than any walk takes, and less than any part of what nobody may walk."""


@dataclass(frozen=True)
class Pace:
    """What slows a walker down besides the distance.

    Parameters
    ----------
    steps
        How many times longer a metre of steps takes than one on the level.
    slope
        Whether slopes count, where the network knows them (Tobler's hiking function).
    crossing_s
        Seconds one waits at every crossing of a carriageway that the network has as an edge of its own.
    towards
        Walk *to* the station, not from it; the same but for slopes and one-way stairs.

    Examples
    --------
    >>> Pace(crossing_s=15).steps
    2.0
    """

    steps: float = STEPS
    slope: bool = True
    crossing_s: float = 0.0
    towards: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.steps < np.inf:
            raise InputError(f"steps={self.steps!r}: a metre of steps takes at least as long as one on the level, 1")
        if not 0 <= self.crossing_s < np.inf:
            raise InputError(f"crossing_s={self.crossing_s!r}: allowed are 0 and more seconds")


@dataclass(frozen=True, eq=False)
class WalkTimes:
    """Walking times of a network at a pace.

    Parameters
    ----------
    seconds
        (edges, 2) float32: along every edge from its start to its end and back, in the direction of the search;
        :data:`NEVER_S` where one may not.
    arcs
        The same by neighbour, as ``network.graph`` has them.
    speed_m_s
        Metres a second on the level, also off the network.
    """

    seconds: Seconds
    arcs: Seconds
    speed_m_s: float


_KNOWN: WeakKeyDictionary[WalkNetwork, dict[tuple[float, Pace], WalkTimes]] = WeakKeyDictionary()
_MOST: Final = 8
"""Paces kept for a network; who asks for more is not slowed by working out one of them again."""


def walk_times(network: WalkNetwork, speed_m_s: float = WALKING_M_S, pace: Pace = Pace()) -> WalkTimes:
    """Return the seconds along every edge, worked out once for a network and pace.

    Parameters
    ----------
    network
        The walking network.
    speed_m_s
        Metres a second on the level: 1.1 in general, 0.8 for the elderly.
    pace
        Steps, slopes, crossings and the direction.

    Raises
    ------
    InputError
        When the speed is not a number above zero.
    """
    try:
        speed = float(speed_m_s)
    except (TypeError, ValueError):
        raise InputError(f"speed_m_s={speed_m_s!r}: give a number, for example 1.1") from None
    if not 0 < speed < np.inf:
        raise InputError(f"speed_m_s={speed_m_s!r}: a walking speed is above zero, for example 1.1")
    known = _KNOWN.setdefault(network, {})
    if (speed, pace) not in known:
        if len(known) >= _MOST:
            known.clear()
        known[speed, pace] = _times(network, speed, pace)
    return known[speed, pace]


def _times(network: WalkNetwork, speed: float, pace: Pace) -> WalkTimes:
    level = network.edge_length_m / speed
    if "steps" in network.class_names:
        level = np.where(network.edge_class == network.class_names.index("steps"), level * pace.steps, level)
    seconds = np.stack([level, level], axis=1)
    if pace.slope and network.edge_slope is not None:
        seconds *= network.edge_slope
    if pace.crossing_s and network.edge_crossing is not None:
        seconds[network.edge_crossing] += pace.crossing_s
    if network.edge_oneway is not None:
        seconds[network.edge_oneway < 0, 0] = NEVER_S
        seconds[network.edge_oneway > 0, 1] = NEVER_S
    walked = np.ascontiguousarray(seconds[:, ::-1] if pace.towards else seconds, dtype=np.float32)
    graph = network.graph
    return WalkTimes(walked, walked[graph.edge, graph.back], speed)
