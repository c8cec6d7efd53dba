"""The layers of an OpenStreetMap extract (``.osm.pbf``), read with pyosmium.

One broken feature never loses the file: it is skipped, counted and named in ``frame.attrs["skipped"]``. Of a way that
the edge of the extract cuts, the stretches whose nodes are there are kept, and the way is named; so is an area whose
outline is not whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Protocol

import geopandas as gpd
import osmium
import pandas as pd
import shapely

from gridmap.errors import LayerError


class Tags(Protocol):
    """The tags of one feature."""

    def get(self, key: str, default: str = "") -> str:
        """Return the value of a tag."""


@dataclass(frozen=True)
class Role:
    """What is taken from an extract under one name.

    Parameters
    ----------
    keys
        A feature needs one of these tags.
    columns
        Tags that become columns; ``column=tag`` renames one.
    lines, areas, points
        Which kinds of features are taken.
    wanted
        What else must be true of the tags.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    wanted: Callable[[Tags], bool]
    lines: bool = False
    areas: bool = False
    points: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """Return which kinds of things are taken; a closed way is a line where no areas are."""
        kinds = {"line": self.lines, "loop": self.lines and not self.areas, "area": self.areas, "point": self.points}
        return frozenset(kind for kind, taken in kinds.items() if taken)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the columns are called."""
        return tuple(column.partition("=")[0] for column in self.columns)

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the tags that the columns hold."""
        return tuple(column.partition("=")[2] or column for column in self.columns)


@dataclass(frozen=True)
class Features:
    """Features of one role as they come out of an extract.

    Parameters
    ----------
    number
        ``way/7``; the stretches of a cut way share one.
    tags
        The values of the role's columns, a row a feature.
    wkb
        Shapes, as hexadecimal WKB.
    skipped
        What could not be read, or not wholly, and why.
    """

    number: list[str] = field(default_factory=list)
    tags: list[tuple[str | None, ...]] = field(default_factory=list)
    wkb: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


_TYPES: Final = {"n": "node", "w": "way", "r": "relation"}
_MAKERS: Final = {
    "line": "create_linestring", "loop": "create_linestring", "area": "create_multipolygon", "point": "create_point",
}  # fmt: skip
_OUTLINES: Final = ("loop", "rings")
_RIVERS: Final = ("river", "canal", "stream", "drain", "ditch", "tidal_channel", "riverbank", "dock")
_RAILS: Final = ("rail", "light_rail", "subway", "narrow_gauge", "tram", "monorail")


def _is_water(tags: Tags) -> bool:
    return (
        tags.get("natural") == "water"
        or tags.get("waterway") in _RIVERS
        or tags.get("landuse") in ("reservoir", "basin")
    )


ROLES: Final[Mapping[str, Role]] = {
    "streets": Role(
        ("highway",),
        ("highway", "name", "bridge", "tunnel", "layer", "foot", "access", "service", "footway", "sidewalk", "oneway",
         "area", "incline", "oneway:foot", "foot:forward", "foot:backward", "conveying", "path", "cycleway"),
        lambda _: True,
        lines=True,
    ),
    "water": Role(
        ("natural", "waterway", "landuse"),
        ("name", "natural", "water", "waterway", "tunnel", "intermittent"),
        _is_water,
        lines=True,
        areas=True,
    ),
    "rail": Role(
        ("railway",),
        ("railway", "name", "bridge", "tunnel", "layer", "service"),
        lambda tags: tags.get("railway") in _RAILS,
        lines=True,
    ),
    "buildings": Role(
        ("building",),
        ("building", "floors=building:levels", "households=building:flats", "name",
         "street=addr:street", "number=addr:housenumber", "amenity"),
        lambda tags: tags.get("building") != "no",
        areas=True,
    ),
    "boundary": Role(
        ("boundary",),
        ("name", "admin_level", "ref"),
        lambda tags: tags.get("boundary") == "administrative" and tags.get("admin_level", "").isdigit(),
        areas=True,
    ),
    "places": Role(
        ("amenity", "shop", "leisure", "office", "public_transport", "place"),
        ("name", "amenity", "shop", "leisure", "office", "public_transport", "place"),
        lambda _: True,
        areas=True,
        points=True,
    ),
    "addresses": Role(
        ("addr:housenumber",),
        ("street=addr:street", "place=addr:place", "number=addr:housenumber", "city=addr:city",
         "postcode=addr:postcode"),
        lambda _: True,
        areas=True,
        points=True,
    ),
}  # fmt: skip


def read_osm(path: Path, role: str) -> gpd.GeoDataFrame:
    """Read the features of a role from an extract.

    Parameters
    ----------
    path
        An ``.osm.pbf`` (or any file osmium reads).
    role
        A key of :data:`ROLES`. Of ``boundary`` only the areas of the lowest admin level that occurs are kept.

    Returns
    -------
    GeoDataFrame
        ``osm_id``, the role's columns and ``geometry`` (EPSG:4326).

    Raises
    ------
    LayerError
        When the role is unknown, the file is truncated or damaged, or holds no such feature.
    """
    if role not in ROLES:
        raise LayerError(f"{path.name}: {role!r} is not something taken from an extract; allowed: {', '.join(ROLES)}")
    features = read_features(path, {role: ROLES[role]})[role]
    if not features.number:
        raise LayerError(f"{path.name} holds no {role} (features with {' or '.join(ROLES[role].keys)})")
    frame = as_frame(features, ROLES[role])
    if "households" in frame:
        # Whoever mapped a word there said nothing that can be counted.
        frame["households"] = pd.to_numeric(frame["households"], errors="coerce").where(lambda count: count >= 0)
    if role == "boundary":
        level = frame["admin_level"].astype(int)
        frame = frame[level == level.min()].reset_index(drop=True)
    return frame


