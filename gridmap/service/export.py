"""Plans for others: the whole plan, or its grids as a Shapefile or GeoJSON, so that what is read back is what it was.

==============  ======================================================================================================
format          what is written
==============  ======================================================================================================
``gpkg``        the whole plan, editable (:func:`gridmap.read_plan` gives an equal one); of one level, a layer
``parquet``     the same as a folder of GeoParquet; of one level, one file
``shp``         a Shapefile a level with its ``.cpg``, a table of the shortened field names, and the lineage; in a
                folder, or zipped
``geojson``     RFC 7946: WGS 84, eight decimals, outer rings counter-clockwise; the level is a property
==============  ======================================================================================================

A plan holds no grid staff. Who edited it stands in the journal, which only the first two carry, whole.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import InputError, OutputError, UnknownNameError
from gridmap.geo.files import atomic_path
from gridmap.geo.io import write_layer
from gridmap.grids.frames import GRID_COLUMNS
from gridmap.grids.plan import Plan

Format = Literal["gpkg", "parquet", "shp", "geojson"]
FORMATS: Final[tuple[Format, ...]] = ("gpkg", "parquet", "shp", "geojson")
ENCODINGS: Final = ("utf-8", "gbk")
MOST_BYTES: Final = 254
"""Of a text in a Shapefile; a name of a field has ten."""

FIELDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    "code": ("code", "网格编码"), "name": ("name", "网格名称"), "parent": ("parent", "上级网格编码"),
    "kind": ("kind", "网格类型"), "area_m2": ("area_m2", "面积（平方米）"), "households": ("households", "户数"),
    "residents": ("residents", "人口"), "land_use": ("land_use", "用地类型"), "grade": ("grade", "等级"),
    "responsible_body": ("resp_body", "责任单位"), "line_department": ("line_dept", "归口部门"),
    "valid_from": ("valid_from", "启用时间"), "valid_to": ("valid_to", "停用时间"),
})  # fmt: skip
"""What a column is called in a Shapefile, and what it means."""

_SUFFIXES: Final[Mapping[str, Format]] = MappingProxyType({
    ".gpkg": "gpkg", ".parquet": "parquet", ".shp": "shp", ".zip": "shp", ".geojson": "geojson", ".json": "geojson",
})  # fmt: skip


def export_plan(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    form: Format | None = None,
    level: str | None = None,
    encoding: str = "utf-8",
) -> tuple[str, ...]:
    """Write a plan for others, whole or not at all.

    Parameters
    ----------
    plan
        The plan.
    path
        Where to. A Shapefile goes into a folder, or into one file that ends in ``.zip``.
    form
        One of :data:`FORMATS`; by default what the suffix says.
    level
        Grids of one level alone.
    encoding
        Of a Shapefile: ``utf-8`` or ``gbk``, what older software in China reads.

    Returns
    -------
    tuple of str
        What whoever gets it should know: texts that were cut because a Shapefile holds no longer ones.

    Raises
    ------
    InputError
        When the format or the encoding is none of those, or a letter does not exist in the encoding.
    UnknownNameError
        When the plan has no such level.
    OutputError
        When the disk refuses; what stood there before is untouched.

    Examples
    --------
    >>> import pathlib, tempfile, gridmap
    >>> squares = [shapely.box(120, 31, 121, 32), shapely.box(121, 31, 122, 32)]
    >>> plan = Plan.from_layers({"town": gpd.GeoDataFrame({"code": ["A", "B"]}, geometry=squares, crs=4490)})
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "towns.zip"
    >>> export_plan(plan, path, encoding="gbk")
    ()
    >>> gridmap.geo.io.read_layer(path)["code"].tolist()
    ['A', 'B']
    """
    target = Path(path)
    chosen = form or format_of(target)
    if encoding.lower() not in ENCODINGS:
        raise InputError(f"encoding {encoding!r} is not written; allowed: {', '.join(ENCODINGS)}")
    if encoding.lower() != "utf-8" and chosen != "shp":
        raise InputError(f"{chosen} is always UTF-8; an encoding is chosen for a Shapefile alone")
    layers = chosen_layers(plan, level)
    if chosen == "shp":
        return _write_shapefiles(plan, layers, target, encoding.upper())
    if chosen == "geojson":
        _write_geojson(layers, target)
    elif level is None:
        _refuse_suffix(target, (".gpkg",) if chosen == "gpkg" else (".parquet", ""))
        plan.save(target)
    else:
        _refuse_suffix(target, (f".{chosen}",))
        write_layer(_in_utc(layers[level].reset_index()), target, layer=level)
    return ()


def format_of(path: Path) -> Format:
    """Return the format that a name says.

    Raises
    ------
    InputError
        When it says none.

    Examples
    --------
    >>> format_of(Path("small.zip"))
    'shp'
    """
    try:
        return _SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise InputError(
            f"{path.name} does not say its format; give it one of the suffixes {', '.join(_SUFFIXES)}, or name it: "
            f"--format {'|'.join(FORMATS)}"
        ) from None


def chosen_layers(plan: Plan, level: str | None) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers of a level, or of all.

    Raises
    ------
    UnknownNameError
        When the plan has no such level.
    """
    if level is None:
        return dict(plan.layers)
    if level not in plan.layers:
        raise UnknownNameError(f"the plan has no level {level!r}; it has {', '.join(plan.layers)}")
    return {level: plan.layers[level]}


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder, or a ``.zip`` of it, and put it in place whole.

    Raises
    ------
    OutputError
        When a file stands there, or a folder with something in it.
    """
    zipped = target.suffix.lower() == ".zip"
    if not zipped and target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(f"{target} is there already; give the name of a new folder, or one that ends in .zip")
    with atomic_path(target) as draft:
        folder = draft.with_suffix(".folder") if zipped else draft
        folder.mkdir()
        fill(folder)
        if zipped:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
                for part in sorted(folder.rglob("*")):
                    archive.write(part, part.relative_to(folder))


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with a mark in front, so that Excel reads its Chinese."""
    path.write_text(table.to_csv(index=False, lineterminator="\r\n"), encoding="utf-8-sig", newline="")


