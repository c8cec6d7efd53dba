"""Joining a file of incidents to grids and people, piece by piece: no row is lost, nothing is half-written."""

from __future__ import annotations

import hashlib
import os
import time as clock
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gridmap.cases.incidents import Columns, Joiner, refuse_taken
from gridmap.errors import OutputError
from gridmap.geo.threads import processors
from gridmap.locate.locator import Locator
from gridmap.people.roster import Roster
from gridmap.scale.cluster import work_on_cluster
from gridmap.scale.draft import CsvDraft, Draft, ParquetDraft
from gridmap.scale.encode import announced, with_columns
from gridmap.scale.local import work_here
from gridmap.scale.pieces import ROWS, Piece, Source
from gridmap.scale.software import software
from gridmap.scale.tables import open_source, read_table, reading
from gridmap.scale.work import Part, Work, masked, to_frame
from gridmap.scale.workshop import Job, Totals, Workshop, open_workshop, rows_kept

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder

__all__ = ["JoinSummary", "join_file", "read_table", "rows_kept"]

WRITES: Final = (".parquet", ".csv")
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 1 << 16

ProgressCall = Callable[[float, str], None]


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
    geocoder: Geocoder | None = None,
    address: str = "address",
    encoding: str | None = None,
    unmask: bool = False,
    allow_unknown_grids: bool = False,
    resume: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
    piece_rows: int = ROWS,
    progress: ProgressCall | None = None,
) -> JoinSummary:
    """Join a file of incidents; see :func:`gridmap.join_incidents`.

    What the file itself tells of who reported is masked too (:func:`gridmap.people.masking.mask_table`), unless
    ``unmask``. The result is the same, byte by byte, whoever works on it and however often it was stopped.

    Parameters
    ----------
    incidents
        ``.csv`` (UTF-8, UTF-16 or GB18030), ``.parquet``, ``.gpkg`` and other vector layers, of any size.
    locator, roster, lon, lat, crs, time, duty, geocoder, address, unmask
        As in :func:`gridmap.join_incidents`.
    out
        ``.parquet`` or ``.csv``; appears when all rows are in it, or not at all. While the join runs, and after it was
        stopped, what is done lies beside it in a hidden folder (``.joined.parquet.join``).
    encoding
        Of a CSV, where it is not to be guessed.
    allow_unknown_grids
        Leave out people of grids that the plan does not have, instead of refusing the roster.
    resume
        Go on with the same join that was stopped.
    scheduler
        Address of a Dask scheduler (``tcp://host:8786``) whose workers are to do it; they have to see a Parquet file
        under the same path.
    workers
        Threads on this machine; all cores if not given.
    piece_rows
        Rows worked on at a time.
    progress
        Called with the share done, and the rows and rows a second.

    Returns
    -------
    JoinSummary
        Counts, of all rows.

    Raises
    ------
    InputError
        When the file cannot be read or lacks a column, or the join to resume was another one.
    RosterError
        When the roster names grids that the plan does not have.
    OutputError
        When the result cannot be written.
    """
    target = Path(out)
    _check_target(target, Path(incidents))
    columns = Columns(lon, lat, crs, time, duty, address=None if geocoder is None else address)
    # Pieces are what is shared out between threads, not the points of one.
    joiner = Joiner(
        locator, roster, columns, geocoder=geocoder, unmask=unmask, allow_unknown_grids=allow_unknown_grids, threads=1
    )
    source = open_source(incidents, encoding=encoding, rows=piece_rows)
    work = _prepared(joiner, source, target)
    job = _job_of(source.path, joiner, f"{encoding=}, {allow_unknown_grids=}, {piece_rows=}")
    draft: Draft = CsvDraft(work.schema.names) if work.as_csv else ParquetDraft(work.schema)
    with open_workshop(target, job, draft, resume=resume) as shop, reading(source.path):
        pieces = source.pieces(skip=shop.totals.pieces)
        with closing(_worked_on(work, pieces, scheduler, workers)) as parts:
            _collect(shop, parts, progress)
        shop.finish()
    return _summary(shop.totals)


def _job_of(path: Path, joiner: Joiner, options: str) -> Job:
    """Return what a join that is gone on with must have in common with the one that was stopped."""
    addresses = None if joiner.geocoder is None else joiner.geocoder.version
    options = f"{joiner.columns}, {addresses=}, unmask={joiner.unmask}, {options}"
    return Job(_file_digest(path), joiner.locator.plan_version, _roster_digest(joiner.roster), options, software())


def _worked_on(work: Work, pieces: Iterator[Piece], scheduler: str | None, workers: int | None) -> Generator[Part]:
    """Return the pieces as they are done, here or on a cluster."""
    if scheduler is not None:
        return work_on_cluster(work, pieces, scheduler)
    return work_here(work, pieces, workers or processors())


def _prepared(joiner: Joiner, source: Source, target: Path) -> Work:
    """Join a table without rows: what is wrong with the columns is said before anything is written."""
    none = source.schema.empty_table()
    frame = to_frame(none)
    added = joiner.added(frame)
    refuse_taken(frame, added.as_frame())
    shown = none if joiner.unmask else masked(none)
    schema = announced(with_columns(shown, added.coded(), added.typed).schema)
    return Work(joiner, schema, target.suffix.lower() == ".csv")


def _collect(shop: Workshop, parts: Iterator[Part], progress: ProgressCall | None) -> None:
    before, began = shop.totals, clock.monotonic()
    if progress is not None and before.pieces:
        progress(before.share, f"{before.rows:,}")
    for part in parts:
        shop.append(part)
        if progress is not None:
            done = shop.totals
            rate = (done.rows - before.rows) / max(clock.monotonic() - began, 1e-3)
            progress(done.share, f"{done.rows:,} · {rate:,.0f}/s")


def _summary(totals: Totals) -> JoinSummary:
    counts = {name: count for name, count in totals.by_outcome.items() if count}
    return JoinSummary(totals.rows, MappingProxyType(counts), totals.with_person)


def _check_target(target: Path, incidents: Path) -> None:
    if target.suffix.lower() not in WRITES:
        raise OutputError(f"{target.name}: cannot write {target.suffix!r}; allowed: {', '.join(WRITES)}")
    if target.exists() and not target.is_file():
        raise OutputError(f"{target} is no file and cannot be replaced; give the name of a file")
    if target.exists() and target.resolve() == incidents.resolve():
        raise OutputError(f"{target} is the file of the incidents themselves; give another name for the result")


def _file_digest(path: Path) -> str:
    """Return size, time and a digest of samples from all over a file: what a file of any size can be known by."""
    state = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for i in range(_SAMPLES + 1):
            file.seek(max(state.st_size - _SAMPLE_BYTES, 0) * i // _SAMPLES)
            digest.update(file.read(_SAMPLE_BYTES))
    return f"{state.st_size} bytes of {state.st_mtime_ns} {digest.hexdigest()[:16]}"


def _roster_digest(roster: Roster | None) -> str:
    if roster is None:
        return "none"
    table = roster.table.to_csv(index=False).encode()
    return f"{len(roster)} rows {hashlib.sha256(table).hexdigest()[:16]}"
