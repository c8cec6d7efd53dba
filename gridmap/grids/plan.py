"""The plan: an immutable value that holds the grids of all levels of one version."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmap.errors import PlanError, UnknownNameError
from gridmap.grids.frames import (
    FORMER_GRID_COLUMNS,
    GRID_COLUMNS,
    JOURNAL_COLUMNS,
    LINEAGE_COLUMNS,
    ZONE,
    canonical_blocks,
    canonical_former,
    canonical_layer,
    canonical_table,
    digest,
    loose_table,
)

if TYPE_CHECKING:
    from gridmap.grids.imported import ColumnChoice

__all__ = [
    "DEFAULT_LEVELS",
    "GRID_COLUMNS",
    "JOURNAL_COLUMNS",
    "LINEAGE_COLUMNS",
    "RESERVED_NAMES",
    "LevelSpec",
    "Plan",
    "PlanMetadata",
]

RESERVED_NAMES: Final = (
    "blocks", "plan", "lineage", "journal", "department_map", "department_grids", "former_blocks", "former_grids",
    "block", "households", "residents", "water", "geometry", "parent", "name", "kind",
    "outcome", "reason", "person_id", "person", "answered_level", "plan_version",
)  # fmt: skip
"""Names of other tables of a plan file, of columns of blocks and of joined points; no level may be called so."""


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


@dataclass(frozen=True)
class PlanMetadata:
    """What is true of the plan as a whole.

    Parameters
    ----------
    name, county_code
        What it is called, and the six digits its codes begin with.
    created_at, valid_from
        Aware times; a naive one means Asia/Shanghai.
    seed, band
        What it was drawn with: the seed, and the share by which a grid may differ from its siblings' mean.
    counts
        How many grids were asked for a level; empty where nothing was.
    given_levels
        Levels that were given with legal borders and official codes, not drawn.
    notes
        What whoever reads the plan should know, a sentence each.
    """

    name: str = ""
    county_code: str = ""
    created_at: datetime | None = None
    valid_from: datetime | None = None
    seed: int | None = None
    band: float = 0.10
    counts: Mapping[str, int] = field(default_factory=dict)
    given_levels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", MappingProxyType(dict(self.counts)))
        for name in ("created_at", "valid_from"):
            time = getattr(self, name)
            if time is not None and time.tzinfo is None:
                object.__setattr__(self, name, time.replace(tzinfo=ZoneInfo(ZONE)))

    def to_values(self) -> dict[str, Any]:
        """Return all of it as JSON has it; :meth:`from_values` reads it back.

        Examples
        --------
        >>> metadata = PlanMetadata("county", counts={"small": 3}, valid_from=datetime(2026, 5, 1))
        >>> PlanMetadata.from_values(metadata.to_values()) == metadata
        True
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        times = {name: values[name].isoformat() if values[name] else None for name in ("created_at", "valid_from")}
        lists = {name: list(values[name]) for name in ("given_levels", "notes")}
        return values | times | lists | {"counts": dict(self.counts)}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> PlanMetadata:
        """Read what :meth:`to_values` gave; names that are not known are passed over.

        Raises
        ------
        ValueError, TypeError
            When a value is not of its kind.
        """
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        for name in ("created_at", "valid_from"):
            if known.get(name) is not None:
                known[name] = datetime.fromisoformat(known[name])
        for name in ("given_levels", "notes"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)

    def __reduce__(self) -> tuple[Any, ...]:
        # a read-only mapping cannot be pickled
        values = {each.name: getattr(self, each.name) for each in fields(self)} | {"counts": dict(self.counts)}
        return PlanMetadata, tuple(values.values())


