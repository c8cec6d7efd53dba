"""Opening a plan for editing: the ground is laid, what is known of it is measured once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely

from gridmap.errors import PlanError, UnknownNameError
from gridmap.grids.ground import Buildings, lay_ground
from gridmap.grids.history import Recorded, recorded_edits
from gridmap.grids.layers import Layer, load_buildings
from gridmap.grids.lineage import ever_used
from gridmap.grids.plan import Plan
from gridmap.grids.state import State, state_of
from gridmap.grids.walking import walk_to_station
from gridmap.grids.weights import sources_of, weigh_buildings
from gridmap.network.model import WalkNetwork


@dataclass(frozen=True, eq=False)
class Opened:
    """A plan ready to be edited.

    Parameters
    ----------
    state
        Where editing begins.
    given
        Position of the lowest level whose borders are not to be changed, -1 where there is none.
    recorded
        Edits of the plan's journal that can be taken back.
    taken
        Every code ever used.
    """

    state: State
    given: int
    recorded: tuple[Recorded, ...]
    taken: frozenset[str]


def open_draft(
    plan: Plan,
    blocks: gpd.GeoDataFrame | None,
    network: WalkNetwork | None,
    buildings: Layer | None,
    stations: Layer | None,
    households: Mapping[int, float] | None,
    given: Sequence[str] | None,
) -> Opened:
    """Lay the ground of a plan; the parameters are those of :class:`gridmap.grids.draft.Draft`.

    Raises
    ------
    PlanError
        When the plan has no blocks, or they do not fit it.
    UnknownNameError
        When ``given`` names no level, or ``households`` no block.
    """
    frame = plan.blocks if blocks is None else blocks
    if frame is None:
        raise PlanError(
            "the plan has no blocks to be moved: it was imported. Make it editable with "
            "gridmap.blocks_from_plan(plan, streets), or give blocks="
        )
    missing = [
        name for name in ("block", "households", "residents", "water", *plan.labelled_levels) if name not in frame
    ]
    if missing:
        raise PlanError(
            f"the blocks have no column {', '.join(missing)}; they carry codes of {', '.join(plan.labelled_levels)}"
        )
    if stations is not None and network is None:
        raise PlanError("stations need network=: walks to them are measured on streets")
    frame = _with_households(frame, households)
    station_s = None
    if stations is not None and network is not None:
        station_s = walk_to_station(frame, network, stations)
    ground = lay_ground(frame, network, station_s=station_s, buildings=_buildings(frame, buildings))
    state = state_of(plan, ground, frame)
    if households is not None:
        state = _recounted(state)
    return Opened(state, _given(plan, given), recorded_edits(plan), frozenset(ever_used(plan)))


def _with_households(blocks: gpd.GeoDataFrame, households: Mapping[int, float] | None) -> gpd.GeoDataFrame:
    if households is None:
        return blocks
    known = {int(block): float(count) for block, count in dict(households).items()}
    strange = set(known) - set(blocks["block"].tolist())
    if strange:
        raise UnknownNameError(f"households are given for block {min(strange)}, which the plan does not have")
    bad = [block for block, count in known.items() if not (np.isfinite(count) and count >= 0)]
    if bad:
        raise PlanError(f"block {bad[0]}: {known[bad[0]]} households; allowed: a number, 0 or more")
    counted = [known.get(block, old) for block, old in zip(blocks["block"], blocks["households"], strict=True)]
    return blocks.assign(households=np.array(counted, dtype=np.float64))


def _recounted(state: State) -> State:
    """Return the state with the households of every grid counted anew."""
    levels = []
    for position, level in enumerate(state.levels):
        label = state.label_at(position)
        inside = label >= 0
        sums = np.bincount(label[inside], weights=state.ground.households[inside], minlength=len(level.codes))
        levels.append(replace(level, households=sums.astype(float)))
    return replace(state, levels=tuple(levels))


def _buildings(blocks: gpd.GeoDataFrame, buildings: Layer | None) -> Buildings | None:
    frame = None
    if buildings is not None:
        frame = weigh_buildings(load_buildings(buildings, blocks.crs))
    else:
        sources = sources_of(blocks)
        frame = None if sources is None else sources.buildings
    if frame is None or len(frame) == 0:
        return None
    footprints = np.asarray(frame.geometry.values, dtype=object)
    return Buildings(shapely.STRtree(footprints), frame["households"].to_numpy(float))


def _given(plan: Plan, given: Sequence[str] | None) -> int:
    names = [spec.name for spec in plan.levels]
    finest = names.index(plan.finest_tiling)
    if given is None:
        chosen = [name for name in plan.metadata.given_levels if name in names[:finest]]
    else:
        strange = [name for name in given if name not in names[:finest]]
        if strange:
            raise UnknownNameError(
                f"given= names {strange[0]!r}; allowed are levels above {names[finest]}: "
                f"{', '.join(names[:finest]) or 'none'}"
            )
        chosen = list(given)
    return max((names.index(name) for name in chosen), default=-1)
