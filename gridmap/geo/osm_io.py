"""The layers of an OpenStreetMap extract (``.osm.pbf``), read with pyosmium.

One broken feature never loses the file: it is skipped, counted and named in ``frame.attrs["skipped"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import osmium
import pandas as pd
import shapely

from gridmap.errors import LayerError

Tags = Mapping[str, str]


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
         "area", "incline"),
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
        lambda tags: tags["railway"] in _RAILS,
        lines=True,
    ),
    "buildings": Role(
        ("building",),
        ("building", "floors=building:levels", "households=building:flats", "name",
         "street=addr:street", "number=addr:housenumber", "amenity"),
        lambda tags: tags["building"] != "no",
        areas=True,
    ),
    "boundary": Role(
        ("boundary",),
        ("name", "admin_level", "ref"),
        lambda tags: tags["boundary"] == "administrative" and tags.get("admin_level", "").isdigit(),
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
    rows: list[tuple[Any, ...]] = []
    skipped: list[str] = []
    try:
        rows.extend(_features(path, ROLES[role], skipped))
    except (RuntimeError, osmium.InvalidLocationError) as error:
        raise LayerError(
            f"{path.name} is truncated or damaged, nothing was read from it ({error}); fetch the extract again"
        ) from error
    if not rows:
        raise LayerError(f"{path.name} holds no {role} (features with {' or '.join(ROLES[role].keys)})")
    names = ["osm_id", *[column.partition("=")[0] for column in ROLES[role].columns], "geometry"]
    frame = gpd.GeoDataFrame.from_records(rows, columns=names)
    frame = gpd.GeoDataFrame(
        frame, geometry=shapely.from_wkb(frame["geometry"].to_numpy(), on_invalid="ignore"), crs=4326
    )
    broken = frame.geometry.isna()
    skipped += [f"{number}: geometry" for number in frame.loc[broken, "osm_id"]]
    frame = frame[~broken].reset_index(drop=True)
    if "households" in frame:
        # Whoever mapped a word there said nothing that can be counted.
        frame["households"] = pd.to_numeric(frame["households"], errors="coerce").where(lambda count: count >= 0)
    if role == "boundary":
        level = frame["admin_level"].astype(int)
        frame = frame[level == level.min()].reset_index(drop=True)
    frame.attrs["skipped"] = tuple(skipped)
    return frame


def _features(path: Path, role: Role, skipped: list[str]) -> Iterator[tuple[Any, ...]]:
    make = osmium.geom.WKBFactory()
    tags = [column.partition("=")[2] or column for column in role.columns]
    processor = osmium.FileProcessor(str(path)).with_locations()
    if role.areas:
        processor = processor.with_areas(osmium.filter.KeyFilter(*role.keys))
    processor = processor.with_filter(osmium.filter.KeyFilter(*role.keys))
    for thing in processor:
        if not _takes(role, thing):
            continue
        try:
            if thing.is_area():
                shape = make.create_multipolygon(thing)
                number = f"{'way' if thing.from_way() else 'relation'}/{thing.orig_id()}"
            elif thing.is_way():
                shape, number = make.create_linestring(thing), f"way/{thing.id}"
            else:
                shape, number = make.create_point(thing), f"node/{thing.id}"
        except (RuntimeError, osmium.InvalidLocationError) as error:
            skipped.append(f"{thing.type_str()}{thing.id}: {error}")
            continue
        yield (number, *[thing.tags.get(tag) for tag in tags], bytes.fromhex(shape))


def _takes(role: Role, thing: Any) -> bool:
    if thing.is_area():
        fits = role.areas
    elif thing.is_way():
        # A closed way of an area role comes again as an area.
        fits = role.lines and not (role.areas and thing.is_closed())
    else:
        fits = role.points and thing.is_node()
    return fits and any(key in thing.tags for key in role.keys) and role.wanted(dict(thing.tags))
