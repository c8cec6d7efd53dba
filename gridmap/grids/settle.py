"""What every edit ends with: water follows its banks, codes are given, rules are judged, polygons are drawn anew."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gridmap.grids import mosaic as m
from gridmap.grids.codes import assign_codes
from gridmap.grids.ground import Ground
from gridmap.grids.measures import measure_grids
from gridmap.grids.naming import TITLES
from gridmap.grids.pieces import number_parts
from gridmap.grids.state import Facts, LevelGrids, State, unite
from gridmap.grids.work import Work, WorkLevel


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


@dataclass(frozen=True, eq=False)
class Settled:
    """The state after an edit, and per level the slots whose ground or facts changed (dead and new ones included)."""

    state: State
    touched: tuple[m.Ints, ...]


def settle(work: Work, setting: Setting) -> Settled:
    """Finish an edit.

    Raises
    ------
    RuleBroken
        When it would break a rule.
    """
    if (work.base.ground.water).any():
        follow_water(work, setting.given)
    _recode(work, setting)
    touched = _touched(work)
    _refuse_empty(work)
    _refuse_locked(work, setting, touched)
    _refuse_given(work, setting)
    _refuse_astray(work)
    _refuse_broken(work, touched)
    _refuse_cut_buildings(work)
    _give_codes(work, setting)
    return Settled(_state(work, touched), touched)


def finish(work: Work) -> Settled:
    """Finish work that is known to be right: codes are given, no rule is judged (an edit taken back)."""
    touched = _touched(work)
    return Settled(_state(work, touched), touched)


def follow_water(work: Work, given: int) -> None:
    """Label water whose grid ended, or no longer lies on its bank, like its longest bank inside its given unit.

    Water keeps its grid as long as it can, so that little changes; water with no bank of its own follows the water
    beside it.
    """
    ground, label = work.ground, work.label
    alive = np.asarray(work.levels[work.finest].alive)
    tail = np.repeat(np.arange(len(ground)), np.diff(ground.start))
    bank = ground.water[tail] & ~ground.water[ground.neighbour]
    unit = np.zeros(len(ground), dtype=np.int64)
    if given >= 0:
        unit = work.base.label_at(given)[work.source]
        bank &= unit[tail] == unit[ground.neighbour]
    keeps = np.zeros(len(ground), dtype=bool)
    keeps[tail[bank & (label[tail] == label[ground.neighbour])]] = True
    has_bank = np.zeros(len(ground), dtype=bool)
    has_bank[tail[bank]] = True
    unsettled = ground.water & ~keeps & (has_bank | ~alive[label])
    if not unsettled.any():
        return
    open_ = unsettled.copy()
    while open_.any():
        # banks first; where there are none, water that is settled
        for wet in (False, True):
            entry = open_[tail] & ~open_[ground.neighbour] & (ground.water[ground.neighbour] == wet)
            entry &= (unit[tail] == unit[ground.neighbour]) & alive[label[ground.neighbour]]
            if entry.any():
                break
        else:
            break
        _take_longest(label, tail[entry], ground.neighbour[entry], ground.length_m[entry])
        open_[tail[entry]] = False


def _take_longest(label: m.Ints, rows: m.Ints, beside: m.Ints, length_m: m.Floats) -> None:
    """Label rows like the label beside them with the longest border, of equal ones the lowest."""
    table = pd.DataFrame({"row": rows, "label": label[beside], "length": length_m})
    table = table.groupby(["row", "label"], sort=True)["length"].sum().reset_index()
    table = table.sort_values(["row", "length", "label"], ascending=[True, False, True], kind="stable")
    best = table.drop_duplicates("row")
    label[best["row"].to_numpy()] = best["label"].to_numpy()


def _recode(work: Work, setting: Setting) -> None:
    """In the default layout a code begins with the parent's: a grid that got another parent begins anew."""
    if setting.layout != "default":
        return
    for position in range(1, len(work.levels)):
        level, before = work.levels[position], work.base.levels[position]
        moved = [
            slot
            for slot in range(len(before.codes))
            if level.alive[slot] and level.parent[slot] != int(before.parent[slot])
        ]
        for slot in moved:
            new = level.add(level.parent[slot], level.facts[slot]._replace(name=None))
            level.alive[slot] = False
            _hand_over(work, position, slot, new)


def _hand_over(work: Work, position: int, slot: int, new: int) -> None:
    """Let a new grid take the ground and the children of another."""
    if position >= work.finest:
        label = work.labels[work.name(position)]
        label[label == slot] = new
    if position + 1 < len(work.levels):
        below = work.levels[position + 1]
        below.parent = [new if parent == slot else parent for parent in below.parent]


def _touched(work: Work) -> tuple[m.Ints, ...]:
    """Return per level the slots whose set of blocks, or whose outline, is another than before."""
    found = []
    for position, level in enumerate(work.levels):
        now, then = work.label_at(position), work.base.label_at(position)[work.source]
        other = now != then
        if len(work.fresh):
            other = other.copy()
            other[work.fresh] = True
        slots = np.unique(np.r_[now[other], then[other]])
        count = len(work.base.levels[position].codes)
        new = np.arange(count, len(level.codes))
        found.append(np.union1d(slots[slots >= 0], new).astype(np.int64))
    return tuple(found)


