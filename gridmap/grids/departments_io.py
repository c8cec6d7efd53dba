"""Integrated plans on disk: the plan, and beside it the grids as the departments drew them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from gridmap.errors import LayerError
from gridmap.geo.files import atomic_path
from gridmap.geo.io import read_layer, write_layer
from gridmap.grids.departments_read import SOURCE_COLUMNS

if TYPE_CHECKING:
    from gridmap.grids.departments import Integration

SOURCES_LAYER: Final = "department_grids"
"""Layer of the plan file with the sources as they were read; plans are read without it."""


def write_integration(integration: Integration, path: str | os.PathLike[str]) -> None:
    """Write the plan with its mapping as ``Plan.save`` does, and the sources as layer ``department_grids`` beside it.

    What the file there has of the sources of other departments stays as long as the plan holds their mapping.

    Raises
    ------
    PlanError
        When the suffix is not one of a plan.
    OutputError
        When the disk refuses; what stood there before is untouched.
    """
    target = Path(path)
    sources = _with_others(integration, target)
    if target.suffix.lower() != ".gpkg":
        integration.plan.save(target)
        write_layer(sources, target / f"{SOURCES_LAYER}.parquet")
        return
    with atomic_path(target) as draft:
        integration.plan.save(draft)
        try:
            pyogrio.write_dataframe(
                sources, draft, layer=SOURCES_LAYER, driver="GPKG", promote_to_multi=True, geometry_type="MultiPolygon"
            )
        except (DataSourceError, DataLayerError, FeatureError) as error:
            raise OSError(f"{error}; is the disk full?") from error


def read_sources(path: str | os.PathLike[str]) -> gpd.GeoDataFrame:
    """Return the department grids that :func:`write_integration` kept with a plan.

    Raises
    ------
    LayerError
        When there are none.
    """
    source = Path(path)
    if source.is_dir():
        return read_layer(source / f"{SOURCES_LAYER}.parquet")
    return read_layer(source, layer=SOURCES_LAYER)


def _with_others(integration: Integration, target: Path) -> gpd.GeoDataFrame:
    if not target.exists():
        return integration.sources
    try:
        before = read_sources(target)
    except LayerError:
        return integration.sources
    mapped = set(integration.plan.department_map["department"]) - set(integration.sources["department"])
    kept = before[before["department"].isin(mapped)]
    if kept.empty:
        return integration.sources
    both = pd.concat([kept.to_crs(integration.sources.crs), integration.sources], ignore_index=True)
    return gpd.GeoDataFrame(both[[*SOURCE_COLUMNS, "geometry"]], crs=integration.sources.crs)
