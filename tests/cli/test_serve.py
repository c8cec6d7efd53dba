"""``gridmap serve`` as it is run: a process, a port, a signal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import gridmap

TOWN = Path(__file__).resolve().parents[2] / "data" / "town"
COMMAND = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve"]


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory):
    """The town's communities as a plan."""
    path = tmp_path_factory.mktemp("plan") / "town.gpkg"
    gridmap.Plan.from_layers({"medium": TOWN / "communities.gpkg"}, code="code", name="name").save(path)
    return path


@contextlib.contextmanager
def served(*args, temporary=None):
    """Run a server on a free port; give its address and its process once it answers."""
    env = {**os.environ, "GRIDMAP_LANG": "en"} | ({"TMPDIR": str(temporary)} if temporary else {})
    command = [*COMMAND, "--port", "0", *map(str, args)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
        try:
            url = next(found[0] for line in process.stderr if (found := re.search(r"http://[\d.:]+/", line)))
            wait_for(url)
            yield url, process
        finally:
            process.kill()


def wait_for(url):
    """The address is told before the first worker listens."""
    for _ in range(600):
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return get(url, "health")
        signal.sigtimedwait([], 0.1)
    raise AssertionError("the server does not answer")


def get(url, path):
    with urllib.request.urlopen(url + path, timeout=30) as response:
        return json.load(response)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_stopped_and_ends_well(plan_file, number):
    with served("--plan", plan_file, "--roster", TOWN / "roster.csv") as (url, process):
        plan = gridmap.read_plan(plan_file)
        point = plan["medium"].geometry.iloc[0].representative_point()
        said = get(url, f"v1/locate?lon={point.x}&lat={point.y}")
        assert said["chain"] == {"medium": plan["medium"].index[0]}
        assert said["responsible"]["outcome"] == "named"
        assert said["plan_version"] == plan.version
        process.send_signal(number)
        log = process.stderr.read()
        assert process.wait(30) == 0
    assert "GET /v1/locate 200" in log
    assert str(point.x) not in log
    assert "Traceback" not in log


def raw(url, sent):
    """Send bytes as they are; return the status and what kind of problem they are."""
    host, port = url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(sent)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    said = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {said['status']} ".encode())
    assert said["request_id"].encode() in head
    return said["status"], said["type"].rpartition(":")[2]


def test_what_is_no_request_is_a_problem_too_and_no_failure(plan_file):
    begun = (
        b"POST /v1/locate:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    with served("--plan", plan_file) as (url, process):
        assert raw(url, b"GARBAGE\r\n\r\n") == (400, "no-request")
        address = url.split("/")[2].split(":")
        with socket.create_connection((address[0], int(address[1]))) as connection:
            connection.sendall(begun)
        assert get(url, "health")["outcome"] == "ok"
        process.send_signal(signal.SIGTERM)
        log = process.stderr.read()
        assert process.wait(30) == 0
    assert "POST /v1/locate:batch 400" in log
    assert "Traceback" not in log


@pytest.mark.slow
def test_workers_share_one_index_and_leave_nothing(plan_file, tmp_path):
    with served("--plan", plan_file, "--workers", "2", temporary=tmp_path) as (url, process):
        folder = next(tmp_path.glob("gridmap-serve-*"))
        assert {path.name for path in folder.iterdir()} == {"plan.idx", "values.pickle"}
        assert folder.stat().st_mode & 0o077 == 0
        version = gridmap.read_plan(plan_file).version
        for _ in range(20):
            assert get(url, "health")["plan_version"] == version
        process.send_signal(signal.SIGTERM)
        log = process.stderr.read()
        assert process.wait(60) == 0
    assert not list(tmp_path.glob("gridmap-serve-*"))
    assert "Traceback" not in log


def test_a_port_in_use_is_told_before_anything_is_read(run_gridmap, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_gridmap("serve", "--plan", tmp_path / "none.gpkg", "--port", port, check=2)
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr
    assert "none.gpkg" not in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "not a host"])
def test_an_address_that_is_not_this_machines_is_told(run_gridmap, plan_file, host):
    done = run_gridmap("serve", "--plan", plan_file, "--host", host, "--port", 0, check=2)
    assert host in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_cannot_be_used_are_told_before_the_server_starts(run_gridmap, plan_file, tmp_path):
    (tmp_path / "staff.csv").write_text("person_id,name,grid\n7,王小明,999\n")
    for args, said in (
        (["--plan", tmp_path / "none.gpkg"], "none.gpkg"),
        (["--plan", TOWN / "streets.gpkg"], "streets.gpkg"),
        (["--plan", plan_file, "--roster", tmp_path / "none.csv"], "none.csv"),
        (["--plan", plan_file, "--roster", tmp_path / "staff.csv"], "999"),
        (["--plan", plan_file, "--incidents", tmp_path / "none.parquet"], "none.parquet"),
    ):
        done = run_gridmap("serve", "--port", 0, *args, check=2)
        assert said in done.stderr
        assert "http://" not in done.stderr
        assert "Traceback" not in done.stderr


def test_it_explains_itself(run_gridmap):
    assert "--workers" in run_gridmap("serve", "--help").stdout


def test_a_worker_alone_says_what_starts_it():
    from gridmap.api.serve import worker_app
    from gridmap.errors import InputError

    with pytest.raises(InputError, match="gridmap serve"):
        worker_app()


def test_a_folder_without_a_source_is_told():
    from gridmap.api.source import Source
    from gridmap.errors import InputError

    with tempfile.TemporaryDirectory() as folder, pytest.raises(InputError, match="gridmap serve"):
        Source.load(Path(folder))
