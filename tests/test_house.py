"""The house itself: what importing costs, what the façade offers, what the README promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gridmap

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("numpy", "pandas", "geopandas", "numba", "shapely", "folium", "scipy", "typer", "osmium")


@pytest.mark.parametrize(("name", "needed"), [("gridmap", set()), ("gridmap.cli.app", {"typer"})])
def test_importing_gridmap_or_its_commands_loads_nothing_heavy(name, needed):
    code = f"import sys, {name}; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(HEAVY) & set(loaded) == needed


@pytest.mark.parametrize("name", gridmap.__all__)
def test_every_name_of_the_facade_is_there(name):
    assert getattr(gridmap, name) is not None


def test_an_unknown_name_says_which_exist():
    with pytest.raises(AttributeError, match="draw_plan"):
        gridmap.draw_plans  # noqa: B018


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)


def test_the_readme_shows_three_uses():
    assert len(python_blocks()) >= 3


def test_the_python_of_the_readme_runs_as_printed(tmp_path):
    """A reader runs them one after the other, in one folder beside data/."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    script = tmp_path / "readme.py"
    script.write_text("\n".join(python_blocks()))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
