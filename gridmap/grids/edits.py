"""What a planner does to a draft, each as a function from a state to the work of changing it.

Moving, merging, splitting and redrawing put labels on blocks; nothing here gives codes or judges rules
(:mod:`gridmap.grids.settle` does).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment

from gridmap.errors import DrawError, EditRefused
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BORDER_COST, BORDER_KINDS, BlockGraph
from gridmap.grids.cut_line import LocalCut, cut_locally, sides_of
from gridmap.grids.ground import Ground, Replacement, replace_blocks
from gridmap.grids.partition import divide
from gridmap.grids.pieces import border_lengths
from gridmap.grids.state import Facts, State
from gridmap.grids.work import Work, begin

_KIND_COST: Final = np.array([BORDER_COST.get(kind, 1.0) for kind in BORDER_KINDS])


def move_blocks(state: State, rows: m.Ints, position: int, slot: int) -> Work:
    """Move blocks to a grid of the finest tiling level, or of a partial level inside the grid they are in.

    A block that leaves its small grid leaves its micro grid too: it joins the one of the goal that it borders most,
    or none where the goal has none.
    """
    work = begin(state)
    if position > state.finest:
        above = state.label_at(position - 1)[rows]
        parent = int(state.levels[position].parent[slot])
        if (above != parent).any():
            raise EditRefused(
                f"{state.levels[position].codes[slot]} lies in {state.levels[position - 1].codes[parent]}, but "
                f"{int((above != parent).sum())} of the blocks do not: move them there first",
                rule="not_nested", codes=(state.levels[position].codes[slot],),
            )  # fmt: skip
        work.labels[work.name(position)][rows] = slot
        return work
    work.label[rows] = slot
    for below in range(state.finest + 1, len(state.levels)):
        label = work.labels[work.name(below)]
        here = np.flatnonzero(state.levels[below].alive & (state.levels[below].parent == slot))
        label[rows] = -1
        if len(here):
            label[rows] = _most_bordered(state.ground, rows, label, here)
    return work


def relabel_blocks(state: State, rows: m.Ints, slots: m.Ints) -> Work:
    """Move each block to a grid of the finest tiling level of its own."""
    work = begin(state)
    moved = state.label[rows] != slots
    work.label[rows] = slots
    for below in range(state.finest + 1, len(state.levels)):
        work.labels[work.name(below)][rows[moved]] = -1
    return work


def _most_bordered(ground: Ground, rows: m.Ints, label: m.Ints, allowed: m.Ints) -> int:
    length = border_lengths(
        rows, ground.start, ground.neighbour, ground.length_m, label, int(label.max(initial=-1)) + 1
    )
    return int(allowed[int(np.argmax(length[allowed]))])


def move_grids(state: State, position: int, slots: Sequence[int], goal: int) -> Work:
    """Give grids another parent."""
    work = begin(state)
    for slot in slots:
        work.levels[position].parent[slot] = goal
    return work


def merge_grids(state: State, position: int, slots: Sequence[int]) -> Work:
    """End several grids and begin one in their place, below the parent of the one with most households."""
    level = state.levels[position]
    largest = max(slots, key=lambda slot: (np.nan_to_num(level.households[slot]), -slot))
    work = begin(state)
    facts = level.facts[largest]._replace(name=None)
    new = work.levels[position].add(int(level.parent[largest]), facts)
    for slot in slots:
        work.end(position, slot)
        work.hand_over(position, slot, new)
    return work


def split_grid(state: State, position: int, slot: int, parts: int, *, band: float, seed: int) -> Work:
    """End a grid and begin several in its place, balanced and along streets."""
    units, rows = _units(state, position, [slot])
    graph = local_graph(state.ground, rows, units)
    side = _divide(graph, parts, band, seed, state.levels[position].codes[slot])
    return label_parts(begin(state), position, slot, rows, side[units])


def label_parts(work: Work, position: int, slot: int, rows: m.Ints, side: m.Ints) -> Work:
    """End a grid; the parts of its land, numbered 0, 1, 2 … for each row, are new grids.

    Water of the grid follows its banks; grids of the level below go whole to the part that their blocks are in.
    """
    level = work.levels[position]
    facts: Facts = level.facts[slot]._replace(name=None)
    new = np.array([level.add(level.parent[slot], facts) for _ in range(int(side.max()) + 1)], dtype=np.int64)
    work.end(position, slot)
    if position < work.finest:
        below = work.levels[position + 1]
        child = work.label_at(position + 1)[rows]
        for each in np.unique(child).tolist():
            below.parent[each] = int(new[side[np.flatnonzero(child == each)[0]]])
        return work
    work.labels[work.name(position)][rows] = new[side]
    if position + 1 < len(work.levels):
        below, inner = work.levels[position + 1], work.labels[work.name(position + 1)][rows]
        for each in np.unique(inner[inner >= 0]).tolist():
            below.parent[each] = int(new[side[np.flatnonzero(inner == each)[0]]])
    return work


def split_along(state: State, position: int, slot: int, line: shapely.Geometry) -> Work:
    """End a grid and begin one on each side of a line; at the finest tiling level the line cuts blocks.

    Raises
    ------
    EditRefused
        When the line does not cross the grid from border to border, or would cut a building.
    """
    code = state.levels[position].codes[slot]
    if position != state.finest:
        return _split_by_children(state, position, slot, line)
    ground = state.ground
    rows = np.flatnonzero((state.label == slot) & ~ground.water)
    buildings = None if ground.buildings is None else ground.buildings.tree
    cut = cut_locally(ground.shapes, line, rows, crs=ground.metric, footprints=buildings)
    work = begin(state)
    if len(cut.rows):
        made, source = replace_blocks(ground, _replacement(ground, cut))
        fresh = np.flatnonzero(np.isin(source, cut.rows))
        work = begin(state, made, source, fresh)
    rows = np.flatnonzero((work.label == slot) & ~work.ground.water)
    side = _joined_sides(work, rows, sides_of(work.ground.shapes[rows], line))
    _refuse_one_side(side, str(code))
    return label_parts(work, position, slot, rows, side)


def _joined_sides(work: Work, rows: m.Ints, side: m.Ints) -> m.Ints:
    """Keep the blocks of a micro grid on one side: where most of its households are."""
    for position in range(work.finest + 1, len(work.levels)):
        inner = work.label_at(position)[rows]
        for each in np.unique(inner[inner >= 0]).tolist():
            members = np.flatnonzero(inner == each)
            weight = np.bincount(side[members], weights=work.ground.households[rows[members]] + 1e-6)
            side[members] = int(np.argmax(weight))
    return m.compact(side)


def _refuse_one_side(side: m.Ints, code: str) -> None:
    if len(side) == 0 or side.max() == 0:
        raise EditRefused(
            f"the line leaves {code} on one side; draw it right across the grid, from border to border",
            rule="count", codes=(code,),
        )  # fmt: skip


def _split_by_children(state: State, position: int, slot: int, line: shapely.Geometry) -> Work:
    """Split a grid along a line by giving each grid (or block) in it to the side that holds most of it."""
    units, rows = _units(state, position, [slot])
    shapes = m.join(state.ground.shapes[rows], units)
    side = sides_of(shapes, line)
    _refuse_one_side(side, str(state.levels[position].codes[slot]))
    return label_parts(begin(state), position, slot, rows, side[units])


def _replacement(ground: Ground, cut: LocalCut) -> Replacement:
    """Return the pieces of a cut as blocks: one that was not cut keeps its number, pieces get new ones."""
    several = np.isin(cut.source, cut.cut)
    number = ground.block[cut.source].copy()
    number[several] = ground.block.max() + 1 + np.arange(int(several.sum()))
    share = _shares(ground, cut)
    return Replacement(
        gone=cut.rows,
        block=number,
        rank=ground.rank[cut.source],
        households=ground.households[cut.source] * share,
        residents=ground.residents[cut.source] * share,
        water=ground.water[cut.source],
        shapes=cut.pieces,
        sources=tuple((int(row),) for row in cut.source),
    )


def _shares(ground: Ground, cut: LocalCut) -> m.Floats:
    """Return the share of its block's households that each piece holds: by buildings where they are known, by area."""
    area = shapely.area(cut.pieces)
    weight = area
    if ground.buildings is not None:
        tree, homes = ground.buildings.tree, ground.buildings.households
        near = np.unique(tree.query(cut.pieces, predicate="intersects")[1])
        owner = m.owner_of(shapely.point_on_surface(tree.geometries[near]), cut.pieces)
        counted = np.bincount(owner[owner >= 0], weights=homes[near[owner >= 0]], minlength=len(area))
        total = np.bincount(cut.source, weights=counted)[cut.source]
        weight = np.where(total > 0, counted, area)
    return np.asarray(weight / np.bincount(cut.source, weights=weight)[cut.source])


