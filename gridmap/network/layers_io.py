"""Streets, water and rail as flat arrays, whichever file they stand in: an extract is gone through once for all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import osmium
import pyproj
import shapely
from numpy.typing import NDArray

from gridmap.errors import LayerError
from gridmap.geo.crs import WGS84, metric_crs, metric_crs_of
from gridmap.geo.io import as_layer, is_extract
from gridmap.geo.osm_io import ROLES, Features, Role, as_frame, read_features
from gridmap.network import slowing, walkable
from gridmap.network.tags import Tags

Floats: TypeAlias = NDArray[np.float64]
Source: TypeAlias = gpd.GeoDataFrame | str | os.PathLike[str]
Layer: TypeAlias = gpd.GeoDataFrame | Features

_LINE: Final = 1
_HEADER: Final = 18
"""Digits before the coordinates of a line in hexadecimal WKB: byte order, kind, number of vertices."""


@dataclass(frozen=True, eq=False)
class Streets:
    """Street lines, one vertex after the other, in metres.

    Parameters
    ----------
    crs
        The metric CRS they are in.
    tags
        Of every line.
    xy
        (k, 2) vertices of all lines.
    line
        (k,) the line each belongs to, ascending.
    height_m
        (k,) heights, NaN where they are not known; None where the layer has none.
    """

    crs: pyproj.CRS
    tags: Tags
    xy: Floats
    line: NDArray[np.int64]
    height_m: Floats | None

    def take(self, which: NDArray[np.bool_]) -> Streets:
        """Return some of the lines."""
        inner = which[self.line]
        line = (np.cumsum(which) - 1)[self.line[inner]]
        height = None if self.height_m is None else self.height_m[inner]
        return Streets(self.crs, self.tags.take(which), self.xy[inner], line, height)

    def without_repeats(self) -> Streets:
        """Return the lines without vertices that repeat the one before, and without lines that have no length."""
        moved = np.r_[True, (np.diff(self.xy, axis=0) != 0).any(axis=1) | (np.diff(self.line) != 0)][: len(self.xy)]
        count = np.bincount(self.line[moved], minlength=len(self.tags))
        kept = moved & (count[self.line] > 1)
        height = None if self.height_m is None else self.height_m[kept]
        return replace(self, xy=self.xy[kept], line=self.line[kept], height_m=height)


def read_layers(given: Mapping[str, Source | None], highway: str) -> dict[str, Layer]:
    """Read streets, water and rail.

    Parameters
    ----------
    given
        The source of each of ``streets``, ``water`` and ``rail``.
    highway
        Column that holds the class of a street.

    Raises
    ------
    LayerError
        When a file cannot be read.
    CrsError
        When a layer has no CRS or coordinates that do not fit it.
    """
    found: dict[str, Layer] = {}
    extracts: dict[Path, dict[str, Role]] = {}
    for role, source in given.items():
        if source is None:
            continue
        if isinstance(source, gpd.GeoDataFrame) or not is_extract(source):
            found[role] = as_layer(source, role=role)
        else:
            extracts.setdefault(Path(source), {})[role] = network_role(role, highway)
    for path, roles in extracts.items():
        if not path.exists():
            raise LayerError(f"{path} does not exist")
        found |= read_features(path, roles)
    return found


def network_role(role: str, highway: str = "highway") -> Role:
    """Return a role with those tags alone that a network is made of."""
    known = ROLES[role]
    asked = {
        "streets": (highway, *walkable.TAGS, *slowing.TAGS),
        "water": ("waterway", "bridge", "tunnel"),
        "rail": ("railway", "bridge", "tunnel"),
    }
    return replace(known, columns=tuple(column for column in known.columns if column in asked[role]))


def as_streets(layer: Layer, highway: str, name: str) -> Streets:
    """Return the lines of a street layer in metres.

    Raises
    ------
    LayerError
        When the layer has no column of that name, or holds no feature.
    """
    columns = _columns(layer)
    if highway not in columns:
        there = ", ".join(str(column) for column in columns)
        raise LayerError(f"{name} has no column {highway!r} that says the class of a street; it has {there}")
    if isinstance(layer, Features):
        return _of_features(layer, highway, name)
    return _of_frame(layer, highway)


def _columns(layer: Layer) -> tuple[object, ...]:
    if isinstance(layer, Features):
        return ROLES["streets"].names
    return tuple(layer.columns.drop(layer.geometry.name))


def _of_features(features: Features, highway: str, name: str) -> Streets:
    if not features.number:
        raise LayerError(f"{name} holds no streets (features with highway)")
    texts = dict(zip(network_role("streets", highway).names, zip(*features.tags, strict=True), strict=True))
    tags = Tags.of({**texts, "highway": texts[highway]}, len(features.number))
    xy = np.frombuffer(bytes.fromhex("".join(shape[_HEADER:] for shape in features.wkb))).reshape(-1, 2)
    count = (np.array([len(shape) for shape in features.wkb]) - _HEADER) // 32
    # Axis by axis: NumPy is slow along a short one.
    crs = metric_crs(*((axis.min() + axis.max()) / 2 for axis in xy.T))
    return Streets(crs, tags, _project(xy, pyproj.CRS(WGS84), crs), np.repeat(np.arange(len(count)), count), None)


def _of_frame(layer: gpd.GeoDataFrame, highway: str) -> Streets:
    crs = metric_crs_of(layer)
    parts, owner = shapely.get_parts(np.asarray(layer.geometry.values, dtype=object), return_index=True)
    lines = shapely.get_type_id(parts) == _LINE
    parts, owner = parts[lines], owner[lines]
    tags = Tags.of_layer(layer, (*walkable.TAGS, *slowing.TAGS))
    tags = Tags.of({**{name: layer[name] for name in tags.codes}, "highway": layer[highway]}, len(layer)).take(owner)
    high = bool(shapely.has_z(parts).any())
    xyz, line = shapely.get_coordinates(parts, include_z=high, return_index=True)
    height = np.ascontiguousarray(xyz[:, 2]) if high else None
    return Streets(crs, tags, _project(xyz[:, :2], layer.crs, crs), line.astype(np.int64), height)


def _project(xy: Floats, source: pyproj.CRS, target: pyproj.CRS) -> Floats:
    if source == target:
        return np.ascontiguousarray(xy)
    to_target = pyproj.Transformer.from_crs(source, target, always_xy=True)
    return np.stack(to_target.transform(xy[:, 0], xy[:, 1]), axis=1)


def as_shapes(layer: Layer, role: str, crs: pyproj.CRS) -> tuple[Tags, NDArray[np.object_], tuple[str, ...]]:
    """Return the tags and shapes of water or rail in a CRS, and what was skipped."""
    known = network_role(role)
    frame = as_frame(layer, known) if isinstance(layer, Features) else layer
    shapes = np.asarray(frame.to_crs(crs).geometry.values, dtype=object)
    return Tags.of_layer(frame, known.names), shapes, tuple(frame.attrs.get("skipped", ()))


def date_of(source: Source) -> datetime | None:
    """Return when an extract was current, where it says so."""
    if isinstance(source, gpd.GeoDataFrame) or not is_extract(source):
        return None
    stamp = osmium.io.Reader(str(source), osmium.osm.NOTHING).header().get("osmosis_replication_timestamp")
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")) if stamp else None
