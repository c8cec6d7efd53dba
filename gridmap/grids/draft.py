"""A draft: a plan that a planner edits, each edit judged and measured at once, and undone as easily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import shapely

from gridmap.errors import EditRefused, UnknownNameError
from gridmap.grids import draft_options, edits, history
from gridmap.grids import mosaic as m
from gridmap.grids.draft_edit import Edit, Told, edit_of
from gridmap.grids.draft_open import open_draft
from gridmap.grids.draft_rules import RuleBroken, Setting
from gridmap.grids.frames import ZONE
from gridmap.grids.layers import Layer
from gridmap.grids.metrics import Metrics, metrics_of
from gridmap.grids.plan import Plan
from gridmap.grids.rebalancing import Rebalance, rebalance_state
from gridmap.grids.settle import settle
from gridmap.grids.state import State, blocks_of, layer_of
from gridmap.grids.work import Work
from gridmap.network.model import WalkNetwork

__all__ = ["Draft", "Edit"]


class Draft:
    """A plan being edited.

    The draft never changes the plan it came from; :meth:`propose` makes a new one. An edit that would break a rule is
    refused (:class:`gridmap.errors.EditRefused`) and leaves the draft as it was. Balance is no rule: it is measured
    and shown.

    Parameters
    ----------
    plan
        With blocks (drawn, or from :func:`gridmap.blocks_from_plan`).
    blocks
        Blocks with codes to use instead of the plan's own.
    network
        Streets, rails and water: they tell what lies on a border and where one can cross it.
    buildings
        Footprints that no border may cut.
    stations
        Points; needs ``network``. Walks from the households to them are measured.
    households
        New numbers of households by block number, where they grew or fell since the plan was made.
    given
        Levels whose borders no edit may change; by default those the plan says are given, the finest excepted.
    who
        Whose edits these are, for the journal.
    seed
        Of splits and redrawings: the same draft with the same edits gives the same plan.

    Examples
    --------
    >>> from shapely import box
    >>> import gridmap, pandas as pd
    >>> shapes = [box(120 + i / 8, 31, 120 + (i + 1) / 8, 31.01) for i in range(4)]
    >>> blocks = gpd.GeoDataFrame({"block": range(4), "households": [90.0, 10, 50, 50], "residents": 0.0,
    ...     "water": False, "small": ["320299001", "320299001", "320299002", "320299002"]}, geometry=shapes, crs=4490)
    >>> from gridmap.grids.assemble import plan_from_blocks
    >>> small = pd.DataFrame({"parent": [None, None]}, index=["320299001", "320299002"])
    >>> plan = plan_from_blocks(blocks, (gridmap.LevelSpec("small"),), {"small": small})
    >>> draft = Draft(plan)
    >>> edit = draft.move([1], to="320299002")
    >>> edit.after.grids["households"].to_dict()
    {'320299001': 90.0, '320299002': 110.0}
    >>> draft.move([3], to="320299001")
    Traceback (most recent call last):
    gridmap.errors.EditRefused: ...
    >>> _ = draft.undo()
    >>> draft.plan().equals(plan)
    True
    """

    def __init__(
        self,
        plan: Plan,
        blocks: gpd.GeoDataFrame | None = None,
        *,
        network: WalkNetwork | None = None,
        buildings: Layer | None = None,
        stations: Layer | None = None,
        households: Mapping[int, float] | None = None,
        given: Sequence[str] | None = None,
        who: str = "",
        seed: int = 0,
    ) -> None:
        opened = open_draft(plan, blocks, network, buildings, stations, households, given)
        self._base = plan
        self._state = opened.state
        self._given = opened.given
        self._recorded = opened.recorded
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._undone_recorded = 0
        self._locked: frozenset[str] = frozenset()
        self._taken = set(opened.taken)
        self._who = who
        self._seed = seed

    # what the draft is ------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The draft as it is now."""
        return self._state

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Edits of this draft that were not undone, the oldest first."""
        return tuple(self._done)

    @property
    def locked(self) -> frozenset[str]:
        """Codes that are locked."""
        return self._locked

    @property
    def finest(self) -> str:
        """Name of the level that blocks are moved between."""
        return self._state.levels[self._state.finest].spec.name

    def __getitem__(self, level: str) -> gpd.GeoDataFrame:
        """Return the layer of a level as it is now."""
        return layer_of(self._state, self._position(level))

    def blocks(self) -> gpd.GeoDataFrame:
        """Return the blocks as they are now, with their codes."""
        return blocks_of(self._state)

    def metrics(self, codes: Iterable[str] | None = None) -> Metrics:
        """Return the figures of the whole draft, or list only some grids of the finest tiling level."""
        slots = None if codes is None else np.array([self._state.find(code)[1] for code in codes], dtype=np.int64)
        return metrics_of(self._state, self._given, self._band, slots)

    def blocks_in(self, shape: shapely.Geometry) -> tuple[int, ...]:
        """Return the numbers of the blocks whose inner point lies in a shape in lon/lat: what a lasso picks."""
        ground = self._state.ground
        points = shapely.point_on_surface(ground.shapes)
        shapely.prepare(shape)
        return tuple(ground.block[shapely.intersects(shape, points)].tolist())

    def block_at(self, lon: float, lat: float) -> int:
        """Return the number of the block at a point.

        Raises
        ------
        UnknownNameError
            When no block is there.
        """
        ground = self._state.ground
        at = shapely.STRtree(ground.shapes).query(shapely.Point(lon, lat), predicate="intersects")
        if len(at) == 0:
            raise UnknownNameError(f"no block lies at lon {lon}, lat {lat}; the draft covers {self._extent()}")
        return int(ground.block[at.min()])

    # edits ------------------------------------------------------------------------------------------------------

    def move(self, blocks: Iterable[int] | Iterable[str] | int | str, to: str, *, why: str = "") -> Edit:
        """Move blocks (by number) to a grid, or grids (by code) of one level below another parent.

        Raises
        ------
        EditRefused
            When a grid would fall into pieces or become empty, a given border would change, a building would be cut, or
            something is locked. ``allowed`` lists the nearest moves that are allowed.
        UnknownNameError
            When there is no such block or grid.
        """
        chosen: list[Any] = [blocks] if isinstance(blocks, int | np.integer | str) else list(blocks)
        if chosen and all(isinstance(each, str) for each in chosen):
            return self._move_grids(chosen, to, why)
        position, slot = self._state.find(to)
        if position < self._state.finest:
            raise EditRefused(
                f"{to} is a {self._state.levels[position].spec.name} grid; blocks go to {self.finest} grids, and "
                "grids are moved by their codes", rule="not_nested", codes=(to,),
            )  # fmt: skip
        rows = self._rows(chosen)
        if (self._state.label_at(position)[rows] == slot).all():
            raise EditRefused(f"all these blocks are in {to} already", rule="nothing_to_do", codes=(to,))
        try:
            return self._do("move", edits.move_blocks(self._state, rows, position, slot), why)
        except RuleBroken as broken:
            options = draft_options.other_moves(self._state, rows, slot, broken, self._trial)
            raise self._refused(broken, options) from None

    def relabel(self, goals: Mapping[int, str], *, why: str = "") -> Edit:
        """Move many blocks to grids of their own at once: what a proposal (:meth:`Integration.propose`) asks for.

        Only the end is judged, not the way there.

        Parameters
        ----------
        goals
            Code of the grid of the finest tiling level by block number.
        why
            For the journal.

        Raises
        ------
        EditRefused
            As :meth:`move`.
        """
        rows = np.array([self._rows([block])[0] for block in goals], dtype=np.int64)
        found = [self._state.find(code) for code in goals.values()]
        astray = [
            code for code, (position, _) in zip(goals.values(), found, strict=True) if position != self._state.finest
        ]
        if astray or not found:
            raise EditRefused(
                f"blocks are labelled with {self.finest} grids; {astray[0] if astray else 'nothing'} is none",
                rule="not_nested", codes=tuple(astray),
            )  # fmt: skip
        slots = np.array([slot for _, slot in found], dtype=np.int64)
        return self._attempt("move", lambda: edits.relabel_blocks(self._state, rows, slots), why)

    def _move_grids(self, codes: Sequence[str], to: str, why: str) -> Edit:
        position, slots = self._same_level(codes)
        above, goal = self._state.find(to)
        if above != position - 1:
            names = [level.spec.name for level in self._state.levels]
            raise EditRefused(
                f"{names[position]} grids lie in {names[position - 1] if position else 'nothing'}; {to} is a "
                f"{names[above]} grid", rule="not_nested", codes=(to,),
            )  # fmt: skip
        return self._attempt("move", lambda: edits.move_grids(self._state, position, slots, goal), why)

    def split(
        self, code: str, n: int = 2, *, line: shapely.LineString | None = None, band: float | None = None, why: str = ""
    ) -> Edit:
        """Split a grid into ``n`` balanced ones, or along a line in lon/lat that a planner drew.

        The old code ends; the new grids get new numbers. A line cuts the blocks it crosses.

        Raises
        ------
        EditRefused
            When the grid has too few blocks, or the line does not cross it or would cut a building.
        """
        position, slot = self._state.find(code)
        if line is not None:
            return self._split_along(position, slot, line, why)
        if n < 2:
            raise EditRefused(f"{code} cannot be split into {n}; allowed: 2 and more", rule="count", codes=(code,))
        within = self._band if band is None else band
        make = lambda: edits.split_grid(self._state, position, slot, n, band=within, seed=self._seed)  # noqa: E731
        return self._attempt("split", make, why)

    def _split_along(self, position: int, slot: int, line: shapely.LineString, why: str) -> Edit:
        try:
            return self._attempt("split", lambda: edits.split_along(self._state, position, slot, line), why)
        except EditRefused as refused:
            if refused.rule != "building_cut":
                raise
            refused.allowed = draft_options.led_round(self._state, position, slot, line, refused, self._trial)
            raise

    def merge(self, codes: Sequence[str], *, why: str = "") -> Edit:
        """Merge grids of one level into a new one with a new code.

        Raises
        ------
        EditRefused
            When they do not hang together, or lie in different given parents.
        """
        position, slots = self._same_level(codes)
        if len(set(slots)) < 2:
            raise EditRefused("give two grids or more to merge", rule="count", codes=tuple(codes))
        try:
            return self._do("merge", edits.merge_grids(self._state, position, slots), why)
        except RuleBroken as broken:
            options = draft_options.other_merges(self._state, position, slots, self._trial)
            raise self._refused(broken, options) from None

    def redraw(
        self, codes: Sequence[str], *, band: float | None = None, seed: int | None = None, why: str = ""
    ) -> Edit:
        """Draw grids of one level anew inside their common outline; each keeps the code of what it mostly was.

        Raises
        ------
        EditRefused
            When they do not hang together or a given border would change.
        """
        position, slots = self._same_level(codes)
        within, number = self._band if band is None else band, self._seed if seed is None else seed
        make = lambda: edits.redraw_grids(self._state, position, sorted(set(slots)), band=within, seed=number)  # noqa: E731
        return self._attempt("redraw", make, why)

    def rebalance(
        self,
        band: float | None = None,
        *,
        lock: Sequence[str] = (),
        why: str = "",
        progress: Callable[[float, str], None] | None = None,
    ) -> Edit:
        """Bring every grid into the band, moving as few households as can be.

        Parameters
        ----------
        band
            Allowed deviation; the plan's by default.
        lock
            Codes that stay as they are, besides those that are locked anyway.
        why
            For the journal.
        progress
            Called with the share done and what is happening.

        Returns
        -------
        Edit
            ``edit.rebalance`` has the lower bound of households to be moved, and what could not be brought in and why.
        """
        locked = self._locked | {str(code) for code in lock}
        for code in lock:
            self._state.find(code)
        within = self._band if band is None else band
        work, found = rebalance_state(self._state, self._given, within, locked, self._seed, progress)
        if work is None:
            why_not = found.summary() if found.left_out else "every grid is within the band already"
            raise EditRefused(f"nothing is moved: {why_not}", rule="nothing_to_do")
        try:
            return self._do("rebalance", work, why, rebalance=found)
        except RuleBroken as broken:
            raise self._refused(broken, ()) from None

    def undo(self) -> Edit | history.Recorded:
        """Take the last edit back; after those of this draft, the ones the plan's journal holds.

        Raises
        ------
        EditRefused
            When nothing is left to be undone.
        """
        if self._done:
            edit = self._done.pop()
            self._undone.append(edit)
            self._state = edit.step.before
            return edit
        if not self._recorded:
            raise EditRefused("nothing is left to be undone", rule="nothing_to_do")
        recorded = self._recorded[-1]
        self._state = history.take_back(self._state, recorded)
        self._recorded = self._recorded[:-1]
        self._undone.clear()
        self._undone_recorded += 1
        return recorded

    def redo(self) -> Edit:
        """Do the last undone edit again.

        Raises
        ------
        EditRefused
            When nothing was undone, or another edit was made since.
        """
        if not self._undone:
            raise EditRefused("nothing was undone that could be done again", rule="nothing_to_do")
        edit = self._undone.pop()
        self._done.append(edit)
        self._state = edit.step.after
        return edit

    # around edits -----------------------------------------------------------------------------------------------

    def lock(self, codes: Iterable[str]) -> None:
        """Lock grids of any level: neither they nor what is in them will be changed."""
        chosen = [str(code) for code in codes]
        for code in chosen:
            self._state.find(code)
        self._locked |= set(chosen)

    def unlock(self, codes: Iterable[str] | None = None) -> None:
        """Unlock some grids, or all."""
        self._locked = frozenset() if codes is None else self._locked - {str(code) for code in codes}

    def branch(self) -> Draft:
        """Return a draft that begins as this one is and goes its own way."""
        other = object.__new__(Draft)
        other.__dict__.update(self.__dict__)
        other._done, other._undone = list(self._done), list(self._undone)
        other._taken = set(self._taken)
        return other

    def plan(self, *, note: str = "") -> Plan:
        """Return the draft as a plan: grids, blocks, lineage and journal."""
        steps = [(edit.number, edit.action, edit.who, edit.why or note, edit.at, edit.step) for edit in self._done]
        return history.plan_of(self._base, self._state, steps, self._recorded, document=note)

    def propose(self, note: str) -> Plan:
        """Return the draft as a plan that says what it came from: what the town sends to the county.

        Parameters
        ----------
        note
            The reason or the document, for the lineage and for edits without a reason of their own.
        """
        if not self._done and not self._undone_recorded:
            raise EditRefused("the draft has no edits to propose", rule="nothing_to_do")
        return self.plan(note=note)

    # inside -----------------------------------------------------------------------------------------------------

    @property
    def _band(self) -> float:
        return self._base.metadata.band

    def _position(self, level: str) -> int:
        names = [each.spec.name for each in self._state.levels]
        if level not in names:
            raise UnknownNameError(f"the draft has no level {level!r}; it has {', '.join(names)}")
        return names.index(level)

    def _extent(self) -> str:
        west, south, east, north = shapely.total_bounds(self._state.ground.shapes)
        return f"lon {west:.4f} to {east:.4f}, lat {south:.4f} to {north:.4f}"

    def _rows(self, blocks: Sequence[Any]) -> m.Ints:
        numbers = np.array([int(each) for each in blocks], dtype=np.int64)
        if len(numbers) == 0:
            raise EditRefused("no block is named", rule="nothing_to_do")
        rows = self._state.ground.row_of(numbers)
        if (rows < 0).any():
            known = self._state.ground.block
            raise UnknownNameError(
                f"there is no block {numbers[rows < 0][0]}; they are numbered {known.min()} to {known.max()}"
            )
        return np.unique(rows)

    def _same_level(self, codes: Sequence[str]) -> tuple[int, list[int]]:
        if isinstance(codes, str):
            codes = [codes]
        found = [self._state.find(code) for code in codes]
        levels = {position for position, _ in found}
        if len(levels) != 1:
            names = ", ".join(self._state.levels[each].spec.name for each in sorted(levels))
            raise EditRefused(
                f"these grids are of several levels ({names or 'none'}); name grids of one level",
                rule="not_nested", codes=tuple(codes),
            )  # fmt: skip
        return found[0][0], [slot for _, slot in found]

    def _setting(self) -> Setting:
        meta = self._base.metadata
        return Setting(
            layout=self._base.layout,
            county_code=meta.county_code,
            given=self._given,
            locked=self._locked,
            taken=self._taken,
            at=datetime.now(ZoneInfo(ZONE)).replace(microsecond=0),
        )

    def _trial(self, work: Work) -> bool:
        """Whether an edit would be allowed."""
        try:
            settle(work, self._setting())
        except RuleBroken:
            return False
        return True

    def _attempt(self, action: str, make: Callable[[], Work], why: str) -> Edit:
        try:
            return self._do(action, make(), why)
        except RuleBroken as broken:
            raise self._refused(broken, ()) from None

    def _do(self, action: str, work: Work, why: str, rebalance: Rebalance | None = None) -> Edit:
        setting = self._setting()
        settled = settle(work, setting)
        told = Told(self._next_number(), action, self._who, why, setting.at)
        edit = edit_of(told, work, settled, self._given, self._band, rebalance)
        self._state = settled.state
        self._done.append(edit)
        self._undone.clear()
        self._taken.update(edit.made)
        return edit

    def _next_number(self) -> int:
        recorded = self._recorded[-1].number if self._recorded else 0
        return max([recorded, *(edit.number for edit in self._done[-1:])]) + 1

    def _refused(self, broken: RuleBroken, options: Sequence[draft_options.Option]) -> EditRefused:
        state = self._state
        level = state.levels[broken.position]
        codes = tuple(str(level.codes[slot]) for slot in broken.slots if slot < len(level.codes))
        spot = shapely.union_all(state.ground.shapes[broken.rows]) if len(broken.rows) else None
        advice = "; allowed: " + "; or ".join(map(str, options)) if options else ""
        return EditRefused(
            broken.message + advice, rule=broken.rule, codes=codes, geometry=spot, allowed=tuple(options)
        )
