"""One moment of a planner's draft: which block is in which grid, the grids of every level, and what they measure.

A state never changes. Grids have *slots*: a slot is a code, for ever; a grid that ends leaves its slot dead behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import PlanError, UnknownNameError
from gridmap.grids import mosaic as m
from gridmap.grids.ground import Ground
from gridmap.grids.measures import Measures, measure_grids
from gridmap.grids.plan import LevelSpec, Plan

FACT_COLUMNS: Final = (
    "name", "kind", "land_use", "grade", "responsible_body", "line_department", "valid_from", "valid_to",
)  # fmt: skip


class Facts(NamedTuple):
    """What is known of a grid beside its ground; as the columns of a plan's layer."""

    name: str | None = None
    kind: str | None = "base"
    land_use: str | None = None
    grade: str | None = None
    responsible_body: str | None = None
    line_department: str | None = None
    valid_from: Any = pd.NaT
    valid_to: Any = pd.NaT


@dataclass(frozen=True, eq=False)
class LevelGrids:
    """The grids of one level, by slot.

    Parameters
    ----------
    spec
        Name and digits of the level, and whether it tiles.
    codes, parent, alive, facts
        (k,) code, slot of the parent in the level above (-1 at the top), whether the grid exists, :class:`Facts`.
    area_m2, households, residents
        (k,) sums of the blocks.
    shapes
        (k,) polygons; what a dead slot holds means nothing.
    """

    spec: LevelSpec
    codes: m.Geometries
    parent: m.Ints
    alive: m.Flags
    facts: m.Geometries
    area_m2: m.Floats
    households: m.Floats
    residents: m.Floats
    shapes: m.Geometries

    @cached_property
    def dedicated(self) -> m.Flags:
        """(k,) whether a grid is a campus, a market, a hospital …: no measure for its siblings."""
        return np.array([facts.kind == "dedicated" for facts in self.facts], dtype=bool)

    def codes_of(self, label: m.Ints) -> m.Geometries:
        """Return the code of each slot, ``None`` for -1."""
        ended = np.array([*self.codes, None], dtype=object)
        return np.asarray(ended[label], dtype=np.object_)

    def slot(self, code: str) -> int:
        """Return the slot of a living grid, -1 where there is none."""
        found = np.flatnonzero((self.codes == code) & self.alive)
        return int(found[0]) if len(found) else -1


@dataclass(frozen=True, eq=False)
class State:
    """Blocks with their labels, and the grids of all levels.

    Parameters
    ----------
    ground
        The blocks.
    levels
        From the coarsest to the finest.
    labels
        For the finest tiling level and each partial level below it the slot of each block, -1 where a partial level
        has none there.
    measures
        Of the finest tiling level.
    """

    ground: Ground
    levels: tuple[LevelGrids, ...]
    labels: Mapping[str, m.Ints]
    measures: Measures

    @property
    def finest(self) -> int:
        """Position of the finest level that tiles."""
        return max(i for i, level in enumerate(self.levels) if level.spec.tiles)

    @property
    def label(self) -> m.Ints:
        """Slot of each block at the finest tiling level."""
        return self.labels[self.levels[self.finest].spec.name]

    def label_at(self, position: int) -> m.Ints:
        """Return the slot of each block at any level."""
        if position > self.finest:
            return self.labels[self.levels[position].spec.name]
        found = self.label
        for level in reversed(self.levels[position + 1 : self.finest + 1]):
            found = level.parent[found]
        return found

    def find(self, code: str) -> tuple[int, int]:
        """Return level and slot of a living grid; of several with one code (imported ones), the finest that tiles.

        Raises
        ------
        UnknownNameError
            When there is none.
        """
        order = [self.finest, *range(self.finest + 1, len(self.levels)), *range(self.finest - 1, -1, -1)]
        for position in order:
            slot = self.levels[position].slot(str(code))
            if slot >= 0:
                return position, slot
        names = "; ".join(
            f"{level.spec.name}, for example {level.codes[level.alive][0]}"
            for level in self.levels
            if level.alive.any()
        )
        raise UnknownNameError(f"the draft has no grid {code!r}; it has {names}")

    def codes(self, position: int, slots: Any) -> tuple[str, ...]:
        """Return the codes of some slots, sorted."""
        return tuple(sorted(self.levels[position].codes[np.asarray(slots, dtype=np.int64)].tolist()))


