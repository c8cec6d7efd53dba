"""The blocks of a draft as arcs that neighbours share, sent once; blocks that are cut change only what touches them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.maps.codec import encode_arcs, encode_ints, encode_shapes
from gridmap.maps.topology import Topology, cut_ring, nodes_of, number_arcs, rings_of, vertex_ids

QUANTUM: Final = 1e-6
"""Size of a whole number in degrees; a tenth of a metre. Nothing is simplified: what is cut later has to fit."""

_HALF: Final = 2**29
_BITS: Final = 30

Ints = NDArray[np.int64]
Refs = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Patch:
    """What a page has to learn of the blocks: all of them at first, later those that were cut or joined again.

    Parameters
    ----------
    rows
        Rows of the mosaic whose shape is new or has other arcs now.
    first_arc
        Number of the first arc among ``arcs``; the page has those before it.
    arcs, shapes
        Arcs as whole numbers, and the rings of each of ``rows``.
    """

    rows: Ints
    first_arc: int
    arcs: tuple[Ints, ...]
    shapes: tuple[Refs, ...]


class Mosaic:
    """Blocks in rows that stay what they are: a block that was cut leaves its row, and finds it when joined again.

    Parameters
    ----------
    blocks
        As :meth:`gridmap.Draft.blocks` returns them.

    Examples
    --------
    >>> shapes = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    >>> mosaic = Mosaic(gpd.GeoDataFrame({"block": [7, 8], "households": 1.0, "water": False}, geometry=shapes))
    >>> [len(ring) for shape in mosaic.shapes for ring in shape], len(mosaic.arcs)
    ([2, 2], 3)
    """

    def __init__(self, blocks: gpd.GeoDataFrame) -> None:
        self.numbers: list[int] = []
        self.households: list[float] = []
        self.water: list[bool] = []
        self.shapes: list[Refs] = []
        self.arcs: list[Ints] = []
        self._ground: list[Any] = []
        self._row: dict[int, int] = {}
        self._known: dict[bytes, int] = {}
        self._nodes: Ints = np.empty(0, dtype=np.int64)
        self._living: set[int] = set()
        self.follow(blocks)

    def rows_of(self, numbers: Iterable[int]) -> Ints:
        """Return the rows of blocks by number; a number that was never seen is left out."""
        return np.array([self._row[number] for number in numbers if number in self._row], dtype=np.int64)

    def follow(self, blocks: gpd.GeoDataFrame) -> Patch | None:
        """Take over the blocks as they are now; return what is new of their shapes, ``None`` where nothing is."""
        numbers = blocks["block"].tolist()
        ground = blocks.geometry.to_numpy()
        fresh = [i for i, number in enumerate(numbers) if self._is_new(number, ground[i])]
        living = {self._row[number] for number in numbers if number in self._row}
        disturbed = (self._living - living) | {self._row[numbers[i]] for i in fresh if numbers[i] in self._row}
        beside = self._beside(disturbed) & living
        homes, water = blocks["households"].to_numpy(float), blocks["water"].to_numpy(bool)
        for i in fresh:
            self._place(numbers[i], ground[i], float(homes[i]), bool(water[i]))
        self._living = {self._row[number] for number in numbers}
        if not fresh and not beside:
            return None
        return self._weave(sorted({self._row[numbers[i]] for i in fresh} | beside))

    def _is_new(self, number: int, shape: Any) -> bool:
        row = self._row.get(number)
        if row is None or row not in self._living:
            return True
        old = self._ground[row]
        return old is not shape and not shapely.equals_exact(old, shape, 0.0)

    def _place(self, number: int, shape: Any, homes: float, water: bool) -> None:
        row = self._row.setdefault(number, len(self.numbers))
        if row == len(self.numbers):
            self.numbers.append(number)
            self.households.append(homes)
            self.water.append(water)
            self.shapes.append(())
            self._ground.append(shape)
        self._ground[row], self.households[row], self.water[row] = shape, homes, water

    def _beside(self, rows: set[int]) -> set[int]:
        """Return the other rows that share an arc with some rows."""
        if not rows:
            return set()
        arcs = {ref if ref >= 0 else ~ref for row in rows for ring in self.shapes[row] for ref in ring}
        touching = (
            row
            for row in self._living - rows
            if any((ref if ref >= 0 else ~ref) in arcs for ring in self.shapes[row] for ref in ring)
        )
        return set(touching)

    def _weave(self, rows: list[int]) -> Patch:
        """Cut the rings of some rows into arcs, at old nodes and new ones."""
        rings, owners, _ = rings_of([np.array([self._ground[row] for row in rows], dtype=object)], QUANTUM)
        vertices, ids = vertex_ids(rings)
        key = ((vertices[:, 0] + _HALF) << _BITS) + vertices[:, 1] + _HALF
        cuts = nodes_of(ids, len(vertices)) | np.isin(key, self._nodes)
        first = len(self._known)
        kept: list[Ints] = [np.empty(0, dtype=np.int64)] * first
        found: list[list[tuple[int, ...]]] = [[] for _ in rows]
        for owner, ring in zip(owners, ids, strict=True):
            pieces = [key[piece] for piece in cut_ring(ring, cuts)]
            found[owner].append(number_arcs(pieces, self._known, kept))
        new = _places(kept[first:])
        self.arcs += new
        self._nodes = np.union1d(self._nodes, np.array([arc[[0, -1]] for arc in kept[first:]], dtype=np.int64))
        for row, shape in zip(rows, found, strict=True):
            self.shapes[row] = tuple(shape)
        return Patch(np.array(rows, dtype=np.int64), first, tuple(new), tuple(self.shapes[row] for row in rows))

    def since(self, first_arc: int, rows: Iterable[int]) -> Patch:
        """Return some rows as they are now with all arcs from a number on: for a page that missed patches."""
        chosen = sorted(rows)
        shapes = tuple(self.shapes[row] for row in chosen)
        return Patch(np.array(chosen, dtype=np.int64), first_arc, tuple(self.arcs[first_arc:]), shapes)

    def encoded(self, patch: Patch) -> dict[str, Any]:
        """Return a patch as plain values for a page."""
        rows = patch.rows.tolist()
        return {
            "rows": encode_ints(np.diff(patch.rows, prepend=0)),
            "numbers": encode_ints(np.diff([self.numbers[row] for row in rows], prepend=0)),
            "households": encode_ints([round(self.households[row]) for row in rows]),
            "water": encode_ints([int(self.water[row]) for row in rows]),
            "first": patch.first_arc,
            "arcs": encode_arcs(Topology(patch.arcs, (), QUANTUM)),
            "shapes": encode_shapes(patch.shapes),
        }


def _places(arcs: list[Ints]) -> list[Ints]:
    """Return the arcs with each vertex, until here one number, as longitude and latitude."""
    if not arcs:
        return []
    every = np.concatenate(arcs)
    places = np.column_stack([(every >> _BITS) - _HALF, (every & (2 * _HALF - 1)) - _HALF])
    return np.split(places, np.cumsum([len(arc) for arc in arcs])[:-1])
