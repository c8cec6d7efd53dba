"""Who answers, as the API says it: always with an outcome, names masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gridmap.api.facts import in_force
from gridmap.api.models import Leader, Person
from gridmap.api.models_grids import Contact
from gridmap.api.moments import Moment
from gridmap.api.source import Source
from gridmap.people.masking import mask_name, mask_phone
from gridmap.people.roster import Responsible, Roster

_NO_ROSTER: Final = "服务未加载花名册 · no roster is loaded"
_NO_PLACE: Final = "不在任何网格内 · in no grid, so nobody can be named"


def person_of(source: Source, chain: Sequence[tuple[str, str]], duty: str | None, moment: Moment) -> Person:
    """Return who answers for a chain of (level, code), the finest first (design.md, decision 10)."""
    if source.roster is None:
        return Person(outcome="no_roster", reason=_NO_ROSTER)
    if not chain:
        return Person(outcome="no_place", reason=_NO_PLACE)
    found = source.roster.find(chain, duty, moment.microseconds)
    if found is None:
        what = duty or "任何职责 any duty"
        return Person(outcome="nobody", reason=f"链上此时无人承担 {what} · nobody in the chain holds it at that time")
    return Person(
        outcome="named", reason=found.reason, person_id=found.person_id, name=found.name, role=found.role,
        level=found.level, grid=found.grid,
    )  # fmt: skip


def contact_of(
    source: Source, chain: Sequence[tuple[str, str]], duty: str | None, moment: Moment, *, unmask: bool
) -> Contact:
    """Return who answers for a chain, and the phone; in full where ``unmask`` says so."""
    person = person_of(source, chain, duty, moment)
    if source.roster is None or person.outcome != "named":
        return Contact(**person.model_dump())
    full = source.roster.find(chain, duty, moment.microseconds, unmask=True)
    assert full is not None
    name, phone = shown(full.name, _phone(source.roster, full, moment), unmask=unmask)
    return Contact(**{**person.model_dump(), "name": name, "phone": phone})


def shown(name: str, phone: str | None, *, unmask: bool) -> tuple[str, str | None]:
    """Return a name and a phone as whoever asks may see them.

    Examples
    --------
    >>> shown("王小明", "13812345678", unmask=False), shown("王小明", None, unmask=True)
    (('王**', '138****5678'), ('王小明', None))
    """
    return (name, phone) if unmask else (mask_name(name), phone and mask_phone(phone))


def _phone(roster: Roster, who: Responsible, moment: Moment) -> str | None:
    table = roster.table
    rows = table[(table["person_id"] == who.person_id) & (table["grid"] == who.grid)]
    phones = rows.loc[in_force(rows, moment), "phone"].dropna()
    return str(phones.iloc[0]) if len(phones) else None


def leader_of(source: Source, code: str, moment: Moment) -> Leader:
    """Return who leads a grid itself, whatever the duty."""
    if source.leaders is None:
        return Leader(outcome="no_roster")
    return source.leaders.at(moment).get(code) or Leader(outcome="nobody")
