"""The command line, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def run_gridmap():
    """Give a function that runs ``gridmap ARGS`` in English and returns the finished process."""

    def run(*args, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from gridmap.cli import main; main()", *map(str, args)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "GRIDMAP_LANG": "en"}
        )
        if check is not None:
            assert done.returncode == check, done.stderr + done.stdout
        return done

    return run
