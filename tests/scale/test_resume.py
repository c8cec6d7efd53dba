"""A join that was stopped goes on to the very file it would have made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.errors import InputError, OutputError
from gridmap.people.io import as_roster
from gridmap.scale.join import join_file, rows_kept

ROWS = 4000
PIECE = 500


def plan_of(codes: str):
    cells = [shapely.box(120 + i / 10, 31, 120.1 + i / 10, 31.1) for i in range(5)]
    layer = gpd.GeoDataFrame({"code": [f"{codes}{i}" for i in range(5)]}, geometry=cells, crs=4490)
    return gridmap.Plan.from_layers({"small": layer})


@pytest.fixture(scope="module")
def locator():
    return gridmap.Locator(plan_of("L"))


def roster_of(name: str):
    return as_roster(pd.DataFrame({"person_id": ["1"], "name": [name], "grid": ["L0"]}))


@pytest.fixture(scope="module", params=[".parquet", ".csv"])
def source(request, tmp_path_factory):
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(
        {
            "number": np.arange(ROWS),
            "lon": rng.uniform(119.9, 120.6, ROWS),
            "lat": rng.uniform(30.95, 31.15, ROWS),
            "type": rng.choice(["S01", "P0203"], ROWS),
            "reported_at": "2026-05-01 08:00",
            "description": [f'第{i}件，"急"' for i in range(ROWS)],
        }
    )
    path = tmp_path_factory.mktemp("in") / f"in{request.param}"
    if request.param == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, index=False, row_group_size=PIECE)
    return path


class Stop(Exception):
    pass


def stopped_after(pieces: int, source, locator, target, **options) -> None:
    """Join, and stop from within after some pieces."""
    calls = []

    def stop(share, what):
        calls.append(share)
        if len(calls) == pieces:
            raise Stop

    with pytest.raises(Stop):
        join_file(source, locator, target, piece_rows=PIECE, progress=stop, **options)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("pieces", [1, 3, 8])
def test_what_is_resumed_is_the_same_file_and_the_same_counts(tmp_path, source, locator, suffix, pieces):
    options = {"roster": roster_of("王小明"), "piece_rows": PIECE}
    whole = join_file(source, locator, tmp_path / f"whole{suffix}", workers=1, **options)
    target = tmp_path / f"out{suffix}"
    stopped_after(pieces, source, locator, target, roster=roster_of("王小明"))
    assert not target.exists()
    assert rows_kept(target) == pieces * PIECE
    shares = []
    summary = join_file(source, locator, target, resume=True, progress=lambda share, _: shares.append(share), **options)
    assert summary == whole
    assert target.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert shares[0] == pytest.approx(pieces * PIECE / ROWS, rel=0.2)  # the share begins where it stopped
    assert not (tmp_path / f".out{suffix}.join").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "draft").open("ab").write(b"half a piece"),
        lambda folder: (folder / "journal").open("ab").write(b'{"end": 99, "rows'),
        lambda folder: os.truncate(folder / "draft", (folder / "draft").stat().st_size - 10),
        lambda folder: os.truncate(folder / "journal", (folder / "journal").stat().st_size - 10),
        lambda folder: os.truncate(folder / "journal", 0),
        lambda folder: (folder / "draft").unlink(),
    ],
)
def test_whatever_a_power_cut_left_is_made_good(tmp_path, source, locator, damage):
    join_file(source, locator, tmp_path / "whole.parquet", piece_rows=PIECE)
    stopped_after(3, source, locator, tmp_path / "out.parquet")
    damage(tmp_path / ".out.parquet.join")
    join_file(source, locator, tmp_path / "out.parquet", piece_rows=PIECE, resume=True)
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"locator": "another"}, "plan"),
        ({"roster": roster_of("李雷")}, "roster"),
        ({"lat": "lon"}, "options"),
        ({"unmask": True}, "options"),
        ({"piece_rows": PIECE + 1}, "options"),
        ({"touched": True}, "incidents"),
    ],
)
def test_another_join_is_not_gone_on_with(tmp_path, source, locator, change, says):
    own = tmp_path / source.name
    own.write_bytes(source.read_bytes())
    stopped_after(2, own, locator, tmp_path / "out.parquet", roster=roster_of("王小明"))
    given = {"roster": roster_of("王小明"), "piece_rows": PIECE, "resume": True} | change
    if given.pop("touched", False):
        os.utime(own, (1, 1))
    other = gridmap.Locator(plan_of("L").__class__.from_layers({"small": plan_of("L")["small"].iloc[:4].reset_index()}))
    with pytest.raises(InputError, match=rf"what differs: {says} "):
        join_file(own, other if given.pop("locator", None) else locator, tmp_path / "out.parquet", **given)
    assert rows_kept(tmp_path / "out.parquet") == 2 * PIECE


def test_without_resume_it_starts_anew_and_says_so(tmp_path, source, locator):
    stopped_after(2, source, locator, tmp_path / "out.parquet")
    with pytest.warns(UserWarning, match="stopped after 1,000 rows"):
        join_file(source, locator, tmp_path / "out.parquet", duty="kind")
    assert not (tmp_path / ".out.parquet.join").exists()


def test_resume_without_anything_to_resume_is_a_join(tmp_path, source, locator):
    assert join_file(source, locator, tmp_path / "out.parquet", resume=True).rows == ROWS


def test_two_joins_do_not_write_one_file(tmp_path, source, locator):
    def meanwhile(share, what):
        with pytest.raises(OutputError, match="another gridmap join"):
            join_file(source, locator, tmp_path / "out.parquet")

    join_file(source, locator, tmp_path / "out.parquet", piece_rows=ROWS, progress=meanwhile)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")  # noqa: PTH110
def test_a_full_disk_loses_nothing(tmp_path, source, locator, monkeypatch):
    from gridmap.scale import draft

    join_file(source, locator, tmp_path / "whole.parquet", piece_rows=PIECE)
    written = []
    write = draft._File._write

    def full(self, data):
        written.append(data)
        if len(written) > 3:
            with open("/dev/full", "wb") as disk:  # noqa: PTH123
                disk.write(data)
        return write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(draft._File, "_write", full)
        with pytest.raises(OutputError, match=r"No space left.*1,500 rows are kept.*--resume"):
            join_file(source, locator, tmp_path / "out.parquet", piece_rows=PIECE)
    join_file(source, locator, tmp_path / "out.parquet", piece_rows=PIECE, resume=True)
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


@pytest.fixture(scope="module")
def slow_join(tmp_path_factory):
    """A file that takes a while to join, and the command that does it."""
    folder = tmp_path_factory.mktemp("slow")
    plan_of("L").save(folder / "plan.gpkg")
    rng = np.random.default_rng(5)
    n = 400_000
    rows = {"lon": rng.uniform(119.9, 120.6, n), "lat": rng.uniform(30.95, 31.15, n), "note": rng.random(n).astype(str)}
    pd.DataFrame(rows).to_parquet(folder / "in.parquet", index=False, row_group_size=4000)

    def command(target, *more):
        # Pieces small enough that there are a hundred of them.
        code = (
            "from gridmap.scale import join; join.join_file.__kwdefaults__['piece_rows'] = 4000; "
            "from gridmap.cli import main; main()"
        )
        return [sys.executable, "-c", code, "join", str(folder / "in.parquet"), "--plan", str(folder / "plan.gpkg"),
                "-o", str(target), *more]  # fmt: skip

    return command


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_command_resumed_gives_the_identical_file(tmp_path, slow_join, number):
    target, whole = tmp_path / "out.parquet", tmp_path / "whole.parquet"
    english = os.environ | {"GRIDMAP_LANG": "en"}
    target.write_bytes(b"old")
    process = subprocess.Popen(
        slow_join(target), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=english
    )
    journal = tmp_path / ".out.parquet.join" / "journal"
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 5):
        time.sleep(0.005)
    process.send_signal(number)
    sent = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), said
    assert time.monotonic() - sent < 5
    assert target.read_bytes() == b"old"
    kept = rows_kept(target)
    assert 20_000 <= kept < 400_000
    if number != signal.SIGKILL:
        assert "--resume goes on" in said
        assert f"{kept:,} rows are done" in said
    subprocess.run(slow_join(target, "--resume"), check=True, capture_output=True, env=english)
    subprocess.run(slow_join(whole), check=True, capture_output=True, env=english)
    assert target.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "whole.parquet"]


def test_a_journal_is_a_line_a_piece(tmp_path, source, locator):
    """What a person finds who looks into the folder."""
    stopped_after(2, source, locator, tmp_path / "out.csv")
    lines = (tmp_path / ".out.csv.join" / "journal").read_text().splitlines()
    assert [json.loads(line)["rows"] for line in lines] == [PIECE, PIECE]
    assert json.loads((tmp_path / ".out.csv.join" / "job.json").read_text())["roster"] == "none"
