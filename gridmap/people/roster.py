"""The roster: who holds which duty in which grid, and since when; who is responsible for a place at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from gridmap.locate.placement import Placement
from gridmap.people.masking import mask_name, mask_phone
from gridmap.people.times import ZONE, at_microseconds, microseconds

ROSTER_COLUMNS: Final = (
    "person_id", "name", "phone", "role", "full_time", "grid", "duties", "primary", "valid_from", "valid_to",
)  # fmt: skip
EVERY_DUTY: Final = "*"


@dataclass(frozen=True)
class Responsible:
    """Who answers for a place.

    Parameters
    ----------
    person_id, name, role
        The person; the name is masked unless it was asked for in full.
    level, grid
        Where in the chain the person was found.
    reason
        Which level answered, and why this person.
    """

    person_id: str
    name: str
    role: str
    level: str
    grid: str
    reason: str


class Assignment(NamedTuple):
    """One row of a roster, as the rule reads it; times in microseconds since 1970."""

    person_id: str
    name: str
    phone: str
    role: str
    full_time: bool
    grid: str
    duties: frozenset[str]
    primary: bool
    start: float
    end: float

    def holds(self, duty: str | None, at: float) -> bool:
        """Whether the person holds a duty at a time; with no duty stated, whether the person is active."""
        active = self.start <= at < self.end
        return active and (duty is None or duty.upper() in self.duties or EVERY_DUTY in self.duties)


@dataclass(frozen=True, eq=False, repr=False)
class Roster:
    """Grid staff and their duties.

    Parameters
    ----------
    table
        :data:`ROSTER_COLUMNS`, a row an assignment: a person may have several. ``full_time`` and ``primary`` are bool,
        ``duties`` a tuple of codes (``P0203``, ``E0203``, ``S01``, ``*`` for every duty), times aware or NaT (open).
        Made by :func:`gridmap.people.io.read_roster` or :func:`gridmap.people.io.as_roster`.
    """

    table: pd.DataFrame

    def __repr__(self) -> str:
        return f"Roster({len(self.table)} assignments of {self.table['person_id'].nunique()} people)"

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def _by_grid(self) -> dict[str, list[Assignment]]:
        """Return the assignments of each grid in the order of the rule: primary, full-time, person_id."""
        table = self.table
        start = microseconds(table["valid_from"], float("-inf"))
        end = microseconds(table["valid_to"], float("inf"))
        columns = [table[name] for name in ("person_id", "name", "phone", "role", "full_time", "grid")]
        duties = [frozenset(each) for each in table["duties"]]
        found: dict[str, list[Assignment]] = {}
        for row in zip(*columns, duties, table["primary"], start, end, strict=True):
            one = Assignment(*row)
            found.setdefault(one.grid, []).append(one)
        for rows in found.values():
            rows.sort(key=lambda each: (not each.primary, not each.full_time, each.person_id))
        return found

    def responsible(
        self, place: Placement, *, duty: str | None, at: datetime, unmask: bool = False
    ) -> Responsible | None:
        """Return who answers for a place (design.md, decision 10).

        The finest grid of the chain that has an active person holding the duty; else its parent, and so on up. Of
        several people in one grid: primary, then full-time, then the lowest person_id. The chain of an ambiguous place
        holds only the levels that all candidates share, so nobody is named by a guess.

        Parameters
        ----------
        place
            :meth:`gridmap.Locator.locate`.
        duty
            Code of the case type; ``None`` where it is not known: then every active person counts.
        at
            The time of the report; a naive one means Asia/Shanghai.
        unmask
            Give the name in full.

        Examples
        --------
        >>> from types import MappingProxyType
        >>> from gridmap.people.io import as_roster
        >>> roster = as_roster(pd.DataFrame({"person_id": ["7"], "name": ["王小明"], "grid": ["01"], "duties": ["*"]}))
        >>> place = Placement("matched", "", MappingProxyType({"large": "01", "small": "0101"}), (), 3.0, "")
        >>> who = roster.responsible(place, duty="P0203", at=datetime(2026, 5, 1))
        >>> who.person_id, who.name, who.level
        ('7', '王**', 'large')
        """
        chain = list(place.chain.items())[::-1]
        return self.find(chain, duty, at_microseconds(at), unmask=unmask)

    def find(
        self, chain: Sequence[tuple[str, str]], duty: str | None, at: float, *, unmask: bool = False
    ) -> Responsible | None:
        """Return who answers, from (level, code) pairs, the finest first, at microseconds since 1970."""
        for step, (level, grid) in enumerate(chain):
            for one in self._by_grid.get(grid, ()):
                if one.holds(duty, at):
                    name = one.name if unmask else mask_name(one.name)
                    return Responsible(one.person_id, name, one.role, level, grid, _reason(chain, step, duty, one))
        return None

    def grid_leaders(self, at: datetime | None = None, *, unmask: bool = False) -> pd.DataFrame:
        """Return the first active person of each grid by the rule's order, whatever the duty.

        Returns
        -------
        DataFrame
            Indexed by ``grid``: ``name, role, phone``, masked unless asked otherwise.
        """
        moment = at_microseconds(at if at is not None else datetime.now(ZoneInfo(ZONE)))
        rows = {}
        for grid, people in self._by_grid.items():
            first = next((one for one in people if one.holds(None, moment)), None)
            if first is not None:
                shown = (first.name, first.phone) if unmask else (mask_name(first.name), mask_phone(first.phone))
                rows[grid] = (shown[0], first.role, shown[1])
        index = pd.Index(list(rows), dtype="str", name="grid")
        return pd.DataFrame(list(rows.values()), columns=["name", "role", "phone"], index=index, dtype="str")


def _reason(chain: Sequence[tuple[str, str]], step: int, duty: str | None, one: Assignment) -> str:
    what = duty or "任何职责 any duty"
    why = "主责 primary" if one.primary else "专职 full-time" if one.full_time else "编号 person_id"
    if step == 0:
        return f"{chain[0][0]} 网格内承担 {what}（{why}） · holds it in the finest grid"
    passed = "、".join(level for level, _ in chain[:step])
    return f"{passed} 无人承担 {what}，由 {chain[step][0]} 承担（{why}） · nobody below holds it"
