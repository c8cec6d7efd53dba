"""The plan: an immutable value that holds the grids of all levels of one version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import geopandas as gpd
import pandas as pd

from gridmap.errors import UnknownNameError


@dataclass(frozen=True)
class LevelSpec:
    """One level of grids.

    Parameters
    ----------
    name
        ``large``, ``medium``, ``small``, ``micro`` by default; any word will do.
    tiles
        Whether the grids of this level cover their parents completely. Micro grids do not.
    digits
        How many digits this level appends to its parent's code (default layout: county 6, then 3 a level).
    """

    name: str
    tiles: bool = True
    digits: int = 3


DEFAULT_LEVELS: Final = (
    LevelSpec("large"),
    LevelSpec("medium"),
    LevelSpec("small"),
    LevelSpec("micro", tiles=False),
)

GRID_COLUMNS: Final = (
    "name", "parent", "kind", "area_m2", "households", "residents", "land_use", "grade",
    "responsible_body", "line_department", "valid_from", "valid_to",
)  # fmt: skip
"""Columns of a level's layer beside its index ``code`` and its ``geometry`` (design.md, decision 4)."""

JOURNAL_COLUMNS: Final = ("edit", "at", "who", "why", "action", "block", "level", "old", "new")
"""One row a block and edit: which block went from grid ``old`` to grid ``new``, when, by whom, why."""

LINEAGE_COLUMNS: Final = ("level", "old", "new", "date", "share_area", "share_households", "document")


@dataclass(frozen=True)
class PlanMetadata:
    """What is true of the plan as a whole."""

    name: str = ""
    county_code: str = ""
    created_at: datetime | None = None
    valid_from: datetime | None = None
    seed: int | None = None
    band: float = 0.10
    counts: Mapping[str, int] = field(default_factory=dict)
    given_levels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """One version of the grids of all levels.

    Parameters
    ----------
    levels
        The levels from the coarsest to the finest.
    layers
        A GeoDataFrame a level, indexed by ``code`` (str, sorted), with :data:`GRID_COLUMNS` and ``geometry`` in
        EPSG:4490 (EPSG:4326 outside China). ``parent`` is a code of the level above, ``None`` at the top.
    layout
        ``default`` (a child's code is its parent's plus ``digits``) or ``as-is`` (codes as imported).
    metadata, lineage, journal, department_map
        See :class:`PlanMetadata`, :data:`LINEAGE_COLUMNS`, :data:`JOURNAL_COLUMNS`.
    blocks
        Where the plan was drawn or made editable: ``block`` (int), ``households``, ``residents``, ``water`` (bool),
        one column of codes for the finest tiling level and each partial level below it, ``geometry``.
    parent
        The plan this one was made from; undo is going back to it.
    """

    levels: tuple[LevelSpec, ...]
    layers: Mapping[str, gpd.GeoDataFrame]
    layout: str = "default"
    metadata: PlanMetadata = PlanMetadata()
    lineage: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(LINEAGE_COLUMNS)))
    blocks: gpd.GeoDataFrame | None = None
    journal: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(JOURNAL_COLUMNS)))
    department_map: pd.DataFrame = field(default_factory=pd.DataFrame)
    parent: Plan | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))

    def __getitem__(self, level: str) -> gpd.GeoDataFrame:
        """Return the layer of a level, indexed by code."""
        try:
            return self.layers[level]
        except KeyError:
            names = ", ".join(spec.name for spec in self.levels)
            raise UnknownNameError(f"the plan has no level {level!r}; it has {names}") from None

    @property
    def finest_tiling(self) -> str:
        """Name of the finest level that tiles its parent (``small`` by default)."""
        return [spec.name for spec in self.levels if spec.tiles][-1]
