"""The address of a record, as people write it and as SQLAlchemy wants it."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gridmap.errors import InputError


def driver_url(url: str) -> URL:
    """Return an address with the driver that is used.

    Raises
    ------
    InputError
        When it is no address, or of a database that is not PostgreSQL.

    Examples
    --------
    >>> driver_url("postgresql:///gridmap?host=/run/gridmap").render_as_string()
    'postgresql+psycopg:///gridmap?host=%2Frun%2Fgridmap'
    """
    advice = "write it like postgresql://user@host/gridmap, or postgresql:///gridmap?host=/folder/of/the/socket"
    try:
        found = make_url(url)
    except ArgumentError:
        raise InputError(f"the database's address cannot be read; {advice}") from None
    if found.get_backend_name() not in ("postgresql", "postgres"):
        raise InputError(f"the record is kept in PostgreSQL, not in {found.get_backend_name()}; {advice}")
    return found.set(drivername="postgresql+psycopg")