def as_frame(features: Features, role: Role) -> gpd.GeoDataFrame:
    """Return features as a layer (EPSG:4326): ``osm_id``, the role's columns and ``geometry``."""
    shapes = shapely.from_wkb(features.wkb, on_invalid="ignore")
    frame = gpd.GeoDataFrame(features.tags, columns=list(role.names), geometry=shapes, crs=4326)
    frame.insert(0, "osm_id", features.number)
    broken = frame.geometry.isna()
    skipped = [*features.skipped, *(f"{number}: geometry" for number in frame.loc[broken, "osm_id"])]
    frame = frame[~broken].reset_index(drop=True)
    frame.attrs["skipped"] = tuple(skipped)
    return frame


def read_features(path: Path, roles: Mapping[str, Role]) -> dict[str, Features]:
    """Read the features of several roles in one go through an extract.

    Parameters
    ----------
    path
        An ``.osm.pbf`` (or any file osmium reads).
    roles
        What is taken, by the name under which it is returned.

    Raises
    ------
    LayerError
        When the file is truncated or damaged.
    """
    found = {name: Features() for name in roles}
    # An outline may come before its area or behind it; one without an area is cut or crosses itself.
    outlines: dict[str, set[str]] = {name: set() for name in roles}
    make = osmium.geom.WKBFactory()
    # Most streets say what many others say: each combination is kept once.
    rows: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}
    plan = [(role, role.kinds, role.tags, found[name], outlines[name]) for name, role in roles.items()]
    try:
        for thing in _processor(path, roles):
            tags, kind = thing.tags, _kind(thing)
            for role, kinds, columns, features, outline in plan:
                if not _wants(role, tags):
                    continue
                if role.areas and kind in _OUTLINES:
                    outline.add(_number(thing))
                elif kind in kinds:
                    row = tuple([tags.get(column) for column in columns])
                    _add(thing, kind, make, rows.setdefault(row, row), features)
    except (RuntimeError, osmium.InvalidLocationError) as error:
        raise LayerError(
            f"{path.name} is truncated or damaged, nothing was read from it ({error}); fetch the extract again"
        ) from error
    for name, features in found.items():
        named = {said.partition(":")[0] for said in features.skipped}
        lost = sorted(outlines[name].difference(features.number, named))
        features.skipped.extend(f"{number}: its outline is not whole here, or crosses itself" for number in lost)
    return found


def _processor(path: Path, roles: Mapping[str, Role]) -> osmium.FileProcessor:
    keys = {key for role in roles.values() for key in role.keys}
    around = {key for role in roles.values() if role.areas for key in role.keys}
    kinds = osmium.osm.NOTHING
    for role in roles.values():
        kinds |= osmium.osm.WAY
        kinds |= osmium.osm.AREA | osmium.osm.RELATION if role.areas else osmium.osm.NOTHING
        kinds |= osmium.osm.NODE if role.points else osmium.osm.NOTHING
    processor = osmium.FileProcessor(str(path)).with_locations()
    if around:
        processor = processor.with_areas(osmium.filter.KeyFilter(*around))
    return processor.with_filter(osmium.filter.EntityFilter(kinds)).with_filter(osmium.filter.KeyFilter(*keys))


def _kind(thing: Any) -> str:
    """Return what a thing is to a role; loops and rings come again as areas."""
    if thing.is_way():
        return "loop" if thing.is_closed() and thing.tags.get("area") != "no" else "line"
    if thing.is_relation():
        return "rings" if thing.tags.get("type") in ("multipolygon", "boundary") else "relation"
    return "area" if thing.is_area() else "point"


def _wants(role: Role, tags: Any) -> bool:
    # This runs for every feature of the extract: any() would take twice as long.
    for key in role.keys:
        if key in tags:
            return role.wanted(tags)
    return False


def _number(thing: Any) -> str:
    if thing.is_area():
        return f"{'way' if thing.from_way() else 'relation'}/{thing.orig_id()}"
    return f"{_TYPES[thing.type_str()]}/{thing.id}"


def _add(thing: Any, kind: str, make: Any, row: tuple[str | None, ...], into: Features) -> None:
    """Add a feature: one shape, or the stretches of a way that lacks nodes."""
    number = _number(thing)
    try:
        shapes = [getattr(make, _MAKERS[kind])(thing)]
    except osmium.InvalidLocationError:
        shapes = list(_stretches(thing)) if _MAKERS[kind] == "create_linestring" else []
        kept = "what is there was kept" if shapes else "nothing of it is left"
        into.skipped.append(f"{number}: nodes of it are not in this extract; {kept}")
    except RuntimeError as error:
        into.skipped.append(f"{number}: {error}")
        return
    into.number.extend([number] * len(shapes))
    into.tags.extend([row] * len(shapes))
    into.wkb.extend(shapes)


def _stretches(way: Any) -> Iterator[str]:
    """Give the stretches of a way between the nodes whose places are not known."""
    for known, nodes in groupby(way.nodes, key=lambda node: node.location.valid()):
        xy = [(node.lon, node.lat) for node in nodes] if known else []
        if len(set(xy)) > 1:
            yield shapely.to_wkb(shapely.LineString(xy), hex=True)
