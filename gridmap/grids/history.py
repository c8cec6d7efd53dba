"""The journal of a draft: what each edit changed, written so that it can be taken back, also after a restart.

A plan carries three tables of it: ``journal`` (which block went from which grid to which), ``former_grids`` (what a
grid was before an edit changed or ended it, and which grids the edit began) and ``former_blocks`` (blocks before an
edit cut them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmap.grids import mosaic as m
from gridmap.grids.frames import FORMER_BLOCK_COLUMNS, FORMER_GRID_COLUMNS, JOURNAL_COLUMNS
from gridmap.grids.ground import Replacement, replace_blocks
from gridmap.grids.lineage import label_flows, lineage_of
from gridmap.grids.plan import Plan
from gridmap.grids.settle import finish
from gridmap.grids.state import FACT_COLUMNS, Facts, State, blocks_of, layer_of
from gridmap.grids.work import Work, begin

ACTIONS: Final = ("move", "split", "merge", "redraw", "rebalance")
"""Actions of the journal that can be taken back; others (``go_round``) tell how the plan was drawn."""


@dataclass(frozen=True, eq=False)
class Step:
    """A state before and after an edit; ``source`` is the row before of each block after."""

    before: State
    after: State
    source: m.Ints


@dataclass(frozen=True, eq=False)
class Recorded:
    """An edit that a plan's journal holds, with the tables to take it back."""

    number: int
    action: str
    who: str
    why: str
    at: datetime
    journal: pd.DataFrame
    former_grids: pd.DataFrame
    former_blocks: gpd.GeoDataFrame | None


StepRecord = tuple[int, str, str, str, datetime, Step]


def recorded_edits(plan: Plan) -> tuple[Recorded, ...]:
    """Return the edits in a plan's journal that can be taken back, the oldest first."""
    known = plan.journal["action"].isin(ACTIONS).to_numpy()
    found = []
    for number, rows in plan.journal[known].groupby("edit", sort=True):
        first = rows.iloc[0]
        grids = plan.former_grids[plan.former_grids["edit"] == number]
        cut = None if plan.former_blocks is None else plan.former_blocks[plan.former_blocks["edit"] == number]
        at = first["at"].to_pydatetime()
        found.append(Recorded(int(number), first["action"], first["who"], first["why"], at, rows, grids, cut))
    return tuple(found)


