"""From the rows of an address list to its index."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.build_addresses import fill_from_addresses
from gridmap.address.build_checks import Notes, drop_impossible, drop_overlong, merge_duplicates, note_unusable
from gridmap.address.build_hang import Hung, Listed, add_places, hang
from gridmap.address.build_names import column_aliases, gather_names, listed_aliases
from gridmap.address.build_objects import Objects, find_objects
from gridmap.address.build_paths import read_paths
from gridmap.address.build_texts import address_tables, note_estates
from gridmap.address.complete_tables import complete_tables
from gridmap.address.findings import Finding
from gridmap.address.index import FORM, OBJECT_KINDS, AddressIndex
from gridmap.address.names import name_tables
from gridmap.address.near import near_tables
from gridmap.address.region import Region
from gridmap.address.script import clean
from gridmap.address.table import MOST_LETTERS, TEXTS, Column, standard_rows
from gridmap.address.table_texts import text_tables
from gridmap.errors import InputError
from gridmap.geo.container import pack

Arrays = dict[str, NDArray[Any]]
Progress = Callable[[float, str], None]
_NO_PLACES: Final = pd.DataFrame({"name": [], "kind": [], "lon": [], "lat": [], "line": [], "source": []})
_NO_ALIASES: Final = pd.DataFrame({"name": [], "alias": [], "kind": [], "town": [], "line": [], "source": []})


@dataclass(frozen=True, eq=False)
class Given:
    """What an index is made of.

    Parameters
    ----------
    rows
        Addresses, see :func:`gridmap.address.table.standard_rows`.
    places
        ``name, kind, lon, lat, line, source``: what people name instead of a number.
    aliases
        ``name, alias, kind, town, line, source``: further names of towns, roads, estates, places.
    streets
        Centre lines, that reverse geocoding stays on its side of the street.
    region
        Where the county lies; as of the columns where empty.
    sources
        Names of the files.
    """

    rows: pd.DataFrame
    places: pd.DataFrame = field(default_factory=lambda: _NO_PLACES)
    aliases: pd.DataFrame = field(default_factory=lambda: _NO_ALIASES)
    streets: gpd.GeoDataFrame | None = None
    region: Region = field(default_factory=Region)
    sources: Sequence[str] = ("the list",)


@dataclass(frozen=True, eq=False)
class Built:
    """An index and what was found in the lists."""

    index: AddressIndex
    findings: tuple[Finding, ...]


def build_index(given: Given | pd.DataFrame, *, progress: Progress | None = None) -> Built:
    """Make an index.

    Parameters
    ----------
    given
        Addresses with what belongs to them, or a table of addresses alone (any standard columns).
    progress
        Told the share done and what is being done.

    Raises
    ------
    InputError
        When no row says where anything is.

    Examples
    --------
    >>> rows = pd.DataFrame({"town": ["花山镇"] * 2, "street": ["虹桥路"] * 2, "number": ["13", "十五"],
    ...                      "lon": [120.3034, 120.3040], "lat": [31.5217, 31.5218]})
    >>> index = build_index(rows).index
    >>> [index.describe(node) for node in range(4)]
    ['花山镇', '花山镇虹桥路', '花山镇虹桥路13号', '花山镇虹桥路十五号']
    """
    given = Given(given) if isinstance(given, pd.DataFrame) else given
    tell = progress or (lambda *_: None)
    tell(0.0, "reading the numbers")
    listed = _read(given)
    tell(0.4, "hanging them below streets and estates")
    hung = hang(listed)
    tell(0.6, "names")
    arrays, text = _tables(given, listed, hung)
    tell(0.95, "packing")
    text["version"] = _version(arrays, text)
    content = pack(FORM, arrays, text)
    return Built(AddressIndex.from_bytes(content), listed.notes.sorted())


def _read(given: Given) -> Listed:
    """Return the rows that are kept, each with its numbers and what it is below."""
    rows = standard_rows(given.rows)
    notes = Notes(given.sources, rows["source"].to_numpy(), rows["line"].to_numpy())
    short = drop_overlong(rows, notes)
    rows, notes = fill_from_addresses(rows[short].reset_index(drop=True)), notes.take(short)
    columns = {name: Column.of(rows[name].to_numpy()) for name in TEXTS if name != "alias"}
    paths = read_paths(rows, columns)
    objects = find_objects(columns, paths)
    usable = note_unusable(rows, paths, objects, notes)
    if not usable.any():
        raise InputError(_nothing(given, notes))
    of_row = objects.of_row
    lon, lat = drop_impossible(rows, np.where(of_row["community"] >= 0, of_row["community"], of_row["town"]), notes)
    key = np.where(usable, of_row["home"] * len(paths.steps) + paths.path, -1 - np.arange(len(rows)))
    merged = merge_duplicates(rows, lon, lat, key, notes)
    kept = merged.kept[usable[merged.kept]]
    lon, lat = merged.lon[kept], merged.lat[kept]
    objects = replace(objects, of_row={name: things[kept] for name, things in of_row.items()})
    placed = _placed(given)
    places = given.places[placed]
    for row in given.places[~placed].itertuples(index=False):
        message = f"the place {row.name!r} has no name or no position; not in the index"
        notes.found.append(Finding(given.sources[int(row.source)], int(row.line), "no_position", message))
    return Listed(
        rows.iloc[kept].reset_index(drop=True), paths, paths.path[kept], add_places(objects, places, lon, lat), lon,
        lat, merged.flag[kept], notes.take(kept),
    )  # fmt: skip


def _nothing(given: Given, notes: Notes) -> str:
    """Say why nothing of an input can be used."""
    names = ", ".join(given.sources)
    if not notes.found:
        return f"{names}: there is no row below the header"
    first = notes.found[0]
    there = ", ".join(map(str, given.rows.columns)) or "none"
    return (
        f"{names}: no row can be used; the first, row {first.row}: {first.message}. The columns are {there}; say which "
        "is which, for example --columns town=行政區,street=路名,number=号"
    )


def _placed(given: Given) -> NDArray[np.bool_]:
    """Return which places have a name that can be one and a position."""
    sizes = [len(clean(name)) if len(name) <= MOST_LETTERS else 0 for name in given.places["name"].astype(str)]
    named = np.array(sizes, dtype=np.int64) > 0
    placed: NDArray[np.bool_] = named & np.isfinite(given.places[["lon", "lat"]].to_numpy(dtype=np.float64)).all(axis=1)
    return placed


def _tables(given: Given, listed: Listed, hung: Hung) -> tuple[Arrays, dict[str, Any]]:
    """Return all arrays and the text of an index."""
    objects, trie = listed.objects, hung.trie
    further = {*objects.aliases, *column_aliases(listed.rows["alias"].to_numpy(), objects)}
    for source, table in given.aliases.groupby("source"):
        found, findings = listed_aliases(table, objects, given.sources[int(source)])
        further |= found
        listed.notes.found.extend(findings)
    names = gather_names(objects, further)
    note_estates(listed)
    arrays = {
        **_object_arrays(objects, hung),
        **_node_arrays(given, listed, hung),
        **_row_arrays(listed, hung),
        **text_tables("names", names.names), "name_start": names.name_start, "name_object": names.name_object,
    }  # fmt: skip
    under = (trie.node_last - trie.node_first)[: len(objects.kind)]
    _join(arrays, name_tables(names.names))
    _join(arrays, near_tables(hung.lon, hung.lat, given.streets))
    _join(arrays, complete_tables(names.names, names.name_start, names.name_object, under))
    counts = {kind: int((objects.kind == code).sum()) for code, kind in enumerate(OBJECT_KINDS)}
    counts |= {"names": len(names.names), "nodes": len(trie.node_row), "rows": len(listed.rows)}
    region = asdict(_region(given))
    return arrays, {"region": region, "sources": list(given.sources), "counts": counts}


def _join(arrays: Arrays, more: Mapping[str, NDArray[Any]]) -> None:
    """Add arrays of another part of the index.

    Raises
    ------
    ValueError
        When two parts call an array the same.
    """
    if both := arrays.keys() & more.keys():
        raise ValueError(f"two parts of the index have arrays called {', '.join(sorted(both))}")
    arrays |= more


def _object_arrays(objects: Objects, hung: Hung) -> Arrays:
    titles = sorted(set(objects.title))
    place = {title: at for at, title in enumerate(titles)}
    return {
        "object_kind": objects.kind,
        "object_title": np.array([place[title] for title in objects.title], dtype=np.int32),
        "object_town": objects.town.astype(np.int32),
        "object_community": objects.community.astype(np.int32),
        "object_gate": hung.gate.astype(np.int32),
        **text_tables("titles", titles),
    }


def _node_arrays(given: Given, listed: Listed, hung: Hung) -> Arrays:
    trie, places = hung.trie, hung.places
    lon, lat = places.lon, places.lat
    landmarks = given.places[_placed(given)]
    at = len(listed.objects.kind) - len(landmarks) + np.arange(len(landmarks))
    lon[at], lat[at] = landmarks["lon"], landmarks["lat"]
    return {
        "node_key": trie.node_key,
        "node_child": trie.node_child,
        "node_row": trie.node_row,
        "node_first": trie.node_first,
        "node_last": trie.node_last,
        "node_lon": lon,
        "node_lat": lat,
        "entry_row": trie.entry_row,
    }


def _row_arrays(listed: Listed, hung: Hung) -> Arrays:
    known = np.flatnonzero(~np.isnan(hung.lat))
    of_row = listed.objects.of_row
    return {
        "row_lon": hung.lon,
        "row_lat": hung.lat,
        "row_town": of_row["town"].astype(np.int32),
        "row_community": of_row["community"].astype(np.int32),
        "row_node": hung.trie.row_node,
        "row_flag": hung.flag,
        "row_by_lat": known[np.argsort(hung.lat[known], kind="stable")].astype(np.int32),
        **address_tables(listed),
    }


def _region(given: Given) -> Region:
    """Return the region said, or else what most rows say in their columns."""
    if given.region != Region():
        return given.region
    found = {}
    for name in ("province", "city", "county"):
        values = given.rows[name].dropna() if name in given.rows else pd.Series(dtype=object)
        found[name] = clean(str(values.mode().iloc[0])) if len(values) else ""
    return Region(**found)


def _version(arrays: Arrays, text: Mapping[str, Any]) -> str:
    """Return a hash of all that an index holds."""
    digest = hashlib.blake2b(json.dumps(text, ensure_ascii=False, sort_keys=True).encode(), digest_size=6)
    for name, array in arrays.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
