"""Writing the sample as ordinary files, each whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import pyogrio

from gridmap.errors import LayerError, OutputError
from gridmap.geo.files import atomic_path
from gridmap.geo.io import write_layer
from gridmap.sample.model import County
from gridmap.sample.osm_io import write_extract

__all__ = ["write_county", "write_incidents", "write_layers", "write_roster", "write_table"]

LAYERS: Final = (
    "boundary", "towns", "communities", "streets", "water", "rail", "buildings", "estates", "stations", "facilities",
)  # fmt: skip
_WRITTEN: Final = "2026-01-01T00:00:00.000Z"
"""The date in every GeoPackage: the same county gives the same bytes."""


def write_county(county: County, folder: str | os.PathLike[str]) -> None:
    """Write every layer of a county into a folder.

    ``boundary, towns, communities, streets, water, rail, buildings, estates, stations, facilities`` (.gpkg),
    ``addresses.csv``, ``organisations.csv``, ``departments/NN_name.gpkg`` and ``county.osm.pbf``.

    Parameters
    ----------
    county
        As from :func:`gridmap.sample.county.make_county`.
    folder
        It is made where it does not exist.

    Raises
    ------
    OutputError
        When the disk refuses; no file is half-written.
    """
    goal = Path(folder)
    write_layers(county, goal, LAYERS)
    _make(goal / "departments")
    with _same_date():
        for number, (name, layer) in enumerate(county.departments.items(), start=1):
            write_layer(layer, goal / "departments" / f"{number:02d}_{name}.gpkg")
    write_table(county.addresses.drop(columns="geometry"), goal / "addresses.csv")
    write_table(county.organisations, goal / "organisations.csv")
    write_extract(county, goal / "county.osm.pbf")


def write_layers(county: County, folder: str | os.PathLike[str], names: tuple[str, ...]) -> None:
    """Write some layers of a county as GeoPackages named after them."""
    goal = Path(folder)
    _make(goal)
    with _same_date():
        for name in names:
            write_layer(getattr(county, name), goal / f"{name}.gpkg")


def write_roster(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a roster as CSV that a Chinese spreadsheet opens (UTF-8 with a byte order mark)."""
    write_table(frame, path)


def write_incidents(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write incidents as CSV or Parquet, by the suffix.

    Raises
    ------
    LayerError
        When the suffix is neither.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        write_table(frame, path)
    elif suffix in (".parquet", ".pq"):
        with atomic_path(path) as draft:
            frame.to_parquet(draft, index=False)
    else:
        raise LayerError(f"{Path(path).name}: cannot write {suffix!r}; allowed: .csv, .parquet")


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table as CSV in UTF-8 with a byte order mark."""
    with atomic_path(path) as draft:
        frame.to_csv(draft, index=False, encoding="utf-8-sig", float_format="%.8f", lineterminator="\n")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def _same_date() -> Iterator[None]:
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WRITTEN})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
