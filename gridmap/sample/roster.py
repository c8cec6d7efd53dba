"""Staff for a plan: leaders above, full-time and part-time staff in small grids, stewards in micro grids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.grids.plan import Plan
from gridmap.sample.incidents import TYPES
from gridmap.sample.model import County
from gridmap.sample.names import Namer

LEADER: Final = "网格长"
FULL_TIME: Final = "专职网格员"
PART_TIME: Final = "兼职网格员"
STEWARD: Final = "楼栋长"

_STAFFED: Final = 0.60
"""Share of the finest tiling grids with a full-time person; some of the rest are looked after from there."""
_LOOKED_AFTER: Final = 0.25
_HELPED: Final = 0.10
_ENDED: Final = 0.04
_FIRST_PHONE: Final = 13_800_000_000
_SINCE: Final = ("2024-01-01", "2024-07-01", "2025-01-01", "2025-07-01")
_UNTIL: Final = ("2025-12-31", "2026-03-31", "2026-06-30", "2026-09-30")


@dataclass
class _Rows:
    """Assignments as they are written down; a person keeps the number of the first."""

    grid: list[str] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    role: list[str] = field(default_factory=list)
    duties: list[str] = field(default_factory=list)
    primary: list[bool] = field(default_factory=list)
    since: list[str] = field(default_factory=list)
    until: list[str | None] = field(default_factory=list)
    people: int = 0

    def add(
        self, grid: str, role: str, duties: str, since: str, *, person: int | None = None, primary: bool = True
    ) -> int:
        """Write an assignment down, of a new person unless one is named; return the person."""
        if person is None:
            person = self.people
            self.people += 1
        for values, value in (
            (self.grid, grid), (self.role, role), (self.duties, duties), (self.since, since)
        ):  # fmt: skip
            values.append(value)
        self.person.append(person)
        self.primary.append(primary)
        self.until.append(None)
        return person


def make_roster(plan: Plan, county: County, seed: int = 0) -> pd.DataFrame:
    """Make the staff of a plan: for the sample county more than 1,600 people.

    Every grid above the finest tiling level has a leader who holds every duty. Of the finest tiling grids three in
    five have a full-time person, some more are looked after by the one next door, and some are vacant, so that their
    parent answers. Every micro grid has a steward. Some assignments have ended, a few of them with a successor.

    Parameters
    ----------
    plan
        Whose grids are staffed.
    county
        Whose plan it is; its code begins the staff numbers.
    seed
        The same seed makes the same roster.

    Returns
    -------
    DataFrame
        ``person_id, name, phone, role, full_time, grid, duties, primary, valid_from, valid_to``, as
        :func:`gridmap.people.io.read_roster` reads it. Phones are made up.
    """
    rng = np.random.default_rng([seed, 11])
    rows = _Rows()
    finest = plan.finest_tiling
    for spec in plan.levels:
        codes = [str(code) for code in plan.layers[spec.name].index]
        if not spec.tiles:
            for code in codes:
                rows.add(code, STEWARD, _stewards_duties(rng), _since(rng))
        elif spec.name == finest:
            _staff(codes, rows, rng)
        else:
            for code in codes:
                rows.add(code, LEADER, "*", _since(rng))
    _end_some(rows, rng)
    return _written(rows, county, rng)


def make_leaders(county: County, seed: int = 0) -> pd.DataFrame:
    """Make one leader a community, who holds every duty: staff that can be named before any grid is drawn."""
    rng = np.random.default_rng([seed, 13])
    rows = _Rows()
    for code in county.communities["code"]:
        rows.add(str(code), LEADER, "*", _since(rng))
    return _written(rows, county, rng)


def _written(rows: _Rows, county: County, rng: np.random.Generator) -> pd.DataFrame:
    names = Namer(rng).people(rows.people)
    return pd.DataFrame(
        {
            "person_id": [f"{county.code}{person + 1:05d}" for person in rows.person],
            "name": [names[person] for person in rows.person],
            "phone": [str(_FIRST_PHONE + person + 1) for person in rows.person],
            "role": rows.role,
            "full_time": [role == FULL_TIME for role in rows.role],
            "grid": rows.grid,
            "duties": rows.duties,
            "primary": rows.primary,
            "valid_from": rows.since,
            "valid_to": rows.until,
        }
    )


def _staff(codes: list[str], rows: _Rows, rng: np.random.Generator) -> None:
    """Staff the finest tiling grids; codes run from west to east, so the one before is next door."""
    kind: NDArray[np.float64] = rng.random(len(codes))
    last: int | None = None
    for code, chance in zip(codes, kind.tolist(), strict=True):
        if chance < _STAFFED:
            last = rows.add(code, FULL_TIME, _wide_duties(rng), _since(rng))
        elif chance < _STAFFED + _LOOKED_AFTER and last is not None:
            rows.add(code, FULL_TIME, _wide_duties(rng), _since(rng), person=last, primary=False)
        if rng.random() < _HELPED:
            rows.add(code, PART_TIME, _wide_duties(rng), _since(rng), primary=False)


def _since(rng: np.random.Generator) -> str:
    return _SINCE[int(rng.integers(len(_SINCE)))]


def _wide_duties(rng: np.random.Generator) -> str:
    """Return every duty for one in three, else most of the list."""
    if rng.random() < 1 / 3:
        return "*"
    return ";".join(code for code in TYPES if rng.random() < 0.7) or "*"


def _stewards_duties(rng: np.random.Generator) -> str:
    social = [code for code in TYPES if code.startswith("S") and code != "S01"]
    return ";".join(["E0102", "S01", *(code for code in social if rng.random() < 0.6)])


def _end_some(rows: _Rows, rng: np.random.Generator) -> None:
    """End some assignments of staff; half of them are taken over the day after by somebody new."""
    for at in range(len(rows.grid)):
        if rows.role[at] == LEADER or rng.random() >= _ENDED:
            continue
        until = _UNTIL[int(rng.integers(len(_UNTIL)))]
        rows.until[at] = until
        if rng.random() < 0.5:
            rows.add(rows.grid[at], rows.role[at], rows.duties[at], until, primary=rows.primary[at])
