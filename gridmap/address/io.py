"""Files in and out: lists of addresses, layers of buildings, places, streets, further names; the index."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.address.build import Built, Given, Progress, build_index
from gridmap.address.findings import Finding, findings_table
from gridmap.address.region import Region
from gridmap.address.script import clean
from gridmap.address.table_headers import ALIAS_HEADERS, KINDS, PLACE_HEADERS, as_list, as_named, kind_of_table
from gridmap.errors import CrsError, InputError
from gridmap.geo.crs import STORAGE_CRS, metric_crs_of
from gridmap.geo.files import atomic_path, text_encoding
from gridmap.geo.gcj02 import convert
from gridmap.geo.io import is_extract, read_layer

_EXCEL: Final = (".xlsx", ".xlsm")
_TABLES: Final = (".csv", ".txt", ".tsv", *_EXCEL)
_ZIPPED: Final = (".gz", ".zip", ".bz2", ".xz")
_MOST_FILES: Final = 255
_PREFIX: Final = re.compile(rf"({'|'.join(KINDS)})=(.+)", re.DOTALL)


@dataclass
class _Pieces:
    """What was read so far."""

    rows: list[pd.DataFrame] = field(default_factory=list)
    places: list[pd.DataFrame] = field(default_factory=list)
    aliases: list[pd.DataFrame] = field(default_factory=list)
    streets: list[gpd.GeoDataFrame] = field(default_factory=list)


def parse_region(value: str) -> Region:
    """Parse ``江苏省,无锡市,锡澄县``; a part may be empty.

    Raises
    ------
    InputError
        When it has not three parts.

    Examples
    --------
    >>> parse_region("江苏省,无锡市,锡澄县").county
    '锡澄县'
    """
    parts = [clean(part) for part in re.split("[,，]", value)]
    if len(parts) != 3:
        raise InputError(f"--region {value!r} is not PROVINCE,CITY,COUNTY; for example 江苏省,无锡市,锡澄县")
    return Region(*parts)


def read_given(
    files: Iterable[str | os.PathLike[str]],
    *,
    columns: Mapping[str, str] | None = None,
    region: Region | None = None,
    crs: str | int = "cgcs2000",
    progress: Progress | None = None,
) -> Given:
    """Read what an index is made of.

    Parameters
    ----------
    files
        Paths, or ``KIND=PATH`` where the kind is not to be recognised: ``list`` (addresses: CSV, Excel, any layer, an
        extract of OpenStreetMap), ``buildings`` (a layer with addresses), ``places`` (points with ``name``, ``kind``),
        ``streets`` (centre lines), ``aliases`` (table of ``name, alias, kind, town``).
    columns
        Of lists: standard column (:data:`gridmap.address.table.HEADERS`) → header; the others are recognised.
    region
        Where the county lies; as of the lists' own columns where it is not said.
    crs
        Of the columns of coordinates in tables: ``wgs84``, ``cgcs2000``, ``gcj02``, ``bd09``, or an EPSG code. Layers
        say theirs.
    progress
        Told the share done and what is read.

    Raises
    ------
    InputError
        When a file cannot be read as its kind, or no file has addresses.
    CrsError
        When coordinates cannot be in their system.

    Examples
    --------
    >>> given = read_given(["data/town/addresses.csv", "data/town/streets.gpkg"])
    >>> len(given.rows), given.sources, given.streets is not None
    (1136, ('addresses.csv', 'streets.gpkg'), True)
    """
    asked = [_kind_and_path(str(each)) for each in files]
    if not asked or len(asked) > _MOST_FILES:
        raise InputError(f"{len(asked)} files are given; allowed: 1 to {_MOST_FILES}")
    pieces = _Pieces()
    for source, (kind, path) in enumerate(asked):
        if progress is not None:
            progress(source / len(asked), path.name)
        _read_file(path, kind, source, columns or {}, crs, pieces)
    if not pieces.rows:
        names = ", ".join(path.name for _, path in asked)
        raise InputError(f"there are no addresses in {names}; give a list of them, or say which file is one: list=FILE")
    return Given(
        rows=pd.concat(pieces.rows, ignore_index=True),
        streets=_together(pieces.streets),
        region=region or Region(),
        sources=tuple(path.name for _, path in asked),
        **{name: pd.concat(found, ignore_index=True) for name, found in _named(pieces) if found},
    )


def build_file(
    files: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    region: Region | None = None,
    crs: str | int = "cgcs2000",
    progress: Progress | None = None,
) -> Built:
    """Make an index of files and write it, whole or not at all; see :func:`read_given`.

    Raises
    ------
    InputError
        When nothing of the files can be used.
    OutputError
        When the disk refuses; what stood there before is untouched.
    """
    tell = progress or (lambda *_: None)
    given = read_given(
        files, columns=columns, region=region, crs=crs, progress=lambda share, what: tell(0.2 * share, what)
    )
    built = build_index(given, progress=lambda share, what: tell(0.2 + 0.75 * share, what))
    tell(0.95, Path(path).name)
    built.index.save(path)
    return built


def write_findings(findings: Sequence[Finding], path: str | os.PathLike[str]) -> None:
    """Write findings as CSV that spreadsheets open (UTF-8 with its mark), whole or not at all."""
    with atomic_path(path) as draft:
        findings_table(findings).to_csv(draft, index=False, encoding="utf-8-sig")


def _kind_and_path(value: str) -> tuple[str, Path]:
    found = _PREFIX.fullmatch(value)
    return (found[1], Path(found[2])) if found else ("", Path(value))


def _named(pieces: _Pieces) -> list[tuple[str, list[pd.DataFrame]]]:
    return [("places", pieces.places), ("aliases", pieces.aliases)]


def _together(layers: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame | None:
    if not layers:
        return None
    return gpd.GeoDataFrame(pd.concat([layer.to_crs(STORAGE_CRS) for layer in layers], ignore_index=True))


def _read_file(
    path: Path, kind: str, source: int, columns: Mapping[str, str], crs: str | int, pieces: _Pieces
) -> None:  # fmt: skip
    """Read one file into the pieces of its kind."""
    if kind == "streets" or not _is_table(path):
        layer = read_layer(path, role="streets" if kind == "streets" else "addresses")
        kind = kind or _kind_of_layer(layer)
        if kind == "streets":
            pieces.streets.append(layer)
            return
        table, crs = _as_table(layer, path), "cgcs2000"
    else:
        table = _read_table(path)
        kind = kind or kind_of_table(each for each in table.columns if each != "line")
    if kind in ("list", "buildings"):
        rows = as_list(table, kind, columns if kind == "list" else {}, path.name)
        pieces.rows.append(_placed(rows, crs, path.name).assign(source=source, layer=kind == "buildings"))
    elif kind == "places":
        places = as_named(table, PLACE_HEADERS, ("name", "lon", "lat"), path.name)
        pieces.places.append(_placed(places, crs, path.name).assign(source=source))
    else:
        pieces.aliases.append(as_named(table, ALIAS_HEADERS, ("name", "alias"), path.name).assign(source=source))


def _is_table(path: Path) -> bool:
    inner = path.with_suffix("") if path.suffix.lower() in _ZIPPED else path
    return inner.suffix.lower() in _TABLES


def _kind_of_layer(layer: gpd.GeoDataFrame) -> str:
    """Return what a layer is: lines are streets, areas with addresses buildings, points a list or places."""
    dimension = int(shapely.get_dimensions(np.asarray(layer.geometry.values)).max(initial=0))
    if dimension == 1:
        return "streets"
    kind = kind_of_table(layer.columns.drop(layer.geometry.name))
    return "buildings" if dimension == 2 and "address" in layer.columns else kind


def _as_table(layer: gpd.GeoDataFrame, path: Path) -> pd.DataFrame:
    """Return a layer as a table with degrees of a point inside each feature, and how far that may be from its edge."""
    shapes = np.asarray(layer.geometry.values)
    points = shapely.point_on_surface(shapes)
    degrees = gpd.GeoSeries(points, crs=layer.crs).to_crs(STORAGE_CRS)
    table = pd.DataFrame(layer.drop(columns=layer.geometry.name))
    if is_extract(path):
        table = table.rename(columns={"city": "town"})
        table["street"] = table["street"].fillna(table["place"])
    table = table.drop(columns=[each for each in table.columns if str(each).lower() in ("lon", "lat", "x", "y")])
    return table.assign(
        lon=degrees.x.to_numpy(), lat=degrees.y.to_numpy(), line=np.arange(len(table)) + 1, extent_m=_extents(layer)
    )


def _extents(layer: gpd.GeoDataFrame) -> np.ndarray:
    """Return how far the edge of each feature may be from a point in it, in metres; NaN geometry has none."""
    box = shapely.bounds(np.asarray(layer.geometry.to_crs(metric_crs_of(layer)).values))
    found: np.ndarray = np.nan_to_num(np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]))
    return found


def _read_table(path: Path) -> pd.DataFrame:
    """Read a table, every cell the text that it is, with the ``line`` of each row; rows without any text are none."""
    if not path.exists():
        raise InputError(f"{path} does not exist; give a CSV or Excel file, or a layer")
    try:
        table = _cells(path)
    except (ValueError, LookupError, OSError, zipfile.BadZipFile, pd.errors.ParserWarning) as error:
        raise InputError(f"{path.name} cannot be read as a table: {error}") from error
    said = (table.drop(columns="line") != "").any(axis=1).to_numpy() if len(table) else np.zeros(0, dtype=bool)
    if not said.any():
        raise InputError(f"{path.name}: there is no row below the header")
    return table[said]


def _cells(path: Path) -> pd.DataFrame:
    """Return the cells of a table, and the ``line`` each row begins at: a cell may have several lines of a text."""
    if path.suffix.lower() in _EXCEL:
        table = pd.read_excel(path, dtype=str).fillna("")
        return table.assign(line=np.arange(len(table)) + 2)
    with warnings.catch_warnings():
        # Fields beyond the header would be dropped with a warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        encoding = "utf-8-sig" if path.suffix.lower() in _ZIPPED else text_encoding(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        table = pd.read_csv(
            path, dtype=str, encoding=encoding, sep=separator, skipinitialspace=True, index_col=False,
            skip_blank_lines=False, keep_default_na=False, na_values=[],
        ).fillna("")  # fmt: skip
    breaks = np.zeros(len(table), dtype=np.int64)
    for column in table:
        breaks += np.array([text.count("\n") for text in table[column]], dtype=np.int64)
    first = 2 + sum(str(column).count("\n") for column in table)
    return table.assign(line=first + np.arange(len(table)) + np.cumsum(breaks) - breaks)


def _placed(rows: pd.DataFrame, crs: str | int, name: str) -> pd.DataFrame:
    """Return rows whose coordinates are degrees in EPSG:4490.

    Raises
    ------
    CrsError
        When none of the numbers can be what they are said to be: what the numbers look like is said.
    """
    if "lon" not in rows or "lat" not in rows:
        return rows
    x, y = (pd.to_numeric(rows[axis], errors="coerce").to_numpy(dtype=np.float64) for axis in ("lon", "lat"))
    known = np.isfinite(x) & np.isfinite(y)
    lon, lat = convert(x, y, crs, "cgcs2000")
    with np.errstate(invalid="ignore"):
        real = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    if known.any() and not (known & real).any():
        first = int(np.flatnonzero(known)[0])
        swapped = ((np.abs(y) <= 180) & (np.abs(x) <= 90) & known).any()
        hint = "the axes look swapped: --columns lon=…,lat=…" if swapped else "say which system they are in: --crs"
        raise CrsError(f"{name}: ({x[first]:g}, {y[first]:g}) is no longitude and latitude in degrees; {hint}")
    return rows.assign(lon=lon, lat=lat)
