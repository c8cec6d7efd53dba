"""Who answers for each of many incidents: the rule of the roster, asked once for every question that differs.

The rule itself stays :meth:`gridmap.people.roster.Roster.find`. Its answer depends on the chain of grids, on the duty
(of those that nobody's list names, only on that), and on the time only through which assignments of the chain have
begun and ended. So rows are sorted into *questions* (chain, span between two such moments, duty); a county has some
ten thousand of them, whatever the number of incidents.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.cases.added import PERSON_COLUMNS, Coded, Positions, Texts
from gridmap.people.roster import Roster
from gridmap.people.times import microseconds

Floats: TypeAlias = NDArray[np.float64]
Chain: TypeAlias = tuple[int, ...]

NOBODY: Final = -1
_MOST: Final = 2**62


class Answerers:
    """A roster asked for many incidents; safe to share between threads, and may be pickled.

    Parameters
    ----------
    roster
        The roster.
    codes
        Level → codes of its grids, from the coarsest, as positions in answers mean them.
    unmask
        Give names in full.

    Examples
    --------
    >>> from gridmap.people.io import as_roster
    >>> roster = as_roster(pd.DataFrame({"person_id": ["7"], "name": ["王小明"], "grid": ["a"]}))
    >>> asked = Answerers(roster, {"large": np.array(["a", "b"], dtype=object)})
    >>> found = asked.answer({"large": np.array([0, 1, -1])}, np.zeros(3), Coded.same("S01", 3))
    >>> found["person"].as_text().tolist()
    ['王**', nan, nan]
    """

    def __init__(self, roster: Roster, codes: Mapping[str, Texts], *, unmask: bool = False) -> None:
        self._roster, self._codes, self._unmask = roster, dict(codes), unmask
        table = roster.table
        grids = np.tile(table["grid"].to_numpy(dtype=object), 2)
        at = np.append(microseconds(table["valid_from"], -np.inf), microseconds(table["valid_to"], np.inf))
        self._moments: Floats = np.unique(at[np.isfinite(at)])
        bounds = pd.Series(at, index=grids)[np.isfinite(at)]
        self._bounds: dict[str, Floats] = {str(grid): rows.to_numpy() for grid, rows in bounds.groupby(level=0)}
        self._duties = {
            duty: number for number, duty in enumerate(sorted({d for held in table["duties"] for d in held}))
        }
        self._chains: dict[Chain, int] = {}
        self._spans: Positions = np.empty(0, dtype=np.int64)
        self._answers: dict[int, int] = {}
        self._people: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._roster, self._codes, self._unmask)

    def answer(self, grid: Mapping[str, NDArray[Any]], times: Floats, duties: Coded) -> dict[str, Coded]:
        """Return who answers for each row.

        Parameters
        ----------
        grid
            Level → position of each row's grid, -1 where there is none.
        times
            Microseconds since 1970; NaN where it is not known: nobody answers.
        duties
            Code of the case type, none where it is not known.

        Returns
        -------
        dict
            :data:`~gridmap.cases.added.PERSON_COLUMNS` → column.
        """
        found = np.full(len(times), NOBODY, dtype=np.int32)
        rows = np.flatnonzero(np.isfinite(times))
        duty, names = duties.positions, duties.values
        chain, chains = self._chains_of([np.asarray(grid[level])[rows] for level in self._codes])
        with self._lock:
            numbers = self._numbered(chains)
            spans = self._spans
        span = self._span_of(numbers[chain], times[rows], spans)
        classes = np.array([*(self._duty_class(str(name)) for name in names), NOBODY], dtype=np.int64) + 1
        asked, questions = pd.factorize(span * (len(self._duties) + 2) + classes[duty[rows]])
        first = _first_rows(asked, len(questions))
        answers = np.empty(len(questions), dtype=np.int32)
        with self._lock:
            for i, (question, row) in enumerate(zip(questions.tolist(), first.tolist(), strict=True)):
                number = self._answers.get(question)
                if number is None:
                    named = duty[rows[row]]
                    what = None if named < 0 else str(names[named])
                    number = self._ask(chains[chain[row]], self._begin(int(spans[span[row]])), what)
                    self._answers[question] = number
                answers[i] = number
            people = np.array([*self._people, ("", "", "")], dtype=object)
        found[rows] = answers[asked]
        return {name: Coded(found, people[:, i]) for i, name in enumerate(PERSON_COLUMNS)}

    def _chains_of(self, grid: list[NDArray[Any]]) -> tuple[Positions, list[Chain]]:
        """Return each row's chain as a position, and the chains: a position a level."""
        keys, most = np.zeros(len(grid[0]), dtype=np.int64), 1
        for at, codes in zip(grid, self._codes.values(), strict=True):
            size = len(codes) + 1
            if most * size > _MOST:  # a province of many levels has more combinations than numbers
                keys, unique = pd.factorize(keys)
                most = len(unique)
            keys, most = keys * size + (at.astype(np.int64) + 1), most * size
        which, unique = pd.factorize(keys)
        first = _first_rows(which, len(unique))
        return which, list(zip(*(at[first].tolist() for at in grid), strict=True))

    def _numbered(self, chains: list[Chain]) -> Positions:
        """Return the number of each chain; of a new one its spans are added, ascending as the numbers are.

        A span is one number: the chain's times ``1 + number of moments``, plus how many moments lie at or before its
        beginning.
        """
        width = len(self._moments) + 1
        spans = [self._spans]
        for chain in chains:
            if chain in self._chains:
                continue
            number = self._chains[chain] = len(self._chains)
            bounds = [self._bounds[code] for _, code in self._named(chain) if code in self._bounds]
            begins = np.searchsorted(self._moments, np.concatenate([[-np.inf], *bounds]), side="right")
            spans.append(number * width + np.unique(begins))
        if len(spans) > 1:
            self._spans = np.concatenate(spans)
        return np.array([self._chains[chain] for chain in chains], dtype=np.int64)

    def _span_of(self, chains: Positions, times: Floats, spans: Positions) -> Positions:
        passed = np.searchsorted(self._moments, times, side="right")
        return np.asarray(np.searchsorted(spans, chains * (len(self._moments) + 1) + passed, side="right") - 1)

    def _begin(self, span: int) -> float:
        """Return a time in a span: the moment it begins."""
        passed = span % (len(self._moments) + 1)
        return float(self._moments[passed - 1]) if passed else -np.inf

    def _named(self, chain: Chain) -> list[tuple[str, str]]:
        """Return (level, code) pairs of a chain, the finest first."""
        pairs = zip(self._codes.items(), chain, strict=True)
        return [(level, str(codes[at])) for (level, codes), at in pairs if at != NOBODY][::-1]

    def _duty_class(self, duty: str) -> int:
        """Return a number for a duty of somebody's list, and one number for all that are on nobody's."""
        return self._duties.get(duty.upper(), len(self._duties))

    def _ask(self, chain: Chain, at: float, duty: str | None) -> int:
        named = self._named(chain)
        who = self._roster.find(named, duty, at, unmask=self._unmask) if named else None
        if who is None:
            return NOBODY
        return self._people.setdefault((who.person_id, who.name, who.level), len(self._people))


def _again(roster: Roster, codes: Mapping[str, Texts], unmask: bool) -> Answerers:
    return Answerers(roster, codes, unmask=unmask)


def _first_rows(which: NDArray[Any], size: int) -> Positions:
    """Return the first row of each value."""
    first = np.zeros(size, dtype=np.int64)
    first[which[::-1]] = np.arange(len(which) - 1, -1, -1)
    return first
