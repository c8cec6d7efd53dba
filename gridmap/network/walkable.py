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
import pandas as pd
import shapely
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
# A passage through a building is on the ground.
_NOT_RAISED: Final = ("", "no", "0", "false", "f", "nan", "none", "building_passage")
_NARROW: Final = ("stream", "ditch", "drain")


def tag(streets: gpd.GeoDataFrame, name: str) -> NDArray[np.object_]:
    """Return a tag as lower-case text, ``""`` where the layer or the street does not have it."""
    if name not in streets.columns:
        return np.full(len(streets), "", dtype=object)
    values = streets[name]
    return np.asarray(values.where(values.notna(), "").astype(str).str.strip().str.lower(), dtype=object)


def is_walkable(streets: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return, for every street, whether one may walk on it; see the table above."""
    foot, access = tag(streets, "foot"), tag(streets, "access")
    refused = np.isin(foot, _FOOT_NO) | (np.isin(access, _ACCESS_NO) & ~np.isin(foot, _FOOT_YES))
    return np.asarray(np.isin(tag(streets, "highway"), WALKABLE) & ~refused & (tag(streets, "area") != "yes"))


def is_raised(features: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return where a street, a railway or a river is on a bridge or in a tunnel."""
    return _said(features, "bridge") | _said(features, "tunnel")


def storey(streets: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Return on which storey a street runs: 0 on the ground, its ``layer`` (else 1 or -1) on a bridge or in a tunnel.

    ``layer`` alone says nothing on the ground (it is often set by mistake), except in a layer that has neither bridge
    nor tunnel column.
    """
    layer = pd.to_numeric(pd.Series(tag(streets, "layer")), errors="coerce").fillna(0).to_numpy(dtype=np.float64)
    if "bridge" not in streets.columns and "tunnel" not in streets.columns:
        return np.asarray(layer, dtype=np.int64)
    default = np.where(_said(streets, "tunnel"), -1, 1)
    return np.asarray(np.where(is_raised(streets), np.where(layer == 0, default, layer), 0), dtype=np.int64)


def is_barrier(water: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which water stops a walker: lakes, rivers and canals; not culverts, nor what one steps across.

    OpenStreetMap calls a stream what an active person can jump; drains and ditches are narrower. Areas always count.
    """
    narrow = np.isin(tag(water, "waterway"), _NARROW) & (shapely.get_dimensions(water.geometry.values) < 2)
    return np.asarray(~is_raised(water) & ~narrow)


def _said(features: gpd.GeoDataFrame, name: str) -> NDArray[np.bool_]:
    return np.asarray(~np.isin(tag(features, name), _NOT_RAISED))
