"""Plans on disk: one GeoPackage that QGIS opens, or a folder of GeoParquet with the same tables.

==================  ==================================================================================================
table               what it holds
==================  ==================================================================================================
a layer a level     ``code`` and :data:`~gridmap.grids.plan.GRID_COLUMNS`, MultiPolygon, EPSG:4490 (4326 outside China)
``blocks``          where the plan is editable: ``block, households, residents, water``, codes of the finest tiling
                    level and of the partial ones below it, MultiPolygon
``plan``            ``key, value`` (JSON): format, layout, levels, and the metadata
``lineage``         :data:`~gridmap.grids.plan.LINEAGE_COLUMNS`
``journal``         :data:`~gridmap.grids.plan.JOURNAL_COLUMNS`
``department_map``  where departments were mapped onto the plan: the columns that the mapping has
``former_grids``    where the plan was edited: :data:`~gridmap.grids.frames.FORMER_GRID_COLUMNS`, to undo by
``former_blocks``   where an edit cut blocks: :data:`~gridmap.grids.frames.FORMER_BLOCK_COLUMNS`, MultiPolygon
==================  ==================================================================================================

Times are written in UTC, as the GeoPackage standard wants them, and read back in Asia/Shanghai.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from gridmap.errors import OutputError, PlanError
from gridmap.geo.files import atomic_path
from gridmap.grids.frames import FORMER_GRID_COLUMNS, JOURNAL_COLUMNS, LINEAGE_COLUMNS
from gridmap.grids.plan import LevelSpec, Plan, PlanMetadata

FORMAT: Final = "gridmap-plan"
FORMAT_VERSION: Final = 1

_ADVICE: Final = "make a plan with `gridmap draw` or `gridmap import`"


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write a plan whole or not at all: ``.gpkg`` a GeoPackage, no suffix or ``.parquet`` a folder of GeoParquet.

    Raises
    ------
    PlanError
        When the suffix is another one.
    OutputError
        When the disk refuses, or a folder stands there that is not a plan; what stood there is untouched.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (".gpkg", ".parquet", ""):
        raise PlanError(
            f"{target.name}: a plan is not written as {suffix}; allowed: .gpkg, or a folder without suffix or with "
            ".parquet for GeoParquet"
        )
    if suffix != ".gpkg":
        _refuse_foreign(target)
    with atomic_path(target) as draft:
        if suffix == ".gpkg":
            _write_geopackage(plan, draft)
        else:
            _write_folder(plan, draft)


def _refuse_foreign(target: Path) -> None:
    """Refuse to put a plan in the place of a file, or of a folder with other things in it."""
    if target.is_file():
        raise OutputError(f"{target} is a file; a plan of GeoParquet is a folder: give another name, or .gpkg")
    if target.is_dir() and any(target.iterdir()) and not (target / "plan.parquet").exists():
        raise OutputError(f"{target} is a folder that holds other things than a plan; give the name of a new folder")


def _tables(plan: Plan) -> dict[str, pd.DataFrame]:
    """Return everything that is written, by the name of its table."""
    tables: dict[str, pd.DataFrame] = {level: layer.reset_index() for level, layer in plan.layers.items()}
    if plan.blocks is not None:
        tables["blocks"] = plan.blocks
    tables["plan"] = _metadata_table(plan)
    tables["lineage"] = plan.lineage
    tables["journal"] = plan.journal
    if len(plan.department_map.columns):
        tables["department_map"] = plan.department_map
    if len(plan.former_grids):
        tables["former_grids"] = plan.former_grids
    if plan.former_blocks is not None and len(plan.former_blocks):
        tables["former_blocks"] = plan.former_blocks
    return {name: _in_utc(table) for name, table in tables.items()}


def _in_utc(table: pd.DataFrame) -> pd.DataFrame:
    times = [name for name in table.columns if isinstance(table[name].dtype, pd.DatetimeTZDtype)]
    written = table.assign(**{name: table[name].dt.tz_convert("UTC") for name in times})
    written.attrs = {}  # what blocks were made from is not part of the file
    return written


def _metadata_table(plan: Plan) -> pd.DataFrame:
    values: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "layout": plan.layout,
        "levels": [asdict(spec) for spec in plan.levels],
        **plan.metadata.to_values(),
    }
    texts = [json.dumps(value, ensure_ascii=False) for value in values.values()]
    return pd.DataFrame({"key": list(values), "value": texts})


def _write_geopackage(plan: Plan, draft: Path) -> None:
    tables = _tables(plan)
    try:
        for name, table in tables.items():
            shape = {"geometry_type": "MultiPolygon"} if isinstance(table, gpd.GeoDataFrame) else {}
            pyogrio.write_dataframe(table, draft, layer=name, driver="GPKG", promote_to_multi=True, **shape)
        _check_whole(draft, tables)
    except (DataSourceError, DataLayerError, FeatureError, sqlite3.Error) as error:
        raise OSError(f"{error}; is the disk full?") from error


def _check_whole(draft: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Refuse a file that lacks rows, or their spatial index, which GDAL leaves out silently when the disk is full."""
    with contextlib.closing(sqlite3.connect(draft)) as file:
        for name, table in tables.items():
            counts = {name: len(table)}
            if isinstance(table, gpd.GeoDataFrame):
                counts[f"rtree_{name}_geom"] = int((~table.geometry.is_empty).sum())
            for stored, rows in counts.items():
                quoted = stored.replace('"', '""')
                (written,) = file.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 - our own tables
                if written != rows:
                    raise OSError(f"only {written} of {rows} rows of {stored} were written; is the disk full?")


