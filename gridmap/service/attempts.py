"""Doing a thing, or finding out what it would do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session


@contextmanager
def attempt(session: Session, *, commit: bool) -> Iterator[None]:
    """Run what is inside; take it back unless it is to be committed, so that a dry run goes the same way as a real one.

    Parameters
    ----------
    session
        An open transaction.
    commit
        Keep what was done.
    """
    nested = session.begin_nested()
    try:
        yield
        session.flush()
    except BaseException:
        nested.rollback()
        raise
    if commit:
        nested.commit()
    else:
        nested.rollback()
        session.expire_all()
