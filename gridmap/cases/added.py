"""What a join adds to incidents: columns of few distinct texts, kept as positions until somebody wants the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PERSON_COLUMNS: Final = ("person_id", "person", "answered_level")

Texts: TypeAlias = NDArray[np.object_]
Positions: TypeAlias = NDArray[np.int64]
Typed: TypeAlias = NDArray[np.float64] | pd.arrays.BooleanArray


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of texts: ten million rows name two thousand grids, so each text is kept once.

    Parameters
    ----------
    positions
        Position of each row's text among the values, -1 where there is none.
    values
        The texts; the same one may stand there twice.
    """

    positions: NDArray[Any]
    values: Texts

    @classmethod
    def same(cls, text: str | None, size: int) -> Coded:
        """Return a column that says one thing, or nothing."""
        return cls(np.full(size, -1 if text is None else 0, dtype=np.int32), np.array([text or ""], dtype=object))

    @classmethod
    def of(cls, texts: Texts) -> Coded:
        """Return texts as a column."""
        positions, values = pd.factorize(texts)
        return cls(positions, np.asarray(values, dtype=object))

    def compact(self) -> Coded:
        """Return the same column with its values sorted, each once, and none that no row has.

        What is written then depends on the rows alone, not on what was asked before them.

        Examples
        --------
        >>> column = Coded(np.array([2, -1, 0, 2]), np.array(["b", "unused", "a"], dtype=object)).compact()
        >>> column.positions.tolist(), column.values.tolist()
        ([0, -1, 1, 0], ['a', 'b'])
        """
        used = np.zeros(len(self.values) + 1, dtype=bool)
        used[self.positions] = True
        used[-1] = False
        at = np.flatnonzero(used)
        values, order = np.unique(self.values[at].astype(str), return_inverse=True)
        moved = np.full(len(used), -1, dtype=np.int32)
        moved[at] = order
        return Coded(moved[self.positions], values.astype(object))

    def as_text(self) -> pd.Series:
        """Return the texts, a row a row."""
        return pd.Series(pd.array(self.values, dtype="str").take(self.positions, allow_fill=True))


@dataclass(frozen=True, eq=False)
class Added:
    """What a join adds, a row a row.

    Parameters
    ----------
    grids
        Levels and outcome, as :meth:`gridmap.locate.locator.Answers.as_frame` gives them.
    texts
        ``reason, person_id, person, answered_level, plan_version``.
    typed
        Columns that are no text: numbers, NaN where there is none, and truth values, NA where there is none.
    """

    grids: pd.DataFrame
    texts: Mapping[str, Coded]
    typed: Mapping[str, Typed] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.grids)

    def as_frame(self) -> pd.DataFrame:
        """Return all columns, RangeIndex; codes and outcome as Categoricals."""
        return self.grids.assign(**{name: column.as_text() for name, column in self.texts.items()}, **self.typed)

    def coded(self) -> dict[str, Coded]:
        """Return the columns of texts in their order, those of the grids first; :attr:`typed` follow them."""
        grids = {
            str(name): Coded(column.cat.codes.to_numpy(), column.cat.categories.to_numpy(dtype=object))
            for name, column in self.grids.items()
        }
        return grids | dict(self.texts)

    def by_outcome(self) -> dict[str, int]:
        """Return how many rows came out how; they add up to the rows."""
        outcome = self.grids["outcome"].cat
        counts = np.bincount(outcome.codes, minlength=len(outcome.categories))
        return dict(zip(map(str, outcome.categories), counts.tolist(), strict=True))

    def with_person(self) -> int:
        """Return how many rows have a responsible person."""
        return int((self.texts["person_id"].positions >= 0).sum())