def _write_folder(plan: Plan, draft: Path) -> None:
    draft.mkdir()
    for name, table in _tables(plan).items():
        table.to_parquet(draft / f"{name}.parquet", compression="zstd", index=False)


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan written by :meth:`~gridmap.grids.plan.Plan.save`; it equals the one written and is as editable.

    Raises
    ------
    PlanError
        When there is nothing at ``path``, it cannot be read, or it is not a plan: the message says what is missing.

    Examples
    --------
    >>> import tempfile
    >>> from shapely import box
    >>> squares = [box(120, 31, 121, 32), box(121, 31, 122, 32)]
    >>> plan = Plan.from_layers({"town": gpd.GeoDataFrame({"code": ["A", "B"]}, geometry=squares, crs=4490)})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plan.save(f"{folder}/plan.gpkg")
    ...     read_plan(f"{folder}/plan.gpkg").equals(plan)
    True
    """
    source = Path(path)
    if not source.exists():
        raise PlanError(f"{source} does not exist; {_ADVICE}")
    names, read = _open_folder(source) if source.is_dir() else _open_geopackage(source)
    if "plan" not in names:
        raise PlanError(f"{source} is not a plan: it has no table 'plan', only {_spell(names)}; {_ADVICE}")
    values = _metadata(read("plan"), source)
    levels = tuple(_from_json(LevelSpec, spec, source) for spec in values["levels"])
    layers = {spec.name: _layer(read, spec.name, names, source) for spec in levels}
    blocks = _layer(read, "blocks", names, source) if "blocks" in names else None
    return Plan(
        levels=levels,
        layers=layers,
        layout=values["layout"],
        metadata=_plan_metadata(values, source),
        lineage=read("lineage") if "lineage" in names else pd.DataFrame(columns=list(LINEAGE_COLUMNS)),
        blocks=blocks,
        journal=read("journal") if "journal" in names else pd.DataFrame(columns=list(JOURNAL_COLUMNS)),
        department_map=read("department_map") if "department_map" in names else pd.DataFrame(),
        former_grids=read("former_grids")
        if "former_grids" in names
        else pd.DataFrame(columns=list(FORMER_GRID_COLUMNS)),
        former_blocks=_layer(read, "former_blocks", names, source) if "former_blocks" in names else None,
    )


Reader = Callable[[str], pd.DataFrame]


def _open_geopackage(source: Path) -> tuple[list[str], Reader]:
    try:
        names = [str(name) for name in pyogrio.list_layers(source)[:, 0]]
    except DataSourceError as error:
        raise PlanError(f"{source} is not a plan: it cannot be read ({error}); {_ADVICE}") from error

    def read(name: str) -> pd.DataFrame:
        try:
            table: pd.DataFrame = pyogrio.read_dataframe(source, layer=name)
        except (DataSourceError, DataLayerError) as error:
            raise PlanError(f"{source}, table {name}: cannot be read ({error})") from error
        return table

    return names, read


def _open_folder(source: Path) -> tuple[list[str], Reader]:
    def read(name: str) -> pd.DataFrame:
        path = source / f"{name}.parquet"
        try:
            return pd.read_parquet(path) if name in _PLAIN else gpd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise PlanError(f"{path}: cannot be read ({error})") from error

    return sorted(path.stem for path in source.glob("*.parquet")), read


_PLAIN: Final = ("plan", "lineage", "journal", "department_map", "former_grids")


def _metadata(table: pd.DataFrame, source: Path) -> dict[str, Any]:
    """Return the table ``plan`` as values, its format checked."""
    if not {"key", "value"} <= set(table.columns):
        raise PlanError(f"{source}, table plan: columns {_spell(table.columns)}; a plan has key and value; {_ADVICE}")
    try:
        values = {key: json.loads(value) for key, value in zip(table["key"], table["value"], strict=True)}
    except (TypeError, ValueError) as error:
        raise PlanError(f"{source}, table plan: a value is not JSON ({error})") from error
    if values.get("format") != FORMAT or "levels" not in values or "layout" not in values:
        raise PlanError(f"{source} is not a plan: its table 'plan' lacks format, levels or layout; {_ADVICE}")
    if values.get("format_version") != FORMAT_VERSION:
        raise PlanError(
            f"{source}: a plan of format {values.get('format_version')}, this gridmap reads {FORMAT_VERSION}; "
            "update gridmap"
        )
    if not isinstance(values["levels"], list):
        raise PlanError(f"{source}, table plan: levels is {values['levels']!r}, not a list of levels; {_ADVICE}")
    return values


def _plan_metadata(values: dict[str, Any], source: Path) -> PlanMetadata:
    for name in ("created_at", "valid_from"):
        if values.get(name) is not None:
            _check_time(values[name], name, source)
    try:
        return PlanMetadata.from_values(values)
    except (TypeError, ValueError) as error:
        raise PlanError(f"{source}, table plan: a value is not of its kind ({error}); {_ADVICE}") from error


def _check_time(text: str, name: str, source: Path) -> None:
    try:
        datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise PlanError(f"{source}, table plan: {name} {text!r} is not a time like 2026-11-01T08:00+08:00") from None


def _from_json(kind: type[LevelSpec], value: Any, source: Path) -> LevelSpec:
    try:
        return kind(**value)
    except TypeError as error:
        raise PlanError(f"{source}, table plan: {value!r} is not a level with name, tiles and digits") from error


def _layer(read: Reader, name: str, names: list[str], source: Path) -> gpd.GeoDataFrame:
    if name not in names:
        raise PlanError(f"{source} is not a whole plan: layer {name!r} is missing; it has {_spell(names)}")
    layer = read(name)
    if not isinstance(layer, gpd.GeoDataFrame):
        raise PlanError(f"{source}, layer {name}: it has no geometry")
    wanted = ("block",) if name in ("blocks", "former_blocks") else ("code", "parent")
    missing = [column for column in wanted if column not in layer.columns]
    if missing:
        raise PlanError(
            f"{source}, layer {name}: column {', '.join(missing)} is missing; it has {_spell(layer.columns)}"
        )
    return layer


def _spell(names: Any) -> str:
    return ", ".join(str(name) for name in names) or "nothing"
