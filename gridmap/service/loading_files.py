"""Files that are loaded, by the command line and over HTTP: read by the readers there are, judged by the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gridmap.errors import InputError, LayerError

if TYPE_CHECKING:
    import geopandas as gpd
    from sqlalchemy.orm import Session

    from gridmap.service.loading import CircleTables, DepartmentSource, LoadOptions, LoadReport

Kind: TypeAlias = Literal["roster", "organisations", "stations", "circles", "departments"]
TABLES: Final[tuple[Kind, ...]] = ("roster", "organisations")
"""What is loaded from a sheet; the rest are layers."""


@dataclass(frozen=True)
class DepartmentFile:
    """Where a department has its grids, and in which columns it keeps codes and names."""

    path: Path
    code: str = "code"
    name: str | None = None


@dataclass(frozen=True)
class Files:
    """What is to be loaded.

    Parameters
    ----------
    kind
        What it is.
    path
        The file; departments have theirs below.
    stations
        Of circles: load the stations in their file too.
    station
        The column that names stations.
    departments
        Department → its file.
    """

    kind: Kind
    path: Path | None = None
    stations: bool = False
    station: str = "station"
    departments: Mapping[str, DepartmentFile] = field(default_factory=dict)


def load_files(session: Session, files: Files, options: LoadOptions) -> LoadReport:
    """Read files and load them.

    Parameters
    ----------
    session
        An open transaction.
    files
        What.
    options
        How.

    Raises
    ------
    GridmapError
        When a file cannot be read at all; rows that cannot be used stand in the report.
    """
    from gridmap.people.io import ROSTER, parse_roster
    from gridmap.people.organisations import read_organisations
    from gridmap.people.sheets import read_sheet
    from gridmap.service import loading

    if files.kind == "departments":
        return loading.load_departments(session, _departments(files), options)
    path = _path(files)
    if files.kind == "roster":
        return loading.load_roster(session, parse_roster(read_sheet(path, ROSTER), path.name), options)
    if files.kind == "organisations":
        return loading.load_organisations(session, read_organisations(path), options)
    if files.kind == "stations":
        layer = read_station_layer(path, files.station)
        return loading.load_stations(session, layer, options, station=files.station)
    return loading.load_circles(session, _circles(path, files), options)


def _path(files: Files) -> Path:
    if files.path is None:
        raise InputError(f"{files.kind}: no file is given")
    return files.path


def read_station_layer(path: Path, station: str) -> gpd.GeoDataFrame:
    """Read stations: the layer of that name where a file has one, else its first.

    Raises
    ------
    LayerError
        When it cannot be read, or has no column that names stations.
    """
    from gridmap.circles.demand import column_of
    from gridmap.circles.stations import read_stations
    from gridmap.geo.io import read_layer

    own = "stations" if "stations" in _layers(path) else None
    layer = read_stations(read_layer(path, layer=own, role="places", checked=False), path.name)
    column_of(layer, station, path.name)
    return layer


def _circles(path: Path, files: Files) -> CircleTables:
    from gridmap.service.circle_files import read_circle_file
    from gridmap.service.loading import CircleTables

    has_stations = "stations" in _layers(path)
    read = read_circle_file(path)
    if files.stations and not has_stations:
        raise InputError(f"{path.name} has no layer stations; load them from a file of their own")
    stations = read_station_layer(path, files.station) if files.stations else None
    return CircleTables(read.circles, read.coverage, stations, files.station)


def _departments(files: Files) -> dict[str, DepartmentSource]:
    from gridmap.geo.io import read_layer
    from gridmap.service.loading import DepartmentSource

    if not files.departments:
        raise InputError("no department is given; write for example 公安=police.gpkg:code")
    return {
        department: DepartmentSource(read_layer(each.path), each.code, each.name)
        for department, each in files.departments.items()
    }


def _layers(path: Path) -> set[str]:
    import pyogrio

    if path.suffix.lower() != ".gpkg" or not path.exists():
        return set()
    try:
        return {str(name) for name in pyogrio.list_layers(path)[:, 0]}
    except pyogrio.errors.DataSourceError as error:
        raise LayerError(f"{path.name} cannot be read as a vector layer: {error}") from error
