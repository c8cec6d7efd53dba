"""Backing the record up into one file, and restoring it: on an empty machine, or in place of what is there."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gridmap.errors import InputError
from gridmap.geo.files import atomic_path
from gridmap.store import migrate
from gridmap.store.base import PUBLISHED, SCHEMA
from gridmap.store.cluster_binaries import OLDEST_MAJOR, client, failure
from gridmap.store.cluster_database import (
    check_server,
    connected,
    database_name,
    libpq_url,
    make_extensions,
    make_roles,
)
from gridmap.store.dump_swap import draft_database, swap

_KEPT: Final = (SCHEMA, PUBLISHED)
_VERSION: Final = re.compile(r"Dumped by pg_dump version: (\d+)")
_NOT_OF_A_RECORD: Final = ("alembic_version", "state")
"""Tables that have a row in a database that holds no record yet."""


@dataclass(frozen=True)
class Backup:
    """A backup that was written, and read once to its end."""

    path: Path
    size_bytes: int
    revision: str


@dataclass(frozen=True)
class Restored:
    """A record that was restored."""

    revision: str
    replaced: bool
    """Whether it took the place of another record."""


def backup(url: str, path: str | os.PathLike[str]) -> Backup:
    """Write the record, as it is at this moment, into a file that only its owner can read.

    Parameters
    ----------
    url
        Address of the record.
    path
        File to write; what stood there is replaced when the new one is whole, on the disk and readable.

    Raises
    ------
    InputError
        When there is no record at the address.
    UnavailableError
        When the database cannot be reached, or the programs are older than its server.
    OutputError
        When the file cannot be written.
    """
    revision = migrate.current(url)
    if revision is None:
        raise InputError("the database holds no record to back up; run `gridmap db upgrade` first")
    program = client("pg_dump", check_server(url))
    goal = Path(path)
    with atomic_path(goal) as draft:
        schemas = [f"--schema={each}" for each in _KEPT]
        _run(program, "--format=custom", *schemas, "--file", str(draft), url=url, what="no backup was written")
        _read_to_the_end(draft)
        _sync(draft)
        size = draft.stat().st_size
    _sync(goal.absolute().parent)
    return Backup(goal, size, revision)


def restore(url: str, path: str | os.PathLike[str], *, replace: bool = False) -> Restored:
    """Restore a backup into a database beside the one named, bring it up to date, and let it take the name.

    Whatever goes wrong before that leaves the database as it is. Who is connected to it is disconnected.

    Parameters
    ----------
    url
        Address of the record; the user needs the right to create databases.
    path
        A file of :func:`backup`.
    replace
        Whether a record that is there may go.

    Raises
    ------
    InputError
        When the file is no backup or is damaged, a newer gridmap made it, or there is a record and ``replace`` is not
        said.
    UnavailableError
        When the database cannot be reached, or the programs are older than its server or the file.
    ConflictError
        When another restore of the same database is under way.
    """
    program = _program_for(Path(path))
    check_server(url)
    name = database_name(url)
    replaced = holds_record(url)
    if replaced and not replace:
        raise InputError(
            f"database {name!r} holds a record; to put the backup in its place, back it up and ask again with --replace"
        )
    with draft_database(url) as draft:
        there = libpq_url(url, draft)
        with connected(there) as connection:
            make_extensions(connection)
            make_roles(connection)
        _run(
            program, "--exit-on-error", "--no-owner", "--dbname", _conninfo(there), str(path), url=there,
            what=f"{path} was not restored, and database {name!r} is as it was",
        )  # fmt: skip
        migrate.upgrade(there)
        swap(url, draft)
    return Restored(migrate.head(), replaced)


def holds_record(url: str) -> bool:
    """Return whether any table of the record has a row that people or programs put there."""
    with connected(url) as connection:
        # With row-level security on, a row that is hidden would count as none.
        connection.execute("set row_security = off")
        tables = connection.execute(
            "select format('%%I.%%I', schemaname, tablename) from pg_tables"
            " where schemaname = %s and tablename <> all(%s)",
            (SCHEMA, list(_NOT_OF_A_RECORD)),
        ).fetchall()
        parts = [f"exists (select 1 from {table})" for (table,) in tables]  # noqa: S608 - quoted by format('%I')
        if not parts:
            return False
        row = connection.execute(f"select {' or '.join(parts)}".encode()).fetchone()
        return bool(row and row[0])


def _program_for(path: Path) -> Path:
    """Return the pg_restore that reads a backup, after reading it to its end."""
    if not path.is_file():
        raise InputError(f"{path} is not a file; name one that `gridmap db backup` wrote")
    listed = _contents(path, client("pg_restore", OLDEST_MAJOR))
    if f" SCHEMA - {SCHEMA} " not in listed:
        raise InputError(f"{path} is a dump of another database: it has no schema {SCHEMA!r}")
    _read_to_the_end(path)
    made = _VERSION.search(listed)
    return client("pg_restore", int(made[1]) if made else OLDEST_MAJOR)


def _contents(path: Path, program: Path) -> str:
    done = _finished(program, "--list", str(path))
    if done.returncode:
        raise _unreadable(path, done.stderr)
    return done.stdout


def _read_to_the_end(path: Path) -> None:
    """Read every row of a dump: its list of contents is at its start, and says nothing of an end that is missing."""
    done = _finished(client("pg_restore", OLDEST_MAJOR), "--file", os.devnull, str(path))
    if done.returncode:
        raise _unreadable(path, done.stderr)


def _unreadable(path: Path, words: str) -> InputError:
    said = words.strip().splitlines()
    return InputError(
        f"{path} is no backup, is damaged, or was made by a newer pg_dump than the one installed here: "
        f"{said[0] if said else 'it cannot be read'}"
    )


def _run(program: Path, *arguments: str, url: str, what: str) -> None:
    connect = [] if "--dbname" in arguments else ["--dbname", _conninfo(url)]
    done = _finished(program, *connect, *arguments, password=conninfo_to_dict(libpq_url(url)).get("password"))
    if done.returncode:
        raise failure(what, done.stderr)


def _conninfo(url: str) -> str:
    """Return an address without its password, which everybody on the machine could read in the list of processes."""
    parts = conninfo_to_dict(libpq_url(url))
    parts.pop("password", None)
    return make_conninfo("", **parts)


def _finished(program: Path, *arguments: str, password: object = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LC_ALL": "C.UTF-8"} | ({"PGPASSWORD": str(password)} if password else {})
    return subprocess.run(  # noqa: S603 - a program of PostgreSQL, by its full path
        [program, *arguments],
        capture_output=True, text=True, errors="replace", check=False, umask=0o077, env=environment,
    )  # fmt: skip


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
