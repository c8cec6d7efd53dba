"""Rules that no edit may break: judged on what an edit changed, not on the whole plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.ground import Ground
from gridmap.grids.pieces import number_parts
from gridmap.grids.state import State
from gridmap.grids.work import Work


class RuleBroken(Exception):  # noqa: N818 - never leaves the package: edits turn it into EditRefused
    """A rule that an edit would break: which, the grids by level and slot, and the rows of the spot."""

    def __init__(self, rule: str, message: str, position: int, slots: Collection[int], rows: m.Ints) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.position = position
        self.slots = tuple(slots)
        self.rows = rows


@dataclass(frozen=True)
class Setting:
    """What edits have to keep to.

    Parameters
    ----------
    layout, county_code
        How new codes are made.
    given
        Position of the lowest level whose borders are given and not to be changed, -1 where there is none.
    locked
        Codes of grids that stay as they are, with all that is in them.
    taken
        Every code ever used.
    at
        When new grids begin.
    """

    layout: str
    county_code: str
    given: int
    locked: frozenset[str]
    taken: Collection[str]
    at: datetime


def refuse_empty(work: Work) -> None:
    """Refuse a grid of any level without land."""
    for position, level in enumerate(work.levels):
        label = work.label_at(position)
        land = label[~work.ground.water & (label >= 0)]
        filled = np.bincount(land, minlength=len(level.codes)) > 0
        for slot in np.flatnonzero(np.asarray(level.alive) & ~filled).tolist():
            if slot >= len(work.base.levels[position].codes):
                raise RuleBroken("empty", "a new grid would hold no land", position, (), np.empty(0, dtype=np.int64))
            rows = np.flatnonzero(work.base.label_at(position) == slot)
            code = level.codes[slot]
            raise RuleBroken(
                "empty", f"{level.spec.name} {code} would hold no land: merge it instead", position, (slot,), rows
            )


def refuse_locked(work: Work, setting: Setting, touched: tuple[m.Ints, ...]) -> None:
    """Refuse to change a locked grid or what is in it."""
    if not setting.locked:
        return
    for position, slots in enumerate(touched):
        level = work.base.levels[position]
        known = slots[slots < len(level.codes)]
        for slot in known[level.alive[known]].tolist():
            at, above = position, slot
            while at >= 0:
                code = work.base.levels[at].codes[above]
                if code in setting.locked:
                    rows = np.flatnonzero(work.base.label_at(at) == above)
                    message = f"{work.name(at)} {code} is locked, with all that is in it; unlock it first"
                    raise RuleBroken("locked", message, at, (above,), rows)
                above = int(work.base.levels[at].parent[above])
                at -= 1


def refuse_given(work: Work, setting: Setting) -> None:
    """Refuse a block that would leave its given unit."""
    if setting.given < 0:
        return
    now, then = work.label_at(setting.given), work.base.label_at(setting.given)[work.source]
    other = np.flatnonzero(now != then)
    if len(other):
        level = work.base.levels[setting.given]
        one, two = level.codes[then[other[0]]], level.codes[now[other[0]]]
        raise RuleBroken(
            "given_border",
            f"{len(other)} blocks would go from {level.spec.name} {one} to {two}, whose border is given",
            setting.given, (int(then[other[0]]), int(now[other[0]])), other,
        )  # fmt: skip


def refuse_astray(work: Work) -> None:
    """Refuse a partial grid with blocks in two parents, or with another parent than the grid its blocks are in."""
    for position in range(work.finest + 1, len(work.levels)):
        level, label = work.levels[position], work.label_at(position)
        above = work.label_at(position - 1)
        inside = np.flatnonzero(label >= 0)
        wrong = inside[np.asarray(level.parent)[label[inside]] != above[inside]]
        if len(wrong):
            slot = int(label[wrong[0]])
            raise RuleBroken(
                "not_nested", f"{level.spec.name} {level.codes[slot]} would lie in two grids", position, (slot,), wrong
            )


def refuse_broken(work: Work, touched: tuple[m.Ints, ...]) -> None:
    """Refuse what leaves more pieces on land than there were."""
    for position, level in enumerate(work.levels):
        if not level.spec.tiles:
            continue
        slots = touched[position]
        old = slots[slots < len(work.base.levels[position].codes)]
        old = old[work.base.levels[position].alive[old]]
        new = slots[np.asarray(level.alive)[slots]]
        before = stray_pieces(work.base, position, old)
        after = stray_pieces(work, position, new)
        if len(after) <= len(before):  # on its own part of the land each hangs together; over water only by a bridge
            before, after = (apart(state, position, slots) for state, slots in ((work.base, old), (work, new)))
        if len(after) > len(before):
            slot = next(iter(after))[0]
            strays = np.concatenate(list(after.values()))
            kept = work.source[strays]
            raise RuleBroken(
                "not_contiguous",
                f"{level.spec.name} {level.codes[slot] or 'new'} would fall into pieces that are apart on land",
                position, (slot,), kept,
            )  # fmt: skip


def stray_pieces(state: State | Work, position: int, slots: m.Ints) -> dict[tuple[int, int], m.Ints]:
    """Return the pieces of grids beyond the largest on each part of the land of their parent, as rows.

    Parameters
    ----------
    state
        Before or after an edit.
    position, slots
        Grids of one level.
    """
    ground = state.ground
    label = state.label_at(position)
    above = np.zeros(len(ground), dtype=np.int64) if position == 0 else state.label_at(position - 1)
    found: dict[tuple[int, int], m.Ints] = {}
    island = np.full(len(ground), -2, dtype=np.int64)
    part = np.full(len(ground), -2, dtype=np.int64)
    for slot in slots.tolist():
        rows = np.flatnonzero((label == slot) & ~ground.water)
        if len(rows) == 0:
            continue
        pieces = _number(ground, rows, part)
        if pieces > 1:
            home = np.flatnonzero((above == above[rows[0]]) & ~ground.water)
            if _number(ground, home, island) != pieces or pieces != len(np.unique(island[rows])):
                found |= _beyond_largest(ground, rows, part[rows], island[rows], slot)
            island[home] = -2
        part[rows] = -2
    return found


def apart(state: State | Work, position: int, slots: m.Ints) -> dict[tuple[int, int], m.Ints]:
    """Return the pieces of grids beyond the largest that no bridge joins to it, as rows."""
    ground, label = state.ground, state.label_at(position)
    found: dict[tuple[int, int], m.Ints] = {}
    part = np.full(len(ground), -2, dtype=np.int64)
    for slot in slots.tolist():
        rows = np.flatnonzero((label == slot) & ~ground.water)
        if len(rows) and _number(ground, rows, part, bridges=True) > 1:
            found |= _beyond_largest(ground, rows, part[rows], np.zeros(len(rows), dtype=np.int64), slot)
        part[rows] = -2
    return found


def _number(ground: Ground, rows: m.Ints, part: m.Ints, *, bridges: bool = False) -> int:
    part[rows] = -1
    links = ground.linked if bridges else ground.walkable
    return int(number_parts(rows, ground.start, ground.neighbour, links, part))


def _beyond_largest(
    ground: Ground, rows: m.Ints, part: m.Ints, island: m.Ints, slot: int
) -> dict[tuple[int, int], m.Ints]:
    size = np.bincount(part, weights=ground.area_m2[rows])
    where = np.zeros(len(size), dtype=np.int64)
    where[part] = island
    order = np.lexsort((-size, where))
    later = order[np.r_[False, where[order][1:] == where[order][:-1]]]
    return {(slot, int(piece)): rows[part == piece] for piece in later}


def refuse_cut_buildings(work: Work) -> None:
    """Refuse to part the blocks that a building stands on, where they were together."""
    straddling = work.ground.straddling
    if len(straddling.footprints) == 0:
        return
    before = set(work.base.ground.straddling.cut(work.base.label).tolist())
    cut = [each for each in straddling.cut(work.label).tolist() if each not in before]
    if cut:
        rows = np.unique(straddling.row[np.isin(straddling.building, cut)])
        raise RuleBroken(
            "building_cut", f"{len(cut)} buildings would lie in two grids; move all blocks that they stand on",
            work.finest, tuple(np.unique(work.label[rows]).tolist()), work.source[rows],
        )  # fmt: skip
