"""Joining a file of incidents to grids and people, piece by piece: no row is lost, nothing is half-written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from gridmap.cases.incidents import join_incidents
from gridmap.errors import OutputError
from gridmap.geo.files import atomic_path
from gridmap.locate.locator import Locator
from gridmap.locate.placement import OUTCOMES
from gridmap.people.masking import mask_table
from gridmap.people.roster import Roster
from gridmap.scale.tables import check_target, open_writer, read_pieces, read_table

__all__ = ["JoinSummary", "join_file", "read_table"]


@dataclass(frozen=True)
class JoinSummary:
    """How a join came out: rows read, rows by outcome (they add up to the rows), rows with a responsible person."""

    rows: int
    by_outcome: Mapping[str, int]
    with_person: int


def join_file(
    incidents: str | os.PathLike[str],
    locator: Locator,
    out: str | os.PathLike[str],
    *,
    roster: Roster | None = None,
    lon: str = "lon",
    lat: str = "lat",
    crs: str = "crs",
    time: str = "reported_at",
    duty: str = "type",
    encoding: str | None = None,
    unmask: bool = False,
    allow_unknown_grids: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> JoinSummary:
    """Join a file of incidents; see :func:`gridmap.join_incidents`.

    What the file itself tells of who reported is masked too (:func:`gridmap.people.masking.mask_table`), unless
    ``unmask``.

    Parameters
    ----------
    incidents
        ``.csv`` (UTF-8 or GB18030), ``.parquet``, ``.gpkg`` and other vector layers, of any size.
    locator, roster, lon, lat, crs, time, duty, unmask
        As in :func:`gridmap.join_incidents`.
    out
        ``.parquet`` or ``.csv``; appears when all rows are in it, or not at all.
    encoding
        Of a CSV, where it is not to be guessed.
    allow_unknown_grids
        Leave out people of grids that the plan does not have, instead of refusing the roster.
    progress
        Called with the share done and what is happening.

    Returns
    -------
    JoinSummary
        Counts.

    Raises
    ------
    InputError
        When the file cannot be read or lacks a column.
    RosterError
        When the roster names grids that the plan does not have.
    OutputError
        When the result cannot be written.
    """
    target = Path(out)
    check_target(target)
    if target.exists() and target.resolve() == Path(incidents).resolve():
        raise OutputError(f"{target} is the file of the incidents themselves; give another name for the result")
    counts = dict.fromkeys(OUTCOMES, 0)
    rows = with_person = 0
    with atomic_path(target) as draft, open_writer(draft) as writer:
        for piece, share in read_pieces(incidents, encoding=encoding):
            joined = join_incidents(
                piece, locator, roster, lon=lon, lat=lat, crs=crs, time=time, duty=duty, unmask=unmask,
                allow_unknown_grids=allow_unknown_grids,
            )  # fmt: skip
            shown = joined if unmask else mask_table(joined)
            writer.write(_plain(shown, locator.levels))
            rows += len(joined)
            with_person += int(joined["person_id"].notna().sum())
            for outcome, count in joined["outcome"].value_counts().items():
                counts[outcome] += int(count)
            if progress is not None:
                progress(share, f"{rows:,}")
    return JoinSummary(rows, MappingProxyType({name: count for name, count in counts.items() if count}), with_person)


def _plain(joined: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    """Return codes as text: pieces of one file must not differ in their categories."""
    return joined.astype(dict.fromkeys((*levels, "outcome"), "str"))
