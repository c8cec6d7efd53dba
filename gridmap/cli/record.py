"""What commands on the record share: opening it, who acts, and dates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gridmap.errors import InputError, UnavailableError
from gridmap.settings import actor, database_folder, database_url

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gridmap.store.engine import Store


def record_url() -> str:
    """Return the address of the record that the environment names, or of the private cluster that runs.

    Raises
    ------
    UnavailableError
        When there is a private cluster, and it does not run.
    InputError
        When there is none.
    """
    url = database_url()
    if url is None:
        from gridmap.store.cluster import Cluster

        private = Cluster(database_folder())
        if private.major is not None:
            raise UnavailableError(
                f"the private database in {private.folder} does not run; `gridmap db start` starts it"
            )
        raise InputError("there is no record: start one with `gridmap db start`, or set GRIDMAP_DATABASE_URL")
    return url


def open_store() -> Store:
    """Open the record of :func:`record_url`."""
    from gridmap.store.engine import Store

    return Store(record_url())


@contextmanager
def record(town: str = "*") -> Iterator[Session]:
    """Give a transaction of whoever runs the command; it commits at the end, or not at all."""
    store = open_store()
    try:
        with store.transaction(actor=actor(), jurisdiction=town) as session:
            yield session
    finally:
        store.close()


def effective_time(stated: str | None) -> datetime | None:
    """Read when something begins: see :func:`stated_time`; ``None`` is now."""
    return None if stated is None else stated_time(stated)


def stated_time(stated: str) -> datetime:
    """Read a time: a day is its midnight in Shanghai.

    Raises
    ------
    InputError
        When it is no time.

    Examples
    --------
    >>> stated_time("2026-12-01").isoformat()
    '2026-11-30T16:00:00+00:00'
    """
    from gridmap.people.times import at_microseconds

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_microseconds(stated))
