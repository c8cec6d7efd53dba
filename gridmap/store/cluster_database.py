"""Databases of a server: waiting for it, what it must be, the record's own with its extensions and roles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from gridmap.errors import InputError, UnavailableError
from gridmap.store.base import APP_ROLE, READER_ROLE
from gridmap.store.cluster_binaries import OLDEST_MAJOR
from gridmap.store.trouble import translated
from gridmap.store.url import driver_url

if TYPE_CHECKING:
    from gridmap.store.cluster import Cluster

EXTENSIONS: Final = ("postgis", "btree_gist")
ROLES: Final = (APP_ROLE, READER_ROLE)
"""Roles are of a cluster, not of a database: no dump of one holds them."""
_WAIT_S: Final = 60

Connection = psycopg.Connection[Any]


def libpq_url(url: str, database: str | None = None) -> str:
    """Return an address as PostgreSQL's own programs read it, of another database where one is named.

    Examples
    --------
    >>> libpq_url("postgresql+psycopg://gridmap@/gridmap?host=/run/gridmap", "postgres")
    'postgresql://gridmap@/postgres?host=%2Frun%2Fgridmap'
    """
    found = driver_url(url).set(drivername="postgresql")
    return (found if database is None else found.set(database=database)).render_as_string(hide_password=False)


def database_name(url: str) -> str:
    """Return the name of the database of an address.

    Raises
    ------
    InputError
        When the address names none.
    """
    name = make_url(url).database
    if not name:
        raise InputError("the database's address names no database; write it like postgresql://user@host/gridmap")
    return name


@contextmanager
def connected(url: str, database: str | None = None) -> Iterator[Connection]:
    """Give a connection that commits by itself; trouble comes out as errors of gridmap."""
    with translated(), psycopg.connect(libpq_url(url, database), autocommit=True, connect_timeout=10) as connection:
        yield connection


def check_server(url: str) -> int:
    """Return the major version of the server at an address.

    Raises
    ------
    InputError
        When it is too old for a record, or has no PostGIS to offer.
    UnavailableError
        When it cannot be reached.
    """
    with connected(url) as connection:
        major = connection.info.server_version // 10_000
        if major < OLDEST_MAJOR:
            raise InputError(f"the server is PostgreSQL {major}; the record needs {OLDEST_MAJOR} or newer")
        rows = connection.execute(
            "select name from pg_available_extensions where name = any(%s)", (list(EXTENSIONS),)
        ).fetchall()
    missing = sorted(set(EXTENSIONS) - {name for (name,) in rows})
    if missing:
        raise InputError(
            f"the server has no {' and no '.join(missing)}; install it there (apt-get install "
            f"postgresql-{major}-postgis-3)"
        )
    return major


def make_database(cluster: Cluster) -> None:
    """Wait until a cluster answers, and make the record's database and its extensions where they are missing."""
    name = database_name(cluster.url)
    _wait(cluster)
    with connected(cluster.url, "postgres") as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    with connected(cluster.url) as connection:
        make_extensions(connection)


def make_extensions(connection: Connection) -> None:
    """Add the extensions that the record's tables are made of, where they are missing."""
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("create extension if not exists {}").format(sql.Identifier(extension)))


def make_roles(connection: Connection) -> None:
    """Make the record's roles where a server has none of them, and let the one who makes them take them on."""
    for role in ROLES:
        if not connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
            connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
            connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))


def _wait(cluster: Cluster) -> None:
    """Wait for a server that listens and still repairs what a crash has left."""
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            psycopg.connect(libpq_url(cluster.url, "postgres"), connect_timeout=10).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise UnavailableError(f"the cluster in {cluster.folder} does not answer: {error}") from error
            time.sleep(0.1)
        else:
            return