def _in_utc(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table whose times are in UTC, as the GeoPackage standard wants them."""
    return table.assign(**{name: table[name].dt.tz_convert("UTC") for name in ("valid_from", "valid_to")})


def _refuse_suffix(target: Path, allowed: tuple[str, ...]) -> None:
    if target.suffix.lower() not in allowed:
        spelled = " or ".join(each or "no suffix" for each in allowed)
        raise InputError(f"{target.name}: this is written with {spelled}")


def _write_shapefiles(
    plan: Plan, layers: Mapping[str, gpd.GeoDataFrame], target: Path, encoding: str
) -> tuple[str, ...]:
    if target.suffix.lower() not in (".zip", "", ".shp"):
        raise InputError(f"{target.name}: Shapefiles go into a folder, or a file that ends in .zip")
    tables, notes = {}, []
    for level, layer in layers.items():
        tables[level], cut = _as_dbf(layer, level, encoding)
        notes += cut
    if target.suffix.lower() == ".shp":
        if len(tables) > 1:
            raise InputError(f"{target.name} holds one level; choose it with --level, or write a .zip of all")
        with atomic_path(target) as draft:
            _write_shapefile(next(iter(tables.values())), draft, encoding)
            write_table(_field_table(), draft.with_name(f"{draft.stem}.fields.csv"))
        return tuple(notes)

    def fill(folder: Path) -> None:
        for level, table in tables.items():
            _write_shapefile(table, folder / f"{level}.shp", encoding)
        write_table(_field_table(), folder / "fields.csv")
        if len(plan.lineage):
            write_table(plan.lineage, folder / "lineage.csv")

    write_folder(target, fill)
    return tuple(notes)


def _write_shapefile(table: gpd.GeoDataFrame, path: Path, encoding: str) -> None:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

    try:
        pyogrio.write_dataframe(table, path, driver="ESRI Shapefile", encoding=encoding, geometry_type="Polygon")
    except (DataSourceError, DataLayerError, FeatureError) as error:
        raise OSError(str(error)) from error


def _as_dbf(layer: gpd.GeoDataFrame, level: str, encoding: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return a layer as a Shapefile can hold it, and what had to be cut."""
    table, notes = layer.reset_index(), []
    for name in ("code", *GRID_COLUMNS):
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            table[name] = as_iso(table[name])
        elif table[name].dtype.kind not in "fiub":
            values = [_encoded(each, f"{level} {code}, {name}", encoding) for code, each in zip(
                layer.index, table[name], strict=True)]  # fmt: skip
            long = [code for code, each in zip(layer.index, values, strict=True) if each and len(each) > MOST_BYTES]
            if long:
                notes.append(
                    f"{level}: {name} of {len(long)} grids is cut to {MOST_BYTES} bytes, the first is {long[0]}"
                )
            table[name] = [None if each is None else _cut(each, encoding) for each in values]
    return table.rename(columns={name: short for name, (short, _) in FIELDS.items()}), notes


def as_iso(times: pd.Series) -> list[str | None]:
    """Return times as text with their zone, ``None`` where there is none."""
    return [None if each is pd.NaT else each.isoformat(timespec="seconds") for each in times]


def _encoded(value: str | None, where: str, encoding: str) -> bytes | None:
    try:
        return None if value is None else value.encode(encoding)
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        raise InputError(f"{where}: {letter!r} does not exist in {encoding}; write the Shapefile in utf-8") from None


def _cut(text: bytes, encoding: str) -> str:
    """Return a text that fits, without half a letter at its end."""
    return text[:MOST_BYTES].decode(encoding, errors="ignore") if len(text) > MOST_BYTES else text.decode(encoding)


def _field_table() -> pd.DataFrame:
    return pd.DataFrame(
        [(short, name, said) for name, (short, said) in FIELDS.items()], columns=["field", "column", "含义"]
    )


def _write_geojson(layers: Mapping[str, gpd.GeoDataFrame], target: Path) -> None:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

    _refuse_suffix(target, (".geojson", ".json"))
    parts = [layer.reset_index().assign(level=level) for level, layer in layers.items()]
    table = pd.concat(parts, ignore_index=True)
    shapes = shapely.orient_polygons(np.asarray(table.geometry.values, dtype=object), exterior_cw=False)
    for name in ("valid_from", "valid_to"):
        table[name] = as_iso(table[name])
    columns: dict[str, Any] = {name: table[name] for name in ("level", "code", *GRID_COLUMNS)}
    # EPSG:4490 is taken as WGS 84 (design.md, decision 1): nothing is transformed.
    made = gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)
    content = BytesIO()
    with atomic_path(target) as draft:
        try:
            pyogrio.write_dataframe(made, content, driver="GeoJSON", RFC7946="YES", COORDINATE_PRECISION="8")
        except (DataSourceError, DataLayerError, FeatureError) as error:
            raise OSError(str(error)) from error
        draft.write_bytes(content.getbuffer())