def _refuse_empty(work: Work) -> None:
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


def _refuse_locked(work: Work, setting: Setting, touched: tuple[m.Ints, ...]) -> None:
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


def _refuse_given(work: Work, setting: Setting) -> None:
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


def _refuse_astray(work: Work) -> None:
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


def _refuse_broken(work: Work, touched: tuple[m.Ints, ...]) -> None:
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


def _refuse_cut_buildings(work: Work) -> None:
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


def _give_codes(work: Work, setting: Setting) -> None:
    """Give new grids codes after the highest ever used under their parent, and names after them."""
    for position, level in enumerate(work.levels):
        slots = [slot for slot, code in enumerate(level.codes) if code is None]
        if not slots:
            continue
        above = work.levels[position - 1] if position else None
        parents = [setting.county_code if above is None else str(above.codes[level.parent[slot]]) for slot in slots]
        taken = [code for code in setting.taken if code.startswith(tuple(set(parents)))]
        if setting.layout == "default":
            middle = np.array([_middle(work, position, slot) for slot in slots])
            codes = assign_codes(parents, middle[:, 0], middle[:, 1], level.spec.digits, taken=taken).tolist()
        else:
            codes = _appended(parents, taken)
        for slot, code, parent in zip(slots, codes, parents, strict=True):
            level.codes[slot] = code
            above_name = "" if above is None else above.facts[level.parent[slot]].name or ""
            level.facts[slot] = _named(level.facts[slot], code, above_name, level, parent, setting)


def _appended(parents: list[str], taken: list[str]) -> list[str]:
    """Return codes for imported layouts: the parent's code, a dash and a number never used there."""
    used = set(taken)
    codes = []
    for parent in parents:
        number = 1
        while f"{parent}-{number:03d}" in used:
            number += 1
        codes.append(f"{parent}-{number:03d}")
        used.add(codes[-1])
    return codes


def _named(facts: Facts, code: str, above: str, level: WorkLevel, parent: str, setting: Setting) -> Facts:
    title = TITLES.get(level.spec.name, level.spec.name)
    number = int(code[-level.spec.digits :]) if setting.layout == "default" else code.removeprefix(f"{parent}-")
    name = facts.name or f"{above}第{number}{title}"
    return facts._replace(name=name, valid_from=pd.Timestamp(setting.at), valid_to=pd.NaT)


def _middle(work: Work, position: int, slot: int) -> m.Floats:
    rows = work.rows(position, [slot])
    xy = shapely.get_coordinates(shapely.centroid(work.ground.shapes[rows]))
    return np.asarray(np.average(xy, axis=0, weights=work.ground.area_m2[rows]))


def _state(work: Work, touched: tuple[m.Ints, ...]) -> State:
    levels: dict[int, LevelGrids] = {}
    for position in [*range(work.finest, len(work.levels)), *range(work.finest - 1, -1, -1)]:
        below = levels[position + 1] if position < work.finest else None
        levels[position] = _level(work, position, touched[position], below)
    slots = touched[work.finest]
    living = slots[levels[work.finest].alive[slots]]
    measures = measure_grids(work.ground, work.label, living, work.base.measures)
    return replace(
        work.base,
        ground=work.ground,
        levels=tuple(levels[i] for i in range(len(work.levels))),
        labels=dict(work.labels),
        measures=measures,
    )


def _level(work: Work, position: int, touched: m.Ints, below: LevelGrids | None) -> LevelGrids:
    """Return the grids of a level, those touched with new polygons and sums."""
    new, old = work.levels[position], work.base.levels[position]
    count = len(new.codes)
    added = count - len(old.codes)
    sums: dict[str, Any] = {
        name: np.r_[getattr(old, name), np.zeros(added)] for name in ("area_m2", "households", "residents")
    }
    shapes = np.r_[old.shapes, np.full(added, None, dtype=object)]
    alive = np.asarray(new.alive, dtype=bool)
    label = work.label_at(position)
    living = touched[alive[touched]]
    for slot in living.tolist():
        if below is None:
            rows = np.flatnonzero(label == slot)
            shapes[slot] = unite(work.ground.shapes[rows])
            parts: Any = work.ground
        else:
            rows = np.flatnonzero((below.parent == slot) & below.alive)
            rows = rows[np.argsort(below.codes[rows])]
            shapes[slot] = unite(below.shapes[rows])
            parts = below
        for name in ("households", "residents"):
            sums[name][slot] = _total(getattr(parts, name)[rows])
    if len(living):
        sums["area_m2"][living] = shapely.area(m.to_metres(shapes[living], work.ground.metric))
    facts = np.empty(count, dtype=object)
    facts[:] = new.facts
    return LevelGrids(
        spec=new.spec, codes=np.array(new.codes, dtype=object), parent=np.asarray(new.parent, dtype=np.int64),
        alive=alive, facts=facts, shapes=shapes, **sums,
    )  # fmt: skip


def _total(values: m.Floats) -> float:
    """Add one after the other, as a plan is put together: what is taken back is then the same to the last bit."""
    return float(np.bincount(np.zeros(len(values), dtype=np.int64), weights=values, minlength=1)[0])
