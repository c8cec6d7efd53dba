"""What a database does not do, as errors of gridmap: nothing above the store ever sees the driver's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gridmap.errors import AccessError, ConflictError, GridmapError, InputError, UnavailableError

_CONFLICTS: Final = ("40001", "40P01", "23P01", "23505", "55P03")
"""Serialisation, deadlock, exclusion, uniqueness, a lock not to be had."""
_FULL: Final = ("53100", "58030")
_FORBIDDEN: Final = "42501"
_NO_RECORD: Final = ("42P01", "42703", "3F000", "42883")
"""A table, column, schema or function that is not there."""
_SLOW: Final = "57014"
_UNUSABLE: Final = "22"
"""Class of values that no column can hold: a NUL in a text, a number out of range."""
_SURROGATE: Final = "surrogates not allowed"
_LATER: Final = ("08", "53", "57", "58")
"""Classes of connection, resources, an operator's intervention, the system."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what goes wrong inside as an error of gridmap.

    Raises
    ------
    UnavailableError
        When the database cannot be reached, has no connection or no disk left, is being restarted, or takes too long.
    ConflictError
        When somebody else was first.
    AccessError
        When the database itself refuses: the last line of defence.
    InputError
        When it cannot hold a value, or has no record.

    Examples
    --------
    >>> with translated():
    ...     raise PoolTimeoutError()
    Traceback (most recent call last):
    gridmap.errors.UnavailableError: every connection to the database is in use; ask again in a moment
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError("every connection to the database is in use; ask again in a moment") from error
    except DBAPIError as error:
        raise _error_of(error.orig, error.connection_invalidated) from error
    except psycopg.Error as error:
        raise _error_of(error, False) from error
    except UnicodeEncodeError as error:
        if error.reason != _SURROGATE:
            raise
        raise _unusable("a text has half a letter") from error


def _error_of(error: BaseException | None, lost: bool) -> Exception:
    state = getattr(error, "sqlstate", None) or ""
    words = str(error).strip().split("\n", maxsplit=1)[0]
    if state in _FULL:
        return UnavailableError(f"the database has no room on its disk: {words}; make room, and ask again")
    if state in _CONFLICTS:
        return ConflictError(f"somebody else changed the same thing first: {words}; look at it again, then repeat")
    if state == _SLOW:
        return UnavailableError(f"the database took too long: {words}; ask for less, or again in a moment")
    if state[:2] == _UNUSABLE or isinstance(error, psycopg.DataError):
        return _unusable(words)
    if state == _FORBIDDEN:
        return AccessError(f"the database does not allow it: {words}")
    if state in _NO_RECORD:
        return InputError(f"the database holds no record, or an older one ({words}); run `gridmap db upgrade`")
    if lost or state[:2] in _LATER or isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return UnavailableError(f"the database cannot be reached for now: {words}")
    return GridmapError(f"the database refuses: {words}")


def _unusable(words: str) -> InputError:
    return InputError(f"the database cannot hold a value: {words}; look for letters that cannot be seen")
