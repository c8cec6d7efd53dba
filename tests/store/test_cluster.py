"""A private cluster: whole or not there, closed to others, and clear about what stands in its way."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from postgis import is_installed, open_folder, small_disk

import gridmap.store.cluster_binaries as binaries
from gridmap.errors import InputError, OutputError, UnavailableError
from gridmap.store.cluster import LONGEST_SOCKET, Cluster
from gridmap.store.cluster_binaries import Owner, client, newest, of_major
from gridmap.store.cluster_database import connected

pytestmark = pytest.mark.skipif(not is_installed(), reason="PostgreSQL with PostGIS is not installed")


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def durable():
    """A cluster as users have it, in a folder whose name no URL and no socket can hold.

    A power cut stopped its making before: the part is cleared away.
    """
    with open_folder() as made:
        own = Cluster(made / "党建网格 'a, b'" / ("long" * 25))
        part = own.folder / ".data.part" / "half"
        part.mkdir(parents=True)
        owner = Owner.of(Path())
        for each in (own.folder, part.parent, part):
            os.chown(each, owner.uid, owner.gid)
        own.folder.chmod(0o700)
        try:
            assert own.start()
            assert not part.exists()
            yield own
        finally:
            own.stop()


def one(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_it_has_what_a_record_needs_and_loses_nothing_in_a_power_cut(durable):
    assert one(durable, "select postgis_lib_version()")
    assert one(durable, "select count(*) from pg_extension where extname = 'btree_gist'") == 1
    assert one(durable, "select pg_encoding_to_char(encoding) || ' ' || datcollate from pg_database"
                        " where datname = current_database()") == "UTF8 C.UTF-8"  # fmt: skip
    for name in ("data_checksums", "fsync", "full_page_writes", "synchronous_commit"):
        assert one(durable, f"select current_setting('{name}')") == "on"


def test_nobody_else_reaches_it(durable):
    """No network, and a socket in a folder that only its owner may enter."""
    assert one(durable, "select current_setting('listen_addresses')") == ""
    socket = durable.socket_folder / ".s.PGSQL.5432"
    assert stat.S_ISSOCK(socket.stat().st_mode)
    assert len(os.fsencode(socket)) <= LONGEST_SOCKET
    for private in (durable.folder, durable.socket_folder, durable.data):
        found = private.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, Owner.of(Path()).uid)


def test_its_log_never_holds_the_values_of_a_row_that_was_refused(durable):
    with psycopg.connect(durable.url, autocommit=True) as connection:
        connection.execute("create table phone (number text primary key check (number <> '13800000001'))")
        for number in ("13800000000", "13800000000", "13800000001"):
            with contextlib.suppress(psycopg.errors.IntegrityError):
                connection.execute("insert into phone values (%s)", (number,))
        connection.execute("drop table phone")
    logs = "".join(path.read_text() for path in (durable.data / "log").iterdir())
    assert "violates check constraint" in logs
    assert "13800000000" not in logs
    assert "Failing row" not in logs


def test_starting_twice_and_stopping_twice_does_it_once(durable):
    assert durable.is_running()
    assert not durable.start()
    with psycopg.connect(durable.url, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as number")
    assert durable.stop()
    assert not durable.is_running()
    assert not durable.stop()
    assert durable.start()
    assert one(durable, "select number from kept") == 7


def test_after_a_crash_it_starts_though_the_number_of_its_process_is_another_s_by_now(durable):
    """PostgreSQL itself would refuse: a process of that number lives, and is the same user's."""
    with psycopg.connect(durable.url, autocommit=True) as connection:
        connection.execute("create table if not exists committed as select 8 as number")
    note = durable.data / "postmaster.pid"
    server, *rest = note.read_text().splitlines()
    os.kill(int(server), signal.SIGKILL)
    wait_until(lambda: not durable._processes())
    owner = Owner.of(Path())
    other = subprocess.Popen(["sleep", "60"], cwd="/", **({"user": owner.uid} if owner.is_other else {}))
    try:
        note.write_text("\n".join([str(other.pid), *rest]) + "\n")
        assert durable.start()
        assert one(durable, "select number from committed") == 8
    finally:
        other.kill()
        other.wait()


def wait_until(what) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_setting_that_stops_the_server_is_named(durable):
    durable.stop()
    conf = durable.data / "postgresql.auto.conf"
    before = conf.read_text()
    try:
        conf.write_text("shared_buffers = 'plenty'\n")
        with pytest.raises(UnavailableError, match=r"does not start.*shared_buffers"):
            durable.start()
    finally:
        conf.write_text(before)
        assert durable.start()


class Stopped(BaseException):
    """What a signal raises in the command (gridmap.cli.app)."""


def test_a_cluster_that_was_stopped_half_way_through_its_making_is_not_there(monkeypatch, folder):
    """A signal comes while initdb works: it ends with its caller, and what it was making is gone."""
    make_versions(monkeypatch, folder, [15], [15])
    initdb = folder / "LIBRARIES" / "15" / "bin" / "initdb"
    initdb.write_text('#!/bin/sh\nmkdir "$2" && echo 15 > "$2/PG_VERSION" && echo $$ > "$2/pid" && exec sleep 300\n')
    initdb.chmod(0o755)
    own, seen = Cluster(folder / "db"), []
    note = own.folder / ".data.part" / "pid"

    def stop(_number: int, _frame: object) -> None:
        if note.exists() and note.read_text():
            seen.append(int(note.read_text()))
            raise Stopped

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(Stopped):
            own.start()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert list(own.folder.iterdir()) == []
    assert own.major is None
    assert not Path(f"/proc/{seen[0]}").exists()


