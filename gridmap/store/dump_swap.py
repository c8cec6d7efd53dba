"""A database that is filled beside another and takes its name in one step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql
from psycopg.errors import ObjectInUse

from gridmap.errors import ConflictError, UnavailableError
from gridmap.store.base import SCHEMA
from gridmap.store.cluster_database import Connection, connected, database_name, libpq_url

_MAINTENANCE: Final = "postgres"
_LOCK: Final = 4_990_452
_TRIES: Final = 5


@contextmanager
def draft_database(url: str) -> Iterator[str]:
    """Give the name of a new, empty database beside the one of an address; drop what is left under it after.

    Raises
    ------
    ConflictError
        When somebody else is at it.
    """
    draft = f"{database_name(url)}_restoring"
    with connected(url, _MAINTENANCE) as connection:
        row = connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if not (row and row[0]):
            raise ConflictError("another restore is under way on this server; wait for it to end")
        _drop(connection, draft)  # of one that was killed
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(draft)))
        try:
            yield draft
        finally:
            _drop(connection, draft)


def swap(url: str, draft: str) -> None:
    """Let a database take the name of the one of an address, which is dropped, and tell the workers.

    Raises
    ------
    UnavailableError
        When somebody always holds the old one; nothing has changed then.
    """
    name = database_name(url)
    gone = f"{name}_replaced"
    _outdo_generation(url, libpq_url(url, draft))
    with connected(url, _MAINTENANCE) as connection:
        _drop(connection, gone)
        for _ in range(_TRIES):
            try:
                _rename(connection, name, gone, draft)
            except ObjectInUse:  # a worker was quicker to come back than the rename to lock the door
                continue
            _drop(connection, gone)
            return
    raise UnavailableError(f"database {name!r} is always in use; stop what uses it, and restore again")


def _rename(connection: Connection, name: str, gone: str, draft: str) -> None:
    rename = sql.SQL("alter database {} rename to {}")
    with connection.transaction():
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = any(%s)",
            ([name, draft],),  # this connection is to neither
        )
        connection.execute(rename.format(sql.Identifier(name), sql.Identifier(gone)))
        connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(name)))


def _outdo_generation(url: str, draft_url: str) -> None:
    """Give the restored record a generation above both, or a worker that knows the old one would see no change."""
    last = 0
    with connected(url) as connection:
        try:
            row = connection.execute(f"select max(generation) from {SCHEMA}.state").fetchone()  # noqa: S608 - a constant
            last = (row and row[0]) or 0
        except psycopg.errors.UndefinedTable:
            last = 0  # nobody has answered from a database without a record
    with connected(draft_url) as connection:
        connection.execute(
            f"update {SCHEMA}.state set generation = greatest(generation, %s) + 1",  # noqa: S608 - a constant
            (last,),
        )


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
