"""The index of a plan: immutable, one run of bytes, the same in memory and in its file."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.geo.container import NUMBERS, Form, map_file, pack, unpack
from gridmap.geo.files import atomic_path
from gridmap.grids.plan import Plan
from gridmap.locate.build import parts_of
from gridmap.locate.search import Tables

FORM: Final = Form(b"gmindex1", 1024, "an index of grids", "make one with Locator(plan).save(path)")
BORDER, GRIDS = NUMBERS
"""Slots of the border number and of how many polygons are grids."""


@dataclass(frozen=True)
class Fault:
    """A spot of the finest tiling level that belongs to no grid (``gap``) or several (``overlap``), or an odd polygon.

    ``kind`` and ``codes`` are as in :func:`gridmap.geo.coverage.coverage_faults`.
    """

    kind: str
    codes: tuple[str, ...]
    area_m2: float


@dataclass(frozen=True)
class IndexReport:
    """What an index was made of.

    Parameters
    ----------
    grids
        How many grids each level has.
    edges
        How many edges their borders have, each counted once.
    cells, border_cells
        How many cells the table has, and through how many of them borders run.
    size_bytes
        Of the index, in memory and on disk.
    faults
        Gaps (answered as ``gap``), overlaps (answered by the lowest code) and invalid polygons (mended).
    """

    grids: dict[str, int]
    edges: int
    cells: int
    border_cells: int
    size_bytes: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, eq=False)
class GridIndex:
    """Tables that answer which grid a point is in; see :mod:`gridmap.locate.search`.

    Parameters
    ----------
    content
        All of it, read-only: what its file holds. The arrays below share its memory.
    tables, border, grids
        What the kernels read; how border cells are numbered; how many answers are grids.
    chains, outcome
        See :class:`gridmap.locate.build.Polygons`.
    bounds
        West, south, east, north of the county.
    levels, finest
        Names of the levels from the coarsest, and the place of the finest tiling one.
    codes
        Of the grids of each level, ascending, so that of two the lower position is the lower code.
    plan_version, report
        What it was made from.
    """

    content: NDArray[np.uint8]
    tables: Tables
    border: int
    grids: int
    chains: NDArray[np.int32]
    outcome: NDArray[np.int8]
    bounds: NDArray[np.float64]
    levels: tuple[str, ...]
    finest: int
    codes: tuple[tuple[str, ...], ...]
    plan_version: str
    report: IndexReport

    @classmethod
    def of(cls, plan: Plan) -> GridIndex:
        """Make the index of a plan.

        Raises
        ------
        PlanError
            When the finest tiling level has no polygon with an area.
        """
        parts = parts_of(plan)
        polygons = parts.polygons
        text = {
            "plan_version": plan.version,
            "levels": list(plan.layers),
            "finest": list(plan.layers).index(plan.finest_tiling),
            "codes": [layer.index.astype(str).tolist() for layer in plan.layers.values()],
            "faults": [asdict(Fault(*fault)) for fault in parts.faults],
        }
        arrays = {
            **parts.tables._asdict(),
            "chains": polygons.chains.reshape(-1),
            "outcome": polygons.outcome,
            "bounds": np.array(shapely.bounds(polygons.shapes[-1])),
        }
        return cls.from_content(pack(FORM, arrays, text, (parts.border, polygons.grids)), "the index")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GridIndex:
        """Map the file of an index; several processes that do share its memory.

        Raises
        ------
        InputError
            When there is no file, it is not an index, or it is damaged.
        """
        return cls.from_content(map_file(FORM, Path(path)), str(path))

    @classmethod
    def from_content(cls, content: NDArray[np.uint8], name: str) -> GridIndex:
        """Return the index that is in some bytes; ``name`` says whose they are when they are none."""
        arrays, text = unpack(FORM, content, name)
        slots = content[: FORM.page].view(np.int64)
        tables = Tables(*(arrays[field] for field in Tables._fields))
        levels, codes = tuple(text["levels"]), tuple(tuple(each) for each in text["codes"])
        report = IndexReport(
            grids={level: len(each) for level, each in zip(levels, codes, strict=True)},
            edges=len(tables.xy) // 4,
            cells=len(tables.table),
            border_cells=len(tables.anchor) // 2,
            size_bytes=len(content),
            faults=tuple(Fault(each["kind"], tuple(each["codes"]), each["area_m2"]) for each in text["faults"]),
        )
        return cls(
            content, tables, int(slots[BORDER]), int(slots[GRIDS]), arrays["chains"].reshape(len(levels), -1),
            arrays["outcome"], arrays["bounds"], levels, text["finest"], codes, text["plan_version"], report,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index as one file, whole or not at all.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        with atomic_path(path) as draft:
            self.content.tofile(draft)

    def __reduce__(self) -> tuple[Any, ...]:
        # The arrays share the bytes; pickled one by one they would each be copied.
        return GridIndex.from_content, (np.asarray(self.content), "the index")

    @property
    def nowhere(self) -> int:
        """The answer where no polygon holds a point."""
        return len(self.outcome) - 1
