"""Writing so that nothing is ever half-written: to a temporary name beside the target, then renamed."""

from __future__ import annotations

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
    raises (Ctrl-C included), so that a reader sees the old content or the new, never half of it.

    Raises
    ------
    OutputError
        When the folder does not exist or the disk refuses (full, read-only).

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
    draft.replace(goal)