def redraw_grids(state: State, position: int, slots: Sequence[int], *, band: float, seed: int) -> Work:
    """Divide the land of some grids anew; each new part keeps the code of the grid it has most households from."""
    units, rows = _units(state, position, slots)
    graph = local_graph(state.ground, rows, units)
    names = ", ".join(state.codes(position, slots))
    side = _divide(graph, len(slots), band, seed, names)[units]
    old = state.label_at(position)[rows]
    weight = state.ground.households[rows] + 1e-6 * state.ground.area_m2[rows]
    shared = np.zeros((len(slots), len(slots)))
    np.add.at(shared, (side, np.searchsorted(np.sort(slots), old)), weight)
    part, kept = linear_sum_assignment(-shared)
    goal = np.empty(len(slots), dtype=np.int64)
    goal[part] = np.sort(slots)[kept]
    work = begin(state)
    if position < state.finest:
        child = state.label_at(position + 1)[rows]
        for each in np.unique(child).tolist():
            work.levels[position + 1].parent[each] = int(goal[side[np.flatnonzero(child == each)[0]]])
        return work
    work.labels[work.name(position)][rows] = goal[side]
    if position + 1 < len(state.levels):
        inner = work.labels[work.name(position + 1)][rows]
        for each in np.unique(inner[inner >= 0]).tolist():
            work.levels[position + 1].parent[each] = int(goal[side[np.flatnonzero(inner == each)[0]]])
    return work


