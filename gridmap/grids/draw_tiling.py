"""Labelling the land at every tiling level: given levels as they are, the others divided from coarse to fine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import DrawError
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import BlockGraph, Borders, block_borders, graph_of, inner_points, totals
from gridmap.grids.draw_atoms import SHARE, atoms, contract
from gridmap.grids.draw_request import Request
from gridmap.grids.draw_seeds import Seeds, follow, place_seeds
from gridmap.grids.layers import Layer
from gridmap.grids.nested import divide_nested
from gridmap.grids.nested_mend import make_whole
from gridmap.grids.splitting import cut_along, split_heavy
from gridmap.grids.workload import share_out, workload
from gridmap.network.model import WalkNetwork

ProgressCall: TypeAlias = Callable[[float, str], None]
Share: TypeAlias = Callable[[m.Floats, m.Floats, m.Ints, m.Ints], m.Ints]
"""From the workload and the households of each parent, the dedicated areas in it and its blocks, how many base grids
it gets."""

HEAVY: Final = 0.20
"""A block with more than this share of a grid's households is cut: a grid needs several to be balanced."""
PIECE: Final = 0.12
"""The share of a grid's households that pieces are made to have."""

ATOMS_A_GRID: Final = 4
"""With fewer atoms a grid than this, grids are made of blocks."""


@dataclass(frozen=True)
class DedicatedArea:
    """What a dedicated grid is called, and the line department that answers for it, if the layer says so."""

    name: str
    line_department: str | None


@dataclass(frozen=True, eq=False)
class Drawing:
    """Land labelled so far: ``labels[level]`` is a number a land block, -1 where a partial level has none."""

    blocks: gpd.GeoDataFrame
    labels: Mapping[str, m.Ints]
    finest: str
    dedicated: Mapping[int, DedicatedArea]

    @property
    def land(self) -> m.Ints:
        """Rows of the blocks that are land, in the order of the labels."""
        return np.flatnonzero(~self.blocks["water"].to_numpy(bool))


