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
yes, designated, permissive or destination; ``area=yes`` is no line to walk along.
"""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

WALKABLE: Final = (
    "footway", "pedestrian", "path", "steps", "corridor", "platform", "living_street", "residential", "unclassified",
    "road", "service", "track", "bridleway", "crossing", "cycleway", "tertiary", "tertiary_link", "secondary",
    "secondary_link", "primary", "primary_link", "trunk", "trunk_link",
)  # fmt: skip
MOTORWAYS: Final = ("motorway", "motorway_link")

_FOOT_YES: Final = ("yes", "designated", "permissive", "destination", "official")
_FOOT_NO: Final = ("no", "private", "use_sidepath")
_ACCESS_NO: Final = ("private", "no")


def tag(streets: gpd.GeoDataFrame, name: str) -> NDArray[np.object_]:
    """Return a tag as lower-case text, ``""`` where the layer or the street does not have it."""
    if name not in streets.columns:
        return np.full(len(streets), "", dtype=object)
    values = streets[name]
    return np.asarray(values.where(values.notna(), "").astype(str).str.strip().str.lower(), dtype=object)


def is_walkable(streets: gpd.GeoDataFrame, highway: str = "highway") -> NDArray[np.bool_]:
    """Return, for every street, whether one may walk on it; see the table above."""
    foot, access = tag(streets, "foot"), tag(streets, "access")
    refused = np.isin(foot, _FOOT_NO) | (np.isin(access, _ACCESS_NO) & ~np.isin(foot, _FOOT_YES))
    return np.isin(tag(streets, highway), WALKABLE) & ~refused & (tag(streets, "area") != "yes")


def is_raised(streets: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return where a street is on a bridge or in a tunnel."""
    no = ("", "no", "0", "false", "f", "nan", "none")
    return ~np.isin(tag(streets, "bridge"), no) | ~np.isin(tag(streets, "tunnel"), no)
