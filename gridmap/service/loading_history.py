"""How a table that holds from a date on continues the history on record: what ends, what begins, what stays.

The rule is one for every kind of table: from the date on the record says what the table says, before it what it said
before. A row of the record that is no longer so ends at the date, and another begins there. One that has not begun yet
is withdrawn: its period becomes empty, the row stays. What began between the date and now has been answered from, and
whoever would undo it is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from gridmap.people.times import ZONE
from gridmap.service.loading_report import CHANGED, ENDED, NEW, REFUSED, UNCHANGED, Change, LoadRow

Key: TypeAlias = tuple[Hashable, ...]


class Held(NamedTuple):
    """A row on record, ``[begin, end)``; an open end is ``None``."""

    id: int
    key: Key
    values: tuple[Any, ...]
    begin: datetime
    end: datetime | None


class Stated(NamedTuple):
    """A row of the table. Its period is its own: ``None`` where it states none."""

    row: int
    key: Key
    values: tuple[Any, ...]
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Faulty:
    """A row that cannot be used; all rows of its key are left alone, on record and in the table."""

    row: int
    key: Key
    reason: str


@dataclass
class Steps:
    """What is to be done.

    Parameters
    ----------
    end
        Rows on record that end at the date.
    withdraw
        Those that had not begun: their periods become empty.
    open
        Rows that begin, their periods cut at the date.
    told
        What becomes of each row.
    """

    end: list[int] = field(default_factory=list)
    withdraw: list[int] = field(default_factory=list)
    open: list[Stated] = field(default_factory=list)
    told: list[LoadRow] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """On which terms a table is loaded.

    Parameters
    ----------
    part, columns
        What rows are called, and what their values are.
    effective, now
        From when on the table holds, and what time it is.
    ends
        Whether a row on record that the table does not have ends.
    shown
        Column → how a value of it is shown.
    """

    part: str
    columns: tuple[str, ...]
    effective: datetime
    now: datetime
    ends: Callable[[Held], bool] = lambda _held: True
    shown: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)

    def tell(
        self, row: int | None, key: Key, outcome: str, reason: str = "", changes: tuple[Change, ...] = ()
    ) -> LoadRow:
        """Return what becomes of a row."""
        return LoadRow(row, self.part, " / ".join(_text(part) for part in key), outcome, reason, changes)


def continued(held: Iterable[Held], stated: Iterable[Stated], faulty: Iterable[Faulty], terms: Terms) -> Steps:
    """Return what continues the history on record with a table.

    Parameters
    ----------
    held
        Rows on record that hold at the date or after it.
    stated, faulty
        Rows of the table; a key may have several, one after the other.
    terms
        From when on, and for which rows of the record.

    Examples
    --------
    >>> from datetime import UTC
    >>> old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    >>> held = [Held(1, ("a",), ("x",), old, None), Held(2, ("b",), ("y",), old, None)]
    >>> steps = continued(held, [Stated(2, ("a",), ("z",))], [], Terms("station", ("name",), new, new))
    >>> steps.end, [(each.key, each.begin == new) for each in steps.open]
    ([1, 2], [(('a',), True)])
    >>> [(row.row, row.outcome, [tuple(change) for change in row.changes]) for row in steps.told]
    [(2, 'changed', [('name', 'x', 'z')]), (None, 'ended', [])]
    """
    steps = Steps()
    on_record: dict[Key, list[Held]] = defaultdict(list)
    for one in held:
        on_record[one.key].append(one)
    faults: dict[Key, list[Faulty]] = defaultdict(list)
    for bad in faulty:
        faults[bad.key].append(bad)
        steps.told.append(terms.tell(bad.row, bad.key, REFUSED, bad.reason))
    said: dict[Key, list[Stated]] = defaultdict(list)
    for line in stated:
        said[line.key].append(line)
    for key, lines in said.items():
        reason = _why_not(key, lines, on_record[key], faults, terms)
        if reason:
            steps.told.extend(terms.tell(line.row, key, REFUSED, reason) for line in lines)
        else:
            _continue_key(on_record[key], lines, steps, terms)
    for key, rows in on_record.items():
        if key not in said and key not in faults:
            _end_key([one for one in rows if terms.ends(one)], steps, terms)
    return steps


def _why_not(
    key: Key, lines: Sequence[Stated], held: Sequence[Held], faults: Mapping[Key, Sequence[Faulty]], terms: Terms
) -> str:
    """Return why the rows of a key cannot be used; empty where they can."""
    if key in faults:
        return f"row {faults[key][0].row} is of the same and cannot be used"
    ordered = sorted(lines, key=lambda line: (line.begin is not None, line.begin or terms.effective))
    for first, second in pairwise(ordered):
        if first.end is None or second.begin is None or second.begin < first.end:
            return f"rows {first.row} and {second.row} say the same of one time; which of them holds?"
    left, _ = _matched(held, [_cut(line, terms.effective) for line in lines], terms.effective)
    return _begun_since(left, terms)


def _begun_since(left: Iterable[Held], terms: Terms) -> str:
    for one in left:
        if terms.effective < one.begin <= terms.now:
            return (
                f"what is on record began {_text(one.begin)}, after {_text(terms.effective)}: the past is not "
                "rewritten; load it from then on, or later"
            )
    return ""


def _is_over(line: Stated) -> bool:
    return line.end is not None and line.begin is not None and line.end <= line.begin


def _cut(line: Stated, effective: datetime) -> Stated:
    return line if line.begin is not None and line.begin > effective else line._replace(begin=effective)


def _matched(held: Sequence[Held], lines: Sequence[Stated], effective: datetime) -> tuple[list[Held], dict[int, Held]]:
    """Return rows on record that the lines do not say, and those that they do, by the row of the line."""
    left, same = list(held), {}
    for line in lines:
        said = (line.values, line.begin, line.end)
        found = next((one for one in left if (one.values, max(one.begin, effective), one.end) == said), None)
        if found is not None:
            same[line.row] = found
            left.remove(found)
    return left, same


def _continue_key(held: Sequence[Held], lines: Sequence[Stated], steps: Steps, terms: Terms) -> None:
    cut = [_cut(line, terms.effective) for line in lines]
    left, same = _matched(held, cut, terms.effective)
    for one in left:
        (steps.end if one.begin < terms.effective else steps.withdraw).append(one.id)
    # What is over by then stands back: it is no successor of what is on record.
    for line in sorted(cut, key=_is_over):
        over = _is_over(line)
        before = min(left, key=lambda one: one.begin, default=None)
        if line.row in same:
            steps.told.append(terms.tell(line.row, line.key, UNCHANGED))
            continue
        if over:
            outcome = UNCHANGED if before is None else ENDED
            steps.told.append(terms.tell(line.row, line.key, outcome, f"it was over by {_text(line.end)}"))
        else:
            outcome, changes = (NEW, ()) if before is None else (CHANGED, _changes(before, line, terms))
            steps.told.append(terms.tell(line.row, line.key, outcome, "", changes))
            steps.open.append(line)
        if before is not None:
            left.remove(before)
    steps.told.extend(terms.tell(None, one.key, ENDED, "the file no longer has it") for one in left)


def _end_key(rows: Sequence[Held], steps: Steps, terms: Terms) -> None:
    reason = _begun_since(rows, terms)
    for one in rows:
        if reason:
            steps.told.append(terms.tell(None, one.key, REFUSED, reason))
            continue
        (steps.end if one.begin < terms.effective else steps.withdraw).append(one.id)
        steps.told.append(terms.tell(None, one.key, ENDED, "the file no longer has it"))


def _changes(old: Held, new: Stated, terms: Terms) -> tuple[Change, ...]:
    pairs = list(zip(terms.columns, old.values, new.values, strict=True))
    found = [change for column, before, after in pairs for change in _changed(column, before, after, terms)]
    if max(old.begin, terms.effective) != new.begin:
        found.append(Change("valid_from", _text(old.begin), _text(new.begin)))
    if old.end != new.end:
        found.append(Change("valid_to", _text(old.end), _text(new.end)))
    return tuple(found)


def _changed(column: str, before: Any, after: Any, terms: Terms) -> list[Change]:
    """Return what of a value is other; of attributes those that are."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after})
        return [change for name in names for change in _changed(name, before.get(name), after.get(name), terms)]
    shown = terms.shown.get(column, _text)
    return [Change(column, shown(before), shown(after))]


def _text(value: Any) -> str:
    """Return a value as a report shows it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(ZONE)).isoformat(timespec="minutes")
    if isinstance(value, float):
        return f"{value:g}"
    return ";".join(value) if isinstance(value, tuple) else str(value)