def code_changes(
    before: State, after: State, touched: Sequence[m.Ints]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the codes that changed, that began and that ended, each sorted."""
    changed: set[str] = set()
    made: set[str] = set()
    ended: set[str] = set()
    for position, level in enumerate(after.levels):
        old = before.levels[position]
        changed.update(level.codes[touched[position]].tolist())
        made.update(level.codes[len(old.codes) :][level.alive[len(old.codes) :]].tolist())
        ended.update(old.codes[old.alive & ~level.alive[: len(old.codes)]].tolist())
    return tuple(sorted(changed)), tuple(sorted(made)), tuple(sorted(ended))


# from steps to tables ---------------------------------------------------------------------------------------------


def plan_of(
    base: Plan, state: State, steps: Sequence[StepRecord], recorded: Sequence[Recorded], *, document: str
) -> Plan:
    """Return a state as a plan whose parent is ``base``, with the tables of its edits."""
    layers = {level.spec.name: layer_of(state, i) for i, level in enumerate(state.levels)}
    frame = blocks_of(state)
    if base.blocks is not None:
        frame.attrs = base.blocks.attrs
    old = {each.number for each in recorded}
    kept = ~base.journal["action"].isin(ACTIONS) | base.journal["edit"].isin(old)
    journal = [base.journal[kept], *(journal_rows(*step) for step in steps)]
    grids = [
        base.former_grids[base.former_grids["edit"].isin(old)],
        *(former_grids(step[0], step[-1]) for step in steps),
    ]
    blocks = [] if base.former_blocks is None else [base.former_blocks[base.former_blocks["edit"].isin(old)]]
    cuts = [(step[0], step[-1]) for step in steps if step[-1].before.ground is not step[-1].after.ground]
    blocks += [former_blocks(number, step) for number, step in cuts]
    changed = bool(steps) or len(old) < len(recorded_edits(base))
    metadata = base.metadata
    if changed:
        counts = {name: len(layers[name]) for name in metadata.counts if name in layers}
        at = steps[-1][-2] if steps else metadata.created_at
        metadata = replace(metadata, counts=counts, created_at=at)
    return Plan(
        levels=base.levels,
        layers=layers,
        layout=base.layout,
        metadata=metadata,
        lineage=_lineage(base, state, steps, document),
        blocks=frame,
        journal=_stack(journal, JOURNAL_COLUMNS),
        former_grids=_stack(grids, FORMER_GRID_COLUMNS),
        former_blocks=gpd.GeoDataFrame(pd.concat(blocks, ignore_index=True), crs=frame.crs) if blocks else None,
        department_map=base.department_map,
        parent=base if changed else base.parent,
    )


def _stack(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def journal_rows(number: int, action: str, who: str, why: str, at: datetime, step: Step) -> pd.DataFrame:
    """Return a row for each block that went to another code, at the levels that blocks carry.

    Where no block did (grids went below another parent and kept their codes), the level above is written down.
    """
    before, after = step.before, step.after
    rows = np.flatnonzero(after.ground.block == before.ground.block[step.source])
    tables: list[pd.DataFrame] = []
    for position in [*range(before.finest, len(before.levels)), *range(before.finest - 1, -1, -1)]:
        if position < before.finest and any(len(table) for table in tables):
            break
        was, now = before.label_at(position)[step.source[rows]], after.label_at(position)[rows]
        other = np.flatnonzero(was != now)  # a slot is a code for ever
        old = before.levels[position].codes_of(was[other])
        new = after.levels[position].codes_of(now[other])
        tables.append(
            pd.DataFrame(
                {
                    "block": after.ground.block[rows[other]], "level": before.levels[position].spec.name,
                    "old": old, "new": new,
                }
            )
        )  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    return table.assign(edit=number, at=at, who=who, why=why, action=action)[list(JOURNAL_COLUMNS)]


def _codes(state: State, position: int) -> m.Geometries:
    """Return the code of each block at a level, ``None`` where it has none."""
    return state.levels[position].codes_of(state.label_at(position))


def former_grids(number: int, step: Step) -> pd.DataFrame:
    """Return the grids that an edit began (``made``), and those it changed or ended as they were before."""
    rows = []
    for position, level in enumerate(step.after.levels):
        old = step.before.levels[position]
        above = (step.before.levels[position - 1], step.after.levels[position - 1]) if position else (None, None)
        count = len(old.codes)
        was = np.r_[old.alive, np.zeros(len(level.codes) - count, dtype=bool)]
        same = was & level.alive
        same[:count] &= old.parent == level.parent[:count]
        for slot in np.flatnonzero(~same & (was | level.alive)).tolist():
            made = not was[slot]
            grids, parents = (level, above[1]) if made else (old, above[0])
            parent = None if parents is None else parents.codes[grids.parent[slot]]
            rows.append((number, level.spec.name, level.codes[slot], made, parent, *grids.facts[slot]))
    return pd.DataFrame(rows, columns=list(FORMER_GRID_COLUMNS))


def former_blocks(number: int, step: Step) -> gpd.GeoDataFrame:
    """Return the blocks that an edit cut, or whose outline it changed, as they were before; with their codes."""
    before, after = step.before, step.after
    same = (after.ground.block == before.ground.block[step.source]) & np.array(
        [a is b for a, b in zip(after.ground.shapes, before.ground.shapes[step.source], strict=True)], dtype=bool
    )
    gone = np.unique(step.source[~same])
    frame = blocks_of(before).iloc[gone].copy()
    frame["edit"] = number
    pieces = [after.ground.block[(step.source == row) & ~same].tolist() for row in gone.tolist()]
    frame["pieces"] = [";".join(map(str, each)) for each in pieces]
    labels = [level.spec.name for level in before.levels[before.finest :]]
    return frame[[*FORMER_BLOCK_COLUMNS, *labels, "geometry"]]


def _lineage(base: Plan, state: State, steps: Sequence[StepRecord], document: str) -> pd.DataFrame:
    """Return the plan's lineage, without what was taken back and with what became of the codes that ended."""
    alive = {level.spec.name: set(level.codes[level.alive].tolist()) for level in state.levels}
    back = [
        code in alive.get(level, ()) for level, code in zip(base.lineage["level"], base.lineage["old"], strict=True)
    ]
    kept = base.lineage[~np.array(back, dtype=bool)] if len(back) else base.lineage
    if not steps:
        return kept
    source = np.arange(len(state.ground))
    for *_, step in reversed(steps):
        source = step.source[source]
    first = steps[0][-1].before
    flows = [
        label_flows(
            level.spec.name, _codes(first, i)[source], _codes(state, i), state.ground.area_m2, state.ground.households
        )
        for i, level in enumerate(state.levels)
    ]
    made = lineage_of(pd.concat(flows, ignore_index=True), steps[-1][-2], document or None)
    return _stack([kept, made], tuple(made.columns))


# and back ---------------------------------------------------------------------------------------------------------


def take_back(state: State, edit: Recorded) -> State:
    """Return the state before an edit that the journal holds."""
    work = _uncut(state, edit)
    slots = _revive(work, edit.former_grids)
    if edit.former_blocks is not None and len(edit.former_blocks):
        row = work.ground.row_of(edit.former_blocks["block"].to_numpy(np.int64))
        for position in range(work.finest, len(work.levels)):
            codes = edit.former_blocks[work.name(position)].to_numpy(object)
            work.labels[work.name(position)][row] = [slots(position, code) for code in codes]
    for level, rows in edit.journal.groupby("level", sort=False):
        position = [each.spec.name for each in work.levels].index(level)
        if position < work.finest:
            continue
        row = work.ground.row_of(rows["block"].to_numpy(np.int64))
        there = row >= 0
        old = [slots(position, code) for code in rows["old"].to_numpy(object)[there]]
        work.labels[level][row[there]] = old
    return finish(work).state


def _uncut(state: State, edit: Recorded) -> Work:
    """Begin to take an edit back: blocks that it cut are whole again."""
    former = edit.former_blocks
    if former is None or len(former) == 0:
        return begin(state)
    numbers = [[int(each) for each in text.split(";")] for text in former["pieces"]]
    sources = tuple(tuple(state.ground.row_of(np.array(each, dtype=np.int64)).tolist()) for each in numbers)
    change = Replacement(
        gone=np.unique(np.concatenate([np.array(each, dtype=np.int64) for each in sources])),
        block=former["block"].to_numpy(np.int64),
        rank=np.array([state.ground.rank[list(rows)].min() for rows in sources], dtype=np.int64),
        households=former["households"].to_numpy(float),
        residents=former["residents"].to_numpy(float),
        water=former["water"].to_numpy(bool),
        shapes=np.asarray(former.geometry.values, dtype=object),
        sources=sources,
    )
    ground, source = replace_blocks(state.ground, change)
    return begin(state, ground, source, ground.row_of(change.block))


class _Slots:
    """Slots by level and code, of grids that live again."""

    def __init__(self, work: Work) -> None:
        self._known = [
            {code: slot for slot, code in enumerate(level.codes) if level.alive[slot]} for level in work.levels
        ]

    def __call__(self, position: int, code: Any) -> int:
        return -1 if code is None else self._known[position][code]

    def knows(self, position: int, code: str) -> bool:
        return code in self._known[position]

    def put(self, position: int, code: str, slot: int) -> None:
        self._known[position][code] = slot

    def take(self, position: int, code: str) -> int:
        return self._known[position].pop(code)


def _revive(work: Work, former: pd.DataFrame) -> _Slots:
    """End the grids that an edit began, and let those that it ended or moved be what they were."""
    slots = _Slots(work)
    names = [level.spec.name for level in work.levels]
    made = former["made"].to_numpy(bool)
    for row in former[made].itertuples():
        position = names.index(row.level)
        work.end(position, slots.take(position, row.code))
    for position, level in enumerate(work.levels):
        for row in former[~made & (former["level"] == level.spec.name).to_numpy()].itertuples():
            facts = Facts(*(getattr(row, name) for name in FACT_COLUMNS))
            parent = -1 if position == 0 else slots(position - 1, row.parent)
            if slots.knows(position, row.code):
                level.parent[slots(position, row.code)] = parent
                continue
            slot = level.add(parent, facts)
            level.codes[slot] = row.code
            slots.put(position, row.code, slot)
    return slots
