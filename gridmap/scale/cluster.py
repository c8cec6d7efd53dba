"""Pieces worked on by a Dask cluster, given back in their order; needs ``pip install gridmap[distributed]``."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from gridmap.errors import InputError
from gridmap.scale.parquet_pieces import GroupsPiece
from gridmap.scale.pieces import OutOfReachError, Piece
from gridmap.scale.software import software
from gridmap.scale.work import Part, Work

if TYPE_CHECKING:
    from distributed import Client, Future

_PATIENCE = "10s"
_AHEAD = 2
"""Pieces begun a thread of the cluster: one in work, one on its way."""


def work_on_cluster(work: Work, pieces: Iterator[Piece], scheduler: str) -> Generator[Part]:
    """Work on pieces on a cluster.

    The index and the roster go once to every worker. Row groups of a Parquet file are read by the workers, so the file
    has to lie where all of them see it under the same path; rows of other files are sent. What comes of a piece is sent
    back: only this process writes.

    Raises
    ------
    InputError
        When Dask is not installed, nothing answers at the address, or the workers run other versions.
    """
    try:
        import distributed
    except ImportError as error:
        raise InputError("--scheduler needs Dask: pip install 'gridmap[distributed]'") from error
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OutOfReachError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        threads = _threads(client, scheduler)
        _check_versions(client)
        everywhere = client.scatter(work, broadcast=True, hash=False)
        yield from _in_order(client, everywhere, pieces, _AHEAD * threads)


def _in_order(client: Client, work: Future, pieces: Iterator[Piece], ahead: int) -> Generator[Part]:
    waiting: deque[tuple[Future, Piece]] = deque()
    try:
        for piece in pieces:
            if len(waiting) >= ahead:
                yield _result(*waiting.popleft())
            sent: Any = piece if isinstance(piece, GroupsPiece) else client.scatter(piece, hash=False)
            waiting.append((client.submit(Work.part, work, sent, pure=False), piece))
        while waiting:
            yield _result(*waiting.popleft())
    finally:
        client.cancel([future for future, _ in waiting])


def _result(future: Future, piece: Piece) -> Part:
    import distributed

    try:
        part: Part = future.result()
    except (distributed.KilledWorker, distributed.CancelledError) as error:
        raise OutOfReachError(f"the cluster lost {piece.where}: {error}; look at its workers") from error
    return part


def _threads(client: Client, scheduler: str) -> int:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise OutOfReachError(f"the scheduler at {scheduler} has no workers; start some (dask worker {scheduler})")
    return sum(int(worker["nthreads"]) for worker in workers.values())


def _check_versions(client: Client) -> None:
    """Workers with other versions would write other bytes, and a join that was resumed would not be the same."""
    ours = software()
    try:
        others = client.run(software)
    except ModuleNotFoundError as error:
        raise InputError(f"the workers of the cluster lack {error.name}; install gridmap[distributed] there") from error
    for worker, theirs in others.items():
        if theirs != ours:
            raise InputError(f"the worker {worker} runs {theirs}, this process {ours}; install the same versions")
