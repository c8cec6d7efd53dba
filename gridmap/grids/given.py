"""Blocks under given borders: cut by the lowest given level, each block with the codes of the units it lies in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.blocks import BLOCK_COLUMNS, blocks_frame, north_to_south
from gridmap.grids.carve import Carved, go_round
from gridmap.grids.layers import Layer
from gridmap.grids.seams import CutBlocks, cut_by_units
from gridmap.grids.units import Units, county_of, find_parents, read_units, refuse_none, refuse_outside
from gridmap.grids.weights import sources_of

_MOVED_COLUMNS: Final = ("building", "level", "from", "to", "footprint_m2")


@dataclass(frozen=True, eq=False)
class GivenReport:
    """What laying blocks under given borders found; travels as ``blocks.attrs["given"]``.

    Parameters
    ----------
    levels
        The given levels, the coarsest first; each is a column of codes of the blocks.
    names
        Per level the name of each code.
    parents
        Per level below the first the code of each code's parent.
    kinds
        Per level the kind of each code (``urban``, ``village`` …), where the layer says.
    moved
        Buildings that stood across a given border: ``building`` (index in the building layer), ``level``, ``from``
        and ``to`` (codes), ``footprint_m2``. The border now runs round them.
    notes
        What a person should know, in sentences.
    """

    levels: tuple[str, ...]
    names: Mapping[str, Mapping[str, str]]
    parents: Mapping[str, Mapping[str, str]]
    kinds: Mapping[str, Mapping[str, str]]
    moved: pd.DataFrame
    notes: tuple[str, ...]

    def __copy__(self) -> GivenReport:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> GivenReport:
        # pandas copies attrs with every frame it derives; the report is only read
        return self


def overlay_given(blocks: gpd.GeoDataFrame, within: Mapping[str, Layer]) -> gpd.GeoDataFrame:
    """Cut blocks by given borders and give each the codes of the units it lies in.

    The borders of the lowest given level count; units above are unions of those below (their parents by a column
    ``parent``, by code prefix or by largest overlap). Slivers along a border that nearly follows a street go to the
    neighbour inside the same unit. A building across a border goes whole to the side that holds most of it, the border
    is led round it, and that is noted. Water that no unit covers is split between the units on its banks.

    Parameters
    ----------
    blocks
        As from :func:`gridmap.grids.blocks.make_blocks`. What was counted on them is counted anew from
        ``attrs["sources"]``, or shared out by area where they have none.
    within
        Level names, the coarsest first, to layers (any CRS) with ``code`` and, if known, ``name, parent, kind``.

    Returns
    -------
    GeoDataFrame
        The blocks, renumbered, with a column of codes for each given level. ``attrs["given"]`` is the
        :class:`GivenReport`. A unit that is all water has its largest water block turned into land, so that it can
        have grids of its own.

    Raises
    ------
    UnknownNameError
        When a layer has no ``code``.
    LayerError
        When a unit lies outside of the boundary, land lies in no unit or in two, or a parent does not exist.

    Examples
    --------
    >>> from shapely import box
    >>> blocks = gpd.GeoDataFrame({"block": [0], "households": [90.0], "residents": [0.0], "water": [False]},
    ...     crs=4490, geometry=[box(120.3, 31.5, 120.33, 31.51)])
    >>> towns = gpd.GeoDataFrame({"code": ["A", "B"]}, crs=4490,
    ...     geometry=[box(120.3, 31.5, 120.31, 31.51), box(120.31, 31.5, 120.33, 31.51)])
    >>> overlay_given(blocks, {"large": towns})[["block", "households", "large"]].round(3)
       block  households large
    0      0        30.0     A
    1      1        60.0     B
    """
    refuse_none(within)
    county, metric = county_of(blocks)
    levels = [read_units(level, layer, blocks.crs) for level, layer in within.items()]
    for units in levels:
        refuse_outside(units, county, metric)
    found = [find_parents(below, above) for above, below in pairwise(levels)]
    parents = [parent for parent, _ in found]
    footprints = _footprints(blocks)
    cut = cut_by_units(blocks, levels[-1], footprints, metric)
    carved = go_round(cut.mosaic, cut.water, cut.unit, footprints, metric)
    water, drained = _drain(carved, metric)
    moved = _moved(blocks, carved, cut.unit, levels[-1], metric)
    notes = [note for _, some in found for note in some]
    notes += [*cut.notes, *(f"{levels[-1].level} {levels[-1].codes[i]} is all water: its largest water counts as land "
              "so that it can have grids" for i in drained)]  # fmt: skip
    if len(moved):
        notes.append(f"{levels[-1].level}: borders run round {len(moved)} buildings that stood across them")
    report = GivenReport(
        tuple(units.level for units in levels),
        {units.level: dict(zip(units.codes, units.names or units.codes, strict=True)) for units in levels},
        _parent_codes(levels, parents),
        {units.level: dict(zip(units.codes, units.kinds, strict=bool(units.kinds))) for units in levels},
        moved,
        tuple(notes),
    )
    return _frame(blocks, cut, carved, water, levels, parents, report)


def _parent_codes(levels: list[Units], parents: list[m.Ints]) -> dict[str, dict[str, str]]:
    return {
        below.level: {code: above.codes[i] for code, i in zip(below.codes, parent.tolist(), strict=True)}
        for (above, below), parent in zip(pairwise(levels), parents, strict=True)
    }


def _footprints(blocks: gpd.GeoDataFrame) -> m.Geometries:
    sources = sources_of(blocks)
    if sources is None or sources.buildings is None:
        return np.empty(0, dtype=object)
    return np.asarray(sources.buildings.geometry.values, dtype=object)


def _drain(carved: Carved, crs: pyproj.CRS) -> tuple[m.Flags, list[int]]:
    """Turn the largest water of each unit without land into land; return the new flags and those units."""
    water = carved.water.copy()
    land_units = np.unique(carved.unit[~water])
    drained = [int(unit) for unit in np.unique(carved.unit) if unit not in land_units]
    for unit in drained:
        own = np.flatnonzero(carved.unit == unit)
        water[own[np.argmax(shapely.area(m.to_metres(carved.mosaic[own], crs)))]] = False
    return water, drained


def _moved(blocks: gpd.GeoDataFrame, carved: Carved, unit: m.Ints, units: Units, crs: pyproj.CRS) -> pd.DataFrame:
    before, after = unit[carved.moved_from], unit[carved.moved_to]
    across = before != after
    if not across.any():
        return pd.DataFrame(columns=list(_MOVED_COLUMNS))
    rows = carved.moved[across]
    sources = sources_of(blocks)
    assert sources is not None
    assert sources.buildings is not None
    buildings = sources.buildings.iloc[rows]
    codes = np.array(units.codes, dtype=object)
    area = shapely.area(m.to_metres(np.asarray(buildings.geometry.values), crs)).round(1)
    columns = (buildings.index, units.level, codes[before[across]], codes[after[across]], area)
    frame = pd.DataFrame(dict(zip(_MOVED_COLUMNS, columns, strict=True)))
    return frame.drop_duplicates("building").reset_index(drop=True)


def _frame(
    blocks: gpd.GeoDataFrame,
    cut: CutBlocks,
    carved: Carved,
    water: m.Flags,
    levels: list[Units],
    parents: list[m.Ints],
    report: GivenReport,
) -> gpd.GeoDataFrame:
    """Return the blocks from north to south with their codes and what is counted on them."""
    order = north_to_south(carved.mosaic)
    sources = sources_of(blocks)
    if sources is not None and (sources.weights is not None or sources.buildings is not None):
        frame = blocks_frame(carved.mosaic[order], water[order], sources, blocks.crs, carved.unit[order])
    else:  # without buildings nothing was carved: the pieces are those that were cut
        columns = {
            "block": np.arange(len(order)),
            "households": cut.households[order],
            "residents": cut.residents[order],
            "water": water[order],
        }
        frame = gpd.GeoDataFrame(columns, geometry=carved.mosaic[order], crs=blocks.crs)
        frame.attrs.update(blocks.attrs)
    unit = carved.unit[order]
    for level, parent in zip(reversed(levels), [*reversed(parents), None], strict=True):
        frame[level.level] = np.array(level.codes, dtype=object)[unit]
        unit = unit if parent is None else parent[unit]
    frame = frame[[*BLOCK_COLUMNS[:-1], *report.levels, "geometry"]]
    frame.attrs["given"] = report
    return frame