@dataclass(frozen=True, eq=False)
class Plan:
    """One version of the grids of all levels.

    Tables are brought into one form (:mod:`gridmap.grids.frames`) when a plan is made, and are not to be changed
    afterwards: ``plan["small"]`` is a copy that may be, ``plan.layers`` and ``plan.blocks`` are the plan's own.

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
    former_blocks, former_grids
        What edits of the journal need to be taken back; see :mod:`gridmap.grids.history`.
    parent
        The plan this one was made from; undo is going back to it. It is not written to disk.

    Raises
    ------
    PlanError
        When levels and layers do not go together, or a table cannot be brought into form.
    """

    levels: tuple[LevelSpec, ...]
    layers: Mapping[str, gpd.GeoDataFrame]
    layout: str = "default"
    metadata: PlanMetadata = PlanMetadata()
    lineage: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(LINEAGE_COLUMNS)))
    blocks: gpd.GeoDataFrame | None = None
    journal: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(JOURNAL_COLUMNS)))
    department_map: pd.DataFrame = field(default_factory=pd.DataFrame)
    former_grids: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(FORMER_GRID_COLUMNS)))
    former_blocks: gpd.GeoDataFrame | None = None
    parent: Plan | None = None

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.levels]
        _check_names(names, list(self.layers), self.layout)
        layers = {name: canonical_layer(self.layers[name], name) for name in names}
        set_field = object.__setattr__
        set_field(self, "levels", tuple(self.levels))
        set_field(self, "layers", MappingProxyType(layers))
        set_field(self, "lineage", canonical_table(self.lineage, LINEAGE_COLUMNS, "lineage"))
        set_field(self, "journal", canonical_table(self.journal, JOURNAL_COLUMNS, "journal"))
        set_field(self, "department_map", loose_table(self.department_map))
        set_field(self, "former_grids", canonical_table(self.former_grids, FORMER_GRID_COLUMNS, "former_grids"))
        if self.former_blocks is not None:
            set_field(self, "former_blocks", canonical_former(self.former_blocks, self.labelled_levels))
        if self.blocks is not None:
            set_field(self, "blocks", canonical_blocks(self.blocks, self.labelled_levels))

    @classmethod
    def from_layers(
        cls,
        layers: Mapping[str, gpd.GeoDataFrame | str | os.PathLike[str]],
        code: ColumnChoice = "code",
        name: ColumnChoice | None = None,
        parent: ColumnChoice | None = None,
        layout: str = "as-is",
        *,
        tiles: Mapping[str, bool] | None = None,
    ) -> Plan:
        """Make a plan of existing layers; see :func:`gridmap.grids.imported.plan_from_layers`."""
        from gridmap.grids.imported import plan_from_layers

        plan: Plan = plan_from_layers(layers, code, name, parent, layout, tiles=tiles)
        return plan

    def __getitem__(self, level: str) -> gpd.GeoDataFrame:
        """Return a copy of the layer of a level, indexed by code."""
        return self._layer(level).copy()

    def _layer(self, level: str) -> gpd.GeoDataFrame:
        try:
            return self.layers[level]
        except KeyError:
            names = ", ".join(spec.name for spec in self.levels)
            raise UnknownNameError(f"the plan has no level {level!r}; it has {names}") from None

    @property
    def finest_tiling(self) -> str:
        """Name of the finest level that tiles its parent (``small`` by default)."""
        return [spec.name for spec in self.levels if spec.tiles][-1]

    @property
    def labelled_levels(self) -> tuple[str, ...]:
        """Levels whose codes the blocks carry: the finest that tiles and the partial ones below it."""
        names = [spec.name for spec in self.levels]
        return tuple(names[names.index(self.finest_tiling) :])

    def level_above(self, level: str) -> str | None:
        """Return the name of the level that a level's parents are of, ``None`` at the top."""
        self._layer(level)
        pairs = {below.name: above.name for above, below in pairwise(self.levels)}
        return pairs.get(level)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits of the content that is published: levels, layout, every grid with all its columns, lineage.

        Two plans with the same grids have the same version, whenever and from whatever blocks they were made.
        """
        state = hashlib.sha256(repr((self.levels, self.layout)).encode())
        for layer in self.layers.values():
            state.update(digest(layer))
        state.update(digest(self.lineage))
        return state.hexdigest()[:12]

    def equals(self, other: Plan) -> bool:
        """Whether two plans hold the same, geometry bit by bit; ``parent`` and ``blocks.attrs`` are not compared."""
        tables = ("lineage", "blocks", "journal", "department_map", "former_grids", "former_blocks")
        return (
            self.version == other.version
            and self.metadata == other.metadata
            and all(digest(getattr(self, name)) == digest(getattr(other, name)) for name in tables)
        )

    def level_of(self, code: str) -> str:
        """Return the level that a code is of; of several (imported codes), the coarsest.

        Raises
        ------
        UnknownNameError
            When no grid has the code.
        """
        for level, parents in self._parents.items():
            if code in parents:
                return level
        raise UnknownNameError(f"the plan has no grid {code!r} at {', '.join(self._parents)}")

    def chain(self, code: str, level: str | None = None) -> Mapping[str, str]:
        """Return the grid and the grids above it, from the coarsest: level → code. It cannot be changed.

        Parameters
        ----------
        code
            A code of any level.
        level
            Its level, where several levels have the code; by default :meth:`level_of`.
        """
        at: str | None = level or self.level_of(code)
        if at not in self._parents or code not in self._parents[at]:
            raise UnknownNameError(f"the plan has no grid {code!r} at level {at!r}")
        found: dict[str, str] = {}
        here: str | None = code
        while at is not None and here is not None and here in self._parents[at]:
            found[at] = here
            here, at = self._parents[at][here], self.level_above(at)
        return MappingProxyType(dict(reversed(found.items())))

    def children(self, code: str, level: str | None = None) -> tuple[str, ...]:
        """Return the codes of the grids one level below whose parent a grid is, sorted; none for the finest."""
        at = level or self.level_of(code)
        below = [spec.name for spec in self.levels if self.level_above(spec.name) == at]
        return self._children[below[0]].get(code, ()) if below else ()

    @cached_property
    def _parents(self) -> dict[str, dict[str, str | None]]:
        return {
            level: dict(zip(layer.index.tolist(), layer["parent"].tolist(), strict=True))
            for level, layer in self.layers.items()
        }

    @cached_property
    def _children(self) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for level, layer in self.layers.items():
            codes = pd.Series(np.asarray(layer.index, dtype=object), index=np.asarray(layer["parent"], dtype=object))
            grouped = codes[codes.index.notna()].groupby(level=0)
            found[level] = {str(parent): tuple(children) for parent, children in grouped}
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan whole or not at all; see :func:`gridmap.grids.io.write_plan`."""
        from gridmap.grids.io import write_plan

        write_plan(self, path)

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, each.name) for each in fields(self)]
        return Plan, (values[0], dict(self.layers), *values[2:])


def _check_names(levels: list[str], layers: list[str], layout: str) -> None:
    if not levels:
        raise PlanError("a plan needs at least one level")
    if sorted(levels) != sorted(layers) or len(set(levels)) != len(levels):
        raise PlanError(
            f"levels are {', '.join(levels)}, layers {', '.join(layers)}; give one layer for each level, each name once"
        )
    check_level_names(levels)
    if layout not in ("default", "as-is"):
        raise PlanError(f"{layout!r} is not a code layout; allowed: default, as-is")


def check_level_names(levels: list[str]) -> None:
    """Refuse names that would collide with tables and columns, or that are no names.

    Raises
    ------
    PlanError
        Naming what is taken.
    """
    reserved = [name for name in levels if name in RESERVED_NAMES]
    if reserved:
        raise PlanError(f"no level may be called {reserved[0]!r}; these names are taken: {', '.join(RESERVED_NAMES)}")
    strange = [name for name in levels if not name.isidentifier()]
    if strange:
        raise PlanError(f"{strange[0]!r} is no name for a level; allowed are letters, digits and _, not first a digit")
