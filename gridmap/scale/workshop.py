"""Where a long join stands while it runs, so that a stopped one can go on: a folder beside the result.

It holds ``job.json`` (what the join is), ``draft`` (the result so far: the bytes the result will have) and
``journal`` (a line a piece: how far the draft reaches with it). A piece counts once its line is on the disk, and its
line is written after its bytes are. So whatever stops the join, going on means cutting the draft where the journal
ends. The draft becomes the result by being renamed: nothing is written twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from gridmap.errors import InputError, OutputError
from gridmap.scale.draft import Draft
from gridmap.scale.pieces import OutOfReachError
from gridmap.scale.work import Part


@dataclass(frozen=True)
class Job:
    """All that the result depends on, as text that is equal when it is.

    Parameters
    ----------
    incidents
        Size, time and samples of the file.
    plan
        Version of the plan.
    roster
        Digest of the roster.
    options
        Columns, encoding, masking and pieces.
    software
        Versions of what reads and writes.
    """

    incidents: str
    plan: str
    roster: str
    options: str
    software: str

    def differences(self, other: Job) -> list[str]:
        """Return what is not the same, in words."""
        pairs = [(each.name, getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return [f"{name} ({ours} instead of {theirs})" for name, ours, theirs in pairs if ours != theirs]


@dataclass(frozen=True)
class Totals:
    """How much is done: pieces, rows, rows by outcome, rows with a responsible person."""

    pieces: int
    rows: int
    by_outcome: dict[str, int]
    with_person: int
    share: float


def folder_of(target: Path) -> Path:
    """Return where a join to a file stands while it runs."""
    return target.with_name(f".{target.name}.join")


def rows_kept(target: Path) -> int:
    """Return how many rows a stopped join left for ``--resume``, 0 where there is nothing."""
    return sum(entry["rows"] for entry in _entries(folder_of(target) / "journal"))


class Workshop:
    """A join that is running; see :func:`open_workshop`."""

    def __init__(self, folder: Path, target: Path, draft: Draft, journal: BinaryIO) -> None:
        self._folder, self._target, self._draft, self._journal = folder, target, draft, journal
        self._pieces = self._rows = self._with_person = 0
        self._by_outcome: Counter[str] = Counter()
        self._share = 0.0

    @property
    def totals(self) -> Totals:
        """How much is done."""
        return Totals(self._pieces, self._rows, dict(self._by_outcome), self._with_person, self._share)

    def append(self, part: Part) -> None:
        """Add what came of the next piece; it is on the disk when this returns."""
        with self.explained():
            entry = self._draft.append(part.data) | {
                "rows": part.rows, "by_outcome": dict(part.by_outcome), "with_person": part.with_person,
                "share": part.share,
            }  # fmt: skip
            self._journal.write(json.dumps(entry).encode() + b"\n")
            _on_disk(self._journal)
        self.count(entry)

    def count(self, entry: dict[str, Any]) -> None:
        """Count a piece that is done."""
        self._pieces += 1
        self._rows += entry["rows"]
        self._with_person += entry["with_person"]
        self._by_outcome.update(entry["by_outcome"])
        self._share = entry["share"]

    def finish(self) -> None:
        """Make the draft the result."""
        with self.explained():
            self._draft.finish()
            self._draft.path.replace(self._target)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Say of a disk that is full, or went away, what that leaves."""
        try:
            yield
        except OSError as error:
            kept = f"{self._rows:,} rows are kept in {self._folder.name}: --resume goes on from there"
            raise OutputError(
                f"cannot write {self._target}: {error.strerror or error}; the old result is untouched, and {kept}"
            ) from error


@contextlib.contextmanager
def open_workshop(target: Path, job: Job, draft: Draft, *, resume: bool) -> Iterator[Workshop]:
    """Give a workshop for a result; go on in the one that a stopped join left if asked to.

    The folder goes when the block ends well, or when nothing in it is of use; else it stays for ``resume``.

    Raises
    ------
    InputError
        When the join that was stopped is another one.
    OutputError
        When the folder cannot be made, or another process is in it.
    """
    folder = folder_of(target)
    try:
        folder.mkdir(exist_ok=True)
        journal = (folder / "journal").open("a+b")
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}; nothing was written") from error
    with journal:
        _lock(journal, target)
        if not resume:
            _clear(folder, target)
        shop = Workshop(folder, target, draft, journal)
        with shop.explained():
            _check_in(folder, job)
            _go_on(shop, draft, folder)
        keep = False
        try:
            yield shop
        except BaseException as error:
            # A file that cannot be read has to become another file: there is no going on with it.
            broken = isinstance(error, InputError) and not isinstance(error, OutOfReachError)
            keep = shop.totals.pieces > 0 and not broken
            raise
        finally:
            draft.close()
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


def _clear(folder: Path, target: Path) -> None:
    """Take away what a stopped join left; its journal stays, for the lock is on it."""
    rows = rows_kept(target)
    if rows:
        warnings.warn(
            f"a join to {target.name} was stopped after {rows:,} rows; without --resume it starts anew", stacklevel=5
        )
    os.truncate(folder / "journal", 0)
    for name in ("draft", "job.json"):
        (folder / name).unlink(missing_ok=True)


def _lock(journal: BinaryIO, target: Path) -> None:
    """Two processes must not write one result; the lock goes with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise OutputError(f"another gridmap join is writing {target}; wait for it, or give another name") from error
    at = Path(journal.name)
    if not at.exists() or at.stat().st_ino != os.fstat(journal.fileno()).st_ino:
        raise OutputError(f"another gridmap join to {target} ended just now, and took its folder away; start again")


def _check_in(folder: Path, job: Job) -> None:
    """Write down what the join is, or refuse to go on with another."""
    path = folder / "job.json"
    if path.exists():
        try:
            before = Job(**json.loads(path.read_text()))
        except (ValueError, TypeError):  # the machine stopped while it was written: nothing can have been done
            before = job
        other = job.differences(before)
        if other:
            raise InputError(
                f"--resume: the join that was stopped is another one; what differs: {'; '.join(other)}. Give what was "
                f"given then, or leave out --resume to start anew"
            )
    path.write_text(json.dumps(asdict(job), ensure_ascii=False))


def _go_on(shop: Workshop, draft: Draft, folder: Path) -> None:
    """Take up what is whole, and cut off what is not."""
    draft.path = folder / "draft"
    size = draft.path.stat().st_size if draft.path.exists() else 0
    entries = [entry for entry in _entries(folder / "journal") if entry["end"] <= size]
    lines = (folder / "journal").read_bytes().splitlines(keepends=True)[: len(entries)]
    os.truncate(folder / "journal", sum(map(len, lines)))
    for entry in entries:
        shop.count(entry)
    draft.open(entries)


def _entries(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal that are whole."""
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _on_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
