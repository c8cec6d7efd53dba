"""The same join on a real cluster: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import InputError
from gridmap.scale import cluster
from gridmap.scale.join import join_file, read_table, rows_kept
from gridmap.scale.pieces import OutOfReachError

distributed = pytest.importorskip("distributed")
ROWS, PIECE = 6000, 500


@pytest.fixture(scope="module")
def scheduler():
    """Start a cluster on this machine and give its address."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as running:
        yield running


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A plan, a roster and incidents with a system a row."""
    folder = tmp_path_factory.mktemp("town")
    cells = [shapely.box(120 + i / 10, 31, 120.1 + i / 10, 31.1) for i in range(5)]
    layer = gpd.GeoDataFrame({"code": [f"L{i}" for i in range(5)]}, geometry=cells, crs=4490)
    gridmap.Plan.from_layers({"small": layer}).save(folder / "plan.gpkg")
    rng = np.random.default_rng(6)
    rows = pd.DataFrame(
        {
            "number": np.arange(ROWS),
            "lon": rng.uniform(119.9, 120.6, ROWS),
            "lat": rng.uniform(30.95, 31.15, ROWS),
            "crs": rng.choice(["wgs84", "gcj02", "bd09", "EPSG:4490", "mars"], ROWS),
            "type": rng.choice(["S01", "P0203"], ROWS),
            "reported_at": rng.choice(["2026-05-01 08:00", "2026-03-01T00:00+08:00", "when I woke up"], ROWS),
            "phone": "13912345678",
        }
    )
    rows.to_parquet(folder / "in.parquet", index=False, row_group_size=PIECE)
    rows.to_csv(folder / "in.csv", index=False)
    people = {"person_id": ["1", "2"], "name": ["王小明", "李雷"], "grid": ["L0", "L1"], "duties": ["*", "S01"]}
    pd.DataFrame(people).to_csv(folder / "staff.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def inputs(town):
    return gridmap.Locator(gridmap.read_plan(town / "plan.gpkg")), gridmap.read_roster(town / "staff.csv")


@pytest.mark.parametrize("name", ["in.parquet", "in.csv"])
def test_a_cluster_gives_what_this_machine_gives(tmp_path, scheduler, town, inputs, name):
    locator, roster = inputs
    here = join_file(town / name, locator, tmp_path / "here.parquet", roster=roster, piece_rows=PIECE, workers=1)
    there = join_file(
        town / name, locator, tmp_path / "there.parquet", roster=roster, piece_rows=PIECE,
        scheduler=scheduler.scheduler_address,
    )  # fmt: skip
    assert there == here
    pd.testing.assert_frame_equal(read_table(tmp_path / "there.parquet"), read_table(tmp_path / "here.parquet"))
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()


def test_the_command_joins_on_a_cluster(tmp_path, scheduler, town):
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "join", str(town / "in.parquet"),
               "--plan", str(town / "plan.gpkg"), "--roster", str(town / "staff.csv"), "-o"]  # fmt: skip
    subprocess.run([*command, tmp_path / "here.csv"], check=True, capture_output=True)
    there = [*command, tmp_path / "there.csv", "--scheduler", scheduler.scheduler_address]
    subprocess.run(there, check=True, capture_output=True)
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def test_both_workers_have_the_index_once_before_any_piece(tmp_path, scheduler, town, inputs, monkeypatch):
    held, submit = [], distributed.Client.submit

    def noted(self, function, work, piece, **kwargs):
        held.append((work.key, len(self.who_has(work)[work.key])))
        return submit(self, function, work, piece, **kwargs)

    monkeypatch.setattr(distributed.Client, "submit", noted)
    address = scheduler.scheduler_address
    join_file(town / "in.parquet", inputs[0], tmp_path / "o.parquet", piece_rows=PIECE, scheduler=address)
    assert len(held) == ROWS // PIECE
    assert set(held) == {(held[0][0], 2)}


def test_what_was_stopped_here_goes_on_there(tmp_path, scheduler, town, inputs):
    locator, roster = inputs
    join_file(town / "in.parquet", locator, tmp_path / "whole.parquet", roster=roster, piece_rows=PIECE)

    def stop(share, what):
        raise KeyboardInterrupt

    given = {"roster": roster, "piece_rows": PIECE}
    with pytest.raises(KeyboardInterrupt):
        join_file(town / "in.parquet", locator, tmp_path / "out.parquet", progress=stop, **given)
    assert rows_kept(tmp_path / "out.parquet") == PIECE
    address = scheduler.scheduler_address
    join_file(town / "in.parquet", locator, tmp_path / "out.parquet", resume=True, scheduler=address, **given)
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_worker_that_does_not_see_the_file_is_told_apart(tmp_path, scheduler, town, inputs, monkeypatch):
    """Workers are other machines: here one looks for a file that is gone by the time it is read."""
    own = tmp_path / "in.parquet"
    own.write_bytes((town / "in.parquet").read_bytes())
    check = cluster._check_versions

    def gone(client):
        own.unlink()
        check(client)

    monkeypatch.setattr(cluster, "_check_versions", gone)
    with pytest.raises(OutOfReachError, match="under the same path"):
        join_file(own, inputs[0], tmp_path / "o.parquet", piece_rows=PIECE, scheduler=scheduler.scheduler_address)


def test_a_bad_row_is_named_from_afar(tmp_path, scheduler, inputs):
    lines = ["lon,lat", *["120.05,31.05"] * 1200, "1,2,3", *["120.05,31.05"] * 10]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="line 1202"):
        join_file(
            tmp_path / "in.csv", inputs[0], tmp_path / "o.csv", piece_rows=PIECE, scheduler=scheduler.scheduler_address
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_workers_with_other_versions_are_refused(tmp_path, scheduler, town, inputs, monkeypatch):
    ours = cluster.software
    monkeypatch.setattr(cluster, "software", lambda: ours() + ", pyproj 0")
    monkeypatch.setattr(distributed.Client, "run", lambda self, function: {"tcp://worker": "gridmap 0.0.1"})
    with pytest.raises(InputError, match=r"tcp://worker runs gridmap 0\.0\.1"):
        join_file(town / "in.parquet", inputs[0], tmp_path / "o.parquet", scheduler=scheduler.scheduler_address)


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, town, inputs, monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", "1s")
    began = time.monotonic()
    with pytest.raises(OutOfReachError, match="no Dask scheduler answers at tcp://127"):
        join_file(town / "in.parquet", inputs[0], tmp_path / "o.parquet", scheduler="tcp://127.0.0.1:1")
    assert time.monotonic() - began < 20
    assert not list(tmp_path.iterdir())


def test_without_dask_the_extra_is_named(tmp_path, town, inputs, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"gridmap\[distributed\]"):
        join_file(town / "in.parquet", inputs[0], tmp_path / "o.parquet", scheduler="tcp://127.0.0.1:1")