def _units(state: State, position: int, slots: Sequence[int]) -> tuple[m.Ints, m.Ints]:
    """Return for the land of some grids the unit of each row that stays together, and the rows.

    Units are the grids of the level below, where there are any, and else single blocks.
    """
    inside = np.isin(state.label_at(position), slots) & ~state.ground.water
    rows = np.flatnonzero(inside)
    key = np.arange(len(rows), dtype=np.int64)
    if position + 1 < len(state.levels):
        below = state.label_at(position + 1)[rows]
        key = np.where(below >= 0, len(rows) + below, key)
    key = _join_straddled(state.ground, rows, key)
    return m.compact(key), rows


def _join_straddled(ground: Ground, rows: m.Ints, key: m.Ints) -> m.Ints:
    """Keep blocks together that one building stands on."""
    straddling = ground.straddling
    if len(straddling.footprints) == 0:
        return key
    place = np.full(len(ground), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    at = place[straddling.row]
    for building in np.unique(straddling.building[at >= 0]).tolist():
        members = at[(straddling.building == building) & (at >= 0)]
        key = np.where(np.isin(key, key[members]), key[members].min(), key)
    return key


def _divide(graph: BlockGraph, parts: int, band: float, seed: int, what: str) -> m.Ints:
    try:
        return divide(graph, parts, band=band, seed=seed)
    except DrawError as error:
        count = len(graph.weight)
        raise EditRefused(
            f"{what} cannot be drawn as {parts} grids: {error}", rule="count", codes=tuple(what.split(", ")),
            allowed=(f"{count} grids at most",),
        ) from error  # fmt: skip


def local_graph(ground: Ground, rows: m.Ints, units: m.Ints) -> BlockGraph:
    """Return the graph of the units that some rows of land belong to.

    Parameters
    ----------
    ground
        The blocks.
    rows
        Rows, ascending.
    units
        0, 1, 2 … for each row.
    """
    place = np.full(len(ground), -1, dtype=np.int64)
    place[rows] = units
    count = np.diff(ground.start)[rows]
    first = np.repeat(ground.start[rows] - (np.cumsum(count) - count), count)
    step = np.arange(int(count.sum())) + first
    tail, head = np.repeat(units, count), place[ground.neighbour[step]]
    bridge = ground.borders.bridge[ground.pair[step]]
    kept = (head >= 0) & (head != tail) & (ground.walkable[step] | bridge)
    tail, head, step, bridge = tail[kept], head[kept], step[kept], bridge[kept]
    size = int(units.max(initial=-1)) + 1
    key, where = np.unique(tail * size + head, return_inverse=True)
    length = np.bincount(where, weights=ground.length_m[step], minlength=len(key))
    cost = ground.length_m[step] * _KIND_COST[ground.borders.kind[ground.pair[step]]]
    only_bridge = np.ones(len(key), dtype=bool)
    only_bridge[where[~bridge]] = False
    start = np.r_[0, np.cumsum(np.bincount(key // max(size, 1), minlength=size))].astype(np.int64)
    middle = shapely.get_coordinates(m.to_metres(shapely.point_on_surface(ground.shapes[rows]), ground.metric))
    xy = np.zeros((size, 2))
    xy[units] = middle
    return BlockGraph(
        start, (key % max(size, 1)).astype(np.int64), length.astype(float),
        np.bincount(where, weights=cost, minlength=len(key)).astype(float), only_bridge,
        np.bincount(units, weights=ground.households[rows], minlength=size).astype(float), xy,
    )  # fmt: skip
