"""Which ways one may walk on.

===============================  ==========================================================================
``highway``                      walkable
===============================  ==========================================================================
footway, pedestrian, path,       yes; sidewalks and crossings are footways
steps, corridor, platform
living_street, residential,      yes
unclassified, road, service,
track, bridleway, crossing
cycleway                         yes (in China cycle tracks are walked along); ``foot=no`` takes it out
tertiary, secondary, primary,    yes, with their links: urban main roads have sidewalks, seldom drawn apart
trunk
motorway, motorway_link          no, and they are barriers: crossed only by a bridge or an underpass
construction, proposed,          no
raceway, bus_guideway, escape,
elevator, abandoned, …           no: whatever the table does not name
===============================  ==========================================================================

Tags over the class: ``foot=no|private|use_sidepath`` takes a way out, ``access=private|no`` too unless ``foot`` says
yes, designated, permissive or destination; ``area=yes`` is no line to walk along. What slows a walker or lets him
through in one direction only stands in :mod:`gridmap.network.slowing`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gridmap.network.tags import Tags

WALKABLE: Final = (
    "footway", "pedestrian", "path", "steps", "corridor", "platform", "living_street", "residential", "unclassified",
    "road", "service", "track", "bridleway", "crossing", "cycleway", "tertiary", "tertiary_link", "secondary",
    "secondary_link", "primary", "primary_link", "trunk", "trunk_link",
)  # fmt: skip
MOTORWAYS: Final = ("motorway", "motorway_link")

_FOOT_YES: Final = ("yes", "designated", "permissive", "destination", "official")
_FOOT_NO: Final = ("no", "private", "use_sidepath")
_ACCESS_NO: Final = ("private", "no")
# A passage through a building is on the ground.
_NOT_RAISED: Final = ("", "no", "0", "false", "f", "nan", "none", "building_passage")
_NARROW: Final = ("stream", "ditch", "drain")
_HIGHEST: Final = 100
"""No street runs on a storey above; a number beyond is a slip."""


TAGS: Final = ("foot", "access", "area", "bridge", "tunnel", "layer")
"""What these rules ask of a street beside its class."""


def is_walkable(streets: Tags) -> NDArray[np.bool_]:
    """Return, for every street, whether one may walk on it; see the table above."""
    refused = streets.among("access", _ACCESS_NO) & ~streets.among("foot", _FOOT_YES)
    refused |= streets.among("foot", _FOOT_NO) | streets.among("area", ("yes",))
    return np.asarray(streets.among("highway", WALKABLE) & ~refused)


def is_motorway(streets: Tags) -> NDArray[np.bool_]:
    """Return which streets cannot be crossed: motorways and their ramps, where they are on the ground."""
    return np.asarray(streets.among("highway", MOTORWAYS) & ~is_raised(streets))


def is_raised(features: Tags) -> NDArray[np.bool_]:
    """Return where a street, a railway or a river is on a bridge or in a tunnel."""
    return np.asarray(_said(features, "bridge") | _said(features, "tunnel"))


def storey(streets: Tags) -> NDArray[np.int64]:
    """Return on which storey a street runs: 0 on the ground, its ``layer`` (else 1 or -1) on a bridge or in a tunnel.

    ``layer`` alone says nothing on the ground (it is often set by mistake), except in a layer that has neither bridge
    nor tunnel column.
    """
    layer = streets.map("layer", _number).astype(np.int64)
    if "bridge" not in streets and "tunnel" not in streets:
        return layer
    default = np.where(_said(streets, "tunnel"), -1, 1)
    return np.asarray(np.where(is_raised(streets), np.where(layer == 0, default, layer), 0), dtype=np.int64)


def is_water_barrier(water: Tags, is_area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which water stops a walker: lakes, rivers and canals; not culverts, nor what one steps across.

    OpenStreetMap calls a stream what an active person can jump; drains and ditches are narrower. Areas always count.
    """
    return np.asarray(~is_raised(water) & ~(water.among("waterway", _NARROW) & ~is_area))


def is_rail_barrier(rail: Tags) -> NDArray[np.bool_]:
    """Return which railways stop a walker: those on the ground, but not trams, which run in the street."""
    return np.asarray(~is_raised(rail) & ~rail.among("railway", ("tram",)))


def _said(features: Tags, name: str) -> NDArray[np.bool_]:
    return ~features.among(name, _NOT_RAISED)


def _number(text: str) -> int:
    try:
        return int(np.clip(float(text), -_HIGHEST, _HIGHEST))
    except ValueError:
        return 0
