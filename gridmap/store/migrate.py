"""Bringing a database to a revision of the record's tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from gridmap.errors import InputError
from gridmap.store.base import SCHEMA
from gridmap.store.trouble import translated
from gridmap.store.url import driver_url

_LOCK: Final = 4_990_451
"""Advisory lock: two who migrate at once go one after the other."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database up to a revision, in one transaction: killed half-way, nothing has happened.

    Raises
    ------
    InputError
        When there is no such revision, or the database is of a newer gridmap.
    UnavailableError
        When it cannot be reached.
    """
    with _alembic(url) as config:
        command.upgrade(config, revision)


def downgrade(url: str, revision: str) -> None:
    """Bring a database down to an earlier revision; what only later revisions hold is lost.

    Raises
    ------
    InputError
        When there is no such revision.
    UnavailableError
        When it cannot be reached.
    """
    with _alembic(url) as config:
        command.downgrade(config, revision)


def current(url: str) -> str | None:
    """Return the revision a database is at, ``None`` for one without a record."""
    with translated(), _connected(url) as connection:
        return _revision(connection)


def head() -> str:
    """Return the newest revision that this gridmap knows.

    Examples
    --------
    >>> head() in revisions()
    True
    """
    return revisions()[-1]


def revisions() -> tuple[str, ...]:
    """Return all revisions, the oldest first."""
    with as_file(files("gridmap.store.migrations")) as folder:
        script = ScriptDirectory(str(folder))
        return tuple(reversed([each.revision for each in script.walk_revisions()]))


def _revision(connection: Connection) -> str | None:
    options = {"version_table_schema": SCHEMA}
    found: str | None = MigrationContext.configure(connection, opts=options).get_current_revision()
    return found


@contextmanager
def _alembic(url: str) -> Iterator[Config]:
    with (
        as_file(files("gridmap.store.migrations")) as folder,
        translated(),
        _connected(url) as connection,
        connection.begin(),
    ):
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text(f"create schema if not exists {SCHEMA}"))
        here = _revision(connection)
        if here is not None and here not in revisions():
            raise InputError(
                f"the database is at revision {here!r}, which this gridmap does not know: it is older than the "
                f"database; install the newer one, or restore a backup. Known: {', '.join(revisions())}"
            )
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        try:
            yield config
        except CommandError as error:
            raise InputError(f"{error}; revisions are {', '.join(revisions())}, or head") from error


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(driver_url(url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
