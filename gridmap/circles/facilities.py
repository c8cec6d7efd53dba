"""Facilities by kind: what a walking circle holds besides homes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.circles.demand import Source, points_of
from gridmap.circles.stations import ACCESS_M
from gridmap.geo.io import as_layer
from gridmap.network.model import WalkNetwork
from gridmap.network.places import Places, by_edge
from gridmap.network.snap import snap

FACILITY_TAGS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "square": {"place": ("square",)},
    "park": {"leisure": ("park", "garden", "playground")},
    "clinic": {"amenity": ("clinic", "doctors", "hospital", "health_post")},
    "school": {"amenity": ("school", "kindergarten", "college", "university")},
    "institution": {
        "amenity": ("townhall", "community_centre", "library", "police", "fire_station", "courthouse", "post_office"),
        "office": ("government", "political_party", "politician"),
    },
    "service_team": {
        "amenity": ("social_facility", "social_centre", "nursing_home"),
        "office": ("association", "charity", "ngo", "foundation"),
    },
    "sports": {"leisure": ("sports_centre", "sports_hall", "pitch", "fitness_centre", "fitness_station")},
    "market": {"amenity": ("marketplace",), "shop": ("supermarket", "mall")},
}
"""Which tags of an OpenStreetMap extract make a facility of which kind (the values are those of the pages Key:amenity,
Key:office, Key:leisure, Key:place and Key:shop of the OpenStreetMap wiki); what has none of them is no facility
of a circle. Party and public institutions are one kind: the map does not tell them apart."""
OTHER: Final = "other"
"""The kind of what states none."""


def kinds_of(layer: gpd.GeoDataFrame, kind: str = "kind") -> pd.Categorical:
    """Return the kind of each facility: its column, else by the tags of an extract, else ``other``.

    What is in an extract but no facility has none (NA).

    Examples
    --------
    >>> import shapely
    >>> layer = gpd.GeoDataFrame({"amenity": ["school", "bench"], "place": [None, "square"]}, crs=4490,
    ...     geometry=[shapely.Point(120, 31)] * 2)
    >>> list(kinds_of(layer))
    ['school', 'square']
    """
    if kind in layer.columns:
        stated = layer[kind].astype(object)
        return pd.Categorical(stated.where(stated.notna(), OTHER))
    tags = {tag for wanted in FACILITY_TAGS.values() for tag in wanted}
    if not tags & set(layer.columns):
        return pd.Categorical([OTHER] * len(layer))
    code = np.full(len(layer), -1, dtype=np.int8)
    for number, wanted in enumerate(FACILITY_TAGS.values()):
        for tag, values in wanted.items():
            if tag in layer.columns:
                code[(code < 0) & layer[tag].isin(values).to_numpy()] = number
    return pd.Categorical.from_codes(code, categories=list(FACILITY_TAGS))


def place_facilities(
    network: WalkNetwork, facilities: Source, kind: str = "kind", access_m: float = ACCESS_M
) -> tuple[Places, pd.Categorical]:
    """Put facilities on the network; return them by edge, and their kinds.

    The walk from the street to a point inside a facility counts, up to ``access_m``: parks and schools are large.
    """
    layer = as_layer(facilities, role="places")
    kinds = kinds_of(layer, kind)
    wanted = kinds.codes >= 0
    xy = points_of(layer[wanted], network.crs)
    return by_edge(network, snap(network, xy[:, 0], xy[:, 1], access_m)), kinds[wanted]


def count_kinds(
    origin: NDArray[np.integer], item: NDArray[np.integer], kinds: pd.Categorical, names: NDArray[np.object_]
) -> pd.DataFrame:
    """Count facilities by station and kind, from pairs of both."""
    size = len(kinds.categories)
    counts = np.bincount(origin * np.int64(size) + kinds.codes[item], minlength=len(names) * size)
    return pd.DataFrame(
        counts.reshape(len(names), size), index=pd.Index(names, name="station"), columns=list(kinds.categories)
    )
