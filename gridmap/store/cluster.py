"""A private PostgreSQL + PostGIS cluster in a folder, from Debian's binaries: a database without an administrator.

It listens on a socket in a folder that only its owner may enter, and on no network. ``folder/data`` is PostgreSQL's
own folder, as any administrator knows it: ``data/postgresql.conf`` may be tuned, ``data/log`` keeps a week of logs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gridmap.errors import GridmapError, InputError, OutputError
from gridmap.store.cluster_binaries import Binaries, Owner, failure, newest, of_major

USER: Final = "gridmap"
DATABASE: Final = "gridmap"
PORT: Final = 5432
_SOCKET: Final = f".s.PGSQL.{PORT}"
LONGEST_SOCKET: Final = 107
"""Bytes of a socket's path: the kernel keeps 108, the last of them zero."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./-]+")
"""Folders that need no quoting in a URL, a host list or a setting."""
_SHORT: Final = Path("/tmp")  # noqa: S108 - a private folder is made in it; TMPDIR may differ between start and use
_PART: Final = ".data.part"
_STAMP: Final = re.compile(r"^[-\d]+ [:.\d]+ \S+ \[\d+\] ")
_WAIT_S: Final = 120

_ALWAYS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # a week of logs, each day's over that of the week before, without the values of rows that were refused
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
_THROW_AWAY: Final = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
    "logging_collector": "off",
}  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """A private cluster in a folder.

    Parameters
    ----------
    folder
        Where it is, or will be made; nobody else's files may be in it.
    durable
        Whether what was committed survives a power cut. ``False`` is for tests: faster, thrown away after.

    Examples
    --------
    >>> Cluster(Path("/srv/gridmap/db")).url
    'postgresql://gridmap@/gridmap?host=/srv/gridmap/db&port=5432'
    """

    folder: Path
    durable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder).expanduser().resolve())

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder; it is there when the cluster was made whole."""
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        """Folder of the socket: the cluster's, or a short one where that is too long or hard to write in a URL."""
        path = str(self.folder)
        if _PLAIN.fullmatch(path) and len(f"{path}/{_SOCKET}") <= LONGEST_SOCKET:
            return self.folder
        return _SHORT / f"gridmap-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"

    @property
    def url(self) -> str:
        """Address of the record's database, for ``GRIDMAP_DATABASE_URL``, psql and QGIS."""
        return self.database_url(DATABASE)

    def database_url(self, name: str) -> str:
        """Return the address of a database of this cluster."""
        return f"postgresql://{USER}@/{quote(name)}?host={self.socket_folder}&port={PORT}"

    @property
    def major(self) -> int | None:
        """Major version of PostgreSQL that made it, ``None`` before it is made."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, OSError) as error:
            raise InputError(f"{self.data} is no cluster that can be read: {error}") from error

    def is_running(self) -> bool:
        """Whether a server listens for this folder."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_folder / _SOCKET))
            except OSError:
                return False
        return True

    def start(self) -> bool:
        """Make the cluster if it is not there, start it if it does not run, and see to its database.

        Returns
        -------
        bool
            Whether it was started now; ``False`` when it ran before.

        Raises
        ------
        InputError
            When the folder is somebody else's, or not a cluster.
        UnavailableError
            When PostgreSQL or PostGIS is missing or is of another version, or the server does not start.
        OutputError
            When the folder cannot be written, or its disk is full.
        """
        from gridmap.store.cluster_database import make_database

        owner = Owner.of(self.folder)
        binaries = newest() if self.major is None else of_major(self.major, self.folder)
        self._make_folder(owner)
        with self._alone():
            if self.major is None:
                self._make(binaries, owner)
            started = not self.is_running()
            if started:
                self._launch(binaries, owner)
            make_database(self)
        return started

    def stop(self) -> bool:
        """Stop the server: what runs is rolled back, what was committed is kept.

        Returns
        -------
        bool
            Whether one ran.
        """
        if self.major is None:
            return False
        owner, binaries = Owner.of(self.folder), of_major(self.major, self.folder)
        with self._alone():
            if not self.is_running() and not self._processes():
                return False
            mode = "fast" if self.durable else "immediate"
            done = owner.run(
                binaries.program("pg_ctl"), "-D", self.data, "-m", mode, "-w", "-t", str(_WAIT_S), "stop"
            )  # fmt: skip
            if done.returncode:
                raise failure(f"the cluster in {self.folder} did not stop", done.stderr)
            if self.socket_folder != self.folder:
                shutil.rmtree(self.socket_folder, ignore_errors=True)
        return True

    def _make_folder(self, owner: Owner) -> None:
        """Make the folder, or take an empty one: nothing of anybody's is ever given another owner."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            held = sorted(path.name for path in self.folder.iterdir())
        except (FileExistsError, NotADirectoryError):
            raise InputError(f"{self.folder} is not a folder; name one for the cluster (GRIDMAP_DB_DIR)") from None
        except OSError as error:
            raise OutputError(f"cannot use {self.folder}: {error.strerror}") from error
        ours = self.major is not None or held == [_PART]
        if held and not ours:
            raise InputError(
                f"{self.folder} holds {', '.join(held[:3])} and no cluster; name an empty or a new folder "
                "(GRIDMAP_DB_DIR)"
            )
        if not held:
            try:
                os.chown(self.folder, owner.uid, owner.gid)
                self.folder.chmod(0o700)
            except PermissionError:
                raise InputError(f"{self.folder} belongs to another user; name a folder of your own") from None
        self._check_reachable(owner)

    def _check_reachable(self, owner: Owner) -> None:
        found = self.folder.stat()
        if found.st_uid != owner.uid:
            raise InputError(
                f"{self.folder} belongs to user number {found.st_uid}, and the server would run as {owner.name}; start "
                "it as its owner, or name another folder (GRIDMAP_DB_DIR)"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise InputError(f"others may enter {self.folder}, and so the record; chmod 700 it first")
        if owner.run("test", "-w", self.folder).returncode:
            raise InputError(
                f"user {owner.name} cannot reach {self.folder}: a folder above it is closed to others; name one that "
                "is open, such as /var/lib/gridmap/db (GRIDMAP_DB_DIR)"
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let two who start or stop at once do so one after the other."""
        try:
            lock = os.open(self.folder, os.O_RDONLY)
        except OSError as error:
            raise InputError(f"cannot open {self.folder}: {error.strerror}; ask as its owner") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _make(self, binaries: Binaries, owner: Owner) -> None:
        """Make the cluster under another name and rename it, so that one that is there is whole."""
        part = self.folder / _PART
        shutil.rmtree(part, ignore_errors=True)
        try:
            done = owner.run(
                binaries.program("initdb"), "-D", part, "--username", USER, "--auth", "trust", "--encoding", "UTF8",
                "--locale", "C.UTF-8", "--data-checksums", *([] if self.durable else ["--no-sync"]),
            )  # fmt: skip
            if done.returncode:
                raise failure(f"no cluster could be made in {self.folder}", done.stderr)
            part.rename(self.data)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _launch(self, binaries: Binaries, owner: Owner) -> None:
        self._forget_killed()
        self._open_socket_folder(owner)
        given = _ALWAYS | {"unix_socket_directories": str(self.socket_folder)} | ({} if self.durable else _THROW_AWAY)
        options = shlex.join(part for name, value in given.items() for part in ("-c", f"{name}={value}"))
        said = self.folder / "start.log"
        said.unlink(missing_ok=True)
        done = owner.run(
            binaries.program("pg_ctl"), "-D", self.data, "-l", said, "-o", options, "-w", "-t", str(_WAIT_S), "start"
        )
        if done.returncode:
            raise self._not_started(said, done.stderr)

    def _not_started(self, said: Path, words: str) -> GridmapError:
        logs = [said, *sorted((self.data / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]]
        # The log of the day may hold many starts: what ended the last one is at its end.
        told = [line for path in logs if path.exists() for line in path.read_text(errors="replace").splitlines()[-20:]]
        fatal = [number for number, line in enumerate(told) if "FATAL" in line or "PANIC" in line]
        # The line before the last word often holds the reason: which setting of a file, which lock.
        reason = (
            "; ".join(_STAMP.sub("", line) for line in told[max(fatal[-1] - 1, 0) : fatal[-1] + 1]) if fatal else words
        )
        return failure(f"the cluster in {self.folder} does not start", reason)

    def _forget_killed(self) -> None:
        """Remove the notes of a server that was killed, when their number is another process' by now.

        PostgreSQL would refuse to start. They are removed only where nobody works in the folder: the children of a
        server that was killed may still write.
        """
        if not self._processes():
            for note in (self.data / "postmaster.pid", self.socket_folder / f"{_SOCKET}.lock"):
                note.unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        """Return the processes of the server, which all work in its folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    if (entry / "cwd").readlink() == self.data:
                        found.append(int(entry.name))
                except OSError:  # it ended meanwhile, or is not ours to see
                    continue
        return found

    def _open_socket_folder(self, owner: Owner) -> None:
        where = self.socket_folder
        if where == self.folder:
            return
        try:
            where.mkdir(mode=0o700)
            os.chown(where, owner.uid, owner.gid)
        except FileExistsError:
            found = where.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid or stat.S_IMODE(found.st_mode) & 0o077:
                raise InputError(
                    f"{where}, where the socket of {self.folder} would be, is somebody else's; remove it, or name a "
                    "shorter folder in plain letters (GRIDMAP_DB_DIR)"
                ) from None
