"""Work shared out among the processors: kernels that let go of Python's lock, each on a run of the items."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    work: Callable[[int, int], Result], size: int, *, worth: int, block: int = 1, threads: int | None = None
) -> list[Result]:
    """Do work on equal runs of items, each in a thread of its own, and return the results in order.

    Parameters
    ----------
    work
        Called with the first item of a run and the one behind its last.
    size
        How many items there are.
    worth
        Fewer items than this are not worth a second thread.
    block
        Runs are whole multiples of it, but for the last.
    threads
        How many; as many as there are processors where it is not said.

    Examples
    --------
    >>> spread(lambda start, stop: stop - start, 10, worth=5, threads=2)
    [5, 5]
    >>> spread(lambda start, stop: stop - start, 0, worth=5)
    [0]
    """
    workers = max(min(threads or processors(), size // worth), 1)
    if workers == 1:
        return [work(0, size)]
    share = -(-size // (workers * block)) * block
    starts = range(0, size, share)
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, starts, [min(start + share, size) for start in starts]))
