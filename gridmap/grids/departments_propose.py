"""Small grids that cut fewer department grids: which blocks to move, and what that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from gridmap.errors import PlanError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, block_graph, connected, graph_from_pairs, totals
from gridmap.grids.departments_moves import rearrange
from gridmap.grids.departments_relate import CROSSES, labels_of, relate
from gridmap.grids.departments_reports import runs_of
from gridmap.grids.departments_table import Pieces, Table
from gridmap.grids.partition import divide

if TYPE_CHECKING:
    from gridmap.grids.departments import Integration
    from gridmap.network.model import WalkNetwork

STEPS_PER_BLOCK: Final = 400
HEATS: Final = (0.1, 0.35)
"""A parent is tried at each: a cool start keeps close to what is, a warm one gets further away from it."""
STAY: Final = 0.02
"""What a block that changes its grid costs: nothing moves that helps nobody."""
ALONG: Final = 0.02
"""What a metre of border costs where it runs between the grids of every department, as a share of one within all."""
DEDICATED: Final = "dedicated"


@dataclass(frozen=True, eq=False)
class Proposal:
    """Blocks to move so that fewer department grids are cut.

    Parameters
    ----------
    moves
        A row a block: ``block``, ``level``, ``old``, ``new`` (codes), ``households``; none where nothing helps.
    summary
        A row a department: ``grids``, ``cut_before`` and ``cut_after``, ``households_before`` and
        ``households_after`` (of cut grids, in the grids that they cross), ``unavoidable``: grids that are cut however
        blocks are put together, because they split a block and reach into several parents.
    """

    moves: pd.DataFrame
    summary: pd.DataFrame

    @property
    def cut_before(self) -> int:
        """Department grids that the plan cuts."""
        return int(self.summary["cut_before"].sum())

    @property
    def cut_after(self) -> int:
        """Department grids that are cut once the blocks are moved."""
        return int(self.summary["cut_after"].sum())

    @property
    def is_better(self) -> bool:
        """Whether fewer department grids are cut, or as many with fewer households."""
        before, after = (float(self.summary[f"households_{side}"].sum()) for side in ("before", "after"))
        return (self.cut_after, round(after, 6)) < (self.cut_before, round(before, 6))

    @property
    def blocks_to(self) -> Mapping[str, tuple[int, ...]]:
        """The blocks that each grid gets."""
        groups = self.moves.groupby("new")["block"]
        return MappingProxyType({str(code): tuple(blocks.tolist()) for code, blocks in groups})


def propose(
    integration: Integration,
    network: WalkNetwork | None = None,
    *,
    seed: int = 0,
    tries: int = 6,
    progress: Callable[[float, str], None] | None = None,
) -> Proposal:
    """Propose which blocks to move so that the grids of the finest tiling level cut fewer department grids.

    Every grid stays in its parent, connected on land, and no further out of the band than it was; dedicated grids and
    blocks with micro grids stay as they are. A parent is rearranged only where that cuts fewer department grids, or as
    many with fewer households. The same seed gives the same moves.

    Parameters
    ----------
    integration
        Of a plan that carries blocks.
    network
        Its streets and water say where borders are cheap and what a grid cannot hang together by; without it a border
        costs its length.
    seed
        Of all that is random.
    tries
        How often each parent is also drawn anew along department borders; with 0 only blocks on today's borders move,
        which changes less and gains less.
    progress
        Called with the share done, 0 to 1, and what is being done.

    Raises
    ------
    PlanError
        When the plan carries no blocks.
    """
    plan = integration.plan
    if plan.blocks is None:
        raise PlanError(
            "the plan carries no blocks, so none can be moved; make it editable with blocks_from_plan first"
        )
    work = _Work(integration, network)
    parents = np.unique(work.parent)
    for turn, parent in enumerate(parents.tolist()):
        if progress is not None:
            progress(turn / len(parents), "rearranging")
        work.improve(parent, seed, tries)
    work.water_follows()
    told = _told(integration, work)
    if told.is_better:
        return told
    work.label = work.before
    return _told(integration, work)


class _Work:
    """The labels as they change, and what is needed to change them parent by parent."""

    def __init__(self, integration: Integration, network: WalkNetwork | None) -> None:
        plan, found, self.atoms = integration.plan, integration.overlaps, integration.atoms
        blocks = plan.blocks
        assert blocks is not None
        finest = plan.layers[plan.finest_tiling]
        labels = labels_of(plan)
        above = plan.level_above(plan.finest_tiling)
        self.before = labels[plan.finest_tiling]
        self.label = self.before.copy()
        self.parent = labels[above] if above else np.zeros(len(blocks), dtype=np.int64)
        self.land = ~blocks["water"].to_numpy(bool)
        self.fixed = (finest["kind"] == DEDICATED).to_numpy()
        self.locked = blocks[list(plan.labelled_levels[1:])].notna().any(axis=1).to_numpy()
        self.band = plan.metadata.band
        homes = np.nan_to_num(blocks["households"].to_numpy(float))
        self.weight = homes if homes.sum() > 0 else np.ones(len(blocks))
        self.beyond = _beyond(integration)
        self.pieces = Pieces.of(found, self.atoms, self.beyond)
        self.graphs, self.rows = self._graph(integration, network)
        pairs = relate(found, self.atoms, self.label, self.beyond)
        crossing = pairs.polygon[pairs.relation == CROSSES]
        self.crossings = np.bincount(crossing, minlength=len(self.beyond)).astype(np.int64)

    def _graph(
        self, integration: Integration, network: WalkNetwork | None
    ) -> tuple[tuple[BlockGraph, BlockGraph], m.Ints]:
        """Return the graph of the land twice, and the row of each of its blocks.

        Borders cost less along those of departments: by the share of departments that have one there, or as soon as
        any has one.
        """
        rows = np.flatnonzero(self.land)
        blocks = integration.plan.blocks
        assert blocks is not None
        if network is not None:
            graph = block_graph(blocks.iloc[rows], network, self.weight[rows])
        else:
            near = m.adjacency(self.atoms.shapes[rows], self.atoms.metric)
            nothing = np.zeros(len(near.a), dtype=bool)
            none = np.zeros((len(rows), 2))
            graph = graph_from_pairs(near.a, near.b, near.length_m, near.length_m, nothing, self.weight[rows], none)
        owner = _owners(integration, len(blocks))[:, rows]
        tail = np.repeat(np.arange(len(rows)), np.diff(graph.start))
        inside = owner[:, tail] == owner[:, graph.neighbour]
        costs = (graph.cost * (ALONG + (1 - ALONG) * share) for share in (inside.mean(axis=0), inside.all(axis=0)))
        shared, any_ = (replace(graph, cost=cost) for cost in costs)
        return (shared, any_), rows

    def improve(self, parent: int, seed: int, tries: int) -> None:
        """Rearrange one parent where that cuts fewer department grids."""
        everywhere = np.flatnonzero((self.parent == parent) & ~self.fixed[self.label])
        members = np.flatnonzero(np.isin(self.rows, everywhere))
        grids = np.unique(self.label[self.rows[members]])
        everywhere = everywhere[np.isin(self.label[everywhere], grids)]
        now = Table.of(self.pieces, everywhere, grids, self.label)
        if len(grids) < 2 or not now.crossing.any():
            return
        graphs, rows = [graph.subgraph(members) for graph in self.graphs], self.rows[members]
        graph = graphs[0]
        local = np.searchsorted(grids, self.label[rows])
        target = _targets(totals(local, graph.weight, len(grids)), self.band)
        elsewhere = self.crossings[now.polygons] - now.crossing.sum(axis=0)
        starts = [(local, heat) for heat in HEATS]
        if not self.locked[rows].any():
            starts += [(start, HEATS[0]) for start in _anew(graphs, local, len(grids), self.band, seed, tries)]
        best, chosen = now.verdict(elsewhere), None
        for attempt, (start, heat) in enumerate(starts):
            label = self.label.copy()
            label[rows] = grids[start]
            table = Table.of(self.pieces, everywhere, grids, label)
            moved = _anneal(self, table, graph, rows, start, target, elsewhere, heat, seed + attempt)
            label[rows] = grids[moved]
            trial = Table.of(self.pieces, everywhere, grids, label)
            verdict = trial.verdict(elsewhere)
            # Drawing anew moves much: not for households alone.
            better = verdict < best if start is local else verdict[0] < best[0]
            if better and _holds(graph, local, moved, len(grids), self.band):
                best, chosen = verdict, (trial, label)
        if chosen is not None:
            trial, self.label = chosen
            self.crossings[now.polygons] = elsewhere + trial.crossing.sum(axis=0)

    def water_follows(self) -> None:
        """Give water that no longer borders its grid to the grid of the land along most of its bank."""
        wet = np.flatnonzero(~self.land)
        if len(wet) == 0 or (self.label == self.before).all():
            return
        near = m.adjacency(self.atoms.shapes, self.atoms.metric)
        tail, head = np.r_[near.a, near.b], np.r_[near.b, near.a]
        length = np.r_[near.length_m, near.length_m]
        bank = ~self.land[tail] & self.land[head] & (self.parent[tail] == self.parent[head])
        bank &= ~self.locked[tail] & ~self.fixed[self.label[tail]] & ~self.fixed[self.label[head]]
        tail, head, length = tail[bank], head[bank], length[bank]
        had = np.zeros(len(self.label), dtype=bool)
        had[tail[self.before[head] == self.before[tail]]] = True
        has = np.zeros(len(self.label), dtype=bool)
        has[tail[self.label[head] == self.before[tail]]] = True
        lost = had & ~has
        shore = pd.DataFrame({"block": tail, "grid": self.label[head], "m": length})[lost[tail]]
        longest = shore.groupby(["block", "grid"], as_index=False)["m"].sum()
        longest = longest.sort_values(["block", "m", "grid"], ascending=[True, False, True]).drop_duplicates("block")
        self.label[longest["block"].to_numpy()] = longest["grid"].to_numpy()


def _anneal(
    work: _Work,
    table: Table,
    graph: BlockGraph,
    rows: m.Ints,
    start: m.Ints,
    target: m.Floats,
    elsewhere: m.Ints,
    heat: float,
    seed: int,
) -> m.Ints:
    """Return the labels of the blocks of a parent after annealing."""
    pieces = work.pieces
    on = pieces.on(rows)
    first = np.r_[0, np.cumsum(pieces.first[rows + 1] - pieces.first[rows])]
    polygon = np.searchsorted(table.polygons, pieces.polygon[on])
    real, filled = pieces.real[rows].astype(np.int64), pieces.filled[on].astype(np.int64)
    # As in drawing: a round grid of the mean area has a border of about this length.
    scale = max(float(graph.length_m.sum()) / 2 / np.sqrt(len(rows) * len(target)), 1.0)
    label = start.copy()
    rearrange(
        graph.start, graph.neighbour, graph.cost, graph.bridge, graph.weight, work.locked[rows], label, target,
        work.band, scale, first, polygon, filled, real, table.held.copy(), table.whole.copy(), table.size.copy(),
        table.total, elsewhere + table.crossing.sum(axis=0), STAY, STEPS_PER_BLOCK * len(rows), heat, seed,
    )  # fmt: skip
    return label


def _anew(graphs: Sequence[BlockGraph], local: m.Ints, parts: int, band: float, seed: int, tries: int) -> list[m.Ints]:
    """Return the blocks of a parent drawn anew along department borders; each grid keeps the name of what it was."""
    found = []
    for turn in range(tries):
        graph = graphs[turn % len(graphs)]
        drawn = divide(graph, parts, band=band, seed=seed + turn)
        common = np.zeros((parts, parts))
        np.add.at(common, (drawn, local), graph.weight + 1e-9 + graph.weight.sum() * 1e-9)
        found.append(linear_sum_assignment(-common)[1][drawn].astype(np.int64))
    return found


def _targets(load: m.Floats, band: float) -> m.Floats:
    """Return what each grid should hold: the mean of its siblings, or what it holds where that is out of the band."""
    mean = load.mean()
    return np.asarray(np.where(np.abs(load - mean) <= band * mean, mean, load), dtype=np.float64)


def _holds(graph: BlockGraph, before: m.Ints, after: m.Ints, parts: int, band: float) -> bool:
    """Whether no grid is further out of the band than before, or empty, and grids are in no more parts."""
    old, new = (totals(label, graph.weight, parts) for label in (before, after))
    mean = graph.weight.sum() / parts
    excess = [np.maximum(np.abs(load - mean) - band * mean, 0.0) for load in (old, new)]
    there = np.bincount(after, minlength=parts) > 0
    in_band = (excess[1] <= excess[0] + 1e-9).all()
    return bool(in_band and there.all() and _parts(graph, after) <= _parts(graph, before))


def _parts(graph: BlockGraph, label: m.Ints) -> int:
    """Return how many parts grids have, those that a bridge joins counted as one."""
    tail = np.repeat(np.arange(len(label)), np.diff(graph.start))
    same = label[tail] == label[graph.neighbour]
    return int(connected(len(label), tail[same], graph.neighbour[same]).max(initial=-1)) + 1


def _beyond(integration: Integration) -> m.Flags:
    """Whether each department grid has a real part outside of the county."""
    sources, out = integration.sources, integration.outside
    keys = pd.MultiIndex.from_frame(sources[["department", "department_grid"]])
    return np.asarray(keys.isin(pd.MultiIndex.from_frame(out[["department", "department_grid"]])), dtype=bool)


def _owners(integration: Integration, blocks: int) -> m.Ints:
    """Return for each department and block the department grid that holds most of it, -1 for none."""
    found = integration.overlaps
    runs = list(runs_of(integration.sources))
    number = np.empty(len(integration.sources), dtype=np.int64)
    for i, (_, rows) in enumerate(runs):
        number[rows] = i
    owner = np.full((len(runs), blocks), -1, dtype=np.int64)
    order = np.lexsort((-found.polygon, found.area_m2))
    owner[number[found.polygon[order]], found.atom[order]] = found.polygon[order]  # the last written is the largest
    return owner


def _unavoidable(work: _Work) -> m.Flags:
    """Whether a department grid is cut however blocks are put together within their parents."""
    pieces, size = work.pieces, len(work.beyond)
    split = np.zeros(size, dtype=bool)
    split[pieces.polygon[~pieces.filled]] = True
    parent = work.parent[pieces.block]
    low, high = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, dtype=np.int64)
    np.minimum.at(low, pieces.polygon, parent)
    np.maximum.at(high, pieces.polygon, parent)
    return np.asarray(split & ((high > low) | work.beyond), dtype=bool)


def _told(integration: Integration, work: _Work) -> Proposal:
    plan = integration.plan
    blocks = plan.blocks
    assert blocks is not None
    sides = [relate(integration.overlaps, work.atoms, label, work.beyond) for label in (work.before, work.label)]
    never = _unavoidable(work)
    rows = []
    for department, own in runs_of(integration.sources):
        figures: list[float] = []
        for pairs in sides:
            crossing = np.isin(pairs.polygon, own) & (pairs.relation == CROSSES)
            figures += [len(np.unique(pairs.polygon[crossing])), float(pairs.households[crossing].sum())]
        rows.append((department, len(own), figures[0], figures[2], figures[1], figures[3], int(never[own].sum())))
    columns = [
        "department", "grids", "cut_before", "cut_after", "households_before", "households_after", "unavoidable",
    ]  # fmt: skip
    codes = np.asarray(plan.layers[plan.finest_tiling].index, dtype=object)
    moved = np.flatnonzero(work.label != work.before)
    moves = pd.DataFrame({
        "block": blocks["block"].to_numpy()[moved],
        "level": plan.finest_tiling,
        "old": codes[work.before[moved]],
        "new": codes[work.label[moved]],
        "households": blocks["households"].to_numpy(float)[moved],
    })  # fmt: skip
    return Proposal(moves, pd.DataFrame(rows, columns=columns))
