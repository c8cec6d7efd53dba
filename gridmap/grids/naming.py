"""Codes and names of drawn grids: official ones of given levels are kept, the others follow the layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.codes import assign_codes
from gridmap.grids.given import GivenReport
from gridmap.grids.plan import LevelSpec

TITLES: Final[Mapping[str, str]] = {"large": "大网格", "medium": "中网格", "small": "小网格", "micro": "微网格"}


@dataclass(frozen=True, eq=False)
class Names:
    """What codes and names are made from."""

    specs: tuple[LevelSpec, ...]
    county_code: str
    given: GivenReport | None
    dedicated: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class NamedGrids:
    """``codes[level]`` is a code (or None) a block; ``tables[level]`` the grids of the level by code."""

    codes: Mapping[str, np.ndarray]
    tables: Mapping[str, pd.DataFrame]


def name_grids(blocks: gpd.GeoDataFrame, labels: Mapping[str, m.Ints], names: Names) -> NamedGrids:
    """Give every grid its code and its name.

    Parameters
    ----------
    blocks
        All blocks, in storage CRS.
    labels
        A number a block at every level, -1 where a partial level has none.
    names
        See :class:`Names`.
    """
    shapes = np.asarray(blocks.geometry.values, dtype=object)
    lonlat = shapely.get_coordinates(shapely.centroid(shapes))
    area = shapely.area(shapes)
    codes: dict[str, np.ndarray] = {}
    tables: dict[str, pd.DataFrame] = {}
    above: LevelSpec | None = None
    finest = [spec.name for spec in names.specs if spec.tiles][-1]
    for spec in names.specs:
        label = labels[spec.name]
        number, first = np.unique(label[label >= 0], return_index=True)
        block = np.flatnonzero(label >= 0)[first]
        if names.given is not None and spec.name in names.given.levels:
            codes[spec.name], tables[spec.name] = _official(blocks, spec.name, names.given)
        else:
            parents = [names.county_code] * len(number) if above is None else codes[above.name][block].tolist()
            lon, lat = (_mean(label, lonlat[:, i], area, number) for i in (0, 1))
            made = assign_codes(parents, lon, lat, spec.digits)
            lookup = np.full(label.max() + 2, None, dtype=object)
            lookup[number] = made
            codes[spec.name] = lookup[label]
            apart = names.dedicated if spec.name == finest else {}
            parent = None if above is None else tables[above.name]
            tables[spec.name] = _table(made, parents, parent, spec, [apart.get(int(n)) for n in number])
        above = spec
    return NamedGrids(codes, tables)


def _mean(label: m.Ints, value: m.Floats, area: m.Floats, number: m.Ints) -> m.Floats:
    """Return the area-weighted mean of a coordinate by grid: the point that codes are ordered by."""
    inside = label >= 0
    total = np.bincount(label[inside], weights=area[inside])
    return np.asarray((np.bincount(label[inside], weights=(value * area)[inside]) / np.maximum(total, 1e-300))[number])


def _official(blocks: gpd.GeoDataFrame, level: str, given: GivenReport) -> tuple[np.ndarray, pd.DataFrame]:
    table = pd.DataFrame({"name": given.names[level]}).rename_axis("code")
    table["parent"] = pd.Series(given.parents.get(level, {}), dtype=object).reindex(table.index)
    table["parent"] = table["parent"].astype(object).where(table["parent"].notna(), None)
    table["kind"] = pd.Series(given.kinds[level], dtype=object).reindex(table.index).replace("", None).fillna("base")
    return blocks[level].to_numpy(dtype=object), table


def _table(
    codes: np.ndarray, parents: list[str], above: pd.DataFrame | None, spec: LevelSpec, dedicated: list[str | None]
) -> pd.DataFrame:
    title = TITLES.get(spec.name, spec.name)
    prefix = ["" if above is None else str(above["name"].get(parent, "")) for parent in parents]
    named = [f"{start}第{int(code[-spec.digits :])}{title}" for start, code in zip(prefix, codes, strict=True)]
    table = pd.DataFrame(
        {
            "name": [own or name for own, name in zip(dedicated, named, strict=True)],
            "parent": [None] * len(codes) if above is None else parents,
            "kind": ["base" if own is None else "dedicated" for own in dedicated],
        },
        index=pd.Index(codes, name="code"),
    )
    return table.sort_index()