def cut_blocks(blocks: gpd.GeoDataFrame, request: Request, reserved: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Cut along the borders of dedicated areas, then what is too heavy for one grid."""
    if reserved is not None:
        lines = shapely.boundary(np.asarray(reserved.to_crs(blocks.crs).geometry.values, dtype=object))
        blocks, _ = cut_along(blocks, lines, _lowest_units(blocks, request))
    finest = request.tiling[-1]
    if finest in request.given:
        return blocks
    unit = _lowest_units(blocks, request)
    households = blocks["households"].to_numpy(float)
    total = totals(unit, households)
    if finest in request.ranges:
        grids = request.ranges[finest].grids(total, np.full(len(total), np.iinfo(np.int64).max))
    else:
        lowest = request.given[-1] if request.given else None
        grids = share_out(total, request.counts[finest], blocks=blocks, level=lowest)
    mean = total / grids
    share = np.divide(households, mean[unit], out=np.zeros(len(unit)), where=mean[unit] > 0)
    pieces = np.where(share > HEAVY, np.ceil(share / PIECE), 1).astype(np.int64)
    return split_heavy(blocks, pieces, unit)[0]


def _lowest_units(blocks: gpd.GeoDataFrame, request: Request) -> m.Ints:
    """Return the number of the given unit of every block; one unit where none is given."""
    if not request.given:
        return np.zeros(len(blocks), dtype=np.int64)
    return np.asarray(pd.factorize(blocks[request.given[-1]], sort=True)[0], dtype=np.int64)


def draw_tiling(
    blocks: gpd.GeoDataFrame,
    network: WalkNetwork,
    request: Request,
    reserved: gpd.GeoDataFrame | None,
    stations: Mapping[str, Layer],
    tell: ProgressCall,
) -> Drawing:
    """Label the land at every tiling level.

    Parameters
    ----------
    blocks
        With a column of codes for each given level.
    network
        Its streets draw borders towards them, its bridges join banks.
    request
        What is asked for.
    reserved
        Dedicated areas.
    stations
        By level, what its grids follow; only the coarsest level drawn may be in it.
    tell
        Called with the share done and the level.
    """
    land = blocks[~blocks["water"].to_numpy(bool)]
    borders = block_borders(land, network)
    xy = inner_points(m.to_metres(np.asarray(land.geometry.values, dtype=object), network.crs))
    weight = workload(land, network, request.street_households_per_km)
    graph = graph_of(borders, weight, xy, np.arange(len(land)))
    labels: dict[str, m.Ints] = {}
    group = np.zeros(len(land), dtype=np.int64)
    for name in request.given:
        group = labels[name] = np.asarray(pd.factorize(land[name], sort=True)[0], dtype=np.int64)
    area = _areas(land, reserved, group)
    apart: dict[int, DedicatedArea] = {}
    for number, name in enumerate(request.drawn):
        tell(0.25 + 0.45 * number / len(request.drawn), name)
        finest = name == request.tiling[-1]
        area = _in_one_parent(land, area, group)
        dividing = _Dividing(graph, borders, land, request, name, area if finest else np.full(len(land), -1))
        if name in stations:
            label = dividing.by_stations(group, place_seeds(land, graph.xy, network, stations[name]))
        else:
            label = dividing.by_weight(group)
        if finest and reserved is not None:
            apart = {int(label[row]): _named(reserved, int(area[row])) for row in np.flatnonzero(area >= 0)}
        labels[name] = group = label if finest else _keep_whole(graph, group, label, area)
    return Drawing(blocks, labels, request.tiling[-1], apart)


def _named(reserved: gpd.GeoDataFrame, row: int) -> DedicatedArea:
    def said(column: str) -> str | None:
        value = reserved[column].iloc[row] if column in reserved else None
        return None if value is None or pd.isna(value) else str(value)

    return DedicatedArea(said("name") or "", said("line_department"))


def _areas(land: gpd.GeoDataFrame, reserved: gpd.GeoDataFrame | None, group: m.Ints) -> m.Ints:
    """Return the dedicated area of every land block, -1 for none; each in the given parent that holds most of it."""
    if reserved is None:
        return np.full(len(land), -1, dtype=np.int64)
    points = shapely.point_on_surface(np.asarray(land.geometry.values, dtype=object))
    area = m.owner_of(points, np.asarray(reserved.to_crs(land.crs).geometry.values, dtype=object))
    area = _in_one_parent(land, area, group)
    lost = np.setdiff1d(np.arange(len(reserved)), area)
    if len(lost):
        raise DrawError(
            f"dedicated area {reserved.index[lost[0]]} holds no block: it is outside, in water or too small"
        )
    return area


def _in_one_parent(land: gpd.GeoDataFrame, area: m.Ints, group: m.Ints) -> m.Ints:
    """Return dedicated areas without what lies outside the parent that holds most of each."""
    area = area.copy()
    size = shapely.area(np.asarray(land.geometry.values, dtype=object))
    for number in np.unique(area[area >= 0]).tolist():
        rows = np.flatnonzero(area == number)
        most = np.bincount(group[rows], weights=size[rows]).argmax()
        area[rows[group[rows] != most]] = -1
    return area


def _keep_whole(graph: BlockGraph, group: m.Ints, label: m.Ints, area: m.Ints) -> m.Ints:
    """Return labels of a level in which every dedicated area lies in one grid, the one that holds most of it."""
    for number in np.unique(area[area >= 0]).tolist():
        rows = np.flatnonzero(area == number)
        if len(np.unique(label[rows])) == 1:
            continue
        label = label.copy()
        label[rows] = np.bincount(label[rows], weights=graph.weight[rows] + 1e-9).argmax()
        members = np.flatnonzero(group == group[rows[0]])
        low = label[members].min()
        # The numbers of one parent's grids follow each other.
        label[members] = low + make_whole(graph.subgraph(members), label[members] - low, _span(label, members))
    return label


def _span(label: m.Ints, members: m.Ints) -> int:
    return int(label[members].max() - label[members].min()) + 1


@dataclass(frozen=True, eq=False)
class _Dividing:
    """Dividing parents into the grids of one level."""

    graph: BlockGraph
    borders: Borders
    land: gpd.GeoDataFrame
    request: Request
    level: str
    set_apart: m.Ints

    def by_weight(self, group: m.Ints) -> m.Ints:
        """Divide every parent into its share of grids; blocks set apart are grids of their own."""
        count = self._counts(group)
        atom = self._atoms(group, count)
        label = np.full(len(group), -1, dtype=np.int64)
        first = 0
        for number in range(len(count)):
            rows = np.flatnonzero((group == number) & (self.set_apart < 0))
            band = self._band(float(self.graph.weight[rows].sum()) / int(count[number]))
            label[rows] = first + self._divide(rows, m.compact(atom[rows]), int(count[number]), band)
            first = self._set_apart(group, number, label, first, int(count[number]))
        return label

    def _divide(self, rows: m.Ints, atom: m.Ints, count: int, band: float) -> m.Ints:
        inner = self.graph.subgraph(rows)
        few = atom.max() + 1 < ATOMS_A_GRID * count
        # A level at a time, each of its own atoms: all at once, moves for balance at the finest level fray the borders
        # of large grids off the main streets (Xinwu: 69 % of them there instead of 95 %).
        (label,) = divide_nested(
            inner if few else contract(inner, atom), (count,), band=band, seed=self.request.seed
        )  # fmt: skip
        return self._beside(rows, label if few else label[atom], inner.components(bridges=True))

    def _beside(self, rows: m.Ints, label: m.Ints, part: m.Ints) -> m.Ints:
        """Return labels in which land too small for a grid, behind a railway or river, joins the grid along its border.

        Nobody can walk there from any grid of the parent; by its shape the grid is then at least in one piece.
        """
        place = np.full(len(self.graph.weight), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        a, b = place[self.borders.a], place[self.borders.b]
        shut = np.flatnonzero(~self.borders.passable & (a >= 0) & (b >= 0))
        shut = shut[part[a[shut]] != part[b[shut]]]
        here, there = np.r_[a[shut], b[shut]], np.r_[b[shut], a[shut]]
        length = np.tile(self.borders.length_m[shut], 2)
        label = label.copy()
        for number in np.unique(part[here]).tolist():
            own = label[part == number]
            by = part[here] == number
            if (
                (own != own[0]).any()
                or not (label[part != number] == own[0]).any()
                or (label[there[by]] == own[0]).any()
            ):
                continue
            label[part == number] = int(np.argmax(totals(label[there[by]], length[by])))
        return label

    def _atoms(self, group: m.Ints, count: m.Ints) -> m.Ints:
        """Return the atom of each block: grids of upper levels are made of larger ones, the finest of blocks."""
        if self.level == self.request.tiling[-1]:
            return np.arange(len(group))
        heaviest = SHARE * totals(group, self.graph.weight, len(count)) / count
        return atoms(self.borders, self.graph.weight, group, heaviest)

    def by_stations(self, group: m.Ints, seeds: Seeds) -> m.Ints:
        """Divide every parent among the stations in it."""
        self._refuse_stations(group, seeds)
        label = np.full(len(group), -1, dtype=np.int64)
        first = 0
        for number in range(int(group.max()) + 1):
            rows = np.flatnonzero((group == number) & (self.set_apart < 0))
            own = np.flatnonzero(group[seeds.block] == number)
            place = np.searchsorted(rows, seeds.block[own])
            inner = self.graph.subgraph(rows)
            band = self._band(float(inner.weight.sum()) / len(own))
            label[rows] = first + follow(inner, place, seeds.far_s[own][:, rows], band)
            first = self._set_apart(group, number, label, first, len(own))
        return label

    def _band(self, mean: float) -> float:
        wanted = self.request.ranges.get(self.level)
        return self.request.band if wanted is None else wanted.band(mean, self.request.band)

    def _set_apart(self, group: m.Ints, number: int, label: m.Ints, first: int, count: int) -> int:
        """Make dedicated areas of one parent grids of their own; return the next free number."""
        areas = np.unique(self.set_apart[(group == number) & (self.set_apart >= 0)])
        for place, area in enumerate(areas.tolist()):
            label[self.set_apart == area] = first + count + place
        if len(areas):
            members = np.flatnonzero(group == number)
            inner = self.graph.subgraph(members)
            label[members] = first + make_whole(inner, label[members] - first, count + len(areas))
        return first + count + len(areas)

    def _counts(self, group: m.Ints) -> m.Ints:
        """Return how many grids each parent gets beside its dedicated ones."""
        parents = int(group.max()) + 1
        free = self.set_apart < 0
        apart = np.array([len(np.unique(self.set_apart[(group == g) & ~free])) for g in range(parents)])
        size = np.bincount(group[free], minlength=parents)
        if (size == 0).any():
            raise DrawError("a dedicated area fills its parent completely: draw it as that parent instead")
        if self.level in self.request.ranges:
            households = self.land["households"].to_numpy(dtype=np.float64)
            return self.request.ranges[self.level].grids(totals(group[free], households[free], parents), size)
        total = self.request.counts[self.level] - int(apart.sum())
        sharing = functools.partial(share_out, blocks=self.land, level=self._given_parents())
        return sharing(totals(group[free], self.graph.weight[free], parents), total, at_least=1, most=size)

    def _given_parents(self) -> str | None:
        """Return the given level whose units are divided into the finest grids, whose kinds then count."""
        alone = self.request.given and self.request.drawn == [self.request.tiling[-1]]
        return self.request.given[-1] if alone else None

    def _refuse_stations(self, group: m.Ints, seeds: Seeds) -> None:
        apart = len(np.unique(self.set_apart[self.set_apart >= 0]))
        wanted = self.request.counts.get(self.level, len(seeds.block) + apart)
        if wanted != len(seeds.block) + apart:
            raise DrawError(
                f"{wanted} {self.level} grids are asked for, but there are {len(seeds.block)} stations"
                + (f" and {apart} dedicated areas" if apart else "")
                + "; every grid follows one"
            )
        inside = np.flatnonzero(self.set_apart[seeds.block] >= 0)
        if len(inside):
            raise DrawError(f"station number {inside[0]} stands in a dedicated area, which is a grid of its own")
        empty = np.setdiff1d(np.arange(int(group.max()) + 1), group[seeds.block])
        if len(empty):
            level = self.request.given[-1]
            code = np.unique(self.land[level].to_numpy(dtype=str))[empty[0]]
            raise DrawError(f"{level} {code} has no station that a {self.level} grid could follow; give it one")
