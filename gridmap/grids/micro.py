"""Micro grids: groups of 50 to 80 households of whole buildings inside the densest grids of the level above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np

from gridmap.errors import DrawError
from gridmap.geo.crs import metric_crs_of
from gridmap.grids import mosaic as m
from gridmap.grids.adjacency import block_graph, totals
from gridmap.grids.partition import divide
from gridmap.grids.splitting import split_heavy
from gridmap.network.model import WalkNetwork

if TYPE_CHECKING:
    from gridmap.grids.draw_tiling import Drawing

WANTED: Final = 65.0
"""Households of a micro grid: the middle of 50 to 80 (domain.md, division principles)."""
LEAST: Final = 30.0
"""Where the count asked for needs it, groups shrink to this (30 to 100 elsewhere)."""
PIECES: Final = 4
"""Pieces that a block is cut into for each micro grid on it, where no buildings say where."""


def draw_micro(
    drawing: Drawing,
    network: WalkNetwork,
    levels: Sequence[str],
    counts: Mapping[str, int],
    *,
    band: float,
    seed: int,
) -> Drawing:
    """Draw each partial level inside the densest grids of the finest tiling level.

    A chosen grid is filled by its micro grids; blocks in it are cut between buildings first.

    Raises
    ------
    DrawError
        When the grids cannot hold as many as asked for.
    """
    for level in levels:
        drawing, shares = _make_room(drawing, counts[level], level)
        drawing = _draw(drawing, network, level, shares, band, seed)
    return drawing


def _make_room(drawing: Drawing, total: int, level: str) -> tuple[Drawing, m.Ints]:
    """Choose grids and cut their blocks until each holds as many pieces as it is to have micro grids."""
    grids = int(drawing.labels[drawing.finest].max()) + 1
    room = np.full(grids, total)
    while True:
        shares = _choose(drawing, total, level, room)
        drawing = _cut(drawing, shares)
        lived_in = drawing.blocks["households"].to_numpy(float)[drawing.land] > 0
        pieces = np.bincount(drawing.labels[drawing.finest][lived_in], minlength=grids)
        short = shares > pieces
        if not short.any():
            return drawing, shares
        # A grid of a few big buildings holds no more groups than buildings; the next densest help out.
        room[short] = pieces[short]


def _choose(drawing: Drawing, total: int, level: str, room: m.Ints) -> m.Ints:
    """Return how many micro grids each grid gets: the densest first, 50 to 80 households each, exact in sum.

    ``room`` is how many each can hold.
    """
    land = drawing.blocks.iloc[drawing.land]
    label = drawing.labels[drawing.finest]
    households = totals(label, land["households"].to_numpy(float))
    area = totals(label, land.to_crs(metric_crs_of(land)).area.to_numpy())
    order = np.lexsort((np.arange(len(area)), -households / area))
    order = order[[int(i) not in drawing.dedicated for i in order]]
    shares = np.zeros(len(area), dtype=np.int64)
    for wanted in (WANTED, 50.0, LEAST):
        left = total - int(shares.sum())
        for grid in order.tolist():
            fits = min(round(households[grid] / wanted), int(room[grid]))
            if fits >= 2 and 0 < fits - shares[grid] <= left:
                left -= fits - shares[grid]
                shares[grid] = fits
        if left == 0:
            return shares
        if left < 3:
            return _top_up(shares, np.where(shares < room, households, -1.0), order, left)
    raise DrawError(
        f"{total} {level} grids of at least {LEAST:.0f} households do not fit: the grids above hold {shares.sum()}; "
        "ask for fewer"
    )


def _top_up(shares: m.Ints, households: m.Floats, order: m.Ints, left: int) -> m.Ints:
    """Place the last one or two: one more in the chosen grids whose groups are largest."""
    for _ in range(left):
        size = np.where(shares > 0, households / (shares + 1), -1.0)
        best = order[np.argmax(size[order])] if (shares > 0).any() else order[0]
        shares[best] += 1
    return shares


def _cut(drawing: Drawing, shares: m.Ints) -> Drawing:
    """Cut the blocks of chosen grids between buildings, or into a few pieces for each micro grid."""
    blocks, label = drawing.blocks, drawing.labels[drawing.finest]
    households = blocks["households"].to_numpy(float)
    unit = np.full(len(blocks), -1, dtype=np.int64)
    unit[drawing.land] = label
    total = totals(label, households[drawing.land])
    mean = np.where(shares > 0, total / np.maximum(shares, 1), np.inf)
    share = np.where(unit >= 0, households / mean[unit], 0.0)
    pieces = np.where((unit >= 0) & (shares[unit] > 0), np.maximum(np.ceil(share * PIECES), 1), 1).astype(np.int64)
    cut, source = split_heavy(blocks, pieces, unit + 1)
    rows = np.full(len(blocks), -1, dtype=np.int64)
    rows[drawing.land] = np.arange(len(label))
    land = rows[source[~cut["water"].to_numpy(bool)]]
    labels = {name: values[land] for name, values in drawing.labels.items()}
    return replace(drawing, blocks=cut, labels=labels)


def _draw(drawing: Drawing, network: WalkNetwork, level: str, shares: m.Ints, band: float, seed: int) -> Drawing:
    label = drawing.labels[drawing.finest]
    inside = np.flatnonzero(shares[label] > 0)
    land: gpd.GeoDataFrame = drawing.blocks.iloc[drawing.land[inside]]
    graph = block_graph(land, network, land["households"].to_numpy(float))
    micro = np.full(len(label), -1, dtype=np.int64)
    first = 0
    for grid in np.flatnonzero(shares > 0).tolist():
        rows = np.flatnonzero(label[inside] == grid)
        count = int(shares[grid])
        micro[inside[rows]] = first + divide(graph.subgraph(rows), count, band=band, seed=seed)
        first += count
    return replace(drawing, labels={**drawing.labels, level: micro})
