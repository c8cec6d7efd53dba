"""The nearest edits that are allowed, offered when one is refused; each was tried before it is offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from gridmap.errors import EditRefused
from gridmap.grids import mosaic as m
from gridmap.grids.draft_rules import RuleBroken, stray_pieces
from gridmap.grids.edits import merge_grids, move_blocks, split_along
from gridmap.grids.pieces import border_lengths
from gridmap.grids.state import State
from gridmap.grids.work import Work

MOST: Final = 3
"""Options offered at most."""


@dataclass(frozen=True)
class Option:
    """An edit that is allowed: ``getattr(draft, action)`` with these arguments.

    Parameters
    ----------
    action
        ``move``, ``merge`` or ``split``.
    blocks
        Numbers of the blocks to move.
    codes
        Grids to merge, or the grid to split.
    to
        The grid to move to.
    line
        To split along, in lon/lat.
    """

    action: str
    blocks: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    to: str = ""
    line: shapely.Geometry | None = None

    def __str__(self) -> str:
        if self.action == "merge":
            return f"merge {', '.join(self.codes)}"
        if self.action == "split":
            return f"split {self.codes[0]} along the line led round the buildings"
        shown = ", ".join(map(str, self.blocks[:6])) + (
            f" and {len(self.blocks) - 6} more" if len(self.blocks) > 6 else ""
        )
        return f"move blocks {shown} to {self.to}"


def other_moves(
    state: State, rows: m.Ints, slot: int, broken: RuleBroken, allowed: Callable[[Work], bool]
) -> tuple[Option, ...]:
    """Return moves like one that was refused: with what it would cut off, to another neighbour, or a merge.

    Parameters
    ----------
    state
        The draft.
    rows, slot
        Blocks and the grid of the finest tiling level they were to go to.
    broken
        Why not.
    allowed
        Whether the work of an edit would pass.
    """
    if broken.rule == "empty" and len(broken.slots) == 1 and broken.position == state.finest:
        codes = state.codes(state.finest, [*broken.slots, slot])
        if allowed(merge_grids(state, state.finest, [*broken.slots, slot])):
            return (Option("merge", codes=codes),)
    found: list[Option] = []
    tried = [(np.union1d(rows, more), goal) for more, goal in _candidates(state, rows, slot, broken)]
    for wanted, goal in tried:
        if len(found) < MOST and allowed(move_blocks(state, wanted, state.finest, goal)):
            numbers = tuple(state.ground.block[wanted].tolist())
            found.append(Option("move", blocks=numbers, to=str(state.levels[state.finest].codes[goal])))
    return tuple(found)


def _candidates(state: State, rows: m.Ints, slot: int, broken: RuleBroken) -> list[tuple[m.Ints, int]]:
    none = np.empty(0, dtype=np.int64)
    found: list[tuple[m.Ints, int]] = []
    if broken.rule == "not_contiguous":
        cut_off = _cut_off(state, rows, slot)
        if len(cut_off):
            found.append((cut_off, slot))
    if broken.rule == "building_cut":
        found.append((broken.rows, slot))
    ground = state.ground
    length = border_lengths(
        rows, ground.start, ground.neighbour, ground.length_m, state.label, len(state.levels[state.finest].codes)
    )
    own = set(np.unique(state.label[rows]).tolist())
    goals = np.argsort(-length, kind="stable")
    found += [
        (none, int(goal)) for goal in goals[:5] if length[goal] > 0 and int(goal) != slot and int(goal) not in own
    ]
    return found


def _cut_off(state: State, rows: m.Ints, slot: int) -> m.Ints:
    """Return what would no longer hang together with the rest of the grids that give blocks away."""
    work = move_blocks(state, rows, state.finest, slot)
    givers = np.setdiff1d(np.unique(state.label[rows]), [slot])
    strays = stray_pieces(work, state.finest, givers)
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *strays.values()])).astype(np.int64)


def other_merges(
    state: State, position: int, slots: Sequence[int], allowed: Callable[[Work], bool]
) -> tuple[Option, ...]:
    """Return merges of the first grid with one of its neighbours, for a merge that was refused."""
    ground = state.ground
    label = state.label_at(position)
    rows = np.flatnonzero(label == slots[0])
    length = border_lengths(
        rows, ground.start, ground.neighbour, ground.length_m, label, len(state.levels[position].codes)
    )
    found = [
        Option("merge", codes=state.codes(position, [slots[0], goal]))
        for goal in np.argsort(-length, kind="stable")[:6].tolist()
        if length[goal] > 0 and goal != slots[0] and allowed(merge_grids(state, position, [slots[0], goal]))
    ]
    return tuple(found[:MOST])


def led_round(
    state: State,
    position: int,
    slot: int,
    line: shapely.Geometry,
    refused: EditRefused,
    allowed: Callable[[Work], bool],
) -> tuple[Option, ...]:
    """Return the split along a planner's line with the part that cuts buildings led round them.

    ``refused.allowed`` has that part: it takes the place of the line inside the blocks it crosses.
    """
    if not refused.allowed:
        return ()
    led = refused.allowed[0]
    outside = shapely.difference(line, shapely.union_all(_crossed(state.ground.shapes, led)))
    parts = [*shapely.get_parts(led), *shapely.get_parts(outside)]
    whole = shapely.line_merge(shapely.MultiLineString([*parts, *_links(parts)]))
    try:
        passes = allowed(split_along(state, position, slot, whole))
    except EditRefused:
        return ()
    return (Option("split", codes=(str(state.levels[position].codes[slot]),), line=whole),) if passes else ()


def _crossed(blocks: m.Geometries, led: shapely.Geometry) -> list[shapely.Geometry]:
    """Return the blocks that a line runs through, not only along."""
    near = shapely.STRtree(blocks).query(led, predicate="intersects")
    held = shapely.length(shapely.intersection(shapely.buffer(blocks[near], -1e-7), led))
    return list(blocks[near[held > 0]])


def _links(parts: list[shapely.Geometry]) -> list[shapely.Geometry]:
    """Return straight pieces from the end of each line to the nearest end of another."""
    ends = np.array([shapely.get_coordinates(part)[[0, -1]] for part in parts])
    found = []
    for i in range(len(parts)):
        others = np.delete(ends, i, axis=0).reshape(-1, 2)
        for end in ends[i]:
            if len(others):
                goal = others[int(np.argmin(np.hypot(*(others - end).T)))]
                found.append(shapely.LineString([end, goal]))
    return [link for link in found if link.length > 0]
