"""What is wrong in a list: positions that cannot be, addresses listed twice, rows that say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy.spatial
from numpy.typing import NDArray

from gridmap.address.build_objects import Objects
from gridmap.address.build_paths import Paths
from gridmap.address.findings import Finding
from gridmap.address.index import CONTRADICTION, degree_m
from gridmap.address.table import MOST_LETTERS, TEXTS
from gridmap.geo.crs import in_china

Floats = NDArray[np.float64]
APART_M: Final = 50.0
"""From where on two positions of one address contradict each other."""
_SPREADS: Final = 3.0
_LEAST_SPREAD_M: Final = 1000.0
"""Of a community: in one of three houses a fourth beside them is not far away."""


@dataclass
class Notes:
    """Takes findings down, by rows of one table.

    Parameters
    ----------
    sources
        Names of the files.
    source, line
        Of each row.
    """

    sources: Sequence[str]
    source: NDArray[Any]
    line: NDArray[Any]
    found: list[Finding] = field(default_factory=list)

    def add(self, row: int, rule: str, message: str) -> None:
        """Take one down."""
        self.found.append(Finding(self.sources[int(self.source[row])], int(self.line[row]), rule, message))

    def where(self, row: int) -> str:
        """Say where another row stands, as it is meant beside one of its own file."""
        return f"{self.sources[int(self.source[row])]}, row {int(self.line[row])}"

    def take(self, kept: NDArray[Any]) -> Notes:
        """Return the same for some of the rows; what is found goes to the same place."""
        return Notes(self.sources, self.source[kept], self.line[kept], self.found)

    def sorted(self) -> tuple[Finding, ...]:
        """Return what was found, file by file and row by row."""
        order = {name: at for at, name in enumerate(self.sources)}
        return tuple(sorted(self.found, key=lambda each: (order.get(each.file, len(order)), each.row)))


def drop_overlong(rows: pd.DataFrame, notes: Notes) -> NDArray[np.bool_]:
    """Return which rows have no cell that is too long for a name or an address, and take the others down."""
    longest = np.zeros(len(rows), dtype=np.int64)
    for name in TEXTS:
        code, texts = pd.factorize(rows[name])
        longest = np.maximum(longest, np.array([len(text) for text in texts], dtype=np.int64)[code])
    for row in np.flatnonzero(longest > MOST_LETTERS).tolist():
        message = f"a cell has {longest[row]:,} letters, which no name or address has; not in the index"
        notes.add(row, "unreadable", message)
    return longest <= MOST_LETTERS


def drop_impossible(rows: pd.DataFrame, group: NDArray[Any], notes: Notes) -> tuple[Floats, Floats]:
    """Return the positions, those that cannot be taken away: no degrees, or far from all others of their community.

    Parameters
    ----------
    rows
        Standard rows.
    group
        What each belongs to: its community, else its town; -1: neither.
    notes
        Where it is said.
    """
    lon, lat = rows["lon"].to_numpy(dtype=np.float64, copy=True), rows["lat"].to_numpy(dtype=np.float64, copy=True)
    given = ~(np.isnan(lon) & np.isnan(lat))
    with np.errstate(invalid="ignore"):
        bad = given & ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90) & ~((lon == 0) & (lat == 0)))
    x, y = np.where(bad, np.nan, lon), np.where(bad, np.nan, lat)
    # What belongs to no town is held against the whole list.
    alone_m = np.where(group >= 0, _alone_m(x, y, group), _alone_m(x, y, np.zeros_like(group)))
    for row in np.flatnonzero(bad | (alone_m > 0)).tolist():
        said = f"({lon[row]:g}, {lat[row]:g})"
        swapped = "; the axes look swapped" if lon[row] < lat[row] and in_china(lat[row], lon[row]) else ""
        why = f"is {alone_m[row] / 1000:,.1f} km from all others of its community, town or list"
        if bad[row]:
            why = "is no longitude and latitude in degrees"
        notes.add(row, "outside", f"{said} {why}{swapped}; not used")
    bad |= alone_m > 0
    lon[bad], lat[bad] = np.nan, np.nan
    return lon, lat


def _alone_m(lon: Floats, lat: Floats, group: NDArray[Any]) -> Floats:
    """Return how far a position is from its group where that is more than three times its spread, else 0.

    The spread of a group is twice the median distance of its positions from their median point, at least 1 km. Those
    within three of that point are the group, and whoever is within three of one of the group, so that a village along
    a dike is whole; the others are alone.
    """
    known = np.flatnonzero(~np.isnan(lon) & ~np.isnan(lat))
    found = np.zeros(len(lon))
    if not len(known):
        return found
    xy = np.column_stack([lon[known], lat[known]]) * degree_m(float(np.median(lat[known])))
    frame = pd.DataFrame(xy, columns=["x", "y"])
    groups = group[known]
    away = np.hypot(*(xy - frame.groupby(groups).transform("median").to_numpy()).T)
    spread = np.maximum(2 * pd.Series(away).groupby(groups).transform("median").to_numpy(), _LEAST_SPREAD_M)
    far = away > _SPREADS * spread
    for each in np.unique(groups[far]).tolist():
        inside, outside = np.flatnonzero((groups == each) & ~far), np.flatnonzero((groups == each) & far)
        while len(outside):
            nearest, _ = scipy.spatial.cKDTree(xy[inside]).query(xy[outside])
            alone = nearest > _SPREADS * spread[outside]
            if alone.all():
                found[known[outside]] = nearest
                break
            inside, outside = np.append(inside, outside[~alone]), outside[alone]
    return found


def note_unusable(rows: pd.DataFrame, paths: Paths, objects: Objects, notes: Notes) -> NDArray[np.bool_]:
    """Return which rows say where something is, and take down those that do not, or not quite."""
    nowhere = objects.of_row["home"] < 0
    said = np.where(rows["address"] != "", rows["address"], rows["number"])
    for row in np.flatnonzero(nowhere | paths.unread).tolist():
        why = "it names no street, estate, community or town" if nowhere[row] else "its number cannot be read as one"
        notes.add(row, "unreadable", f"{said[row]!r}: {why}; not in the index")
    number = rows["number"].to_numpy()
    for row in np.flatnonzero(paths.differs).tolist():
        notes.add(
            row, "number_differs", f"the columns say {number[row]!r}, the address {said[row]!r}; the columns count"
        )
    kept = ~(nowhere | paths.unread)
    bare = kept & (objects.of_row["street"] < 0) & (objects.of_row["estate"] < 0)
    named = np.array([*(title.endswith("村") for title in objects.title), False])
    numbered = np.array([bool(path) for path in paths.steps], dtype=bool)[paths.path]
    for row in np.flatnonzero(bare & numbered & ~named[objects.of_row["community"]]).tolist():
        message = f"{said[row]!r} has a number and no street; kept below its community or town"
        notes.add(row, "number_without_street", message)
    return kept


@dataclass(frozen=True, eq=False)
class Merged:
    """Rows of which each address is kept once.

    Parameters
    ----------
    kept
        Places of those.
    lon, lat, flag
        Of all rows; a kept one without position has that of its like.
    """

    kept: NDArray[np.int64]
    lon: Floats
    lat: Floats
    flag: NDArray[np.uint8]


def merge_duplicates(rows: pd.DataFrame, lon: Floats, lat: Floats, key: NDArray[np.int64], notes: Notes) -> Merged:
    """Keep the first row of each address, one of a list before one of a layer.

    Parameters
    ----------
    rows
        Standard rows.
    lon, lat
        Their positions, NaN where unknown.
    key
        The same for rows of the same address.
    notes
        Where duplicates and contradictions are said; a layer that says the same again is not.
    """
    layer = rows["layer"].to_numpy(dtype=bool)
    order = np.lexsort([np.arange(len(rows)), layer, key])
    first = np.ones(len(order), dtype=bool)
    first[1:] = key[order][1:] != key[order][:-1]
    keeper = order[first][np.cumsum(first) - 1]
    lon, lat, flag = lon.copy(), lat.copy(), np.zeros(len(rows), dtype=np.uint8)
    extent = rows["extent_m"].to_numpy(dtype=np.float64)
    for row, kept in zip(order[~first].tolist(), keeper[~first].tolist(), strict=True):
        if np.isnan(lon[kept]):
            lon[kept], lat[kept] = lon[row], lat[row]
        away = _distance_m(lon, lat, row, kept)
        if away > APART_M + extent[row] + extent[kept]:
            flag[kept] |= CONTRADICTION
            for one, other, which in ((kept, row, "this"), (row, kept, "that")):
                message = f"{away:,.0f} m from {notes.where(other)}, the same address; {which} one is kept"
                notes.add(one, "contradiction", message)
        elif not layer[row]:
            notes.add(row, "duplicate", f"the address of {notes.where(kept)}; kept once")
    return Merged(np.sort(order[first]), lon, lat, flag)


def _distance_m(lon: Floats, lat: Floats, one: int, other: int) -> float:
    """Return how far two rows are apart, 0 where one has no position."""
    if np.isnan(lon[one]) or np.isnan(lon[other]):
        return 0.0
    east, north = degree_m(lat[one])
    return float(np.hypot((lon[one] - lon[other]) * east, (lat[one] - lat[other]) * north))