def state_of(plan: Plan, ground: Ground, blocks: gpd.GeoDataFrame) -> State:
    """Return the state that a plan with blocks is in.

    Raises
    ------
    PlanError
        When a block names a grid that the plan does not have, or a grid's parent does not exist.
    """
    levels: list[LevelGrids] = []
    for spec in plan.levels:
        above = levels[-1] if levels else None
        levels.append(_level(plan.layers[spec.name], spec, above))
    labels = {}
    for name in plan.labelled_levels:
        codes = blocks[name].to_numpy(dtype=object)
        label = plan.layers[name].index.get_indexer(pd.Index(codes, dtype=object)).astype(np.int64)
        lost = (label < 0) & ((name == plan.finest_tiling) | pd.notna(codes))
        if lost.any():
            row = int(np.flatnonzero(lost)[0])
            raise PlanError(
                f"block {ground.block[row]} names the {name} grid {codes[row]!r}, which the plan does not have"
            )
        labels[name] = label
    state = State(ground, tuple(levels), labels, Measures.none())
    finest = levels[state.finest]
    slots = np.flatnonzero(finest.alive)
    return replace(state, measures=measure_grids(ground, state.label, slots, Measures.empty(len(finest.codes))))


def _level(layer: gpd.GeoDataFrame, spec: LevelSpec, above: LevelGrids | None) -> LevelGrids:
    codes = np.asarray(layer.index, dtype=object)
    parent = np.full(len(layer), -1, dtype=np.int64)
    if above is not None:
        parent = pd.Index(above.codes).get_indexer(pd.Index(layer["parent"].to_numpy(dtype=object))).astype(np.int64)
        if (parent < 0).any():
            row = int(np.flatnonzero(parent < 0)[0])
            raise PlanError(
                f"{spec.name} {codes[row]}: its parent {layer['parent'].iloc[row]!r} is no {above.spec.name} grid; "
                "every grid needs one before it can be edited"
            )
    facts = np.empty(len(layer), dtype=object)
    facts[:] = [Facts(*row) for row in zip(*(layer[name].tolist() for name in FACT_COLUMNS), strict=True)]
    area, households, residents = (layer[name].to_numpy(float) for name in ("area_m2", "households", "residents"))
    shapes = np.asarray(layer.geometry.values, dtype=object)
    return LevelGrids(spec, codes, parent, np.ones(len(layer), dtype=bool), facts, area, households, residents, shapes)


def layer_of(state: State, position: int) -> gpd.GeoDataFrame:
    """Return the living grids of a level as a plan keeps them."""
    level = state.levels[position]
    slots = np.flatnonzero(level.alive)
    above = state.levels[position - 1] if position else None
    columns: dict[str, Any] = {
        name: [level.facts[slot][i] for slot in slots.tolist()] for i, name in enumerate(FACT_COLUMNS)
    }
    columns["parent"] = [None] * len(slots) if above is None else above.codes[level.parent[slots]]
    for name in ("area_m2", "households", "residents"):
        columns[name] = getattr(level, name)[slots]
    layer = gpd.GeoDataFrame(columns, geometry=level.shapes[slots], crs=state.ground.crs)
    layer.index = pd.Index(level.codes[slots], name="code")
    return layer.sort_index()


def blocks_of(state: State) -> gpd.GeoDataFrame:
    """Return the blocks as a plan keeps them, with their codes."""
    frame = state.ground.frame()
    for level in state.levels[state.finest :]:
        label = state.labels[level.spec.name]
        frame[level.spec.name] = level.codes_of(label)
    return frame


def unite(shapes: m.Geometries) -> shapely.Geometry:
    """Return the union of polygons that share their vertices, a Polygon where it has one part."""
    if len(shapes) == 1:
        return shapes[0]
    whole = shapely.coverage_union_all(shapes)
    return shapely.get_geometry(whole, 0) if shapely.get_num_geometries(whole) == 1 else whole
