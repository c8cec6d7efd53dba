"""A state while an edit changes it: labels, grids that end, grids that begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gridmap.grids import mosaic as m
from gridmap.grids.ground import Ground
from gridmap.grids.plan import LevelSpec
from gridmap.grids.state import Facts, State


@dataclass(eq=False)
class WorkLevel:
    """The grids of one level, growing; see :class:`~gridmap.grids.state.LevelGrids`. A new one has no code yet."""

    spec: LevelSpec
    codes: list[str | None]
    parent: list[int]
    alive: list[bool]
    facts: list[Facts]

    def add(self, parent: int, facts: Facts) -> int:
        """Begin a grid; return its slot."""
        self.codes.append(None)
        self.parent.append(parent)
        self.alive.append(True)
        self.facts.append(facts)
        return len(self.codes) - 1


@dataclass(eq=False)
class Work:
    """What an edit has done so far to a state.

    Parameters
    ----------
    base
        The state before.
    ground
        The blocks now.
    source
        For each block now the row it was or was part of.
    fresh
        Rows of blocks whose outline is another than before.
    labels
        By level, for each block now its slot.
    levels
        The grids now.
    """

    base: State
    ground: Ground
    source: m.Ints
    fresh: m.Ints
    labels: dict[str, m.Ints]
    levels: list[WorkLevel] = field(default_factory=list)

    @property
    def finest(self) -> int:
        """Position of the finest level that tiles."""
        return self.base.finest

    def name(self, position: int) -> str:
        """Return the name of a level."""
        return self.levels[position].spec.name

    @property
    def label(self) -> m.Ints:
        """Slot of each block at the finest tiling level; may be written to."""
        return self.labels[self.name(self.finest)]

    def label_at(self, position: int) -> m.Ints:
        """Return the slot of each block at any level."""
        if position > self.finest:
            return self.labels[self.name(position)]
        found = self.label
        for level in reversed(self.levels[position + 1 : self.finest + 1]):
            found = np.asarray(level.parent, dtype=np.int64)[found]
        return found

    def rows(self, position: int, slots: Sequence[int], *, land: bool = False) -> m.Ints:
        """Return the rows of some grids of a level, ascending."""
        inside = np.isin(self.label_at(position), slots)
        return np.flatnonzero(inside & ~self.ground.water if land else inside)

    def hand_over(self, position: int, slot: int, new: int) -> None:
        """Let a grid take the ground and the children of another."""
        if position >= self.finest:
            label = self.labels[self.name(position)]
            label[label == slot] = new
        if position + 1 < len(self.levels):
            below = self.levels[position + 1]
            below.parent = [new if parent == slot else parent for parent in below.parent]

    def end(self, position: int, slot: int) -> None:
        """End a grid."""
        self.levels[position].alive[slot] = False


def begin(base: State, ground: Ground | None = None, source: m.Ints | None = None, fresh: m.Ints | None = None) -> Work:
    """Begin to change a state; ``ground``, ``source`` and ``fresh`` where blocks were cut."""
    rows = np.arange(len(base.ground)) if source is None else source
    return Work(
        base=base,
        ground=ground or base.ground,
        source=rows,
        fresh=np.empty(0, dtype=np.int64) if fresh is None else fresh,
        labels={name: label[rows] for name, label in base.labels.items()},
        levels=[
            WorkLevel(
                level.spec, level.codes.tolist(), level.parent.tolist(), level.alive.tolist(), level.facts.tolist()
            )
            for level in base.levels
        ],
    )
