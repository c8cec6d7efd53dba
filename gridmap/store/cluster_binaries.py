"""PostgreSQL's programs as Debian installs them, and running them as the user they want."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gridmap.errors import GridmapError, InputError, OutputError, UnavailableError

OLDEST_MAJOR: Final = 15
"""Multiranges are of 14; what views and roles rely on (security_invoker, SET ROLE rules) is of 15."""
LIBRARIES: Final = Path("/usr/lib/postgresql")
SHARED: Final = Path("/usr/share/postgresql")
_NO_ROOM: Final = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True)
class Binaries:
    """The programs of one major version."""

    major: int

    def program(self, name: str) -> Path:
        """Return the path of a program, whether or not it is there."""
        return LIBRARIES / str(self.major) / "bin" / name

    @property
    def has_postgis(self) -> bool:
        """Whether PostGIS is installed for this version."""
        return (SHARED / str(self.major) / "extension" / "postgis.control").exists()


def installed(program: str = "initdb") -> tuple[Binaries, ...]:
    """Return the versions that have a program (``initdb`` comes with the server), the newest first."""
    found = [path.parents[1].name for path in LIBRARIES.glob(f"*/bin/{program}")]
    return tuple(Binaries(major) for major in sorted((int(name) for name in found if name.isdecimal()), reverse=True))


def newest() -> Binaries:
    """Return the newest version that can keep a record.

    Raises
    ------
    UnavailableError
        When none is installed; the message says what to install.
    """
    servers = [each for each in installed() if each.major >= OLDEST_MAJOR]
    for each in servers:
        if each.has_postgis:
            return each
    major = servers[0].major if servers else OLDEST_MAJOR
    lacks = f"PostgreSQL {major} is installed without PostGIS" if servers else _none()
    raise UnavailableError(f"{lacks}; {_install(major)}")


def of_major(major: int, folder: Path) -> Binaries:
    """Return the version that a cluster was made by.

    Raises
    ------
    InputError
        When that version is too old for a record.
    UnavailableError
        When it is not installed, or without PostGIS.
    """
    if major < OLDEST_MAJOR:
        raise InputError(f"{folder} is a cluster of PostgreSQL {major}; gridmap needs {OLDEST_MAJOR} or newer")
    binaries = Binaries(major)
    if not binaries.program("postgres").exists():
        others = ", ".join(str(each.major) for each in installed()) or "none"
        raise UnavailableError(
            f"{folder} is a cluster of PostgreSQL {major}, installed: {others}; {_install(major)}; to move to another "
            "version: gridmap db backup with the old one, gridmap db start in a new folder with the new one, "
            "gridmap db restore"
        )
    if not binaries.has_postgis:
        raise UnavailableError(f"PostgreSQL {major} is installed without PostGIS; {_install(major)}")
    return binaries


def client(program: str, major: int) -> Path:
    """Return the newest ``pg_dump`` or ``pg_restore``, which must not be older than the server or the archive.

    Raises
    ------
    UnavailableError
        When there is none of at least that version.
    """
    for each in installed(program):
        if each.major >= major:
            return each.program(program)
    raise UnavailableError(f"no {program} of version {major} or newer; apt-get install postgresql-client-{major}")


def _none() -> str:
    found = ", ".join(str(each.major) for each in installed())
    return f"PostgreSQL {found} is too old" if found else f"PostgreSQL is not installed (no {LIBRARIES}/*/bin/initdb)"


def _install(major: int) -> str:
    return f"apt-get install postgresql-{major}-postgis-3"


@dataclass(frozen=True)
class Owner:
    """The user a server runs as. PostgreSQL refuses root, so for root it is the one that Debian's package made."""

    uid: int
    gid: int
    name: str
    is_other: bool

    @classmethod
    def of(cls, folder: Path) -> Owner:
        """Return the user that this process runs the server of a folder as: root as whoever made its cluster.

        Raises
        ------
        UnavailableError
            When root is to make one and there is no user ``postgres``.
        """
        me = os.geteuid()
        if me != 0:
            return cls(me, os.getegid(), f"number {me}", is_other=False)
        with contextlib.suppress(OSError):
            found = (folder / "data").stat()
            if found.st_uid != 0:
                return cls(found.st_uid, found.st_gid, f"number {found.st_uid}", is_other=True)
        try:
            known = pwd.getpwnam("postgres")
        except KeyError:
            raise UnavailableError(
                f"root cannot run PostgreSQL and there is no user postgres; {_install(OLDEST_MAJOR)}"
            ) from None
        return cls(known.pw_uid, known.pw_gid, known.pw_name, is_other=True)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this user, with none of the caller's ``PG…`` variables.

        No ``runuser`` stands between, so that a program whose caller is interrupted ends with it.
        """
        other = self.is_other
        return subprocess.run(  # noqa: S603 - programs of PostgreSQL, by their full path
            [str(part) for part in command],
            capture_output=True, text=True, errors="replace", check=False, cwd="/", umask=0o077,
            env=clean_environment(), user=self.uid if other else None, group=self.gid if other else None,
            extra_groups=[] if other else None,
        )  # fmt: skip


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without what would lead PostgreSQL's programs elsewhere, in plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8"} | more


def failure(what: str, words: str) -> GridmapError:
    """Return the error of a program that failed, by what it said: a full disk is not a broken database.

    Examples
    --------
    >>> failure("the dump stopped", 'pg_dump: error: could not write to file: No space left on device')
    OutputError('the dump stopped: the disk is full (pg_dump: error: could not write to file: No space left on device)')
    """
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    for line in lines:
        if any(each in line for each in _NO_ROOM):
            return OutputError(f"{what}: the disk is full ({line})")
    told = [line for line in lines if "FATAL" in line or "error:" in line] or lines[-1:]
    return UnavailableError(f"{what}: {told[0] if told else 'it said nothing'}")
