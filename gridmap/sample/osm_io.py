"""The sample county as an OpenStreetMap extract, so that reading extracts can be tried without a network."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from osmium.osm import mutable

from gridmap.geo.files import atomic_path
from gridmap.sample.model import County

_E7: Final = 10_000_000
"""OpenStreetMap keeps seven decimals."""
_COUNTY_LEVEL, _TOWN_LEVEL, _COMMUNITY_LEVEL = 6, 8, 10
_TAGS: Final = {
    "streets": {name: name for name in ("highway", "name", "bridge", "tunnel", "layer")},
    "water": {name: name for name in ("name", "natural", "waterway")},
    "rail": {name: name for name in ("railway", "name", "bridge", "layer")},
    "buildings": {"building": "building", "floors": "building:levels", "households": "building:flats"},
}
_FIRST: Final = {"streets": 900_000_001, "water": 700_000_001, "rail": 600_000_001, "buildings": 800_000_001}
_FIRST_RING: Final = 500_000_001

Tags = dict[str, str]


class _Extract:
    """Nodes, ways and relations, each node once for each place, so that what shares vertices is joined."""

    def __init__(self) -> None:
        self.ways: list[tuple[int, Any, Tags]] = []
        self.relations: list[tuple[list[tuple[int, str]], Tags]] = []

    def add(self, number: int, shape: Any, tags: Tags) -> None:
        """Add a line or a polygon; one with holes or parts becomes a relation."""
        if shape.geom_type == "LineString":
            self.ways.append((number, shape, tags))
        elif shape.geom_type == "Polygon" and not shape.interiors and "boundary" not in tags:
            self.ways.append((number, shape.exterior, tags))
        else:
            self._relation(shape, tags)

    def _relation(self, shape: Any, tags: Tags) -> None:
        members = []
        for part in shapely.get_parts(shape):
            for ring, role in [(part.exterior, "outer"), *((ring, "inner") for ring in part.interiors)]:
                number = _FIRST_RING + sum(1 for way in self.ways if way[0] < _FIRST["rail"])
                self.ways.append((number, ring, {}))
                members.append((number, role))
        kind = "boundary" if "boundary" in tags else "multipolygon"
        self.relations.append((members, {"type": kind, **tags}))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write all, sorted by number as readers expect."""
        self.ways.sort(key=lambda way: way[0])
        shapes = np.array([shape for _, shape, _ in self.ways], dtype=object)
        xy, way = shapely.get_coordinates(shapes, return_index=True)
        places, node = np.unique(np.round(xy * _E7).astype(np.int64), axis=0, return_inverse=True)
        node = node.ravel()
        moved = np.r_[True, (np.diff(node) != 0) | (np.diff(way) != 0)]
        nodes = np.split(node[moved] + 1, np.flatnonzero(np.diff(way[moved])) + 1)
        with osmium.SimpleWriter(str(path)) as writer:
            for number, (x, y) in enumerate((places / _E7).tolist(), start=1):
                writer.add_node(mutable.Node(id=number, version=1, location=(x, y)))
            for (number, _, tags), members in zip(self.ways, nodes, strict=True):
                if len(members) > 1:
                    writer.add_way(mutable.Way(id=number, version=1, nodes=members.tolist(), tags=tags))
            for number, (rings, tags) in enumerate(self.relations, start=1):
                found = [("w", ring, role) for ring, role in rings]
                writer.add_relation(mutable.Relation(id=number, version=1, members=found, tags=tags))


def write_extract(county: County, path: str | os.PathLike[str]) -> None:
    """Write streets, water, railways, buildings and borders as an ``.osm.pbf``, whole or not at all.

    Borders are relations of ``boundary=administrative``: the county at admin level 6, towns 8, communities 10.
    """
    extract = _Extract()
    borders = (
        (county.boundary, _COUNTY_LEVEL),
        (county.towns, _TOWN_LEVEL),
        (county.communities, _COMMUNITY_LEVEL),
    )
    for layer, level in borders:
        codes = layer["code"] if "code" in layer else [county.code] * len(layer)
        for shape, name, code in zip(layer.geometry.values, layer["name"], codes, strict=True):
            tags = {"boundary": "administrative", "admin_level": str(level), "name": str(name), "ref": str(code)}
            extract.add(0, shape, tags)
    for role, tags_of in _TAGS.items():
        layer = getattr(county, role)
        for number, (shape, tags) in enumerate(_features(layer, tags_of), start=_FIRST[role]):
            extract.add(number, shape, tags)
    with atomic_path(path) as draft:
        extract.write(draft)


def _features(layer: gpd.GeoDataFrame, tags_of: Mapping[str, str]) -> Iterable[tuple[Any, Tags]]:
    columns = [layer[column].tolist() for column in tags_of]
    for shape, *values in zip(layer.geometry.values, *columns, strict=True):
        yield (
            shape,
            {
                tag: str(value)
                for tag, value in zip(tags_of.values(), values, strict=True)
                if not (pd.isna(value) or (tag == "layer" and value == 0))
            },
        )
