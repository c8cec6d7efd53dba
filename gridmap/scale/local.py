"""Pieces worked on by all cores of this machine, given back in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from gridmap.scale.pieces import Piece
from gridmap.scale.work import Part, Work

_MEMORY: Final = 384 << 20
"""Bytes that pieces may take together, by their own estimate; one piece is always allowed."""


def work_here(work: Work, pieces: Iterator[Piece], workers: int) -> Generator[Part]:
    """Work on pieces in threads: reading, joining and writing them is done by kernels that let go of the interpreter.

    Only so many are begun as the workers and the memory bear, so that a slow disk does not fill the memory.
    """
    if workers == 1:
        yield from map(work.part, pieces)
        return
    waiting: deque[tuple[Future[Part], int]] = deque()
    cost = 0
    pool = ThreadPoolExecutor(workers, thread_name_prefix="gridmap-join")
    try:
        for piece in pieces:
            while waiting and (len(waiting) > workers or cost + piece.cost > _MEMORY):
                done, freed = waiting.popleft()
                cost -= freed
                yield done.result()
            waiting.append((pool.submit(work.part, piece), piece.cost))
            cost += piece.cost
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
