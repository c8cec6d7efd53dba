"""What every edit ends with: water follows its banks, codes are given, rules are judged, polygons are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gridmap.grids import draft_rules as rules
from gridmap.grids import mosaic as m
from gridmap.grids.codes import assign_codes
from gridmap.grids.draft_rules import Setting
from gridmap.grids.measures import measure_grids
from gridmap.grids.naming import TITLES
from gridmap.grids.state import Facts, LevelGrids, State, unite
from gridmap.grids.work import Work, WorkLevel


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
    rules.refuse_empty(work)
    rules.refuse_locked(work, setting, touched)
    rules.refuse_given(work, setting)
    rules.refuse_astray(work)
    rules.refuse_broken(work, touched)
    rules.refuse_cut_buildings(work)
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
            work.hand_over(position, slot, new)


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
