"""Rows hung below their streets, estates, communities and towns, with a place for every node."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.spatial
from numpy.typing import NDArray

from gridmap.address.build_checks import Notes
from gridmap.address.build_objects import Objects
from gridmap.address.build_paths import Paths, gate_depth, matrix
from gridmap.address.build_trie import Entries, NodePlaces, Trie, build_trie, node_places, ordered
from gridmap.address.index import FROM_DOOR, LANDMARK, NO_POSITION, degree_m
from gridmap.address.script import clean

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Listed:
    """Rows that are kept, each address once.

    Parameters
    ----------
    rows
        Standard rows.
    paths
        Different paths; ``path`` is the one of each row.
    objects
        ``of_row`` of these rows.
    lon, lat, flag
        Positions (NaN: unknown) and bits of ``row_flag``.
    notes
        Where findings go.
    """

    rows: pd.DataFrame
    paths: Paths
    path: NDArray[np.int64]
    objects: Objects
    lon: Floats
    lat: Floats
    flag: NDArray[np.uint8]
    notes: Notes


@dataclass(frozen=True, eq=False)
class Hung:
    """The nodes of listed rows; positions and flags with what was taken from doors."""

    trie: Trie
    places: NodePlaces
    gate: NDArray[np.int64]
    lon: Floats
    lat: Floats
    flag: NDArray[np.uint8]


def hang(listed: Listed) -> Hung:
    """Return the nodes of rows."""
    objects = len(listed.objects.kind)
    trie = build_trie(ordered(_entries(listed)), objects, len(listed.rows))
    parents = trie.parents(objects)
    lon, lat, flag = _fill_from_doors(listed, trie, parents)
    return Hung(trie, node_places(trie, lon, lat), _gates(listed, trie, parents), lon, lat, flag)


def _entries(listed: Listed) -> Entries:
    """Return the ways to each row: below its home, its estate, and its street, community and town as a whole."""
    of_row, path = listed.objects.of_row, listed.path
    codes, depth = matrix(listed.paths.steps)
    inner, inner_depth = matrix(listed.paths.inner)
    inner = np.pad(inner, ((0, 0), (0, codes.shape[1] - inner.shape[1])))
    rows, home = np.arange(len(path)), of_row["home"]
    parts = [_part(home, rows, codes[path], depth[path], True, True)]
    at = np.flatnonzero((of_row["estate"] >= 0) & (of_row["estate"] != home))
    parts.append(_part(of_row["estate"][at], at, inner[path[at]], inner_depth[path[at]], True, False))
    for name in ("street", "community", "town"):
        at = np.flatnonzero((of_row[name] >= 0) & (of_row[name] != home))
        none = np.zeros((len(at), codes.shape[1]), dtype=np.uint32)
        parts.append(_part(of_row[name][at], at, none, np.zeros(len(at), dtype=np.int8), False, False))
    return Entries(*(np.concatenate([getattr(part, name) for part in parts]) for name in Entries.__dataclass_fields__))


def _part(
    thing: NDArray[np.int64], row: NDArray[np.int64], codes: NDArray[np.uint32], depth: NDArray[np.int8],
    own: bool, home: bool,
) -> Entries:  # fmt: skip
    return Entries(
        thing.astype(np.int32), row.astype(np.int32), codes, depth, np.full(len(row), own), np.full(len(row), home)
    )


def _fill_from_doors(
    listed: Listed, trie: Trie, parents: NDArray[np.int64]
) -> tuple[Floats, Floats, NDArray[np.uint8]]:  # fmt: skip
    """Give rows without position that of what is below them, or else of the building or door they are in."""
    lon, lat, flag = listed.lon.copy(), listed.lat.copy(), listed.flag.copy()
    missing = np.flatnonzero(np.isnan(lon))
    if not len(missing):
        return lon, lat, flag
    given = listed.rows["lon"].notna().to_numpy()
    places, objects = node_places(trie, lon, lat), len(listed.objects.kind)
    node = trie.row_node[missing].astype(np.int64)
    while len(missing):
        found = ~np.isnan(places.lon[node]) & (node >= objects)
        at = missing[found]
        lon[at], lat[at] = places.lon[node[found]], places.lat[node[found]]
        flag[at] |= FROM_DOOR
        for row in at.tolist():
            listed.notes.add(row, "position_from_door", "it has no position of its own; that of its door is taken")
        above = parents[node]
        missing, node = missing[~found & (above >= objects)], above[~found & (above >= objects)]
    for row in np.flatnonzero(np.isnan(lon)).tolist():
        flag[row] |= NO_POSITION
        if given[row]:
            continue  # that the position cannot be is said already
        listed.notes.add(row, "no_position", "nothing says where it is; found by its text, and without a grid")
    return lon, lat, flag


def _gates(listed: Listed, trie: Trie, parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the node of the door that most rows of each estate have, -1 where they have none."""
    of_row = listed.objects.of_row
    gates = np.array([gate_depth(path) for path in listed.paths.steps], dtype=np.int64)[listed.path]
    depth = np.array([len(path) for path in listed.paths.steps], dtype=np.int64)[listed.path]
    at = np.flatnonzero((of_row["estate"] >= 0) & (of_row["street"] >= 0) & (gates > 0))
    node, up = trie.row_node[at].astype(np.int64), (depth - gates)[at]
    while (up > 0).any():
        node, up = np.where(up > 0, parents[node], node), up - 1
    frame = pd.DataFrame({"estate": of_row["estate"][at], "node": node})
    counts = frame.value_counts().reset_index(name="rows").sort_values(["estate", "rows", "node"], ascending=[1, 0, 1])
    best = counts.drop_duplicates("estate")
    found = np.full(len(listed.objects.kind), -1)
    found[best["estate"].to_numpy()] = best["node"].to_numpy()
    return found


def add_places(objects: Objects, places: pd.DataFrame, lon: Floats, lat: Floats) -> Objects:
    """Return the objects and, behind them, places as landmarks of the town and community of the nearest row.

    Parameters
    ----------
    objects
        With those of each row.
    places
        ``name, lon, lat``, all said.
    lon, lat
        Of the rows, NaN where unknown.
    """
    known = np.flatnonzero(~np.isnan(lon))
    above = {name: np.full(len(places), -1) for name in ("town", "community")}
    if len(known) and len(places):
        scale = np.array(degree_m(float(np.median(lat[known]))))
        tree = scipy.spatial.cKDTree(np.column_stack([lon[known], lat[known]]) * scale)
        _, nearest = tree.query(places[["lon", "lat"]].to_numpy(dtype=np.float64) * scale)
        above = {name: objects.of_row[name][known[nearest]] for name in above}
    titles = [str(name) for name in places["name"]]
    return replace(
        objects,
        kind=np.append(objects.kind, np.full(len(places), LANDMARK, dtype=np.uint8)),
        title=[*objects.title, *titles],
        name=[*objects.name, *(clean(title) for title in titles)],
        town=np.append(objects.town, above["town"]),
        community=np.append(objects.community, above["community"]),
    )
