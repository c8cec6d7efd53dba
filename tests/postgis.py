"""Throw-away PostgreSQL + PostGIS clusters: gridmap's own, in a folder that is removed after."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from gridmap.store.cluster import Cluster
from gridmap.store.cluster_binaries import installed


def is_installed() -> bool:
    """Return whether there is a PostgreSQL with PostGIS to run."""
    return any(each.has_postgis for each in installed())


def memory() -> Path | None:
    """Return where files need no disk, or None where there is no room for a cluster: databases are copied often."""
    shared = Path("/dev/shm")
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 2 << 30
    return shared if roomy else None


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a temporary folder that the user postgres can reach (pytest's are closed to all but root)."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-pg-", dir=memory()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Give a disk of a size that the user postgres can reach; skips where none may be mounted."""
    with open_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("no disk can be mounted here")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


@contextmanager
def throw_away() -> Iterator[Cluster]:
    """Give a running cluster, and remove everything after."""
    with open_folder() as folder:
        cluster = Cluster(folder / "db", durable=False)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def cluster() -> Iterator[psycopg.Connection]:
    """Give a connection to a throw-away cluster with PostGIS on."""
    with throw_away() as running, psycopg.connect(running.url, autocommit=True) as connection:
        yield connection


@contextmanager
def database(running: Cluster, name: str, template: str | None = None) -> Iterator[str]:
    """Give the address of a database, a copy of another where one is named, and drop it after."""
    with psycopg.connect(running.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}" + (f" template {template} strategy file_copy" if template else ""))
        try:
            yield running.database_url(name)
        finally:
            connection.execute(f"drop database {name} with (force)")
