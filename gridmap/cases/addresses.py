"""Rows that come with an address instead of coordinates: placed by it, beside those that have coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.address.place import UNRESOLVED, AddressPlacement, locate_address
from gridmap.locate.answers import Answers
from gridmap.locate.placement import NOWHERE, OUTCOMES

if TYPE_CHECKING:
    from gridmap.address.geocoder import Geocoder
    from gridmap.locate.locator import Locator

Rows: TypeAlias = NDArray[np.int64]
BooleanArray: TypeAlias = pd.arrays.BooleanArray
ADDRESS_OUTCOMES: Final[tuple[str, ...]] = (*OUTCOMES, UNRESOLVED)
"""Outcomes of rows of which some have only an address."""
_DIGITS: Final = 6
_KIND: Final = pd.CategoricalDtype(list(ADDRESS_OUTCOMES))
_CODE: Final = {outcome: code for code, outcome in enumerate(ADDRESS_OUTCOMES)}


@dataclass(frozen=True, eq=False)
class Addressed:
    """What is said of the rows of a table that have an address and no coordinates.

    Parameters
    ----------
    rows
        Which rows, ascending.
    found
        Where each of them is; rows with the same text share it.
    size
        Rows of the table.
    """

    rows: Rows
    found: tuple[AddressPlacement, ...]
    size: int

    @cached_property
    def reasons(self) -> NDArray[np.object_]:
        """Return why each of the rows is where it is said to be; empty where that is sure."""
        return np.array([reason_of(each) for each in self.found], dtype=object)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Return a confidence a row of the table, NaN where it was not geocoded."""
        found = np.full(self.size, np.nan)
        found[self.rows] = [share(each.confidence) for each in self.found]
        return found

    @cached_property
    def needs_person(self) -> BooleanArray:
        """Return a row of the table whether somebody has to look first, NA where it was not geocoded."""
        found = pd.arrays.BooleanArray(np.zeros(self.size, dtype=bool), np.ones(self.size, dtype=bool))
        found[self.rows] = [each.needs_person for each in self.found]
        return found

    @cached_property
    def match_types(self) -> NDArray[np.object_]:
        """Return a match type a row of the table, ``None`` where it was not geocoded."""
        found = np.full(self.size, None, dtype=object)
        found[self.rows] = [each.geocoding.match_type for each in self.found]
        return found

    def merged(self, answers: Answers) -> Answers:
        """Return answers in which these rows are where their addresses say; outcomes as :data:`ADDRESS_OUTCOMES`."""
        outcome = answers.outcome.copy()
        outcome[self.rows] = [_CODE[each.placement.outcome] for each in self.found]
        grid = {}
        for level, codes in answers.codes.items():
            positions = _positions(codes)
            grid[level] = answers.grid[level].copy()
            grid[level][self.rows] = [
                positions.get(each.placement.chain.get(level, ""), NOWHERE) for each in self.found
            ]
        return replace(answers, grid=grid, outcome=outcome, outcome_kind=_KIND)


def locate_rows(geocoder: Geocoder, locator: Locator, answers: Answers, addresses: pd.Series) -> Addressed:
    """Place the rows of a table that have an address and no coordinates that can be read.

    Parameters
    ----------
    geocoder, locator
        Of the address index and of the plan.
    answers
        What the locator says of the rows by their coordinates.
    addresses
        Text, missing where none is stated.
    """
    unplaced = np.isnan(answers.points.raw_lon) | np.isnan(answers.points.raw_lat)
    rows = np.flatnonzero(unplaced & addresses.notna().to_numpy(dtype=bool))
    place = cache(partial(locate_address, geocoder, locator))  # the same text is asked about once
    return Addressed(rows, tuple(map(place, map(str, addresses.iloc[rows]))), len(addresses))


def reason_of(found: AddressPlacement) -> str:
    """Return why an address is where it is said to be: what its grid has to say, then what was made of its text."""
    said = dict.fromkeys((found.placement.reason, found.geocoding.reason))
    return "；".join(each for each in said if each)


def share(confidence: float) -> float:
    """Return a confidence with as many digits as mean something.

    Examples
    --------
    >>> share(0.98765432), share(1.0000001)
    (0.987654, 1.0)
    """
    return round(min(max(confidence, 0.0), 1.0), _DIGITS)


def _positions(codes: NDArray[np.object_]) -> dict[str, int]:
    """Return the position of each code; of one that stands there twice, the first."""
    return {code: at for at, code in reversed(list(enumerate(codes.tolist())))}