def test_a_folder_of_somebody_s_files_is_left_alone(folder):
    (folder / "letters").write_text("dear")
    before = folder.stat()
    with pytest.raises(InputError, match=r"holds letters and no cluster"):
        Cluster(folder).start()
    after = folder.stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert (folder / "letters").read_text() == "dear"
    with pytest.raises(InputError, match="not a folder"):
        Cluster(folder / "letters").start()


def test_a_folder_that_others_may_enter_is_refused(folder):
    """Somebody opened it since."""
    own = folder / "db"
    own.mkdir()
    (own / ".data.part").mkdir()
    owner = Owner.of(Path())
    os.chown(own, owner.uid, owner.gid)
    own.chmod(0o755)
    with pytest.raises(InputError, match="chmod 700"):
        Cluster(own).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_folder_that_the_server_s_user_cannot_reach_is_named_with_one_that_it_can(folder):
    closed = folder / "root"
    closed.mkdir(mode=0o700)
    with pytest.raises(InputError, match=r"cannot reach .*/var/lib/gridmap/db"):
        Cluster(closed / "db").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_s_cluster_is_that_user_s_and_root_stops_it(folder):
    folder.chmod(0o777)
    own, nobody = Cluster(folder / "db", durable=False), pwd.getpwnam("nobody")
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        try:
            os._exit(0 if own.start() else 1)
        finally:
            os._exit(2)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        server = int((own.data / "postmaster.pid").read_text().split()[0])
        assert Path(f"/proc/{server}").stat().st_uid == nobody.pw_uid == own.folder.stat().st_uid
        assert one(own, "select 1") == 1
    finally:
        assert own.stop()


def test_a_socket_s_folder_that_somebody_made_before_is_not_used(folder):
    own = Cluster(folder / "网格", durable=False)
    own.socket_folder.mkdir(mode=0o777)
    own.socket_folder.chmod(0o777)
    try:
        with pytest.raises(InputError, match="somebody else's"):
            own._open_socket_folder(Owner.of(Path()))
    finally:
        own.socket_folder.rmdir()


def make_versions(monkeypatch, folder: Path, servers: list[int], postgis: list[int]) -> None:
    for name in ("LIBRARIES", "SHARED"):
        monkeypatch.setattr(binaries, name, folder / name)
    for major in servers:
        programs = folder / "LIBRARIES" / str(major) / "bin"
        programs.mkdir(parents=True)
        for name in ("initdb", "postgres", "pg_dump"):
            (programs / name).touch()
    for major in postgis:
        extension = folder / "SHARED" / str(major) / "extension"
        extension.mkdir(parents=True)
        (extension / "postgis.control").touch()


@pytest.mark.parametrize(
    ("servers", "postgis", "said"),
    [
        ([], [], r"PostgreSQL is not installed.*apt-get install postgresql-15-postgis-3"),
        ([9, 13], [13], r"PostgreSQL 13, 9 is too old; apt-get install postgresql-15-postgis-3"),
        ([15, 17], [], r"PostgreSQL 17 is installed without PostGIS; apt-get install postgresql-17-postgis-3"),
    ],
)
def test_what_is_missing_is_named_with_what_to_install(monkeypatch, tmp_path, servers, postgis, said):
    make_versions(monkeypatch, tmp_path, servers, postgis)
    with pytest.raises(UnavailableError, match=said):
        Cluster(tmp_path / "db").start()
    assert not (tmp_path / "db").exists()


def test_the_newest_version_that_has_postgis_is_taken(monkeypatch, tmp_path):
    make_versions(monkeypatch, tmp_path, [9, 15, 16, 17], [15, 16])
    assert newest().major == 16
    assert client("pg_dump", 16).parts[-3] == "17"
    with pytest.raises(UnavailableError, match="postgresql-client-18"):
        client("pg_dump", 18)


def test_a_cluster_of_another_version_says_how_to_go_on(monkeypatch, tmp_path):
    make_versions(monkeypatch, tmp_path, [15], [15])
    assert of_major(15, tmp_path).major == 15
    with pytest.raises(UnavailableError, match=r"of PostgreSQL 17, installed: 15; .*postgresql-17-postgis-3.*restore"):
        of_major(17, tmp_path)
    with pytest.raises(InputError, match="needs 15 or newer"):
        of_major(13, tmp_path)
    own = Cluster(tmp_path / "db")
    own.data.mkdir(parents=True)
    (own.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(UnavailableError, match="of PostgreSQL 17"):
        own.start()


def test_a_server_that_is_not_there_cannot_be_reached(folder):
    with pytest.raises(UnavailableError, match="cannot be reached"), connected(Cluster(folder).url):
        pass


def test_a_full_disk_is_said_and_leaves_nothing():
    with small_disk("30m") as disk:  # a cluster needs 40
        own = Cluster(disk / "db")
        with pytest.raises(OutputError, match="disk is full"):
            own.start()
        assert own.major is None
        assert list(own.folder.iterdir()) == []
        assert shutil.disk_usage(disk).used < 1 << 20
