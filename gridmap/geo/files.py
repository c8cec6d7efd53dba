"""Writing so that nothing is ever half-written: to a temporary name beside the target, then renamed."""

from __future__ import annotations

import codecs
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gridmap.errors import OutputError


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``target`` to write to; rename it to ``target`` when the block ends well.

    The temporary path keeps the target's suffix, may become a file or a folder, and is removed when the block
    raises (Ctrl-C included), so that a reader sees the old content or the new, never half of it. Files written beside
    it under the same stem (the companions of a Shapefile) go with it.

    Raises
    ------
    OutputError
        When the folder does not exist, the target is no file, or the disk refuses (full, read-only).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "a.txt") as path:
    ...     _ = path.write_text("whole")
    >>> [(p.name, p.read_text()) for p in folder.iterdir()]
    [('a.txt', 'whole')]
    """
    goal = Path(target)
    if goal.exists() and not (goal.is_file() or goal.is_dir()):
        raise OutputError(f"{goal} is a device or a pipe, which cannot be replaced whole; give the name of a file")
    try:
        workshop = Path(tempfile.mkdtemp(prefix=f".{goal.name}.", suffix=".part", dir=goal.parent))
    except OSError as error:
        raise OutputError(f"cannot write {goal}: {error.strerror or error}; nothing was written") from error
    try:
        draft = workshop / goal.name
        try:
            yield draft
            _replace(draft, goal)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"cannot write {goal}: {error.strerror or error}; nothing was written") from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _replace(draft: Path, goal: Path) -> None:
    if not draft.exists():
        return
    if goal.is_dir() and draft.is_dir():
        old = draft.with_name(draft.name + ".old")
        goal.replace(old)
    # A Shapefile has companions; the file that people name comes last.
    for part in sorted(draft.parent.glob(f"{draft.stem}.*")):
        if part.is_file() and part != draft:
            part.replace(goal.with_name(part.name))
    draft.replace(goal)


def text_encoding(path: str | os.PathLike[str]) -> str:
    """Return the encoding of a text file: UTF-8 (with or without a mark) or UTF-16 where it reads so, else GB18030.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_bytes("网格".encode("gbk"))
    >>> text_encoding(path)
    'gb18030'
    """
    with Path(path).open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8-sig"
