"""Doing a thing once, however often it is asked: the answer is kept in the transaction that did it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gridmap.errors import ConflictError
from gridmap.store.models import Idempotency

KEPT: Final = timedelta(days=1)
"""How long an answer is kept: whoever asks again does so sooner."""


def once(session: Session, key: str, asked: bytes, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the answer that a key has had; where it had none, do the thing and keep the answer.

    Parameters
    ----------
    session
        An open transaction: what is done and its answer are committed together, or neither.
    key
        Of the caller's own making; every actor has its own.
    asked
        A digest of everything that was asked.
    do
        Does it, and returns the answer as JSON has it.

    Raises
    ------
    ConflictError
        When the key was used for something else.
    """
    actor = session.info["actor"]
    # The same asked twice at once: the second waits here, and finds the answer of the first.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{actor} {key}", 0))))
    session.execute(delete(Idempotency).where(Idempotency.at < func.now() - KEPT))  # reports name people
    had = session.get(Idempotency, (key, actor))
    if had is None:
        answer = do()
        session.add(Idempotency(key=key, actor=actor, asked=asked, answer=answer))
        session.flush()
        return answer
    if bytes(had.asked) != asked:
        raise ConflictError(f"the idempotency key {key!r} was used for something else; take a new one")
    return dict(had.answer)
