"""Nothing is ever half-written: neither when a block raises, nor on Ctrl-C, nor when the disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from gridmap.errors import GridmapError, OutputError
from gridmap.geo.files import atomic_path
from gridmap.geo.io import read_layer

FULL = textwrap.dedent(
    """
    import resource, signal, sys
    import geopandas as gpd, numpy as np, shapely
    from gridmap.errors import OutputError
    from gridmap.geo.io import write_layer

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rng = np.random.default_rng(0)
    frame = gpd.GeoDataFrame({"name": [f"{n:032x}" for n in range(20000)]}, crs=4490,
                             geometry=shapely.points(rng.uniform(120, 121, 20000), rng.uniform(31, 32, 20000)))
    for room in map(int, sys.argv[2:]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        try:
            write_layer(frame, sys.argv[1])
            print(f"{room}: written")
        except OutputError as error:
            print(f"{room}: {error}")
    """
)


def inside(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def write_half(target, error, *, folder=False):
    """Write half of something, as a file or in a folder, and be stopped."""
    with atomic_path(target) as draft:
        if folder:
            draft.mkdir()
        (draft / "part-0" if folder else draft).write_text("half of the n")
        raise error


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit, GridmapError])
def test_a_block_that_raises_leaves_the_old_content_and_nothing_else(tmp_path, stop):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(stop):
        write_half(tmp_path / "a.txt", stop())
    assert inside(tmp_path) == {"a.txt": "old"}


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_leaves_an_empty_folder_empty(tmp_path, stop):
    with pytest.raises(stop):
        write_half(tmp_path / "out", stop(), folder=True)
    assert inside(tmp_path) == {}


def test_until_the_block_ends_a_reader_sees_the_old_content(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as draft:
        draft.write_text("new")
        assert target.read_text() == "old"
        assert draft.suffix == target.suffix
    assert inside(tmp_path) == {"a.txt": "new"}


def test_a_folder_replaces_a_folder_whole(tmp_path):
    target = tmp_path / "plan"
    for parts in (("a", "b"), ("c",)):
        with atomic_path(target) as draft:
            draft.mkdir()
            for part in parts:
                (draft / part).write_text(part)
    assert inside(target) == {"c": "c"}
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_block_that_writes_nothing_changes_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with atomic_path(tmp_path / "a.txt"):
        pass
    assert inside(tmp_path) == {"a.txt": "old"}


def test_companions_come_along_and_strangers_stay(tmp_path):
    (tmp_path / "b.txt").write_text("stranger")
    with atomic_path(tmp_path / "a.shp") as draft:
        for suffix in (".shp", ".dbf", ".shx"):
            draft.with_suffix(suffix).write_text(suffix)
    assert inside(tmp_path) == {"a.shp": ".shp", "a.dbf": ".dbf", "a.shx": ".shx", "b.txt": "stranger"}


def test_a_disk_that_refuses_is_an_output_error_that_says_why(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputError, match=r"a\.txt.*No space left") as refused:
        write_half(tmp_path / "a.txt", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert isinstance(refused.value, OSError)
    assert inside(tmp_path) == {"a.txt": "old"}


def test_a_folder_that_does_not_exist_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="gone"), atomic_path(tmp_path / "gone" / "a.txt"):
        pytest.fail("the block must not run")
    assert inside(tmp_path) == {}


def test_a_folder_where_a_file_should_go_is_an_output_error(tmp_path):
    (tmp_path / "a.txt").mkdir()
    (tmp_path / "a.txt" / "kept").write_text("old")
    with pytest.raises(OutputError, match=r"a\.txt"), atomic_path(tmp_path / "a.txt") as draft:
        draft.write_text("new")
    assert inside(tmp_path / "a.txt") == {"kept": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def write_with_room_for(target, *sizes):
    """Return what a process said that may write files of so many bytes only, which stands for a full disk."""
    command = [sys.executable, "-c", FULL, target, *map(str, sizes)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("suffix", ["gpkg", "parquet", "geojson", "shp"])
def test_a_layer_that_does_not_fit_on_the_disk_is_refused_whole(tmp_path, suffix):
    """Be it nearly all of it that lacks room, or its last two bytes, which is when GDAL says nothing."""
    target = tmp_path / f"a.{suffix}"
    assert write_with_room_for(target, 2**30) == [f"{2**30}: written"]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    largest = max(map(len, before.values()))
    said = write_with_room_for(target, 100, largest // 2, largest - 2)
    assert [f"cannot write {target}" in line for line in said] == [True, True, True]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(read_layer(target)) == 20_000


def test_a_geopackage_is_written_with_its_spatial_index(tmp_path):
    write_with_room_for(tmp_path / "a.gpkg", 2**30)
    with contextlib.closing(sqlite3.connect(tmp_path / "a.gpkg")) as file:
        assert file.execute("SELECT count(*) FROM rtree_a_geom").fetchone() == (20_000,)


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(OutputError, match="device or a pipe"), atomic_path(tmp_path / "pipe.csv"):
        pass
    assert (tmp_path / "pipe.csv").is_fifo()
